"""Shares of labels where they have shifted, by expectation maximization (extra quantify).

A model's probabilities hold for text like that which it was calibrated on. Where the shares of
labels are others, the method of Saerens, Latinne and Decaestecker (2002) finds them together
with the probabilities that would hold there, from the mean probabilities on labelled sentences
of the same kind of text (Alexandari, Kundaje and Shrikumar 2020). By how much each grows is its
weight (Lipton, Wang and Smola 2018), with which the gold share there is multiplied, so that what
the model misses there is made good. The estimator is QuaPy's. benchmarks/quantify.py measured
it against others.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.corpus.columns import Columns
from tagger.corpus.rows import Data
from tagger.document import label_tuple
from tagger.errors import ConfigError, importing, n_of
from tagger.evaluation.bootstrap import ends
from tagger.evaluation.evaluate import AnyModel, labelled
from tagger.evaluation.measure import group_warnings, tagged_warnings
from tagger.evaluation.tally import Tally
from tagger.features.arrays import Floats, Ints
from tagger.predictor import Tagger, model_of
from tagger.schema import Schema, answered_by, outputs_of

N_DRAWS = 100
# By 40 of the benchmark's real sentences corrected claims came no nearer to the gold shares than
# raw ones, by 60 hardly on one of its two sets, by 100 on both.
LEAST_DOCUMENTS, LEAST_SENTENCES = 20, 100
LEAST_OF_LABEL = 5  # else one of them, by mistake, turns shares over
_MOST_ROWS = 20_000  # in a draw: more do not make an interval much narrower


@dataclass(frozen=True)
class Known:
    """Labelled sentences of the kind that shares are counted in, and what a model answers to them.

    Parameters
    ----------
    schema, model : the tasks, and the model's id.
    p, groups : the probabilities of all labels, one row a sentence, and its document.
    gold : 1 where a label is given, 0 where not; NaN where a sentence has no answer to a task,
        and for a label that is not corrected.
    said : the notes of reading the sentences, and what is not corrected.
    misses : how far raw shares are from the gold ones there, in the mean of what is corrected.
    """

    schema: Schema
    model: str
    p: Floats
    gold: Floats
    groups: Ints
    said: tuple[str, ...]
    misses: float

    @classmethod
    def of(
        cls,
        data: Data,
        model: AnyModel,
        schema: Schema,
        columns: Columns | Sequence[str] | None = None,
        skip_bad_rows: bool = False,
    ) -> "Known":
        """Let a model answer labelled sentences.

        Parameters
        ----------
        data, model, columns, skip_bad_rows : as in `tagger.evaluation.evaluate.evaluate`.
        schema : what the shares are of.

        Raises
        ------
        ConfigError : the extra that estimates is not installed.
        DataError : the sentences cannot be used.
        """
        _quapy()
        loaded = model_of(model)
        corpus = labelled(loaded, data, columns, skip_bad_rows=skip_bad_rows)
        p = loaded.read(corpus.texts).probabilities
        answers = {name: np.full(rows.shape, np.nan) for name, rows in p.items()}
        said = [*corpus.notes, *tagged_warnings(corpus, loaded)]
        said += group_warnings(corpus)[: not corpus.has_documents]
        misses: list[float] = []
        for c in loaded.classifiers:
            name, labels, chosen = c.task.name, c.task.labels, corpus.annotated(c.task.name)
            n_docs = len(np.unique(corpus.groups[chosen]))
            if len(chosen) < LEAST_SENTENCES or n_docs < LEAST_DOCUMENTS:
                found = f"{n_of(len(chosen), 'labelled sentence')} of {n_of(n_docs, 'document')}"
                least = f"{LEAST_SENTENCES} of {LEAST_DOCUMENTS} or more: fewer make shares worse"
                said.append(f"{name} is not corrected: the reference has {found}, expected {least}")
                continue
            gold, raw = (
                np.array([[x in label_tuple(row) for x in labels] for row in rows], float)
                for rows in (corpus.labels(name), c.labels(c.decide(p[name][chosen])))
            )
            share, n = gold.mean(axis=0), gold.sum(axis=0)
            usable = np.minimum(n, len(gold) - n) >= LEAST_OF_LABEL
            if not usable.all():
                which = ", ".join(np.array(labels)[~usable])
                of = name if not c.task.multilabel else which
                few = f"fewer than {LEAST_OF_LABEL} sentences of the reference are, or are not,"
                said.append(f"{of} is not corrected: {few} {which}")
                usable &= c.task.multilabel  # the shares of a single-label task hang together
            answers[name][np.ix_(chosen, usable)] = gold[:, usable]
            misses += np.abs(raw.mean(axis=0) - share)[usable].tolist()
        both = [np.hstack([x[task.name] for task in schema.tasks]) for x in (p, answers)]
        miss = float(np.mean(misses or [np.nan]))
        return cls(schema, loaded.id, both[0], both[1], corpus.groups, tuple(said), miss)

    def notes(self, counted: Tally, model_id: str) -> list[str]:
        """Say by what shares are corrected."""
        # A second reader that reads what is in doubt leaves the other rows to the first.
        if set(counted.models) - {self.model, answered_by(self.model, False)}:
            raise ConfigError(
                f"the sentences were tagged by {', '.join(sorted(counted.models))}, the reference "
                f"is read by {self.model}: name what tagged them with --model, --second-reader"
            )
        groups = self.groups[~np.isnan(self.gold).all(axis=1)]
        if not len(groups):
            return list(self.said)
        how = (
            f"corrected by {len(groups):,} sentences of {len(np.unique(groups)):,} documents "
            f"(expectation maximization); raw shares of these miss by {100 * self.misses:.1f} "
            "points in the mean over labels"
        )
        return [*self.said, how]

    def correct(self, documents: Sequence[Sequence[Sequence[float]]], seed: int) -> Floats:
        """Return for each label the corrected share and the ends of its 95 % interval, or NaN.

        Both the documents and those of the reference are drawn anew for the interval.

        Parameters
        ----------
        documents : for each document the probabilities of its sentences.
        """
        rng = np.random.default_rng(seed)
        p = [np.array(rows, np.float64) for rows in documents]
        point = self._shares(np.concatenate(p), np.arange(len(self.p)))
        if len(p) < 2:
            return np.full((len(point), 3), np.nan)
        own = [np.flatnonzero(self.groups == g) for g in np.unique(self.groups)]
        draws = []
        n = max(2, min(len(p), len(p) * _MOST_ROWS // sum(map(len, p))))
        for _ in range(N_DRAWS):
            chosen = np.concatenate([p[i] for i in rng.integers(len(p), size=n)])
            known = np.concatenate([own[i] for i in rng.integers(len(own), size=len(own))])
            draws.append(self._shares(chosen, known))
        # A draw may hold no sentence with an answer to a task.
        low, high = ends(np.where(np.isnan(draws), point, draws))
        return np.column_stack([point, np.minimum(low, point), np.maximum(high, point)])

    def _shares(self, p: Floats, rows: Ints) -> Floats:
        found: list[float] = []
        known, gold = self.p[rows], self.gold[rows]
        for task, part in outputs_of(self.schema):
            if not task.multilabel:
                found += shifted(p[:, part], known[:, part], gold[:, part])
                continue
            for k in range(part.start, part.stop):
                two = (np.column_stack([1 - x[:, k], x[:, k]]) for x in (p, known, gold))
                found.append(shifted(*two)[1])
        return np.array(found)


def shipped_of(model_id: str) -> AnyModel:
    """Return the shipped model, with a second reader where an id names one."""
    _, both, rereads = model_id.partition("+")
    return Tagger.load(second_reader=rereads.partition(".")[2] or None) if both else None


def shifted(p: Floats, known: Floats, gold: Floats) -> list[float]:
    """Return shares that sum to one: the gold ones, times what each has grown by since.

    Parameters
    ----------
    p : probabilities of the labels of the sentences whose shares are asked for.
    known, gold : those of labelled sentences, and 1 for the label of each; NaN where it has none.
    """
    answered = ~np.isnan(gold[:, 0])
    if not answered.any():
        return [np.nan] * p.shape[1]
    before = known[answered].mean(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so where the last thousandth is not reached
        after, _ = _quapy().EM(before, p)
    grown = np.divide(after, before, out=np.ones_like(after), where=before > 0)
    shares = grown * gold[answered].mean(axis=0)
    total = shares.sum() or np.nan  # all that grew may be a label that nobody gave
    return list(map(float, shares / total))


def _quapy() -> Any:
    needed = importing("quantify", "a reference needs the extra quantify")
    with needed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quapy.method.aggregative import EMQ
    return EMQ
