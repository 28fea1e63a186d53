"""A classifier of texts as scikit-learn knows them."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted
from threadpoolctl import threadpool_limits

from tagger.errors import ConfigError, DataError
from tagger.features.arrays import Floats, Product
from tagger.features.featurizer import Featurizer
from tagger.features.scorer import Scorer
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import sigmoid, softmax
from tagger.sequences import text_list
from tagger.training.logistic import fit_logistic, frequent_first, scaled_embedding


class TaggerClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on the TF-IDF features of texts.

    Learns the features and the regression that `tagger.train` does, and minimizes what
    `sklearn.linear_model.LogisticRegression` does. Unlike `tagger.train` it neither
    calibrates probabilities nor sets thresholds; `sklearn.calibration` and
    `sklearn.model_selection` have estimators for both.

    Parameters
    ----------
    language : ISO 639 code of the language of the texts; ``und`` where unknown.
    word_ngrams : lowest and highest number of tokens in a word n-gram.
    char_ngrams : lowest and highest number of characters in a character n-gram.
    masked_ngrams : lowest and highest number of tokens in an n-gram of masked tokens;
        empty for none.
    word_min_df, char_min_df, masked_min_df : in how many texts a term must occur.
    lexicons : names of lexicons whose classes become features.
    vectors : name of the word vectors that words are seen through as well, or empty.
    C : inverse strength of the L2 penalty.
    tol : largest gradient to stop at.
    class_weight : None, ``"balanced"`` for classes that weigh the same in sum, or a dict
        of weights by class, 1 where missing. For several labels a text the classes of
        each label are 0 and 1.

    Attributes
    ----------
    classes_ : sorted; for several labels a text the numbers of their columns.
    multilabel_ : whether a text has several labels.
    coef_ : shape (1, n_features) for two classes, else (n_classes, n_features).
    intercept_ : shape (1,) for two classes, else (n_classes,).
    featurizer_ : a fitted `tagger.features.featurizer.Featurizer`.

    Examples
    --------
    >>> from tagger import TaggerClassifier
    >>> texts = ["Prices may rise.", "Rates may fall.", "Prices rose.", "Rates fell."]
    >>> classifier = TaggerClassifier(word_min_df=1, char_min_df=1)
    >>> classifier.fit(texts, ["speculation", "speculation", "fact", "fact"])
    TaggerClassifier(char_min_df=1, word_min_df=1)
    >>> classifier.predict(["Wages may grow."]).tolist()
    ['speculation']
    """

    def __init__(
        self,
        *,
        language: str = "en",
        word_ngrams: tuple[int, int] = (1, 2),
        char_ngrams: tuple[int, int] = (2, 5),
        masked_ngrams: tuple[int, ...] = (1, 3),
        word_min_df: int = 2,
        char_min_df: int = 3,
        masked_min_df: int = 3,
        lexicons: tuple[str, ...] = (),
        vectors: str = "",
        C: float = 2.0,
        tol: float = 1e-4,
        class_weight: Mapping[Any, float] | str | None = None,
    ) -> None:
        self.language = language
        self.word_ngrams = word_ngrams
        self.char_ngrams = char_ngrams
        self.masked_ngrams = masked_ngrams
        self.word_min_df = word_min_df
        self.char_min_df = char_min_df
        self.masked_min_df = masked_min_df
        self.lexicons = lexicons
        self.vectors = vectors
        self.C = C
        self.tol = tol
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # The scorer holds a lock and a table of known words, which a copy makes anew.
        return {name: value for name, value in super().__getstate__().items() if name != "_scorer"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "coef_" in state:
            self._scorer = Scorer(self.featurizer_, self.coef_.T, self.intercept_)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TaggerClassifier":
        """Learn from labelled texts.

        Parameters
        ----------
        X : texts: a list, a Series or an array of strings, shape (n_texts,).
        y : the class of each text, shape (n_texts,), or for several labels a text an
            indicator matrix, shape (n_texts, n_labels).
        sample_weight : how much each text weighs in the loss, shape (n_texts,); it does
            not count in the document frequencies, which are of texts.

        Raises
        ------
        DataError : texts, labels or weights that cannot be learned from.
        ConfigError : a parameter that cannot be.
        """
        featurizer = Featurizer(self._settings())
        texts = text_list(X, "text")
        classes, targets, multilabel = _encode(y)
        check_consistent_length(texts, targets)
        weights = _check_sample_weight(sample_weight, texts, ensure_non_negative=True)
        x = featurizer.fit_factors(texts).astype(np.float32)
        embedding = scaled_embedding(featurizer, x)
        columns = frequent_first(featurizer, featurizer.blocks)
        x = x.columns(columns)
        heads = list(targets.T[:, :, None]) if multilabel else [targets]
        kinds = np.arange(2) if multilabel else classes
        # As in training a model: the last bits must not hang on the number of threads.
        with threadpool_limits(limits=1):
            fitted = [
                self._regression(x, head, kinds, weights, embedding, label if multilabel else None)
                for label, head in enumerate(heads)
            ]
        coef, intercept = (np.concatenate(side) for side in zip(*fitted, strict=True))
        self.featurizer_, self.classes_, self.multilabel_ = featurizer, classes, multilabel
        self.coef_, self.intercept_ = np.empty_like(coef), intercept
        self.coef_[:, columns] = coef
        self._scorer = Scorer(featurizer, self.coef_.T, self.intercept_)
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return the scores of texts: log-odds for two classes and for several labels a text.

        Returns
        -------
        Shape (n_texts,) for two classes, else (n_texts, n_classes).
        """
        check_is_fitted(self)
        scores = self._scorer.decision_function(text_list(X, "text"))
        return scores if self.multilabel_ or len(self.classes_) > 2 else scores[:, 0]

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, or of each label, shape (n_texts, n_classes)."""
        scores = self.decision_function(X)
        if self.multilabel_:
            return sigmoid(scores)
        if scores.ndim == 1:
            return sigmoid(np.stack([-scores, scores], axis=1))
        return softmax(scores)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of each text, shape (n_texts,); of several an indicator matrix."""
        scores = self.decision_function(X)
        if self.multilabel_:
            return (scores > 0).astype(np.int64)
        best = np.where(scores > 0, 1, 0) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best]

    def _settings(self) -> FeatureSettings:
        raw = self.get_params(deep=False)
        del raw["class_weight"]
        for name in ("C", "tol"):
            value = raw.pop(name)
            if not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
                raise ConfigError(f"{name} is {value!r}, expected a number above 0")
        # Grids are often NumPy's, and from_dict reads JSON's values.
        plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in raw.items()}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}
        return FeatureSettings.from_dict(plain)

    def _regression(
        self,
        x: Product,
        targets: Floats,
        classes: npt.NDArray[Any],
        weights: Floats,
        embedding: npt.NDArray[np.float32],
        label: int | None,
    ) -> tuple[Floats, Floats]:
        """Fit one regression, whose targets are one column for two classes."""
        members = targets if targets.shape[1] > 1 else np.hstack([1 - targets, targets])
        sizes = weights @ members
        if not sizes.all():
            lacking = classes[sizes == 0].tolist()[0]
            if label is None:
                raise DataError(f"all texts of the class {lacking!r} weigh 0, expected above 0")
            warnings.warn(
                f"label {label} is in {'no' if lacking else 'every'} text: its probability "
                "is the same for all texts; add texts of the other kind",
                stacklevel=3,
            )
            # The log-odds of a share of 0 or 1, kept finite (Haldane 1956).
            return np.zeros((1, x.shape[1])), np.diff(np.log(sizes + 0.5))
        weights = weights * (members @ self._weights_of(classes, sizes))
        # The loss is a mean, with weights of mean one: C takes up their size.
        mean = float(weights.mean())
        return fit_logistic(x, targets, self.C * mean, weights / mean, embedding, self.tol)

    def _weights_of(self, classes: npt.NDArray[Any], sizes: Floats) -> Floats:
        """Return what `class_weight` makes of classes, given the sum of weights of each."""
        if self.class_weight == "balanced":
            return sizes.sum() / (len(classes) * sizes)
        known = classes.tolist()
        if isinstance(self.class_weight, Mapping) and not set(self.class_weight) <= set(known):
            raise ConfigError(f"class_weight is {self.class_weight!r}, expected classes of {known}")
        weights = compute_class_weight(self.class_weight, classes=classes, y=classes)
        if not (weights > 0).all():
            raise ConfigError(f"class_weight is {self.class_weight!r}, expected numbers above 0")
        return weights


def _encode(y: Any) -> tuple[npt.NDArray[Any], Floats, bool]:
    """Return the classes, a column of ones and zeros for each, and whether a text has several.

    Two classes of which a text has one need only the column of the second.
    """
    if y is None:
        raise DataError("fit requires y to be passed, but the target y is None: pass the labels")
    labels = y.toarray() if hasattr(y, "toarray") else np.asarray(y, object)
    for i, label in enumerate(labels if labels.ndim == 1 else ()):
        if label is None or type(label).__name__ in ("NAType", "NaTType") or label != label:
            raise DataError(f"label {i} is missing ({label}): leave out texts without a label")
    if len({isinstance(label, str) for label in labels.flat}) > 1:
        raise DataError("some labels are strings and some are not, expected all of one type")
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind == "multilabel-indicator":
        return np.arange(labels.shape[1]), labels.astype(np.float64), True
    if kind not in ("binary", "multiclass"):
        raise DataError(
            f"y is {kind}, expected a class for each text, or an indicator matrix: "
            "MultiLabelBinarizer makes one of lists of labels"
        )
    classes, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"all texts are of one class, {classes.tolist()}: expected at least two")
    one_hot = (codes[:, None] == np.arange(len(classes))).astype(np.float64)
    return classes, one_hot if len(classes) > 2 else one_hot[:, 1:], False
