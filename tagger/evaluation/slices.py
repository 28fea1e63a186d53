"""Parts of the data, and how well a task is answered on each."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus
from tagger.errors import ConfigError, did_you_mean
from tagger.evaluation.answers import Answers
from tagger.evaluation.dates import year_of
from tagger.evaluation.figures import count_table
from tagger.evaluation.scores import SliceScore, figures_with_intervals
from tagger.features.arrays import Ints
from tagger.schema import Task

_MAX_SLICES = 20
_LEAST_REPEATS = 5
_NO_SLICES = ("n", "id", "start", "end")
MIN_SLICE, MIN_SLICE_GROUPS = 20, 5
_LENGTHS = (0, 10, 20, 30, 40)


def slice_columns(corpus: Corpus, wanted: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return by column the part that each sentence falls in, "" for none."""
    derived = {"length": [_length(text) for text in corpus.texts]}
    extras = [example.extra for example in corpus.examples]
    names = list(dict.fromkeys(name for extra in extras for name in extra))
    if "date" in names:
        derived["year"] = [year_of(extra.get("date")) for extra in extras]
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


def slice_scores(
    task: Task,
    gold: npt.NDArray[Any],
    answers: Answers,
    groups: Ints,
    columns: Mapping[str, list[str]],
    rounds: int,
    seed: int,
) -> tuple[dict[str, tuple[SliceScore, ...]], dict[str, dict[str, int]]]:
    """Score each part that is large enough, where there are two; count those left out."""
    small: dict[str, dict[str, int]] = {name: {} for name in columns}
    table = count_table(task, gold, Answers(answers.labels))
    result = {}
    for name, values in columns.items():
        kept = np.array(values)
        scores = []
        for value in sorted(set(values) - {""}, key=_natural):
            inside = kept == value
            own = np.unique(groups[inside], return_inverse=True)[1]
            if len(own) < MIN_SLICE or own.max() + 1 < MIN_SLICE_GROUPS:
                small[name][value] = len(own)
                continue
            figures = figures_with_intervals(task, table[inside], own, rounds, seed)
            macro, exact = figures["macro_f1"], figures["exact_match"]
            scores.append(SliceScore(value, int(inside.sum()), macro, exact))
        if len(scores) > 1:
            result[name] = tuple(scores)
        else:
            small[name] |= {score.value: score.n for score in scores}
    return result, {name: values for name, values in small.items() if values}
