"""Rows of many files, checked and gathered into batches of bounded size."""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tagger.arrow import ABSENT, Column
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.files import compression, parquet
from tagger.files.formats import FORMATS, Format, Report, format_of, open_binary, read_rows
from tagger.files.rows import MAX_DOCUMENT_BYTES, Batch, Reject, Row, too_long
from tagger.files.tagged import plain

BATCH_BYTES = 1 << 20
_ROWS_TO_SEE = 1000


@dataclass(frozen=True)
class Input:
    """What is read, and which of its columns are used.

    Parameters
    ----------
    files : in order; ``-`` is standard input.
    known : the format of all of them; what each one's ending says where None.
    sentences : whether each row, or each line of a text, is one sentence.
    text_column, id_column : the columns with the text and with the document's name.
    keep : the other columns to pass on; all where None.
    limit : the most bytes of one row or document.
    taken : names that the output gives to its own columns; a column of the input
        that has such a name is passed on as ``input_`` and that name.
    """

    files: tuple[str, ...]
    known: Format | None = None
    sentences: bool = False
    text_column: str = "text"
    id_column: str = "doc"
    keep: tuple[str, ...] | None = None
    limit: int = MAX_DOCUMENT_BYTES
    taken: frozenset[str] = frozenset()

    def format_of(self, path: str) -> Format:
        """Return the format that a file is read in."""
        return self.known or format_of(Path(path))

    def passed_on(self, name: str) -> bool:
        """Return whether a column goes from the input to the output."""
        if name in (self.text_column, self.id_column):
            return False
        return self.keep is None or name in self.keep

    def named(self, name: str) -> str:
        """Return what the output calls a column of the input."""
        return f"input_{name}" if name in self.taken else name


_Item = TypeVar("_Item", bound=Reject | Batch)


