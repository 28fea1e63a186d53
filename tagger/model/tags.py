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
class Answers:
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


def decide(model: Model, reading: Reading) -> Answers:
    """Return the answers to sentences, which all tasks have."""
    labels = {}
    review = np.zeros(len(reading.reread), bool)
    for classifier in model.classifiers:
        name, p = classifier.task.name, reading.probabilities[classifier.task.name]
        labels[name] = classifier.decide(p)
        review |= (classifier.margins(p) < classifier.doubt) | reading.apart[name]
    return Answers(reading.probabilities, labels, review, reading.reread, reading.cut)


def decide_some(
    model: Model, reading: Reading, n: int, asked: Sequence[int], claims: Sequence[bool]
) -> Answers:
    """Return the answers to `n` pieces of which some have none.

    Parameters
    ----------
    reading : of the pieces at `asked`.
    asked : which pieces have answers to multi-label tasks.
    claims : which of these have answers to single-label tasks too.
    """
    probabilities, labels, review = {}, {}, np.zeros(n, bool)
    every, some = np.array(asked, np.int64), np.array(claims, bool)
    for classifier in model.classifiers:
        task = classifier.task
        own = slice(None) if task.multilabel else some
        p, rows = reading.probabilities[task.name][own], every[own]
        decided = classifier.decide(p)
        nothing = False if task.multilabel else -1
        labels[task.name] = np.full((n, *decided.shape[1:]), nothing, decided.dtype)
        labels[task.name][rows] = decided
        probabilities[task.name] = np.full((n, len(task.labels)), np.nan)
        probabilities[task.name][rows] = p
        review[rows] |= (classifier.margins(p) < classifier.doubt) | reading.apart[task.name][own]
    reread, cut = np.zeros(n, bool), np.zeros(n, bool)
    reread[every], cut[every] = reading.reread, reading.cut
    return Answers(probabilities, labels, review, reread, cut)


def tags_of(model: Model, answers: Answers) -> list[Tags]:
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
