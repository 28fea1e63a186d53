"""The wrong answers that were given with most confidence, and the words behind them."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus
from tagger.evaluation.answers import Answers
from tagger.evaluation.scores import Mistake
from tagger.features.arrays import Floats, Ints
from tagger.model.model import Model
from tagger.schema import Task


def mistakes(
    corpus: Corpus,
    task: Task,
    chosen: Ints,
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
    listed = []
    for at in np.argsort(-sure, kind="stable")[:n]:
        row, column = int(rows[at]), int(columns[at])
        right, wrong = task.labels[column], f"not {task.labels[column]}"
        if not task.multilabel:
            right, wrong = task.labels[int(gold[row])], task.labels[column]
        elif answers.labels[row, column]:
            right, wrong = wrong, right
        example = corpus.examples[int(chosen[row])]
        listed.append(Mistake(example.doc, example.text, task.name, right, wrong, float(sure[at])))
    return listed


def with_words(model: Model, mistake: Mistake, n: int = 6) -> Mistake:
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
