"""Two sets of answers to the same sentences -> what differs, and how surely."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus, Example
from tagger.document import Labels
from tagger.errors import DataError
from tagger.evaluation.baselines import Answers
from tagger.evaluation.evaluate import count_table, figures_of, group_sums, interval, resampled_sums
from tagger.model.classifier import encode
from tagger.schema import Schema, Task

_ROUNDS_AT_ONCE = 100


@dataclass(frozen=True)
class Difference:
    """A figure of A and of B.

    Parameters
    ----------
    a, b : the figure of each.
    difference : b minus a.
    low, high : its 95 % interval by paired bootstrap over documents.
    p : of a permutation test: how often chance alone, swapping the answers of whole
        documents, makes a difference as large.
    """

    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Change:
    """A sentence that B answers otherwise than A."""

    kind: str
    doc: str
    text: str
    gold: Labels
    a: Labels
    b: Labels


@dataclass(frozen=True)
class TaskComparison:
    """How the answers to one task differ.

    Parameters
    ----------
    task, n : the task and the number of annotated sentences.
    figures : by name, such as ``macro_f1`` or ``f1.LABEL``.
    better, worse, otherwise : number of sentences that only B, or only A, answers rightly,
        and that both answer wrongly, but not in the same way.
    mcnemar_p : exact McNemar test (1947) on better against worse; it takes sentences as
        independent, which those of one document are not.
    changes : the sentences themselves.
    """

    task: str
    n: int
    figures: dict[str, Difference]
    better: int
    worse: int
    otherwise: int
    mcnemar_p: float
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return asdict(self)


def compare(
    corpus: Corpus,
    a: Mapping[str, Answers],
    b: Mapping[str, Answers],
    rounds: int = 1000,
    seed: int = 0,
) -> list[TaskComparison]:
    """Compare two sets of answers, task by task.

    Parameters
    ----------
    corpus : the labelled sentences.
    a, b : by task, answers to every sentence of the corpus.
    rounds, seed : of bootstrap and permutations.

    Raises
    ------
    DataError : no task has a gold answer.
    """
    found = []
    for task in corpus.schema.tasks:
        chosen = corpus.annotated(task.name)
        if len(chosen) and task.name in a and task.name in b:
            pair = a[task.name].take(chosen), b[task.name].take(chosen)
            found.append(_compare_task(corpus, task, chosen, *pair, rounds, seed))
    if not found:
        raise DataError("there is no task that both answer and that has a gold answer")
    return found


def _compare_task(
    corpus: Corpus,
    task: Task,
    chosen: npt.NDArray[np.int64],
    a: Answers,
    b: Answers,
    rounds: int,
    seed: int,
) -> TaskComparison:
    from scipy.stats import binomtest

    gold = encode(task, corpus.labels(task.name))
    groups = np.unique(corpus.groups[chosen], return_inverse=True)[1]
    scored = a.probabilities is not None and b.probabilities is not None
    if not scored:
        a, b = Answers(a.labels), Answers(b.labels)
    tables = count_table(task, gold, a), count_table(task, gold, b)
    points = [figures_of(task, table.sum(axis=0), scored) for table in tables]
    drawn = [
        figures_of(task, resampled_sums(table, groups, rounds, seed), scored) for table in tables
    ]
    swapped = _swapped(task, *tables, groups, scored, rounds, seed)
    figures = {}
    for name in points[0]:
        of_a, of_b = (float(point[name]) for point in points)
        low, high = interval(drawn[1][name] - drawn[0][name])
        p = None
        if rounds:
            # A hair below, so that rounding does not set equal differences apart.
            as_large = np.abs(swapped[name]) >= abs(of_b - of_a) - 1e-12
            p = float((1 + as_large.sum()) / (1 + rounds))
        figures[name] = Difference(of_a, of_b, of_b - of_a, low, high, p)
    right_a, right_b = (_equal(gold, x.labels) for x in (a, b))
    changed = ~_equal(a.labels, b.labels)
    better, worse = right_b & ~right_a, right_a & ~right_b
    n_better, n_worse = int(better.sum()), int(worse.sum())
    mcnemar = 1.0
    if n_better + n_worse:
        mcnemar = float(binomtest(n_better, n_better + n_worse).pvalue)
    changes = []
    for i in np.flatnonzero(changed):
        kind = "better" if better[i] else "worse" if worse[i] else "otherwise"
        example = corpus.examples[int(chosen[i])]
        given = (decode(task, x.labels[i]) for x in (a, b))
        changes.append(Change(kind, example.doc, example.text, example.labels[task.name], *given))
    n_otherwise = int(changed.sum()) - n_better - n_worse
    return TaskComparison(
        task.name, len(gold), figures, n_better, n_worse, n_otherwise, mcnemar, tuple(changes)
    )


def _swapped(
    task: Task,
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int64],
    scored: bool,
    rounds: int,
    seed: int,
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the differences when the answers of documents are swapped at random.

    Approximate randomization (Noreen 1989), with whole documents as in the bootstrap.
    """
    by_group = group_sums(b - a, groups)
    rng = np.random.default_rng(seed)
    moved = []
    for start in range(0, rounds, _ROUNDS_AT_ONCE):
        size = min(_ROUNDS_AT_ONCE, rounds - start)
        swap = rng.integers(2, size=(size, len(by_group)))
        moved.append(swap.astype(np.float64) @ by_group)
    shift = np.concatenate(moved) if moved else np.empty((0, a.shape[1]))
    one = figures_of(task, a.sum(axis=0) + shift, scored)
    other = figures_of(task, b.sum(axis=0) - shift, scored)
    return {name: other[name] - one[name] for name in one}


def _equal(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    same = one == other
    return np.asarray(same.all(axis=1) if same.ndim == 2 else same)


def decode(task: Task, answer: Any) -> Labels:
    """Return the label, or labels, behind one encoded answer."""
    if task.multilabel:
        return tuple(label for label, given in zip(task.labels, answer, strict=True) if given)
    return task.labels[int(answer)]


def read_answers(path: str | Path, schema: Schema) -> tuple[Corpus, dict[str, Answers]]:
    """Read the answers that `tagger evaluate` wrote beside a report.

    Parameters
    ----------
    path : the file answers.jsonl.
    schema : the tasks of the report.

    Raises
    ------
    DataError : the file cannot be read or does not fit the schema.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    examples, given, probabilities = [], [], []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            known = row["gold"]
            gold = {t.name: t.parse(known[t.name]) for t in schema.tasks if t.name in known}
            examples.append(Example(row["text"], gold, row["doc"], where=f"{path}:{number}"))
            given.append({t.name: t.parse(row["answers"][t.name]) for t in schema.tasks})
            probabilities.append(
                {t.name: [row["p"][t.name][x] for x in t.labels] for t in schema.tasks}
            )
        except (ValueError, KeyError, TypeError, DataError) as error:
            raise DataError(f"{path}:{number}: not an answer of this report: {error}") from None
    if not examples:
        raise DataError(f"{path}: no answer in it")
    answers = {
        t.name: Answers(
            encode(t, [row[t.name] for row in given]),
            np.array([row[t.name] for row in probabilities]),
        )
        for t in schema.tasks
    }
    return Corpus(schema, tuple(examples)), answers
