"""Corpus -> model: folds, classifiers, calibration, thresholds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus
from tagger.errors import DataError
from tagger.evaluation.answers import Answers
from tagger.evaluation.figures import confusion
from tagger.features.arrays import Floats, Ints
from tagger.model.classifier import Classifier, probabilities_of
from tagger.model.model import Model
from tagger.processes import in_parallel
from tagger.training.calibration import calibrate, prior_shift, with_thresholds
from tagger.training.linear import fit, fold_scores, joined
from tagger.training.requirements import checked_folds
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
    thresholds : by task, for each fold those that the others choose, shape (n_folds, n_labels).
    """

    model: Model
    out_of_fold: dict[str, Floats]
    fold_of: Ints
    thresholds: dict[str, Floats]

    def answers(self, probabilities: Mapping[str, Floats]) -> dict[str, Answers]:
        """Return by task the answers to the corpus, by thresholds that the other folds chose.

        Where these do not reach a precision that is wished, by those that all folds chose.
        """
        found = {}
        for c in self.model.classifiers:
            p = probabilities[c.task.name]
            labels, margins = c.decide(p), c.margins(p)
            for fold, thresholds in enumerate(self.thresholds[c.task.name]):
                own, chosen = self.fold_of == fold, replace(c, thresholds=thresholds)
                labels[own], margins[own] = chosen.decide(p[own]), chosen.margins(p[own])
            found[c.task.name] = Answers(labels, p, margins)
        return found


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
    fold_of = checked_folds(corpus, settings, seed, jobs)
    n_folds = int(fold_of.max()) + 1
    report(f"cross-validating in {n_folds} folds")
    left_out = partial(fold_scores, corpus, settings.features, [settings.tasks], fold_of)
    parts = list(in_parallel((partial(left_out, fold) for fold in range(n_folds)), jobs))
    report("training on all sentences")
    featurizer, linear = fit(corpus, settings)
    report("calibrating")
    classifiers, out_of_fold, thresholds = [], {}, {}
    for task in corpus.schema.tasks:
        chosen, y = corpus.gold(task)
        scores = joined(task, fold_of, [part[0] for part in parts])
        options = settings.tasks.get(task.name, TaskSettings())
        slope, offset = calibrate(task, scores[chosen], y)
        slope, offset = slope / options.temperature, offset / options.temperature
        if options.priors:
            offset += prior_shift(task, y, options.priors)
        coef, intercept = linear[task.name]
        calibrated = Classifier(
            task, coef * slope[:, None], intercept * slope + offset, np.full(len(task.labels), 0.5)
        )
        probabilities = probabilities_of(task, scores * slope + offset)
        tuned = with_thresholds(calibrated, probabilities[chosen], y, options)
        classifiers.append(tuned)
        out_of_fold[task.name] = probabilities
        rests = (fold_of[chosen] != fold for fold in range(n_folds))
        known = tuned, probabilities[chosen], y, options
        thresholds[task.name] = np.array([_chosen_by(rest, *known) for rest in rests])
    trained_on = np.unique(corpus.fingerprints)
    model = Model(corpus.schema, featurizer, tuple(classifiers), {}, trained_on)
    fitted = CrossFit(model, out_of_fold, fold_of, thresholds)
    about = _about(corpus, settings, seed, fitted.answers(out_of_fold))
    return replace(fitted, model=replace(model, about=about))


def _chosen_by(
    rest: npt.NDArray[np.bool_],
    tuned: Classifier,
    probabilities: Floats,
    y: npt.NDArray[Any],
    options: TaskSettings,
) -> Floats:
    """Return the thresholds that the sentences outside of a fold choose."""
    try:
        return with_thresholds(tuned, probabilities[rest], y[rest], options).thresholds
    except DataError:  # alone they do not reach the precision that is wished
        return tuned.thresholds


def _about(
    corpus: Corpus, settings: TrainingSettings, seed: int, answers: Mapping[str, Answers]
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
        "out_of_fold": confusions(corpus, answers),
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }


def confusions(corpus: Corpus, answers: Mapping[str, Answers]) -> dict[str, Any]:
    """Return by task how often which gold label got which answer, as plain JSON values."""
    counts = {}
    for task in corpus.schema.tasks:
        chosen, y = corpus.gold(task)
        counts[task.name] = confusion(task, y, answers[task.name].labels[chosen])
    return counts
