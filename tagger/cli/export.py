"""tagger export: a model as a scikit-learn pipeline."""

import click


@click.command()
@click.argument("model", required=False)
@click.option("--output", "-o", metavar="FILE", required=True, help="File to write, by joblib.")
def command(model: str | None, output: str) -> None:
    """Save a model as a scikit-learn Pipeline.

    MODEL is a model folder; the shipped model by default. The pipeline gives the
    same probabilities. Load it with joblib.load, where tagger is installed; like
    every pickle it runs code when it is loaded.

    \b
    tagger export --output claims-en.joblib
    """
    import joblib

    from tagger.files.tagged import atomic_write
    from tagger.model.export import to_pipeline
    from tagger.predictor import Tagger

    pipeline = to_pipeline(Tagger.load(model).model)
    with atomic_write(output) as stream:
        joblib.dump(pipeline, stream)
    click.echo(f"{output}: a scikit-learn Pipeline; use its predict_proba on a list of sentences")
