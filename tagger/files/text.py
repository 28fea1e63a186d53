"""Plain text and Markdown: a file is one document."""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tagger.errors import DataError
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject, Row, as_text, too_long


def decode(data: bytes) -> str:
    """Decode a whole text file.

    UTF-8 with or without a byte order mark, UTF-16 with one; anything else that
    looks like text is read as Windows-1252, which holds Latin-1's letters.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise DataError(f"not valid UTF-16: {error.reason}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        head = data[:65536]
        control = sum(head.count(byte) for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
        if control > len(head) / 100:
            raise DataError("a binary file, expected text") from None
        return data.decode("cp1252", "replace")


def read(
    stream: BinaryIO,
    source: str,
    limit: int = MAX_DOCUMENT_BYTES,
    clean: Callable[[str], str] = str,
) -> Iterator[Row | Reject]:
    """Yield the whole file as one row, cleaned; one of more than `limit` bytes is rejected."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        yield Reject(too_long("a document", limit), as_text(data[:1000]), source)
        return
    try:
        yield Row({"text": clean(decode(data))}, source)
    except DataError as error:
        yield Reject(str(error), data[:1000].decode("latin-1"), source)


_MARKDOWN = re.compile(
    r"^```.*?^```[^\n]*$"  # code blocks
    r"|\A---\n.*?^---$"  # front matter
    r"|^[ \t]*(?:#{1,6}|>|[-*+]|\d{1,9}[.)])[ \t]+"  # headings, quotations, list items
    r"|^(?:[ \t]*[-*_]){3}[-*_ \t]*$"  # rules
    r"|[ \t]#+$",
    re.MULTILINE | re.DOTALL,
)
_ITEM = re.compile(r"^([ \t]*(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,9}[.)][ \t]).*)$", re.MULTILINE)
_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,1000})\]"
    r"(?:\([^()\s]{0,2000}(?:[ \t]\"[^\"\n]{0,500}\")?\)|\[[^\[\]\n]{0,200}\])"
)
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|~~|`)(?=\S)([^\n*_`~]{1,2000}?)(?<=\S)\1")


def without_markup(text: str) -> str:
    """Return Markdown as plain text, in time linear in its length."""
    text = text.replace("\r\n", "\n")
    # A heading or list item is a sentence of its own: a blank line ends it.
    text = _MARKDOWN.sub("", _ITEM.sub(r"\n\1\n", text))
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", text))
