"""PDF: the text of its pages, as paragraphs."""

import logging
import math
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, BinaryIO, NamedTuple

from tagger.files import office
from tagger.files.layout import Line, paragraphs, without_running
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row, Unreadable, too_long
from tagger.text.vectors import builtin_vectors

_OCR = "a PDF without text: recognise the text of its pages first (OCR), for example with ocrmypdf"
_LIGATURES = dict(
    zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
)
_BOLD = ("bold", "black", "heavy", "demi")
_LONGEST_DIVIDED = 40
_MIXED = (
    "pages are read across their columns, sentences are mixed: save those as text column by column"
)


class _Run(NamedTuple):
    """A stretch of text that a page shows at once."""

    text: str
    x: float
    y: float
    size: float
    bold: bool


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Note]:
    """Yield a document as one row, with its title where it has one.

    Words divided at the end of a line are joined, and the lines of a paragraph; what runs
    through the edges of pages, such as their numbers, is left out and counted. Large or bold
    lines are headings.
    """
    pypdf = office.library("pypdf", "a PDF")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it mends need not be said
    try:
        file = pypdf.PdfReader(office.whole(stream, limit))
        locked = file.is_encrypted and not file.decrypt("")
        found = [] if locked else list(_pages(file, limit))
        title = str((file.metadata or {}).get("/Title") or "").strip() if found else ""
    except Unreadable:
        raise
    except pypdf.errors.DependencyError:
        locked = True
    except Exception as error:  # whatever a damaged file makes of the library
        raise office.damaged("PDF", error) from None
    if locked:
        raise Unreadable("an encrypted PDF: save it without a password")
    empty = sum(not page for page, _ in found)
    pages, n = without_running([page for page, _ in found])
    text, headings = office.document(paragraphs(pages, _is_word))
    if not any(map(str.isalpha, text)):
        raise Unreadable(_OCR)
    if n:
        yield Note("lines at the edges of pages left out", source, n)
    if mixed := sum(across for _, across in found):
        yield Note(_MIXED, source, mixed)
    if empty:
        yield Note("pages without text", source, empty)
    yield Row({"text": text} | ({"title": title} if title else {}), source, headings=headings)


def _is_word(word: str) -> bool:
    return len(word) < _LONGEST_DIVIDED and word in _words()


@cache
def _words() -> frozenset[str]:
    return frozenset(builtin_vectors("words-en").words)


def _pages(file: Any, limit: int) -> Iterator[tuple[list[Line], bool]]:
    size = 0
    for page in file.pages:
        runs: list[_Run] = []

        def see(
            text: str, cm: Any, tm: Any, font: Any, size: float, runs: list[_Run] = runs
        ) -> None:
            if text:
                runs.append(_Run(text, *_placed(cm, tm, size), _is_bold(font)))

        size += len(page.extract_text(visitor_text=see))
        if size > limit:
            raise Unreadable(too_long("a document", limit))
        yield list(_lines(runs)), _goes_across(runs)


def _goes_across(runs: list[_Run]) -> bool:
    """Return whether long runs that begin at one margin follow others on their lines."""
    long = [run for run in runs if len(run.text.strip()) > 20]
    begins = Counter(round(b.x) for a, b in pairwise(long) if abs(a.y - b.y) < 1 and a.x < b.x)
    return max(begins.values(), default=0) > 4


def _placed(cm: Any, tm: Any, size: float) -> tuple[float, float, float]:
    """Return where a run of text begins and how large it is, on the page."""
    x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
    y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
    across, up = (tm[2] * cm[i] + tm[3] * cm[2 + i] for i in (0, 1))
    return x, y, abs(size) * math.hypot(across, up)


def _is_bold(font: Any) -> bool:
    name = str((font or {}).get("/BaseFont", "")).lower()
    return any(word in name for word in _BOLD)


def _lines(runs: list[_Run]) -> Iterator[Line]:
    """Put the runs of text of a page together to its lines."""
    parts: list[_Run] = []
    for run in [*runs, _Run("\n", 0, 0, 0, False)]:
        for number, piece in enumerate(run.text.split("\n")):
            if number and parts:
                yield _line(parts)
                parts = []
            if piece.strip() or (piece and parts):
                text = piece.replace("\0", "").translate(_LIGATURES)
                parts.append(run._replace(text=text))


def _line(parts: list[_Run]) -> Line:
    weights: Counter[float] = Counter()
    for run in parts:
        weights[round(run.size, 1)] += len(run.text)
    text = " ".join("".join(run.text for run in parts).split())
    bold = all(run.bold for run in parts if run.text.strip())
    return Line(text, parts[0].x, parts[0].y, weights.most_common(1)[0][0], bold)
