"""Where results go: nothing that is there is replaced unless the user says so."""

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tagger.errors import OutputError

_SPECIAL = (
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
)
LOCK = "lock"
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:/")  # C:/ is a drive


def check_free(
    paths: Iterable[str | Path], force: bool = False, why: str = "and would be replaced"
) -> None:
    """Refuse to write where something is.

    Parameters
    ----------
    paths : the files to write; for a folder that must be empty, the folder.
    force : whether files that are there may be replaced.
    why : why what is there counts.

    Raises
    ------
    OutputError : one of them exists and `force` is not given; one is a device, a pipe or
        a socket, which is never replaced; or a folder may not be written.
    """
    there, paths = [], list(paths)
    for path in map(Path, paths):
        if _ADDRESS.match(str(path)):
            address = str(path).replace(":/", "://", 1)  # a path has one slash for two
            raise OutputError(f"{address}: is an address, expected a file of this machine to write")
        if path.parts[:1] == ("-",):
            raise OutputError("-: means standard output, expected a file or folder to write to")
        try:
            mode = path.stat().st_mode
        except NotADirectoryError:
            raise OutputError(f"{path.parent}: is a file, expected a folder to write in") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OutputError(f"{path}: is a link to itself, expected a file") from None
            continue  # not there, or not to be seen: writing will tell
        for holds, kind in _SPECIAL:
            if holds(mode):
                raise OutputError(
                    f"{path}: is a {kind}, expected a file: without --output rows go to "
                    "standard output, which can be sent anywhere"
                )
        if not stat.S_ISDIR(mode) or any(path.iterdir()):
            there.append(path)
    for folder in {_nearest(path) for path in map(Path, paths)}:
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{folder}: cannot be written: Permission denied, or read-only")
    if there and not force:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise OutputError(
            f"{there[0]}{more}: is there already {why}: name another output, or replace it "
            "with --force (force=True)"
        )


def _nearest(path: Path) -> str:
    """Return the folder that is there already in which a path would be made."""
    real = Path(os.path.realpath(path))
    return next(str(folder) for folder in (real, *real.parents) if os.path.isdir(folder))  # noqa: PTH112  raises nothing


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is complete; a link is followed."""
    check_free([path], force=True)
    path = Path(os.path.realpath(path))
    partial = path.with_name(path.name + ".part")
    try:
        try:
            with open(partial, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
            sync_folder(path.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None


def write(path: str | Path, data: bytes) -> None:
    """Write a file that is whole or not there."""
    with atomic_write(path) as stream:
        stream.write(data)


def rename_into_place(source: Path, path: Path) -> None:
    """Give a file that is complete and on the disk its name; a link is followed.

    Across file systems it is copied.
    """
    target = Path(os.path.realpath(path))
    try:
        os.replace(source, target)
        sync_folder(target.parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with open(source, "rb") as stream, atomic_write(path) as copied:
            shutil.copyfileobj(stream, copied, 1 << 20)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def utf8_of(text: str) -> bytes:
    """Return text as UTF-8; for lone surrogates, which it lacks, stand escapes such as JSON's."""
    return text.encode("utf-8", "backslashreplace")


def escape_of(match: re.Match[str]) -> str:
    r"""Return a character that was found as JSON escapes it: ``\u001b``."""
    return f"\\u{ord(match[0]):04x}"


def write_files(folder: str | Path, files: Mapping[str, str | bytes], force: bool = False) -> None:
    """Write texts or bytes as files of a folder, which is made where there is something to write.

    Raises
    ------
    OutputError : one is there already and `force` is not given, or cannot be written.
    """
    check_free([Path(folder) / name for name in files], force)
    if not files:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    for name, data in files.items():
        write(Path(folder) / name, data if isinstance(data, bytes) else utf8_of(data))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the only right to write a folder; it ends with the process, however that ends."""
    with open(folder / LOCK, "a+b") as stream:
        try:
            _lock(stream)
            same = os.path.samestat(os.fstat(stream.fileno()), os.stat(folder / LOCK))
        except OSError:
            same = False
        if not same:
            reason = f"{folder}: another run is writing this output"
            raise OutputError(f"{reason}; wait for it, or name another output")
        yield


def _lock(stream: BinaryIO) -> None:
    """Lock an open file, or raise OSError where another process has."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
