"""Answers and gold labels -> an evaluation: scores, baselines, slices, mistakes, warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus
from tagger.errors import DataError
from tagger.evaluation.answers import Answers
from tagger.evaluation.curves import curves
from tagger.evaluation.dates import year_of
from tagger.evaluation.figures import Figure, count_table
from tagger.evaluation.mistakes import mistakes, with_words
from tagger.evaluation.readers import agreement_with
from tagger.evaluation.scores import (
    Difference,
    Evaluation,
    Mistake,
    TaskScore,
    differences,
    figures_with_intervals,
    score,
)
from tagger.evaluation.slices import slice_columns, slice_scores
from tagger.features.arrays import Ints
from tagger.model.classifier import encode
from tagger.model.model import Model, fingerprints
from tagger.schema import Schema, Task

_FEW_GROUPS = 30


def measure(
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
        sentences that it was trained on or tagged itself; None for answers from
        cross-validation.
    baselines : by task and name of the baseline, its answers to the annotated sentences.
    slices : as in `slice_columns`.
    rounds, seed : of the bootstrap.
    n_mistakes : how many mistakes to list.

    Raises
    ------
    DataError : there is no gold answer, another number of answers than of sentences, or
        the gold is what the model itself answered.
    """
    parts = slice_columns(corpus, slices)
    scores: list[TaskScore] = []
    wrong: list[Mistake] = []
    versus: dict[str, tuple[str, Difference]] = {}
    overlap = None
    if model is not None and len(model.trained_on):
        overlap = int(np.isin(fingerprints(corpus.texts), model.trained_on).sum())
    warnings = [*tagged_warnings(corpus, model), *_data_warnings(corpus, overlap, parts)]
    for task in schema.tasks:
        chosen = corpus.annotated(task.name)
        if not len(chosen):
            continue
        of_task = answers[task.name]
        if len(of_task.labels) != len(corpus):
            raise DataError(
                f"{task.name}: {len(of_task.labels)} answers, expected one for each of "
                f"{len(corpus)} sentences"
            )
        judged = of_task.take(chosen)
        gold = encode(task, corpus.labels(task.name))
        groups = np.unique(corpus.groups[chosen], return_inverse=True)[1]
        scored = score(task, gold, judged.labels, judged.probabilities, groups, rounds, seed)
        warnings += _label_warnings(scored)
        others = (baselines or {}).get(task.name, {})
        by_baseline = _baseline_figures(task, gold, others, groups, rounds, seed)
        if others:
            best = max(others, key=lambda name: by_baseline[name]["macro_f1"].value or 0.0)
            versus[task.name] = (
                best,
                _versus(task, gold, others[best], judged, groups, rounds, seed),
            )
        columns = {name: [values[i] for i in chosen] for name, values in parts.items()}
        wrong += mistakes(corpus, task, chosen, gold, judged, n_mistakes)
        scores.append(
            replace(
                scored,
                n_unannotated=len(corpus) - len(chosen),
                baselines=by_baseline,
                curves=curves(task, gold, judged),
                slices=slice_scores(task, gold, judged, groups, columns, rounds, seed),
                readers=agreement_with(corpus, task, of_task),
            )
        )
    if not scores:
        names = ", ".join(task.name for task in schema.tasks)
        raise DataError(f"no sentence has a gold answer: expected a column for one of {names}")
    wrong = sorted(wrong, key=lambda m: -m.confidence)[:n_mistakes]
    if model is not None:
        wrong = [with_words(model, m) for m in wrong]
    resampled = "documents" if corpus.has_documents else "sentences"
    return Evaluation(tuple(scores), tuple(wrong), overlap, resampled, tuple(warnings), versus)


def tagged_warnings(corpus: Corpus, *models: Model | None) -> list[str]:
    """Return warnings of labels that a model gave, as the columns of `tagger predict` say.

    Raises
    ------
    DataError : they are answers of one of `models`, which would be measured against itself.
    """
    ids = {model.id for model in models if model is not None}
    taggers: dict[str, list[str]] = {}
    n_probable = 0
    for example in corpus.examples:
        probable = any(
            f"p_{label}" in example.extra or f"p_{task.name}_{label}" in example.extra
            for task in corpus.schema.tasks
            for label in task.labels
        )
        n_probable += probable
        tagged_by = str(example.extra.get("model") or "")
        # Any data may have a column model; that of `tagger predict` stands with probabilities.
        if tagged_by in ids or (tagged_by and probable):
            taggers.setdefault(tagged_by, []).append(example.where)
    for model_id in sorted(ids & taggers.keys()):
        rows = taggers[model_id]
        raise DataError(
            f"{rows[0]}: the labels of {len(rows)} of {len(corpus)} sentences are what model "
            f"{model_id} itself answered (column model), and would only show that it agrees with "
            "itself: give labels by people; where people have checked these, remove the column "
            "model"
        )
    if taggers:
        n = sum(map(len, taggers.values()))
        return [
            f"the labels of {n} of {len(corpus)} sentences were given by model "
            f"{', '.join(sorted(taggers))} (column model), not by people: the figures say how far "
            "models agree, not how far they are right"
        ]
    if n_probable:
        return [
            f"{n_probable} of {len(corpus)} sentences have columns of probabilities, as `tagger "
            "predict` writes them: figures on labels that a model gave do not say how far it is "
            "right"
        ]
    return []


def _data_warnings(
    corpus: Corpus, overlap: int | None, parts: Mapping[str, list[str]]
) -> list[str]:
    warnings = []
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
    dates = [date for e in corpus.examples if (date := e.extra.get("date"))]
    undated = sum(not year_of(date) for date in dates) if "year" in parts else 0
    if undated:
        warnings.append(f"{undated} of {len(dates)} dates cannot be read: in no slice by year")
    return warnings


def _label_warnings(scored: TaskScore) -> list[str]:
    return [
        f"{scored.task}: {'no' if label.support == 0 else 'every'} sentence has the label "
        f"{label.label}"
        for label in scored.labels
        if label.support in (0, scored.n)
    ]


def _baseline_figures(
    task: Task,
    gold: npt.NDArray[Any],
    baselines: Mapping[str, Answers],
    groups: Ints,
    rounds: int,
    seed: int,
) -> dict[str, dict[str, Figure]]:
    result = {}
    for name, other in baselines.items():
        table = count_table(task, gold, other)
        scored = other.probabilities is not None
        result[name] = figures_with_intervals(task, table, groups, scored, rounds, seed)
    return result


def _versus(
    task: Task,
    gold: npt.NDArray[Any],
    baseline: Answers,
    model: Answers,
    groups: Ints,
    rounds: int,
    seed: int,
) -> Difference:
    """Return how macro F1 of the model differs from that of a baseline, drawn in pairs."""
    one, other = (count_table(task, gold, Answers(x.labels)) for x in (baseline, model))
    return differences(task, one, other, groups, False, rounds, seed)["macro_f1"]
