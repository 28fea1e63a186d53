"""Answers of several readers, and how far they agree."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus
from tagger.errors import DataError
from tagger.evaluation.answers import Answers
from tagger.evaluation.figures import count_table, defined, figures_of
from tagger.model.classifier import encode
from tagger.schema import Task


def readers_of(corpus: Corpus, task: Task) -> dict[str, list[Any]]:
    """Return by reader what each sentence was given by them, None where nothing.

    A reader's answers stand in the column ``TASK@READER``, or in the column ``readers``
    as an object ``{"READER": {"TASK": answer}}``.
    """
    columns: dict[str, list[Any]] = {}
    for i, example in enumerate(corpus.examples):
        answered = {}
        for name, value in example.extra.items():
            column, _, reader = name.partition("@")
            if reader and column == task.name:
                answered[reader] = value
        by_reader = example.extra.get("readers")
        if isinstance(by_reader, dict):
            for reader, answers in by_reader.items():
                if isinstance(answers, dict) and task.name in answers:
                    answered[str(reader)] = answers[task.name]
        for reader, value in answered.items():
            if value is None or (value == "" and not task.multilabel):
                continue
            column_of = columns.setdefault(reader, [None] * len(corpus))
            try:
                column_of[i] = task.parse(value)
            except DataError as error:
                raise DataError(f"{example.where}: reader {reader}: {error}") from None
    return columns


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
                kappa = _kappa(task, one, other)
                pairs.append({"readers": [first, second], "n": len(both), "kappa": kappa})
    alpha = {label: _alpha(task, label, list(readers.values())) for label in task.labels}
    return {"pairs": pairs, "alpha": alpha}


def _kappa(task: Task, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float | None:
    """Return Cohen's kappa of two readers; None where undefined."""
    return defined(figures_of(task, count_table(task, one, Answers(other)).sum(axis=0))["kappa"])


def _alpha(task: Task, label: str, columns: Sequence[list[Any]]) -> float | None:
    """Return Krippendorff's alpha of one label against all others; None where undefined."""
    counts = np.zeros((len(columns[0]), 2))
    for column in columns:
        for i, answer in enumerate(column):
            if answer is not None:
                counts[i, int(label in answer if task.multilabel else label == answer)] += 1
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return None
    m = counts.sum(axis=1)
    observed = (2 * counts[:, 0] * counts[:, 1] / (m - 1)).sum()
    n0, n1 = counts.sum(axis=0)
    expected = 2 * n0 * n1 / (n0 + n1 - 1)
    return float(1 - observed / expected) if expected else None


def agreement_with(corpus: Corpus, task: Task, answers: Answers) -> dict[str, Any] | None:
    """Return the agreement of readers, with that of the model with each of them."""
    readers = readers_of(corpus, task)
    between = agreement(task, readers)
    if between is None:
        return None
    with_model = {}
    for name, column in sorted(readers.items()):
        read = np.array([i for i, answer in enumerate(column) if answer is not None], np.int64)
        theirs = encode(task, [column[i] for i in read])
        with_model[name] = _kappa(task, theirs, answers.labels[read])
    return between | {"kappa_with_model": with_model}
