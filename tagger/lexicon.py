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
from pathlib import Path

from tagger.errors import ConfigError
from tagger.tokens import fold, tokenize

RESOURCES = Path(__file__).parent / "resources"

_HEADER = re.compile(r"\[([a-z][a-z0-9_]*)\]\s*(.*)")


class Lexicon:
    """Classes of words and phrases.

    Parameters
    ----------
    text : the content of a lexicon file.
    where : what to call the file in errors.

    Attributes
    ----------
    classes : names of the classes, in the order of the file.
    definitions : the sentence behind each class name, by class.
    phrases : by entry of two or more tokens, the classes it belongs to.

    Raises
    ------
    ConfigError : a line that does not follow the format, named by its number.
    """

    def __init__(self, text: str, where: str = "lexicon") -> None:
        self.text = text
        self.definitions: dict[str, str] = {}
        self.phrases: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._lowered: dict[str, list[str]] = defaultdict(list)
        self._cased: dict[str, list[str]] = defaultdict(list)
        self._prefixes: dict[str, list[str]] = defaultdict(list)
        current = ""
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            if header := _HEADER.fullmatch(line):
                current = header[1]
                if current in self.definitions:
                    raise ConfigError(f"{where}:{number}: the class {current!r} stands twice")
                self.definitions[current] = header[2]
            elif not current:
                raise ConfigError(
                    f"{where}:{number}: {line!r} comes before any class, expected [class] first"
                )
            else:
                self._add(line, current, f"{where}:{number}")
        self.classes = tuple(self.definitions)

    def _add(self, entry: str, name: str, where: str) -> None:
        if entry.endswith("*"):
            stem = tokenize(entry[:-1])
            if len(stem) != 1:
                raise ConfigError(f"{where}: {entry!r}: '*' follows a single word only")
            self._prefixes[stem[0]].append(name)
            return
        tokens = tuple(tokenize(entry))
        if len(tokens) > 1:
            self.phrases[tokens].append(name)
        elif any(c.isupper() for c in entry):
            self._cased[fold(entry)].append(name)
        else:
            self._lowered[tokens[0]].append(name)

    def classes_of(self, surface: str) -> list[str]:
        """Return the classes that a single token belongs to.

        Parameters
        ----------
        surface : a token as `tagger.tokens.surface_tokens` gives it.
        """
        lowered = surface.lower()
        found = self._lowered.get(lowered, []) + self._cased.get(surface, [])
        for end in range(2, len(lowered) + 1):
            if lowered[:end] in self._prefixes:
                found = found + self._prefixes[lowered[:end]]
        return list(dict.fromkeys(found))


def builtin_lexicon(name: str) -> Lexicon:
    """Return the lexicon `name` that travels with the package.

    Raises
    ------
    ConfigError : there is no such lexicon.
    """
    path = RESOURCES / f"{name}.txt"
    if not path.is_file():
        known = sorted(p.stem for p in RESOURCES.glob("*.txt"))
        raise ConfigError(f"there is no lexicon {name!r}, expected one of {', '.join(known)}")
    return Lexicon(path.read_text(encoding="utf-8"), path.name)
