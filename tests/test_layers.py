"""Imports go downwards only."""

import ast

import pytest
from conftest import ROOT

LAYERS = (
    {"errors", "schema", "document", "settings"},
    {"tokens", "segment", "lexicon", "arrays"},
    {"features", "classifier", "vectors"},
    {"model", "logistic"},
    {"predictor", "corpus", "files", "table", "guess", "job"},
    {"training", "evaluation", "report", "plots", "baselines", "checks", "comparison"}
    | {"search", "export", "shares"},
    {"cli", "scale"},
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
FILES = sorted((ROOT / "tagger").rglob("*.py"))


def room_of(path):
    return path.relative_to(ROOT / "tagger").parts[0].removesuffix(".py")


def test_every_room_has_a_layer():
    assert {room_of(path) for path in FILES} - {"__init__", "__main__"} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downwards(path):
    room = room_of(path)
    if room.startswith("__"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "tagger" and len(parts) > 1:
                assert LEVEL[parts[1]] <= LEVEL[room], f"{path.name} imports {name}"
