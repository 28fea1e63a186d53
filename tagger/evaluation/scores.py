"""How well tasks are answered: scores with intervals, and the points of plots."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.errors import DataError
from tagger.evaluation.answers import Answers
from tagger.evaluation.bootstrap import interval, resampled_sums
from tagger.evaluation.figures import (
    LABEL_FIGURES,
    N_BINS,
    Figure,
    confusion,
    count_table,
    defined,
    figures_of,
    figures_of_draws,
    ratio,
)
from tagger.features.arrays import Floats, Ints
from tagger.model.classifier import one_hot
from tagger.model.thresholds import ranked_counts
from tagger.schema import Task


@dataclass(frozen=True)
class LabelScore:
    """How well one label is found; precision, recall and F1 without a case to count are 0.

    Parameters
    ----------
    precision, recall, f1, mcc, kappa : against the gold, the label against all others;
        correlations of one class only are undefined (None).
    average_precision : mean precision over the recall axis; None without probabilities or
        without a positive case.
    support, predicted : how many sentences have it by the gold, and by the answers.
    """

    label: str
    precision: Figure
    recall: Figure
    f1: Figure
    mcc: Figure
    kappa: Figure
    average_precision: float | None
    support: int
    predicted: int


@dataclass(frozen=True)
class SliceScore:
    """How well a task is answered on a part of the data."""

    value: str
    n: int
    macro_f1: Figure
    exact_match: Figure


@dataclass(frozen=True)
class TaskScore:
    """How well one task is answered.

    Parameters
    ----------
    task : name of the task.
    multilabel : whether a sentence may have any number of labels.
    n, n_unannotated : number of sentences with and without a gold answer.
    labels : a score for each label of the schema, whether or not the data has it.
    figures : by name, figures of the whole task: macro_f1, micro_f1, exact_match, mcc,
        kappa; with probabilities also log_loss, brier, ece.
    baselines : by name of the baseline the same figures, and F1 by label as ``f1.LABEL``.
    confusion : gold in rows, answers in columns; for a multi-label task by label
        [[true negative, false positive], [false negative, true positive]].
    curves : points of the plots, by plot.
    slices : by column of the data, a score for each of its values.
    small : by column, the values that are in no slice, with their numbers of sentences.
    readers : agreement of several readers, where the data has them.
    """

    task: str
    multilabel: bool
    n: int
    n_unannotated: int
    labels: tuple[LabelScore, ...]
    figures: dict[str, Figure]
    baselines: dict[str, dict[str, Figure]] = field(default_factory=dict)
    confusion: list[Any] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)
    slices: dict[str, tuple[SliceScore, ...]] = field(default_factory=dict)
    small: dict[str, dict[str, int]] = field(default_factory=dict)
    readers: dict[str, Any] | None = None

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the labels of the schema."""
        return self._value("macro_f1")

    @property
    def exact_match(self) -> float:
        """Share of sentences whose answer is right as a whole."""
        return self._value("exact_match")

    def _value(self, name: str) -> float:
        value = self.figures[name].value
        assert value is not None, f"{name} of {self.task} is undefined"
        return value


@dataclass(frozen=True)
class Difference:
    """A figure of A and of B, None where it is undefined.

    Parameters
    ----------
    a, b : the figure of each.
    difference : b minus a.
    low, high : its 95 % interval by paired bootstrap over documents.
    p : of a permutation test: how often chance alone, swapping the answers of whole
        documents, makes a difference as large.
    """

    a: float | None
    b: float | None
    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def is_sure(self) -> bool:
        """Whether the interval excludes 0, and so does the test where there is one."""
        if self.low is None or self.high is None:
            return False
        return (self.low > 0 or self.high < 0) and (self.p is None or self.p < 0.05)


