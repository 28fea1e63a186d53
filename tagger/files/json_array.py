"""JSON: one value, with rows somewhere in it."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Reject, Row, Unreadable, as_text, not_json

_DEPTH = 6


def read(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Row | Reject | Note]:
    """Yield the rows of a JSON file, numbered from 1: the objects of its array, or itself.

    Of several arrays, the one whose objects hold most text has the rows. A string in
    an array is a row with a text. The file is held in memory: one of more than `limit` bytes
    is refused.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise Unreadable(
            f"a JSON file of more than {limit:,} bytes, which is read whole: make JSON Lines of it "
            "(jq -c '.[]'), or raise --max-document-bytes"
        )
    decoder = Decoder(data)
    try:
        value = json.loads(decoder.decode(data.removeprefix(b"\xef\xbb\xbf")))
    except (ValueError, RecursionError) as error:
        yield Reject(f"not JSON{not_json(error)}", as_text(data[:1000]), source)
        return
    yield from decoder.notes(source)
    del data
    found = sorted(_candidates(value, "", 0), key=lambda c: -c[0])
    _, path, rows = found[0]
    if path:
        yield Note(f"rows are read from {path!r}", source)
    for number, row in enumerate(rows, 1):
        if isinstance(row, str):
            row = {"text": row}
        if isinstance(row, dict):
            yield Row(row, source, number)
        else:
            reason = f"found a JSON {type(row).__name__}, expected an object or a string"
            yield Reject(reason, json.dumps(row, ensure_ascii=False), source, number)


def _candidates(value: Any, path: str, depth: int) -> Iterator[tuple[int, str, list[Any]]]:
    """Yield what may be the rows, each with how much text it holds and where it stands."""
    if isinstance(value, list):
        yield sum(map(_weight, value)), path, value
    elif isinstance(value, dict):
        if (table := _split(value)) is not None:
            yield sum(map(_weight, table)), path, table
        yield _weight(value), path, [value]
        if depth < _DEPTH:
            for name, inner in value.items():
                if isinstance(inner, (dict, list)):
                    yield from _candidates(inner, f"{path}.{name}" if path else name, depth + 1)
    else:
        yield 0, path, [value]


def _weight(row: Any) -> int:
    """Return how much text stands in a row itself."""
    if isinstance(row, dict):
        return sum(len(value) for value in row.values() if isinstance(value, str))
    return len(row) if isinstance(row, str) else 0


def _split(value: dict[str, Any]) -> list[Any] | None:
    """Return the rows of a table whose names stand beside it, as pandas writes one."""
    names, data = value.get("columns"), value.get("data")
    if not (isinstance(names, list) and isinstance(data, list) and data):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    return [dict(zip(map(str, names), row, strict=True)) for row in data]
