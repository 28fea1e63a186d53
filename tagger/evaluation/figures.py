"""Answers x gold -> figures.

Every figure is a function of sums over sentences: counts of a confusion matrix, sums
of losses, counts in bins of confidence. One table holds these sums for each sentence,
so a bootstrap over documents is one matrix product, and the figure itself and its
resampled values come from the same function.

A new figure is one function of `Counts` and one row of `FIGURES`; reports, comparisons
and intervals follow. One of a label is a row of `LABEL_FIGURES` and a field of
`tagger.evaluation.scores.LabelScore`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.evaluation.answers import Answers
from tagger.features.arrays import Floats
from tagger.model.classifier import one_hot
from tagger.schema import Task

N_BINS = 10


@dataclass(frozen=True)
class Figure:
    """A number and its 95 % interval; without one the ends are None, undefined all three."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Counts:
    """Sums of `count_table`, by what they count.

    Parameters
    ----------
    multilabel : whether a sentence may have any number of labels.
    tn, fp, fn, tp : 2 x 2 counts of each label, shape (..., n_labels).
    n, exact : number of sentences, and of those whose answer is right as a whole.
    log_loss, brier : sums over the sentences; None without probabilities.
    bins : count, confidence and hits in bins of confidence, shape (3, ..., N_BINS).
    """

    multilabel: bool
    tn: Floats
    fp: Floats
    fn: Floats
    tp: Floats
    n: Floats
    exact: Floats
    log_loss: Floats | None
    brier: Floats | None
    bins: Floats | None


@dataclass(frozen=True)
class FigureKind:
    """A figure: its name in report.json, what readers see, and how it comes from counts."""

    name: str
    shown: str
    of: Callable[[Counts], Floats | None]


def count_table(task: Task, gold: npt.NDArray[Any], answers: Answers) -> Floats:
    """Return for each sentence the counts whose sums decide every figure.

    Returns
    -------
    Shape (n_sentences, n_columns). The columns are 2 x 2 counts for each label (true
    negative, false positive, false negative, true positive), exact match, for a
    single-label task the confusion matrix row by row, and with probabilities log-loss,
    Brier score and for each bin of confidence its count, confidence and hits.
    """
    is_gold, is_answer = one_hot(task, gold), one_hot(task, answers.labels)
    # Gold and answer as one number from 0 to 3, and that number one-hot.
    cells = (2 * is_gold + is_answer)[:, :, None] == np.arange(4)
    exact = (is_gold == is_answer).all(axis=1)
    columns = [cells.reshape(len(gold), -1), exact[:, None]]
    if not task.multilabel:
        k = len(task.labels)
        columns.append((gold * k + answers.labels)[:, None] == np.arange(k * k))
    p = answers.probabilities
    if p is not None:
        if task.multilabel:
            of_gold = np.where(is_gold, p, 1 - p)
            losses = -np.log(np.maximum(of_gold, 1e-15)).mean(axis=1)
            brier = ((p - is_gold) ** 2).mean(axis=1)
            confidence, hit = p, is_gold
        else:
            of_gold = p[np.arange(len(gold)), gold]
            losses = -np.log(np.maximum(of_gold, 1e-15))
            brier = ((p - is_gold) ** 2).sum(axis=1)
            confidence = p.max(axis=1)[:, None]
            hit = (p.argmax(axis=1) == gold)[:, None]
        bins = np.minimum((confidence * N_BINS).astype(np.int64), N_BINS - 1)
        inside = bins[:, :, None] == np.arange(N_BINS)
        columns += [losses[:, None], brier[:, None], inside.sum(axis=1)]
        columns += [(inside * value[:, :, None]).sum(axis=1) for value in (confidence, hit)]
    return np.concatenate(columns, axis=1).astype(np.float64)


