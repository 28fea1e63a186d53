"""Reports of models and of trainings, made from their answers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tagger import __version__
from tagger.corpus.corpus import Corpus
from tagger.evaluation.answers import ANSWERS, Answers, answer_rows, answers_of
from tagger.evaluation.baselines import baseline_answers
from tagger.evaluation.measure import measure
from tagger.evaluation.report.card import model_card
from tagger.evaluation.report.html import require_plots, to_html
from tagger.evaluation.report.markdown import to_markdown
from tagger.evaluation.report.values import (
    HTML,
    JSON,
    MARKDOWN,
    Report,
    to_dict,
    to_json,
    write_files,
)
from tagger.evaluation.scores import Evaluation
from tagger.features.arrays import Floats, Ints
from tagger.model.model import CARD, Model


@dataclass(frozen=True)
class ModelReport:
    """How well a model answers labelled sentences.

    Parameters
    ----------
    evaluation : the figures.
    report : the same as plain JSON values, with what they are about.
    answers : the lines of answers.jsonl, sentence by sentence.
    """

    evaluation: Evaluation
    report: Report
    answers: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before believing a figure, the worst first."""
        return self.evaluation.warnings

    def files(self, plots: bool = True) -> dict[str, str]:
        """Return by file name what stands in the report's folder.

        Parameters
        ----------
        plots : whether report.html is among them, which needs the extra `plots`.
        """
        about = self.report["about"]
        options = {**about["options"], "html": plots}
        report = {**self.report, "about": {**about, "options": options}}
        return {**_files(report, plots), ANSWERS: "".join(self.answers)}

    def save(self, folder: str | Path, plots: bool = True) -> None:
        """Write report.json, report.md, answers.jsonl and, with `plots`, report.html.

        Raises
        ------
        ConfigError : `plots`, but the extra of that name is not installed.
        OutputError : the folder cannot be written.
        """
        if plots:
            require_plots()
        write_files(folder, self.files(plots))


def model_report(
    model: Model,
    corpus: Corpus,
    *,
    slices: Sequence[str] = (),
    rounds: int = 1000,
    seed: int = 0,
    baselines: bool = True,
    training: Corpus | None = None,
) -> ModelReport:
    """Measure a model on labelled sentences."""
    answers = answers_of(model, corpus.texts)
    others = baseline_answers(corpus, training=training, seed=seed) if baselines else {}
    evaluation = measure(
        model.schema,
        corpus,
        answers,
        model=model,
        baselines=others,
        slices=slices,
        rounds=rounds,
        seed=seed,
    )
    options = {"slices": list(slices), "baselines": baselines, "html": False}
    about = _about(model, corpus, "one model on data given to it", rounds, seed, options)
    if baselines:
        about["baselines"] = (
            "learned from the same data by cross-validation by document"
            if training is None
            else f"learned from the data with sha256 {training.sha256}"
        )
        options["baselines_sha256"] = training.sha256 if training else ""
    report = to_dict(evaluation, about)
    pairs = {}
    for c in model.classifiers:
        judged = answers[c.task.name]
        pairs[c.task.name] = list(
            zip(c.labels(judged.labels), _by_label(c.task.labels, judged), strict=True)
        )
    return ModelReport(evaluation, report, tuple(answer_rows(corpus.examples, pairs)))


def training_report(
    model: Model,
    corpus: Corpus,
    out_of_fold: Mapping[str, Floats],
    fold_of: Ints,
    *,
    rounds: int = 1000,
    seed: int = 0,
    learning_curve: Sequence[Mapping[str, Any]] = (),
    html: bool = False,
) -> tuple[Evaluation, dict[str, str]]:
    """Measure the answers that cross-validation gave while training.

    Parameters
    ----------
    model : what training gave.
    corpus : what it learned from.
    out_of_fold : by task, the probabilities of the annotated sentences, each from a model
        that had not seen its document, shape (n_annotated, n_labels).
    fold_of : the fold of each sentence, shape (n_sentences,).
    rounds, seed : as in `model_report`.
    learning_curve : its points, where it was measured.
    html : whether to make the page.
    """
    answers = _spread(model, corpus, out_of_fold)
    evaluation = measure(
        corpus.schema,
        corpus,
        answers,
        baselines=baseline_answers(corpus, fold_of, seed=seed),
        rounds=rounds,
        seed=seed,
        n_mistakes=0,
    )
    settings = model.about["settings"]["tasks"].items()
    shifted = [name for name, s in settings if s["priors"] or s["temperature"] != 1]
    if shifted:
        note = (
            f"{', '.join(shifted)}: priors or temperature fit the model to other text than its "
            "training data; calibration and the balance of labels are measured here on the latter"
        )
        evaluation = replace(evaluation, warnings=(*evaluation.warnings, note))
    n_folds = int(fold_of.max()) + 1
    seen = "its document" if corpus.has_documents else "it"
    how = f"cross-validation in {n_folds} folds, no sentence by a model that saw {seen}"
    about = _about(model, corpus, how, rounds, seed, {"slices": [], "baselines": True})
    about["split_sha256"] = hashlib.sha256(fold_of.astype("<i8").tobytes()).hexdigest()
    about["baselines"] = "learned in the same folds"
    report = to_dict(evaluation, about, texts=False)
    if learning_curve:
        report["learning_curve"] = [dict(point) for point in learning_curve]
    return evaluation, _files(report, html) | {CARD: model_card(model, report)}


def _spread(model: Model, corpus: Corpus, out_of_fold: Mapping[str, Floats]) -> dict[str, Answers]:
    """Return answers to every sentence from the probabilities of the annotated ones."""
    answers = {}
    for c in model.classifiers:
        chosen = corpus.annotated(c.task.name)
        p = out_of_fold[c.task.name]
        # A sentence without a gold answer is not judged: what stands there is not read.
        spread = np.full((len(corpus), p.shape[1]), 1 / p.shape[1])
        spread[chosen] = p
        answers[c.task.name] = Answers(c.decide(spread), spread, c.margins(spread))
    return answers


def _by_label(labels: Sequence[str], answers: Answers) -> list[dict[str, float]]:
    if answers.probabilities is None:
        return [{}] * len(answers.labels)
    return [dict(zip(labels, row, strict=True)) for row in answers.probabilities.tolist()]


def _about(
    model: Model, corpus: Corpus, how: str, rounds: int, seed: int, options: dict[str, Any]
) -> dict[str, Any]:
    settings = json.dumps(model.about.get("settings", {}), sort_keys=True)
    return {
        "how": how,
        "data": {
            "sha256": corpus.sha256,
            "n_sentences": len(corpus),
            "n_documents": int(corpus.groups.max()) + 1,
        },
        "model": {
            "id": model.id,
            "data_sha256": model.about.get("data", {}).get("sha256", "unknown"),
            "settings_sha256": hashlib.sha256(settings.encode()).hexdigest(),
        },
        "bootstrap": {"rounds": rounds, "seed": seed},
        "options": options,
        "versions": {"tagger": __version__} | _versions(),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for name in ("numpy", "scipy", "scikit-learn", "matplotlib", "jinja2"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _files(report: Report, html: bool) -> dict[str, str]:
    files = {JSON: to_json(report), MARKDOWN: to_markdown(report)}
    if html:
        files[HTML] = to_html(report)
    return files
