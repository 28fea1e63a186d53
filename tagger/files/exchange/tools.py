"""Which labelling tool wrote a file, judged by its first record, and what the file says."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from tagger.files.exchange import argilla, doccano, label_studio, prodigy
from tagger.files.exchange.items import Item, labelled_rows
from tagger.files.exchange.tasks import Tagged
from tagger.files.rows import Note, Reject, Row

_Other = TypeVar("_Other", bound=Reject | Note)


@dataclass(frozen=True)
class Tool:
    """A labelling tool whose files are records.

    `recognize` tells one of its records, `item` reads it, `task` makes one of a sentence.
    """

    name: str
    recognize: Callable[[Mapping[str, Any]], bool]
    item: Callable[[Mapping[str, Any]], Item]
    task: Callable[[Tagged], dict[str, Any]]


TOOLS = tuple(
    Tool(tool.NAME, tool.recognize, tool.item, tool.task)
    for tool in (label_studio, argilla, prodigy, doccano)
)


def recognized(record: Mapping[str, Any]) -> Tool | None:
    """Return the tool that wrote a record; None where it is a plain one."""
    return next((tool for tool in TOOLS if tool.recognize(record)), None)


def translated(
    items: Iterable[Row | _Other], labelled: bool
) -> Iterator[Row | Reject | Note | _Other]:
    """Return the rows of a file as plain ones, where a labelling tool wrote it.

    Parameters
    ----------
    items : what the reader of the file yields.
    labelled : whether to take the annotations and leave out what has none; else every task
        is a row without them.
    """
    items = iter(items)
    before: list[Row | _Other] = []
    for item in items:
        before.append(item)
        if isinstance(item, Row):
            break
    row = before[-1] if before else None
    tool = recognized(row.record) if isinstance(row, Row) else None
    everything = chain(before, items)
    if tool is None:
        return everything
    return _labelled(everything, tool) if labelled else _unlabelled(everything, tool)


def _labelled(items: Iterable[Row | _Other], tool: Tool) -> Iterator[Row | Reject | Note | _Other]:
    found = list(_read(items, tool))
    pairs = (pair for pair in found if isinstance(pair, tuple))
    yield from labelled_rows(pairs, f"{tool.name} export")
    yield from (other for other in found if not isinstance(other, tuple))


def _read(
    items: Iterable[Row | _Other], tool: Tool
) -> Iterator[tuple[Row, Item] | Reject | _Other]:
    """Yield each row with what the tool says by it, and what is no row of the tool."""
    for row in items:
        if not isinstance(row, Row):
            yield row
            continue
        try:
            yield row, tool.item(row.record)
        except (KeyError, TypeError, AttributeError) as error:
            like = f"not as {tool.name} writes it, like the rows before"
            raw = json.dumps(row.record, ensure_ascii=False, default=str)
            yield Reject(f"{like}: {type(error).__name__} {error}", raw, row.source, row.line)


def _unlabelled(
    items: Iterable[Row | _Other], tool: Tool
) -> Iterator[Row | Reject | _Other | Note]:
    """Yield each task once, without what annotators said."""
    key = None
    source = ""
    for found in _read(items, tool):
        if not isinstance(found, tuple):
            yield found
            continue
        row, item = found
        source = row.source
        if item.key is None or item.key != key:
            yield Row(item.record, row.source, row.line)
        key = item.key
    yield Note(f"tasks of {tool.name}: what annotators said of them is left out", source)
