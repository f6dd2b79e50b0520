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


@pytest.mark.parametrize("shape", [[1], [None], None], ids=str)
@pytest.mark.parametrize("wanted", [[-1, -1, 1], [1, -1, -1], [-1, 1, -1]])
def test_two_sizes_that_are_left_open(executor, shape, wanted):
    x, sizes = tf.placeholder(tf.float32, shape), tf.placeholder(tf.int32, [3])
    y = tf.reshape(x, sizes)
    first, second = [place for place, size in enumerate(wanted) if size == -1]
    text = f"Only one input size may be -1, not both {first} and {second}"
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(y, {x: [3.0], sizes: wanted})
        assert session.run(y, {x: [3.0], sizes: [1, -1, 1]}).tolist() == [[[3.0]]]
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be non-negative, not -2"):
            session.run(y, {x: [3.0], sizes: [min(2 * size, 1) for size in wanted]})  # -2 is no size that is left open


def test_no_rows_are_flattened(executor):
    x = tf.placeholder(tf.float32, [None, 4, 5])
    y = tf.matmul(tf.reshape(x, [tf.shape(x)[0], -1]), tf.ones([20, 3]))
    with tf.Session() as session:
        assert session.run(y, {x: np.ones((2, 4, 5))}).tolist() == [[20.0] * 3] * 2
        assert session.run(y, {x: np.ones((0, 4, 5))}).shape == (0, 3)


def test_no_rows_keep_their_other_axes(executor):
    """Sizes above those of which Python keeps one object, too."""
    x = tf.placeholder(tf.float32, [None, 4, 500])
    shapes = [[tf.shape(x)[0], 500, -1], [tf.shape(x)[0], -1, 4], [tf.shape(x)[0], -1]]
    with tf.Session() as session:
        found = session.run([tf.reshape(x, shape) for shape in shapes], {x: np.ones((0, 4, 500))})
    assert [y.shape for y in found] == [(0, 500, 4), (0, 500, 4), (0, 2000)]


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


@pytest.mark.parametrize(
    "build",
    [
        lambda x, b: tf.tanh(tf.boolean_mask(x, x[:, 0] > 0) + b),
        lambda x, b: tf.square(tf.gather_nd(x, tf.where(x[:, 0] > 0)) * b) * b[:1],
        lambda x, b: tf.square(tf.cond(x[0, 0] > 0, lambda: x[:1], lambda: x) * b + b),
        lambda x, b: tf.square(tf.segment_sum(x, tf.range(tf.shape(x)[0]) // 2) * b),
    ],
    ids=["mask", "rows", "branch", "segments"],
)
def test_second_derivatives_behind_sizes_that_only_the_run_tells(executor, build):
    """The gradient of a gradient through an operand that was broadcast to a size that depends on values."""
    x = tf.placeholder(tf.float64, [None, 3])
    b = tf.placeholder(tf.float64, [3])
    gradient = tf.convert_to_tensor(tf.gradients(build(x, b), x)[0])
    penalty = tf.reduce_sum(tf.square(gradient) + gradient)
    of_b, of_x = (tf.convert_to_tensor(g) for g in tf.gradients(penalty, [b, x]))
    with tf.Session() as session:
        for rows, first in ((3, 0.7), (1, 0.4), (4, -0.3)):
            value = np.random.RandomState(rows).uniform(-1, 1, [rows, 3])
            value[0, 0] = first
            feeds = {x: value, b: np.array([0.5, -0.25, 1.5])}
            got = session.run([of_b, of_x], feeds)
            for tensor, found in ((b, got[0]), (x, got[1])):
                wanted = np.empty_like(found)
                for at in np.ndindex(found.shape):
                    low, high = feeds[tensor].copy(), feeds[tensor].copy()
                    low[at] -= 1e-6
                    high[at] += 1e-6
                    values = [session.run(penalty, {**feeds, tensor: v}) for v in (low, high)]
                    wanted[at] = (values[1] - values[0]) / 2e-6
                np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
def test_second_derivatives_of_two_sizes_that_only_the_run_tells_are_refused():
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.boolean_mask(x, x[:, 0] > 0) * tf.boolean_mask(x, x[:, 1] > 0)
    first = tf.gradients(y, x)[0]
    (second,) = tf.gradients(tf.reduce_sum(tf.square(tf.convert_to_tensor(first))), x)
    with tf.Session() as session:
        value = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        assert session.run(tf.convert_to_tensor(first), {x: value}).tolist() == [[2, 4, 6], [8, 10, 12]]
        with pytest.raises(ValueError, match="the rank of .* depends on sizes, and only running tells it"):
            session.run(tf.convert_to_tensor(second), {x: value})


def test_a_part_has_the_sizes_that_it_asks_for_wherever_it_begins(executor):
    x, begin = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    grid = tf.reshape(tf.range(20.0), [5, 4])
    for size, wanted in (([2, 3], [2, 3]), ([0, 1], [0, 1]), ([-1, 2], [None, 2])):
        assert tf.slice(x, begin, size).shape.as_list() == wanted
        part = tf.slice(grid, begin, size)
        assert part.shape.as_list() == wanted
        with tf.Session() as session:
            found = session.run([part, tf.slice(x, begin, size)], {begin: [1, 1], x: np.arange(20).reshape(5, 4)})
        for one in found:
            rows = 4 if size[0] < 0 else size[0]
            np.testing.assert_array_equal(one, np.arange(20).reshape(5, 4)[1 : 1 + rows, 1 : 1 + size[1]])
    assert tf.linalg.cross(x, tf.zeros([2, 3])).shape.as_list() == [2, 3]
