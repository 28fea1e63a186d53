"""What make_reader.py fits to tell which sentences the first reader is likely to have wrong."""

from dataclasses import replace

import numpy as np

from tagger.corpus.corpus import Corpus
from tagger.encoder.combination import fit_combination
from tagger.encoder.doubt import Doubt, log_of
from tagger.model.classifier import encode
from tagger.model.model import Model
from tagger.schema import Schema
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings


def fit_doubt(
    corpus: Corpus, first: Model, settings: TrainingSettings, share: float = 0.3
) -> Doubt:
    """Fit what tells which sentences a second reader is to reread.

    Parameters
    ----------
    corpus : labelled sentences that the first reader has not learned; its first task counts.
    first : the first reader.
    settings : how the model of doubt is trained.
    share : of the sentences of the corpus that are in doubt.
    """
    task = corpus.schema.tasks[0]
    examples = tuple(
        replace(example, labels={task.name: example.labels[task.name]})
        for example in corpus.take(corpus.annotated(task.name)).examples
    )
    own = Corpus(Schema((task,)), examples)
    fitted = cross_fit(own, settings)
    y, p = encode(task, own.labels(task.name)), first.probabilities(own.texts)
    # A miss of a rare label costs macro-F1 more than one of a frequent label, by about this.
    weights = np.sqrt(np.bincount(y, minlength=len(task.labels)) / len(y))
    classifier = replace(fitted.model.classifiers[0], thresholds=weights)
    doubt = Doubt(
        replace(fitted.model, classifiers=(classifier,)),
        fit_combination(task, p[task.name], log_of(fitted.out_of_fold[task.name]), y),
    )
    margins = doubt.margins_of(p, fitted.out_of_fold)
    classifier = replace(classifier, doubt=float(np.quantile(margins, share)))
    return replace(doubt, model=replace(doubt.model, classifiers=(classifier,)))
