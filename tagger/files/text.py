"""Plain text and Markdown: a file is one document."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from tagger.files.encoding import Decoder
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Ranges, Row, whole


def read(
    stream: BinaryIO,
    source: str,
    limit: int = MAX_DOCUMENT_BYTES,
    clean: Callable[[str], tuple[str, Ranges]] = lambda text: (text, ()),
) -> Iterator[Row | Note]:
    """Yield the whole file as one row; one of more than `limit` bytes is refused.

    `clean` takes the markup off and says where the headings stand.
    """
    data = whole(stream, limit)
    decoder = Decoder(data)
    text, headings = clean(decoder.decode(data.removeprefix(BOM_UTF8)))
    yield from decoder.notes(source)
    yield Row({"text": text}, source, headings=headings)


_SPACE = re.compile(r"\s+")
_UNBROKEN = re.compile(r"[^.!?\u2026\u3002\uff01\uff1f\n]{5000}")
_LEAST_LETTERS, _TO_JUDGE = 0.5, 300


def oddity(text: Any) -> str:
    """Say why a document hardly is one that a person wrote; nothing where it may be.

    In real articles seven of ten visible characters and more are letters, and no sentence
    has a quarter of 5,000 characters.
    """
    if not isinstance(text, str):
        return ""
    visible = _SPACE.sub("", text[:100_000])
    letters = sum(map(str.isalpha, visible))
    if len(visible) >= _TO_JUDGE and letters < _LEAST_LETTERS * len(visible):
        return f"only {letters / len(visible):.0%} of it are letters: it may be no article"
    if _UNBROKEN.search(text):
        return "5,000 characters without the end of a sentence: it may be no article"
    return ""


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
# Not in code or an address.
_STRUCK = re.compile(r"(?<![\w/`~])~~(?=\S)(?:[^\n~`]|\n(?!\s)){1,2000}?(?<=\S)~~(?![\w/`~]) ?")
_EMPHASIS = re.compile(r"(\*{1,3}|_{2,3}|`)(?=\S)([^\n*_`]{1,2000}?)(?<=\S)\1")


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
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _STRUCK.sub("", text)))
