"""Options that several commands take, each written once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tagger.cli.terminal import say
from tagger.errors import ConfigError, install_command, n_of

if TYPE_CHECKING:
    from tagger.files import Reject

_MAX_SHOWN = 10

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def columns(of: str = "the data") -> Decorator:
    """Name the columns of what is labelled: ``columns``, pairs FIELD=NAME."""
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=NAME",
        help=f"Column of {of} that holds text, doc or a task, where it has another name; a task "
        "given again has a column of 0 and 1 for each label. label_separator=; parts labels in "
        "a cell.",
    )


def skip_bad_rows(of: str = "") -> Decorator:
    """Leave out rows that cannot be used: ``skip_bad_rows``."""
    return click.option(
        "--skip-bad-rows",
        is_flag=True,
        help=f"Leave out rows {of}that cannot be used, at most half of them, and say which.",
    )


def encoding() -> Decorator:
    """Say in which encoding texts are: ``encoding``."""
    return click.option(
        "--encoding",
        metavar="NAME",
        help="Character encoding, such as cp1250. [guessed from the bytes]",
    )


def files(encoding: str | None, *groups: Sequence[str]) -> list[Any]:
    """Return paths of labelled data in the encoding that is named, None where there are none."""
    from tagger.corpus.rows import Files

    return [(Files(tuple(paths), encoding or "") if paths else None) for paths in groups]


def say_read(
    notes: Iterable[str],
    skipped: Sequence["Reject"] = (),
    output: str | None = None,
    warnings: Iterable[str] = (),
) -> None:
    """Say what was found in data, warn, and name the first rows that were left out."""
    for note in (*notes, *(f"warning: {warning}" for warning in warnings)):
        say(note)
    for reject in skipped[:_MAX_SHOWN]:
        say(f"{reject.where}: {reject.reason}")
    if skipped:
        n = sum(reject.n_rows for reject in skipped)
        more = " (the first are above)" if len(skipped) > _MAX_SHOWN else ""
        kept = f", kept in {output}.rejects.jsonl" if output else ""
        say(f"{n_of(n, 'row')} left out{more}{kept}")


def model(which: str = "; the shipped model by default") -> Decorator:
    """Name the model: ``model``."""
    blank = "" if which[0] in ";," else " "
    return click.option("--model", metavar="DIR", help=f"Model folder{blank}{which}.")


def one_model(named: str | None, option: str | None) -> str | None:
    """Return the model folder that is named as argument or by --model, which mean the same."""
    if named and option:
        raise click.UsageError("the model is named twice: as MODEL and with --model")
    return named or option


def second_reader(what: str = "") -> Decorator:
    """Let an encoder reread: ``second_reader``."""
    return click.option(
        "--second-reader",
        type=click.Choice(["doubtful", "all"]),
        help=what or "Let the model's encoder reread what is in doubt, or all (extra encoder).",
    )


def number(name: str, default: int, of: str, low: int = 1, high: int | None = None) -> Decorator:
    """Set a whole number."""
    kind = click.IntRange(low, high)
    return click.option(name, type=kind, default=default, metavar="N", help=f"{of} [{default}]")


def seed(of: str) -> Decorator:
    """Seed what is drawn: ``seed``."""
    return click.option("--seed", type=click.IntRange(0), default=0, help=f"{of} [0]")


def jobs(default: int) -> Decorator:
    """Set the number of processes: ``jobs``."""
    return click.option(
        "--jobs",
        type=int,
        default=default,
        metavar="N",
        help=f"Processes, -1 for one a core. [{default}]",
    )


def rounds() -> Decorator:
    """Set the rounds of the bootstrap: ``rounds``."""
    return click.option(
        "--rounds",
        type=click.IntRange(0),
        default=1000,
        help="Bootstrap samples for the intervals. [1000]",
    )


def output_format(*names: str) -> Decorator:
    """Choose what is printed: ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(names),
        default=names[0],
        help=f"How to print. [{names[0]}]",
    )


@contextmanager
def needing(command: str) -> Iterator[None]:
    """Import inside what the extra that is called as the command installs."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "tagger":
            raise
        raise ConfigError(
            f"tagger {command} needs {error.name}: {install_command(command)}"
        ) from None


def force() -> Decorator:
    """Allow what is there to be replaced: ``force``."""
    return click.option("--force", is_flag=True, help="Replace files that are there already.")


def refuse(names: Iterable[str], beside: str) -> None:
    """Raise a UsageError for options that were named although they do nothing beside another."""
    for parameter in click.get_current_context().command.params:
        if parameter.name in names and was_given(parameter.name or ""):
            raise click.UsageError(f"{parameter.opts[0]} is not for {beside}: leave it out")


def was_given(name: str) -> bool:
    """Return whether the user named an option, even with the value that it has by default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT
