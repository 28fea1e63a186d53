"""Parquet: rows in, column by column, and tagged sentences out."""

import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from tagger.arrow import AS_JSON, pyarrow, sound_rows
from tagger.errors import DataError, OutputError
from tagger.files.names import check_once
from tagger.files.office import whole
from tagger.files.rows import BATCH_BYTES, MAX_DOCUMENT_BYTES, Reject, Row, Unreadable

_MAGIC, _LENGTH = b"PAR1", 8  # a footer ends with its length and these letters
_PIECE_ROWS, _MOST_ROWS, _MOST_CELLS = 1024, 1 << 14, 1 << 20


def open_file(stream: BinaryIO, source: str) -> Any:
    """Open a Parquet file, which must be one that can be read from anywhere."""
    try:
        pa = pyarrow()
    except DataError as error:
        raise Unreadable(f"{source}: {error}") from None
    if not stream.seekable():
        raise Unreadable(f"{source}: Parquet cannot be read from a pipe, expected a file")
    try:
        file = pa.parquet.ParquetFile(
            stream, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
        )
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"{source}: not a Parquet file, or a damaged one: {error}") from None
    check_once(file.schema_arrow.names, source)
    return file


def read_record_batches(
    stream: BinaryIO, source: str, columns: list[str] | None = None, n_bytes: int = BATCH_BYTES
) -> Iterator[tuple[Any, int] | Reject]:
    """Yield Arrow record batches, each with the number of its first row, from 1.

    A batch has about `n_bytes`, or 1,024 rows where those have more. What cannot be read of a
    row group is rejected as a whole, and the next is read.
    """
    file = open_file(stream, source)
    pa = pyarrow()
    held: list[Any] = []
    row = 1
    for group in range(file.num_row_groups):
        end = row + file.metadata.row_group(group).num_rows
        try:
            for piece in file.iter_batches(_PIECE_ROWS, row_groups=[group], columns=columns):
                held.append(piece)
                row += len(piece)
                if _is_enough(held, n_bytes):
                    yield from _joined(held, row)
                    held = []
        except (pa.ArrowException, OSError) as error:
            yield from _joined(held, row)
            reason = f"row group {group}: rows {row} to {end - 1} cannot be read: {error}"
            yield Reject(" ".join(reason.split()), "", source, row, end - row)
            held = []
        row = end
    yield from _joined(held, row)


def _is_enough(pieces: list[Any], n_bytes: int) -> bool:
    n_rows = sum(map(len, pieces))
    is_long = n_rows >= _MOST_ROWS or n_rows * pieces[0].num_columns >= _MOST_CELLS
    return is_long or sum(piece.nbytes for piece in pieces) >= n_bytes


def _joined(pieces: list[Any], end: int) -> Iterator[tuple[Any, int]]:
    """Yield pieces that end before a row as one record batch, or as they are where none holds them.

    Two row groups may have dictionaries that do not fit into one.
    """
    pa, first = pyarrow(), end - sum(map(len, pieces))
    if len(pieces) > 1:
        try:
            pieces = pa.Table.from_batches(pieces).combine_chunks().to_batches()
        except pa.ArrowException:
            pass
    for piece in pieces:
        yield piece, first
        first += len(piece)


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Reject]:
    """Yield each row of a Parquet file; one that comes through a pipe is held in memory."""
    for item in read_record_batches(whole(stream, limit), source):
        if isinstance(item, Reject):
            yield item
            continue
        batch, first = item
        rows, sound, damaged = sound_rows(batch)
        for i, why in damaged.items():
            yield Reject(f"damaged: {why}", "", source, first + i)
        records = rows.to_pylist()
        mixed = [x.name for x in batch.schema if AS_JSON.items() <= (x.metadata or {}).items()]
        for i, record in zip(sound.tolist(), records, strict=True):
            record |= {x: json.loads(record[x]) for x in mixed if record[x] is not None}
            yield Row(record, source, first + i)


def empty(schema: Any) -> bytes:
    """Return a Parquet file without a row."""
    pa = pyarrow()
    sink = io.BytesIO()
    pa.parquet.write_table(schema.empty_table(), sink)
    return sink.getvalue()


def pack(batches: Sequence[Any], schema: Any) -> bytes:
    """Return record batches as the bytes of an Arrow stream, which `append` reads."""
    pa = pyarrow()
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def append(path: Path, size: int, packed: bytes) -> tuple[int, bytes]:
    """Write packed record batches into a Parquet file that has no footer yet.

    Parameters
    ----------
    path, size : the file, and how many of its bytes count; what stands behind them goes.
    packed : what `pack` gave.

    Returns
    -------
    How many bytes count now, and the footer of what was added, which `write_footer` needs.

    Raises
    ------
    OutputError : pyarrow does not count places from the beginning of the file.
    """
    pa = pyarrow()
    table = pa.ipc.open_stream(packed).read_all()
    with pa.OSFile(os.fsencode(path), "ab") as sink:
        descriptor = sink.fileno()
        os.ftruncate(descriptor, size)
        os.lseek(descriptor, 0, os.SEEK_SET)  # a writer begins nothing that stands elsewhere
        writer = _writer(sink, table.schema)
        begin = size or len(_MAGIC)
        os.ftruncate(descriptor, begin)  # these letters stand in a file once
        os.lseek(descriptor, begin, os.SEEK_SET)
        if sink.tell() != begin:
            raise OutputError(
                f"{path}: pyarrow {pa.__version__} counts from {sink.tell()}, expected {begin}: "
                "install another version, or write --format jsonl"
            )
        if len(table):
            writer.write_table(table)
        writer.close()
    with open(path, "r+b") as stream:
        stream.seek(-_LENGTH, os.SEEK_END)
        n_bytes = int.from_bytes(stream.read(_LENGTH)[: -len(_MAGIC)], "little") + _LENGTH
        size = stream.seek(-n_bytes, os.SEEK_END)
        footer = _MAGIC + stream.read(n_bytes)
        stream.truncate(size)
        os.fsync(stream.fileno())
    return size, footer


def write_footer(path: Path, size: int, footers: Iterable[bytes]) -> int:
    """End a file of `size` bytes with one footer for all; return the number of rows."""
    pa = pyarrow()
    read = (pa.parquet.read_metadata(io.BytesIO(footer)) for footer in footers)
    whole = next(read)
    for added in read:
        whole.append_row_groups(added)
    footer = io.BytesIO()
    whole.write_metadata_file(footer)
    with open(path, "ab") as stream:
        stream.truncate(size)
        stream.write(footer.getvalue()[len(_MAGIC) :])
        stream.flush()
        os.fsync(stream.fileno())
    return int(whole.num_rows)


@lru_cache(maxsize=1)
def _leaves(schema: Any) -> list[str]:
    leaves = pyarrow().parquet.ParquetFile(io.BytesIO(empty(schema))).schema
    return [leaves.column(i).path for i in range(len(leaves))]


def _writer(sink: Any, schema: Any) -> Any:
    pa, paths = pyarrow(), _leaves(schema)
    floats = {field.name for field in schema if pa.types.is_floating(field.type)}
    # A dictionary of values that hardly come twice costs time and room, and so do the first and
    # last of texts, by which nobody looks for rows. The digits of probabilities hardly shrink.
    return pa.parquet.ParquetWriter(
        sink,
        schema,
        compression={path: "none" if path in floats else "zstd" for path in paths},
        use_dictionary=[path for path in paths if path not in {"doc", "text", *floats}],
        write_statistics=[path for path in paths if path != "text"],
    )
