"""One line on standard error that says how far a job has come; nothing in a pipe."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tagger.bulk.settings import Progress
from tagger.cli.terminal import rewrite


class ProgressLine:
    """Rewrites one line of the terminal, a few times a second at most, from the beginning.

    Parameters
    ----------
    resumed : whether an earlier run has done a part: its rows do not tell how fast this one is.
    """

    def __init__(self, resumed: bool = False) -> None:
        self._shown = sys.stderr.isatty()
        self._start = time.monotonic()  # a clock that is never set back
        self._last = 0.0
        self._first = None if resumed else Progress()
        if self._shown:
            rewrite("looking at the input, then tagging ...")

    def show(self, now: Progress) -> None:
        """Show rate, time left and rejects."""
        if not self._shown:
            return
        moment = time.monotonic()
        if self._first is None:
            self._first, self._start = now, moment
        if moment - self._last < 0.2:
            return
        self._last = moment
        seconds = max(moment - self._start, 1e-9)
        rate = (now.rows - self._first.rows) / seconds
        pieces = [f"{now.rows:,} rows", f"{rate:,.0f} a second"]
        if now.bytes_total:
            pieces.insert(0, f"{now.bytes_done / now.bytes_total:4.0%}")
            done = now.bytes_done - self._first.bytes_done
            if done > 0:
                left = round((now.bytes_total - now.bytes_done) * seconds / done)
                pieces.append(f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left")
        pieces.append(f"{now.rejected:,} rejected")
        rewrite("  ".join(pieces))

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            rewrite("")


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that work goes on, and for how long, where its end is not known."""
    from rich import progress as rich

    from tagger.cli.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = rich.SpinnerColumn("line"), rich.TextColumn("{task.description}", markup=False)
    with rich.Progress(*columns, rich.TimeElapsedColumn(), console=console, transient=True) as bar:
        bar.add_task(what, total=None)
        yield
