"""Labelled sentences: read, check, split by document."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.rows import Data, named, rows_of
from tagger.document import Labels
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.files import Reject, Row
from tagger.schema import Schema, is_apart

_MAX_PROBLEMS_SHOWN = 10


@dataclass(frozen=True)
class Example:
    """A labelled sentence.

    Parameters
    ----------
    text : the sentence.
    labels : by task; a task that is missing was not annotated.
    doc : the document it comes from, or empty.
    extra : the other columns of its row.
    where : file and line.
    """

    text: str
    labels: dict[str, Labels]
    doc: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Columns:
    """Which columns of the data hold what.

    Parameters
    ----------
    text : the sentence.
    doc : the document that it comes from.
    tasks : by task, the column of its answers, where that has another name than the task.
    """

    text: str = "text"
    doc: str = "doc"
    tasks: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str]:
        """Return the columns by field as plain JSON values."""
        return {"text": self.text, "doc": self.doc, **self.tasks}

    @classmethod
    def from_dict(cls, raw: Any) -> "Columns":
        """Build from what `to_dict` gave or a configuration holds.

        Raises
        ------
        ConfigError : not a table of names, or one column for two things.
        """
        if not isinstance(raw, dict) or not all(isinstance(v, str) and v for v in raw.values()):
            raise ConfigError(f"columns is {raw!r}, expected a table of column names")
        tasks = {name: column for name, column in raw.items() if name not in ("text", "doc")}
        columns = cls(raw.get("text", cls.text), raw.get("doc", cls.doc), tasks)
        names = list(columns.to_dict().values())
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"the column {name!r} stands for two things in columns")
        return columns

    @classmethod
    def parse(
        cls,
        given: "Columns | Mapping[str, str] | Sequence[str] | None",
        known: dict[str, str] | None = None,
    ) -> "Columns":
        """Build from what `pairs` takes, on top of those already known.

        Raises
        ------
        ConfigError : something else than such a pair, or two columns for one thing.
        """
        return cls.from_dict((known or {}) | cls.pairs(given))

    @staticmethod
    def pairs(
        given: "Columns | Mapping[str, str] | Sequence[str] | None",
    ) -> dict[str, str]:
        """Return columns by field, from whatever names them.

        Parameters
        ----------
        given : columns, a mapping from fields to names, or pairs ``FIELD=NAME``.

        Raises
        ------
        ConfigError : something else, or two columns for one thing.
        """
        if isinstance(given, Columns):
            return given.to_dict()
        if isinstance(given, Mapping):
            return dict(given)
        columns: dict[str, str] = {}
        for pair in [given] if isinstance(given, str) else given or ():
            name, equals, column = (part.strip() for part in pair.partition("="))
            if not (name and equals and column):
                raise ConfigError(f"column is {pair!r}, expected FIELD=NAME such as text=sentence")
            if columns.setdefault(name, column) != column:
                raise ConfigError(
                    f"column {name!r} is {columns[name]!r} and {column!r}, expected one for it"
                )
        return columns


@dataclass(frozen=True)
class Corpus:
    """Labelled sentences under one schema.

    Parameters
    ----------
    schema : the tasks.
    examples : the sentences.
    notes : what reading them changed, in sentences.
    n_apart : how many rows of tagged output were left out, because they are no sentences.
    """

    schema: Schema
    examples: tuple[Example, ...]
    notes: tuple[str, ...] = ()
    n_apart: int = 0

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def texts(self) -> list[str]:
        """The sentences."""
        return [example.text for example in self.examples]

    @property
    def has_documents(self) -> bool:
        """Whether every sentence says which document it comes from."""
        return all(example.doc for example in self.examples)

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """A number for each sentence's document; without one, for each distinct sentence."""
        number: dict[str, int] = {}
        keys = (f"doc {e.doc}" if e.doc else f"text {e.text}" for e in self.examples)
        return np.array([number.setdefault(key, len(number)) for key in keys], np.int64)

    def annotated(self, task: str) -> npt.NDArray[np.int64]:
        """Return the indices of the sentences that have an answer for a task."""
        has = [i for i, example in enumerate(self.examples) if task in example.labels]
        return np.array(has, np.int64)

    def labels(self, task: str) -> list[Labels]:
        """Return the answers of the sentences that `annotated` names."""
        return [e.labels[task] for e in self.examples if task in e.labels]

    def take(self, indices: Iterable[int]) -> "Corpus":
        """Return a corpus of the sentences at `indices`."""
        return Corpus(self.schema, tuple(self.examples[i] for i in indices))

    @property
    def sha256(self) -> str:
        """A hash of texts, labels and documents, whatever files they came from."""
        digest = hashlib.sha256()
        for example in self.examples:
            row = [example.text, example.doc, example.labels]
            digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()


