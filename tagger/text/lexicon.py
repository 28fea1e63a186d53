"""Lexicons: named classes of words and phrases, written out in plain files.

A file holds classes and their entries, one a line::

    # A comment.
    [hedge_adverb] Adverbs that weaken a claim. Source: Hyland (1998).
    perhaps
    at least
    Turkey
    sanction*

An entry in lower case matches in any case; a single word with a capital letter
matches only as written; a single word that ends in ``*`` matches every token
that begins with it; an entry of several words matches them in a row.
"""

import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tagger.errors import ConfigError, did_you_mean
from tagger.text.language import ENGLISH, Language
from tagger.text.tokens import fold, tokenize

RESOURCES = Path(__file__).parent.parent / "resources"

_NONE: list[int] = []
_HEADER = re.compile(r"\[([a-z][a-z0-9_]*)\]\s*(.*)")


class Lexicon:
    """Classes of words and phrases.

    Parameters
    ----------
    text : the content of a lexicon file.
    where : what to call the file in errors.
    language : the language whose tokens its entries are cut into.

    Attributes
    ----------
    classes : names of the classes, in the order of the file.
    definitions : the sentence behind each class name, by class.

    Raises
    ------
    ConfigError : a line that does not follow the format, named by its number.
    """

    def __init__(self, text: str, where: str = "lexicon", language: Language = ENGLISH) -> None:
        self.text = text
        self.language = language
        self.definitions: dict[str, str] = {}
        self._entries: list[tuple[str, str]] = []
        current = ""
        for number, line in enumerate(map(str.strip, text.splitlines()), 1):
            if not line or line[0] == "#":
                continue
            if line[0] == "[" and (header := _HEADER.fullmatch(line)):
                current = header[1]
                if current in self.definitions:
                    raise ConfigError(f"{where}:{number}: the class {current!r} stands twice")
                self.definitions[current] = header[2]
            elif not current:
                raise ConfigError(
                    f"{where}:{number}: {line!r} comes before any class, expected [class] first"
                )
            else:
                if line[-1] == "*" and len(self._tokens(line[:-1])) != 1:
                    raise ConfigError(f"{where}:{number}: {line!r}: '*' follows a single word only")
                self._entries.append((line, current))
        self.classes = tuple(self.definitions)

    # Cutting thousands of entries into tokens takes longer than loading all the rest
    # of a model, so it waits until somebody asks.

    @cached_property
    def phrases(self) -> dict[tuple[str, ...], list[str]]:
        """By entry of two or more tokens, the classes it belongs to."""
        phrases: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for entry, name in self._entries:
            if entry[-1] != "*" and len(tokens := self._tokens(entry)) > 1:
                phrases[tokens].append(name)
        return phrases

    @cached_property
    def _words(self) -> "_Words":
        lowered: dict[str, list[int]] = defaultdict(list)
        cased: dict[str, list[int]] = defaultdict(list)
        prefixes: dict[str, list[int]] = defaultdict(list)
        numbers = {name: i for i, name in enumerate(self.classes)}
        for entry, name in self._entries:
            if entry.isascii() and entry.isalpha():  # as nearly all are
                words = lowered if entry.islower() else cased
                words[entry].append(numbers[name])
            elif entry[-1] == "*":
                prefixes[self._tokens(entry[:-1])[0]].append(numbers[name])
            elif " " not in entry and len(tokens := self._tokens(entry)) == 1:
                if any(c.isupper() for c in entry):
                    cased[fold(entry)].append(numbers[name])
                else:
                    lowered[tokens[0]].append(numbers[name])
        sizes = sorted(map(len, prefixes)) or [1]
        heads = {prefix[: sizes[0]] for prefix in prefixes}
        return _Words(lowered, cased, prefixes, heads, range(sizes[0], sizes[-1] + 1))

    def class_numbers(self, surface: str) -> list[int]:
        """Return the classes that a single token belongs to, as places in `classes`.

        Parameters
        ----------
        surface : a token as `tagger.text.tokens.surface_tokens` gives it.
        """
        lowered_words, cased, prefixes, heads, lengths = self._words
        lowered = surface.lower()
        numbers = lowered_words.get(lowered, _NONE)
        if surface in cased:
            numbers = [*numbers, *cased[surface]]
        # Few words begin as any beginning does, so most need not be tried at each length.
        if lowered[: lengths.start] in heads:
            for length in range(lengths.start, min(lengths.stop, len(lowered) + 1)):
                if lowered[:length] in prefixes:
                    numbers = [*numbers, *prefixes[lowered[:length]]]
        return list(dict.fromkeys(numbers)) if len(numbers) > 1 else numbers

    def _tokens(self, entry: str) -> tuple[str, ...]:
        """Return the tokens of an entry, those of a plain word without looking for borders."""
        if entry.isascii() and entry.isalpha():
            return (entry.lower(),)
        return tuple(tokenize(entry, self.language))


class _Words(NamedTuple):
    """The classes of single words.

    Parameters
    ----------
    lowered, cased, prefixes : numbers of the classes of words in any case, as written, and
        that begin so.
    heads : the first letters of the beginnings, as many as the shortest has.
    lengths : how many letters a beginning may have.
    """

    lowered: dict[str, list[int]]
    cased: dict[str, list[int]]
    prefixes: dict[str, list[int]]
    heads: set[str]
    lengths: range


def builtin_lexicon(name: str, language: Language = ENGLISH) -> Lexicon:
    """Return the lexicon `name` that travels with the package.

    Raises
    ------
    ConfigError : there is no such lexicon.
    """
    path = resource(name, ".txt", "lexicon")
    return Lexicon(path.read_text(encoding="utf-8"), path.name, language)


def resource(name: str, suffix: str, kind: str) -> Path:
    """Return a file that travels with the package.

    Raises
    ------
    ConfigError : there is no file of that name and kind.
    """
    path = RESOURCES / f"{name}{suffix}"
    known = sorted(p.stem for p in RESOURCES.glob(f"*{suffix}"))
    if name not in known:
        raise ConfigError(f"there is no {kind} {name!r}: {did_you_mean(name, known)}")
    return path
