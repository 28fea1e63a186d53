"""Which columns of a file are used: the names that were given, or the usual ones."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tagger.errors import DataError, did_you_mean
from tagger.files.formats import Format
from tagger.files.names import DOCUMENTS, ROWS, document_column, text_column
from tagger.files.rows import MAX_DOCUMENT_BYTES, Batch, Reject

ROWS_TO_SEE = 1000
_SENTENCE = 100  # characters, about


def tell_nobody(note: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Input:
    """What is read, and which of its columns are used.

    Parameters
    ----------
    files : in order; ``-`` is standard input.
    known : the format of all of them; what first bytes and ending say where None.
    sentences : whether each row, or each line of a text, is one sentence.
    text_column, id_column : the columns with the text and with the document's name; a file
        that lacks ``text`` or ``doc`` has them under another usual name (`tagger.files.names`).
    keep : the other columns to pass on; all where None.
    limit : the most bytes of one row or document.
    taken : names that the output gives to its own columns; a column of the input
        that has such a name is passed on as ``input_`` and that name.
    delimiter, encoding : of CSV, and of text; judged by the beginning of each file where empty.
    say : is told in sentences what was guessed, and which file has no row.
    id_is_kept : whether the column of the document's name is passed on too.
    """

    files: tuple[str, ...]
    known: Format | None = None
    sentences: bool = False
    text_column: str = "text"
    id_column: str = "doc"
    keep: tuple[str, ...] | None = None
    limit: int = MAX_DOCUMENT_BYTES
    taken: frozenset[str] = frozenset()
    delimiter: str = ""
    encoding: str = ""
    say: Callable[[str], None] = field(default=tell_nobody, compare=False, repr=False)
    id_is_kept: bool = False

    def passed_on(self, name: str) -> bool:
        """Return whether a column goes from the input to the output."""
        if name == self.text_column or (name == self.id_column and not self.id_is_kept):
            return False
        return self.keep is None or name in self.keep

    def n_pieces(self, n_characters: int, n_rows: int) -> int:
        """Return about how many pieces each row has, where rows have so many characters."""
        return 1 if self.sentences else max(1, n_characters // (_SENTENCE * n_rows))

    def named(self, name: str) -> str:
        """Return what the output calls a column of the input; no two are called the same."""
        bare = name
        while bare.startswith(_INPUT) and bare not in self.taken:
            bare = bare.removeprefix(_INPUT)
        return f"{_INPUT}{name}" if bare in self.taken else name


_INPUT = "input_"
_Item = TypeVar("_Item", bound=Reject | Batch)


class ColumnFinder:
    """Finds the columns of each file, and refuses a name that the first rows do not have."""

    def __init__(self, origin: Input) -> None:
        named = [("--text-column", origin.text_column)]
        if origin.id_column != "doc":
            named.append(("--id-column", origin.id_column))
        named += [("--keep", name) for name in origin.keep or ()]
        self.origin = origin
        self.missing = {name: option for option, name in named}
        self.seen: dict[str, None] = {}
        self.n_rows = 0
        self.said: set[str] = set()

    def of(self, names: Iterable[str], source: str) -> Input | None:
        """Return the input with the columns of one file; None where no one column has the text.

        Raises
        ------
        DataError : several may have it, and no file before tells.
        """
        names, notes = list(names), []
        text, doc = self.origin.text_column, self.origin.id_column
        if text not in names:
            first = text in self.missing  # no file before had a text
            found = text_column(names, source, "--text-column", first) if text == "text" else ""
            if not found:
                return None
            text = found
            self.missing.pop(self.origin.text_column, None)
            notes.append(f"text in column {text!r}")
        if doc == "doc" and doc not in names:
            groups = DOCUMENTS if self.origin.sentences else [*DOCUMENTS, *ROWS]
            others = [name for name in names if name != text]
            found, note = document_column(others, groups, "--id-column")
            doc = found or doc
            notes += [note] if note else []
        if notes and (note := "; ".join(notes)) not in self.said:
            self.said.add(note)
            self.origin.say(f"{source}: {note}")
        guessed = doc != self.origin.id_column
        return replace(self.origin, text_column=text, id_column=doc, id_is_kept=guessed)

    def see(self, names: Iterable[str]) -> None:
        """Take note of the columns of a row."""
        if self.missing:
            self.n_rows += 1
            self.seen.update(dict.fromkeys(names))
            for name in self.seen.keys() & self.missing.keys():
                del self.missing[name]

    def checked(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """Yield the items once all columns have been seen."""
        held: deque[_Item] = deque()
        for item in items:
            held.append(item)
            if not self.missing or self.n_rows >= ROWS_TO_SEE or len(held) >= ROWS_TO_SEE:
                self.refuse()
                while held:
                    yield held.popleft()
        self.refuse()
        yield from held

    def refuse(self) -> None:
        """Raise a DataError for a name that no column seen so far has."""
        if self.missing and self.seen:
            name, option = next(iter(self.missing.items()))
            raise DataError(f"no column {name!r}: {did_you_mean(name, self.seen)} (see {option})")


def no_text(origin: Input, names: Iterable[str]) -> str:
    """Say that a row, or a file, has no column of texts."""
    names = list(names)
    hint = did_you_mean(origin.text_column, names) if names else "the row is empty"
    return f"no column {origin.text_column!r}: {hint} (see --text-column)"
