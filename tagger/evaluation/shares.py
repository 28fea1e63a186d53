"""Tagged sentences -> shares of labels, with intervals, corrected for known errors.

Sentences of one document resemble each other, so intervals come from drawing
whole documents anew (cluster bootstrap, Davison and Hinkley 1997, section 3.8).
The correction is "adjusted classify and count" (Forman 2008): the raw shares are
the true ones sent through the model's confusion matrix, here that of the
cross-validation, so the true ones are found by sending them back. The draws take
the confusion matrix anew too: a matrix from few sentences gives a wide interval.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.errors import DataError, did_you_mean
from tagger.files import Reject, read_rows
from tagger.files.formats import expand
from tagger.files.tagged import manifest_path
from tagger.schema import Schema, Task

Floats = npt.NDArray[np.float64]
Confusion = Mapping[str, Any]

BY = ("all", "document", "outlet", "month")
_N_DRAWS = 400
_DRAWN_AT_ONCE = 4_000_000  # documents, which bounds the memory
_LEVEL = 0.95
_MIN_SEPARATION = 0.05


@dataclass
class Tally:
    """Counts of labels by document.

    Parameters
    ----------
    schema : the tasks.
    counts : by outlet, month and document the number of sentences, then that of
        each label, task by task.
    models : how many sentences each model tagged.
    n : number of sentences.
    """

    schema: Schema
    counts: dict[tuple[str, str, str], npt.NDArray[np.int64]] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    n: int = 0


@dataclass(frozen=True)
class Share:
    """The share of a label among the sentences of a group.

    Parameters
    ----------
    by, group : what the sentences are grouped by, and which group this is.
    task, label : whose share.
    n_sentences, n_documents : size of the group.
    raw, low, high : share of the sentences with this label, and its 95 % interval.
    adjusted, adjusted_low, adjusted_high : the same corrected for the model's known
        errors; None where they are not known, or a document stands alone.
    """

    by: str
    group: str
    task: str
    label: str
    n_sentences: int
    n_documents: int
    raw: float
    low: float
    high: float
    adjusted: float | None = None
    adjusted_low: float | None = None
    adjusted_high: float | None = None


@dataclass(frozen=True)
class Drift:
    """How the share of a label differs between two runs.

    Parameters
    ----------
    task, label : whose share.
    before, after : raw shares.
    low, high : 95 % interval of after - before.
    """

    task: str
    label: str
    before: float
    after: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out no change at all."""
        return self.low > 0 or self.high < 0


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Return the record that `tagger predict` left beside an output; empty where there is none.

    Raises
    ------
    DataError : the record is there but damaged.
    """
    path = Path(path)
    beside = path / "manifest.json" if path.is_dir() else manifest_path(path)
    try:
        found = json.loads(beside.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{beside}: cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{beside}: found a JSON {type(found).__name__}, expected an object")
    return found


def tally(
    path: str, schema: Schema, outlet_column: str = "outlet", date_column: str = "date"
) -> Tally:
    """Count the labels of a tagged file, or of a folder of them.

    Parameters
    ----------
    path : what `tagger predict` wrote as JSONL, CSV or Parquet.
    schema : the tasks to count.
    outlet_column, date_column : columns with the outlet and the date (as 2024-03-18).

    Raises
    ------
    DataError : a row is broken or lacks a task's column.
    """
    found = Tally(schema)
    size = 1 + sum(len(task.labels) for task in schema.tasks)
    for name in expand([path]):
        for row in read_rows(name):
            if isinstance(row, Reject):
                raise DataError(f"{row.where}: {row.reason}")
            record = row.record
            key = (
                str(record.get(outlet_column) or ""),
                str(record.get(date_column) or "")[:7],
                str(record.get("doc") or ""),
            )
            if key not in found.counts:
                found.counts[key] = np.zeros(size, np.int64)
            try:
                found.counts[key][_places(record, schema)] += 1
            except DataError as error:
                raise DataError(f"{row.where}: {error}: expected tagged sentences") from None
            found.models[str(record.get("model", ""))] += 1
            found.n += 1
    if not found.n:
        raise DataError(f"{path}: no tagged sentence")
    return found


def _places(record: Mapping[str, Any], schema: Schema) -> list[int]:
    places, start = [0], 1
    for task in schema.tasks:
        if task.name not in record:
            raise DataError(f"no column {task.name!r}: {did_you_mean(task.name, record)}")
        given = task.parse(record[task.name])
        labels = (given,) if isinstance(given, str) else given
        places += [start + task.labels.index(label) for label in labels]
        start += len(task.labels)
    return places


def shares(
    counted: Tally, by: str, confusion: Confusion | None = None, seed: int = 0
) -> list[Share]:
    """Return the share of each label in each group, groups sorted by name.

    Parameters
    ----------
    counted : what `tally` gave.
    by : one of `BY`; sentences without an outlet or date are left out of that.
    confusion : by task, how the model erred out of fold: what training leaves as
        ``out_of_fold`` in the manifest of a model.
    seed : of the draws.

    Raises
    ------
    DataError : an unknown `by`.
    """
    if by not in BY:
        raise DataError(f"by is {by!r}: {did_you_mean(by, BY)}")
    groups: dict[str, list[npt.NDArray[np.int64]]] = {}
    for (outlet, month, doc), counts in counted.counts.items():
        name = {"all": "all", "document": doc, "outlet": outlet, "month": month}[by]
        if name:
            groups.setdefault(name, []).append(counts)
    rng = np.random.default_rng(seed)
    drawn = {
        task.name: _matrices(task, confusion[task.name], rng)
        for task in counted.schema.tasks
        if confusion and task.name in confusion and by != "document"
    }
    found: list[Share] = []
    for name in sorted(groups):
        found += _group(counted.schema, by, name, np.stack(groups[name]), drawn, rng)
    return found


def _group(
    schema: Schema,
    by: str,
    name: str,
    counts: npt.NDArray[np.int64],
    matrices: Mapping[str, Floats],
    rng: np.random.Generator,
) -> list[Share]:
    """Return the shares of one group, from the counts of its documents."""
    n_docs, total = len(counts), counts.sum(axis=0)
    draws = _redrawn(counts, rng) if n_docs > 1 else None
    found, start = [], 0
    for task in schema.tasks:
        columns = slice(start, start + len(task.labels))
        start = columns.stop
        raw = total[1:][columns] / total[0]
        low, high = np.array([wilson(int(k), int(total[0])) for k in total[1:][columns]]).T
        if draws is not None:
            drawn_low, drawn_high = _interval(draws[:, columns])
            # No spread between documents is no proof that there is none.
            spread = drawn_low < drawn_high
            low, high = np.where(spread, drawn_low, low), np.where(spread, drawn_high, high)
        fixed: list[tuple[float | None, float | None, float | None]]
        fixed = [(None, None, None)] * len(task.labels)
        if task.name in matrices and draws is not None:
            matrix = matrices[task.name]
            point = adjust(task, raw[None], matrix[:1])[0]
            fixed_low, fixed_high = _interval(adjust(task, draws[:, columns], matrix[1:]))
            fixed = [
                (None, None, None) if np.isnan(p) else (float(p), float(a), float(b))
                for p, a, b in zip(point, fixed_low, fixed_high, strict=True)
            ]
        found += [
            Share(
                by, name, task.name, label, int(total[0]), n_docs, float(p), float(a), float(b), *f
            )
            for label, p, a, b, f in zip(task.labels, raw, low, high, fixed, strict=True)
        ]
    return found


def _redrawn(counts: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return the shares in draws of as many documents anew, shape (n_draws, n_labels)."""
    n_docs = len(counts)
    step = max(1, _DRAWN_AT_ONCE // n_docs)
    sums = np.concatenate(
        [
            rng.multinomial(n_docs, np.full(n_docs, 1 / n_docs), min(step, _N_DRAWS - start))
            @ counts
            for start in range(0, _N_DRAWS, step)
        ]
    )
    return np.asarray(sums[:, 1:] / np.maximum(sums[:, :1], 1))


def _interval(draws: Floats) -> tuple[Floats, Floats]:
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `k` in `n` (Wilson 1927)."""
    z = 1.959963984540054
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _matrices(task: Task, confusion: Any, rng: np.random.Generator) -> Floats:
    """Return shares of answers by true label: those counted, then as many draws as are made.

    Shape (1 + n_draws, n_labels, n_labels), or for a multi-label task
    (1 + n_draws, n_labels, 2, 2) with the rows "not so" and "so".
    """
    counts = np.array(confusion, np.float64)
    n = len(task.labels)
    if counts.shape != ((n, 2, 2) if task.multilabel else (n, n)):
        raise DataError(
            f"out_of_fold of {task.name} has shape {counts.shape}, which is not that of its labels"
        )
    counts += 0.5  # no cell is impossible because it was not seen
    draws = rng.standard_gamma(np.broadcast_to(counts, (_N_DRAWS, *counts.shape)))
    both = np.concatenate([counts[None], draws])
    return np.asarray(both / both.sum(axis=-1, keepdims=True))


def adjust(task: Task, raw: Floats, matrices: Floats) -> Floats:
    """Send shares back through confusion matrices.

    Parameters
    ----------
    raw : shape (n, n_labels).
    matrices : shares of answers by true label, one for each row of `raw`.

    Returns
    -------
    Shape (n, n_labels), from 0 to 1; a single-label task's rows sum to one. NaN
    where the model hardly tells labels apart, so that nothing can be sent back.
    """
    if task.multilabel:
        false_alarms, hits = matrices[..., 0, 1], matrices[..., 1, 1]
        apart = hits - false_alarms
        with np.errstate(divide="ignore", invalid="ignore"):
            sent_back = np.clip((raw - false_alarms) / apart, 0, 1)
        return np.where(apart < _MIN_SEPARATION, np.nan, sent_back)
    apart = np.abs(np.linalg.det(matrices))
    usable = apart >= _MIN_SEPARATION ** (len(task.labels) - 1)
    safe = np.where(usable[:, None, None], matrices, np.eye(len(task.labels)))
    solved = np.linalg.solve(np.swapaxes(safe, 1, 2), raw[..., None])[..., 0]
    positive = np.asarray(np.clip(solved, 0, None))
    return np.where(usable[:, None], positive / positive.sum(axis=1, keepdims=True), np.nan)


def drift(before: Tally, after: Tally, seed: int = 0) -> list[Drift]:
    """Return how the shares of two runs differ, label by label."""
    rng = np.random.default_rng(seed)
    sides = []
    for counted in (before, after):
        counts = np.stack(list(counted.counts.values()))
        total = counts.sum(axis=0)
        sides.append((total[1:] / total[0], _redrawn(counts, rng)))
    (old, old_draws), (new, new_draws) = sides
    low, high = _interval(new_draws - old_draws)
    names = [(task.name, label) for task in before.schema.tasks for label in task.labels]
    return [
        Drift(task, label, *map(float, numbers))
        for (task, label), *numbers in zip(names, old, new, low, high, strict=True)
    ]


def changed(before: str, after: str, schema: Schema) -> dict[str, Counter[tuple[str, str]]]:
    """Count how the answers to the same sentences changed from one run to another.

    Parameters
    ----------
    before, after : tagged files; a sentence is the same where doc, n and text are.
    schema : the tasks to compare.

    Returns
    -------
    By task, how often which answer became which; answers that stayed are among them.
    """
    known: dict[tuple[str, str, str], list[str]] = {}
    for key, given in _answers(before, schema):
        known[key] = given
    found: dict[str, Counter[tuple[str, str]]] = {task.name: Counter() for task in schema.tasks}
    for key, given in _answers(after, schema):
        if key in known:
            for task, old, new in zip(schema.tasks, known[key], given, strict=True):
                found[task.name][old, new] += 1
    return found


def _answers(path: str, schema: Schema) -> Iterable[tuple[tuple[str, str, str], list[str]]]:
    for name in expand([path]):
        for row in read_rows(name):
            if isinstance(row, Reject):
                raise DataError(f"{row.where}: {row.reason}")
            record = row.record
            given = [task.parse(record.get(task.name, "")) for task in schema.tasks]
            yield (
                (str(record.get("doc")), str(record.get("n")), str(record.get("text"))),
                [g if isinstance(g, str) else "|".join(g) for g in given],
            )


def plot_months(found: Sequence[Share], folder: str | Path) -> list[Path]:
    """Draw the shares over time, one picture a task; return the files.

    Raises
    ------
    DataError : the extra plots is not installed, or there are fewer than two months.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DataError("plots need the extra plots: pip install 'claim-tagger[plots]'") from None
    monthly = [s for s in found if s.by == "month"]
    months = sorted({s.group for s in monthly})
    if len(months) < 2:
        raise DataError(
            f"found {len(months)} month(s) in the column of dates, expected two or more"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for task in dict.fromkeys(s.task for s in monthly):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        axes = figure.subplots()
        for label in dict.fromkeys(s.label for s in monthly if s.task == task):
            line = [s for s in monthly if (s.task, s.label) == (task, label)]
            x = [months.index(s.group) for s in line]
            (drawn,) = axes.plot(
                x, [s.raw for s in line], marker="o", label=label.replace("_", " ")
            )
            axes.fill_between(
                x, [s.low for s in line], [s.high for s in line], alpha=0.2, color=drawn.get_color()
            )
            fixed = [
                (i, s.adjusted) for i, s in zip(x, line, strict=True) if s.adjusted is not None
            ]
            if fixed:
                axes.plot(*zip(*fixed, strict=True), linestyle="--", color=drawn.get_color())
        axes.set_xticks(range(len(months)), months, rotation=45, ha="right")
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_ylabel("share of sentences")
        axes.set_title(f"{task}: raw with 95 % interval; dashed: corrected for known errors")
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper", frameon=False)
        path = folder / f"shares-{task}.png"
        figure.savefig(path, dpi=150, metadata={"Software": None})
        written.append(path)
    return written
