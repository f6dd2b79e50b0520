"""`UniqueV2` and `UniqueWithCountsV2`: distinct rows along an axis, in the order of their first appearance, as in TensorFlow 1.15."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.python.ops import array_ops

M = np.array([[1, 0, 0], [1, 0, 0], [2, 0, 0]], np.float32)


def distinct(x, axis, **more):
    with tf.Session() as session:
        return session.run(tf.raw_ops.UniqueWithCountsV2(x=x, axis=axis, **more))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8, np.float16, np.bool_])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_rows_in_the_order_of_their_first_appearance(executor, dtype, axis):
    x = np.random.RandomState(0).randint(0, 2 if dtype == np.bool_ else 3, [60, 2, 3]).astype(dtype)
    x = np.moveaxis(x, 0, axis)
    y, index, count = distinct(tf.placeholder_with_default(x, [None] * 3), [axis])
    rows = [np.take(x, i, axis).tobytes() for i in range(60)]
    firsts = sorted({row: rows.index(row) for row in rows}.values())
    np.testing.assert_array_equal(y, np.take(x, firsts, axis))
    assert index.tolist() == [firsts.index(rows.index(row)) for row in rows]
    assert count.tolist() == [rows.count(rows[i]) for i in firsts]
    np.testing.assert_array_equal(np.take(y, index, axis), x)


def test_columns_of_a_known_matrix_and_elements_of_a_vector(executor):
    y, index, count = distinct(M, [1], out_idx=tf.int64)
    assert y.tolist() == [[1, 0], [1, 0], [2, 0]] and index.tolist() == [0, 1, 1] and count.tolist() == [1, 2]
    assert index.dtype == count.dtype == np.int64
    for axis in ([], [0], [-1]):
        y, index, count = distinct(np.array([3, 1, 3, 2, 1]), np.array(axis, np.int32))
        assert y.tolist() == [3, 1, 2] and index.tolist() == [0, 1, 0, 2, 1] and count.tolist() == [2, 2, 1]


def test_both_zeros_are_one_and_a_nan_equals_nothing(executor):
    nan = np.nan
    assert distinct(np.array([[nan, 1], [nan, 1], [1, 2]], np.float32), [0]).idx.tolist() == [0, 1, 2]
    assert distinct(np.array([[0.0], [-0.0], [1]], np.float32), [0]).idx.tolist() == [0, 0, 1]


def test_rows_of_nothing_and_no_rows(executor):
    y, index, count = distinct(np.zeros([2, 0], np.float32), [0])
    assert y.shape == (1, 0) and index.tolist() == [0, 0] and count.tolist() == [2]
    y, index, count = distinct(np.zeros([0, 3], np.float32), [0])
    assert y.shape == (0, 3) and index.tolist() == count.tolist() == []
    y, index, count = distinct(np.zeros([2, 0], np.float32), [1])
    assert y.shape == (2, 0) and index.tolist() == count.tolist() == []


def test_texts(executor):
    y, index, count = distinct([["a", "b"], ["a", "b"], ["c", "d"]], [0])
    assert y.tolist() == [[b"a", b"b"], [b"c", b"d"]] and index.tolist() == [0, 0, 1] and count.tolist() == [2, 1]


def test_the_axis_and_the_sizes_may_change_from_run_to_run(executor):
    x, axis = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.int64, [None])
    y, index = tf.raw_ops.UniqueV2(x=x, axis=axis)
    with tf.Session() as session:
        for value, where, wanted in (
            (M, 0, (2, 3)),
            (M, 1, (3, 2)),
            (M[:2], 0, (1, 3)),
            (M[:, :1], -1, (3, 1)),
            (M, -2, (2, 3)),
        ):
            assert session.run([y, index], {x: value, axis: [where]})[0].shape == wanted
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"axis has to be between \[0, 2\)"):
            session.run(y, {x: M, axis: [2]})
        assert session.run(y, {x: M, axis: [0]}).shape == (2, 3)


def test_shapes_while_a_graph_is_built():
    y, index, count = tf.raw_ops.UniqueWithCountsV2(x=M, axis=[1])
    assert [t.shape.as_list() for t in (y, index, count)] == [[3, None], [3], [None]]
    y, index = array_ops.unique_v2(M, [0]), array_ops.unique_with_counts_v2(M, [0])
    assert [t.name for t in (*y, *index)] == [
        "UniqueV2:0", "UniqueV2:1", "UniqueWithCountsV2_1:0", "UniqueWithCountsV2_1:1", "UniqueWithCountsV2_1:2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "x, axis, text",
    [(M, [], "unique expects a 1D vector"), (M, [2], r"axis has to be between \[0, 2\)"), (M, [-3], r"axis has to be between \[0, 2\)"),
     (M, 0, "axis expects a 1D vector"), (M, [0, 1], "axis does not support input tensors larger than 1 elements"),
     (np.float32(1), [], "unique expects a 1D vector")],
)  # fmt: skip
def test_another_axis_is_refused_in_the_run(executor, x, axis, text):
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        distinct(x, np.array(axis, np.int64))


def test_equal_bits_for_any_number_of_threads():
    x = np.random.RandomState(1).randint(0, 4, [5000, 5]).astype(np.float32)
    found = []
    for threads in (1, 3):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.append(
                session.run(tf.raw_ops.UniqueWithCountsV2(x=tf.placeholder_with_default(x, [None, 5]), axis=[0]))
            )
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)
