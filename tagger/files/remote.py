"""Files that have an address: pages of the web by HTTP, objects of stores by fsspec."""

import atexit
import codecs
import gzip
import io
import re
import shutil
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import quote, urlsplit, urlunsplit

from tagger import __version__
from tagger.errors import DataError, required
from tagger.files.rows import MAX_DOCUMENT_BYTES, Unreadable

if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse

MAX_BYTES = 1_000_000_000
WAIT_SECONDS, WHOLE_SECONDS = 30, 600
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Fetched:
    """Where the content of a page lies for as long as the process runs, and what it is.

    `charset` is the encoding that the server names, if any.
    """

    path: Path
    media_type: str
    charset: str = ""


def is_address(name: str) -> bool:
    """Return whether a name is an address: ``https://...``, ``s3://...``."""
    return _SCHEME.match(name) is not None


def is_page(name: str) -> bool:
    """Return whether a name is an address of the web."""
    return name.lower().startswith(("http://", "https://"))


def path_of(source: str) -> Path:
    """Return a name as a path whose ending tells the format: of a fetched page that in it."""
    return Path(urlsplit(source).path if source in _FETCHED else source)


def media_type(source: str) -> str:
    """Return what the server called a page that was fetched; empty for anything else."""
    return _FETCHED[source].media_type if source in _FETCHED else ""


def check(name: str) -> None:
    """Raise a DataError for an address with a password, and for patterns and folders of a store."""
    if "@" in urlsplit(name).netloc:
        bare = _SCHEME.sub("", name).rpartition("@")[2]
        raise DataError(f"{bare}: found a user or password in the address: leave it out")
    if not is_page(name) and ("*" in name or name.endswith("/")):
        raise DataError(
            f"{name}: patterns and folders of addresses are not expanded: name each file"
        )


def open_address(name: str, recode: bool = True) -> BinaryIO:
    """Open what an address names; a page is fetched, or given up, once in a process.

    With `recode`, text in another charset than the bytes tell is given in UTF-8.

    Raises
    ------
    Unreadable : there is none, or it cannot be read, or needs an extra.
    """
    if is_page(name):
        if name in _GIVEN_UP:
            raise Unreadable(_GIVEN_UP[name])
        if name not in _FETCHED:
            try:
                _FETCHED[name] = _fetched(name)
            except Unreadable as error:
                _GIVEN_UP[name] = str(error)
                raise
        page = _FETCHED[name]
        if not (recode and page.charset) or page.path.stat().st_size > MAX_DOCUMENT_BYTES:
            return open(page.path, "rb")
        return io.BytesIO(_in_utf8(page.path.read_bytes(), page.charset))
    fsspec = required("fsspec", "remote", f"{name}: needs the extra remote", Unreadable)
    try:
        return cast(BinaryIO, fsspec.open(name, "rb").open())
    except Exception as error:  # each store has errors of its own
        reason = str(error) or type(error).__name__
        if isinstance(error, FileNotFoundError):
            reason = "no such file in the store"  # what it says is but the name
        raise Unreadable(f"{name}: cannot be read: {reason}") from None


_FETCHED: dict[str, Fetched] = {}
_GIVEN_UP: dict[str, str] = {}


def _fetched(address: str) -> Fetched:
    """Fetch a page into a temporary file, at most `MAX_BYTES` and `WHOLE_SECONDS`."""
    from http.client import HTTPException
    from urllib.error import HTTPError

    end = time.monotonic() + WHOLE_SECONDS
    sockets: list[socket.socket] = []
    try:
        with _cut_off(sockets), closing(_answer(address, sockets)) as answer:
            headers = answer.headers
            path = _save(_received(answer, end))
        path = _unpacked(path, headers.get("Content-Encoding", "").lower(), address)
        media = headers.get_content_type() if headers["Content-Type"] else ""
        return Fetched(path, media, headers.get_content_charset() or "")
    except HTTPError as error:
        with error:
            reason = f"the server answered {error.code} {error.reason}, expected 200"
    except (OSError, EOFError, HTTPException, ValueError, zlib.error) as error:
        reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        if time.monotonic() > end:
            reason = f"not done after {WHOLE_SECONDS} seconds"
    raise Unreadable(f"{address}: cannot be fetched: {reason}")


