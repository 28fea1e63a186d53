"""Reports as commands make, write and check them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger import __version__
from tagger.corpus.corpus import Corpus
from tagger.errors import DataError, OutputError
from tagger.evaluation.baselines import Answers, baseline_answers
from tagger.evaluation.evaluate import Evaluation, answers_of, evaluate
from tagger.evaluation.report.render import (
    ANSWERS,
    DECIMALS,
    HTML,
    JSON,
    MARKDOWN,
    Report,
    answer_rows,
    model_card,
    read_report,
    to_dict,
    to_html,
    to_json,
    to_markdown,
)
from tagger.files.tagged import atomic_write
from tagger.model.model import CARD, Model

_TOLERANCE = 5e-4  # half of the last printed decimal


def model_report(
    model: Model,
    corpus: Corpus,
    *,
    slices: Sequence[str] = (),
    rounds: int = 1000,
    seed: int = 0,
    baselines: bool = True,
    training: Corpus | None = None,
    html: bool = True,
) -> tuple[Evaluation, dict[str, str]]:
    """Measure a model on labelled sentences.

    Parameters
    ----------
    slices, rounds, seed : as in `tagger.evaluation.evaluate.evaluate`.
    baselines : whether to measure the baselines too.
    training : what the baselines learn from; by default cross-validation on `corpus`.
    html : whether to make the page.

    Returns
    -------
    The evaluation, and by file name what to write into the report's folder.
    """
    answers = answers_of(model, corpus.texts)
    others = baseline_answers(corpus, training=training, seed=seed) if baselines else {}
    evaluation = evaluate(
        model.schema,
        corpus,
        answers,
        model=model,
        baselines=others,
        slices=slices,
        rounds=rounds,
        seed=seed,
    )
    options = {"slices": list(slices), "baselines": baselines, "html": html}
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
        given = answers[c.task.name]
        pairs[c.task.name] = list(
            zip(c.labels(given.labels), _by_label(c.task.labels, given), strict=True)
        )
    files = _files(report, html)
    files[ANSWERS] = "".join(answer_rows(corpus.examples, pairs))
    return evaluation, files


def training_report(
    model: Model,
    corpus: Corpus,
    out_of_fold: Mapping[str, npt.NDArray[np.float64]],
    fold_of: npt.NDArray[np.int64],
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
    out_of_fold : by task, the probabilities of the sentences, each from a model that had
        not seen its document, shape (n_sentences, n_labels).
    fold_of : the fold of each sentence, shape (n_sentences,).
    rounds, seed, html : as in `model_report`.
    learning_curve : its points, where it was measured.

    Returns
    -------
    As `model_report`, with the model card; no file holds a sentence.
    """
    answers = {}
    for c in model.classifiers:
        p = out_of_fold[c.task.name]
        answers[c.task.name] = Answers(c.decide(p), p, c.margins(p))
    evaluation = evaluate(
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
    found = {}
    for name in ("numpy", "scipy", "scikit-learn", "matplotlib", "jinja2"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _files(report: Report, html: bool) -> dict[str, str]:
    files = {JSON: to_json(report), MARKDOWN: to_markdown(report)}
    if html:
        files[HTML] = to_html(report)
    return files


def write_files(folder: str, files: Mapping[str, str]) -> None:
    """Write the files of a report into a folder.

    Raises
    ------
    OutputError : it cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    for name, text in files.items():
        with atomic_write(Path(folder) / name) as stream:
            stream.write(text.encode("utf-8", "surrogatepass"))


def check_report(folder: str, model: Model, corpus: Corpus, training: Corpus | None) -> list[str]:
    """Make a report again with the options that it records, and compare.

    With the same versions every byte must be the same; with others, every figure within
    the printed rounding.

    Returns
    -------
    Notes on what differs without harm: the versions.

    Raises
    ------
    DataError : something differs; the first difference is named.
    """
    old = read_report(folder)
    about = old["about"]
    if "split_sha256" in about:
        raise DataError(f"{folder}: is the report of a training: train again and compare")
    options, bootstrap = about["options"], about["bootstrap"]
    for name, found, expected in (
        ("the data", corpus.sha256, about["data"]["sha256"]),
        ("the model", model.id, about["model"]["id"]),
        (
            "the data of the baselines",
            training.sha256 if training else "",
            options.get("baselines_sha256", ""),
        ),
    ):
        if found != expected:
            raise DataError(f"{folder}: {name} has the hash {found}, the report says {expected}")
    _, files = model_report(
        model,
        corpus,
        slices=options["slices"],
        rounds=bootstrap["rounds"],
        seed=bootstrap["seed"],
        baselines=options["baselines"],
        training=training,
        html=options["html"],
    )
    new = json.loads(files[JSON])
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
    then, now = about["versions"], new["about"]["versions"]
    changed = [
        f"{name} {then.get(name, 'none')} is now {now.get(name, 'none')}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return [f"other versions: {', '.join(changed)}; figures agree within {_TOLERANCE}"]


def _compare_lines(path: Path, expected: str) -> None:
    try:
        found = path.read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if found == expected:
        return
    old, new = found.splitlines(), expected.splitlines()
    for number, (a, b) in enumerate(zip(old, new, strict=False), 1):
        if a != b:
            raise DataError(f"{path}:{number}: found {a[:80]!r}, expected {b[:80]!r}")
    raise DataError(f"{path}: found {len(old)} lines, expected {len(new)}")


def first_difference(old: Any, new: Any, tolerance: float, place: str = "report") -> str:
    """Name the first place where two JSON values differ, or return nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            if key not in old or key not in new:
                return f"{place}.{key} is {'new' if key in new else 'gone'}"
            if found := first_difference(old[key], new[key], tolerance, f"{place}.{key}"):
                return found
        return ""
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return f"{place} has {len(old)} entries in the report, now {len(new)}"
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            if found := first_difference(a, b, tolerance, f"{place}[{i}]"):
                return found
        return ""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (old, new))
    if numbers and (abs(old - new) <= tolerance + 10.0 ** -(DECIMALS + 2)):
        return ""
    return "" if old == new else f"{place} is {old!r} in the report, now {new!r}"
