"""Runs of tokens: known n-grams and phrases, found by walking a trie of integers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.features.arrays import Floats, HashTable, Ints, Ragged

BOUNDS = ["<s>", "</s>"]
"""Tokens that stand for the beginning and the end of a sentence."""

Arrays = Mapping[str, npt.NDArray[Any]]

_ROOM = 3
_NO_KEY = np.iinfo(np.int64).max
_DIRECT = 1 << 21


class Layout:
    """Sentences side by side with room between them, so that no run goes from one into the next.

    Parameters
    ----------
    n_tokens : how many tokens each sentence has; `widths` says how many places.
    """

    def __init__(self, n_tokens: Ints) -> None:
        self.widths = n_tokens + _ROOM
        self._first = np.concatenate([[0], np.cumsum(self.widths)])
        rooms = np.arange(1, _ROOM * len(n_tokens) + 1, _ROOM)
        self._places = np.repeat(rooms, n_tokens) + np.arange(n_tokens.sum())

    def lay(self, tokens: Ints, bounded: bool) -> Ints:
        """Return tokens with -1 in the room between sentences, and with bounds where wanted."""
        laid = np.full(self._first[-1], -1, np.int64)
        laid[self._places] = tokens
        if bounded:
            laid[self._first[:-1]] = 0
            laid[self._first[1:] - (_ROOM - 1)] = 1
        return laid

    @property
    def owner(self) -> Ints:
        """The sentence that each place belongs to."""
        return np.repeat(np.arange(len(self.widths)), self.widths)

    def counts(self, at: Ints) -> Ints:
        """Return how many of some places, in their order, each sentence has."""
        return np.diff(np.searchsorted(at, self._first))


class TokenRuns:
    """Known runs of two or more tokens, found by walking a trie of integers.

    A node is a known run; the node of a single token is the token's own index.
    The node of a longer run is found by its key, ``parent * n_tokens + token``.

    Parameters
    ----------
    n_tokens : number of known tokens.
    levels : for runs of 2, 3, ... tokens the sorted keys, each level as one array.
    """

    def __init__(self, n_tokens: int, levels: Sequence[Ints] = ()) -> None:
        self.n_tokens = n_tokens
        self.n_nodes = n_tokens
        self.levels: list[Ints] = []
        self._first: list[int] = []
        self._tables: dict[int, HashTable | npt.NDArray[np.int32]] = {}
        for keys in levels:
            self.add_level(keys)

    def add_level(self, keys: Ints) -> None:
        """Add the runs that are one token longer than the longest so far."""
        self._first.append(self.n_nodes)
        self.levels.append(keys)
        self.n_nodes += len(keys)

    def find(self, keys: Ints, length: int) -> Ints:
        """Return the node of the run of `length` tokens behind each key, -1 where unknown."""
        places = self._find(keys, length - 2)
        return np.where(places >= 0, places + self._first[length - 2], -1)

    def _find(self, keys: Ints, level: int) -> Ints:
        if level not in self._tables:  # made when first asked, which spares it to a loader
            known = self.levels[level]
            table: HashTable | npt.NDArray[np.int32] = HashTable()
            if len(known) and known[-1] < _DIRECT:
                table = np.full(known[-1] + 2, -1, np.int32)
                table[known] = np.arange(len(known))
            elif isinstance(table, HashTable):
                table.add(known.view(np.uint64))
            self._tables[level] = table
        table = self._tables[level]
        if isinstance(table, HashTable):
            return table.find(keys.view(np.uint64))
        return table.take(keys, mode="clip").astype(np.int64)  # what is too large meets the last

    def tokens_of(self, node: int) -> list[int]:
        """Return the tokens of the run that a node stands for."""
        tokens: list[int] = []
        for first, keys in zip(self._first[::-1], self.levels[::-1], strict=True):
            if node >= first:
                node, token = divmod(int(keys[node - first]), self.n_tokens)
                tokens.append(token)
        return [node, *tokens[::-1]]

    def walk(self, tokens: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield for runs of 2, 3, ... tokens the nodes found, and where each starts.

        Parameters
        ----------
        tokens : the tokens of a batch of sentences, as `Layout.lay` gives them.
        """
        at = np.flatnonzero(tokens >= 0)
        nodes = tokens.take(at)
        for level, first in enumerate(self._first):
            token = tokens.take(at + (level + 1), mode="clip")
            keys = nodes * self.n_tokens + token
            keys[token < 0] = _NO_KEY
            places = self._find(keys, level)
            known = np.flatnonzero(places >= 0)
            nodes, at = places.take(known) + first, at.take(known)
            yield nodes, at

    def longest(self, tokens: Ints) -> Ints:
        """Return the node of the longest run from each place on, `n_nodes` where there is none."""
        longest = np.full(len(tokens), self.n_nodes)
        for nodes, at in self.walk(tokens):
            longest[at] = nodes
        return longest

    def with_shorter(self, scores: Floats) -> Floats:
        """Return scores by node, those of each run with those of the shorter runs that begin it.

        Parameters
        ----------
        scores : shape (n_nodes + 1, n_outputs), the last for what is no node.
        """
        scores = scores.copy()
        for first, keys in zip(self._first[1:], self.levels[1:], strict=True):
            scores[first : first + len(keys)] += scores.take(keys // self.n_tokens, axis=0)
        return scores

    def lengthen(
        self, nodes: Ints, at: Ints, tokens: Ints, owner: Ints, length: int
    ) -> tuple[Ints, Ints]:
        """Return key and start of those runs that go on with a known token to `length`."""
        n_inside = int(np.searchsorted(at, len(tokens) - length + 1))
        nodes, at = nodes[:n_inside], at[:n_inside]
        last = at + length - 1
        token = tokens.take(last)
        fits = (token >= 0) & (owner.take(last) == owner.take(at))
        return nodes[fits] * self.n_tokens + token[fits], at[fits]


@dataclass(frozen=True)
class Stream:
    """One way to write the tokens of a sentence, and the runs known over it.

    Parameters
    ----------
    tokens : the known tokens; a token's index is its number.
    runs : the known runs of two or more of them.
    node_columns : the features that each token and each run carries.
    bounded : whether beginning and end of a sentence count as tokens, the first two.
    """

    tokens: list[str]
    runs: TokenRuns
    node_columns: Ragged
    bounded: bool = False

    @classmethod
    def empty(cls, bounded: bool = False) -> "Stream":
        """Return a stream that knows no token."""
        return cls([], TokenRuns(0), Ragged.of([]), bounded)

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each token."""
        return {token: i for i, token in enumerate(self.tokens)}

    def numbers(self, tokens: Iterable[str]) -> Ints:
        """Return the number of each token, -1 where it is not known."""
        return np.array([self.index.get(token, -1) for token in tokens], np.int64)

    def walk(self, tokens: Ints, layout: Layout) -> Iterator[tuple[Ints, Ints]]:
        """Yield for runs of 2, 3, ... tokens the nodes found, and where each starts in `layout`.

        Parameters
        ----------
        tokens : the tokens of a batch of sentences, -1 for an unknown one.
        layout : that of the sentences.
        """
        return self.runs.walk(layout.lay(tokens, self.bounded))

    def with_columns(self, nodes: Ints, columns: Ints) -> "Stream":
        """Return the stream with features on its nodes, given as pairs of node and column."""
        order = np.argsort(nodes, kind="stable")
        counts = np.bincount(nodes, minlength=self.runs.n_nodes)
        return replace(self, node_columns=Ragged(columns[order], counts))

    def names(self, columns: slice) -> list[str]:
        """Return for each of some columns the run that carries it, its tokens joined by spaces."""
        names = [""] * (columns.stop - columns.start)
        owner = np.repeat(np.arange(self.runs.n_nodes), self.node_columns.counts)
        for node, column in zip(owner.tolist(), self.node_columns.flat.tolist(), strict=True):
            if columns.start <= column < columns.stop:
                run = (self.tokens[token] for token in self.runs.tokens_of(node))
                names[column - columns.start] = " ".join(run)
        return names

    def pack(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Return the stream as named arrays."""
        arrays = {f"{name}.runs.{length}": keys for length, keys in enumerate(self.runs.levels, 2)}
        return arrays | {
            f"{name}.tokens": pack_strings(self.tokens),
            f"{name}.node_columns": self.node_columns.flat.astype(np.int32),
            f"{name}.node_n_columns": self.node_columns.counts.astype(np.int32),
        }

    @classmethod
    def unpack(cls, name: str, arrays: Arrays, bounded: bool = False) -> "Stream":
        """Build a stream from what `pack` gave."""
        tokens = unpack_strings(arrays[f"{name}.tokens"])
        n_levels = sum(key.startswith(f"{name}.runs.") for key in arrays)
        levels = [arrays[f"{name}.runs.{length}"] for length in range(2, 2 + n_levels)]
        columns = Ragged(
            arrays[f"{name}.node_columns"].astype(np.int64),
            arrays[f"{name}.node_n_columns"].astype(np.int64),
        )
        return cls(tokens, TokenRuns(len(tokens), levels), columns, bounded)

    def check(self, n_features: int) -> None:
        """Raise ValueError where the arrays contradict each other."""
        columns, runs = self.node_columns, self.runs
        if len(columns.counts) != runs.n_nodes or (columns.counts < 0).any():
            raise ValueError(f"{len(columns.counts)} nodes have columns, expected {runs.n_nodes}")
        if columns.counts.sum() != len(columns.flat):
            raise ValueError(f"{len(columns.flat)} columns, expected {columns.counts.sum()}")
        if len(columns.flat) and not 0 <= columns.flat.min() <= columns.flat.max() < n_features:
            raise ValueError("a node has a column that does not exist")
        if any(k.dtype != np.int64 or k.ndim != 1 or (np.diff(k) <= 0).any() for k in runs.levels):
            raise ValueError("the keys of the runs are not sorted integers")
        n, low, high = runs.n_tokens, 0, runs.n_tokens
        for keys in runs.levels:
            if len(keys) and not low * n <= keys[0] <= keys[-1] < high * n:
                raise ValueError("a run begins with one that is not known")
            low, high = high, high + len(keys)


def learn_runs(
    stream: Stream,
    unigrams: list[str],
    written: Sequence[str],
    sentences: Ragged,
    ngrams: Sequence[int],
    min_df: int,
    phrases: Sequence[tuple[str, ...]],
) -> tuple[Ints, dict[tuple[str, ...], int]]:
    """Learn the runs of a stream that knows its tokens only.

    Parameters
    ----------
    stream : all its tokens, no run; the runs are added to it.
    unigrams : the tokens that are features by themselves, where `ngrams` begins with 1.
    written : how the stream writes each distinct token.
    sentences : the tokens of each sentence, as numbers of `written`.
    ngrams, min_df : length and least document frequency of the n-grams to learn.
    phrases : runs of two or more tokens that are known whether or not they occur.

    Returns
    -------
    The nodes of the n-grams, and the node of each phrase.
    """
    index, runs = stream.index, stream.runs
    known = stream.numbers(written)
    layout = Layout(sentences.counts)
    flat, owner = layout.lay(known[sentences.flat], stream.bounded), layout.owner

    low, high = ngrams
    learned = [np.array([index[t] for t in unigrams], np.int64)] if low == 1 else []
    phrase_ids = [[index[token] for token in phrase] for phrase in phrases]
    phrase_nodes = np.array([ids[0] for ids in phrase_ids], np.int64)
    at = np.flatnonzero(flat >= 0)
    nodes = flat[at]
    for length in range(2, max([high, *map(len, phrases)]) + 1):
        keys, at = runs.lengthen(nodes, at, flat, owner, length)
        common = np.empty(0, np.int64)
        if length <= high:
            distinct, numbers = np.unique(keys, return_inverse=True)
            rows = Ragged(numbers, layout.counts(at))
            common = distinct[rows.document_frequencies(len(distinct)) >= min_df]
        longer = np.array([len(ids) >= length for ids in phrase_ids], bool)
        last = np.array([ids[length - 1] for ids in phrase_ids if len(ids) >= length], np.int64)
        phrase_keys = phrase_nodes[longer] * runs.n_tokens + last
        runs.add_level(np.union1d(common, phrase_keys))
        phrase_nodes[longer] = runs.find(phrase_keys, length)
        if length >= low:
            learned.append(runs.find(common, length))
        nodes = runs.find(keys, length)
        nodes, at = nodes[nodes >= 0], at[nodes >= 0]
    ngram_nodes = np.concatenate([np.empty(0, np.int64), *learned])
    return ngram_nodes, dict(zip(phrases, phrase_nodes.tolist(), strict=True))


def pack_strings(strings: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Return strings without line breaks as the bytes of one array."""
    return np.frombuffer("\n".join(strings).encode("utf-8"), np.uint8)


def unpack_strings(packed: npt.NDArray[np.uint8]) -> list[str]:
    """Return the strings that `pack_strings` packed."""
    text = packed.tobytes().decode("utf-8")
    return text.split("\n") if text else []
