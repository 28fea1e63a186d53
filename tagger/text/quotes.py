"""Double quotation marks told apart by what stands around them, where some have no partner.

The splitter takes straight marks in turn and looks for the end of any quotation, so that a mark
too few, as where a quotation goes on in the next paragraph, turns all behind it inside out.
"""

import re
from collections.abc import Sequence
from itertools import cycle

_MARK = re.compile(r"[\"“”]")
_PARAGRAPH = re.compile(r"[^\n]+(?:\n(?!\r?\n)[^\n]*)*")
_OPENS, _CLOSES = "“", "”"
_MOST, _NEAR = 20, 8  # marks in any paragraph, and characters for each of more
_SPACES = ("", " ", "\n", "\xa0")
_INNER = "'‘’"  # marks of a quotation within are looked through
_BEFORE_OPENING = frozenset("([{—–-/")
_BEHIND_CLOSING = frozenset(".,;:!?)]}—–-/")


def paired(text: str) -> tuple[str, list[int]]:
    """Return a text as long, whose marks open or close, and the places of those that never close.

    Only paragraphs are changed whose marks do not come in pairs.
    """
    parts: list[str] = []
    unclosed: list[int] = []
    done = 0
    for paragraph in _PARAGRAPH.finditer(text) if _MARK.search(text) else ():
        if _is_odd(paragraph[0]):
            marks = [m.start() for m in _MARK.finditer(text, *paragraph.span())]
            told, alone = _told(text, marks)
            turns = cycle((_OPENS, _CLOSES))
            taken = [next(turns) if text[at] == '"' else text[at] for at in marks]
            is_mixed = '"' in paragraph[0] and any(text[at] != '"' for at in marks)
            if len(marks) > 1 and (told != taken or is_mixed or alone not in ([], marks[-1:])):
                unclosed += alone
                for at, mark in zip(marks, told, strict=True):
                    parts += [text[done:at], mark]
                    done = at + 1
    return "".join([*parts, text[done:]]), unclosed


def _is_odd(paragraph: str) -> bool:
    """Return whether marks may not come in pairs, told at a glance; never of what is no prose."""
    straight, opening = paragraph.count('"'), paragraph.count("“")
    closing = paragraph.count("”") if opening or "”" in paragraph else 0
    if straight + opening + closing > _MOST + len(paragraph) // _NEAR:
        return False
    if opening or closing:
        first = paragraph.find("“")
        return straight > 0 or opening != closing or first > paragraph.find("”")
    inside = paragraph.split('"')[1::2] if straight else []
    return straight % 2 == 1 or any(part[:1] in _SPACES or part[-1] in _SPACES for part in inside)


def _told(text: str, marks: Sequence[int]) -> tuple[list[str], list[int]]:
    """Return what each mark is, and which of those that open are followed by another one."""
    told: list[str] = []
    alone: list[int] = []
    opened = None
    for at in marks:
        before = text[max(0, at - 2) : at].rstrip(_INNER)[-1:]
        behind = text[at + 1 : at + 3].lstrip(_INNER)[:1]
        blank, ends = not before.strip(), not behind.strip()
        may_open = blank or (not ends and before in _BEFORE_OPENING)
        may_close = ends or (
            behind in _BEHIND_CLOSING and not (blank and text[at + 1 : at + 3] == "..")
        )
        if may_open != may_close:
            opens = may_open
        elif text[at] == '"' or may_open:
            opens = opened is None
        else:
            opens = text[at] == _OPENS
        told.append(_OPENS if opens else _CLOSES)
        if opens and opened is not None:
            alone.append(opened)
        opened = at if opens else None
    return told, alone if opened is None else [*alone, opened]