def confusion(task: Task, gold: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> list[Any]:
    """Count answers by true answer.

    Returns
    -------
    Nested lists: for a single-label task a matrix with a row for each true label; for a
    multi-label task one matrix for each label with the rows and columns "not so" and "so".
    """
    pairs = zip(gold.T, predicted.T, strict=True) if task.multilabel else [(gold, predicted)]
    n = 2 if task.multilabel else len(task.labels)
    counts = [
        np.bincount(g.astype(np.int64) * n + p, minlength=n * n).reshape(n, n).tolist()
        for g, p in pairs
    ]
    return counts if task.multilabel else list(counts[0])


def counts_of(task: Task, sums: Floats) -> Counts:
    """Name the columns of sums of `count_table`, of shape (..., n_columns)."""
    k = len(task.labels)
    tn, fp, fn, tp = np.moveaxis(sums[..., : 4 * k].reshape(*sums.shape[:-1], k, 4), -1, 0)
    losses: tuple[Floats | None, ...] = (None, None, None)
    at = 4 * k + 1 + (0 if task.multilabel else k * k)
    if sums.shape[-1] > at:  # the table was made with probabilities
        bins = sums[..., at + 2 :].reshape(*sums.shape[:-1], 3, N_BINS)
        losses = (sums[..., at], sums[..., at + 1], np.moveaxis(bins, -2, 0))
    n = (tn + fp + fn + tp)[..., 0]
    return Counts(task.multilabel, tn, fp, fn, tp, n, np.asarray(sums[..., 4 * k]), *losses)


def figures_of(task: Task, sums: Floats) -> dict[str, Floats]:
    """Turn sums of `count_table`, of shape (..., n_columns), into figures.

    Returns
    -------
    By name an array of shape (...), NaN where undefined. Figures of a label are called
    ``f1.LABEL``.
    """
    counts = counts_of(task, sums)
    whole = {kind.name: kind.of(counts) for kind in FIGURES}
    by_label = {
        f"{name}.{label}": values[..., i]
        for name, of in LABEL_FIGURES.items()
        for values in (of(counts),)
        for i, label in enumerate(task.labels)
    }
    # In the order of report.json.
    ordered = {"exact_match": whole.pop("exact_match"), **by_label, **whole}
    return {name: values for name, values in ordered.items() if values is not None}


def figures_of_draws(task: Task, sums: Floats, whole: Floats) -> dict[str, Floats]:
    """Return the figures of draws; of a label that the gold of a draw happens to lack they are NaN.

    So is macro F1 then. Counted as 0 it would say that a rare label may be missed altogether.

    Parameters
    ----------
    sums, whole : of each draw, shape (n_draws, n_columns), and of what was drawn from.
    """
    drawn = figures_of(task, sums)
    of_draws, of_whole = (counts_of(task, x) for x in (sums, whole))
    lost = (of_draws.tp + of_draws.fn == 0) & (of_whole.tp + of_whole.fn > 0)
    for label, without in zip(task.labels, lost.T, strict=True):
        for name in (f"precision.{label}", f"recall.{label}", f"f1.{label}"):
            drawn[name] = np.where(without, np.nan, drawn[name])
    drawn["macro_f1"] = np.where(lost.any(axis=1), np.nan, drawn["macro_f1"])
    return drawn


def precision(c: Counts) -> Floats:
    """Return the share of right ones among the answers, 0 where none is given."""
    return ratio(c.tp, c.tp + c.fp)


def recall(c: Counts) -> Floats:
    """Return the share of the gold that is found, 0 where there is none."""
    return ratio(c.tp, c.tp + c.fn)


def f1(c: Counts) -> Floats:
    """Return the harmonic mean of precision and recall."""
    return ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn)


def label_mcc(c: Counts) -> Floats:
    """Return Matthews correlation of each label against all others.

    Undefined where the gold knows one class only; 0 where the answers do, which is its
    limit (Chicco and Jurman 2020).
    """
    positive, negative = c.tp + c.fn, c.tn + c.fp
    spread = (c.tp + c.fp) * positive * negative * (c.tn + c.fn)
    return ratio(
        c.tp * c.tn - c.fp * c.fn, np.sqrt(spread), defined=(positive > 0) & (negative > 0)
    )


