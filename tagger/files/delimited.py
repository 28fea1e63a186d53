"""CSV and TSV: a header line, then one row a record."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from tagger.files.rows import Reject, Row

# The csv module's own limit (128 KiB) would refuse long articles.
csv.field_size_limit(1 << 30)


def read_csv(stream: BinaryIO, source: str) -> Iterator[Row | Reject]:
    """Yield each record of a comma-separated file."""
    return _read(stream, source, ",")


def read_tsv(stream: BinaryIO, source: str) -> Iterator[Row | Reject]:
    """Yield each record of a tab-separated file."""
    return _read(stream, source, "\t")


def _read(stream: BinaryIO, source: str, delimiter: str) -> Iterator[Row | Reject]:
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _records(text, source, delimiter)
    finally:
        text.detach()  # whoever opened the stream closes it


def _records(text: TextIO, source: str, delimiter: str) -> Iterator[Row | Reject]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Reject(f"not {'CSV' if delimiter == ',' else 'TSV'}: {error}", "", source, line)
            line = reader.line_num + 1
            continue
        start, line = line, reader.line_num + 1
        if not cells:
            continue
        raw = delimiter.join(cells)
        if header is None:
            header = cells
        elif len(cells) != len(header):
            reason = f"found {len(cells)} cells, expected {len(header)} as in the header"
            yield Reject(reason, raw, source, start)
        elif any("\udc80" <= c <= "\udcff" for c in raw):
            yield Reject("not UTF-8", raw.encode("utf-8", "replace").decode(), source, start)
        else:
            yield Row(dict(zip(header, cells, strict=True)), source, start)
