import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from tagger.features.arrays import (
    HashTable,
    Interned,
    Product,
    Ragged,
    put_rows,
    segment_sum,
    sum_rows,
)


def test_segment_sum_takes_empty_segments():
    values = np.array([1.0, 2.0, 4.0])
    assert segment_sum(values, np.array([0, 2, 0, 1, 0])).tolist() == [0, 3, 0, 4, 0]
    assert segment_sum(values[:0], np.array([0, 0])).tolist() == [0, 0]


@given(st.lists(st.lists(st.integers(0, 3))), st.integers(1, 3))
def test_rows_are_summed_one_after_the_other_with_and_without_scipy(rows, n_columns):
    table = np.random.default_rng(0).normal(size=(4, n_columns))
    ragged = Ragged.of(rows)
    sums = sum_rows(table, ragged.flat, ragged.counts)
    one_by_one = np.zeros((len(rows), n_columns))
    for own, row in zip(one_by_one, rows, strict=True):
        for i in row:
            own += table[i]
    assert sums.dtype == np.float64 and sums.tobytes() == one_by_one.tobytes()
    assert (ragged.matrix(len(table)) @ table).tobytes() == one_by_one.tobytes()


def test_ragged_rows():
    rows = Ragged.of([[3, 1], [], [2]])
    assert rows[0] == [3, 1]
    assert rows[1] == []
    assert rows.take(np.array([2, 0, 1])).tolist() == [2, 3, 1]


KEYS = st.integers(0, 50) | st.integers(0, 2**64 - 1)


@given(st.lists(st.lists(KEYS)), st.lists(KEYS))
def test_hash_table_finds_what_a_dict_finds(added, asked):
    numbers: dict[int, int] = {}
    table, n = HashTable(), 0
    for keys in added:
        new = [key for key in keys if key not in numbers]
        firsts = table.add(np.array(new, np.uint64))
        for i, key in enumerate(new):
            numbers.setdefault(key, n + i)
        n += len(new)
        assert firsts.tolist() == [numbers[key] for key in new]
    asked = asked + list(numbers)
    assert len(table) == n
    assert table.find(np.array(asked, np.uint64)).dtype == np.int64  # times the tokens it is large
    assert table.find(np.array(asked, np.uint64)).tolist() == [numbers.get(k, -1) for k in asked]


def test_keys_of_a_hash_table_may_have_several_words():
    one, two = np.array([[1, 1, 2], [1, 2, 1]], np.uint64)
    table = HashTable(2)
    assert table.find(one, two).tolist() == [-1, -1, -1]
    table.add(one[1:], two[1:])
    assert table.find(one, two).tolist() == [-1, 0, 1]


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
