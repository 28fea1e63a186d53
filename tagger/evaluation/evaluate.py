"""Answers x gold -> numbers with intervals; never formats.

Every figure here is a function of sums over sentences: counts of a confusion
matrix, sums of losses, counts in bins of confidence. One table holds these sums
for each document, so a bootstrap over documents is one matrix product, and the
figure itself and its 1,000 resampled values come from the same function.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from tagger.corpus.corpus import Corpus
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.evaluation.baselines import Answers
from tagger.model.classifier import encode
from tagger.model.model import Model, fingerprints
from tagger.predictor import batches
from tagger.schema import Schema, Task

Floats = npt.NDArray[np.float64]

N_BINS = 10
_ROUNDS_AT_ONCE = 100
_MAX_CURVE_POINTS = 200
_MAX_SLICES = 20
_LEAST_REPEATS = 5
_NO_SLICES = ("n", "id", "start", "end")
_MIN_SLICE = 20
_MIN_SLICE_GROUPS = 5
_FEW_GROUPS = 30
_OF_LABEL = ("precision", "recall", "f1", "mcc", "kappa")
_LENGTHS = (0, 10, 20, 30, 40)


@dataclass(frozen=True)
class Figure:
    """A number and its 95 % interval; without one the ends are None."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class LabelScore:
    """How well one label is found; a score without a case to count is 0.

    Parameters
    ----------
    label : the label.
    precision, recall, f1, mcc, kappa : against the gold, the label against all others.
    average_precision : mean precision over the recall axis; None without probabilities.
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
    readers: dict[str, Any] | None = None

    @property
    def macro_f1(self) -> float:
        """Mean F1 over the labels of the schema."""
        return self.figures["macro_f1"].value

    @property
    def exact_match(self) -> float:
        """Share of sentences whose answer is right as a whole."""
        return self.figures["exact_match"].value


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
    warnings : what a reader must know before believing a figure.
    """

    tasks: tuple[TaskScore, ...]
    mistakes: tuple[Mistake, ...]
    overlap: int | None
    resampled: str
    warnings: tuple[str, ...]


# One table of sums


def count_table(task: Task, gold: npt.NDArray[Any], answers: Answers) -> Floats:
    """Return for each sentence the counts whose sums decide every figure.

    Returns
    -------
    Shape (n_sentences, n_columns). The columns are 2 x 2 counts for each label (true
    negative, false positive, false negative, true positive), exact match, for a
    single-label task the confusion matrix row by row, and with probabilities log-loss,
    Brier score and for each bin of confidence its count, confidence and hits.
    """
    is_gold, is_answer = _indicators(task, gold), _indicators(task, answers.labels)
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


def figures_of(task: Task, sums: Floats, probabilities: bool) -> dict[str, Floats]:
    """Turn sums of `count_table` into figures.

    Parameters
    ----------
    sums : shape (..., n_columns).
    probabilities : whether the table was made with probabilities.

    Returns
    -------
    By name an array of shape (...). Figures of a label are called ``f1.LABEL``. Matthews
    correlation of a single-label task is Gorodkin's (2004) R_K, Cohen's kappa (1960) that
    of the whole confusion matrix; of a multi-label task both are means over the labels.
    ECE is the expected calibration error in ten equal bins (Naeini et al. 2015).
    """
    k = len(task.labels)
    tn, fp, fn, tp = np.moveaxis(sums[..., : 4 * k].reshape(*sums.shape[:-1], k, 4), -1, 0)
    n = (tn + fp + fn + tp)[..., 0]
    result = {"exact_match": _ratio(sums[..., 4 * k], n)}
    by_label = {
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "mcc": _ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
        "kappa": _ratio(2 * (tp * tn - fp * fn), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)),
    }
    for name, values in by_label.items():
        result |= {f"{name}.{label}": values[..., i] for i, label in enumerate(task.labels)}
    result["macro_f1"] = by_label["f1"].mean(axis=-1)
    result["micro_f1"] = _ratio(2 * tp.sum(-1), (2 * tp + fp + fn).sum(-1))
    at = 4 * k + 1
    if task.multilabel:
        result["mcc"], result["kappa"] = by_label["mcc"].mean(-1), by_label["kappa"].mean(-1)
    else:
        hits = np.asarray(sums[..., 4 * k])
        of_gold, of_answer = tp + fn, tp + fp
        chance = (of_gold * of_answer).sum(-1)
        spread = (n**2 - (of_gold**2).sum(-1)) * (n**2 - (of_answer**2).sum(-1))
        result["mcc"] = _ratio(hits * n - chance, np.sqrt(spread))
        result["kappa"] = _ratio(hits * n - chance, n**2 - chance)
        at += k * k
    if probabilities:
        result["log_loss"], result["brier"] = (_ratio(sums[..., at + i], n) for i in (0, 1))
        count, confidence, hit = np.moveaxis(
            sums[..., at + 2 :].reshape(*sums.shape[:-1], 3, N_BINS), -2, 0
        )
        result["ece"] = _ratio(np.abs(confidence - hit).sum(-1), count.sum(-1))
    return result


