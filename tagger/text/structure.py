"""Text -> sentences, headings and what is neither, by layout and by a language's own words.

A heading stands on a line of its own, is short and does not end as a sentence does. Lines
that a language's patterns know (bylines, captions, ...) and lines without words are neither.
All else is running text and is cut into sentences; where in doubt a piece is a sentence.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tagger.schema import HEADING, OTHER, SENTENCE
from tagger.text.language import ENGLISH, Language
from tagger.text.notices import NOTICE_WORDS, notice_of
from tagger.text.segment import sentence_spans

_LONGEST = 300  # characters of a line that is no sentence
_SHORT = 80  # longer lines with a stop are looked at only where something is odd
_LONGEST_HEADING, _MOST_WORDS = 150, 20
_WRAPPED = 100  # characters: no writer breaks longer lines by hand
_MOST_IN_A_ROW = 3  # lines without a stop that may all be headings; more are a list or a poem

_BULLETS = "*•·▪◦‣"
_STOPS = ".!?…。！？؟۔।"
_CLOSERS = " \t\"'”’“„‘»«›‹)]}」』"
_AROUND = ' \t\ufeff\u200b"“”'
_SOURCE = re.compile(r"\s*\[[^\[\]]{1,40}\]\Z")
_LETTER = re.compile(r"[^\W\d_]")
_VISIBLE = re.compile(r"\S[^\n]*")
_WORD = re.compile(r"\S{1,100}")
_GLUED = re.compile(r"[a-z][A-Z]\w{1,30}?[a-z][A-Z]\w{1,30}?[a-z][A-Z]\w")
_CELL = re.compile(r" \|(?: |\Z)|\S {3,}\S")
_LINES = (
    ("link", r"(?:(?:https?://|www\.)\S+|\S+@\S+\.\w{2,}|@\w+\.?)\Z"),
    (
        "markup",
        r"(?:<[a-z/!][^<>]*>\s*)+\.?\Z|<[a-z/!][^<>]*\Z|!--|[.#]?[\w-]+\s*\{\Z"
        r"|[a-z-]{2,40}:[^\s;][^;]{0,60};\Z|\{+[^{}]*\}+\Z",
    ),
    ("note", r"[(\[][^\s()\[\]]{1,30}(?:\s[^\s()\[\]]{1,30}){0,2}[)\]]\.?\Z"),
    ("dateline", r"\d{1,2}\.?\s+[^\W\d_]{3,12}\.?\s+\d{4}\Z"),
)
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
_NEVER_JOINED = {"agency", "byline", "dateline", "markup", "separator"}
_PLAIN_LINES = re.compile("|".join(f"(?P<{what}>{pattern})" for what, pattern in _LINES))


class Piece(NamedTuple):
    """A stretch of a text: character offsets, its kind, and what it is where it is neither.

    `kind` is one of `tagger.schema.KINDS`; `what` is a word such as byline, empty for
    sentences and headings.
    """

    start: int
    end: int
    kind: str = SENTENCE
    what: str = ""


def pieces(
    text: str, language: Language = ENGLISH, headings: Sequence[tuple[int, int]] = ()
) -> list[Piece]:
    """Cut a text into sentences, headings and what is neither.

    Parameters
    ----------
    text : any text.
    language : the language whose abbreviations, words and capitals apply.
    headings : character ranges that the layout names headings, in order.

    Returns
    -------
    The pieces in order. None has white space around it, and every other character of the
    text belongs to exactly one.
    """
    spans = sentence_spans(text, language)
    apart = _apart(text, spans, language, headings)
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
    return found


def _plain(text: str, start: int, end: int) -> list[Piece]:
    """Return what stands between two offsets: a sentence where it has a letter."""
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start >= end:
        return []
    if text[start].isalpha() or _LETTER.search(text, start, end):
        return [Piece(start, end)]
    return [Piece(start, end, OTHER, _wordless(text[start:end]))]


def _wordless(visible: str) -> str:
    if len(visible) < 6 and (
        visible[0].isdigit() or visible in "-–—" + _BULLETS or visible[0] == "("
    ):
        return "list marker"
    return "table" if any(map(str.isdigit, visible)) else "separator"


def _apart(
    text: str,
    spans: Sequence[tuple[int, int]],
    language: Language,
    headings: Sequence[tuple[int, int]],
) -> list[Piece]:
    """Return in order the pieces that can be told by their lines to be no sentences."""
    found: list[Piece] = []
    row: list[tuple[Piece, bool]] = []  # headings by their looks, and whether they are sure
    most = 1 if headings else _MOST_IN_A_ROW  # where layout names some, a row is a list
    tell = _Teller(text, language)
    named = _layout(text, tell, headings)
    at = n = 0
    segments = _segments(text, tell)
    for i, (start, end, own) in enumerate(segments):
        if at < len(named) and named[at].start < end:
            _settle(found, row, most)
            while at < len(named) and named[at].start < end:
                found.append(named[at])
                at += 1
            continue
        if found and found[-1].end > start:
            continue  # a heading of several lines
        opens = start == segments[0][0]
        if not own and (end - start > _LONGEST or tell.is_running(start, end)):
            if row:
                _settle(found, row, most)
            head = text[start : start + 60]
            marked = "-" in head or "—" in head or "–" in head or ")" in head
            if opens or marked or head[0] in _BULLETS:
                found += _before(text, start, end, opens)
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
        goes_on = i + 1 < len(segments) and text[segments[i + 1][0]].islower()
        looks = tell.looks(start, end, after - n, opens)
        if looks > goes_on:
            row.append((Piece(start, end, HEADING), looks > 1))
        else:
            _settle(found, row, most)
            found += _before(text, start, end, opens)
    _settle(found, row, 0)  # what heads nothing is no heading, unless it is written as one
    return found


def _settle(found: list[Piece], row: list[tuple[Piece, bool]], most: int) -> None:
    """Take a row of headings that ends here; of more than `most` those that are sure."""
    found += [piece for piece, sure in row if sure or len(row) <= most]
    row.clear()


def _layout(text: str, tell: "_Teller", headings: Sequence[tuple[int, int]]) -> list[Piece]:
    """Return what layout names headings as pieces, unless its words say that it is none."""
    found: list[Piece] = []
    for start, end in sorted(headings):
        start, end = max(start, found[-1].end if found else 0), min(end, len(text))
        for piece in _plain(text, start, end):
            what = piece.what or tell.what(piece.start, piece.end)
            found.append(piece._replace(kind=OTHER if what else HEADING, what=what))
    return found


def _segments(text: str, tell: "_Teller") -> list[tuple[int, int, str]]:
    """Return lines, those that are wrapped joined, and what a line is that is never joined."""
    lines: list[tuple[int, int, str]] = []
    firsts = []  # of which paragraphs begin
    last = -2
    for match in _VISIBLE.finditer(text):
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
    block: Sequence[tuple[int, int, str]], width: int, tell: "_Teller"
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
    if end - start > _WRAPPED or text[start:end].rstrip(_CLOSERS)[-1:] in _STOPS:
        return False
    word = _WORD.match(text, following)
    return word is None or end - start + 1 + len(word[0]) > longest


class _Teller:
    """Tells of each line of a text what it is."""

    def __init__(self, text: str, language: Language) -> None:
        self.text = text
        self.minor, self.bound = language.minor, language.bound
        self.lines = language.line_pattern
        self.marks = language.line_marks
        self.notices = any(word in text for word in NOTICE_WORDS)

    def is_running(self, start: int, end: int) -> bool:
        """Return at a glance whether a line is running text, as most lines are."""
        text = self.text
        if end - start <= _SHORT:
            return False
        last = text[end - 1]
        if last not in _STOPS and (last not in _CLOSERS or text[end - 2] not in _STOPS):
            return False
        return not (
            self.notices
            or text[start] in "([©"
            or text[start + 1].isupper()
            or ":" in text[start : start + 20]
            or ":" in text[end - 50 : end]
        )

    def what(self, start: int, end: int) -> str:
        """Return what a line is that is neither sentence nor heading, empty where it is one."""
        text = self.text
        if end - start > _LONGEST:
            return ""
        while text[start] in _AROUND and start + 1 < end:
            start += 1
        while text[end - 1] in _AROUND and start + 1 < end:
            end -= 1
        if match := self.lines.match(text, start, end) or _PLAIN_LINES.match(text, start, end):
            if self.notices and notice_of(text[start:end]):
                return "notice"
            return str(match.lastgroup).rstrip("_0123456789")
        if not _LETTER.search(text, start, end):
            return _wordless(text[start:end])
        line = text[start:end]
        low = line.lower()
        # A word is found far faster than a pattern, and few lines have one of these.
        for word, what, pattern in self.marks:
            if word in low and pattern.search(line):
                return what
        if self.notices and notice_of(line):
            return "notice"
        if line[-1] in _STOPS:
            return ""
        if _GLUED.search(line):
            return "markup"
        words = line.split()
        numbers = sum(any(map(str.isdigit, word)) for word in words)
        cells = "\t" in line or (("|" in line or "   " in line) and len(_CELL.findall(line)) > 1)
        return "table" if cells or (numbers > 3 and 2 * numbers > len(words)) else ""

    def looks(self, start: int, end: int, n_spans: int, opens: bool) -> int:
        """Return whether a line looks like a heading: 0 no, 1 maybe, 2 surely, by its capitals."""
        if end - start > _LONGEST or (n_spans > 2 and self.text[end - 1] in _STOPS):
            return 0
        line = self.text[start:end]
        bare = (_SOURCE.sub("", line) if line[-1] == "]" else line).rstrip(_CLOSERS)
        letter = _LETTER.search(bare)
        if letter is None:
            return 0
        last = bare[-1]
        if last in _STOPS:
            words = line.split()
            if not self.is_title(words, 2 if opens else 3):
                return 0
            named = len(words) < (2 if opens else 4) or ("," in line and len(words) < 6)
            if line.isupper():
                return 2 if len(words) < 9 else 0
            return 0 if named else 2  # "Thank You, Mr. President."
        words = line.split()
        if last == ":":
            return 2 if len(words) < 6 and self.is_title(words) else 0
        if last in ",-–—" or (last == ";" and not opens):
            return 0
        if last == ";" or self.is_title(words):
            return 2
        if len(line) > _LONGEST_HEADING or len(words) > _MOST_WORDS:
            return 0
        cut = words[-1].lower() in self.bound
        quotes = line[0] in '"“‘«' and len(words) > 8
        unspaced = len(line) > 40 * len(words)
        return 0 if letter[0].islower() or n_spans > 1 or cut or quotes or unspaced else 1

    def is_title(self, words: Sequence[str], least: int = 3) -> bool:
        """Return whether words are written as in a title: in capitals, or each with one."""
        n = 0
        for word in words:
            if word[0].islower() and word not in self.minor:
                return False
            n += word[0].isupper() and word.lower() not in self.minor
        letters = "".join(words)
        capitals = (n >= least and self.minor) or (len(letters) > 3 and letters.isupper())
        return bool(capitals) and not self.shouts

    @cached_property
    def shouts(self) -> bool:
        """Whether the text is in capitals throughout, which then tell nothing."""
        sample = self.text[:1000].split()
        return sum(map(str.isupper, sample)) > 0.6 * len(sample)


def _before(text: str, start: int, end: int, opens: bool) -> list[Piece]:
    """Return what stands before the first sentence of a line: a dateline or a list marker."""
    match = _BEFORE.match(text, start, end) or (_DATED.match(text, start, end) if opens else None)
    if match is None:
        return []
    what = "list marker" if match.lastgroup else "dateline"
    return [Piece(start, start + len(match[0].rstrip()), OTHER, what)]
