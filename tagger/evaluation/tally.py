"""Tagged files -> counts of labels by document."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tagger.document import Labels, label_tuple
from tagger.errors import DataError, did_you_mean
from tagger.evaluation.dates import month_of
from tagger.features.arrays import Ints
from tagger.files import Reject, Row, read_rows
from tagger.files.folders import expand
from tagger.files.names import alike
from tagger.files.tagged import manifest_path
from tagger.schema import Schema, is_apart


@dataclass
class Tally:
    """Counts of labels by document.

    Parameters
    ----------
    schema : the tasks.
    counts : by outlet, month and document the number of sentences, then that of
        each label, task by task.
    models : how many sentences each model tagged.
    n : number of sentences.
    columns : names of the columns of the rows.
    n_unread_dates, unread_date : how many sentences have a date that cannot be read, and
        one of these dates.
    n_apart : how many rows are headings and other pieces, which are not counted.
    found : outlet and date by the names of the columns that hold them, where they are others.
    """

    schema: Schema
    counts: dict[tuple[str, str, str], Ints] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    n: int = 0
    columns: set[str] = field(default_factory=set)
    n_unread_dates: int = 0
    unread_date: str = ""
    n_apart: int = 0
    found: dict[str, str] = field(default_factory=dict)


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Return the record that `tagger predict` left beside an output; empty where there is none."""
    path = Path(path)
    beside = path / "manifest.json" if path.is_dir() else manifest_path(path)
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
    outlet_column: str = "outlet",
    date_column: str = "date",
    day_first: bool | None = None,
    dated: bool = True,
) -> Tally:
    """Count the labels of a tagged file, or of a folder of them."""
    counted = Tally(schema)
    size = 1 + sum(len(task.labels) for task in schema.tasks)
    months: dict[str, str] = {}
    places: dict[tuple[str, ...], tuple[str, str]] = {}
    for where, record, labels in tagged_rows(path, schema):
        if labels is None:
            counted.n_apart += 1
            continue
        if (names := tuple(record)) not in places:
            places[names] = alike(outlet_column, names), alike(date_column, names)
            own = zip((outlet_column, date_column), places[names], strict=True)
            counted.found.update({wanted: name for wanted, name in own if name != wanted})
        by_outlet, by_date = places[names]
        date = str(record.get(by_date) or "") if dated else ""
        if date not in months:
            try:
                months[date] = month_of(date, day_first)
            except DataError as error:
                raise DataError(f"{where}: {error}") from None
        if date and not months[date]:
            counted.n_unread_dates += 1
            counted.unread_date = date
        outlet, doc = (str(record.get(name) or "") for name in (by_outlet, "doc"))
        key = (outlet, months[date], doc)
        if key not in counted.counts:
            counted.counts[key] = np.zeros(size, np.int64)
        counted.counts[key][_places(schema, labels)] += 1
        counted.columns.update(record)
        counted.models[str(record.get("model", ""))] += 1
        counted.n += 1
    if not counted.n:
        raise DataError(f"{path}: no tagged sentence")
    return counted


def tagged_rows(
    path: str, schema: Schema
) -> Iterator[tuple[str, Mapping[str, Any], list[Labels] | None]]:
    """Yield the rows of tagged files: file and line, columns, and the answers to the tasks.

    A row that is no sentence has None for its answers.
    """
    for name in expand([path], outputs=True):
        for row in read_rows(name):
            if isinstance(row, Reject):
                raise DataError(f"{row.where}: {row.reason}")
            try:
                labels = None if is_apart(row.record) else _labels(row, schema)
            except DataError as error:
                raise DataError(f"{row.where}: {error}: expected tagged sentences") from None
            yield row.where, row.record, labels


def _labels(row: Row, schema: Schema) -> list[Labels]:
    for task in schema.tasks:
        if task.name not in row.record:
            raise DataError(f"no column {task.name!r}: {did_you_mean(task.name, row.record)}")
    return [task.parse(row.record[task.name]) for task in schema.tasks]


def _places(schema: Schema, answers: list[Labels]) -> list[int]:
    """Return the columns of a tally that a sentence counts in, the first for every sentence."""
    places, start = [0], 1
    for task, answer in zip(schema.tasks, answers, strict=True):
        places += [start + task.labels.index(label) for label in label_tuple(answer)]
        start += len(task.labels)
    return places
