"""One line on standard error that says how far a job has come; nothing in a pipe."""

import sys
import time

from tagger.bulk.settings import Progress
from tagger.cli.terminal import rewrite


class ProgressLine:
    """Rewrites one line of the terminal, a few times a second at most."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._start = self._last = time.monotonic()  # a clock that is never set back
        self._first: Progress | None = None

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
