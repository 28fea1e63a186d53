"""N-grams of masked tokens: the frame of a sentence without its topic (Stamatatos 2017)."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

from tagger.features.block import Block, Packed
from tagger.features.chunks import Chunks, Sample
from tagger.features.runs import BOUNDS, Stream, pack_strings, unpack_strings
from tagger.features.settings import FeatureSettings
from tagger.features.words import TokenNgrams
from tagger.text.language import Language
from tagger.text.tokens import mask, surface_tokens


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
        self._learned, self.n_features = None, 0
        self.stream = Stream.empty(self.bounded)
        if self.ngrams:
            self._learn(sample, self.written(sample.chunks), guests)

    def leading(self) -> list[str]:
        """Return the bounds of a sentence."""
        return BOUNDS

    def written(self, chunks: Chunks) -> list[str]:
        """Return the shape of each token, a frequent word as itself."""
        language = self.settings.spoken
        return [
            lowered if lowered in self.kept else mask(surface, language)
            for surface, lowered in zip(chunks.surfaces, chunks.lowered, strict=True)
        ]

    def vectorizer_options(self) -> dict[str, Any]:
        """Count what `MaskedAnalyzer` finds."""
        return {"analyzer": MaskedAnalyzer(self.kept, self.ngrams, self.settings.spoken)}


class MaskedAnalyzer:
    """Text -> n-grams of masked tokens, for scikit-learn.

    Parameters
    ----------
    kept : the words that are not masked.
    ngrams : lowest and highest number of tokens.
    language : the language of the text.
    """

    def __init__(self, kept: Iterable[str], ngrams: Sequence[int], language: Language) -> None:
        self.kept = frozenset(kept)
        self.ngrams = tuple(ngrams)
        self.language = language

    def __call__(self, text: str) -> list[str]:
        """Return the n-grams of a text."""
        tokens = []
        for chunk in text.split():
            for surface in surface_tokens(chunk, self.language):
                lowered = surface.lower()
                tokens.append(lowered if lowered in self.kept else mask(surface, self.language))
        low, high = self.ngrams
        bounded = [BOUNDS[0], *tokens, BOUNDS[1]]
        unigrams = tokens if low == 1 else []
        return unigrams + [
            " ".join(bounded[i : i + n])
            for n in range(max(2, low), high + 1)
            for i in range(len(bounded) - n + 1)
        ]
