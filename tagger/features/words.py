"""Word n-grams."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Self

import numpy as np

from tagger.features.block import Block, Packed
from tagger.features.chunks import Chunks, Sample
from tagger.features.runs import LearnedRuns, Stream, TokenRuns, learn_runs
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

    def __init__(self, settings: FeatureSettings, ngrams: Sequence[int], min_df: int) -> None:
        self.settings = settings
        self.ngrams = ngrams
        self.min_df = min_df
        self.stream = Stream.empty(self.bounded)

    def _learn(self, sample: Sample, written: list[str], guests: Sequence[Block]) -> None:
        phrases = sorted({phrase for guest in guests for phrase in guest.phrases()})
        df = sample.document_frequencies(written)
        frequent = sorted(token for token, n in df.items() if n >= self.min_df)
        wanted = {*frequent, *chain.from_iterable(phrases)}
        wanted.update(*(guest.tokens() for guest in guests))
        known = wanted.difference(self.leading())
        tokens = [*self.leading(), *sorted(known)]
        self._learned: LearnedRuns | None = learn_runs(
            Stream(tokens, TokenRuns(len(tokens)), self.stream.node_columns, self.bounded),
            frequent,
            written,
            sample.tokens,
            self.ngrams,
            self.min_df,
            phrases,
        )
        self.n_features = len(self._learned.ngrams)

    def leading(self) -> list[str]:
        """Return the tokens that come first in the stream."""
        return []

    def lay(self, guests: Sequence[Block]) -> None:
        """Put its own features and those of its guests on its stream."""
        learned = self._learned
        if learned is None:
            return
        own = zip(learned.ngrams.tolist(), range(self.first, self.columns.stop), strict=True)
        pairs = [*own]
        for guest in guests:
            pairs += [(node, guest.first + k) for node, k in guest.nodes(learned)]
        self.stream = learned.stream.with_columns(*np.array(pairs, np.int64).reshape(-1, 2).T)
        self._learned = None

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
