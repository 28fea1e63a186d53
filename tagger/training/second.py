"""A second reader for any schema: trained in the folds of the first, combined out of fold."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import unseen
from tagger.encoder.combination import Combination, fit_combination
from tagger.encoder.reader import REREADS, SecondReader
from tagger.encoder.settings import EncoderSettings
from tagger.errors import n_of, required
from tagger.evaluation.compare import compare_answers
from tagger.features.arrays import Floats
from tagger.model.classifier import probabilities_of
from tagger.processes import Pool, n_jobs
from tagger.schema import outputs_of
from tagger.targets import locked
from tagger.training.calibration import calibrate, precisions, prior_shift
from tagger.training.crossfit import CrossFit, confusions
from tagger.training.settings import TaskSettings

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SecondFit:
    """A second reader, and how much it adds to the first.

    Parameters
    ----------
    reader : trained on the whole corpus and combined with the first.
    report : the readers compared on sentences that neither had seen, as plain JSON values.
    notes : what was found on the way, in sentences.
    """

    reader: SecondReader
    report: dict[str, Any]
    notes: tuple[str, ...]


def check_second(settings: EncoderSettings) -> None:
    """Raise ConfigError where a second reader cannot be trained: no torch, no such encoder."""
    # The exporter needs the first two, and would say so only after the training.
    for name in ("onnx", "onnxruntime", "torch", "transformers"):
        required(name, "encoder-train", f"a second reader is trained with {name}")
    from tagger.encoder.network import load_base

    load_base(settings, 1, 0)


def second_fit(
    corpus: Corpus,
    first: CrossFit,
    settings: EncoderSettings,
    tasks: Mapping[str, TaskSettings],
    seed: int = 0,
    jobs: int = 1,
    scratch: str | Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> SecondFit:
    """Train a second reader in the folds of the first and on all sentences.

    Parameters
    ----------
    corpus : labelled sentences.
    first : the first reader, and what it answered out of fold.
    settings : which encoder, and how it is trained.
    tasks : by task, the priors and the temperature that the first reader has.
    seed : decides the order of the sentences and what is dropped out.
    jobs : number of processes, -1 for one a core; they change no bit of the reader.
    scratch : folder that keeps the state after each epoch; what is there goes on.
    progress : is told how many steps of how many are done.
    """
    lessons = _lessons(corpus, first, settings, seed)
    with ExitStack() as stack:
        if scratch is None:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="tagger-"))
        folder = Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(locked(folder))
        *held_out, last = _taught([replace(x, folder=folder) for x in lessons], jobs, progress)
    scores = np.empty((len(corpus), corpus.schema.n_labels))
    for fold, own in enumerate(held_out):
        scores[first.fold_of == fold] = own.scores
    combinations, p = _combined(corpus, first, scores, tasks)
    modes = {name: p[name] for name in REREADS}
    about = {
        "settings": settings.to_dict(),
        "seed": seed,
        "data": first.model.about["data"],
        "out_of_fold": {m: confusions(corpus, first.answers(q)) for m, q in modes.items()},
    }
    assert last.reader is not None
    reader = replace(last.reader, first=first.model.id, combinations=combinations, about=about)
    n_cut = sum(own.n_cut for own in held_out)
    report = {
        **{"base": settings.base, "settings": settings.to_dict(), "n_cut": n_cut},
        "share_doubtful": float(first.model.doubtful(first.out_of_fold).mean()),
        "tasks": _compared(corpus, first, p, seed),
    }
    said = dict.fromkeys(note for own in (*held_out, last) for note in own.notes)
    cut = (
        f"the second reader reads only the beginning of {n_of(n_cut, 'sentence')} of more than "
        f"{settings.max_tokens} tokens (encoder.max_tokens)"
    )
    notes = *said, *([cut] if n_cut else []), *_reached(corpus, first, p["all"], tasks)
    return SecondFit(reader, report, notes)


class _Learned(NamedTuple):
    """What a lesson gives: the reader, or its scores of sentences that it had not seen."""

    reader: SecondReader | None
    scores: Floats
    n_cut: int
    notes: list[str]


@dataclass(frozen=True)
class _Lesson:
    """A fine-tuning, of which there is one a fold and one on all sentences."""

    name: str
    corpus: Corpus
    held_out: Sequence[str]
    settings: EncoderSettings
    seed: int
    folder: Path = Path()

    @property
    def n_steps(self) -> int:
        return -(-len(self.corpus) // self.settings.batch) * self.settings.epochs

    @property
    def steps_file(self) -> Path:
        return self.folder / f"{self.name}.steps"

    def do(self, tell: Callable[[int], None] | None = None) -> _Learned:
        """Train and read; without `tell` the number of steps goes to a file for another process."""
        from tagger.encoder.finetune import finetune

        notes: list[str] = []

        def say(what: str, done: int, total: int) -> None:
            if not total:
                notes.append(what)
            elif tell:
                tell(done)
            else:
                self.steps_file.write_text(str(done))

        reader = finetune(
            self.corpus.schema,
            self.corpus.texts,
            [example.labels for example in self.corpus.examples],
            self.settings,
            self.seed,
            self.folder / f"{self.name}.state",
            say,
        )
        scores, cut = reader.read(self.held_out)
        return _Learned(None if self.held_out else reader, scores, int(cut.sum()), notes)


def _lessons(
    corpus: Corpus, first: CrossFit, settings: EncoderSettings, seed: int
) -> list[_Lesson]:
    lessons = []
    for fold in range(int(first.fold_of.max()) + 1):
        rest, own = unseen(corpus, first.fold_of, fold), np.flatnonzero(first.fold_of == fold)
        texts = corpus.take(own).texts
        lessons.append(_Lesson(f"fold-{fold}", corpus.take(rest), texts, settings, seed))
    return [*lessons, _Lesson("all", corpus, (), settings, seed)]


def _taught(lessons: Sequence[_Lesson], jobs: int, progress: Progress) -> list[_Learned]:
    """Do all lessons, in this process or in others, and tell how far they are together."""
    total = sum(lesson.n_steps for lesson in lessons)
    what = f"training the second reader {len(lessons)} times"
    jobs = min(n_jobs(jobs), len(lessons))
    progress(what, 0, total)
    if jobs == 1:
        learned, before = [], 0
        for lesson in lessons:
            learned.append(
                lesson.do(partial(lambda n, done: progress(what, n + done, total), before))
            )
            before += lesson.n_steps
        return learned
    for lesson in lessons:
        lesson.steps_file.unlink(missing_ok=True)
    pool = Pool(jobs)
    try:
        do = [lesson.do for lesson in lessons]
        return list(pool.run(do, lambda: progress(what, sum(map(_steps, lessons)), total)))
    finally:
        pool.kill()


def _steps(lesson: _Lesson) -> int:
    try:
        return int(lesson.steps_file.read_text() or 0)
    except (OSError, ValueError):  # not begun, or being written
        return 0


def _combined(
    corpus: Corpus, first: CrossFit, scores: Floats, tasks: Mapping[str, TaskSettings]
) -> tuple[dict[str, Combination], dict[str, dict[str, Floats]]]:
    """Combine both readers.

    Returns
    -------
    By task the combination fitted on all sentences; and by way of reading and task the
    probabilities that each sentence gets from fits that left its fold out.
    """
    doubtful = first.model.doubtful(first.out_of_fold)
    combinations: dict[str, Combination] = {}
    p: dict[str, dict[str, Floats]] = {"second": {}, "doubtful": {}, "all": {}}
    for task, part in outputs_of(corpus.schema):
        options = tasks.get(task.name, TaskSettings())
        chosen, y = corpus.gold(task)
        u, v, t = first.out_of_fold[task.name], scores[:, part], options.temperature
        # Moved to other text as the first reader was moved.
        shift = prior_shift(task, y, options.priors) if options.priors else 0.0
        both, alone = np.empty_like(u), np.empty_like(u)
        for fold in range(int(first.fold_of.max()) + 1):
            out, known = first.fold_of == fold, first.fold_of[chosen] != fold
            rest, gold = chosen[known], y[known]
            fitted = fit_combination(task, u[rest], v[rest], gold).moved(t, shift)
            both[out] = fitted.probabilities(task, u[out], v[out])
            slope, offset = calibrate(task, v[rest], gold)
            z = (v[out] * slope + offset) / t + shift
            alone[out] = probabilities_of(task, z)
        combinations[task.name] = fit_combination(task, u[chosen], v[chosen], y).moved(t, shift)
        p["second"][task.name], p["all"][task.name] = alone, both
        p["doubtful"][task.name] = np.where(doubtful[:, None], both, u)
    return combinations, p


def _compared(
    corpus: Corpus, first: CrossFit, p: Mapping[str, Mapping[str, Floats]], seed: int
) -> list[dict[str, Any]]:
    """Return by task how each way of reading differs from the first reader."""
    before = first.answers(first.out_of_fold)
    by_task: dict[str, dict[str, Any]] = {}
    for way, own in p.items():
        for found in compare_answers(corpus, before, first.answers(own), seed=seed):
            task = by_task.setdefault(found.task, {"task": found.task, "n": found.n})
            task[way] = found.to_dict() | {"changes": []}  # no sentence stands in a report
    return list(by_task.values())


def _reached(
    corpus: Corpus, first: CrossFit, both: Mapping[str, Floats], tasks: Mapping[str, TaskSettings]
) -> Iterator[str]:
    """Say what precision both readers have where one was wished of the first."""
    for c in first.model.classifiers:
        wished = tasks.get(c.task.name, TaskSettings()).target_precision
        chosen, y = corpus.gold(c.task)
        reached = precisions(c, both[c.task.name][chosen], y) if wished else {}
        for label, wanted in wished.items():
            yield (
                f"the precision {wanted} of {label} is that of the first reader alone: with the "
                f"same threshold both reach {reached[label]:.3f}"
            )
