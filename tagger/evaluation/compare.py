"""Two sets of answers to the same sentences -> what differs, and how surely."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.columns import Columns
from tagger.corpus.corpus import Corpus
from tagger.corpus.rows import Data
from tagger.document import Labels
from tagger.errors import ConfigError, DataError
from tagger.evaluation.answers import ANSWERS, Answers, read_answers, read_by
from tagger.evaluation.bootstrap import swapped_sums
from tagger.evaluation.evaluate import AnyModel, labelled
from tagger.evaluation.figures import count_table, figures_of
from tagger.evaluation.measure import group_warnings, overlap_of, seen_warnings, tagged_warnings
from tagger.evaluation.report.values import csv_of, read_report
from tagger.evaluation.scores import Difference, differences
from tagger.features.arrays import Floats, Ints
from tagger.files import Reject
from tagger.files.batches import save_rejects
from tagger.model.classifier import decode
from tagger.model.model import MANIFEST
from tagger.predictor import model_of
from tagger.schema import Schema, Task
from tagger.targets import write_files

COMPARISON, FIGURES = "comparison.json", "figures.csv"


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
    changes: tuple[Change, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """How two models, or two reports, differ on the same sentences.

    Parameters
    ----------
    tasks : what differs, task by task.
    warnings : what a reader must know before believing a figure.
    notes, skipped : what reading the data found, and the rows that were left out.
    """

    tasks: tuple[TaskComparison, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[Reject, ...] = ()

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the comparison as plain JSON values, one a task."""
        return [task.to_dict() for task in self.tasks]

    def to_json(self) -> str:
        """Return the comparison as JSON."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the figures as a table, one row a task and figure."""
        return [
            {"task": task.task, "figure": name, **asdict(figure)}
            for task in self.tasks
            for name, figure in task.figures.items()
        ]

    def save(self, folder: str | Path, force: bool = False) -> None:
        """Write comparison.json and figures.csv into a folder, beside it the rows left out.

        Files that are there are replaced only with `force`.

        Raises
        ------
        OutputError : it is there already, or cannot be written.
        """
        files = {COMPARISON: self.to_json(), FIGURES: csv_of(self.to_rows())}
        write_files(folder, files, force)
        save_rejects(folder, self.skipped, force)


