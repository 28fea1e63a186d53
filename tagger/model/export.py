"""Model -> scikit-learn Pipeline, for those who work there.

The pipeline is built from scikit-learn's own vectorizers and classifiers and gives
the model's probabilities; it is slower, and unlike a model folder it is a pickle,
which runs code when it is loaded.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from tagger.features.featurizer import BOUNDS, Featurizer, length_scale
from tagger.model.classifier import Classifier
from tagger.model.model import Model
from tagger.text.lexicon import Lexicon
from tagger.text.tokens import TOKEN_PATTERN, mask, normalize, surface_tokens, tokenize


class ScaledByLength(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divides the features of each sentence by the square root of its number of tokens.

    Parameters
    ----------
    features : gives the features of texts, shape (n_sentences, n_features).
    """

    def __init__(self, features: FeatureUnion) -> None:
        self.features = features

    def fit(self, X: Sequence[str], y: Any = None) -> "ScaledByLength":
        """Do nothing: the features are fitted already."""
        return self

    def transform(self, X: Sequence[str]) -> csr_matrix:
        """Return the scaled features of texts, shape (n_sentences, n_features)."""
        n_tokens = np.array([len(tokenize(text)) for text in X], np.int64)
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


class MaskedAnalyzer:
    """Text -> n-grams of masked tokens.

    Parameters
    ----------
    kept : the words that are not masked.
    ngrams : lowest and highest number of tokens.
    """

    def __init__(self, kept: Iterable[str], ngrams: Sequence[int]) -> None:
        self.kept = frozenset(kept)
        self.ngrams = tuple(ngrams)

    def __call__(self, text: str) -> list[str]:
        """Return the n-grams of a text."""
        tokens = []
        for chunk in text.split():
            for surface in surface_tokens(chunk):
                lowered = surface.lower()
                tokens.append(lowered if lowered in self.kept else mask(surface))
        low, high = self.ngrams
        bounded = [BOUNDS[0], *tokens, BOUNDS[1]]
        found = tokens if low == 1 else []
        return found + [
            " ".join(bounded[i : i + n])
            for n in range(max(2, low), high + 1)
            for i in range(len(bounded) - n + 1)
        ]


class LexiconAnalyzer:
    """Text -> classes of its words and phrases.

    Parameters
    ----------
    lexicon : the classes.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.longest = max(map(len, lexicon.phrases), default=1)

    def __call__(self, text: str) -> list[str]:
        """Return the classes found in a text, with repeats."""
        surfaces = [surface for chunk in text.split() for surface in surface_tokens(chunk)]
        found = [label for surface in surfaces for label in self.lexicon.classes_of(surface)]
        tokens = [surface.lower() for surface in surfaces]
        for n in range(2, self.longest + 1):
            for i in range(len(tokens) - n + 1):
                found += self.lexicon.phrases.get(tuple(tokens[i : i + n]), [])
        return found


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
    blocks = [name for name, c in featurizer.blocks_.items() if c.stop > c.start]
    union = FeatureUnion(
        [(name, _vectorizer(featurizer, name)) for name in blocks],
        transformer_weights={name: featurizer.scales_[name] for name in blocks},
    )
    heads = {c.task.name: _regressions(c) for c in model.classifiers}
    return Pipeline([("features", ScaledByLength(union)), ("heads", Heads(heads))])


def _vectorizer(featurizer: Featurizer, block: str) -> TfidfVectorizer:
    settings = featurizer.settings
    options: dict[str, Any] = {"norm": None, "vocabulary": featurizer.feature_names(block)}
    if block == "char":
        options |= {
            "analyzer": "char_wb",
            "ngram_range": settings.char_ngrams,
            "preprocessor": normalize,
        }
    elif block == "masked":
        options["analyzer"] = MaskedAnalyzer(featurizer.kept_, settings.masked_ngrams)
    elif block in settings.lexicons:
        lexicon = featurizer.lexicons[settings.lexicons.index(block)]
        options["analyzer"] = LexiconAnalyzer(lexicon)
    else:
        options |= {
            "token_pattern": TOKEN_PATTERN,
            "ngram_range": settings.word_ngrams if block == "word" else (1, 1),
            "preprocessor": normalize,
        }
    vectorizer = TfidfVectorizer(**options)
    vectorizer.idf_ = featurizer.idf_[featurizer.blocks_[block]]
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
