"""Excel: the rows of the first sheet with text."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from itertools import islice, zip_longest
from typing import IO, Any, BinaryIO
from zipfile import ZipFile

from tagger.files import office
from tagger.files.rows import MAX_DOCUMENT_BYTES, Note, Row, Unreadable

_ROWS_TO_SEE = 50
_NO_VALUE = (
    "formulas without a value are read as empty: open the file in a spreadsheet program and save "
    "it, which computes them"
)


def read(stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES) -> Iterator[Row | Note]:
    """Yield the rows of a workbook's first sheet with a column of texts, numbered as Excel does.

    The first row that is not empty names the columns. Formulas are read as the values that a
    spreadsheet program kept with them; those without one are empty and counted.
    """
    openpyxl = office.library("openpyxl", "an Excel workbook")
    stream = office.package(stream, limit)
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        sheet = next(filter(_has_texts, book.worksheets), book.worksheets[0])
        if others := [repr(other.title) for other in book.worksheets if other is not sheet]:
            shown = ", ".join(others[:5]) + (" and more" if len(others) > 5 else "")
            yield Note(f"sheet {sheet.title!r} is read, not {shown}", source)
        blanks = _Blanks(openpyxl, stream, sheet.title)
        rows = _rows(sheet)
        _, header = next(rows, (0, []))
        names = [str(cell).strip() if cell is not None else "" for cell in header]
        if twice := sorted(n for n, times in Counter(filter(None, names)).items() if times > 1):
            raise Unreadable(
                f"the header names {', '.join(twice)} more than once: rename all but one"
            )
        for number, cells in rows:
            cells += [None] * (len(names) - len(cells))
            names += [""] * (len(cells) - len(names))
            record = {
                name or f"column {column}": _plain(cell)
                for column, (name, cell) in enumerate(zip(names, cells, strict=True), 1)
                if name or cell is not None
            }
            blanks.see(number, cells)
            yield Row(record, source, number)
        blanks.see(math.inf, ())
        if blanks.n:
            yield Note(_NO_VALUE, source, blanks.n)
    except Unreadable:
        raise
    except Exception as error:  # whatever a damaged file makes of the library
        raise office.damaged("Excel workbook", error) from None


class _Blanks:
    """Counts the formulas without a value, which look like empty cells."""

    def __init__(self, openpyxl: Any, stream: BinaryIO, title: str) -> None:
        self.n, self.number = 0, 0
        with ZipFile(stream) as package:
            sheets = [name for name in package.namelist() if name.startswith("xl/worksheets/")]
            has_any = any(_has_formula(package.open(name)) for name in sheets)
        # Reading them takes as long as reading the values.
        self.rows: Iterator[Any] = iter(())
        if has_any:
            book = openpyxl.load_workbook(stream, read_only=True)
            book[title].reset_dimensions()
            self.rows = book[title].iter_rows(values_only=True)

    def see(self, number: float, cells: Sequence[Any]) -> None:
        """Take note of the next row that is not empty and its values, and of all rows before it."""
        while self.number < number and (row := next(self.rows, None)) is not None:
            self.number += 1
            self.n += sum(
                cell is None and isinstance(formula, str) and formula.startswith("=")
                for cell, formula in zip_longest(cells if self.number == number else (), row)
            )


def _has_formula(sheet: IO[bytes]) -> bool:
    tail = b""
    with sheet:
        while data := sheet.read(1 << 20):
            if b"<f>" in tail + data or b"<f " in tail + data:
                return True
            tail = data[-3:]
    return False


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows that are not empty, each with its number."""
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell is not None for cell in cells):
            yield number, list(cells)


def _has_texts(sheet: Any) -> bool:
    """Return whether most cells of a column, below its name, are of several words."""
    _, *body = [cells for _, cells in islice(_rows(sheet), 1 + _ROWS_TO_SEE)] or [[]]
    texts = Counter(
        column
        for cells in body
        for column, cell in enumerate(cells)
        if isinstance(cell, str) and len(cell.split()) > 2
    )
    return max(texts.values(), default=0) > len(body) / 2


def _plain(value: Any) -> Any:
    if value is None:
        return ""  # as an empty cell of CSV, which means the same
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else value
