"""Rows of many files, checked and gathered into batches of bounded size."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.arrow import ABSENT, Column, Texts, as_takeable, pyarrow, sound_rows
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.files import parquet
from tagger.files.columns import ROWS_TO_SEE, ColumnFinder, Input, no_text, tell_nobody
from tagger.files.encoding import text_encoding
from tagger.files.exchange.tools import translated
from tagger.files.formats import FORMATS, Item, Report, open_binary, read_files
from tagger.files.rows import (
    BATCH_BYTES,
    MAX_DOCUMENT_BYTES,
    Batch,
    Note,
    Notes,
    Places,
    Reject,
    Row,
    Unreadable,
    too_long,
)
from tagger.files.tagged import plain, rejects_path
from tagger.files.text import oddity
from tagger.sequences import document_name
from tagger.targets import check_free, write

_LOOK, _WIDE = 16, 1000  # rows after which their names are looked at; names, at once
MOST_VALUES = 1_000_000  # passed on by the sentences of a batch or part: a few seconds' work
_MOST_ABSENT = 200_000  # values that rows of a batch lack which others of it have


def _named(rows: Iterable[Item], origin: Input) -> Iterator[Item]:
    """Put the text of a document where the rows of tables have theirs, line by line if wanted."""
    for row in rows:
        if not isinstance(row, Row):
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
            return no_text(origin, record)
        found = "null" if text is None else format(repr(text), ".200")
        return f"{origin.text_column} is {found}, expected a string"
    if line and not text.strip():
        return f"{origin.text_column} is blank, expected a text"
    if len(text) * 4 > origin.limit and len(text.encode("utf-8", "replace")) > origin.limit:
        return too_long("a document", origin.limit)
    return ""


def raw_of(record: dict[str, Any]) -> str:
    """Return a row as its reject keeps it; nothing of one whose values lie too deep."""
    try:
        return json.dumps(record, ensure_ascii=False, default=plain)
    except RecursionError:
        return ""


def reject_line(reject: Reject) -> bytes:
    """Return a reject as one line of a file of rejects."""
    line: dict[str, Any] = {"file": reject.source, "line": reject.line, "reason": reject.reason}
    if reject.n_rows != 1:
        line["rows"] = reject.n_rows
    return (json.dumps({**line, "raw": reject.raw}) + "\n").encode("ascii")


def save_rejects(output: str | Path, rejects: Iterable[Reject], force: bool = False) -> None:
    """Write rows that were left out beside an output; with `force` those there are replaced."""
    path = rejects_path(Path(output))
    check_free([path], force)
    lines = b"".join(map(reject_line, rejects))
    if not lines:
        path.unlink(missing_ok=True)
        return
    write(path, lines)


def read_batches(
    origin: Input, n_bytes: int = BATCH_BYTES, report: Report = lambda path, n_bytes: None
) -> Iterator[Batch | Reject]:
    """Yield the rows of an input in batches of about `n_bytes`, and the rows that cannot be used.

    Order is kept: a batch holds rows that follow each other, whatever files they stand in.
    Parquet is read column by column, which is fast; other formats row by row.
    """
    columns, places = ColumnFinder(origin), Places()
    for item in columns.checked(_read_batches(origin, n_bytes, report, columns)):
        if origin.sentences and isinstance(item, Batch):
            item = replace(item, n=places.of(item.docs))
        yield item


def _read_batches(
    origin: Input, n_bytes: int, report: Report, columns: ColumnFinder
) -> Iterator[Batch | Reject]:
    rows: list[Row] = []
    names: set[str] = set()
    size = n_seen = n_values = 0
    for item in _items(origin, n_bytes, report, columns):
        if isinstance(item, Row):
            rows.append(item)
            size += len(item.record[origin.text_column])
            full = size >= n_bytes
            if not full and (len(rows) - n_seen == _LOOK or len(item.record) > _WIDE):
                # A column has a place for each row: rows that share no names would fill the memory.
                records = [row.record for row in rows[n_seen:]]
                n_seen = len(rows)
                names.update(*records)
                n_values += sum(map(len, records))
                n_pieces = origin.n_pieces(size, len(rows))
                n_absent = len(names) * len(rows) - n_values
                full = n_absent * n_pieces > _MOST_ABSENT or n_values * n_pieces > MOST_VALUES
            if not full:
                continue
        else:
            full = isinstance(item, Batch) or (isinstance(item, Input) and item != origin)
        if rows and full:
            yield batch_of(origin, rows)
            rows, names, size, n_seen, n_values = [], set(), 0, 0, 0
        if isinstance(item, Input):
            origin = item
        elif not isinstance(item, Row):
            yield item
    if rows:
        yield batch_of(origin, rows)


def _items(
    origin: Input, n_bytes: int, report: Report, columns: ColumnFinder
) -> Iterator[Row | Reject | Batch | Input]:
    """Yield what all files hold; an input says which columns the rows after it have."""
    notes = Notes()
    for path in origin.files:
        by_column = path.lower().endswith(".parquet") and not origin.encoding
        if origin.known is None and by_column:
            try:
                yield from _parquet_batches(origin, path, n_bytes, report, columns)
            except Unreadable as error:
                yield Reject(str(error).removeprefix(f"{path}: "), "", path)
            continue
        said = origin.delimiter, origin.encoding
        files = read_files(path, origin.known, origin.limit, report, *said)
        for known, source, items in files:
            if known.records:
                items = translated(items, labelled=False)
                yield from _of_table(origin, source, items, columns, notes)
                continue
            yield origin
            for item in _named(items, origin):
                if isinstance(item, Note):
                    notes.add(item)
                    continue
                if isinstance(item, Row):
                    columns.see(item.record)
                    if reason := oddity(item.record.get(origin.text_column)):
                        notes.add(Note(reason, item.source))
                    item = _checked(origin, item)
                yield item
    for note in notes.said:
        origin.say(note)


def _of_table(
    origin: Input, path: str, rows: Iterable[Item], columns: ColumnFinder, notes: Notes
) -> Iterator[Row | Reject | Input]:
    """Yield the rows of a table; those before the first with a text are lost as one."""
    own: Input | None = None
    lost: Reject | None = None
    late, item = False, None
    for item in rows:
        if isinstance(item, Row):
            columns.see(item.record)
            if own is None:
                if (own := columns.of(item.record, item.source)) is None:
                    lost = _lose(origin, item, lost)
                    if lost.n_rows >= ROWS_TO_SEE:
                        columns.refuse()  # where no file before had a text
                    continue
                if lost:
                    yield lost
                lost, late = None, own.text_column != origin.text_column
                yield own
            if own.id_is_kept and origin.id_column in item.record:
                # The rows before lack it, as rows of JSON may.
                own = replace(own, id_column=origin.id_column, id_is_kept=False)
                origin.say(f"{item.where}: from here on, document in {origin.id_column!r}")
                yield own
            if late and origin.text_column in item.record:
                raise DataError(
                    f"{item.where}: found {origin.text_column!r} beside {own.text_column!r}, in "
                    "which the rows before have their text: name one of them with --text-column"
                )
            text = item.record.get(own.text_column)
            # Most rows need no more than this look.
            if type(text) is not str or not text.strip() or len(text) * 4 > origin.limit:
                item = _checked(own, item)
        elif isinstance(item, Note):
            notes.add(item)
            continue
        yield item
    if lost:
        yield lost
    if item is None:
        origin.say(f"{path}: no row in it, it is empty or holds nothing but a header")


def _lose(origin: Input, row: Row, before: Reject | None) -> Reject:
    """Return one reject for a row without a text and those before it."""
    if before is None:
        return Reject(no_text(origin, row.record), raw_of(row.record), row.source, row.line)
    return replace(before, n_rows=before.n_rows + 1)


def batch_of(origin: Input, rows: list[Row]) -> Batch:
    """Return rows, each with a text, column by column."""
    names = dict.fromkeys(chain.from_iterable(row.record for row in rows))
    return Batch(
        [row.record[origin.text_column] for row in rows],
        [document_name(row.record.get(origin.id_column), row.where) for row in rows],
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
    origin: Input, path: str, n_bytes: int, report: Report, columns: ColumnFinder
) -> Iterator[Batch | Reject]:
    with open_binary(path) as stream:
        file = parquet.open_file(stream, path)
        names, n_rows = file.schema_arrow.names, file.metadata.num_rows
        columns.see(names)
        own = columns.of(names, path)
        if not n_rows:
            origin.say(f"{path}: no row in it")
        if own is None:
            if n_rows:
                yield Reject(no_text(origin, names), "", path, 1, n_rows)
            return
        used = (own.text_column, own.id_column)
        wanted = [name for name in names if name in used or own.passed_on(name)]
        size = stream.seek(0, os.SEEK_END)
        for item in parquet.read_record_batches(stream, path, wanted, n_bytes):
            if isinstance(item, Reject):
                yield item
                continue
            record_batch, first = item
            report(path, size * min(first + len(record_batch), n_rows) // n_rows)
            batch, rejects = check_record_batch(own, record_batch, path, first)
            yield from rejects
            if batch is not None:
                yield batch


def _sound(texts: Sequence[Any], limit: int) -> bool:
    """Return whether all texts can be tagged, as far as a quick look tells."""
    if set(map(type, texts)) != {str}:
        return False
    return len(max(texts, key=len)) * 4 <= limit and all(map(str.strip, texts))


def _row_names(source: str, lines: npt.NDArray[np.int64]) -> Sequence[str]:
    """Return what to call rows that have no name."""
    pa = pyarrow()
    try:
        name = pa.scalar(source, pa.string())
    except UnicodeEncodeError:  # a name of a file that is no UTF-8
        return [f"{source}:{n}" for n in lines]
    numbers = pa.compute.cast(pa.array(lines), pa.string())
    return Texts(pa.compute.binary_join_element_wise(name, numbers, ":"))


def check_record_batch(
    origin: Input, record_batch: Any, source: str, first: int, places: Places | None = None
) -> tuple[Batch | None, list[Reject]]:
    """Return the rows of an Arrow record batch that can be tagged, and a reject for each other.

    `first` is the number of the first row in the file; `places` counts the sentences of a
    document, where rows are sentences.
    """
    record_batch = as_takeable(record_batch)
    record_batch, sound, damaged = sound_rows(record_batch)
    rejects = [Reject(f"damaged: {why}", "", source, first + i) for i, why in damaged.items()]
    numbers = first + sound
    lines = numbers.tolist()
    column, names = record_batch.column(origin.text_column), record_batch.schema.names
    faults = {}
    held = Texts.of(column, origin.limit) if origin.sentences else None
    texts = held or column.to_pylist()
    if not held and not _sound(texts, origin.limit):
        found = ((i, _fault(text, origin, 1, names)) for i, text in enumerate(texts))
        faults = {i: reason for i, reason in found if reason}
    rejects += [
        Reject(reason, raw_of(record_batch.slice(i, 1).to_pylist()[0]), source, lines[i])
        for i, reason in faults.items()
    ]
    if len(faults) == len(texts):
        return None, rejects
    extra: dict[str, Column] = {
        origin.named(name): record_batch.column(name) for name in names if origin.passed_on(name)
    }
    docs = _row_names(source, numbers)
    if origin.id_column in names:
        docs = [*map(document_name, record_batch.column(origin.id_column).to_pylist(), docs)]
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
    delimiter: str | None = None,
    encoding: str | None = None,
    say: Callable[[str], None] = tell_nobody,
) -> Input:
    """Build an input from what the command line holds."""
    names = [known.name for known in FORMATS]
    if input_format is not None and input_format not in names:
        raise ConfigError(f"format {input_format!r}: {did_you_mean(input_format, names)}")
    known = FORMATS[names.index(input_format)] if input_format else None
    columns = None
    if keep is not None:
        columns = tuple(name.strip() for name in keep.split(",") if name.strip())
    named = text_column, id_column
    return Input(
        *(tuple(files), known, sentences, *named, columns, limit, frozenset(taken)),
        delimiter=_delimiter(delimiter),
        encoding=text_encoding(encoding) if encoding else "",
        say=say,
    )


def _delimiter(given: str | None) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(given or "", given or "")
    if len(delimiter) > 1 or delimiter in ('"', "\n", "\r"):
        raise ConfigError(f"delimiter is {given!r}, expected one character, or tab")
    return delimiter
