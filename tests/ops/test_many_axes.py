"""Tensors of many axes: up to 10 work, more are refused by their name."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

from ..conftest import on_reference


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def test_ten_axes(executor):
    x = np.arange(24, dtype="float32").reshape(2, 1, 3, 1, 1, 2, 1, 1, 1, 2)
    fed = tf.placeholder(tf.float32, x.shape)
    np.testing.assert_array_equal(run(fed * 2 + x, {fed: x}), x * 3)


@pytest.mark.parametrize("static", [True, False])
def test_tile_repeats_many_axes(executor, static):
    x = np.arange(48, dtype="float32").reshape(2, 1, 2, 3, 2, 2, 1)
    multiples = [2, 3, 1, 2, 2, 1, 2]
    fed = tf.placeholder(tf.float32, x.shape if static else [None] * 7)
    counts = tf.placeholder(tf.int32, [7])
    found = run(tf.tile(fed, multiples if static else counts), {fed: x, counts: multiples})
    np.testing.assert_array_equal(found, np.tile(x, multiples))


@pytest.mark.parametrize("static", [True, False])
def test_the_gradient_of_tile_along_many_axes(executor, static):
    multiples = [2, 3, 2, 3, 2, 2, 2]
    x = np.zeros((2, 1, 2, 2, 1, 2, 3))
    fed = tf.placeholder(tf.float64, x.shape if static else [None] * 7)
    weights = np.random.RandomState(2).randn(*(m * d for m, d in zip(multiples, x.shape)))
    (slope,) = tf.gradients(tf.tile(fed, multiples) * weights, fed)
    form = [n for pair in zip(multiples, x.shape) for n in pair]
    wanted = weights.reshape(form).sum(tuple(range(0, 14, 2)))
    np.testing.assert_allclose(run(slope, {fed: x}), wanted, rtol=1e-12)


def test_a_maximum_over_some_of_many_axes(executor):
    x = np.random.RandomState(2).permutation(3 * 2**11).reshape([3] + [2] * 11)
    for axes in ([0, 5, 11], [3, 4], list(range(12))):
        np.testing.assert_array_equal(run(tf.reduce_max(tf.reshape(x.ravel(), x.shape), axes)), x.max(tuple(axes)))


def test_a_diagonal_of_six_axes(executor):
    x = np.arange(12, dtype="float16").reshape(3, 1, 4)
    fed = tf.placeholder(tf.float16, x.shape)
    weights = np.arange(144, dtype="float16").reshape(3, 1, 4, 3, 1, 4)
    (slope,) = tf.gradients(tf.reduce_sum(tf.diag(fed) * weights), fed)
    np.testing.assert_array_equal(run(slope, {fed: x}), np.arange(12).reshape(x.shape) * 13)


@pytest.mark.skipif(on_reference(), reason="the limit is a plan's; the reference executor has none")
def test_more_axes_are_refused():
    x = tf.placeholder(tf.float32, ())
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.UnimplementedError, match=r"at most 10 axes are supported, this needs 12 \[in Exp 'Exp'"
        ):
            session.run(tf.exp(tf.reshape(x, [1] * 12)), {x: 1})
        with pytest.raises(tf.errors.UnimplementedError, match="at most 10 axes are supported, this needs 11"):
            session.run(tf.tile(tf.reshape(x, [1] * 11), [1] * 11), {x: 1})
        wide = tf.placeholder(tf.float32, [1] * 11)
        with pytest.raises(
            ValueError, match="feeds of at most 10 axes are supported, that of 'Placeholder_1:0' has 11"
        ):
            session.run(tf.reshape(wide, [1]), {wide: np.ones([1] * 11)})
        assert session.run(tf.reshape(x, [1] * 10), {x: 1}).shape == (1,) * 10  # the session is usable


def test_a_variable_of_more_axes_is_refused():
    cell = _core.VariableCell("v", 1, tf.float32)
    with pytest.raises(ValueError, match="variables of at most 10 axes are supported, 'v' has 11"):
        cell.reshape((1,) * 11)
    cell.reshape((1,) * 10)
    assert cell.shape == (1,) * 10
