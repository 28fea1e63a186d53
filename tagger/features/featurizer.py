"""Tokens -> TF-IDF features, as sums over the parts of a sentence.

Every feature of a sentence is the number of times that one of its *parts*
carries it: a part is a chunk (its character n-grams, its tokens, their lexicon
classes) or a run of two or more tokens (word n-grams and phrases). With raw term
frequency, and a scale that depends on the number of tokens alone, a linear
score of the sentence is the sum of the scores of its parts: that is what makes
`tagger.features.scorer.Scorer` fast and explanations exact.

Term weights are scikit-learn's ``TfidfVectorizer(norm=None)``: tf times
ln((1 + n) / (1 + df)) + 1 (Spärck Jones 1972, smoothed as in scikit-learn).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tagger.errors import ConfigError, DataError, did_you_mean
from tagger.features.arrays import Floats, Ints, Product, Ragged
from tagger.features.block import Block, Packed
from tagger.features.characters import CharNgrams
from tagger.features.chunks import Chunks, Sample, distinct_chunks
from tagger.features.lexicons import LexiconClasses
from tagger.features.masked import MaskedNgrams
from tagger.features.runs import Layout
from tagger.features.settings import FeatureSettings
from tagger.features.vectors import VectorWords
from tagger.features.words import WordNgrams

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BLOCKS: tuple[type[Block], ...] = (
    WordNgrams,
    CharNgrams,
    MaskedNgrams,
    LexiconClasses,
    VectorWords,
)
"""The kinds of features, in the order of their columns."""


def blocks_of(settings: FeatureSettings) -> list[Block]:
    """Return the blocks that settings ask for, to be learned.

    Raises
    ------
    ConfigError : a weight for a block that there is not.
    """
    blocks = [block for kind in BLOCKS for block in kind.of(settings)]
    names = [block.name for block in blocks]
    for name in settings.weights:
        if name not in names:
            raise ConfigError(f"features.weights has {name!r}: {did_you_mean(name, names)}")
    return blocks


class Parts(NamedTuple):
    """What distinct chunks bring to their sentences.

    Parameters
    ----------
    tokens : the tokens of each chunk, as numbers of the distinct tokens.
    nodes : by token stream, the node of each distinct token, -1 where unknown.
    classes : the columns that each distinct token has by its spelling.
    inner : by block with n-grams inside chunks, their nodes and how many each chunk has, by length.
    """

    tokens: Ragged
    nodes: list[Ints]
    classes: Ragged
    inner: list[list[tuple[Ints, Ints]]]


class Featurizer:
    """Sentences -> sparse matrix of TF-IDF features, scaled by sentence length.

    Row i of the matrix is tf * idf * (scale of the feature's block) /
    sqrt(number of tokens). The scale of a block makes the mean squared norm of
    the training sentences one, or the square of the weight that the settings give.

    Parameters
    ----------
    settings : how sentences become features.
    blocks : the kinds of features; those that the settings ask for where None.

    Attributes
    ----------
    blocks : the kinds of features, in the order of their columns.
    df_ : number of training sentences that have each feature, shape (n_features,).
    n_documents_ : number of training sentences.
    scales_ : the scale of each block, by block.
    """

    df_: Ints
    n_documents_: int
    scales_: dict[str, float]

    def __init__(self, settings: FeatureSettings, blocks: Sequence[Block] | None = None) -> None:
        self.settings = settings
        self.blocks = tuple(blocks_of(settings) if blocks is None else blocks)

    # Learning

    def fit(self, texts: Sequence[str]) -> "Featurizer":
        """Learn the vocabulary and document frequencies of `texts`.

        Raises
        ------
        DataError : no term is left.
        """
        self.fit_factors(texts)
        return self

    def fit_factors(self, texts: Sequence[str]) -> Product:
        """Learn from `texts` and return their features, as parts times features of parts."""
        sample = Sample.of(texts, self.settings.spoken)
        for block in self.blocks:
            block.learn(sample, self._guests(block))
        if not any(block.n_features for block in self.blocks if not block.host):
            raise DataError(
                "no term is left: try a lower word_min_df or char_min_df, or more sentences"
            )
        self.lay_out()
        for block in self.blocks:
            block.lay(self._guests(block))
        tf = self._count(sample.chunks, sample.sentences)
        self.n_documents_ = len(texts)
        self.df_ = np.zeros(self.n_features_, np.int64)
        squares = np.zeros(self.n_features_)
        for rows in tf.blocks():
            self.df_ += np.bincount(rows.indices, minlength=self.n_features_)
            squares += np.bincount(rows.indices, rows.data**2, self.n_features_)
        squares *= self.idf_**2
        self.scales_ = {}
        for block in self.blocks:
            mean_square = squares[block.columns].sum() / len(texts)
            weight = self.settings.weights.get(block.name, 1.0)
            self.scales_[block.name] = float(weight / np.sqrt(mean_square)) if mean_square else 1.0
        return self._weigh(tf)

    def _guests(self, host: Block) -> list[Block]:
        return [block for block in self.blocks if block.host == host.name]

    def block(self, name: str) -> Block:
        """Return a block by its name."""
        return next(block for block in self.blocks if block.name == name)

    def lay_out(self) -> None:
        """Give each block its columns."""
        self.n_features_ = 0
        for block in self.blocks:
            block.first = self.n_features_
            self.n_features_ += block.n_features

    @property
    def embedded(self) -> Block | None:
        """The block that a classifier sees through an embedding, if there is one."""
        return next((block for block in self.blocks if block.embedding is not None), None)

    # Saving

    def pack(self) -> Packed:
        """Return what a saved model keeps of the blocks."""
        parts = [block.pack() for block in self.blocks]
        return Packed(
            {name: array for part in parts for name, array in part.arrays.items()},
            {name: data for part in parts for name, data in part.files.items()},
            {name: n for part in parts for name, n in part.n_terms.items()},
        )

    @classmethod
    def unpack(
        cls,
        settings: FeatureSettings,
        packed: Packed,
        df: Ints,
        n_documents: int,
        scales: dict[str, float],
    ) -> "Featurizer":
        """Build a fitted featurizer from what a saved model holds.

        Raises
        ------
        ValueError : the arrays contradict each other.
        """
        blocks = [block for kind in BLOCKS for block in kind.unpack(settings, packed)]
        featurizer = cls(settings, blocks)
        featurizer.df_, featurizer.n_documents_, featurizer.scales_ = df, n_documents, scales
        if any(block.n_features < 0 for block in blocks):
            raise ValueError("a block of features has less than no column")
        if list(scales) != [block.name for block in blocks]:
            raise ValueError("the blocks of features are not those of the settings")
        featurizer.lay_out()
        if len(df) != featurizer.n_features_:
            raise ValueError(f"{len(df)} features, expected {featurizer.n_features_}")
        if (df < 0).any() or (df > n_documents).any():
            raise ValueError("a document frequency is out of range")
        for block in blocks:
            if block.stream is not None:
                block.stream.check(featurizer.n_features_)
        return featurizer

    # Look-ups

    @property
    def blocks_(self) -> dict[str, slice]:
        """By block of features the slice of its columns."""
        return {block.name: block.columns for block in self.blocks}

    @property
    def idf_(self) -> Floats:
        """Inverse document frequency of each feature, shape (n_features,)."""
        return np.log((1 + self.n_documents_) / (1 + self.df_)) + 1

    @property
    def term_weights_(self) -> Floats:
        """What each feature's count is multiplied with: idf times the block's scale."""
        sizes = [block.n_features for block in self.blocks]
        return self.idf_ * np.repeat(list(self.scales_.values()), sizes)

    def knows(self, tokens: Iterable[str]) -> int:
        """Return how many of some tokens, in lower case, stand in the vocabulary of words."""
        stream = self.block(WordNgrams.name).stream
        return 0 if stream is None else sum(map(stream.index.__contains__, tokens))

    # Reading sentences

    def read(self, chunks: Chunks) -> Parts:
        """Return what chunks bring to their sentences."""
        classes: list[list[int]] = [[]] * len(chunks.surfaces)
        for block in self.blocks:
            if block.classes_of is None:
                continue
            for i, features in enumerate(map(block.classes_of, chunks.surfaces)):
                if features:
                    classes[i] = classes[i] + [block.first + k for k in features]
        return Parts(
            chunks.tokens,
            [b.stream.numbers(b.written(chunks)) for b in self.blocks if b.stream is not None],
            Ragged.of(classes),
            [block.walk(chunks) for block in self.blocks if block.inner is not None],
        )

    def transform(self, texts: Sequence[str]) -> "csr_matrix":
        """Return the features of each sentence, shape (n_sentences, n_features)."""
        distinct, sentences = distinct_chunks(texts)
        chunks = Chunks.of(distinct, self.settings.spoken)
        return self._weigh(self._count(chunks, sentences)).multiplied()

    def _count(self, chunks: Chunks, sentences: Ragged) -> Product:
        """Return the count of each feature in each sentence, scaled by the sentence's length."""
        parts = self.read(chunks)
        n_chunks, n_sentences = len(chunks.lengths), len(sentences.counts)
        # The features of each part: first the chunks, then the runs of the streams.
        rows = np.repeat(np.arange(n_chunks), parts.tokens.counts)
        pairs = [_with_columns_of(rows, parts.tokens.flat, parts.classes)]
        of_sentence = [(np.repeat(np.arange(n_sentences), sentences.counts), sentences.flat)]
        inner = (block.inner for block in self.blocks if block.inner is not None)
        for stream, walked in zip(inner, parts.inner, strict=True):
            pairs += [
                _with_columns_of(np.repeat(np.arange(n_chunks), counts), nodes, stream.node_columns)
                for nodes, counts in walked
            ]
        n_parts = n_chunks
        in_order = sentences.through(parts.tokens)
        layout = Layout(in_order.counts)
        streams = (block.stream for block in self.blocks if block.stream is not None)
        for stream, numbers in zip(streams, parts.nodes, strict=True):
            tokens = numbers[parts.tokens.flat]
            known = tokens >= 0
            pairs.append(_with_columns_of(rows[known], tokens[known], stream.node_columns))
            first = stream.runs.n_tokens
            runs = np.arange(first, stream.runs.n_nodes)
            pairs.append(_with_columns_of(n_parts + runs - first, runs, stream.node_columns))
            of_sentence += [
                (np.repeat(np.arange(n_sentences), layout.counts(at)), nodes + (n_parts - first))
                for nodes, at in stream.walk(numbers[in_order.flat], layout)
            ]
            n_parts += len(runs)
        tf = Product(
            _counts_matrix(of_sentence, (n_sentences, n_parts)),
            _counts_matrix(pairs, (n_parts, self.n_features_)),
        )
        tf.left.data *= np.repeat(length_scale(in_order.counts), np.diff(tf.left.indptr))
        return tf

    def _weigh(self, tf: Product) -> Product:
        """Turn term frequencies into TF-IDF, in place."""
        tf.right.data *= self.term_weights_[tf.right.indices]
        return tf


def _with_columns_of(rows: Ints, nodes: Ints, columns: Ragged) -> tuple[Ints, Ints]:
    """Return pairs of row and column: each row with all columns of its node."""
    return np.repeat(rows, columns.counts[nodes]), columns.take(nodes)


def _counts_matrix(pairs: Iterable[tuple[Ints, Ints]], shape: tuple[int, int]) -> "csr_matrix":
    """Return the matrix that counts how often each pair of row and column stands in `pairs`."""
    from scipy.sparse import coo_matrix

    rows, columns = (np.concatenate(side).astype(np.int32) for side in zip(*pairs, strict=True))
    return coo_matrix((np.ones(len(rows)), (rows, columns)), shape).tocsr()


def length_scale(n_tokens: Ints) -> Floats:
    """Return the factor that makes sentences of different length comparable."""
    return 1 / np.sqrt(np.maximum(n_tokens, 1))
