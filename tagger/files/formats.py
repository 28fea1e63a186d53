"""Which format a file has, and how it is read."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from tagger.files import (
    compression,
    delimited,
    encoding,
    json_array,
    jsonl,
    kinds,
    parquet,
    remote,
    text,
)
from tagger.files.exchange import brat, webanno
from tagger.files.exchange.tools import translated
from tagger.files.rows import MAX_DOCUMENT_BYTES, Member, Note, Notes, Reject, Row, Unreadable

Report = Callable[[str, int], None]
Item = Row | Reject | Note


@dataclass(frozen=True)
class Format:
    """A way to keep rows in a file: many records, one document, or an archive of other files.

    `read` yields the rows of an open file, given its name and the most bytes of a row, and
    notes on what it guessed or left out; of an archive, its files. `recoded` says whether it
    reads UTF-8 that another encoding may be turned into.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[BinaryIO, str, int], Iterator[Item | Member]]
    records: bool = False
    recoded: bool = False


def _late(
    module: str, reader: str, stream: BinaryIO, source: str, limit: int
) -> Iterator[Item | Member]:
    """Read by a reader that is imported when it is first needed: no start waits for it."""
    items: Iterator[Item | Member] = getattr(import_module(f"tagger.files.{module}"), reader)(
        stream, source, limit
    )
    return items


_read_markdown = partial(text.read, clean=text.without_markup)
_read_tsv = partial(delimited.read_csv, delimiter="\t")
FORMATS = (
    Format("text", (".txt", ".text"), text.read, recoded=True),
    Format("markdown", (".md", ".markdown"), _read_markdown, recoded=True),
    Format("html", (".html", ".htm"), partial(_late, "html", "read"), recoded=True),
    Format("jsonl", (".jsonl", ".ndjson"), jsonl.read, records=True, recoded=True),
    Format("json", (".json",), json_array.read, records=True, recoded=True),
    Format("csv", (".csv",), delimited.read_csv, records=True, recoded=True),
    Format("tsv", (".tsv", ".tab"), _read_tsv, records=True, recoded=True),
    Format("parquet", (".parquet",), parquet.read, records=True),
    Format("xlsx", (".xlsx", ".xlsm"), partial(_late, "xlsx", "read"), records=True),
    Format("docx", (".docx",), partial(_late, "docx", "read")),
    Format("pdf", (".pdf",), partial(_late, "pdf", "read")),
    Format("eml", (".eml",), partial(_late, "eml", "read")),
    Format("zip", (".zip",), partial(_late, "archives", "read_zip")),
    Format("tar", (".tar", ".tgz"), partial(_late, "archives", "read_tar")),
    Format("brat", (brat.SUFFIX,), brat.read, records=True),
    Format("webanno", (), webanno.read, records=True, recoded=True),
)
_NAMED = {known.name: known for known in FORMATS}
TEXT = _NAMED["text"]
# What begins these may begin a text too, so that the name of the file decides.
_BY_NAME = ("", "csv")
# What a server calls a text, where its bytes may not tell.
_OF_MEDIA = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
# What may hold a text that looks like another format.
_KEPT = {"markdown": ("html", "eml", "json"), "jsonl": ("json",), "tsv": ("csv",), "csv": ("eml",)}


def format_of(path: Path) -> Format:
    """Return the format that a file's ending names; plain text where it names none."""
    return known_format(path) or TEXT


def known_format(path: Path) -> Format | None:
    """Return the format that a file's ending names, None where it names none."""
    suffix = compression.split_suffix(path)[0].suffix.lower()
    return next((known for known in FORMATS if suffix in known.suffixes), None)


def read_rows(
    path: str,
    limit: int = MAX_DOCUMENT_BYTES,
    say: Callable[[str], None] = lambda note: None,
    encoding: str = "",
) -> Iterator[Row | Reject]:
    """Yield the rows of a file, or of standard input for ``-``, of an archive those of its files.

    A file that breaks off is read to where it breaks, and ends with a reject. Of what a
    labelling tool wrote, the annotations are taken.

    Parameters
    ----------
    path : a file, which may be compressed.
    limit : the most bytes of one row or document.
    say : is told what was guessed and left out.
    encoding : of its text; judged by its first bytes where empty.
    """
    notes = Notes()
    for _, _, rows in read_files(brat.beside(path) or path, limit=limit, encoding=encoding):
        for row in translated(rows, labelled=True):
            if isinstance(row, Note):
                notes.add(row)
            else:
                yield row
    for note in notes.said:
        say(note)


