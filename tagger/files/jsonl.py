"""JSON Lines: one JSON object a line, UTF-8."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from tagger.files.lines import Lines, LongLine
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Reject]:
    """Yield each line's object; a broken line, or one over `limit` bytes, is rejected."""
    lines = Lines(stream, limit)
    number = 0
    while True:
        number += 1
        try:
            line = next(lines)
        except StopIteration:
            return
        except LongLine as long:
            reason = f"a line of more than {limit:,} bytes, see --max-document-bytes"
            yield Reject(reason, as_text(long.head), source, number)
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 at byte {error.start} of the line"
        except (ValueError, RecursionError) as error:
            reason = f"not a JSON object: {error}"
        else:
            if isinstance(record, dict):
                yield Row(record, source, number)
                continue
            reason = f"found a JSON {type(record).__name__}, expected an object"
        yield Reject(reason, as_text(line).rstrip("\r\n"), source, number)


def as_text(raw: bytes) -> str:
    """Decode bytes that may be no text, so that `encode("utf-8", "surrogateescape")` undoes it."""
    return raw.decode("utf-8", "surrogateescape")
