"""tagger evaluate: a model measured on labelled sentences."""

import click

from tagger.cli import options


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--model", metavar="DIR", help="Model folder; the shipped model by default.")
@click.option("--output", "-o", metavar="DIR", help="Folder for the report.")
@click.option("--check", metavar="DIR", help="Make the report in DIR again; fail where it differs.")
@click.option(
    "--slice",
    "slices",
    multiple=True,
    metavar="COLUMN",
    help="Score each value of a column by itself; length and year are always known. "
    "[every column of few values]",
)
@click.option(
    "--baseline-data",
    multiple=True,
    metavar="DATA",
    help="Training data for the baselines. [cross-validation on DATA]",
)
@click.option("--no-baselines", is_flag=True, help="Leave the baselines out: much faster.")
@click.option("--no-plots", is_flag=True, help="Leave report.html out.")
@options.rounds()
@options.seed("Of bootstrap and chance.")
@options.columns()
def command(
    data: tuple[str, ...],
    model: str | None,
    output: str | None,
    check: str | None,
    slices: tuple[str, ...],
    baseline_data: tuple[str, ...],
    no_baselines: bool,
    no_plots: bool,
    rounds: int,
    seed: int,
    columns: tuple[str, ...],
) -> None:
    """Measure a model on labelled sentences.

    DATA are JSONL, CSV, TSV or Parquet files, or folders of them: one sentence a row,
    with the column text and one for each task of the model. The report says how far the
    tags can be trusted: figures with intervals, baselines, plots, the worst errors. It is
    written as report.json, report.md, report.html and answers.jsonl (sentence by sentence).

    \b
    tagger evaluate test.jsonl
    tagger evaluate --model models/mine test.jsonl --output report
    tagger evaluate --model models/mine test.jsonl --check report
    """
    from rich.console import Console

    from tagger.cli.tables import score_table
    from tagger.corpus.corpus import Columns, read_corpus
    from tagger.evaluation.report.make import check_report, model_report, write_files
    from tagger.evaluation.report.render import require_plots
    from tagger.files.formats import expand
    from tagger.predictor import Tagger

    html = bool(output) and not no_plots
    if html:
        require_plots()
    loaded = Tagger.load(model).model
    named = Columns.parse(columns, loaded.about.get("columns"))
    corpus = read_corpus(expand(list(data)), loaded.schema, named)
    training = None
    if baseline_data:
        training = read_corpus(expand(list(baseline_data)), loaded.schema, named)
    if check:
        for note in check_report(check, loaded, corpus, training):
            click.echo(f"tagger: {note}", err=True)
        click.echo(f"{check}: the report is reproduced")
        return
    evaluation, files = model_report(
        loaded,
        corpus,
        slices=slices,
        rounds=rounds,
        seed=seed,
        baselines=not no_baselines,
        training=training,
        html=html,
    )
    if output:
        write_files(output, files)
    Console().print(score_table(evaluation.tasks, f"{len(corpus)} sentences, model {loaded.id}"))
    for warning in evaluation.warnings:
        click.echo(f"tagger: warning: {warning}", err=True)
