"""Who is let in: a bounded queue before the one thread that tags."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from tagger.serve.problems import Problem

T = TypeVar("T")
_HELD = 8  # bodies of the greatest length that are held at once


class Gate:
    """Lets so many requests in that each is answered in time, and turns the others away.

    All that takes long runs in one thread, step by step: short requests pass one of many steps,
    and the thread of the connections is not kept from answering.

    Parameters
    ----------
    queue : how many requests may wait while one is worked on.
    max_body_bytes : of one request; eight times as much may be held by all.
    """

    def __init__(self, queue: int, max_body_bytes: int) -> None:
        self.queue = queue
        self.max_held = _HELD * max_body_bytes
        self.inside = self.held = 0
        self._seconds = 0.0  # that a request takes, of late
        self._thread = ThreadPoolExecutor(1, "tagging")

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Count the bytes of one body among those that are held, as long as it lasts."""
        own = 0

        def hold(n: int) -> None:
            nonlocal own
            if self.held + n > self.max_held:
                raise self._busy("as many bytes of other requests as are held", connection="close")
            self.held += n
            own += n

        try:
            yield hold
        finally:
            self.held -= own

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place in the queue.

        Raises
        ------
        Problem : there is none.
        """
        if self.inside > self.queue:
            raise self._busy(f"{self.inside} requests before this one")
        self.inside += 1
        start = time.monotonic()
        try:
            yield
        finally:
            took = (time.monotonic() - start) / self.inside
            self._seconds += 0.1 * (took - self._seconds)
            self.inside -= 1

    def _busy(self, found: str, **headers: str) -> Problem:
        seconds = min(60, math.ceil(self.inside * self._seconds) or 1)
        remedy = f"send it again in {seconds} s"
        return Problem(429, found, "fewer", remedy, retry_after=str(seconds), **headers)

    async def run(self, step: Callable[..., T], *values: Any) -> T:
        """Do one step of a request in the thread that tags."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, step, *values)

    def close(self) -> None:
        """End the thread, after the step at hand."""
        self._thread.shutdown(wait=False, cancel_futures=True)
