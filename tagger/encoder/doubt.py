"""Which sentences the first reader is likely to have wrong, told by their words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.encoder.combination import Combination
from tagger.features.arrays import Floats
from tagger.model.classifier import Classifier
from tagger.model.model import Flags, Model
from tagger.schema import Schema


def log_of(probabilities: Floats) -> Floats:
    """Return the scores that `Combination` takes of a second reader, from probabilities."""
    return np.log(np.maximum(probabilities, 1e-12))


@dataclass(frozen=True)
class Doubt:
    """A second opinion by a model that has learned from other text than the first reader.

    Where a linear model errs it is often sure: its own margins say little. What has seen text
    like that to be read knows better which words it is misled by.

    Parameters
    ----------
    model : of one single-label task of the readers. Its classifier's `thresholds` say what a
        label's probability is divided by, `doubt` from which margin on an answer stands.
    combination : of the first reader's probabilities and the model's.
    """

    model: Model
    combination: Combination

    @property
    def classifier(self) -> Classifier:
        """The classifier of the one task."""
        return self.model.classifiers[0]

    def margins(self, texts: Sequence[str], first: Mapping[str, Floats]) -> Floats:
        """Return what both together give for the first reader's likeliest label, from 0 to 1.

        Parameters
        ----------
        texts : sentences.
        first : by task, what the first reader gives for them.
        """
        return self.margins_of(first, self.model.probabilities(texts))

    def margins_of(self, first: Mapping[str, Floats], own: Mapping[str, Floats]) -> Floats:
        """Return the margins where the model's own probabilities are at hand."""
        task = self.classifier.task
        p = first[task.name]
        both = self.combination.probabilities(task, p, log_of(own[task.name]))
        weighed = both / self.classifier.thresholds
        return weighed[np.arange(len(p)), p.argmax(axis=1)] / weighed.sum(axis=1)

    def of(
        self, texts: Sequence[str], first: Mapping[str, Floats], close: Mapping[str, Flags]
    ) -> Flags:
        """Return which sentences are in doubt: by their words, or as too close of another task.

        Parameters
        ----------
        texts, first : as in `margins`.
        close : by task, which answers of the first reader are too close to call.
        """
        task = self.classifier.task.name
        found = self.margins(texts, first) < self.classifier.doubt
        return np.logical_or.reduce([found, *(x for name, x in close.items() if name != task)])

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest says of it, plain JSON values."""
        return {"model": self.model.id, "combination": self.combination.to_dict()}

    @classmethod
    def from_dict(cls, raw: Any, model: Model, readers: Schema) -> "Doubt":
        """Build from what `to_dict` gave.

        Raises
        ------
        ValueError : the model is another one, or answers other tasks than the readers.
        """
        tasks = model.schema.tasks
        if raw["model"] != model.id:
            raise ValueError(f"the model of doubt is {model.id}, expected {raw['model']}")
        if len(tasks) != 1 or tasks[0].multilabel or tasks[0] not in readers.tasks:
            raise ValueError("the model of doubt answers other tasks, expected a single-label one")
        return cls(model, Combination.from_dict(tasks[0], raw["combination"]))
