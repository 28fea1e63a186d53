"""What people read on a terminal: it can neither drive the terminal nor break its encoding."""

import atexit
import io
import os
import re
import sys
import traceback
import warnings
from typing import Any, TextIO

from tagger.targets import escape_of

# Controls but tab and line end (C0, DEL, C1), marks that turn or break a line, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)

# What the library's messages say of its own parameters, beside the option.
_IN_PYTHON = re.compile(r" \((?:reference=|max_characters=|force=True|day_first=True or False)\)")


def prepare() -> None:
    """Let standard output and error escape what their encoding lacks, and be there."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: `>&-`, so that writing on it fails
            mode = os.O_RDONLY if name == "stdout" else os.O_WRONLY
            nowhere = open(os.open(os.devnull, mode), "w", encoding="utf-8")
            atexit.register(nowhere.close)
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = _warn  # libraries may repeat what a file holds
    sys.excepthook = _break


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    echo(warnings.formatwarning(message, category, filename, lineno), err=True, end="")


def _break(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    echo("".join(traceback.format_exception(kind, error, trace)), err=True, end="")


def shown(text: str, encoding: str = "utf-8") -> str:
    r"""Return text as a terminal may show it: a control character is ``\u001b`` or the like.

    What the encoding lacks is escaped too. The escapes are those of JSON.
    """
    text = _UNSAFE.sub(escape_of, text)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def echo(text: str, err: bool = False, end: str = "\n") -> None:
    """Print what people read, on standard output or error."""
    _print(shown(text) + end, err)


def rewrite(line: str) -> None:
    """Put a line of tagger's own in the place of the last one on standard error."""
    _print("\r\x1b[K" + line, err=True)


def _print(text: str, err: bool) -> None:
    try:
        print(text, end="", file=sys.stderr if err else sys.stdout, flush=True)
    except OSError:
        if not err:
            raise
        silence(sys.stderr)  # a closed terminal: there is nobody to tell


def silence(stream: TextIO) -> None:
    """Send what is still written on a stream nowhere, the interpreter's own last flush too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(note: str) -> None:
    """Print a note or an error of tagger's own on standard error."""
    echo(f"tagger: {_IN_PYTHON.sub('', note)}", err=True)


def write_data(data: bytes) -> None:
    """Write UTF-8 data on standard output: as it is, but on a terminal as `shown`."""
    if sys.stdout.isatty():
        echo(data.decode("utf-8", "replace"), end="")
        return
    rest = memoryview(data)
    while rest:  # with PYTHONUNBUFFERED a write may end early, as where the reader goes
        rest = rest[sys.stdout.buffer.write(rest) :]


def write_json(text: str) -> None:
    """Write JSON on standard output like `write_data`; a lone surrogate is an escape."""
    write_data(text.rstrip("\n").encode("utf-8", "backslashreplace") + b"\n")
