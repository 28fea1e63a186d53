"""Compressed files, read and written as if they were plain."""

import gzip
import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

from tagger.errors import required
from tagger.files.rows import Unreadable

SUFFIXES = (".gz", ".zst")


def split_suffix(path: Path) -> tuple[Path, str]:
    """Return a file name without the ending that names its compression, and that ending."""
    suffix = path.suffix.lower()
    return (path.with_suffix(""), suffix) if suffix in SUFFIXES else (path, "")


def decompressed(stream: BinaryIO, suffix: str) -> BinaryIO:
    """Return a stream of what an open compressed file holds."""
    if suffix == ".gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))
    if suffix == ".zst":
        unpack = _zstandard().ZstdDecompressor().stream_reader
        reader = unpack(stream, read_across_frames=True, closefd=False)
        return cast(BinaryIO, io.BufferedReader(reader))
    return stream


def compress(data: bytes, suffix: str) -> bytes:
    """Return data as one member of a compressed file; members may stand one after another."""
    if suffix == ".gz":
        return gzip.compress(data, 6, mtime=0)
    if suffix == ".zst":
        return bytes(_zstandard().ZstdCompressor().compress(data))
    return data


def errors() -> tuple[type[Exception], ...]:
    """Return what reading a damaged file raises."""
    known: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error)
    try:
        return (*known, _zstandard().ZstdError)
    except Unreadable:
        return known


def _zstandard() -> Any:
    return required("zstandard", "zstd", "zstd files need the extra zstd", Unreadable)
