"""Scores -> what each threshold would find, and which is best."""

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import Floats, Ints


def ranked_counts(scores: Floats, y: npt.NDArray[np.bool_]) -> tuple[Floats, Ints, Ints]:
    """Count what each distinct score would find as a threshold, the highest first.

    Parameters
    ----------
    scores : shape (n,).
    y : which are right, shape (n,).

    Returns
    -------
    The distinct scores, how many of `y` are at least that high, and how many scores are,
    each of shape (n_thresholds,).
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Equal scores fall on the same side of every threshold: only the last of them counts.
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    n_predicted = np.flatnonzero(last_of_tie) + 1
    return ranked[last_of_tie], np.cumsum(y[order])[last_of_tie], n_predicted


def best_f1_thresholds(probabilities: Floats, y: npt.NDArray[np.bool_]) -> Floats:
    """Return for each label the threshold of best F1, halfway to the next lower probability.

    Of a label that no sentence has it is 0.5.

    Parameters
    ----------
    probabilities, y : of the labels, and whether they are right, shape (n_sentences, n_labels).
    """
    found = []
    for p, right in zip(probabilities.T, y.T, strict=True):
        ranked, hits, n_predicted = ranked_counts(p, right)
        f1 = 2 * hits / (n_predicted + right.sum())
        found.append(halfway(ranked, int(np.argmax(f1))) if right.any() else 0.5)
    return np.array(found)


def halfway(ranked: Floats, place: int) -> float:
    """Return the middle between a score and the next lower one, or 0."""
    below = ranked[place + 1] if place + 1 < len(ranked) else 0.0
    return float((ranked[place] + below) / 2)