def read_files(
    path: str,
    known: Format | None = None,
    limit: int = MAX_DOCUMENT_BYTES,
    report: Report = lambda path, n_bytes: None,
    delimiter: str = "",
    encoding: str = "",
) -> Iterator[tuple[Format, str, Iterator[Item]]]:
    """Yield format, name and rows of a file, and of an archive those of each file in it.

    What cannot be opened gives one reject, as what cannot be read does.

    Parameters
    ----------
    path, limit : as in `read_rows`.
    known : the format of the file; what its first bytes and its ending say where None.
    report : is told the file at hand and how many bytes of it have been read.
    delimiter, encoding : of CSV, and of text; judged by the first bytes where empty.
    """
    given = _Given(known, limit, delimiter, encoding)
    if path == "-":
        if sys.stdin is None:  # by the shell: `<&-`
            why = "is closed: name a file, or give it a text"
            yield TEXT, "<stdin>", iter([Reject(why, "", "<stdin>")])
            return
        stream: BinaryIO = sys.stdin.buffer
        yield from _files(stream, "<stdin>", given)
        return
    try:
        opened = open_binary(path, recode=not encoding)
    except Unreadable as error:
        yield TEXT, path, iter([Reject(str(error).removeprefix(f"{path}: "), "", path)])
        return
    with opened as stream:

        def told(rows: Iterator[Item]) -> Iterator[Item]:
            for number, row in enumerate(rows):
                if number % 256 == 0 and stream.seekable():  # a pipe has no place to tell
                    report(path, stream.tell())
                yield row

        for found, source, rows in _files(stream, path, given):
            yield found, source, told(rows)
        if stream.seekable():
            report(path, stream.tell())


class _Given(NamedTuple):
    """What a user says of files."""

    known: Format | None
    limit: int
    delimiter: str
    encoding: str


def _files(
    stream: BinaryIO, source: str, given: _Given, inside: bool = False
) -> Iterator[tuple[Format, str, Iterator[Item]]]:
    known, limit, delimiter, named = given
    lost: Callable[[str], Iterator[Note]] | None = None
    try:
        kind, head, stream = _unpacked(stream, source)
        if named and kind.format not in _OWN and (not kind.advice or kind is kinds.BINARY):
            stream, lost = encoding.recoded(stream, encoding.fitting(head, named))
            head, stream = encoding.peek(stream)
            kind = kinds.kind_of(head)
        if kind is kinds.ZIP:
            from tagger.files import office

            stream = office.whole(stream, limit)
        found, notes = (known, []) if known else _judged(kind, stream, source)
        found = _fitted(found, head, delimiter)
        if named and not found.recoded and found.name not in _ARCHIVES:
            what = kind if kind.format == found.name else kinds.Kind(f"{found.name} file")
            raise Unreadable(f"{what.one}, which says its encoding itself: leave out --encoding")
        if found.recoded and not named and (wide := encoding.wide(head)):
            stream, lost = encoding.recoded(stream, wide)
    except _broken() as error:
        yield TEXT, source, iter([Reject(_reason(error), "", source)])
        return
    if found.name not in _ARCHIVES:
        yield found, source, _until_broken(stream, source, found, limit, notes, lost)
        return
    if inside:
        reason = "an archive inside an archive: unpack it first"
        yield TEXT, source, iter([Reject(reason, "", source)])
        return
    member = None
    try:
        for member in found.read(stream, source, limit):
            if isinstance(member, Member):
                if why := _passed_over(member.source.removeprefix(source)):
                    yield TEXT, source, iter([Note(why, member.source, 1)])
                    continue
                inner = given._replace(known=None)
                yield from _files(member.stream, member.source, inner, True)
            elif isinstance(member, Reject):
                yield TEXT, source, iter([member])
        if member is None:
            yield TEXT, source, iter([Note("no file in it", source)])
    except _broken() as error:
        yield TEXT, source, iter([Reject(_reason(error), "", source)])


_ARCHIVES = ("zip", "tar")
_EMPTY = "an empty file"
_OWN = ("pdf", "parquet", "eml", *_ARCHIVES)
_OF_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


