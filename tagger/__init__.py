"""tagger: sentences of news, tagged as fact, interpretation or speculation, and by theme."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagger.document import Document, Sentence
    from tagger.errors import TaggerError
    from tagger.evaluation.compare import compare
    from tagger.evaluation.evaluate import evaluate
    from tagger.predictor import Tagger
    from tagger.schema import Schema, Task
    from tagger.training.checks import check
    from tagger.training.estimator import TaggerClassifier
    from tagger.training.train import train

__version__ = "0.2.0"

__all__ = [
    "Document",
    "Schema",
    "Sentence",
    "Tagger",
    "TaggerClassifier",
    "TaggerError",
    "Task",
    "__version__",
    "check",
    "compare",
    "evaluate",
    "train",
]

_HOME = {
    "Document": "tagger.document",
    "Schema": "tagger.schema",
    "Sentence": "tagger.document",
    "Tagger": "tagger.predictor",
    "TaggerClassifier": "tagger.training.estimator",
    "TaggerError": "tagger.errors",
    "Task": "tagger.schema",
    "check": "tagger.training.checks",
    "compare": "tagger.evaluation.compare",
    "evaluate": "tagger.evaluation.evaluate",
    "train": "tagger.training.train",
}


def __getattr__(name: str) -> Any:
    # Importing the front door loads nothing; a name is fetched when it is first used.
    if name not in _HOME:
        raise AttributeError(f"module 'tagger' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
