"""What `tagger serve` answers, and whom it refuses: real processes over the loopback address."""

import asyncio
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, until

from tagger import Tagger
from tagger.arrow import ABSENT
from tagger.files.tagged import to_jsonl
from tagger.table import TaggedTable

from .conftest import Answer, Server, running

pytest.importorskip("prometheus_client", reason="needs the extra serve")

from tagger.serve import bodies
from tagger.serve.app import Api
from tagger.serve.problems import Problem
from tagger.serve.server import _config, _Server, _Worker
from tagger.serve.settings import ServeSettings

# The README's own example of an article: title, byline, dateline and all.
ARTICLE = next((ROOT / "seeds").glob("*.txt")).read_text(encoding="utf-8")


def rows_of(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.json["rows"]


def test_an_article_is_tagged_as_the_library_tags_it(server: Server, tagger: Tagger) -> None:
    for options in ({}, {"keep_headings": True}):
        expected = tagger.tag(ARTICLE, "wire", **options).to_rows()
        assert (
            rows_of(server.ask("/v1/tag", {"text": ARTICLE, "doc": "wire", **options})) == expected
        )
    explained = server.ask("/v1/tag", {"text": ARTICLE, "doc": "wire", "explain": True})
    table = tagger.tag_table([ARTICLE], ["wire"], explain=True)
    lines = to_jsonl(table).decode().splitlines()
    assert rows_of(explained) == [json.loads(line) for line in lines]


def test_batches_are_tagged_as_the_command_writes_them(
    server: Server, tagger: Tagger, sentences: list[str]
) -> None:
    def written(table: TaggedTable) -> list[Any]:
        return [json.loads(line) for line in to_jsonl(table).splitlines()]

    texts = sentences[:700]  # three steps
    expected = written(tagger.tag_table(texts, sentences=True))
    assert rows_of(server.ask("/v1/predict", {"sentences": texts})) == expected
    assert rows_of(server.ask("/v1/predict", {"sentences": []})) == []
    documents = [" ".join(texts[i : i + 90]) for i in range(0, 700, 90)]
    expected = written(tagger.tag_table(documents))
    assert rows_of(server.ask("/v1/predict", {"documents": documents})) == expected


def test_rows_keep_what_came_with_them(server: Server) -> None:
    given = [
        {"text": "Oil rose.", "doc": "a", "outlet": "wire", "claim": 7, "deep": {"x": [1.5, None]}},
        "It may fall.",
        {"text": "It fell.", "doc": 3},
        {"text": "It rose.", "doc": 3, "big": 10**30},
    ]
    rows = rows_of(server.ask("/v1/predict", {"sentences": given}))
    assert [row["doc"] for row in rows] == ["a", "1", "3", "3"]
    assert [row["n"] for row in rows] == [0, 0, 0, 1]
    assert (rows[0]["outlet"], rows[0]["input_claim"]) == ("wire", 7)
    assert rows[0]["deep"] == {"x": [1.5, None]}
    assert "outlet" not in rows[1]
    assert rows[3]["big"] == 10**30


@pytest.mark.parametrize(
    ("path", "body", "n"),
    [
        ("predict", {"sentences": ["It fell."] * 256}, 0),
        ("predict", {"sentences": ["It fell."] * 257}, 3),  # the rows, then two steps
        ("predict", {"sentences": [{"text": "It fell.", "doc": "d" * 200, "x": 1}] * 256}, 0),
        ("predict", {"sentences": ["It fell. " * 500] * 10}, 1),
        ("predict", {"documents": ["It fell.\n" * 800]}, 0),
        ("predict", {"documents": ["It fell.\n" * 1_000]}, 1),
        ("predict", {"documents": [{"text": "It fell.", "x": 1}]}, 1),
        ("predict", {"documents": [{"text": "It fell.", "doc": "d" * 200}]}, 1),
        ("tag", {"text": "It fell.\n" * 800}, 0),
        ("tag", {"text": "It fell.\n" * 1_000}, 1),
        ("tag", {"text": "It fell.", "doc": "d" * 200}, 1),
        ("tag", {"text": "It fell.", "explain": True}, 3),
        ("explain", {"sentence": "It fell."}, 1),
    ],
)
def test_only_what_takes_long_is_handed_to_the_thread_that_tags(
    tagger: Tagger, path: str, body: dict[str, Any], n: int
) -> None:
    api = Api(tagger, ServeSettings())
    steps = []

    async def run(step: Callable[..., Any], *values: Any) -> Any:
        steps.append(step)
        return step(*values)

    api.gate.run = run  # type: ignore[method-assign]
    asyncio.run(getattr(api, path)(body))
    assert len(steps) == n
    steps.clear()
    asyncio.run(getattr(api, path)(body, small=False))
    assert steps
    api.gate.close()


def test_an_answer_is_written_in_parts_between_which_others_go_on(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    written = bodies.written

    def counted(value: Any) -> bytes:
        sizes.append(len(value))
        return written(value)

    monkeypatch.setattr(bodies, "written", counted)
    api = Api(tagger, ServeSettings())
    answer = json.loads(asyncio.run(api.tag({"text": "It fell.\n" * 600})))
    assert [row["n"] for row in answer["rows"]] == list(range(600))
    assert max(sizes) == 256
    api.gate.close()


def test_what_is_wrong_is_not_looked_at_whole() -> None:
    class Seen:
        n = 0

        def __repr__(self) -> str:
            Seen.n += 1
            return "x"

    many = [Seen() for _ in range(1000)]
    for value in (many, dict(enumerate(many)), [[many]]):
        with pytest.raises(Problem, match=r"found text .*x, x|found text .*0: x"):
            bodies.checked({"text": value}, bodies.TAG, ServeSettings())
    assert Seen.n < 30
    start = time.process_time()
    with pytest.raises(Problem, match="found a member 'nnn"):
        bodies.checked({"n" * 20_000_000: 1}, bodies.TAG, ServeSettings())
    assert time.process_time() - start < 0.5


def test_columns_hold_what_rows_hold(server: Server, sentences: list[str]) -> None:
    rare = [{"text": "Oil rose.", "outlet": "wire"}, {"text": "It fell \ud800.", "big": 10**30}]
    for body in (
        {"sentences": [*sentences[:600], *rare]},  # three steps
        {"documents": [" ".join(sentences[i : i + 90]) for i in range(0, 700, 90)]},
        {"sentences": []},
    ):
        rows = rows_of(server.ask("/v1/predict", body))
        answer = server.ask("/v1/predict", {**body, "columns": True})
        columns = answer.json["columns"]
        assert set(answer.json) == {"model", "notes", "columns"}
        assert all(len(column) == len(rows) for column in columns.values())
        for i, row in enumerate(rows):
            found = {name: column[i] for name, column in columns.items()}
            assert list(row) == [name for name in found if name in row]
            assert found == {name: row.get(name) for name in found}


def test_an_explanation_sums_to_the_scores(server: Server, tagger: Tagger) -> None:
    sentence = "The sanctions could cripple oil exports."
    answer = server.ask("/v1/explain", {"sentence": sentence}).json
    why = tagger.explain(sentence)
    assert (answer["scores"], answer["intercept"]) == (why.scores, why.intercept)
    assert [part["adds"] for part in answer["evidence"]] == [e.contributions for e in why.evidence]
    (tags,) = tagger.tag_sentences([sentence])
    assert answer["probabilities"] == tags.probabilities
    assert answer["labels"]["claim"] == tags.labels["claim"]
    assert answer["left_out"] == []


@pytest.mark.parametrize(
    "text", ["", "\x00", "a\x00b. c", "\ud800 rose.", "\u202eesor liO", "x" * 5000, "\n\n\n", "😀"]
)
def test_any_text_is_tagged(server: Server, tagger: Tagger, text: str) -> None:
    assert rows_of(server.ask("/v1/tag", {"text": text})) == tagger.tag(text).to_rows()
    (row,) = rows_of(server.ask("/v1/predict", {"sentences": [{"text": text, "x": text}]}))
    assert (row["text"], row["x"]) == (text, text)


def test_what_should_be_known_of_an_answer_is_said(server: Server) -> None:
    text = "Zwei Soldaten wurden am Montag getötet, sagte die Armee des Landes gestern. " * 3
    assert "language" in server.ask("/v1/tag", {"text": text}).json["notes"][0]
    assert server.ask("/v1/tag", {"text": ARTICLE}).json["notes"] == []


DEEP = b'{"sentences": [{"text": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
NO_JSON = [b"", b"{", b"\xff", b'{"text": NaN}', b'{"text": 1e999}', b"[" * 90_000, DEEP]
NO_JSON += [b'{"text": "a", "x": ' + b"9" * 5000 + b"}", b'{"text": "a\x01"}']
WRONG = [
    ("/v1/tag", [], "the body [], expected a JSON object"),
    ("/v1/tag", {}, "no 'text'"),
    ("/v1/tag", {"txet": "a"}, "did you mean 'text'?"),
    ("/v1/tag", {"text": 5}, "text 5, expected a string"),
    ("/v1/tag", {"text": None}, "text None, expected a string"),
    ("/v1/tag", {"text": "a", "explain": 1}, "explain 1, expected true or false"),
    ("/v1/tag", {"text": "a", "\ud800": 1}, "a member"),
    ("/v1/predict", {}, "no 'documents'"),
    ("/v1/predict", {"sentences": "a"}, "sentences 'a', expected a list"),
    ("/v1/predict", {"sentences": ["a"], "documents": ["b"]}, "a member 'documents'"),
    ("/v1/predict", {"sentences": ["a"], "keep_headings": True}, "a member 'keep_headings'"),
    ("/v1/predict", {"sentences": ["a", 5]}, "sentences[1] 5"),
    ("/v1/predict", {"documents": [{"txt": "a"}]}, "documents[0].text None"),
    ("/v1/predict", {"documents": [{"text": "a", "doc": []}]}, "documents[0].doc []"),
    (
        "/v1/predict",
        {"sentences": [{"text": "a"} | dict.fromkeys(map(str, range(200)))]},
        "201 nam",
    ),
    ("/v1/explain", {"sentence": ["a"]}, "sentence ['a']"),
]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda b: ascii(b[:20]))
def test_what_is_not_json_is_refused(server: Server, body: bytes) -> None:
    check_problem(server.ask("/v1/tag", body), 400, "JSON")


@pytest.mark.parametrize(("path", "body", "detail"), WRONG)
def test_what_is_not_asked_for_is_refused(
    server: Server, path: str, body: Any, detail: str
) -> None:
    check_problem(server.ask(path, body), 422, detail)


def check_problem(answer: Answer, status: int, detail: str) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert detail in problem["detail"]
    assert all(problem[part] for part in ("title", "found", "expected", "remedy"))


def test_values_nested_as_deep_as_can_be_read_do_no_harm(server: Server) -> None:
    for depth in (200, 300, 900, 960, 980, 1000, 3000):
        deep = b'{"sentences": [{"text": "a", "x": ' + b"[" * depth + b"]" * depth + b"}]}"
        assert server.ask("/v1/predict", deep).status in (200, 400)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"Content-Type": "text/plain"}, "text/plain"),
        ({"Content-Type": "application/json; charset=latin-1"}, "latin-1"),
        ({"Content-Encoding": "gzip"}, "gzip"),
    ],
)
def test_another_kind_of_body_is_refused(
    server: Server, headers: dict[str, str], found: str
) -> None:
    check_problem(server.ask("/v1/tag", {"text": "a"}, headers), 415, found)


