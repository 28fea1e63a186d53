"""A tiny model, and the command line as other programs see it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tagger.corpus.corpus import Corpus, Example
from tagger.features.settings import FeatureSettings
from tagger.predictor import Tagger
from tagger.schema import CLAIMS
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

STARTS = {
    "reported_fact": "The army said on {day} that it fired {n} rockets at the port.",
    "interpretation": "That was a foolish and costly decision by the central bank on {day}.",
    "speculation": "The talks may fail and the ministers could go home by {day}.",
}
THEMES = {
    "reported_fact": ("military",),
    "interpretation": ("economic",),
    "speculation": ("diplomatic",),
}
DAYS = ("Monday", "Tuesday", "Friday", "Sunday")


def sentences(n: int) -> list[str]:
    """Return `n` different sentences, the three kinds by turns."""
    kinds = list(STARTS.values())
    return [kinds[i % 3].format(day=DAYS[i % 4], n=i).replace(".", f" {i}.") for i in range(n)]


def corpus() -> Corpus:
    return Corpus(
        CLAIMS,
        tuple(
            Example(
                text.format(day=DAYS[i % 4], n=i),
                {"claim": claim, "theme": THEMES[claim]},
                doc=f"doc-{i}",
            )
            for i in range(12)
            for claim, text in STARTS.items()
        ),
    )


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    settings = TrainingSettings(FeatureSettings(char_ngrams=(2, 3)), folds=3)
    cross_fit(corpus(), settings).model.save(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Tagger:
    return Tagger.load(tiny_folder)


class Command:
    """The command `tagger predict` with the tiny model, in a folder of its own."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self.model = model

    def args(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "tagger", "predict", "--model", str(self.model), *args]

    def __call__(self, *args: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.args(*args), cwd=self.folder, capture_output=True, timeout=120, **options
        )

    def start(self, *args: str, **options: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.args(*args),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )


@pytest.fixture
def predict(tmp_path: Path, tiny_folder: Path) -> Command:
    return Command(tmp_path, tiny_folder)