def _ratio(part: Any, whole: Any) -> Floats:
    """Divide, 0 where there is nothing to divide by."""
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    result: Floats = np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)
    return result


def _indicators(task: Task, labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return 0 and 1 for each sentence and label."""
    if task.multilabel:
        return np.asarray(labels, np.int64)
    return np.asarray(labels[:, None] == np.arange(len(task.labels)), np.int64)


# The bootstrap


def resampled_sums(table: Floats, groups: npt.NDArray[np.int64], rounds: int, seed: int) -> Floats:
    """Draw whole groups with replacement, and sum the table over each draw.

    The bootstrap of Efron (1979) over clusters: sentences of a document are not
    independent, so documents are drawn.

    Parameters
    ----------
    table : shape (n_sentences, n_columns).
    groups : the group of each sentence, numbered from 0.

    Returns
    -------
    Shape (rounds, n_columns). The draws depend on the number of groups, `rounds` and
    `seed` alone, so two tables of the same sentences are resampled in pairs.
    """
    by_group = group_sums(table, groups)
    n = len(by_group)
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, rounds, _ROUNDS_AT_ONCE):
        size = min(_ROUNDS_AT_ONCE, rounds - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        parts.append(weights.astype(np.float64) @ by_group)
    return np.concatenate(parts) if parts else np.empty((0, table.shape[1]))


def group_sums(table: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """Sum the rows of each group, shape (n_groups, n_columns)."""
    n = len(groups)
    member = csr_matrix((np.ones(n), (groups, np.arange(n))), (int(groups.max()) + 1, n))
    return np.asarray(member @ table)


def interval(values: Floats) -> tuple[float | None, float | None]:
    """Return the 2.5th and 97.5th percentile of resampled values, None without any."""
    if not len(values):
        return None, None
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _figures(
    task: Task, table: Floats, groups: npt.NDArray[np.int64], scored: bool, rounds: int, seed: int
) -> dict[str, Figure]:
    point = figures_of(task, table.sum(axis=0), scored)
    drawn = figures_of(task, resampled_sums(table, groups, rounds, seed), scored)
    return {name: Figure(float(value), *interval(drawn[name])) for name, value in point.items()}


# A task


def score(
    task: Task,
    gold: npt.NDArray[Any],
    predicted: npt.NDArray[Any],
    probabilities: Floats | None = None,
    groups: npt.NDArray[np.int64] | None = None,
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

    Raises
    ------
    DataError : the shapes differ, or there is nothing to compare.
    """
    if gold.shape != predicted.shape:
        raise DataError(f"gold has shape {gold.shape}, predictions have {predicted.shape}")
    if not len(gold):
        raise DataError(f"no sentence is annotated for the task {task.name!r}")
    if groups is None:
        groups = np.arange(len(gold))
    scored = probabilities is not None
    table = count_table(task, gold, Answers(predicted, probabilities))
    figures = _figures(task, table, groups, scored, rounds, seed)
    is_gold, is_answer = _indicators(task, gold), _indicators(task, predicted)
    labels = []
    for i, label in enumerate(task.labels):
        own = {x: figures.pop(f"{x}.{label}") for x in _OF_LABEL}
        average = None
        if probabilities is not None:
            average = average_precision(probabilities[:, i], is_gold[:, i] == 1)
        n_gold, n_answer = int(is_gold[:, i].sum()), int(is_answer[:, i].sum())
        labels.append(
            LabelScore(label, average_precision=average, support=n_gold, predicted=n_answer, **own)
        )
    k = len(task.labels)
    sums = table.sum(axis=0).astype(np.int64)
    if task.multilabel:
        confusion = sums[: 4 * k].reshape(k, 2, 2).tolist()
    else:
        confusion = sums[4 * k + 1 : 4 * k + 1 + k * k].reshape(k, k).tolist()
    return TaskScore(
        task.name, task.multilabel, len(gold), 0, tuple(labels), figures, confusion=confusion
    )


def average_precision(probabilities: Floats, y: npt.NDArray[np.bool_]) -> float:
    """Return the mean of precision over the steps of recall, 0 without a positive case."""
    recall, precision = precision_recall(probabilities, y)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def precision_recall(probabilities: Floats, y: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return recall and precision at every threshold, the highest threshold first."""
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    hits = np.cumsum(y[order])[last_of_tie]
    given = (np.arange(len(y)) + 1)[last_of_tie]
    return _ratio(hits, y.sum()), _ratio(hits, given)


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
    is_gold = _indicators(task, gold) == 1
    is_answer = _indicators(task, answers.labels) == 1
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


def _thinned(n: int) -> npt.NDArray[np.int64]:
    """Return at most `_MAX_CURVE_POINTS` places among `n`, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, _MAX_CURVE_POINTS)).astype(np.int64))


