"""Worker processes that end with the process that started them, and never before it says so."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from tagger.errors import ConfigError

_TO_ALL = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
_SECONDS = 0.5


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
def starting() -> Iterator[None]:
    """Start processes inside: until they can be deaf, what is sent to all waits."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TO_ALL)
    try:
        resource_tracker.ensure_running()  # where it is started, Python 3.11 unblocks signals
        signal.pthread_sigmask(signal.SIG_BLOCK, _TO_ALL)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def in_parallel(tasks: Iterable[Any], jobs: int) -> Iterator[Any]:
    """Do tasks in processes of joblib and yield the answers in their order.

    Parameters
    ----------
    tasks : as `joblib.delayed` makes them.
    jobs : number of processes, -1 for one a core.
    """
    from joblib import Parallel

    pool = Parallel(
        n_jobs=jobs, return_as="generator", initializer=end_with, initargs=(os.getpid(),)
    )
    with starting():  # the first tasks are sent here
        answers = pool(tasks)
    yield from answers
