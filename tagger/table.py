"""Many tagged sentences, column by column: what the writers take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.arrow import ABSENT, AS_JSON, Column, array_of, kind_of, listed, pyarrow, to_array, utf8
from tagger.errors import DataError
from tagger.schema import SENTENCE, Schema, Task, answered_by

_EVIDENCE = (
    ("label", "string"),
    ("text", "string"),
    ("start", "int64"),
    ("end", "int64"),
    ("adds", "double"),
    ("method", "string"),
)


@dataclass(frozen=True)
class TaggedTable:
    """Tagged sentences and other pieces of texts, one a row, column by column.

    Parameters
    ----------
    schema : the tasks that were answered.
    model : short hash of the model.
    row : for each sentence the input row that it comes from, shape (n,).
    doc : for each sentence the document that it comes from.
    n : its place in the document, counted from 0, shape (n,).
    start, end : its character offsets in the document, shape (n,).
    text : the sentences.
    kind, what : of which of `tagger.schema.KINDS` each is, and what it is where it is other.
    labels : by task, what `tagger.model.classifier.Classifier.decide` gives; -1, or no label
        of a multi-label task, where there is no answer.
    probabilities : by task, rounded to six places, shape (n, n_labels); NaN where there is
        no answer.
    review : whether an answer is too close to call, shape (n,).
    extra : other columns of the input rows, by name.
    evidence : for each sentence the words that moved its tags, where asked for.
    reread, cut : whether a second reader has read it too, and whether only its beginning,
        shape (n,); None where there is no second reader.
    """

    schema: Schema
    model: str
    row: npt.NDArray[np.int64]
    doc: Sequence[str]
    n: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    text: Sequence[str]
    kind: Sequence[str]
    what: Sequence[str]
    labels: Mapping[str, npt.NDArray[Any]]
    probabilities: Mapping[str, npt.NDArray[np.float64]]
    review: npt.NDArray[np.bool_]
    extra: Mapping[str, Column] = field(default_factory=dict)
    evidence: Sequence[list[dict[str, Any]]] | None = None
    reread: npt.NDArray[np.bool_] | None = None
    cut: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.text)

    @property
    def n_sentences(self) -> int:
        """How many of the rows are sentences."""
        return self.kind.count(SENTENCE)

    @property
    def n_cut(self) -> int:
        """How many of the rows a second reader could not read whole."""
        return 0 if self.cut is None else int(self.cut.sum())

    @property
    def models(self) -> list[str]:
        """Which model answered each row: with the second reader where that has read it too."""
        if self.reread is None:
            return [self.model] * len(self)
        first, both = (answered_by(self.model, flag) for flag in (False, True))
        return [both if flag else first for flag in self.reread.tolist()]

    def absent(self, task: str) -> npt.NDArray[np.bool_]:
        """Return which rows have no answer to a task."""
        return np.asarray(np.isnan(self.probabilities[task][:, 0]))

    def columns(self) -> dict[str, Sequence[Any]]:
        """Return the columns by name, in the order of tagged output, answers as label names."""
        columns: dict[str, Sequence[Any]] = {"doc": list(self.doc), "n": self.n.tolist()}
        columns |= {"kind": list(self.kind), "what": list(self.what)}
        for name, column in self.extra.items():
            columns[name] = [None if value is ABSENT else value for value in listed(column)]
        columns |= {"start": self.start.tolist(), "end": self.end.tolist(), "text": list(self.text)}
        for task in self.schema.tasks:
            names = (task.name, *self.schema.probability_columns(task))
            shares: list[list[Any]] = self.probabilities[task.name].T.tolist()
            answers = [_answers(task, self.labels[task.name]), *shares]
            for i in np.flatnonzero(self.absent(task.name)).tolist():
                for column in answers:
                    column[i] = None
            columns |= zip(names, answers, strict=True)
        columns |= {"review": self.review.tolist(), "model": self.models}
        return columns if self.evidence is None else {**columns, "evidence": self.evidence}

    def to_pandas(self) -> Any:
        """Return the table as a pandas DataFrame."""
        return _library("pandas").DataFrame(self._of_frames())

    def to_polars(self) -> Any:
        """Return the table as a polars DataFrame."""
        return _library("polars").DataFrame(self._of_frames(), strict=False)

    def _of_frames(self) -> dict[str, Sequence[Any]]:
        # Frames hold UTF-8: polars, and pandas from version 3.
        columns = self.columns() | {"doc": utf8(self.doc), "text": utf8(self.text)}
        for name in self.extra:
            columns[name] = [utf8([x])[0] if isinstance(x, str) else x for x in columns[name]]
        return columns

    def to_arrow(self) -> Any:
        """Return the table as a pyarrow Table."""
        kinds, extra = {}, {}
        for name, column in self.extra.items():
            try:
                kinds[name] = kind_of(column)
                extra[name] = to_array(column, kinds[name])
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(
                    f"column {name!r} holds what Arrow or JSON cannot: {error}; turn it into text"
                ) from None
        return pyarrow().Table.from_batches([replace(self, extra=extra).to_record_batch(kinds)])

    def to_record_batch(self, kinds: Mapping[str, str]) -> Any:
        """Return the table as a pyarrow RecordBatch.

        Parameters
        ----------
        kinds : the types of the other columns, by name, as `tagger.arrow.infer_type` names
            them; a column that is not there is null.
        """
        pa = pyarrow()
        n = len(self)
        columns = {"doc": array_of(self.doc, pa.string()), "n": pa.array(self.n)}
        for name in ("kind", "what"):
            columns[name] = _strings(getattr(self, name))
        for name, kind in kinds.items():
            columns[name] = to_array(self.extra.get(name, [None] * n), kind)
        columns |= {"start": pa.array(self.start), "end": pa.array(self.end)}
        columns["text"] = array_of(self.text, pa.string())
        for task in self.schema.tasks:
            names = pa.array(task.labels)
            decided, absent = self.labels[task.name], self.absent(task.name)
            if task.multilabel:
                offsets = np.concatenate([[0], np.cumsum(decided.sum(axis=1))]).astype(np.int32)
                labels = names.take(pa.array(np.nonzero(decided)[1]))
                mask = pa.array(absent) if absent.any() else None
                columns[task.name] = pa.ListArray.from_arrays(offsets, labels, mask=mask)
            else:
                columns[task.name] = names.take(pa.array(decided, mask=absent))
            shares = self.probabilities[task.name].T
            for name, p in zip(self.schema.probability_columns(task), shares, strict=True):
                columns[name] = pa.array(np.ascontiguousarray(p), mask=absent)
        columns["review"] = pa.array(self.review)
        columns["model"] = _strings(self.models)
        if self.evidence is not None:
            kind = pa.list_(pa.struct([(k, pa.type_for_alias(t)) for k, t in _EVIDENCE]))
            safe = [[e | {"text": utf8([e["text"]])[0]} for e in own] for own in self.evidence]
            columns["evidence"] = pa.array(safe, kind)
        marks = {name: AS_JSON for name, kind in kinds.items() if kind == "json"}
        fields = [pa.field(x, c.type, metadata=marks.get(x)) for x, c in columns.items()]
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _answers(task: Task, decided: npt.NDArray[Any]) -> list[Any]:
    """Return decided labels by name: of a multi-label task a list for each row."""
    if not task.multilabel:
        return [task.labels[i] for i in decided.tolist()]
    keys, sets = label_sets(task, decided)
    return [[*sets[key]] for key in keys]


def label_sets(task: Task, decided: npt.NDArray[Any]) -> tuple[list[bytes], dict[bytes, list[str]]]:
    """Return for each row of a multi-label task a key, and the labels by key: few sets come at all.

    Parameters
    ----------
    decided : whether each label is given, shape (n, n_labels).
    """
    rows = np.ascontiguousarray(decided, bool)
    keys: list[bytes] = rows.view(f"V{len(task.labels)}").ravel().tolist()
    named = ((key, zip(task.labels, key, strict=True)) for key in set(keys))
    return keys, {key: [label for label, yes in pairs if yes] for key, pairs in named}


def _strings(column: Sequence[str]) -> Any:
    """Return strings as an Arrow array, which is faster where they are all the same."""
    pa = pyarrow()
    if column and list(column).count(column[0]) == len(column):
        return pa.repeat(pa.scalar(column[0], pa.string()), len(column))
    return pa.array(column, pa.string())


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise DataError(f"{name} is not installed: pip install {name}") from None


def take(column: Column, rows: npt.NDArray[np.int64]) -> Column:
    """Return the given rows of a column, a list as a list and an Arrow array as one."""
    if isinstance(column, list):
        return [column[i] for i in rows.tolist()]
    return column.take(rows)
