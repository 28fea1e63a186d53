"""Probabilities -> answers to every task, for sentences and for pieces that have no answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.document import Labels, Tags
from tagger.features.arrays import Floats
from tagger.model.model import Model


@dataclass(frozen=True)
class Answers:
    """The answers to some pieces of text.

    Parameters
    ----------
    probabilities : by task, shape (n, n_labels); NaN where there is no answer.
    labels : by task, what `tagger.model.classifier.Classifier.decide` gives; -1, or no label
        of a multi-label task, where there is no answer.
    review : whether an answer is too close to call, shape (n,).
    """

    probabilities: Mapping[str, Floats]
    labels: Mapping[str, npt.NDArray[Any]]
    review: npt.NDArray[np.bool_]


def decide(model: Model, probabilities: Mapping[str, Floats]) -> Answers:
    """Return the answers to sentences, which all tasks have."""
    labels = {}
    review = np.zeros(len(next(iter(probabilities.values()))), bool)
    for classifier in model.classifiers:
        p = probabilities[classifier.task.name]
        labels[classifier.task.name] = classifier.decide(p)
        review |= classifier.margins(p) < classifier.doubt
    return Answers(probabilities, labels, review)


def decide_some(
    model: Model,
    scored: Mapping[str, Floats],
    n: int,
    asked: Sequence[int],
    claims: Sequence[bool],
) -> Answers:
    """Return the answers to `n` pieces of which some have none.

    Parameters
    ----------
    scored : by task, the probabilities of the pieces at `asked`.
    asked : which pieces have answers to multi-label tasks.
    claims : which of these have answers to single-label tasks too.
    """
    probabilities, labels, review = {}, {}, np.zeros(n, bool)
    every, some = np.array(asked, np.int64), np.array(claims, bool)
    for classifier in model.classifiers:
        task = classifier.task
        p = scored[task.name] if task.multilabel else scored[task.name][some]
        rows = every if task.multilabel else every[some]
        decided = classifier.decide(p)
        nothing = False if task.multilabel else -1
        labels[task.name] = np.full((n, *decided.shape[1:]), nothing, decided.dtype)
        labels[task.name][rows] = decided
        probabilities[task.name] = np.full((n, len(task.labels)), np.nan)
        probabilities[task.name][rows] = p
        review[rows] |= classifier.margins(p) < classifier.doubt
    return Answers(probabilities, labels, review)


def tags_of(model: Model, answers: Answers) -> list[Tags]:
    """Return answers piece by piece."""
    labels: dict[str, list[Labels | None]] = {}
    by_label: dict[str, list[dict[str, float]]] = {}
    for classifier in model.classifiers:
        task, p = classifier.task, answers.probabilities[classifier.task.name]
        named: list[Labels | None] = list(classifier.labels(answers.labels[task.name]))
        shares = [dict(zip(task.labels, row, strict=True)) for row in p.tolist()]
        for i in np.flatnonzero(np.isnan(p[:, 0])).tolist():
            named[i], shares[i] = None, {}
        labels[task.name], by_label[task.name] = named, shares
    return [
        Tags(
            {name: column[i] for name, column in labels.items()},
            {name: column[i] for name, column in by_label.items()},
            flag,
        )
        for i, flag in enumerate(answers.review.tolist())
    ]
