"""mask_pool_gradients: relu under a maximum pool is a condition of the pool's gradient, to the same bit."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds):
    return kernels(optimized(fetches, feeds, names=("drop_unused", "mask_pool_gradients")))


def pooled(shape=(2, 7, 6, 19), window=2, stride=2, padding="SAME", batch=None):
    x = tf.placeholder(tf.float32, [batch, *shape[1:]])
    return (
        x,
        tf.nn.max_pool(tf.nn.relu(x), window, stride, padding),
        {x: np.random.RandomState(1).standard_normal(shape)},
    )


def unmasked():
    """The pool's own gradient: where it is wanted too, nothing can be joined."""
    operations = tf.get_default_graph().get_operations()
    return next(op for op in operations if op.type == "MaxPoolGrad").outputs[0]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"batch": 2}, {"window": 3}, {"window": 3, "stride": 1, "padding": "VALID"}, {"shape": (1, 5, 5, 70)}],
)
def test_relu_is_a_condition(arguments):
    x, y, feeds = pooled(**arguments)
    (slope,) = tf.gradients(tf.reduce_sum(tf.square(y)), x)
    assert "relu_grad" not in rewritten([slope], feeds)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(slope, feeds), session.run([unmasked(), slope], feeds)[1])


def test_another_mask_stays():
    x, y, feeds = pooled()
    other = tf.nn.relu(x - 1)
    (slope,) = tf.gradients(y, y.op.inputs[0])
    masked = tf.gradients(other, x, grad_ys=[slope])[0]
    assert "relu_grad" in rewritten([masked], feeds)


def test_a_gradient_that_others_read_stays():
    x, y, feeds = pooled()
    (slope,) = tf.gradients(y, x)
    assert "relu_grad" in rewritten([slope, unmasked()], feeds)