# Slices


def slice_columns(corpus: Corpus, wanted: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return by column the part that each sentence falls in, "" for none.

    Parameters
    ----------
    wanted : columns of the data; by default every column of two to twenty values that repeat.
        ``length`` (in words) and ``year`` (of the column ``date``) are always known.

    Raises
    ------
    ConfigError : the data has no such column.
    """
    derived = {"length": [_length(text) for text in corpus.texts]}
    extras = [example.extra for example in corpus.examples]
    names = list(dict.fromkeys(name for extra in extras for name in extra))
    if "date" in names:
        derived["year"] = [str(extra.get("date") or "")[:4] for extra in extras]
    columns = derived | {
        name: ["" if (v := e.get(name)) is None else str(v) for e in extras]
        for name in names
        if name not in ("readers", "date") and "@" not in name
    }
    if wanted:
        for name in wanted:
            if name not in columns:
                raise ConfigError(f"the data has no column {name!r}: {did_you_mean(name, columns)}")
        return {name: columns[name] for name in wanted}
    most = max(2, min(_MAX_SLICES, len(corpus) // _LEAST_REPEATS))
    return {
        name: values
        for name, values in columns.items()
        if name in derived or (name not in _NO_SLICES and 2 <= len(set(values) - {""}) <= most)
    }


def _length(text: str) -> str:
    n = len(text.split())
    low = max(length for length in _LENGTHS if n >= length)
    if low == _LENGTHS[-1]:
        return f"{low} words or more"
    return f"{low} to {_LENGTHS[_LENGTHS.index(low) + 1] - 1} words"


def _natural(value: str) -> tuple[float, str]:
    """Sort by a leading number, then by the letters."""
    number = re.match(r"\d+", value)
    return (float(number[0]) if number else math.inf, value)


def _slice_scores(
    task: Task,
    gold: npt.NDArray[Any],
    answers: Answers,
    groups: npt.NDArray[np.int64],
    columns: Mapping[str, list[str]],
    rounds: int,
    seed: int,
) -> dict[str, tuple[SliceScore, ...]]:
    table = count_table(task, gold, Answers(answers.labels))
    result = {}
    for name, values in columns.items():
        kept = np.array(values)
        scores = []
        for value in sorted(set(values) - {""}, key=_natural):
            inside = kept == value
            own = np.unique(groups[inside], return_inverse=True)[1]
            if len(own) < _MIN_SLICE or own.max() + 1 < _MIN_SLICE_GROUPS:
                continue
            found = _figures(task, table[inside], own, False, rounds, seed)
            scores.append(
                SliceScore(value, int(inside.sum()), found["macro_f1"], found["exact_match"])
            )
        if len(scores) > 1:
            result[name] = tuple(scores)
    return result


# Readers


def readers_of(corpus: Corpus, task: Task) -> dict[str, list[Any]]:
    """Return by reader what each sentence was given by them, None where nothing.

    A reader's answers stand in the column ``TASK@READER``, or in the column ``readers``
    as an object ``{"READER": {"TASK": answer}}``.
    """
    found: dict[str, list[Any]] = {}
    for i, example in enumerate(corpus.examples):
        given = {}
        for name, value in example.extra.items():
            column, _, reader = name.partition("@")
            if reader and column == task.name:
                given[reader] = value
        by_reader = example.extra.get("readers")
        if isinstance(by_reader, dict):
            for reader, answers in by_reader.items():
                if isinstance(answers, dict) and task.name in answers:
                    given[str(reader)] = answers[task.name]
        for reader, value in given.items():
            if value is None or (value == "" and not task.multilabel):
                continue
            column_of = found.setdefault(reader, [None] * len(corpus))
            try:
                column_of[i] = task.parse(value)
            except DataError as error:
                raise DataError(f"{example.where}: reader {reader}: {error}") from None
    return found


def agreement(task: Task, readers: Mapping[str, list[Any]]) -> dict[str, Any] | None:
    """Measure how far readers agree with each other.

    Returns
    -------
    None for fewer than two readers; else by pair of readers the number of sentences that
    both read and Cohen's kappa (of a multi-label task the mean over labels), and by label
    Krippendorff's (2011) alpha for nominal data, as ``alpha``.
    """
    if len(readers) < 2:
        return None
    names = sorted(readers)
    pairs = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            both = [
                (a, b)
                for a, b in zip(readers[first], readers[second], strict=True)
                if a is not None and b is not None
            ]
            if both:
                one, other = (encode(task, column) for column in zip(*both, strict=True))
                s = figures_of(task, count_table(task, one, Answers(other)).sum(axis=0), False)
                pairs.append(
                    {"readers": [first, second], "n": len(both), "kappa": float(s["kappa"])}
                )
    alpha = {label: _alpha(task, label, list(readers.values())) for label in task.labels}
    return {"pairs": pairs, "alpha": alpha}


def _alpha(task: Task, label: str, columns: Sequence[list[Any]]) -> float | None:
    """Return Krippendorff's alpha of one label against all others; None where undefined."""
    counts = np.zeros((len(columns[0]), 2))
    for column in columns:
        for i, given in enumerate(column):
            if given is not None:
                counts[i, int(label in given if task.multilabel else label == given)] += 1
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return None
    m = counts.sum(axis=1)
    observed = (2 * counts[:, 0] * counts[:, 1] / (m - 1)).sum()
    n0, n1 = counts.sum(axis=0)
    expected = 2 * n0 * n1 / (n0 + n1 - 1)
    return float(1 - observed / expected) if expected else None


# Mistakes


def mistakes(
    corpus: Corpus,
    task: Task,
    chosen: npt.NDArray[np.int64],
    gold: npt.NDArray[Any],
    answers: Answers,
    n: int,
) -> list[Mistake]:
    """Return the `n` wrong answers that were given with most confidence, without words."""
    p = answers.probabilities
    if p is None:
        return []
    if task.multilabel:
        rows, columns = np.nonzero(gold != answers.labels)
        sure = np.where(answers.labels[rows, columns], p[rows, columns], 1 - p[rows, columns])
    else:
        rows = np.flatnonzero(gold != answers.labels)
        columns = answers.labels[rows]
        sure = p[rows, columns]
    found = []
    for at in np.argsort(-sure, kind="stable")[:n]:
        row, column = int(rows[at]), int(columns[at])
        right, wrong = task.labels[column], f"not {task.labels[column]}"
        if not task.multilabel:
            right, wrong = task.labels[int(gold[row])], task.labels[column]
        elif answers.labels[row, column]:
            right, wrong = wrong, right
        example = corpus.examples[int(chosen[row])]
        found.append(Mistake(example.doc, example.text, task.name, right, wrong, float(sure[at])))
    return found


def _with_words(model: Model, mistake: Mistake, n: int = 6) -> Mistake:
    """Add the words that speak most for the wrong answer against the right one."""
    outputs = [(c.task.name, label) for c in model.classifiers for label in c.task.labels]
    spans, contributions = model.scorer.explain(mistake.text)
    task = model.schema[mistake.task]

    def column(label: str) -> Floats:
        return np.asarray(contributions[:, outputs.index((task.name, label))])

    if not task.multilabel:
        pull = column(mistake.answer) - column(mistake.gold)
    elif mistake.answer in task.labels:
        pull = column(mistake.answer)
    else:
        pull = -column(mistake.gold)
    # A word that stands twice, or in two kinds of features, is one word to the reader.
    adds: dict[str, float] = {}
    for (start, end), value in zip(spans, pull.tolist(), strict=True):
        word = " ".join(mistake.text[start:end].split())
        adds[word] = adds.get(word, 0.0) + value
    strongest = sorted((w for w in adds if adds[w] > 0), key=lambda w: (-adds[w], w))[:n]
    words = tuple((word, adds[word]) for word in strongest)
    return replace(mistake, words=words)


# A model


def answers_of(model: Model, texts: Sequence[str]) -> dict[str, Answers]:
    """Return by task what a model answers."""
    parts = [model.probabilities(batch) for batch in batches(texts)]
    result = {}
    for c in model.classifiers:
        p = np.concatenate([part[c.task.name] for part in parts])
        result[c.task.name] = Answers(c.decide(p), p, c.margins(p))
    return result


def evaluate(
    schema: Schema,
    corpus: Corpus,
    answers: Mapping[str, Answers],
    *,
    model: Model | None = None,
    baselines: Mapping[str, Mapping[str, Answers]] | None = None,
    slices: Sequence[str] = (),
    rounds: int = 1000,
    seed: int = 0,
    n_mistakes: int = 30,
) -> Evaluation:
    """Measure answers to labelled sentences, task by task.

    Parameters
    ----------
    schema : the tasks; one without a gold answer is left out.
    corpus : the labelled sentences.
    answers : by task, for every sentence of the corpus.
    model : what gave the answers, to name the words behind its mistakes and to look for
        sentences that it was trained on; None for answers from cross-validation.
    baselines : by task and name of the baseline, its answers to the annotated sentences.
    slices : as in `slice_columns`.
    rounds, seed : of the bootstrap.
    n_mistakes : how many mistakes to list.

    Raises
    ------
    DataError : there is no gold answer, or another number of answers than of sentences.
    """
    parts = slice_columns(corpus, slices)
    scores: list[TaskScore] = []
    wrong: list[Mistake] = []
    warnings: list[str] = []
    overlap = None
    if model is not None and len(model.trained_on):
        overlap = int(np.isin(fingerprints(corpus.texts), model.trained_on).sum())
        if overlap:
            warnings.append(
                f"{overlap} of {len(corpus)} sentences were in the training data of the model: "
                "the figures flatter it"
            )
    if not corpus.has_documents:
        warnings.append(
            "not every sentence names its document (column doc): intervals come from drawing "
            "such sentences one by one, and are too narrow where they share a document"
        )
    n_groups = int(corpus.groups.max()) + 1
    if n_groups < _FEW_GROUPS:
        warnings.append(
            f"only {n_groups} documents or single sentences: the figures and their intervals "
            "say little"
        )
    for task in schema.tasks:
        chosen = corpus.annotated(task.name)
        if not len(chosen):
            continue
        given = answers[task.name]
        if len(given.labels) != len(corpus):
            raise DataError(
                f"{task.name}: {len(given.labels)} answers, expected one for each of "
                f"{len(corpus)} sentences"
            )
        given = given.take(chosen)
        gold = encode(task, corpus.labels(task.name))
        groups = np.unique(corpus.groups[chosen], return_inverse=True)[1]
        scored = score(task, gold, given.labels, given.probabilities, groups, rounds, seed)
        for label in scored.labels:
            if label.support in (0, len(gold)):
                found = "no" if label.support == 0 else "every"
                warnings.append(f"{task.name}: {found} sentence has the label {label.label}")
        by_baseline = {}
        for name, other in (baselines or {}).get(task.name, {}).items():
            table = count_table(task, gold, other)
            by_baseline[name] = _figures(
                task, table, groups, other.probabilities is not None, rounds, seed
            )
        columns = {name: [values[i] for i in chosen] for name, values in parts.items()}
        wrong += mistakes(corpus, task, chosen, gold, given, n_mistakes)
        scores.append(
            replace(
                scored,
                n_unannotated=len(corpus) - len(chosen),
                baselines=by_baseline,
                curves=curves(task, gold, given),
                slices=_slice_scores(task, gold, given, groups, columns, rounds, seed),
                readers=_readers(corpus, task, answers[task.name]),
            )
        )
    if not scores:
        names = ", ".join(task.name for task in schema.tasks)
        raise DataError(f"no sentence has a gold answer: expected a column for one of {names}")
    wrong = sorted(wrong, key=lambda m: -m.confidence)[:n_mistakes]
    if model is not None:
        wrong = [_with_words(model, m) for m in wrong]
    resampled = "documents" if corpus.has_documents else "sentences"
    return Evaluation(tuple(scores), tuple(wrong), overlap, resampled, tuple(warnings))


def _readers(corpus: Corpus, task: Task, answers: Answers) -> dict[str, Any] | None:
    """Return the agreement of readers, with that of the model with each of them."""
    readers = readers_of(corpus, task)
    found = agreement(task, readers)
    if found is None:
        return None
    with_model = {}
    for name, column in sorted(readers.items()):
        read = np.array([i for i, given in enumerate(column) if given is not None], np.int64)
        theirs = encode(task, [column[i] for i in read])
        sums = count_table(task, theirs, Answers(answers.labels[read])).sum(axis=0)
        with_model[name] = float(figures_of(task, sums, False)["kappa"])
    return found | {"kappa_with_model": with_model}
