"""Labelled sentences: read, check, split by document."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.document import Labels
from tagger.errors import DataError
from tagger.files import Reject, Row, read_rows
from tagger.schema import Schema

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
class Corpus:
    """Labelled sentences under one schema."""

    schema: Schema
    examples: tuple[Example, ...]

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
        """A number for each sentence's document; a sentence without one is its own."""
        number: dict[str, int] = {}
        keys = ((e.doc and f"doc {e.doc}") or f"row {i}" for i, e in enumerate(self.examples))
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


def read_corpus(paths: Sequence[str | Path], schema: Schema) -> Corpus:
    """Read labelled sentences from files.

    Parameters
    ----------
    paths : JSON Lines, CSV or TSV files.
    schema : the tasks whose columns are read; other columns are kept as extra.

    Raises
    ------
    DataError : a file or row that cannot be used; the first problems are named by
        file and line. A corpus without a sentence.
    """
    examples: list[Example] = []
    problems: list[str] = []
    for path in paths:
        for row in read_rows(str(path)):
            try:
                if isinstance(row, Reject):
                    raise DataError(row.reason)
                examples.append(_example(row, schema))
            except DataError as error:
                problems.append(f"{row.where}: {error}")
    if problems:
        shown = "\n".join(problems[:_MAX_PROBLEMS_SHOWN])
        more = len(problems) - _MAX_PROBLEMS_SHOWN
        raise DataError(shown + (f"\n... and {more} more" if more > 0 else ""))
    if not examples:
        raise DataError(f"no labelled sentence in {', '.join(map(str, paths)) or 'no file at all'}")
    return Corpus(schema, tuple(examples))


def _example(row: Row, schema: Schema) -> Example:
    record = dict(row.record)
    text = record.pop("text", None)
    if not isinstance(text, str):
        raise DataError(f"text is {text!r}, expected a sentence in the column 'text'")
    if not text.strip():
        raise DataError("text is blank, expected a sentence")
    labels = {}
    for task in schema.tasks:
        value = record.pop(task.name, None)
        if value is not None and (value != "" or task.multilabel):
            labels[task.name] = task.parse(value)
    doc = record.pop("doc", None)
    return Example(text, labels, "" if doc is None else str(doc), record, row.where)


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
