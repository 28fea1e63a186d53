"""Model -> scikit-learn Pipelines, for those who work there.

A pipeline answers one task with the model's probabilities and labels. Its features come
from scikit-learn's own vectorizers; it is slower than the model, and unlike a model
folder it is a pickle, which runs code when it is loaded.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline

from tagger.features.arrays import Floats
from tagger.features.block import Block
from tagger.features.featurizer import Featurizer, length_scale
from tagger.model.classifier import Classifier, probabilities_of
from tagger.model.model import Model
from tagger.text.language import Language
from tagger.text.tokens import tokenize


class Frozen(BaseEstimator):  # type: ignore[misc]
    """An estimator that stays as it was learned, as `sklearn.frozen.FrozenEstimator` does."""

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing: it is fitted already."""
        return self


class ScaledByLength(TransformerMixin, Frozen):  # type: ignore[misc]
    """Divides the features of each sentence by the square root of its number of tokens.

    Parameters
    ----------
    features : gives the features of texts, shape (n_sentences, n_features).
    language : the language of the texts.
    """

    def __init__(self, features: FeatureUnion, language: Language) -> None:
        self.features = features
        self.language = language

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def transform(self, X: Sequence[str]) -> csr_matrix:
        """Return the scaled features of texts, shape (n_sentences, n_features)."""
        n_tokens = np.array([len(tokenize(text, self.language)) for text in X], np.int64)
        return (diags_array(length_scale(n_tokens)) @ self.features.transform(X)).tocsr()


class TaskClassifier(ClassifierMixin, Frozen):  # type: ignore[misc]
    """The linear classifier of one task on features.

    Parameters
    ----------
    classifier : as the model has it.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = self.classifier.task.multilabel
        return tags

    @property
    def classes_(self) -> npt.NDArray[np.str_]:
        """The names of the labels, sorted, as scikit-learn's scorers expect them."""
        return np.sort(self.classifier.task.labels)

    @property
    def _order(self) -> npt.NDArray[np.intp]:
        return np.argsort(self.classifier.task.labels)

    def predict_proba(self, X: csr_matrix) -> Floats:
        """Return the probability of each label, shape (n_sentences, n_labels)."""
        return self._probabilities(X)[:, self._order]

    def predict(self, X: csr_matrix) -> npt.NDArray[Any]:
        """Return the label that the model gives each sentence, shape (n_sentences,).

        Returns
        -------
        For a multi-label task an indicator matrix, shape (n_sentences, n_labels).
        """
        decided = self.classifier.decide(self._probabilities(X))
        if self.classifier.task.multilabel:
            return decided[:, self._order].astype(np.int64)
        return np.array(self.classifier.task.labels)[decided]

    def _probabilities(self, X: csr_matrix) -> Floats:
        scores = X @ self.classifier.coef.T.astype(np.float64) + self.classifier.intercept
        return probabilities_of(self.classifier.task, scores)


def to_pipelines(model: Model) -> dict[str, Pipeline]:
    """Return by task a scikit-learn pipeline that gives the model's answers.

    Returns
    -------
    Pipelines of texts, which share their features. ``classes_`` are the names of the
    labels, sorted; ``predict_proba`` has a column for each, and ``predict`` gives a label
    for each text, for a multi-label task an indicator matrix with a column for each.
    """
    featurizer = model.featurizer
    blocks = [block for block in featurizer.blocks if block.n_features]
    union = FeatureUnion(
        [(block.name, _vectorizer(featurizer, block)) for block in blocks],
        transformer_weights={block.name: featurizer.scales_[block.name] for block in blocks},
    )
    features = ScaledByLength(union, featurizer.settings.spoken)
    return {
        c.task.name: Pipeline([("features", features), ("classifier", TaskClassifier(c))])
        for c in model.classifiers
    }


def _vectorizer(featurizer: Featurizer, block: Block) -> TfidfVectorizer:
    options = {"norm": None, "vocabulary": block.names(), **block.vectorizer_options()}
    vectorizer = TfidfVectorizer(**options)
    vectorizer.idf_ = featurizer.idf_[block.columns]
    return vectorizer
