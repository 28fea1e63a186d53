"""tagger check: labelled sentences looked over before training."""

import json
from collections.abc import Sequence
from typing import Any

import click

from tagger.cli import options
from tagger.cli.progress import working
from tagger.cli.terminal import echo, write_json
from tagger.errors import DataError, n_of
from tagger.training.findings import Finding

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--schema", metavar="FILE.toml", help="Tasks and labels. [guessed from the data]")
@click.option("--against", multiple=True, metavar="DATA", help="Test data that must share nothing.")
@click.option(
    "--label-errors", is_flag=True, help="Look for wrong labels too: trains a model, takes longer."
)
@options.output_format("table", "json")
@click.option("--strict", is_flag=True, help="Exit 1 where there is an error or a warning.")
@click.option("--show", type=click.IntRange(0), default=10, help="Findings shown a check. [10]")
@options.columns()
@options.skip_bad_rows()
@options.encoding()
@options.seed("Of the cross-validation.")
@options.jobs(1)
def command(
    data: tuple[str, ...],
    against: tuple[str, ...],
    output_format: str,
    strict: bool,
    show: int,
    columns: tuple[str, ...],
    encoding: str | None,
    **how: Any,
) -> None:
    """Look labelled sentences over before training on them.

    Rows that cannot be used, label balance, repeated and nearly repeated sentences,
    conflicting labels, odd lengths and encodings, the agreement of several readers,
    sentences that also stand in the test data, labels that are likely wrong.

    \b
    tagger check data/corpus
    tagger check train.jsonl --against test.jsonl --label-errors --strict
    """
    from tagger.corpus.columns import Columns
    from tagger.training.checks import check

    named, other = options.files(encoding, data, against)
    with working("looking the sentences over"):
        checked = check(named, columns=Columns.pairs(columns), against=other, **how)
    if checked.guess:
        echo(checked.guess, err=True)
    if output_format == "json":
        write_json(json.dumps(checked.to_dict(), indent=2, ensure_ascii=False))
    else:
        _show(checked.findings, checked.n_sentences, show)
    if strict and checked.counts:
        raise DataError(", ".join(f"{name}: {n}" for name, n in checked.counts.items()))


def _show(findings: Sequence[Finding], n_sentences: int, n: int) -> None:
    from tagger.cli.console import Console, Table, styled

    table = Table("check", "where", "found", title=n_of(n_sentences, "sentence"))
    table.columns[0].no_wrap = True
    for name in dict.fromkeys(finding.check for finding in findings):
        own = [finding for finding in findings if finding.check == name]
        for finding in own[:n]:
            where = "\n".join(finding.where[:3]) + ("\n..." if len(finding.where) > 3 else "")
            table.add_row(styled(name, _STYLES[finding.level]), where, finding.message)
        if len(own) > n:
            table.add_row(styled(name, "dim"), "", f"... and {len(own) - n} more")
        table.add_section()
    Console().print(table)
