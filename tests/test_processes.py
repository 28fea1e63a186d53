"""Worker processes: what they are asked, how they are ended, and that nothing of it shows."""

import os
import signal
import threading
import time
from functools import partial

import pytest
from conftest import until
from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky import process_executor

from tagger.errors import ConfigError
from tagger.processes import _KEPT, Pool, in_parallel, n_jobs, undisturbed


def test_so_many_processes_as_joblib_counts(monkeypatch):
    for where in ("joblib.cpu_count", "joblib._parallel_backends.cpu_count"):
        monkeypatch.setattr(where, lambda: 4)
    asked = (1, 3, 9, -1, -2, -9)
    assert [n_jobs(n) for n in asked] == [1, 3, 9, 4, 3, 1]
    assert [effective_n_jobs(n) for n in asked] == [1, 3, 9, 4, 3, 1]


def test_answers_come_in_the_order_of_the_tasks():
    tasks = [partial(pow, i, 2) for i in range(12)]
    squares = [i * i for i in range(12)]
    assert list(in_parallel(tasks, 2)) == list(in_parallel(tasks, 1)) == squares


def test_a_pool_that_is_killed_as_a_task_is_sent_ends_without_a_word(monkeypatch):
    """As by Ctrl-C: loky's thread has forgotten a task that it is about to hand out."""
    said, slow = [], threading.Event()
    wait = process_executor._ExecutorManagerThread.wait_result_broken_or_wakeup

    def slowly(self):
        found = wait(self)
        slow.set()
        time.sleep(0.3)
        return found

    monkeypatch.setattr(
        process_executor._ExecutorManagerThread, "wait_result_broken_or_wakeup", slowly
    )
    monkeypatch.setattr(threading, "excepthook", said.append)
    pool = Pool(1)
    busy = pool.submit(time.sleep, 60)
    assert slow.wait(30)
    pool.submit(time.sleep, 60)
    pool.kill()
    assert said == []
    assert isinstance(busy.exception(), process_executor.ShutdownExecutorError)


def test_a_task_that_fails_ends_the_others(tmp_path):
    def tasks():
        yield partial(int, "no number")
        yield partial(time.sleep, 60)

    began = time.monotonic()
    with pytest.raises(ValueError, match="no number"):
        list(in_parallel(tasks(), 2))
    assert time.monotonic() - began < 30


def test_a_worker_that_dies_is_a_clear_error():
    with pytest.raises(ConfigError, match="a worker process died"):
        list(in_parallel([partial(pow, 2, 2), _die], 2))


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_pool_that_is_kept_serves_again_and_leaves_joblib_its_own():
    def workers():
        assert list(in_parallel([partial(pow, i, 2) for i in range(4)], 2)) == [0, 1, 4, 9]
        return set(_KEPT[0][1]._processes)

    before = workers()
    assert Parallel(2)(delayed(abs)(i) for i in (-1, -2, -3)) == [1, 2, 3]
    after = workers()
    assert before == after
    assert Parallel(2)(delayed(abs)(i) for i in (-1, -2, -3)) == [1, 2, 3]
    os.kill(after.pop(), signal.SIGKILL)
    assert until(lambda: _KEPT[0][1]._flags.broken)
    assert not workers() & before


def test_what_is_sent_as_processes_start_comes_when_they_have_started():
    """Also where another thread takes it, whose mask this one cannot set."""
    came, idle = [], threading.Event()
    threading.Thread(target=idle.wait, daemon=True).start()
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            assert came == []
            assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
        idle.set()
