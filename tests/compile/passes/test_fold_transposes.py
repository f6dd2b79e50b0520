"""fold_transposes: products read and write transposed matrices as they lie."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds=None, targets=()):
    return kernels(optimized(fetches, feeds, targets, names=["drop_unused", "fold_transposes"]))


def operands(batch=3):
    x, w = tf.placeholder(tf.float64, [batch, 4]), tf.placeholder(tf.float64, [4, 5])
    random = np.random.RandomState(5)
    return x, w, {x: random.standard_normal((3, 4)), w: random.standard_normal((4, 5))}


def check(fetch, feeds, want):
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(fetch, feeds), want, rtol=1e-12)


@pytest.mark.parametrize("batch", [3, None])
@pytest.mark.parametrize(("flag_a", "flag_b"), [(False, False), (True, False), (False, True), (True, True)])
def test_transposed_factors_are_read_as_they_lie(flag_a, flag_b, batch, executor):
    x, w, feeds = operands(batch)
    a, b = (x if flag_a else tf.transpose(x)), (w if flag_b else tf.transpose(w))
    y = tf.matmul(b, a, transpose_a=flag_b, transpose_b=flag_a)
    if executor == "plan":
        assert rewritten([y], feeds) == ["matmul"]
    check(y, feeds, (feeds[x] @ feeds[w]).T)


def test_batches_of_transposed_matrices(executor):
    x, w = tf.placeholder(tf.float64, [2, 3, 4]), tf.placeholder(tf.float64, [2, 5, 4])
    feeds = {x: np.random.RandomState(6).standard_normal((2, 3, 4)), w: np.ones((2, 5, 4))}
    y = tf.matmul(x, tf.transpose(w, [0, 2, 1]))
    if executor == "plan":
        assert rewritten([y], feeds) == ["matmul"]
    check(y, feeds, feeds[x] @ feeds[w].swapaxes(1, 2))


def test_a_transposed_result_is_computed_so(executor):
    x, w, feeds = operands()
    y = tf.transpose(tf.matmul(x, w))
    if executor == "plan":
        assert rewritten([tf.reshape(y, [5, 3])], feeds) == ["matmul"]
    check(y, feeds, (feeds[x] @ feeds[w]).T)


def test_other_permutations_keep_their_copy():
    x = tf.placeholder(tf.float64, [3, 2, 4])
    w = tf.placeholder(tf.float64, [3, 5, 2])
    y = tf.matmul(tf.transpose(w, [0, 1, 2]), tf.transpose(x, [2, 1, 0])[:3])
    assert rewritten([y], {x: np.ones((3, 2, 4)), w: np.ones((3, 5, 2))}) == ["copy", "matmul"]


def test_a_copy_that_others_read_stays_for_them():
    x, w, feeds = operands()
    t = tf.transpose(x)
    assert rewritten([tf.matmul(t, w[:3]), tf.nn.softmax(t)], feeds).count("copy") == 1
    assert rewritten([tf.matmul(t, w[:3]), t], feeds) == ["matmul", "copy"]


def test_a_result_that_is_also_wanted_as_it_is_is_copied():
    x, w, feeds = operands()
    y = tf.matmul(x, w)
    assert rewritten([tf.transpose(y), y], feeds) == ["matmul", "copy"]


def test_a_variable_written_in_between_is_copied_before(executor):
    v = tf.Variable(np.arange(4.0).reshape(2, 2))
    before = tf.transpose(v)
    with tf.control_dependencies([before]):
        update = tf.assign(v, v * 10.0)
    with tf.control_dependencies([update]):
        y = tf.matmul(before, tf.eye(2, dtype=tf.float64))
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_array_equal(session.run(y), [[0, 2], [1, 3]])
        np.testing.assert_array_equal(session.run(v), [[0, 10], [20, 30]])
