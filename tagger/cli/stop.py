"""Signals that ask the command to end: it tidies up, and says which it was."""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = ("SIGTERM", "SIGHUP")  # Python itself makes a KeyboardInterrupt of Ctrl-C


class Stopped(BaseException):
    """A signal asked the command to end; `code` is its exit code, as shells count it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.code = 128 + number


def end_on_signals() -> None:
    """Raise Stopped where a signal would end the process on the spot, with its files about."""
    for number in _asked():
        signal.signal(number, _raise)
    sys.unraisablehook = _again


def stop_behind(error: BaseException | None) -> BaseException | None:
    """Return what asked the command to end and came out as another error; None where nothing did.

    A library that is being imported makes an ImportError of it, and what was to be told to
    install then is there.
    """
    while error is not None and not isinstance(error, (Stopped, KeyboardInterrupt)):
        error = error.__cause__ or error.__context__
    return error


def ending() -> None:
    """Let no signal disturb what the interpreter clears away, now that the work is done."""
    for number in (signal.SIGINT, *_asked()):
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, frame: Any) -> None:
    raise Stopped(number)


def _again(found: Any) -> None:
    """Let a signal come once more that came while something was cleared away: nobody heard it."""
    stop = stop_behind(found.exc_value)
    if stop is None:
        sys.__unraisablehook__(found)
        return
    number = stop.code - 128 if isinstance(stop, Stopped) else signal.SIGINT
    # Not from here: what is raised in this hook is dropped, too.
    threading.Timer(0.01, _raise_in_main, [number]).start()


def _raise_in_main(number: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)  # wakes what waits, too
    else:
        _thread.interrupt_main(signal.Signals(number))


def _asked() -> Iterator[int]:
    """Yield the signals that the caller does not ignore, as nohup does."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            yield number


@contextmanager
def told(stop: Callable[[int], None]) -> Iterator[None]:
    """Call a function with the number of the signal instead, inside."""
    before = {number: signal.getsignal(number) for number in _asked()}
    for number in before:
        signal.signal(number, lambda number, frame: stop(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
