"""Shares of labels where they have shifted, by expectation maximization (extra quantify).

A model's probabilities hold for text like that which it was calibrated on. Where the shares of
labels are others, the method of Saerens, Latinne and Decaestecker (2002) finds them together
with the probabilities that would hold there; the shares to start from are the mean
probabilities on sentences of the same kind of text (Alexandari, Kundaje and Shrikumar 2020).
The estimator is QuaPy's. benchmarks/quantify.py measured it against others.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.corpus.rows import Data
from tagger.document import label_tuple
from tagger.encoder.samples import outputs_of
from tagger.errors import ConfigError, install_command
from tagger.evaluation.bootstrap import ends
from tagger.evaluation.evaluate import AnyModel, labelled
from tagger.evaluation.tally import Tally
from tagger.features.arrays import Floats, Ints
from tagger.predictor import model_of
from tagger.schema import Schema

N_DRAWS = 100
_MOST_ROWS = 20_000  # in a draw: more do not make an interval much narrower


@dataclass(frozen=True)
class Known:
    """What a model answers to sentences of the kind that shares are counted in.

    Parameters
    ----------
    schema, model : the tasks, and the model's id.
    p, groups : the probabilities of all labels, one row a sentence, and its document.
    said : the notes of reading the sentences.
    misses : by label how far raw shares are from the gold ones there, in the mean.
    """

    schema: Schema
    model: str
    p: Floats
    groups: Ints
    said: tuple[str, ...]
    misses: float

    @classmethod
    def of(cls, data: Data, model: AnyModel, schema: Schema) -> "Known":
        """Let a model answer labelled sentences.

        Raises
        ------
        ConfigError : the extra that estimates is not installed.
        DataError : the sentences cannot be used.
        """
        _quapy()
        loaded = model_of(model)
        corpus = labelled(loaded, data, None)
        p = loaded.read(corpus.texts).probabilities
        raw: list[float] = []
        gold: list[float] = []
        for c in loaded.classifiers:
            chosen = corpus.annotated(c.task.name)
            answers = c.labels(c.decide(p[c.task.name][chosen]))
            for rows, shares in ((answers, raw), (corpus.labels(c.task.name), gold)):
                found = [label for answer in rows for label in label_tuple(answer)]
                shares += [found.count(label) / max(len(chosen), 1) for label in c.task.labels]
        misses = float(np.abs(np.subtract(raw, gold)).mean())
        both = np.hstack([p[task.name] for task in schema.tasks])
        return cls(schema, loaded.id, both, corpus.groups, corpus.notes, misses)

    def notes(self, counted: Tally, model_id: str) -> list[str]:
        """Say by what shares are corrected."""
        if set(counted.models) - {self.model}:
            raise ConfigError(
                f"the sentences were tagged by {', '.join(sorted(counted.models))}, the reference "
                f"is read by {self.model}: name with --model the one that tagged them"
            )
        how = (
            f"corrected by {len(self.p):,} sentences of {len(np.unique(self.groups)):,} documents "
            f"(expectation maximization); there raw shares miss by {100 * self.misses:.1f} points"
        )
        return [*self.said, how]

    def correct(self, documents: Sequence[Sequence[Sequence[float]]], seed: int) -> Floats:
        """Return for each label the corrected share and the ends of its 95 % interval.

        Both the documents and those of the reference are drawn anew for the interval.

        Parameters
        ----------
        documents : for each document the probabilities of its sentences.
        """
        rng = np.random.default_rng(seed)
        p = [np.array(rows, np.float64) for rows in documents]
        point = self._shares(np.concatenate(p), self.p)
        if len(p) < 2:
            return np.full((len(point), 3), np.nan)
        own = [np.flatnonzero(self.groups == g) for g in np.unique(self.groups)]
        draws = []
        n = max(2, min(len(p), len(p) * _MOST_ROWS // sum(map(len, p))))
        for _ in range(N_DRAWS):
            chosen = np.concatenate([p[i] for i in rng.integers(len(p), size=n)])
            known = np.concatenate([own[i] for i in rng.integers(len(own), size=len(own))])
            draws.append(self._shares(chosen, self.p[known]))
        low, high = ends(np.array(draws))
        return np.column_stack([point, np.minimum(low, point), np.maximum(high, point)])

    def _shares(self, p: Floats, known: Floats) -> Floats:
        found = []
        for task, part in outputs_of(self.schema):
            if not task.multilabel:
                found += list(_maximized(p[:, part], known[:, part]))
                continue
            for k in range(part.start, part.stop):
                two, base = (np.column_stack([1 - x[:, k], x[:, k]]) for x in (p, known))
                found.append(_maximized(two, base)[1])
        return np.array(found)


def _maximized(p: Floats, known: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so where the last thousandth is not reached
        shares, _ = _quapy().EM(known.mean(axis=0), p)
    return np.asarray(shares)


def _quapy() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from quapy.method.aggregative import EMQ
    except ImportError:
        raise ConfigError(
            f"a reference needs the extra quantify: {install_command('quantify')}"
        ) from None
    return EMQ
