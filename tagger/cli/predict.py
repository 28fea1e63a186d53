"""tagger predict: articles in, tagged sentences out."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

import click

from tagger.document import Document, Sentence
from tagger.errors import DataError, OutputError
from tagger.files.formats import FORMATS, Format, expand, format_of, read_rows
from tagger.files.rows import Reject, Row
from tagger.files.tagged import WRITERS, atomic_write
from tagger.predictor import Tagger


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--model", metavar="DIR", help="Model folder; the shipped model by default.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", *WRITERS]),
    help="How to write; by default a table on a terminal, else by the ending of --output, else jsonl.",
)
@click.option("--output", "-o", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--explain", is_flag=True, help="Give the words that moved each decision.")
@click.option("--sentences", is_flag=True, help="Each line or row is one sentence already.")
@click.option(
    "--input-format",
    type=click.Choice([known.name for known in FORMATS]),
    help="Format of the input; by default what the file's ending says, plain text for -.",
)
def command(
    paths: tuple[str, ...],
    model: str | None,
    output_format: str | None,
    output: str | None,
    explain: bool,
    sentences: bool,
    input_format: str | None,
) -> None:
    """Tag the sentences of articles.

    PATHS are text, Markdown, JSONL, CSV or TSV files, folders of them, or - for
    standard input. Rows of JSONL, CSV and TSV need a column 'text'.

    \b
    tagger predict article.txt
    cat article.txt | tagger predict - | jq -r .claim
    tagger predict articles/ --output tagged.jsonl
    tagger predict rows.csv --sentences --format csv
    """
    if not paths:
        if sys.stdin.isatty():
            raise click.UsageError("name a file or folder to tag, or - for standard input")
        paths = ("-",)
    if output_format is None:
        suffix = Path(output).suffix.removeprefix(".") if output else ""
        on_terminal = output is None and sys.stdout.isatty()
        output_format = "table" if on_terminal else suffix if suffix in WRITERS else "jsonl"
    known = next((f for f in FORMATS if f.name == input_format), None)
    files = expand(list(paths))
    if output and any(Path(output).resolve() == Path(f).resolve() for f in files if f != "-"):
        raise OutputError(f"{output}: is also an input, expected another file to write to")
    tagger = Tagger.load(model)
    warned = False
    rejects = 0

    def documents() -> Iterator[Document]:
        nonlocal warned, rejects
        for name in files:
            for item in _documents(tagger, name, known, sentences):
                if isinstance(item, Reject):
                    rejects += 1
                    click.echo(f"tagger: {item.where}: {item.reason}", err=True)
                    continue
                if not warned and not tagger.knows_language(item.text):
                    warned = True
                    click.echo(
                        f"tagger: {item.name}: this does not look like the language that the "
                        "model was trained on; tagged all the same",
                        err=True,
                    )
                yield item

    if output_format == "table":
        from tagger.cli.view import show

        if output:
            raise click.UsageError("--format table is for reading on a terminal, not for --output")
        show(documents(), tagger, explain)
    else:
        rows = (row for document in documents() for row in tagger.rows(document, explain))
        columns = tagger.columns + ["evidence"] * explain
        with atomic_write(output) if output else nullcontext(sys.stdout.buffer) as stream:
            WRITERS[output_format](rows, columns, stream)
    if rejects:
        raise DataError(f"{rejects} row(s) could not be tagged, see above")


def _documents(
    tagger: Tagger, name: str, known: Format | None, sentences: bool
) -> Iterator[Document | Reject]:
    """Tag the rows of a file: each a document, or with `sentences` each one sentence."""
    rows = read_rows(name, known)
    if sentences and not (known or format_of(Path(name))).records:
        rows = _lines(rows)
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        record = dict(row.record)
        text = record.pop("text", None)
        if not isinstance(text, str):
            yield Reject(f"text is {text!r}, expected a string in 'text'", "", row.source, row.line)
            continue
        doc = str(record.pop("doc", "") or (row.where if row.line else row.source))
        extra = {k: v for k, v in record.items() if k not in tagger.columns}
        if not sentences:
            tagged = tagger.tag(text, doc)
            yield Document(text, tagged.sentences, doc, extra)
        elif text.strip():
            (tags,) = tagger.tag_sentences([text])
            yield Document(text, (Sentence(text, 0, len(text), tags),), doc, extra)


def _lines(rows: Iterable[Row | Reject]) -> Iterator[Row | Reject]:
    """Make a row of each line of a text."""
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        for number, line in enumerate(row.record["text"].splitlines(), 1):
            if line.strip():
                yield Row({"text": line.strip()}, row.source, number)
