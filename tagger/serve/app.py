"""The application: paths, what they answer, and who is not answered."""

import asyncio
import gc
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import scipy.sparse  # noqa: F401 - scoring takes it where it is there; its threads import nothing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tagger import __version__
from tagger.arrow import ABSENT
from tagger.document import Document
from tagger.errors import TaggerError, n_of
from tagger.files.rows import Batch, Places
from tagger.model.model import cut_notes
from tagger.predictor import Tagger
from tagger.processes import watch
from tagger.serve import bodies
from tagger.serve.docs import page
from tagger.serve.gate import Gate
from tagger.serve.metrics import MEDIA_TYPE, Metrics
from tagger.serve.openapi import PATHS, describe
from tagger.serve.problems import Problem, of_fault, of_framework, of_library, of_problem
from tagger.serve.settings import ServeSettings
from tagger.table import TaggedTable

_STEP_ROWS, _STEP_CHARACTERS = 256, 60_000
_STEP_EXPLAINED = 4
_SHORT_SENTENCES, _SHORT_TEXTS = 40_000, 8_000  # characters; texts may have a piece for every two
_SHORT_NAME = 100
_ANSWERED = 16  # so many times the longest body are in the longest answer
_SMALL = 100_000
_JUDGED = 300
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::\d+)?")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class Api:
    """Answers the requests of one process.

    Parameters
    ----------
    tagger : what tags.
    settings : what is taken on.
    """

    def __init__(self, tagger: Tagger, settings: ServeSettings) -> None:
        self.tagger, self.settings = tagger, settings
        self.gate = Gate(settings.queue, settings.max_body_bytes)
        self.metrics = Metrics(tagger.model.id, frozenset(PATHS))
        self._taken = [*tagger.columns, "evidence", "reader"]
        self._most = _ANSWERED * settings.max_body_bytes

    def asked(self, answer: Callable[[Any, bool], Awaitable[bytes]]) -> Callable[[Request], Any]:
        """Return what answers a request whose body `answer` takes, within the limits.

        `answer` is told, too, whether the body is small.
        """
        limit, seconds = self.settings.max_body_bytes, self.settings.timeout

        async def endpoint(request: Request) -> Response:
            end = asyncio.get_running_loop().time() + seconds
            with self.gate.holding() as hold:
                raw = await bodies.within(seconds, bodies.read_body(request, limit, hold))
                with self.gate.place():
                    return await self._in_time(request, answer, raw, end)

        return endpoint

    async def _in_time(
        self,
        request: Request,
        answer: Callable[[Any, bool], Awaitable[bytes]],
        raw: bytes,
        end: float,
    ) -> Response:
        async def work() -> bytes:
            small = len(raw) <= _SMALL
            body = bodies.parse(raw) if small else await self.run(bodies.parse, raw)
            return await answer(body, small)

        left = asyncio.ensure_future(bodies.gone(request))
        done = asyncio.ensure_future(work())
        try:
            until = end - asyncio.get_running_loop().time()
            await asyncio.wait((left, done), timeout=until, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                return Response(done.result(), media_type=bodies.JSON)
            if left.done():
                return Response(status_code=499)  # nobody reads it; so it is counted
            raise Problem(
                *(503, f"no answer within {self.settings.timeout:g} s", "one"),
                "send less at once, send it later, or see --timeout",
            )
        except RecursionError:
            raise bodies.too_deep() from None
        finally:
            left.cancel()
            done.cancel()  # the step at hand is finished, no further one begun

    async def run(self, step: Callable[..., Any], *values: Any) -> Any:
        """Do one step in the thread that tags."""
        return await self.gate.run(step, *values)

    async def soon(self, is_short: bool, step: Callable[..., Any], *values: Any) -> Any:
        """Do what takes some milliseconds (70 at worst) here, all else in the thread that tags.

        Handing 256 sentences over and back would take a quarter of their time.
        """
        if is_short and not self.tagger.model.second:
            return step(*values)
        return await self.run(step, *values)

    async def tag(self, raw: Any, small: bool = True) -> bytes:
        """Cut one article into pieces and tag them."""
        values = bodies.checked(raw, bodies.TAG, self.settings)
        text, doc, keep = values["text"], values["doc"], values["keep_headings"]
        if not values["explain"]:
            is_short = small and len(text) <= _SHORT_TEXTS and len(doc) <= _SHORT_NAME
            return await self.soon(is_short, self._whole, text, doc, keep)
        n_cut = 0
        document, rows = await self.run(self._tagged, text, doc, keep)
        for first in range(0, len(rows), _STEP_EXPLAINED):
            some = document.pieces[first : first + _STEP_EXPLAINED]
            found = await self.run(
                lambda some: [self.tagger.evidence(s.text, s.tags, s.start) for s in some], some
            )
            n_cut += sum(s.tags.cut for s in some)
            for row, evidence in zip(rows[first:], found, strict=False):
                row["evidence"] = evidence
        part = {"rows": await self.run(_joined, rows)}
        return self._written([part], self._notes(text, n_cut), len(rows), len(text))

    def _tagged(self, text: str, doc: str, keep: bool) -> tuple[Document, list[dict[str, Any]]]:
        document = self.tagger.tag(text, doc, keep_headings=keep)
        bodies.check_answer([doc] * len(document.pieces), {}, self._most)
        return document, document.to_rows()

    def _whole(self, text: str, doc: str, keep: bool) -> bytes:
        table = self.tagger.tag_table([text], [doc], keep_headings=keep)
        bodies.check_answer(table.doc, {}, self._most)
        notes = self._notes(text, table.n_cut)
        return self._written([{"rows": _members(table)}], notes, len(table), len(text))

    async def predict(self, raw: Any, small: bool = True) -> bytes:
        """Tag many sentences or documents."""
        sentences = isinstance(raw, dict) and "sentences" in raw
        fields = bodies.SENTENCES if sentences else bodies.DOCUMENTS
        name = fields[0].name
        values = bodies.checked(raw, fields, self.settings)
        is_short = small and len(values[name]) <= _STEP_ROWS
        of_rows = (name, values[name], self.settings, self._taken)
        batch = bodies.batch(*of_rows) if is_short else await self.run(bodies.batch, *of_rows)
        size = sum(map(len, batch.texts))
        is_short = is_short and size <= (_SHORT_SENTENCES if sentences else _SHORT_TEXTS)
        if not sentences:  # what comes with a text is written again for each of its pieces
            longest = max(map(len, batch.docs), default=0)
            is_short = is_short and not batch.extra and longest <= _SHORT_NAME
        places, parts, n_rows, n_cut, room = Places(), [], 0, 0, self._most
        for step in _steps(batch):
            part, table = await self.soon(is_short, self._part, step, sentences, places, values)
            parts.append(part)
            room -= sum(map(len, part.values()))
            if room < 0:
                raise bodies.too_long(self._most)
            n_rows += len(table)
            n_cut += table.n_cut
        notes = self._notes(" ".join(batch.texts[:5]), n_cut)
        return self._written(parts, notes, n_rows, size, values["columns"])

    def _part(
        self, step: Batch, sentences: bool, places: Places, values: dict[str, Any]
    ) -> tuple[dict[str, bytes], TaggedTable]:
        n = places.of(step.docs) if sentences else None
        keep = values.get("keep_headings", False)
        table = self.tagger.tag_table(
            step.texts, step.docs, step.extra, sentences, n=n, keep_headings=keep
        )
        if not sentences:
            bodies.check_answer(table.doc, table.extra, self._most, not values["columns"])
        if not values["columns"]:
            return {"rows": _members(table)}, table
        columns = table.columns().items()  # each as the members of a JSON array
        return {name: bodies.written(column)[1:-1] for name, column in columns}, table

    async def explain(self, raw: Any, small: bool = True) -> bytes:
        """Split the scores of one sentence into the contributions of its words."""
        sentence = bodies.checked(raw, bodies.EXPLAIN, self.settings)["sentence"]
        return await self.run(self._explained, sentence)

    def _explained(self, sentence: str) -> bytes:
        why = self.tagger.explain(sentence)
        parts = {
            name: [
                {"start": e.start, "end": e.end, "text": e.text, "adds": e.contributions}
                for e in found
            ]
            for name, found in (("evidence", why.evidence), ("left_out", why.left_out))
        }
        (tags,) = self.tagger.tag_sentences([sentence])
        answer = {
            "model": self.tagger.model.id,
            "labels": tags.labels,
            "probabilities": tags.probabilities,
            "review": tags.review,
            "scores": why.scores,
            "intercept": why.intercept,
            **parts,
            "notes": self._notes(sentence, int(tags.cut)),
        }
        self.metrics.rows.inc()
        self.metrics.characters.inc(len(sentence))
        return json.dumps(answer).encode("ascii")

    def _notes(self, beginning: str, n_cut: int) -> list[str]:
        unknown = not self.tagger.knows_language(beginning[:_JUDGED])
        told = ["this does not look like the language that the model was trained on"]
        return [*(told * unknown), *cut_notes(n_cut)]

    def _written(
        self,
        parts: list[dict[str, bytes]],
        notes: list[str],
        n_rows: int,
        n_characters: int,
        columns: bool = False,
    ) -> bytes:
        self.metrics.rows.inc(n_rows)
        self.metrics.characters.inc(n_characters)
        head = json.dumps({"model": self.tagger.model.id, "notes": notes})[:-1].encode("ascii")
        arrays = b", ".join(
            b"%s: [%s]"
            % (bodies.written(name), b", ".join(filter(None, (part[name] for part in parts))))
            for name in (parts[0] if parts else self.tagger.columns if columns else ["rows"])
        )
        return (b'%s, "columns": {%s}}' if columns else b"%s, %s}") % (head, arrays)

    async def health(self, request: Request) -> Response:
        """Say that this process answers, whatever its thread is at."""
        told = {"status": "ok", "model": self.tagger.model.id, "version": __version__}
        return Response(json.dumps(told), media_type=bodies.JSON)

    async def counts(self, request: Request) -> Response:
        """Return the metrics."""
        return Response(self.metrics.text(), headers={"Content-Type": MEDIA_TYPE})


def _members(table: TaggedTable) -> bytes:
    """Return rows as members of a JSON array, with the values that `tagger predict` writes."""
    columns = table.columns()
    rows = [dict(zip(columns, row, strict=False)) for row in zip(*columns.values(), strict=True)]
    for name, column in table.extra.items():
        for row, value in zip(rows, column, strict=True):
            if value is ABSENT:
                del row[name]
    return _joined(rows)


def _joined(rows: list[dict[str, Any]]) -> bytes:
    # Each part is written without letting another thread go on.
    parts = (rows[first : first + _STEP_ROWS] for first in range(0, len(rows), _STEP_ROWS))
    return b", ".join(bodies.written(part)[1:-1] for part in parts)


def _steps(batch: Batch) -> Iterator[Batch]:
    """Cut a batch into steps that take a few milliseconds each."""
    if len(batch) <= _STEP_ROWS and sum(map(len, batch.texts)) <= _STEP_CHARACTERS:
        yield batch
        return
    first = size = 0
    for i, text in enumerate(batch.texts, 1):
        size += len(text)
        if i - first == _STEP_ROWS or size >= _STEP_CHARACTERS or i == len(batch):
            yield batch.take(range(first, i))
            first, size = i, 0


class _Door:
    """Counts every request, and turns those away that were sent to another host's name.

    A page of a stranger whose name is made to lead to this machine (DNS rebinding) would
    otherwise be read by its script as its own.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, hosts: frozenset[str]) -> None:
        self.app, self.metrics, self.hosts = app, metrics, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        fields = [value for name, value in scope["headers"] if name == b"host"]
        named = b"".join(fields[:1]).decode("latin-1").lower()
        match = _HOST.fullmatch(named)
        app = self.app
        if len(fields) > 1 or not (fields or scope["http_version"] == "1.0"):  # RFC 9112, 3.2
            one, remedy = "one (RFC 9112)", "send the host and port of the address, once"
            app = Problem(400, n_of(len(fields), "Host header"), one, remedy).response()
        elif self.hosts and named and not (match and match[1] in self.hosts):
            remedy = "use its address, or start it with another --host"
            app = Problem(421, f"the host {named!r:.100}", "this machine's", remedy).response()
        await self.metrics.counted(app, scope, receive, send)


def create_app(
    settings: ServeSettings,
    hosts: frozenset[str] = frozenset(),
    parent: int = 0,
    tagger: Tagger | None = None,
) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    settings : of the server.
    hosts : names by which it may be asked for; any where there is none.
    parent : of a worker, the process that started it, without which it ends.
    tagger : the model of the settings, where it is loaded already.
    """
    if parent:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what it means the parent decides
        watch(parent)
    api = Api(tagger or Tagger.load(settings.model, settings.second_reader), settings)
    api.tagger.tag("What is made once is made before the first request.")
    description = describe(api.tagger, settings)
    fixed = {
        "/openapi.json": (json.dumps(description), bodies.JSON),
        "/docs": (page(description), "text/html"),
    }

    def constant(content: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return Response(content, headers={"Content-Security-Policy": _POLICY}, media_type=kind)

        return endpoint

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Threads hand over to each other ten times as often: an answer waits less for tagging.
        sys.setswitchinterval(0.0005)
        gc.collect()
        gc.freeze()
        yield
        api.gate.close()

    posts = {"tag": api.tag, "predict": api.predict, "explain": api.explain}
    routes = [
        *(Route(f"/v1/{n}", api.asked(f), methods=["POST"]) for n, f in posts.items()),
        Route("/health", api.health),
        Route("/metrics", api.counts),
        *(Route(path, constant(*what)) for path, what in fixed.items()),
    ]
    handlers: dict[Any, Any] = {
        Problem: of_problem,
        HTTPException: of_framework,
        TaggerError: of_library,
        Exception: of_fault,
    }
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    return _Door(app, api.metrics, hosts)
