"""Real servers, asked over the loopback address."""

import http.client
import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

ENDED = "it has ended"


@dataclass
class Server:
    """A running server, and what it says."""

    process: "subprocess.Popen[str]"
    port: int
    said: "queue.Queue[str]"
    before: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> "Answer":
        """Send a request on a connection of its own: a body that is no bytes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body is None:
                connection.request("GET", path, headers=headers or {})
            else:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                own = {"Content-Type": "application/json", **(headers or {})}
                connection.request("POST", path, data, own)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """Return a count by its name and labels."""
        text = self.ask("/metrics").body.decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def hears(self, what: str, seconds: float = 60) -> str:
        """Wait until the server has said something."""
        end = time.monotonic() + seconds
        while True:
            line = self.said.get(timeout=max(0.01, end - time.monotonic()))
            if what in line:
                return line
            assert line != ENDED, self.before
            self.before += line


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def running(*options: str, cwd: Path | None = None) -> Iterator[Server]:
    command = [sys.executable, "-m", "tagger", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=cwd)
    said: queue.Queue[str] = queue.Queue()
    assert process.stderr is not None
    lines = chain(process.stderr, [ENDED])
    reader = threading.Thread(target=lambda: [said.put(line) for line in lines])
    reader.start()
    server = Server(process, 0, said)
    try:
        line = server.hears(" answers for model")
        server.port = int(line.split(" answers")[0].rpartition(":")[2])
        yield server
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with the shipped model and no option."""
    with running() as started:
        yield started
        assert not [line for line in list(started.said.queue) if "Traceback" in line]


@pytest.fixture(scope="module")
def tight() -> Iterator[Server]:
    """A server that takes on little."""
    limits = ("--max-body-bytes", "2000", "--max-characters", "300", "--max-rows", "5")
    with running(*limits, "--timeout", "1") as started:
        yield started
