"""Corpus -> model: folds, classifiers, calibration, thresholds."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from tagger.corpus.corpus import Corpus, folds
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.features.arrays import Product
from tagger.features.featurizer import Featurizer, blocks_of
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import Classifier, encode, sigmoid, softmax
from tagger.model.model import Model, fingerprints
from tagger.schema import Task
from tagger.settings import from_table
from tagger.training.logistic import fit_logistic, frequent_first, scaled_embedding

Floats = npt.NDArray[np.float64]
Report = Callable[[str], None]


@dataclass(frozen=True)
class TaskSettings:
    """How the classifier of one task is trained.

    Parameters
    ----------
    blocks : names of the blocks of features that the task uses; empty for all.
    C : inverse strength of the L2 penalty (scikit-learn's C).
    balanced : whether rare labels weigh as much in sum as frequent ones.
    priors : by label, its share where the model will be used, for a corpus that has
        other shares; empty: the shares of the corpus.
    temperature : what the calibrated scores are divided by; above 1 it makes
        probabilities less extreme, for text that is harder than the corpus.
    threshold : of every label of a multi-label task; 0 for the one of best F1 out of
        fold, label by label.
    review : share of the sentences to flag for review.
    target_precision : by label, the precision out of fold that its threshold is set for,
        at the best recall; the other labels get the threshold of the best F1.
    """

    blocks: tuple[str, ...] = ()
    C: float = 2.0
    balanced: bool = False
    priors: dict[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = 0.0
    review: float = 0.1
    target_precision: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.C > 0:
            raise ConfigError(f"C is {self.C!r}, expected a number above 0")
        if not self.temperature > 0:
            raise ConfigError(f"temperature is {self.temperature!r}, expected a number above 0")
        if not 0 <= self.threshold < 1:
            raise ConfigError(f"threshold is {self.threshold!r}, expected 0 to below 1")
        if not 0 <= self.review < 1:
            raise ConfigError(f"review is {self.review!r}, expected a share from 0 to below 1")
        for label, wanted in self.target_precision.items():
            if not isinstance(wanted, (int, float)) or not 0 < wanted <= 1:
                raise ConfigError(
                    f"target_precision of {label!r} is {wanted!r}, expected a number above 0, to 1"
                )
        if any(not share > 0 for share in self.priors.values()):
            raise ConfigError(f"priors are {self.priors!r}, expected shares above 0")


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained.

    Parameters
    ----------
    features : how sentences become features.
    tasks : by task name; a task that is missing is trained with the defaults.
    folds : number of folds of the cross-validation.
    """

    features: FeatureSettings = field(default_factory=FeatureSettings)
    tasks: dict[str, TaskSettings] = field(default_factory=dict)
    folds: int = 5

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ConfigError(f"folds is {self.folds!r}, expected 2 or more")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {
            "folds": self.folds,
            "features": self.features.to_dict(),
            "tasks": {name: asdict(task) for name, task in self.tasks.items()},
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "TrainingSettings":
        """Build settings from a configuration file's tables.

        Raises
        ------
        ConfigError : an unknown key or a value that cannot be.
        """
        known = {"folds", "features", "tasks"}
        for key in raw:
            if key not in known:
                raise ConfigError(f"the configuration has {key!r}: {did_you_mean(key, known)}")
        tasks = {
            name: from_table(TaskSettings, task, f"tasks.{name}")
            for name, task in raw.get("tasks", {}).items()
        }
        features = FeatureSettings.from_dict(raw.get("features", {}))
        number = raw.get("folds", cls.folds)
        if not isinstance(number, int) or isinstance(number, bool):
            raise ConfigError(f"folds is {number!r}, expected a whole number")
        return cls(features, tasks, number)


@dataclass(frozen=True)
class Training:
    """What training gives.

    Parameters
    ----------
    model : trained on the whole corpus.
    out_of_fold : by task, the calibrated probabilities that each annotated sentence
        got from a model which had not seen its document, shape (n_annotated, n_labels).
    fold_of : the fold of each sentence, shape (n_sentences,).
    """

    model: Model
    out_of_fold: dict[str, Floats]
    fold_of: npt.NDArray[np.int64]


def train(
    corpus: Corpus,
    settings: TrainingSettings | None = None,
    seed: int = 0,
    jobs: int = 1,
    report: Report = lambda message: None,
) -> Training:
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
    check_corpus(corpus, settings)
    fold_of = folds(corpus.groups, settings.folds, seed)
    n_folds = int(fold_of.max()) + 1
    if n_folds < 2:
        raise DataError("all sentences come from one document, expected at least two documents")

    check_folds(corpus, fold_of)
    report(f"cross-validating in {n_folds} folds")
    parts = Parallel(n_jobs=jobs)(
        delayed(fold_scores)(corpus, settings, fold_of, fold) for fold in range(n_folds)
    )
    report("training on all sentences")
    featurizer, linear = fit(corpus, settings)
    report("calibrating")
    classifiers, out_of_fold = [], {}
    for task in corpus.schema.tasks:
        chosen = corpus.annotated(task.name)
        scores = np.empty((len(corpus), len(task.labels)))
        for fold, by_task in enumerate(parts):
            scores[fold_of == fold] = by_task[task.name]
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
        probabilities = calibrated.probabilities(scores[chosen] * slope + offset)
        classifiers.append(_with_thresholds(calibrated, probabilities, y, options))
        out_of_fold[task.name] = probabilities
    about = {
        "seed": seed,
        "settings": settings.to_dict(),
        "data": {
            "sha256": corpus.sha256,
            "n_sentences": len(corpus),
            "n_documents": int(corpus.groups.max()) + 1,
        },
        "out_of_fold": {
            c.task.name: confusion(
                c.task,
                encode(c.task, corpus.labels(c.task.name)),
                c.decide(out_of_fold[c.task.name]),
            )
            for c in classifiers
        },
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }
    trained_on = np.unique(fingerprints(corpus.texts))
    model = Model(corpus.schema, featurizer, tuple(classifiers), about, trained_on)
    return Training(model, out_of_fold, fold_of)


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
    for task in corpus.schema.tasks:
        labels = corpus.labels(task.name)
        if not labels:
            raise DataError(f"no sentence is annotated for the task {task.name!r}")
        y = encode(task, labels)
        counts = y.sum(axis=0) if task.multilabel else np.bincount(y, minlength=len(task.labels))
        for label, count in zip(task.labels, counts, strict=True):
            if count == 0:
                raise DataError(
                    f"no sentence has the {task.name} {label!r}: add some, or train with a "
                    "schema without it"
                )
            if task.multilabel and count == len(y):
                raise DataError(f"every sentence has the {task.name} {label!r}: add some without")


def check_folds(corpus: Corpus, fold_of: npt.NDArray[np.int64]) -> None:
    """Raise DataError where a label would be missing from what a fold's model learns."""
    for task in corpus.schema.tasks:
        chosen = corpus.annotated(task.name)
        y = encode(task, corpus.labels(task.name))
        has = y if task.multilabel else y[:, None] == np.arange(len(task.labels))
        for fold in range(int(fold_of.max()) + 1):
            learned = has[fold_of[chosen] != fold]
            for label, column in zip(task.labels, learned.T, strict=True):
                if not column.any() or (task.multilabel and column.all()):
                    wanted = "with" if not column.any() else "without"
                    raise DataError(
                        f"all sentences {wanted} the {task.name} {label!r} come from documents of "
                        "one fold: add some from other documents"
                    )


def fold_scores(
    corpus: Corpus,
    settings: TrainingSettings,
    fold_of: npt.NDArray[np.int64],
    fold: int,
) -> dict[str, Floats]:
    """Train without a fold and return by task the raw scores of its sentences."""
    featurizer, linear = fit(corpus.take(np.flatnonzero(fold_of != fold)), settings)
    x = featurizer.transform(corpus.take(np.flatnonzero(fold_of == fold)).texts)
    return {name: x @ coef.T + intercept for name, (coef, intercept) in linear.items()}


def fit(
    corpus: Corpus, settings: TrainingSettings
) -> tuple[Featurizer, dict[str, tuple[Floats, Floats]]]:
    """Fit the featurizer, and by task a linear model without calibration.

    Returns
    -------
    The featurizer, and by task coef, shape (n_labels, n_features), and intercept,
    shape (n_labels,).
    """
    featurizer = Featurizer(settings.features)
    x = featurizer.fit_factors(corpus.texts).astype(np.float32)
    embedding = scaled_embedding(featurizer, x)
    linear = {}
    # The order of sums, and so the last bits of the weights, must not hang on how many
    # threads the machine has.
    with threadpool_limits(limits=1):
        for task in corpus.schema.tasks:
            options = settings.tasks.get(task.name, TaskSettings())
            used = [b for b in featurizer.blocks if not options.blocks or b.name in options.blocks]
            columns = frequent_first(featurizer, used)
            chosen = corpus.annotated(task.name)
            own = x if len(chosen) == x.shape[0] else x.rows(chosen)
            fitted, intercept = _fit_task(
                task,
                own.columns(columns),
                encode(task, corpus.labels(task.name)),
                options,
                embedding if featurizer.blocks[-1] in used else embedding[:0, :0],
            )
            coef = np.zeros((len(task.labels), featurizer.n_features_))
            coef[:, columns] = fitted
            linear[task.name] = coef, intercept
    return featurizer, linear


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
    return regression((y[:, None] == np.arange(len(task.labels))).astype(np.float64))


def confusion(task: Task, gold: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> list[Any]:
    """Count answers by true answer.

    Returns
    -------
    Nested lists: for a single-label task a matrix with a row for each true label; for a
    multi-label task one matrix for each label with the rows and columns "not so" and "so".
    """
    pairs = zip(gold.T, predicted.T, strict=True) if task.multilabel else [(gold, predicted)]
    n = 2 if task.multilabel else len(task.labels)
    counts = [
        np.bincount(g.astype(np.int64) * n + p, minlength=n * n).reshape(n, n).tolist()
        for g, p in pairs
    ]
    return counts if task.multilabel else list(counts[0])


def calibrate(task: Task, scores: Floats, y: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Fit slope and offset of each score by maximum likelihood, so that it is a log-odds.

    One slope and one offset for each label of a multi-label task (Platt 1999); one
    slope in common and an offset for each label of a single-label task (Guo et al.
    2017, section 4.2, with bias).

    Parameters
    ----------
    scores : out of fold, shape (n_sentences, n_labels).
    y : as `tagger.model.classifier.encode` gives it.

    Returns
    -------
    Slopes and offsets, each of shape (n_labels,).
    """
    n_labels = len(task.labels)
    if task.multilabel:
        fits = [_platt(scores[:, k], y[:, k]) for k in range(n_labels)]
        return np.array([a for a, _ in fits]), np.array([b for _, b in fits])

    rows = np.arange(len(y))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        p = softmax(scores * parameters[0] + parameters[1:])
        error = p.copy()
        error[rows, y] -= 1
        gradient = np.concatenate([[(error * scores).sum()], error.sum(axis=0)]) / len(y)
        # A light pull keeps the offsets, which matter only by their differences, in place.
        value = -np.log(np.maximum(p[rows, y], 1e-300)).mean() + 1e-6 * (parameters[1:] ** 2).sum()
        gradient[1:] += 2e-6 * parameters[1:]
        return value, gradient

    start = np.concatenate([[1.0], np.zeros(n_labels)])
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(1e-3, None)] + [(None, None)] * n_labels
    ).x
    return np.full(n_labels, found[0]), found[1:]


def prior_shift(task: Task, y: npt.NDArray[Any], priors: dict[str, float]) -> Floats:
    """Return what moves log-odds from the shares in `y` to others (Saerens et al. 2002, eq. 4).

    Parameters
    ----------
    task : the task.
    y : as `tagger.model.classifier.encode` gives it.
    priors : by label, its share where the model will be used; those of a single-label
        task need not sum to one.
    """
    wanted = np.array([priors[label] for label in task.labels])
    if task.multilabel:
        shares = y.mean(axis=0)
        return np.log(wanted / (1 - wanted)) - np.log(shares / (1 - shares))
    shares = np.bincount(y, minlength=len(task.labels)) / len(y)
    return np.log(wanted / wanted.sum()) - np.log(shares)


def _platt(scores: Floats, y: npt.NDArray[np.bool_]) -> tuple[float, float]:
    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = scores * parameters[0] + parameters[1]
        error = sigmoid(z) - y
        value = float((np.logaddexp(0, z) - y * z).mean())
        return value, np.array([(error * scores).mean(), error.mean()])

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]
    )
    return float(found.x[0]), float(found.x[1])


def _with_thresholds(
    classifier: Classifier, probabilities: Floats, y: npt.NDArray[Any], options: TaskSettings
) -> Classifier:
    """Return the classifier with the thresholds of best F1 out of fold, and its band of doubt."""
    task = classifier.task
    thresholds = np.full(len(task.labels), 1 / len(task.labels))
    if task.multilabel and options.threshold:
        thresholds = np.full(len(task.labels), options.threshold)
    elif task.multilabel:
        thresholds = np.array(
            [best_f1_threshold(p, t) for p, t in zip(probabilities.T, y.T, strict=True)]
        )
    for label, wanted in options.target_precision.items():
        k = task.labels.index(label)
        found = y[:, k] if task.multilabel else y == k
        strength = probabilities[:, k]
        if not task.multilabel:
            # The label is given where its probability is this many times the next one's.
            others = np.delete(probabilities / thresholds, k, axis=1).max(axis=1)
            strength = strength / np.maximum(others, 1e-300)
        try:
            thresholds[k] = precision_threshold(strength, found, wanted)
        except DataError as error:
            raise DataError(f"{task.name}: {label}: {error}") from None
    tuned = Classifier(task, classifier.coef, classifier.intercept, thresholds)
    doubt = (
        float(np.quantile(tuned.margins(probabilities), options.review)) if options.review else 0.0
    )
    return Classifier(task, classifier.coef, classifier.intercept, thresholds, doubt)


def best_f1_threshold(probabilities: Floats, y: npt.NDArray[np.bool_]) -> float:
    """Return the threshold at which F1 is best, halfway to the next lower probability."""
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(y[order])
    f1 = 2 * hits / (np.arange(1, len(y) + 1) + y.sum())
    ranked = probabilities[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    best = int(np.argmax(np.where(last_of_tie, f1, -1)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def precision_threshold(strength: Floats, y: npt.NDArray[np.bool_], wanted: float) -> float:
    """Return the threshold of the best recall at which precision is at least `wanted`.

    Raises
    ------
    DataError : no threshold gives that precision.
    """
    order = np.argsort(-strength, kind="stable")
    precision = np.cumsum(y[order]) / (np.arange(len(y)) + 1)
    ranked = strength[order]
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    reached = np.flatnonzero(last_of_tie & (precision >= wanted))
    if not len(reached):
        best = float(precision[last_of_tie].max())
        raise DataError(f"no threshold gives the precision {wanted}, the best is {best:.3f}")
    lowest = int(reached[-1])
    below = ranked[lowest + 1] if lowest + 1 < len(ranked) else 0.0
    return float((ranked[lowest] + below) / 2)
