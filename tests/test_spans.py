import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.arrow import Texts
from tagger.errors import DataError
from tagger.features.spans import LongChunks, split_chunks

SPACES = [chr(i) for i in range(sys.maxunicode + 1) if chr(i).isspace()]
# Characters of one to four bytes, a lone surrogate, and some that only look like spaces.
CHARACTERS = [*"ab\0é’😀\x1b\x7f\u3001\u200b\ufeff", "\ud800"]
TEXTS = st.lists(st.text(st.sampled_from([" ", "a", *CHARACTERS, *SPACES])) | st.text())


def chunks_of(texts):
    spans = split_chunks(texts)
    found = spans.strings(np.arange(len(spans.first)))
    ends = np.cumsum(spans.counts)
    return [found[end - n : end] for n, end in zip(spans.counts, ends, strict=True)]


def test_white_space_is_what_python_splits_on():
    characters = [chr(i) for i in range(sys.maxunicode + 1)]
    texts = [f"a{c}b{c}" for c in characters]
    assert chunks_of(texts) == [text.split() for text in texts]


@given(TEXTS)
def test_sentences_are_split_as_python_splits_them(texts):
    assert chunks_of(texts) == [text.split() for text in texts]


@settings(deadline=None)  # the first call imports pyarrow.compute
@given(TEXTS, st.integers(0, 3), st.integers(0, 3))
def test_texts_of_an_arrow_array_are_split_as_those_of_a_list(texts, start, stop):
    texts = [text.replace("\ud800", "?") for text in texts]
    column = Texts(pa.array(texts, pa.string()))[start : len(texts) - stop]
    kept = texts[start : len(texts) - stop]
    assert (len(column), list(column)) == (len(kept), kept)
    assert column.lengths.tolist() == [*map(len, kept)]
    if kept:
        assert (column[0], column[-1]) == (kept[0], kept[-1])
    for one, other in zip(split_chunks(column), split_chunks(kept), strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


@given(st.lists(st.text(st.sampled_from(["a", "\0", "é", "\ud800", "\uffff"]), min_size=1)))
def test_chunks_have_the_same_key_where_they_are_the_same(chunks):
    chunks = [*chunks, "a" * 16, "a" * 17, "a" * 18, "a" * 17]
    keys = zip(*split_chunks([" ".join(chunks)]).keys(LongChunks()), strict=True)
    by_key = dict(zip(keys, chunks, strict=True))
    assert len(by_key) == len(set(chunks))
    spans = split_chunks(chunks)
    long = LongChunks()
    one, two = (spans.keys(long) for _ in range(2))
    assert np.array_equal(one, two)


def test_one_string_is_no_list_of_sentences():
    with pytest.raises(DataError, match="put it in a list"):
        split_chunks("One sentence.")
