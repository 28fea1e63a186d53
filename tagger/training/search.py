"""Settings and data sizes tried out by cross-validation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import unseen
from tagger.evaluation.scores import score
from tagger.features.arrays import Floats, Ints
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import probabilities_of
from tagger.model.thresholds import best_f1_thresholds
from tagger.processes import in_parallel
from tagger.schema import Task
from tagger.training.calibration import calibrate
from tagger.training.linear import fold_scores, joined
from tagger.training.requirements import checked_folds, label_problems
from tagger.training.settings import TaskSettings, TrainingSettings

Progress = Callable[[int, int], None]
_Work = tuple[Corpus, Ints, int]

GRID: Mapping[str, Sequence[Any]] = {"C": (0.25, 0.5, 1.0, 2.0, 4.0), "balanced": (False, True)}
SHARES = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Trial:
    """One setting that was tried for one task.

    Parameters
    ----------
    options : what was set.
    macro_f1 : by cross-validation.
    """

    task: str
    options: dict[str, Any]
    macro_f1: float

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as plain JSON values."""
        return asdict(self) | {"macro_f1": round(self.macro_f1, 4)}


def search(
    corpus: Corpus,
    settings: TrainingSettings,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
    grid: Mapping[str, Sequence[Any]] = GRID,
) -> tuple[TrainingSettings, list[Trial]]:
    """Try every combination of a grid for every task, and keep the best.

    Cross-validation by document, in other folds than those of `tagger.training.crossfit.cross_fit`
    with the same seed: what is chosen here is judged there in part afresh.

    Parameters
    ----------
    settings : what the grid does not say.
    jobs : number of processes, -1 for one a core.
    progress : is told how many fits are done, of how many.
    grid : by field of `TaskSettings` the values to try.

    Returns
    -------
    The settings with the best options of each task, and all trials, the best first.
    """
    candidates = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    names = [task.name for task in corpus.schema.tasks]
    tried = [
        {n: replace(settings.tasks.get(n, TaskSettings()), **c) for n in names} for c in candidates
    ]
    fold_of = checked_folds(corpus, settings, seed + 1, jobs)
    work = [(corpus, fold_of, fold) for fold in range(int(fold_of.max()) + 1)]
    parts = _scores(work, settings.features, tried, jobs, progress)
    trials = [
        Trial(task.name, options, _macro_f1(corpus, task, fold_of, [part[i] for part in parts]))
        for i, options in enumerate(candidates)
        for task in corpus.schema.tasks
    ]
    best = dict(settings.tasks)
    for name in names:
        best_trial = max((t for t in trials if t.task == name), key=lambda t: t.macro_f1)
        best[name] = replace(settings.tasks.get(name, TaskSettings()), **best_trial.options)
    trials.sort(key=lambda t: (names.index(t.task), -t.macro_f1))
    return replace(settings, tasks=best), trials


def learning_curve(
    corpus: Corpus,
    settings: TrainingSettings,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
    shares: Sequence[float] = SHARES,
) -> list[dict[str, Any]]:
    """Measure macro F1 with growing shares of the training documents.

    Returns
    -------
    For each share the mean number of training sentences ``n`` and macro F1 by task; a
    share with which some label would have no example, or every one, is left out.
    """
    groups, fold_of = corpus.groups, checked_folds(corpus, settings, seed, jobs)
    n_folds = int(fold_of.max()) + 1
    rank = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    work: list[_Work] = []
    kept = []
    for share in shares:
        parts = []
        for fold in range(n_folds):
            train = unseen(corpus, fold_of, fold)
            inside = np.unique(rank[groups[train]])
            most = inside[max(1, round(share * len(inside))) - 1]
            train = train[rank[groups[train]] <= most]
            parts.append((train, np.flatnonzero(fold_of == fold), fold))
        if not any(any(label_problems(corpus.take(train))) for train, _, _ in parts):
            kept.append((parts, len(work)))
            for train, test, fold in parts:
                both = np.concatenate([train, test])
                work.append((corpus.take(both), fold_of[both], fold))
    results = _scores(work, settings.features, [settings.tasks], jobs, progress)
    curve = []
    for parts, first in kept:
        own = [result[0] for result in results[first : first + n_folds]]
        point: dict[str, Any] = {"n": round(float(np.mean([len(train) for train, _, _ in parts])))}
        for task in corpus.schema.tasks:
            point[task.name] = round(_macro_f1(corpus, task, fold_of, own), 4)
        curve.append(point)
    return curve


def _scores(
    work: Sequence[_Work],
    features: FeatureSettings,
    tried: Sequence[Mapping[str, TaskSettings]],
    jobs: int,
    progress: Progress,
) -> list[list[dict[str, Floats]]]:
    """Train and score in parallel; the results come in the order of `work`."""
    if not work:
        return []
    results: list[list[dict[str, Floats]]] = []
    progress(0, len(work) * len(tried))
    tasks = (
        partial(fold_scores, corpus, features, tried, fold_of, fold)
        for corpus, fold_of, fold in work
    )
    for result in in_parallel(tasks, jobs):
        results.append(result)
        progress(len(results) * len(tried), len(work) * len(tried))
    return results


def _macro_f1(
    corpus: Corpus, task: Task, fold_of: Ints, parts: Sequence[Mapping[str, Floats]]
) -> float:
    """Return macro F1 of the answers that the scores of all folds give."""
    chosen, y = corpus.gold(task)
    scores, folds = joined(task, fold_of, parts)[chosen], fold_of[chosen]
    slope, offset = calibrate(task, scores, y)
    p = probabilities_of(task, scores * slope + offset)
    decided = np.zeros_like(y) if task.multilabel else p.argmax(axis=1)
    for fold in np.unique(folds) if task.multilabel else ():
        own = folds == fold
        decided[own] = p[own] >= best_f1_thresholds(p[~own], y[~own])
    return score(task, y, decided).macro_f1
