"""Sums over documents -> draws of them, and intervals.

Sentences of one document resemble each other, so whole documents are drawn: the
bootstrap of Efron (1979) over clusters (Davison and Hinkley 1997, section 3.8).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.special import stdtrit

from tagger.features.arrays import Floats, Ints

LEVEL = 0.95
_ROUNDS_AT_ONCE = 100
_DRAWN_AT_ONCE = 4_000_000  # documents, which bounds the memory


def resampled_sums(table: npt.NDArray[np.generic], groups: Ints, rounds: int, seed: int) -> Floats:
    """Draw whole groups with replacement, and sum the table over each draw.

    Parameters
    ----------
    table : shape (n_sentences, n_columns).
    groups : the group of each sentence, numbered from 0.

    Returns
    -------
    Shape (rounds, n_columns). The draws depend on the number of groups, `rounds` and
    `seed` alone, so two tables of the same sentences are resampled in pairs.
    """
    by_group = group_sums(table, groups)
    n = len(by_group)
    rng = np.random.default_rng(seed)
    parts = [np.empty((0, table.shape[1]))]
    for size in _chunks(rounds, n):
        # One count of all rounds at once: each round has numbers of its own.
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        parts.append(weights.astype(np.float64) @ by_group)
    return np.concatenate(parts)


def swapped_sums(difference: Floats, groups: Ints, rounds: int, seed: int) -> Floats:
    """Sum the difference of two tables over groups that are drawn by the toss of a coin.

    Approximate randomization (Noreen 1989): what moves from one side to the other where
    the answers to whole documents are swapped at random.

    Returns
    -------
    Shape (rounds, n_columns).
    """
    by_group = group_sums(difference, groups)
    rng = np.random.default_rng(seed)
    parts = [np.empty((0, difference.shape[1]))]
    for size in _chunks(rounds, len(by_group)):
        swap = rng.integers(2, size=(size, len(by_group)))
        parts.append(swap.astype(np.float64) @ by_group)
    return np.concatenate(parts)


def _chunks(rounds: int, n_groups: int) -> Iterator[int]:
    """Yield how many rounds to make at a time."""
    step = max(1, min(_ROUNDS_AT_ONCE, _DRAWN_AT_ONCE // n_groups))
    for start in range(0, rounds, step):
        yield min(step, rounds - start)


def group_sums(table: npt.NDArray[np.generic], groups: Ints) -> Floats:
    """Sum the rows of each group, shape (n_groups, n_columns)."""
    n = len(groups)
    member = csr_matrix((np.ones(n), (groups, np.arange(n))), (int(groups.max()) + 1, n))
    return np.asarray(member @ table)


def interval(values: Floats) -> tuple[float | None, float | None]:
    """Return the 95 % interval of resampled values that are defined.

    None where there are none, or where all are the same, as those of one document are, or of
    answers that are all right: such draws do not tell how far chance goes.
    """
    values = values[~np.isnan(values)]
    if not len(values) or values.min() == values.max():
        return None, None
    low, high = ends(values)
    return float(low), float(high)


def ends(draws: Floats) -> tuple[Floats, Floats]:
    """Return the 2.5th and 97.5th percentile of draws, over the first axis."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, (tail, 1 - tail), axis=0)
    return low, high


def residuals(sums: Ints) -> Floats:
    """Return what each document adds to how far shares are off, shape (n_docs, n_shares).

    Shares are ratios of sums over documents, linearized (Cochran 1977, Sampling Techniques,
    section 6.3); their squares sum to the variance.

    Parameters
    ----------
    sums : each document's sentences, and those with each label, shape (n_docs, 1 + n_shares);
        zeros for one that is not of this sample.
    """
    n, total = int(np.count_nonzero(sums[:, 0])), sums.sum(axis=0)
    off = (sums[:, 1:] - total[1:] / total[0] * sums[:, :1]) / total[0]
    return np.asarray(off * np.sqrt(n / max(n - 1, 1)))


def student_width(residuals: Floats, n_least: int) -> Floats:
    """Return how wide 95 % intervals are by Student's t: draws of few documents spread too little.

    Parameters
    ----------
    residuals : as `residuals` gives them, or the difference of two of them.
    n_least : documents of the sample with the fewest; by one, nothing is known of their spread.

    Returns
    -------
    Shape (n_shares,).
    """
    if n_least < 2:
        return np.full(residuals.shape[1], np.inf)
    error = np.sqrt(np.square(residuals).sum(axis=0))
    return np.asarray(2 * stdtrit(n_least - 1, (1 + LEVEL) / 2) * error)


def widened(width: Floats, low: Floats, high: Floats, least: float) -> Floats:
    """Return intervals, those that are narrower than `width` about their middle as wide as it.

    Parameters
    ----------
    width, low, high : shape (n,).
    least : the least that can be; the most is 1.

    Returns
    -------
    Lower and upper ends, shape (2, n).
    """
    half = np.minimum(width, 1 - least) / 2
    middle = np.clip((low + high) / 2, least + half, 1 - half)
    return np.where(high - low < width, [middle - half, middle + half], [low, high])
