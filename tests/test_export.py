import joblib
import numpy as np
import pytest

from tagger.corpus.corpus import Corpus, Example
from tagger.model.export import to_pipeline
from tagger.schema import Schema, Task
from tagger.training.crossfit import cross_fit


def test_the_pipeline_gives_the_same_probabilities(tagger, sentences, tmp_path):
    joblib.dump(to_pipeline(tagger.model), tmp_path / "pipeline.joblib")
    pipeline = joblib.load(tmp_path / "pipeline.joblib")
    texts = [*sentences[:300], "", "Unheardofword."]
    expected = tagger.predict_proba(texts)
    for task, probabilities in pipeline.predict_proba(texts).items():
        assert abs(probabilities - expected[task]).max() < 1e-9


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_task_with_two_labels(multilabel):
    task = Task("tone", ("glad", "sad"), multilabel)
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
    model = cross_fit(corpus).model
    expected = model.probabilities(corpus.texts)["tone"]
    ours = to_pipeline(model).predict_proba(corpus.texts)["tone"]
    assert abs(ours - expected).max() < 1e-9
    assert (np.array(labels) == np.array(task.labels)[expected.argmax(axis=1)]).all()
