"""Numbers rounded to steps within a range, which zero is one of; what their gradients are, by the ends of the range too."""

import re

import numpy as np
import pytest

import hookloop as tf

X = np.array([-3.0, -0.9, -0.26, -0.24, 0.0, 0.13, 0.6, 1.4, 9.0], np.float32)


def run(fetches, feeds=None):
    with tf.Session() as session:
        return session.run(fetches, feeds)


def test_a_range_is_moved_so_that_zero_is_a_step(executor):
    found = run(tf.fake_quant_with_min_max_args(X, -0.6, 0.9, num_bits=2))  # steps of 0.5 from -0.5
    np.testing.assert_allclose(found, [-0.5, -0.5, -0.5, 0, 0, 0, 0.5, 1, 1], atol=1e-6)
    narrow = run(tf.fake_quant_with_min_max_args(X, -0.6, 0.9, num_bits=2, narrow_range=True))  # of 0.75
    np.testing.assert_allclose(narrow, [-0.75, -0.75, 0, 0, 0, 0, 0.75, 0.75, 0.75], atol=1e-6)


def test_what_is_cut_off_moves_with_the_ends(executor):
    low, high = tf.Variable(-0.5), tf.Variable(1.0)
    out = tf.fake_quant_with_min_max_vars(X, low, high, num_bits=2)
    weights = np.arange(1, 10, dtype=np.float32)
    x = tf.constant(X)
    again = tf.fake_quant_with_min_max_vars(x, low, high, num_bits=2)
    slopes = tf.gradients(again * weights, [x, low, high])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(out), [-0.5, -0.5, -0.5, 0, 0, 0, 0.5, 1, 1], atol=1e-6)
        by_x, by_low, by_high = session.run(slopes)
    assert by_x.tolist() == [0, 0, 3, 4, 5, 6, 7, 0, 0]
    assert (by_low, by_high) == (1 + 2, 8 + 9)


def test_a_range_of_nothing_but_zero(executor):
    zero = tf.zeros([])
    gradients = tf.fake_quant_with_min_max_vars_gradient(X + 1, X, zero, zero)
    found, (by_x, by_low, by_high) = run([tf.fake_quant_with_min_max_vars(X, zero, zero), gradients])
    assert found.tolist() == [0] * 9
    assert by_x.tolist() == (X + 1).tolist() and (by_low, by_high) == (0, 0)


@pytest.mark.parametrize("rows", [1, 3000])
def test_each_channel_has_a_range(executor, rows):
    x = np.tile(np.array([[-2.0, -2.0, 0.4]], np.float32), (rows, 1)).reshape(rows, 1, 3)
    low, high = np.array([-1, 0, 0], np.float32), np.array([0, 3, 3], np.float32)
    holder = tf.placeholder(tf.float32, [None, 1, 3])
    out = tf.fake_quant_with_min_max_vars_per_channel(holder, low, high, num_bits=2)
    slopes = tf.fake_quant_with_min_max_vars_per_channel_gradient(
        2 * tf.ones_like(holder), holder, low, high, num_bits=2
    )
    assert out.shape.as_list() == [None, 1, 3]
    found, (by_x, by_low, by_high) = run([out, slopes], {holder: x})
    np.testing.assert_allclose(found, np.tile(np.array([[[-1.0, 0.0, 0.0]]]), (rows, 1, 1)), atol=1e-6)
    assert by_x[:, 0].tolist() == [[0, 0, 2]] * rows
    assert by_low.tolist() == [2 * rows, 2 * rows, 0] and by_high.tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 2)])
def test_what_has_no_elements(executor, shape):
    x, low, high = tf.zeros(shape), tf.zeros(shape[1:]), tf.ones(shape[1:])
    out = tf.fake_quant_with_min_max_vars_per_channel(x, low, high)
    slopes = tf.gradients(out, [x, low, high])
    assert [value.tolist() for value in run([out, *slopes])] == [
        np.zeros(s).tolist() for s in (shape, shape, shape[1:], shape[1:])
    ]


def test_threads_change_nothing():
    x = np.random.RandomState(3).standard_normal((40000, 7)).astype(np.float32)
    low, high = -np.linspace(0.1, 1, 7, dtype=np.float32), np.linspace(0.3, 2, 7, dtype=np.float32)
    found = []
    for threads in (1, 3):
        holder = tf.placeholder(tf.float32, [None, 7])
        fetches = [
            tf.fake_quant_with_min_max_args(holder, -1, 2),
            *tf.fake_quant_with_min_max_vars_gradient(holder, holder, -1.0, 2.0),
            *tf.fake_quant_with_min_max_vars_per_channel_gradient(holder, holder, low, high),
        ]
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.append(session.run(fetches, {holder: x}))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


def test_a_network_is_trained_through_rounded_weights(executor):
    rng = np.random.RandomState(1)
    inputs = rng.standard_normal((64, 3)).astype(np.float32)
    w = tf.Variable(np.zeros((3, 1), np.float32))
    rounded = tf.quantization.fake_quant_with_min_max_vars(w, -2.0, 2.0, num_bits=8)
    loss = tf.reduce_mean(
        tf.square(tf.matmul(inputs, rounded) - inputs @ np.array([[1.0], [-0.5], [0.25]], np.float32))
    )
    train = tf.train.GradientDescentOptimizer(0.2).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(60):
            session.run(train)
        values, error = session.run([rounded, loss])
    assert error < 1e-3
    steps = values / np.float32(4 / 255)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


REFUSED = {
    "args": (lambda x, bits: tf.fake_quant_with_min_max_args(x, 2, 1), "min has to be smaller than max, was: 2 >= 1"),
    "one bit": (lambda x, bits: tf.fake_quant_with_min_max_args(x, num_bits=1), "num_bits must be between 2 and 16, inclusive"),
    "17 bits": (lambda x, bits: tf.fake_quant_with_min_max_vars(x, 0.0, 1.0, 17), "num_bits must be between 2 and 16, inclusive"),
    "an end of two": (lambda x, two: tf.fake_quant_with_min_max_vars(x, two, 1.0), "Shape must be rank 0 but is rank 1"),
    "ranges of two": (
        lambda x, two: tf.fake_quant_with_min_max_vars_per_channel(x, two, two), "sizes 9 and 2 do not fit"),
    "ranges that are scalars": (
        lambda x, two: tf.fake_quant_with_min_max_vars_per_channel(x, two[0], two[1]), "Shape must be rank 1 but is rank 0"),
    "gradients of another size": (
        lambda x, two: tf.fake_quant_with_min_max_vars_gradient(two, x, 0.0, 1.0)[0], "sizes 2 and 9 do not fit"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(executor, case):
    make, text = REFUSED[case]
    x, two = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32)
    try:
        found = make(x, two)
    except ValueError as error:
        assert re.search(re.escape(text), str(error))
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(text)):
        run(found, {x: X, two: [1.0, 2.0]})


def test_what_is_not_a_number_stays_so():
    x = np.array([np.nan, 0.5, np.inf, -np.inf] * 5, np.float32)
    with tf.Session() as session:
        one = session.run(tf.fake_quant_with_min_max_args(x))
        each = session.run(tf.fake_quant_with_min_max_vars_per_channel(x[:, None], [-6.0], [6.0]))[:, 0]
    for found in (one, each):
        assert np.isnan(found).tolist() == np.isnan(x).tolist()
        assert np.isfinite(found[~np.isnan(x)]).all()
