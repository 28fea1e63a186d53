"""A stop and what stands around it, as far as it takes to tell whether a sentence ends."""

import re
from typing import NamedTuple

WINDOW = 80
"""How many characters before a word and after a stop are looked at."""

_NEXT_WORD = re.compile(r"[\"“‘'(]*([\w'’/-]+(?:\.[\w'’-]+)*)")


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
        return "-" in token or text[end + 1 : end + 2] != "."  # the splitter knows U.S.
    rest = (text[end : end + WINDOW].split() or [""])[0]
    if len(rest.rstrip(",;:)\"'”’")) < 3 and re.search(r"\w\.\w", token):
        return True  # Win32.Kido.B
    return bool(re.search(r"://|www\.|@", token) or re.search(r"[\w)]\.\w|[=&@]", rest))
