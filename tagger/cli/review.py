"""tagger review: a page on this machine to read, correct and teach with."""

import webbrowser

import click

from tagger.cli import options
from tagger.cli.terminal import echo, say
from tagger.files.folders import expand


@click.command()
@click.argument("paths", nargs=-1)
@options.model()
@click.option(
    "--store",
    metavar="FILE",
    default="review.sqlite",
    help="Keeps documents, decisions and versions; made where it is not there. [review.sqlite]",
)
@click.option(
    "--reader",
    metavar="NAME",
    default="reader",
    help="Your name; decisions are kept under it. [reader]",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the page. [a free one]"
)
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
def command(
    paths: tuple[str, ...], model: str | None, store: str, reader: str, port: int, opens: bool
) -> None:
    """Open a page to read articles with their tags, correct them and teach the model.

    PATHS are files of any kind that predict reads. The page is for this machine alone: open
    the address that is printed, which holds its token. Ctrl-C ends it; every decision is stored
    at once.

    \b
    tagger review articles/ --store campaign.sqlite
    tagger review --store campaign.sqlite --reader anna
    """
    with options.needing("review"):
        from tagger.review.run import open_desk, serve

    def ready(address: str) -> None:
        echo(address)
        if opens:
            webbrowser.open(address)

    desk = open_desk(store, model, say)
    say(f"{store}: every decision is kept here; Ctrl-C ends")
    try:
        serve(desk, expand(list(paths), say) if paths else [], model, reader, port, ready, say)
    finally:
        desk.store.close()
