"""tagger train: labelled sentences in, a model folder out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import options
from tagger.errors import ConfigError, OutputError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.schema import Schema
    from tagger.training.search import Progress, Trial

# What labels that are not ours gain from: measured on sentence subjectivity (README).
_DEFAULT_FEATURES = {"lexicons": ["claims", "themes"], "vectors": "words-en"}


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
@click.option("--search", "wants_search", is_flag=True, help="Try a grid of settings first.")
@click.option(
    "--target-precision",
    "targets",
    multiple=True,
    metavar="LABEL=P",
    help="Set a label's threshold for a precision, such as military=0.9.",
)
@click.option("--learning-curve", "wants_curve", is_flag=True, help="Measure with less data too.")
@click.option("--report", metavar="DIR", help="Write the cross-validation's report as a page too.")
@options.seed("Decides the folds.")
@options.jobs(-1)
def command(
    data: tuple[str, ...],
    output: str | None,
    schema: str | None,
    save_schema: str | None,
    config: str | None,
    settings: tuple[str, ...],
    columns: tuple[str, ...],
    wants_search: bool,
    targets: tuple[str, ...],
    wants_curve: bool,
    report: str | None,
    seed: int,
    jobs: int,
) -> None:
    """Train a model on labelled sentences.

    DATA are JSONL, CSV, TSV or Parquet files, or folders of them: one sentence a row,
    with the columns text, one for each task, and if possible doc (the document).

    \b
    tagger train data/corpus --output models/mine
    tagger train tweets.csv --column text=tweet --search --output models/tweets
    tagger train tweets.csv --save-schema tweets.toml
    """
    from dataclasses import replace

    from rich.console import Console

    from tagger.cli.schemas import find_schema, override, read_toml
    from tagger.cli.tables import score_table
    from tagger.corpus.corpus import read_corpus
    from tagger.corpus.guess import schema_toml
    from tagger.evaluation.report.html import require_plots
    from tagger.evaluation.report.make import training_report
    from tagger.evaluation.report.values import HTML, write_files
    from tagger.files.formats import expand
    from tagger.files.tagged import atomic_write
    from tagger.model.model import CARD
    from tagger.training.search import learning_curve, search
    from tagger.training.train import TrainingSettings, train

    if not output and not save_schema:
        raise click.UsageError("give --output DIR for the model, or --save-schema FILE.toml")
    if output and Path(output).exists() and not Path(output).is_dir():
        raise OutputError(f"{output}: is a file, expected a folder to save the model in")
    if report:
        require_plots()
    files = expand(list(data))
    raw = read_toml(config) if config else {}
    found, named, guess = find_schema(schema, files, columns, raw, config or "")
    if guess:
        click.echo(guess, err=True)
    if save_schema:
        with atomic_write(save_schema) as stream:
            stream.write(schema_toml(found, named).encode())
        click.echo(f"{save_schema}: the schema, to read, mend and give with --schema")
    if not output:
        return
    if isinstance(raw.setdefault("features", {}), dict):
        raw["features"] = _DEFAULT_FEATURES | raw["features"]
    override(raw, settings)
    _set_targets(raw, targets, found)
    chosen = TrainingSettings.from_dict(raw)
    corpus = read_corpus(files, found, named)
    console = Console(stderr=True, highlight=False)
    about: dict[str, Any] = {"columns": named.to_dict()}
    if wants_search:
        with _bar(console, "searching") as progress:
            chosen, trials = search(corpus, chosen, seed, jobs, progress)
        _show_trials(console, trials)
        about["search"] = [trial.to_dict() for trial in trials]
    curve: list[dict[str, Any]] = []
    if wants_curve:
        with _bar(console, "learning curve") as progress:
            curve = learning_curve(corpus, chosen, seed, jobs, progress)
        if curve:
            _show_curve(console, curve)
    with console.status("") as status:
        training = train(corpus, chosen, seed, jobs, status.update)
        training = replace(
            training, model=replace(training.model, about=training.model.about | about)
        )
        status.update("measuring")
        evaluation, reports = training_report(
            training.model,
            corpus,
            training.out_of_fold,
            training.fold_of,
            seed=seed,
            learning_curve=curve,
            html=bool(report),
        )
    training.model.save(output, reports.pop(CARD))
    if report:
        write_files(report, reports)
    reports.pop(HTML, None)
    write_files(output, reports)
    console.print(score_table(evaluation.tasks, f"Cross-validation by {evaluation.resampled[:-1]}"))
    click.echo(f"{output}: model {training.model.id}, from {len(corpus)} sentences")


def _set_targets(raw: dict[str, Any], targets: Sequence[str], schema: "Schema") -> None:
    """Put ``LABEL=P`` or ``TASK.LABEL=P`` into a configuration."""
    known = {f"{t.name}.{label}": (t, label) for t in schema.tasks for label in t.labels}
    for target in targets:
        name, equals, number = target.rpartition("=")
        try:
            wanted = float(number) if equals else None
        except ValueError:
            wanted = None
        if wanted is None:
            raise ConfigError(f"target precision is {target!r}, expected LABEL=P such as war=0.9")
        fits = [pair for full, pair in known.items() if name in (full, pair[1])]
        if not fits:
            labels = [label for _, label in known.values()]
            raise ConfigError(f"there is no label {name!r}: {did_you_mean(name, labels)}")
        if len(fits) > 1:
            tasks = ", ".join(f"{task.name}.{label}" for task, label in fits)
            raise ConfigError(f"the label {name!r} is one of several tasks, expected {tasks}")
        task, label = fits[0]
        options = raw.setdefault("tasks", {}).setdefault(task.name, {})
        options.setdefault("target_precision", {})[label] = wanted


@contextmanager
def _bar(console: "Console", what: str) -> Iterator["Progress"]:
    """Show a bar with the time left."""
    from rich import progress as rich

    counts = rich.MofNCompleteColumn(), rich.TimeRemainingColumn()
    parts = (rich.TextColumn(what), rich.BarColumn(), *counts)
    with rich.Progress(*parts, console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _show_curve(console: "Console", points: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="Learning curve: macro F1", title_justify="left", title_style="bold")
    tasks = [name for name in points[0] if name != "n"]
    for name in ("sentences", *tasks):
        table.add_column(name, justify="right")
    for point in points:
        table.add_row(f"{point['n']:,}", *(f"{point[task]:.3f}" for task in tasks))
    console.print(table)


def _show_trials(console: "Console", trials: Sequence["Trial"]) -> None:
    from rich.table import Table

    table = Table(title="Search", title_justify="left", title_style="bold")
    names = list(trials[0].options)
    for name in ("task", *names):
        table.add_column(name)
    table.add_column("macro F1", justify="right")
    for task in dict.fromkeys(trial.task for trial in trials):
        own = [trial for trial in trials if trial.task == task]
        for i, trial in enumerate(own):
            values = (str(trial.options[name]) for name in names)
            table.add_row(task, *values, f"{trial.macro_f1:.3f}", style="" if i else "bold")
        table.add_section()
    console.print(table)
