"""transpose_once: what many small products read transposed is transposed once."""

import numpy as np

import hookloop as tf

from ..programs import kernels, optimized


def chain(steps, rows=3, size=64):
    x = tf.placeholder(tf.float32, [rows, size])
    w = tf.get_variable("w", [size, size])
    y = x
    for _ in range(steps):
        y = tf.tanh(tf.matmul(y, w, transpose_b=True))
    return y, {x: np.random.RandomState(0).standard_normal((rows or 3, size))}


def rewritten(fetches, feeds):
    program = optimized(fetches, feeds, names=["drop_unused", "transpose_once"])
    return program, kernels(program).count("copy")


def test_three_products_share_one_transposition():
    y, feeds = chain(3)
    program, copies = rewritten([y], feeds)
    assert copies == 1
    assert all(i.params[:2] == (0, 0) for i in program.root.items if i.kernel == "matmul")


def test_two_products_pack_for_themselves():
    y, feeds = chain(2)
    assert rewritten([y], feeds)[1] == 0


def test_products_of_many_rows_pack_for_themselves():
    y, feeds = chain(3, rows=300)
    assert rewritten([y], feeds)[1] == 0


def test_small_matrices_are_left():
    y, feeds = chain(3, size=8)
    assert rewritten([y], feeds)[1] == 0


def test_a_variable_written_in_between_is_read_anew(executor):
    x = tf.placeholder(tf.float32, [3, 64])
    w = tf.get_variable("w", initializer=np.eye(64, dtype="f"))
    y = x
    for _ in range(3):
        y = tf.matmul(y, w, transpose_b=True)
    with tf.control_dependencies([tf.assign(w, 2.0 * w)]):
        z = y + tf.matmul(x, w.read_value(), transpose_b=True)
    value = np.random.RandomState(1).standard_normal((3, 64)).astype("f")
    with tf.Session() as session:
        session.run(w.initializer)
        np.testing.assert_allclose(session.run(z, {x: value}), 3 * value, rtol=1e-5)


def test_values_are_the_same(executor):
    y, feeds = chain(4)
    (value,) = feeds.values()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, w = session.run([y, "w:0"], feeds)
    for _ in range(4):
        value = np.tanh(value @ w.T)
    np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)
