"""Scores -> probabilities -> labels, with a band of doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.document import Labels
from tagger.features.arrays import Floats
from tagger.schema import Task


@dataclass(frozen=True)
class Classifier:
    """The linear classifier of one task; its scores are calibrated log-odds.

    Parameters
    ----------
    task : the task it answers.
    coef : shape (n_labels, n_features).
    intercept : shape (n_labels,).
    thresholds : shape (n_labels,). A label of a multi-label task is given from
        this probability on; of a single-label task the label whose probability is
        the largest multiple of its threshold.
    doubt : an answer needs review where its margin is smaller than this. The margin
        is the distance of a probability to its threshold (multi-label), or of the
        answer's probability to the next one's (single-label).
    """

    task: Task
    coef: npt.NDArray[np.floating[Any]]
    intercept: npt.NDArray[np.floating[Any]]
    thresholds: Floats
    doubt: float = 0.0

    def decide(self, probabilities: Floats) -> npt.NDArray[Any]:
        """Return label indices, shape (n,); multi-label: booleans, shape (n, n_labels)."""
        if self.task.multilabel:
            return np.asarray(probabilities >= self.thresholds)
        return np.asarray((probabilities / self.thresholds).argmax(axis=1))

    def margins(self, probabilities: Floats) -> Floats:
        """Return how clear each answer is, shape (n_sentences,)."""
        if self.task.multilabel:
            return np.abs(probabilities - self.thresholds).min(axis=1)
        weighed = probabilities / self.thresholds
        first, second = np.sort(weighed / weighed.sum(axis=1, keepdims=True), axis=1)[:, :-3:-1].T
        return np.asarray(first - second)

    def closeness(self, probabilities: Floats) -> Floats:
        """Return how clear each answer is in bands of doubt: below 1 it needs review."""
        return self.margins(probabilities) / (self.doubt or 1.0)


def probabilities_of(task: Task, scores: Floats) -> Floats:
    """Turn scores into probabilities, both of shape (n_sentences, n_labels)."""
    return sigmoid(scores) if task.multilabel else softmax(scores)


def sigmoid(scores: Floats) -> Floats:
    """Return 1 / (1 + exp(-scores)), for scores of any size."""
    e = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1, e) / (1 + e)


def softmax(scores: Floats) -> Floats:
    """Return exp(scores) over its sum along the last axis, for scores of any size."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def encode(task: Task, labels: Sequence[Labels]) -> npt.NDArray[Any]:
    """Turn label names into what `Classifier.decide` gives for them."""
    index = {label: i for i, label in enumerate(task.labels)}
    if not task.multilabel:
        return np.array([index[str(label)] for label in labels], np.int64)
    encoded = np.zeros((len(labels), len(task.labels)), bool)
    for row, names in zip(encoded, labels, strict=True):
        row[[index[label] for label in names]] = True
    return encoded


def decode(task: Task, decided: npt.NDArray[Any]) -> list[Labels]:
    """Name what `Classifier.decide` gave, for each sentence."""
    names = task.labels
    if task.multilabel:
        return [tuple(n for n, y in zip(names, row, strict=True) if y) for row in decided.tolist()]
    return [names[i] for i in decided.tolist()]


def one_hot(task: Task, decided: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which sentence has which label, shape (n_sentences, n_labels)."""
    if task.multilabel:
        return np.asarray(decided, bool)
    return np.asarray(decided[:, None] == np.arange(len(task.labels)))
