"""Labelled data -> a model, its evaluation and its report, in one call."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unicodedata import normalize

from tagger.corpus.columns import Columns
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.corpus.rows import Data
from tagger.corpus.schemas import find_schema
from tagger.encoder.reader import FOLDER, SecondReader, remove_reader
from tagger.encoder.settings import EncoderSettings
from tagger.errors import ConfigError, did_you_mean
from tagger.evaluation.report.html import to_html
from tagger.evaluation.report.make import training_report
from tagger.evaluation.report.values import HTML, JSON
from tagger.evaluation.scores import Evaluation
from tagger.features.arrays import Floats, Ints
from tagger.files import Reject
from tagger.files.batches import save_rejects
from tagger.model.model import CARD, MANIFEST, Model
from tagger.predictor import Tagger
from tagger.schema import Schema
from tagger.settings import override, read_toml
from tagger.targets import check_free, write_files
from tagger.text.judge import judge_language
from tagger.text.language import UNKNOWN, language_of
from tagger.training import search as trying
from tagger.training.crossfit import CrossFit, cross_fit
from tagger.training.requirements import check_size, length_notes
from tagger.training.search import Trial
from tagger.training.second import SecondFit, check_second, second_fit
from tagger.training.settings import MAX_CHARACTERS, TaskSettings, TrainingSettings

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, repr=False)
class Training:
    """What training gives.

    Parameters
    ----------
    model : trained on all sentences.
    evaluation : of the answers that cross-validation gave.
    report : the same with all that is known of the training, as plain JSON values.
    out_of_fold : by task, the calibrated probabilities that each sentence got from a
        model which had not seen its document, shape (n_sentences, n_labels).
    fold_of : the fold of each sentence, shape (n_sentences,).
    trials : the settings that a search tried, the best of each task first.
    curve : the points of the learning curve, where it was measured.
    guess : what was guessed about the data, or empty.
    notes : what reading the data found or changed, in sentences.
    skipped : the rows that were left out.
    files : by name, the model card and the report as `save` writes them.
    reader : the second reader, where one was trained.
    scratch : folder with the state of its training, which `save` removes.
    """

    model: Model
    evaluation: Evaluation
    report: dict[str, Any]
    out_of_fold: dict[str, Floats]
    fold_of: Ints
    trials: tuple[Trial, ...]
    curve: tuple[dict[str, Any], ...]
    guess: str
    notes: tuple[str, ...]
    skipped: tuple[Reject, ...]
    files: dict[str, str]
    reader: SecondReader | None = None
    scratch: Path | None = None

    def __repr__(self) -> str:
        figures = (
            f"{x.task} {x.figures['macro_f1'].value or 0:.3f}" for x in self.evaluation.tasks
        )
        return f"<Training of model {self.model.id}, macro F1 in folds: {', '.join(figures)}>"

    @property
    def tagger(self) -> Tagger:
        """A tagger with the model."""
        return Tagger(self.model)

    def save(self, folder: str | Path, page: str | Path | None = None, force: bool = False) -> str:
        """Write the model with its card, report and second reader, and beside it rows left out.

        The second reader of a model that is replaced goes where there is no new one.

        Parameters
        ----------
        folder : of the model.
        page : folder for the report with a page to look at; none is written where None.
        force : whether files that are there already are replaced.

        Returns
        -------
        What became of the second reader of the model before, in a sentence; mostly empty.

        Raises
        ------
        OutputError : a file is there already, or a folder cannot be written.
        ConfigError : `page` without the extra that draws plots.
        """
        reports = {name: text for name, text in self.files.items() if name != CARD}
        pages = {HTML: to_html(self.report)} if page else {}
        second = self.reader.contents() if self.reader else {}
        inner = [Path(folder) / FOLDER / name for name in second or (MANIFEST,)]
        # Before the model is there.
        check_free([*inner, *(Path(folder) / name for name in reports)], force)
        self.model.save(folder, self.files[CARD], force)
        write_files(Path(folder) / FOLDER, second, force)
        removed = "" if second else remove_reader(folder, self.model.id)
        if page:
            write_files(page, reports | pages, force)
        write_files(folder, reports, force)
        save_rejects(folder, self.skipped, force)
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
        return removed


def train(
    data: Data,
    *,
    schema: Schema | str | Path | None = None,
    columns: Columns | Mapping[str, str] | None = None,
    config: Mapping[str, Any] | str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    language: str | None = None,
    target_precision: Mapping[str, float] | None = None,
    search: bool = False,
    learning_curve: bool = False,
    second_reader: str | Path | None = None,
    scratch: str | Path | None = None,
    skip_bad_rows: bool = False,
    max_characters: int = MAX_CHARACTERS,
    seed: int = 0,
    jobs: int = -1,
    progress: Progress | None = None,
) -> Training:
    """Train a model on labelled sentences, as the command ``tagger train`` does.

    Parameters
    ----------
    data : paths, records (a list of dicts) or a DataFrame, one sentence a row.
    schema : the tasks, or the path of a schema file; guessed from the data where None.
    columns : names of columns by what they hold: ``text``, ``doc`` or a task.
    config : settings, and if need be the schema: a table, or a TOML file's path.
    settings : values by their path, such as ``{"tasks.claim.C": 1.0}``.
    language : ISO 639 code; judged from the sentences where nothing names it.
    target_precision : by ``LABEL`` or ``TASK.LABEL``, the precision to set its threshold for.
    search, learning_curve : whether to try a grid of settings first, and to measure with less data.
    second_reader : the encoder to train one from: a folder, an installed package, a hub's name;
        a table ``encoder`` in the configuration says how, and asks for one by itself.
    scratch : folder that keeps how far its training is, so that it can go on.
    skip_bad_rows : whether to leave out rows that cannot be used, where they are at most half.
    max_characters : of all sentences together, which bounds the memory; more are refused.
    seed, jobs : what decides the folds and the second reader; processes, -1 for one a core.
    progress : is told what is done, and how many steps of how many (0 of 0: not known).

    Raises
    ------
    DataError, ConfigError : the data, or the settings, cannot train a task.
    """
    tell = progress or (lambda what, done, total: None)
    raw, path = _read(config)
    known, named, guess = find_schema(schema, data, columns, raw, path)
    check_size(corpus := read_corpus(data, known, named, skip_bad_rows), max_characters)
    raw, notes = _with_language(override(raw, settings or {}), language, corpus.texts)
    encoder = _encoder_settings(raw, second_reader)
    chosen = _settings(raw, known, target_precision or {})
    find = partial(trying.search, corpus, chosen, seed, jobs, partial(tell, "searching"))
    chosen, trials = find() if search else (chosen, ())
    curve = _curve(corpus, chosen, seed, jobs, tell) if learning_curve else ()
    linear = cross_fit(corpus, chosen, seed, jobs, lambda what: tell(what, 0, 0))
    fitted = _described(linear, named, trials)
    learn = partial(second_fit, tasks=chosen.tasks, seed=seed, jobs=jobs, progress=tell)
    second = learn(corpus, fitted, encoder, scratch=scratch) if encoder else None
    tell("measuring", 0, 0)
    made = _measured(corpus, fitted, second, seed, tuple(trials), curve, guess, notes)
    return replace(made, scratch=Path(scratch)) if scratch and encoder else made


def _curve(
    corpus: Corpus, settings: TrainingSettings, seed: int, jobs: int, tell: Progress
) -> tuple[dict[str, Any], ...]:
    steps = partial(tell, "learning curve")
    return tuple(trying.learning_curve(corpus, settings, seed, jobs, steps))


def _described(fitted: CrossFit, columns: Columns, trials: Sequence[Trial]) -> CrossFit:
    """Write down in the model where its data stand and what a search tried."""
    about: dict[str, Any] = {"columns": columns.to_dict()}
    about |= {"search": [trial.to_dict() for trial in trials]} if trials else {}
    return replace(fitted, model=replace(fitted.model, about=fitted.model.about | about))


def _measured(
    corpus: Corpus,
    fitted: CrossFit,
    second: SecondFit | None,
    seed: int,
    trials: tuple[Trial, ...],
    curve: tuple[dict[str, Any], ...],
    guess: str,
    notes: tuple[str, ...],
) -> Training:
    """Measure what was trained, and put it together with what was found on the way."""
    held_out = fitted.answers(fitted.out_of_fold), fitted.fold_of
    report, reader = (second.report, second.reader) if second else (None, None)
    evaluation, files = training_report(
        fitted.model, corpus, *held_out, seed=seed, learning_curve=curve, second_reader=report
    )
    notes = (*corpus.notes, *length_notes(corpus), *notes, *(second.notes if second else ()))
    return Training(
        model=fitted.model,
        evaluation=evaluation,
        report=json.loads(files[JSON]),
        out_of_fold=fitted.out_of_fold,
        fold_of=fitted.fold_of,
        trials=trials,
        curve=curve,
        guess=guess,
        notes=notes,
        skipped=corpus.skipped,
        files=files,
        reader=reader,
    )


def _read(config: Mapping[str, Any] | str | Path | None) -> tuple[dict[str, Any], str]:
    """Return a configuration as a table of its own, and the path that it was read from."""
    if config is None or isinstance(config, Mapping):
        return dict(config or {}), ""
    return read_toml(str(config)), str(config)


def _with_language(
    raw: dict[str, Any], named: str | None, texts: Sequence[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Name the language in a configuration, with the lexicons and vectors there are for it.

    They help with labels that are not ours: measured on sentence subjectivity (README).
    """
    features = raw.get("features", {})
    features = dict(features) if isinstance(features, dict) else features
    if not isinstance(features, dict) or not isinstance(features.get("language", ""), str):
        return raw, ()  # refused where settings are checked
    if named and features.setdefault("language", named) != named:
        raise ConfigError(
            f"language is {named!r}, but features.language is {features['language']!r}: "
            "name one of them"
        )
    notes: tuple[str, ...] = ()
    code = features.get("language") or judge_language(texts)
    language = language_of(code)
    if "language" not in features:
        has = "its lexicons and word vectors" if language.lexicons else "words and characters only"
        what = "cannot be told" if code == UNKNOWN else f"is taken to be {code!r}"
        notes = (f"the language of the sentences {what}: {has}; --language names another",)
    elif code != UNKNOWN and not (language.lexicons or {"lexicons", "vectors"} & features.keys()):
        notes = (f"there are no lexicons or word vectors of {code!r}: words and characters only",)
    own = {"lexicons": list(language.lexicons), "vectors": language.vectors}
    return {**raw, "features": {"language": code, **own, **features}}, notes


