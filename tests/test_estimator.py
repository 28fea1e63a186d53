import doctest
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import tagger
from tagger import TaggerClassifier, TaggerError
from tagger.training import estimator

TONES = np.array(["sad", "glad", "calm"])
WORDS = {
    "sad": ["grief", "loss", "tears", "sorrow"],
    "glad": ["joy", "smiles", "cheer", "delight"],
    "calm": ["rest", "quiet", "sleep", "peace"],
}
PLACES = ["town", "port", "market", "valley", "camp"]
# Every fifth text says something else than its label, so that no model is ever sure.
TEXTS = [
    f"There was {WORDS[TONES[(i + (i % 5 == 0)) % 3]][i // 3 % 4]} in the {PLACES[i % 5]}."
    for i in range(60)
]
Y = TONES[np.arange(60) % 3]
BINARY = Y == "glad"
INDICATOR = np.stack([Y == "sad", np.array(["town" in text for text in TEXTS])], axis=1).astype(int)

CLOSE = 5e-4  # features are of single precision in training


def classifier(**parameters):
    return TaggerClassifier(tol=1e-7, **parameters)


def reference(fitted, y, texts=TEXTS, **options):
    """scikit-learn's regression on the features that a classifier learned."""
    x = fitted.featurizer_.transform(texts)
    C = options.pop("C", 2.0)
    weights = options.pop("sample_weight", None)
    regression = LogisticRegression(C=C, tol=1e-8, max_iter=10_000, **options)
    return regression.fit(x, y, sample_weight=weights), x


# scikit-learn's checks

# scikit-learn draws the data of its other checks as numbers in two dimensions, and leaves
# them out by itself, with a warning, where an estimator's tags say that it takes strings.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", SkipTestWarning)
    mark = parametrize_with_checks([TaggerClassifier(), TaggerClassifier(C=1)]).mark
    # Before 1.7 it looks for them only when pytest collects, outside of this.
    for_strings = pytest.mark.parametrize(mark.args[0], list(mark.args[1]), **mark.kwargs)


@for_strings
def test_scikit_learn_checks_for_strings(estimator, check):
    check(estimator)


# Those of its checks that need no data, and that it leaves out all the same.
@pytest.mark.parametrize(
    "name",
    [
        "check_estimator_cloneable",
        "check_estimator_tags_renamed",
        "check_valid_tag_types",
        "check_estimator_repr",
        "check_no_attributes_set_in_init",
        "check_do_not_raise_errors_in_init_or_set_params",
        "check_mixin_order",
        "check_parameters_default_constructible",
        "check_get_params_invariance",
        "check_set_params",
    ],
)
def test_scikit_learn_checks_without_data(name):
    getattr(estimator_checks, name)("TaggerClassifier", TaggerClassifier())


def test_the_tags_say_strings():
    tags = get_tags(TaggerClassifier())
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.string and tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array and not tags.input_tags.sparse
    assert tags.classifier_tags.multi_class and tags.classifier_tags.multi_label
    assert tags.target_tags.required and not tags.non_deterministic


def test_fit_and_predict_leave_parameters_and_data_as_they_are():
    estimator, texts, y = classifier(), list(TEXTS), Y.copy()
    parameters = estimator.get_params()
    assert estimator.fit(texts, y) is estimator
    before = dict(estimator.__dict__)
    estimator.predict(["Grief again."])
    assert estimator.__dict__ == before and estimator.get_params() == parameters
    assert texts == TEXTS and (y == Y).all()
    learned = {name for name in before if name not in parameters}
    assert all(name.endswith("_") or name.startswith("_") for name in learned)
    assert not hasattr(estimator, "n_features_in_")  # as scikit-learn's own readers of text


def test_order_and_subset_of_texts_do_not_matter():
    fitted = classifier().fit(TEXTS, Y)
    whole = fitted.predict_proba(TEXTS)
    assert abs(fitted.predict_proba(TEXTS[::-1])[::-1] - whole).max() < 1e-12
    singly = np.concatenate([fitted.predict_proba([text]) for text in TEXTS])
    assert abs(singly - whole).max() < 1e-12
    assert fitted.predict_proba([]).shape == (0, 3) and fitted.predict([]).shape == (0,)


def test_a_second_fit_forgets_the_first():
    estimator = classifier().fit(TEXTS[:30], BINARY[:30]).fit(TEXTS, Y)
    again = classifier().fit(TEXTS, Y)
    assert (estimator.coef_ == again.coef_).all() and (
        estimator.intercept_ == again.intercept_
    ).all()
    assert estimator.classes_.tolist() == ["calm", "glad", "sad"]


