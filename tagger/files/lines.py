"""Lines of a file, none of them longer than memory is meant to hold."""

from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 1 << 20


class LongLine(Exception):
    """A line is longer than allowed; its rest has been passed over.

    Parameters
    ----------
    head : how it begins.
    """

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self.head = head


class Lines(Iterator[bytes]):
    """The lines of a stream, with their endings.

    Parameters
    ----------
    stream : an open file.
    limit : the most bytes of a line; for a longer one `LongLine` is raised, and the
        next call goes on after it.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self.stream = stream
        self.limit = limit

    def __next__(self) -> bytes:
        line = self.stream.readline(self.limit + 1)
        if not line:
            raise StopIteration
        if len(line) <= self.limit:
            return line
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = self.stream.readline(_CHUNK)
        raise LongLine(line[:1000])
