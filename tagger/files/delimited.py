"""CSV with any delimiter: a header line, then one row a record."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.kinds import SEPARATOR
from tagger.files.names import check_once
from tagger.files.rows import MAX_DOCUMENT_BYTES, LongLine, Note, Reject, Row, read_line, too_long

# The csv module's own limit (128 KiB) would refuse long articles.
csv.field_size_limit(1 << 30)
_FREE_AGAIN = 1 << 20


class _Long(Exception):
    """A record is longer than allowed."""


class _Feed(Iterator[str]):
    """The lines of a file for the csv module, with those of the record at hand kept.

    A quotation mark that nobody closes makes the lines after it look like one
    record. When that record breaks, `retreat` gives its lines back but the first,
    so that no whole row is lost with a broken one.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self.stream, self.limit = stream, limit
        self.decoder = Decoder()
        self.again: deque[str] = deque()
        self.n_read = self.n_again = 0
        self.begin()

    def __next__(self) -> str:
        if self.again:
            line = self.again.popleft()
        else:
            line = self.decoder.decode(read_line(self.stream, self.limit))
            if not line:
                raise StopIteration
            if not self.n_read:
                line = line.removeprefix("\ufeff")
            self.n_read += len(line)
        self.taken.append(line)
        self.size += len(line)
        if self.size > self.limit:
            raise _Long
        return line

    def begin(self) -> None:
        """Begin a record."""
        self.taken: list[str] = []
        self.size = 0

    def retreat(self) -> tuple[str, int]:
        """Give back all lines of the record but the first; return that one and their number.

        Where lines have been given back so often that reading would no longer be linear
        in the length of the file, none is: the whole record is lost.
        """
        if self.n_again + self.size > 2 * self.n_read + _FREE_AGAIN:
            return "".join(self.taken).rstrip("\r\n"), len(self.taken)
        self.n_again += self.size
        self.again.extendleft(reversed(self.taken[1:]))
        return self.taken[0].rstrip("\r\n") if self.taken else "", 1


def read_csv(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES, delimiter: str = ","
) -> Iterator[Row | Reject | Note]:
    """Yield each record of a file of cells; one over `limit` bytes is rejected."""
    feed = _Feed(stream, limit)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            yield from feed.decoder.notes(source)
            return
        except (csv.Error, _Long, LongLine) as error:
            raw, n_lines = feed.retreat()
            if isinstance(error, csv.Error):
                # Python speaks of its own modes of opening files.
                stray = "universal-newline" in str(error)
                why = "a line break inside a cell without quotation marks" if stray else error
                reason = f"not CSV: {why}"
            else:
                reason = too_long("a row", limit)
                if isinstance(error, LongLine) and not raw:
                    raw = error.head
                elif isinstance(error, LongLine):
                    # The long line is gone; what was read before it is read again.
                    yield Reject(reason, error.head, source, line)
                    reason = "not CSV: a quotation mark is not closed"
            yield Reject(reason, raw, source, line, n_lines)
            line += n_lines
            reader = csv.reader(feed, delimiter=delimiter, strict=True)
            continue
        start, line = line, line + len(feed.taken)
        if not cells:
            continue
        if start == 1 and (named := SEPARATOR.fullmatch(feed.taken[0])):
            reader = csv.reader(feed, delimiter=named[1], strict=True)
            continue
        if header is None:
            header = cells
            check_once(cells, source)
        elif len(cells) != len(header):
            reason = f"found {len(cells)} cells, expected {len(header)} as in the header"
            yield Reject(reason, "".join(feed.taken).rstrip("\r\n"), source, start)
        else:
            yield Row(dict(zip(header, cells, strict=True)), source, start)
