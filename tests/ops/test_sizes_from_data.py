"""Indices and sizes that only a feed tells: counted from the end, checked against the tensor, never beyond it."""

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

X = np.arange(6, dtype=np.float32).reshape(2, 3)

PARTS = {
    "x[n]": (lambda x, n: x[n], {0: X[0], 1: X[1], -1: X[-1], -2: X[-2]}),
    "x[n:]": (lambda x, n: x[n:], {1: X[1:], 3: X[3:], -1: X[-1:], -5: X[-5:]}),
    "x[:n]": (lambda x, n: x[:n], {1: X[:1], 3: X[:3], -1: X[:-1], -5: X[:-5]}),
    "x[n::-1]": (lambda x, n: x[n::-1], {0: X[0::-1], 3: X[3::-1], -1: X[-1::-1], -5: X[-5::-1]}),
    "x[:n:-1]": (lambda x, n: x[:n:-1], {0: X[:0:-1], 3: X[:3:-1], -1: X[:-1:-1], -5: X[:-5:-1]}),
    "slice from n": (lambda x, n: tf.slice(x, [n, 0], [-1, 2]), {0: X[:, :2], 1: X[1:, :2], 2: X[2:, :2]}),
    "slice of n": (lambda x, n: tf.slice(x, [0, 1], [n, 1]), {0: X[:0, 1:2], 2: X[:, 1:2], -1: X[:, 1:2]}),
    "reshape": (lambda x, n: tf.reshape(x, [n, -1]), {1: X.reshape(1, 6), 3: X.reshape(3, 2)}),
    "reshape to n": (lambda x, n: tf.reshape(x, tf.stack([n, 2])), {3: X.reshape(3, 2), -1: X.reshape(3, 2)}),
    "split": (lambda x, n: tf.split(x, tf.stack([n, 3 - n]), 1)[1], {0: X, 1: X[:, 1:], 3: X[:, 3:]}),
    "range": (lambda x, n: tf.range(5, 0, n), {-1: np.arange(5, 0, -1), -2: np.arange(5, 0, -2), -7: np.array([5])}),
}

REFUSED = {
    "x[n]": (lambda x, n: x[n], (2, -3), "slice index -?\\d of dimension 0 out of bounds|slice index -?\\d out of bounds"),
    "x[-3]": (lambda x, n: x[-3] * tf.to_float(n), (1,), "slice index -3 of dimension 0 out of bounds: it has 2"),
    "gradient of x[n]": (lambda x, n: tf.gradients(x[n], x)[0], (2, -3), "slice index -?\\d out of bounds of an axis of 2"),
    "slice from n": (lambda x, n: tf.slice(x, [n, 0], [1, 2]), (2, -1), r"Expected a begin or size in \[0, \d\], but got -?\d"),
    "slice of n": (lambda x, n: tf.slice(x, [0, 0], [n, 2]), (3, -2), r"Expected a begin or size in \[0, 2\], but got (3|-2)"),
    "reshape": (lambda x, n: tf.reshape(x, [n, -1]), (4,), "Input to reshape is a tensor with 6 values"),
    "split": (lambda x, n: tf.split(x, tf.stack([n, 3 - n]), 1)[1], (4, -1), "a size must not be negative, got -1"),
    "tile": (lambda x, n: tf.tile(x, [n, 1]), (-1,), r"Expected multiples\[.\] >= 0, but got -1"),
    "fill": (lambda x, n: tf.fill([n], 1.0), (-1,), "Dimension -1 must be >= 0"),
    "pad": (lambda x, n: tf.pad(x, [[n, 0], [0, 0]]), (-1,), "a size must not be negative, got -1"),
    "mirror": (lambda x, n: tf.pad(x, [[n, 0], [0, 0]], "REFLECT"), (2,), "paddings must be less than the dimension size: 2"),
    "broadcast_to": (lambda x, n: tf.broadcast_to(x, [n, 3]), (1, 4), r"shapes: \[2,3\] vs. a size of (1|4)"),
    "one_hot": (lambda x, n: tf.one_hot([0], n), (-1,), "depth must be non-negative, got: -1"),
    "top_k": (lambda x, n: tf.nn.top_k(x, n)[0], (4, -1), r"Had 3, needed 4|Need k >= 0, got -1"),
    "range": (lambda x, n: tf.range(n), (-1,), "Requires start <= limit when delta > 0"),
    "random": (lambda x, n: tf.random_uniform([n]), (-1,), "Dimension -1 must be >= 0"),
    "segments": (lambda x, n: tf.unsorted_segment_sum(x, [0, 0], n), (-1,), "a size must not be negative, got -1"),
    "crops": (
        lambda x, n: tf.batch_to_space_nd(x, [2], [[n, 0]]),
        (-1, 7),
        "a size must not be negative, got -1",
    ),
    "paddings": (
        lambda x, n: tf.space_to_batch_nd(x, [1], [[n, 0]]),
        (-1,),
        "a size must not be negative, got -1",
    ),
    "bitcast": (lambda x, n: tf.bitcast(x, tf.int64), (0,), "sizes 3 and 2 do not fit"),
    "sum to another shape": (
        lambda x, n: tf.gradients(tf.broadcast_to(x, [3, 3]), x)[0],
        (0,),
        "axis 0 has 3 elements, its sum is to have 2",
    ),
}  # fmt: skip


def _built(function, shape):
    x = tf.placeholder(tf.float32, shape)
    n = tf.placeholder(tf.int32, [])
    return x, n, function(x, n)


@pytest.mark.parametrize("shape", [[2, 3], [None, None], None], ids=str)
@pytest.mark.parametrize("name", PARTS)
def test_what_a_feed_asks_for(executor, name, shape):
    function, cases = PARTS[name]
    with tf.Graph().as_default():
        x, n, found = _built(function, shape)
        with tf.Session() as session:
            for value, expected in cases.items():
                np.testing.assert_array_equal(session.run(found, {x: X, n: value}), expected, err_msg=f"n = {value}")


@pytest.mark.skipif(on_reference(), reason="the texts are a plan's own; the reference executor has NumPy's")
@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_exist_is_refused_and_the_session_goes_on(name):
    function, values, text = REFUSED[name]
    with tf.Graph().as_default():
        x, n, found = _built(function, None if name == "bitcast" else [None, 3])
        twice = x * 2
        with tf.Session() as session:
            for value in values:
                with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                    session.run(found, {x: X, n: value})
                np.testing.assert_array_equal(session.run(twice, {x: X}), X * 2)
