"""ZIP and TAR archives: their files one after another, none of them written to disk."""

import io
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from zipfile import BadZipFile, LargeZipFile, ZipFile

from tagger.files.office import whole
from tagger.files.rows import MAX_DOCUMENT_BYTES, Member, Reject, Unreadable

MAX_MEMBERS = 100_000
MAX_BYTES = 16 << 30
MAX_RATIO = 200
"""How many times the bytes that are read may become more as they are unpacked."""
_FREE_BYTES = 64 << 20


class Bomb(OSError):
    """A file unpacks to more than any that was made to be read."""


class Budget:
    """Counts the bytes that come out of compressed files, and says when they are too many."""

    def __init__(self, source: BinaryIO | None = None, packed: int = 0) -> None:
        self.source, self.packed, self.n = source, packed, 0

    def spend(self, n: int) -> None:
        """Count bytes; raise Bomb where they are too many."""
        self.n += n
        if self.n <= _FREE_BYTES:
            return
        packed = self.packed
        if self.source is not None:
            try:
                packed = self.source.tell()
            except OSError:  # a pipe has no place to tell
                packed = self.n
        if self.n > MAX_BYTES or self.n > MAX_RATIO * max(packed, 1):
            raise Bomb(
                f"it unpacks to more than {self.n:,} bytes, which no text does: unpack it yourself "
                "if it is no bomb"
            )


class _Counted(io.RawIOBase):
    """What a stream holds, counted as it comes."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self.stream, self.budget = stream, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        self.budget.spend(len(data))
        buffer[: len(data)] = data
        return len(data)


def counted(stream: BinaryIO, budget: Budget) -> BinaryIO:
    """Return a stream whose bytes are counted as they are read."""
    return cast(BinaryIO, io.BufferedReader(_Counted(stream, budget), 1 << 16))


def read_zip(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Member | Reject]:
    """Yield the files of a ZIP archive; one that is encrypted is rejected."""
    archive = _opened(whole(stream, limit))
    total = 0
    seen: Counter[str] = Counter()
    for number, member in enumerate(archive.infolist()):
        name = _named(source, member.filename, seen)
        total += member.file_size
        _check(number, total)
        if member.is_dir():
            continue
        if member.flag_bits & 1:
            yield Reject("encrypted: unpack it first, with its password", "", name)
            continue
        try:
            inside = archive.open(member)
        except (BadZipFile, NotImplementedError, OSError, ValueError) as error:
            yield Reject(f"cannot be unpacked: {error}", "", name)
            continue
        with inside:
            packed = Budget(packed=member.compress_size)
            yield Member(counted(cast(BinaryIO, inside), packed), name)


def read_tar(
    stream: BinaryIO, source: str, limit: int = MAX_DOCUMENT_BYTES
) -> Iterator[Member | Reject]:
    """Yield the files of a TAR archive, in one pass; links and devices are rejected."""
    total = 0
    seen: Counter[str] = Counter()
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for number, member in enumerate(archive):
                total += member.size
                _check(number, total)
                name = _named(source, member.name, seen)
                if member.isdir():
                    continue
                inside = archive.extractfile(member) if member.isreg() else None
                if inside is None:
                    yield Reject(
                        "a link or a device, expected a file: pack it anew without", "", name
                    )
                    continue
                yield Member(counted(cast(BinaryIO, inside), Budget(packed=member.size)), name)
                cast(Any, archive).members = []  # else it keeps each that it has seen
    except (tarfile.TarError, zlib.error, EOFError) as error:
        yield Reject(f"a damaged TAR archive: cannot be read beyond this: {error}", "", source)


def _named(source: str, name: str, seen: Counter[str]) -> str:
    """Return what to call a member: the second of a name is another document."""
    seen[name] += 1
    n = seen[name]
    return f"{source}/{name}" if n == 1 else f"{source}/({n}) {name}"


def _check(number: int, total: int) -> None:
    if number >= MAX_MEMBERS:
        raise Unreadable(f"an archive of more than {MAX_MEMBERS:,} files: unpack it first")
    if total > MAX_BYTES:
        raise Unreadable(f"an archive of more than {MAX_BYTES:,} bytes: unpack it first")


def names(stream: BinaryIO) -> list[str]:
    """Return the names of the files in a ZIP archive, and go back to its beginning."""
    found = _opened(stream).namelist()
    stream.seek(0)
    return found


def _opened(stream: BinaryIO) -> ZipFile:
    try:
        return ZipFile(stream)
    except (BadZipFile, LargeZipFile, OSError, ValueError) as error:
        raise Unreadable(f"a damaged ZIP archive: {error}: fetch or make it again") from None
