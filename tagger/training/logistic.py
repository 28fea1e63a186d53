"""Logistic regression with an L2 penalty, on sparse features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import helmert
from scipy.optimize import minimize

from tagger.features.arrays import Floats, Ints, Product
from tagger.features.block import Block
from tagger.features.featurizer import Featurizer
from tagger.model.classifier import sigmoid, softmax

# Largest gradient to stop at, of a multinomial regression and of a binary one;
# cross-validated F1 is the same from here down to 3e-4: benchmarks/README.md.
MULTINOMIAL_TOLERANCE, BINARY_TOLERANCE = 5e-3, 3e-3


def fit_logistic(
    x: Product,
    targets: Floats,
    C: float,
    weights: Floats,
    embedding: npt.NDArray[np.float32],
    tol: float | None = None,
) -> tuple[Floats, Floats]:
    """Fit a multinomial regression, or a binary one where there is one target.

    Minimizes what scikit-learn's LogisticRegression does, by L-BFGS (Liu and Nocedal 1989)
    on variables scaled by the diagonal of the Hessian at zero (Jacobi preconditioning:
    Nocedal and Wright 2006, section 5.1): a third of the passes over the data. At the
    minimum the coefficients of all classes sum to zero, so their contrasts (Helmert's) are sought.

    Parameters
    ----------
    x : float32, shape (n, n_features).
    targets : 1 where a row is of the class, else 0; shape (n, n_classes) or (n, 1).
    C : inverse strength of the penalty.
    weights : of each row; their mean is 1.
    embedding : of the last features, which are seen through it, shape (n_embedded,
        n_dimensions): it is their coefficients' image that is penalized.
    tol : largest gradient to stop at; that of this module where None.

    Returns
    -------
    Coefficients, shape (n_classes, n_features), and intercepts, shape (n_classes,).
    """
    n = x.shape[0]
    n_classes = targets.shape[1]
    penalty = 1 / (C * n)
    contrasts = np.ascontiguousarray(helmert(n_classes).T) if n_classes > 1 else np.ones((1, 1))
    share = weights @ targets / n
    variance = share @ contrasts**2 - (share @ contrasts) ** 2
    scale = 1 / np.sqrt(np.outer(variance, _squares(x, weights, embedding) / n) + penalty)
    intercept_scale = 1 / np.sqrt(variance)
    transposed = x.T

    def unpack(flat: Floats) -> tuple[Floats, Floats]:
        w = scale * flat[len(variance) :].reshape(scale.shape)
        return w, intercept_scale * flat[: len(variance)]

    def loss(flat: Floats) -> tuple[float, Floats]:
        w, intercept = unpack(flat)
        # One after the other: SciPy is slower at several columns in one product.
        z = np.array([x @ _expand(row, embedding) for row in w.astype(np.float32)]).T
        z = (z + intercept) @ contrasts.T
        p, losses = _losses(z, targets)
        error = ((p - targets) * weights[:, None] / n) @ contrasts
        value = weights @ losses.sum(axis=1) / n + penalty / 2 * np.vdot(w, w)
        pulls = [transposed @ column for column in error.T.astype(np.float32)]
        w = scale * (penalty * w + np.array([_folded(pull, embedding) for pull in pulls]))
        return value, np.concatenate([intercept_scale * error.sum(axis=0), w.ravel()])

    start = np.zeros(len(variance) + scale.size)
    usual = BINARY_TOLERANCE if n_classes == 1 else MULTINOMIAL_TOLERANCE
    options = {"gtol": usual if tol is None else tol, "ftol": 0, "maxiter": 1000}
    w, intercept = unpack(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)
    return contrasts @ np.array([_expand(row, embedding) for row in w]), contrasts @ intercept


def _squares(x: Product, weights: Floats, embedding: npt.NDArray[np.float32]) -> Floats:
    """Return for each variable its weighted sum of squares, those of the embedding last."""
    plain = x.shape[1] - len(embedding)
    embedded = x.columns(slice(plain, None)) @ embedding
    # A feature that two parts of a row have counts as two, which serves for a scale.
    squares = Product(x.left.power(2), x.right.power(2)).T @ weights.astype(np.float32)
    return np.concatenate([squares[:plain], (embedded**2 * weights[:, None]).sum(axis=0)])


def _losses(z: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return probabilities and negative log-likelihoods of rows of scores."""
    if z.shape[1] == 1:
        return sigmoid(z), np.logaddexp(0, z) - targets * z
    highest = z.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(z - highest).sum(axis=1, keepdims=True)) + highest
    return softmax(z), log_sum - (targets * z).sum(axis=1, keepdims=True)


def scaled_embedding(featurizer: Featurizer, x: Product) -> npt.NDArray[np.float32]:
    """Return the embedding of the block of features that has one for `fit_logistic`.

    Parameters
    ----------
    featurizer : fitted.
    x : the features of its training sentences, float32, shape (n, n_features).

    Returns
    -------
    Shape (n_embedded, n_dimensions); shape (0, 0) where no block has an embedding. The
    training sentences have mean squared norm one in it, as they have in the other blocks.
    """
    block = featurizer.embedded
    if block is None or block.embedding is None:
        return np.empty((0, 0), np.float32)
    sums = x.columns(block.columns) @ block.embedding
    scaled: npt.NDArray[np.float32] = block.embedding / np.sqrt((sums**2).sum(axis=1).mean())
    return scaled


def frequent_first(featurizer: Featurizer, used: Sequence[Block]) -> Ints:
    """Return the columns of blocks in the order in which `fit_logistic` is fastest.

    The frequent features come first, which lie beside one another in the processor's
    cache; those of the embedding stay last and in its order.
    """
    embedded = featurizer.embedded
    plain = np.concatenate([np.r_[b.columns] for b in used if b is not embedded] or [np.arange(0)])
    plain = plain[np.argsort(-featurizer.df_[plain], kind="stable")]
    return np.concatenate([plain, *(np.r_[b.columns] for b in used if b is embedded)])


def _folded(of_features: npt.NDArray[Any], embedding: npt.NDArray[np.float32]) -> Any:
    """Return the same for what is seen of the features."""
    plain = len(of_features) - len(embedding)
    return np.concatenate([of_features[:plain], of_features[plain:] @ embedding])


def _expand(w: npt.NDArray[Any], embedding: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Return the coefficients of features from those of what is seen of them."""
    plain = len(w) - embedding.shape[1]
    return np.concatenate([w[:plain], embedding @ w[plain:]])
