"""Word: the paragraphs of a document, and which of them are headings."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.files import office
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_AGAIN = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # for old programs
_APART = {f"{_W}tbl": "tables", f"{_W}txbxContent": "text boxes"}
_MARKS = {f"{_W}footnoteReference": "footnotes", f"{_W}endnoteReference": "endnotes"}
_MARKS[f"{_W}altChunk"] = "embedded documents"  # HTML mostly, put in by programs
_UNREAD = (f"{_W}vanish", f"{_W}strike", f"{_W}dstrike")
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Note]:
    """Yield a document as one row, with its title where it has one.

    Headings are the paragraphs whose style is a heading's or a title's. Left out and counted are
    notes, embedded documents, tables and text boxes; the last two are read beside headings alone.
    """
    docx = office.library("docx", "a Word document")
    stream = office.package(stream, limit)
    try:
        file = docx.Document(stream)
        names = {style.style_id: style.name or "" for style in file.styles}
        body = file.element.body
        title = file.core_properties.title.strip()
    except Exception as error:  # whatever a damaged file makes of the library
        raise office.damaged("Word document", error) from None
    apart: dict[str, set[Any]] = {}
    for mark in body.iter(*_MARKS):
        if next(mark.iterancestors(_AGAIN), None) is None:
            apart.setdefault(_MARKS[mark.tag], set()).add(mark)
    found: list[tuple[tuple[str, bool], bool]] = []
    for paragraph in body.iter(f"{_W}p"):
        if next(paragraph.iterancestors(_AGAIN), None) is not None:
            continue
        around = next(paragraph.iterancestors(*_APART), None)
        if around is not None:
            apart.setdefault(_APART[around.tag], set()).add(around)
        if text := _text(paragraph):
            found.append(((text, _is_heading(paragraph, names)), around is None))
    outside = [shown for shown, is_outside in found if is_outside]
    if all(is_heading for _, is_heading in outside):
        outside = [shown for shown, _ in found]
        apart = {what: among for what, among in apart.items() if what in _MARKS.values()}
    for what, among in apart.items():
        yield Note(f"{what} left out", source, len(among))
    text, headings = office.document(outside)
    yield Row({"text": text} | ({"title": title} if title else {}), source, headings=headings)


def _text(paragraph: Any) -> str:
    """Return what a reader sees of a paragraph: not what is struck out, moved away or hidden."""
    pieces = []
    for node in paragraph.iter(f"{_W}t", *_SIGNS):
        # A paragraph with a text box holds the paragraphs of that too.
        inside = next(node.iterancestors(f"{_W}p", f"{_W}moveFrom"))
        own = node.getparent().iterfind(f"{_W}rPr/*")
        off = any(m.tag in _UNREAD and m.get(f"{_W}val") not in ("0", "false", "off") for m in own)
        if inside is paragraph and not off:
            pieces.append(_SIGNS.get(node.tag) or node.text or "")
    return "".join(pieces).strip()


def _is_heading(paragraph: Any, names: dict[str, str]) -> bool:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = "" if style is None else names.get(style.get(f"{_W}val"), "")
    return name.lower().startswith(("heading", "title", "subtitle"))
