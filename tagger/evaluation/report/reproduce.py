"""Reports made again, and compared with what stands in their folder."""

import json
from pathlib import Path
from typing import Any

from tagger.corpus.corpus import Corpus
from tagger.errors import DataError
from tagger.evaluation.answers import DECIMALS
from tagger.evaluation.report.make import model_report
from tagger.evaluation.report.markdown import to_markdown
from tagger.evaluation.report.values import JSON, MARKDOWN, read_report
from tagger.model.model import Model

_TOLERANCE = 5e-4  # half of the last printed decimal


def reproduce(
    folder: str | Path, model: Model, corpus: Corpus, training: Corpus | None = None
) -> list[str]:
    """Make a report again with the options that it records, and compare.

    With the same versions every byte must be the same; with others, every figure within
    the printed rounding.
    """
    old = read_report(folder)
    about = old["about"]
    if "split_sha256" in about:
        raise DataError(f"{folder}: is the report of a training: train again and compare")
    options, bootstrap = about["options"], about["bootstrap"]
    learned = training.sha256 if training else ""
    for name, now, then in (
        ("the data", corpus.sha256, about["data"]["sha256"]),
        ("the model", model.id, about["model"]["id"]),
        ("the data of the baselines", learned, options.get("baselines_sha256", "")),
    ):
        if now != then:
            raise DataError(f"{folder}: {name} has the hash {now}, the report says {then}")
    files = model_report(
        model,
        corpus,
        slices=options["slices"],
        rounds=bootstrap["rounds"],
        seed=bootstrap["seed"],
        baselines=options["baselines"],
        training=training,
    ).files(options["html"])
    new = json.loads(files[JSON])
    same_versions = new["about"]["versions"] == about["versions"]
    if difference := first_difference(
        {**old, "about": {**about, "versions": {}}},
        {**new, "about": {**new["about"], "versions": {}}},
        0.0 if same_versions else _TOLERANCE,
    ):
        raise DataError(f"{folder}/{JSON}: {difference}")
    rendered = {MARKDOWN: to_markdown(old)} | (
        {name: text for name, text in files.items() if name != MARKDOWN} if same_versions else {}
    )
    for name, text in rendered.items():
        _compare_lines(Path(folder) / name, text)
    if same_versions:
        return []
    return [_version_note(about["versions"], new["about"]["versions"])]


def _version_note(then: dict[str, str], now: dict[str, str]) -> str:
    changed = [
        f"{name} {then.get(name, 'none')} is now {now.get(name, 'none')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return f"other versions: {', '.join(changed)}; figures agree within {_TOLERANCE}"


def _compare_lines(path: Path, expected: str) -> None:
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if text == expected:
        return
    old, new = text.splitlines(), expected.splitlines()
    for number, (a, b) in enumerate(zip(old, new, strict=False), 1):
        if a != b:
            raise DataError(f"{path}:{number}: found {a[:80]!r}, expected {b[:80]!r}")
    raise DataError(f"{path}: found {len(old)} lines, expected {len(new)}")


def first_difference(old: Any, new: Any, tolerance: float, place: str = "report") -> str:
    """Name the first place where two JSON values differ, or return nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            if key not in old or key not in new:
                return f"{place}.{key} is {'new' if key in new else 'gone'}"
            if difference := first_difference(old[key], new[key], tolerance, f"{place}.{key}"):
                return difference
        return ""
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return f"{place} has {len(old)} entries in the report, now {len(new)}"
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            if difference := first_difference(a, b, tolerance, f"{place}[{i}]"):
                return difference
        return ""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (old, new))
    if numbers and (abs(old - new) <= tolerance + 10.0 ** -(DECIMALS + 2)):
        return ""
    return "" if old == new else f"{place} is {old!r} in the report, now {new!r}"
