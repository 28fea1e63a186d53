"""Logistic regression with an L2 penalty, on sparse features."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from tagger.classifier import sigmoid, softmax

Floats = npt.NDArray[np.float64]

# Largest gradient to stop at, of a multinomial regression and of a binary one;
# cross-validated F1 is the same from here down to 3e-4: benchmarks/README.md.
MULTINOMIAL_TOLERANCE, BINARY_TOLERANCE = 5e-3, 3e-3


def fit_logistic(
    x: csr_matrix,
    targets: Floats,
    C: float,
    weights: Floats,
    embedding: npt.NDArray[np.float32],
) -> tuple[Floats, Floats]:
    """Fit a multinomial regression, or a binary one where there is one target.

    Minimizes what scikit-learn's LogisticRegression does, by L-BFGS (Liu and Nocedal
    1989). The variables are scaled by the diagonal of the Hessian at coefficients of
    zero (Jacobi preconditioning: Nocedal and Wright 2006, section 5.1), which takes a
    third of the passes over the data.

    Parameters
    ----------
    x : float32, shape (n, n_features).
    targets : 1 where a row is of the class, else 0; shape (n, n_classes) or (n, 1).
    C : inverse strength of the penalty.
    weights : of each row; their mean is 1.
    embedding : of the last features, which are seen through it, shape (n_embedded,
        n_dimensions): it is their coefficients' image that is penalized.

    Returns
    -------
    Coefficients, shape (n_classes, n_features), and intercepts, shape (n_classes,).
    """
    n, n_features = x.shape
    n_classes = targets.shape[1]
    plain = n_features - len(embedding)
    penalty = 1 / (C * n)
    transposed = x.T

    embedded = x[:, plain:] @ embedding
    squares = csr_matrix((x.data**2, x.indices, x.indptr), x.shape).T @ weights.astype(np.float32)
    squares = np.concatenate([squares[:plain], (embedded**2 * weights[:, None]).sum(axis=0)])
    share = weights @ targets / n
    variance = share * (1 - share)
    scale = 1 / np.sqrt(np.outer(variance, squares / n) + penalty)
    intercept_scale = 1 / np.sqrt(variance)

    def unpack(flat: Floats) -> tuple[Floats, Floats]:
        return scale * flat[n_classes:].reshape(scale.shape), intercept_scale * flat[:n_classes]

    def product(matrix: Any, rows: Floats) -> Floats:
        # One after the other: SciPy is slower at many columns in one product.
        return np.array([matrix @ row for row in rows.astype(np.float32)], np.float64)

    def loss(flat: Floats) -> tuple[float, Floats]:
        w, intercept = unpack(flat)
        z = product(x, _expand(w, embedding)).T + intercept
        if n_classes == 1:
            p = sigmoid(z)
            losses = np.logaddexp(0, z) - targets * z
        else:
            p = softmax(z)
            highest = z.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(z - highest).sum(axis=1, keepdims=True)) + highest
            losses = log_sum - (targets * z).sum(axis=1, keepdims=True)
        error = (p - targets) * weights[:, None] / n
        gradient = product(transposed, error.T)
        embedded = [row @ embedding for row in gradient[:, plain:].astype(np.float32)]
        gradient = np.hstack([gradient[:, :plain], np.array(embedded)])
        gradient += penalty * w
        gradient *= scale
        value = weights @ losses.sum(axis=1) / n + penalty / 2 * np.vdot(w, w)
        return value, np.concatenate([intercept_scale * error.sum(axis=0), gradient.ravel()])

    start = np.zeros(n_classes + scale.size)
    tolerance = BINARY_TOLERANCE if n_classes == 1 else MULTINOMIAL_TOLERANCE
    options = {"gtol": tolerance, "ftol": 0, "maxiter": 1000}
    w, intercept = unpack(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)
    return _expand(w, embedding), intercept


def _expand(w: Floats, embedding: npt.NDArray[np.float32]) -> Floats:
    """Return the coefficients of features from those of what is seen of them."""
    plain = w.shape[1] - embedding.shape[1]
    embedded = [embedding @ row for row in w[:, plain:].astype(np.float32)]
    return np.hstack([w[:, :plain], np.array(embedded)])