@contextmanager
def _cut_off(sockets: "list[socket.socket]") -> Iterator[None]:
    """End what is read from sockets when it takes too long: a server may send byte after byte."""
    from socket import SHUT_RDWR

    def cut() -> None:
        for opened in sockets:
            with suppress(OSError):
                opened.shutdown(SHUT_RDWR)

    timer = threading.Timer(WHOLE_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _answer(address: str, sockets: "list[socket.socket]") -> "HTTPResponse":
    import urllib.request as http
    from http.client import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class PlainHandler(http.HTTPHandler):
        def http_open(self, request: http.Request) -> "HTTPResponse":
            return self.do_open(Plain, request)

    class SecureHandler(http.HTTPSHandler):
        def https_open(self, request: http.Request) -> "HTTPResponse":
            return self.do_open(Secure, request)

    # Of HTTP alone: no redirect leads to a file or to FTP. At most ten are followed.
    opener = http.OpenerDirector()
    for handler in (
        http.ProxyHandler,
        http.UnknownHandler,
        PlainHandler,
        SecureHandler,
        http.HTTPDefaultErrorHandler,
        http.HTTPRedirectHandler,
        http.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    # An address as people copy it may hold letters that HTTP cannot.
    parts = urlsplit(address)
    host = parts.netloc.encode("idna").decode("ascii")
    rest = (quote(part, safe="%/:=&?~+!$,;'@()*[]|") for part in parts[2:4])
    request = http.Request(urlunsplit((parts.scheme, host, *rest, "")))
    request.add_header("User-Agent", f"claim-tagger/{__version__}")
    request.add_header("Accept-Encoding", "identity")
    return cast("HTTPResponse", opener.open(request, timeout=WAIT_SECONDS))


def _received(answer: "HTTPResponse", end: float) -> Iterator[bytes]:
    """Yield what comes, as soon as it comes: a read of a whole block may take for ever."""
    whole, n = answer.length, 0
    while (whole is None or n < whole) and (data := answer.read1(_CHUNK)):
        n += len(data)
        yield data
        if time.monotonic() > end:
            raise TimeoutError(f"not done after {WHOLE_SECONDS} seconds")
    if whole is not None and n < whole:
        raise EOFError(f"broke off, {whole - n:,} of {whole:,} bytes are missing")


def _save(pieces: Iterable[bytes]) -> Path:
    from tempfile import NamedTemporaryFile

    n = 0
    with NamedTemporaryFile(dir=_folder(), delete=False) as stream:
        for data in pieces:
            n += stream.write(data)
            if n > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES:,} bytes: fetch it by other means")
    return Path(stream.name)


def _unpacked(path: Path, encoding: str, address: str) -> Path:
    """Return where the content lies without the compression that it was sent with."""
    if encoding not in ("gzip", "x-gzip"):
        if encoding in ("", "identity"):
            return path
        raise ValueError(f"content encoding {encoding!r}, expected none or gzip")
    if urlsplit(address).path.endswith(".gz"):  # some servers call a compressed file so
        return path
    with gzip.open(path) as packed:
        return _save(iter(lambda: packed.read(_CHUNK), b""))


def _in_utf8(data: bytes, charset: str) -> bytes:
    """Return text in UTF-8 where the server names its charset and the bytes are not of UTF-8."""
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return data  # the reader finds out
    if not name.startswith(("iso2022", "hz")):  # which look like ASCII
        try:
            data.decode("utf-8")
            return data
        except UnicodeDecodeError:
            pass
    try:
        # Browsers take Latin-1 for Windows-1252.
        text = data.decode("cp1252" if name in ("iso8859-1", "ascii") else name)
    except (LookupError, UnicodeError):
        return data
    return codecs.BOM_UTF8 + text.encode("utf-8", "replace")


@cache
def _folder() -> Path:
    from tempfile import mkdtemp

    folder = Path(mkdtemp(prefix="tagger-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
