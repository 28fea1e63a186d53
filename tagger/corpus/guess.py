"""Labelled data -> the schema that it probably follows."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from tagger.corpus.columns import Columns, is_mark, labels_of, split, truth
from tagger.corpus.corpus import plain_label
from tagger.corpus.rows import Data, named, nothing_in, rows_of
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.files import Reject
from tagger.files.names import DOCUMENTS, TEXTS, document_column, key, usual
from tagger.schema import CLAIMS, MULTILABEL_SEPARATOR, OWN_COLUMNS, Schema, Task

_MAX_ROWS = 20_000
_MAX_LABELS = 30
_SEPARATORS = (";", ",")
_LABEL_NAMES = (
    *("label", "labels", "class", "category", "categories", "target", "gold", "tag", "tags"),
)
_NOT_LABELS = (
    *("n", "id", "idx", "index", "start", "end", "model", "review", "split", "fold"),
    *("kind", "what", "reader", "readers", "note", "notes", "annotator", "coder", "rater"),
    *("register", "outlet", "source", "publisher", "author", "section", "title", "url"),
    *("date", "year", "month", "language", "lang", "country"),
)


def guess_schema(data: Data, columns: Columns) -> tuple[Schema, Columns, bool]:
    """Guess tasks, labels and columns from the data.

    Data whose columns ``claim`` or ``theme`` hold labels of the shipped model follow its
    schema. Otherwise a task is a column named like one (label, class, ...), or else every
    column of few values that repeat and that is not known to describe a document. Lists,
    and labels joined by ``|``, or by ``;`` or ``,`` where the parts stand in other cells too,
    make a multi-label task; so do columns of 0 and 1, or of marks (x), together,
    unless each row has exactly one.

    Parameters
    ----------
    data : as `tagger.corpus.rows.rows_of` takes it.
    columns : what is known already.

    Returns
    -------
    The schema, the columns, and whether there is a column of documents.

    Raises
    ------
    DataError : the data has no row, or nothing that looks like text and labels.
    """
    notes: list[str] = []
    rejects: list[Reject] = []
    rows = list(islice(_records(data, notes, rejects), _MAX_ROWS))
    if not rows:
        raise nothing_in(data, notes, rejects)
    names = list(dict.fromkeys(name for row in rows for name in row))
    wanted = [
        n for c in columns.tasks.values() for n in (c.values() if isinstance(c, dict) else [c])
    ]
    wanted += [columns.text] * (columns.text != Columns.text)
    wanted += [columns.doc] * (columns.doc != Columns.doc)
    for name in wanted:
        if name not in names:
            raise ConfigError(f"the data has no column {name!r}: {did_you_mean(name, names)}")
    text = _text(rows, names, columns.text)
    others = [name for name in names if name != text]
    doc = columns.doc if columns.doc in names else document_column(others, DOCUMENTS)[0]
    doc = doc or columns.doc
    rest = [name for name in names if name not in (text, doc)]
    ours = {} if columns.tasks else _ours(rows, rest)
    found = columns.tasks or ours or _others(rows, rest)
    if not found:
        raise DataError(
            f"{named(data)}: none of the columns {', '.join(names)} looks like labels, expected "
            "one of few values that come again: name it with --column TASK=COLUMN, or write a "
            "schema and give it with --schema"
        )
    if not wanted:
        _check_header(rows, text, found, named(data))
    separator = columns.label_separator or _separator(rows, found)
    sure = bool(columns.label_separator)
    tasks = [
        CLAIMS[name] if name in ours else _task(rows, name, column, separator, sure)
        for name, column in found.items()
    ]
    kept = {name: column for name, column in found.items() if name != column}
    return Schema(tuple(tasks)), Columns(text, doc, kept, separator), doc in names


def _records(data: Data, notes: list[str], rejects: list[Reject]) -> Iterator[dict[str, Any]]:
    for row in rows_of(data, notes.append):
        if isinstance(row, Reject):
            rejects.append(row)
        else:
            yield row.record


def _check_header(rows: Sequence[dict[str, Any]], text: str, found: "_Found", data: str) -> None:
    """Refuse names of columns that are the first row of a table without a header."""
    labels = (name for name in found.values() if isinstance(name, str))
    stands = next((name for name in labels if any(row.get(name) == name for row in rows)), None)
    if stands is not None and len(text.split()) > 3 and text.rstrip("\"'”’)")[-1:] in (*".!?…",):
        raise DataError(
            f"{data}: the first line looks like a row of data ({stands!r} names a column and "
            "stands in it too), expected names of columns: put a line such as text,label on top"
        )


def _text(rows: Sequence[dict[str, Any]], names: Sequence[str], wanted: str) -> str:
    if wanted in names:
        return wanted
    found = usual(names, TEXTS)
    return found[0] if len(found) == 1 else _longest(rows, found or names)


def _longest(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """Return the column of the longest strings, where they are of several words."""
    means = {}
    for name in names:
        texts = [row[name] for row in rows if isinstance(row.get(name), str)]
        if len(texts) > len(rows) / 2 and sum(" " in text for text in texts) > len(texts) / 2:
            means[name] = sum(map(len, texts)) / len(texts)
    if not means:
        raise DataError(
            f"no column of {', '.join(names)} looks like sentences: name it with --column text=NAME"
        )
    return max(means, key=lambda name: means[name])


_Found = dict[str, str | dict[str, str]]


def _ours(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> _Found:
    """Return the columns of those tasks of the shipped model whose labels stand in the data."""
    groups = _one_hot(rows, names).values()
    found: _Found = {}
    for task in CLAIMS.tasks:
        if any(set(_parts(row.get(task.name))) & set(task.labels) for row in rows):
            found[task.name] = task.name
        for columns in groups:
            if set(task.labels) <= set(columns):
                found.setdefault(task.name, {label: columns[label] for label in task.labels})
    return found


def _others(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> _Found:
    """Return by task the column, or the columns by label, that look like its answers."""
    groups = _one_hot(rows, names)
    taken = {name for columns in groups.values() for name in columns.values()}
    single = _label_columns(rows, [name for name in names if name not in taken])
    if any(key(name) in _LABEL_NAMES for name in single):
        groups = {}
    return {name.strip(): name for name in single} | groups


def _one_hot(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return by task the columns of 0 and 1: those that begin alike, where all do, or all."""
    names = [name for name in names if key(name) not in (*_NOT_LABELS, *_LABEL_NAMES)]
    strays = {name: _strays([row.get(name) for row in rows]) for name in names}
    found = [name for name in names if strays[name] == 0]
    if len(found) < 2:
        return {}
    # Among others that are sure, a column with a slip in it is one too: reading names the cell.
    most = max(1, len(rows) // 100)
    found = [name for name in names if (n := strays[name]) is not None and n <= most]
    groups: dict[str, list[str]] = {}
    for name in found:
        groups.setdefault(name.strip().partition("_")[0], []).append(name)
    tasks = {}
    for columns in groups.values():
        by_label = labels_of(columns)
        label, column = next(iter(by_label.items()))
        tasks[column.strip().removesuffix(label).rstrip("_")] = by_label
    no_names = {"", "is", "has", *OWN_COLUMNS}
    alike = len(tasks) == len(groups) and all(len(columns) > 1 for columns in groups.values())
    if alike and not tasks.keys() & no_names:
        return tasks
    return {"labels": labels_of(found)}


def _strays(values: Sequence[Any]) -> int | None:
    """Return how many cells of a column of 0 and 1 are neither; None if it is no such column."""
    seen: Counter[bool | None] = Counter()
    n = 0
    for value in values:
        try:
            seen[truth(value)] += 1
        except DataError:
            n += 1
    no = seen[False] or (seen[None] if any(map(is_mark, values)) else 0)
    return n if seen[True] and no and seen[True] + no > 2 * n else None


def _label_columns(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    plausible = [name for name in names if "@" not in name and _looks_like_labels(rows, name)]
    sure = [name for name in plausible if key(name) in _LABEL_NAMES]
    return sure or [name for name in plausible if key(name) not in _NOT_LABELS]


def _looks_like_labels(rows: Sequence[dict[str, Any]], name: str) -> bool:
    values = [plain_label(row[name]) for row in rows if row.get(name) is not None]
    if not all(isinstance(v, (str, list)) for v in values):
        return False
    separators = ["", *(s for s in _SEPARATORS if _joined(values, s))]
    return any(_are_few([p for v in values for p in _parts(v, s)]) for s in separators)


def _are_few(labels: Sequence[str]) -> bool:
    n = len(set(labels))
    return 2 <= n <= _MAX_LABELS and n <= max(2, len(labels) / 3)


def _separator(rows: Sequence[dict[str, Any]], found: _Found) -> str:
    """Return what joins labels in the first column that has any joined; nothing for ``|``."""
    for column in found.values():
        own = rows if isinstance(column, str) else []
        values = [plain_label(row.get(str(column))) for row in own]
        for separator in _SEPARATORS:
            if _joined(values, separator):
                return separator
    return ""


def _joined(values: Sequence[Any], separator: str) -> bool:
    """Return whether cells join labels: most parts of those with `separator` stand elsewhere too.

    A semicolon is hardly ever part of a label: there, one such part is enough.
    """
    cells = {frozenset(_parts(v, separator)) for v in values if isinstance(v, str)}
    joined = {part for cell in cells if len(cell) > 1 for part in cell}
    n_cells = Counter(part for cell in cells for part in cell)
    again = sum(n_cells[part] > 1 for part in joined)
    return again > 0 if separator == ";" else again > 0.75 * len(joined)


def _parts(value: Any, separator: str = "") -> list[str]:
    value = split(plain_label(value), separator)
    if isinstance(value, list):
        return [part for v in value if isinstance(part := plain_label(v), str) and part]
    if isinstance(value, str):
        return [part.strip() for part in value.split(MULTILABEL_SEPARATOR) if part.strip()]
    return []


def _task(
    rows: Sequence[dict[str, Any]],
    name: str,
    column: str | dict[str, str],
    separator: str,
    sure: bool,
) -> Task:
    if isinstance(column, dict):
        marked = any(is_mark(row.get(cell)) for row in rows for cell in column.values())
        return Task(name, tuple(column), any(_n_given(row, column, marked) != 1 for row in rows))
    values = [plain_label(row.get(column)) for row in rows]
    own = separator if sure or _joined(values, separator) else ""
    labels = {part for v in values for part in _parts(v, own)}
    marks = {own, MULTILABEL_SEPARATOR} - {""}
    several = any(
        isinstance(v, list) or (isinstance(v, str) and any(mark in v for mark in marks))
        for v in values
    )
    return Task(name, tuple(sorted(labels)), several)


def _n_given(row: dict[str, Any], columns: dict[str, str], marked: bool) -> int:
    """Return how many labels a row has by its columns; 1 where it does not say.

    Where rows are `marked`, one without a mark has no label; an empty cell beside 0 and 1 says
    nothing.
    """
    try:
        given = [truth(row.get(column)) for column in columns.values()]
    except DataError:
        return 1  # a bad row, which is named when it is read
    says = None not in given or (marked and any(column in row for column in columns.values()))
    return sum(map(bool, given)) if says else 1


def schema_toml(schema: Schema, columns: Columns) -> str:
    """Return schema and columns as a file that `tagger train --schema` reads."""
    lines = ["# Which columns hold what.", "[columns]"]
    lines += [f"{json.dumps(k)} = {_toml(v)}" for k, v in columns.to_dict().items()]
    for task in schema.tasks:
        lines += ["", "[[schema]]", f"name = {json.dumps(task.name)}"]
        labels = ", ".join(json.dumps(label, ensure_ascii=False) for label in task.labels)
        lines += [f"labels = [{labels}]", f"multilabel = {str(task.multilabel).lower()}"]
        lines += ["[schema.definitions]"]
        for label in task.labels:
            known = task.definitions.get(label)
            mark = "" if known else "# "
            meaning = json.dumps(known or "what it means", ensure_ascii=False)
            lines.append(f"{mark}{json.dumps(label, ensure_ascii=False)} = {meaning}")
    return "\n".join(lines) + "\n"


def _toml(value: str | dict[str, str]) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    return f"{{ {', '.join(f'{json.dumps(k)} = {json.dumps(v)}' for k, v in value.items())} }}"
