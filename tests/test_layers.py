"""Imports go downwards only, from room to room and inside each room."""

import ast

import pytest
from conftest import ROOT

# From the lowest floor up. A room that is a folder lists its own floors below.
ROOMS = (
    {"errors"},
    {"schema", "settings", "arrow", "targets", "processes"},
    {"markup"},
    {"document", "table"},
    {"text"},
    {"features"},
    {"model"},
    {"encoder", "explanation"},
    {"sequences"},
    {"predictor"},
    {"files", "component"},
    {"corpus"},
    {"evaluation"},
    {"training"},
    {"bulk"},
    {"review", "serve"},
    {"cli"},
)
FLOORS = {
    "text": (
        {"english", "notices", "breaks", "context", "mail", "quotes"},
        {"language", "nations"},
        {"tokens", "judge"},
        {"lexicon"},
        {"titles"},
        {"lines"},
        {"vectors", "stops"},
        {"segment"},
        {"structure"},
    ),
    "features": (
        {"arrays", "settings"},
        {"spans"},
        {"chunks", "runs"},
        {"block"},
        {"words", "characters"},
        {"masked", "lexicons", "vectors"},
        {"featurizer"},
        {"scorer"},
    ),
    "model": ({"classifier", "thresholds"}, {"model"}, {"store", "export", "tags"}),
    "encoder": (
        {"settings", "samples", "combination", "graph"},
        {"network", "doubt"},
        {"reader"},
        {"train", "export"},
        {"finetune"},
    ),
    "files": (
        {"rows", "sheets", "names", "layout"},
        {"compression", "encoding", "office", "remote", "tagged"},
        {"archives", "kinds", "parquet", "text", "html", "pages"},
        {"jsonl", "json_array", "delimited", "docx", "xlsx", "pdf", "eml"},
        {"exchange"},
        {"formats", "writers"},
        {"columns", "folders"},
        {"batches"},
    ),
    "exchange": (
        {"spans", "tasks"},
        {"items"},
        {"label_studio", "doccano", "prodigy", "argilla", "brat", "webanno"},
        {"tools"},
    ),
    "corpus": ({"rows", "columns"}, {"corpus"}, {"folds", "guess"}, {"schemas"}),
    "evaluation": (
        {"answers", "bootstrap", "dates"},
        {"figures", "baselines", "tally"},
        {"scores"},
        {"slices", "readers"},
        {"measure"},
        {"report"},
        {"evaluate"},
        {"compare", "quantify"},
        {"shares"},
        {"drift", "share_plots"},
    ),
    "report": ({"plots", "values"}, {"markdown"}, {"html", "card"}, {"make"}),
    "training": (
        {"logistic", "settings", "similarity"},
        {"calibration", "requirements", "linear", "estimator", "adapt"},
        {"crossfit"},
        {"search", "findings", "second"},
        {"train", "checks"},
    ),
    "bulk": (
        {"settings"},
        {"parts"},
        {"store", "workers", "arrow"},
        {"dask"},
        {"job"},
    ),
    "review": (
        {"store", "keys", "guard"},
        {"desk", "order", "views"},
        {"teach"},
        {"server"},
        {"run"},
    ),
    "serve": (
        {"settings", "problems", "metrics", "docs"},
        {"bodies", "gate"},
        {"openapi"},
        {"app"},
        {"server"},
    ),
    "cli": (
        {"terminal", "stop"},
        {"console", "options"},
        {"progress"},
        {"tables", "view"},
        {"predict", "check", "train", "evaluate", "stats", "compare", "info", "export", "review"}
        | {"help", "serve"},
        {"main"},
    ),
}
PACKAGE = ROOT / "tagger"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if not p.name.startswith("__"))


def floors(room):
    return {name: i for i, names in enumerate(room) for name in names}


def rooms_of(path):
    """Return the rooms that a file lies in, outermost first, and its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = tuple(name.split("."))
            if parts[0] == "tagger" and len(parts) > 1:
                yield parts[1:]


def test_every_room_and_every_file_has_a_floor():
    outer = {rooms_of(path)[0] for path in FILES}
    assert outer == set(floors(ROOMS))
    for room, levels in FLOORS.items():
        folder = next(p for p in [PACKAGE, *PACKAGE.rglob(room)] if p.name == room)
        inside = {
            p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
        }
        assert inside - {"__init__"} == set(floors(levels)), room


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downwards(path):
    own = rooms_of(path)
    for there in imported(path):
        # The first room in which the two part decides.
        depth = next((i for i, (a, b) in enumerate(zip(own, there, strict=False)) if a != b), None)
        if depth is None:
            continue
        level = floors(FLOORS[own[depth - 1]] if depth else ROOMS)
        if there[depth] not in level:
            continue  # a name that a room's __init__ gives
        assert level[there[depth]] < level[own[depth]], f"{'.'.join(own)} imports {'.'.join(there)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_are_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno + 1 <= 60, f"{path.name}: {node.name}"


def test_the_house_is_small():
    lines = sum(len(p.read_text(encoding="utf-8").splitlines()) for p in PACKAGE.rglob("*.py"))
    assert lines <= 30_834  # so that it does not grow; 11,000 is what it should come to
