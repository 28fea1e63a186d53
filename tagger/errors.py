"""The exception tree.

TaggerError
├── DataError      text or labelled data that cannot be used as it is
├── ModelError     a model folder that cannot be loaded
├── ConfigError    a configuration or schema that does not hold together
└── OutputError    a result that cannot be written

A DataError and a ConfigError are a ValueError too, as Python and scikit-learn raise it
for a bad argument.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any


class TaggerError(Exception):
    """Base of every error that tagger raises on purpose."""


class DataError(TaggerError, ValueError):
    """Text or labelled data that cannot be used as it is."""


class ModelError(TaggerError):
    """A model folder that cannot be loaded."""


class ConfigError(TaggerError, ValueError):
    """A configuration or schema that does not hold together."""


class OutputError(TaggerError):
    """A result that cannot be written."""


def n_of(n: int, what: str) -> str:
    """Return a number and what it counts, of which all but one are several."""
    head, that, rest = what.partition(" that ")
    return f"{n:,} {head}{'s' * (n != 1)}{that}{rest}"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return a hint that names the known value nearest to `found`, or all of them."""
    from difflib import get_close_matches

    known = list(known)
    folded = {name.casefold(): name for name in reversed(known)}
    near = get_close_matches(found.casefold(), folded, n=1, cutoff=0.65)
    return f"did you mean {folded[near[0]]!r}?" if near else f"expected one of {', '.join(known)}"


@cache  # asked for each file of a kind that cannot be read
def install_command(extra: str) -> str:
    """Return the command that installs an extra from where this tagger came from.

    Parameters
    ----------
    extra : a name of pyproject.toml's optional dependencies.
    """
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path
    from shlex import quote
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    package = "claim-tagger"
    place, own = Path(__file__).parent.parent, ""
    project = place / "pyproject.toml"
    if project.is_file() and f'name = "{package}"' in project.read_text("utf-8", "replace"):
        own = "--editable "  # a copy would no longer be the code that is edited here
    else:
        try:
            told = distribution(package).read_text("direct_url.json")
        except PackageNotFoundError:
            told = None
        if not told:  # pip writes none of what an index gave
            return f"pip install '{package}[{extra}]'"
        source = json.loads(told)
        url = urlsplit(source["url"])
        if url.scheme != "file":
            vcs = source.get("vcs_info", {})
            kind, revision = f"{vcs['vcs']}+" if vcs else "", ""
            if vcs:
                revision = f"@{vcs.get('requested_revision') or vcs['commit_id']}"
            return "pip install " + quote(f"{package}[{extra}] @ {kind}{source['url']}{revision}")
        place = Path(url2pathname(url.path))
        if not place.exists():
            return f"pip install '.[{extra}]' in a checkout of tagger"
    try:
        here = "." if place == Path.cwd() else str(place)
    except OSError:  # the working folder is gone
        here = str(place)
    return f"pip install {own}" + quote(f"{here}[{extra}]")


@contextmanager
def importing(extra: str, what: str, kind: type[TaggerError] = ConfigError) -> Iterator[None]:
    """Import inside what an extra installs, or raise an error that says `what` needs it."""
    try:
        yield
    except ImportError:
        raise kind(f"{what}: {install_command(extra)}") from None


def required(name: str, extra: str, what: str, kind: type[TaggerError] = ConfigError) -> Any:
    """Return a module that an extra installs, or raise an error that says `what` needs it."""
    with importing(extra, what, kind):
        return import_module(name)
