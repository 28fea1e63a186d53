"""Words that have a vector: their features are seen through it in training."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tagger.features.block import Block, Packed
from tagger.features.runs import pack_strings, unpack_strings
from tagger.features.settings import FeatureSettings
from tagger.features.words import WordNgrams
from tagger.text.language import Language
from tagger.text.tokens import normalize
from tagger.text.vectors import builtin_vectors


class VectorWords(Block):
    """The words that have a vector, on the stream of words.

    The classifier learns from the sum of a sentence's word vectors, not from its words:
    so a word that no training sentence holds is judged by those like it. What it learns
    is folded into a weight for each word, so a saved model needs no vector.

    Parameters
    ----------
    words : in the order of their columns.
    language : their language.
    embedding : the vectors, shape (n_words, n_dimensions); None once they are folded in.
    """

    name = "vectors"
    host = WordNgrams.name

    def __init__(
        self,
        words: Sequence[str],
        language: Language,
        embedding: npt.NDArray[np.float32] | None = None,
    ) -> None:
        self.words = tuple(words)
        self.language = language
        self.embedding = embedding
        self.n_features = len(self.words)

    @classmethod
    def of(cls, settings: FeatureSettings) -> list[Self]:
        """Return the block; without vectors in the settings it has no feature."""
        if not settings.vectors:
            return [cls((), settings.spoken)]
        vectors = builtin_vectors(settings.vectors)
        return [cls(vectors.words, settings.spoken, vectors.matrix)]

    @classmethod
    def unpack(cls, settings: FeatureSettings, packed: Packed) -> list[Self]:
        """Return the block of a saved model."""
        return [cls(unpack_strings(packed.arrays["vector_words"]), settings.spoken)]

    def pack(self) -> Packed:
        """Return the words."""
        return Packed({"vector_words": pack_strings(self.words)})

    def terms(self) -> list[tuple[tuple[str, ...], int]]:
        """Return the words."""
        return [((word,), i) for i, word in enumerate(self.words)]

    def names(self) -> list[str]:
        """Return the words."""
        return list(self.words)

    def vectorizer_options(self) -> dict[str, Any]:
        """Count single words."""
        return {"token_pattern": self.language.token_pattern, "preprocessor": normalize}
