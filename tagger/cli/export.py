"""tagger export: a model as scikit-learn pipelines."""

import click

from tagger.cli import options
from tagger.cli.terminal import echo


@click.command()
@click.argument("folder", required=False, metavar="[MODEL]")
@options.model(", the same as MODEL")
@click.option("--task", help="The task to export, of a model that has several.")
@click.option("--output", "-o", metavar="FILE", required=True, help="File to write, by joblib.")
@options.force()
def command(
    folder: str | None, model: str | None, task: str | None, output: str, force: bool
) -> None:
    """Save a model as a scikit-learn Pipeline for each task.

    MODEL is a model folder; the shipped model by default. FILE holds the Pipeline of one
    task, or a dict by task where the model has several and none is named. They give the
    model's probabilities and labels. Load it with joblib.load, where tagger is installed;
    like every pickle it runs code when it is loaded.

    \b
    tagger export --output claims-en.joblib
    tagger export --task claim --output claim.joblib
    """
    import joblib

    from tagger.model.export import to_pipelines
    from tagger.predictor import Tagger
    from tagger.targets import atomic_write, check_free

    check_free([output], force)
    loaded = Tagger.load(options.one_model(folder, model)).model
    tasks = [loaded.schema[task].name] if task else [t.name for t in loaded.schema.tasks]
    pipelines = to_pipelines(loaded)
    exported = pipelines[tasks[0]] if len(tasks) == 1 else pipelines
    with atomic_write(output) as stream:
        joblib.dump(exported, stream)
    kind = "a" if len(tasks) == 1 else f"a dict by task ({', '.join(tasks)}) of a"
    echo(f"{output}: {kind} scikit-learn Pipeline; use its predict on a list of sentences")
    for name in tasks:  # which scikit-learn sorts, other than the model
        echo(f"  {name}: columns in the order of classes_: {', '.join(pipelines[name].classes_)}")
