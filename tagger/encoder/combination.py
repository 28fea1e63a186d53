"""Two readers' probabilities -> one, calibrated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import Floats
from tagger.model.classifier import one_hot, probabilities_of, softmax
from tagger.schema import Task

_SMALLEST = 1e-6
_PULL = 1e-3


@dataclass(frozen=True)
class Combination:
    """Weighs the log-odds of two readers: stacking (Wolpert 1992) by logistic regression.

    Parameters
    ----------
    first, second : weight of each reader, one a label; of a single-label task all the same.
    offset : what is added, one a label.
    """

    first: Floats
    second: Floats
    offset: Floats

    def probabilities(self, task: Task, first: Floats, second: Floats) -> Floats:
        """Return the probabilities of both together, all of shape (n_sentences, n_labels).

        Parameters
        ----------
        first : probabilities of the first reader.
        second : scores of the second.
        """
        u, v = _log_odds(task, first, second)
        scores = self.first * u + self.second * v + self.offset
        return probabilities_of(task, scores)

    def moved(self, temperature: float = 1.0, shift: Floats | float = 0.0) -> "Combination":
        """Return the combination for other text than it was fitted on.

        Parameters
        ----------
        temperature : what log-odds are divided by.
        shift : what is added to them then, as `tagger.training.calibration.prior_shift` says.
        """
        first, second, offset = (x / temperature for x in (self.first, self.second, self.offset))
        return Combination(first, second, offset + shift)

    def to_dict(self) -> dict[str, list[float]]:
        """Return the weights as plain JSON values."""
        return {name: getattr(self, name).tolist() for name in ("first", "second", "offset")}

    @classmethod
    def from_dict(cls, task: Task, raw: Any) -> "Combination":
        """Build from what `to_dict` gave.

        Raises
        ------
        ValueError : other than one finite number a label.
        """
        arrays = [np.array(raw[name], np.float64) for name in ("first", "second", "offset")]
        for array in arrays:
            if array.shape != (len(task.labels),) or not np.isfinite(array).all():
                raise ValueError(f"combination of {task.name}: expected one number a label")
        return cls(*arrays)


def fit_combination(task: Task, first: Floats, second: Floats, y: npt.NDArray[Any]) -> Combination:
    """Fit the weights by maximum likelihood, on sentences that neither reader has learned.

    Parameters
    ----------
    first, second : as `Combination.probabilities` takes them.
    y : the gold, as `tagger.model.classifier.encode` gives it.
    """
    from scipy.optimize import minimize

    u, v = _log_odds(task, first, second)
    k = len(task.labels)
    gold = one_hot(task, y).astype(float)
    # A single-label task has one weight a reader, a multi-label one each label its own.
    n = k if task.multilabel else 1

    def loss(x: Floats) -> tuple[float, Floats]:
        a, b, c = x[:n], x[n : 2 * n], x[2 * n :]
        z = a * u + b * v + c
        p = probabilities_of(task, z)
        if task.multilabel:
            value = float((np.logaddexp(0, z) - gold * z).sum())
        else:
            value = float(-np.log(np.maximum(p[gold == 1], 1e-300)).sum())
        error = (p - gold) / len(y)
        by_weight = [(error * w).sum(axis=0 if n > 1 else None).reshape(n) for w in (u, v)]
        gradient = np.concatenate([*by_weight, error.sum(axis=0) + _PULL * c])
        return value / len(y) + _PULL / 2 * float((c**2).sum()), gradient

    start = np.concatenate([np.full(2 * n, 0.5), np.zeros(k)])
    bounds = [(0.0, None)] * (2 * n) + [(None, None)] * k
    x = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Combination(*(np.broadcast_to(w, k).copy() for w in (x[:n], x[n : 2 * n], x[2 * n :])))


def _log_odds(task: Task, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    p = np.clip(first, _SMALLEST, 1 - _SMALLEST)
    if task.multilabel:
        return np.log(p / (1 - p)), second
    return np.log(p), np.log(np.maximum(softmax(second), _SMALLEST))
