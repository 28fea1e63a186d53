"""A report as plain JSON values: made, read and written.

Markdown and HTML are written from those alone, so a report can be rendered again from
its ``report.json``.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tagger.errors import DataError
from tagger.evaluation.answers import DECIMALS
from tagger.evaluation.scores import Evaluation

FORMAT = 1
"""Number of the layout of report.json; `read_report` refuses every other."""

FILES = JSON, MARKDOWN, HTML = "report.json", "report.md", "report.html"

Report = dict[str, Any]


def to_dict(evaluation: Evaluation, about: Mapping[str, Any], texts: bool = True) -> Report:
    """Return an evaluation and what it is about as plain JSON values, rounded.

    Parameters
    ----------
    about : hashes, versions and settings, as plain JSON values.
    texts : whether the mistakes show their sentences; without, they are left out.
    """
    raw = asdict(evaluation)
    raw["versus"] = {task: d for task, (_, d) in raw["versus"].items()}
    if not texts:
        raw["mistakes"] = []
    report: Report = rounded({"report": FORMAT, "about": dict(about), **raw})
    return report


def rounded(value: Any) -> Any:
    """Return plain values with every number as a report prints it."""
    if isinstance(value, float):
        # JSON has no number that is none; adding 0 leaves no negative zero.
        return round(float(value), DECIMALS) + 0.0 if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return value


def to_json(report: Report) -> str:
    """Return a report as JSON, lists of numbers on one line."""
    return _written(report, "\n") + "\n"


def _written(value: Any, line: str) -> str:
    """Write a value as ``json.dumps(..., indent=1)`` would, but lists of numbers on one line."""
    inner = line + " "
    if isinstance(value, Mapping) and value:
        items = (f"{_plain(str(k))}: {_written(v, inner)}" for k, v in value.items())
        return f"{{{inner}{f',{inner}'.join(items)}{line}}}"
    if isinstance(value, (list, tuple)) and not all(type(v) in (int, float) for v in value):
        return f"[{inner}{f',{inner}'.join(_written(v, inner) for v in value)}{line}]"
    return _plain(value)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def read_report(folder: str | Path) -> Report:
    """Read the report in a folder, or a report.json."""
    path = Path(folder)
    path = path / JSON if path.is_dir() else path
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        report = None  # no JSON, or none that is read
    if not isinstance(report, dict) or "report" not in report:
        raise DataError(
            f"{path}: not a report, expected the folder that tagger evaluate --output wrote, or "
            f"its {JSON}; data to compare two models on come after their folders"
        )
    if report["report"] != FORMAT:
        raise DataError(
            f"{path}: found report format {report['report']!r:.20}, expected {FORMAT}: make it "
            "again with tagger evaluate"
        )
    return report


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of the same columns as CSV that R and spreadsheets read; None is empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else (), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
