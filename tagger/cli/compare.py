"""tagger compare: two models, or two reports, on the same sentences."""

from pathlib import Path
from typing import Any

import click

from tagger.cli import options
from tagger.cli.progress import working
from tagger.cli.terminal import echo, write_json
from tagger.document import answer_name
from tagger.evaluation.compare import TaskComparison

_KINDS = {"better": "green", "worse": "red", "otherwise": "yellow"}


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("data", nargs=-1)
@options.output_format("table", "json")
@click.option("--output", "-o", metavar="DIR", help="Folder for comparison.json and figures.csv.")
@click.option(
    "--second-reader",
    "rereads",
    type=click.Choice(["none", "doubtful", "all"]),
    multiple=True,
    help="Let the models' encoders reread; given twice, first for A, then for B (extra encoder).",
)
@click.option("--show", type=click.IntRange(0), default=5, help="Sentences shown a kind. [5]")
@options.rounds()
@options.seed("Of the bootstrap.")
@options.columns()
@options.skip_bad_rows()
@options.encoding()
@options.force()
def command(
    a: str,
    b: str,
    data: tuple[str, ...],
    output_format: str,
    output: str | None,
    force: bool,
    rereads: tuple[str, ...],
    show: int,
    encoding: str | None,
    **how: Any,
) -> None:
    """Compare two models on labelled sentences, or two reports on the same ones.

    A and B are folders that `tagger evaluate --output` wrote, or with DATA two model
    folders. Differences come with 95 % intervals by paired bootstrap over documents and
    the p-value of a permutation test; then the sentences that changed.

    \b
    tagger compare report-old report-new
    tagger compare models/old models/new test.jsonl --output comparison
    tagger compare models/new models/new test.jsonl --second-reader none --second-reader all
    """
    from tagger.evaluation.compare import COMPARISON, FIGURES, compare
    from tagger.predictor import Tagger
    from tagger.targets import check_free

    if not data:
        options.refuse(("skip_bad_rows", "columns", "rereads", "encoding"), "two reports")
    if len(rereads) > 2:
        raise click.UsageError("--second-reader is given more than twice: once for both, or A, B")
    first, second = (None if given == "none" else given for given in (*rereads * 2, None, None)[:2])
    (paths,) = options.files(encoding, data)
    written = [Path(output) / name for name in (COMPARISON, FIGURES)] if output else []
    check_free(written, force)
    sides = (Tagger.load(a, first), Tagger.load(b, second), paths) if data else (a, b)
    with working("comparing"):
        comparison = compare(*sides, **how)
    options.say_read(comparison.notes, comparison.skipped, warnings=comparison.warnings)
    if output:
        comparison.save(output, force)
    if output_format == "json":
        write_json(comparison.to_json())
        return
    for name, side, reread in (("A", a, first), ("B", b, second)):
        echo(f"{name}: {side}" + (f", second reader {reread}" if reread else ""))
    for task in comparison.tasks:
        _show(task, show)


def _show(task: TaskComparison, n: int) -> None:
    from rich.padding import Padding

    from tagger.cli.console import Console, Table, styled
    from tagger.cli.tables import versus_line
    from tagger.evaluation.figures import FIGURE_NAMES
    from tagger.evaluation.report.markdown import number

    console = Console()
    table = Table(title=f"{task.task}: {task.n} sentences")
    table.add_column("", min_width=12)
    for name in ("A", "B", "difference", "95 % interval", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    names = FIGURE_NAMES | {k: f"F1 {k[3:]}" for k in task.figures if k.startswith("f1.")}
    for name, d in ((k, task.figures[k]) for k in names if k in task.figures):
        between = "" if d.low is None else f"[{d.low:+.3f}, {d.high:+.3f}]"
        p = "" if d.p is None else f"{d.p:.3f}"
        moved = "" if d.difference is None else f"{d.difference:+.3f}"
        table.add_row(names[name], number(d.a), number(d.b), moved, between, p)
    console.print(table)
    echo(versus_line(task.task, "B", "A", task.figures["macro_f1"]))
    console.print(
        f"{task.better} better, {task.worse} worse (McNemar p = {task.mcnemar_p:.3g}), "
        f"{task.otherwise} wrong in another way\n"
    )
    for kind, style in _KINDS.items():
        own = [change for change in task.changes if change.kind == kind]
        for change in own[:n]:
            before, after, gold = map(answer_name, (change.a, change.b, change.gold))
            told = styled(f"{before} -> {after}, gold {gold}", "default")
            console.print(styled(f"{kind}: ", style).append(told))
            console.print(Padding.indent(styled(" ".join(change.text.split()), "default"), 4))
        if len(own) > n:
            console.print(f"... and {len(own) - n} more {kind}\n", style="dim")
