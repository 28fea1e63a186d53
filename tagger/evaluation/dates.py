"""Dates as newspapers write them -> year and month."""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from tagger.errors import DataError

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ].*)?)?)?$")
# "240207" is of 2024 or of 2007.
_NO_YEAR = re.compile(r"\d{1,7}$|\d{6}\D|(?!1[5-9]|20)\d{12}$")
_NUMBERS = re.compile(r"(?<![\d:/.\-])(\d{1,2})[/. \-]+(\d{1,2})[/. \-]+\d{2,4}(?!\d)")


@lru_cache(maxsize=1 << 16)
def month_of(value: str, day_first: bool | None = None) -> str:
    """Return the month of a date such as ``2024-03``, "" where there is none to be read.

    Parameters
    ----------
    value : a date, as ``2024-03-18``, ``Jan. 9, 2024`` or ``18/03/2024``.
    day_first : whether ``05/01/2024`` is of January (True) or of May (False).
    """
    year, month = _parsed(value, day_first)
    return f"{year:04d}-{month:02d}" if year and month else ""


def year_of(value: Any) -> str:
    """Return the year of a date, "" where there is none to be read."""
    year, _ = _parsed(value, day_first=False)
    return f"{year:04d}" if year else ""


def _parsed(value: Any, day_first: bool | None) -> tuple[int, int]:
    """Return year and month, 0 where the date does not say it."""
    text = "" if value is None else str(value).strip()
    if iso := _ISO.match(text):
        year, month = int(iso[1]), int(iso[2] or 0)
        try:
            date(year, month or 1, int(iso[3] or 1))
        except ValueError:  # no such day
            return 0, 0
        return year, month
    if not text or _NO_YEAR.match(text):
        return 0, 0
    from dateutil import parser

    begins_with_year = text[:4].isdecimal()  # which a month follows, and then a day
    numbers = None if begins_with_year else _NUMBERS.search(text)
    if numbers and day_first is None:
        one, other = int(numbers[1]), int(numbers[2])
        if one <= 12 and other <= 12 and one != other:
            raise DataError(
                f"the date {text!r} is of month {one} or of month {other}: say which with "
                "--day-first or --month-first (day_first=True or False)"
            )
    day_first = bool(day_first) and not begins_with_year
    # What the text leaves out is filled from the default: what changes with it was not said.
    defaults = (datetime(1, 1, 1), datetime(2, 2, 2))
    try:
        one_date, other_date = (
            parser.parse(text, default=default, dayfirst=day_first, ignoretz=True)
            for default in defaults
        )
    except (ValueError, OverflowError):
        return 0, 0
    if one_date.year != other_date.year:
        return 0, 0
    return one_date.year, one_date.month if one_date.month == other_date.month else 0
