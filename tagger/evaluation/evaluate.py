"""A model and labelled data -> a report, made or made again."""

from collections.abc import Sequence
from pathlib import Path

from tagger.corpus.columns import Columns
from tagger.corpus.corpus import Corpus, read_corpus
from tagger.corpus.rows import Data
from tagger.evaluation.report.make import ModelReport, model_report, reproduce
from tagger.model.model import Model
from tagger.predictor import Tagger, model_of
from tagger.schema import Schema

AnyModel = Model | Tagger | str | Path | None


def evaluate(
    model: AnyModel,
    data: Data,
    *,
    columns: Columns | Sequence[str] | None = None,
    slices: Sequence[str] = (),
    baselines: bool = True,
    baseline_data: Data | None = None,
    skip_bad_rows: bool = False,
    rounds: int = 1000,
    seed: int = 0,
) -> ModelReport:
    """Measure a model on labelled sentences, as ``tagger evaluate`` does.

    Parameters
    ----------
    model : the folder of a model, a Tagger, or None for the shipped model.
    data : paths, a list of records or a DataFrame: one sentence a row, with the column
        text and one for each task of the model.
    columns : names of columns, as pairs such as ``text=sentence``; by default those of the
        data that the model learned from.
    slices : columns of the data whose values are scored by themselves; ``length`` and
        ``year`` are always known. By default every column of few values.
    baselines : whether to measure the baselines too, which takes most of the time.
    baseline_data : what the baselines learn from; by default cross-validation on `data`.
    skip_bad_rows : whether to leave out rows that cannot be used, where they are at most half.
    rounds, seed : of the bootstrap over documents, and of chance.

    Raises
    ------
    DataError : the data cannot be used, or its labels are the model's own answers.
    ConfigError : there is no such slice.
    """
    judged = model_of(model)
    return model_report(
        judged,
        labelled(judged, data, columns, skip_bad_rows=skip_bad_rows),
        slices=slices,
        rounds=rounds,
        seed=seed,
        baselines=baselines,
        training=None
        if baseline_data is None
        else labelled(judged, baseline_data, columns, skip_bad_rows=skip_bad_rows),
    )


def check_report(
    folder: str | Path,
    model: AnyModel,
    data: Data,
    *,
    columns: Columns | Sequence[str] | None = None,
    baseline_data: Data | None = None,
    skip_bad_rows: bool = False,
) -> list[str]:
    """Make a report again with the options that it records, and compare it with its folder.

    Parameters
    ----------
    folder : what `ModelReport.save` wrote.
    model, data, columns, baseline_data, skip_bad_rows : as in `evaluate`.

    Returns
    -------
    Notes on what differs without harm: the versions.

    Raises
    ------
    DataError : something differs; the first difference is named.
    """
    judged = model_of(model)
    training = None
    if baseline_data is not None:
        training = labelled(judged, baseline_data, columns, skip_bad_rows=skip_bad_rows)
    corpus = labelled(judged, data, columns, skip_bad_rows=skip_bad_rows)
    return reproduce(folder, judged, corpus, training)


def labelled(
    model: Model,
    data: Data,
    columns: Columns | Sequence[str] | None,
    schema: Schema | None = None,
    skip_bad_rows: bool = False,
) -> Corpus:
    """Read labelled sentences for a model, by default in the columns that it learned from."""
    schema = schema or model.schema
    wanted = {"text", "doc", "label_separator", *(task.name for task in schema.tasks)}
    learned = model.about.get("columns") or {}
    known = {name: column for name, column in learned.items() if name in wanted}
    return read_corpus(data, schema, Columns.parse(columns, known), skip_bad_rows)
