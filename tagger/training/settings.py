"""How a model is trained, as values."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tagger.errors import ConfigError
from tagger.features.settings import FeatureSettings
from tagger.settings import from_table

MAX_CHARACTERS = 30_000_000
"""The most characters of all sentences that are trained on, unless told otherwise."""


@dataclass(frozen=True)
class TaskSettings:
    """How the classifier of one task is trained.

    Parameters
    ----------
    blocks : names of the blocks of features that the task uses; empty for all.
    C : inverse strength of the L2 penalty (scikit-learn's C).
    balanced : whether rare labels weigh as much in sum as frequent ones.
    priors : by label, its share where the model will be used, for a corpus that has
        other shares; empty: the shares of the corpus.
    temperature : what the calibrated scores are divided by; above 1 it makes
        probabilities less extreme, for text that is harder than the corpus.
    threshold : of every label of a multi-label task; 0 for the one of best F1 out of
        fold, label by label.
    review : share of the sentences to flag for review.
    target_precision : by label, the precision out of fold that its threshold is set for,
        at the best recall; the other labels get the threshold of the best F1.
    """

    blocks: tuple[str, ...] = ()
    C: float = 2.0
    balanced: bool = False
    priors: dict[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.0
    review: float = 0.1
    target_precision: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.C < float("inf"):
            raise ConfigError(f"C is {self.C!r}, expected a number above 0")
        if not 0 < self.temperature < float("inf"):
            raise ConfigError(f"temperature is {self.temperature!r}, expected a number above 0")
        if not 0 <= self.threshold < 1:
            raise ConfigError(f"threshold is {self.threshold!r}, expected 0 to below 1")
        if not 0 <= self.review < 1:
            raise ConfigError(f"review is {self.review!r}, expected a share from 0 to below 1")
        for label, wanted in self.target_precision.items():
            if not isinstance(wanted, (int, float)) or not 0 < wanted <= 1:
                raise ConfigError(
                    f"target_precision of {label!r} is {wanted!r}, expected a number above 0, to 1"
                )
        if any(not 0 < share < float("inf") for share in self.priors.values()):
            raise ConfigError(f"priors are {self.priors!r}, expected shares above 0")


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained.

    Parameters
    ----------
    features : how sentences become features.
    tasks : by task name; a task that is missing is trained with the defaults.
    folds : number of folds of the cross-validation.
    """

    features: FeatureSettings = field(default_factory=FeatureSettings)
    tasks: dict[str, TaskSettings] = field(default_factory=dict)
    folds: int = 5

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ConfigError(f"folds is {self.folds!r}, expected 2 or more")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {
            "folds": self.folds,
            "features": self.features.to_dict(),
            "tasks": {name: asdict(task) for name, task in self.tasks.items()},
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "TrainingSettings":
        """Build settings from a configuration file's tables.

        Raises
        ------
        ConfigError : an unknown key or a value that cannot be.
        """
        return from_table(cls, raw)
