"""Which line breaks end a sentence: those of headings, bylines and lists, not of wrapped text.

A line was wrapped where the next word did not fit into the width of its paragraph.
"""

import re
from itertools import islice

ENDS = "?"  # the splitter knows no abbreviation that ends in it

_LINE_BREAK = re.compile(r"\n(?<!\n\n)(?<!\n\r\n)(?=\S)")
_BLANK_LINE = re.compile(r"\n\r?\n")
_CLOSING = '"”’)]:'
_OPENERS = {")": "(", "]": "["}
_NEW_LINE = re.compile(r"[\"“‘(]?[A-Z]")
_ITEM = re.compile(r"\(?(?:\d{1,3}|[a-z])[._)]")
_BYLINE = re.compile(r"By [A-Z][\w.'’-]*(?:,? (?:(?:and|of|in|for|at|the) )?[A-Z][\w.'’-]*){1,9}")
_NARROW = 40
_LONGEST_WORD = 80
_SHORT_LINE = 60  # where lines are shorter, this is no text, and the rest is left as it is


def lines_settled(text: str, never_last: frozenset[str]) -> str:
    """Return a text as long, in which a line that nobody wrapped ends in a stop.

    Parameters
    ----------
    never_last : words that no line of its own ends in.
    """
    parts = []
    done = end = width = paragraph = 0
    for match in islice(_LINE_BREAK.finditer(text), 1000 + len(text) // _SHORT_LINE):
        at = match.start()
        begin = text.rfind("\n", done, at) + 1
        line = text[begin:at].rstrip()
        following = text[at + 1 : at + _LONGEST_WORD].split(maxsplit=1)[0]
        item = line[-1:] == ":" and _ITEM.match(following)
        if not (item or _NEW_LINE.match(following)) or not line.rstrip(_CLOSING)[-1:].isalnum():
            continue
        if at >= end:
            paragraph, end = _paragraph(text, end, at)
            width = max(_NARROW, *map(len, text[paragraph:end].splitlines()))
        fits = len(line) + 1 + len(following) <= width
        fits = fits or (begin == paragraph and _BYLINE.fullmatch(line) is not None)
        if item or (fits and line.split()[-1] not in never_last):
            # Not in place of a quotation mark, which the splitter needs.
            visible = line if line[-1] in ")]:" else line.rstrip(_CLOSING)
            stop = begin + len(visible) - 1
            opener = begin + line.rfind(_OPENERS.get(line[-1], "\n"))
            if opener >= begin:  # or the splitter goes on to look for its end
                parts += [text[done:opener], ","]
                done = opener + 1
            parts += [text[done:stop], ENDS]
            done = stop + 1
    return "".join([*parts, text[done:]])


def _paragraph(text: str, begin: int, at: int) -> tuple[int, int]:
    """Return where the paragraph of a line break begins and ends."""
    end = _BLANK_LINE.search(text, at)
    start = max(text.rfind("\n\n", begin, at), text.rfind("\n\r\n", begin, at))
    return (begin if start < 0 else start + 2), end.start() if end else len(text)
