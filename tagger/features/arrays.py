"""Arrays to count features with: ragged rows, products, numbered strings, a hash table."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = tuple[npt.NDArray[np.uint64], ...]
"""Keys of several words, one array a word."""
_Slots = npt.NDArray[np.int32]


def keep_freed_memory() -> None:
    """Let glibc keep up to 48 MB that are freed, for each thread, instead of giving them back.

    It gives back what is free beyond twice the largest block that was mapped on its own and
    freed, of those below 32 MB (mallopt(3), M_MMAP_THRESHOLD); so one such block is freed.
    Threads that work batch by batch spend a third of their time on fetching pages again else.
    """
    np.empty(24 << 20, np.uint8)


def segment_sum(values: npt.NDArray[Any], counts: Ints) -> npt.NDArray[Any]:
    """Sum consecutive `values`, ``counts[i]`` of them for number i of the result."""
    sums = np.zeros(len(counts), values.dtype)
    filled = np.flatnonzero(counts)  # reduceat takes no empty segment
    if len(values):
        sums[filled] = np.add.reduceat(values, (np.cumsum(counts) - counts)[filled])
    return sums


def sum_rows(table: Floats, rows: Ints, counts: Ints) -> Floats:
    """Sum rows of a table, ``counts[i]`` of them for row i of the result.

    Each sum is made one row after the other, as ``Ragged(rows, counts).matrix(len(table)) @ table``
    does: the same to the last bit. That needs SciPy, and is faster from some 1,000 rows on.
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    columns = table.take(rows, axis=0).T
    sums = np.stack([np.bincount(owner, own, len(counts)) for own in columns], axis=1)
    return sums.astype(np.float64, copy=False)  # of nothing they are integers


@dataclass(frozen=True)
class Ragged:
    """Rows of integers of unequal length.

    Parameters
    ----------
    flat : all rows, one after the other.
    counts : the length of each row.
    """

    flat: Ints
    counts: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Build from sequences."""
        counts = np.fromiter(map(len, rows), np.int64, len(rows))
        return cls(np.fromiter(chain.from_iterable(rows), np.int64, int(counts.sum())), counts)

    @cached_property
    def starts(self) -> Ints:
        """Where each row begins in `flat`."""
        return np.cumsum(self.counts) - self.counts

    def __getitem__(self, row: int) -> list[int]:
        start = int(self.starts[row])
        return self.flat[start : start + int(self.counts[row])].tolist()

    def take(self, rows: Ints) -> Ints:
        """Return the given rows, one after the other."""
        return gather(self.flat, self.starts[rows], self.counts[rows])

    def through(self, rows: "Ragged") -> "Ragged":
        """Return these rows with each number replaced by the row of that number in `rows`."""
        return Ragged(rows.take(self.flat), segment_sum(rows.counts[self.flat], self.counts))

    def matrix(self, n_columns: int) -> "csr_matrix":
        """Return the matrix that counts how often each column stands in each row."""
        from scipy.sparse import csr_matrix

        indptr = np.concatenate([[0], np.cumsum(self.counts)])
        ones = np.ones(len(self.flat))
        return csr_matrix((ones, self.flat, indptr), (len(self.counts), n_columns))

    def document_frequencies(self, n_terms: int, terms: "Ragged | None" = None) -> Ints:
        """Return for each term in how many rows it stands, shape (n_terms,).

        Parameters
        ----------
        n_terms : number of terms.
        terms : the terms of each number; None where the numbers are terms.
        """
        if terms is None:
            matrix = self.matrix(n_terms).copy()  # it may share our numbers
            matrix.sum_duplicates()
            return np.bincount(matrix.indices, minlength=n_terms)
        product = Product(self.matrix(len(terms.counts)), terms.matrix(n_terms))
        df = np.zeros(n_terms, np.int64)
        for matrix in product.blocks():
            df += np.bincount(matrix.indices, minlength=n_terms)
        return df


@dataclass(frozen=True)
class Product:
    """A sparse matrix kept as the product of two, which hold far fewer numbers than it would.

    Parameters
    ----------
    left : shape (n_rows, n_inner).
    right : shape (n_inner, n_columns).
    """

    left: "csr_matrix"
    right: "csr_matrix"

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.left.shape[0], self.right.shape[1]

    @property
    def T(self) -> "Product":  # noqa: N802 - as in NumPy
        """The transposed matrix."""
        return Product(self.right.T, self.left.T)

    def __matmul__(self, other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        product: npt.NDArray[Any] = self.left @ (self.right @ other)
        return product

    def columns(self, columns: Ints | slice) -> "Product":
        """Return some columns, without what only the others need."""
        right = self.right[:, columns]
        needed = np.flatnonzero(np.diff(right.indptr))
        return Product(self.left[:, needed], right[needed])

    def rows(self, rows: Ints) -> "Product":
        """Return some rows."""
        return Product(self.left[rows], self.right)

    def astype(self, dtype: npt.DTypeLike) -> "Product":
        """Return the matrix with numbers of another type."""
        return Product(self.left.astype(dtype), self.right.astype(dtype))

    def multiplied(self) -> "csr_matrix":
        """Return the matrix itself."""
        return self.left @ self.right

    def blocks(self, n_rows: int = 10_000) -> Iterator["csr_matrix"]:
        """Yield the matrix itself some rows at a time, which bounds the memory."""
        for start in range(0, self.shape[0], n_rows):
            yield self.left[start : start + n_rows] @ self.right


def gather(flat: npt.NDArray[Any], starts: Ints, counts: Ints) -> npt.NDArray[Any]:
    """Concatenate the slices of `flat` that begin at `starts` and are `counts` long."""
    before = np.cumsum(counts) - counts
    return flat.take(np.repeat(starts - before, counts) + np.arange(counts.sum()), axis=0)


class Interned(dict[str, int]):
    """Numbers strings in the order in which they are first looked up."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number

    def numbers(self, strings: Sequence[str]) -> Ints:
        """Return the number of each string."""
        return np.fromiter(map(self.__getitem__, strings), np.int64, len(strings))


