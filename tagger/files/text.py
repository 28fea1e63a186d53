"""Plain text and Markdown: a file is one document."""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tagger.errors import DataError
from tagger.files.rows import MAX_DOCUMENT_BYTES, Ranges, Reject, Row, as_text, too_long


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
    clean: Callable[[str], tuple[str, Ranges]] = lambda text: (text, ()),
) -> Iterator[Row | Reject]:
    """Yield the whole file as one row; one of more than `limit` bytes is rejected.

    `clean` takes the markup off and says where the headings stand.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        yield Reject(too_long("a document", limit), as_text(data[:1000]), source)
        return
    try:
        text, headings = clean(decode(data))
        yield Row({"text": text}, source, headings=headings)
    except DataError as error:
        yield Reject(str(error), data[:1000].decode("latin-1"), source)


_BLOCK = re.compile(
    r"^```.*?^```[^\n]*$"  # code
    r"|\A---\n.*?^---$",  # front matter
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(
    r"^ {0,3}#{1,6}[ \t]+(\S.*)$"
    r"|^([^\s=*_#>-].*)\n(?:={2,}|-{3,})[ \t]*$"  # underlined
    r"|^(?:\*\*|__)([^\s*_][^*_\n]*)(?:\*\*|__)[ \t]*$",  # a line in bold
    re.MULTILINE,
)
_CLOSING = re.compile(r"[ \t]#+$")
_MARKDOWN = re.compile(
    r"^[ \t]*(?:>|[-*+]|\d{1,9}[.)])[ \t]+"  # quotations, list items
    r"|^(?:[ \t]*[-*_]){3}[-*_ \t]*$",  # rules
    re.MULTILINE,
)
_ITEM = re.compile(r"^([ \t]*(?:[-*+][ \t]|\d{1,9}[.)][ \t]).*)$", re.MULTILINE)
_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,1000})\]"
    r"(?:\([^()\s]{0,2000}(?:[ \t]\"[^\"\n]{0,500}\")?\)|\[[^\[\]\n]{0,200}\])"
)
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|~~|`)(?=\S)([^\n*_`~]{1,2000}?)(?<=\S)\1")


def without_markup(text: str) -> tuple[str, Ranges]:
    """Return Markdown as plain text, and where its headings stand, in linear time."""
    text = _BLOCK.sub("", text.replace("\r\n", "\n"))
    pieces: list[str] = []
    headings: list[tuple[int, int]] = []
    at = length = 0
    for match in _HEADING.finditer(text):
        title = _inline(_CLOSING.sub("", match[match.lastindex or 0].rstrip()).rstrip())
        if not title or (match.lastindex != 1 and title[-1] in ".!?:"):
            continue  # a paragraph above a rule, or in bold
        # A blank line divides a heading from what follows.
        pieces += [_plain(text[at : match.start()]) + "\n", title, "\n"]
        start = length + len(pieces[-3])
        headings.append((start, start + len(title)))
        length = start + len(title) + 1
        at = match.end()
    return "".join([*pieces, _plain(text[at:])]), tuple(headings)


def _plain(text: str) -> str:
    # A list item is a piece of its own: a blank line ends it.
    return _inline(_MARKDOWN.sub("", _ITEM.sub(r"\n\1\n", text)))


def _inline(text: str) -> str:
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", text))
