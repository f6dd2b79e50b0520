"""repeat_late: what is the same along an axis is computed once for it, and no bit changes."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import assert_same_bits, kernels, optimized

NAMES = ("drop_unused", "spread_late", "read_in_place", "repeat_late")


def rewritten(fetches, feeds):
    return optimized(fetches, feeds, names=NAMES)


def values(*shape, dtype=np.float32):
    return np.random.RandomState(3).standard_normal(shape).astype(dtype)


def quotients(program):
    return [i.outputs[0].shape for i in program.instructions() if i.kernel == "div"]


@pytest.mark.parametrize("axis, shape", [(0, (1, 5, 70)), ([0, 1], (1, 1, 70)), (2, (60, 5, 1)), ([0, 2], (1, 5, 1))])
def test_the_gradient_of_a_mean_over_axes_is_divided_once(axis, shape, executor, monkeypatch):
    x = tf.placeholder(tf.float32, [60, 5, 70])
    mean = tf.reduce_mean(tf.sin(x), axis, keepdims=True)
    slope = tf.gradients(mean * tf.constant(values(*mean.shape.as_list())), x)[0]
    feeds = {x: values(60, 5, 70)}
    (found,) = quotients(rewritten([slope], feeds))
    assert found == shape
    assert_same_bits("repeat_late", [slope], feeds, monkeypatch)


def test_rows_of_an_open_batch(executor, monkeypatch):
    x, w = tf.placeholder(tf.float32, [None, 70]), tf.placeholder(tf.float32, [None])
    slope = tf.gradients(tf.reduce_mean(tf.sin(x), 1) * w, x)[0]
    for rows in (1, 33):
        feeds = {x: values(rows, 70), w: values(rows)}
        (found,) = quotients(rewritten([slope], feeds))
        assert found[1] == 1
    assert_same_bits("repeat_late", [slope], feeds, monkeypatch)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("terms", [2, 3, 5])
def test_in_a_sum_of_several(terms, dtype, executor, monkeypatch):
    """Sums of three and more 16-bit floats are made in float, of all of them at once: they get the whole tensor."""
    x = tf.placeholder(dtype, [40, 30])
    mean = tf.reduce_mean(x, 0)
    wholes = [tf.sin(x * k) for k in range(1, terms)]
    total = tf.add_n([*wholes[:1], tf.tile(mean[None], [40, 1]) / 3, *wholes[1:]])
    feeds = {x: values(40, 30, dtype=dtype)}
    made = rewritten([total], feeds)
    once = (1, 30) in quotients(made)
    assert once == (dtype != np.float16 or terms == 2) and ("add_n" in kernels(made)) != once
    assert_same_bits("repeat_late", [total], feeds, monkeypatch)


def test_twice_in_a_sum(executor, monkeypatch):
    x = tf.placeholder(tf.float32, [40, 30])
    row, column = tf.reduce_mean(x, 0, keepdims=True), tf.reduce_mean(x, 1, keepdims=True)
    repeated = tf.tile(row, [40, 1]) / 3, tf.tile(column, [1, 30]) / 7
    total = tf.add_n([repeated[0], x, repeated[1], repeated[0]])
    feeds = {x: values(40, 30)}
    assert sorted(quotients(rewritten([total], feeds))) == [(1, 30), (40, 1)]
    assert_same_bits("repeat_late", [total], feeds, monkeypatch)


def test_others_get_the_tensor(executor, monkeypatch):
    """A product reads memory, and a result is memory."""
    x, w = tf.placeholder(tf.float32, [40, 30]), tf.placeholder(tf.float32, [30, 20])
    repeated = tf.tile(tf.reduce_mean(x, 0, keepdims=True), [40, 1])
    fetches = [tf.matmul(repeated / 3.0, w), repeated / 5.0, x * (repeated / 7.0)]
    feeds = {x: values(40, 30), w: values(30, 20)}
    assert sorted(quotients(rewritten(fetches, feeds))) == [(1, 30), (40, 30), (40, 30)]
    assert_same_bits("repeat_late", fetches, feeds, monkeypatch)


def test_in_a_loop(executor, monkeypatch):
    x = tf.placeholder(tf.float32, [40, 30])

    def step(k, y):
        return k + 1, y - tf.tile(tf.reduce_mean(y, 0, keepdims=True), [40, 1]) * 0.5

    _, last = tf.while_loop(lambda k, y: k < 3, step, [0, x])
    assert_same_bits("repeat_late", [last], {x: values(40, 30)}, monkeypatch)
