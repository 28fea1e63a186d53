"""JSON Lines: one JSON object a line."""

import json
from collections.abc import Iterator
from itertools import count
from typing import BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.rows import (
    MAX_DOCUMENT_BYTES,
    LongLine,
    Note,
    Reject,
    Row,
    as_text,
    not_json,
    read_line,
    too_long,
)


def read(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Row | Reject | Note]:
    """Yield each line's object; a broken line, or one over `limit` bytes, is rejected."""
    decoder = Decoder()
    for number in count(1):
        try:
            line = read_line(stream, limit)
        except LongLine as long:
            yield Reject(too_long("a line", limit), long.head, source, number)
            continue
        if not line:
            yield from decoder.notes(source)
            return
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            record = json.loads(decoder.decode(line))
        except (ValueError, RecursionError) as error:
            reason = f"not a JSON object{not_json(error)}"
        else:
            if isinstance(record, dict):
                yield Row(record, source, number)
                continue
            reason = f"found a JSON {type(record).__name__}, expected an object"
        yield Reject(reason, as_text(line).rstrip("\r\n"), source, number)
