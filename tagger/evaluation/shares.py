"""Tagged sentences -> shares of labels, with intervals, corrected for known errors.

Sentences of one document resemble each other, so intervals come from drawing
whole documents anew. The correction is "adjusted classify and count" (Forman 2008): the
raw shares are the true ones sent through the model's confusion matrix, here that of the
cross-validation, so the true ones are found by sending them back. The draws take
the confusion matrix anew too: a matrix from few sentences gives a wide interval.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from tagger.corpus.columns import Columns
from tagger.corpus.rows import Data
from tagger.errors import DataError, did_you_mean
from tagger.evaluation.bootstrap import ends, resampled_sums, residuals, student_width, widened
from tagger.evaluation.evaluate import AnyModel
from tagger.evaluation.quantify import Known, shipped_of
from tagger.evaluation.tally import Tally, apart_notes, read_manifest, shares_of, tally
from tagger.features.arrays import Floats, Ints
from tagger.predictor import model_of
from tagger.schema import Schema, Task, answered_by, outputs_of

Confusion = Mapping[str, Any]

ALL, DOCUMENT, MONTH = "all", "document", "month"
_BY_DEFAULT = (ALL, "outlet", MONTH)
CROSS = ","
"""What joins the columns of a cross, and the values of a group of one."""
N_DRAWS = 400
_MIN_SEPARATION = 0.05

UNKNOWN = (
    "how often the model errs on such text is not known: shares are not corrected; --reference "
    "names labelled sentences of the same kind (reference=)"
)
BY_CROSS_VALIDATION = (
    "corrected by the errors in the model's cross-validation, which hold for text of the kind that "
    "it learned from; for another kind --reference names labelled sentences (reference=)"
)


@dataclass(frozen=True)
class Share:
    """The share of a label among the sentences of a group.

    Parameters
    ----------
    by, group : what the sentences are grouped by, and which group this is; the columns and
        values of a cross are joined by commas.
    values : the value of each column that the group is of.
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
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelShares:
    """What `label_shares` gives.

    Parameters
    ----------
    shares : the share of each label in each group.
    notes : by what shares are corrected, or why not, and what was left out.
    """

    shares: tuple[Share, ...] = field(repr=False)
    notes: tuple[str, ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the shares as plain JSON values."""
        return [asdict(share) for share in self.shares]

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the shares as a table with a column for each that sentences are grouped by."""
        columns = dict.fromkeys(name for share in self.shares for name in share.values)
        rows = []
        for share in self.shares:
            row = asdict(share)
            values = row.pop("values")
            # A column of the data may be called as one of the shares is.
            row |= {f"{c}_value" if c in row else c: values.get(c, "") for c in columns}
            rows.append(row)
        return rows


def label_shares(
    output: str,
    model: AnyModel = None,
    *,
    by: Sequence[str] = (),
    outlet_column: str = "outlet",
    date_column: str = "date",
    day_first: bool | None = None,
    reference: Data | None = None,
    columns: Columns | Sequence[str] | None = None,
    skip_bad_rows: bool = False,
) -> LabelShares:
    """Return how often each label occurs in tagged sentences, as ``tagger stats`` does.

    Parameters
    ----------
    output : what `tagger predict` wrote.
    model : what tagged it; by default the manifest beside `output` tells.
    by : what to group by: ``all``, ``document``, ``month`` (of the date), any column, or
        several joined by commas, for their cross (a name with a comma in quotes); by default
        all, and outlet and month where there are any.
    outlet_column, date_column : columns with the outlet and the date.
    day_first : whether ``05/01/2024`` is of January or of May.
    reference : labelled sentences of the same kind of text, by which shares are corrected;
        else they are by the errors in cross-validation, where these are of the same kind of
        text.
    columns, skip_bad_rows : how the reference is read, as in `tagger.evaluate`.

    Raises
    ------
    DataError : a row is broken, there is no column to group by, nothing is left to count,
        or a date is of two months and `day_first` is not given.
    """
    schema, confusion, model_id = known_errors(output, model)
    kinds = tuple(by) or _BY_DEFAULT
    known = None
    if reference is not None:
        reader = shipped_of(model_id) if model is None else model
        known = Known.of(reference, reader, schema, columns, skip_bad_rows)
    keys = tuple(dict.fromkeys(k for kind in kinds for k in _keys(kind)))
    held = {"outlet": outlet_column, MONTH: date_column}
    counted = tally(output, schema, keys, held, day_first, known is not None)
    _check_columns(output, counted, held, by, keys)
    notes, confusion = correction_notes(counted, confusion, model_id)
    if known is not None:
        notes, confusion = known.notes(counted, model_id), None
    notes += [f"{output}: {x} in column {name!r}" for x, name in counted.found.items()]
    notes += [*counted.notes, *apart_notes(output, counted), *_in_no_group(counted, held)]
    by_group = [share for kind in kinds for share in shares(counted, kind, confusion, known=known)]
    if not by_group:
        why = "; ".join(["", *_in_no_group(counted, held)])
        raise DataError(f"{output}: no sentence has a value to group by{why}")
    if known is not None or confusion:
        if confusion and any(share.adjusted is not None for share in by_group):
            notes.append(BY_CROSS_VALIDATION)
        notes += _blank(by_group, confusion)
    return LabelShares(tuple(by_group), tuple(notes))


def _blank(found: Sequence[Share], confusion: Confusion | None) -> list[str]:
    """Say why shares of a model whose errors are known are not corrected."""
    blank: dict[str, dict[str, None]] = {}
    for share in found:
        if confusion and share.adjusted is None and share.n_documents > 1:
            blank.setdefault(share.task, {})[share.label] = None
    alike = "in cross-validation the model hardly told its labels from others"
    unknown = "how often the model errs on it is not known"
    alone, known = any(share.n_documents == 1 for share in found), confusion or {}
    return ["groups of one document are not corrected"] * alone + [
        f"{task} is not corrected ({', '.join(labels)}): {alike if task in known else unknown}"
        for task, labels in blank.items()
    ]


def _check_columns(
    output: str, counted: Tally, held: Mapping[str, str], by: Sequence[str], keys: Sequence[str]
) -> None:
    """Refuse to group by columns that are not there, but for those that need not be."""
    for key, column in (*held.items(), *((k, k) for k in keys)):
        found = counted.found.get(held.get(key, key), held.get(key, key))
        asked = any(key in _keys(kind) for kind in by) or column not in ("outlet", "date", MONTH)
        if found not in counted.columns and asked:
            hint = did_you_mean(column, sorted({*counted.columns, ALL, DOCUMENT, MONTH}))
            hint += "; a name with a comma stands in quotes" if CROSS in "".join(by) else ""
            if key in held:
                hint += f"; --{'date' if key == MONTH else key}-column names another"
            raise DataError(f"{output}: there is no column {column!r} to group by: {hint}")


def _in_no_group(counted: Tally, columns: Mapping[str, str]) -> list[str]:
    """Say how many sentences lack a value that others are grouped by."""
    notes = []
    for i, key in enumerate(counted.keys):
        n = sum(int(c[0]) for (values, _), c in counted.counts.items() if not values[i])
        column, unread = columns.get(key, key), counted.n_unread_dates if key == MONTH else 0
        if unread:
            what = f"a date that cannot be read, such as {counted.unread_date!r}"
            notes.append(f"{unread} of {counted.n} sentences have {what}: in no month")
        if n > unread and counted.found.get(column, column) in counted.columns:
            notes.append(f"{n - unread} of {counted.n} sentences have no {column}: in no group")
    return notes


def known_errors(output: str, model: AnyModel) -> tuple[Schema, Confusion | None, str]:
    """Return schema, errors out of fold and id of what tagged an output."""
    record = read_manifest(output)
    if model is None and "schema" in record:
        schema = Schema.from_dict(record["schema"])
        return schema, record.get("out_of_fold"), str(record.get("model"))
    loaded = model_of(model)
    return loaded.schema, loaded.known_errors, loaded.id


def correction_notes(
    counted: Tally, confusion: Confusion | None, model_id: str
) -> tuple[list[str], Confusion | None]:
    """Say whether shares can be corrected; return the errors to correct them by, or None."""
    # A second reader that reads what is in doubt leaves the other rows to the first.
    own = {model_id} | ({answered_by(model_id, False)} if model_id in counted.models else set())
    others = sorted(set(counted.models) - own)
    if others == [""] and not any(map(counted.models.get, own)):
        return ["no column model says what tagged it: shares are not corrected"], None
    if others:
        named = ", ".join(name or "unknown" for name in others)
        note = f"tagged by model {named}, not by {model_id}: shares are not corrected; name the "
        return [f"{note}right one with --model, --second-reader"], None
    return ([], confusion) if confusion else ([UNKNOWN], None)


def _keys(by: str) -> tuple[str, ...]:
    """Return the columns of a way to group."""
    return tuple(x for x in columns_of(by) if x not in (ALL, DOCUMENT))


def columns_of(by: str) -> list[str]:
    """Return what a way to group joins by commas; a name that holds one stands in quotes."""
    if not (names := re.findall(r'"([^"]+)"|([^,]+)', by)):
        raise DataError(f"by is {by!r}, expected all, document, month or a column to group by")
    return [quoted or plain for quoted, plain in names]


def shares(
    counted: Tally, by: str, confusion: Confusion | None = None, known: Known | None = None
) -> list[Share]:
    """Return the share of each label in each group, groups sorted by name."""
    keys, documents = _keys(by), DOCUMENT in columns_of(by)
    at = [counted.keys.index(key) for key in keys]
    # Other columns may part a document, which is drawn as a whole all the same.
    groups: dict[tuple[str, ...], dict[Any, list[Any]]] = {}
    for key in counted.counts:
        values, doc = key
        name = *(values[i] for i in at), *([doc] if documents else ())
        if all(name):
            groups.setdefault(name, {}).setdefault(doc or key, []).append(key)
    rng = np.random.default_rng(0)
    drawn = {
        task.name: _matrices(task, confusion[task.name], rng)
        for task in counted.schema.tasks
        if confusion and task.name in confusion and not documents
    }
    result: list[Share] = []
    for name in sorted(groups):
        parted = groups[name].values()
        counts = np.stack([np.sum([counted.counts[k] for k in own], axis=0) for own in parted])
        found = _group(counted.schema, by, CROSS.join(name) or ALL, counts, drawn)
        if known is not None and not documents:
            p = [[row for k in own for row in counted.p[k]] for own in parted]
            width = np.array([share.high - share.low for share in found])
            three = _at_least_as_wide(width, *known.correct(p).T).T
            found = [
                share
                if point != point  # not a number: it is not known
                else replace(share, adjusted=point, adjusted_low=low, adjusted_high=high)
                for share, (point, low, high) in zip(found, three.tolist(), strict=True)
            ]
        of = dict(zip((*keys, *([DOCUMENT] if documents else ())), name, strict=True))
        result += [replace(share, values=of) for share in found]
    return result


def _group(
    schema: Schema, by: str, name: str, counts: Ints, matrices: Mapping[str, Floats]
) -> list[Share]:
    """Return the shares of one group, from the counts of its documents."""
    n_docs, total, off = len(counts), counts.sum(axis=0), residuals(counts)
    n, draws = int(total[0]), None
    if n_docs > 1:
        draws = shares_of(resampled_sums(counts, np.arange(n_docs), N_DRAWS, seed=0))
    result = []
    for task, columns in outputs_of(schema):
        raw = total[1:][columns] / n
        low, high = np.array([wilson(int(k), n) for k in total[1:][columns]]).T
        corrected = np.full((3, len(task.labels)), np.nan)
        if draws is not None:
            drawn_low, drawn_high = ends(draws[:, columns])
            # Little spread between documents is no proof that there is no more.
            width = np.maximum(student_width(off[:, columns], n_docs), high - low)
            spread = drawn_low < drawn_high
            low, high = np.where(spread, drawn_low, low), np.where(spread, drawn_high, high)
            low, high = widened(width, low, high, 0)
            if (own := matrices.get(task.name)) is not None:
                corrected = _corrected(task, raw, draws[:, columns], high - low, own)
        for i, label in enumerate(task.labels):
            numbers = (float(raw[i]), float(low[i]), float(high[i]))
            fixed = [None] * 3 if np.isnan(corrected[0, i]) else corrected[:, i].tolist()
            result.append(Share(by, name, task.name, label, n, n_docs, *numbers, *fixed))
    return result


def _corrected(task: Task, raw: Floats, draws: Floats, width: Floats, matrices: Floats) -> Floats:
    """Return corrected shares and the ends of their intervals, shape (3, n_labels).

    Sent back, a share may fall outside of 0 to 1, and is clipped. Clipping every draw would leave
    an interval of width 0, as if the share were certain. So only the ends are clipped; an interval
    is at least as wide as the raw one, since a correction by an estimated matrix adds doubt and
    takes none away, and holds the corrected share itself. A draw whose matrix cannot be sent
    back says nothing: it counts as 0 at the low end and as 1 at the high one.

    Parameters
    ----------
    raw, width : raw shares and the widths of their intervals, shape (n_labels,).
    draws : raw shares drawn anew, shape (n_draws, n_labels).
    matrices : as `_matrices` gives them.
    """
    point = adjust(task, raw[None], matrices[:1])[0]
    sent_back = _sent_back(task, draws, matrices[1:])
    low = np.clip(ends(np.where(np.isnan(sent_back), 0, sent_back))[0], 0, 1)
    high = np.clip(ends(np.where(np.isnan(sent_back), 1, sent_back))[1], 0, 1)
    return _at_least_as_wide(width, point, low, high)


def _at_least_as_wide(width: Floats, point: Floats, low: Floats, high: Floats) -> Floats:
    """Return points and intervals that hold them, none narrower than `width`."""
    low, high = widened(width, low, high, 0)
    return np.stack([point, np.minimum(low, point), np.maximum(high, point)])


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `k` in `n` (Wilson 1927)."""
    z = 1.959963984540054
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    # Rounding would leave out a share of 0 or 1.
    return max(0.0, min(float(centre - half), k / n)), min(1.0, max(float(centre + half), k / n))


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
    draws = rng.standard_gamma(np.broadcast_to(counts, (N_DRAWS, *counts.shape)))
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
    clipped = np.clip(_sent_back(task, raw, matrices), 0, 1 if task.multilabel else None)
    return clipped if task.multilabel else clipped / clipped.sum(axis=1, keepdims=True)


def _sent_back(task: Task, raw: Floats, matrices: Floats) -> Floats:
    """Return what `adjust` does before it is brought into 0 to 1."""
    if task.multilabel:
        false_alarms, hits = matrices[..., 0, 1], matrices[..., 1, 1]
        apart = hits - false_alarms
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(apart < _MIN_SEPARATION, np.nan, (raw - false_alarms) / apart)
    usable = np.abs(np.linalg.det(matrices)) >= _MIN_SEPARATION ** (len(task.labels) - 1)
    # Matrices that cannot be inverted are replaced by one that can, and their results by NaN.
    safe = np.where(usable[:, None, None], matrices, np.eye(len(task.labels)))
    solved = np.linalg.solve(np.swapaxes(safe, 1, 2), raw[..., None])[..., 0]
    return np.where(usable[:, None], solved, np.nan)
