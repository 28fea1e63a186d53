"""Tagged files -> counts of labels by document."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tagger.document import Labels, label_tuple
from tagger.errors import DataError, n_of
from tagger.evaluation.dates import month_of
from tagger.features.arrays import Floats, Ints
from tagger.files import Reject, Row, read_rows
from tagger.files.folders import expand
from tagger.files.names import alike
from tagger.files.tagged import cell, manifest_path, manifest_within
from tagger.schema import Schema, is_apart, numbered

_MOST_NAMES = 20
_ROW_NAME = re.compile(r":\d+\Z")  # file and line, where a row names no document
_Place = tuple[tuple[str, ...], str]  # values of columns, and the document
_EXPECTED = "expected what tagger predict wrote, with this model (--model): tag the texts first"


@dataclass
class Tally:
    """Counts of labels by document.

    Parameters
    ----------
    schema : the tasks.
    keys : what sentences are told apart by: columns, and ``month``, that of the date.
    counts : by the values of `keys` and the document the number of sentences, then that of
        each label, task by task.
    p : the same for the probabilities of all labels, one row a sentence, where they are asked.
    models : how many sentences each model tagged.
    n : number of sentences.
    columns : names of the columns of the rows.
    n_unread_dates, unread_date : how many sentences have a date that cannot be read, and
        one of these dates.
    n_apart : how many rows are headings and other pieces, which are not counted.
    found : columns by the names that they have there, where those are others.
    notes : what reading guessed, passed over and left out.
    """

    schema: Schema
    keys: tuple[str, ...] = ()
    counts: dict[_Place, Ints] = field(default_factory=dict)
    p: dict[_Place, list[list[float]]] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    n: int = 0
    columns: set[str] = field(default_factory=set)
    n_unread_dates: int = 0
    unread_date: str = ""
    n_apart: int = 0
    found: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def apart_notes(output: str, counted: Tally) -> list[str]:
    """Say how many rows are no sentences, and so in no share."""
    what = "(headings, notices, ...) not counted"
    return [f"{output}: {n_of(counted.n_apart, 'other piece')} {what}"] if counted.n_apart else []


def shares_of(sums: Floats) -> Floats:
    """Return the share of each label, from sums whose first column counts sentences."""
    return np.asarray(sums[:, 1:] / np.maximum(sums[:, :1], 1))


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Return the record that `tagger predict` left beside an output; empty where there is none."""
    path = Path(path)
    beside = manifest_within(path) if path.is_dir() else manifest_path(path)
    try:
        record = json.loads(beside.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{beside}: cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise DataError(f"{beside}: found a JSON {type(record).__name__}, expected an object")
    return record


def tally(
    path: str,
    schema: Schema,
    keys: Sequence[str] = ("outlet", "month"),
    columns: Mapping[str, str] | None = None,
    day_first: bool | None = None,
    probabilities: bool = False,
) -> Tally:
    """Count the labels of a tagged file, or of a folder of them.

    Parameters
    ----------
    path : what `tagger predict` wrote.
    schema : its tasks.
    keys : columns to tell sentences apart by, and ``month``, that of the column of dates.
    columns : the names of their columns, where they are others than ``outlet`` or ``date``.
    day_first : whether ``05/01/2024`` is of January or of May.
    probabilities : whether to keep those of each sentence.
    """
    counted = Tally(schema, tuple(keys))
    wanted = {key: {"month": "date"}.get(key, key) for key in keys} | dict(columns or {})
    places: dict[tuple[str, ...], list[str]] = {}
    held: list[Any] = []
    types: list[type] = []
    at: _Place = (), ""
    unread = ""
    seen: Counter[tuple[_Place, tuple[Labels, ...]]] = Counter()
    for where, record, labels in tagged_rows(path, schema, counted.notes.append):
        if labels is None:
            counted.n_apart += 1
            continue
        if (names := tuple(record)) not in places:
            own = {wanted[key]: alike(wanted[key], names) for key in keys}
            places[names] = [own[wanted[key]] for key in keys]
            counted.found.update({asked: name for asked, name in own.items() if name != asked})
            counted.columns.update(names)
        found = [record.get(name) for name in (*places[names], "doc")]
        # Sentences of a document stand together. 1, 1.0 and true are equal, but not the same.
        if found != held or [*map(type, found)] != types:
            held, types, (*values, doc) = found, [*map(type, found)], map(_value, found)
            if "month" in keys:
                place = keys.index("month")
                date, values[place] = values[place], _month(where, values[place], day_first)
                unread = "" if values[place] else date
            at = tuple(values), doc
        if unread:
            counted.n_unread_dates += 1
            counted.unread_date = unread
        seen[at, tuple(labels)] += 1
        if probabilities:
            counted.p.setdefault(at, []).append(_probabilities(where, record, schema))
        counted.models[str(record.get("model", ""))] += 1
    counted.n = seen.total()
    counted.counts = _by_document(schema, seen)
    if not counted.n:
        said = f" ({'; '.join(counted.notes)})" if counted.notes else ""
        raise DataError(f"{path}: no tagged sentence{said}, {_EXPECTED}")
    counted.notes += _unnamed_notes(path, counted)
    return counted


def _by_document(
    schema: Schema, seen: Mapping[tuple[_Place, tuple[Labels, ...]], int]
) -> dict[_Place, Ints]:
    """Sum how often each answer stands at each place to counts of sentences and labels."""
    number = numbered(schema)
    counts: dict[_Place, Ints] = {}
    for (at, answers), n in seen.items():
        pairs = zip(schema.tasks, answers, strict=True)
        given = (1 + number[task.name, x] for task, own in pairs for x in label_tuple(own))
        counts.setdefault(at, np.zeros(1 + len(number), np.int64))[[0, *given]] += n
    return counts


def _month(where: str, date: str, day_first: bool | None) -> str:
    try:
        return month_of(date, day_first) if date else ""
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def _unnamed_notes(path: str, counted: Tally) -> list[str]:
    documents = {doc for _, doc in counted.counts}
    if n := sum(int(sums[0]) for (_, doc), sums in counted.counts.items() if not doc):
        return [
            f"{path}: {n_of(n, 'sentence')} without a document (column doc): those of a group "
            "count as one, so that their intervals are those of a single document"
        ]
    if not counted.n == len(documents) > 1 or not all(map(_ROW_NAME.search, documents)):
        return []
    return [
        f"{path}: sentences name no document (column doc), each counts as one: where they share "
        "documents, intervals are too narrow"
    ]


def _value(value: Any) -> str:
    return str(cell(value))  # as in CSV, so that no format has groups of its own


def _probabilities(where: str, record: Mapping[str, Any], schema: Schema) -> list[float]:
    names = [name for task in schema.tasks for name in schema.probability_columns(task)]
    try:
        found = [float(record[name]) for name in names]
    except (KeyError, TypeError, ValueError):
        found = [math.nan]
    if not all(0 <= p <= 1 for p in found):
        raise DataError(
            f"{where}: a probability is missing, expected numbers from 0 to 1 in "
            f"{', '.join(names)}: tag again with tagger predict"
        )
    return found


def tagged_rows(
    path: str, schema: Schema, say: Callable[[str], None] = lambda note: None
) -> Iterator[tuple[str, Mapping[str, Any], list[Labels] | None]]:
    """Yield the rows of tagged files: file and line, columns, and the answers to the tasks.

    A row that is no sentence has None for its answers.
    """
    for name in expand([path], say, outputs=True):
        for row in read_rows(name, say=say):
            if isinstance(row, Reject):
                raise DataError(f"{row.where}: {row.reason}")
            try:
                labels = None if is_apart(row.record) else _labels(row, schema)
            except DataError as error:
                raise DataError(f"{row.where}: {error}; {_EXPECTED}") from None
            yield row.where, row.record, labels


def _labels(row: Row, schema: Schema) -> list[Labels]:
    for task in schema.tasks:
        if task.name not in row.record:
            names = ", ".join(list(row.record)[:_MOST_NAMES])
            raise DataError(f"found no column {task.name!r} among {names}")
    return [task.parse(row.record[task.name]) for task in schema.tasks]
