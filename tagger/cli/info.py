"""tagger info: what a model is."""

from collections.abc import Iterator
from pathlib import Path

import click

from tagger.cli import options
from tagger.encoder.reader import reader_folder
from tagger.errors import ModelError
from tagger.model.store import load_model
from tagger.predictor import shipped_model

ABOUT = "about.toml"
"""What people say of a model beside its folder's other files: name = "value" lines, shown first."""


@click.command()
@click.argument("folder", required=False, metavar="[MODEL]")
@options.model(", the same as MODEL")
def command(folder: str | None, model: str | None) -> None:
    """Show what a model is: how good, of what data and licence, its tasks and labels.

    MODEL is a model folder; the shipped model by default.

    \b
    tagger info
    tagger info models/mine
    """
    from tagger.cli.console import Console, Table, styled

    folder = options.one_model(folder, model) or str(shipped_model())
    loaded = load_model(folder)
    if not loaded.about:
        raise ModelError(f"{folder}: the manifest says nothing about the model")
    console = Console()
    console.print(styled(folder, "bold").append(f"  model {loaded.id}", style="default"))
    about = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    about.add_column(no_wrap=True)
    for name, value in _told(Path(folder)):
        about.add_row(name, value)
    # A manifest that others wrote may lack any of these.
    data = loaded.about.get("data", {})
    n, documents = data.get("n_sentences", "unknown"), data.get("n_documents", "unknown")
    of = "documents not named" if documents is None else f"{documents} documents"
    about.add_row("trained on", f"{n} sentences of {of}")
    if isinstance(taught := loaded.about.get("adapted"), dict):
        told = [taught.get(name, "unknown") for name in ("n_sentences", "from")]
        about.add_row("then taught by", "{} corrected sentences, from model {}".format(*told))
    about.add_row("data sha256", str(data.get("sha256", "unknown")))
    about.add_row("language", loaded.featurizer.settings.language)
    blocks = [block for block in loaded.featurizer.blocks if block.n_features]
    about.add_row("features", ", ".join(f"{b.n_features} {b.name}" for b in blocks))
    try:
        about.add_row("second reader", str(reader_folder(folder)))
    except ModelError:
        about.add_row("second reader", "none")
    about.add_row("seed", str(loaded.about.get("seed", "unknown")))
    versions = loaded.about.get("versions", {}).items()
    about.add_row("versions", ", ".join(f"{k} {v}" for k, v in versions) or "unknown")
    console.print(about)
    table = Table("task", "label", "threshold", "definition")
    for classifier in loaded.classifiers:
        task = classifier.task
        # The highest of several is the answer, unless --target-precision weighs them.
        decides = task.multilabel or len(set(classifier.thresholds)) > 1
        for label, threshold in zip(task.labels, classifier.thresholds, strict=True):
            said = f"{threshold:.3f}" * decides
            table.add_row(task.name, label, said, task.definitions.get(label, ""))
        table.add_section()
    console.print(table)


def _told(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what the folder says of the model's accuracy, data and licence."""
    from tagger.errors import DataError
    from tagger.evaluation.report.markdown import figure
    from tagger.evaluation.report.values import JSON, read_report
    from tagger.settings import read_toml

    if (folder / ABOUT).is_file():  # anyone may have written anything
        for name, value in read_toml(folder / ABOUT).items():
            yield name, str(value)
    if not (folder / JSON).is_file():
        return
    try:
        report = read_report(folder)
        scores = (f"{t['task']} {figure(t['figures']['macro_f1'])}" for t in report["tasks"])
        yield "macro F1", f"{', '.join(scores)}, by {report['about']['how']}"
    except (DataError, KeyError, TypeError) as error:
        yield "macro F1", f"unknown: {folder / JSON} cannot be read: {error}"
