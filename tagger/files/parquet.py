"""Parquet: rows in, column by column, and tagged sentences out."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tagger.errors import DataError
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row
from tagger.table import ABSENT, Column, TaggedTable

_BATCH_ROWS = 4096


def pyarrow() -> Any:
    """Return the module pyarrow.

    Raises
    ------
    DataError : the extra parquet is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            "Parquet files need the extra parquet: pip install 'claim-tagger[parquet]'"
        ) from None
    return pyarrow


def open_file(stream: BinaryIO, source: str) -> Any:
    """Open a Parquet file.

    Raises
    ------
    DataError : it is not Parquet, or it cannot be read from anywhere but its beginning.
    """
    pa = pyarrow()
    if not stream.seekable():
        raise DataError(f"{source}: Parquet cannot be read from a pipe, expected a file")
    try:
        return pa.parquet.ParquetFile(
            stream, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
        )
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{source}: not a Parquet file: {error}") from None


def read_record_batches(
    stream: BinaryIO, source: str, columns: list[str] | None = None
) -> Iterator[tuple[Any, int] | Reject]:
    """Yield Arrow record batches, each with the number of its first row, from 1.

    What cannot be read of a row group is rejected as a whole, and the next is read.
    """
    pa = pyarrow()
    file = open_file(stream, source)
    row = 1
    for group in range(file.num_row_groups):
        end = row + file.metadata.row_group(group).num_rows
        try:
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns):
                yield batch, row
                row += len(batch)
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            yield Reject(
                f"row group {group}: rows {row} to {end - 1} cannot be read: {reason}",
                "",
                source,
                row,
                end - row,
            )
        row = end


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Reject]:
    """Yield each row of a Parquet file."""
    for item in read_record_batches(stream, source):
        if isinstance(item, Reject):
            yield item
            continue
        batch, first = item
        for i, record in enumerate(batch.to_pylist()):
            yield Row(record, source, first + i)


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


def to_array(column: Column, kind: str) -> Any:
    """Return a column as an Arrow array of a type that `infer_type` or `describe` named.

    Raises
    ------
    ValueError, TypeError : a value is of another type.
    """
    pa = pyarrow()
    if not isinstance(column, list):
        wanted = read_type(kind)
        return column if column.type == wanted else column.cast(wanted)
    values = [None if v is ABSENT else v for v in column]
    if kind == "json":
        values = [None if v is None else json.dumps(v, ensure_ascii=False) for v in values]
    try:
        return pa.array(values, read_type(kind))
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold
        return pa.array([v and v.encode("utf-8", "replace").decode() for v in values], pa.string())


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


def to_arrow(table: TaggedTable, kinds: Mapping[str, str]) -> Any:
    """Return tagged sentences as an Arrow record batch.

    Parameters
    ----------
    table : tagged sentences.
    kinds : the types of the other columns, by name; a column that is not there is null.
    """
    pa = pyarrow()
    n = len(table)
    columns = {"doc": pa.array(_utf8(table.doc), pa.string()), "n": pa.array(table.n)}
    for name, kind in kinds.items():
        columns[name] = to_array(table.extra.get(name, [None] * n), kind)
    columns |= {"start": pa.array(table.start), "end": pa.array(table.end)}
    columns["text"] = pa.array(_utf8(table.text), pa.string())
    for task in table.schema.tasks:
        names = pa.array(task.labels)
        decided = table.labels[task.name]
        if task.multilabel:
            offsets = np.concatenate([[0], np.cumsum(decided.sum(axis=1))]).astype(np.int32)
            given = names.take(pa.array(np.nonzero(decided)[1]))
            columns[task.name] = pa.ListArray.from_arrays(offsets, given)
        else:
            columns[task.name] = names.take(pa.array(decided))
        for label, p in zip(task.labels, table.probabilities[task.name].T, strict=True):
            columns[f"p_{label}"] = pa.array(np.ascontiguousarray(p))
    columns["review"] = pa.array(table.review)
    columns["model"] = pa.array([table.model]).take(pa.array(np.zeros(n, np.int64)))
    if table.evidence is not None:
        kind = pa.list_(pa.struct([(k, pa.type_for_alias(t)) for k, t in _EVIDENCE]))
        columns["evidence"] = pa.array(table.evidence, kind)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


_EVIDENCE = (
    ("label", "string"),
    ("text", "string"),
    ("start", "int64"),
    ("end", "int64"),
    ("adds", "double"),
)


def _utf8(texts: Sequence[str]) -> list[str]:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [text.encode("utf-8", "replace").decode() for text in texts]
    return list(texts)


def write(batches: Sequence[Any], schema: Any) -> bytes:
    """Return record batches as the bytes of a Parquet file."""
    pa = pyarrow()
    sink = io.BytesIO()
    # A part is read once more and thrown away: what it costs is time, not room.
    with pa.parquet.ParquetWriter(
        sink, schema, compression="lz4", use_dictionary=False, write_statistics=False
    ) as writer:
        if batches:
            writer.write_table(pa.Table.from_batches(batches, schema))
    return sink.getvalue()


def join(parts: Iterable[Path], schema: Any, stream: BinaryIO) -> int:
    """Write Parquet files one after another as one; return the number of rows."""
    pa = pyarrow()
    with pa.parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        n = 0
        for part in parts:
            # One open file at a time: an archive has more parts than a process may open.
            with open(part, "rb") as source:
                file = pa.parquet.ParquetFile(source, pre_buffer=False)
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group))
                n += file.metadata.num_rows
    return n
