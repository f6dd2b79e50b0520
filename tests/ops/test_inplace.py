"""Rows put, added and subtracted at places that are counted around, as TensorFlow 1.15 does it, and tensors made to be filled."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.python.ops import inplace_ops

X = np.arange(12, dtype=np.float32).reshape(4, 3)


def run(tensor, feeds=None):
    with tf.Session() as session:
        return session.run(tensor, feeds)


@pytest.mark.parametrize(
    "places, rows", [([0, 2], 10 * np.ones((2, 3))), ([-1, 4], [[1, 2, 3], [4, 5, 6]]), ([], np.ones((0, 3)))]
)
@pytest.mark.parametrize("shape", [[4, 3], [None, 3], None])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.int32, tf.uint8])
def test_rows_are_changed_at_places_counted_around(executor, places, rows, shape, dtype):
    x = tf.placeholder(dtype, shape)
    i, v = tf.placeholder(tf.int32, [None]), tf.placeholder(dtype, None if shape is None else [None, 3])
    feeds = {x: X, i: np.array(places, np.int32), v: np.array(rows).astype(dtype.as_numpy_dtype)}
    expected = [X.astype(dtype.as_numpy_dtype) for _ in range(3)]
    for place, row in zip(places, np.array(rows).astype(dtype.as_numpy_dtype)):
        expected[0][place % 4] = row
        expected[1][place % 4] += row
        expected[2][place % 4] -= row
    functions = [inplace_ops.alias_inplace_update, inplace_ops.alias_inplace_add, inplace_ops.alias_inplace_sub]
    changed = [function(x, i, v) for function in functions]
    assert [y.shape.as_list() if y.shape.ndims else None for y in changed] == [shape] * 3
    for found, wanted in zip(run(changed, feeds), expected):
        np.testing.assert_array_equal(found, wanted)


def test_equal_places_count_each_time(executor):
    v = [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]
    assert run(inplace_ops.inplace_add(X, [1, 1], v))[1].tolist() == [14.0, 26.0, 38.0]
    assert run(inplace_ops.inplace_sub(X, [1, 1], v))[1].tolist() == [-8.0, -18.0, -28.0]
    assert run(inplace_ops.inplace_update(X, [1, 1], v))[1].tolist() == [10.0, 20.0, 30.0]


def test_one_row_and_all_of_them(executor):
    one = inplace_ops.alias_inplace_add(tf.constant(X), 1, [1.0, 2.0, 3.0])
    whole = inplace_ops.alias_inplace_sub(tf.constant(X), None, np.ones((4, 3), np.float32))
    assert one.shape == [4, 3] and run(one)[1].tolist() == [4.0, 6.0, 8.0]
    assert whole.op.type == "Reshape" and run(whole).tolist() == (X - 1).tolist()


def test_what_the_rows_are_taken_from_stays_what_it_was(executor):
    v = tf.Variable(X)
    changed = inplace_ops.inplace_update(v, [0], [[9.0, 9.0, 9.0]])
    constant = tf.constant(X)
    added = inplace_ops.alias_inplace_add(constant, [0], [[1.0, 1.0, 1.0]])
    assert changed.op.inputs[0].op.type == "DeepCopy"
    with tf.Session() as session:
        session.run(v.initializer)
        for _ in range(2):
            assert session.run(changed)[0].tolist() == [9.0] * 3 and session.run(v).tolist() == X.tolist()
            assert session.run(added)[0].tolist() == [1.0, 2.0, 3.0] and session.run(constant).tolist() == X.tolist()


def test_rows_put_by_a_loop(executor):
    def body(i, x):
        return i + 1, inplace_ops.alias_inplace_update(x, i, tf.fill([2], tf.cast(i, tf.float32)))

    _, x = tf.while_loop(lambda i, x: i < 3, body, [0, tf.zeros([4, 2])])
    assert run(x)[:, 0].tolist() == [0.0, 1.0, 2.0, 0.0]


def test_texts_and_truths_are_put_but_not_added(executor):
    assert run(inplace_ops.alias_inplace_update([["a"], ["c"]], [-1], [["b"]])).tolist() == [[b"a"], [b"b"]]
    assert run(inplace_ops.alias_inplace_update([[True], [True]], [0], [[False]])).tolist() == [[False], [True]]
    for value, name in (("a", "string"), (True, "bool")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"Unsupported data type: {name}"):
            run(inplace_ops.alias_inplace_add([[value]], [0], [[value]]))


@pytest.mark.parametrize(
    "i, v, text",
    [([0, 1], np.ones((1, 3)), r"i and x shape doesn't match at index 0: \[2\] vs. \[1,3\]"),
     ([0, 1], np.ones((2, 2)), r"x and v shape doesn't match at index 1 : \[4,3\] vs. \[2,2\]"),
     ([0], np.ones(3), r"x and v shape doesn't match \(ranks differ\): \[4,3\] vs. \[3\]"),
     ([[0]], np.ones((1, 3)), r"i must be a vector. \[1,1\]")],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [tf.float32, tf.int32])
def test_shapes_that_do_not_belong_together_are_refused_in_the_run(executor, i, v, text, dtype):
    y = tf.raw_ops.InplaceUpdate(x=tf.constant(X, dtype), i=i, v=tf.constant(v, dtype))
    assert y.shape == [4, 3]
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run(y)


def test_nothing_flows_back_through_them():
    x = tf.ones([2, 2])
    with pytest.raises(LookupError, match="No gradient defined for operation 'InplaceAdd'"):
        tf.gradients(inplace_ops.alias_inplace_add(x * 1, [0], [[1.0, 1.0]]), x)


def test_tensors_to_be_filled(executor):
    sizes = tf.placeholder(tf.int32, [2])
    assert run(inplace_ops.empty([2, 3], tf.int32, init=True)).tolist() == [[0] * 3] * 2
    assert run(inplace_ops.empty([2], tf.string, init=True)).tolist() == [b"", b""]
    assert run(inplace_ops.empty(sizes, tf.float32), {sizes: [2, 3]}).shape == (2, 3)
    like = inplace_ops.empty_like(tf.constant(X), init=True)
    assert like.shape == [4, 3] and not run(like).any() and like.op.get_attr("init")
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 0 for 'wrong' "):
        inplace_ops.empty(3, tf.float32, name="wrong")
    with pytest.raises(tf.errors.InvalidArgumentError, match="Dimension -1 must be >= 0"):
        run(inplace_ops.empty([-1], tf.float32))
