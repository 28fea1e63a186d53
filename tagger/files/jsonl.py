"""JSON Lines: one JSON object a line, UTF-8."""

import json
from collections.abc import Iterator
from typing import BinaryIO

from tagger.files.rows import Reject, Row


def read(stream: BinaryIO, source: str) -> Iterator[Row | Reject]:
    """Yield each line's object; a broken line is rejected by its number."""
    for number, line in enumerate(stream, 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            reason = f"not UTF-8 at byte {error.start} of the line"
        except (json.JSONDecodeError, RecursionError) as error:
            reason = f"not a JSON object: {error}"
        else:
            if isinstance(record, dict):
                yield Row(record, source, number)
                continue
            reason = f"found a JSON {type(record).__name__}, expected an object"
        yield Reject(reason, line.decode("utf-8", "replace").rstrip("\r\n"), source, number)
