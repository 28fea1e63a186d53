"""What a model has to beat: answers that take little or no learning."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from tagger.corpus.corpus import Corpus
from tagger.corpus.folds import folds, unseen
from tagger.evaluation.answers import Answers
from tagger.features.arrays import Floats
from tagger.features.featurizer import Featurizer
from tagger.features.settings import FeatureSettings
from tagger.model.classifier import one_hot
from tagger.model.thresholds import best_f1_thresholds
from tagger.schema import Task
from tagger.text.language import ENGLISH, Language

N_FOLDS = 5
_Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
# Of all texts that a baseline learns from: scikit-learn takes some 60 bytes a character.
MOST_CHARACTERS = 30_000_000
_AT_ONCE = 50_000


def baseline_answers(
    corpus: Corpus,
    fold_of: npt.NDArray[np.int64] | None = None,
    training: Corpus | None = None,
    seed: int = 0,
    language: Language = ENGLISH,
) -> tuple[dict[str, dict[str, Answers]], str]:
    """Return what the baselines answer to the annotated sentences, by task and baseline.

    - ``majority``: the most frequent answer; of a multi-label task mostly no label at all, so
      that it also has ``every label``.
    - ``chance``: labels drawn by their shares.
    - ``cue lexicon``: logistic regression on how many words and phrases of each class of
      the built-in lexicons a sentence holds.
    - ``TF-IDF + LR``: scikit-learn's ``TfidfVectorizer`` and ``LogisticRegression`` with
      their defaults.

    Labels of a multi-label task are given by thresholds of best F1 out of fold, as the model's.
    Of `training` no copy of what is judged is learned. Where sentences to learn from have more than
    `MOST_CHARACTERS` together, they are drawn at random. The second value says both, or is empty.
    """
    if fold_of is None:
        fold_of = folds(corpus.groups, N_FOLDS, seed)
    pool = corpus if training is None else training
    texts = corpus.texts + ([] if training is None else training.texts)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    matrices: dict[str, Any] = {}
    if language.lexicons:
        known = _drawn(np.arange(len(texts)), lengths, seed)
        matrices["cue lexicon"] = _cue_counts(texts, known, language)
    matrices["TF-IDF + LR"] = np.array(texts, object)
    # Rows to learn from and rows to answer, in `texts`; the same to choose thresholds by.
    n = len(corpus)
    own = fold_of if training is None else folds(pool.groups, N_FOLDS, seed)
    first = len(texts) - len(pool)
    rest = ((unseen(pool, own, f), np.flatnonzero(own == f)) for f in np.unique(own))
    inner = [(first + rows, first + answered) for rows, answered in rest]
    splits, copies = inner, ""
    if training is not None:
        is_copy = np.isin(training.fingerprints, corpus.fingerprints)
        splits = [(n + np.flatnonzero(~is_copy), np.arange(n))]
        copies = f", without {is_copy.sum():,} copies of what is judged" if is_copy.any() else ""
    tasks = {
        task.name: _task_answers(task, corpus, pool, matrices, splits, inner, lengths, seed)
        for task in corpus.schema.tasks
        if len(corpus.annotated(task.name)) and len(pool.annotated(task.name))
    }
    said = f", from sentences drawn at random where they have over {MOST_CHARACTERS:,} characters"
    return tasks, copies + (said if lengths.sum() > MOST_CHARACTERS else "")


def _drawn(rows: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], seed: int) -> Any:
    """Return the rows, in their order, or as many drawn ones as `MOST_CHARACTERS` allow."""
    if lengths[rows].sum() <= MOST_CHARACTERS:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows[lengths[rows] <= MOST_CHARACTERS])
    return np.sort(shuffled[np.cumsum(lengths[shuffled]) <= MOST_CHARACTERS])


def _task_answers(
    task: Task,
    corpus: Corpus,
    pool: Corpus,
    matrices: Mapping[str, Any],
    splits: list[_Split],
    inner: list[_Split],
    lengths: npt.NDArray[np.int64],
    seed: int,
) -> dict[str, Answers]:
    n, k = len(corpus), len(task.labels)
    known, gold = pool.gold(task)
    known += len(lengths) - len(pool)
    y, is_known = np.zeros((len(lengths), k), bool), np.zeros(len(lengths), bool)
    y[known], is_known[known] = one_hot(task, gold), True
    shares = np.zeros((len(lengths), k))
    learned = {name: np.zeros((len(lengths), k)) for name in matrices}
    tuning = inner if task.multilabel and splits is not inner else []
    for rows, answered in [*splits, *tuning]:
        rows = _drawn(rows[is_known[rows]], lengths, seed)
        shares[answered] = y[rows].mean(axis=0) if len(rows) else 1 / k
        for name, x in matrices.items():
            learned[name][answered] = _learn(name, x, rows, answered, y[rows], task.multilabel)
    shares = shares[:n]
    draws = np.random.default_rng(seed).random((n, k))
    if not task.multilabel:
        chance = (draws[:, :1] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
        result = {"majority": Answers(shares.argmax(axis=1)), "chance": Answers(chance)}
        result |= {name: Answers(p[:n].argmax(axis=1), p[:n]) for name, p in learned.items()}
    else:
        result = {"majority": Answers(shares >= 0.5), "every label": Answers(draws >= 0)}
        result["chance"] = Answers(draws < shares)
        for name, p in learned.items():
            decided = np.zeros((n, k), bool)
            for _, answered in splits:
                others = is_known.copy()
                others[answered] = False
                decided[answered] = p[answered] >= best_f1_thresholds(p[others], y[others])
            result[name] = Answers(decided, p[:n])
    chosen = corpus.annotated(task.name)
    return {name: answers.take(chosen) for name, answers in result.items()}


def _learn(
    name: str,
    x: Any,
    rows: npt.NDArray[np.int64],
    answered: npt.NDArray[np.int64],
    target: npt.NDArray[np.bool_],
    multilabel: bool,
) -> Floats:
    """Fit on `rows` and return the probabilities of the rows `answered`."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    result = np.tile(target.mean(axis=0) if len(target) else 0.5, (len(answered), 1))
    counts = target.sum(axis=0)
    if multilabel:
        columns = np.flatnonzero((counts > 0) & (counts < len(target)))
    else:
        columns = np.flatnonzero(counts)
        if len(columns) < 2:
            return result
    if not len(columns):
        return result
    train, test = x[rows], x[answered]
    if name == "TF-IDF + LR":
        vectorizer = TfidfVectorizer()
        train, test = vectorizer.fit_transform(train), vectorizer.transform(test)
    model = LogisticRegression(max_iter=1000)
    with threadpool_limits(1):  # threads change the order of sums, and so the last bits
        if multilabel:
            for i in columns:
                result[:, i] = model.fit(train, target[:, i]).predict_proba(test)[:, 1]
        else:
            result[:, columns] = model.fit(train, target.argmax(axis=1)).predict_proba(test)
    return result


def _cue_counts(texts: list[str], known: Iterable[int], language: Language) -> Any:
    """Return counts of the lexicons' classes, by their inverse document frequency in `known`."""
    settings = FeatureSettings(
        language=language.code,
        word_ngrams=(1, 1),
        char_ngrams=(1, 1),
        char_min_df=1,
        masked_ngrams=(),
        lexicons=language.lexicons,
    )
    featurizer = Featurizer(settings).fit([texts[i] for i in known])
    columns = [featurizer.blocks_[name] for name in language.lexicons]
    parts = [
        featurizer.transform(texts[i : i + _AT_ONCE])[:, columns[0].start : columns[-1].stop]
        for i in range(0, len(texts), _AT_ONCE)
    ]
    return scipy.sparse.vstack(parts, "csr")
