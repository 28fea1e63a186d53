"""What a line of a text is, by its looks and by its language's own words."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property

from tagger.text.language import Language, compiled
from tagger.text.notices import notice_of, words_of_notices
from tagger.text.titles import CLOSERS, NEAR, VISIBLE, is_learned_title, recurrence

_LONGEST = 300  # characters of a line that is no sentence
_SHORT = 80  # longer lines with a stop are looked at only where something is odd
_LONGEST_HEADING, _MOST_WORDS = 150, 20
_MOST_WORDS_WITH_STOP = 14
_LONGEST_BEGINNING = 16

BULLETS = "*•·▪◦‣"
STOPS = ".!?…。！？؟۔।"
_AROUND = ' \t\ufeff\u200b"“”'
_SOURCE = re.compile(r"\s*\[[^\[\]]{1,40}\]\Z")
_NUMBERED = re.compile(r"\d{1,2}[.)]\s+[\"“‘']?[A-Z]")
LETTER = re.compile(r"[^\W\d_]")
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
_PLAIN_LINES = re.compile("|".join(f"(?P<{what}>{pattern})" for what, pattern in _LINES))


def wordless(visible: str) -> str:
    """Return what characters without a letter are."""
    if len(visible) < 6 and (
        visible[0].isdigit() or visible in "-–—" + BULLETS or visible[0] == "("
    ):
        return "list marker"
    return "table" if any(map(str.isdigit, visible)) else "separator"


def _places(word: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(word)
    while at >= 0:
        yield at, at + len(word)
        at = text.find(word, at + 1)


class Lines:
    """Tells of each line of a text what it is."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language = text, language
        self.minor, self.bound = language.minor, language.bound
        # Found once for the text: a sentence of it would need a search for each word again.
        self.hints = sorted(span for word in words_of_notices(text) for span in _places(word, text))

    def is_running(self, start: int, end: int) -> bool:
        """Return at a glance whether a line is running text, as most lines are."""
        if end - start <= _SHORT:
            return False
        if end - start > _LONGEST:
            return True
        text = self.text
        last = text[end - 1]
        if last not in STOPS and (last not in CLOSERS or text[end - 2] not in STOPS):
            return False
        return not (
            self.hints
            or text[start] in "([©"
            or text[start + 1].isupper()
            or ":" in text[start : start + 20]
            or ":" in text[end - 50 : end]
        )

    def is_notice(self, start: int, end: int) -> bool:
        """Return whether a stretch of the text is a notice of its page."""
        if not self.hints:
            return False
        at = bisect_left(self.hints, (start, start))
        while at < len(self.hints) and self.hints[at][0] < end:
            if self.hints[at][1] <= end:
                return bool(notice_of(self.text[start:end]))
            at += 1
        return False

    def what(self, start: int, end: int) -> str:
        """Return what a line is that is neither sentence nor heading, empty where it is one."""
        text = self.text
        if end - start > _LONGEST:
            return ""
        while text[start] in _AROUND and start + 1 < end:
            start += 1
        while text[end - 1] in _AROUND and start + 1 < end:
            end -= 1
        if what := self._by_beginning(start, end):
            return "notice" if self.is_notice(start, end) else what
        if not LETTER.search(text, start, end):
            return wordless(text[start:end])
        line = text[start:end]
        # A word is found far faster than a pattern, and few lines have one of these.
        for mark in self.language.marks:
            if mark[0] in line:
                low = line.lower()
                for word, what, pattern in mark[1:]:
                    if word in low and compiled(pattern).search(line):
                        return what
        if self.is_notice(start, end):
            return "notice"
        if line[-1] in STOPS:
            return ""
        if _GLUED.search(line):
            return "markup"
        words = line.split()
        numbers = sum(any(map(str.isdigit, word)) for word in words)
        cells = "\t" in line or (("|" in line or "   " in line) and len(_CELL.findall(line)) > 1)
        return "table" if cells or (numbers > 3 and 2 * numbers > len(words)) else ""

    def _by_beginning(self, start: int, end: int) -> str:
        """Return what a line is that begins as the language says, or as all do; else nothing."""
        low = self.text[start : start + _LONGEST_BEGINNING].lower()
        for what, begins, pattern in self.language.lines_by_letter.get(low[0], ()):
            # Compiled when first met: all at once they cost as much as a model to load.
            if low.startswith(begins) and compiled(pattern).match(self.text, start, end):
                return what
        match = _PLAIN_LINES.match(self.text, start, end)
        return str(match.lastgroup) if match else ""

    def looks(self, start: int, end: int, n_spans: int, number: int) -> int:
        """Return whether a line looks like a heading: 0 no, 1 maybe, 2 surely."""
        by_rule = self._looks_by_rule(start, end, n_spans, number == 0)
        return by_rule or (2 if self.is_learned(start, end, number) else 0)

    def is_learned(self, start: int, end: int, number: int) -> bool:
        """Return whether a line with a stop is one of the titles that were learned from labels."""
        return not self.shouts and is_learned_title(self.text, start, end, number, self.language)

    def _looks_by_rule(self, start: int, end: int, n_spans: int, opens: bool) -> int:
        if end - start > _LONGEST or (n_spans > 2 and self.text[end - 1] in STOPS):
            return 0
        line = self.text[start:end]
        bare = (_SOURCE.sub("", line) if line[-1] == "]" else line).rstrip(CLOSERS)
        letter = LETTER.search(bare)
        if letter is None:
            return 0
        last = bare[-1]
        if last in STOPS:
            if self.is_item_heading(line, end):
                return 2
            if not self.is_title(line.split(None, 3)[:3], 0):
                return 0  # as most are not
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
        if letter[0].islower() or n_spans > 1 or cut or quotes or unspaced:
            return 0
        following = VISIBLE.search(self.text, end)
        return 0 if following and following[0][0].islower() else 1  # the sentence goes on

    def is_title_with_stop(self, start: int, end: int, after: str) -> bool:
        """Return whether a line is a title that ends in a stop, as some archives write them.

        It is short, has nothing that only a report has, stands before longer lines, and words
        of it come again in them; but for a part of a title `after` another, which it may end in.
        """
        reported = self.language.reported
        if not reported or end - start > _LONGEST_HEADING:
            return False
        line = self.text[start:end]
        if not 3 <= len(line.split()) <= _MOST_WORDS_WITH_STOP:
            return False
        if after != ";" and compiled(reported).search(line):
            return False
        below = self.text[end : end + NEAR]
        if not any(len(other) > 1.5 * len(line) for other in below.split("\n")[1:]):
            return False
        if after:
            return True
        return recurrence(self.text, start, end) >= 1 / 3

    def is_item_heading(self, line: str, end: int) -> bool:
        """Return whether a line is a numbered heading: a longer line follows, and no next item."""
        if not _NUMBERED.match(line) or len(line.split()) > _MOST_WORDS_WITH_STOP:
            return False
        following = VISIBLE.search(self.text, end)
        return (
            following is not None
            and len(following[0]) > 1.5 * len(line)
            and not _NUMBERED.match(following[0])
        )

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
