"""Model -> scikit-learn Pipeline, for those who work there.

The pipeline is built from scikit-learn's own vectorizers and classifiers and gives
the model's probabilities; it is slower, and unlike a model folder it is a pickle,
which runs code when it is loaded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from tagger.features.block import Block
from tagger.features.featurizer import Featurizer, length_scale
from tagger.model.classifier import Classifier
from tagger.model.model import Model
from tagger.text.language import Language
from tagger.text.tokens import tokenize


class ScaledByLength(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divides the features of each sentence by the square root of its number of tokens.

    Parameters
    ----------
    features : gives the features of texts, shape (n_sentences, n_features).
    language : the language of the texts.
    """

    def __init__(self, features: FeatureUnion, language: Language) -> None:
        self.features = features
        self.language = language

    def fit(self, X: Sequence[str], y: Any = None) -> "ScaledByLength":
        """Do nothing: the features are fitted already."""
        return self

    def transform(self, X: Sequence[str]) -> csr_matrix:
        """Return the scaled features of texts, shape (n_sentences, n_features)."""
        n_tokens = np.array([len(tokenize(text, self.language)) for text in X], np.int64)
        return (diags_array(length_scale(n_tokens)) @ self.features.transform(X)).tocsr()


class Heads(BaseEstimator):  # type: ignore[misc]
    """Fitted logistic regressions that share their features, one or more for each task.

    Parameters
    ----------
    heads : by task, one multinomial regression, or for a multi-label task one binary
        regression for each label.
    """

    def __init__(self, heads: dict[str, list[LogisticRegression]]) -> None:
        self.heads = heads

    def fit(self, X: Any, y: Any = None) -> "Heads":
        """Do nothing: the regressions are fitted already."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: csr_matrix) -> dict[str, npt.NDArray[np.float64]]:
        """Return by task the probability of each label, shape (n_sentences, n_labels)."""
        return {
            task: heads[0].predict_proba(X)
            if len(heads) == 1 and len(heads[0].classes_) > 2
            else np.stack([head.predict_proba(X)[:, 1] for head in heads], axis=1)
            for task, heads in self.heads.items()
        }


def to_pipeline(model: Model) -> Pipeline:
    """Return a scikit-learn pipeline that gives the model's probabilities.

    Parameters
    ----------
    model : any model.

    Returns
    -------
    Texts in; ``predict_proba`` gives a dict by task of arrays of shape (n_sentences,
    n_labels), as `tagger.Tagger.predict_proba` does.
    """
    featurizer = model.featurizer
    blocks = [block for block in featurizer.blocks if block.n_features]
    union = FeatureUnion(
        [(block.name, _vectorizer(featurizer, block)) for block in blocks],
        transformer_weights={block.name: featurizer.scales_[block.name] for block in blocks},
    )
    language = featurizer.settings.spoken
    heads = {c.task.name: _regressions(c) for c in model.classifiers}
    return Pipeline([("features", ScaledByLength(union, language)), ("heads", Heads(heads))])


def _vectorizer(featurizer: Featurizer, block: Block) -> TfidfVectorizer:
    options = {"norm": None, "vocabulary": block.names(), **block.vectorizer_options()}
    vectorizer = TfidfVectorizer(**options)
    vectorizer.idf_ = featurizer.idf_[block.columns]
    return vectorizer


def _regressions(classifier: Classifier) -> list[LogisticRegression]:
    coef = classifier.coef.astype(np.float64)
    if classifier.task.multilabel:
        rows = zip(coef, classifier.intercept, strict=True)
        return [_regression(row[None], np.array([b]), np.arange(2)) for row, b in rows]
    if len(coef) == 2:
        # scikit-learn keeps one row for two classes: the second against the first.
        coef, intercept = coef[1:] - coef[:1], np.diff(classifier.intercept.astype(np.float64))
        return [_regression(sign * coef, sign * intercept, np.arange(2)) for sign in (-1, 1)]
    return [_regression(coef, classifier.intercept, np.arange(len(coef)))]


def _regression(
    coef: npt.NDArray[Any],
    intercept: npt.NDArray[Any],
    classes: npt.NDArray[Any],
) -> LogisticRegression:
    regression = LogisticRegression()
    regression.coef_, regression.intercept_, regression.classes_ = coef, intercept, classes
    return regression
