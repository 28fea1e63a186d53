"""Tagged sentences on disk: one row a sentence."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tagger.errors import OutputError
from tagger.schema import MULTILABEL_SEPARATOR

Record = dict[str, Any]


def write_jsonl(rows: Iterable[Record], columns: Sequence[str], stream: BinaryIO) -> None:
    """Write each row as one JSON object a line."""
    for row in rows:
        try:
            line = json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:  # a lone surrogate: only an escape can hold it
            line = json.dumps(row).encode("ascii")
        stream.write(line + b"\n")


def write_csv(rows: Iterable[Record], columns: Sequence[str], stream: BinaryIO) -> None:
    """Write a header and each row as comma-separated cells; lists are joined by ``|``."""
    text = io.TextIOWrapper(
        stream, encoding="utf-8", errors="replace", newline="", write_through=True
    )
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name, "")) for name in columns])
    finally:
        text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        if all(isinstance(v, str) for v in value):
            return MULTILABEL_SEPARATOR.join(value)
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


Writer = Callable[[Iterable[Record], Sequence[str], BinaryIO], None]

WRITERS: dict[str, Writer] = {"jsonl": write_jsonl, "csv": write_csv}


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is complete.

    Raises
    ------
    OutputError : the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        try:
            with open(partial, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
