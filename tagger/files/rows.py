"""What a reader yields: a row, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagger.arrow import Column

MAX_DOCUMENT_BYTES = 50_000_000
"""The most bytes of one document or row that are read, unless told otherwise."""


@dataclass(frozen=True)
class Row:
    """One record of a file, or one whole document where the format has no records.

    Parameters
    ----------
    record : the columns of the row; ``text`` among them unless the file lacks it.
    source : the file it came from.
    line : the line it began on, counted from 1.
    """

    record: dict[str, Any]
    source: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        """File and line, as errors name them."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True)
class Reject:
    """A row that could not be used.

    Parameters
    ----------
    reason : what was found and what was expected.
    raw : the row as it stood in the file; bytes that are no text as lone surrogates.
    source, line : where it stood.
    n_rows : how many rows were lost with it, where they cannot be told apart.
    """

    reason: str
    raw: str = field(repr=False)
    source: str = ""
    line: int = 0
    n_rows: int = 1

    @property
    def where(self) -> str:
        """File and line, as errors name them."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True)
class Batch:
    """Rows that can be tagged, column by column.

    Parameters
    ----------
    texts : the documents, or sentences.
    docs : what to call each.
    extra : the other columns, by name; a list, or a pyarrow Array.
    sources, lines : where each row stood.
    n : the place of each row in its document, where rows are sentences.
    """

    texts: Sequence[str]
    docs: Sequence[str]
    extra: Mapping[str, Column]
    sources: Sequence[str]
    lines: Sequence[int]
    n: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.texts)
