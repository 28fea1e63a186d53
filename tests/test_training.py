import numpy as np
import pytest

from tagger.corpus.corpus import Corpus, Example
from tagger.errors import ConfigError, DataError
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import Classifier, decode, encode, sigmoid, softmax
from tagger.model.thresholds import best_f1_thresholds
from tagger.schema import CLAIM, THEME, Schema, Task
from tagger.training.calibration import calibrate, prior_shift
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TaskSettings, TrainingSettings

TONE = Schema((Task("tone", ("glad", "sad")),))


def tones(labels, docs=None):
    """A corpus whose sentences give their label away."""
    return Corpus(
        TONE,
        tuple(
            Example(f"A {label} day, the {i} th.", {"tone": label}, docs[i] if docs else "", {})
            for i, label in enumerate(labels)
        ),
    )


def test_a_single_label_task_is_learned():
    corpus = tones(["glad", "sad"] * 20)
    training = cross_fit(corpus, TrainingSettings(FeatureSettings(char_ngrams=(3, 4))))
    y = encode(TONE.tasks[0], corpus.labels("tone"))
    assert (training.out_of_fold["tone"].argmax(axis=1) == y).all()


def test_missing_answers_are_left_out_of_their_task():
    both = Schema((*TONE.tasks, Task("place", ("here", "there"))))
    examples = [
        Example(f"A {t} day {p}, {i}.", {"tone": t} if i % 3 else {"tone": t, "place": p}, str(i))
        for i, (t, p) in enumerate([("glad", "here"), ("sad", "there")] * 15)
    ]
    training = cross_fit(Corpus(both, tuple(examples)))
    assert training.out_of_fold["tone"].shape == (30, 2)
    assert training.out_of_fold["place"].shape == (30, 2)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (tones(["glad"] * 6), "no sentence has the tone 'sad'"),
        (tones(["glad", "sad"], docs=["d", "d"]), "one document"),
        (Corpus(TONE, (Example("a", {}), Example("b", {}))), "no sentence is annotated"),
    ],
)
def test_what_cannot_be_learned_is_refused(corpus, message):
    with pytest.raises(DataError, match=message):
        cross_fit(corpus)


def test_a_label_that_every_sentence_has():
    schema = Schema((Task("t", ("x", "y"), multilabel=True),))
    examples = (Example("a b", {"t": ("x",)}), Example("a c", {"t": ("x", "y")}))
    with pytest.raises(DataError, match="every sentence has the t 'x'"):
        cross_fit(Corpus(schema, examples))
    settings = TrainingSettings(tasks={"t": TaskSettings(priors={"x": 1.0, "y": 0.5})})
    with pytest.raises(ConfigError, match="expected shares below 1"):
        cross_fit(Corpus(schema, examples), settings)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"task": {}}, "did you mean 'tasks'"),
        ({"tasks": {"tone": {"c": 1.0}}}, "tasks.tone has 'c'"),
        ({"tasks": {"tone": {"C": -1.0}}}, "above 0"),
        ({"tasks": {"tone": {"C": "1"}}}, "expected a float"),
        ({"tasks": {"tone": {"review": 1.0}}}, "below 1"),
        ({"tasks": {"tone": {"temperature": 0.0}}}, "above 0"),
        ({"tasks": {"tone": {"threshold": 1.0}}}, "below 1"),
        ({"folds": 1}, "2 or more"),
        ({"folds": "5"}, "whole number"),
    ],
)
def test_a_wrong_configuration_is_named(raw, message):
    with pytest.raises(ConfigError, match=message):
        TrainingSettings.from_dict(raw)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tone": TaskSettings(priors={"glad": 1.0})}, "expected each label"),
        ({"tone": TaskSettings(blocks=("words",))}, "did you mean 'word'"),
        ({"tune": TaskSettings()}, "did you mean 'tone'"),
    ],
)
def test_settings_that_do_not_fit_the_schema(settings, message):
    with pytest.raises(ConfigError, match=message):
        cross_fit(tones(["glad", "sad"] * 4), TrainingSettings(tasks=settings))


def test_a_block_that_a_task_does_not_use_has_no_weight():
    settings = TrainingSettings(tasks={"tone": TaskSettings(blocks=("word",))})
    model = cross_fit(tones(["glad", "sad"] * 10), settings).model
    (classifier,) = model.classifiers
    columns = model.featurizer.blocks_
    assert np.any(classifier.coef[:, columns["word"]])
    assert not np.any(classifier.coef[:, columns["char"]])


def test_calibration_finds_the_scale_of_the_scores():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 3))
    y = np.array([rng.choice(3, p=p) for p in softmax(truth)])
    slope, offset = calibrate(CLAIM, 5 * truth, y)
    assert slope == pytest.approx(np.full(3, 0.2), rel=0.1)
    assert offset - offset.mean() == pytest.approx(np.zeros(3), abs=0.1)
    y = rng.random((4000, 3)) < sigmoid(truth)
    slope, offset = calibrate(THEME, 5 * truth - 2, y)
    assert slope == pytest.approx(np.full(3, 0.2), rel=0.1)
    assert offset == pytest.approx(np.full(3, 0.4), abs=0.1)


def test_a_prior_shift_moves_uniform_scores_to_the_priors():
    y = np.array([0, 0, 1, 2])
    priors = {"reported_fact": 6.0, "interpretation": 3.0, "speculation": 1.0}
    moved = np.log([0.5, 0.25, 0.25]) + prior_shift(CLAIM, y, priors)
    assert softmax(moved) == pytest.approx([0.6, 0.3, 0.1])
    y = np.array([[True, False, True], [False, True, True], [False, False, False], [True] * 3])
    priors = {"military": 0.2, "diplomatic": 0.1, "economic": 0.75}
    moved = np.log([1.0, 1.0, 3.0]) + prior_shift(THEME, y, priors)
    assert sigmoid(moved) == pytest.approx([0.2, 0.1, 0.75])


def test_best_f1_threshold():
    # F1 by number of labels given: 1: 2/3, 2: 1, 3: 4/5
    p = np.array([0.9, 0.2, 0.6, 0.1])
    assert best_f1_thresholds(p[:, None], np.array([True, False, True, False])[:, None])[
        0
    ] == pytest.approx(0.4)
    # Ties are given together or not at all.
    p = np.array([0.5, 0.5, 0.5])
    assert best_f1_thresholds(p[:, None], np.array([True, False, False])[:, None])[
        0
    ] == pytest.approx(0.25)


def test_decisions_and_margins():
    claim = Classifier(CLAIM, np.zeros((3, 1)), np.zeros(3), np.array([0.5, 0.25, 0.25]))
    p = np.array([[0.5, 0.3, 0.2], [0.6, 0.2, 0.2]])
    # over thresholds: 1.0, 1.2, 0.8 and 1.2, 0.8, 0.8
    assert decode(CLAIM, claim.decide(p)) == ["interpretation", "reported_fact"]
    assert claim.margins(p) == pytest.approx([0.2 / 3, 0.4 / 2.8])
    theme = Classifier(THEME, np.zeros((3, 1)), np.zeros(3), np.array([0.5, 0.2, 0.4]))
    p = np.array([[0.5, 0.1, 0.9]])
    assert decode(THEME, theme.decide(p)) == [("military", "economic")]
    assert theme.margins(p) == pytest.approx([0.0])
