"""Tagged sentences and other pieces as JSON Lines or CSV, one a row, and what stands beside."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

import numpy as np

from tagger.arrow import ABSENT, Column, listed
from tagger.files.sheets import BOM, as_text
from tagger.schema import MULTILABEL_SEPARATOR, Task
from tagger.table import TaggedTable, label_sets


def to_jsonl(table: TaggedTable) -> bytes:
    """Return each sentence as one JSON object a line."""
    pieces: list[Iterable[str]] = [map('{"doc": '.__add__, map(encode_basestring, table.doc))]
    pieces.append(map(', "n": %d'.__mod__, table.n.tolist()))
    kinds = zip(table.kind, table.what, strict=True)
    pieces.append(map(', "kind": "%s", "what": "%s"'.__mod__, kinds))
    pieces += [_members(name, column) for name, column in table.extra.items()]
    pieces.append(map(', "start": %d'.__mod__, table.start.tolist()))
    pieces.append(map(', "end": %d, "text": '.__mod__, table.end.tolist()))
    pieces.append(map(encode_basestring, table.text))
    for task in table.schema.tasks:
        names = _answers(task, table, lambda answer: json.dumps(answer, ensure_ascii=False))
        pieces.append(map(f", {json.dumps(task.name, ensure_ascii=False)}: ".__add__, names))
        shares = table.probabilities[task.name].T
        absent = np.flatnonzero(table.absent(task.name)).tolist()
        for column, p in zip(table.schema.probability_columns(task), shares, strict=True):
            name = json.dumps(column, ensure_ascii=False)
            numbers = list(map(repr, p.tolist()))
            for i in absent:
                numbers[i] = "null"
            pieces.append(map(f", {name}: ".__add__, numbers))
    flags = (', "review": false', ', "review": true')
    pieces.append([flags[flag] for flag in table.review.tolist()])
    if table.reread is None:
        pieces.append(repeat(f', "model": {json.dumps(table.model)}'))
    else:
        pieces.append(f', "model": {json.dumps(model)}' for model in table.models)
    if table.evidence is not None:
        pieces.append(
            f', "evidence": {json.dumps(found, ensure_ascii=False)}' for found in table.evidence
        )
    pieces.append(repeat("}\n"))
    return to_bytes(list(map("".join, zip(*pieces, strict=False))))


def to_bytes(lines: Sequence[str]) -> bytes:
    """Return lines of JSON as UTF-8; one with a lone surrogate, which that lacks, has escapes."""
    try:
        return "".join(lines).encode("utf-8")
    except UnicodeEncodeError:
        return b"".join(map(_escaped, lines))


def _members(name: str, column: Column) -> list[str]:
    """Return for each row the JSON member of a column, empty where the row lacks it."""
    head = f", {json.dumps(name, ensure_ascii=False)}: "
    return [
        ""
        if value is ABSENT
        else head + encode_basestring(value)
        if type(value) is str
        else head + json.dumps(value, ensure_ascii=False, default=plain)
        for value in listed(column)
    ]


def _escaped(line: str) -> bytes:
    try:
        return line.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(json.loads(line)).encode("ascii") + b"\n"


def _answers(task: Task, table: TaggedTable, write: Any) -> list[str]:
    """Return the answers for a task, each distinct one written once."""
    decided = table.labels[task.name]
    if not task.multilabel:
        names = [*map(write, task.labels), write(None)]  # -1 stands for no answer
        return [names[i] for i in decided.tolist()]
    keys, sets = label_sets(task, decided)
    written = {key: write(labels) for key, labels in sets.items()}
    names = [written[key] for key in keys]
    for i in np.flatnonzero(table.absent(task.name)).tolist():
        names[i] = write(None)
    return names


def plain(value: Any) -> Any:
    """Return a value of a Parquet file as one that JSON has."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def csv_header(names: Iterable[str], safe: bool = False) -> bytes:
    """Return the header line of a CSV file; a safe one is for spreadsheets."""
    return (BOM if safe else b"") + _to_lines([tuple(names)], safe)


def _to_lines(rows: Iterable[tuple[Any, ...]], safe: bool) -> bytes:
    text = io.StringIO(newline="")
    usual = csv.writer(text, lineterminator="\n")
    # The csv module does not quote a lone carriage return, which readers take for a line's end.
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        if safe:
            row = tuple(map(as_text, row))
        (quoted if any(type(c) is str and "\r" in c for c in row) else usual).writerow(row)
    return text.getvalue().encode("utf-8", "replace")


def to_csv(table: TaggedTable, kinds: Mapping[str, str], safe: bool = False) -> bytes:
    """Return sentences as comma-separated cells, without a header; lists are joined by ``|``.

    `kinds` names the other columns to write; one that is not there is empty. In `safe` cells
    no text is a formula for a spreadsheet.
    """
    cells: list[Iterable[Any]] = [table.doc, table.n.tolist(), table.kind, table.what]
    for name in kinds:
        column = table.extra.get(name)
        if column is None:
            cells.append(repeat(""))
        else:
            cells.append([v if type(v) is str else cell(v) for v in listed(column)])
    cells += [table.start.tolist(), table.end.tolist(), table.text]
    for task in table.schema.tasks:
        joined = MULTILABEL_SEPARATOR.join if task.multilabel else str
        cells.append(_answers(task, table, lambda x, write=joined: "" if x is None else write(x)))
        shares = table.probabilities[task.name].T.tolist()
        cells += [[q if q == q else "" for q in p] for p in shares]
    cells.append([("false", "true")[flag] for flag in table.review.tolist()])
    cells.append(table.models)
    if table.evidence is not None:
        cells.append([cell(found) for found in table.evidence])
    return _to_lines(zip(*cells, strict=False), safe)


def cell(value: Any) -> Any:
    """Return a value as a cell holds it: lists joined by ``|``, other objects as JSON."""
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, str) for v in value):
        return MULTILABEL_SEPARATOR.join(value)
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=plain) if value else ""
    return plain(value)


def rejects_path(output: Path) -> Path:
    """Return where the rows go that cannot be tagged."""
    return output.with_name(output.name + ".rejects.jsonl")


def manifest_path(output: Path) -> Path:
    """Return where the record of a finished job stands."""
    return output.with_name(output.name + ".manifest.json")


def manifest_within(folder: Path) -> Path:
    """Return where it stands in a folder of parts: hidden from readers, but for those of before."""
    return old if (old := folder / "manifest.json").is_file() else folder / "_manifest.json"


def has_manifest(output: Path) -> bool:
    """Return whether the record of a finished job stands beside a file."""
    try:
        return manifest_path(output).is_file()
    except OSError:  # no name may be so long
        return False
