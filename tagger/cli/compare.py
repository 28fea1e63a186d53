"""tagger compare: two models, or two reports, on the same sentences."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tagger.cli import options
from tagger.corpus.corpus import Corpus
from tagger.errors import DataError
from tagger.evaluation.baselines import Answers
from tagger.evaluation.compare import Change, TaskComparison
from tagger.schema import Schema, Task

_KINDS = {"better": "green", "worse": "red", "otherwise": "yellow"}


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("data", nargs=-1)
@options.output_format("table", "json")
@click.option("--show", type=click.IntRange(0), default=5, help="Sentences shown a kind. [5]")
@options.rounds()
@options.seed("Of the bootstrap.")
@options.columns()
def command(
    a: str,
    b: str,
    data: tuple[str, ...],
    output_format: str,
    show: int,
    rounds: int,
    seed: int,
    columns: tuple[str, ...],
) -> None:
    """Compare two models on labelled sentences, or two reports on the same ones.

    A and B are folders that `tagger evaluate --output` wrote, or with DATA two model
    folders. Differences come with 95 % intervals by paired bootstrap over documents and
    the p-value of a permutation test; then the sentences that changed.

    \b
    tagger compare report-old report-new
    tagger compare models/old models/new test.jsonl
    """
    if data:
        corpus, one, other = _of_models(a, b, data, columns)
    else:
        corpus, one, other = _of_reports(a, b)
    from tagger.evaluation.compare import compare

    found = compare(corpus, one, other, rounds, seed)
    if output_format == "json":
        click.echo(json.dumps([task.to_dict() for task in found], indent=1, ensure_ascii=False))
        return
    for task in found:
        _show(task, show)


_Pair = tuple[Corpus, dict[str, Answers], dict[str, Answers]]


def _of_models(a: str, b: str, data: Sequence[str], columns: Sequence[str]) -> _Pair:
    from tagger.corpus.corpus import Columns, read_corpus
    from tagger.evaluation.evaluate import answers_of
    from tagger.files.formats import expand
    from tagger.model.store import load_model

    one, other = load_model(a), load_model(b)
    schema = _shared(one.schema, other.schema)
    named = Columns.parse(columns, one.about.get("columns"))
    corpus = read_corpus(expand(list(data)), schema, named)
    return corpus, answers_of(one, corpus.texts), answers_of(other, corpus.texts)


def _of_reports(a: str, b: str) -> _Pair:
    from tagger.evaluation.compare import read_answers
    from tagger.evaluation.report.render import ANSWERS, read_report

    reports = read_report(a), read_report(b)
    data = [report["about"]["data"]["sha256"] for report in reports]
    if data[0] != data[1]:
        raise DataError(
            f"the reports are of different data, {data[0][:12]} and {data[1][:12]}: evaluate "
            "both models on the same files"
        )
    schemas = [_schema_of(report["tasks"]) for report in reports]
    schema = _shared(*schemas)
    corpus, one = read_answers(_folder(a) / ANSWERS, schema)
    again, other = read_answers(_folder(b) / ANSWERS, schema)
    if corpus.sha256 != again.sha256:
        raise DataError(f"{b}: the sentences of {ANSWERS} are not those of {a}")
    return corpus, one, other


def _folder(path: str) -> Path:
    return Path(path) if Path(path).is_dir() else Path(path).parent


def _schema_of(tasks: Sequence[Mapping[str, object]]) -> Schema:
    found = []
    for task in tasks:
        labels = task["labels"]
        assert isinstance(labels, list)
        names = tuple(str(label["label"]) for label in labels)
        found.append(Task(str(task["task"]), names, bool(task["multilabel"])))
    return Schema(tuple(found))


def _shared(one: Schema, other: Schema) -> Schema:
    """Return the tasks of both schemas.

    Raises
    ------
    DataError : there is none, or one has other labels in the other schema.
    """
    theirs = {task.name: task for task in other.tasks}
    shared = [task for task in one.tasks if task.name in theirs]
    if not shared:
        names = [", ".join(task.name for task in schema.tasks) for schema in (one, other)]
        raise DataError(f"no task in common: A answers {names[0]}, B answers {names[1]}")
    for task in shared:
        if task.labels != theirs[task.name].labels:
            labels = [", ".join(t.labels) for t in (task, theirs[task.name])]
            raise DataError(f"{task.name} has the labels {labels[0]} in A, {labels[1]} in B")
    return Schema(tuple(shared))


def _show(task: TaskComparison, n: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tagger.evaluation.report.render import FIGURE_NAMES

    console = Console(highlight=False)
    title = f"{task.task}: {task.n} sentences"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for name in ("A", "B", "difference", "95 % interval", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    of_labels = {k: f"F1 {k[3:]}" for k in task.figures if k.startswith("f1.")}
    names = FIGURE_NAMES | of_labels
    for name in (name for name in names if name in task.figures):
        d = task.figures[name]
        between = "" if d.low is None else f"[{d.low:+.3f}, {d.high:+.3f}]"
        p = "" if d.p is None else f"{d.p:.3f}"
        figures = (f"{d.a:.3f}", f"{d.b:.3f}", f"{d.difference:+.3f}", between, p)
        table.add_row(names[name], *figures)
    console.print(table)
    console.print(
        f"{task.better} better, {task.worse} worse (McNemar p = {task.mcnemar_p:.3g}), "
        f"{task.otherwise} wrong in another way\n"
    )
    for kind, style in _KINDS.items():
        own = [change for change in task.changes if change.kind == kind]
        for change in own[:n]:
            console.print(Text(f"{kind}: ", style=style).append(_line(change), style="default"))
        if len(own) > n:
            console.print(f"... and {len(own) - n} more {kind}\n", style="dim")


def _line(change: Change) -> str:
    def name(labels: str | tuple[str, ...]) -> str:
        return labels if isinstance(labels, str) else "|".join(labels) or "none"

    answers = f"{name(change.a)} -> {name(change.b)}, gold {name(change.gold)}"
    return f"{answers}\n    {' '.join(change.text.split())}"
