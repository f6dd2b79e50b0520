"""sum_products: sums of matrix products accumulate; what somebody else wants of a product stays."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds=None, targets=()):
    return kernels(optimized(fetches, feeds, targets, names=["drop_unused", "sum_products"]))


def operands(count, dtype=tf.float32):
    lefts = [tf.placeholder(dtype, [3, 4]) for _ in range(count)]
    rights = [tf.placeholder(dtype, [4, 5]) for _ in range(count)]
    return lefts, rights, {**{t: np.ones((3, 4)) for t in lefts}, **{t: np.ones((4, 5)) for t in rights}}


def test_one_unknown_size_is_enough_to_know_that_shapes_are_equal():
    x = tf.placeholder(tf.float32, [None, 4])
    w, v = tf.get_variable("w", [4, 5]), tf.get_variable("v", [4, 5])
    y = tf.matmul(x, w) + tf.matmul(x, v)
    assert rewritten([y], {x: np.ones((3, 4))}) == ["sum_of_products"]


def test_sizes_that_may_differ_are_left():
    x, y = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.float32, [None, 4])
    w = tf.get_variable("w", [4, 5])
    found = rewritten([tf.matmul(x, w) + tf.matmul(y, w)], {x: np.ones((3, 4)), y: np.ones((1, 4))})
    assert found == ["matmul", "matmul", "add"]


@pytest.mark.parametrize(("count", "instructions"), [(2, 1), (8, 1), (9, 2), (25, 4)])
def test_sums_of_products_accumulate(count, instructions):
    lefts, rights, feeds = operands(count)
    total = tf.add_n([tf.matmul(a, b) for a, b in zip(lefts, rights)])
    found = rewritten([total], feeds)
    assert "add_n" not in found and len(found) == instructions


def test_chains_of_sums_accumulate():
    (a, b, c), (d, e, f), feeds = operands(3)
    assert rewritten([tf.matmul(a, d) + tf.matmul(b, e) + tf.matmul(c, f)], feeds) == ["sum_of_products"]


def test_other_terms_are_added_on_the_way():
    (a, b), (d, e), feeds = operands(2)
    other = tf.placeholder(tf.float32, [3, 5])
    feeds[other] = np.ones((3, 5))
    total = tf.add_n([tf.matmul(a, d), other, tf.matmul(b, e)])
    assert rewritten([total], feeds) == ["sum_of_products"]


def test_values_are_the_sums(executor):
    random = np.random.RandomState(0)
    lefts, rights, feeds = operands(11, dtype=tf.float64)
    feeds = {t: random.standard_normal(np.shape(v)) for t, v in feeds.items()}
    bias = tf.constant(random.standard_normal((3, 5)))
    total = tf.add_n([*[tf.matmul(a, b) for a, b in zip(lefts, rights)], bias])
    with tf.Session() as session:
        found, added = session.run([total, bias], feeds)
    np.testing.assert_allclose(found, sum(feeds[a] @ feeds[b] for a, b in zip(lefts, rights)) + added, rtol=1e-12)


@pytest.mark.parametrize(
    "turned", [lambda t: tf.transpose(t), lambda t: tf.reverse(t, [0]), lambda t: tf.reverse(t, [1])],
    ids=["transposed", "rows reversed", "columns reversed"],
)  # fmt: skip
def test_a_product_that_is_added_turned_is_not_added_as_it_is(executor, turned):
    random = np.random.RandomState(1)
    values = [random.standard_normal((5, 5)) for _ in range(4)]
    a, b, c, d = matrices = [tf.placeholder(tf.float64, [5, 5]) for _ in values]
    total = tf.matmul(a, b) + turned(tf.matmul(c, d))
    with tf.Session() as session:
        found, added = session.run([total, turned(tf.constant(values[2] @ values[3]))], dict(zip(matrices, values)))
    np.testing.assert_allclose(found, values[0] @ values[1] + added, rtol=1e-10)


def test_a_fetched_product_is_not_taken():
    (a, b), (d, e), feeds = operands(2)
    first = tf.matmul(a, d)
    assert rewritten([first + tf.matmul(b, e), first], feeds) == ["matmul", "matmul", "add"]


def test_a_product_with_another_reader_is_not_taken():
    (a, b), (d, e), feeds = operands(2)
    first = tf.matmul(a, d)
    assert "add" in rewritten([first + tf.matmul(b, e), tf.tanh(first)], feeds)


def test_one_product_alone_is_left_to_other_passes():
    (a,), (d,), feeds = operands(1)
    assert rewritten([tf.matmul(a, d) + 1.0], feeds) == ["matmul", "add"]


def test_a_broadcast_sum_is_left():
    x = tf.placeholder(tf.float32, [1, 4])
    (a,), (d,), feeds = operands(1)
    feeds[x] = np.ones((1, 4))
    assert rewritten([tf.matmul(a, d) + tf.matmul(x, d)], feeds) == ["matmul", "matmul", "add"]


def test_a_product_of_integers_is_left():
    x = tf.placeholder(tf.int32, [2, 2])
    assert rewritten([tf.matmul(x, x) + tf.matmul(x, x, True)], {x: np.ones((2, 2))}) == ["matmul", "matmul", "add"]


def test_a_variable_written_in_between_is_read_before(executor):
    v = tf.Variable(np.eye(2, dtype="f"))
    first = tf.matmul(v, v)
    with tf.control_dependencies([first]):
        update = tf.assign(v, v * 2.0)
    with tf.control_dependencies([update]):
        total = first + tf.matmul(v.read_value(), v.read_value())
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_allclose(session.run(total), 5 * np.eye(2))
