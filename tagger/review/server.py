"""The page itself: its addresses, and what each answers."""

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from tagger.errors import DataError, OutputError, TaggerError, n_of
from tagger.files.rows import Reject
from tagger.markup import style
from tagger.review import order, views
from tagger.review.desk import EXPORTS, Desk
from tagger.review.keys import keys_of
from tagger.review.store import ANSWER, NOTE, SKIP, Verdict
from tagger.review.teach import Teacher, corrections
from tagger.schema import numbered

_STATIC = Path(__file__).parent / "static"
_ROWS = 50
_MOST_TEXT = 20_000_000
_MOST_REJECTS = 200
_SORTS = {"name": "lower(coalesce(nullif(title, ''), name))", "sentences": "n", "doubt": "doubtful",
          "added": "id"}  # fmt: skip


class Page:
    """The addresses of the page and what they answer.

    Parameters
    ----------
    desk : the model in use and the store.
    teacher : what trains versions.
    reader : what a reader is called who has given no name.
    say : is told on the terminal what the page tells too.
    """

    def __init__(
        self, desk: Desk, teacher: Teacher, reader: str, say: Callable[[str], None]
    ) -> None:
        self.desk, self.teacher, self.default, self.tell = desk, teacher, reader, say
        self.queue = order.Queue()
        self.reading = ""  # what the thread that reads files says of itself
        self.said: list[str] = []
        get, post = ["GET"], ["POST"]
        routes: list[tuple[str, Callable[[Request], Any], list[str]]] = [
            ("/", self.documents, get),
            ("/documents", self.add, post),
            ("/d/{document:int}", self.read, get),
            ("/s/{sentence:int}", self.panel, get),
            ("/s/{sentence:int}", self.decide, post),
            ("/undo", self.undo, post),
            ("/queue", self.next, get),
            ("/teach", self.teach, get),
            ("/teach", self.start, post),
            ("/teach/status", self.status, get),
            ("/models/{model:int}", self.adopt, post),
            ("/reader", self.name, post),
            ("/export/training.jsonl", self.training, get),
            ("/export/{format}", self.export, get),
            ("/static/{name}", self.static, get),
            ("/favicon.ico", lambda request: Response(status_code=204), get),
        ]
        self.app = Starlette(
            routes=[Route(path, endpoint, methods=methods) for path, endpoint, methods in routes],
            exception_handlers=dict.fromkeys((TaggerError, ValueError, OSError), _refused),
        )

    # What all share

    def reader(self, request: Request) -> str:
        """Return the name of who reads."""
        return unquote(request.cookies.get("reader", "")) or self.default

    def page(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        """Return a whole page."""
        known = {"reader": self.reader(request), "schema": self.desk.schema}
        return HTMLResponse(views.render(template, **known, **values))

    def row(self, kind: str, number: int) -> Any:
        """Return a row of the table of sentences, or of documents."""
        row = self.desk.store.one(f"SELECT * FROM {kind}s WHERE id = ?", number)
        if row is None:
            raise DataError(f"there is no {kind} {number}")
        return row

    # Documents

    def read_files(self, paths: Sequence[str], hidden: str = "") -> list[int]:
        """Add files to the store; what cannot be read is said on the page."""
        numbers: list[int] = []
        for found in self.desk.add_files(paths, hidden):
            if isinstance(found, list):
                numbers += found
                self.reading = f"reading: {n_of(len(numbers), 'document')} so far"
            else:
                where = found.where.removeprefix(hidden) if isinstance(found, Reject) else ""
                self.say(f"{where}: {found.reason}" if isinstance(found, Reject) else found)
        self.reading = ""
        return numbers

    def say(self, note: str) -> None:
        """Keep what the reader should know; the oldest is forgotten first."""
        self.tell(note)
        self.said = [*self.said[-_MOST_REJECTS:], note]

    def documents(self, request: Request) -> Response:
        """Show the list of documents, or only its rows where the page asks for them."""
        asked = request.query_params
        numbers = numbered(self.desk.schema).values()
        sorts = _SORTS | {f"share-{n}": f"json_extract(shares, '$[{n}]')" for n in numbers}
        sort = asked.get("sort", "") if asked.get("sort") in sorts else "added"
        down = asked.get("down", "1") == "1"
        q, page = asked.get("q", "").strip(), max(int(asked.get("page", "1") or 1), 1)
        where, values = "1", []
        if q:
            like = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            where = " OR ".join(f"{c} LIKE ? ESCAPE '\\'" for c in ("title", "name", "text"))
            values = [like] * 3
        total = self.desk.store.one(f"SELECT count(*) FROM documents WHERE {where}", *values)[0]
        sql = (
            f"SELECT id, name, title, n, doubtful, shares FROM documents WHERE {where}"
            f" ORDER BY {sorts[sort]} {'DESC' if down else 'ASC'}, id LIMIT {_ROWS} OFFSET ?"
        )
        rows = self.desk.store.all(sql, *values, (page - 1) * _ROWS)
        shown = {
            "rows": [(row, json.loads(row["shares"])) for row in rows],
            "bar_of": views.bar_of,
            "sort": sort,
            "down": down,
            "q": q,
            "page": page,
            "pages": -(-total // _ROWS) or 1,
            "total": total,
            "numbers": numbered(self.desk.schema),
        }
        template = "rows.html.j2" if request.headers.get("hx-target") == "list" else "list.html.j2"
        more = {"reading": self.reading, "said": self.said[-20:], "exports": EXPORTS}
        return self.page(request, template, **shown, **more)

    async def add(self, request: Request) -> Response:
        """Add text that was pasted, and files that were dropped."""
        async with request.form(max_files=5000, max_part_size=_MOST_TEXT) as form:
            text, title = str(form.get("text", "")), str(form.get("title", "")).strip()
            with tempfile.TemporaryDirectory() as folder:
                paths = []
                for number, upload in enumerate(form.getlist("files")):
                    name = Path(getattr(upload, "filename", "") or "").name
                    if name and not isinstance(upload, str):
                        path = Path(folder) / str(number) / name[-200:]
                        path.parent.mkdir()
                        with open(path, "wb") as stream:
                            await run_in_threadpool(shutil.copyfileobj, upload.file, stream)
                        paths.append(str(path))
                numbers = []
                if text.strip():
                    name = title or " ".join(text.split())[:60]
                    more = [text], [name], [title], [()]
                    numbers += await run_in_threadpool(self.desk.add_texts, *more)
                for stored in paths:
                    hidden = f"{Path(stored).parent}/"
                    numbers += await run_in_threadpool(self.read_files, [stored], hidden)
        return RedirectResponse(f"/d/{numbers[0]}" if len(numbers) == 1 else "/", 303)

    # Reading and correcting

    def read(self, request: Request) -> Response:
        """Show a document."""
        number = request.path_params["document"]
        store, schema = self.desk.store, self.desk.schema
        row = self.row("document", number)
        rows = store.all("SELECT * FROM sentences WHERE document = ? ORDER BY n", number)
        current = next((r["id"] for r in rows if r["kind"] == "sentence"), 0)
        return self.page(
            request,
            "read.html.j2",
            row=row,
            body=views.body(row["text"], rows, self.own(request, number), schema),
            bar=views.bar_of(json.loads(row["shares"]), schema),
            shares=json.loads(row["shares"]),
            legend=views.legend_of(schema),
            summary=views.summary(row, schema, self.desk.tagger.model.id),
            filters=views.filters(schema),
            exports=EXPORTS,
            queue=False,
            current=current,
            panel=self._panel(request, current)[0] if current else "",
            left=None,
        )

    def own(self, request: Request, document: int) -> dict[int, Verdict]:
        """Return what the reader made of the sentences of a document."""
        reader = self.reader(request)
        found = self.desk.store.verdicts("s.document = ? AND reader = ?", document, reader)
        return {number: by_reader[reader] for number, by_reader in found.items()}

    def panel(self, request: Request) -> Response:
        """Show what stands beside a sentence."""
        return HTMLResponse(self._panel(request, request.path_params["sentence"])[0])

    def _panel(self, request: Request, number: int) -> tuple[str, Any, Verdict]:
        row, reader = self.row("sentence", number), self.reader(request)
        by_reader = self.desk.store.verdicts("s.id = ?", number).get(number, {})
        own = by_reader.pop(reader, Verdict())
        queue = request.query_params.get("queue") == "1"
        return views.panel(row, own, by_reader, self.desk.tagger, queue), row, own

    def _changed(self, request: Request, number: int) -> Response:
        """Answer with the panel and the sentence as they are now."""
        shown, row, own = self._panel(request, number)
        changed = views.span(row, own, self.desk.schema, swapped=True)
        event = json.dumps({"decided": {"sentence": number, "document": row["document"]}})
        return HTMLResponse(f"{shown}{changed}", headers={"HX-Trigger": event})

    async def decide(self, request: Request) -> Response:
        """Store what a key, a button or a form says of a sentence."""
        async with request.form() as form:
            said = {name: str(value) for name, value in form.items()}
        number = request.path_params["sentence"]

        def stored() -> None:
            with self.desk.store.write():  # what is read for it may not change meanwhile
                self._decide(self.reader(request), number, said)

        await run_in_threadpool(stored)
        return await run_in_threadpool(self._changed, request, number)

    def _decide(self, reader: str, number: int, said: dict[str, str]) -> None:
        store, schema, row = self.desk.store, self.desk.schema, self.row("sentence", number)
        if row["kind"] == "other":
            raise DataError(f"this is no sentence but a {row['what'] or 'piece of another kind'}")
        found = store.verdicts("s.id = ? AND reader = ?", number, reader)
        own = found.get(number, {}).get(reader, Verdict())
        model = json.loads(row["tags"])["labels"]
        if "skip" in said:
            store.decide(reader, number, SKIP, note=said["skip"].strip()[:500])
        elif "note" in said:
            store.decide(reader, number, NOTE, note=said["note"].strip()[:5000])
        elif said.get("key") == "Enter":
            for task in schema.tasks:
                if task.name not in own.answers and task.name in model:
                    store.decide(reader, number, ANSWER, task.name, model[task.name])
        else:
            pair = keys_of(schema).get(said.get("key", ""))
            task_name, label = pair or (said.get("task", ""), said.get("label", ""))
            task = schema[task_name]
            if task.name not in model and row["kind"] != "sentence":
                raise DataError(f"a heading gets no {task.name}")
            answer: Any = task.parse(label) if not task.multilabel else [label]
            if task.multilabel:
                now = own.answers.get(task.name, model.get(task.name, []))
                answer = list(
                    task.parse([x for x in now if x != label] + [label] * (label not in now))
                )
            store.decide(reader, number, ANSWER, task.name, answer)

    async def undo(self, request: Request) -> Response:
        """Undo the last decision of the reader, in the document at hand or anywhere."""
        async with request.form() as form:
            document = str(form.get("document", ""))
        here = int(document) if document else None
        number = await run_in_threadpool(self.desk.store.undo, self.reader(request), here)
        if number is None:
            raise DataError("there is nothing to undo")
        return await run_in_threadpool(self._changed, request, number)

    def next(self, request: Request) -> Response:
        """Show the next sentence of the queue, among those around it."""
        store, reader = self.desk.store, self.reader(request)
        second = request.query_params.get("second") == "1"
        left = order.remaining(store, reader)
        found = self.queue.next(store, self.desk.tagger, reader, second)
        if found is None:
            return self.page(request, "done.html.j2", left=left, second=second)
        sentence = self.row("sentence", found.sentence)
        row = self.row("document", sentence["document"])
        near = "SELECT * FROM sentences WHERE document = ? AND n BETWEEN ? AND ? ORDER BY n"
        rows = store.all(near, row["id"], sentence["n"] - 3, sentence["n"] + 3)
        text = row["text"][rows[0]["start"] : rows[-1]["end"]]
        moved = [
            {**dict(r), "start": r["start"] - rows[0]["start"], "end": r["end"] - rows[0]["start"]}
            for r in rows
        ]
        return self.page(
            request,
            "read.html.j2",
            row=row,
            body=views.body(text, moved, self.own(request, row["id"]), self.desk.schema),
            legend=views.legend_of(self.desk.schema),
            queue=True,
            reason=found.reason,
            current=found.sentence,
            panel=self._panel(request, found.sentence)[0],
            left=left,
            filters=[],
        )

    # Teaching

    def teach(self, request: Request) -> Response:
        """Show readers, their agreement, versions of the model and what a new one would bring."""
        left = order.remaining(self.desk.store, self.reader(request))
        n = len(corrections(self.desk))
        return self.page(request, "teach.html.j2", left=left, n=n, **self.teacher.shown())

    def status(self, request: Request) -> Response:
        """Show how a training is coming along."""
        return self.page(request, "status.html.j2", **self.teacher.shown())

    def start(self, request: Request) -> Response:
        """Begin to train a new version."""
        self.teacher.start()
        return RedirectResponse("/teach", 303)

    def adopt(self, request: Request) -> Response:
        """Use a version from now on, a new one or one of before."""
        tagger = self.teacher.adopt(request.path_params["model"], self.reader(request))
        in_background(lambda: self.desk.use(tagger), self.say)
        return RedirectResponse("/teach", 303)

    async def name(self, request: Request) -> Response:
        """Take the name of the reader."""
        async with request.form() as form:
            name = " ".join(str(form.get("reader", "")).replace("|", " ").split())[:40]
        response = RedirectResponse("/", 303)
        # A name may be of any script; a cookie holds ASCII.
        response.set_cookie("reader", quote(name), samesite="strict", httponly=True)
        return response

    # Files

    def training(self, request: Request) -> Response:
        """Give the decisions of all readers as labelled data."""
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in self.desk.training_rows())
        headers = {"content-disposition": 'attachment; filename="corrections.jsonl"'}
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)

    def export(self, request: Request) -> Response:
        """Give documents with their tags in a format of `tagger predict`."""
        document = request.query_params.get("document")
        folder = Path(tempfile.mkdtemp())
        try:
            path = self.desk.export(
                request.path_params["format"],
                self.reader(request),
                int(document) if document else None,
                folder,
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(path, filename=path.name, background=gone)

    def static(self, request: Request) -> Response:
        """Give the one style sheet, or one of the two scripts."""
        name = request.path_params["name"]
        if name == "review.css":
            own = (_STATIC / name).read_text(encoding="utf-8")
            return Response(f"{style()}\n{own}", media_type="text/css")
        if name not in ("review.js", "htmx.min.js"):
            return PlainTextResponse("not found\n", 404)
        return FileResponse(_STATIC / name, media_type="text/javascript")


def _refused(request: Request, error: Exception) -> Response:
    full = isinstance(error, (OutputError, OSError))  # the disk's doing, not the request's
    return PlainTextResponse(f"{error}\n", 507 if full else 400)


def in_background(work: Callable[[], Any], failed: Callable[[str], None]) -> threading.Thread:
    """Run work in a thread that ends with the process; what fails is told."""

    def run() -> None:
        try:
            work()
        except Exception as error:
            failed(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
