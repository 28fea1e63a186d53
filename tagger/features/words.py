"""Word n-grams."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Self

import numpy as np

from tagger.features.arrays import Ints, Ragged
from tagger.features.block import Block, Packed
from tagger.features.chunks import Chunks, Sample
from tagger.features.runs import BOUNDS, Stream, TokenRuns, learn_runs
from tagger.features.settings import FeatureSettings
from tagger.text.tokens import normalize


class TokenNgrams(Block):
    """N-grams of tokens on a stream of its own, on which other blocks may stand too.

    Parameters
    ----------
    settings : how sentences become features.
    ngrams : lowest and highest number of tokens.
    min_df : in how many training sentences an n-gram must occur.
    """

    bounded = False
    array = ""  # how the arrays of its stream are called in a saved model
    stream: Stream
    _ngrams: Ints
    _runs: dict[tuple[str, ...], int]

    def __init__(self, settings: FeatureSettings, ngrams: Sequence[int], min_df: int) -> None:
        self.settings = settings
        self.ngrams = ngrams
        self.min_df = min_df
        self.forget()

    def forget(self) -> None:
        """Know no n-gram."""
        self.stream, self.n_features = Stream.empty(self.bounded), 0
        self._ngrams, self._runs = np.empty(0, np.int64), {}

    def _learn(self, sample: Sample, written: list[str], guests: Sequence[Block]) -> None:
        wanted = {run for guest in guests for run, _ in guest.terms()}
        df = sample.document_frequencies(written)
        frequent = sorted(token for token, n in df.items() if n >= self.min_df)
        known = {*frequent, *chain.from_iterable(wanted)}.difference(BOUNDS)
        tokens = [*(BOUNDS if self.bounded else ()), *sorted(known)]
        stream = Stream(tokens, TokenRuns(len(tokens)), Ragged.of([]), self.bounded)
        self._ngrams, self._runs = learn_runs(
            stream,
            frequent,
            written,
            sample.tokens,
            self.ngrams,
            self.min_df,
            sorted(run for run in wanted if len(run) > 1),
        )
        self.stream, self.n_features = stream, len(self._ngrams)

    def lay(self, guests: Sequence[Block]) -> None:
        """Put its own features and those of its guests on its stream."""
        index = self.stream.index
        pairs = [(node, self.first + k) for k, node in enumerate(self._ngrams.tolist())]
        for guest in guests:
            pairs += [
                (index[run[0]] if len(run) == 1 else self._runs[run], guest.first + k)
                for run, k in guest.terms()
            ]
        self.stream = self.stream.with_columns(*np.array(pairs, np.int64).reshape(-1, 2).T)

    def names(self) -> list[str]:
        """Return the n-grams, their tokens joined by spaces."""
        return self.stream.names(self.columns)

    def pack(self) -> Packed:
        """Return the arrays of the stream."""
        return Packed(self.stream.pack(self.array), n_terms={self.name: self.n_features})

    @classmethod
    def unpack(cls, settings: FeatureSettings, packed: Packed) -> list[Self]:
        """Return the block of a saved model."""
        (block,) = cls.of(settings)
        block.stream = Stream.unpack(cls.array, packed.arrays, cls.bounded)
        block.n_features = int(packed.n_terms[cls.name])
        return [block]


class WordNgrams(TokenNgrams):
    """N-grams of words and punctuation in lower case."""

    name = "word"
    array = "words"

    @classmethod
    def of(cls, settings: FeatureSettings) -> list[Self]:
        """Return the block."""
        return [cls(settings, settings.word_ngrams, settings.word_min_df)]

    def learn(self, sample: Sample, guests: Sequence[Block]) -> None:
        """Learn the n-grams of training sentences."""
        self._learn(sample, sample.chunks.lowered, guests)

    def written(self, chunks: Chunks) -> list[str]:
        """Return the tokens in lower case."""
        return chunks.lowered

    def vectorizer_options(self) -> dict[str, Any]:
        """Count words as scikit-learn does, with our tokens."""
        return {
            "token_pattern": self.settings.spoken.token_pattern,
            "ngram_range": tuple(self.ngrams),
            "preprocessor": normalize,
        }
