"""Fixtures: a small corpus, a model trained on it, the shipped model, real text if at hand."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tagger import Tagger
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.features.settings import FeatureSettings
from tagger.model.model import Model
from tagger.schema import CLAIMS
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def until(holds: Callable[[], object], seconds: float = 20) -> bool:
    """Wait until something holds, and return whether it did in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """Some hundreds of sentences of the corpus, the first of each beat."""
    found: list[str] = []
    for path in sorted((ROOT / "data" / "corpus").glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()[:60]
        found += [json.loads(line)["text"] for line in lines]
    return found


@pytest.fixture(scope="session")
def small_corpus() -> Corpus:
    """One beat of the corpus."""
    return read_corpus([ROOT / "data" / "corpus" / "wire.jsonl"], CLAIMS)


@pytest.fixture(scope="session")
def small_model(small_corpus: Corpus) -> Model:
    """A model trained on one beat, with every block of features but the vectors."""
    settings = TrainingSettings(FeatureSettings(lexicons=("claims", "themes")), folds=2)
    return cross_fit(small_corpus, settings).model


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    """The shipped model."""
    return Tagger.load()


def shared(*parts: str) -> Path:
    """Return a file of real text, or skip the test where it is not at hand."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs real text that is not part of the project: {'/'.join(parts)}")
    return path