def compare(
    a: AnyModel,
    b: AnyModel,
    data: Data | None = None,
    *,
    columns: Columns | Sequence[str] | None = None,
    skip_bad_rows: bool = False,
    rounds: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two models on labelled sentences, or two reports on the same ones.

    Parameters
    ----------
    a, b : with `data` two models (folders or Taggers), without it two folders of reports.
    data, columns, skip_bad_rows : as in `tagger.evaluate`.
    rounds, seed : of bootstrap and permutations.

    Raises
    ------
    DataError : the data cannot be used, the reports are of different data, or no task is
        answered by both.
    ConfigError : models, but no data.
    """
    if data is not None:
        corpus, one, other, warnings = _of_models(a, b, data, columns, skip_bad_rows)
        tasks = tuple(compare_answers(corpus, one, other, rounds, seed))
        return Comparison(tasks, warnings, corpus.notes, corpus.skipped)
    for side in (a, b):
        if not isinstance(side, (str, Path)):
            raise ConfigError(
                f"found a {type(side).__name__} and no data, expected two folders of reports: "
                "give data to compare models"
            )
    corpus, one, other, said = _of_reports(Path(str(a)), Path(str(b)))
    tasks = tuple(compare_answers(corpus, one, other, rounds, seed))
    own = group_warnings(corpus)
    return Comparison(tasks, (*(warning for warning in said if warning[3:] not in own), *own))


def _of_models(
    a: AnyModel,
    b: AnyModel,
    data: Data,
    columns: Columns | Sequence[str] | None,
    skip_bad_rows: bool,
) -> tuple[Corpus, dict[str, Answers], dict[str, Answers], tuple[str, ...]]:
    one, other = model_of(a), model_of(b)
    schema = _shared(one.schema, other.schema)
    corpus = labelled(one, data, columns, schema, skip_bad_rows)
    says, cut, warnings = [], [], tagged_warnings(corpus, one, other)
    for side, model in zip("AB", (one, other), strict=True):
        answers, notes = read_by(model, corpus.texts)
        says.append(answers)
        cut += [f"{side}: {note}" for note in notes]
        warnings += seen_warnings(corpus, overlap_of(corpus, model), side)
    return corpus, says[0], says[1], (*warnings, *group_warnings(corpus), *cut)


def _of_reports(
    a: Path, b: Path
) -> tuple[Corpus, dict[str, Answers], dict[str, Answers], list[str]]:
    for path in (a, b):
        if (path / MANIFEST).is_file() and not (path / ANSWERS).is_file():
            raise DataError(
                f"{path}: a model folder, expected a report: add DATA, labelled sentences to "
                "compare models on"
            )
    sides = [_read_side(path) for path in (a, b)]
    data = [sha256 for sha256, *_ in sides]
    if data[0] != data[1]:
        raise DataError(
            f"the reports are of different data, {data[0][:12]} and {data[1][:12]}: evaluate "
            "both models on the same files"
        )
    schema = _shared(*(schema for _, schema, _ in sides))
    folders = [path if path.is_dir() else path.parent for path in (a, b)]
    corpus, one = read_answers(folders[0] / ANSWERS, schema)
    again, other = read_answers(folders[1] / ANSWERS, schema)
    if corpus.sha256 != again.sha256:
        raise DataError(f"{b}: the sentences of {ANSWERS} are not those of {a}")
    said = [f"{x}: {w}" for x, (*_, own) in zip("AB", sides, strict=True) for w in own]
    return corpus, one, other, said


def _read_side(path: Path) -> tuple[str, Schema, list[str]]:
    """Return the hash of the data of a report, its tasks and its warnings."""
    report = read_report(path)
    try:
        tasks = tuple(
            Task(task["task"], tuple(x["label"] for x in task["labels"]), task["multilabel"])
            for task in report["tasks"]
        )
        said = list(map(str, report["warnings"]))
        return str(report["about"]["data"]["sha256"]), Schema(tasks), said
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a whole report, {error} is missing or damaged: make it again with "
            "tagger evaluate --output"
        ) from None


def _shared(one: Schema, other: Schema) -> Schema:
    """Return the tasks of both schemas."""
    theirs = {task.name: task for task in other.tasks}
    shared = [task for task in one.tasks if task.name in theirs]
    if not shared:
        names = [", ".join(task.name for task in schema.tasks) for schema in (one, other)]
        raise DataError(f"no task in common: A answers {names[0]}, B answers {names[1]}")
    for task in shared:
        if task.labels != theirs[task.name].labels:
            labels = [", ".join(t.labels) for t in (task, theirs[task.name])]
            raise DataError(f"{task.name} has the labels {labels[0]} in A, {labels[1]} in B")
    return Schema(tuple(shared))


def compare_answers(
    corpus: Corpus,
    a: Mapping[str, Answers],
    b: Mapping[str, Answers],
    rounds: int = 1000,
    seed: int = 0,
) -> list[TaskComparison]:
    """Compare two sets of answers, task by task."""
    tasks = []
    for task in corpus.schema.tasks:
        if len(corpus.annotated(task.name)) and task.name in a and task.name in b:
            pair = a[task.name], b[task.name]
            tasks.append(_compare_task(corpus, task, *pair, rounds, seed))
    if not tasks:
        raise DataError("there is no task that both answer and that has a gold answer")
    return tasks


def _compare_task(
    corpus: Corpus, task: Task, a: Answers, b: Answers, rounds: int, seed: int
) -> TaskComparison:
    chosen, gold = corpus.gold(task)
    a, b, groups = a.take(chosen), b.take(chosen), corpus.groups_of(chosen)
    if a.probabilities is None or b.probabilities is None:
        a, b = Answers(a.labels), Answers(b.labels)
    tables = count_table(task, gold, a), count_table(task, gold, b)
    figures = differences(task, *tables, groups, rounds, seed)
    if rounds:
        p_values = _p_values(task, *tables, groups, rounds, seed)
        figures = {name: replace(d, p=p_values[name]) for name, d in figures.items()}
    changes = _changes(corpus, task, chosen, gold, a, b)
    better, worse, otherwise = (
        sum(change.kind == kind for change in changes) for kind in ("better", "worse", "otherwise")
    )
    return TaskComparison(
        task.name,
        len(gold),
        figures,
        better,
        worse,
        otherwise,
        _mcnemar_p(better, worse),
        tuple(changes),
    )


def _mcnemar_p(better: int, worse: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def _changes(
    corpus: Corpus, task: Task, chosen: Ints, gold: npt.NDArray[Any], a: Answers, b: Answers
) -> list[Change]:
    right_a, right_b = (_equal(gold, x.labels) for x in (a, b))
    changes = []
    differ = np.flatnonzero(~_equal(a.labels, b.labels))
    answers = zip(*(decode(task, x.labels[differ]) for x in (a, b)), strict=True)
    for i, both in zip(differ, answers, strict=True):
        kind = "better" if right_b[i] else "worse" if right_a[i] else "otherwise"
        example = corpus.examples[int(chosen[i])]
        changes.append(Change(kind, example.doc, example.text, example.labels[task.name], *both))
    return changes


def _p_values(
    task: Task, a: Floats, b: Floats, groups: Ints, rounds: int, seed: int
) -> dict[str, float | None]:
    """Return for each figure how often swapped answers differ as much; None where undefined."""
    shift = swapped_sums(b - a, groups, rounds, seed)
    totals = a.sum(axis=0), b.sum(axis=0)
    before, after = (figures_of(task, total) for total in totals)
    one, other = figures_of(task, totals[0] + shift), figures_of(task, totals[1] - shift)
    result: dict[str, float | None] = {}
    for name in before:
        difference = abs(after[name] - before[name])
        # A hair below, so that rounding does not set equal differences apart.
        as_large = np.abs(other[name] - one[name]) >= difference - 1e-12
        result[name] = None if np.isnan(difference) else float((1 + as_large.sum()) / (1 + rounds))
    return result


def _equal(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    same = one == other
    return np.asarray(same.all(axis=1) if same.ndim == 2 else same)
