"""Sorting and places among sorted values, on both executors."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(shape, dtype):
    return (np.random.default_rng(2).standard_normal(shape) * 50).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "int8", "uint8"])
@pytest.mark.parametrize("axis", [-1, 0, 1, -2])
def test_sort(executor, axis, dtype):
    x = sample((5, 4, 3), dtype)
    found = run([tf.sort(x, axis), tf.sort(x, axis, "DESCENDING")])
    np.testing.assert_array_equal(found[0], np.sort(x, axis))
    np.testing.assert_array_equal(found[1], np.flip(np.sort(x, axis), axis))


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int8", "uint16", "int32", "uint32", "int64", "uint64"]
)
@pytest.mark.parametrize(
    "length, k", [(63, 63), (64, 64), (700, 90), (9000, 9000), (9000, 1025), (9000, 1024), (9000, 7)]
)
def test_the_largest_of_a_long_row(dtype, length, k):
    """Few are found by a heap, many by a radix sort: all the same, equal ones in order and a NaN last."""
    x = sample((2, length), "float64")
    x = (np.abs(x) if dtype.startswith("u") else x).astype(dtype)
    if x.dtype.kind == "f":
        x[0, :9] = np.nan, np.inf, 0, -0.0, -np.inf, 0, np.nan, np.finfo(dtype).smallest_subnormal, 0
    else:
        x[0, :9] = np.repeat(np.array([np.iinfo(dtype).max, np.iinfo(dtype).min, 0], dtype), 3)
    values, places = run(tf.nn.top_k(x, k))
    nans = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    for row in range(2):
        keys = [-v if isinstance(v, int) else -v + 0.0 for v in np.where(nans[row], 0, x[row]).tolist()]
        wanted = sorted(range(length), key=lambda i: (nans[row, i], keys[i], i))[:k]
        np.testing.assert_array_equal(places[row], wanted)
    assert values.tobytes() == np.take_along_axis(x, places, 1).tobytes()


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_argsort_keeps_the_order_of_equal_elements(executor, axis):
    x = np.random.default_rng(0).integers(0, 3, (6, 7, 2)).astype("int32")
    np.testing.assert_array_equal(run(tf.argsort(x, axis)), np.argsort(x, axis, kind="stable"))
    np.testing.assert_array_equal(run(tf.argsort(x, axis, "DESCENDING")), np.argsort(-x, axis, kind="stable"))


def test_sort_of_an_open_shape(executor):
    x = tf.placeholder(tf.float32, [None, None])
    ordered = tf.sort(x)
    with tf.Session() as session:
        for shape in ((2, 5), (4, 1), (3, 0), (1, 300)):
            value = sample(shape, "float32")
            np.testing.assert_array_equal(session.run(ordered, {x: value}), np.sort(value))


def test_gradient_of_sort(executor):
    x = tf.placeholder(tf.float64, [4])
    (gradient,) = tf.gradients(tf.reduce_sum(tf.sort(x) * [1.0, 2.0, 3.0, 4.0]), x)
    assert list(run(gradient, {x: [3.0, -1.0, 9.0, 0.0]})) == [3, 1, 4, 2]


def test_another_direction_is_refused():
    with pytest.raises(ValueError, match="UP should be one of"):
        tf.sort([1.0], direction="UP")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(executor, side, dtype):
    rows = np.sort(np.random.default_rng(0).integers(0, 9, (2, 3, 8)), -1).astype(dtype)
    values = np.random.default_rng(1).integers(-1, 11, (2, 3, 5)).astype(dtype)
    found = run(tf.searchsorted(rows, values, side, out_type=tf.int64))
    assert found.dtype == "int64"
    for at in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[at], np.searchsorted(rows[at], values[at], side))
    assert list(run(tf.searchsorted([1.0, 3.0], [0.0, 3.0, 4.0]))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "boundaries", "wanted"),  # TensorFlow 1.15's
    [
        (np.float32([[1, 5], [-1, 2]]), [0.0, 2.0], [[1, 2], [0, 2]]),
        (np.int32([1, 5, 2]), [0.0, 2.0, 2.0], [1, 3, 3]),
        (np.float64([np.nan, np.inf, -np.inf]), [0.0, 1.0], [2, 2, 0]),
        (np.zeros(0, np.float32), [1.0], []),
        (np.float32([1, 2]), [], [0, 0]),
        (np.float32(3), [1.0, 3.0, 3.5], 2),
        (np.int64([1, 3]), [1.0, 3.0], [1, 2]),
        (np.float64([0.1, np.float32(0.1)]), [0.1], [0, 1]),  # the boundary is a float32
        (np.int32([16777217]), [16777216.0, 16777217.0], [2]),
    ],
    ids=str,
)
def test_buckets(executor, values, boundaries, wanted):
    x = tf.placeholder(values.dtype)
    for input in (values, x):
        buckets = tf.raw_ops.Bucketize(input=input, boundaries=boundaries)
        found = run(buckets, {x: values})
        assert found.dtype == "int32" and found.tolist() == wanted


def test_buckets_that_are_refused(executor):
    from hookloop.python.ops import math_ops

    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected sorted boundaries"):
        run(math_ops._bucketize([1.0], [2.0, 1.0]))
    with pytest.raises(TypeError, match="bool not in list of allowed values: float32, float64, int32, int64"):
        math_ops._bucketize([True], [1.0])
    x = tf.constant([1.0])
    with pytest.raises(LookupError, match="No gradient defined for operation 'b' .*Bucketize"):
        tf.gradients(math_ops._bucketize(x, [0.0], name="b"), x)