def test_not_fitted():
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(TaggerClassifier(), method)(TEXTS)


# The same answers as scikit-learn's regression on the same features


def test_three_classes_equal_logistic_regression():
    fitted = classifier().fit(TEXTS, Y)
    expected, x = reference(fitted, Y)
    assert fitted.classes_.tolist() == expected.classes_.tolist() == ["calm", "glad", "sad"]
    assert fitted.coef_.shape == expected.coef_.shape and fitted.intercept_.shape == (3,)
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE
    scores = fitted.decision_function(TEXTS)
    assert scores.shape == (60, 3)
    assert abs(scores - expected.decision_function(x)).max() < 1e-3
    assert (fitted.predict(TEXTS) == expected.predict(x)).all()
    assert fitted.score(TEXTS, Y) == expected.score(x, Y) > 0.7


def test_two_classes_equal_logistic_regression():
    fitted = classifier(C=0.5).fit(TEXTS, BINARY)
    expected, x = reference(fitted, BINARY, C=0.5)
    assert fitted.classes_.tolist() == [False, True] and fitted.predict(TEXTS).dtype == bool
    assert fitted.coef_.shape == expected.coef_.shape and fitted.intercept_.shape == (1,)
    scores = fitted.decision_function(TEXTS)
    assert scores.shape == (60,)
    assert abs(scores - expected.decision_function(x)).max() < 1e-3
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE
    assert (fitted.predict(TEXTS) == (scores > 0)).all()


def test_default_tolerance_is_close():
    fitted = TaggerClassifier().fit(TEXTS, Y)
    expected, x = reference(fitted, Y)
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < 5e-3


def test_several_labels_equal_one_regression_each():
    fitted = classifier().fit(TEXTS, INDICATOR)
    assert fitted.classes_.tolist() == [0, 1] and fitted.multilabel_
    probabilities = fitted.predict_proba(TEXTS)
    assert probabilities.shape == fitted.decision_function(TEXTS).shape == (60, 2)
    for k in range(2):
        expected, x = reference(fitted, INDICATOR[:, k])
        assert abs(probabilities[:, k] - expected.predict_proba(x)[:, 1]).max() < CLOSE
    predicted = fitted.predict(TEXTS)
    assert predicted.dtype.kind == "i" and (predicted == (probabilities > 0.5)).all()
    assert fitted.score(TEXTS, INDICATOR) == accuracy_score(INDICATOR, predicted)
    for same in (csr_matrix(INDICATOR), INDICATOR.astype(bool), INDICATOR.tolist()):
        assert (classifier().fit(TEXTS, same).predict_proba(TEXTS) == probabilities).all()


@pytest.mark.parametrize("value", [0, 1])
def test_a_label_that_all_or_no_texts_have(value):
    y = np.column_stack([INDICATOR[:, 0], np.full(60, value)])
    with pytest.warns(UserWarning, match=f"label 1 is in {['no', 'every'][value]} text"):
        fitted = classifier().fit(TEXTS, y)
    # (60 + 0.5) texts with the label to 0.5 without, or the other way round.
    assert fitted.predict_proba(TEXTS)[:, 1] == pytest.approx([0.5, 60.5][value] / 61)
    assert (fitted.predict(TEXTS)[:, 1] == value).all()


@pytest.mark.parametrize("y", [Y, BINARY, INDICATOR])
def test_balanced_classes(y):
    fitted = classifier(class_weight="balanced").fit(TEXTS, y)
    for k, column in enumerate(y.T if y.ndim == 2 else [y]):
        expected, x = reference(fitted, column, class_weight="balanced")
        theirs = expected.predict_proba(x)
        ours = fitted.predict_proba(TEXTS)
        ours = ours[:, k] if y.ndim == 2 else ours
        assert abs(ours - (theirs[:, 1] if y.ndim == 2 else theirs)).max() < CLOSE


def test_weights_of_classes():
    weights = {"sad": 5.0, "calm": 0.5}
    fitted = classifier(class_weight=weights).fit(TEXTS, Y)
    expected, x = reference(fitted, Y, sample_weight=[weights.get(label, 1) for label in Y])
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE
    with pytest.raises(ValueError, match=r"sda.*expected classes of .'calm', 'glad', 'sad'"):
        TaggerClassifier(class_weight={"sda": 2} | weights).fit(TEXTS, Y)


