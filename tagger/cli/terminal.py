"""What people read on a terminal: it can neither drive the terminal nor break its encoding."""

import io
import os
import re
import sys

# Controls but tab and line end (C0, DEL, C1), marks that turn or break a line, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)


def prepare() -> None:
    """Let standard output and error escape what their encoding lacks, and be there."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def shown(text: str, encoding: str = "utf-8") -> str:
    r"""Return text as a terminal may show it: a control character is ``\u001b`` or the like.

    What the encoding lacks is escaped too. The escapes are those of JSON.
    """
    text = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def echo(text: str, err: bool = False, end: str = "\n") -> None:
    """Print what people read, on standard output or error."""
    print(shown(text), end=end, file=sys.stderr if err else sys.stdout, flush=True)


def say(note: str) -> None:
    """Print a note or an error of tagger's own on standard error."""
    echo(f"tagger: {note}", err=True)


def write_data(data: bytes) -> None:
    """Write UTF-8 data on standard output: as it is, but on a terminal as `shown`."""
    if sys.stdout.isatty():
        echo(data.decode("utf-8", "replace"), end="")
    else:
        sys.stdout.buffer.write(data)


def write_json(text: str) -> None:
    """Write JSON on standard output like `write_data`; a lone surrogate is an escape."""
    write_data(text.rstrip("\n").encode("utf-8", "backslashreplace") + b"\n")
