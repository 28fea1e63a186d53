"""What a server counts, as Prometheus reads it; of several workers, the sums."""

import os
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts requests, seconds, rows and characters.

    Parameters
    ----------
    model : hash of the model.
    paths : those that are told apart; all others count as one.
    """

    def __init__(self, model: str, paths: frozenset[str]) -> None:
        self.paths = paths
        self._folder = os.environ.get(FOLDER)
        own: dict[str, Any] = {"registry": CollectorRegistry()}
        self._registry = own["registry"]
        self.rows = Counter("tagger_rows", "Rows of answers.", **own)
        self.characters = Counter("tagger_characters", "Characters of texts tagged.", **own)
        self._requests = Counter("tagger_requests", "Answers given.", ["path", "status"], **own)
        self._seconds = Histogram(
            *("tagger_request_seconds", "Seconds from request to answer.", ["path"]),
            buckets=_SECONDS,
            **own,
        )
        self._open = Gauge(
            "tagger_open_requests", "Requests not answered yet.", multiprocess_mode="livesum", **own
        )
        info = Gauge("tagger_model", "The model.", ["model"], multiprocess_mode="max", **own)
        info.labels(model).set(1)
        if self._folder is None:
            ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all counts in Prometheus' text format."""
        if self._folder is None:
            return generate_latest(self._registry)
        for path in Path(self._folder).glob("gauge_live*.db"):
            try:
                os.kill(int(path.stem.rpartition("_")[2]), 0)
            except ProcessLookupError:
                path.unlink(missing_ok=True)  # of a worker that was killed: nothing is open in it
        together = CollectorRegistry()
        MultiProcessCollector(together, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    async def counted(self, app: Any, scope: MutableMapping[str, Any], *channels: Any) -> None:
        """Let an ASGI application answer a request, and count it."""
        receive, send = channels
        path = scope["path"] if scope["path"] in self.paths else "other"
        status, start = 0, time.perf_counter()

        async def sent(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        self._open.inc()
        try:
            await app(scope, receive, sent)
        finally:
            self._open.dec()
            self._requests.labels(path, str(status)).inc()
            self._seconds.labels(path).observe(time.perf_counter() - start)