def test_lexicons_and_vectors_are_features_too():
    fitted = classifier(lexicons=("claims",), vectors="words-en").fit(TEXTS, BINARY)
    names = [block.name for block in fitted.featurizer_.blocks if block.n_features]
    assert "claims" in names and names[-1] == "vectors"
    expected = fitted.featurizer_.transform(TEXTS) @ fitted.coef_[0] + fitted.intercept_
    assert abs(fitted.decision_function(TEXTS) - expected).max() < 1e-9
    # No text holds the word or its letters, but texts hold words like it.
    options = {"char_ngrams": (5, 5), "masked_ngrams": ()}
    for vectors, learned in (("", False), ("words-en", True)):
        fitted = classifier(vectors=vectors, **options).fit(TEXTS, BINARY)
        assert (fitted.decision_function(["Happiness"]) > fitted.intercept_) == learned


# Weights of texts


def test_sample_weight_equals_logistic_regression():
    weights = np.random.default_rng(0).uniform(0, 3, 60)
    for y in (Y, BINARY):
        fitted = classifier().fit(TEXTS, y, sample_weight=weights)
        expected, x = reference(fitted, y, sample_weight=weights)
        assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE


def test_a_weight_of_two_counts_a_text_twice_in_the_loss():
    weights = np.where(np.arange(60) % 4 == 0, 2, 1)
    fitted = classifier().fit(TEXTS, Y, sample_weight=weights)
    twice = np.repeat(np.arange(60), weights)
    expected, _ = reference(fitted, Y[twice], [TEXTS[i] for i in twice])
    x = fitted.featurizer_.transform(TEXTS)
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE
    # The features are those of the texts as they are.
    assert fitted.featurizer_.n_documents_ == 60


def test_a_weight_of_zero_leaves_a_text_out_of_the_loss():
    kept = np.arange(60) >= 12
    fitted = classifier().fit(TEXTS, Y, sample_weight=kept.astype(float))
    expected, _ = reference(fitted, Y[kept], [TEXTS[i] for i in np.flatnonzero(kept)])
    x = fitted.featurizer_.transform(TEXTS)
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE


def test_balanced_with_weights():
    weights = np.random.default_rng(1).uniform(0.5, 2, 60)
    fitted = classifier(class_weight="balanced").fit(TEXTS, BINARY, sample_weight=weights)
    sums = np.array([weights[~BINARY].sum(), weights[BINARY].sum()])
    expected, x = reference(
        fitted, BINARY, sample_weight=weights * (weights.sum() / 2 / sums)[BINARY.astype(int)]
    )
    assert abs(fitted.predict_proba(TEXTS) - expected.predict_proba(x)).max() < CLOSE


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 59, "59"),
        ([-1.0] + [1.0] * 59, "[Nn]egative"),
        ([np.nan] + [1.0] * 59, "NaN"),
        ((Y != "sad").astype(float), "'sad' weigh 0"),
    ],
)
def test_weights_that_cannot_be(weights, message):
    with pytest.raises(ValueError, match=message):
        TaggerClassifier().fit(TEXTS, Y, sample_weight=weights)


# In scikit-learn's company


def test_cross_val_score_is_the_mean_of_folds_done_by_hand():
    folds = StratifiedKFold(3)
    by_hand = [
        np.mean(
            classifier().fit([TEXTS[i] for i in a], Y[a]).predict([TEXTS[i] for i in b]) == Y[b]
        )
        for a, b in folds.split(TEXTS, Y)
    ]
    assert cross_val_score(classifier(), TEXTS, Y, cv=folds).tolist() == by_hand
    assert cross_val_score(classifier(), pd.Series(TEXTS), Y, cv=folds).tolist() == by_hand
    losses = cross_val_score(classifier(), np.array(TEXTS), Y, cv=folds, scoring="neg_log_loss")
    assert (losses > -np.log(3)).all()  # better than a third for each class


def test_grid_search_finds_parameters():
    grid = {"C": np.array([0.01, 2.0]), "word_min_df": np.array([1, 2]), "char_ngrams": [(2, 3)]}
    search = GridSearchCV(TaggerClassifier(), grid, cv=3, n_jobs=2, error_score="raise")
    search.fit(TEXTS, Y, sample_weight=np.ones(60))
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_.get_params()["C"] == search.best_params_["C"]
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert (search.predict(TEXTS) == search.best_estimator_.predict(TEXTS)).all()