def _passed_over(name: str) -> str:
    """Return why a file of an archive is not read, empty where it is."""
    path = Path(name)
    if path.name.startswith("._") or not {*path.parts}.isdisjoint(_OF_SYSTEMS):
        return "files in archives that macOS or Windows adds are passed over"
    return "" if known_format(path) else "files in archives of other endings are passed over"


def _unpacked(stream: BinaryIO, source: str) -> tuple[kinds.Kind, bytes, BinaryIO]:
    """Return what a file is, its first bytes, and the file, all as they are when unpacked."""
    head, stream = encoding.peek(stream, whole=source != "<stdin>")
    while (kind := kinds.kind_of(head)).format in compression.SUFFIXES:
        from tagger.files import archives

        budget = archives.Budget(stream)
        stream = archives.counted(compression.decompressed(stream, kind.format), budget)
        head, stream = encoding.peek(stream)
    return kind, head, stream


def _judged(kind: kinds.Kind, stream: BinaryIO, source: str) -> tuple[Format, list[Note]]:
    """Return the format of a file of a kind and a name, and a note where these disagree."""
    media = _OF_MEDIA.get(remote.media_type(source), "")
    named = _NAMED.get(media) or known_format(remote.path_of(source))
    if kind is kinds.ZIP:
        from tagger.files import archives

        kind = kinds.kind_of_members(archives.names(stream))
    if kind is kinds.BINARY and named is _NAMED["tar"]:
        kind = kinds.TAR  # an empty one has no mark, nor has one older than POSIX
    if kind.advice:
        raise kinds.refusal(kind)
    if kind is kinds.EMPTY:
        return named or TEXT, [Note(_EMPTY, source)]
    if kind.format in _BY_NAME:
        if named is None and kind.format:
            return _NAMED[kind.format], [Note("no ending says so: read as CSV", source)]
        if named is not None and named.name in _BINARY:
            raise Unreadable(f"{kind.one}, expected {named.name} as its name says: rename it")
        return named or TEXT, []
    if named is not None and kind.format in _KEPT.get(named.name, ()):
        return named, []
    found = _NAMED[kind.format]
    if named in (None, found) or (named.name, found.name) in _ALIKE:
        return found, []
    return found, [Note(f"read as what it is, {kind.one}, not as its name says", source)]


_ALIKE = (("json", "jsonl"), ("tsv", "webanno"))
_BINARY = ("parquet", "xlsx", "docx", "pdf", "zip", "tar")


def _fitted(known: Format, head: bytes, delimiter: str) -> Format:
    """Return a format that reads CSV with the delimiter that is given, or that its head shows."""
    if known.name != "csv":
        return known
    if not delimiter:
        text = head.decode(encoding.wide(head) or "utf-8", "replace").removeprefix("\ufeff")
        delimiter = kinds.table_of(text)[0]
    return replace(known, read=partial(delimited.read_csv, delimiter=delimiter))


def open_binary(path: str, recode: bool = True) -> BinaryIO:
    """Open a file or what an address names to read, or say why it cannot be.

    Unless `recode`, what a server says of the encoding of a page is left aside.
    """
    if remote.is_address(path):
        return remote.open_address(path, recode)
    try:
        return open(path, "rb")
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror or error}") from None


def _until_broken(
    stream: BinaryIO,
    source: str,
    known: Format,
    limit: int,
    notes: list[Note],
    lost: Callable[[str], Iterator[Note]] | None,
) -> Iterator[Item]:
    yield from notes
    line, raw = 0, ""
    if not known.records and known.name not in _BINARY:
        head, stream = encoding.peek(stream)
        raw = head[:1000].decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    try:
        for row in cast(Iterator[Item], known.read(stream, source, limit)):
            if type(row) is Row:
                line = row.line
                blank = not known.records and not row.record["text"].strip()
                if blank and _EMPTY not in (note.what for note in notes):
                    yield Note("no text in it", source)
            yield row
        if lost is not None:
            yield from lost(source)
    except Unreadable as error:
        yield Reject(str(error).removeprefix(f"{source}: "), raw, source, line)
    except compression.errors() as error:
        why = f"the file cannot be read beyond this row, fetch or make it again: {_reason(error)}"
        yield Reject(why, raw, source, line)


def _broken() -> tuple[type[Exception], ...]:
    return (Unreadable, *compression.errors())


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
