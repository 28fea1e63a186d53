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

from tagger.errors import ConfigError, DataError
from tagger.features.arrays import (
    Floats,
    HashTable,
    Interned,
    Ints,
    Product,
    Ragged,
    gather,
    put_rows,
    segment_sum,
)
from tagger.settings import from_table
from tagger.text.lexicon import Lexicon, builtin_lexicon
from tagger.text.tokens import cut, mask, token_spans

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
        return from_table(cls, raw, "features")


def split_chunks(texts: Sequence[str]) -> tuple[list[str], Ints]:
    """Split sentences on white space; return all chunks and how many each sentence has."""
    if isinstance(texts, str):
        raise DataError("found one string, expected a list of sentences: put it in a list")
    split = [text.split() for text in texts]
    counts = np.fromiter(map(len, split), np.int64, len(split))
    return list(chain.from_iterable(split)), counts


def distinct_chunks(texts: Sequence[str]) -> tuple[list[str], Ragged]:
    """Return the distinct chunks of sentences, and those of each sentence as numbers."""
    chunks, counts = split_chunks(texts)
    distinct = Interned()
    numbers = distinct.numbers(chunks)
    return list(distinct), Ragged(numbers, counts)


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
        self._tables: dict[int, HashTable] = {}
        for keys in levels:
            self.add_level(keys)

    def add_level(self, keys: Ints) -> None:
        """Add the runs that are one token longer than the longest so far."""
        self._first.append(self.n_nodes)
        self.levels.append(keys)
        self.n_nodes += len(keys)

    def find(self, keys: Ints, length: int) -> Ints:
        """Return the node of the run of `length` tokens behind each key, -1 where unknown."""
        level = length - 2
        if level not in self._tables:  # made when first asked, which spares it to a loader
            self._tables[level] = HashTable(self.levels[level])
        places = self._tables[level].find(keys)
        return np.where(places >= 0, places + self._first[level], -1)

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


class Chunks(NamedTuple):
    """Chunks that have been normalized and cut.

    Parameters
    ----------
    text : the normalized chunks, joined by single spaces.
    lengths : the number of characters of each.
    surfaces : their distinct tokens, which keep their case.
    tokens : the tokens of each chunk, as numbers of `surfaces`.
    """

    text: str
    lengths: Ints
    surfaces: list[str]
    tokens: Ragged

    @classmethod
    def of(cls, chunks: Sequence[str]) -> "Chunks":
        """Normalize and cut chunks."""
        text, found, starts = cut(chunks)
        surfaces = Interned()
        numbers = surfaces.numbers(found)
        lengths = np.fromiter(map(len, text.split(" ")), np.int64, len(chunks))
        counts = np.diff(np.searchsorted(starts, np.cumsum(lengths + 1)), prepend=0)
        return cls(text, lengths, list(surfaces), Ragged(numbers, counts))

    def characters(self) -> npt.NDArray[np.uint32]:
        """Return the characters of all chunks, each chunk with a space on either side."""
        padded = f" {self.text.replace(' ', '  ')} " if self.text else ""
        return np.frombuffer(padded.encode("utf-32-le"), np.uint32)


