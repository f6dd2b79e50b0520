"""Sums of what a chain makes: bit for bit those of the chain and the sum one after the other, and made only where that is safe."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hookloop as tf
from hookloop.compile import passes

from ..programs import kernels, optimized

WITHOUT = tuple(p for p in passes.PASSES if p.__name__ != "fuse_sums")


def numbers(*shape, dtype=np.float32, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def values_of(fetches, feeds, threads=1):
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        return [session.run(fetches, feed) for feed in feeds]


def assert_same_bits(fetches, feeds, monkeypatch, threads=(1, 2, 4)):
    found = [values_of(fetches, feeds, count) for count in threads]
    with monkeypatch.context() as patch:
        patch.setattr(passes, "PASSES", WITHOUT)
        wanted = values_of(fetches, feeds)
    for values in found:
        for left, right in zip(values, wanted):
            for a, b in zip(left, right):
                assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("reduce", [tf.reduce_sum, tf.reduce_mean])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_a_loss_is_added_up_on_the_way(reduce, dtype, monkeypatch):
    x, y = (tf.placeholder(dtype, [None, 3]) for _ in range(2))
    loss = reduce(tf.maximum(x * y + 0.5, 0.0) * tf.sigmoid(y) - x)
    shapes = [(n, 3) for n in (1, 67, 1365, 1366, 21845, 21846, 43691, 100003)]
    feeds = [
        {x: numbers(*s, dtype=dtype.as_numpy_dtype), y: numbers(*s, dtype=dtype.as_numpy_dtype, seed=1)} for s in shapes
    ]
    assert kernels(optimized([loss], feeds[3])) == ["fused_sum"]
    assert_same_bits([loss], feeds, monkeypatch)
    assert_same_bits([loss], [{x: feeds[5][x][:1], y: feeds[5][y]}, {x: feeds[6][x], y: feeds[6][y][:1]}], monkeypatch)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 9000) | st.integers(60000, 300000), wide=st.booleans(), keeps=st.booleans())
def test_of_any_size_the_sum_is_that_of_the_steps_alone(size, wide, keeps, monkeypatch):
    dtype = tf.float64 if wide else tf.float32
    with tf.Graph().as_default():
        x = tf.placeholder(dtype, [None])
        made = tf.tanh(x) * x + 0.25
        fetches = [tf.reduce_sum(made, keepdims=keeps), tf.reduce_mean(tf.exp(-tf.abs(x)) - 1.0)]
        assert_same_bits(fetches, [{x: numbers(size, dtype=dtype.as_numpy_dtype, seed=size)}], monkeypatch)


def test_one_step_alone_is_taken_too(monkeypatch):
    keep, x = tf.placeholder(tf.bool, [None]), tf.placeholder(tf.float32, [None])
    total = tf.reduce_sum(tf.where(keep, x, tf.zeros_like(x)))
    feed = {x: numbers(5000), keep: numbers(5000, seed=1) > 0}
    assert kernels(optimized([total], feed)) == ["fused_sum"]
    assert_same_bits([total], [feed], monkeypatch)


def test_other_results_of_the_chain_are_stored(monkeypatch):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    error = tf.abs(x - y)
    small = tf.minimum(error, 1.0)
    loss = tf.reduce_mean(0.5 * small * small + (error - small))
    feeds = [{x: numbers(n), y: numbers(n, seed=1)} for n in (300, 70001, 700001)]
    gradient = tf.gradients(loss, x)[0]
    assert "fused_sum" in kernels(optimized([loss, gradient], feeds[1]))
    assert_same_bits([loss, gradient, small], feeds, monkeypatch)


def test_the_sign_of_a_single_zero_stays(monkeypatch):
    x = tf.placeholder(tf.float32, [None, None])
    feeds = [{x: np.full((1, n), -0.0, np.float32)} for n in (1, 2, 512, 700)]
    assert_same_bits([tf.reduce_sum(-tf.abs(x) * 3.0), tf.reduce_mean(tf.minimum(x, -0.0) * 2.0)], feeds, monkeypatch)


def test_not_numbers_and_infinities_come_through(monkeypatch):
    x = tf.placeholder(tf.float32, [None])
    bad = numbers(70000)
    for value in (np.nan, np.inf, -np.inf):
        bad[69998] = value
        assert_same_bits([tf.reduce_sum(tf.tanh(x) + x * 2.0)], [{x: bad.copy()}], monkeypatch)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("columns", [1, 3, 10, 64, 257, 1000, 1025, 5000])
def test_operands_may_have_other_rows_or_columns(columns, dtype, monkeypatch):
    x, row, column = (tf.placeholder(dtype, shape) for shape in ([None, columns], [columns], [None, 1]))
    small = tf.abs(x * row - column)
    fetches = [tf.reduce_sum(tf.tanh(x - column) * row + 0.5), tf.reduce_mean(tf.exp(-small) * x), small]
    feeds = []
    for n in (1, 2, 9, 65536 // columns, 65536 // columns + 1, 200000 // columns + 3):
        shapes = {x: (n, columns), row: (columns,), column: (n, 1)}
        feeds.append({t: numbers(*shape, dtype=dtype.as_numpy_dtype, seed=len(shape)) for t, shape in shapes.items()})
    assert kernels(optimized(fetches[:1], feeds[2])) == ["fused_sum"]
    assert_same_bits(fetches, feeds, monkeypatch, threads=(1, 3))


def test_rows_within_rows(monkeypatch):
    x, y = tf.placeholder(tf.float32, [None, None, 2]), tf.placeholder(tf.float32, [None, 2])
    feeds = [{x: numbers(n, m, 2), y: numbers(m, 2, seed=1)} for n, m in ((3, 5), (40, 300), (7, 5003), (900, 41))]
    points = x[:, :, None, :] - y
    fetches = [tf.reduce_sum(tf.exp(-tf.abs(x - y)) * y), tf.reduce_mean(tf.minimum(tf.abs(points), 1.0) * 2.0)]
    assert_same_bits(fetches, feeds[:2], monkeypatch)
    assert_same_bits(fetches[:1], feeds[2:], monkeypatch)


def test_what_others_want_is_left_alone():
    x = tf.placeholder(tf.float32, [None, 5])
    feed = {x: numbers(100, 5)}
    made = tf.tanh(x * 2.0) + 1.0
    for fetches in (
        [made, tf.reduce_sum(made)],  # the chain's values are fetched
        [tf.reduce_sum(made), tf.reduce_max(made)],  # another reduction reads them
        [tf.reduce_sum(made, 0)],  # axes stay
        [tf.reduce_sum(tf.cast(x > 0.0, tf.int32) * 2)],  # integers
    ):
        assert "fused_sum" not in kernels(optimized(fetches, feed))


def test_a_sum_of_a_reshaped_chain(monkeypatch):
    x = tf.placeholder(tf.float32, [None, 6])
    total = tf.reduce_sum(tf.reshape(tf.exp(x) * 0.5 - x, [-1]))
    feed = {x: numbers(1000, 6)}
    assert kernels(optimized([total], feed)) == ["fused_sum"]
    assert_same_bits([total], [feed], monkeypatch)
