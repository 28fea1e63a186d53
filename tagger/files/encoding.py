"""Bytes of any encoding -> UTF-8, and what was guessed or lost on the way."""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, BinaryIO, cast

from tagger.errors import ConfigError
from tagger.files.rows import Note, Unreadable

HEAD_BYTES = 1 << 16
"""How much of the beginning of a file is looked at."""
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_NOT_OF_FILES = ("idna", "punycode", "raw-unicode-escape", "unicode-escape")
# English has fewer such letters than one in five, whatever the encoding of its quotation marks.
_MOST_FOREIGN = 0.2
_PIECE = 64
_MOST_STRAY = 3  # bytes near the beginning of UTF-16 that stand in no letter
_CHARSET = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?([\w.:-]+)", re.I
)
# Names that browsers read as Windows-1252; others that they read as what pages mean by them.
_LATIN = ("", "ascii", "cp1252", "iso8859-1", "utf-8")
_MEANT = {
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_ENCODING = re.compile("ascii|utf-8|cp\\d|iso8859|koi8|gb|big5|shift_jis|euc_|mac-|tis-|hz|iso2022")


class _Chained(io.RawIOBase):
    """The beginning of a stream that was read already, and then the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self.head, self.rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data, self.head = self.head[: len(buffer)], self.head[len(buffer) :]
        data = data or getattr(self.rest, "read1", self.rest.read)(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def peek(stream: BinaryIO, whole: bool = True) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of a stream, and a stream that still has them.

    Where it breaks off, what stands before the break is returned. Unless `whole`, what is
    there already suffices, so that a pipe is not waited for.
    """
    head = b""
    read = getattr(stream, "read1", stream.read)
    try:
        while len(head) < HEAD_BYTES and (data := read(HEAD_BYTES - len(head))):
            head += data
            if not whole:
                break
    except Exception:  # the reader meets it again, in its place
        pass
    if stream.seekable():
        stream.seek(-len(head), io.SEEK_CUR)
        return head, stream
    return head, cast(BinaryIO, io.BufferedReader(_Chained(head, stream)))


def without_cut(head: bytes) -> bytes:
    """Return the beginning of a text without its last letter, which may be cut in two."""
    return head.rstrip(_BEYOND_ASCII) if len(head) >= HEAD_BYTES else head


def wide(head: bytes) -> str:
    """Return the name of the encoding of UTF-16 or UTF-32 text; empty where it is neither."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    sample = head[:2048]
    if len(sample) < 4 or b"\0" not in sample:
        return ""
    # Without a mark, Latin letters betray it: every second byte is zero. After a stray byte it
    # is the other one of two, so it is asked piece by piece, and the first letters say which.
    pieces = [sample[at : at + _PIECE] for at in range(0, len(sample), _PIECE)]
    sides = [side for piece in pieces if (side := _zeros(piece)) is not None]
    turns = sum(a != b for a, b in pairwise(sides))
    if len(sides) < len(pieces) - 1 - turns or turns > _MOST_STRAY or not sides:
        return ""
    first = _zeros(sample[:8])
    return ("utf-16-be", "utf-16-le")[sides[0] if first is None else first]


def _zeros(piece: bytes) -> int | None:
    """Return which byte of each two is zero, as in UTF-16 of Latin letters; None where neither."""
    half = len(piece) // 2
    for zeros in (1, 0):
        if piece[zeros::2].count(0) > 0.8 * half and not piece[1 - zeros :: 2].count(0):
            return zeros
    return None


class _Recoded(io.RawIOBase):
    """The text of a stream in any encoding, as UTF-8; what is invalid becomes U+FFFD."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.stream, self.name = stream, encoding
        self.ready = codecs.BOM_UTF8
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.begun = False
        self.even = _Even(encoding) if encoding.startswith("utf-16") else None
        self.n_bad = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.ready:
            data = self.stream.read(HEAD_BYTES)
            text = self._decoded(data)
            if text and not self.begun:
                text, self.begun = text.removeprefix("\ufeff"), True
            self.ready = text.encode("utf-8", "replace")
            if not data:
                break
        data, self.ready = self.ready[: len(buffer)], self.ready[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def _decoded(self, data: bytes) -> str:
        ends = not data
        if self.even is not None:
            data = self.even.of(data)
        before = self.decoder.getstate()
        try:
            return self.decoder.decode(data, ends)
        except UnicodeError:
            self.decoder.errors = "replace"
            self.decoder.setstate(before)
            text = self.decoder.decode(data, ends)
            self.decoder.errors = "strict"
            self.n_bad += text.count("\ufffd")
            return text

    def notes(self, source: str) -> Iterator[Note]:
        """Yield how much was lost, once all is read."""
        n_bad = self.n_bad + (self.even.n_bad if self.even is not None else 0)
        if n_bad:
            yield lost(n_bad, self.name.upper(), source)


class _Even:
    """Drops the stray bytes of UTF-16, after each of which all letters would be others.

    The zero bytes of Latin letters tell where a letter begins; other scripts have none.
    """

    def __init__(self, encoding: str) -> None:
        self.zeros = {"utf-16-le": 1, "utf-16-be": 0}.get(encoding)
        self.rest = b""
        self.n_bad = 0

    def of(self, data: bytes) -> bytes:
        """Return the next bytes, whole letters of them; what is left at the end of all (b"")."""
        ends, data = not data, self.rest + data
        if self.zeros is None:
            self.zeros = 0 if data.startswith(codecs.BOM_UTF16_BE) else 1
        kept: list[bytes] = []
        at = 0
        # Piece by piece only where something may be odd.
        size = _PIECE if data[1 - self.zeros :: 2].count(0) else len(data)
        while at < len(data):
            piece = data[at : at + size]
            wrong, right = (piece[x::2].count(0) for x in (1 - self.zeros, self.zeros))
            at += len(piece)
            if wrong > right and 4 * wrong > len(piece):
                piece = (kept.pop() if kept else b"") + piece
                first = self._stray(piece)
                at += first + 1 - len(piece)
                piece = piece[:first]
                self.n_bad += 1
            kept.append(piece)
        whole = b"".join(kept)
        cut = 0 if ends else len(whole) % 2
        self.rest = whole[len(whole) - cut :]
        return whole[: len(whole) - cut]

    def _stray(self, piece: bytes) -> int:
        """Return the byte without which most letters are Latin."""
        zeros = self.zeros or 0
        return max(
            range(0, len(piece) + 1, 2),
            key=lambda i: piece[zeros:i:2].count(0) + piece[i + 1 + zeros :: 2].count(0),
        )


def fitting(head: bytes, named: str) -> str:
    """Return the encoding that a user named, with its byte order where no mark says that.

    Raises
    ------
    Unreadable : a file that begins so is plainly in another.
    """
    name, judged = named, wide(head)
    marks = tuple(mark for mark, known in _BOMS if known == named)
    if marks and not head.startswith(marks):
        # The first byte of a letter in the big order says its script, and varies less.
        step = int(named[-2:]) // 8
        little = len(set(head[::step])) >= len(set(head[step - 1 :: step]))
        name = judged if judged.startswith(named) else f"{named}-{'le' if little else 'be'}"
    text = codecs.getincrementaldecoder(name)("replace").decode(head).removeprefix("\ufeff")
    odd = sum(c == "\ufffd" or not (c.isprintable() or c.isspace()) for c in text)
    wrong = 3 * odd > len(text) or text.startswith("\ufffe")
    wrong |= head.startswith(codecs.BOM_UTF8) and not name.startswith("utf")
    if name.startswith(("utf-16", "utf-32")):
        wrong |= judged.startswith("utf-16-") and judged != name
        narrow = len(re.findall(rb"[ -~\s]", head)) > 0.75 * len(head)
        wrong |= not judged and b"\0" not in head and (narrow or Decoder(head).utf8)
    if wrong:
        raise Unreadable(
            f"not in {named.upper()}, the encoding that was named: leave out --encoding, or name "
            "the one that the file has"
        )
    return name


def recoded(stream: BinaryIO, encoding: str) -> tuple[BinaryIO, Callable[[str], Iterator[Note]]]:
    """Return a stream of UTF-8 from one in another encoding, and what tells how much was lost."""
    raw = _Recoded(stream, encoding)
    return cast(BinaryIO, io.BufferedReader(raw)), raw.notes


def lost(n: int, name: str, source: str) -> Note:
    """Return the note on bytes that are not of an encoding."""
    return Note(
        f"{'byte that is' if n == 1 else 'bytes that are'} no {name}, read as U+FFFD", source, n
    )


def decode_page(data: bytes, source: str, charset: str = "") -> tuple[str, list[Note]]:
    """Decode a page or an e-mail as browsers do: its bytes count more than what is said of them.

    That is its `charset`, or what stands in it. Notes say what was guessed and what was lost.
    """
    text, name, guessed = _decoded_page(data, charset)
    label = "Windows-1252" if name == "cp1252" else name.upper()
    advice = "" if charset else " (if that is wrong, say --encoding)"
    notes = [Note(f"not UTF-8, read as {label}{advice}", source)] if guessed else []
    n_bad = text.count("\ufffd") - data.count("\ufffd".encode()) * (name == "utf-8")
    return text, notes + [lost(n_bad, label, source)] * (n_bad > 0)


def _decoded_page(data: bytes, charset: str) -> tuple[str, str, bool]:
    """Return the text of a page, its encoding, and whether nothing but its bytes says that."""
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), *_BOMS):
        if data.startswith(mark):
            return data.decode(name, "replace"), name.removesuffix("-sig"), False
    named = _CHARSET.search(data[:4096])
    declared = charset or (named[1].decode("ascii") if named else "")
    try:
        name = codecs.lookup(declared).name if declared else ""
    except (LookupError, ValueError):
        name = ""
    if charset and (name == "utf-7" or (name.startswith(("utf-16", "utf-32")) and b"\0" in data)):
        return data.decode(name, "replace"), name, False  # unlike a page, an e-mail may be so
    if not _ENCODING.match(name):
        name = "utf-8" if name else ""  # what it says cannot be so, such as UTF-16
    if not name.startswith(("iso2022", "hz")):
        try:
            return data.decode("utf-8"), "utf-8", False  # others are hardly ever valid UTF-8
        except UnicodeDecodeError:
            pass
    guessed = name in ("", "ascii", "utf-8")
    if name in _LATIN:
        as_utf8 = data.decode("utf-8", "replace")
        n_lost = as_utf8.count("\ufffd")
        n_right = sum(c > "\x7f" for c in as_utf8) - n_lost
        if n_right > 3 * n_lost:
            return as_utf8, "utf-8", False
        name = "cp1252"
    name = _MEANT.get(name, name)
    return data.decode(name, "replace"), name, guessed


