"""tagger train: labelled sentences in, a model folder out."""

import tomllib
from pathlib import Path
from typing import Any

import click

from tagger.errors import ConfigError, OutputError


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--output", "-o", metavar="DIR", required=True, help="Folder to save the model in.")
@click.option("--config", metavar="FILE.toml", help="Schema and settings; see the README.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Decides the folds. [0]")
@click.option("--jobs", type=int, default=-1, help="Processes, -1 for one a core. [-1]")
def command(data: tuple[str, ...], output: str, config: str | None, seed: int, jobs: int) -> None:
    """Train a model on labelled sentences.

    DATA are JSONL, CSV or TSV files, or folders of them: one sentence a row, with
    the columns text, one for each task, and if possible doc (the document).

    \b
    tagger train data/corpus --output models/mine
    tagger train tweets.csv --config tweets.toml --output models/tweets
    """
    from rich.console import Console

    from tagger.cli.reports import training_report, write_files
    from tagger.cli.tables import score_table
    from tagger.corpus import read_corpus
    from tagger.files.formats import expand
    from tagger.report import model_card
    from tagger.schema import CLAIMS, Schema
    from tagger.training import TrainingSettings, train

    raw = _read_config(config) if config else {}
    schema = Schema.from_dict(raw.pop("schema")) if "schema" in raw else CLAIMS
    settings = TrainingSettings.from_dict(raw)
    if Path(output).exists() and not Path(output).is_dir():
        raise OutputError(f"{output}: is a file, expected a folder to save the model in")
    corpus = read_corpus(expand(list(data)), schema)
    console = Console(stderr=True)
    with console.status("") as status:
        training = train(corpus, settings, seed, jobs, status.update)
    evaluation, files = training_report(training, corpus, seed=seed)
    training.model.save(output, model_card(training.model, evaluation.tasks))
    write_files(output, files)
    console.print(score_table(evaluation.tasks, "Cross-validation by document"))
    click.echo(f"{output}: model {training.model.id}, from {len(corpus)} sentences")


def _read_config(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
