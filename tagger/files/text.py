"""Plain text and Markdown: a file is one document."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from tagger.errors import DataError
from tagger.files.rows import Reject, Row


def decode(data: bytes, source: str) -> str:
    """Decode a whole text file.

    UTF-8 with or without a byte order mark, UTF-16 with one; anything else that
    looks like text is read as Windows-1252, which holds Latin-1's letters.

    Raises
    ------
    DataError : the bytes are not text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise DataError(f"{source}: not valid UTF-16: {error.reason}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if _is_binary(data):
            raise DataError(f"{source}: a binary file, expected text") from None
        return data.decode("cp1252", "replace")


def _is_binary(data: bytes) -> bool:
    head = data[:65536]
    control = sum(head.count(byte) for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
    return control > len(head) / 100


def read(stream: BinaryIO, source: str) -> Iterator[Row | Reject]:
    """Yield the whole file as one row."""
    yield Row({"text": decode(stream.read(), source)}, source)


_MARKDOWN = re.compile(
    r"^```.*?^```[^\n]*$"  # code blocks
    r"|^---\n.*?^---$"  # front matter
    r"|^[ \t]*(?:#{1,6}|>|[-*+]|\d{1,9}[.)])[ \t]+"  # headings, quotations, list items
    r"|^[ \t]*(?:[-*_][ \t]*){3,}$"  # rules
    r"|[ \t]#+$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,1000})\](?:\([^()\s]{0,2000}(?:[ \t]\"[^\"\n]{0,500}\")?\)|\[[^\[\]\n]{0,200}\])"
)
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|~~|`)(?=\S)([^\n*_`~]{1,2000}?)(?<=\S)\1")


def read_markdown(stream: BinaryIO, source: str) -> Iterator[Row | Reject]:
    """Yield the whole file as one row, without its markup."""
    text = decode(stream.read(), source).replace("\r\n", "\n")
    # A heading or list item is a sentence of its own: a blank line ends it.
    text = re.sub(
        r"^([ \t]*(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,9}[.)][ \t]).*)$",
        r"\n\1\n",
        text,
        flags=re.MULTILINE,
    )
    text = _MARKDOWN.sub("", text)
    text = _LINK.sub(r"\1", text)
    text = _EMPHASIS.sub(r"\2", text)
    yield Row({"text": text}, source)