def test_clone_keeps_the_parameters_and_nothing_learned():
    fitted = classifier(C=3.0, class_weight={"sad": 2.0}).fit(TEXTS, Y)
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params() and not hasattr(copied, "coef_")
    assert (copied.fit(TEXTS, Y).coef_ == fitted.coef_).all()


def test_pipeline():
    def lowered(texts):
        return [text.lower() for text in texts]

    pipeline = make_pipeline(FunctionTransformer(lowered), classifier())
    pipeline.fit(TEXTS, Y, taggerclassifier__sample_weight=np.ones(60))
    expected = classifier().fit(lowered(TEXTS), Y)
    assert (pipeline.predict_proba(TEXTS) == expected.predict_proba(lowered(TEXTS))).all()
    assert pipeline.classes_.tolist() == ["calm", "glad", "sad"]
    assert pipeline.set_params(taggerclassifier__C=0.1)[-1].C == 0.1


def test_voting_takes_the_mean_of_probabilities():
    bayes = make_pipeline(CountVectorizer(), MultinomialNB())
    voting = VotingClassifier([("tagger", classifier()), ("bayes", bayes)], voting="soft")
    voting.fit(TEXTS, Y)
    ours = classifier().fit(TEXTS, Y).predict_proba(TEXTS)
    mean = (ours + bayes.fit(TEXTS, Y).predict_proba(TEXTS)) / 2
    assert abs(voting.predict_proba(TEXTS) - mean).max() < 1e-12
    assert (voting.predict(TEXTS) == voting.classes_[mean.argmax(axis=1)]).all()


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method):
    calibrated = CalibratedClassifierCV(classifier(C=1000.0), method=method, cv=3).fit(TEXTS, Y)
    probabilities = calibrated.predict_proba(TEXTS)
    assert probabilities.shape == (60, 3)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(60))
    # A fifth of the labels contradict their texts, which an uncalibrated fit learns by heart.
    raw = classifier(C=1000.0).fit(TEXTS, Y).predict_proba(TEXTS)
    assert probabilities.max(axis=1).mean() < raw.max(axis=1).mean()


def test_one_against_the_rest_equals_several_labels():
    rest = OneVsRestClassifier(classifier()).fit(TEXTS, INDICATOR)
    ours = classifier().fit(TEXTS, INDICATOR)
    assert abs(rest.predict_proba(TEXTS) - ours.predict_proba(TEXTS)).max() < 1e-12
    assert (rest.predict(TEXTS) == ours.predict(TEXTS)).all()
    single = OneVsRestClassifier(classifier()).fit(TEXTS, Y)
    assert (
        single.predict(TEXTS).tolist()
        == single.classes_[single.decision_function(TEXTS).argmax(axis=1)].tolist()
    )


def test_multi_output_equals_several_labels():
    each = MultiOutputClassifier(classifier()).fit(TEXTS, INDICATOR)
    ours = classifier().fit(TEXTS, INDICATOR)
    theirs = np.stack([p[:, 1] for p in each.predict_proba(TEXTS)], axis=1)
    assert abs(theirs - ours.predict_proba(TEXTS)).max() < 1e-12
    scores = cross_val_score(ours, TEXTS, INDICATOR, cv=3, scoring="f1_macro")
    assert scores.shape == (3,)
    assert f1_score(INDICATOR, ours.predict(TEXTS), average="macro") > 0.8


@pytest.mark.parametrize("y", [Y, BINARY, INDICATOR])
def test_pickles_and_joblib_give_the_same_answers(y, tmp_path):
    fitted = classifier().fit(TEXTS, y)
    expected = fitted.predict_proba(TEXTS)
    joblib.dump(fitted, tmp_path / "classifier.joblib")
    for copied in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "classifier.joblib")):
        assert (copied.predict_proba(TEXTS) == expected).all()
        assert (copied.predict(TEXTS) == fitted.predict(TEXTS)).all()
    empty = pickle.loads(pickle.dumps(classifier(C=3.0)))
    assert empty.C == 3.0 and not hasattr(empty, "coef_")


# Labels of any type, and texts of any container


