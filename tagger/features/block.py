"""A block: one kind of features, which learns, reads, names, packs and unpacks itself.

A new kind of features is a new file with a class of this shape, and a row of
`tagger.features.featurizer.BLOCKS`. It says where its features stand, in any of four
ways, which the featurizer, the scorer, explanations, the saved model and the export
go through in turn:

- on a `stream` of its own: tokens and runs of tokens, written as `written` writes them;
- on the stream of another block, its `host`;
- on single tokens, by their spelling: `classes_of`;
- inside chunks, on runs of characters: `inner` and `walk`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy.typing as npt

from tagger.features.arrays import Ints
from tagger.features.chunks import Chunks, Sample
from tagger.features.runs import Stream
from tagger.features.settings import FeatureSettings


@dataclass(frozen=True)
class Packed:
    """What blocks keep in a saved model.

    Parameters
    ----------
    arrays : by name.
    files : readable files, by name.
    n_terms : by block, its number of features, where its arrays do not tell.
    """

    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    n_terms: Mapping[str, int] = field(default_factory=dict)


class Block:
    """One kind of features; this is the kind that has none.

    Attributes
    ----------
    name : what settings, weights and reports call it.
    first : its first column.
    n_features : number of its columns.
    """

    name: str
    first: int = 0
    n_features: int = 0
    stream: Stream | None = None
    host: str = ""
    inner: Stream | None = None
    classes_of: Callable[[str], list[int]] | None = None
    """Features of a single token, given as `tagger.text.tokens.surface_tokens` gives it."""
    embedding: npt.NDArray[Any] | None = None
    """What a classifier sees instead of the features, shape (n_features, n_dimensions)."""

    @classmethod
    def of(cls, settings: FeatureSettings) -> list[Self]:
        """Return the blocks of this kind that settings ask for, to be learned."""
        raise NotImplementedError

    @classmethod
    def unpack(cls, settings: FeatureSettings, packed: Packed) -> list[Self]:
        """Return the blocks of this kind that a saved model has."""
        raise NotImplementedError

    def pack(self) -> Packed:
        """Return what `unpack` reads."""
        return Packed()

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.first, self.first + self.n_features)

    def learn(self, sample: Sample, guests: Sequence["Block"]) -> None:
        """Learn its vocabulary.

        Parameters
        ----------
        sample : training sentences.
        guests : blocks whose features stand on its stream.
        """

    def terms(self) -> list[tuple[tuple[str, ...], int]]:
        """Return the runs of tokens that the host must know, each with a feature, from 0."""
        return []

    def lay(self, guests: Sequence["Block"]) -> None:
        """Put its own features and those of its guests on its stream, once they have columns."""

    def written(self, chunks: Chunks) -> list[str]:
        """Return how its stream writes each distinct token."""
        raise NotImplementedError

    def walk(self, chunks: Chunks) -> list[tuple[Ints, Ints]]:
        """Return nodes of `inner` that stand in chunks, and how many stand in each."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """Return the names of its features, in the order of their columns."""
        return []

    def vectorizer_options(self) -> dict[str, Any]:
        """Return options with which scikit-learn's TfidfVectorizer counts the same features."""
        return {"analyzer": self.analyze}

    def analyze(self, text: str) -> list[str]:
        """Return the names of the features of a text, with repeats."""
        raise NotImplementedError
