"""How well shares of labels are estimated where they have shifted: ours against QuaPy's.

    pip install -e . "quapy>=0.2"
    python benchmarks/quantify.py [--real FILE.jsonl [--other FILE.jsonl]] [--cache FILE.npz]

Draws are of whole documents that the model has not seen, with odds that lean to those rich or
poor in one label, so that shares move as they do between outlets and months; with --real
(data/real/join.py makes it) also as they are in each source. Every estimator knows the model's
errors from other documents than those it estimates on.

    corpus           errors and draws from different halves of the corpus, all out of fold
    real, far        errors from the corpus, draws of real documents, of sentences that chance drew
    real, near       errors from half of the real documents, draws of the other half
    real, few        errors from some 400 real sentences, draws of the other half
    real, by source  as few, each draw from one source as it comes
    real, own source errors from some 400 sentences of a source of 800 or more, draws of others of
                     it; the mean over sources
    other, far       errors from the corpus, draws of --other: news that no model chose
    other, near      errors from the real documents, draws of --other
    other, few       errors from some 400 real sentences, draws of --other
    other, own       errors from half of --other, draws of the other half, the mean of twenty
    real, of 40      errors from so many sentences of that half (and 60, 100; also of --other)
"""

import argparse
import tomllib
import warnings
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from quapy.method.aggregative import ACC, CC, EMQ, PACC, PCC
from sklearn.base import BaseEstimator

from tagger.corpus.corpus import Corpus, read_corpus
from tagger.evaluation.quantify import shifted
from tagger.evaluation.shares import adjust
from tagger.model.classifier import encode
from tagger.predictor import Tagger
from tagger.schema import CLAIM, CLAIMS, THEME
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

ROOT = Path(__file__).parent.parent
N_DRAWS = 300
N_DOCUMENTS = 40
MOST_LEANING = 5.0
N_FEW, LEAST = 400, (40, 60, 100)
N_HALVES = 20
WAYS = ("raw", "ours", "ACC", "PCC", "PACC", "EMQ, given prior", "EMQ", "EMQ-BCTS", "weights")


class Given(BaseEstimator):
    """A classifier whose features are its answers: they were given before.

    Columns are the probabilities of each class, then the number of the class decided for.
    """

    def __init__(self, n_classes: int = 2) -> None:
        self.n_classes = n_classes

    @property
    def classes_(self) -> np.ndarray:
        return np.arange(self.n_classes)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, -1].astype(int)

    def predict_proba(self, X):
        return X[:, :-1]


class Part:
    """Sentences: documents, sources, and by task the gold answers and those of the model."""

    def __init__(self, corpus: Corpus, classifiers, probabilities, groups=None) -> None:
        self.groups = corpus.groups if groups is None else groups
        self.sources = np.array([e.extra.get("source", "") for e in corpus.examples])
        self.tasks = {}
        for c in classifiers:
            p = probabilities[c.task.name]
            gold, said = encode(c.task, corpus.labels(c.task.name)), c.decide(p)
            if not c.task.multilabel:
                self.tasks[c.task.name] = np.column_stack([p, said]), gold
                continue
            for k, label in enumerate(c.task.labels):
                both = np.column_stack([1 - p[:, k], p[:, k], said[:, k]])
                self.tasks[label] = both, gold[:, k]

    def take(self, rows: np.ndarray) -> "Part":
        part = object.__new__(Part)
        part.groups, part.sources = self.groups[rows], self.sources[rows]
        part.tasks = {name: (x[rows], y[rows]) for name, (x, y) in self.tasks.items()}
        return part


