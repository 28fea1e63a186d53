"""Character n-grams inside chunks, as scikit-learn's ``analyzer="char_wb"`` has them."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import Ints, Ragged, segment_sum
from tagger.features.block import Block, Packed
from tagger.features.chunks import Chunks, Sample
from tagger.features.runs import Layout, Stream, TokenRuns, pack_strings, unpack_strings
from tagger.features.settings import FeatureSettings
from tagger.text.tokens import normalize


class CharNgrams(Block):
    """Character n-grams of chunks with a space on either side.

    A chunk shorter than the shortest n-gram counts once, whole.

    Parameters
    ----------
    settings : how sentences become features.

    Attributes
    ----------
    vocabulary : the n-grams, in the order of their columns.
    """

    name = "char"
    vocabulary: Sequence[str] = ()
    _inner: Stream | None = None

    def __init__(self, settings: FeatureSettings) -> None:
        self.ngrams = settings.char_ngrams
        self.min_df = settings.char_min_df

    @classmethod
    def of(cls, settings: FeatureSettings) -> list[Self]:
        """Return the block."""
        return [cls(settings)]

    @classmethod
    def unpack(cls, settings: FeatureSettings, packed: Packed) -> list[Self]:
        """Return the block of a saved model."""
        block = cls(settings)
        block.vocabulary = unpack_strings(packed.arrays["char_terms"])
        block.n_features = len(block.vocabulary)
        return [block]

    def pack(self) -> Packed:
        """Return the n-grams."""
        return Packed({"char_terms": pack_strings(self.vocabulary)})

    def learn(self, sample: Sample, guests: Sequence[Block]) -> None:
        """Learn the n-grams of training sentences."""
        self.vocabulary = _learn_terms(sample.chunks, sample.sentences, self.ngrams, self.min_df)
        self.n_features = len(self.vocabulary)
        self._inner = None

    @property
    def inner(self) -> Stream:  # type: ignore[override]
        """The n-grams as runs of characters; made when first used, which spares it to a loader."""
        if self._inner is None:
            self._inner = _char_stream(self.vocabulary, self.first)
        return self._inner

    def walk(self, chunks: Chunks) -> list[tuple[Ints, Ints]]:
        """Return the n-grams that stand in chunks, shorter ones first."""
        stream = self.inner
        characters = _places(chunks.characters(), _codes(stream.tokens))
        layout = Layout(chunks.lengths + 2)
        walked = [(nodes, layout.counts(at)) for nodes, at in stream.walk(characters, layout)]
        if self.ngrams[0] == 1:
            known = characters >= 0
            walked.append((characters[known], segment_sum(known.astype(int), chunks.lengths + 2)))
        return walked

    def names(self) -> list[str]:
        """Return the n-grams."""
        return list(self.vocabulary)

    def vectorizer_options(self) -> dict[str, Any]:
        """Count character n-grams as scikit-learn does."""
        return {"analyzer": "char_wb", "ngram_range": tuple(self.ngrams), "preprocessor": normalize}


def _learn_terms(
    chunks: Chunks, sentences: Ragged, ngrams: tuple[int, int], min_df: int
) -> list[str]:
    """Return the character n-grams that stand in at least `min_df` sentences, sorted.

    Parameters
    ----------
    chunks : distinct chunks.
    sentences : the distinct chunks of each sentence.
    ngrams : lowest and highest number of characters.
    """
    characters = chunks.characters()
    alphabet, tokens = np.unique(characters, return_inverse=True)
    owner = np.repeat(np.arange(len(chunks.lengths)), chunks.lengths + 2)
    text = characters.tobytes().decode("utf-32-le")
    runs = TokenRuns(len(alphabet))
    nodes = tokens
    at = np.arange(len(tokens))
    terms: list[str] = []
    low, high = ngrams
    for length in range(1, high + 1):
        keys = nodes
        if length > 1:
            keys, at = runs.lengthen(nodes, at, tokens, owner, length)
        distinct, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        counted = (length >= low) | (chunks.lengths[owner[at]] + 2 == length)
        n_grams = np.bincount(owner[at[counted]], minlength=len(chunks.lengths))
        df = sentences.document_frequencies(len(distinct), Ragged(numbers[counted], n_grams))
        places = at[first[df >= min_df]]
        terms += [text[i : i + length] for i in places.tolist()]
        nodes = numbers if length == 1 else numbers + runs.n_nodes
        if length > 1:
            runs.add_level(distinct)
    return sorted(terms)


def _char_stream(terms: Sequence[str], first_column: int) -> Stream:
    """Return character n-grams as runs of characters; each run that is a term has its column."""
    lengths = np.fromiter(map(len, terms), np.int64, len(terms))
    starts = np.cumsum(lengths) - lengths
    codes = _codes(terms)
    stands = np.zeros(codes.max(initial=0) + 1, bool)
    stands[codes] = True
    alphabet, flat = np.flatnonzero(stands), (np.cumsum(stands) - 1)[codes]
    runs = TokenRuns(len(alphabet))
    nodes = flat[starts]
    for length in range(2, max(lengths, default=1) + 1):
        longer = np.flatnonzero(lengths >= length)
        keys = nodes[longer] * runs.n_tokens + flat[starts[longer] + length - 1]
        level, places = _distinct(keys)
        nodes[longer] = runs.n_nodes + places
        runs.add_level(level)
    stream = Stream([chr(code) for code in alphabet.tolist()], runs, Ragged.of([]))
    return stream.with_columns(nodes, first_column + np.arange(len(terms)))


def _distinct(keys: Ints) -> tuple[Ints, Ints]:
    """Return the distinct values, sorted, and where each key stands among them."""
    if (keys[1:] < keys[:-1]).any():  # of terms that no training sorted
        return np.unique(keys, return_inverse=True)
    is_new = np.diff(keys, prepend=-1) != 0
    return keys[is_new], np.cumsum(is_new) - 1


def _codes(strings: Iterable[str]) -> npt.NDArray[np.uint32]:
    """Return the code points of strings, one after the other."""
    return np.frombuffer("".join(strings).encode("utf-32-le"), np.uint32)


def _places(values: npt.NDArray[np.uint32], known: npt.NDArray[np.uint32]) -> Ints:
    """Return where each value stands in a sorted array, -1 where it does not."""
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    return np.where(known[places] == values, places, -1) if len(known) else places - 1
