"""tagger help: how a command is used."""

import click

from tagger.cli.terminal import echo


@click.command()
@click.argument("names", nargs=-1, metavar="[COMMAND]")
def command(names: tuple[str, ...]) -> None:
    """Show how a command is used, as COMMAND --help does.

    \b
    tagger help predict
    """
    context = click.get_current_context().parent
    assert context is not None
    if names:
        assert isinstance(context.command, click.Group)
        name, found, _ = context.command.resolve_command(context, list(names[:1]))
        assert found is not None
        context = click.Context(found, info_name=name, parent=context)
    echo(context.get_help())
