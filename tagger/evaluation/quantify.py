"""Shares of labels where they have shifted, by expectation maximization.

A model's probabilities hold for text like that which it was calibrated on. Where the shares of
labels are others, the method of Saerens, Latinne and Decaestecker (2002) finds them together
with the probabilities that would hold there, from the mean probabilities on labelled sentences
of the same kind of text (Alexandari, Kundaje and Shrikumar 2020). By how much each grows is its
weight (Lipton, Wang and Smola 2018), with which the gold share there is multiplied, so that what
the model misses there is made good. benchmarks/quantify.py measured it against others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagger.corpus.columns import Columns
from tagger.corpus.corpus import Corpus
from tagger.corpus.rows import Data
from tagger.errors import ConfigError, n_of
from tagger.evaluation.bootstrap import ends, resampled_sums
from tagger.evaluation.evaluate import AnyModel, labelled
from tagger.evaluation.measure import group_warnings, overlap_of, tagged_warnings
from tagger.evaluation.tally import Tally
from tagger.features.arrays import Floats, Ints
from tagger.model.classifier import one_hot
from tagger.model.model import Model
from tagger.model.store import load_model
from tagger.predictor import model_of, shipped_model, with_second
from tagger.schema import Schema, answered_by, outputs_of

N_DRAWS = 100
# By 40 of the benchmark's real sentences corrected claims came no nearer to the gold shares than
# raw ones, by 60 hardly on one of its two sets, by 100 on both.
LEAST_DOCUMENTS, LEAST_SENTENCES = 20, 100
LEAST_OF_LABEL = 5  # else one of them, by mistake, turns shares over
_MOST_ROWS = 20_000  # in a draw: more do not make an interval much narrower
# QuaPy's criterion (Moreo, Esuli and Sebastiani 2021), with which the method was measured.
_LEAST_STEPS, _MOST_STEPS, _STILL = 12, 1000, 1e-4


@dataclass(frozen=True)
class Known:
    """Labelled sentences of the kind that shares are counted in, and what a model answers to them.

    Parameters
    ----------
    schema, model : the tasks, and the model's id.
    p : mean probability of each label over the sentences, and over draws of their documents,
        shape (1 + n_draws, n_labels).
    gold : the shares of them that have each label, of the same shape; NaN where it is not
        corrected.
    said : the notes of reading the sentences, by what shares are corrected, and what is not.
    """

    schema: Schema
    model: str
    p: Floats
    gold: Floats
    said: tuple[str, ...]

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
        DataError : the sentences cannot be used.
        """
        loaded = model_of(model)
        corpus = labelled(loaded, data, columns, skip_bad_rows=skip_bad_rows)
        p = loaded.read(corpus.texts).probabilities
        answers = {name: np.full(rows.shape, np.nan) for name, rows in p.items()}
        texts = np.array(corpus.texts, dtype=object)
        said = [*corpus.notes, *tagged_warnings(corpus, loaded)]
        said += _seen(corpus, loaded)
        said += group_warnings(corpus)[: not corpus.has_documents]
        misses: list[float] = []
        for c in loaded.classifiers:
            name, labels = c.task.name, c.task.labels
            chosen, y = corpus.gold(c.task)
            _, first = np.unique(texts[chosen], return_index=True)
            n, n_docs = len(first), len(np.unique(corpus.groups[chosen]))
            if n < LEAST_SENTENCES or n_docs < LEAST_DOCUMENTS:
                found = f"{n_of(n, 'different labelled sentence')} of {n_of(n_docs, 'document')}"
                least = f"{LEAST_SENTENCES} of {LEAST_DOCUMENTS} or more: fewer make shares worse"
                said.append(f"{name} is not corrected: the reference has {found}, expected {least}")
                continue
            gold, raw = (one_hot(c.task, x).astype(float) for x in (y, c.decide(p[name][chosen])))
            share, with_label = gold.mean(axis=0), gold[first].sum(axis=0)
            usable = np.minimum(with_label, n - with_label) >= LEAST_OF_LABEL
            if not usable.all():
                which = ", ".join(np.array(labels)[~usable])
                of = name if not c.task.multilabel else which
                few = f"fewer than {LEAST_OF_LABEL} sentences of the reference are, or are not,"
                said.append(f"{of} is not corrected: {few} {which}")
                usable &= c.task.multilabel  # the shares of a single-label task hang together
            answers[name][np.ix_(chosen, usable)] = gold[:, usable]
            misses += np.abs(raw.mean(axis=0) - share)[usable].tolist()
        both = [np.hstack([x[task.name] for task in schema.tasks]) for x in (p, answers)]
        used = corpus.groups[~np.isnan(both[1]).all(axis=1)]
        if len(used):
            said.append(
                f"corrected by {len(used):,} sentences of {len(np.unique(used)):,} documents "
                f"(expectation maximization); raw shares of these miss by "
                f"{100 * np.mean(misses):.1f} points in the mean over labels"
            )
        return cls(schema, loaded.id, *_drawn(both[0], both[1], corpus.groups), tuple(said))

    def notes(self, counted: Tally, model_id: str) -> list[str]:
        """Say by what shares are corrected."""
        # A second reader that reads what is in doubt leaves the other rows to the first.
        if set(counted.models) - {self.model, answered_by(self.model, False)}:
            raise ConfigError(
                f"the sentences were tagged by {', '.join(sorted(counted.models))}, the reference "
                f"is read by {self.model}: name what tagged them with --model, --second-reader"
            )
        return list(self.said)

    def correct(self, documents: Sequence[Sequence[Sequence[float]]]) -> Floats:
        """Return for each label the corrected share and the ends of its 95 % interval, or NaN.

        Both the documents and those of the reference are drawn anew for the interval.

        Parameters
        ----------
        documents : for each document the probabilities of its sentences.
        """
        p = np.concatenate([np.array(rows, np.float64) for rows in documents])
        of = np.repeat(np.arange(len(documents)), list(map(len, documents)))
        point = self._shares(p, np.ones((1, len(p))), slice(1))[0]
        if len(documents) < 2:
            return np.full((len(point), 3), np.nan)
        rng = np.random.default_rng(0)
        n = max(2, min(len(documents), len(documents) * _MOST_ROWS // len(p)))
        at_once = N_DRAWS if len(p) <= _MOST_ROWS else 1
        draws = []
        for start in range(0, N_DRAWS, at_once):
            chosen = rng.integers(len(documents), size=(at_once, n))
            times = np.stack([np.bincount(row, minlength=len(documents)) for row in chosen])
            rows = np.flatnonzero(times.sum(axis=0)[of])
            known = slice(1 + start, 1 + start + at_once)
            draws.append(self._shares(p[rows], times[:, of[rows]].astype(np.float64), known))
        shares = np.concatenate(draws)
        low, high = ends(np.where(np.isnan(shares), point, shares))
        return np.column_stack([point, np.minimum(low, point), np.maximum(high, point)])

    def _shares(self, p: Floats, drawn: Floats, known: slice) -> Floats:
        """Return corrected shares by some of the draws of the reference, shape (n, n_labels)."""
        before, gold = self.p[known], self.gold[known]
        found = []
        for task, part in outputs_of(self.schema):
            if not task.multilabel:
                found.append(shifted(p[:, part], drawn, before[:, part], gold[:, part]))
                continue
            for k in range(part.start, part.stop):
                two = (np.stack([1 - x[:, k], x[:, k]], axis=1) for x in (before, gold))
                pair = np.stack([1 - p[:, k], p[:, k]], axis=1)
                found.append(shifted(pair, drawn, *two)[:, 1:])
        return np.hstack(found)


def _drawn(p: Floats, gold: Floats, groups: Ints) -> tuple[Floats, Floats]:
    """Return means of rows and of draws of their groups, by those with an answer to each label."""
    answered = ~np.isnan(gold)
    table = np.hstack([*np.where(answered, (p, gold), 0), answered])
    draws = resampled_sums(table, groups, N_DRAWS, seed=1)
    sums = np.vstack([table.sum(axis=0), draws])
    of_p, of_gold, n_answered = np.split(sums, 3, axis=1)
    with np.errstate(invalid="ignore"):  # a draw may hold no sentence with an answer
        return of_p / n_answered, of_gold / n_answered


def _seen(corpus: Corpus, model: Model) -> list[str]:
    n = overlap_of(corpus, model) or 0
    seen = (
        f"{n} of {n_of(len(corpus), 'sentence')} of the reference were in the training data of the"
    )
    return [f"{seen} model, which errs less on them: shares may be worse than raw"] * bool(n)


def shipped_of(model_id: str) -> Model:
    """Return the shipped model, with a second reader where an id names one.

    Raises
    ------
    ConfigError : the id is of another.
    """
    first, _, second = model_id.partition("+")
    folder = shipped_model()
    if first != (shipped := load_model(folder)).id:
        raise ConfigError(
            f"the sentences were tagged by {model_id}, which is to read the reference too and is "
            "not the shipped model: name its folder with --model (model=)"
        )
    return with_second(shipped, folder, second.partition(".")[2] or None)


def shifted(p: Floats, drawn: Floats, before: Floats, gold: Floats) -> Floats:
    """Return shares that sum to one: the gold ones, times what each has grown by since.

    Parameters
    ----------
    p : probabilities of the labels of the sentences whose shares are asked for, shape
        (n_sentences, n_labels).
    drawn : how often each draw holds each sentence, shape (n_draws, n_sentences).
    before, gold : mean probabilities of labelled sentences, and the shares of their labels,
        shape (n_draws, n_labels); NaN where these are not known.

    Returns
    -------
    Shape (n_draws, n_labels).
    """
    after = before.copy()
    n, going = drawn.sum(axis=1, keepdims=True), np.flatnonzero(~np.isnan(gold[:, 0]))
    for step in range(_MOST_STEPS):
        times = drawn[going] if len(going) < len(drawn) else drawn
        growth = _ratio(after[going], before[going], 1)
        found = growth * (_ratio(times, growth @ p.T, 0) @ p) / n[going]
        moved = np.abs(found - after[going]).mean(axis=1)
        after[going] = found
        if step + 1 >= _LEAST_STEPS:
            going = going[moved >= _STILL]
        if not len(going):
            break
    shares = _ratio(after, before, 1) * gold
    # All that grew may be a label that nobody gave.
    return _ratio(shares, shares.sum(axis=1, keepdims=True), np.nan)


def _ratio(a: Floats, b: Floats, where_none: float) -> Floats:
    return np.divide(a, b, out=np.full(a.shape, where_none, np.float64), where=b > 0)
