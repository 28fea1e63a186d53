"""Texts that are much alike, found in time that grows with their length alone."""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import Interned, Ints
from tagger.text.language import UNKNOWN, language_of
from tagger.text.tokens import tokenize

SIMILAR = 0.8
_SHINGLE = 3
_ANY = language_of(UNKNOWN)  # what is alike is so in any language
_MAX_COMPARED = 100
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def similar_pairs(
    texts: Sequence[str], others: Sequence[str] | None = None
) -> Iterator[tuple[int, int, float]]:
    """Yield pairs (i, j, similarity) of texts that are much alike.

    Similarity is Broder's (1997) resemblance, the Jaccard index of the sets of shingles.
    Two sets that are alike share one of their rarest shingles (prefix filtering,
    Chaudhuri et al. 2006), so a text is compared only with those that do, and of them with
    the latest hundred of each shingle: time grows with the length of the texts alone.

    Parameters
    ----------
    others : each of them is yielded with the first text that it is like. None: the texts
        are compared with each other, and the pairs that join them into groups are yielded.
    """
    hashes, ends, counts = _shingles([*texts, *(others or ())])
    latest: dict[int, list[int]] = defaultdict(list)
    group = list(range(len(ends)))

    def root(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    def shingles(i: int) -> npt.NDArray[np.uint64]:
        return hashes[ends[i - 1] if i else 0 : ends[i]]

    for j in range(len(ends)):
        row, is_other = shingles(j), j >= len(texts)
        n_texts = counts.take(_slots(row, len(counts)))
        rarest = np.argsort(n_texts, kind="stable")
        prefix = rarest[: len(row) - math.ceil(SIMILAR * len(row) - 1e-9) + 1]
        shared = row[prefix[n_texts[prefix] > 1]].tolist()  # the others stand nowhere else
        candidates = {i for shingle in shared for i in latest[shingle][-_MAX_COMPARED:]}
        own = set(row.tolist()) if candidates else set()
        for i in sorted(candidates) if is_other or others is None else ():
            if not is_other and root(i) == root(j):
                continue
            theirs = shingles(i).tolist()
            common = len(own.intersection(theirs))
            similarity = common / (len(theirs) + len(own) - common)
            if similarity >= SIMILAR:
                yield i, j - len(texts) if is_other else j, similarity
                if is_other:
                    break
                group[root(j)] = root(i)
        if not is_other:
            for shingle in shared:
                latest[shingle].append(j)


def _shingles(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], Ints, npt.NDArray[np.int32]]:
    """Return hashes of the distinct shingles, text by text, where each text's end, and counts.

    A count is of the texts that hold a shingle, at its slot: of those that share one the sum, so
    that none is taken for rarer than it is.
    """
    known = Interned()
    words, lengths = array("I"), []
    for text in texts:
        own = [token for token in tokenize(text, _ANY) if token[0].isalnum()]
        words.extend(map(known.__getitem__, own))
        lengths.append(len(own))
    flat = np.frombuffer(words, np.uint32)
    hashes = np.zeros(max(0, len(flat) - _SHINGLE + 1), np.uint64)
    for i in range(_SHINGLE):
        hashes += flat[i : i + len(hashes)]
        hashes *= _FACTOR
    counts = np.zeros(1 << max(10, len(hashes).bit_length()), np.int32)
    ends = np.zeros(len(lengths), np.int64)
    start = end = 0
    for i, n in enumerate(lengths):
        distinct = np.unique(hashes[start : start + max(0, n - _SHINGLE + 1)])
        np.add.at(counts, _slots(distinct, len(counts)), 1)
        start, before, end = start + n, end, end + len(distinct)
        hashes[before:end] = distinct  # in the place of what has been read
        ends[i] = end
    return hashes, ends, counts


def _slots(hashes: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.int64]:
    """Return a place among `n`, a power of two, for each hash: its highest bits."""
    return (hashes >> np.uint64(65 - n.bit_length())).view(np.int64)