def read_corpus(data: Data, schema: Schema, columns: Columns | None = None) -> Corpus:
    """Read labelled sentences.

    Parameters
    ----------
    data : as `tagger.corpus.rows.rows_of` takes it: paths, records or a DataFrame.
    schema : the tasks whose columns are read; other columns are kept as extra.
    columns : the names of the columns.

    Raises
    ------
    DataError : a file or row that cannot be used; the first problems are named by
        file and line. A corpus without a sentence.
    """
    examples, faults, blanks, n_apart = read_examples(data, schema, columns or Columns())
    if faults:
        problems: dict[str, list[str]] = {}
        for where, problem in faults:
            problems.setdefault(problem, []).append(where)
        lines = [
            f"{where[0]}: {problem}"
            + (f" (and {len(where) - 1} more rows)" if len(where) > 1 else "")
            for problem, where in problems.items()
        ]
        more = len(lines) - _MAX_PROBLEMS_SHOWN
        lines[_MAX_PROBLEMS_SHOWN:] = [f"... and {more} more"] if more > 0 else []
        raise DataError("\n".join(lines))
    if not examples:
        raise DataError(f"no labelled sentence in {named(data)}")
    notes = (*blanks_taken_off(blanks), *left_out(n_apart))
    return Corpus(schema, tuple(examples), notes, n_apart)


def check_columns(schema: Schema, columns: Columns) -> None:
    """Raise ConfigError where columns name no task, or one column stands for two things."""
    for name in columns.tasks:
        schema[name]  # raises where there is no such task
    fields = {"text": columns.text, "doc": columns.doc} | {
        task.name: columns.tasks.get(task.name, task.name) for task in schema.tasks
    }
    owner: dict[str, str] = {}
    for field_name, column in fields.items():
        if owner.setdefault(column, field_name) != field_name:
            raise ConfigError(
                f"the column {column!r} stands for two things, {owner[column]} and {field_name}: "
                f"name another with --column {field_name}=NAME"
            )


def has_blanks(row: Row, schema: Schema, columns: Columns) -> bool:
    """Return whether a label of a row has blanks around it, which `example_of` takes off."""
    values = (row.record.get(columns.tasks.get(task.name, task.name)) for task in schema.tasks)
    answers = (v for value in values for v in (value if isinstance(value, list) else [value]))
    return any(isinstance(v, str) and v.strip() not in ("", v) for v in answers)


def blanks_taken_off(places: Sequence[str]) -> tuple[str, ...]:
    """Say that labels had blanks around them."""
    if not places:
        return ()
    return (
        f"{len(places)} row(s) have blanks around a label, which are taken off; the first is "
        f"{places[0]}",
    )


def left_out(n_apart: int) -> tuple[str, ...]:
    """Say that rows of tagged output are no sentences."""
    what = "row(s) of tagged output are headings or other pieces that are no sentences: left out"
    return (f"{n_apart} {what}",) if n_apart else ()


def read_examples(
    data: Data, schema: Schema, columns: Columns
) -> tuple[list[Example], list[tuple[str, str]], list[str], int]:
    """Return the sentences of data, the places and faults of other rows, and places of blanks.

    The last is the number of rows of tagged output that are no sentences.
    """
    check_columns(schema, columns)
    examples: list[Example] = []
    faults: list[tuple[str, str]] = []
    blanks: list[str] = []
    n_apart = 0
    for row in rows_of(data):
        try:
            if isinstance(row, Reject):
                raise DataError(row.reason)
            if is_apart(row.record):
                n_apart += 1
                continue
            examples.append(example_of(row, schema, columns))
            blanks += [row.where] * has_blanks(row, schema, columns)
        except DataError as error:
            faults.append((row.where, str(error)))
    return examples, faults, blanks, n_apart


def example_of(row: Row, schema: Schema, columns: Columns) -> Example:
    """Return a row of a file as a labelled sentence.

    Raises
    ------
    DataError : it has no sentence, or an answer that the schema does not have.
    """
    record = dict(row.record)
    if columns.text not in record:
        raise DataError(
            f"there is no column {columns.text!r} for the sentence: "
            f"{did_you_mean(columns.text, record)}"
        )
    text = record.pop(columns.text)
    if not isinstance(text, str):
        raise DataError(f"{columns.text} is {text!r}, expected a sentence")
    if not text.strip():
        raise DataError(f"{columns.text} is blank, expected a sentence")
    labels = {}
    for task in schema.tasks:
        value = plain_label(record.pop(columns.tasks.get(task.name, task.name), None))
        if value is not None and (value != "" or task.multilabel):
            labels[task.name] = task.parse(value)
    doc = record.pop(columns.doc, None)
    return Example(text, labels, "" if doc is None else str(doc), record, row.where)


def plain_label(value: Any) -> Any:
    """Return numbers, truth values and padded strings as the labels that they are meant as."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))  # a column of whole numbers with gaps is one of floats in pandas
    if isinstance(value, (list, tuple)):
        return [plain_label(item) for item in value]
    return value.strip() if isinstance(value, str) else value


def folds(groups: npt.NDArray[np.int64], n_folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Deal documents out to folds of about equal size.

    Parameters
    ----------
    groups : the document of each sentence, as `Corpus.groups` gives it.
    n_folds : number of folds; fewer are made where there are fewer documents.
    seed : of the shuffle that decides between documents of equal size.

    Returns
    -------
    The fold of each sentence, shape (n_sentences,).
    """
    sizes = np.bincount(groups)
    n_folds = min(n_folds, len(sizes))
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    load = np.zeros(n_folds, np.int64)
    fold_of = np.empty(len(sizes), np.int64)
    for group in order:
        fold_of[group] = load.argmin()
        load[fold_of[group]] += sizes[group]
    return fold_of[groups]
