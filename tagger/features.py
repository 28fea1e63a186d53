"""Tokens -> TF-IDF features, as sums over the parts of a sentence.

Every feature of a sentence is the number of times that one of its *parts*
carries it: a part is a chunk (its character n-grams, its tokens, their lexicon
classes) or a run of two or more tokens (word n-grams and phrases). With raw term
frequency, and a scale that depends on the number of tokens alone, a linear
score of the sentence is the sum of the scores of its parts: that is what makes
`Scorer` fast and `explain` exact.

Term weights are scikit-learn's ``TfidfVectorizer(norm=None)``: tf times
ln((1 + n) / (1 + df)) + 1 (Spärck Jones 1972, smoothed as in scikit-learn).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tagger.arrays import Floats, HashTable, Interned, Ints, Ragged, gather, put_rows, segment_sum
from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.lexicon import Lexicon, builtin_lexicon
from tagger.tokens import char_ngrams, mask, normalize, surface_tokens, token_spans

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class FeatureSettings:
    """How sentences become features.

    Parameters
    ----------
    word_ngrams : lowest and highest number of tokens in a word n-gram.
    char_ngrams : lowest and highest number of characters in a character n-gram.
    word_min_df, char_min_df : in how many training sentences a term must occur.
    masked_ngrams : lowest and highest number of tokens in an n-gram of masked tokens;
        empty for none.
    masked_keep : how many of the most frequent words are not masked.
    masked_min_df : in how many training sentences such an n-gram must occur.
    lexicons : names of lexicons whose classes become features.
    vectors : name of the word vectors whose words become features, or empty.
    weights : by block of features, how much it weighs beside the others; 1 where missing.
    """

    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] = (2, 5)
    word_min_df: int = 2
    char_min_df: int = 3
    masked_ngrams: tuple[int, ...] = (1, 3)
    masked_keep: int = 150
    masked_min_df: int = 3
    lexicons: tuple[str, ...] = ()
    vectors: str = ""
    weights: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("word_ngrams", "char_ngrams", "masked_ngrams"):
            value = getattr(self, name)
            if not value and name == "masked_ngrams":
                continue
            if len(value) != 2 or not 1 <= value[0] <= value[1]:
                raise ConfigError(f"{name} is {value!r}, expected two numbers, 1 <= low <= high")
        for name in ("word_min_df", "char_min_df", "masked_min_df"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, expected 1 or more")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "FeatureSettings":
        """Build settings from what `to_dict` gave or a configuration holds.

        Raises
        ------
        ConfigError : an unknown key or a value of the wrong kind.
        """
        defaults = asdict(cls())
        for key, value in raw.items():
            if key not in defaults:
                raise ConfigError(f"features have no {key!r}: {did_you_mean(key, defaults)}")
            expected = list if isinstance(defaults[key], tuple) else type(defaults[key])
            if not isinstance(value, expected) or isinstance(value, bool):
                raise ConfigError(f"features: {key} is {value!r}, expected a {expected.__name__}")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
        return cls(**values)


def split_chunks(texts: Sequence[str]) -> tuple[list[str], Ints]:
    """Split sentences on white space; return all chunks and how many each sentence has."""
    if isinstance(texts, str):
        raise DataError("found one string, expected a list of sentences: put it in a list")
    split = [text.split() for text in texts]
    counts = np.fromiter(map(len, split), np.int64, len(split))
    return list(chain.from_iterable(split)), counts


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
        self._tables: list[HashTable] = []
        for keys in levels:
            self.add_level(keys)

    def add_level(self, keys: Ints) -> None:
        """Add the runs that are one token longer than the longest so far."""
        self._first.append(self.n_nodes)
        self.levels.append(keys)
        self._tables.append(HashTable(keys))
        self.n_nodes += len(keys)

    def find(self, keys: Ints, length: int) -> Ints:
        """Return the node of the run of `length` tokens behind each key, -1 where unknown."""
        places = self._tables[length - 2].find(keys)
        return np.where(places >= 0, places + self._first[length - 2], -1)

    def tokens_of(self, node: int) -> list[int]:
        """Return the tokens of the run that a node stands for."""
        tokens: list[int] = []
        for first, keys in zip(self._first[::-1], self.levels[::-1], strict=True):
            if node >= first:
                node, token = divmod(int(keys[node - first]), self.n_tokens)
                tokens.append(token)
        return [node, *tokens[::-1]]

    def walk(self, tokens: Ints, owner: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield for runs of 2, 3, ... tokens the nodes found, and where each starts.

        Parameters
        ----------
        tokens : the tokens of a batch of sentences, -1 for an unknown one.
        owner : the sentence that each token belongs to.
        """
        at = np.flatnonzero(tokens >= 0)
        nodes = tokens[at]
        for length in range(2, len(self.levels) + 2):
            keys, at = self.lengthen(nodes, at, tokens, owner, length)
            nodes = self.find(keys, length)
            found = nodes >= 0
            nodes, at = nodes[found], at[found]
            yield nodes, at

    def lengthen(
        self, nodes: Ints, at: Ints, tokens: Ints, owner: Ints, length: int
    ) -> tuple[Ints, Ints]:
        """Return key and start of those runs that go on with a known token to `length`."""
        fits = at + length - 1 < len(tokens)
        nodes, at = nodes[fits], at[fits]
        last = at + length - 1
        fits = (tokens[last] >= 0) & (owner[last] == owner[at])
        return nodes[fits] * self.n_tokens + tokens[last[fits]], at[fits]


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

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each token."""
        return {token: i for i, token in enumerate(self.tokens)}

    def walk(self, tokens: Ints, n_tokens: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Yield for runs of 2, 3, ... tokens the nodes found, their sentences and first tokens.

        Parameters
        ----------
        tokens : the tokens of a batch of sentences, -1 for an unknown one.
        n_tokens : how many each sentence has.
        """
        tokens, owner = laid_out(tokens, n_tokens, self.bounded)
        for nodes, at in self.runs.walk(tokens, owner):
            first = at - 2 * owner[at] - 1 if self.bounded else at
            yield nodes, owner[at], first