def _encoder_settings(raw: dict[str, Any], base: str | Path | None) -> EncoderSettings | None:
    """Take how a second reader is trained from a configuration; None where none is asked for."""
    if base is None and "encoder" not in raw:
        return None
    table = raw.pop("encoder", {})
    if base is not None and isinstance(table, dict):
        table = {**table, "base": str(base)}
    settings = EncoderSettings.from_dict(table)
    check_second(settings)
    return settings


def _settings(raw: dict[str, Any], schema: Schema, wished: Mapping[str, float]) -> TrainingSettings:
    """Return the settings that a configuration and target precisions make."""
    settings = TrainingSettings.from_dict(raw)
    tasks, named = dict(settings.tasks), dict[tuple[str, str], float]()
    for name, wanted in wished.items():
        task, label = found = _label_of(normalize("NFC", name), schema)
        if (other := named.setdefault(found, wanted)) != wanted:
            raise ConfigError(f"target precision of {'.'.join(found)} is {other} and {wanted}")
        own = tasks.get(task, TaskSettings())
        tasks[task] = replace(own, target_precision=own.target_precision | {label: wanted})
    return replace(settings, tasks=tasks)


def _label_of(name: str, schema: Schema) -> tuple[str, str]:
    """Return task and label that ``LABEL`` or ``TASK.LABEL``, in the form NFC, names."""
    known = [(task.name, label) for task in schema.tasks for label in task.labels]
    fits = [own for own in known if name in (normalize("NFC", x) for x in (own[1], ".".join(own)))]
    if not fits:
        labels = [label for _, label in known]
        raise ConfigError(f"there is no label {name!r}: {did_you_mean(name, labels)}")
    if len(fits) > 1:
        tasks = ", ".join(map(".".join, fits))
        raise ConfigError(f"the label {name!r} is one of several tasks, expected {tasks}")
    return fits[0]
