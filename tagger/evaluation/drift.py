"""Two runs of tagging -> how the shares of labels and the answers moved."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tagger.evaluation.bootstrap import ends, resampled_sums, residuals, student_width, widened
from tagger.evaluation.evaluate import AnyModel
from tagger.evaluation.shares import N_DRAWS, UNKNOWN, correction_notes, known_errors, wilson
from tagger.evaluation.tally import Tally, apart_notes, shares_of, tagged_rows, tally
from tagger.features.arrays import Floats, Ints
from tagger.schema import Schema, numbered

_NO_SPREAD = 1e-9  # but for rounding


@dataclass(frozen=True)
class Drift:
    """How the share of a label differs between two runs.

    Parameters
    ----------
    task, label : whose share.
    before, after : raw shares.
    low, high : 95 % interval of after - before, by few documents as wide as Student's t asks for;
        -1 to 1 where a run has a single one.
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


@dataclass(frozen=True)
class LabelDrift:
    """What `label_drift` gives.

    Parameters
    ----------
    drifts : how the share of each label differs.
    changed : by task, how often which answer to the same sentence became which.
    notes : what a reader must know.
    """

    drifts: tuple[Drift, ...]
    changed: dict[str, Counter[tuple[str, str]]]
    notes: tuple[str, ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return the drifts as plain JSON values."""
        return [{**asdict(drift), "clear": drift.clear} for drift in self.drifts]


def label_drift(output: str, earlier: str, model: AnyModel = None) -> LabelDrift:
    """Return how shares of labels moved from an earlier run, as ``tagger stats --compare`` does.

    Parameters
    ----------
    output, earlier : what `tagger predict` wrote, now and then.
    model : as in `label_shares`.
    """
    schema, confusion, model_id = known_errors(output, model)
    after = tally(output, schema, ())
    before = tally(earlier, schema, ())
    notes, _ = correction_notes(after, confusion, model_id)
    notes = [note for note in notes if note != UNKNOWN]  # shares are raw here, which is no fault
    notes += [*after.notes, *before.notes]
    now, then = (", ".join(sorted(side.models)) for side in (after, before))
    if now != then:
        found = f"tagged by {now or 'no model that is named'}, before by {then or 'none'}"
        notes.append(f"{found}: what moved may be the model's doing, and not the text's")
    notes += [*apart_notes(output, after), *apart_notes(earlier, before)]
    drifts = tuple(drift(before, after))
    if all((d.low, d.high) == (-1, 1) for d in drifts):
        notes.append("a single document, which tells nothing of chance: no drift is clear")
    return LabelDrift(drifts, changed(earlier, output, schema), tuple(notes))


def drift(before: Tally, after: Tally) -> list[Drift]:
    """Return how the shares of two runs differ, label by label.

    Documents of both runs, which are known by their names, are drawn in pairs.
    """
    sides = [_by_document(side, counted) for side, counted in enumerate((before, after))]
    names = list(numbered(before.schema))
    size = 1 + len(names)
    none = np.zeros(size, np.int64)
    strata: dict[tuple[bool, bool], list[Ints]] = {}
    for key in {**sides[0], **sides[1]}:
        pair = np.concatenate([side.get(key, none) for side in sides])
        strata.setdefault((key in sides[0], key in sides[1]), []).append(pair)
    # Documents of one run only are drawn apart, so that no draw leaves a run without any.
    draws = np.zeros((N_DRAWS, 2 * size))
    for i, (_, pairs) in enumerate(sorted(strata.items())):
        draws += resampled_sums(np.stack(pairs), np.arange(len(pairs)), N_DRAWS, seed=i)
    documents = np.concatenate([np.stack(pairs) for pairs in strata.values()])
    parts = documents[:, :size], documents[:, size:]
    totals = [part.sum(axis=0) for part in parts]
    old, new = (shares_of(total[None])[0] for total in totals)
    low, high = ends(shares_of(draws[:, size:]) - shares_of(draws[:, :size]))
    off = residuals(parts[1]) - residuals(parts[0])
    n_least = min(int(np.count_nonzero(part[:, 0])) for part in parts)
    width = student_width(off, n_least)
    # No spread between documents is no proof that there is none, but where nothing moved at all.
    alike = (width < _NO_SPREAD) & ((old != new) | any(one != other for one, other in strata))
    by_chance = np.hypot(*map(_wilson_widths, totals))  # Newcombe (1998), method 10
    width = np.where(alike, by_chance, width)
    low, high = widened(width, low, high, -1)
    return [
        Drift(task, label, *map(float, numbers))
        for (task, label), *numbers in zip(names, old, new, low, high, strict=True)
    ]


def _wilson_widths(sums: Ints) -> Floats:
    return np.array([np.ptp(wilson(int(k), int(sums[0]))) for k in sums[1:]])


def _by_document(side: int, counted: Tally) -> dict[Any, Ints]:
    """Sum counts by document; without a name, none is that of the other side."""
    result: dict[Any, Ints] = {}
    for (values, doc), counts in counted.counts.items():
        key = doc or (side, *values)
        result[key] = result[key] + counts if key in result else counts
    return result


def changed(before: str, after: str, schema: Schema) -> dict[str, Counter[tuple[str, str]]]:
    """Count how the answers to the same sentences changed from one run to another."""
    known = dict(_answers(before, schema))
    moved: dict[str, Counter[tuple[str, str]]] = {task.name: Counter() for task in schema.tasks}
    for key, answers in _answers(after, schema):
        if key in known:
            for task, old, new in zip(schema.tasks, known[key], answers, strict=True):
                moved[task.name][old, new] += 1
    return moved


def _answers(path: str, schema: Schema) -> Iterator[tuple[tuple[str, str, int], list[str]]]:
    """Yield the answers to each sentence: by document, text, and how often it stood before."""
    seen: Counter[tuple[str, str]] = Counter()
    for _, record, labels in tagged_rows(path, schema):
        if labels is not None:
            key = str(record.get("doc")), str(record.get("text"))
            seen[key] += 1
            yield (*key, seen[key]), [x if isinstance(x, str) else "|".join(x) for x in labels]
