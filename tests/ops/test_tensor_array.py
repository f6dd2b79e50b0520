"""`tf.TensorArray`: writing, reading, shapes, gradients, errors."""

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")


def run(fetches, feed_dict=None):
    with tf.Session() as session:
        return session.run(fetches, feed_dict)


def test_what_is_written_is_read():
    array = tf.TensorArray(tf.float32, size=3)
    array = array.write(0, [1.0, 2.0]).write(2, [5.0, 6.0]).write(1, [3.0, 4.0])
    assert array.element_shape.as_list() == [2]
    rows, one, size = run([array.stack(), array.read(2), array.size()])
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(one, [5, 6])
    assert size == 3


def test_stack_unstack_gather_scatter():
    x = tf.placeholder(tf.float32, [None, 2])
    array = tf.TensorArray(tf.float32, size=tf.shape(x)[0]).unstack(x)
    value = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(run(array.stack(), {x: value}), value)
    np.testing.assert_array_equal(run(array.gather([2, 0]), {x: value}), value[[2, 0]])
    scattered = tf.TensorArray(tf.float32, size=4).scatter([3, 1], x)
    np.testing.assert_array_equal(run(scattered.stack(), {x: value[:2]}), [[0, 0], [2, 3], [0, 0], [0, 1]])


def test_concat_and_split():
    x = tf.constant(np.arange(6.0))
    array = tf.TensorArray(tf.float64, size=3).split(x, [2, 2, 2])
    rows, joined = run([array.stack(), array.concat()])
    np.testing.assert_array_equal(rows, np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(joined, np.arange(6.0))


def test_a_loop_fills_an_array_anew_in_each_run():
    n = tf.placeholder(tf.int32, [])
    out = tf.while_loop(
        lambda i, _: i < n, lambda i, a: (i + 1, a.write(i, tf.cast(i * i, tf.float32))),
        (0, tf.TensorArray(tf.float32, size=4)),
    )[1]  # fmt: skip
    rows = out.stack()
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(rows, {n: 4}), [0, 1, 4, 9])
        np.testing.assert_array_equal(session.run(rows, {n: 2}), [0, 1, 0, 0])


def test_gradients_of_elements_read_twice_add_up():
    x = tf.placeholder(tf.float32, [3])
    array = tf.TensorArray(tf.float32, size=3).unstack(x)
    y = array.read(0) * array.read(1) + array.read(0)
    np.testing.assert_array_equal(run(tf.gradients(y, x)[0], {x: [2, 3, 4]}), [4, 2, 0])


def test_gradients_through_a_loop_that_reads_and_writes():
    x = tf.placeholder(tf.float64, [None])
    n = tf.shape(x)[0]
    source = tf.TensorArray(tf.float64, size=n).unstack(x)
    _, out, _ = tf.while_loop(
        lambda i, *_: i < n,
        lambda i, o, s: (i + 1, o.write(i, tf.sin(source.read(i)) * s), s + source.read(i)),
        (0, tf.TensorArray(tf.float64, size=n), tf.constant(1.0, tf.float64)),
    )
    y = tf.reduce_sum(out.stack())
    (gradient,) = tf.gradients(y, x)
    for value in ([0.3, 0.5, 0.9], [0.7]):
        value = np.array(value)
        wanted = []
        for i in range(len(value)):
            step = np.eye(len(value))[i] * 1e-6
            wanted.append((run(y, {x: value + step}) - run(y, {x: value - step})) / 2e-6)
        np.testing.assert_allclose(run(gradient, {x: value}), wanted, rtol=1e-6)


def test_an_index_outside_fails():
    i = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.float32, size=2).unstack([1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(array.read(i), {i: 2})


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="Size must be provided if handle is not provided"):
        tf.TensorArray(tf.float32)
    with pytest.raises(ValueError, match="Cannot provide both a handle and size"):
        tf.TensorArray(tf.float32, size=1, handle=tf.constant(1))
    with pytest.raises(ValueError, match="a TensorArray has a fixed size here"):
        tf.TensorArray(tf.float32, size=1, dynamic_size=True)
    array = tf.TensorArray(tf.float32, size=2)
    with pytest.raises(ValueError, match="a TensorArray of float32 cannot hold int32"):
        array.write(0, tf.constant(1))
    with pytest.raises(ValueError, match="Inconsistent shapes: saw .* but expected"):
        array.write(0, [1.0]).write(1, [1.0, 2.0])
