"""Columns as Arrow arrays, for tables, Parquet files and engines; needs the extra parquet."""

import json
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from tagger.errors import DataError, importing


class Absent(Enum):
    """Stands where a row does not have a column at all, which is not the same as null."""

    ABSENT = 0


ABSENT = Absent.ABSENT

# Of a field whose cells are JSON, since no type holds its values, which are of several.
AS_JSON = {b"tagger": b"json"}
_TEMPORAL = re.compile(r"(date|time|timestamp|duration)\d*\[")  # named in a type that holds one

# A list, or a pyarrow Array that keeps the type it had in its file.
Column = Any


def pyarrow() -> Any:
    """Return the module pyarrow.

    Raises
    ------
    DataError : the extra parquet is not installed.
    """
    with importing("parquet", "Parquet files and Arrow tables need the extra parquet", DataError):
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    return pyarrow


class Texts(Sequence[str]):
    """Texts that stay in an Arrow array: their strings are made when they are asked for.

    Parameters
    ----------
    array : of the type string, valid and without nulls; with a space for each, below 2 GiB.
    """

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def of(cls, column: Any, limit: int) -> "Texts | None":
        """Return the texts of a valid column, where a quick look tells that none lacks a word.

        None also where one has more than `limit` bytes, or the column is of another type.
        """
        pa, look = pyarrow(), pyarrow().compute
        if column.type == pa.large_string() and column.nbytes < 1 << 31:
            # Taken, since a slice that begins beyond 2 GB of its column cannot be cast.
            column = column.take(np.arange(len(column))).cast(pa.string())
        if column.type != pa.string() or column.null_count or not len(column):
            return None
        # One of these at least: what other digits are, Arrow and Python do not agree on.
        filled = look.match_substring_regex(column, r"[0-9\pL]")
        fit = look.max(look.binary_length(column)).as_py() <= limit and look.all(filled).as_py()
        return cls(column) if fit else None

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> "Texts": ...
    def __getitem__(self, i: int | slice) -> Any:
        return Texts(self.array[i]) if isinstance(i, slice) else self.array[i].as_py()

    def __iter__(self) -> Iterator[str]:
        return iter(self.array.to_pylist())

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many characters each text has, shape (n,)."""
        return np.asarray(pyarrow().compute.utf8_length(self.array), np.int64)

    def utf8(self) -> tuple[memoryview, npt.NDArray[np.int64]]:
        """Return the texts in UTF-8, each followed by a space, and how many bytes each has.

        Returns
        -------
        Bytes, shape (n_bytes,), and lengths without the space, shape (n,).
        """
        joined = pyarrow().compute.binary_join_element_wise(self.array, "", " ")
        _, offsets, data = joined.buffers()
        ends = np.frombuffer(offsets, np.int32, len(joined) + 1).astype(np.int64)
        return memoryview(data)[: ends[-1]], np.diff(ends) - 1


def lengths_of(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return how many characters each text has, shape (n,)."""
    if isinstance(texts, Texts):
        return texts.lengths
    return np.fromiter(map(len, texts), np.int64, len(texts))


