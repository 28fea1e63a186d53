"""The linear models of one corpus, and their scores of what it left out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import unseen
from tagger.features.arrays import Floats, Ints, Product
from tagger.features.featurizer import Featurizer
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import one_hot
from tagger.schema import Task
from tagger.training.logistic import fit_logistic, frequent_first, scaled_embedding
from tagger.training.settings import TaskSettings, TrainingSettings


class Learned(NamedTuple):
    """The features of a corpus, learned once for any number of classifiers.

    Parameters
    ----------
    featurizer : fitted on the corpus.
    x : the features of its sentences, shape (n_sentences, n_features).
    embedding : of the block that has one, shape (n_features of the block, n_dimensions), or empty.
    """

    featurizer: Featurizer
    x: Product
    embedding: npt.NDArray[np.float32]


def fold_scores(
    corpus: Corpus,
    features: FeatureSettings,
    tried: Sequence[Mapping[str, TaskSettings]],
    fold_of: Ints,
    fold: int,
) -> list[dict[str, Floats]]:
    """Train without a fold and return the raw scores of its sentences.

    Parameters
    ----------
    features : how sentences become features, which are learned once.
    tried : settings of the tasks, one mapping for each training.
    fold_of : the fold of each sentence, shape (n_sentences,).
    fold : the one to leave out.

    Returns
    -------
    For each of `tried`, by task, the scores, shape (n_sentences of the fold, n_labels).
    """
    rest = corpus.take(unseen(corpus, fold_of, fold))
    learned = learn_features(rest, features)
    x = learned.featurizer.transform(corpus.take(np.flatnonzero(fold_of == fold)).texts)
    return [
        {
            name: x @ coef.T + intercept
            for name, (coef, intercept) in fit_linear(rest, learned, tasks).items()
        }
        for tasks in tried
    ]


def joined(task: Task, fold_of: Ints, parts: Sequence[Mapping[str, Floats]]) -> Floats:
    """Return the scores of all folds as one array, shape (n_sentences, n_labels)."""
    scores = np.empty((len(fold_of), len(task.labels)))
    for fold, by_task in enumerate(parts):
        scores[fold_of == fold] = by_task[task.name]
    return scores


def fit(
    corpus: Corpus, settings: TrainingSettings
) -> tuple[Featurizer, dict[str, tuple[Floats, Floats]]]:
    """Fit the featurizer, and by task a linear model without calibration.

    Returns
    -------
    The featurizer, and what `fit_linear` returns.
    """
    learned = learn_features(corpus, settings.features)
    return learned.featurizer, fit_linear(corpus, learned, settings.tasks)


def learn_features(corpus: Corpus, settings: FeatureSettings) -> Learned:
    """Learn the features of a corpus."""
    featurizer = Featurizer(settings)
    x = featurizer.fit_factors(corpus.texts).astype(np.float32)
    return Learned(featurizer, x, scaled_embedding(featurizer, x))


def fit_linear(
    corpus: Corpus, learned: Learned, tasks: Mapping[str, TaskSettings]
) -> dict[str, tuple[Floats, Floats]]:
    """Fit by task a linear model without calibration.

    Returns
    -------
    By task coef, shape (n_labels, n_features), and intercept, shape (n_labels,).
    """
    featurizer, x, embedding = learned
    linear = {}
    # The order of sums, and so the last bits of the weights, must not hang on how many
    # threads the machine has.
    with threadpool_limits(limits=1):
        for task in corpus.schema.tasks:
            options = tasks.get(task.name, TaskSettings())
            used = [b for b in featurizer.blocks if not options.blocks or b.name in options.blocks]
            columns = frequent_first(featurizer, used)
            chosen, y = corpus.gold(task)
            own = x if len(chosen) == x.shape[0] else x.rows(chosen)
            fitted, intercept = _fit_task(
                task,
                own.columns(columns),
                y,
                options,
                embedding if featurizer.embedded in used else embedding[:0, :0],
            )
            coef = np.zeros((len(task.labels), featurizer.n_features_))
            coef[:, columns] = fitted
            linear[task.name] = coef, intercept
    return linear


def _fit_task(
    task: Task,
    x: Product,
    y: npt.NDArray[Any],
    options: TaskSettings,
    embedding: npt.NDArray[np.float32],
) -> tuple[Floats, Floats]:
    """Fit logistic regression, multinomial or one for each label, as one row a label."""

    def regression(targets: Floats) -> tuple[Floats, Floats]:
        classes = targets if targets.shape[1] > 1 else np.hstack([targets, 1 - targets])
        weights = np.ones(len(targets))
        if options.balanced:
            weights = classes @ (len(classes) / classes.shape[1] / classes.sum(axis=0))
        return fit_logistic(x, targets, options.C, weights, embedding)

    if task.multilabel:
        fitted = [regression(column[:, None].astype(np.float64)) for column in y.T]
        coefs, intercepts = zip(*fitted, strict=True)
        return np.concatenate(coefs), np.concatenate(intercepts)
    if len(task.labels) == 2:
        coef, intercept = regression(y[:, None].astype(np.float64))
        return np.concatenate([-coef, coef]) / 2, np.array([-0.5, 0.5]) * intercept
    return regression(one_hot(task, y).astype(np.float64))
