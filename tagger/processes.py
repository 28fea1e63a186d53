"""Worker processes that end with the process that started them, and never before it says so."""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from tagger.errors import ConfigError

_TO_ALL = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
_SECONDS = 0.5
# So that the libraries of all processes together have one thread a core.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def end_with(parent: int) -> None:
    """Make this process, a worker, deaf to what ends its parent, and let it end with that.

    Ctrl-C, a closed terminal and many a service manager signal all processes at once; what
    that means the parent decides.

    Parameters
    ----------
    parent : number of the process that started this one.
    """
    for sign in _TO_ALL:
        signal.signal(sign, signal.SIG_IGN)
    watch(parent)


def watch(parent: int) -> None:
    """Let this process end at once when its parent is gone.

    Parameters
    ----------
    parent : number of the process that started this one.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os._exit(1)  # killed: nobody waits for an answer, and waiting for work would never end


def check_shared() -> None:
    """Raise a ConfigError where processes cannot share what they need to work together."""
    import multiprocessing

    try:
        multiprocessing.Semaphore()
    except (OSError, ImportError) as error:
        raise ConfigError(
            "several processes need shared memory, which this machine does not give (/dev/shm: "
            f"{getattr(error, 'strerror', None) or error}): use --jobs 1 (jobs=1)"
        ) from None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Start or end processes inside: what is sent meanwhile, to this one or to all, comes after."""
    came: list[int] = []
    handlers: dict[int, Callable[..., Any]] = {}
    before: set[int | signal.Signals] | None = None
    try:
        if threading.current_thread() is threading.main_thread():
            # The mask is of this thread, and another may take what is sent to the process.
            for sign in _TO_ALL:
                if callable(handler := signal.getsignal(sign)):
                    handlers[sign] = handler
                    signal.signal(sign, lambda number, frame: came.append(number))
        if hasattr(signal, "pthread_sigmask"):  # for what is started: until it can be deaf
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _TO_ALL)
            resource_tracker.ensure_running()  # where it is started, Python 3.11 unblocks signals
            signal.pthread_sigmask(signal.SIG_BLOCK, _TO_ALL)
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            handlers[number](number, None)


class Pool:
    """Worker processes, which end with the process that made them.

    Parameters
    ----------
    jobs : how many.
    initializer, initargs : what each does first.
    keep : whether they wait for the next pool that is kept, unless this one is killed.
    """

    def __init__(
        self,
        jobs: int,
        initializer: Callable[..., None] = end_with,
        initargs: tuple[Any, ...] | None = None,
        keep: bool = False,
    ) -> None:
        check_shared()
        from joblib import cpu_count
        from joblib.externals.loky import ProcessPoolExecutor

        self.jobs = jobs
        threads = str(max(cpu_count() // jobs, 1))
        how = {
            "max_workers": jobs,
            "timeout": 60,
            "initializer": initializer,
            "initargs": (os.getpid(),) if initargs is None else initargs,
            "env": {name: os.environ.get(name, threads) for name in _THREADS},
        }
        with undisturbed():
            self._pool = _kept(how) if keep else ProcessPoolExecutor(**how)

    def submit(self, task: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Send a task; no more than one may wait beside those that the processes have."""
        with undisturbed():  # the processes start with the first task
            future: Future[Any] = self._pool.submit(task, *args)
            return future

    def run(
        self, tasks: Iterable[Callable[[], Any]], meanwhile: Callable[[], None] = lambda: None
    ) -> Iterator[Any]:
        """Do tasks and yield the answers in their order; `meanwhile` is called now and then.

        Raises
        ------
        ConfigError : a process died.
        """
        rest, waiting = iter(tasks), deque[Future[Any]]()
        task = next(rest, None)
        try:
            while task or waiting:
                busy = [future for future in waiting if not future.done()]
                if task and len(busy) <= self.jobs:
                    waiting.append(self.submit(task))
                    task = next(rest, None)
                elif waiting[0].done():
                    yield waiting.popleft().result()
                else:
                    wait(busy, _SECONDS, FIRST_COMPLETED)
                    meanwhile()
        except BrokenProcessPool:
            raise ConfigError(
                "a worker process died, perhaps for want of memory: run it again with --jobs 1 "
                "(jobs=1)"
            ) from None

    def kill(self) -> None:
        """End the processes at once, whatever they do."""
        try:
            # Of a pool that is killed, loky (joblib 1.6) forgets the tasks but not their numbers,
            # and fails over a number that it has not handed out yet. They are handed out in
            # their order, so wait for one more; for so few there is always room.
            last, until = self._pool.submit(int), time.monotonic() + 5
            while not (last.running() or last.done() or time.monotonic() > until):
                time.sleep(0.001)
        except RuntimeError:  # it is broken, or was killed before
            pass
        finally:
            self._pool.shutdown(wait=True, kill_workers=True)


_KEPT: list[tuple[dict[str, Any], Any]] = []


def _kept(how: dict[str, Any]) -> Any:
    # loky keeps one for all, but hands it to joblib too, which fails over one that it did not make.
    from joblib.externals.loky import ProcessPoolExecutor

    for made, pool in _KEPT:
        if made == how and not (pool._flags.broken or pool._flags.shutdown):
            return pool
    _KEPT[:] = [(how, ProcessPoolExecutor(**how))]
    return _KEPT[0][1]


def n_jobs(jobs: int) -> int:
    """Return how many processes are asked for: -1 for one a core, -2 for one less, as in joblib."""
    if jobs > 0:
        return jobs
    from joblib import cpu_count

    return max(int(cpu_count()) + 1 + min(jobs, -1), 1)


def in_parallel(tasks: Iterable[Callable[[], Any]], jobs: int) -> Iterator[Any]:
    """Do tasks, in this process or in others, and yield the answers in their order.

    Parameters
    ----------
    tasks : functions without parameters, as `functools.partial` makes them.
    jobs : number of processes, -1 for one a core.
    """
    from joblib import effective_n_jobs

    jobs = effective_n_jobs(jobs)  # one, where this machine has no shared memory
    if jobs == 1:
        yield from (task() for task in tasks)
        return
    pool = Pool(jobs, keep=True)
    try:
        yield from pool.run(tasks)
    except BaseException:
        pool.kill()
        raise
