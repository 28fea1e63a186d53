"""Processes that tag parts, with one copy of the model between them."""

import os
import pickle
from collections import deque
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tagger.bulk.parts import Done, Part, Work, reject_of
from tagger.predictor import Tagger
from tagger.processes import Pool, check_shared, end_with, n_jobs


class Workers:
    """Processes that tag parts, with one copy of the model's arrays between them.

    A worker that dies takes the pool with it, and all parts at hand are under
    suspicion; each is done once more, alone. The one that kills its worker again
    is the culprit, and its rows are rejected. Parts go there and back as files: a
    worker that dies half-way through a long message would leave the pipe, which all
    workers share, blocked for good.

    Parameters
    ----------
    tagger, work, jobs : what to tag with, how, and in how many processes.
    folder : where the parts and the model lie on their way; nothing else is in it.
    """

    def __init__(self, tagger: Tagger, work: Work, jobs: int, folder: Path) -> None:
        check_shared()  # before joblib, which would warn
        import joblib

        self.jobs = n_jobs(jobs)
        self.work = work
        self._folder = folder
        self._shared = str(folder / "model")
        joblib.dump(tagger, self._shared)
        self._pool = self._new_pool(self.jobs)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.kill()

    def _new_pool(self, jobs: int) -> Pool:
        return Pool(jobs, _start_worker, (os.getpid(), self._shared, self.work))

    def do(self, parts: Iterator[Part]) -> Iterator[Done]:
        """Yield each part when it is done, in the order of the input."""
        waiting: deque[tuple[Part, Any]] = deque()
        for part in parts:
            try:
                waiting.append((part, self._submit(self._pool, part)))
            except BrokenProcessPool:
                waiting.append((part, None))
            if len(waiting) > self.jobs:
                yield from self._next(waiting)
        while waiting:
            yield from self._next(waiting)

    def _next(self, waiting: deque[tuple[Part, Any]]) -> Iterator[Done]:
        _, future = waiting[0]
        try:
            if future is None:
                raise BrokenProcessPool
            future.result()
        except BrokenProcessPool:
            suspects = list(waiting)
            waiting.clear()
            self._pool.kill()
            for suspect, its in suspects:
                survived = its is not None and its.done() and its.exception() is None
                yield self._answer(suspect) if survived else self._alone(suspect)
            self._pool = self._new_pool(self.jobs)
            return
        part, _ = waiting.popleft()
        yield self._answer(part)

    def _path(self, part: Part) -> Path:
        return self._folder / f"part-{part.number}"

    def _submit(self, pool: Pool, part: Part) -> Any:
        path = self._path(part)
        path.write_bytes(pickle.dumps(_packed(part)))
        return pool.submit(_in_worker, path)

    def _answer(self, part: Part) -> Done:
        path = self._path(part)
        done: Done = pickle.loads(path.read_bytes())
        path.unlink()
        return done

    def _alone(self, part: Part) -> Done:
        pool = self._new_pool(1)
        try:
            self._submit(pool, part).result()
            return self._answer(part)
        except BrokenProcessPool as error:
            why = " ".join(str(error).split()) or "no reason given"
            reason = f"the worker that tagged this part died, twice: {why:.300}"
            rejects = part.rejects + [
                reject_of(batch, i, reason) for batch in part.batches for i in range(len(batch))
            ]
            empty = self.work.do(_worker_tagger(self._shared), Part(part.number))
            return replace(empty, rows=part.rows, rejects=rejects)
        finally:
            pool.kill()


def _packed(part: Part) -> Part:
    """Return a part whose Arrow columns own no more memory than they show, for the journey."""

    def own(column: Any) -> Any:
        return column if isinstance(column, list) else column.take(np.arange(len(column)))

    batches = [
        replace(b, extra={name: own(c) for name, c in b.extra.items()}) for b in part.batches
    ]
    return Part(part.number, batches, part.rejects)


_worker: tuple[Tagger, Work] | None = None


def _start_worker(parent: int, shared: str, work: Work) -> None:
    end_with(parent)
    global _worker
    _worker = _worker_tagger(shared), work


def _worker_tagger(shared: str) -> Tagger:
    import joblib

    # Written a moment ago by the parent, into a folder that is its own.
    tagger: Tagger = joblib.load(shared, mmap_mode="r")
    return tagger


def _in_worker(path: Path) -> None:
    """Put the answer to a part, which a file holds, in its place."""
    assert _worker is not None
    tagger, work = _worker
    path.write_bytes(pickle.dumps(work.do(tagger, pickle.loads(path.read_bytes()))))
