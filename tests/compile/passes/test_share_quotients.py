"""share_quotients: what was divided is not divided again because it was negated, and no bit changes."""

import sys

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile import passes

from ..programs import kernels, optimized

NAMES = ("drop_unused", "share_equal", "share_quotients")


def rewritten(fetches, feeds):
    return kernels(optimized(fetches, feeds, names=NAMES))


def numbers(*shape, dtype="float32"):
    return np.random.RandomState(1).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [[], [7], [100, 1], [100, 7]])
def test_the_earlier_quotient_is_negated(executor, dtype, shape):
    x, y = tf.placeholder(dtype, [100, 7]), tf.placeholder(dtype, shape)
    feeds = {x: numbers(100, 7, dtype=dtype), y: numbers(*shape, dtype=dtype) if shape else np.asarray(-3, dtype)}
    feeds[x][:3, :3] = [[0, -0.0, np.inf], [-np.inf, 1, -1], [1e-3, -1e-3, 2]]
    wanted = [x / y, -x / y]
    found = rewritten(wanted, feeds)
    assert sorted(found) == ["div", "neg"]
    with tf.Session() as session:
        quotient, negative = session.run(wanted, feeds)
        assert negative.tobytes() == session.run(-x / y, feeds).tobytes() == (-quotient).tobytes()


def test_gradients_of_quotients_keep_their_bits(monkeypatch):
    x, y = tf.placeholder(tf.float32, [300, 70]), tf.placeholder(tf.float32, [300, 1])
    feeds = {x: numbers(300, 70), y: 2 + np.abs(numbers(300, 1))}
    quotient = x / y
    slopes = [quotient, *tf.gradients(tf.sin(quotient), [x, y])]
    assert rewritten(slopes, feeds).count("div") == 3
    with tf.Session() as session:
        found = session.run(slopes, feeds)
    monkeypatch.setattr(passes, "PASSES", tuple(p for p in passes.PASSES if p.__name__ != "share_quotients"))
    assert rewritten(slopes, feeds).count("div") == 4
    with tf.Session() as session:
        for left, right in zip(found, session.run(slopes, feeds)):
            assert left.tobytes() == right.tobytes()


def test_others_stay():
    x, y, n = tf.placeholder(tf.float32, [9]), tf.placeholder(tf.float32, [9]), tf.placeholder(tf.int32, [9])
    ones, whole = np.ones(9), np.ones(9, np.int32)
    assert rewritten([y / x, -x / y], {x: ones, y: ones}).count("div") == 2
    assert rewritten([x / y, -x / x], {x: ones, y: ones}).count("div") == 2
    assert rewritten([-x / y], {x: ones, y: ones}) == ["neg", "div"]
    assert rewritten([tf.truncatediv(n, n), tf.truncatediv(-n, n)], {n: whole}).count("neg") == 1


def test_a_variable_that_is_written_in_between_is_divided_again(executor):
    v = tf.Variable([4.0, 6.0])
    before = v.read_value() / 2.0
    with tf.control_dependencies([before]):
        write = tf.assign(v, [8.0, 10.0])
    with tf.control_dependencies([write]):
        after = -v.read_value() / 2.0
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run([before, after])
    np.testing.assert_array_equal(found, [[2, 3], [-4, -5]])


def test_divisions_by_one_number_are_not_compared_with_each_other(monkeypatch):
    module, compared = sys.modules["hookloop.compile.passes.share_quotients"], []
    same = module._same
    monkeypatch.setattr(module, "_same", lambda a, b: compared.append(a) or same(a, b))
    s, inputs = tf.placeholder(tf.float32, []), [tf.placeholder(tf.float32, [3]) for _ in range(40)]
    whole = tf.placeholder(tf.float32, [120])
    parts = [whole[i : i + 3] for i in range(0, 120, 3)]
    found = rewritten(
        [y for x in inputs + parts for y in (x / s, -x / s)],
        {s: 2.0, whole: numbers(120), **dict.fromkeys(inputs, numbers(3))},
    )
    assert found.count("div") == 80
    assert len(compared) <= 3 * 80
