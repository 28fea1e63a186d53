"""The bodies of requests: read within limits, parsed, checked."""

import asyncio
import json
import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import orjson
from starlette.requests import ClientDisconnect, Request

from tagger.arrow import ABSENT, Column
from tagger.errors import did_you_mean
from tagger.files.batches import batch_of
from tagger.files.columns import Input
from tagger.files.rows import Batch, Row, not_json
from tagger.serve.problems import Problem
from tagger.serve.settings import ServeSettings

JSON = "application/json"
MAX_COLUMNS = 100
"""The most distinct names that rows may have: each makes a column as long as all rows."""
_DRAINED = 8  # so many times the limit are read and forgotten before a sender is cut off
_NAMES = {str: "a string", bool: "true or false", list: "a list"}


@dataclass(frozen=True)
class Field:
    """A member of a request's body; one without a default must be there."""

    name: str
    kind: type
    what: str
    default: Any = None


_HEADINGS = Field("keep_headings", bool, "Tag headings like sentences.", False)
TAG = (
    Field("text", str, "The article, headings and bylines included."),
    Field("doc", str, "What to call it in the column doc.", ""),
    _HEADINGS,
    Field("explain", bool, "Add the column evidence, the words behind each tag; slow.", False),
)
_COLUMNS = Field("columns", bool, "Answer with columns, not rows: half as long.", False)
SENTENCES = (Field("sentences", list, "Each one sentence: a string or object with text."), _COLUMNS)
DOCUMENTS = (
    Field("documents", list, "Each a whole text: a string, or an object with a text."),
    _HEADINGS,
    _COLUMNS,
)
EXPLAIN = (Field("sentence", str, "A text that is one sentence."),)


async def read_body(request: Request, limit: int, hold: Callable[[int], None]) -> bytes:
    """Read the body of a request that says it is JSON.

    Parameters
    ----------
    limit : the most bytes.
    hold : is told of the bytes that are kept.

    Raises
    ------
    Problem : another kind of body, or a longer one.
    """
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    packed = request.headers.get("content-encoding", "identity")
    if kind.strip().lower() != JSON or charset not in ("", "charset=utf-8"):
        found = repr(request.headers.get("content-type", "no Content-Type"))
        raise Problem(415, found, JSON, "send JSON in UTF-8 and say so in Content-Type")
    if packed != "identity":
        raise Problem(415, f"Content-Encoding {packed!r}", "none", "send the body unpacked")
    declared = int(request.headers.get("content-length", 0))
    if declared > limit and (
        declared > _DRAINED * limit or "100-continue" in request.headers.get("expect", "").lower()
    ):
        raise _too_large(declared, limit, connection="close")
    chunks, n = [], 0
    async for chunk in request.stream():
        n += len(chunk)
        if n <= limit:
            hold(len(chunk))
            chunks.append(chunk)
        elif n > _DRAINED * limit:
            raise _too_large(n, limit, connection="close")
    if n > limit:
        # Read to its end: many a client looks for the answer only when all is sent.
        raise _too_large(n, limit)
    return b"".join(chunks)


def _too_large(n: int, limit: int, **headers: str) -> Problem:
    return Problem(
        413, f"a body of {n:,} bytes", f"at most {limit:,}", "send less at once", **headers
    )


