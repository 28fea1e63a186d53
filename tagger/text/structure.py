"""Text -> sentences, headings and what is neither, by layout and by a language's own words.

A heading stands on a line of its own, is short and does not end as a sentence does. Lines
that a language's patterns know (bylines, captions, ...) and lines without words are neither.
All else is running text and is cut into sentences; where in doubt a piece is a sentence.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tagger.schema import HEADING, OTHER, SENTENCE
from tagger.text.language import ENGLISH, Language
from tagger.text.lines import BULLETS, LETTER, STOPS, Lines, wordless
from tagger.text.mail import quotations
from tagger.text.segment import sentence_spans
from tagger.text.titles import CLOSERS, VISIBLE

_MOST_IN_A_ROW = 3  # lines without a stop that may all be headings; more are a list or a poem
_WRAPPED = 100  # characters: no writer breaks longer lines by hand
_WORD = re.compile(r"\S{1,100}")
_PLACE = r"[A-Z][A-Z.'’-]+(?:[ /][A-Z.'’-]+){0,4}"
_MORE = (
    r"(?:,\s[A-Z][\w.'’]+(?:\s[A-Z][\w.'’]+)?){0,2}"
    r"(?:,?\s[A-Z][a-z]{2,8}\.?\s\d{1,2}(?:,\s\d{4})?)?"
)
_BEFORE = re.compile(
    rf"(?:(?:{_PLACE}|[A-Z][\w.'’-]+(?:\s[A-Z][\w.'’-]+){{0,3}}){_MORE}"
    r"\s?\([A-Z][\w./ -]{1,30}\)\s*[-–—:]{1,2}\s*"  # an agency
    rf"|(?:{_PLACE}{_MORE}|[A-Z][a-z.]+(?:\s[A-Z][a-z.]+){{0,2}},\s[A-Z]{{2}})"
    r"\s?(?:\s--?\s|[–—]\s?))(?=[\"'“‘«(]?[A-Z0-9])"
    r"|(?P<item>(?:[-*•·▪◦‣]|\(?\d{1,3}\)|\([a-z]\))\s+(?=\S))"
)
_DATED = re.compile(r"(?:[Dd]ate:?\s+)?\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?[\s:|–—-]+(?=\S)")
_TITLE_ENDS = STOPS + CLOSERS
_NEVER_JOINED = {"agency", "byline", "dateline", "markup", "separator"}


Range = tuple[int, int] | tuple[int, int, str]
"""A stretch of a text that is a heading, or what its third value says."""


class Piece(NamedTuple):
    """A stretch of a text: character offsets, its kind, and what it is where it is neither.

    `kind` is one of `tagger.schema.KINDS`; `what` is a word such as byline, empty for
    sentences and headings.
    """

    start: int
    end: int
    kind: str = SENTENCE
    what: str = ""


def pieces(text: str, language: Language = ENGLISH, headings: Sequence[Range] = ()) -> list[Piece]:
    """Cut a text into sentences, headings and what is neither.

    Parameters
    ----------
    language : the language whose abbreviations, words and capitals apply.
    headings : character ranges that the layout names headings, in order; one with a third value,
        such as ``signature``, is what that says.

    Returns
    -------
    The pieces in order. None has white space around it, and every other character of the
    text belongs to exactly one.
    """
    spans = sentence_spans(text, language)
    tell = Lines(text, language)
    apart = _apart(text, spans, tell, headings)
    found: list[Piece] = []
    at, n = 0, len(apart)
    for start, end in spans:
        if at == n or apart[at].start >= end:
            if text[start].isalpha():
                found.append(Piece(start, end))
            else:
                found += _plain(text, start, end)
            continue
        while at < n and apart[at].start < end:
            piece = apart[at]
            if piece.start >= start:
                found += _plain(text, start, piece.start)
                found.append(piece)
            start = max(start, piece.end)
            if piece.end > end:
                break  # it goes on in the next span
            at += 1
        found += _plain(text, start, end)
    if tell.hints:  # running text may end in one
        found = [
            piece._replace(kind=OTHER, what="notice")
            if piece.kind == SENTENCE and tell.is_notice(piece.start, piece.end)
            else piece
            for piece in found
        ]
    return found


def _plain(text: str, start: int, end: int) -> list[Piece]:
    """Return what stands between two offsets: a sentence where it has a letter."""
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start >= end:
        return []
    if text[start].isalpha() or LETTER.search(text, start, end):
        return [Piece(start, end)]
    return [Piece(start, end, OTHER, wordless(text[start:end]))]


def _apart(
    text: str, spans: Sequence[tuple[int, int]], tell: Lines, headings: Sequence[Range]
) -> list[Piece]:
    """Return in order the pieces that can be told by their lines to be no sentences."""
    found: list[Piece] = []
    row: list[tuple[Piece, bool]] = []  # headings by their looks, and whether they are sure
    # Where layout names some, a row is a list.
    most = 1 if any(len(given) == 2 for given in headings) else _MOST_IN_A_ROW
    named = _layout(text, tell, [*headings, *quotations(text)])
    at = n = 0
    last = -1
    for number, (start, end, own) in _suspects(text, tell):
        if at < len(named) and named[at].start < end:
            _settle(found, row, most)
            while at < len(named) and named[at].start < end:
                found.append(named[at])
                at += 1
            if found[-1].end > start:
                continue
        if found and found[-1].end > start:
            continue  # a heading of several lines
        if number > last + 1:
            _settle(found, row, most)  # running text stands between
        last = number
        if number < 2 and text[end - 1] in _TITLE_ENDS:
            before = [*found, *(piece for piece, _ in row)]
            titled = number == 0 or (len(before) == 1 and before[0].kind == HEADING)
            last_mark = text[before[0].end - 1] if before else ""
            is_title = titled and tell.is_title_with_stop(start, end, last_mark)
            if (is_title or tell.is_learned(start, end, number)) and not tell.what(start, end):
                row.append((Piece(start, end, HEADING), True))
                continue
        if own == SENTENCE:
            _settle(found, row, most)
            found += _before(text, start, end, number == 0)
            continue
        if what := own or tell.what(start, end):
            _settle(found, row, most)
            found.append(Piece(start, end, OTHER, what))
            continue
        while spans[n][1] <= start:
            n += 1
        after = n + 1
        while after < len(spans) and spans[after][0] < end:
            after += 1
        if looks := tell.looks(start, end, after - n, number):
            row.append((Piece(start, end, HEADING), looks > 1))
        else:
            _settle(found, row, most)
            found += _before(text, start, end, number == 0)
    if row and VISIBLE.search(text, row[-1][0].end):
        _settle(found, row, most)
    _settle(found, row, 0)  # what heads nothing is no heading, unless it is written as one
    return found + named[at:]


def _settle(found: list[Piece], row: list[tuple[Piece, bool]], most: int) -> None:
    """Take a row of headings that ends here; of more than `most` those that are sure."""
    found += [piece for piece, sure in row if sure or len(row) <= most]
    row.clear()


def _layout(text: str, tell: Lines, headings: Sequence[Range]) -> list[Piece]:
    """Return what layout names headings as pieces, unless its words say that it is none."""
    found: list[Piece] = []
    for start, end, *said in sorted(headings, key=lambda given: given[:2]):
        start, end = max(start, found[-1].end if found else 0), min(end, len(text))
        if said:
            found += [Piece(p.start, p.end, OTHER, said[0]) for p in _plain(text, start, end)]
            continue
        for piece in _plain(text, start, end):
            what = piece.what or tell.what(piece.start, piece.end)
            found.append(piece._replace(kind=OTHER if what else HEADING, what=what))
    return found


def _suspects(text: str, tell: Lines) -> Iterator[tuple[int, tuple[int, int, str]]]:
    """Yield the lines that need a look, each with its number, as `_segments` does.

    A line that is running text, but may have a dateline before it, is a sentence.
    """
    lines: Iterable[tuple[int, int, str]] = (
        _segments(text, tell)
        if "\n" in text.replace("\n\n", "")
        else ((match.start(), match.end(), "") for match in VISIBLE.finditer(text))
    )
    for number, line in enumerate(lines):
        start, end, own = line
        while text[end - 1].isspace():
            end -= 1
        if own or not tell.is_running(start, end):
            yield number, (start, end, own)
            continue
        head = text[start : start + 60]
        marked = "-" in head or "—" in head or "–" in head or ")" in head
        if marked or number < 2 or head[0] in BULLETS:
            yield number, (start, end, SENTENCE)


def _segments(text: str, tell: Lines) -> list[tuple[int, int, str]]:
    """Return lines, those that are wrapped joined, and what a line is that is never joined."""
    lines: list[tuple[int, int, str]] = []
    firsts = []  # of which paragraphs begin
    last = -2
    for match in VISIBLE.finditer(text):
        start, end = match.span()
        if start - last > 1 and text.count("\n", last, start) != 1:
            firsts.append(len(lines))
        last = end
        while text[end - 1].isspace():
            end -= 1
        lines.append((start, end, ""))
    if len(firsts) == len(lines):
        return lines
    lengths = sorted(end - start for start, end, _ in lines)
    width = min(lengths[int(0.9 * len(lengths))], _WRAPPED)
    segments = []
    for first, following in pairwise([*firsts, len(lines)]):
        block = lines[first:following]
        segments += block if len(block) == 1 else _unwrapped(block, width, tell)
    return segments


def _unwrapped(
    block: Sequence[tuple[int, int, str]], width: int, tell: Lines
) -> list[tuple[int, int, str]]:
    """Join the lines of a paragraph that are broken for want of room."""
    segments: list[tuple[int, int, str]] = []
    longest = max(width, *(end - start for start, end, _ in block))
    joins = False
    for i, (start, end, _) in enumerate(block):
        what = tell.what(start, end)
        line = tell.text[start:end]
        # After a line that wants room, a number, an address or a date may end the sentence.
        loose = what in ("list marker", "link") or (what == "dateline" and line[-1] == ".")
        cells = what == "table" and ("\t" in line or "|" in line)
        never = cells or (what in _NEVER_JOINED and not loose)
        own = what if never or (loose and not joins) else ""
        if joins and not own:
            segments[-1] = (segments[-1][0], end, "")
        else:
            segments.append((start, end, own))
        following = block[i + 1][0] if i + 1 < len(block) else end
        joins = following > end and not own and _wraps(tell.text, start, end, following, longest)
    return segments


def _wraps(text: str, start: int, end: int, following: int, longest: int) -> bool:
    """Return whether a line is broken for want of room, so that the next line goes on with it."""
    if text[following].islower() or text[end - 1] in ",-–—":
        return True
    if end - start > _WRAPPED or text[start:end].rstrip(CLOSERS)[-1:] in STOPS:
        return False
    word = _WORD.match(text, following)
    return word is None or end - start + 1 + len(word[0]) > longest


def _before(text: str, start: int, end: int, opens: bool) -> list[Piece]:
    """Return what stands before the first sentence of a line: a dateline or a list marker."""
    match = _BEFORE.match(text, start, end) or (_DATED.match(text, start, end) if opens else None)
    if match is None:
        return []
    what = "list marker" if match.lastgroup else "dateline"
    return [Piece(start, start + len(match[0].rstrip()), OTHER, what)]
