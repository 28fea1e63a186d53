"""A corpus -> folds by document, and what may be learned where one of them is judged."""

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus
from tagger.document import label_tuple


def unseen(corpus: Corpus, fold_of: npt.NDArray[np.int64], fold: int) -> npt.NDArray[np.int64]:
    """Return the indices of what is learned where a fold is judged: other folds, but no copies.

    Copies are learned where without them half of the others would be gone, or all with a label,
    or without it.
    """
    ids, others = corpus.fingerprints, np.flatnonzero(fold_of != fold)
    rest = others[~np.isin(ids[others], ids[fold_of == fold])]
    if len(rest) == len(others):
        return others
    kept = 2 * len(rest) >= len(others) and _sides(corpus, rest) == _sides(corpus, others)
    return rest if kept else others


def _sides(corpus: Corpus, rows: npt.NDArray[np.int64]) -> set[tuple[str, str, bool]]:
    """Return task and label with whether a sentence has it, for all that stand among some rows."""
    return {
        (task.name, label, label in given)
        for i in rows.tolist()
        for task in corpus.schema.tasks
        if task.name in corpus.examples[i].labels
        for given in (label_tuple(corpus.examples[i].labels[task.name]),)
        for label in task.labels
    }


def folds(groups: npt.NDArray[np.int64], n_folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Deal documents out to folds of about equal size.

    Parameters
    ----------
    groups : the document of each sentence, as `Corpus.groups` gives it.
    n_folds : number of folds; fewer are made where there are fewer documents.
    seed : of the shuffle that decides between documents of equal size.

    Returns
    -------
    The fold of each sentence, shape (n_sentences,).
    """
    sizes = np.bincount(groups)
    n_folds = min(n_folds, len(sizes))
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    load = np.zeros(n_folds, np.int64)
    fold_of = np.empty(len(sizes), np.int64)
    for group in order:
        fold_of[group] = load.argmin()
        load[fold_of[group]] += sizes[group]
    return fold_of[groups]
