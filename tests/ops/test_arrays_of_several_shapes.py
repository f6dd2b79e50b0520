"""TensorArrays whose elements have shapes of their own, and their concatenation. What is expected was computed by TensorFlow 1.15."""

import numpy as np
import pytest

import hookloop as tf


def written_in_a_loop(count, element, **arguments):
    array = tf.TensorArray(tf.float32, count, infer_shape=False, **arguments)
    return tf.while_loop(lambda i, _: i < count, lambda i, rows: (i + 1, rows.write(i, element(i))), [0, array])[1]


def ones(i):
    """i + 1 times i."""
    return tf.ones([i + 1]) * tf.cast(i, tf.float32)


def test_elements_that_a_loop_writes(executor):
    count = tf.placeholder_with_default(3, [])
    rows = written_in_a_loop(count, ones, clear_after_read=False)
    with tf.Session() as session:
        joined, last, first = session.run([rows.concat(), rows.read(count - 1), rows.read(0)])
        assert (joined.tolist(), last.tolist(), first.tolist()) == ([0, 1, 1, 2, 2, 2], [2, 2, 2], [0])
        assert session.run(rows.concat(), {count: 4}).tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]


def test_elements_that_are_written_one_by_one_and_their_gradients(executor):
    x, y = tf.placeholder(tf.float32, None), tf.placeholder(tf.float32, None)
    rows = tf.TensorArray(tf.float32, 2, infer_shape=False, clear_after_read=False).write(0, x).write(1, y)
    slopes = tf.gradients([tf.reduce_sum(rows.concat() * [1.0, 2.0, 3.0]), rows.read(1) ** 2], [x, y])
    unread = tf.gradients(rows.read(1) ** 2, [x, y])
    with tf.Session() as session:
        found = session.run([*slopes, *unread], {x: [5.0], y: [6.0, 7.0]})
    assert [value.tolist() for value in found] == [[1], [14, 17], [0], [12, 14]]


def test_gradients_through_a_loop_that_writes_them(executor):
    x = tf.placeholder(tf.float32, [])
    rows = written_in_a_loop(3, lambda i: ones(i) * x, clear_after_read=False)
    read = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + tf.reduce_sum(rows.read(i) ** 2)), [0, 0.0])[1]
    slopes = [tf.gradients(rows.concat(), x)[0], tf.gradients(read, x)[0]]
    with tf.Session() as session:
        assert session.run([read, *slopes], {x: 2.0}) == [56.0, 8.0, 56.0]


def test_elements_of_several_ranks(executor):
    a, b = tf.placeholder_with_default([[1.0, 2.0]], None), tf.placeholder_with_default(3.0, None)
    rows = tf.TensorArray(tf.float32, 2, infer_shape=False, clear_after_read=False).write(0, a)
    first = rows.read(0)
    rows = rows.write(1, b)
    with tf.Session() as session:
        found = session.run([first, rows.read(1), rows.read(0)])
    assert [value.tolist() for value in found] == [[[1, 2]], 3, [[1, 2]]]


def test_an_array_that_grows(executor):
    count = tf.placeholder(tf.int32, [])
    rows = tf.TensorArray(tf.int32, 0, dynamic_size=True, infer_shape=False)

    def body(i, rows):
        return i + 1, rows.write(i, tf.fill([2 - i % 2, 2], i))

    rows = tf.while_loop(lambda i, _: i < count, body, [0, rows])[1]
    with tf.Session() as session:
        joined, size = session.run([rows.concat(), rows.size()], {count: 3})
    assert (joined.tolist(), size) == ([[0, 0], [0, 0], [1, 1], [2, 2], [2, 2]], 3)


def array(size=2, **arguments):
    return tf.TensorArray(tf.float32, size, infer_shape=False, **arguments)


