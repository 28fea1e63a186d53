"""What a reader yields: a row, or the reason why there is none."""

from dataclasses import dataclass, field
from typing import Any


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
    raw : the row as it stood in the file.
    source, line : where it stood.
    """

    reason: str
    raw: str = field(repr=False)
    source: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        """File and line, as errors name them."""
        return f"{self.source}:{self.line}" if self.line else self.source