@dataclass(frozen=True)
class Mistake:
    """A wrong answer given with confidence.

    Parameters
    ----------
    doc : the document of the sentence.
    text : the sentence.
    task, gold, answer : the task, the gold label and the model's. For a multi-label task
        one of the two is "not LABEL".
    confidence : the probability of the model's answer.
    words : the parts of the sentence that speak most for the wrong answer, each with
        what it adds to the log-odds of the wrong answer against the right one.
    """

    doc: str
    text: str
    task: str
    gold: str
    answer: str
    confidence: float
    words: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` gives.

    Parameters
    ----------
    tasks : a score for each task that the data has an answer for.
    mistakes : the most confident errors, the most confident first.
    overlap : number of sentences that the model was trained on; None where unknown.
    resampled : what the bootstrap draws, "documents" or "sentences".
    warnings : what a reader must know before believing a figure, the worst first.
    versus : by task the best baseline by macro F1, and how the model differs from it.
    """

    tasks: tuple[TaskScore, ...]
    mistakes: tuple[Mistake, ...] = field(repr=False)
    overlap: int | None
    resampled: str
    warnings: tuple[str, ...]
    versus: dict[str, tuple[str, Difference]] = field(default_factory=dict)


def figures_with_intervals(
    task: Task, table: Floats, groups: Ints, rounds: int, seed: int
) -> dict[str, Figure]:
    """Return the figures of a table of sums, each with its interval over `groups`."""
    whole, draws = table.sum(axis=0), resampled_sums(table, groups, rounds, seed)
    point, drawn = figures_of(task, whole), figures_of_draws(task, draws, whole)
    return {
        name: Figure(None) if np.isnan(value) else Figure(float(value), *interval(drawn[name]))
        for name, value in point.items()
    }


def differences(
    task: Task, a: Floats, b: Floats, groups: Ints, rounds: int, seed: int
) -> dict[str, Difference]:
    """Compare two count tables of the same sentences, figure by figure.

    Parameters
    ----------
    a, b : as `count_table` gives them, shape (n_sentences, n_columns).
    groups : the document of each sentence, numbered from 0.
    rounds, seed : of the bootstrap; both are drawn in pairs.
    """
    wholes = [table.sum(axis=0) for table in (a, b)]
    points = [figures_of(task, whole) for whole in wholes]
    drawn = [
        figures_of_draws(task, resampled_sums(table, groups, rounds, seed), whole)
        for table, whole in zip((a, b), wholes, strict=True)
    ]
    return {
        name: Difference(
            defined(points[0][name]),
            defined(points[1][name]),
            defined(points[1][name] - points[0][name]),
            *interval(drawn[1][name] - drawn[0][name]),
        )
        for name in points[0]
    }


def score(
    task: Task,
    gold: npt.NDArray[Any],
    predicted: npt.NDArray[Any],
    probabilities: Floats | None = None,
    groups: Ints | None = None,
    rounds: int = 0,
    seed: int = 0,
) -> TaskScore:
    """Compare predicted answers with gold ones.

    Parameters
    ----------
    gold, predicted : as `tagger.model.classifier.encode` gives them, of the same shape.
    probabilities : of each label, shape (n_sentences, n_labels).
    groups : the document of each sentence, numbered from 0; each its own where None.
    rounds : of the bootstrap; 0 for no intervals.
    """
    if gold.shape != predicted.shape:
        raise DataError(f"gold has shape {gold.shape}, predictions have {predicted.shape}")
    if not len(gold):
        raise DataError(f"no sentence is annotated for the task {task.name!r}")
    if groups is None:
        groups = np.arange(len(gold))
    table = count_table(task, gold, Answers(predicted, probabilities))
    figures = figures_with_intervals(task, table, groups, rounds, seed)
    is_gold, is_answer = one_hot(task, gold), one_hot(task, predicted)
    labels = []
    for i, label in enumerate(task.labels):
        own = {x: figures.pop(f"{x}.{label}") for x in LABEL_FIGURES}
        average = None
        if probabilities is not None:
            average = average_precision(probabilities[:, i], is_gold[:, i])
        n_gold, n_answer = int(is_gold[:, i].sum()), int(is_answer[:, i].sum())
        labels.append(
            LabelScore(label, average_precision=average, support=n_gold, predicted=n_answer, **own)
        )
    return TaskScore(
        task.name,
        task.multilabel,
        len(gold),
        0,
        tuple(labels),
        figures,
        confusion=confusion(task, gold, predicted),
    )


_MAX_CURVE_POINTS = 200


def average_precision(probabilities: Floats, y: npt.NDArray[np.bool_]) -> float | None:
    """Return the mean of precision over the steps of recall, None without a positive case."""
    if not y.any():
        return None
    recall, precision = precision_recall(probabilities, y)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def precision_recall(probabilities: Floats, y: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return recall and precision at every threshold, the highest threshold first."""
    _, hits, n_predicted = ranked_counts(probabilities, y)
    return ratio(hits, y.sum()), ratio(hits, n_predicted)


def curves(task: Task, gold: npt.NDArray[Any], answers: Answers) -> dict[str, Any]:
    """Return the points of the plots of a task.

    Returns
    -------
    ``precision_recall`` by label; ``reliability`` by bin of confidence (of the label of
    highest probability, or of every label of a multi-label task); ``risk_coverage``: the
    share of wrong answers among the most confident share of sentences, with the area
    under it (Geifman & El-Yaniv 2017); ``histograms`` by label: how many sentences with
    and without it have which probability, in twenty bins.
    """
    p = answers.probabilities
    if p is None:
        return {}
    is_gold, is_answer = one_hot(task, gold), one_hot(task, answers.labels)
    pr, histograms = {}, {}
    edges = np.linspace(0, 1, 21)
    for i, label in enumerate(task.labels):
        recall, precision = precision_recall(p[:, i], is_gold[:, i])
        keep = _thinned(len(recall))
        pr[label] = {"recall": recall[keep].tolist(), "precision": precision[keep].tolist()}
        histograms[label] = {
            name: np.histogram(p[chosen, i], edges)[0].tolist()
            for name, chosen in (("with", is_gold[:, i]), ("without", ~is_gold[:, i]))
        }
    sums = count_table(task, gold, answers).sum(axis=0)
    count, confidence, hits = sums[-3 * N_BINS :].reshape(3, N_BINS)
    filled = count > 0
    margins = answers.margins if answers.margins is not None else p.max(axis=1)
    order = np.argsort(-margins, kind="stable")
    wrong = (is_gold != is_answer).any(axis=1)[order]
    risk = np.cumsum(wrong) / (np.arange(len(wrong)) + 1)
    keep = _thinned(len(risk))
    return {
        "precision_recall": pr,
        "reliability": {
            "confidence": (confidence[filled] / count[filled]).tolist(),
            "accuracy": (hits[filled] / count[filled]).tolist(),
            "n": count[filled].astype(int).tolist(),
        },
        "risk_coverage": {
            "coverage": ((keep + 1) / len(risk)).tolist(),
            "risk": risk[keep].tolist(),
            "area": float(risk.mean()),
        },
        "histograms": histograms,
    }


def _thinned(n: int) -> Ints:
    """Return at most `_MAX_CURVE_POINTS` places among `n`, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, _MAX_CURVE_POINTS)).astype(np.int64))
