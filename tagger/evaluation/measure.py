"""Answers and gold labels -> an evaluation: scores, baselines, slices, mistakes, warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus, left_out
from tagger.errors import DataError, n_of
from tagger.evaluation.answers import Answers
from tagger.evaluation.dates import year_of
from tagger.evaluation.figures import count_table
from tagger.evaluation.readers import agreement_with
from tagger.evaluation.scores import (
    Difference,
    Evaluation,
    Mistake,
    TaskScore,
    curves,
    differences,
    figures_with_intervals,
    score,
)
from tagger.evaluation.slices import slice_columns, slice_scores
from tagger.features.arrays import Floats, Ints
from tagger.model.model import Model
from tagger.schema import Task, answered_by, numbered

FEW_GROUPS = 30
_N_WORDS = 6


def measure(
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
    """Measure answers to labelled sentences, task by task."""
    parts = slice_columns(corpus, slices)
    scores: list[TaskScore] = []
    wrong: list[Mistake] = []
    versus: dict[str, tuple[str, Difference]] = {}
    overlap = overlap_of(corpus, model)
    warnings = [
        *left_out(corpus.n_apart),
        *tagged_warnings(corpus, model),
        *_data_warnings(corpus, overlap, parts),
    ]
    for task in corpus.schema.tasks:
        chosen, gold = corpus.gold(task)
        if not len(chosen):
            continue
        others = (baselines or {}).get(task.name, {})
        scored = _measure_task(corpus, task, answers[task.name], others, parts, rounds, seed)
        scores.append(scored)
        warnings += _label_warnings(scored)
        judged = answers[task.name].take(chosen)
        wrong += mistakes(corpus, task, chosen, gold, judged, n_mistakes)
        if others:
            versus[task.name] = _versus_best(corpus, scored, judged, others, rounds, seed)
    if not scores:
        names = ", ".join(task.name for task in corpus.schema.tasks)
        raise DataError(f"no sentence has a gold answer: expected a column for one of {names}")
    wrong = sorted(wrong, key=lambda m: -m.confidence)[:n_mistakes]
    if model is not None:
        wrong = [with_words(model, m) for m in wrong]
    resampled = "documents" if corpus.has_documents else "sentences"
    return Evaluation(tuple(scores), tuple(wrong), overlap, resampled, tuple(warnings), versus)


def overlap_of(corpus: Corpus, model: Model | None) -> int | None:
    """Return how many sentences a model was trained on, None where unknown."""
    if model is None or not len(model.trained_on):
        return None
    return int(np.isin(corpus.fingerprints, model.trained_on).sum())


def _versus_best(
    corpus: Corpus,
    scored: TaskScore,
    judged: Answers,
    baselines: Mapping[str, Answers],
    rounds: int,
    seed: int,
) -> tuple[str, Difference]:
    """Return the baseline of best macro F1, and how the model differs from it."""
    best = max(baselines, key=lambda name: scored.baselines[name]["macro_f1"].value or 0.0)
    task = corpus.schema[scored.task]
    chosen, gold = corpus.gold(task)
    # Without probabilities, so that both tables have the same columns.
    a, b = (count_table(task, gold, Answers(x.labels)) for x in (baselines[best], judged))
    return best, differences(task, a, b, corpus.groups_of(chosen), rounds, seed)["macro_f1"]


def _measure_task(
    corpus: Corpus,
    task: Task,
    answers: Answers,
    baselines: Mapping[str, Answers],
    parts: Mapping[str, list[str]],
    rounds: int,
    seed: int,
) -> TaskScore:
    if len(answers.labels) != len(corpus):
        raise DataError(
            f"{task.name}: {len(answers.labels)} answers, expected one for each of {len(corpus)} "
            "sentences"
        )
    chosen, gold = corpus.gold(task)
    judged, groups = answers.take(chosen), corpus.groups_of(chosen)
    by_baseline = {
        name: figures_with_intervals(task, count_table(task, gold, other), groups, rounds, seed)
        for name, other in baselines.items()
    }
    columns = {name: [values[i] for i in chosen] for name, values in parts.items()}
    slices, small = slice_scores(task, gold, judged, groups, columns, rounds, seed)
    return replace(
        score(task, gold, judged.labels, judged.probabilities, groups, rounds, seed),
        n_unannotated=len(corpus) - len(chosen),
        baselines=by_baseline,
        curves=curves(task, gold, judged),
        slices=slices,
        small=small,
        readers=agreement_with(corpus, task, answers),
    )


def tagged_warnings(corpus: Corpus, *models: Model | None) -> list[str]:
    """Return warnings of labels that a model gave, as the columns of `tagger predict` say."""
    known = [model.id for model in models if model is not None]
    ids = {answered_by(model_id, flag) for model_id in known for flag in (False, True)}
    taggers: dict[str, list[str]] = {}
    n_probable = n_read = 0
    for example in corpus.examples:
        if example.extra.get("reader"):  # who decided it, in an export of `tagger review`
            n_read += 1
            continue
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
            "itself: give labels by people"
            + (f" only, such as those of the {n_read} that name a reader" if n_read else "")
            + "; where people have checked these, remove the column model"
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


def seen_warnings(corpus: Corpus, overlap: int | None, model: str = "the model") -> list[str]:
    """Return a warning where a model has learned from sentences that it is judged on."""
    if not overlap:
        return []
    seen = f"{overlap} of {len(corpus)} sentences were in the training data of {model}"
    return [f"{seen}: the figures flatter it"]


def _data_warnings(
    corpus: Corpus, overlap: int | None, parts: Mapping[str, list[str]]
) -> list[str]:
    warnings = [*seen_warnings(corpus, overlap), *group_warnings(corpus)]
    dates = [date for e in corpus.examples if (date := e.extra.get("date"))]
    undated = sum(not year_of(date) for date in dates) if "year" in parts else 0
    if undated:
        warnings.append(f"{undated} of {len(dates)} dates cannot be read: in no slice by year")
    return warnings


def group_warnings(corpus: Corpus) -> list[str]:
    """Return why intervals over the documents of a corpus say less than they seem to."""
    warnings = []
    if not corpus.has_documents:
        warnings.append(
            "not every sentence names its document (column doc): intervals come from drawing "
            "such sentences one by one, and are too narrow where they share a document"
        )
    n_groups = int(corpus.groups.max()) + 1
    if n_groups < FEW_GROUPS:
        warnings.append(
            f"only {n_of(n_groups, 'document')} (or sentences that name none): the figures and "
            "their intervals say little"
        )
    return warnings


def _label_warnings(scored: TaskScore) -> list[str]:
    return [
        f"{scored.task}: {'no' if label.support == 0 else 'every'} sentence has the label "
        f"{label.label}"
        for label in scored.labels
        if label.support in (0, scored.n)
    ]


def mistakes(
    corpus: Corpus, task: Task, chosen: Ints, gold: npt.NDArray[Any], answers: Answers, n: int
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


def with_words(model: Model, mistake: Mistake) -> Mistake:
    """Add the words that speak most for the wrong answer against the right one."""
    spans, contributions = model.scorer.explain(mistake.text)
    task, number = model.schema[mistake.task], numbered(model.schema)

    def column(label: str) -> Floats:
        return np.asarray(contributions[:, number[task.name, label]])

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
    strongest = sorted((w for w in adds if adds[w] > 0), key=lambda w: (-adds[w], w))
    words = tuple((word, adds[word]) for word in strongest[:_N_WORDS])
    return replace(mistake, words=words)
