"""The command `tagger` itself: which commands there are, and how they fail."""

import errno
import gc
import io
import signal
import sys
from importlib import import_module
from typing import Any

import click

from tagger import __version__
from tagger.cli.stop import Stopped, end_on_signals, ending, stop_behind
from tagger.cli.terminal import echo, prepare, say, silence
from tagger.errors import TaggerError, did_you_mean

COMMANDS = {
    "predict": "Tag the sentences of articles.",
    "check": "Look labelled sentences over before training.",
    "train": "Train a model on labelled sentences.",
    "evaluate": "Measure a model on labelled sentences.",
    "stats": "Show the shares of labels in tagged sentences, and what drifted.",
    "compare": "Compare two models or two reports.",
    "info": "Show what a model is.",
    "review": "Read, correct and teach on a page in the browser.",
    "serve": "Answer other programs over HTTP.",
    "export": "Save a model as a scikit-learn Pipeline.",
    "help": "Show how a command is used.",
}


def _given(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse an empty value, as an unset variable gives: it would mean this folder, or all."""
    if parameter.name != "keep" and "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("found an empty value: is a variable unset?")
    return value


class LazyGroup(click.Group):
    """Imports a command only when it is called: help and `predict` start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of a first use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command, or only describe it where all are listed."""
        if name not in COMMANDS:
            return None
        # Imports make many objects that all stay: looking for garbage among them takes long.
        gc.disable()
        command: click.Command = import_module(f"tagger.cli.{name}").command
        for parameter in command.params:
            parameter.callback = _given
        gc.freeze()
        gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; of one that is none, name the nearest."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no such command {args[0]!r}: {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="claim-tagger")
def cli() -> None:
    """Tag the sentences of news: fact, interpretation or speculation, and themes.

    \b
    tagger predict article.txt
    tagger train data/*.jsonl --output models/mine
    tagger evaluate --model models/mine test.jsonl --output report
    """


def _run() -> Any:
    try:
        return cli.main(standalone_mode=False)
    except Exception as error:
        if (stop := stop_behind(error)) is None:
            raise
        raise stop from None


def main() -> None:
    """Run the command line; exit 0, 1 with a clear error, 2 on wrong usage, 128 + a signal."""
    prepare()
    try:
        end_on_signals()
        code = _run()
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        message = io.StringIO()  # it may repeat what was typed
        error.show(message)
        echo(message.getvalue(), err=True, end="")
        code = error.exit_code
    except TaggerError as error:
        say(str(error))
        code = 1
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        code = 128 + signal.SIGINT
    except Stopped as stop:
        say(str(stop))
        code = stop.code
    except (BrokenPipeError, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != 1:
            code = stop.code
        else:
            # The reader has seen enough (| head), which click itself may turn into an exit
            # with 1: silence the interpreter's own flush.
            silence(sys.stdout)
            code = 128 + signal.SIGPIPE
    except MemoryError:
        say("out of memory")
        code = 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        # It was closed: `prepare` has one that nothing can be written on.
        if error.errno == errno.EBADF and not error.filename:
            silence(sys.stdout)
            place = "standard output: "
        say(f"{place}{error.strerror or error}")
        code = 1
    ending()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        say(f"standard output: {error.strerror}")
        code = 1
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
