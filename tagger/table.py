"""Many tagged sentences, column by column: what the writers take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.schema import Schema


class Absent(Enum):
    """Stands where a row does not have a column at all, which is not the same as null."""

    ABSENT = 0


ABSENT = Absent.ABSENT

# A list, or a pyarrow Array that keeps the type it had in its file.
Column = Any


@dataclass(frozen=True)
class TaggedTable:
    """Tagged sentences, one a row, column by column.

    Parameters
    ----------
    schema : the tasks that were answered.
    model : short hash of the model.
    row : for each sentence the input row that it comes from, shape (n,).
    doc : for each sentence the document that it comes from.
    n : its place in the document, counted from 0, shape (n,).
    start, end : its character offsets in the document, shape (n,).
    text : the sentences.
    labels : by task, what `tagger.model.classifier.Classifier.decide` gives.
    probabilities : by task, rounded to six places, shape (n, n_labels).
    review : whether an answer is too close to call, shape (n,).
    extra : other columns of the input rows, by name.
    evidence : for each sentence the words that moved its tags, where asked for.
    """

    schema: Schema
    model: str
    row: npt.NDArray[np.int64]
    doc: Sequence[str]
    n: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    text: Sequence[str]
    labels: Mapping[str, npt.NDArray[Any]]
    probabilities: Mapping[str, npt.NDArray[np.float64]]
    review: npt.NDArray[np.bool_]
    extra: Mapping[str, Column] = field(default_factory=dict)
    evidence: Sequence[list[dict[str, Any]]] | None = None

    def __len__(self) -> int:
        return len(self.text)


def take(column: Column, rows: npt.NDArray[np.int64]) -> Column:
    """Return the given rows of a column, a list as a list and an Arrow array as one."""
    if isinstance(column, list):
        return [column[i] for i in rows.tolist()]
    return column.take(rows)
