"""Texts that are much alike, found in time that grows with their length alone."""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence

from tagger.text.language import UNKNOWN, language_of
from tagger.text.tokens import tokenize

SIMILAR = 0.8
_SHINGLE = 3
_ANY = language_of(UNKNOWN)  # what is alike is so in any language
_MAX_COMPARED = 100


def similar_pairs(
    texts: Sequence[str], others: Sequence[str] | None = None, least: float = SIMILAR
) -> Iterator[tuple[int, int, float]]:
    """Yield pairs (i, j, similarity) of texts that are much alike.

    Similarity is Broder's (1997) resemblance, the Jaccard index of the sets of shingles.
    Two sets that are alike share one of their rarest shingles (prefix filtering,
    Chaudhuri et al. 2006), so a text is compared only with those that do, and of them with
    the latest hundred of each shingle: time grows with the length of the texts alone.

    Parameters
    ----------
    texts : the texts.
    others : each of them is yielded with the first text that it is like. None: the texts
        are compared with each other, and the pairs that join them into groups are yielded.
    least : the lowest similarity.
    """
    numbers: dict[tuple[str, ...], int] = {}
    rows = [_shingles(text, numbers) for text in (*texts, *(others or ()))]
    counts = Counter(n for row in rows for n in row)
    sets = [frozenset(row) for row in rows]
    latest: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=_MAX_COMPARED))
    group = list(range(len(rows)))

    def root(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    for j, row in enumerate(rows):
        is_other = j >= len(texts)
        rarest = sorted(row, key=lambda n: (counts[n], n))
        prefix = rarest[: len(row) - math.ceil(least * len(row) - 1e-9) + 1]
        candidates = {i for shingle in prefix for i in latest[shingle]}
        for i in sorted(candidates) if is_other or others is None else ():
            if not is_other and root(i) == root(j):
                continue
            common = len(sets[i] & sets[j])
            similarity = common / (len(sets[i]) + len(sets[j]) - common)
            if similarity >= least:
                yield i, j - len(texts) if is_other else j, similarity
                if is_other:
                    break
                group[root(j)] = root(i)
        if not is_other:
            for shingle in prefix:
                latest[shingle].append(j)


def _shingles(text: str, numbers: dict[tuple[str, ...], int]) -> list[int]:
    words = [token for token in tokenize(text, _ANY) if token[0].isalnum()]
    runs = zip(*(words[i:] for i in range(_SHINGLE)), strict=False)
    return sorted({numbers.setdefault(run, len(numbers)) for run in runs})
