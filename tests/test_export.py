import subprocess
import sys
from dataclasses import replace

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from tagger import Tagger
from tagger.corpus.corpus import Corpus, Example
from tagger.model.export import to_pipelines
from tagger.schema import Schema, Task
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TaskSettings, TrainingSettings


@pytest.fixture(scope="module")
def pipelines(tagger, tmp_path_factory):
    """Those of the shipped model, as another process gets them."""
    path = tmp_path_factory.mktemp("export") / "pipelines.joblib"
    joblib.dump(to_pipelines(tagger.model), path)
    return joblib.load(path)


def in_order_of(pipeline, task, probabilities):
    """Put a model's columns in the order of a pipeline's classes."""
    return probabilities[:, [task.labels.index(label) for label in pipeline.classes_]]


def test_the_pipelines_give_the_same_probabilities(tagger, pipelines, sentences):
    texts = [*sentences[:300], "", "Unheardofword."]
    expected = tagger.predict_proba(texts)
    assert list(pipelines) == ["claim", "theme"]
    for task in tagger.schema.tasks:
        pipeline = pipelines[task.name]
        assert pipeline.classes_.tolist() == sorted(task.labels)
        ours = pipeline.predict_proba(texts)
        assert ours.shape == (302, 3)
        assert abs(ours - in_order_of(pipeline, task, expected[task.name])).max() < 1e-9


def test_the_pipelines_give_the_taggers_labels(tagger, pipelines, sentences):
    texts = sentences[:300]
    tags = tagger.tag_sentences(texts)
    claims = [tag.labels["claim"] for tag in tags]
    assert pipelines["claim"].predict(texts).tolist() == claims
    themes = MultiLabelBinarizer(classes=pipelines["theme"].classes_)
    expected = themes.fit_transform([tag.labels["theme"] for tag in tags])
    assert expected.any() and (pipelines["theme"].predict(texts) == expected).all()
    assert pipelines["claim"].score(texts, claims) == pipelines["theme"].score(texts, expected) == 1


def test_scikit_learn_takes_the_pipelines_for_fitted_classifiers(pipelines, sentences):
    texts, pipeline = sentences[:60], pipelines["claim"]
    assert is_classifier(pipeline)
    expected = pipeline.predict_proba(texts)
    y = pipeline.predict(texts)
    y[:6] = ["speculation", "reported_fact", "interpretation"] * 2  # so that each has some
    # A clone and a fit leave what the model learned.
    assert (clone(pipeline).fit(texts, y).predict_proba(texts) == expected).all()
    scores = cross_val_score(pipeline, texts, y, cv=2, scoring="accuracy")
    assert scores.mean() == pytest.approx(np.mean(pipeline.predict(texts) == y))
    # scikit-learn's losses take the columns to be sorted by label.
    (loss,) = cross_val_score(
        pipeline, texts, y, cv=[(range(60), range(60))], scoring="neg_log_loss"
    )
    assert -loss == pytest.approx(log_loss(y, expected, labels=pipeline.classes_))
    by_hand = [expected[i, pipeline.classes_.tolist().index(label)] for i, label in enumerate(y)]
    assert -loss == pytest.approx(-np.log(by_hand).mean())
    calibrated = CalibratedClassifierCV(pipeline, cv=2).fit(texts, y)
    assert calibrated.predict_proba(texts).shape == (60, 3)


def toned(multilabel, settings=None):
    """A model of one task, and its corpus."""
    task = Task("tone", ("sad", "glad"), multilabel)
    words = ["joy", "happy", "good", "grief", "unhappy", "bad"] * 8
    labels = ["glad" if i % 6 < 3 else "sad" for i in range(48)]
    answers = [(label,) if multilabel else label for label in labels]
    corpus = Corpus(
        Schema((task,)),
        tuple(
            Example(f"A {word} day it was, number {i % 5}.", {"tone": answer}, doc=str(i))
            for i, (word, answer) in enumerate(zip(words, answers, strict=True))
        ),
    )
    return cross_fit(corpus, settings).model, corpus, labels


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_task_with_two_labels(multilabel):
    model, corpus, labels = toned(multilabel)
    expected = model.probabilities(corpus.texts)["tone"]
    pipeline = to_pipelines(model)["tone"]
    ours = pipeline.predict_proba(corpus.texts)
    assert abs(ours - in_order_of(pipeline, model.schema["tone"], expected)).max() < 1e-9
    predicted = pipeline.predict(corpus.texts)
    if multilabel:
        predicted = pipeline.classes_[predicted.argmax(axis=1)]
    assert (np.array(labels) == predicted).all()


def with_thresholds(model, thresholds):
    (classifier,) = model.classifiers
    return replace(model, classifiers=(replace(classifier, thresholds=np.array(thresholds)),))


@pytest.mark.parametrize("multilabel", [False, True])
def test_priors_and_thresholds_count(multilabel):
    plain, *_ = toned(multilabel)
    threshold = 0.5 if multilabel else 0.0
    priors = TaskSettings(priors={"sad": 1e-9, "glad": 1 - 1e-9}, threshold=threshold)
    moved, *_ = toned(multilabel, TrainingSettings(tasks={"tone": priors}))
    texts = ["A good day, though.", "A bad day, though.", "Nothing known."]
    before = to_pipelines(plain)["tone"].predict(texts)
    for model in (moved, with_thresholds(plain, [1 - 1e-9, 1e-9])):
        pipeline = to_pipelines(model)["tone"]
        answers = [tag.labels["tone"] for tag in Tagger(model).tag_sentences(texts)]
        predicted = pipeline.predict(texts)
        assert np.any(predicted != before)
        if multilabel:
            names = MultiLabelBinarizer(classes=pipeline.classes_).fit([])
            assert names.inverse_transform(predicted) == [tuple(sorted(x)) for x in answers]
        else:
            assert predicted.tolist() == answers


def run(*arguments):
    command = [sys.executable, "-m", "tagger", "export", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_writes_a_dict_by_task(small_model, tmp_path):
    small_model.save(tmp_path / "model")
    path = tmp_path / "all.joblib"
    done = run(tmp_path / "model", "-o", path)
    assert done.returncode == 0 and "a dict by task (claim, theme)" in done.stdout
    loaded = joblib.load(path)
    assert {name: type(pipeline) for name, pipeline in loaded.items()} == {
        "claim": Pipeline,
        "theme": Pipeline,
    }


def test_the_command_writes_the_pipeline_of_one_task(small_model, tmp_path):
    small_model.save(tmp_path / "model")
    path = tmp_path / "claim.joblib"
    done = run(tmp_path / "model", "--task", "claim", "-o", path)
    assert done.returncode == 0 and "a scikit-learn Pipeline" in done.stdout
    assert set(joblib.load(path).predict(["Prices may rise."])) <= set(
        small_model.schema["claim"].labels
    )
    wrong = run(tmp_path / "model", "--task", "clam", "-o", tmp_path / "wrong.joblib")
    assert wrong.returncode != 0 and "did you mean 'claim'?" in wrong.stderr
    assert not (tmp_path / "wrong.joblib").exists()
