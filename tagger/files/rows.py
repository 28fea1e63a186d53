"""What a reader yields: a row, or the reason why there is none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np

from tagger.arrow import Column, Texts, pyarrow
from tagger.errors import DataError
from tagger.table import take
from tagger.text.structure import Range

BATCH_BYTES = 1 << 20
"""About how much text a batch holds."""
MAX_DOCUMENT_BYTES = 50_000_000
"""The most bytes of one document or row that are read, unless told otherwise."""
Ranges = tuple[Range, ...]
_MOST_NAMED = 3
TOO_DEEP = "values lie too deep in each other"


class _Placed:
    source: str
    line: int

    @property
    def where(self) -> str:
        """File and line, as errors name them."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True)
class Row(_Placed):
    """One record of a file, begun on a line counted from 1, or a whole document of line 0.

    `headings` are the character ranges of its text that the layout names headings, or what
    the third value of a range says.
    """

    record: dict[str, Any]
    source: str = ""
    line: int = 0
    headings: Ranges = ()


@dataclass(frozen=True)
class Reject(_Placed):
    """A row that could not be used, or `n_rows` of them that cannot be told apart.

    `reason` says what was found and what was expected; `raw` is the row as it stood
    in the file, with bytes that are no text as lone surrogates.
    """

    reason: str
    raw: str = field(repr=False)
    source: str = ""
    line: int = 0
    n_rows: int = 1


@dataclass(frozen=True)
class Note:
    """Something about a file that its reader guessed or left out; `n` is how many times."""

    what: str
    source: str
    n: int = 0


@dataclass(frozen=True)
class Member:
    """A file inside an archive, open until the next one is asked for."""

    stream: BinaryIO
    source: str


class Unreadable(DataError):
    """A file that cannot be read at all, which does not keep others from being read."""


class Notes:
    """Gathers what is to be said about files, once for all files of which it is true."""

    def __init__(self) -> None:
        self._sources: dict[str, list[str]] = {}
        self._n: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def add(self, note: Note) -> None:
        """Take a note."""
        sources = self._sources.setdefault(note.what, [])
        if note.source not in sources and len(sources) < _MOST_NAMED:
            sources.append(note.source)
        self._n[note.what] += note.n
        self._files[note.what] += 1

    @property
    def said(self) -> tuple[str, ...]:
        """The notes as sentences, each with the files that it is about."""
        lines = []
        for what, sources in self._sources.items():
            more = self._files[what] - len(sources)
            names = ", ".join(sources) + (f" and {more:,} more" if more else "")
            lines.append(f"{names}: " + (f"{self._n[what]:,} " if self._n[what] else "") + what)
        return tuple(lines)


@dataclass(frozen=True)
class Batch:
    """Rows that can be tagged, column by column.

    `extra` holds the other columns by name, `n` the place of each row in its document,
    where rows are sentences, and `headings` what the layout names headings in each text.
    """

    texts: Sequence[str]
    docs: Sequence[str]
    extra: Mapping[str, Column]
    sources: Sequence[str]
    lines: Sequence[int]
    n: Sequence[int] | None = None
    headings: Sequence[Ranges] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Batch":
        """Return the rows of the given numbers."""
        index = np.array(rows, np.int64)
        values: dict[str, Any] = {
            name: take(list(column), index)
            for name in ("texts", "docs", "sources", "lines", "n", "headings")
            if (column := getattr(self, name)) is not None
        }
        return Batch(extra={name: take(c, index) for name, c in self.extra.items()}, **values)


class Places:
    """Counts the sentences of each document: rows of the same one that follow each other."""

    def __init__(self) -> None:
        self.doc: str | None = None
        self.n = 0

    def of(self, docs: Sequence[str]) -> list[int]:
        """Return the place of each of the next rows in its document, counted from 0."""
        if not docs:
            return []
        if isinstance(docs, Texts):
            after = np.asarray(pyarrow().compute.not_equal(docs.array[1:], docs.array[:-1]))
        else:
            after = np.array([a != b for a, b in pairwise(docs)], bool)
        at, first = np.arange(len(docs)), np.concatenate([[docs[0] != self.doc], after])
        places: list[int] = (at - np.maximum.accumulate(np.where(first, at, -self.n - 1))).tolist()
        self.doc, self.n = docs[-1], places[-1]
        return places


def too_long(what: str, limit: int) -> str:
    """Say that a piece of the input is longer than is read."""
    return f"{what} of more than {limit:,} bytes (tagger predict --max-document-bytes raises that)"


def whole(stream: BinaryIO, limit: int) -> bytes:
    """Return all of a document; raise Unreadable where it has more than `limit` bytes."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise Unreadable(too_long("a document", limit))
    return data


def not_json(error: Exception) -> str:
    """Say what follows "not JSON" of a text that is none, or none that is read."""
    if isinstance(error, RecursionError):
        return f" that is read: {TOO_DEEP}"
    if "integer string conversion" in str(error):
        return " that is read: a number of more than 4,300 digits, expected it as a string"
    return f": {error}"


def as_text(raw: bytes) -> str:
    """Decode bytes that may be no text, so that `encode("utf-8", "surrogateescape")` undoes it."""
    return raw.decode("utf-8", "surrogateescape")


class LongLine(Exception):
    """A line is longer than allowed; its rest has been passed over. Holds how it begins."""

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self.head = as_text(head)


def read_line(stream: BinaryIO, limit: int) -> bytes:
    """Return the next line with its ending, empty at the end; raise LongLine where it is long."""
    line = rest = stream.readline(limit + 1)
    if len(line) <= limit:
        return line
    while rest and not rest.endswith(b"\n"):
        rest = stream.readline(1 << 20)
    raise LongLine(line[:1000])