class Parts(NamedTuple):
    """What distinct chunks bring to their sentences.

    Parameters
    ----------
    tokens : the tokens of each chunk, as numbers of the distinct tokens.
    words, masked : the distinct tokens in the two streams, -1 where unknown.
    classes : the columns of the classes of lexicons that each distinct token belongs to.
    chars : the nodes of known character n-grams, and the chunk of each, by length.
    """

    tokens: Ragged
    words: Ints
    masked: Ints
    classes: Ragged
    chars: list[tuple[Ints, Ints]]


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
    chars_ : the same as runs of characters.
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
        self.fit_factors(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> "csr_matrix":
        """Learn from `texts` and return their features, shape (n_sentences, n_features)."""
        return self.fit_factors(texts).multiplied()

    def fit_factors(self, texts: Sequence[str]) -> Product:
        """Learn from `texts` and return their features, as parts times features of parts."""
        distinct, sentences = distinct_chunks(texts)
        chunks = Chunks.of(distinct)
        nodes = self._learn_streams(chunks, sentences)
        self.char_terms_ = _learn_char_terms(
            chunks, sentences, self.settings.char_ngrams, self.settings.char_min_df
        )
        if not self.char_terms_ and not len(nodes.words):
            raise DataError(
                "no term is left: try a lower word_min_df or char_min_df, or more sentences"
            )
        self._lay_out(nodes)
        tf = self._count(chunks, sentences)
        self.n_documents_ = len(texts)
        self.df_ = np.zeros(self.n_features_, np.int64)
        squares = np.zeros(self.n_features_)
        for block in tf.blocks():
            self.df_ += np.bincount(block.indices, minlength=self.n_features_)
            squares += np.bincount(block.indices, block.data**2, self.n_features_)
        squares *= self.idf_**2
        self.scales_ = dict.fromkeys(self.blocks_, 1.0)
        for name, columns in self.blocks_.items():
            mean_square = squares[columns].sum() / len(texts)
            weight = self.settings.weights.get(name, 1.0)
            self.scales_[name] = float(weight / np.sqrt(mean_square)) if mean_square else 1.0
        return self._weigh(tf)

    def _learn_streams(self, chunks: Chunks, sentences: Ragged) -> "_Nodes":
        """Learn the tokens and runs of both streams."""
        settings = self.settings
        phrases = _phrases(self.lexicons)
        in_order = sentences.through(chunks.tokens)
        lowered = [surface.lower() for surface in chunks.surfaces]
        df = document_frequencies(lowered, in_order)
        frequent = sorted(t for t, n in df.items() if n >= settings.word_min_df)
        tokens = sorted({*frequent, *chain.from_iterable(phrases), *self.vector_words})
        self.words_, words, phrase_nodes = _learn_stream(
            tokens,
            frequent,
            lowered,
            in_order,
            settings.word_ngrams,
            settings.word_min_df,
            phrases,
        )
        self.kept_ = frozenset(sorted(df, key=lambda t: (-df[t], t))[: settings.masked_keep])
        masked = np.empty(0, np.int64)
        self.masked_ = Stream([], TokenRuns(0), Ragged.of([]), bounded=True)
        if settings.masked_ngrams:
            low, high = settings.masked_ngrams
            shapes = list(map(self._mask, chunks.surfaces, lowered))
            df = document_frequencies(shapes, in_order)
            frequent = sorted(t for t, n in df.items() if n >= settings.masked_min_df)
            self.masked_, masked, _ = _learn_stream(
                [*BOUNDS, *frequent],
                frequent,
                shapes,
                in_order,
                (low, high),
                settings.masked_min_df,
                bounded=True,
            )
        return _Nodes(words, masked, phrase_nodes)

    def _mask(self, surface: str, lowered: str) -> str:
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
        self.words_ = _with_columns(self.words_, *np.array(pairs, np.int64).reshape(-1, 2).T)
        self.masked_ = _with_columns(
            self.masked_, nodes.masked, np.arange(masked.start, masked.stop)
        )
        self.chars_ = _char_stream(self.char_terms_, self.blocks_["char"].start)

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
        self._class_columns = [
            {label: i for i, label in enumerate(lexicon.classes, self.blocks_[name].start)}
            for name, lexicon in zip(self.settings.lexicons, self.lexicons, strict=True)
        ]

    # Look-ups

    @cached_property
    def chars_(self) -> Stream:
        """The character n-grams as runs of characters; made from `char_terms_` when first used."""
        return _char_stream(self.char_terms_, self.blocks_["char"].start)

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

    def read(self, chunks: Chunks) -> Parts:
        """Return what chunks bring to their sentences."""
        lowered = [surface.lower() for surface in chunks.surfaces]
        shapes = map(self._mask, chunks.surfaces, lowered)
        classes = [
            [
                column[label]
                for lexicon, column in zip(self.lexicons, self._class_columns, strict=True)
                for label in lexicon.classes_of(surface)
            ]
            for surface in chunks.surfaces
        ]
        chars = self.chars_
        characters = _places(chunks.characters(), _codes(chars.tokens))
        n_characters = chunks.lengths + 2
        found = [(nodes, owner) for nodes, owner, _ in chars.walk(characters, n_characters)]
        if self.settings.char_ngrams[0] == 1:
            owner = np.repeat(np.arange(len(n_characters)), n_characters)
            found.append((characters[characters >= 0], owner[characters >= 0]))
        return Parts(
            chunks.tokens,
            look_up(self.words_.index, lowered),
            look_up(self.masked_.index, shapes),
            Ragged.of(classes),
            found,
        )

    def transform(self, texts: Sequence[str]) -> "csr_matrix":
        """Return the features of each sentence, shape (n_sentences, n_features)."""
        distinct, sentences = distinct_chunks(texts)
        return self._weigh(self._count(Chunks.of(distinct), sentences)).multiplied()

    def _count(self, chunks: Chunks, sentences: Ragged) -> Product:
        """Return the count of each feature in each sentence, scaled by the sentence's length."""
        parts = self.read(chunks)
        n_chunks, n_sentences = len(chunks.lengths), len(sentences.counts)
        # The features of each part: first the chunks, then the runs of both streams.
        rows = np.repeat(np.arange(n_chunks), parts.tokens.counts)
        pairs = [with_columns_of(rows, parts.tokens.flat, parts.classes)]
        of_sentence = [(np.repeat(np.arange(n_sentences), sentences.counts), sentences.flat)]
        pairs += [
            with_columns_of(rows, nodes, self.chars_.node_columns) for nodes, rows in parts.chars
        ]
        n_parts = n_chunks
        in_order = sentences.through(parts.tokens)
        for stream, numbers in ((self.words_, parts.words), (self.masked_, parts.masked)):
            tokens = numbers[parts.tokens.flat]
            known = tokens >= 0
            pairs.append(with_columns_of(rows[known], tokens[known], stream.node_columns))
            first = stream.runs.n_tokens
            n_runs = stream.runs.n_nodes - first
            runs = np.arange(first, stream.runs.n_nodes)
            pairs.append(with_columns_of(n_parts + runs - first, runs, stream.node_columns))
            of_sentence += [
                (owner, nodes + (n_parts - first))
                for nodes, owner, _ in stream.walk(numbers[in_order.flat], in_order.counts)
            ]
            n_parts += n_runs
        tf = Product(
            counts_matrix(of_sentence, (n_sentences, n_parts)),
            counts_matrix(pairs, (n_parts, self.n_features_)),
        )
        tf.left.data *= np.repeat(length_scale(in_order.counts), np.diff(tf.left.indptr))
        return tf

    def _weigh(self, tf: Product) -> Product:
        """Turn term frequencies into TF-IDF, in place."""
        tf.right.data *= self.term_weights_[tf.right.indices]
        return tf


def look_up(index: dict[str, int], strings: Iterable[str]) -> Ints:
    """Return the number of each string, -1 where it has none."""
    return np.array([index.get(string, -1) for string in strings], np.int64)


def with_columns_of(rows: Ints, nodes: Ints, columns: Ragged) -> tuple[Ints, Ints]:
    """Return pairs of row and column: each row with all columns of its node."""
    return np.repeat(rows, columns.counts[nodes]), columns.take(nodes)


def counts_matrix(pairs: Iterable[tuple[Ints, Ints]], shape: tuple[int, int]) -> "csr_matrix":
    """Return the matrix that counts how often each pair of row and column stands in `pairs`."""
    from scipy.sparse import coo_matrix

    rows, columns = (np.concatenate(side).astype(np.int32) for side in zip(*pairs, strict=True))
    return coo_matrix((np.ones(len(rows)), (rows, columns)), shape).tocsr()


class _Nodes(NamedTuple):
    """The nodes that features stand on: word n-grams, masked n-grams, phrases of lexicons."""

    words: Ints
    masked: Ints
    phrases: Ints


def _learn_stream(
    tokens: list[str],
    unigrams: list[str],
    surfaces: list[str],
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
    surfaces : the token that each distinct one of the sentences stands for.
    sentences : the tokens of each sentence, as numbers of `surfaces`.
    ngrams, min_df : length and least document frequency of the n-grams to learn.
    phrases : runs that are known whether or not they occur.
    bounded : as in `Stream`.

    Returns
    -------
    The stream, without columns; the nodes of its n-grams; the nodes of the phrases.
    """
    stream = Stream(tokens, TokenRuns(len(tokens)), Ragged.of([]), bounded)
    index, runs = stream.index, stream.runs
    known = look_up(index, surfaces)
    flat, owner = laid_out(known[sentences.flat], sentences.counts, bounded)

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
            rows = Ragged(numbers, np.bincount(owner[at], minlength=len(sentences.counts)))
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
    return stream, np.concatenate([np.empty(0, np.int64), *learned]), phrase_nodes


def _learn_char_terms(
    chunks: Chunks, sentences: Ragged, ngrams: tuple[int, int], min_df: int
) -> list[str]:
    """Return the character n-grams that stand in at least `min_df` sentences, sorted.

    The same n-grams as scikit-learn's ``analyzer="char_wb"``: of a chunk with a space
    on either side; a chunk shorter than the shortest n-gram is given once, whole.

    Parameters
    ----------
    chunks : distinct chunks.
    sentences : the distinct chunks of each sentence.
    ngrams : lowest and highest number of characters.
    """
    characters = chunks.characters()
    alphabet, tokens = np.unique(characters, return_inverse=True)
    owner = np.repeat(np.arange(len(chunks.lengths)), chunks.lengths + 2)
    text = characters.tobytes().decode("utf-32-le")
    runs = TokenRuns(len(alphabet))
    nodes = tokens
    at = np.arange(len(tokens))
    terms: list[str] = []
    low, high = ngrams
    for length in range(1, high + 1):
        keys = nodes
        if length > 1:
            keys, at = runs.lengthen(nodes, at, tokens, owner, length)
        distinct, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        counted = (length >= low) | (chunks.lengths[owner[at]] + 2 == length)
        n_grams = np.bincount(owner[at[counted]], minlength=len(chunks.lengths))
        df = sentences.document_frequencies(len(distinct), Ragged(numbers[counted], n_grams))
        places = at[first[df >= min_df]]
        terms += [text[i : i + length] for i in places.tolist()]
        nodes = numbers if length == 1 else numbers + runs.n_nodes
        if length > 1:
            runs.add_level(distinct)
    return sorted(terms)


def _char_stream(terms: Sequence[str], first_column: int) -> Stream:
    """Return character n-grams as runs of characters; each run that is a term has its column."""
    lengths = np.fromiter(map(len, terms), np.int64, len(terms))
    starts = np.cumsum(lengths) - lengths
    alphabet, flat = np.unique(_codes(terms), return_inverse=True)
    runs = TokenRuns(len(alphabet))
    nodes = flat[starts]
    for length in range(2, max(lengths, default=1) + 1):
        longer = np.flatnonzero(lengths >= length)
        keys = nodes[longer] * runs.n_tokens + flat[starts[longer] + length - 1]
        level, places = np.unique(keys, return_inverse=True)
        nodes[longer] = runs.n_nodes + places
        runs.add_level(level)
    stream = Stream([chr(code) for code in alphabet.tolist()], runs, Ragged.of([]))
    return _with_columns(stream, nodes, first_column + np.arange(len(terms)))


def _codes(strings: Iterable[str]) -> npt.NDArray[np.uint32]:
    """Return the code points of strings, one after the other."""
    return np.frombuffer("".join(strings).encode("utf-32-le"), np.uint32)


def _places(values: npt.NDArray[np.uint32], known: npt.NDArray[np.uint32]) -> Ints:
    """Return where each value stands in a sorted array, -1 where it does not."""
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    return np.where(known[places] == values, places, -1) if len(known) else places - 1


def _with_columns(stream: Stream, nodes: Ints, columns: Ints) -> Stream:
    """Return the stream with columns for its nodes, given as pairs of node and column."""
    order = np.argsort(nodes, kind="stable")
    counts = np.bincount(nodes, minlength=stream.runs.n_nodes)
    return replace(stream, node_columns=Ragged(columns[order], counts))


def length_scale(n_tokens: Ints) -> Floats:
    """Return the factor that makes sentences of different length comparable."""
    return 1 / np.sqrt(np.maximum(n_tokens, 1))


def _phrases(lexicons: Iterable[Lexicon]) -> list[tuple[str, ...]]:
    return sorted({phrase for lexicon in lexicons for phrase in lexicon.phrases})


def document_frequencies(terms: Sequence[str], sentences: Ragged) -> dict[str, int]:
    """Return for each term in how many sentences it stands.

    Parameters
    ----------
    terms : the term of each number.
    sentences : the numbers of each sentence.
    """
    index = Interned()
    numbers = index.numbers(terms)
    df = Ragged(numbers[sentences.flat], sentences.counts).document_frequencies(len(index))
    return dict(zip(index, df.tolist(), strict=True))


# Rows of scores are picked by `take`, which is four times as fast as indexing.


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
        self._node_scores = [self._scores_of_nodes(stream) for stream in self._streams]
        self._lock = Lock()
        self._n_chunks = self._n_read = 0
        self._known = _KnownChunks(self._weights.shape[1])

    @cached_property
    def _char_scores(self) -> Floats:
        return self._scores_of_nodes(self.featurizer.chars_)

    def _scores_of_nodes(self, stream: Stream) -> Floats:
        """Return the scores of each node of a stream, and zeros at the end, so for node -1."""
        columns = stream.node_columns
        scores = segment_sum(self._weights.take(columns.flat, axis=0), columns.counts)
        return np.concatenate([scores, np.zeros((1, scores.shape[1]))])

    def cache_info(self) -> "CacheInfo":
        """Return how often a chunk was known already, as functools.lru_cache does."""
        return CacheInfo(self._n_chunks - self._n_read, self._n_read, len(self._known.rows))

    def decision_function(self, texts: Sequence[str]) -> Floats:
        """Return the scores of each sentence, shape (n_sentences, n_outputs)."""
        chunks, counts = split_chunks(texts)
        known, ids = self._look_up(chunks)
        scores = segment_sum(known.scores.take(ids, axis=0), counts)
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
                scores += segment_sum(node_scores.take(nodes, axis=0), n_runs)
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
            self._n_chunks += len(chunks)
            if n_new := len(known.rows) - n_known:
                self._n_read += n_new
                new = list(islice(reversed(known.rows), n_new))[::-1]
                try:
                    self._read(new, known)
                except BaseException:
                    # An interrupt would leave chunks that have a row but no scores.
                    self._known = _KnownChunks(self._weights.shape[1])
                    raise
            return known, ids

    def _read(self, chunks: Sequence[str], known: "_KnownChunks") -> None:
        """Add the scores and tokens of new chunks to the table."""
        parts = self.featurizer.read(Chunks.of(chunks))
        words, masked = self._node_scores
        classes = segment_sum(self._weights[parts.classes.flat], parts.classes.counts)
        of_tokens = words[parts.words] + masked[parts.masked] + classes
        scores = segment_sum(of_tokens.take(parts.tokens.flat, axis=0), parts.tokens.counts)
        for nodes, owner in parts.chars:
            counts = np.bincount(owner, minlength=len(chunks))
            scores += segment_sum(self._char_scores.take(nodes, axis=0), counts)
        tokens = np.stack([parts.words, parts.masked], axis=1).take(parts.tokens.flat, axis=0)
        known.append(scores, tokens, parts.tokens)


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

    def append(self, scores: Floats, tokens: Ints, of_chunk: Ragged) -> None:
        """Add the scores of new chunks, and their tokens, one chunk's after the other's."""
        self.scores = put_rows(self.scores, self._size, scores)
        self.n_tokens = put_rows(self.n_tokens, self._size, of_chunk.counts)
        self.first = put_rows(self.first, self._size, self._n_tokens + of_chunk.starts)
        self.tokens = put_rows(self.tokens, self._n_tokens, tokens)
        self._size += len(scores)
        self._n_tokens += len(tokens)
