"""What a corpus and settings must have so that a model can be trained."""

from collections.abc import Iterator

import numpy as np

from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import folds
from tagger.errors import ConfigError, DataError, did_you_mean, n_of
from tagger.features.arrays import Ints
from tagger.features.featurizer import blocks_of
from tagger.model.classifier import encode, one_hot
from tagger.training.settings import TrainingSettings

_FAR_LONGER, _LONG = 50, 2_000  # times what is usual, and characters
_LESS = (
    "or leave the label out: --save-schema FILE.toml writes a schema; once it is taken out there, "
    "--schema FILE.toml --skip-bad-rows passes over its sentences"
)


def check_size(corpus: Corpus, most: int) -> None:
    """Raise DataError where sentences are so many that their features may not fit into memory."""
    n = sum(map(len, corpus.texts))
    if n > most:
        raise DataError(
            f"{n_of(len(corpus), 'sentence')} of {n:,} characters, expected at most {most:,}: "
            "training holds all their features in memory, some 100 bytes a character. Draw a "
            "sample, or raise --max-characters (max_characters=)"
        )


def length_notes(corpus: Corpus) -> list[str]:
    """Say which texts are so long that one of them may spoil what is learned from all."""
    lengths = np.array([len(text) for text in corpus.texts])
    usual = int(np.median(lengths))
    long = np.flatnonzero(lengths > max(_FAR_LONGER * usual, _LONG))
    if not len(long):
        return []
    return [
        f"{n_of(len(long), 'text')} of more than {_FAR_LONGER} times the usual {usual:,} "
        f"characters, such as {corpus.examples[long[0]].where}: no sentence, and one that repeats "
        "a word may spoil the model; tagger check lists what is long"
    ]


def check_corpus(corpus: Corpus, settings: TrainingSettings) -> None:
    """Raise DataError or ConfigError where a corpus or settings cannot train."""
    known = [block.name for block in blocks_of(settings.features)]
    for name, options in settings.tasks.items():
        task = corpus.schema[name]
        for block in options.blocks:
            if block not in known:
                raise ConfigError(f"tasks.{name}: no block {block!r}: {did_you_mean(block, known)}")
        for label in options.target_precision:
            if label not in task.labels:
                raise ConfigError(
                    f"tasks.{name}: no label {label!r}: {did_you_mean(label, task.labels)}"
                )
        if options.priors and set(options.priors) != set(task.labels):
            raise ConfigError(
                f"tasks.{name}: priors are for {', '.join(options.priors)}, expected each label: "
                f"{', '.join(task.labels)}"
            )
        if task.multilabel and any(not share < 1 for share in options.priors.values()):
            raise ConfigError(
                f"tasks.{name}: priors are {options.priors!r}, expected shares below 1, each of "
                "all sentences"
            )
        if options.threshold and not task.multilabel:
            raise ConfigError(
                f"tasks.{name}: threshold is {options.threshold!r}, but {name} gives one label: "
                "only a task of several labels has a threshold"
            )
    for problem in label_problems(corpus):
        raise DataError(problem)


def label_problems(corpus: Corpus) -> Iterator[str]:
    """Yield why labels of a corpus cannot be learned: no example, or no other."""
    for task in corpus.schema.tasks:
        labels = corpus.labels(task.name)
        if not labels:
            yield f"no sentence is annotated for the task {task.name!r}"
            continue
        counts = one_hot(task, encode(task, labels)).sum(axis=0)
        for label, count in zip(task.labels, counts, strict=True):
            if count == 0:
                yield (
                    f"no sentence has the {task.name} {label!r}: add some, or train with a "
                    "schema without it"
                )
            elif task.multilabel and count == len(labels):
                yield f"every sentence has the {task.name} {label!r}: add some without"


def checked_folds(corpus: Corpus, settings: TrainingSettings, seed: int, jobs: int) -> Ints:
    """Return the fold of each sentence, shape (n_sentences,), where all that training needs is so.

    Raises
    ------
    DataError : `check_corpus`; or all sentences come from one document, or a label from one fold.
    ConfigError : `check_corpus`; or a number of processes that is none.
    """
    if jobs == 0:
        raise ConfigError("jobs is 0, expected a number of processes, or -1 for one a core")
    check_corpus(corpus, settings)
    fold_of = folds(corpus.groups, settings.folds, seed)
    if problems := list(fold_problems(corpus, fold_of)):
        raise DataError("\n".join(problems))
    return fold_of


def fold_problems(corpus: Corpus, fold_of: Ints) -> Iterator[str]:
    """Yield why folds cannot train: one document, or a label missing from what one learns."""
    if int(fold_of.max()) == 0:
        yield "all sentences come from one document, expected at least two documents"
        return
    for task in corpus.schema.tasks:
        labels = corpus.labels(task.name)
        if not labels:
            continue
        has = one_hot(task, encode(task, labels))
        own = fold_of[corpus.annotated(task.name)]
        learned = [has[own != fold] for fold in range(int(fold_of.max()) + 1)]
        for k, label in enumerate(task.labels):
            if not has[:, k].any() or (task.multilabel and has[:, k].all()):
                continue  # one of `label_problems`
            absent = any(not rows[:, k].any() for rows in learned)
            if absent or (task.multilabel and any(rows[:, k].all() for rows in learned)):
                n = int((has if absent else ~has)[:, k].sum())
                what = f"{'with' if absent else 'without'} the {task.name} {label!r}"
                found = f"all {n:,} sentences {what} come from documents of one fold"
                if n == 1:
                    found = f"there is only one sentence {what}"
                less = f", {_LESS}" if absent and 2 * n < len(has) else ""
                yield f"{found}: add some from other documents{less}"
