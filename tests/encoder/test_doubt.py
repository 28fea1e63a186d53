"""What tells which sentences the first reader has wrong: fitted, saved, loaded, used."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="needs the extra encoder")

from tagger import Tagger
from tagger.corpus.corpus import Corpus, Example
from tagger.encoder.doubt import Doubt
from tagger.encoder.reader import load_reader
from tagger.errors import ModelError
from tagger.features.settings import FeatureSettings
from tagger.model.model import MANIFEST, checksum
from tagger.schema import CLAIMS, Schema, Task
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

sys.path.insert(0, str(Path(__file__).parents[2] / "data"))
from fit_doubt import fit_doubt

MOOD = Task("claim", CLAIMS["claim"].labels)
SETTINGS = TrainingSettings(FeatureSettings(masked_ngrams=()), folds=2)
FACT, VIEW, GUESS = MOOD.labels


def sentences_of(misled: str, n: int, seed: int) -> tuple[list[str], list[str]]:
    """Sentences whose label a word tells, and some with `wily`, which are labelled `misled`."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for label, word in ((FACT, "alpha"), (VIEW, "beta"), (GUESS, "gamma"), (misled, "alpha wily")):
        for _ in range(n):
            filling = " ".join(random.choice(["one", "two", "three", "four", "five"], 4))
            texts.append(f"{word} {filling}")
            labels.append(label)
    return texts, labels


def corpus_of(texts, labels) -> Corpus:
    rows = zip(texts, labels, strict=True)
    examples = (
        Example(text, {"claim": label}, doc=str(i // 4)) for i, (text, label) in enumerate(rows)
    )
    return Corpus(Schema((MOOD,)), tuple(examples))


@pytest.fixture(scope="module")
def misled():
    """A first reader to which `wily` means a fact, and a doubt that has read otherwise."""
    first = cross_fit(corpus_of(*sentences_of(FACT, 40, 0)), SETTINGS).model
    return first, fit_doubt(corpus_of(*sentences_of(GUESS, 40, 1)), first, SETTINGS, share=0.25)


def test_what_the_first_reader_has_wrong_is_doubted_however_sure_it_is(misled):
    first, doubt = misled
    texts, labels = sentences_of(GUESS, 25, 2)
    p = first.probabilities(texts)
    wrong = np.array([MOOD.labels[i] for i in p["claim"].argmax(axis=1)]) != labels
    assert wrong.sum() == 25
    # Its own margins say the contrary: it is surer of those than of others.
    own = first.classifiers[0].margins(p["claim"])
    assert own[wrong].mean() > own[~wrong].mean()
    found = doubt.of(texts, p, {})
    assert (found == wrong).mean() > 0.95


def test_other_tasks_are_in_doubt_where_they_are_close(misled):
    first, doubt = misled
    texts, _ = sentences_of(GUESS, 5, 3)
    p = first.probabilities(texts)
    everything, nothing = np.ones(len(texts), bool), np.zeros(len(texts), bool)
    alone = doubt.of(texts, p, {"claim": everything, "theme": nothing})
    assert alone.sum() == doubt.of(texts, p, {}).sum() < len(texts)
    assert doubt.of(texts, p, {"claim": nothing, "theme": everything}).all()


@pytest.fixture
def doubting(folder, misled, tmp_path):
    """A model folder whose second reader rereads what a doubt tells it to."""
    claim = CLAIMS["claim"]
    doubt = misled[1]
    classifier = replace(doubt.classifier, task=claim)
    model = replace(doubt.model, schema=Schema((claim,)), classifiers=(classifier,))
    reader = replace(load_reader(f"{folder}-reader"), doubt=replace(doubt, model=model))
    place = tmp_path / "model"
    shutil.copytree(folder, place)
    for name, data in reader.contents().items():
        path = place / "reader" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place


def test_it_is_saved_and_decides_what_is_reread(doubting, tagger):
    loaded = load_reader(doubting / "reader", "doubtful")
    texts = ["alpha wily one two", "The alpha was wily.", "Talks were held.", "It may rain."] * 3
    p = tagger.predict_proba(texts)
    close = tagger.model.close(p)
    expected = loaded.doubt.of(texts, p, close)
    assert loaded.reread(texts, p, close).rows.tolist() == np.flatnonzero(expected).tolist()
    assert loaded.reread(texts, p, None).rows.tolist() == list(range(len(texts)))
    rows = Tagger.load(doubting, "doubtful").tag_sentences(texts)
    assert [tags.reread for tags in rows] == expected.tolist()
    assert 0 < expected.sum() < len(texts)
    # Without it the readers are others, and so is their id.
    assert replace(loaded, doubt=None).id != loaded.id


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"model": "0" * 12}, "the model of doubt is .*, expected 0000"),
        ({"combination": {}}, "hold together"),
        (3, "hold together"),
    ],
)
def test_a_doubt_that_does_not_fit_is_refused(doubting, changed, match):
    path = doubting / "reader" / MANIFEST
    manifest = json.loads(path.read_text())
    doubt = manifest["doubt"]
    manifest["doubt"] = doubt | changed if isinstance(changed, dict) else changed
    manifest["checksum"] = checksum(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=match):
        load_reader(path.parent)


def test_a_doubt_of_other_tasks_or_none_is_refused(doubting, misled):
    with pytest.raises(ValueError, match="other tasks"):
        Doubt.from_dict(misled[1].to_dict(), misled[1].model, Schema((Task("tone", ("a", "b")),)))
    shutil.rmtree(doubting / "reader" / "doubt")
    with pytest.raises(ModelError, match="doubt"):
        load_reader(doubting / "reader")
