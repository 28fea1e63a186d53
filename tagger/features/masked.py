"""N-grams of masked tokens: the frame of a sentence without its topic (Stamatatos 2017)."""

from collections.abc import Sequence
from typing import Self

from tagger.features.block import Block, Packed
from tagger.features.chunks import Chunks, Sample
from tagger.features.runs import BOUNDS, pack_strings, unpack_strings
from tagger.features.settings import FeatureSettings
from tagger.features.words import TokenNgrams
from tagger.text.tokens import mask


class MaskedNgrams(TokenNgrams):
    """N-grams of tokens of which all but the most frequent are masked.

    Attributes
    ----------
    kept : the words that are not masked.
    """

    name = "masked"
    array = "masked"
    bounded = True
    kept: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: FeatureSettings) -> list[Self]:
        """Return the block; without n-grams in the settings it has no feature."""
        return [cls(settings, settings.masked_ngrams, settings.masked_min_df)]

    @classmethod
    def unpack(cls, settings: FeatureSettings, packed: Packed) -> list[Self]:
        """Return the block of a saved model."""
        (block,) = super().unpack(settings, packed)
        block.kept = frozenset(unpack_strings(packed.arrays["kept"]))
        return [block]

    def pack(self) -> Packed:
        """Return the arrays of the stream and the words that are kept."""
        packed = super().pack()
        return Packed(
            {**packed.arrays, "kept": pack_strings(sorted(self.kept))}, n_terms=packed.n_terms
        )

    def learn(self, sample: Sample, guests: Sequence[Block]) -> None:
        """Learn which words are kept, then the n-grams."""
        df = sample.document_frequencies(sample.chunks.lowered)
        most_frequent = sorted(df, key=lambda token: (-df[token], token))
        self.kept = frozenset(most_frequent[: self.settings.masked_keep])
        self.forget()
        if self.ngrams:
            self._learn(sample, self.written(sample.chunks), guests)

    def written(self, chunks: Chunks) -> list[str]:
        """Return the shape of each token, a frequent word as itself."""
        language = self.settings.spoken
        return [
            lowered if lowered in self.kept else mask(surface, language)
            for surface, lowered in zip(chunks.surfaces, chunks.lowered, strict=True)
        ]

    def analyze(self, text: str) -> list[str]:
        """Return the n-grams of a text, with repeats."""
        chunks = (Chunks.of([chunk], self.settings.spoken) for chunk in text.split())
        tokens = [self.written(c)[i] for c in chunks for i in c.tokens.flat.tolist()]
        low, high = self.ngrams
        bounded = [BOUNDS[0], *tokens, BOUNDS[1]]
        unigrams = tokens if low == 1 else []
        return unigrams + [
            " ".join(bounded[i : i + n])
            for n in range(max(2, low), high + 1)
            for i in range(len(bounded) - n + 1)
        ]
