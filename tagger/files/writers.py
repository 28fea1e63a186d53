"""Which formats tagged sentences are written in, and how: one row of `WRITERS` a format."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tagger.arrow import pyarrow
from tagger.errors import OutputError
from tagger.files import pages, parquet, sheets, tagged
from tagger.files.exchange.tasks import encode as to_tasks
from tagger.files.exchange.tools import TOOLS, Tool
from tagger.schema import Schema
from tagger.table import TaggedTable
from tagger.targets import atomic_write, write


@dataclass(frozen=True)
class Layout:
    """What all pieces of an output have in common.

    These are its columns, what gives its Arrow schema, the tasks and the short hash of the
    model, and the ending of its compression, empty where there is none.
    """

    names: Sequence[str]
    arrow: Callable[[], Any]
    schema: Schema
    model: str
    suffix: str = ""


@dataclass(frozen=True)
class Writer:
    """A way to write tagged sentences.

    Parameters
    ----------
    encode : tagged sentences as the format has them, given the types of the other columns
        and the documents, or None where each row is a sentence.
    join : writes the parts, each with its SHA-256, as one output; returns the number of
        sentences where it is known.
    pack : what `encode` gave as the bytes of a part.
    header : the bytes that stand before the first part.
    fixed : whether all rows have the same columns, and UTF-8 that has no escapes.
    json : whether numbers that JSON lacks are null.
    explains : whether it always shows the words that moved each decision.
    streams : whether its parts may stand one after another, on standard output or compressed.
    sentences : whether headings and other pieces are not written.
    ending : how the name of such an output ends; empty for a folder.
    part : how the name of its parts ends; by default its own name.
    append, write_footer : where a job's parts go straight into the file that becomes the output:
        writes one behind so many bytes, returns how many there are then and what is kept of the
        part in its place; and ends the file with what was kept. Else a job calls `join`.
    library : raises DataError where the extra that it needs is not installed.
    """

    name: str
    encode: Callable[[TaggedTable, Mapping[str, str], Sequence[str] | None], Any]
    join: Callable[[Sequence[tuple[Path, str]], Path, Layout], int | None]
    pack: Callable[[list[Any], Layout], bytes] = lambda pieces, layout: b"".join(pieces)
    header: Callable[[Layout], bytes] = lambda layout: b""
    fixed: bool = False
    typed: bool = False
    json: bool = False
    explains: bool = False
    streams: bool = False
    folder: bool = False
    sentences: bool = False
    ending: str = ""
    part: str = ""
    library: Callable[[], Any] = lambda: None
    append: Callable[[Path, int, bytes], tuple[int, bytes]] | None = None
    write_footer: Callable[[Path, int, Iterable[bytes]], int] | None = None


def copy(path: Path, sha256: str, stream: BinaryIO) -> int:
    """Append a file to a stream, check that it is as it was, and return how many lines it has."""
    digest, n = hashlib.sha256(), 0
    with open(path, "rb") as part:
        while data := part.read(1 << 20):
            digest.update(data)
            n += data.count(b"\n")
            stream.write(data)
    if digest.hexdigest() != sha256:
        raise OutputError(f"{path}: is damaged: run again with --resume")
    return n


def _lines(parts: Sequence[tuple[Path, str]]) -> Iterator[bytes]:
    for path, sha256 in parts:
        part = io.BytesIO()
        copy(path, sha256, part)
        yield from part.getvalue().splitlines()


def _join_lines(parts: Sequence[tuple[Path, str]], output: Path, layout: Layout) -> int | None:
    with atomic_write(output) as stream:
        n = sum(copy(path, sha256, stream) for path, sha256 in parts)
    return None if layout.suffix else n


def _join_csv(parts: Sequence[tuple[Path, str]], output: Path, layout: Layout) -> None:
    _join_lines(parts, output, layout)  # a row may have several lines


def _join_json(parts: Sequence[tuple[Path, str]], output: Path, layout: Layout) -> int:
    with atomic_write(output) as stream:
        n = 0
        for n, line in enumerate(_lines(parts), 1):
            stream.write((b",\n" if n > 1 else b"[\n") + line)
        stream.write(b"\n]\n" if n else b"[]\n")
    return n


def _join_workbook(parts: Sequence[tuple[Path, str]], output: Path, layout: Layout) -> int:
    rows = (
        {k: v if type(v) is bool else tagged.cell(v) for k, v in json.loads(line).items()}
        for line in _lines(parts)
    )
    with atomic_write(output) as stream:
        return sheets.write_workbook(rows, layout.names, stream, parts[0][0].parent)


def _join_parquet(parts: Sequence[tuple[Path, str]], output: Path, layout: Layout) -> int:
    size, footers = 0, []
    for path, _ in parts:
        size, footer = parquet.append(output, size, path.read_bytes())
        footers.append(footer)
    return parquet.write_footer(output, size, footers)


def _join_pages(parts: Sequence[tuple[Path, str]], output: Path, layout: Layout) -> None:
    output.mkdir(exist_ok=True)
    for name, content in pages.pages(_lines(parts), layout.schema, layout.model):
        write(output / name, content)


def _of_csv(name: str, safe: bool) -> Writer:
    return Writer(
        name,
        lambda table, kinds, texts: tagged.to_csv(table, kinds, safe),
        _join_csv,
        header=lambda layout: tagged.csv_header(layout.names, safe),
        json=True,  # lists and objects stand in cells as JSON
        fixed=True,
        streams=True,
        ending="csv",
    )


def _of_tool(name: str, tool: Tool, lines: bool) -> Writer:
    return Writer(
        name,
        partial(to_tasks, build=tool.task),
        _join_lines if lines else _join_json,
        json=True,
        streams=lines,
        sentences=True,
        ending="jsonl" if lines else "json",
    )


def _to_jsonl(table: TaggedTable, kinds: object, texts: object) -> bytes:
    return tagged.to_jsonl(table)


_TOOLS = {tool.name: tool for tool in TOOLS}
WRITERS = (
    Writer("jsonl", _to_jsonl, _join_lines, json=True, streams=True, ending="jsonl"),
    _of_csv("csv", safe=False),
    _of_csv("excel", safe=True),
    # Manifests end in .json, parts must not.
    Writer("json", _to_jsonl, _join_json, json=True, ending="json", part="lines"),
    Writer(
        "xlsx",
        _to_jsonl,
        _join_workbook,
        json=True,
        fixed=True,
        ending="xlsx",
        library=sheets.library,
    ),
    Writer(
        "parquet",
        lambda table, kinds, texts: table.to_record_batch(kinds),
        _join_parquet,
        # All pieces have one schema, which takes 2 ms to make.
        lambda pieces, layout: parquet.pack(pieces, pieces[0].schema if pieces else layout.arrow()),
        fixed=True,
        typed=True,
        ending="parquet",
        part="footer",
        library=pyarrow,
        append=parquet.append,
        write_footer=parquet.write_footer,
    ),
    Writer(
        "html",
        lambda table, kinds, texts: pages.to_drafts(table, texts),
        _join_pages,
        json=True,
        explains=True,
        folder=True,
    ),
    _of_tool("label-studio", _TOOLS["Label Studio"], lines=False),
    _of_tool("doccano", _TOOLS["doccano"], lines=True),
    _of_tool("prodigy", _TOOLS["Prodigy"], lines=True),
    _of_tool("argilla", _TOOLS["Argilla"], lines=False),
)
OUTPUT_FORMATS = tuple(writer.name for writer in WRITERS)
OUTPUT_ENDINGS = tuple(writer.name for writer in WRITERS if writer.ending == writer.name)


def writer_of(name: str) -> Writer:
    """Return the writer of a format of `OUTPUT_FORMATS`."""
    return next(writer for writer in WRITERS if writer.name == name)
