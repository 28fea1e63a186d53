"""tagger stats: how often each label occurs in tagged sentences, and what drifted."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import click

from tagger.cli import options
from tagger.cli.progress import working
from tagger.cli.terminal import echo, write_data, write_json
from tagger.errors import n_of

_OF_REFERENCE = "columns", "skip_bad_rows"
_OF_GROUPS = "outlet_column", "date_column", "day_first"


@click.command()
@click.argument("output")
@options.model("that tagged it; by default its manifest tells")
@options.second_reader("The --second-reader that tagged it, beside --model or the shipped model.")
@click.option(
    "--by",
    multiple=True,
    metavar="WHAT",
    help="What to group by: all, document, month (of the date), any column, or several joined by "
    "commas for their cross (a name with a comma in quotes); may be given again. [all, outlet and "
    "month where there are any]",
)
@click.option(
    "--reference",
    multiple=True,
    metavar="DATA",
    help="Labelled sentences of the same kind of text, to correct the shares by.",
)
@options.columns("the reference")
@options.skip_bad_rows("of the reference ")
@click.option(
    "--outlet-column", default="outlet", metavar="NAME", help="Column of the outlet. [outlet]"
)
@click.option("--date-column", default="date", metavar="NAME", help="Column of the date. [date]")
@click.option(
    "--day-first/--month-first",
    "day_first",
    default=None,
    help="Whether 05/01/2024 is of January or of May. [refused where it matters]",
)
@click.option("--compare", metavar="OTHER", help="An earlier tagged file: show what drifted.")
@click.option(
    "--plots", metavar="DIR", help="Draw the shares by --by, or by month, as SVG and PDF."
)
@options.output_format("table", "json", "csv")
@options.force()
def command(
    output: str,
    model: str | None,
    second_reader: str | None,
    by: tuple[str, ...],
    reference: tuple[str, ...],
    compare: str | None,
    plots: str | None,
    output_format: str,
    force: bool,
    **how: Any,
) -> None:
    """Show the shares of labels in what `tagger predict` wrote.

    OUTPUT is a tagged JSONL, CSV or Parquet file. Shares come raw and, where the model's
    errors on such text are known, corrected for them, each with its 95 % interval.

    \b
    tagger stats tagged.parquet
    tagger stats tagged.parquet --by outlet --by outlet,month --format csv
    tagger stats tagged.parquet --by outlet --reference labelled.jsonl
    tagger stats march.parquet --compare february.parquet
    tagger stats tagged.parquet --by month --plots figures
    """
    tagged_by = _tagged_by(model, second_reader)
    if compare is not None:
        options.refuse(("by", "plots", "reference", *_OF_REFERENCE, *_OF_GROUPS), "--compare")
        _drift(output, compare, tagged_by, output_format)
        return
    from tagger.evaluation.shares import MONTH, label_shares

    if not reference:
        options.refuse(_OF_REFERENCE, "shares without --reference")
    (known,) = options.files(None, reference)
    asked = by or ((MONTH,) if plots else ())
    with working("counting"):
        result = label_shares(output, tagged_by, by=asked, reference=known, **how)
    options.say_read(result.notes)
    shares = result.shares
    if plots:
        from tagger.evaluation.share_plots import plot_shares

        drawn = [way for way in asked if way != "all"] or asked
        for path in plot_shares(shares, plots, drawn, force):
            echo(str(path), err=True)
    if output_format == "table":
        _print_shares(shares)
    else:
        _print(result.to_rows(), output_format)


def _tagged_by(model: str | None, second_reader: str | None) -> Any:
    """Return what tagged an output: a folder, or the Tagger of a model and its second reader."""
    if second_reader is None:
        return model
    from tagger.predictor import Tagger

    return Tagger.load(model, second_reader)


def _drift(output: str, earlier: str, model: Any, output_format: str) -> None:
    from tagger.evaluation.drift import label_drift

    with working("counting"):
        moved = label_drift(output, earlier, model)
    options.say_read(moved.notes)
    if output_format == "table":
        _print_drift(moved.to_dict(), moved.changed)
    else:
        _print(moved.to_dict(), output_format)


def _print(rows: Sequence[dict[str, Any]], form: str) -> None:
    if form == "json":
        write_json(json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False))
        return
    from tagger.evaluation.report.values import csv_of

    write_data(csv_of(rows).encode("utf-8", "backslashreplace"))


def _percent(share: float | None, low: float | None, high: float | None) -> str:
    if share is None or low is None or high is None:
        return ""
    return f"{share * 100:5.1f} ({low * 100:.1f} to {high * 100:.1f})"


def _print_shares(shares: Sequence[Any]) -> None:
    """Print a line for each group, which may be as long as it is, and one for each label."""
    from tagger.cli.console import Console, Table, styled
    from tagger.markup import name_of

    console, header = Console(), True
    columns = ["task", "label", "% (95 % interval)"]
    columns += ["corrected"] * any(s.adjusted is not None for s in shares)
    names = {name: {name, *(getattr(s, name) for s in shares)} for name in columns[:2]}
    width = {k: max(console.render_str(x).cell_len for x in own) for k, own in names.items()}
    # A long name takes lines, not the room of the shares.
    room = max(console.width - 24 * len(columns[2:]) - 3, 24)
    width["task"] = min(width["task"], room // 3)
    width["label"] = min(width["label"], room - width["task"])
    for _, group in groupby(shares, lambda s: (s.by, s.group)):
        table, task = Table(box=None, pad_edge=False, show_header=header), ""
        for name in columns:
            table.add_column(name, width=width.get(name, 22))
        for s in group:
            row = [s.task if s.task != task else "", name_of(s.label)]
            # A share is padded, so that shares line up whatever their intervals.
            row += [_percent(s.raw, s.low, s.high)]
            row += [_percent(s.adjusted, s.adjusted_low, s.adjusted_high)]
            table.add_row(*row[: len(columns)])
            task, header = s.task, False
        name = ", ".join(f"{key}: {value}" for key, value in s.values.items()) or s.group
        size = f", {n_of(s.n_sentences, 'sentence')} of {n_of(s.n_documents, 'document')}"
        console.print(styled(name, "bold").append(size, style="default"))
        console.print(table)


def _print_drift(rows: Sequence[dict[str, Any]], moved: dict[str, Any]) -> None:
    from tagger.cli.console import Console, Table
    from tagger.markup import name_of

    console = Console()
    table = Table("label", "before", "after", "change in points (95 % interval)", "", box=None)
    for row in rows:
        table.add_row(
            name_of(row["label"]),
            f"{row['before']:.1%}",
            f"{row['after']:.1%}",
            "{:+.1f} ({:+.1f} to {:+.1f})".format(
                *(100 * x for x in (row["after"] - row["before"], row["low"], row["high"]))
            ),
            "drifted" if row["clear"] else "",
        )
    console.print(table)
    for task, pairs in moved.items():
        n, kept = sum(pairs.values()), sum(k for (a, b), k in pairs.items() if a == b)
        if not n:
            console.print(f"{task}: no sentence in common")
            continue
        console.print(
            f"{task}: {n - kept:,} of {n:,} sentences in common changed ({1 - kept / n:.2%})"
        )
        for (a, b), k in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
            if a != b:
                console.print(f"  {k:>8,}  {a or 'none'} -> {b or 'none'}")
