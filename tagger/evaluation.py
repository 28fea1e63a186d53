"""Model x corpus -> numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.classifier import encode
from tagger.corpus import Corpus
from tagger.errors import DataError
from tagger.model import Model
from tagger.schema import Task


@dataclass(frozen=True)
class LabelScore:
    """How well one label is found; a score without a case to count is 0."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class TaskScore:
    """How well one task is answered.

    Parameters
    ----------
    task : name of the task.
    n : number of annotated sentences.
    labels : a score for each label of the schema, whether or not the data has it.
    macro_f1 : mean F1 over these labels.
    exact_match : share of sentences whose answer is right as a whole.
    """

    task: str
    n: int
    labels: tuple[LabelScore, ...]
    macro_f1: float
    exact_match: float


def score(task: Task, gold: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> TaskScore:
    """Compare predicted answers with gold ones.

    Parameters
    ----------
    gold, predicted : as `tagger.classifier.encode` gives them, of the same shape.

    Raises
    ------
    DataError : the shapes differ, or there is nothing to compare.
    """
    if gold.shape != predicted.shape:
        raise DataError(f"gold has shape {gold.shape}, predictions have {predicted.shape}")
    if not len(gold):
        raise DataError(f"no sentence is annotated for the task {task.name!r}")
    labels = []
    for k, label in enumerate(task.labels):
        is_gold = gold[:, k] if task.multilabel else gold == k
        is_predicted = predicted[:, k] if task.multilabel else predicted == k
        hits = int((is_gold & is_predicted).sum())
        n_gold, n_predicted = int(is_gold.sum()), int(is_predicted.sum())
        labels.append(
            LabelScore(
                label,
                precision=hits / n_predicted if n_predicted else 0.0,
                recall=hits / n_gold if n_gold else 0.0,
                f1=2 * hits / (n_gold + n_predicted) if n_gold + n_predicted else 0.0,
                support=n_gold,
            )
        )
    same = (gold == predicted).all(axis=1) if task.multilabel else gold == predicted
    macro_f1 = float(np.mean([label.f1 for label in labels]))
    return TaskScore(task.name, len(gold), tuple(labels), macro_f1, float(same.mean()))


def evaluate(model: Model, corpus: Corpus) -> list[TaskScore]:
    """Measure a model on labelled sentences, task by task."""
    probabilities = model.probabilities(corpus.texts)
    return [
        score(
            c.task,
            encode(c.task, corpus.labels(c.task.name)),
            c.decide(probabilities[c.task.name][corpus.annotated(c.task.name)]),
        )
        for c in model.classifiers
        if len(corpus.annotated(c.task.name))
    ]
