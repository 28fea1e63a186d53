import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack, random_array
from sklearn.linear_model import LogisticRegression

from tagger.features.arrays import Product
from tagger.training import logistic
from tagger.training.logistic import fit_logistic

RNG = np.random.default_rng(0)
N, PLAIN, WORDS, DIMENSIONS = 300, 20, 15, 3
LEFT, RIGHT = (
    csr_matrix(random_array(shape, density=0.1, rng=RNG, data_sampler=sampler)).astype(np.float32)
    for shape, sampler in (((N, 50), None), ((50, PLAIN + WORDS), RNG.normal))
)
FACTORS = Product(LEFT, RIGHT)
X = LEFT @ RIGHT
EMBEDDING = RNG.normal(size=(WORDS, DIMENSIONS)).astype(np.float32)
SEEN = hstack([X[:, :PLAIN], csr_matrix(X[:, PLAIN:] @ EMBEDDING)]).tocsr()
SCORES = X @ RNG.normal(size=(PLAIN + WORDS, 3)) + RNG.normal(size=(N, 3))
NONE = np.empty((0, 0), np.float32)


@pytest.fixture(autouse=True)
def to_the_end(monkeypatch):
    monkeypatch.setattr(logistic, "BINARY_TOLERANCE", 1e-7)
    monkeypatch.setattr(logistic, "MULTINOMIAL_TOLERANCE", 1e-7)


def reference(x, y, **options):
    return LogisticRegression(C=2.0, tol=1e-8, max_iter=10_000, **options).fit(x.astype(float), y)


def test_multinomial_equals_scikit_learn():
    y = SCORES.argmax(axis=1)
    expected = reference(X, y)
    coef, intercept = fit_logistic(FACTORS, np.eye(3)[y], 2.0, np.ones(N), NONE)
    assert abs(coef - expected.coef_).max() < 1e-3
    differences = intercept - expected.intercept_
    assert np.ptp(differences) < 1e-3  # a constant for all classes changes nothing
    assert abs(coef.sum(axis=0)).max() < 1e-12


def test_binary_with_weights_equals_scikit_learn():
    y = SCORES[:, 0] > np.quantile(SCORES[:, 0], 0.7)
    expected = reference(X, y, class_weight="balanced")
    weights = np.where(y, N / 2 / y.sum(), N / 2 / (~y).sum())
    coef, intercept = fit_logistic(FACTORS, y[:, None].astype(float), 2.0, weights, NONE)
    assert abs(coef - expected.coef_).max() < 1e-3
    assert abs(intercept - expected.intercept_).max() < 1e-3


def test_features_seen_through_an_embedding():
    y = SCORES[:, 1] > 0
    expected = reference(SEEN, y)
    coef, _ = fit_logistic(FACTORS, y[:, None].astype(float), 2.0, np.ones(N), EMBEDDING)
    assert abs(coef[:, :PLAIN] - expected.coef_[:, :PLAIN]).max() < 1e-3
    assert abs(coef[:, PLAIN:] - expected.coef_[:, PLAIN:] @ EMBEDDING.T).max() < 1e-3
