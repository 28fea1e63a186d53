"""Lines on pages -> paragraphs and headings, by size, gaps and margins, in linear time."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from tagger.text.language import ENGLISH

_END = re.compile(r"[.!?:…][\"'”’»)\]]*$")
_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"(?P<sure>(?:page|p\.)\s*\d+|(?:page|p\.)?\s*\d+\s*(?:of|/)\s*\d+|[-–—|]\s*\d+\s*[-–—|]"
    r"|.*\w://\S+ \d+/\d+)"  # address and number, as browsers print them
    r"|\d+|\d{1,4}[./-]\d\d?[./-]\d{1,4},? \d\d?:\d\d\b.*",  # a number, date and title
    re.IGNORECASE,
)
_DIVIDED = re.compile(r"(\w+(?:['’]\w+)?)([-\u00ad\u2010\u2011])$")
_FIRST_WORD = re.compile(r"\w+")
_EDGE_LINES = 2
_AROUND = 8  # lines before and after, whose length says how wide a column is
_ROOM = 0.2  # of a line: who leaves as much free ends it on purpose
_LONGEST_HEADING = 200


@dataclass(frozen=True)
class Line:
    """A line of a page.

    Parameters
    ----------
    text : without white space around it.
    x, y : where it begins; y grows upwards.
    size : of its letters, in the units of x and y.
    bold : whether all of it is.
    """

    text: str
    x: float
    y: float
    size: float
    bold: bool = False


def without_running(pages: Sequence[Sequence[Line]]) -> tuple[list[list[Line]], int]:
    """Return pages without the lines that run through their edges, and how many these are.

    Such a line is the same on several pages, but for a number that counts them; or it is
    nothing but the number of its page.
    """
    on_pages: defaultdict[tuple[str, int, int], set[int]] = defaultdict(set)
    edges: dict[tuple[int, Line], list[tuple[str, int, int]]] = {}
    running: set[tuple[int, Line]] = set()
    for number, page in enumerate(pages):
        heights = sorted({round(line.y) for line in page})
        outer = {*heights[:_EDGE_LINES], *heights[-_EDGE_LINES:]}
        for line in page:
            if round(line.y) not in outer:
                continue
            bare = _NUMBER.sub("0", line.text)
            counts = enumerate(int(n[:9]) - number for n in _NUMBER.findall(line.text))
            marks = [(line.text, -1, 0), *((bare, i, n) for i, n in counts)]
            edges[number, line] = marks
            for mark in marks:
                on_pages[mark].add(number)
            if _is_page_number(line, heights):
                running.add((number, line))
    least = max(1, len(pages) // 10)
    running |= {k for k, marks in edges.items() if any(len(on_pages[m]) > least for m in marks)}
    kept = [
        [line for line in page if (number, line) not in running]
        for number, page in enumerate(pages)
    ]
    return kept, sum(map(len, pages)) - sum(map(len, kept))


def _is_page_number(line: Line, heights: Sequence[int]) -> bool:
    """Return whether a line is the number of its page, at an edge, or what stands beside it."""
    match = _PAGE_NUMBER.fullmatch(line.text)
    if match is None or len(heights) < 2 or round(line.y) not in (heights[0], heights[-1]):
        return False
    low = round(line.y) == heights[0]
    gap = heights[1] - heights[0] if low else heights[-1] - heights[-2]
    return bool(match["sure"]) or gap > 2 * line.size


def paragraphs(
    pages: Sequence[Sequence[Line]], known: Callable[[str], bool]
) -> list[tuple[str, bool]]:
    """Join the lines of each paragraph, and tell of each whether it is a heading.

    Parameters
    ----------
    pages : their lines, in the order in which they are read.
    known : whether something is a word; it decides where a word is divided at the end of a line
        whether the hyphen is its own.
    """
    lines = [line for page in pages for line in page]
    starts = set(accumulate(len(page) for page in pages))
    body = _most(line.size for line in lines for _ in line.text)
    alike = sum(len(line.text) for line in lines if abs(line.size - body) < 0.1 * body)
    if 2 * alike < sum(len(line.text) for line in lines):
        # Recognised letters (OCR) have a size of their own in each line, which tells nothing.
        lines = [replace(line, size=body) for line in lines]
    leading = _leading(lines)
    margins = Counter(round(line.x) for line in lines)
    ends = _ended_on_purpose(lines)
    words = {word.casefold() for line in lines for word in re.findall(r"[\w'’-]+", line.text)}

    def begins(i: int) -> bool:
        before, line = lines[i - 1], lines[i]
        ended = _END.search(before.text) is not None
        if line.text[0].islower() and not ended:
            return False
        if abs(before.size - line.size) > 0.08 * before.size:
            return True
        if before.bold != line.bold or ends[i - 1]:
            return True
        if ended and ends[i] and not _END.search(line.text):
            return True  # a heading in the letters of its text
        gap = before.y - line.y
        if i in starts or gap <= 0:  # another page, another column
            return False
        indent = line.x - before.x
        usual = margins[round(before.x)] >= margins[round(line.x)]
        return gap > max(1.2 * leading, 1.6) * line.size or (
            usual and 0.5 * line.size < indent < 4 * line.size and line.size < 1.08 * body
        )

    found: list[tuple[str, bool]] = []
    first = 0
    for i in range(1, len(lines) + 1):
        if i == len(lines) or begins(i):
            block = lines[first:i]
            found.append((_joined(block, words, known), _is_heading(block, body)))
            first = i
    return [(text, is_heading) for text, is_heading in found if text]


def _most(values: Iterable[float]) -> float:
    return max(Counter(values).items(), key=lambda pair: pair[1], default=(0.0, 0))[0]


def _leading(lines: Sequence[Line]) -> float:
    """Return how far lines of a paragraph are apart, as a multiple of their size."""
    return _most(
        round(gap / line.size, 1)
        for before, line in pairwise(lines)
        if line.size and 0 < (gap := before.y - line.y) < 4 * line.size and before.size == line.size
    )


def _ended_on_purpose(lines: Sequence[Line]) -> list[bool]:
    """Return of each line whether the first word of the next would have had ample room in it."""
    ends = []
    for i, (line, after) in enumerate(pairwise(lines)):
        around = lines[max(0, i - _AROUND) : i + _AROUND + 1]
        lengths = sorted(len(other.text) for other in around if other.size == line.size)
        usual = lengths[len(lengths) * 9 // 10]
        needed = len(line.text) + 1 + len(after.text.split(None, 1)[0])
        goes_on = line.text.rsplit(None, 1)[-1] in ENGLISH.minor
        ends.append(not goes_on and needed < (1 - _ROOM) * usual)
    return [*ends, True]


def _is_heading(block: Sequence[Line], body: float) -> bool:
    size = block[0].size
    text = block[-1].text
    large = size > 1.12 * body
    return (
        (large or all(line.bold for line in block))
        and sum(len(line.text) for line in block) <= _LONGEST_HEADING
        and (not _END.search(text) or (size > 1.3 * body and text[-1] not in ".:"))
    )


def _joined(block: Sequence[Line], words: set[str], known: Callable[[str], bool]) -> str:
    return " ".join("".join(_pieces(block, words, known)).split())


def _pieces(block: Sequence[Line], words: set[str], known: Callable[[str], bool]) -> Iterator[str]:
    for line, after in zip(block, [*block[1:], None], strict=True):
        match = _DIVIDED.search(line.text)
        if match is None or after is None or not (rest := _FIRST_WORD.match(after.text)):
            yield f"{line.text} "
        elif _is_divided(match[1], match[2], rest[0], words, known):
            yield line.text[:-1]
        else:
            yield line.text


def _is_divided(
    start: str, hyphen: str, rest: str, words: set[str], known: Callable[[str], bool]
) -> bool:
    """Return whether a hyphen at the end of a line is there for want of room only."""
    if hyphen == "\u00ad":
        return True
    if not (start[-1].isalpha() and rest[0].islower()):
        return False
    whole = f"{start}{rest}".casefold()
    if whole in words or f"{start}-{rest}".casefold() in words:
        return whole in words
    return known(whole) or not (known(start.casefold()) and known(rest.casefold()))
