"""Texts and columns as users have them -> sequences, and these in batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tagger.arrow import Absent, Column, Texts, lengths_of
from tagger.errors import DataError
from tagger.features.arrays import Ints
from tagger.schema import OTHER, SENTENCE

BATCH_BYTES = 1 << 20
_NANOSECONDS = np.dtype("M8[ns]"), np.dtype("m8[ns]")
_PLAIN = {str, int, bool, dict, list, type(None), Absent}  # what is passed on as it is


def text_list(texts: Any, what: str) -> Sequence[str]:
    """Return texts as a sequence of strings.

    Parameters
    ----------
    texts : a list, tuple or array of strings, or a Series of them.
    what : what to call one of them in errors.

    Raises
    ------
    DataError : something else, or an entry that is no string; it is named by its place.
    """
    if isinstance(texts, Texts):
        return texts
    if hasattr(texts, "columns"):
        columns = getattr(texts, "column_names", texts.columns)  # those of Arrow are the columns
        raise DataError(
            f"found a {type(texts).__name__}, expected a list of {what}s: take one of its "
            f"columns: {', '.join(map(str, columns))}"
        )
    try:
        texts = _values(texts)
    except UnicodeDecodeError as error:
        raise DataError(f"the {what}s hold bytes that are no UTF-8: {error}") from None
    if isinstance(texts, (str, bytes)):
        raise DataError(f"found one string, expected a list of {what}s: put it in a list")
    if not isinstance(texts, Sequence):
        raise DataError(f"found {_named(texts)}, expected a list of {what}s")
    # One by one only where some are not plain strings: looking at the kinds is five times faster.
    for i, text in enumerate(texts) if set(map(type, texts)) - {str} else ():
        if not isinstance(text, str):
            raise DataError(f"{what} {i} is {_named(text)}, expected a string")
    return texts if isinstance(texts, (list, tuple)) else list(texts)


def _values(column: Any) -> Any:
    """Return the values of a column of pyarrow, pandas, polars or NumPy, else what it is."""
    for name in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, name):
            if name == "tolist" and getattr(column, "dtype", None) in _NANOSECONDS:
                column = column.astype(f"{column.dtype.kind}8[us]")  # else numbers
            return getattr(column, name)()
    return column


def plain_column(column: Any) -> Column:
    """Return a column as a list, with None for what is missing, or as an Arrow array."""
    if hasattr(column, "to_pylist"):
        return column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if isinstance(column, list) and set(map(type, column)) <= _PLAIN:
        return column
    plain = (v.item() if isinstance(v, np.generic) else v for v in _values(column))
    return [None if is_missing(value) else value for value in plain]


def document_names(docs: Any) -> Sequence[str]:
    """Return what documents are called as strings."""
    if isinstance(docs, Texts) or (isinstance(docs, list) and set(map(type, docs)) <= {str}):
        return docs
    if isinstance(docs, (str, bytes, Mapping)):
        raise DataError(f"docs is {_named(docs)}, expected a list of names, one for each text")
    names = [document_name(name, "") for name in _values(docs)]
    if "" in names:
        place = f"docs {names.index('')} is {_named(None)}"
        raise DataError(f"{place}: fill it in, or leave docs out")
    return names


def document_name(named: Any, otherwise: str) -> str:
    """Return what a column calls a document, or else another name where it holds none."""
    if type(named) is str:
        return named or otherwise
    if named is None or is_missing(named):
        return otherwise
    # A column of whole numbers with gaps is one of floats in pandas.
    return str(int(named)) if isinstance(named, float) and named.is_integer() else str(named)


def check_lengths(n: int, columns: Mapping[str, Sequence[Any] | Column | None]) -> None:
    """Refuse columns that do not have an entry for each of `n` texts; None is no column."""
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise DataError(f"{name} has {len(column)} entries, expected {n}")


def is_missing(value: Any) -> bool:
    """Return whether a value stands for none: NaN, or what pandas has for it."""
    nan = isinstance(value, (float, np.floating)) and value != value
    return nan or type(value).__name__ in ("NAType", "NaTType")


def kinds_of(sentences: Sequence[str]) -> list[str]:
    """Return the kinds of texts that are said to be sentences; one without a word is none."""
    if isinstance(sentences, Texts):  # all of which have a letter or a digit
        return [SENTENCE] * len(sentences)
    return [SENTENCE if any(map(str.isalnum, text)) else OTHER for text in sentences]


def _named(value: Any) -> str:
    if value is None or is_missing(value):
        return "missing (None)" if value is None else "missing (NaN)"
    return f"a {type(value).__name__}"


def batches(sentences: Sequence[str], n_bytes: int = BATCH_BYTES) -> Iterator[Sequence[str]]:
    """Cut sentences into sequences of about `n_bytes` characters, at least one sentence each."""
    texts = text_list(sentences, "sentence")
    for start, stop in steps(lengths_of(texts), n_bytes):
        yield texts[start:stop]


def steps(sizes: Ints, most: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of runs of items whose sizes add up to `most` or, by the last, more.

    Parameters
    ----------
    sizes : of the items in their order, none negative, shape (n,).
    most : in the same unit.
    """
    ends, start, before = np.cumsum(sizes), 0, 0
    while start < len(ends):
        stop = min(int(np.searchsorted(ends[start:], before + most)) + start + 1, len(ends))
        yield start, stop
        start, before = stop, int(ends[stop - 1])
