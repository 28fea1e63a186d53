"""The server: where it listens, its processes, and how it ends."""

import asyncio
import ipaddress
import math
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from tagger.errors import ConfigError, n_of
from tagger.predictor import Tagger
from tagger.processes import check_shared
from tagger.serve.app import create_app
from tagger.serve.metrics import FOLDER
from tagger.serve.settings import ServeSettings

_IDLE_SECONDS = 30.0
_LONGEST_HEAD, _CHUNKED = 1 << 16, 8
_LEAST_READ = 1 << 16  # bytes of an answer, in the time that a connection may be idle
_LAST_LOOKS = 5  # one to accept a connection, one to read from it, and some that are late
_SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


def serve(settings: ServeSettings, say: Callable[[str], None]) -> None:
    """Answer requests until a signal asks the process to end; those that are open are answered.

    Parameters
    ----------
    settings : of the server.
    say : is told in sentences what people should know.

    Raises
    ------
    ModelError : the model cannot be loaded.
    ConfigError : it cannot listen where it should.
    """
    tagger = Tagger.load(settings.model, settings.second_reader)
    listener, hosts = _listen(settings)
    with listener:
        name, port = listener.getsockname()[:2]
        url = f"http://{f'[{name}]' if ':' in name else name}:{port}"
        if not hosts:
            say(
                f"WARNING: {settings.host} is open to other machines: whoever reaches it may have "
                "text tagged, unasked who they are; put a proxy before it that asks"
            )
        say(f"{url} answers for model {tagger.model.id}; {url}/docs says what; Ctrl-C ends it")
        if settings.workers == 1:
            app = partial(create_app, settings, hosts, tagger=tagger)
            server = _Server(_config(app, settings))
            server.run([listener])
            if server.force_exit:
                say("ended at once, asked twice: what was at hand is not answered")
                return
        else:
            _run_workers(settings, hosts, listener, say)
    say("ended; all that was asked is answered")


def _listen(settings: ServeSettings) -> tuple[socket.socket, frozenset[str]]:
    """Return a bound socket, and the names for this machine where no other can reach it."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen on {settings.host}, port {settings.port}: {error}; choose another "
            "--port (0 is any that is free) or --host"
        ) from None
    listener.set_inheritable(True)
    bound = str(listener.getsockname()[0])
    if not ipaddress.ip_address(bound.partition("%")[0]).is_loopback:
        return listener, frozenset()
    return listener, frozenset({"localhost", "127.0.0.1", "[::1]", bound, settings.host.lower()})


def _config(app: Any, settings: ServeSettings) -> Config:
    return Config(
        app,
        factory=True,
        http=_Connection,
        ws="none",
        workers=settings.workers,
        log_config=None,  # without handlers only warnings and errors are written
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(min(_IDLE_SECONDS, settings.timeout)),
        timeout_graceful_shutdown=math.ceil(settings.timeout) + 5,
    )


class _Server(Server):
    """Takes every signal that ends a command as the wish to end well."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # What came before the signal may lie unread: short steps keep the loop from reading.
        for _ in range(_LAST_LOOKS):
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {sign: signal.getsignal(sign) for sign in _SIGNALS}
        for sign, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(sign, self.handle_exit)
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)


class _Worker(Process):
    @property
    def server(self) -> Server:
        self._server = self._server or _Server(self.config)
        return self._server


class _Workers(Multiprocess):
    """Starts a worker anew that died, and says so."""

    def __init__(self, config: Config, sockets: list[Any], say: Callable[[str], None]) -> None:
        before = {sign: signal.getsignal(sign) for sign in _SIGNALS}
        super().__init__(config, sockets)
        for sign, handler in before.items():
            if handler == signal.SIG_IGN:
                signal.signal(sign, handler)
        self._say = say

    def init_processes(self) -> None:
        for _ in range(self.processes_num):
            worker = _Worker(self.config, self.sockets)
            worker.start()
            self.processes.append(worker)

    def handle_hup(self) -> None:
        """End, as every command does whose terminal is closed."""
        self.should_exit.set()

    def keep_subprocess_alive(self) -> None:
        # uvicorn asks each worker, too, and kills those that do not answer in time; on a machine
        # with much else to do that are sound ones.
        for i, old in enumerate(self.processes):
            if self.should_exit.is_set() or old.process.is_alive():
                continue
            old.join()
            new = self.processes[i] = _Worker(self.config, self.sockets)
            new.start()
            self._say(
                f"worker {old.pid} ended with {old.exitcode}, and what it was at is not "
                f"answered; worker {new.pid} takes its place"
            )


def _run_workers(
    settings: ServeSettings,
    hosts: frozenset[str],
    listener: socket.socket,
    say: Callable[[str], None],
) -> None:
    check_shared()
    app = partial(create_app, settings, hosts, os.getpid())
    with tempfile.TemporaryDirectory(prefix="tagger-metrics-") as folder:
        os.environ[FOLDER] = folder
        say(f"{n_of(settings.workers, 'worker')}, {n_of(settings.workers, 'core')} used at most")
        workers = _Workers(_config(app, settings), [listener], say)
        workers.run()


class _Connection(HttpToolsProtocol):
    """Closes a connection on which a head does not become whole or has no end, or nobody reads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = None  # while it is not whole
        self._n_bytes = 0
        self._reading: asyncio.TimerHandle | None = None  # while an answer waits to be read
        self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look(math.inf)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read()

    def _look(self, before: float) -> None:
        """Close it where little of an answer has been read since it was looked at before."""
        left = self.transport.get_write_buffer_size()
        if left > before - _LEAST_READ:
            self.transport.abort()
        else:
            self._reading = self.loop.call_later(self.timeout_keep_alive, self._look, left)

    def _read(self) -> None:
        if self._reading:
            self._reading.cancel()
            self._reading = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._come()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._n_bytes += len(data)
        super().data_received(data)
        if self._n_bytes <= _LONGEST_HEAD or self.transport.is_closing():
            return
        if self._head:
            self.send_400_response("The head of the request is too long.")
        else:  # chunks of nothing, trailers
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._n_bytes = 0  # what stands before it in the same data is not of this head
        if not self._head:
            self._wait()

    def on_headers_complete(self) -> None:
        self._come()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        # Each byte of it may come in a chunk of its own.
        self._n_bytes = max(0, self._n_bytes - _CHUNKED * len(body))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._n_bytes = 0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else another request waits behind it
            self._come()
            self._wait()

    def _wait(self) -> None:
        self._head = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _come(self) -> None:
        self._n_bytes = 0
        if self._head:
            self._head.cancel()
            self._head = None
