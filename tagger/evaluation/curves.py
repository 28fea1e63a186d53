"""Answers x gold -> the points of plots."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.evaluation.answers import Answers
from tagger.evaluation.figures import N_BINS, count_table, indicators, ratio
from tagger.features.arrays import Floats, Ints
from tagger.model.thresholds import ranked_counts
from tagger.schema import Task

_MAX_CURVE_POINTS = 200


def average_precision(probabilities: Floats, y: npt.NDArray[np.bool_]) -> float | None:
    """Return the mean of precision over the steps of recall, None without a positive case."""
    if not y.any():
        return None
    recall, precision = precision_recall(probabilities, y)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def precision_recall(probabilities: Floats, y: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return recall and precision at every threshold, the highest threshold first."""
    _, hits, given = ranked_counts(probabilities, y)
    return ratio(hits, y.sum()), ratio(hits, given)


def curves(task: Task, gold: npt.NDArray[Any], answers: Answers) -> dict[str, Any]:
    """Return the points of the plots of a task.

    Returns
    -------
    ``precision_recall`` by label; ``reliability`` by bin of confidence (of the label of
    highest probability, or of every label of a multi-label task); ``risk_coverage``: the
    share of wrong answers among the most confident share of sentences, with the area
    under it (Geifman & El-Yaniv 2017); ``histograms`` by label: how many sentences with
    and without it have which probability, in twenty bins.
    """
    p = answers.probabilities
    if p is None:
        return {}
    is_gold = indicators(task, gold) == 1
    is_answer = indicators(task, answers.labels) == 1
    pr, histograms = {}, {}
    edges = np.linspace(0, 1, 21)
    for i, label in enumerate(task.labels):
        recall, precision = precision_recall(p[:, i], is_gold[:, i])
        keep = _thinned(len(recall))
        pr[label] = {"recall": recall[keep].tolist(), "precision": precision[keep].tolist()}
        histograms[label] = {
            name: np.histogram(p[chosen, i], edges)[0].tolist()
            for name, chosen in (("with", is_gold[:, i]), ("without", ~is_gold[:, i]))
        }
    sums = count_table(task, gold, answers).sum(axis=0)
    count, confidence, hits = sums[-3 * N_BINS :].reshape(3, N_BINS)
    filled = count > 0
    margins = answers.margins if answers.margins is not None else p.max(axis=1)
    order = np.argsort(-margins, kind="stable")
    wrong = (is_gold != is_answer).any(axis=1)[order]
    risk = np.cumsum(wrong) / (np.arange(len(wrong)) + 1)
    keep = _thinned(len(risk))
    return {
        "precision_recall": pr,
        "reliability": {
            "confidence": (confidence[filled] / count[filled]).tolist(),
            "accuracy": (hits[filled] / count[filled]).tolist(),
            "n": count[filled].astype(int).tolist(),
        },
        "risk_coverage": {
            "coverage": ((keep + 1) / len(risk)).tolist(),
            "risk": risk[keep].tolist(),
            "area": float(risk.mean()),
        },
        "histograms": histograms,
    }


def _thinned(n: int) -> Ints:
    """Return at most `_MAX_CURVE_POINTS` places among `n`, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, _MAX_CURVE_POINTS)).astype(np.int64))