class HashTable:
    """Numbers keys in the order in which they are added, and finds many of them at once.

    Open addressing with linear probing, all keys of a call probed together; hashed by
    multiplication with random odd factors (Dietzfelbinger et al. 1997), so that nobody
    can write a text whose keys all meet. Others may look up while one adds.

    Parameters
    ----------
    n_words : how many numbers a key is made of; fewer than 2 ** 31 keys fit in.
    """

    def __init__(self, n_words: int = 1) -> None:
        self._words: Words = (np.empty(0, np.uint64),) * n_words
        self._factors = np.frombuffer(os.urandom(8 * n_words), np.uint64) | np.uint64(1)
        self._places = np.full(16, -1, np.int32)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, *keys: npt.NDArray[np.uint64]) -> Ints:
        """Add keys that are not there yet; return for each the number of the first that equals it.

        One that stands twice counts twice, but only the first is found.
        """
        start, end = self._n, self._n + len(keys[0])
        self._words = tuple(put_rows(w, start, k) for w, k in zip(self._words, keys, strict=True))
        # What has a number keeps it, also where an interrupt leaves it without a slot.
        self._n = end
        if 3 * end <= len(self._places):
            return self._claim(self._places, np.arange(start, end))
        places = np.full(1 << (4 * end).bit_length(), -1, np.int32)
        firsts = self._claim(places, np.arange(end))
        self._places = places
        return firsts[start:]

    def _claim(self, places: _Slots, rows: Ints) -> Ints:
        """Give slots to keys; return for each the first that equals it."""
        firsts = np.empty(len(rows), np.int64)
        keys = [word[rows] for word in self._words]
        left, slots = np.arange(len(rows)), self._slots(keys, places)
        while len(left):
            free = places.take(slots) < 0
            # Of several keys for one slot the last one written gets it: here the first of all.
            places[slots[free][::-1]] = rows[left[free]][::-1]
            found = places.take(slots).astype(np.int64)
            same = self._same(found, [key[left] for key in keys])
            firsts[left[same]] = found[same]
            left, slots = left[~same], (slots[~same] + 1) & (len(places) - 1)
        return firsts

    def find(self, *keys: npt.NDArray[np.uint64]) -> Ints:
        """Return the number of each key, -1 where there is none."""
        places = self._places
        slots = self._slots(keys, places)
        found = places.take(slots).astype(np.int64)  # a node times the tokens needs it
        if not self._n:
            return found
        left = np.flatnonzero(~self._same(found, keys))
        while len(left := left[found[left] >= 0]):
            slots[left] = (slots[left] + 1) & (len(places) - 1)
            found[left] = places[slots[left]]
            left = left[~self._same(found[left], [key[left] for key in keys])]
        return found

    def _slots(self, keys: Sequence[npt.NDArray[np.uint64]], places: _Slots) -> Ints:
        hashed = keys[0] * self._factors[0]
        for word, factor in zip(keys[1:], self._factors[1:], strict=True):
            hashed += word * factor
        hashed >>= np.uint64(65 - len(places).bit_length())
        return hashed.view(np.int64)

    def _same(self, rows: Ints, keys: Sequence[npt.NDArray[np.uint64]]) -> npt.NDArray[np.bool_]:
        # An empty slot, -1, is compared with the first key, and stays -1 whatever comes out.
        same: npt.NDArray[np.bool_] = self._words[0].take(rows, mode="clip") == keys[0]
        for word, key in zip(self._words[1:], keys[1:], strict=True):
            same &= word.take(rows, mode="clip") == key
        return same


def put_rows(array: npt.NDArray[Any], at: int, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Write `rows` at a place, in an array of twice the size where they do not fit."""
    end = at + len(rows)
    if end > len(array):
        grown = np.empty((max(end, 2 * len(array)), *array.shape[1:]), array.dtype)
        grown[:at] = array[:at]
        array = grown
    array[at:end] = rows
    return array
