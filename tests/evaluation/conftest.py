"""A small corpus of made-up sentences, and the model trained on it."""

import json
import random
from pathlib import Path

import pytest

from tagger.corpus.corpus import Corpus, read_corpus
from tagger.features.settings import FeatureSettings
from tagger.schema import Schema, Task
from tagger.training.crossfit import CrossFit, cross_fit
from tagger.training.settings import TrainingSettings

MOOD = Task("mood", ("glad", "sad"))
TOPIC = Task("topic", ("sea", "hill"), multilabel=True)
SCHEMA = Schema((MOOD, TOPIC))
SETTINGS = TrainingSettings(FeatureSettings(masked_ngrams=()), folds=3)


def rows(n_docs: int = 30, seed: int = 0) -> list[dict[str, object]]:
    """Return four sentences for each document; every tenth mood is wrong."""
    rng = random.Random(seed)
    found: list[dict[str, object]] = []
    for doc in range(n_docs):
        for n in range(4):
            mood = rng.choice(MOOD.labels)
            topic = [t for t in TOPIC.labels if rng.random() < 0.5]
            words = [
                rng.choice({"glad": ["happy", "cheerful"], "sad": ["gloomy", "tearful"]}[mood])
            ]
            words += [{"sea": "boats sailed", "hill": "sheep climbed"}[t] for t in topic]
            words += [
                rng.choice(["yesterday", "again", "slowly", "at noon"]),
                f"number {doc * 4 + n}",
            ]
            if rng.random() < 0.1:
                mood = "sad" if mood == "glad" else "glad"
            found.append(
                {
                    "doc": f"d{doc}",
                    "text": f"The {' '.join(words)} in town {rng.choice('abcdefgh')}.",
                    "mood": mood,
                    "topic": topic,
                    "paper": ["Post", "Echo"][doc % 2],
                    "date": f"20{20 + doc % 3}-01-01",
                }
            )
    return found


def write(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "train.jsonl", rows())


@pytest.fixture(scope="session")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fresh = rows(20, seed=1)
    for row in fresh:
        row["text"] = f"Later {row['text']}"
    return write(tmp_path_factory.mktemp("data") / "test.jsonl", fresh)


@pytest.fixture(scope="session")
def corpus(data: Path) -> Corpus:
    return read_corpus([data], SCHEMA)


@pytest.fixture(scope="session")
def training(corpus: Corpus) -> CrossFit:
    return cross_fit(corpus, SETTINGS)


@pytest.fixture(scope="session")
def folder(training: CrossFit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    training.model.save(path)
    return path
