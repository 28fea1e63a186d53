"""What spreadsheets open right: CSV with text that stays text, and Excel workbooks."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tagger.errors import DataError, OutputError, required

BOM = b"\xef\xbb\xbf"
MOST_CHARACTERS = 32_767
# What XML lacks or reads as another, and what looks like the escape of such a character.
_LACKING = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
# Where programs of some countries part cells at semicolons, a quoted cell that is not the first
# of its line is parted inside too, at each of these.
_PARTS = r"(?<=[;\t\r\n])"
_RISKY = "[ \\xa0\\u3000]*[=+@'＝＋－＠-]"
_ACTING = re.compile(rf"\A(?=[\t\r\n]|{_RISKY})|{_PARTS}(?={_RISKY})")
_MOST_ROWS = 1_048_576
_MOST_DIGITS = 15
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def as_text(cell: Any) -> Any:
    """Return a cell so that a spreadsheet takes no string for a formula.

    Where a string begins with ``=``, ``+``, ``-``, ``@`` (wide ones too), a tab, a line's end or
    an apostrophe, and where one of the signs follows ``;``, a tab or a line's end, it gets one
    more apostrophe, blanks or not.
    """
    return _ACTING.sub("'", cell) if type(cell) is str else cell


def library() -> Any:
    """Return the module openpyxl; raise DataError where the extra office is not installed."""
    return required("openpyxl", "office", "Excel files need the extra office", DataError)


def write_workbook(
    rows: Iterable[dict[str, Any]], names: Sequence[str], stream: BinaryIO, scratch: Path
) -> int:
    """Write rows as an Excel workbook, of several sheets where one is full; return how many.

    Strings are stored as strings, whatever they begin with; characters that XML lacks as
    Excel itself escapes them (``_x001B_``), and whole numbers of more digits than a cell
    holds too. The same rows give the same bytes.

    Parameters
    ----------
    rows, names : the rows, and their columns in order.
    stream : where the workbook goes.
    scratch : folder for what is made on the way, and left there where the process is killed.

    Raises
    ------
    OutputError : a text that is longer than a cell may be.
    """
    book = library().Workbook(write_only=True)
    sheet, room, n = None, 0, 0
    try:
        for n, row in enumerate(rows, 1):
            if sheet is None or room == 0:
                sheet, room = _sheet(book, names, scratch), _MOST_ROWS - 1
            cells = []
            for name in names:
                value = row.get(name)
                if type(value) is int and abs(value) >= 10**_MOST_DIGITS:
                    value = str(value)  # as a number it would end in zeros
                cells.append(
                    _string(sheet, value, f"row {n}: {name}") if type(value) is str else value
                )
            sheet.append(cells)
            room -= 1
    except BaseException:
        for opened in book.worksheets:
            opened.close()
        raise
    if sheet is None:
        _sheet(book, names, scratch)
    from tempfile import TemporaryFile

    with TemporaryFile(dir=scratch) as made:
        book.save(made)
        _undated(made, stream)
    return n


def _sheet(book: Any, names: Sequence[str], scratch: Path) -> Any:
    """Return a new sheet, whose header is bold and stays in view."""
    from openpyxl.styles import Font
    from openpyxl.worksheet import _writer

    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    header = [_string(sheet, name, "the name of a column") for name in names]
    for cell in header:
        cell.font = Font(bold=True)
    # openpyxl would make this file where temporary files go, and kill -9 would leave it there.
    out = os.fsencode(scratch / f"sheet-{len(book.worksheets)}.xml")
    _writer.ALL_TEMP_FILES.append(out)
    sheet._writer = _writer.WorksheetWriter(sheet, out)
    sheet._writer.write_top()
    sheet.append(header)
    return sheet


def _string(sheet: Any, text: str, what: str) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if len(text) > MOST_CHARACTERS:
        raise OutputError(
            f"{what} has {len(text):,} characters, and a cell of Excel holds "
            f"{MOST_CHARACTERS:,}: write CSV or Parquet"
        )
    cell = WriteOnlyCell(sheet, _LACKING.sub(_escaped, text))
    cell.data_type = "s"  # else "=1+1" would be a formula
    return cell


def _escaped(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _undated(made: Any, stream: BinaryIO) -> None:
    """Copy a workbook without the time at which it was made."""
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    with ZipFile(made) as source, ZipFile(stream, "w", ZIP_DEFLATED) as out:
        for name in source.namelist():
            entry = ZipInfo(name, _LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            with source.open(name) as member, out.open(entry, "w", force_zip64=True) as copy:
                if name == "docProps/core.xml":
                    copy.write(_MODIFIED.sub(rb"\g<1>1980-01-01T00:00:00Z", member.read()))
                    continue
                while data := member.read(1 << 20):
                    copy.write(data)
