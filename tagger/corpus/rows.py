"""Labelled data, wherever it is -> rows: files, records in memory, a DataFrame."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tagger.errors import DataError
from tagger.files import Reject, Row, read_rows
from tagger.files.encoding import text_encoding
from tagger.files.folders import expand
from tagger.files.names import check_once
from tagger.sequences import is_missing

# A path or several, `Files`, a list of records, or a pandas or polars DataFrame.
Data = Any


@dataclass(frozen=True)
class Files:
    """Paths of labelled data, and the encoding of their text where it should not be judged."""

    paths: Sequence[str]
    encoding: str = ""


def rows_of(data: Data, say: Callable[[str], None] = lambda note: None) -> Iterator[Row | Reject]:
    """Yield the rows of labelled data.

    Parameters
    ----------
    data : a path, or a list of paths, of files, folders or patterns; `Files`; a list of
        records (dicts); a pandas or polars DataFrame, or an Arrow table. It is read anew at
        each call.
    say : is told what was guessed, passed over and left out.

    Raises
    ------
    DataError : something else, or a file that cannot be opened.
    """
    encoding = ""
    if isinstance(data, Files):
        encoding, data = text_encoding(data.encoding) if data.encoding else "", list(data.paths)
    if isinstance(data, (str, Path)):
        data = [data]
    if hasattr(data, "to_pylist"):  # an Arrow table
        check_once(data.column_names, "the data")
        data = data.to_pylist()
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        yield from _of_frame(data)
        return
    if not isinstance(data, (list, tuple)):
        raise DataError(
            f"data is a {type(data).__name__}, expected a path, a list of paths, a list of "
            "records or a DataFrame"
        )
    for path in expand([str(item) for item in data if isinstance(item, (str, Path))], say):
        yield from map(_plain, read_rows(path, say=say, encoding=encoding))
    for number, item in enumerate(data, 1):
        if isinstance(item, Mapping):
            yield _plain(Row(dict(item), "record", number))
        elif not isinstance(item, (str, Path)):
            raise DataError(
                f"entry {number} of the data is a {type(item).__name__}, expected a path or a "
                "record (a dict)"
            )


def _plain(row: Row | Reject) -> Row | Reject:
    """Return a row with None for what is missing, which JSON and Parquet may write as NaN."""
    if isinstance(row, Reject) or not any(map(is_missing, row.record.values())):
        return row
    return replace(row, record={k: None if is_missing(v) else v for k, v in row.record.items()})


def _of_frame(frame: Any) -> Iterator[Row]:
    names = [str(name) for name in frame.columns]
    check_once(names, "the data")
    columns = [_values(frame[name]) for name in frame.columns]
    for number, values in enumerate(zip(*columns, strict=True), 1):
        yield Row(dict(zip(names, values, strict=True)), "row", number)


def _values(column: Any) -> list[Any]:
    # pandas writes a missing value as NaN or NaT, which is not equal to itself, a list of Parquet
    # as an array.
    plain = (v.tolist() if hasattr(v, "tolist") else v for v in column.to_list())
    return [None if v is None or is_missing(v) else v for v in plain]


def nothing_in(data: Data, notes: Sequence[str] = (), rejects: Sequence[Reject] = ()) -> DataError:
    """Return the error of data without a row that can be used: what was found instead."""
    if rejects:
        more = sum(reject.n_rows for reject in rejects) - 1
        first = f"{rejects[0].where}: {rejects[0].reason}"
        return DataError(first + (f" (and {more} more that cannot be used)" * (more > 0)))
    if isinstance(data, list) and not data:
        return DataError("found an empty list, expected a row for each labelled sentence")
    found = f" ({'; '.join(notes)})" if notes else ""
    return DataError(
        f"no labelled sentence in {named(data)}{found}, expected a row for each, with columns of "
        "the text and its labels"
    )


def named(data: Data) -> str:
    """Return what to call data in errors: its paths, or what it is."""
    if isinstance(data, Files):
        data = list(data.paths)
    if isinstance(data, (str, Path)):
        return str(data)
    if isinstance(data, (list, tuple)):
        paths = [str(item) for item in data if isinstance(item, (str, Path))]
        return ", ".join(paths) or ("the records" if data else "no file at all")
    return f"the {type(data).__name__}"
