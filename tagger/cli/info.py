"""tagger info: what a model is."""

import click

from tagger.encoder.reader import reader_folder
from tagger.errors import ModelError
from tagger.model.store import load_model
from tagger.predictor import shipped_model


@click.command()
@click.argument("model", required=False)
def command(model: str | None) -> None:
    """Show what a model is: its tasks, labels, features, data and scores.

    MODEL is a model folder; the shipped model by default.

    \b
    tagger info
    tagger info models/mine
    """
    from rich.table import Table

    from tagger.cli.console import Console, styled

    folder = model or str(shipped_model())
    loaded = load_model(folder)
    if not loaded.about:
        raise ModelError(f"{folder}: the manifest says nothing about the model")
    console = Console()
    console.print(styled(folder, "bold").append(f"  model {loaded.id}", style="default"))
    about = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    # A manifest that others wrote may lack any of these.
    data = loaded.about.get("data", {})
    n, documents = data.get("n_sentences", "unknown"), data.get("n_documents", "unknown")
    about.add_row("trained on", f"{n} sentences of {documents} documents")
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
    table = Table(title_justify="left")
    for name in ("task", "label", "threshold", "definition"):
        table.add_column(name)
    for classifier in loaded.classifiers:
        task = classifier.task
        for label, threshold in zip(task.labels, classifier.thresholds, strict=True):
            table.add_row(task.name, label, f"{threshold:.3f}", task.definitions.get(label, ""))
        table.add_section()
    console.print(table)
