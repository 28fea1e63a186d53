"""A trained model -> one that has learned from corrections too, in seconds, without its corpus.

The weights move from where they are, each held back as firmly as the corpus had pinned it down:
a Gaussian prior around the weights that are there (Chelba and Acero 2004, Adaptation of maximum
entropy capitalizer), whose precision is that of Laplace's approximation, the diagonal of the
Hessian. For that the model keeps enough: how many sentences of its corpus have each feature.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import folds, unseen
from tagger.errors import DataError
from tagger.evaluation.answers import decided
from tagger.evaluation.compare import TaskComparison, compare_answers
from tagger.features.arrays import Floats
from tagger.model.classifier import Classifier, one_hot, probabilities_of
from tagger.model.model import Model
from tagger.training.settings import TaskSettings

WEIGHT = 10.0
"""How many sentences of the corpus a correction outweighs: measured in benchmarks/README.md."""

_FOLDS = 5
_VARIANCE = 0.1  # of an answer, p (1 - p), where the model is rather sure
_SHARPER = 1.5  # than calibrated scores are those that a model is trained by
_TOKENS = 20  # of a sentence of news; the squares of its features are divided by them


def closeness(model: Model, probabilities: Mapping[str, Floats]) -> Floats:
    """Return how clear the least clear answer to each sentence is, in bands of doubt.

    Below 1 it needs review; infinity where there is no answer. Shape (n_sentences,).
    """
    clear = []
    for c in model.classifiers:
        p = probabilities[c.task.name]
        own, has = np.full(len(p), np.inf), ~np.isnan(p[:, 0])
        own[has] = c.closeness(p[has])
        clear.append(own)
    return np.asarray(np.min(clear, axis=0))


def adapt(model: Model, corrections: Corpus, weight: float = WEIGHT) -> Model:
    """Return a model that has learned from corrections too.

    Parameters
    ----------
    model : what the corrections are of.
    corrections : sentences with the answers that people gave, under the model's schema.
    weight : how many sentences of the model's corpus each of them counts for.

    Raises
    ------
    DataError : there is no correction.
    """
    if not len(corrections):
        raise DataError("there is no correction to learn from: answer some sentences first")
    x = model.featurizer.transform(corrections.texts)
    learned = []
    for c in model.classifiers:
        rows, y = corrections.gold(c.task)
        learned.append(_moved(model, c, x[rows], y, weight) if len(rows) else c)
    known = {"from": model.id, "weight": weight, "n_sentences": len(corrections)}
    about = model.about | {"adapted": known | {"sha256": corrections.sha256}}
    # How the model erred before says nothing of a task that has learned since.
    errors = model.about.get("out_of_fold", {}).items()
    about["out_of_fold"] = {k: v for k, v in errors if not len(corrections.annotated(k))}
    seen = np.union1d(model.trained_on, corrections.fingerprints)
    return replace(model, classifiers=tuple(learned), about=about, trained_on=seen)


def _moved(model: Model, c: Classifier, x: Any, y: Any, weight: float) -> Classifier:
    """Return a classifier with its weights moved towards the answers of some sentences."""
    f, start = model.featurizer, np.asarray(c.coef, np.float64)
    # Of the features that this task uses at all; others have no weight.
    active = np.flatnonzero((x.getnnz(axis=0) > 0) & start.any(axis=0))
    settings = model.about.get("settings", {}).get("tasks", {}).get(c.task.name, {})
    penalty = 1 / settings.get("C", TaskSettings.C)
    # Calibration has softened the scores. Learned from as they are, even answers that only
    # confirm the model would pull at it.
    sharp = _SHARPER * settings.get("temperature", 1.0)
    squares = f.term_weights_[active] ** 2 / _TOKENS
    held = penalty + sharp**2 * _VARIANCE * f.df_[active] * squares
    scale = np.append(1 / np.sqrt(held), 1 / (sharp * np.sqrt(_VARIANCE * f.n_documents_)))
    part, scores = x[:, active].tocsr(), x @ start.T + c.intercept
    turned = part.T.tocsr()
    targets = one_hot(c.task, y).astype(float)

    def loss(flat: Floats) -> tuple[float, Floats]:
        moves = flat.reshape(len(start), -1) * scale
        z = sharp * (scores + part @ moves[:, :-1].T + moves[:, -1])
        p = probabilities_of(c.task, z)
        lost = np.where(targets == 1, p, 1 - p) if c.task.multilabel else (p * targets).sum(axis=1)
        error = weight * sharp * (p - targets)
        pull = np.hstack([(turned @ error).T, error.sum(axis=0)[:, None]])
        value = -weight * np.log(np.maximum(lost, 1e-300)).sum() + flat @ flat / 2
        return value, (pull * scale).ravel() + flat

    first = np.zeros(len(start) * len(scale))
    options = {"gtol": 1e-2, "ftol": 1e-5, "maxiter": 100}
    with threadpool_limits(limits=1):  # the same bits whatever the machine, and no waiting
        found = minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x
    moves = found.reshape(len(start), -1) * scale
    coef = start.copy()
    coef[:, active] += moves[:, :-1]
    return replace(c, coef=coef, intercept=c.intercept + moves[:, -1])


def gains(
    model: Model,
    corrections: Corpus,
    weight: float = WEIGHT,
    rounds: int = 1000,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> list[TaskComparison]:
    """Measure by task what learning from corrections brings on documents it has not seen.

    The documents are dealt into folds; each fold is answered by the model as it is, and as it
    becomes by the corrections of the other folds. What differs comes with its interval from
    drawing documents anew.

    Raises
    ------
    DataError : the corrections come from one document only.
    """
    n = min(_FOLDS, len(np.unique(corrections.groups)))
    if n < 2:
        raise DataError("all corrections are in one document: a gain needs two or more")
    fold_of = folds(corrections.groups, n, 0)
    before = model.probabilities(corrections.texts)
    after = {name: p.copy() for name, p in before.items()}
    for fold in range(n):
        report(fold, n)
        own = np.flatnonzero(fold_of == fold)
        others = corrections.take(unseen(corrections, fold_of, fold))
        found = adapt(model, others, weight).probabilities(corrections.take(own).texts)
        for name, p in found.items():
            after[name][own] = p
    return compare_answers(corrections, decided(model, before), decided(model, after), rounds)