def takeable(kind: Any) -> Any:
    """Return the type nearest to an Arrow type whose rows Arrow can pick: no views, no run ends."""
    pa = pyarrow()
    types = pa.types
    if types.is_string_view(kind):
        return pa.large_string()
    if types.is_binary_view(kind):
        return pa.large_binary()
    if types.is_run_end_encoded(kind):
        return takeable(kind.value_type)
    if types.is_dictionary(kind):  # whose values may be more in all than in a row group
        return pa.dictionary(pa.int32(), takeable(kind.value_type), kind.ordered)
    if types.is_struct(kind):
        return pa.struct([field.with_type(takeable(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(takeable(kind.key_type), takeable(kind.item_type))
    if types.is_list(kind):
        return pa.list_(takeable(kind.value_type))
    return pa.large_list(takeable(kind.value_type)) if types.is_large_list(kind) else kind


def as_takeable(batch: Any) -> Any:
    """Return a record batch with columns of such types."""
    kinds = [takeable(kind) for kind in batch.schema.types]
    if kinds == batch.schema.types:
        return batch
    return batch.cast(pyarrow().schema(zip(batch.schema.names, kinds, strict=True)))


def sound_rows(batch: Any) -> tuple[Any, npt.NDArray[np.int64], dict[int, str]]:
    """Return the rows of a record batch that are what their types say.

    Returns
    -------
    The rows, their places in the batch, and by place why others are not among them.
    """
    found, places = _fault(batch), np.arange(len(batch))
    if not found:
        return batch, places, {}
    pa = pyarrow()
    # The values of a dictionary are those of all rows.
    columns = [
        c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns
    ]
    batch = pa.RecordBatch.from_arrays(columns, batch.schema.names)
    # Of a slice all of what it is cut from is looked at, of lists and structs at least.
    alone = batch.take if "UTF8" in found else lambda row: batch.slice(row[0], 1)
    damaged = {i: why for i in range(len(batch)) if (why := _fault(alone([i])))}
    places = np.delete(places, [*damaged])
    return batch.take(places), places, damaged


def _fault(rows: Any) -> str:
    """Return what is wrong with rows that do not hold what their types say, "" where nothing is."""
    try:
        rows.validate(full=True)
        for column in rows.columns:
            if _TEMPORAL.search(str(column.type)):
                column.to_pylist()  # Python has no year beyond 9999
    except LookupError as error:
        return f"a time zone that nobody knows, {error}"
    except (pyarrow().ArrowInvalid, OverflowError, ValueError) as error:
        return " ".join(str(error).split())
    return ""


def infer_type(values: Sequence[Any]) -> str:
    """Return the name of the Arrow type that holds JSON values: json where none does."""
    kinds = {type(v) for v in values if v is not None and v is not ABSENT}
    if kinds == {bool}:
        return "bool"
    if kinds == {int}:
        return "int64"
    if kinds and kinds <= {int, float}:
        return "double"
    return "string" if kinds <= {str} else "json"


def kind_of(column: Column) -> str:
    """Return the name of the Arrow type of a column."""
    if not isinstance(column, list):
        return describe(column.type)
    values = [value for value in column if value is not None and value is not ABSENT]
    if len({*map(type, values)}) == 1 and hasattr(values[0], "isoformat"):
        return describe(pyarrow().array(values).type)
    return infer_type(column)


def listed(column: Column) -> list[Any]:
    """Return the values of a column."""
    values: list[Any] = column if isinstance(column, list) else column.to_pylist()
    return values


def to_array(column: Column, kind: str) -> Any:
    """Return a column as an Arrow array of a type that `infer_type` or `describe` named.

    Raises
    ------
    ValueError, TypeError : a value is of another type.
    """
    wanted = read_type(kind)
    if not isinstance(column, list):
        return column if column.type == wanted else column.cast(wanted)
    values = [None if v is ABSENT else v for v in column]
    if kind == "json":
        values = [None if v is None else json.dumps(v, ensure_ascii=False) for v in values]
    return array_of(values, wanted)


def array_of(values: Sequence[Any], kind: Any) -> Any:
    """Return values as an Arrow array, with a question mark for each lone surrogate."""
    if isinstance(values, Texts):
        return values.array
    try:
        return pyarrow().array(values, kind)
    except UnicodeEncodeError:  # UTF-8 cannot hold it
        return pyarrow().array([v and v.encode("utf-8", "replace").decode() for v in values], kind)


def describe(kind: Any) -> str:
    """Write an Arrow type as text that `read_type` reads."""
    data: bytes = pyarrow().schema([("", kind)]).serialize().to_pybytes()
    return "arrow:" + data.hex()


def read_type(kind: str) -> Any:
    """Return the Arrow type that a name stands for."""
    pa = pyarrow()
    if kind.startswith("arrow:"):
        return pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(kind[6:]))).field(0).type
    return pa.type_for_alias("string" if kind == "json" else kind)


def utf8(texts: Sequence[str]) -> list[str]:
    """Return texts that UTF-8 can hold, a question mark for each lone surrogate."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "replace").decode() for text in texts]
    return list(texts)
