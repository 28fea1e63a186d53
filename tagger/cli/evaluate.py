"""tagger evaluate: a model measured on labelled sentences."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import options
from tagger.cli.progress import working
from tagger.cli.terminal import echo, say

if TYPE_CHECKING:
    from tagger.model.model import Model

_SETTLED = ("output", "slices", "no_baselines", "no_plots", "force", "rounds", "seed")


@click.command()
@click.argument("data", nargs=-1, required=True)
@options.model()
@options.second_reader()
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
@options.force()
@options.rounds()
@options.seed("Of bootstrap and chance.")
@options.columns()
@options.skip_bad_rows()
@options.encoding()
def command(
    data: tuple[str, ...],
    model: str | None,
    output: str | None,
    check: str | None,
    slices: tuple[str, ...],
    baseline_data: tuple[str, ...],
    no_baselines: bool,
    no_plots: bool,
    force: bool,
    rounds: int,
    seed: int,
    **read: Any,
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
    from tagger.cli.console import Console
    from tagger.cli.tables import score_table
    from tagger.evaluation.evaluate import evaluate
    from tagger.evaluation.report.html import require_plots
    from tagger.evaluation.report.markdown import verdicts
    from tagger.evaluation.report.values import FILES, HTML, MARKDOWN
    from tagger.predictor import Tagger
    from tagger.targets import check_free

    if no_baselines and baseline_data:
        raise click.UsageError("--baseline-data is for baselines: leave it or --no-baselines out")
    loaded = Tagger.load(model, read.pop("second_reader")).model
    paths, read["baseline_data"] = options.files(read.pop("encoding"), data, baseline_data)
    if check:
        _reproduce(check, loaded, paths, read)
        return
    if output:  # before the work
        check_free([Path(output) / name for name in FILES], force)
        if not no_plots:
            require_plots()
    with working("measuring the model"):
        how = {"slices": slices, "rounds": rounds, "seed": seed, **read}
        made = evaluate(loaded, paths, baselines=not no_baselines, **how)
    options.say_read(made.notes, made.skipped, output, made.warnings)
    if output:
        made.save(output, not no_plots, force)
    n = made.report["about"]["data"]["n_sentences"]
    Console().print(score_table(made.evaluation.tasks, f"{n} sentences, model {loaded.id}"))
    for verdict in verdicts(made.report):
        echo(verdict)
    if learned := made.report["about"].get("baselines"):
        echo(f"the baselines {learned}")
    if output:
        page = Path(output) / (MARKDOWN if no_plots else HTML)
        say(f"{page}: the report{'' if no_plots else '; open it in a browser'}")


def _reproduce(folder: str, model: "Model", data: Any, read: dict[str, Any]) -> None:
    from tagger.evaluation.evaluate import check_report

    options.refuse(_SETTLED, "--check, which repeats what the report was made with")
    with working("making the report again"):
        notes = check_report(folder, model, data, **read)
    options.say_read(notes)
    echo(f"{folder}: the report is reproduced")