def estimators(known: Part, name: str, prior: np.ndarray):
    """Return by name the functions from answers to shares, fitted on what is known."""
    x, y = known.tasks[name]
    given = Given(x.shape[1] - 1)
    val = {"fit_classifier": False, "val_split": (x, y)}

    def fitted(quantifier):
        return quantifier.fit(x, y).predict

    def plain(x_new):
        # The prior that the probabilities were calibrated to.
        quantifier = EMQ(given, fit_classifier=False)
        quantifier.fit(x, y)
        quantifier.train_prevalence = prior
        return quantifier.predict(x_new)

    counts = np.array(
        [[np.sum((y == a) & (x[:, -1] == b)) for b in given.classes_] for a in given.classes_]
    )
    matrix = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)

    def ours(x_new):
        raw = np.bincount(x_new[:, -1].astype(int), minlength=len(matrix)) / len(x_new)
        if name == "claim":
            return adjust(CLAIM, raw[None], matrix[None])[0]
        share = adjust(THEME, np.full((1, 3), raw[1]), np.stack([matrix] * 3)[None])[0, 0]
        return np.array([1 - share, share])

    def weights(x_new):
        before = x[:, :-1].mean(axis=0, keepdims=True)
        gold = np.bincount(y.astype(int), minlength=before.shape[1])[None] / len(y)
        return shifted(x_new[:, :-1], np.ones((1, len(x_new))), before, gold)[0]

    return {
        "raw": fitted(CC(given, fit_classifier=False)),
        "ours": ours,
        "ACC": fitted(ACC(given, **val)),
        "PCC": fitted(PCC(given, fit_classifier=False)),
        "PACC": fitted(PACC(given, **val)),
        "EMQ, given prior": plain,
        "EMQ": fitted(EMQ(given, exact_train_prev=False, **val)),
        "EMQ-BCTS": fitted(
            EMQ.EMQ_BCTS(
                given, fit_classifier=False, val_split=val["val_split"], on_calib_error="backup"
            )
        ),
        "weights": weights,
    }