async def gone(request: Request) -> None:
    """Wait until whoever sent a request no longer waits for its answer."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number that JSON has")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is too large for a number: send it as a string")
    return number


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number)


def parse(raw: bytes) -> Any:
    """Return what a body holds.

    Raises
    ------
    Problem : it is not JSON, or holds what cannot be read exactly.
    """
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        found = f"what is not JSON{not_json(error)}"
        raise Problem(400, found, "a JSON object", "see /docs for examples") from None


def too_deep() -> Problem:
    """Return what is wrong with values that can be read but not written again."""
    return Problem(400, "values that lie too deep in each other", "less", "pass on less of them")


def checked(raw: Any, fields: Sequence[Field], limits: ServeSettings) -> dict[str, Any]:
    """Return the members of a body by name, the defaults of those that are not there.

    Raises
    ------
    Problem : other members than the fields, or values of another kind.
    """
    known = {field.name: field for field in fields}
    if not isinstance(raw, dict):
        raise _wrong("the body", raw, "a JSON object")
    for name in raw:
        if name not in known:
            remedy = did_you_mean(name[:100], known)
            found = f"a member {name[:100]!r:.100}"
            raise Problem(422, found, "only those of /openapi.json", remedy)
    values = {}
    for field in fields:
        if field.name not in raw and field.default is None:
            raise Problem(422, f"no {field.name!r}", _NAMES[field.kind], "add it, see /docs")
        value = values[field.name] = raw.get(field.name, field.default)
        if type(value) is not field.kind:
            raise _wrong(field.name, value, _NAMES[field.kind])
        if field.kind is str:
            _check_length(field.name, str(value), limits)
    return values


class _Shown(reprlib.Repr):
    """Shows the beginning of a value, without looking at all of it."""

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        return super().repr_dict(dict(islice(x.items(), self.maxdict + 1)), level)


def _wrong(name: str, value: Any, expected: str) -> Problem:
    found = f"{name} {_Shown().repr(value):.100}"
    return Problem(422, found, expected, "see /docs for examples")


def _check_length(name: str, text: str, limits: ServeSettings) -> None:
    if len(text) > limits.max_characters:
        expected = f"at most {limits.max_characters:,}"
        raise Problem(
            422, f"{len(text):,} characters in {name}", expected, "cut it, or see --max-characters"
        )


def batch(name: str, items: list[Any], limits: ServeSettings, taken: Sequence[str]) -> Batch:
    """Return sentences or documents as rows that can be tagged.

    Parameters
    ----------
    name : what the body calls them.
    items : strings, or objects with a ``text``, a ``doc`` if they like, and what is passed on.
    taken : the names that answers give to columns of their own.

    Raises
    ------
    Problem : another item, named by its place; too many of them, or of their names.
    """
    if len(items) > limits.max_rows:
        expected = f"at most {limits.max_rows:,}"
        raise Problem(422, f"{len(items):,} {name}", expected, "send them in several requests")
    docs = list(map(str, range(len(items))))
    # Most have nothing but strings: looking at their kinds and lengths is ten times faster.
    if set(map(type, items)) == {str} and max(map(len, items)) <= limits.max_characters:
        return Batch(items, docs, {}, docs, [0] * len(items))
    rows = [Row(_record(f"{name}[{i}]", item, limits), docs[i]) for i, item in enumerate(items)]
    n_names = len({key for row in rows for key in row.record})
    if n_names > MAX_COLUMNS:
        found, expected = f"{n_names:,} names of members in {name}", f"at most {MAX_COLUMNS}"
        raise Problem(422, found, expected, "leave out what need not be passed on")
    return batch_of(Input((), taken=frozenset(taken)), rows)


def check_answer(
    docs: Sequence[str], extra: Mapping[str, Column], most: int, in_rows: bool = True
) -> None:
    """Look whether an answer stays short though it repeats what came with a text for each piece.

    Parameters
    ----------
    docs, extra : what the pieces are called, and their other columns.
    most : the most bytes.
    in_rows : whether the names of the columns are repeated, too.

    Raises
    ------
    Problem : it would have more bytes.
    """
    sizes: dict[int, int] = {}  # the pieces of a text share its values
    n = 0
    for name, column in (("doc", docs), *extra.items()):
        more = len(written(name)) if in_rows else 0
        for value in column:
            if value is ABSENT:
                continue
            if id(value) not in sizes:
                sizes[id(value)] = len(written(value))
            n += more + sizes[id(value)]
    if n > most:
        raise too_long(most)


def written(value: Any) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value)  # four times as fast as json
    except TypeError:  # lone surrogates and whole numbers of more than 64 bits, which json writes
        # Nothing but lone surrogates is replaced, by escapes that JSON has, too.
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def too_long(most: int) -> Problem:
    """Return what is wrong with a request whose answer would have more than `most` bytes."""
    found = f"what takes an answer of more than {most:,} bytes"
    return Problem(422, found, "less", "send less at once, and shorter names and members")


def _record(place: str, item: Any, limits: ServeSettings) -> dict[str, Any]:
    record = {"text": item} if type(item) is str else item
    if not isinstance(record, dict):
        raise _wrong(place, item, "a string, or an object with a text")
    text = record.get("text")
    if type(text) is not str:
        raise _wrong(f"{place}.text", text, "a string")
    if type(record.get("doc", "")) not in (str, int):
        raise _wrong(f"{place}.doc", record["doc"], "a string or a whole number")
    _check_length(f"{place}.text", text, limits)
    return record


async def within(seconds: float, reading: Any) -> Any:
    """Wait for a body, but not for ever.

    Raises
    ------
    Problem : it came too slowly, or not whole.
    """
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError:
        found, expected = "a body that is not whole yet", f"all of it within {seconds:g} s"
        raise Problem(408, found, expected, "send it faster", connection="close") from None
    except ClientDisconnect:
        raise Problem(400, "a part of a body", "all of it", "send it again") from None
