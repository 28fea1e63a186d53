"""Scores -> what each threshold would find."""

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
