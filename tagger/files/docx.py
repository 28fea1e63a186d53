"""Word: the paragraphs of a document, and which of them are headings."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.files import office
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_APART = {f"{_W}tbl": "tables", f"{_W}txbxContent": "text boxes"}
_BREAKS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n"}


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Note]:
    """Yield a document as one row, with its title where it has one.

    Headings are the paragraphs whose style is a heading's or a title's. Tables and text boxes
    are left out and counted; where there is nothing else, the text of the tables is taken.
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
    inside: list[tuple[str, bool]] = []
    outside: list[tuple[str, bool]] = []
    for paragraph in body.iter(f"{_W}p"):
        around = next((a for a in paragraph.iterancestors() if a.tag in _APART), None)
        if around is not None:
            apart.setdefault(_APART[around.tag], set()).add(around)
        if text := _text(paragraph):
            into = outside if around is None else inside
            into.append((text, _is_heading(paragraph, names)))
    if not outside:
        apart.clear()
    for what, found in apart.items():
        yield Note(f"{what} left out", source, len(found))
    text, headings = office.document(outside or inside)
    yield Row({"text": text} | ({"title": title} if title else {}), source, headings=headings)


def _text(paragraph: Any) -> str:
    """Return what a reader sees of a paragraph: what was inserted, not what was deleted."""
    pieces = []
    for node in paragraph.iter(f"{_W}t", *_BREAKS):
        # A paragraph with a text box holds the paragraphs of that too.
        if next(a for a in node.iterancestors() if a.tag == f"{_W}p") is paragraph:
            pieces.append(_BREAKS.get(node.tag) or node.text or "")
    return "".join(pieces).strip()


def _is_heading(paragraph: Any, names: dict[str, str]) -> bool:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = "" if style is None else names.get(style.get(f"{_W}val"), "")
    return name.lower().startswith(("heading", "title", "subtitle"))