def label_kappa(c: Counts) -> Floats:
    """Return Cohen's kappa (1960) of each label; undefined where all agree on one class."""
    chance = (c.tp + c.fp) * (c.fp + c.tn) + (c.tp + c.fn) * (c.fn + c.tn)
    return ratio(2 * (c.tp * c.tn - c.fp * c.fn), chance, defined=chance != 0)


def mcc(c: Counts) -> Floats:
    """Return Gorodkin's (2004) R_K, of a multi-label task the mean over the labels."""
    if c.multilabel:
        return _mean_of_defined(label_mcc(c))
    chance, of_gold, of_answer = _chance(c), c.tp + c.fn, c.tp + c.fp
    gold_spread = c.n**2 - (of_gold**2).sum(-1)
    spread = gold_spread * (c.n**2 - (of_answer**2).sum(-1))
    return ratio(c.exact * c.n - chance, np.sqrt(spread), defined=gold_spread > 0)


def kappa(c: Counts) -> Floats:
    """Return Cohen's kappa (1960) of all labels, of a multi-label task the mean over them."""
    if c.multilabel:
        return _mean_of_defined(label_kappa(c))
    chance = _chance(c)
    return ratio(c.exact * c.n - chance, c.n**2 - chance, defined=c.n**2 != chance)


def macro_f1(c: Counts) -> Floats:
    """Return the mean F1 over the labels of the schema."""
    return np.asarray(f1(c).mean(axis=-1))


def micro_f1(c: Counts) -> Floats:
    """Return F1 over the answers of all labels."""
    return ratio(2 * c.tp.sum(-1), (2 * c.tp + c.fp + c.fn).sum(-1))


def exact_match(c: Counts) -> Floats:
    """Return the share of sentences whose answer is right as a whole."""
    return ratio(c.exact, c.n)


def log_loss(c: Counts) -> Floats | None:
    """Return the mean negative log-probability of the gold."""
    return None if c.log_loss is None else ratio(c.log_loss, c.n)


def brier(c: Counts) -> Floats | None:
    """Return the mean squared distance of probabilities and gold (Brier 1950)."""
    return None if c.brier is None else ratio(c.brier, c.n)


def ece(c: Counts) -> Floats | None:
    """Return the expected calibration error in ten equal bins (Naeini et al. 2015)."""
    if c.bins is None:
        return None
    count, confidence, hit = c.bins
    return ratio(np.abs(confidence - hit).sum(-1), count.sum(-1))


FIGURES = (
    FigureKind("macro_f1", "macro F1", macro_f1),
    FigureKind("micro_f1", "micro F1", micro_f1),
    FigureKind("exact_match", "exact match", exact_match),
    FigureKind("mcc", "Matthews correlation", mcc),
    FigureKind("kappa", "Cohen's kappa", kappa),
    FigureKind("log_loss", "log-loss", log_loss),
    FigureKind("brier", "Brier score", brier),
    FigureKind("ece", "calibration error (ECE)", ece),
)
FIGURE_NAMES = {kind.name: kind.shown for kind in FIGURES}
LABEL_FIGURES: dict[str, Callable[[Counts], Floats]] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "mcc": label_mcc,
    "kappa": label_kappa,
}


def ratio(part: Any, whole: Any, defined: Any = True) -> Floats:
    """Divide, 0 where there is nothing to divide by, NaN where not `defined`."""
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    result: Floats = np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)
    return np.where(defined, result, np.nan)


def defined(value: Any) -> float | None:
    """Return a figure as a plain number, None where it is undefined."""
    return None if np.isnan(value) else float(value)


def _chance(c: Counts) -> Floats:
    return np.asarray(((c.tp + c.fn) * (c.tp + c.fp)).sum(-1))


def _mean_of_defined(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(-1), known.sum(-1), defined=known.any(-1))