def fed(*shape):
    return tf.placeholder_with_default(np.ones(shape, "f"), None)


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: array().write(0, fed(1)).write(1, fed(2)).stack(),
            r"TensorArray has inconsistent shapes.  Index 0 has shape: \[1\] but index 1 has shape: \[2\]",
        ),
        (
            lambda: array().write(0, fed(1, 2)).write(1, fed(2, 3)).concat(),
            r"Index 0 has \(excepting dimension 0\) shape: \[2\] but index 1 has \(excepting dimension 0\) shape: \[3\]",
        ),
        (
            lambda: array().write(0, fed(2)).write(1, fed()).concat(),
            "Concat saw a scalar shape at index 1 but requires at least vectors.  Did you mean to call pack?",
        ),
        (
            lambda: tf.TensorArray(tf.float32, 3).unstack([1.0, 2.0, 3.0]).concat(),
            "Concat saw a scalar shape at index 0 but requires at least vectors.  Did you mean to call pack?",
        ),
        (
            lambda: array(element_shape=[4]).write(0, fed(3)).flow,
            "the value shape is .3. which is incompatible with the TensorArray's inferred element shape",
        ),
        (
            lambda: array(element_shape=[None, 4]).write(0, fed(3, 3)).write(1, fed(2, 4)).flow,
            "the value shape is .3,3. which is incompatible with the TensorArray's inferred element shape",
        ),
        (
            lambda: array(element_shape=[4]).unstack(fed(2, 3)).flow,
            "the value shape is .3. which is incompatible with the TensorArray's inferred element shape",
        ),
        (
            lambda: array(element_shape=[4]).write(0, fed()).flow,
            r"the value shape is \[\] which is incompatible with the TensorArray's inferred element shape",
        ),
        (lambda: array().scatter([0, 1], fed(3, 2)).flow, "Expected len.indices. == values.shape.0., but saw: 2 vs. 3"),
        (
            lambda: array().scatter(tf.placeholder_with_default([0, 1], [None]), fed(3)).flow,
            "Expected len.indices. == values.shape.0., but saw: 2 vs. 3",
        ),
        (
            lambda: tf.TensorArray(tf.string, 2).scatter([0, 1], tf.placeholder_with_default(["a"], None)).flow,
            "Expected len.indices. == values.shape.0., but saw: 2 vs. 1",
        ),
        (
            lambda: array().scatter([0], fed()).flow,
            r"Expected value to be at least a vector, but received shape: \[\]",
        ),
        (
            lambda: (
                tf.TensorArray(tf.string, 2)
                .write(0, ["a"])
                .write(1, tf.placeholder_with_default(["b", "c"], None))
                .flow
            ),
            r"Could not write to TensorArray index 1 because the value shape is \[2\] which is incompatible with the "
            r"TensorArray's inferred element shape: \[1\]",
        ),
    ],
)
def test_elements_that_do_not_fit(executor, make, text):
    tensor = make()
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(tensor)


def test_no_element_is_joined_where_the_other_sizes_are_known(executor):
    with tf.Session() as session:
        assert session.run(array(0, element_shape=[None, 3]).concat()).shape == (0, 3)
        with pytest.raises(tf.errors.UnimplementedError, match="TensorArray has size zero, but element_shape_except0"):
            session.run(array(0).concat())


def test_no_elements_have_the_shape_of_the_others(executor):
    count = tf.placeholder(tf.int32, [])
    texts = tf.TensorArray(tf.string, count, infer_shape=False, clear_after_read=False)
    texts = tf.while_loop(
        lambda i, _: i < count, lambda i, rows: (i + 1, rows.write(i, tf.as_string(ones(i)))), [0, texts]
    )[1]
    none = tf.constant([], tf.int32)
    found = [rows.gather(none) for rows in (written_in_a_loop(count, ones, clear_after_read=False), texts)]
    with tf.Session() as session:
        assert [value.shape for value in session.run(found, {count: 2})] == [(0, 1)] * 2
        for rows in found:
            with pytest.raises(tf.errors.UnimplementedError, match="has size zero, but element shape <unknown> is not"):
                session.run(rows, {count: 0})


