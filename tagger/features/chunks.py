"""Sentences -> distinct chunks: what can be worked out once for each piece between spaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import HashTable, Interned, Ints, Ragged
from tagger.features.spans import LongChunks, split_chunks
from tagger.text.language import Language
from tagger.text.tokens import cut


def distinct_chunks(texts: Sequence[str]) -> tuple[list[str], Ragged]:
    """Return the distinct chunks of sentences, and those of each sentence as numbers."""
    spans = split_chunks(texts)
    firsts = HashTable(2).add(*spans.keys(LongChunks()))
    distinct = np.flatnonzero(firsts == np.arange(len(firsts)))
    numbers = np.empty(len(firsts), np.int64)
    numbers[distinct] = np.arange(len(distinct))
    return spans.strings(distinct), Ragged(numbers[firsts], spans.counts)


class Chunks(NamedTuple):
    """Chunks that have been normalized and cut.

    Parameters
    ----------
    text : the normalized chunks, joined by single spaces.
    lengths : the number of characters of each.
    surfaces : their distinct tokens, which keep their case.
    lowered : the same in lower case.
    tokens : the tokens of each chunk, as numbers of `surfaces`.
    """

    text: str
    lengths: Ints
    surfaces: list[str]
    lowered: list[str]
    tokens: Ragged

    @classmethod
    def of(cls, chunks: Sequence[str], language: Language) -> "Chunks":
        """Normalize and cut chunks."""
        text, cut_tokens, starts = cut(chunks, language)
        surfaces = Interned()
        numbers = surfaces.numbers(cut_tokens)
        lengths = np.fromiter(map(len, text.split(" ")), np.int64, len(chunks))
        # A chunk's tokens are those that begin before the next chunk does.
        counts = np.diff(np.searchsorted(starts, np.cumsum(lengths + 1)), prepend=0)
        lowered = [surface.lower() for surface in surfaces]
        return cls(text, lengths, list(surfaces), lowered, Ragged(numbers, counts))

    def characters(self) -> npt.NDArray[np.uint32]:
        """Return the characters of all chunks, each chunk with a space on either side."""
        padded = f" {self.text.replace(' ', '  ')} " if len(self.lengths) else ""
        return np.frombuffer(padded.encode("utf-32-le"), np.uint32)


@dataclass(frozen=True)
class Sample:
    """Training sentences, cut.

    Parameters
    ----------
    chunks : their distinct chunks.
    sentences : the distinct chunks of each sentence.
    tokens : the tokens of each sentence, as numbers of ``chunks.surfaces``.
    """

    chunks: Chunks
    sentences: Ragged
    tokens: Ragged

    @classmethod
    def of(cls, texts: Sequence[str], language: Language) -> "Sample":
        """Cut sentences."""
        distinct, sentences = distinct_chunks(texts)
        chunks = Chunks.of(distinct, language)
        return cls(chunks, sentences, sentences.through(chunks.tokens))

    def document_frequencies(self, written: Sequence[str]) -> dict[str, int]:
        """Return for each token in how many sentences it stands.

        Parameters
        ----------
        written : how each distinct token is written.
        """
        index = Interned()
        numbers = index.numbers(written)
        rows = Ragged(numbers[self.tokens.flat], self.tokens.counts)
        return dict(zip(index, rows.document_frequencies(len(index)).tolist(), strict=True))
