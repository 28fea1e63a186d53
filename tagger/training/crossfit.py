"""Corpus -> model: folds, classifiers, calibration, thresholds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from tagger.corpus.corpus import Corpus
from tagger.evaluation.figures import confusion
from tagger.features.arrays import Floats, Ints
from tagger.model.classifier import Classifier, encode, probabilities_of
from tagger.model.model import Model, fingerprints
from tagger.processes import in_parallel
from tagger.training.calibration import calibrate, prior_shift, with_thresholds
from tagger.training.linear import fit, fold_scores, joined
from tagger.training.requirements import check_corpus, check_jobs, checked_folds
from tagger.training.settings import TaskSettings, TrainingSettings

Report = Callable[[str], None]


@dataclass(frozen=True)
class CrossFit:
    """A model, and what it answered while it had not seen the question.

    Parameters
    ----------
    model : trained on the whole corpus.
    out_of_fold : by task, the calibrated probabilities that each sentence got
        from a model which had not seen its document, shape (n_sentences, n_labels).
    fold_of : the fold of each sentence, shape (n_sentences,).
    """

    model: Model
    out_of_fold: dict[str, Floats]
    fold_of: Ints


def cross_fit(
    corpus: Corpus,
    settings: TrainingSettings | None = None,
    seed: int = 0,
    jobs: int = 1,
    report: Report = lambda message: None,
) -> CrossFit:
    """Train a model, with cross-validation by document for calibration and thresholds.

    Parameters
    ----------
    corpus : labelled sentences.
    settings : how to train.
    seed : decides the folds.
    jobs : number of processes, -1 for one a core.
    report : is told in a few words what is done next.

    Raises
    ------
    DataError : the corpus cannot train a task: too few sentences or documents, or a
        label that no sentence has.
    ConfigError : the settings name a task or label that the schema does not have.
    """
    settings = settings or TrainingSettings()
    check_jobs(jobs)
    check_corpus(corpus, settings)
    fold_of = checked_folds(corpus, settings.folds, seed)
    n_folds = int(fold_of.max()) + 1
    report(f"cross-validating in {n_folds} folds")
    folds = (
        partial(fold_scores, corpus, settings.features, [settings.tasks], fold_of, fold)
        for fold in range(n_folds)
    )
    parts = list(in_parallel(folds, jobs))
    report("training on all sentences")
    featurizer, linear = fit(corpus, settings)
    report("calibrating")
    classifiers, out_of_fold = [], {}
    for task in corpus.schema.tasks:
        chosen = corpus.annotated(task.name)
        scores = joined(task, fold_of, [part[0] for part in parts])
        options = settings.tasks.get(task.name, TaskSettings())
        y = encode(task, corpus.labels(task.name))
        slope, offset = calibrate(task, scores[chosen], y)
        slope, offset = slope / options.temperature, offset / options.temperature
        if options.priors:
            offset += prior_shift(task, y, options.priors)
        coef, intercept = linear[task.name]
        calibrated = Classifier(
            task, coef * slope[:, None], intercept * slope + offset, np.full(len(task.labels), 0.5)
        )
        probabilities = probabilities_of(task, scores * slope + offset)
        classifiers.append(with_thresholds(calibrated, probabilities[chosen], y, options))
        out_of_fold[task.name] = probabilities
    about = _about(corpus, settings, seed, classifiers, out_of_fold)
    trained_on = np.unique(fingerprints(corpus.texts))
    model = Model(corpus.schema, featurizer, tuple(classifiers), about, trained_on)
    return CrossFit(model, out_of_fold, fold_of)


def _about(
    corpus: Corpus,
    settings: TrainingSettings,
    seed: int,
    classifiers: Sequence[Classifier],
    out_of_fold: Mapping[str, Floats],
) -> dict[str, Any]:
    """Return what a model's manifest says of its training."""
    return {
        "seed": seed,
        "settings": settings.to_dict(),
        "data": {
            "sha256": corpus.sha256,
            "n_sentences": len(corpus),
            "n_documents": int(corpus.groups.max()) + 1 if corpus.has_documents else None,
        },
        "out_of_fold": confusions(corpus, classifiers, out_of_fold),
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }


def confusions(
    corpus: Corpus, classifiers: Sequence[Classifier], probabilities: Mapping[str, Floats]
) -> dict[str, Any]:
    """Return by task how often which gold label got which answer, as plain JSON values."""
    return {
        c.task.name: confusion(
            c.task,
            encode(c.task, corpus.labels(c.task.name)),
            c.decide(probabilities[c.task.name][corpus.annotated(c.task.name)]),
        )
        for c in classifiers
    }
