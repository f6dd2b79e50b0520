"""Softmax, cross-entropies and biases against NumPy, on both executors."""

import numpy as np
import pytest

import hookloop as tf

FLOATS = ["float16", "float32", "float64"]
TOLERANCE = {"float16": 5e-3, "float32": 3e-6, "float64": 1e-13}


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def softmax(x):
    terms = np.exp(x.astype("float64") - x.max(-1, keepdims=True))
    return terms / terms.sum(-1, keepdims=True)


def close(found, wanted, dtype):
    np.testing.assert_allclose(np.float64(found), wanted, rtol=TOLERANCE[dtype] * 4, atol=TOLERANCE[dtype] * 4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("columns", [1, 2, 10, 15, 16, 17, 31, 32, 33, 64, 65, 1000])
def test_softmax(executor, dtype, columns):
    for rows in (0, 1, 3, 17):
        x = sample((rows, columns), dtype)
        found = run([tf.nn.softmax(x), tf.nn.log_softmax(x)])
        if rows:
            close(found[0], softmax(x), dtype)
            close(found[1], np.log(softmax(x)), dtype)
        assert found[0].shape == x.shape


def test_softmax_of_extremes(executor):
    x = np.array([[1000, -1000, 0], [-np.inf, 1, 1]], "float32")
    assert run(tf.nn.softmax(x)).tolist() == [[1, 0, 0], [0, 0.5, 0.5]]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_a_label_that_is_no_class(executor, dtype):
    logits, labels = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(dtype, [None])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    with tf.Session() as session:
        for wrong in (3, -1):
            with pytest.raises(
                tf.errors.InvalidArgumentError,
                match=rf"Received a label value of {wrong} which is out.*\[in SparseSoftmax.* made at .*test_nn.py",
            ):
                session.run(loss, {logits: np.zeros((2, 3)), labels: [0, wrong]})
        close(session.run(loss, {logits: np.zeros((2, 3)), labels: [0, 2]}), np.log([3.0, 3.0]), "float32")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("columns", [2, 10, 16, 33])
def test_sparse_cross_entropy(executor, dtype, columns):
    x = sample((19, columns), dtype)
    labels = np.arange(19) % columns
    found = run(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x))
    close(found, -np.log(softmax(x)[np.arange(19), labels]), dtype)


def test_cross_entropies_want_their_arguments_named():
    x = tf.placeholder(tf.float32, [3, 4])
    for function in (
        tf.nn.softmax_cross_entropy_with_logits,
        tf.nn.sparse_softmax_cross_entropy_with_logits,
        tf.nn.sigmoid_cross_entropy_with_logits,
    ):
        with pytest.raises(ValueError, match="with named arguments"):
            function(x, x)
        with pytest.raises(ValueError, match="Both labels and logits must be provided"):
            function(labels=x)


def test_labels_that_do_not_fit_the_logits():
    function = tf.nn.sparse_softmax_cross_entropy_with_logits
    logits = tf.placeholder(tf.float32, [3, 4])
    with pytest.raises(ValueError, match=r"Rank of labels \(received 2\) should equal rank of logits minus 1"):
        function(labels=tf.placeholder(tf.int32, [3, 4]), logits=logits)
    with pytest.raises(ValueError, match=r"The shape of labels \(received \(5,\)\) should equal the shape of logits"):
        function(labels=tf.placeholder(tf.int32, [5]), logits=logits)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_bias_add(executor, dtype):
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(dtype)
    last, first = np.arange(5).astype(dtype), np.arange(3).astype(dtype)
    found = run([tf.nn.bias_add(x, last), tf.nn.bias_add(x, first, "NCHW"), tf.nn.bias_add(x[0, 0], last)])
    for value, wanted in zip(found, [x + last, x + first[:, None, None], x[0, 0] + last]):
        assert np.array_equal(value, wanted)


def test_a_bias_that_does_not_fit():
    x = tf.placeholder(tf.float32, [3, 4])
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 4 and 5"):
        tf.nn.bias_add(x, tf.placeholder(tf.float32, [5]))
    with pytest.raises(ValueError, match="data_format must be of the form"):
        tf.nn.bias_add(x, tf.placeholder(tf.float32, [4]), "X")


@pytest.mark.parametrize("dtype", FLOATS)
def test_l2_loss(executor, dtype):
    x = sample((7, 9), dtype)
    close(run(tf.nn.l2_loss(x)), (x.astype("float64") ** 2).sum() / 2, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_the_cross_entropy_of_no_classes_is_zero(dtype, executor):
    logits, labels = tf.placeholder(dtype, [None, 0]), tf.placeholder(dtype, [None, 0])
    left = tf.exp(tf.placeholder_with_default(np.ones(300, dtype), [300]))  # what lies in the memory before
    with tf.control_dependencies([tf.identity(left)]):
        loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    with tf.Session() as session:
        empty = np.ones([300, 0], dtype)
        np.testing.assert_array_equal(session.run(loss, {logits: empty, labels: empty}), np.zeros(300, dtype))
