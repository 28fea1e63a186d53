"""Linear scores of sentences, each the sum of the scores of its parts."""

import os
import re
import sys
from collections.abc import Sequence
from functools import cached_property
from threading import Lock, current_thread, main_thread
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import (
    Floats,
    HashTable,
    Ints,
    Ragged,
    Words,
    gather,
    keep_freed_memory,
    put_rows,
    segment_sum,
    sum_rows,
)
from tagger.features.chunks import Chunks
from tagger.features.featurizer import Featurizer, length_scale
from tagger.features.runs import Layout, Stream
from tagger.features.spans import LongChunks, Spans, split_chunks
from tagger.text.tokens import token_spans

# Below so many rows NumPy is the faster, and scipy.sparse is not worth its import before it has
# had so many to sum.
_FEW, _PAYS = 1000, 5_000_000


class Scorer:
    """Linear scores of sentences, each the sum of the scores of its parts.

    Equal to ``featurizer.transform(texts) @ weights + intercept`` without making
    the matrix: the scores of a distinct chunk are computed once and kept. Many threads
    may share a scorer, and an interrupt at any moment leaves it as it was. The process keeps
    memory that a batch frees for the next one (`tagger.features.arrays.keep_freed_memory`).

    Parameters
    ----------
    featurizer : a fitted featurizer.
    weights : shape (n_features, n_outputs).
    intercept : shape (n_outputs,).
    max_chunks : when more distinct chunks than this are known, all are
        forgotten and met anew, which bounds the memory.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        weights: npt.NDArray[np.floating[Any]],
        intercept: npt.NDArray[np.floating[Any]],
        max_chunks: int = 200_000,
    ) -> None:
        self.featurizer = featurizer
        self.intercept = intercept.astype(np.float64)
        self.max_chunks = max_chunks
        # Row by row in memory, else `take` would copy the whole each time.
        self._weights = np.multiply(weights, featurizer.term_weights_[:, None], order="C")
        self._streams = [b.stream for b in featurizer.blocks if b.stream is not None]
        self._run_scores = [s.runs.with_shorter(self._scores_of_nodes(s)) for s in self._streams]
        self._n_chunks = self._n_read = self._n_summed = 0
        self._known = self._nothing_known()
        self._lock = Lock()
        _scorers.add(self)
        keep_freed_memory()

    def _nothing_known(self) -> "_KnownChunks":
        return _KnownChunks(self._weights.shape[1], len(self._streams))

    @cached_property
    def _node_scores(self) -> list[Floats]:
        return list(map(self._scores_of_nodes, self._streams))

    @cached_property
    def _inner_scores(self) -> list[Floats]:
        blocks = self.featurizer.blocks
        return [self._scores_of_nodes(b.inner) for b in blocks if b.inner is not None]

    def _scores_of_nodes(self, stream: Stream) -> Floats:
        """Return the scores of each node of a stream, and at the end zeros, for what is no node."""
        columns = stream.node_columns
        scores = sum_rows(self._weights, columns.flat, columns.counts)
        return np.concatenate([scores, np.zeros((1, scores.shape[1]))])

    def _sum(self, table: Floats, rows: Ints, counts: Ints) -> Floats:
        """Sum rows of a table, ``counts[i]`` of them for row i of the result."""
        if len(rows) < _FEW:
            return sum_rows(table, rows, counts)
        self._n_summed += len(rows)
        # Imported by the main thread only: a fork in the midst of it leaves a child that hangs.
        worth_it = self._n_summed >= _PAYS and current_thread() is main_thread()
        if "scipy.sparse" not in sys.modules and not worth_it:
            return sum_rows(table, rows, counts)
        return Ragged(rows, counts).matrix(len(table)) @ table

    def cache_info(self) -> "CacheInfo":
        """Return how often a chunk was known already, as functools.lru_cache does."""
        return CacheInfo(self._n_chunks - self._n_read, self._n_read, len(self._known.table))

    def decision_function(self, texts: Sequence[str]) -> Floats:
        """Return the scores of each sentence, shape (n_sentences, n_outputs)."""
        spans = split_chunks(texts)
        known, ids = self._look_up(spans)
        counts = spans.counts
        scores = self._sum(known.scores, ids, counts)
        chunk_tokens = known.n_tokens.take(ids)
        n_tokens = segment_sum(chunk_tokens, counts)
        tokens = gather(known.tokens, known.first.take(ids), chunk_tokens)
        layout = Layout(n_tokens)
        for stream, own, run_scores in zip(self._streams, tokens.T, self._run_scores, strict=True):
            longest = stream.runs.longest(layout.lay(own, stream.bounded))
            scores += self._sum(run_scores, longest, layout.widths)
        return scores * length_scale(n_tokens)[:, None] + self.intercept

    def explain(self, text: str) -> tuple[list[tuple[int, int]], Floats]:
        """Return the parts of one sentence, and what each adds to its scores.

        Returns
        -------
        Spans (start, end) in `text` of the parts that carry a feature, chunks
        first, and their contributions, shape (n_spans, n_outputs); with the
        intercept they sum to the row of `decision_function`.
        """
        matches = list(re.finditer(r"\S+", text))
        known, ids = self._look_up(split_chunks([text]))
        tokens = gather(known.tokens, known.first[ids], known.n_tokens[ids])
        n_tokens = np.array([len(tokens)])
        spans = [match.span() for match in matches]
        language = self.featurizer.settings.spoken
        token_places = [
            (match.start() + start, match.start() + end)
            for match in matches
            for start, end in token_spans(match[0], language)
        ]
        scores = [known.scores[ids]]
        for stream, own, node_scores in zip(
            self._streams, tokens.T, self._node_scores, strict=True
        ):
            for length, (nodes, at) in enumerate(stream.walk(own, Layout(n_tokens)), 2):
                scores.append(node_scores[nodes])
                for i in (at - 1).tolist():  # -1 for the bound before the first token
                    inside = token_places[max(i, 0) : i + length]
                    spans.append((inside[0][0], inside[-1][1]) if inside else (0, 0))
        contributions = np.concatenate(scores) * length_scale(n_tokens)
        carries = np.flatnonzero(np.any(contributions, axis=1))
        return [spans[i] for i in carries], contributions[carries]

    def _look_up(self, spans: Spans) -> tuple["_KnownChunks", Ints]:
        """Return the table of known chunks and the row of each chunk in it."""
        known = self._known
        keys = spans.keys(known.long)
        ids = known.table.find(*keys)
        missing = np.flatnonzero(ids < 0)
        self._n_chunks += len(ids)
        if not len(missing):
            return known, ids
        with self._lock:
            if len(self._known.table) > self.max_chunks:
                self._known = self._nothing_known()
            if self._known is not known:  # forgotten, by us or by another thread
                known, missing = self._known, np.arange(len(ids))
                keys = spans.keys(known.long)
            one, two = (word[missing] for word in keys)
            firsts = HashTable(2).add(one, two)
            new = np.flatnonzero(firsts == np.arange(len(firsts)))
            # Another thread may have read some of them meanwhile.
            new = new[known.table.find(one[new], two[new]) < 0]
            if len(new):
                self._n_read += len(new)
                self._read(spans.strings(missing[new]), (one[new], two[new]), known)
        ids[missing] = known.table.find(one, two)
        return known, ids

    def _read(self, chunks: Sequence[str], keys: Words, known: "_KnownChunks") -> None:
        """Add the scores and tokens of new chunks to the table."""
        parts = self.featurizer.read(Chunks.of(chunks, self.featurizer.settings.spoken))
        of_tokens = self._sum(self._weights, parts.classes.flat, parts.classes.counts)
        for run_scores, nodes in zip(self._run_scores, parts.nodes, strict=True):
            of_tokens += run_scores[nodes]  # of single tokens, so what they have by themselves
        scores = self._sum(of_tokens, parts.tokens.flat, parts.tokens.counts)
        for inner_scores, walked in zip(self._inner_scores, parts.inner, strict=True):
            for nodes, counts in walked:
                scores += self._sum(inner_scores, nodes, counts)
        tokens = np.stack(parts.nodes, axis=1).take(parts.tokens.flat, axis=0)
        known.append(keys, scores, tokens, parts.tokens)


class CacheInfo(NamedTuple):
    """How well the table of known chunks serves.

    Parameters
    ----------
    hits : how many chunks were known when they were met.
    misses : how many were not.
    currsize : how many are known now.
    """

    hits: int
    misses: int
    currsize: int


class _KnownChunks:
    """A growing table of distinct chunks: their scores and their tokens in the streams.

    A chunk counts as known once its key stands in `table`, which is written last: whoever
    reads meanwhile, or interrupts, finds a whole row.
    """

    def __init__(self, n_outputs: int, n_streams: int) -> None:
        self.table = HashTable(2)
        self.long = LongChunks()
        self.scores = np.empty((0, n_outputs))
        self.n_tokens = np.empty(0, np.int64)
        self.first = np.empty(0, np.int64)
        self.tokens = np.empty((0, n_streams), np.int64)

    def append(self, keys: Words, scores: Floats, tokens: Ints, of_chunk: Ragged) -> None:
        """Add new chunks: their scores, and their tokens, one chunk's after the other's."""
        n = len(self.table)
        n_tokens = int(self.first[n - 1] + self.n_tokens[n - 1]) if n else 0
        self.scores = put_rows(self.scores, n, scores)
        self.n_tokens = put_rows(self.n_tokens, n, of_chunk.counts)
        self.first = put_rows(self.first, n, n_tokens + of_chunk.starts)
        self.tokens = put_rows(self.tokens, n_tokens, tokens)
        self.table.add(*keys)


_scorers: WeakSet[Scorer] = WeakSet()


def _unlock() -> None:
    # A fork copies a lock as it is, but not the thread that would release it.
    for scorer in _scorers:
        scorer._lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
