"""Probabilities -> answers to every task, for sentences and for pieces that have no answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.document import Labels, Tags
from tagger.features.arrays import Floats
from tagger.model.classifier import decode
from tagger.model.model import Flags, Model, Reading


@dataclass(frozen=True)
class Decisions:
    """The answers to some pieces of text.

    Parameters
    ----------
    probabilities : by task, shape (n, n_labels); NaN where there is no answer.
    labels : by task, what `tagger.model.classifier.Classifier.decide` gives; -1, or no label
        of a multi-label task, where there is no answer.
    review : whether an answer is too close to call, or two readers differ, shape (n,).
    reread : whether a second reader has read the piece too, shape (n,).
    cut : whether it could not read it whole, shape (n,).
    """

    probabilities: Mapping[str, Floats]
    labels: Mapping[str, npt.NDArray[Any]]
    review: Flags
    reread: Flags
    cut: Flags

    def spread(self, n: int, places: Sequence[int]) -> "Decisions":
        """Return the answers to `n` pieces, of which only those at some places have any."""

        def over(values: npt.NDArray[Any], nothing: Any) -> npt.NDArray[Any]:
            every = np.full((n, *values.shape[1:]), nothing, values.dtype)
            every[np.array(places, np.int64)] = values
            return every

        return Decisions(
            {name: over(p, np.nan) for name, p in self.probabilities.items()},
            {name: over(y, -1 if y.ndim == 1 else False) for name, y in self.labels.items()},
            *(over(flags, False) for flags in (self.review, self.reread, self.cut)),
        )


def decide(model: Model, reading: Reading, claims: Flags | None = None) -> Decisions:
    """Return the answers to pieces of text.

    Parameters
    ----------
    reading : of the pieces.
    claims : which of them have answers to single-label tasks too; all of them where None.
    """
    probabilities, labels = {}, {}
    review = np.zeros(len(reading.reread), bool)
    for c in model.classifiers:
        name, p = c.task.name, reading.probabilities[c.task.name]
        decided, unclear = c.decide(p), (c.margins(p) < c.doubt) | reading.apart[name]
        if claims is not None and not c.task.multilabel:
            p, decided = np.where(claims[:, None], p, np.nan), np.where(claims, decided, -1)
            unclear &= claims
        probabilities[name], labels[name] = p, decided
        review |= unclear
    return Decisions(probabilities, labels, review, reading.reread, reading.cut)


def tags_of(model: Model, answers: Decisions) -> list[Tags]:
    """Return answers piece by piece."""
    labels: dict[str, list[Labels | None]] = {}
    by_label: dict[str, list[dict[str, float]]] = {}
    for classifier in model.classifiers:
        task, p = classifier.task, answers.probabilities[classifier.task.name]
        named: list[Labels | None] = list(decode(task, answers.labels[task.name]))
        shares = [dict(zip(task.labels, row, strict=True)) for row in p.tolist()]
        for i in np.flatnonzero(np.isnan(p[:, 0])).tolist():
            named[i], shares[i] = None, {}
        labels[task.name], by_label[task.name] = named, shares
    return [
        Tags(
            {name: column[i] for name, column in labels.items()},
            {name: column[i] for name, column in by_label.items()},
            *flags,
        )
        for i, flags in enumerate(
            zip(*(x.tolist() for x in (answers.review, answers.reread, answers.cut)), strict=True)
        )
    ]
