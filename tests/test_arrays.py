import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tagger.features.arrays import HashTable, Interned, Product, Ragged, put_rows, segment_sum


def test_segment_sum_takes_empty_segments():
    values = np.array([[1.0], [2.0], [4.0]])
    assert segment_sum(values, np.array([0, 2, 0, 1, 0])).ravel().tolist() == [0, 3, 0, 4, 0]
    assert segment_sum(values[:0], np.array([0, 0])).ravel().tolist() == [0, 0]


def test_ragged_rows():
    rows = Ragged.of([[3, 1], [], [2]])
    assert rows[0] == [3, 1]
    assert rows[1] == []
    assert rows.take(np.array([2, 0, 1])).tolist() == [2, 3, 1]


KEYS = st.integers(0, 50) | st.integers(0, 2**62)


@given(st.lists(KEYS, unique=True), st.lists(KEYS))
def test_hash_table_finds_what_a_dict_finds(keys, asked):
    place = {key: i for i, key in enumerate(keys)}
    table = HashTable(np.array(keys, np.int64))
    asked = asked + keys
    assert table.find(np.array(asked, np.int64)).tolist() == [place.get(k, -1) for k in asked]


def test_strings_are_numbered_as_they_come():
    interned = Interned()
    assert interned.numbers(["b", "a", "b"]).tolist() == [0, 1, 0]
    assert list(interned) == ["b", "a"]


def test_rows_are_put_into_a_growing_array():
    array = put_rows(np.empty((0, 1)), 0, np.array([[1.0]]))
    array = put_rows(array, 1, np.array([[2.0], [3.0]]))
    assert array[:3].ravel().tolist() == [1, 2, 3]


def test_a_product_answers_like_its_matrix():
    left = csr_matrix(np.array([[1.0, 0, 2], [0, 3, 0]]))
    right = csr_matrix(np.array([[1.0, 0, 0, 5], [0, 1, 1, 0], [2, 0, 0, 0]]))
    product, matrix = Product(left, right), (left @ right).toarray()
    assert product.shape == matrix.shape
    assert (product.multiplied() == matrix).all()
    assert (product @ np.arange(4.0) == matrix @ np.arange(4.0)).all()
    assert (product.T @ np.arange(2.0) == matrix.T @ np.arange(2.0)).all()
    assert (product.rows(np.array([1])).multiplied() == matrix[[1]]).all()
    blocks = list(product.blocks(n_rows=1))
    assert [block.toarray().tolist() for block in blocks] == [[row.tolist()] for row in matrix]
    some = product.columns(np.array([3, 0]))
    assert (some.multiplied() == matrix[:, [3, 0]]).all()
    assert some.left.shape == (2, 2)  # the middle one carries neither column