def split_by_a_node(lengths, value, size=2, **arguments):
    from hookloop.python.ops import gen_data_flow_ops

    rows = array(size, clear_after_read=False, **arguments)
    lengths = tf.convert_to_tensor(lengths, tf.int64)
    flow = gen_data_flow_ops.tensor_array_split_v3(rows.handle, value, lengths, rows.flow)
    return tf.TensorArray(tf.float32, handle=rows.handle, flow=flow, infer_shape=False)


def test_a_node_that_splits_a_value_and_its_gradient(executor):
    x = tf.placeholder(tf.float32, [None])
    rows = split_by_a_node([1, 2], x)
    read = rows.read(1)
    with tf.Session() as session:
        found = session.run([read, tf.gradients(read * 4.0, x)[0]], {x: [1.0, 2.0, 3.0]})
    assert [value.tolist() for value in found] == [[2, 3], [0, 4, 4]]


@pytest.mark.parametrize(
    "lengths, shape, text",
    [
        ([1, 1], [3], "Expected sum of lengths to be equal to values.shape.0., but sum of lengths is 2 and value's shape is: .3."),
        ([1, 1, 1], [3], "size is not equal to the size of lengths .2 vs. 3., and the TensorArray is not marked as dynamically"),
        ([1, 1], [], r"Expected value to be at least a vector, but received shape: \[\]"),
        ([[1, 2]], [3], r"Expected lengths to be a vector, received shape: \[1,2\]"),
        ([-1, 4], [3], r"Expected lengths of at least 0, got \[-1, 4\]"),
    ],
)  # fmt: skip
def test_parts_that_there_are_not(executor, lengths, shape, text):
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(split_by_a_node(lengths, fed(*shape)).size())


def lengths_of_pairs():
    """The lengths that the concatenation of two pairs tells."""
    return tf.TensorArray(tf.float32, 2).unstack([[1.0, 2.0], [3.0, 4.0]]).concat().op.outputs[1]


def test_a_value_is_split_into_as_many_parts_as_are_named_of_a_concatenation(executor):
    lengths = lengths_of_pairs()
    rows = split_by_a_node(lengths[1:], fed(2), size=1)
    both = split_by_a_node(lengths, tf.placeholder_with_default([5.0, 6.0, 7.0, 8.0], [None]))
    with tf.Session() as session:
        found = session.run([rows.read(0), both.read(0), both.read(1)])
    assert [value.tolist() for value in found] == [[1, 1], [5, 6], [7, 8]]


@pytest.mark.parametrize(
    "shape, size, text",
    [
        ([3], 2, "Expected sum of lengths to be equal to values.shape.0., but sum of lengths is 4 and value's shape is: .3."),
        ([6], 2, "Expected sum of lengths to be equal to values.shape.0., but sum of lengths is 4 and value's shape is: .6."),
        ([], 2, "Expected value to be at least a vector, but received shape"),
        ([4], 3, "size is not equal to the size of lengths .3 vs. 2., and the TensorArray is not marked as dynamically"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("known", [False, True])
def test_parts_of_a_value_that_is_shorter_or_longer_than_what_was_joined(executor, known, shape, size, text):
    """Memory behind the value was read."""
    value = tf.placeholder_with_default(np.ones(shape, "f"), shape if known else [None] * len(shape))
    rows = split_by_a_node(lengths_of_pairs(), value, size)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run([rows.read(0), rows.read(1)])


@pytest.mark.parametrize("get", ["concat", "stack"])
@pytest.mark.parametrize("even", [False, True])
def test_second_derivatives_are_refused(executor, get, even):
    """As in TensorFlow; they came out as zeros."""
    x = tf.placeholder(tf.float32, [2])
    rows = array(clear_after_read=False).write(0, x).write(1, x if even or get == "stack" else x[:1])
    slope = tf.gradients(getattr(rows, get)() ** 3, x)[0]
    with tf.Session() as session:
        session.run(slope, {x: [1.0, 2.0]})
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="Wrong input container: gradients of a TensorArray have none"
        ):
            session.run(tf.gradients(slope, x), {x: [1.0, 2.0]})
