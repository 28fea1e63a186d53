"""tagger predict: articles in, tagged sentences out."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click

from tagger.bulk.arrow import Rows
from tagger.bulk.job import run, stream
from tagger.bulk.settings import PART_BYTES, SLOW_PART_BYTES, JobSettings, Result
from tagger.cli import options
from tagger.cli.stop import Stopped, told
from tagger.cli.terminal import say, write_data
from tagger.document import Document, Sentence
from tagger.errors import DataError, n_of
from tagger.files.batches import input_of, read_batches
from tagger.files.compression import split_suffix
from tagger.files.folders import expand
from tagger.files.formats import FORMATS, TEXT, format_of
from tagger.files.rows import MAX_DOCUMENT_BYTES, Reject
from tagger.files.tagged import has_manifest, rejects_path
from tagger.files.writers import OUTPUT_ENDINGS, OUTPUT_FORMATS, writer_of
from tagger.model.model import cut_notes
from tagger.predictor import Tagger
from tagger.sequences import kinds_of

_OF_ROWS = (
    *("sentences", "text_column", "id_column", "max_document_bytes"),
    *("keep_headings", "second_reader"),
)
_OF_INPUT = ("sentences", "text_column", "id_column", "keep", "delimiter", "encoding")
_NOT_ON_DASK = (
    *("explain", "delimiter", "encoding", "input_format"),
    *("keep", "jobs", "force", "part_bytes"),
)


@click.command()
@click.argument("paths", nargs=-1)
@options.model()
@options.second_reader()
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", *OUTPUT_FORMATS]),
    help="How to write; by default a table on a terminal, else by the ending of --output, else "
    "jsonl. html: a folder with one annotated page a document; excel: CSV for spreadsheets, in "
    "which no text acts as a formula.",
)
@click.option("--output", "-o", metavar="FILE", help="File to write. [-, standard output]")
@click.option("--explain", is_flag=True, help="Give the words that moved each decision.")
@click.option(
    "--keep-headings", is_flag=True, help="Tag headings like sentences; their kind stays heading."
)
@click.option("--sentences", is_flag=True, help="Each line or row is one sentence already.")
@click.option(
    "--input-format",
    type=click.Choice([known.name for known in FORMATS]),
    help="Format of the input. [judged by the first bytes and the name]",
)
@click.option(
    "--delimiter", metavar="C", help="Character between cells of CSV; write tab for a tab. [judged]"
)
@options.encoding()
@click.option("--text-column", default="text", metavar="NAME", help="Column of the text. [text]")
@click.option(
    "--id-column", default="doc", metavar="NAME", help="Column that names the document. [doc]"
)
@click.option(
    "--keep",
    multiple=True,
    metavar="A,B",
    help="Other columns to pass on, '' for none; may be given again. [all]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a run of the same --output that broke off; leave one that has finished.",
)
@options.force()
@options.jobs(1)
@click.option("--allow-rejects", is_flag=True, help="Exit 0 even where rows were rejected.")
@options.number(
    "--max-document-bytes", MAX_DOCUMENT_BYTES, "Reject documents and rows that are longer."
)
@options.number(
    "--part-bytes",
    PART_BYTES,
    "Text in a part, the most that an interruption "
    "costs; 64 kB with --explain, --second-reader or pages.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="dask: many machines, Parquet in, a folder of Parquet out. [local]",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Dask scheduler; two local workers by default."
)
def command(
    paths: tuple[str, ...],
    model: str | None,
    output_format: str | None,
    output: str | None,
    allow_rejects: bool,
    engine: str,
    scheduler: str | None,
    **how: Any,
) -> None:
    """Tag the sentences of articles.

    PATHS are text, Markdown, HTML, JSON, JSONL, CSV, TSV, Parquet, Excel, Word, PDF or e-mail
    files, each also .gz or .zst; ZIP and TAR files or folders of them, patterns, addresses
    (https://..., s3://...), or - for standard input. Rows of tables need a column 'text' (or
    body, ...). Rows that cannot be tagged go to FILE.rejects.jsonl.

    \b
    tagger predict article.txt
    cat article.txt | tagger predict - | jq -r .claim
    tagger predict articles/ --output tagged.jsonl
    tagger predict archive.parquet --sentences --output tagged.parquet --jobs 4
    tagger predict articles/ --format html --output pages
    """
    output = None if output == "-" else output
    output_format = _format_for(output, output_format)
    how["keep"] = ",".join(how["keep"]) if how["keep"] else None
    useless = scheduler and engine == "local"
    _check_usage(output_format, output, how["resume"], how["jobs"], useless)
    files = expand(list(paths or _standard_input()), say)
    for name in filter(lambda name: name != "-" and has_manifest(Path(name)), files):
        say(f"{name}: tagger wrote this file; read again because it is named")
    if engine == "dask":
        rows = Rows(model or "", *(how[name] for name in _OF_ROWS))
        resume = how["resume"]
        _on_dask(files, str(output), output_format, rows, scheduler, resume, allow_rejects)
        return
    # Arrow's own pools keep more and more memory as a run goes on: 6 % from one million
    # sentences to two, where malloc stays as it was.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    explains = output_format != "table" and writer_of(output_format).explains
    if (how["second_reader"] or how["explain"] or explains) and not options.was_given("part_bytes"):
        how["part_bytes"] = SLOW_PART_BYTES
    tagger = Tagger.load(model, how.pop("second_reader"))
    origin = input_of(
        files,
        how.pop("input_format"),
        limit=how.pop("max_document_bytes"),
        **{name: how.pop(name) for name in _OF_INPUT},
        taken=[*tagger.columns, "evidence", "reader"],
        say=say,
    )
    settings = JobSettings(origin, Path(output or ""), output_format, **how)
    (_print if output is None else _job)(tagger, settings, allow_rejects)


def _check_usage(
    output_format: str, output: str | None, resume: bool, jobs: int, useless_scheduler: Any
) -> None:
    streams = output_format == "table" or writer_of(output_format).streams
    table = output and output_format == "table"
    for wrong, what in (
        (jobs == 0, "--jobs is 0, expected a number of processes, or -1 for one a core"),
        (output is None and not streams, f"--format {output_format} needs --output"),
        (output is None and (resume or jobs != 1), "--resume and --jobs need --output"),
        (table, "--format table is for reading on a terminal, not for --output"),
        (useless_scheduler, "--scheduler is for --engine dask"),
    ):
        if wrong:
            raise click.UsageError(what)


def _standard_input() -> list[str]:
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("name a file or folder to tag, or - for standard input")
    return ["-"]


def _format_for(output: str | None, named: str | None) -> str:
    """Return the format that is meant: the one named, else by the ending of the output."""
    if output is None:
        return named or ("table" if sys.stdout.isatty() else "jsonl")
    suffix = split_suffix(Path(output))[0].suffix.lower()
    ending = suffix.removeprefix(".")
    if named is None:
        if ending in OUTPUT_ENDINGS:
            return ending
        known = ", ".join(OUTPUT_ENDINGS)
        raise click.UsageError(
            f"the ending of {output} names no format: end it in one of {known}, or say "
            "--format (html writes a folder of pages)"
        )
    if named == "table" or format_of(Path(output)) is TEXT:
        return named
    if ending != (right := writer_of(named).ending):
        expected = f"end it in .{right}" if right else "name a folder"
        raise click.UsageError(f"{output} ends in {suffix}, but --format is {named}: {expected}")
    return named


def _on_dask(
    files: list[str],
    output: str,
    output_format: str,
    rows: Rows,
    scheduler: str | None,
    resume: bool,
    allow_rejects: bool,
) -> None:
    from tagger.bulk.dask import predict_with_dask

    if output_format != "parquet":
        raise click.UsageError("--engine dask writes Parquet: give --output NAME.parquet")
    options.refuse(_NOT_ON_DASK, "--engine dask")
    try:
        result = predict_with_dask(files, output, rows, scheduler, resume=resume, say=say)
    except KeyboardInterrupt:
        _interrupted(Path(output))
    _report(result, files, output)
    _end(result.rejected, allow_rejects, Path(output, "_rejects.jsonl"))


def _print(tagger: Tagger, settings: JobSettings, allow_rejects: bool) -> None:
    """Write to standard output: a table to read, or what a job would write to a file."""
    n_rejects = nulls = cut = 0

    def rejected(reject: Reject) -> None:
        nonlocal n_rejects
        n_rejects += reject.n_rows
        rows = f" ({reject.n_rows:,} rows)" if reject.n_rows > 1 else ""
        say(f"{reject.where}: {reject.reason}{rows}")

    if settings.format == "table":
        from tagger.cli.view import show

        show(_documents(tagger, settings, rejected), tagger, settings.explain)
    else:
        for done, knows_language in stream(tagger, settings):
            if done.number == 0 and not knows_language:
                _warn_of_language(settings.origin.files[0])
            write_data(done.data)
            nulls += done.nulls
            cut += done.cut
            for reject in done.rejects:
                rejected(reject)
        _warn_of(nulls, cut)
    _end(n_rejects, allow_rejects)


def _documents(
    tagger: Tagger, settings: JobSettings, rejected: Callable[[Reject], None]
) -> Iterator[Document]:
    """Tag the rows of an input one by one; warn once of a text in an unknown language."""
    warned, judged, cut, origin = False, 0, 0, settings.origin
    for item in read_batches(origin, 1):  # a batch a row, so that each shows at once
        if isinstance(item, Reject):
            rejected(item)
            continue
        headings = item.headings or [()] * len(item)
        for text, doc, named in zip(item.texts, item.docs, headings, strict=True):
            if not warned and judged < 100_000:
                judged += len(text)
                if warned := not tagger.knows_language(text):
                    _warn_of_language(doc)
            if origin.sentences:
                (tags,) = tagger.tag_sentences([text])
                piece = Sentence(text, 0, len(text), tags, *kinds_of([text]))
                document = Document(text, (piece,), doc)
            else:
                document = tagger.tag(text, doc, named, settings.keep_headings)
            cut += sum(piece.tags.cut for piece in document.pieces)
            yield document
    _warn_of(0, cut)


def _warn_of_language(name: str) -> None:
    say(
        f"{name}: this does not look like the language that the model was trained on; "
        "tagged all the same"
    )


def _warn_of(nulls: int, cut: int) -> None:
    if nulls:
        say(f"null for {n_of(nulls, 'number')} that JSON lacks (NaN, Infinity)")
    options.say_read(cut_notes(cut))


def _job(tagger: Tagger, settings: JobSettings, allow_rejects: bool) -> None:
    """Run a job under a progress line; asked to end, finish the part at hand and stop."""
    from tagger.cli.progress import ProgressLine

    stopped: Stopped | None = None

    def stop(number: int) -> None:
        nonlocal stopped
        stopped = Stopped(number)
        if "-" in settings.origin.files:  # it may never give another row, and is not resumed
            raise stopped

    line = ProgressLine(settings.resume)

    def tell(note: str) -> None:
        line.clear()
        say(note)

    settings = replace(settings, origin=replace(settings.origin, say=tell))
    try:
        with told(stop):
            result = run(tagger, settings, line.show, lambda: stopped is not None)
    except KeyboardInterrupt:
        line.clear()
        _interrupted(Path(f"{settings.output}.parts"))
    finally:
        line.clear()
    unit = "row" if settings.origin.sentences else "document"
    _report(result, settings.origin.files, str(settings.output), unit)
    if stopped and not result.finished:
        say(f"{stopped}; the same command with --resume goes on")
        raise click.exceptions.Exit(stopped.code)
    _end(result.rejected, allow_rejects, rejects_path(settings.output))


def _interrupted(parts: Path) -> NoReturn:
    """End after Ctrl-C; say how to go on where something is done."""
    done = any(parts.glob("part-*.json"))
    say("interrupted: the same command with --resume goes on" if done else "interrupted")
    raise click.exceptions.Exit(128 + signal.SIGINT)


def _report(result: Result, files: Sequence[str], output: str, unit: str = "row") -> None:
    if not result.knows_language:
        _warn_of_language(files[0])
    _warn_of(result.nulls, result.cut)
    line = output if result.finished else f"{output}, unfinished"
    line += (
        f": {n_of(result.rows, unit)} in = {result.tagged:,} tagged + "
        f"{result.rejected:,} rejected; {n_of(result.sentences, 'sentence')}"
    )
    if result.others:
        line += f", {n_of(result.others, 'other piece')} (headings, notices, ...)"
    if result.reused:
        line += f", {result.reused} of {result.parts} parts from an earlier run"
    say(line)


def _end(rejected: int, allow_rejects: bool, rejects: Path | None = None) -> None:
    if rejected and not allow_rejects:
        where = f"{rejects}{_first_of(rejects)}" if rejects else "see above"
        raise DataError(f"{n_of(rejected, 'row')} could not be tagged: {where}")


def _first_of(rejects: Path) -> str:
    """Return the first reject in brackets, or nothing where another program changed the file."""
    try:
        with open(rejects, encoding="utf-8") as stream:
            row = json.loads(stream.readline())
        first = Reject(row["reason"], "", row["file"], row["line"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" (the first: {first.where}: {first.reason})"
