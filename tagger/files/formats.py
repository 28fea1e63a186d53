"""Which format a file has, and how it is read."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tagger.errors import DataError
from tagger.files import delimited, jsonl, text
from tagger.files.rows import Reject, Row


@dataclass(frozen=True)
class Format:
    """A way to keep rows in a file.

    Parameters
    ----------
    name : what the format is called on the command line.
    suffixes : the endings of its files.
    read : yields the rows of an open file.
    records : whether a file holds many rows, rather than being one document.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[BinaryIO, str], Iterator[Row | Reject]]
    records: bool


FORMATS = (
    Format("text", (".txt", ".text"), text.read, records=False),
    Format("markdown", (".md", ".markdown"), text.read_markdown, records=False),
    Format("jsonl", (".jsonl", ".ndjson"), jsonl.read, records=True),
    Format("csv", (".csv",), delimited.read_csv, records=True),
    Format("tsv", (".tsv", ".tab"), delimited.read_tsv, records=True),
)
TEXT = FORMATS[0]


def format_of(path: Path) -> Format:
    """Return the format that a file's ending names; plain text where it names none."""
    for known in FORMATS:
        if path.suffix.lower() in known.suffixes:
            return known
    return TEXT


def expand(paths: list[str]) -> list[str]:
    """Replace folders by the files in them whose format is known, sorted by name.

    Raises
    ------
    DataError : a path does not exist, or a folder holds no such file.
    """
    suffixes = {suffix for known in FORMATS for suffix in known.suffixes}
    found: list[str] = []
    for name in paths:
        path = Path(name)
        if name == "-" or path.is_file():
            found.append(name)
        elif path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.suffix.lower() in suffixes and p.is_file()
            )
            if not inside:
                raise DataError(
                    f"{name}: no file to read in this folder ({', '.join(sorted(suffixes))})"
                )
            found += map(str, inside)
        elif path.exists():
            found.append(name)
        else:
            raise DataError(f"{name}: no such file or folder")
    return found


def read_rows(path: str, known: Format | None = None) -> Iterator[Row | Reject]:
    """Yield the rows of a file, or of standard input for ``-``.

    Raises
    ------
    DataError : the file cannot be opened or read.
    """
    try:
        if path == "-":
            yield from (known or TEXT).read(sys.stdin.buffer, "<stdin>")
            return
        with open(path, "rb") as stream:
            yield from (known or format_of(Path(path))).read(stream, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
