"""Sentences -> chunks: all of them cut on white space at once, as the bytes of their UTF-8."""

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagger.arrow import Texts
from tagger.errors import DataError
from tagger.features.arrays import Ints, Words, gather

# Python's white space, which is what `str.split` cuts on.
_NARROW_SPACES = [*range(9, 14), *range(28, 33)]
_WIDE_SPACES = [0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_IS_SPACE = np.zeros(0x10000, bool)
_IS_SPACE[_NARROW_SPACES + _WIDE_SPACES] = True

# A key is the first 16 bytes of a chunk, filled up with bytes that UTF-8 never holds.
_KEY = 16
_FILLED = np.where(np.arange(_KEY) < np.arange(_KEY + 1)[:, None], 0, 0xFF).astype(np.uint8)
_FILL_FIRST, _FILL_SECOND = np.ascontiguousarray(_FILLED.view(np.uint64).T)
_LONG = np.uint64(0xFFFFFFFFFFFFFFFF)
_TAIL = b" " * (_KEY + 2)


class LongChunks:
    """Numbers chunks that are longer than a key; many threads may share it."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._next = count()

    def number(self, chunk: bytes) -> int:
        """Return the number of a chunk, always the same one."""
        number = self._numbers.get(chunk)
        # Two threads may both draw a number; only one of the two is kept.
        return self._numbers.setdefault(chunk, next(self._next)) if number is None else number


class Spans(NamedTuple):
    """Where the chunks of sentences are.

    Parameters
    ----------
    data : the sentences in UTF-8, each followed by a space, and so is every chunk.
    first : the byte with which each chunk begins.
    lengths : how many bytes it has.
    counts : how many chunks each sentence has.
    """

    data: npt.NDArray[np.uint8]
    first: Ints
    lengths: Ints
    counts: Ints

    def keys(self, long: LongChunks) -> Words:
        """Return two numbers for each chunk, the same for the same chunk only.

        Parameters
        ----------
        long : numbers the chunks that do not fit into them.
        """
        windows = np.ndarray(len(self.data) - _KEY + 1, f"V{_KEY}", self.data.data, strides=(1,))
        words = windows[self.first].view(np.uint64).reshape(-1, 2)
        one = words[:, 0] | _FILL_FIRST.take(self.lengths, mode="clip")
        two = words[:, 1] | _FILL_SECOND.take(self.lengths, mode="clip")
        longer = np.flatnonzero(self.lengths > _KEY)
        if len(longer):
            first, ends = self.first[longer], (self.first + self.lengths)[longer]
            data = self.data.tobytes()
            pairs = zip(first.tolist(), ends.tolist(), strict=True)
            one[longer] = _LONG
            two[longer] = [long.number(data[start:end]) for start, end in pairs]
        return one, two

    def strings(self, which: Ints) -> list[str]:
        """Return some chunks as strings."""
        if not len(which):
            return []
        data = gather(self.data, self.first[which], self.lengths[which] + 1)
        return data.tobytes().decode("utf-8", "surrogatepass")[:-1].split(" ")


def split_chunks(texts: Sequence[str]) -> Spans:
    """Split sentences on white space as `str.split` does.

    Parameters
    ----------
    texts : sentences.
    """
    if isinstance(texts, str):
        raise DataError("found one string, expected a list of sentences: put it in a list")
    joined, lengths = texts.utf8() if isinstance(texts, Texts) else _utf8(texts)
    data = np.frombuffer(bytearray().join([joined, _TAIL]), np.uint8)
    n_bytes = int(lengths.sum()) + len(lengths)
    _narrow(data)
    at = np.flatnonzero(data[:n_bytes] <= 32)
    spaces = data.take(at)
    if (spaces != 32).any():
        at = at[_IS_SPACE.take(spaces)]
        data[at] = 32
    first = np.concatenate([[0], at[:-1] + 1]) if len(at) else at
    n_bytes_of = at - first
    ends = np.searchsorted(at, np.cumsum(lengths + 1) - 1) + 1
    if len(n_bytes_of) and n_bytes_of.min() == 0:  # two spaces, or a sentence without a chunk
        filled = n_bytes_of > 0
        first, n_bytes_of = first[filled], n_bytes_of[filled]
        ends = np.concatenate([[0], np.cumsum(filled)])[ends]
    return Spans(data, first, n_bytes_of, np.diff(ends, prepend=0))


def _utf8(texts: Sequence[str]) -> tuple[bytes, Ints]:
    """Do what `Texts.utf8` does; a lone surrogate gets the bytes that UTF-8 would give it."""
    try:
        encoded = [*map(str.encode, texts)]
    except UnicodeEncodeError:
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return b" ".join([*encoded, b""]), lengths


def _narrow(data: npt.NDArray[Any]) -> None:
    """Write spaces for white space of two or three bytes."""
    # Such a space begins with C2 or with E1 to E3.
    lead = np.flatnonzero((data - np.uint8(0xE1) <= 2) | (data == 0xC2))
    if not len(lead):
        return
    one, two, three = (data.take(lead + i).astype(np.int64) for i in range(3))
    is_two = one == 0xC2
    code = np.where(is_two, two, (one & 15) << 12 | (two & 63) << 6 | three & 63)
    lead, is_two = (x[_IS_SPACE.take(code)] for x in (lead, is_two))
    for i in range(2):
        data[lead + i] = 32
    data[lead[~is_two] + 2] = 32
