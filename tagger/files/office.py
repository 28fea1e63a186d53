"""What the readers of office files share."""

import io
import re
from collections.abc import Iterable
from typing import Any, BinaryIO

from tagger.errors import required
from tagger.files import rows
from tagger.files.rows import Unreadable

_MISSING = re.compile(r"item named '([^']+)'")


def library(name: str, kind: str) -> Any:
    """Return a module of the extra office; raise Unreadable where it is not installed."""
    return required(name, "office", f"{kind}: install the extra office", Unreadable)


def whole(stream: BinaryIO, limit: int) -> BinaryIO:
    """Return a file that can be read from anywhere, from a stream that may not be."""
    return stream if stream.seekable() else io.BytesIO(rows.whole(stream, limit))


def package(stream: BinaryIO, limit: int) -> BinaryIO:
    """Return an office file as `whole` does, unless it unpacks to more than is held in memory.

    The module zipfile gives no more bytes of a file than its directory says.
    """
    from zipfile import BadZipFile, ZipFile

    stream = whole(stream, limit)
    try:
        size = sum(member.file_size for member in ZipFile(stream).infolist())
    except (BadZipFile, OSError, ValueError) as error:
        raise Unreadable(f"a damaged office file: {error}") from None
    if size > 4 * limit:
        raise Unreadable(
            f"an office file that unpacks to {size:,} bytes, expected at most {4 * limit:,}, "
            "see --max-document-bytes"
        )
    stream.seek(0)
    return stream


def damaged(kind: str, error: Exception) -> Unreadable:
    """Return the error that says what is wrong with a file on which its library broke."""
    reason = str(error) or type(error).__name__
    if isinstance(error, KeyError) and (part := _MISSING.search(reason)):
        reason = f"its part {part[1]} is missing"
    elif isinstance(error, (LookupError, TypeError, AttributeError, RecursionError)):
        reason = "a part of it is missing or not as it should be"
    return Unreadable(f"a damaged {kind}: {reason}: open it in another program and save it again")


def document(paragraphs: Iterable[tuple[str, bool]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return paragraphs as one text, divided by blank lines, and where its headings stand."""
    pieces, headings, at = [], [], 0
    for text, is_heading in paragraphs:
        pieces.append(text)
        if is_heading:
            headings.append((at, at + len(text)))
        at += len(text) + 2
    return "\n\n".join(pieces), tuple(headings)
