"""tagger evaluate: a model measured on labelled sentences."""

import click

from tagger.cli import options

_SETTLED = ("output", "slices", "no_baselines", "no_plots", "rounds", "seed")


@click.command()
@click.argument("data", nargs=-1, required=True)
@options.model()
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

    DATA are files or folders of them: one sentence a row, with the column text and one for
    each task of the model. The report says how far the tags can be trusted: figures with
    intervals, baselines, plots, the worst errors (report.json, .md, .html, answers.jsonl).

    \b
    tagger evaluate test.jsonl
    tagger evaluate --model models/mine test.jsonl --output report
    tagger evaluate --model models/mine test.jsonl --check report
    """
    from rich.console import Console

    from tagger.cli.tables import score_table, versus_lines
    from tagger.evaluation.evaluate import check_report, evaluate
    from tagger.evaluation.report.html import require_plots
    from tagger.predictor import model_of

    loaded = model_of(model)
    learn_from = list(baseline_data) or None
    if check:
        options.refuse(_SETTLED, "--check, which repeats what the report was made with")
        named = {"columns": columns, "baseline_data": learn_from}
        for note in check_report(check, loaded, list(data), **named):
            click.echo(f"tagger: {note}", err=True)
        click.echo(f"{check}: the report is reproduced")
        return
    if output and not no_plots:
        require_plots()  # before the work
    made = evaluate(
        loaded,
        list(data),
        columns=columns,
        slices=slices,
        baselines=not no_baselines,
        baseline_data=learn_from,
        rounds=rounds,
        seed=seed,
    )
    for warning in made.warnings:
        click.echo(f"tagger: warning: {warning}", err=True)
    if output:
        made.save(output, plots=not no_plots)
    n = made.report["about"]["data"]["n_sentences"]
    Console().print(score_table(made.evaluation.tasks, f"{n} sentences, model {loaded.id}"))
    for line in versus_lines(made.evaluation):
        click.echo(line)
