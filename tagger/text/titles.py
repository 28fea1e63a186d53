"""Titles with a full stop, as some archives write them, told by what was learned from labels.

A line with a stop is a sentence nearly always. Where no rule knows better, a logistic
regression over its looks, its place and its neighbours decides; `data/headings/train.py` fits it.
"""

import json
import re
from collections.abc import Sequence
from functools import cache

from tagger.text.language import Language, compiled
from tagger.text.lexicon import RESOURCES

_LONGEST, _MOST_WORDS = 150, 20
NEAR = 3000  # characters in which the words of a title come again
VISIBLE = re.compile(r"\S[^\n]*")
_NUMBERED = re.compile(r"\d{1,2}[.)]\s+\S")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_STOPS = tuple(".!?…")
_OPENERS = "'\"“‘("
CLOSERS = " \t\"'”’“„‘»«›‹)]}」』"
_LENGTHS = (2, 3, 5, 8, 12, 16, _MOST_WORDS)


@cache
def title_weights(name: str) -> dict[str, float]:
    """Return the weights for a language's titles, which travel with the package."""
    table: dict[str, float] = json.loads((RESOURCES / f"titles-{name}.json").read_text("utf-8"))
    return table


def title_looks(
    text: str, start: int, end: int, number: int, language: Language
) -> dict[str, float]:
    """Return what a line looks like, all but whether its words come again.

    Parameters
    ----------
    text : a text with the line.
    start, end : its character offsets.
    number : how many lines that are not empty stand before it, or 2 for more.
    language : whose words tell a sentence.

    Returns
    -------
    Names of features with their values; empty where the line cannot be a title, as it heads
    nothing or is too long.
    """
    line = text[start:end]
    words = line.split()
    following = VISIBLE.search(text, end, end + NEAR)
    if following is None or len(words) > _MOST_WORDS:
        return {}
    after = following[0].rstrip()
    # Most lines are not asked further: a crosshead is short and stands before a paragraph.
    if number > 1 and (len(after) <= 1.5 * len(line) or (len(words) > 8 and words[1].islower())):
        return {}
    before = text[max(0, start - NEAR) : start].rstrip().rpartition("\n")[2].strip()
    place = ("first", "second", "late")[min(number, 2)]
    told = [cue for cue, pattern in language.cues if compiled(pattern).search(line)]
    inside = number > 1 and len(after) > 100
    is_numbered = _NUMBERED.match(line) is not None
    if is_numbered and _NUMBERED.match(after):
        return {}  # a list
    looks: dict[str, float] = {
        place: 1,
        f"words {next(most for most in _LENGTHS if len(words) <= most)}": 1,
        **_capitals(words, place, language),
        "capitals": line.isupper(),
        "question": line.rstrip(CLOSERS)[-1:] == "?",
        "quotation": any(mark in line for mark in '"“”'),
        "single marks": "‘" in line or " '" in line or line[0] == "'",
        "closed": line[-1] in CLOSERS,
        "colon": ":" in line,
        "numbered": is_numbered,
        "longer after": len(after) > 1.5 * len(line),
        "numbered, longer after": is_numbered and len(after) > 1.5 * len(line),
        "long after": len(after) > 120,
        "quotation after": after[0] in '"“',
        "short before": 0 < len(before) < 80,
        "stop before": before.rstrip(CLOSERS)[-1:] in _STOPS,
        "semicolon before": before[-1:] == ";",
        "words between long lines": inside and len(before) > 100 and len(words) < 5,
        "phrase before a long line": inside and len(words) < 9 and not told,
        **dict.fromkeys(told, 1),
        **{f"{cue} {place}": 1 for cue in told},
    }
    return {name: float(value) for name, value in looks.items() if value}


def _capitals(words: Sequence[str], place: str, language: Language) -> dict[str, float]:
    """Return how far words are written as in a title, but for the first."""
    large = small = 0
    for word in words[1:]:
        if word.casefold().strip("\"'“”‘’.,:;") not in language.minor:
            large += word.lstrip(_OPENERS)[:1].isupper()
            small += word[0].islower()
    is_title = not small and large > 1
    return {
        "small": small / max(1, small + large),
        "title": is_title,
        f"title {place}": is_title,
        "nearly a title": small < 2 and large > 3,
    }


def recurrence(text: str, start: int, end: int) -> float:
    """Return the share of a line's longer words that come again soon after it."""
    stems = {word[:5].casefold() for word in _LONG_WORD.findall(text, start, end)}
    below = text[end : end + NEAR].casefold()
    return sum(stem in below for stem in stems) / max(1, len(stems))


def is_learned_title(text: str, start: int, end: int, number: int, language: Language) -> bool:
    """Return whether a line that ends in a stop is a title, as the labels of others had it."""
    last = text[start:end].rstrip(CLOSERS)[-1:]
    if not language.titles or end - start > _LONGEST or last not in _STOPS:
        return False
    looks = title_looks(text, start, end, number, language)
    # Archives of talk are not among what was learned from; nor do words or two head a text.
    if not looks or "reply" in looks or ("first" in looks and "words 2" in looks):
        return False
    weights = title_weights(language.titles)
    score = weights[""] + sum(weights.get(name, 0.0) * value for name, value in looks.items())
    again = weights["again"] + (weights["again first"] if number == 0 else 0.0)
    asked = weights["score"]
    return score + again > asked and score + again * recurrence(text, start, end) > asked
