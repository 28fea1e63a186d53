"""Scores out of fold -> log-odds, thresholds, the band of doubt."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from tagger.errors import DataError
from tagger.features.arrays import Floats
from tagger.model.classifier import Classifier, one_hot, sigmoid, softmax
from tagger.model.thresholds import best_f1_thresholds, halfway, ranked_counts
from tagger.schema import Task
from tagger.training.settings import TaskSettings

_MAX_ROUNDS = 50


def calibrate(task: Task, scores: Floats, y: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Fit slope and offset of each score by maximum likelihood, so that it is a log-odds.

    One slope and one offset for each label of a multi-label task (Platt 1999); one
    slope in common and an offset for each label of a single-label task (Guo et al.
    2017, section 4.2, with bias).

    Parameters
    ----------
    scores : out of fold, shape (n_sentences, n_labels).
    y : as `tagger.model.classifier.encode` gives it.

    Returns
    -------
    Slopes and offsets, each of shape (n_labels,).
    """
    n_labels = len(task.labels)
    if task.multilabel:
        fits = [_platt(scores[:, k], y[:, k]) for k in range(n_labels)]
        return np.array([a for a, _ in fits]), np.array([b for _, b in fits])

    rows = np.arange(len(y))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        p = softmax(scores * parameters[0] + parameters[1:])
        error = p.copy()
        error[rows, y] -= 1
        gradient = np.concatenate([[(error * scores).sum()], error.sum(axis=0)]) / len(y)
        # A light pull keeps the offsets, which matter only by their differences, in place.
        value = -np.log(np.maximum(p[rows, y], 1e-300)).mean() + 1e-6 * (parameters[1:] ** 2).sum()
        gradient[1:] += 2e-6 * parameters[1:]
        return value, gradient

    start = np.concatenate([[1.0], np.zeros(n_labels)])
    fitted = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(1e-3, None)] + [(None, None)] * n_labels
    ).x
    return np.full(n_labels, fitted[0]), fitted[1:]


def prior_shift(task: Task, y: npt.NDArray[Any], priors: dict[str, float]) -> Floats:
    """Return what moves log-odds from the shares in `y` to others (Saerens et al. 2002, eq. 4).

    Parameters
    ----------
    y : as `tagger.model.classifier.encode` gives it.
    priors : by label, its share where the model will be used; those of a single-label
        task need not sum to one.
    """
    wanted = np.array([priors[label] for label in task.labels])
    if task.multilabel:
        shares = y.mean(axis=0)
        return np.log(wanted / (1 - wanted)) - np.log(shares / (1 - shares))
    shares = np.bincount(y, minlength=len(task.labels)) / len(y)
    return np.log(wanted / wanted.sum()) - np.log(shares)


def _platt(scores: Floats, y: npt.NDArray[np.bool_]) -> tuple[float, float]:
    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = scores * parameters[0] + parameters[1]
        error = sigmoid(z) - y
        value = float((np.logaddexp(0, z) - y * z).mean())
        return value, np.array([(error * scores).mean(), error.mean()])

    slope, offset = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    ).x
    return float(slope), float(offset)


def with_thresholds(
    classifier: Classifier, probabilities: Floats, y: npt.NDArray[Any], options: TaskSettings
) -> Classifier:
    """Return the classifier with the thresholds of best F1 out of fold, and its band of doubt."""
    task = classifier.task
    thresholds = np.full(len(task.labels), 1 / len(task.labels))
    if task.multilabel and options.threshold:
        thresholds = np.full(len(task.labels), options.threshold)
    elif task.multilabel:
        thresholds = best_f1_thresholds(probabilities, y)
    thresholds = _for_precisions(classifier, thresholds, probabilities, y, options)
    tuned = Classifier(task, classifier.coef, classifier.intercept, thresholds)
    doubt = (
        float(np.quantile(tuned.margins(probabilities), options.review)) if options.review else 0.0
    )
    return Classifier(task, classifier.coef, classifier.intercept, thresholds, doubt)


def _for_precisions(
    classifier: Classifier,
    thresholds: Floats,
    probabilities: Floats,
    y: npt.NDArray[Any],
    options: TaskSettings,
) -> Floats:
    """Return thresholds with which every label reaches the precision that is wished of it.

    Raises
    ------
    DataError : no thresholds give these precisions, each by itself or together.
    """
    task, wished = classifier.task, options.target_precision
    gold = one_hot(task, y)
    reached: dict[str, float] = {}
    for _ in range(_MAX_ROUNDS):
        for label, wanted in wished.items():
            if reached.get(label, 0.0) >= wanted:
                continue
            k = task.labels.index(label)
            strength = probabilities[:, k]
            if not task.multilabel:
                # The label is given where its probability is this many times the next one's.
                others = np.delete(probabilities / thresholds, k, axis=1).max(axis=1)
                strength = strength / np.maximum(others, 1e-300)
            try:
                thresholds[k] = precision_threshold(strength, gold[:, k], wanted)
            except DataError as error:
                raise DataError(f"{task.name}: {label}: {error}") from None
        # The labels of a single-label task share their sentences: one's threshold moves
        # the precision of the others.
        reached = precisions(replace(classifier, thresholds=thresholds), probabilities, y)
        if all(reached[label] >= wanted for label, wanted in wished.items()):
            return thresholds
    shown = ", ".join(f"{x} {wanted} (reached {reached[x]:.3f})" for x, wanted in wished.items())
    raise DataError(
        f"{task.name}: no thresholds give these precisions together: {shown}; wish lower "
        "ones, or for fewer labels"
    )


def precisions(
    classifier: Classifier, probabilities: Floats, y: npt.NDArray[Any]
) -> dict[str, float]:
    """Return by label how many of the sentences that got it have it."""
    task = classifier.task
    given = one_hot(task, classifier.decide(probabilities))
    hits, n_predicted = (given & one_hot(task, y)).sum(axis=0), given.sum(axis=0)
    return dict(zip(task.labels, (hits / np.maximum(n_predicted, 1)).tolist(), strict=True))


def precision_threshold(strength: Floats, y: npt.NDArray[np.bool_], wanted: float) -> float:
    """Return the threshold of the best recall at which precision is at least `wanted`.

    Of several with that recall it is the one of the best precision.

    Raises
    ------
    DataError : no threshold gives that precision.
    """
    ranked, hits, n_predicted = ranked_counts(strength, y)
    precision = hits / n_predicted
    reached = np.flatnonzero(precision >= wanted)
    if not len(reached):
        best = float(precision.max())
        raise DataError(f"no threshold gives the precision {wanted}, the best is {best:.3f}")
    return halfway(ranked, int(reached[np.argmax(hits[reached])]))