BOUNDS = ["<s>", "</s>"]
# How many distinct tokens a featurizer keeps what it read of; a bound on memory.
_MAX_KNOWN_TOKENS = 100_000


def laid_out(tokens: Ints, n_tokens: Ints, bounded: bool) -> tuple[Ints, Ints]:
    """Return the tokens of sentences and the sentence of each, with bounds where wanted."""
    owner = np.repeat(np.arange(len(n_tokens)), n_tokens)
    if not bounded:
        return tokens, owner
    ends = np.cumsum(n_tokens + 2)
    result = np.ones(len(tokens) + 2 * len(n_tokens), np.int64)
    result[ends - n_tokens - 2] = 0
    result[np.arange(len(tokens)) + 2 * owner + 1] = tokens
    return result, np.repeat(np.arange(len(n_tokens)), n_tokens + 2)


@dataclass(frozen=True)
class Part:
    """What a chunk brings to its sentence.

    Parameters
    ----------
    features : the features that it carries, with repeats.
    words, masked : its tokens in the two streams, -1 for an unknown one.
    """

    features: list[int]
    words: list[int]
    masked: list[int]


class Featurizer:
    """Sentences -> sparse matrix of TF-IDF features, scaled by sentence length.

    Row i of the matrix is tf * idf * (scale of the feature's block) /
    sqrt(number of tokens). The scale of a block makes the mean squared norm of
    the training sentences one, or the square of the weight that the settings give.

    Parameters
    ----------
    settings : how sentences become features.
    lexicons : the lexicons that the settings name; those of the package where None.
    vector_words : the words that have a vector, where the settings name vectors.

    Attributes
    ----------
    words_, masked_ : the streams of plain and of masked tokens.
    char_terms_ : the character n-grams, in the order of their columns.
    blocks_ : for each block of features ("word", "char", "masked", the name of a
        lexicon, "vectors") the slice of its columns.
    df_ : number of training sentences that have each feature, shape (n_features,).
    n_documents_ : number of training sentences.
    scales_ : the scale of each block, by block.
    """

    words_: Stream
    masked_: Stream
    char_terms_: list[str]
    blocks_: dict[str, slice]
    df_: Ints
    n_documents_: int
    scales_: dict[str, float]

    def __init__(
        self,
        settings: FeatureSettings,
        lexicons: Sequence[Lexicon] | None = None,
        vector_words: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        if lexicons is None:
            lexicons = [builtin_lexicon(name) for name in settings.lexicons]
        self.lexicons = tuple(lexicons)
        self.vector_words = tuple(vector_words)

    # Learning

    def fit(self, texts: Sequence[str]) -> "Featurizer":
        """Learn the vocabulary and document frequencies of `texts`.

        Raises
        ------
        DataError : no term is left.
        """
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> "csr_matrix":
        """Learn from `texts` and return their features, shape (n_sentences, n_features)."""
        for look_up in ("_char_column", "_class_columns", "_known_tokens"):
            self.__dict__.pop(look_up, None)  # of an earlier fit
        chunks, counts = split_chunks(texts)
        distinct = Interned()
        sentences = Ragged(distinct.numbers(chunks), counts)
        nodes = self._learn_streams([surface_tokens(chunk) for chunk in distinct], sentences)
        df = document_frequencies(
            [char_ngrams(normalize(c), *self.settings.char_ngrams) for c in distinct],
            sentences,
        )
        self.char_terms_ = sorted(t for t, n in df.items() if n >= self.settings.char_min_df)
        if not self.char_terms_ and not len(nodes.words):
            raise DataError(
                "no term is left: try a lower word_min_df or char_min_df, or more sentences"
            )
        self._lay_out(nodes)
        tf, scale = self._count(texts)
        self.n_documents_ = len(texts)
        self.df_ = np.bincount(tf.indices, minlength=tf.shape[1]).astype(np.int64)
        self.scales_ = dict.fromkeys(self.blocks_, 1.0)
        x = self._weigh(tf, scale)
        for name, columns in self.blocks_.items():
            mean_square = x[:, columns].power(2).sum() / len(texts)
            weight = self.settings.weights.get(name, 1.0)
            self.scales_[name] = float(weight / np.sqrt(mean_square)) if mean_square else 1.0
        return self._weigh(tf, scale)

    def _learn_streams(self, surfaces: list[list[str]], sentences: Ragged) -> "_Nodes":
        """Learn the tokens and runs of both streams from those of each distinct chunk."""
        settings = self.settings
        phrases = _phrases(self.lexicons)
        lowered = [[surface.lower() for surface in row] for row in surfaces]
        df = document_frequencies(lowered, sentences)
        frequent = sorted(t for t, n in df.items() if n >= settings.word_min_df)
        tokens = sorted({*frequent, *chain.from_iterable(phrases), *self.vector_words})
        self.words_, words, phrase_nodes = _learn_stream(
            tokens,
            frequent,
            lowered,
            sentences,
            settings.word_ngrams,
            settings.word_min_df,
            phrases,
        )
        self.kept_ = frozenset(sorted(df, key=lambda t: (-df[t], t))[: settings.masked_keep])
        masked = np.empty(0, np.int64)
        self.masked_ = Stream([], TokenRuns(0), Ragged.of([]), bounded=True)
        if settings.masked_ngrams:
            low, high = settings.masked_ngrams
            shapes = [[self._mask(surface) for surface in row] for row in surfaces]
            df = document_frequencies(shapes, sentences)
            frequent = sorted(t for t, n in df.items() if n >= settings.masked_min_df)
            self.masked_, masked, _ = _learn_stream(
                [*BOUNDS, *frequent],
                frequent,
                shapes,
                sentences,
                (low, high),
                settings.masked_min_df,
                bounded=True,
            )
        return _Nodes(words, masked, phrase_nodes)

    def _mask(self, surface: str) -> str:
        lowered = surface.lower()
        return lowered if lowered in self.kept_ else mask(surface)

    def _lay_out(self, nodes: "_Nodes") -> None:
        """Give every feature its column, and every node of a stream its columns."""
        self.set_blocks(len(nodes.words), len(nodes.masked))
        word, masked, vectors = (self.blocks_[name] for name in ("word", "masked", "vectors"))
        index = self.words_.index
        node_of = dict(zip(_phrases(self.lexicons), nodes.phrases.tolist(), strict=True))
        pairs = [*zip(nodes.words.tolist(), range(word.start, word.stop), strict=True)]
        pairs += [(index[w], i) for i, w in enumerate(self.vector_words, vectors.start)]
        for lexicon, column in zip(self.lexicons, self._class_columns, strict=True):
            pairs += [(node_of[p], column[c]) for p, cs in lexicon.phrases.items() for c in cs]
        self.words_ = _with_columns(self.words_, pairs)
        pairs = [*zip(nodes.masked.tolist(), range(masked.start, masked.stop), strict=True)]
        self.masked_ = _with_columns(self.masked_, pairs)

    def set_blocks(self, n_word: int, n_masked: int) -> None:
        """Give each block of features its columns."""
        sizes = {"word": n_word, "char": len(self.char_terms_), "masked": n_masked}
        for name, lexicon in zip(self.settings.lexicons, self.lexicons, strict=True):
            sizes[name] = len(lexicon.classes)
        sizes["vectors"] = len(self.vector_words)
        ends = np.cumsum(list(sizes.values())).tolist()
        self.blocks_ = {
            name: slice(end - size, end)
            for (name, size), end in zip(sizes.items(), ends, strict=True)
        }
        self.n_features_ = ends[-1]

    # Look-ups

    @cached_property
    def _char_column(self) -> dict[str, int]:
        return {term: i for i, term in enumerate(self.char_terms_, self.blocks_["char"].start)}

    @cached_property
    def _known_tokens(self) -> dict[str, tuple[list[int], int, int]]:
        return {}

    @cached_property
    def _class_columns(self) -> list[dict[str, int]]:
        return [
            {label: i for i, label in enumerate(lexicon.classes, self.blocks_[name].start)}
            for name, lexicon in zip(self.settings.lexicons, self.lexicons, strict=True)
        ]

    def feature_names(self, block: str) -> list[str]:
        """Return the names of the features of a block, in the order of its columns."""
        columns = self.blocks_[block]
        if block == "char":
            return self.char_terms_
        if block == "vectors":
            return list(self.vector_words)
        if block in self.settings.lexicons:
            return list(self.lexicons[self.settings.lexicons.index(block)].classes)
        stream = self.masked_ if block == "masked" else self.words_
        names = [""] * (columns.stop - columns.start)
        owner = np.repeat(np.arange(stream.runs.n_nodes), stream.node_columns.counts)
        for node, column in zip(owner.tolist(), stream.node_columns.flat.tolist(), strict=True):
            if columns.start <= column < columns.stop:
                run = (stream.tokens[token] for token in stream.runs.tokens_of(node))
                names[column - columns.start] = " ".join(run)
        return names

    @property
    def idf_(self) -> Floats:
        """Inverse document frequency of each feature, shape (n_features,)."""
        return np.log((1 + self.n_documents_) / (1 + self.df_)) + 1

    @property
    def term_weights_(self) -> Floats:
        """What each feature's count is multiplied with: idf times the block's scale."""
        sizes = [columns.stop - columns.start for columns in self.blocks_.values()]
        return self.idf_ * np.repeat(list(self.scales_.values()), sizes)

    # Reading sentences

    def read_chunk(self, chunk: str) -> Part:
        """Return what a chunk brings to its sentence."""
        column = self._char_column
        terms = char_ngrams(normalize(chunk), *self.settings.char_ngrams)
        features = [column[term] for term in terms if term in column]
        words, masked = [], []
        for surface in surface_tokens(chunk):
            carried, word, shape = self._read_token(surface)
            features += carried
            words.append(word)
            masked.append(shape)
        return Part(features, words, masked)

    def _read_token(self, surface: str) -> tuple[list[int], int, int]:
        """Return the features of a token by itself, and its number in the two streams."""
        known = self._known_tokens.get(surface)
        if known is not None:
            return known
        features: list[int] = []
        word = self.words_.index.get(surface.lower(), -1)
        if word >= 0:
            features += self.words_.node_columns[word]
        shape = self.masked_.index.get(self._mask(surface), -1)
        if shape >= 0:
            features += self.masked_.node_columns[shape]
        for lexicon, class_column in zip(self.lexicons, self._class_columns, strict=True):
            features += [class_column[label] for label in lexicon.classes_of(surface)]
        if len(self._known_tokens) >= _MAX_KNOWN_TOKENS:
            self._known_tokens.clear()
        self._known_tokens[surface] = features, word, shape
        return features, word, shape

    def transform(self, texts: Sequence[str]) -> "csr_matrix":
        """Return the features of each sentence, shape (n_sentences, n_features)."""
        return self._weigh(*self._count(texts))

    def _count(self, texts: Sequence[str]) -> tuple["csr_matrix", Floats]:
        """Return the count of each feature in each sentence, and each sentence's scale."""
        chunks, counts = split_chunks(texts)
        distinct = Interned()
        sentences = Ragged(distinct.numbers(chunks), counts)
        parts = [self.read_chunk(chunk) for chunk in distinct]
        features = Ragged.of([part.features for part in parts])
        tf = sentences.matrix(len(distinct)) @ features.matrix(self.n_features_)
        for stream, rows in (
            (self.words_, [part.words for part in parts]),
            (self.masked_, [part.masked for part in parts]),
        ):
            known = Ragged.of(rows)
            n_tokens = np.bincount(
                np.repeat(np.arange(len(texts)), counts),
                known.counts[sentences.flat],
                minlength=len(texts),
            ).astype(np.int64)
            for nodes, owner, _ in stream.walk(known.take(sentences.flat), n_tokens):
                n_columns = np.bincount(
                    owner, stream.node_columns.counts[nodes], minlength=len(texts)
                ).astype(np.int64)
                tf = tf + Ragged(stream.node_columns.take(nodes), n_columns).matrix(tf.shape[1])
        tf.sum_duplicates()
        return tf, length_scale(n_tokens)

    def _weigh(self, tf: "csr_matrix", scale: Floats) -> "csr_matrix":
        from scipy.sparse import diags_array

        return (diags_array(scale) @ tf @ diags_array(self.term_weights_)).tocsr()


class _Nodes(NamedTuple):
    """The nodes that features stand on: word n-grams, masked n-grams, phrases of lexicons."""

    words: Ints
    masked: Ints
    phrases: Ints


def _learn_stream(
    tokens: list[str],
    unigrams: list[str],
    tokens_of: list[list[str]],
    sentences: Ragged,
    ngrams: Sequence[int],
    min_df: int,
    phrases: Sequence[tuple[str, ...]] = (),
    bounded: bool = False,
) -> tuple[Stream, Ints, Ints]:
    """Learn the runs of a stream.

    Parameters
    ----------
    tokens : all tokens of the stream.
    unigrams : those that are features by themselves, where `ngrams` begins with 1.
    tokens_of : the tokens of each distinct chunk.
    sentences : the distinct chunks of each sentence.
    ngrams, min_df : length and least document frequency of the n-grams to learn.
    phrases : runs that are known whether or not they occur.
    bounded : as in `Stream`.

    Returns
    -------
    The stream, without columns; the nodes of its n-grams; the nodes of the phrases.
    """
    stream = Stream(tokens, TokenRuns(len(tokens)), Ragged.of([]), bounded)
    index, runs = stream.index, stream.runs
    known = Ragged.of([[index.get(token, -1) for token in row] for row in tokens_of])
    n_tokens = segment_sum(known.counts[sentences.flat].astype(float), sentences.counts)
    flat, owner = laid_out(known.take(sentences.flat), n_tokens.astype(np.int64), bounded)

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
            pairs = np.unique(np.stack([keys, owner[at]]), axis=1)
            common, df = np.unique(pairs[0], return_counts=True)
            common = common[df >= min_df]
        longer = np.array([len(ids) >= length for ids in phrase_ids], bool)
        last = np.array([ids[length - 1] for ids in phrase_ids if len(ids) >= length], np.int64)
        phrase_keys = phrase_nodes[longer] * runs.n_tokens + last
        runs.add_level(np.union1d(common, phrase_keys))
        phrase_nodes[longer] = runs.find(phrase_keys, length)
        if length >= low:
            learned.append(runs.find(common, length))
        nodes = runs.find(keys, length)
        nodes, at = nodes[nodes >= 0], at[nodes >= 0]
    return stream, np.concatenate([np.empty(0, np.int64), *learned]), phrase_nodes


def _with_columns(stream: Stream, pairs: list[tuple[int, int]]) -> Stream:
    """Return the stream with columns for its nodes, given as pairs of node and column."""
    nodes, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    order = np.argsort(nodes, kind="stable")
    counts = np.bincount(nodes, minlength=stream.runs.n_nodes).astype(np.int64)
    return replace(stream, node_columns=Ragged(columns[order], counts))


def length_scale(n_tokens: Ints) -> Floats:
    """Return the factor that makes sentences of different length comparable."""
    return 1 / np.sqrt(np.maximum(n_tokens, 1))


def _phrases(lexicons: Iterable[Lexicon]) -> list[tuple[str, ...]]:
    return sorted({phrase for lexicon in lexicons for phrase in lexicon.phrases})


def document_frequencies(terms_of: Sequence[Sequence[str]], sentences: Ragged) -> dict[str, int]:
    """Return for each term in how many sentences it stands.

    Parameters
    ----------
    terms_of : the terms of each distinct chunk.
    sentences : the distinct chunks of each sentence.
    """
    index = Interned()
    terms = Ragged.of([[index[term] for term in row] for row in terms_of]).matrix(len(index))
    chunks = sentences.matrix(len(terms_of))
    df = np.zeros(len(index), np.int64)
    step = 10_000  # sentences at a time, which bounds the memory
    for start in range(0, chunks.shape[0], step):
        df += np.bincount((chunks[start : start + step] @ terms).indices, minlength=len(index))
    return dict(zip(index, df.tolist(), strict=True))


class Scorer:
    """Linear scores of sentences, each the sum of the scores of its parts.

    Equal to ``featurizer.transform(texts) @ weights + intercept`` without making
    the matrix: the scores of a distinct chunk are computed once and kept.

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
        self._weights = weights * featurizer.term_weights_[:, None]
        self._streams = (featurizer.words_, featurizer.masked_)
        self._node_scores = [
            segment_sum(self._weights[s.node_columns.flat], s.node_columns.counts)
            for s in self._streams
        ]
        self._lock = Lock()
        self._known = _KnownChunks(self._weights.shape[1])

    @property
    def n_known_chunks(self) -> int:
        """How many distinct chunks are kept."""
        return len(self._known.rows)

    def decision_function(self, texts: Sequence[str]) -> Floats:
        """Return the scores of each sentence, shape (n_sentences, n_outputs)."""
        chunks, counts = split_chunks(texts)
        known, ids = self._look_up(chunks)
        scores = segment_sum(known.scores[ids], counts)
        chunk_tokens = known.n_tokens[ids]
        n_tokens = np.bincount(
            np.repeat(np.arange(len(texts)), counts), chunk_tokens, minlength=len(texts)
        ).astype(np.int64)
        tokens = gather(known.tokens, known.first[ids], chunk_tokens)
        for stream, own, node_scores in zip(
            self._streams, tokens.T, self._node_scores, strict=True
        ):
            for nodes, owner, _ in stream.walk(own, n_tokens):
                n_runs = np.bincount(owner, minlength=len(texts))
                scores += segment_sum(node_scores[nodes], n_runs)
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
        known, ids = self._look_up([match[0] for match in matches])
        tokens = gather(known.tokens, known.first[ids], known.n_tokens[ids])
        n_tokens = np.array([len(tokens)])
        spans = [match.span() for match in matches]
        token_places = [
            (match.start() + start, match.start() + end)
            for match in matches
            for start, end in token_spans(match[0])
        ]
        scores = [known.scores[ids]]
        for stream, own, node_scores in zip(
            self._streams, tokens.T, self._node_scores, strict=True
        ):
            for length, (nodes, _, first) in enumerate(stream.walk(own, n_tokens), 2):
                scores.append(node_scores[nodes])
                for i in first.tolist():
                    inside = token_places[max(i, 0) : i + length]
                    spans.append((inside[0][0], inside[-1][1]) if inside else (0, 0))
        contributions = np.concatenate(scores) * length_scale(n_tokens)
        carries = np.flatnonzero(np.any(contributions, axis=1))
        return [spans[i] for i in carries], contributions[carries]

    def _look_up(self, chunks: Sequence[str]) -> tuple["_KnownChunks", Ints]:
        """Return the table of known chunks and the row of each chunk in it."""
        with self._lock:
            if len(self._known.rows) > self.max_chunks:
                self._known = _KnownChunks(self._weights.shape[1])
            known = self._known
            n_known = len(known.rows)
            ids = known.rows.numbers(chunks)
            if n_new := len(known.rows) - n_known:
                new = list(islice(reversed(known.rows), n_new))[::-1]
                parts = [self.featurizer.read_chunk(chunk) for chunk in new]
                features = Ragged.of([part.features for part in parts])
                known.append(
                    segment_sum(self._weights[features.flat], features.counts),
                    Ragged.of([part.words for part in parts]),
                    Ragged.of([part.masked for part in parts]),
                )
            return known, ids


class _KnownChunks:
    """A growing table of distinct chunks: their scores and their tokens in both streams.

    Rows are only ever added, so a thread may read while another one appends.
    """

    def __init__(self, n_outputs: int) -> None:
        self.rows = Interned()
        self.scores = np.empty((0, n_outputs))
        self.n_tokens = np.empty(0, np.int64)
        self.first = np.empty(0, np.int64)
        self.tokens = np.empty((0, 2), np.int64)
        self._size = 0
        self._n_tokens = 0

    def append(self, scores: Floats, words: Ragged, masked: Ragged) -> None:
        """Add the scores and tokens of new chunks."""
        tokens = np.stack([words.flat, masked.flat], axis=1)
        self.scores = put_rows(self.scores, self._size, scores)
        self.n_tokens = put_rows(self.n_tokens, self._size, words.counts)
        self.first = put_rows(self.first, self._size, self._n_tokens + words.starts)
        self.tokens = put_rows(self.tokens, self._n_tokens, tokens)
        self._size += len(scores)
        self._n_tokens += len(tokens)