class Columns:
    """Refuses the name of a column that the first rows of an input do not have."""

    def __init__(self, origin: Input) -> None:
        named = [("--text-column", origin.text_column)]
        if origin.id_column != "doc":
            named.append(("--id-column", origin.id_column))
        named += [("--keep", name) for name in origin.keep or ()]
        self.missing = {name: option for option, name in named}
        self.seen: dict[str, None] = {}
        self.n_rows = 0

    def see(self, names: Iterable[str]) -> None:
        """Take note of the columns of a row."""
        if self.missing:
            self.n_rows += 1
            self.seen.update(dict.fromkeys(names))
            for name in self.seen.keys() & self.missing.keys():
                del self.missing[name]

    def checked(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """Yield the items once all columns have been seen."""
        held: deque[_Item] = deque()
        for item in items:
            held.append(item)
            if not self.missing or self.n_rows >= _ROWS_TO_SEE or len(held) >= _ROWS_TO_SEE:
                self.refuse()
                while held:
                    yield held.popleft()
        self.refuse()
        yield from held

    def refuse(self) -> None:
        """Raise a DataError for a name that no column seen so far has."""
        if self.missing and self.seen:
            name, option = next(iter(self.missing.items()))
            raise DataError(f"no column {name!r}: {did_you_mean(name, self.seen)} (see {option})")


def _named(rows: Iterable[Row | Reject], origin: Input) -> Iterator[Row | Reject]:
    """Put the text of a document where the rows of tables have theirs, line by line if wanted."""
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        record = dict(row.record)
        text = record.pop("text")
        if not origin.sentences:
            yield replace(row, record={origin.text_column: text, **record})
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield Row({origin.text_column: line.strip()}, row.source, number)


def _checked(origin: Input, row: Row) -> Row | Reject:
    reason = _fault(row.record.get(origin.text_column), origin, row.line, row.record)
    return Reject(reason, raw_of(row.record), row.source, row.line) if reason else row


def _fault(text: Any, origin: Input, line: int, record: Iterable[str]) -> str:
    """Say why a text cannot be tagged; nothing where it can."""
    if not isinstance(text, str):
        if origin.text_column not in record:
            hint = did_you_mean(origin.text_column, record) if record else "the row is empty"
            return f"no column {origin.text_column!r}: {hint} (see --text-column)"
        return f"{origin.text_column} is {text!r:.200}, expected a string"
    if line and not text.strip():
        return f"{origin.text_column} is blank, expected a text"
    if len(text) * 4 > origin.limit and len(text.encode("utf-8", "replace")) > origin.limit:
        return too_long("a document", origin.limit)
    return ""


def raw_of(record: dict[str, Any]) -> str:
    """Return a row as its reject keeps it."""
    return json.dumps(record, ensure_ascii=False, default=plain)


def _doc(named: Any, where: str) -> str:
    """Return what to call the document of a row: its id, or where it stands."""
    return where if named is None or named == "" else str(named)


def read_batches(
    origin: Input, n_bytes: int = BATCH_BYTES, report: Report = lambda path, n_bytes: None
) -> Iterator[Batch | Reject]:
    """Yield the rows of an input in batches of about `n_bytes`, and the rows that cannot be used.

    Order is kept: a batch holds rows that follow each other, whatever files they stand in.
    Parquet is read column by column, which is fast; other formats row by row.
    """
    columns, places = Columns(origin), Places()
    for item in columns.checked(_read_batches(origin, n_bytes, report, columns)):
        if origin.sentences and isinstance(item, Batch):
            item = replace(item, n=places.of(item.docs))
        yield item


def _read_batches(
    origin: Input, n_bytes: int, report: Report, columns: Columns
) -> Iterator[Batch | Reject]:
    rows: list[Row] = []
    size = 0
    for item in _items(origin, report, columns):
        if isinstance(item, Row):
            rows.append(item)
            size += len(item.record[origin.text_column])
        if rows and (size >= n_bytes or isinstance(item, Batch)):
            yield _batch(origin, rows)
            rows, size = [], 0
        if not isinstance(item, Row):
            yield item
    if rows:
        yield _batch(origin, rows)


def _items(origin: Input, report: Report, columns: Columns) -> Iterator[Row | Reject | Batch]:
    for path in origin.files:
        known, compressed = origin.format_of(path), compression.split_suffix(Path(path))[1]
        if path != "-" and known.name == "parquet" and not compressed:
            yield from _parquet_batches(origin, path, report, columns)
            continue
        rows = read_rows(path, known, origin.limit, report)
        for item in rows if known.records else _named(rows, origin):
            if isinstance(item, Row):
                columns.see(item.record)
                item = _checked(origin, item)
            yield item


def _batch(origin: Input, rows: list[Row]) -> Batch:
    names = dict.fromkeys(name for row in rows for name in row.record)
    return Batch(
        [row.record[origin.text_column] for row in rows],
        [_doc(row.record.get(origin.id_column), row.where) for row in rows],
        {
            origin.named(name): [row.record.get(name, ABSENT) for row in rows]
            for name in names
            if origin.passed_on(name)
        },
        [row.source for row in rows],
        [row.line for row in rows],
        headings=[row.headings for row in rows],
    )


def _parquet_batches(
    origin: Input, path: str, report: Report, columns: Columns
) -> Iterator[Batch | Reject]:
    with open_binary(path) as stream:
        file = parquet.open_file(stream, path)
        names = file.schema_arrow.names
        columns.see(names)
        if origin.text_column not in names:
            hint = did_you_mean(origin.text_column, names)
            raise DataError(f"{path}: no column {origin.text_column!r}: {hint} (see --text-column)")
        used = (origin.text_column, origin.id_column)
        wanted = [name for name in names if name in used or origin.passed_on(name)]
        n_rows = max(1, file.metadata.num_rows)
        n_bytes = os.fstat(stream.fileno()).st_size
        for item in parquet.read_record_batches(stream, path, wanted):
            if isinstance(item, Reject):
                yield item
                continue
            record_batch, first = item
            report(path, n_bytes * min(first + len(record_batch), n_rows) // n_rows)
            batch, rejects = check_record_batch(origin, record_batch, path, first)
            yield from rejects
            if batch is not None:
                yield batch


class Places:
    """Counts the sentences of each document: rows of the same one that follow each other."""

    def __init__(self) -> None:
        self.doc: str | None = None
        self.n = 0

    def of(self, docs: Iterable[str]) -> list[int]:
        """Return the place of each of the next rows in its document, counted from 0."""
        places = []
        for doc in docs:
            self.n = self.n + 1 if doc == self.doc else 0
            self.doc = doc
            places.append(self.n)
        return places


def check_record_batch(
    origin: Input, record_batch: Any, source: str, first: int, places: Places | None = None
) -> tuple[Batch | None, list[Reject]]:
    """Return the rows of an Arrow record batch that can be tagged, and a reject for each other.

    `first` is the number of the first row in the file; `places` counts the sentences of a
    document, where rows are sentences.
    """
    texts = record_batch.column(origin.text_column).to_pylist()
    names = record_batch.schema.names
    lines = range(first, first + len(texts))
    faults = {
        i: reason
        for i, text in enumerate(texts)
        if type(text) is not str or not text.strip() or len(text) * 4 > origin.limit
        if (reason := _fault(text, origin, 1, names))
    }
    rejects = [
        Reject(reason, raw_of(record_batch.slice(i, 1).to_pylist()[0]), source, lines[i])
        for i, reason in faults.items()
    ]
    if len(faults) == len(texts):
        return None, rejects
    extra: dict[str, Column] = {
        origin.named(name): record_batch.column(name) for name in names if origin.passed_on(name)
    }
    named = [None] * len(texts)
    if origin.id_column in names:
        named = record_batch.column(origin.id_column).to_pylist()
    docs = [_doc(name, f"{source}:{n}") for name, n in zip(named, lines, strict=True)]
    batch = Batch(texts, docs, extra, [source] * len(texts), lines)
    if faults:
        batch = batch.take([i for i in range(len(texts)) if i not in faults])
    if origin.sentences and places is not None:
        batch = replace(batch, n=places.of(batch.docs))
    return batch, rejects


def input_of(
    files: list[str],
    input_format: str | None = None,
    *,
    sentences: bool = False,
    text_column: str = "text",
    id_column: str = "doc",
    keep: str | None = None,
    limit: int = MAX_DOCUMENT_BYTES,
    taken: Iterable[str] = (),
) -> Input:
    """Build an input from what the command line holds."""
    names = [known.name for known in FORMATS]
    if input_format is not None and input_format not in names:
        raise ConfigError(f"format {input_format!r}: {did_you_mean(input_format, names)}")
    known = FORMATS[names.index(input_format)] if input_format else None
    columns = None
    if keep is not None:
        columns = tuple(name.strip() for name in keep.split(",") if name.strip())
    return Input(
        tuple(files), known, sentences, text_column, id_column, columns, limit, frozenset(taken)
    )