def leaning_draws(part: Part, name: str, rng: np.random.Generator):
    """Yield rows of documents drawn with odds that lean to or from a label."""
    _, y = part.tasks[name]
    docs, number = np.unique(part.groups, return_inverse=True)
    rows = [np.flatnonzero(number == i) for i in range(len(docs))]
    for _ in range(N_DRAWS):
        label = rng.integers(1 + y.max()) if name == "claim" else 1
        share = np.array([np.mean(y[own] == label) for own in rows])
        odds = np.exp(rng.uniform(-MOST_LEANING, MOST_LEANING) * share)
        n = max(N_DOCUMENTS, len(docs) // 4) if len(docs) < 1000 else N_DOCUMENTS
        chosen = rng.choice(len(docs), n, replace=False, p=odds / odds.sum())
        yield np.concatenate([rows[i] for i in chosen])


def source_draws(part: Part, name: str, rng: np.random.Generator):
    """Yield rows of documents of one source each, sources by turns."""
    for i in range(N_DRAWS):
        sources = np.unique(part.sources)
        own = np.flatnonzero(part.sources == sources[i % len(sources)])
        docs = np.unique(part.groups[own])
        n = min(N_DOCUMENTS, max(1, len(docs) // 2))
        yield own[np.isin(part.groups[own], rng.choice(docs, n, replace=False))]


def measure(
    title: str, pairs: list[tuple[Part, Part]], priors, seed: int, draws=leaning_draws
) -> None:
    """Print the mean absolute error of each estimator, in points, and its standard error.

    Each pair is what errors are known from, and what is drawn from; of several the standard
    error is that of their means. One where a label is not known at all is left out and counted.
    """
    print(f"\n| {title} | pairs | shift | {' | '.join(WAYS)} |")
    print(f"| --- |{' ---: |' * (len(WAYS) + 2)}")
    for name in pairs[0][0].tasks:
        rng = np.random.default_rng(seed)
        errors, shifts = [], []
        for known, drawn in pairs:
            x, y = drawn.tasks[name]
            last = -1 if x.shape[1] == 3 else slice(None)
            if len(np.unique(known.tasks[name][1])) < x.shape[1] - 1:
                continue
            ways = estimators(known, name, priors[name])
            own = []
            for rows in islice(draws(drawn, name, rng), N_DRAWS // len(pairs)):
                true = np.bincount(y[rows].astype(int), minlength=x.shape[1] - 1) / len(rows)
                shifts.append(np.abs(true - priors[name])[last].mean())
                own.append([np.abs(ways[way](x[rows]) - true)[last].mean() for way in WAYS])
            errors.append(own)
        means = np.mean(errors, axis=1) if len(errors) > 1 else np.array(errors[0])
        off = 100 * means.std(axis=0, ddof=1) / np.sqrt(len(means))
        cells = [f"{m:.1f} ± {e:.1f}" for m, e in zip(100 * means.mean(axis=0), off, strict=True)]
        print(
            f"| {name} | {len(errors)} of {len(pairs)} | {100 * np.mean(shifts):.1f} | "
            f"{' | '.join(cells)} |",
            flush=True,
        )


def halves(part: Part, rng: np.random.Generator) -> tuple[Part, Part]:
    docs = np.unique(part.groups)
    first = np.isin(part.groups, rng.choice(docs, len(docs) // 2, replace=False))
    return part.take(np.flatnonzero(first)), part.take(np.flatnonzero(~first))


def few(part: Part, rng: np.random.Generator, n: int = N_FEW) -> Part:
    """Return some `n` sentences, of whole documents."""
    every = np.unique(part.groups)
    docs = rng.choice(every, min(len(every), n * len(every) // len(part.groups)), replace=False)
    return part.take(np.flatnonzero(np.isin(part.groups, docs)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", help="labelled real sentences, as data/real/join.py writes them")
    parser.add_argument("--other", help="more of them, drawn without a look at the answers")
    parser.add_argument("--cache", type=Path, help="keep the answers out of fold here")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--second-reader", action="store_true", help="real: with all reread")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    config = tomllib.loads((ROOT / "data" / "claims-en.toml").read_text(encoding="utf-8"))
    corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)
    model = Tagger.load().model
    if given.cache and given.cache.exists():
        out_of_fold = dict(np.load(given.cache))
    else:
        out_of_fold = cross_fit(corpus, TrainingSettings.from_dict(config), jobs=-1).out_of_fold
        if given.cache:
            np.savez(given.cache, **out_of_fold)
    tasks = config["tasks"]
    priors = {"claim": np.array([tasks["claim"]["priors"][label] for label in CLAIM.labels])}
    priors |= {k: np.array([1 - p, p]) for k, p in tasks["theme"]["priors"].items()}
    rng = np.random.default_rng(given.seed)
    known = Part(corpus, model.classifiers, out_of_fold)

    show = partial(measure, priors=priors, seed=given.seed)
    show("corpus", [halves(known, rng)])
    if not given.real:
        return
    tagger = Tagger.load(second_reader="all" if given.second_reader else None)

    def read(path: str) -> Part:
        sentences = read_corpus([path], CLAIMS)
        part = Part(sentences, model.classifiers, tagger.predict_proba(sentences.texts))
        drawn = np.array([e.extra.get("drawn", "chance") for e in sentences.examples])
        return part.take(np.flatnonzero(drawn == "chance"))

    real = read(given.real)
    labelled, rest = halves(real, rng)
    some = few(labelled, rng)
    show("real, far", [(known, real)])
    show("real, near", [(labelled, rest)])
    show("real, few", [(some, rest)])
    show("real, by source", [(some, rest)], draws=source_draws)
    sources = [real.take(np.flatnonzero(real.sources == x)) for x in np.unique(real.sources)]
    large = [halves(source, rng) for source in sources if len(source.groups) >= 2 * N_FEW]
    show("real, own source", [(few(a, rng), b) for a, b in large])
    sets = {"real": real}
    if given.other:
        sets["other"] = other = read(given.other)
        show("other, far", [(known, other)])
        show("other, near", [(real, other)])
        show("other, few", [(some, other)])
    for title, part in sets.items():
        parted = [halves(part, rng) for _ in range(N_HALVES)]
        show(f"{title}, own", parted)
        for n in sorted(LEAST, reverse=True):  # each of the sentences of the one before
            parted = [(few(a, rng, n), b) for a, b in parted]
            show(f"{title}, of {n}", parted)


if __name__ == "__main__":
    main()
