"""Options that several commands take, each written once."""

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.core import ParameterSource

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def columns() -> Decorator:
    """Name the columns of the data: ``columns``, pairs FIELD=NAME."""
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=NAME",
        help="Column that holds text, doc or a task, where it has another name.",
    )


def model() -> Decorator:
    """Name the model: ``model``."""
    return click.option(
        "--model", metavar="DIR", help="Model folder; the shipped model by default."
    )


def n_bytes(name: str, default: int, of: str) -> Decorator:
    """Set a number of bytes."""
    kind = click.IntRange(1)
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
        "--rounds", type=click.IntRange(0), default=1000, help="Of the bootstrap. [1000]"
    )


def output_format(*names: str) -> Decorator:
    """Choose what is printed: ``output_format``."""
    return click.option("--format", "output_format", type=click.Choice(names), default=names[0])


def refuse(names: Iterable[str], beside: str) -> None:
    """Raise a UsageError for options that were named although they do nothing beside another."""
    context = click.get_current_context()
    for parameter in context.command.params:
        named = context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
        if parameter.name in names and named:
            raise click.UsageError(f"{parameter.opts[0]} is not for {beside}: leave it out")