def text_encoding(name: str) -> str:
    """Return what Python calls an encoding of text.

    Raises
    ------
    ConfigError : it knows none of this name.
    """
    try:
        "".encode(name)
        if (known := codecs.lookup(name).name) in _NOT_OF_FILES:
            raise LookupError(known)
        return known
    except (LookupError, UnicodeError, ValueError):
        raise ConfigError(
            f"encoding is {name!r}, expected a name that Python knows, such as utf-8, cp1250, "
            "latin-1, utf-16, koi8-r or shift_jis"
        ) from None


class Decoder:
    """Decodes the pieces of a file: UTF-8, and what is not, as sensibly as can be.

    A file with letters beyond ASCII that are valid UTF-8 is UTF-8, and each other byte of it
    becomes U+FFFD. Else it is Windows-1252, which holds Latin-1's letters, unless so much
    of it is beyond ASCII that charset-normalizer is asked.
    """

    def __init__(self, head: bytes = b"") -> None:
        self.legacy = ""
        self.n_bad = 0
        self.utf8 = False
        head = without_cut(head)
        if not head.isascii():
            self._judge(head)

    def decode(self, raw: bytes) -> str:
        """Return the text of a piece."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return self._rescued(raw)
        if not self.utf8 and not text.isascii():
            self.utf8 = True
        return text

    def _rescued(self, raw: bytes) -> str:
        """Return the text of a piece that is no UTF-8."""
        if not (self.utf8 or self.legacy):
            self._judge(raw)
        lost = raw.count("\ufffd".encode()) if not self.legacy else 0
        text = raw.decode(self.legacy or "utf-8", "replace")
        self.n_bad += text.count("\ufffd") - lost
        return text

    def _judge(self, raw: bytes) -> None:
        """Decide by the first letters beyond ASCII."""
        text = raw.decode("utf-8", "surrogateescape")
        foreign = [c for c in text if c > "\x7f"]
        bad = sum("\udc80" <= c <= "\udcff" for c in foreign)
        if bad <= len(foreign) / 2:
            self.utf8 = True
        else:
            self.legacy = "cp1252"
            if len(foreign) > _MOST_FOREIGN * len(text):
                from charset_normalizer import from_bytes

                if best := from_bytes(raw[:HEAD_BYTES]).best():
                    self.legacy = best.encoding

    def notes(self, source: str) -> Iterator[Note]:
        """Yield what was guessed, and how much was lost."""
        if self.legacy:
            name = "Windows-1252" if self.legacy == "cp1252" else self.legacy
            yield Note(f"not UTF-8, read as {name} (if that is wrong, say --encoding)", source)
        if self.n_bad:
            yield lost(self.n_bad, self.legacy or "UTF-8", source)
