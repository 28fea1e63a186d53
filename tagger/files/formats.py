"""Which format a file has, and how it is read."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from glob import glob, has_magic
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from tagger.errors import DataError
from tagger.files import compression, delimited, html, jsonl, parquet, tagged, text
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row

Report = Callable[[str, int], None]


@dataclass(frozen=True)
class Format:
    """A way to keep rows in a file: many records, or one document.

    `read` yields the rows of an open file, given its name and the most bytes of a row.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[BinaryIO, str, int], Iterator[Row | Reject]]
    records: bool


_read_markdown = partial(text.read, clean=text.without_markup)
_read_tsv = partial(delimited.read_csv, delimiter="\t")
FORMATS = (
    Format("text", (".txt", ".text"), text.read, records=False),
    Format("markdown", (".md", ".markdown"), _read_markdown, records=False),
    Format("html", (".html", ".htm"), html.read, records=False),
    Format("jsonl", (".jsonl", ".ndjson"), jsonl.read, records=True),
    Format("csv", (".csv",), delimited.read_csv, records=True),
    Format("tsv", (".tsv", ".tab"), _read_tsv, records=True),
    Format("parquet", (".parquet",), parquet.read, records=True),
)
TEXT = FORMATS[0]


def format_of(path: Path) -> Format:
    """Return the format that a file's ending names; plain text where it names none."""
    return _known(path) or TEXT


def _known(path: Path) -> Format | None:
    suffix = compression.split_suffix(path)[0].suffix.lower()
    return next((known for known in FORMATS if suffix in known.suffixes), None)


def expand(paths: list[str]) -> list[str]:
    """Replace folders by the files in them whose format is known, and patterns by what they match.

    Both are sorted by name. What an earlier run left beside its output (rejects,
    unfinished parts) is passed over.
    """
    files: list[str] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            if not (inside := sorted(p for p in path.rglob("*") if _is_input(p, path))):
                known = ", ".join(suffix for f in FORMATS for suffix in f.suffixes)
                raise DataError(f"{name}: no file to read in this folder ({known})")
            files += map(str, inside)
        elif name == "-" or path.exists():
            files.append(name)
        elif has_magic(name):
            if not (matches := sorted(glob(name, recursive=True))):
                raise DataError(f"{name}: no file matches this pattern")
            files += expand(matches)
        else:
            raise DataError(f"{name}: no such file or folder")
    return files


def _is_input(path: Path, folder: Path) -> bool:
    return _known(path) is not None and not is_output(path, folder) and path.is_file()


def is_output(path: Path, folder: Path) -> bool:
    """Return whether a file in a folder is what tagger wrote: an output, its record, a part.

    An output has its record beside it; the folder that Dask wrote, and pages, have theirs
    beside or in the folder.
    """
    inside = path.relative_to(folder).parts[:-1]
    return (
        path.name.endswith((".rejects.jsonl", ".manifest.json", ".part"))
        or tagged.manifest_path(path).is_file()
        or any(part.endswith(".parts") for part in inside)
        or any(_is_output_folder(folder.joinpath(*inside[: i + 1])) for i in range(len(inside)))
    )


def _is_output_folder(folder: Path) -> bool:
    return tagged.manifest_path(folder).is_file() or (
        (folder / "manifest.json").is_file() and any(folder.glob("part-*.parquet"))
    )


def read_rows(
    path: str,
    known: Format | None = None,
    limit: int = MAX_DOCUMENT_BYTES,
    report: Report = lambda path, n_bytes: None,
) -> Iterator[Row | Reject]:
    """Yield the rows of a file, or of standard input for ``-``.

    A file that breaks off is read to where it breaks, and ends with a reject.

    Parameters
    ----------
    path : a file, which may be compressed.
    known : its format; what its ending says where None.
    limit : the most bytes of one row or document.
    report : is told the file at hand and how many bytes of it have been read.
    """
    if path == "-":
        yield from _until_broken(sys.stdin.buffer, "<stdin>", known or TEXT, limit)
        return
    with open_binary(path) as stream:
        plain = compression.decompressed(stream, compression.split_suffix(Path(path))[1])
        rows = _until_broken(plain, path, known or format_of(Path(path)), limit)
        for number, row in enumerate(rows):
            if number % 256 == 0 and stream.seekable():  # a pipe has no place to tell
                report(path, stream.tell())
            yield row
        if stream.seekable():
            report(path, stream.tell())


def open_binary(path: str) -> BufferedReader:
    """Open a file to read, or say why it cannot be."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _until_broken(
    stream: BinaryIO, source: str, known: Format, limit: int
) -> Iterator[Row | Reject]:
    line = 0
    try:
        for row in known.read(stream, source, limit):
            line = row.line
            yield row
    except compression.errors() as error:
        reason = getattr(error, "strerror", None) or str(error)
        yield Reject(f"the file cannot be read beyond this row: {reason}", "", source, line)
