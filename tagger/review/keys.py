"""Keys for the labels of any schema, and the page of the codebook that fits a sentence."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tagger.markup import name_of
from tagger.schema import CLAIMS, Schema

COMMANDS = {
    "j": "next sentence",
    "k": "previous sentence",
    "Enter": "agree with what is shown",
    "u": "undo",
    "x": "skip, with a reason",
    "n": "note",
    "f": "filter",
    "?": "keys",
}
"""Keys that no label gets."""


@dataclass(frozen=True)
class Point:
    """A finer point of the codebook, and the words whose sentences it is for."""

    title: str
    text: str
    words: str

    def fits(self, sentence: str) -> bool:
        """Return whether a sentence has one of its words."""
        return re.search(rf"\b(?:{self.words})\b", sentence, re.IGNORECASE) is not None


def keys_of(schema: Schema) -> dict[str, tuple[str, str]]:
    """Return by key the task and label that it gives.

    The first task of one label gets the digits, all others the first free letter of the label.
    """
    keys: dict[str, tuple[str, str]] = {}
    single = schema.single
    for task in schema.tasks:
        for number, label in enumerate(task.labels, 1):
            wanted = [str(number)] if task is single and number < 10 else list(_letters(label))
            key = next((k for k in wanted if k not in keys and k not in COMMANDS), "")
            if key:  # a label beyond all keys is given by its button
                keys[key] = (task.name, label)
    return keys


def _letters(label: str) -> Iterator[str]:
    yield from (c for c in name_of(label).lower() if c.isascii() and c.isalpha())
    yield from "abcdefghijklmnopqrstuvwxyz"


@cache
def _points() -> tuple[Point, ...]:
    path = Path(__file__).parent.parent / "resources" / "codebook.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(Point(**point) for point in table["point"])


def points_for(schema: Schema, sentence: str) -> list[Point]:
    """Return the finer points that fit a sentence; of the built-in schema, others have none."""
    if schema.to_dict() != CLAIMS.to_dict():
        return []
    return [point for point in _points() if point.fits(sentence)]
