"""A corpus -> folds by document, and what may be learned where one of them is judged."""

import numpy as np
import numpy.typing as npt

from tagger.corpus.corpus import Corpus


def unseen(corpus: Corpus, fold_of: npt.NDArray[np.int64], fold: int) -> npt.NDArray[np.int64]:
    """Return the indices of what is learned where a fold is judged: other folds, but no copies.

    Copies are learned where without them half of the others, or a label, would be gone.
    """
    ids, others = corpus.fingerprints, np.flatnonzero(fold_of != fold)
    rest = others[~np.isin(ids[others], ids[fold_of == fold])]
    if len(rest) == len(others):
        return others
    kept = 2 * len(rest) >= len(others) and corpus.take(rest).given == corpus.take(others).given
    return rest if kept else others


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
