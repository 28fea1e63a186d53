"""A stop and what stands around it, as far as it takes to tell whether a sentence ends."""

import re
from collections.abc import Iterable
from typing import NamedTuple

WINDOW = 80
"""How many characters before a word and after a stop are looked at."""

_CLOSERS = r"\"'”’»)\]"
# Patterns that begin with one character are looked for fast, so there is one a mark.
_BEHIND = rf"([{_CLOSERS}]*+)(?!\s?\n\r?\n)(\s+(?=\S)|(?=[A-Z]))"
# Not those after five small letters that a capital follows: no doubt there.
STOP = re.compile(
    rf"\.(?<!\.\.)(?!\.)(?:(?<![a-z]{{5}}\.)|(?<=essrs\.|pprox\.)|(?=[{_CLOSERS}A-Z]|\s+[^A-Z\s\"“‘])){_BEHIND}"
)
MARKS = (re.compile(rf"\?(?<![?!]\?)[?!]*+{_BEHIND}"), re.compile(rf"!(?<![?!]!)[?!]*+{_BEHIND}"))
ELLIPSIS = re.compile(rf"…(?<=\w…)(?=[{_CLOSERS}]*\s+[\"“‘]?[A-Z])")

_NEXT_WORD = re.compile(r"[\"“‘'(]*([\w'’/]+(?:-[\w'’/]+)*(?:\.[\w'’-]+)*)")

CHAIN = re.compile(r"\W*(?:[A-Z]\.)+(?:[A-Z][a-z]{1,3}\.)*[A-Z][a-z]{1,3}")
"""Abbreviations in a row, such as S.Con.Res."""

LABEL = re.compile(r"(?:\d{1,3}|[A-Za-z]|[ivx]+|\d{1,2}[.:]\d\d(?:\s?[ap]\.?m)?|\d{1,2}\s[ap]\.m)")
"""A number, a letter or a time, which a list begins its items with."""

_NOTE = re.compile(
    r"\(([^()\n]{2,60})\)(?=\s*\n|\s*\Z|\s+[\"“]?[A-Z])|\[([^][\n]{2,60})\](?=\s*\n|\s*\Z)"
)
_END_OR_LABEL = re.compile(rf"[.!?][\"'”’]*\Z|\A{LABEL.pattern}\Z")
_CAPITALIZED = r"[A-Z][\w'’-]*\.?"
ATTRIBUTION = re.compile(
    rf"({_CAPITALIZED})((?:\s(?:{_CAPITALIZED}|of|de|van|von|bin|al)){{0,5}})"
    r"(?:,\s[^,.!?\"“”]{2,80},)?\s"
    r"(?!wanted\b(?!\sto\sknow)|(?:ordered|commanded|instructed)\b(?![,.]))([a-z]+)\b(\s*[.,])?"
    r"(?!\s(?:that|he|she|it|they|the|there|a|an|no|his|her|its)\b)"
)
"""A name and a verb, which may be one of saying, behind a quotation."""

_HYPHENED = re.compile(r"[-–](?:[A-Z]\.)*[A-Z]\Z")
_SHORT = re.compile(r"[A-Z][a-z]{1,3}\.")


class Stop(NamedTuple):
    """A stop and what stands around it: the word, what is before it, what is next."""

    word: str
    before: str
    mark: str
    closers: str
    ahead: str

    @property
    def last(self) -> str:
        """The word before the word."""
        return (self.before.split() or [""])[-1]

    @property
    def following(self) -> str:
        """The next word, without what opens it and without a stop."""
        found = _NEXT_WORD.match(self.ahead)
        return found[1] if found else ""

    @property
    def after_following(self) -> str:
        """The word after the next."""
        return " ".join(self.ahead.split()[1:2])


def is_inside_name(text: str, start: int, end: int) -> bool:
    """Return whether a stop without white space behind it is one of a name, file or address."""
    token = (text[max(0, start - WINDOW) : start].split() or [""])[-1]
    if text[start - 1].isupper() and not text[start - 2 : start - 1].isalpha():
        # The splitter knows U.S., but not non-U.S.
        return bool(_HYPHENED.search(token)) or text[end + 1 : end + 2] != "."
    rest = (text[end : end + WINDOW].split() or [""])[0]
    if len(rest.rstrip(",;:)\"'”’")) < 3 and re.search(r"\w\.\w", token):
        return True  # Win32.Kido.B
    if CHAIN.fullmatch(token) and _SHORT.match(rest):
        return True  # S.Con.Res. 33
    return bool(re.search(r"://|www\.|@", token) or re.search(r"[\w)]\.\w|[=&@]", rest))


def end_of_note(text: str, start: int) -> int:
    """Return where a credit or a source in brackets ends that begins at a place; 0 if none does."""
    note = _NOTE.match(text, start) if text[start] in "([" else None
    return note.end() if note and not _END_OR_LABEL.search(note[1] or note[2]) else 0


def rewritten(text: str, changes: Iterable[tuple[int, str]]) -> str:
    """Return a text as long, with what is to stand where; of two that overlap, the first."""
    parts = []
    done = 0
    for place, new in sorted(changes):
        if place >= done:
            parts += [text[done:place], new]
            done = place + len(new)
    return "".join([*parts, text[done:]])
