"""Reports of models and of trainings, made from their answers and made again."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tagger import __version__
from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import unseen
from tagger.errors import DataError, n_of
from tagger.evaluation.answers import ANSWERS, DECIMALS, Answers, answer_rows, read_by
from tagger.evaluation.baselines import baseline_answers
from tagger.evaluation.measure import measure
from tagger.evaluation.report.card import model_card
from tagger.evaluation.report.html import require_plots, to_html
from tagger.evaluation.report.markdown import number, to_markdown
from tagger.evaluation.report.values import (
    HTML,
    JSON,
    MARKDOWN,
    Report,
    read_report,
    rounded,
    to_dict,
    to_json,
)
from tagger.evaluation.scores import Evaluation
from tagger.features.arrays import Ints
from tagger.files import Reject
from tagger.files.batches import save_rejects
from tagger.model.model import CARD, Model
from tagger.targets import utf8_of, write_files


@dataclass(frozen=True, repr=False)
class ModelReport:
    """How well a model answers labelled sentences.

    Parameters
    ----------
    evaluation : the figures.
    report : the same as plain JSON values, with what they are about.
    answers : the lines of answers.jsonl, sentence by sentence.
    notes, skipped : what reading the data found, and the rows that were left out.
    """

    evaluation: Evaluation
    report: Report
    answers: tuple[str, ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[Reject, ...] = ()

    def __repr__(self) -> str:
        known = ((x.task, x.figures["macro_f1"].value) for x in self.evaluation.tasks)
        figures = ", ".join(f"{task} {number(value)}" for task, value in known)
        return f"<ModelReport of model {self.report['about']['model']['id']}, macro F1: {figures}>"

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

    def save(self, folder: str | Path, plots: bool = True, force: bool = False) -> None:
        """Write report.json, report.md, answers.jsonl and, with `plots`, report.html.

        Rows that were left out are written beside the folder. Files that are there are replaced
        only with `force`.

        Raises
        ------
        ConfigError : `plots`, but the extra of that name is not installed.
        OutputError : a file is there already, or cannot be written.
        """
        if plots:
            require_plots()
        write_files(folder, self.files(plots), force)
        save_rejects(folder, self.skipped, force)


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
    answers, cut = read_by(model, corpus.texts)
    spoken = model.featurizer.settings.spoken
    others, drawn = (
        baseline_answers(corpus, None, training, seed, spoken) if baselines else ({}, "")
    )
    evaluation = measure(
        corpus, answers, model=model, baselines=others, slices=slices, rounds=rounds, seed=seed
    )
    options = {"slices": list(slices), "baselines": baselines, "html": False}
    about = _about(model, corpus, "one model on data given to it", rounds, seed, options)
    if baselines:
        about["baselines"] = (
            "learned from the sentences judged here, by cross-validation by "
            + evaluation.resampled[:-1]
            if training is None
            else f"learned from the data with sha256 {training.sha256}"
            + (f" ({training.n_skipped} bad rows left out)" if training.skipped else "")
        ) + drawn
        options["baselines_sha256"] = training.sha256 if training else ""
    report = to_dict(evaluation, about)
    rows = tuple(answer_rows(model, corpus.examples, answers))
    read = [corpus] if training is None else [corpus, training]
    said = evaluation.warnings
    notes = tuple(note for x in read for note in x.notes if note not in said) + tuple(cut)
    return ModelReport(evaluation, report, rows, notes, sum((x.skipped for x in read), ()))


def training_report(
    model: Model,
    corpus: Corpus,
    answers: Mapping[str, Answers],
    fold_of: Ints,
    *,
    rounds: int = 1000,
    seed: int = 0,
    learning_curve: Sequence[Mapping[str, Any]] = (),
    second_reader: Mapping[str, Any] | None = None,
    html: bool = False,
) -> tuple[Evaluation, dict[str, str]]:
    """Measure the answers that cross-validation gave while training.

    Parameters
    ----------
    model : what training gave.
    corpus : what it learned from.
    answers : by task, those to its sentences, each by what had not seen its document.
    fold_of : the fold of each sentence, shape (n_sentences,).
    rounds, seed : as in `model_report`.
    learning_curve : its points, where it was measured.
    second_reader : how it compares with the first in the same folds, where there is one.
    html : whether to make the page.
    """
    spoken = model.featurizer.settings.spoken
    others, drawn = baseline_answers(corpus, fold_of, seed=seed, language=spoken)
    evaluation = measure(corpus, answers, baselines=others, rounds=rounds, seed=seed, n_mistakes=0)
    said = *evaluation.warnings, *_copies(corpus, fold_of), *_caveats(model, evaluation)
    evaluation = replace(evaluation, warnings=said)
    n_folds = int(fold_of.max()) + 1
    seen = "its document" if corpus.has_documents else "it"
    how = f"cross-validation in {n_folds} folds, no sentence by a model that saw {seen}"
    about = _about(model, corpus, how, rounds, seed, {"slices": [], "baselines": True})
    about["split_sha256"] = hashlib.sha256(fold_of.astype("<i8").tobytes()).hexdigest()
    about["baselines"] = "learned in the same folds" + drawn
    report = to_dict(evaluation, about, texts=False)
    if learning_curve:
        report["learning_curve"] = [dict(point) for point in learning_curve]
    if second_reader:
        report["second_reader"] = rounded(dict(second_reader))
    return evaluation, _files(report, html) | {CARD: model_card(model, report)}


def _copies(corpus: Corpus, fold_of: Ints) -> Iterator[str]:
    """Say how many sentences stand in documents of several folds, and what became of them."""
    ids, n, n_seen = corpus.fingerprints, 0, 0
    for fold in range(int(fold_of.max()) + 1):
        own = ids[fold_of == fold]
        n += int(np.isin(own, ids[fold_of != fold]).sum())
        n_seen += int(np.isin(own, ids[unseen(corpus, fold_of, fold)]).sum())
    if n_seen:
        yield (
            f"{n_of(n_seen, 'sentence')} with copies in other documents, learned where one was "
            "judged, since too little is left without: these figures are too high"
        )
    elif n:
        yield (
            f"{n_of(n, 'sentence')} with copies in other documents, which were not learned where "
            "one was judged"
        )


def _caveats(model: Model, evaluation: Evaluation) -> Iterator[str]:
    """Yield what cross-validation cannot tell of the probabilities."""
    settings = model.about["settings"]["tasks"].items()
    shifted = [name for name, s in settings if s["priors"] or s["temperature"] != 1]
    if shifted:
        yield (
            f"{', '.join(shifted)}: priors or temperature fit the model to other text than its "
            "training data; calibration and the balance of labels are measured here on the latter"
        )
    if perfect := [scored.task for scored in evaluation.tasks if scored.exact_match == 1]:
        yield (
            f"{', '.join(perfect)}: cross-validation made no error, so that probabilities could "
            "not be calibrated: other text will show errors; take more, and more varied, sentences"
        )


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
            **({"n_skipped_rows": corpus.n_skipped} if corpus.skipped else {}),
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


_TOLERANCE = 5e-4  # half of the last printed decimal


def reproduce(
    folder: str | Path, model: Model, corpus: Corpus, training: Corpus | None = None
) -> list[str]:
    """Make a report again with the options that it records, and compare.

    With the same versions every byte must be the same; with others, every figure within
    the printed rounding.
    """
    old = read_report(folder)
    about = old["about"]
    if "split_sha256" in about:
        raise DataError(f"{folder}: is the report of a training: train again and compare")
    options, bootstrap = about["options"], about["bootstrap"]
    learned = training.sha256 if training else ""
    for name, given, now, then in (
        ("data", "DATA", corpus.sha256, about["data"]["sha256"]),
        ("the model", "--model, --second-reader", model.id, about["model"]["id"]),
        ("--baseline-data", "it", learned, options.get("baselines_sha256", "")),
    ):
        if now != then:
            raise DataError(
                f"{folder}: found {name} {now or 'none'}, the report was made with "
                f"{then or 'none'}: give {given} as then"
            )
    files = model_report(
        model,
        corpus,
        slices=options["slices"],
        rounds=bootstrap["rounds"],
        seed=bootstrap["seed"],
        baselines=options["baselines"],
        training=training,
    ).files(options["html"])
    new = json.loads(utf8_of(files[JSON]))
    same_versions = new["about"]["versions"] == about["versions"]
    if difference := first_difference(
        {**old, "about": {**about, "versions": {}}},
        {**new, "about": {**new["about"], "versions": {}}},
        0.0 if same_versions else _TOLERANCE,
    ):
        raise DataError(f"{folder}/{JSON}: {difference}")
    rendered = {MARKDOWN: to_markdown(old)} | (
        {name: text for name, text in files.items() if name != MARKDOWN} if same_versions else {}
    )
    for name, text in rendered.items():
        _compare_lines(Path(folder) / name, text)
    if same_versions:
        return []
    return [_version_note(about["versions"], new["about"]["versions"])]


def _version_note(then: dict[str, str], now: dict[str, str]) -> str:
    changed = [
        f"{name} {then.get(name, 'none')} is now {now.get(name, 'none')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return f"other versions: {', '.join(changed)}; figures agree within {_TOLERANCE}"


def _compare_lines(path: Path, expected: str) -> None:
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if text == (expected := utf8_of(expected).decode()):
        return
    old, new = text.splitlines(), expected.splitlines()
    for line, (a, b) in enumerate(zip(old, new, strict=False), 1):
        if a != b:
            raise DataError(f"{path}:{line}: found {a[:80]!r}, expected {b[:80]!r}")
    raise DataError(f"{path}: found {len(old)} lines, expected {len(new)}")


def first_difference(old: Any, new: Any, tolerance: float, place: str = "report") -> str:
    """Name the first place where two JSON values differ, or return nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            if key not in old or key not in new:
                return f"{place}.{key} is {'new' if key in new else 'gone'}"
            if difference := first_difference(old[key], new[key], tolerance, f"{place}.{key}"):
                return difference
        return ""
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return f"{place} has {len(old)} entries in the report, now {len(new)}"
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            if difference := first_difference(a, b, tolerance, f"{place}[{i}]"):
                return difference
        return ""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (old, new))
    if numbers and (abs(old - new) <= tolerance + 10.0 ** -(DECIMALS + 2)):
        return ""
    return "" if old == new else f"{place} is {old!r} in the report, now {new!r}"
