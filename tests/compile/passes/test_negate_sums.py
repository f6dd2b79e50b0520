"""negate_sums: what is summed is not negated before, and no bit changes."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import assert_same_bits, kernels, optimized

NAMES = ("drop_unused", "negate_sums")


def rewritten(fetches, feeds):
    return kernels(optimized(fetches, feeds, names=NAMES))


@pytest.mark.parametrize("reduce", [tf.reduce_sum, tf.reduce_mean])
@pytest.mark.parametrize("axes", [[0], [1], None])
def test_the_sum_is_negated(executor, reduce, axes):
    x = tf.placeholder(tf.float32, [None, 7])
    value = np.random.RandomState(1).standard_normal((100, 7)).astype(np.float32)
    wanted = reduce(-x, axes)
    found = rewritten([wanted], {x: value})
    assert found[-1] == "sub" and "neg" not in found
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(wanted, {x: value}), -session.run(reduce(x, axes), {x: value}))


def test_gradients_of_differences_keep_their_bits(monkeypatch):
    x, y = tf.placeholder(tf.float32, [300, 70]), tf.placeholder(tf.float32, [70])
    feeds = {x: np.random.RandomState(2).standard_normal((300, 70)), y: np.linspace(-1, 1, 70)}
    slopes = tf.gradients(tf.sin(x - y), [x, y])
    assert_same_bits("negate_sums", slopes, feeds, monkeypatch)


@pytest.mark.parametrize("reduce", [tf.reduce_sum, tf.reduce_mean])
@pytest.mark.parametrize("column", [[0, 0, 0, 0], [-0.0, -0.0, -0.0, -0.0], [1, -1, 2, -2]])
def test_a_sum_of_nothing_is_no_negative_zero(executor, reduce, column):
    x = tf.placeholder(tf.float32, [None, 3])
    with tf.Session() as session:
        found = session.run(reduce(-x, 0), {x: np.tile(np.float32(column)[:, None], 3)})
    assert not found.any() and not np.signbit(found).any()


def test_what_others_read_and_integers_stay():
    x, n = tf.placeholder(tf.float32, [None, 7]), tf.placeholder(tf.int32, [None])
    negated = -x
    assert rewritten([tf.reduce_sum(negated, 0), negated], {x: np.ones((2, 7))})[0] == "neg"
    assert rewritten([tf.reduce_sum(-n)], {n: np.ones(3, np.int32)}) == ["neg", "sum"]
    assert rewritten([tf.reduce_max(-x, 0)], {x: np.ones((2, 7))}) == ["neg", "max"]
