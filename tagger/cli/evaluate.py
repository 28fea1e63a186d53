"""tagger evaluate: a model measured on labelled sentences."""

from pathlib import Path

import click

from tagger.errors import OutputError


@click.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--model", metavar="DIR", help="Model folder; the shipped model by default.")
@click.option("--output", "-o", metavar="DIR", help="Folder for report.json and report.md.")
def command(data: tuple[str, ...], model: str | None, output: str | None) -> None:
    """Measure a model on labelled sentences.

    DATA are JSONL, CSV or TSV files, or folders of them: one sentence a row, with
    the column text and one for each task of the model.

    \b
    tagger evaluate test.jsonl
    tagger evaluate --model models/mine test.jsonl --output report
    """
    from rich.console import Console

    from tagger.cli.tables import score_table
    from tagger.corpus import read_corpus
    from tagger.evaluation import evaluate
    from tagger.files.formats import expand
    from tagger.files.tagged import atomic_write
    from tagger.predictor import Tagger
    from tagger.report import to_json, to_markdown

    loaded = Tagger.load(model).model
    corpus = read_corpus(expand(list(data)), loaded.schema)
    scores = evaluate(loaded, corpus)
    about = {"model": loaded.id, "data_sha256": corpus.sha256, "n_sentences": len(corpus)}
    if output:
        try:
            Path(output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be written: {error.strerror}") from None
        for name, text in (
            ("report.json", to_json(scores, about)),
            ("report.md", to_markdown(scores, about)),
        ):
            with atomic_write(Path(output) / name) as stream:
                stream.write(text.encode())
    Console().print(score_table(scores, f"{len(corpus)} sentences, model {loaded.id}"))
