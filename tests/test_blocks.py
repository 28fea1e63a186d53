"""A new kind of features is one class and one row of a tuple; everything else follows."""

import joblib
import numpy as np
import pytest

from tagger.features import featurizer as module
from tagger.features.block import Block
from tagger.features.settings import FeatureSettings
from tagger.model.export import to_pipelines
from tagger.model.store import load_model
from tagger.predictor import Tagger
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TaskSettings, TrainingSettings


class Shouts(Block):
    """Counts of words in capitals, and of exclamation marks: an example of a new block."""

    name = "shouts"
    n_features = 2

    @classmethod
    def of(cls, settings):
        return [cls()]

    @classmethod
    def unpack(cls, settings, packed):
        return [cls()]

    def classes_of(self, surface):
        if surface == "!":
            return [1]
        return [0] if surface.isupper() and len(surface) > 3 else []

    def names(self):
        return ["capitals", "exclamation"]

    def vectorizer_options(self):
        return {"analyzer": self.analyze}

    def analyze(self, text):
        from tagger.text.tokens import surface_tokens

        surfaces = [s for chunk in text.split() for s in surface_tokens(chunk)]
        return [self.names()[k] for s in surfaces for k in self.classes_of(s)]


@pytest.fixture
def shouting(monkeypatch):
    monkeypatch.setattr(module, "BLOCKS", (*module.BLOCKS, Shouts))


def test_a_new_block_is_learned_saved_explained_and_exported(shouting, small_corpus, tmp_path):
    settings = TrainingSettings(
        FeatureSettings(masked_ngrams=(), weights={"shouts": 2.0}),
        {"claim": TaskSettings(blocks=("word", "shouts"))},
        folds=2,
    )
    model = cross_fit(small_corpus, settings).model
    assert list(model.featurizer.blocks_)[-1] == "shouts"
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.id == model.id
    text = "WARNING to all! The talks may FAIL, the MINISTER said."
    tagger = Tagger(again)
    expected = tagger.predict_proba([text])
    x = model.featurizer.transform([text])[:, model.featurizer.blocks_["shouts"]]
    assert x.nnz == 2
    explanation = tagger.explain(text)
    total = sum(e.contributions["claim"]["speculation"] for e in explanation.evidence)
    total += explanation.intercept["claim"]["speculation"]
    assert total == pytest.approx(explanation.scores["claim"]["speculation"])
    joblib.dump(to_pipelines(model)["claim"], tmp_path / "pipeline")
    pipeline = joblib.load(tmp_path / "pipeline")
    (got,) = pipeline.predict_proba([text])
    columns = [pipeline.classes_.tolist().index(label) for label in model.schema["claim"].labels]
    assert np.allclose(got[columns], expected["claim"])


def test_word_vectors_serve_wherever_their_block_stands(shouting, small_corpus):
    settings = FeatureSettings(masked_ngrams=(), vectors="words-en")
    model = cross_fit(small_corpus, TrainingSettings(settings, folds=2)).model
    columns = model.featurizer.blocks_["vectors"]
    # A word that no training sentence has is judged by its vector.
    unseen = model.featurizer.df_[columns] == 0
    assert unseen.any()
    assert np.abs(model.classifiers[0].coef[:, columns][:, unseen]).max() > 0