def test_paths_and_methods_that_are_not_there(server: Server) -> None:
    check_problem(server.ask("/v1/nothing"), 404, "/v1/nothing")
    check_problem(server.ask("/health/"), 404, "/health/")
    assert server.ask("/v1/tag").headers["allow"] == "POST"
    check_problem(server.ask("/v1/tag"), 405, "GET /v1/tag")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "[::1", "a:b:c", "0"])
def test_another_host_is_refused(server: Server, host: str) -> None:
    check_problem(server.ask("/health", headers={"Host": host}), 421, "host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_this_machine_is_not(server: Server, host: str) -> None:
    answer = server.ask("/health", headers={"Host": host, "Origin": "http://evil.example"})
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_request_names_one_host(server: Server, n: int) -> None:
    for version, wanted in (("1.1", 200 if n == 1 else 400), ("1.0", 400 if n == 2 else 200)):
        head = f"GET /health HTTP/{version}\r\n" + "Host: localhost\r\n" * n
        got = raw(server, head.encode() + b"Connection: close\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 %d" % wanted)
        assert wanted == 200 or f"{n} Host headers".encode() in got


@pytest.mark.parametrize("wrong", ["port", "host"])
def test_a_bad_place_to_listen_is_named(server: Server, wrong: str) -> None:
    where = {"port": ["--port", str(server.port)], "host": ["--host", "no.such.host.invalid"]}
    command = [sys.executable, "-m", "tagger", "serve", *where[wrong]]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert "cannot listen on" in run.stderr
    assert "Traceback" not in run.stderr


def test_limits(tight: Server) -> None:
    assert tight.ask("/v1/tag", {"text": "a" * 300}).status == 200
    check_problem(tight.ask("/v1/tag", {"text": "a" * 301}), 422, "301 characters in text")
    check_problem(tight.ask("/v1/predict", {"sentences": ["a"] * 6}), 422, "6 sentences")
    check_problem(tight.ask("/v1/predict", {"sentences": ["a" * 301]}), 422, "sentences[0].text")
    check_problem(tight.ask("/v1/tag", b"a" * 2001), 413, "2,001 bytes")
    assert tight.ask("/v1/tag", b" " * 1900 + b'{"text": "a"}').status == 200


@pytest.mark.parametrize("form", [{}, {"columns": True}])
@pytest.mark.parametrize("named", [{"doc": "d" * 600}, {"x": ["d" * 600]}])
def test_an_answer_that_repeats_too_much_is_refused_before_it_is_made(
    tight: Server, form: dict[str, Any], named: dict[str, Any]
) -> None:
    text = "A.\n" * 60
    assert tight.ask("/v1/predict", {"documents": [text], **form}).status == 200
    long = tight.ask("/v1/predict", {"documents": [{"text": text, **named}], **form})
    check_problem(long, 422, "an answer of more than 32,000 bytes")
    if not form:
        many = tight.ask("/v1/predict", {"documents": [text] * 4})
        check_problem(many, 422, "an answer of more than 32,000 bytes")


def test_the_bytes_of_an_answer_are_counted_names_too(tight: Server) -> None:
    text = "A.\n" * 60
    assert tight.ask("/v1/tag", {"text": text, "doc": "d" * 100}).status == 200
    long = tight.ask("/v1/tag", {"text": text, "doc": "\ud800" * 100})
    check_problem(long, 422, "an answer of more than 32,000 bytes")
    column = {"n" * 600: [1] * 60}
    bodies.check_answer(["a"] * 60, column, 32_000, in_rows=False)
    bodies.check_answer(["a"] * 60, {"n" * 600: [ABSENT] * 59 + [1]}, 32_000)
    with pytest.raises(Problem, match="32,000 bytes"):
        bodies.check_answer(["a"] * 60, column, 32_000)
    assert bodies.written(["ü\ud800"]) == '["ü\\ud800"]'.encode()


def test_an_answer_that_nobody_reads_is_not_kept() -> None:
    body = json.dumps({"documents": [{"text": "It fell.\n" * 3000, "x": "d" * 4000}]}).encode()
    head = HEAD.replace(b"/tag", b"/predict") + b"Content-Length: %d\r\n\r\n" % len(body)
    with running("--timeout", "2") as started, socket.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        stream.connect(("127.0.0.1", started.port))
        stream.sendall(head + body)
        time.sleep(5)
        n = 0
        with suppress(ConnectionResetError):
            while more := stream.recv(1 << 20):
                n += len(more)
    assert 0 < n < 12_000_000


def raw(server: Server, *parts: bytes, pause: float = 0.0, half: bool = False) -> bytes:
    """Send bytes, part by part, and return what comes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as stream:
        got = b""
        try:
            for part in parts:
                stream.sendall(part)
                time.sleep(pause)
            if half:
                stream.shutdown(socket.SHUT_WR)
            while more := stream.recv(65536):
                got += more
        except OSError as error:  # the server may have gone at any step
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
        return got


HEAD = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_bodies_without_a_length_are_counted(tight: Server) -> None:
    head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"400\r\n" + b" " * 0x400 + b"\r\n"
    whole = b'14\r\n{"text": "It fell."}\r\n0\r\n\r\n'
    assert raw(tight, head, chunk, whole).startswith(b"HTTP/1.1 200")
    assert raw(tight, head, chunk, chunk, whole).startswith(b"HTTP/1.1 413")
    raw(tight, head, *[chunk] * 2000)  # without end: it is cut off
    assert tight.ask("/health").status == 200


def test_a_body_that_is_announced_as_too_long_is_not_waited_for(tight: Server) -> None:
    announced = HEAD + b"Content-Length: 9000\r\nExpect: 100-continue\r\n\r\n"
    assert raw(tight, announced).startswith(b"HTTP/1.1 413")


def test_slow_clients_are_not_waited_for(tight: Server) -> None:
    slow = raw(tight, HEAD + b"Content-Length: 20\r\n\r\n", *[b" "] * 3, pause=0.2)
    assert slow.startswith(b"HTTP/1.1 408")
    start = time.monotonic()
    assert raw(tight, *[b"G", b"E", b"T", b" "] * 2, pause=0.2) == b""  # a head without end
    assert raw(tight) == b""  # and none at all
    assert time.monotonic() - start < 8


def test_a_head_has_an_end(server: Server) -> None:
    for endless in (b"A: b\r\n", b"b" * 10):  # and none is waited for
        got = raw(server, b"GET /health HTTP/1.1\r\n", *[endless * 2_000] * 30)
        assert got[:12] in (b"", b"HTTP/1.1 400")
    fits = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    assert raw(server, fits, b"A: " + b"b" * 30_000, b"\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_an_answered_request_has_an_end_too(tight: Server) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    start = time.monotonic()
    for trailer in (b"X: y\r\n", b"y" * 10):
        assert raw(tight, head, *[trailer * 2_000] * 30)[:12] in (b"", b"HTTP/1.1 200")
    plain = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert raw(tight, plain, *[b"\r\n"] * 5, pause=0.2).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - start < 12


def test_a_request_may_follow_a_long_one_at_once(server: Server) -> None:
    body = json.dumps({"text": "It may rain. " * 7_000}).encode()
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    first = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    got = raw(server, first + head[:20], head[20:], pause=0.3)
    assert got.count(b"HTTP/1.1 200") == 2


def test_half_closed_and_broken_connections_do_no_harm(server: Server) -> None:
    raw(server, HEAD + b"Content-Length: 20\r\n\r\n", b'{"te', half=True)
    raw(server, HEAD + b'Content-Length: 13\r\n\r\n{"text": "a"}', half=True)
    raw(server, HEAD, half=True)
    assert raw(server, b"\x16\x03\x01\x00\xff\x00 what", half=True)[:12] in (b"", b"HTTP/1.1 400")
    assert raw(server, HEAD + b"Content-Length: x\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(server, b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, half=True)[:12] in (
        b"",
        b"HTTP/1.1 400",
    )
    assert server.ask("/health").status == 200
    assert until(lambda: server.metric("tagger_open_requests") == 1)  # the one that asks


def long_document(number: int) -> str:
    """Return 2,000 sentences whose words are ever new: what takes a second on any machine."""
    words = (f"{number}x{i}" for i in range(1000))
    return "".join(f"The a{w} talks b{w} may fail. Oil c{w} rose d{w} percent. " for w in words)


BIG = {"documents": [long_document(number) for number in range(20)]}


class Asked(threading.Thread):
    """A request in a thread of its own."""

    def __init__(self, server: Server, body: Any) -> None:
        super().__init__()
        self.server, self.body = server, body
        self.answer: Answer | None = None
        self.start()

    def run(self) -> None:
        self.answer = self.server.ask("/v1/predict", self.body)


@pytest.fixture
def narrow() -> Iterator[Server]:
    """A server where nobody may wait."""
    with running("--queue", "0") as started:
        yield started


def test_a_full_queue_is_said_and_all_that_was_let_in_is_answered_after_sigterm(
    narrow: Server,
) -> None:
    long = Asked(narrow, BIG)
    refused: list[Answer] = []

    def turned_away() -> bool:
        start = time.monotonic()
        assert narrow.ask("/health").status == 200
        assert time.monotonic() - start < 2
        answer = narrow.ask("/v1/tag", {"text": "a"})
        refused.extend([answer] * (answer.status == 429))
        return bool(refused) or not long.is_alive()

    # Who comes while the short request is in is turned away itself, however long.
    while until(turned_away) and not refused:
        long = Asked(narrow, BIG)
    check_problem(refused[0], 429, "send it again in")
    assert 1 <= int(refused[0].headers["retry-after"]) <= 60
    assert long.is_alive()
    narrow.process.send_signal(signal.SIGTERM)
    long.join(60)
    assert long.answer is not None
    assert len(rows_of(long.answer)) == 20 * 2000
    assert narrow.process.wait(20) == 0
    assert "ended" in narrow.hears("ended")


def test_what_lies_unread_when_a_server_is_asked_to_end_is_answered() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def ask(listener: socket.socket, server: _Server) -> bytes:
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup([listener])
        with socket.create_connection(listener.getsockname()) as stream:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await server.shutdown([listener])  # nothing has been accepted before
            return stream.recv(1000)

    configs = [_config(lambda: app, ServeSettings()) for _ in range(2)]
    for server in (_Server(configs[0]), _Worker(configs[1], []).server):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert asyncio.run(ask(listener, server)).startswith(b"HTTP/1.1 204")


def test_what_takes_too_long_is_given_up_by_a_server_open_to_others() -> None:
    with running("--host", "0.0.0.0", "--timeout", "0.2") as started:
        assert "WARNING: 0.0.0.0 is open to other machines" in started.before
        assert started.ask("/health", headers={"Host": "tagger.example"}).status == 200
        check_problem(started.ask("/v1/predict", BIG), 503, "no answer within 0.2 s")
        # The steps that were left are not done: the next request need not wait for them.
        assert until(lambda: started.ask("/v1/tag", {"text": "Oil rose."}).status == 200, 3)
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(20) == 0


def test_who_is_gone_is_not_answered(server: Server) -> None:
    body = json.dumps(BIG).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as stream:
        stream.sendall(
            HEAD.replace(b"tag", b"predict") + b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        assert until(lambda: server.metric("tagger_open_requests") == 2)
    gone = 'tagger_requests_total{path="/v1/predict",status="499"}'
    assert until(lambda: server.metric(gone) == 1, 5)


def children(pid: int) -> list[int]:
    """Return the workers of a process."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [
        int(child)
        for child in found
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_a_killed_worker_is_replaced_and_all_end_well_together() -> None:
    with running("--workers", "2") as started:
        assert until(lambda: started.ask("/health").status == 200)
        killed, other = children(started.process.pid)
        os.kill(killed, signal.SIGKILL)
        assert f"worker {killed} ended with -9" in started.hears("takes its place")
        for _ in range(20):
            assert len(rows_of(started.ask("/v1/tag", {"text": "Oil rose."}))) == 1
        # Counted by several processes, each after it has answered; read from one.
        told = 'tagger_requests_total{path="/v1/tag",status="200"}'
        assert until(lambda: started.metric(told) == 20, 5)
        long = Asked(started, BIG)
        assert until(lambda: started.metric("tagger_open_requests") == 2)
        workers = children(started.process.pid)
        assert other in workers
        for pid in (*workers, started.process.pid):  # as a service manager does
            os.kill(pid, signal.SIGTERM)
        assert started.process.wait(60) == 0
        long.join(20)
        assert long.answer is not None
        assert long.answer.status == 200


def test_no_worker_outlives_a_parent_that_is_killed() -> None:
    with running("--workers", "2") as started:
        assert until(lambda: started.ask("/health").status == 200)
        workers = children(started.process.pid)
        assert len(workers) == 2
        started.process.kill()
        assert until(lambda: not any(Path(f"/proc/{pid}/stat").exists() for pid in workers), 10)


def test_the_page_and_the_description_load_nothing(server: Server) -> None:
    page = server.ask("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    text = page.body.decode()
    assert not re.search(r"<script|<link|<img|src=|@import", text)
    assert all(path in text for path in server.ask("/openapi.json").json["paths"])
    assert "p_speculation" in text


def test_a_second_reader_answers_as_it_does_in_the_library() -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra encoder")
    both = Tagger.load(second_reader="all")
    text = "The sanctions could cripple oil exports. Two soldiers were killed on Monday."
    with running("--second-reader", "all") as started:
        assert rows_of(started.ask("/v1/tag", {"text": text})) == both.tag(text).to_rows()
        sentence = "The talks may fail."
        answer = started.ask("/v1/explain", {"sentence": sentence}).json
        expected = both.explain(sentence).left_out
        assert [part["adds"] for part in answer["left_out"]] == [e.contributions for e in expected]


def test_no_more_bytes_are_held_than_eight_bodies_have() -> None:
    from tagger.serve.gate import Gate

    gate = Gate(queue=1, max_body_bytes=10)
    with gate.holding() as hold, gate.holding() as other:
        hold(40)
        other(40)
        with pytest.raises(Problem) as refused:
            hold(1)
    assert refused.value.status == 429
    assert gate.held == 0
    gate.close()
