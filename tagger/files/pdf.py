"""PDF: the text of its pages, as paragraphs."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from tagger.files import office
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row, Unreadable, too_long

_OCR = "a PDF without text: recognise the text of its pages first (OCR), for example with ocrmypdf"
_END = re.compile(r"[.!?:…][\"'”’»)\]]*$")
_EDGE_LINES = 2


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Note]:
    """Yield a document as one row, with its title where it has one.

    Words divided at the end of a line are joined, and the lines of a paragraph; what stands at
    the edge of most pages, such as their numbers, is left out and counted.
    """
    pypdf = office.library("pypdf", "a PDF")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it mends need not be said
    try:
        file = pypdf.PdfReader(office.whole(stream, limit))
        locked = file.is_encrypted and not file.decrypt("")
        pages = [] if locked else list(_pages(file, limit))
        title = str((file.metadata or {}).get("/Title") or "").strip() if pages else ""
    except Unreadable:
        raise
    except pypdf.errors.DependencyError:
        locked = True
    except Exception as error:  # whatever a damaged file makes of the library
        raise Unreadable(f"a damaged PDF: {type(error).__name__}: {error}") from None
    if locked:
        raise Unreadable("an encrypted PDF: save it without a password")
    edges = _running(pages)
    n = 0
    for page in pages:
        kept = [line for line in page if _bare(line) not in edges or not _bare(line)]
        n += len(page) - len(kept)
        page[:] = kept
    text = "\n\n".join(paragraphs([line for page in pages for line in page]))
    if not any(map(str.isalpha, text)):
        raise Unreadable(_OCR)
    if n:
        yield Note("lines at the edges of pages left out", source, n)
    if empty := sum(not any(map(str.strip, page)) for page in pages):
        yield Note("pages without text", source, empty)
    yield Row({"text": text} | ({"title": title} if title else {}), source)


def _pages(file: Any, limit: int) -> Iterator[list[str]]:
    size = 0
    for page in file.pages:
        text = page.extract_text()
        size += len(text)
        if size > limit:
            raise Unreadable(too_long("a document", limit))
        yield [line.strip() for line in text.replace("\0", "").splitlines()]


def _bare(line: str) -> str:
    """Return a line as it is alike on all pages: with any number for its numbers."""
    return re.sub(r"\d+", "0", line.strip())


def _running(pages: list[list[str]]) -> set[str]:
    """Return the lines that stand at the top or bottom of most pages."""
    if len(pages) < 3:
        return set()
    seen: Counter[str] = Counter()
    for page in pages:
        lines = [line for line in page if line.strip()]
        seen.update({_bare(line) for line in lines[:_EDGE_LINES] + lines[-_EDGE_LINES:]})
    return {line for line, n in seen.items() if n > len(pages) / 2}


def paragraphs(lines: list[str]) -> list[str]:
    """Join lines that were broken to fit a page, in time linear in their length.

    A paragraph ends at a blank line, and where a sentence ends in a line much shorter than
    others.
    """
    widths = sorted(len(line) for line in lines if line)
    usual = widths[len(widths) * 9 // 10] if widths else 0
    found: list[str] = []
    open_lines: list[str] = []

    def close() -> None:
        if open_lines:
            found.append("".join(open_lines).strip())
            open_lines.clear()

    for line in lines:
        if not line:
            close()
            continue
        before = open_lines[-1] if open_lines else ""
        if before.endswith("- ") and before[-3:-2].isalpha() and line[0].islower():
            open_lines[-1] = before[:-2]  # a word divided at the end of the line
        elif before.endswith("\u00ad "):
            open_lines[-1] = before[:-2]
        open_lines.append(line + " ")
        if len(line) < 0.75 * usual and _END.search(line):
            close()
    close()
    return found
