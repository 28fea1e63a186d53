"""Fixtures: a small corpus, a model trained on it, the shipped model, real text if at hand."""

import inspect
import json
import signal
import time
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path

import pytest
from click.testing import CliRunner

from tagger import Tagger
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.features.settings import FeatureSettings
from tagger.model.model import Model
from tagger.schema import CLAIMS
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

if "mix_stderr" in inspect.signature(CliRunner).parameters:  # click before 8.2
    CliRunner.__init__ = partialmethod(CliRunner.__init__, mix_stderr=False)

# A shell starts what runs in the background deaf to Ctrl-C, and what that starts is so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name files by their argument: some hold the time, and workers must name tests alike."""
    return argname if isinstance(val, bytes) else None


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