@pytest.mark.parametrize("labels", [["c", "a", "b"], [30, 10, 20], [0, 2, 1], [2.0, 1.0, 0.0]])
def test_labels_of_any_type(labels):
    y = [labels[i % 3] for i in range(60)]
    fitted = classifier().fit(TEXTS, y)
    assert fitted.classes_.tolist() == sorted(labels)
    assert set(fitted.predict(TEXTS).tolist()) == set(labels)
    series = pd.Series(y, index=range(100, 160))
    assert (classifier().fit(TEXTS, series).coef_ == fitted.coef_).all()


def test_containers_of_texts():
    expected = classifier().fit(TEXTS, Y).predict_proba(TEXTS)
    series = pd.Series(TEXTS, index=range(60, 0, -1))
    for texts in (tuple(TEXTS), series, series.astype("string"), np.array(TEXTS, object)):
        assert (classifier().fit(texts, Y).predict_proba(texts) == expected).all()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (pd.DataFrame({"text": TEXTS}), "DataFrame.*one of its columns: text"),
        ([*TEXTS[:59], None], "text 59 is missing"),
        ([*TEXTS[:59], float("nan")], "text 59 is missing"),
        (pd.Series([np.nan, *TEXTS[1:]], dtype=object), "text 0 is missing"),
        ([b"bytes", *TEXTS[1:]], "text 0 is a bytes"),
        (list(range(60)), "text 0 is a int"),
        ([[text] for text in TEXTS], "text 0 is a list"),
        (np.array(TEXTS)[:, None], "text 0 is a list"),
        (csr_matrix((60, 3)), "csr_matrix"),
        (None, "None"),
        ("one text", "one string"),
        (np.array("one text"), "one string"),
    ],
)
def test_texts_that_cannot_be(texts, message):
    fitted = classifier().fit(TEXTS, Y)
    for ask in (lambda: TaggerClassifier().fit(texts, Y), lambda: fitted.predict(texts)):
        with pytest.raises(ValueError, match=message):
            ask()


@pytest.mark.parametrize("n", [0, 59])
def test_as_many_labels_as_texts(n):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TaggerClassifier().fit(TEXTS[:n], Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (["sad"] * 60, "one class"),
        ([*Y[:59], None], "label 59 is missing"),
        (pd.Series([np.nan, *Y[1:]]), "label 0 is missing"),
        (pd.Series([pd.NA, *Y[1:]], dtype="string"), "label 0 is missing"),
        (["sad", 1] * 30, "some labels are strings and some are not"),
        (pd.Series(["sad", 1] * 30), "some labels are strings and some are not"),
        (np.linspace(0, 1, 60), "continuous"),
        (np.arange(120).reshape(60, 2) % 7, "multiclass-multioutput, expected .*indicator"),
        ([("sad", "town")] * 60, "multiclass-multioutput, expected .*indicator"),
        ([("sad", "town"), ("sad",)] * 30, "MultiLabelBinarizer"),
        (pd.Series([["sad", "town"]] * 60), "MultiLabelBinarizer"),
    ],
)
def test_labels_that_cannot_be(y, message):
    with pytest.raises(ValueError, match=message):
        TaggerClassifier().fit(TEXTS, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"C": 0}, "C is 0"),
        ({"C": "2"}, "C is '2'"),
        ({"tol": -1.0}, "tol is -1.0"),
        ({"word_min_df": 0}, "word_min_df is 0"),
        ({"word_min_df": 1.5}, "word_min_df is 1.5"),
        ({"word_ngrams": (2, 1)}, "word_ngrams is"),
        ({"language": "English"}, "language is 'English'"),
        ({"class_weight": "even"}, "class_weight"),
        ({"class_weight": {"sad": -1}}, "class_weight"),
    ],
)
def test_parameters_that_cannot_be_are_refused_by_fit(parameters, message):
    estimator = TaggerClassifier(**parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(TEXTS, Y)
    assert not hasattr(estimator, "classes_")


def test_errors_are_taggers_own():
    with pytest.raises(TaggerError):
        TaggerClassifier().fit(TEXTS, ["sad"] * 60)
    with pytest.raises(TaggerError, match="no term is left"):
        TaggerClassifier(masked_ngrams=()).fit(["a", "b"], [0, 1])


def test_the_front_door_fetches_it_only_when_asked():
    assert "TaggerClassifier" in tagger.__all__ and "TaggerClassifier" in dir(tagger)
    code = (
        "import sys, tagger; before = 'sklearn' in sys.modules;"
        "tagger.TaggerClassifier; print(before, 'sklearn' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


def test_the_example_runs():
    assert doctest.testmod(estimator).failed == 0
