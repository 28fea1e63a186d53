"""A language: all that tagger knows of the one that a text is written in.

English is one value here, `ENGLISH`. Any other language is `Language(code)`: the
splitter knows the abbreviations of many, and words and characters need no more. To
add one, write a value with what the fields below ask for and put it in `LANGUAGES`.
"""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from tagger.errors import ConfigError
from tagger.text import english

_CODE = re.compile(r"[a-z]{2,3}")
UNKNOWN = "und"
"""The code of a language that nobody named and nothing told (ISO 639-2: undetermined)."""

_ABBREVIATION = r"(?:[^\W\d_]\.){2,}"  # u.s., p.m.
_NUMBER = r"\d+(?:[.,:]\d+)*"  # 0,000.00
_PUNCTUATION = r"(?!(?<=[\w.])-(?=\w))[^\w\s]"  # but no hyphen inside a word


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when it is first needed, and keep it, which re does for some 500 only."""
    return re.compile(pattern)


@dataclass(frozen=True)
class Language:
    """What depends on the language of a text.

    Parameters
    ----------
    code : ISO 639 code, which also names the splitter's abbreviations; ``und`` where unknown.
    words : regular expression of the tokens that are words, without groups that capture.
    suffixes : endings that tell the kind of a word, the first that fits counts.
    lexicons : names of the lexicons in this language that travel with the package.
    vectors : name of such word vectors, or empty.
    lines : what a line is that is no sentence, such as a byline, in lower case how it may
        begin, and a regular expression of its beginning.
    marks : what such a line holds, then triples of a word in lower case, of what a line is
        that has it, and of an expression that it must have too.
    minor : small words that titles write without a capital; empty where titles have none.
    bound : words that no title ends with.
    reported : regular expression of what a title with a full stop lacks; empty where no
        title has one.
    cues : names of what tells a sentence from a title, each with a regular expression.
    titles : name of the weights that were learned for titles with a full stop, or empty.
    stops : name of such lists of words that leave it in doubt whether a stop ends the
        sentence, or empty.
    """

    code: str
    words: str = r"\w+(?:'\w+)*"
    suffixes: tuple[str, ...] = ()
    lexicons: tuple[str, ...] = ()
    vectors: str = ""
    lines: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    marks: tuple[tuple[Any, ...], ...] = ()
    minor: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    reported: str = ""
    cues: tuple[tuple[str, str], ...] = ()
    titles: str = ""
    stops: str = ""

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise ConfigError(
                f"language is {self.code!r}, expected an ISO 639 code such as en, or {UNKNOWN}"
            )

    @cached_property
    def token_pattern(self) -> str:
        """Regular expression of a token in normalized text."""
        return "|".join((_ABBREVIATION, _NUMBER, self.words, _PUNCTUATION))

    @cached_property
    def token(self) -> re.Pattern[str]:
        """The same, compiled."""
        return re.compile(self.token_pattern)

    @cached_property
    def lines_by_letter(self) -> dict[str, list[tuple[str, tuple[str, ...], str]]]:
        """Those of `lines` that a line may be, by its first letter in lower case."""
        table: dict[str, list[tuple[str, tuple[str, ...], str]]] = {}
        for line in self.lines:
            for letter in dict.fromkeys(begins[0] for begins in line[1]):
                table.setdefault(letter, []).append(line)
        return table


ENGLISH = Language(
    "en",
    words=r"\w+(?:'(?!s\b)\w+)*|'s\b",  # don't and o'neill whole, trump without its 's
    suffixes=(
        *("ing", "ed", "ly", "s", "ion", "able", "ive", "al", "ous"),
        *("er", "est", "ity", "ism", "ness"),
    ),
    lexicons=("claims", "themes"),
    vectors="words-en",
    lines=english.LINES,
    marks=english.MARKS,
    minor=english.MINOR,
    bound=english.BOUND,
    reported=english.REPORTED,
    cues=english.CUES,
    titles="en",
    stops="en",
)
LANGUAGES = (ENGLISH,)


def language_of(code: str) -> Language:
    """Return the language with a code; one of which nothing more is known where none has it.

    Raises
    ------
    ConfigError : not an ISO 639 code.
    """
    return next((known for known in LANGUAGES if known.code == code), None) or Language(code)
