"""Arrays to count features with: ragged rows, products, numbered strings, a hash table."""

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


def segment_sum(values: npt.NDArray[Any], counts: Ints) -> npt.NDArray[Any]:
    """Sum consecutive rows of `values`, ``counts[i]`` of them for row i of the result."""
    sums = np.zeros((len(counts), *values.shape[1:]), values.dtype)
    filled = counts > 0
    if len(values):
        # reduceat takes no empty segment.
        starts = (np.cumsum(counts) - counts)[filled]
        sums[filled] = np.add.reduceat(values, starts, axis=0)
    return sums


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


def gather(flat: Ints, starts: Ints, counts: Ints) -> Ints:
    """Concatenate the slices of `flat` that begin at `starts` and are `counts` long."""
    ends = np.cumsum(counts)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return flat.take(np.repeat(starts, counts) + within, axis=0)


class Interned(dict[str, int]):
    """Numbers strings in the order in which they are first looked up."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number

    def numbers(self, strings: Sequence[str]) -> Ints:
        """Return the number of each string."""
        return np.fromiter(map(self.__getitem__, strings), np.int64, len(strings))


class HashTable:
    """Finds the places of many integers in an array at once.

    Open addressing with linear probing, all keys of a call probed together;
    hashed by multiplication (Knuth 1998, volume 3, section 6.4).

    Parameters
    ----------
    keys : distinct integers, none below 0.
    """

    _FACTOR = np.uint64(0x9E3779B97F4A7C15)

    def __init__(self, keys: Ints) -> None:
        bits = max(4, int(2 * len(keys)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        self._keys = np.full(1 << bits, -1, np.int64)
        self._places = np.full(1 << bits, -1, np.int64)
        left = np.arange(len(keys))
        slots = self._slots(keys)
        while len(left):
            free = self._keys[slots] < 0
            # Of several keys for one slot the last one written gets it.
            self._places[slots[free]] = left[free]
            placed = free & (self._places[slots] == left)
            self._keys[slots[placed]] = keys[left[placed]]
            left, slots = left[~placed], (slots[~placed] + 1) & self._mask

    def _slots(self, keys: Ints) -> Ints:
        return ((keys.view(np.uint64) * self._FACTOR) >> self._shift).astype(np.int64)

    def find(self, keys: Ints) -> Ints:
        """Return the place of each key, -1 where there is none."""
        slots = self._slots(keys)
        found = self._keys[slots]
        places = np.where(found == keys, self._places[slots], -1)
        open_ = np.flatnonzero((found != keys) & (found >= 0))
        while len(open_):
            slots[open_] = (slots[open_] + 1) & self._mask
            found = self._keys[slots[open_]]
            hit = found == keys[open_]
            places[open_[hit]] = self._places[slots[open_[hit]]]
            open_ = open_[~hit & (found >= 0)]
        return places


def put_rows(array: npt.NDArray[Any], at: int, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Write `rows` at a place, in an array of twice the size where they do not fit."""
    end = at + len(rows)
    if end > len(array):
        grown = np.empty((max(end, 2 * len(array)), *array.shape[1:]), array.dtype)
        grown[:at] = array[:at]
        array = grown
    array[at:end] = rows
    return array
