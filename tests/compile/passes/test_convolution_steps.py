"""fuse_epilogues: what follows a convolution is done in it, to the same bit; what others read stays."""

import io

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

ACTIVATIONS = [tf.nn.relu, tf.nn.relu6, tf.nn.leaky_relu, tf.nn.elu, tf.nn.softplus, tf.sigmoid, tf.tanh]


def rewritten(fetches, feeds, names=("drop_unused", "fuse_epilogues")):
    return kernels(optimized(fetches, feeds, names=names))


def convolution(batch=3, channels=37, dtype=tf.float32, padding="SAME"):
    x = tf.placeholder(dtype, [batch, 9, 8, 5])
    w = tf.placeholder(dtype, [3, 2, 5, channels])
    random = np.random.RandomState(1)
    feeds = {x: random.standard_normal((3, 9, 8, 5)), w: random.standard_normal((3, 2, 5, channels))}
    return tf.nn.conv2d(x, w, [1, 2, 1, 1], padding), {t: v.astype(t.dtype.as_numpy_dtype) for t, v in feeds.items()}


def same_bits(stages, feeds):
    """The last of the stages alone is what it is where every stage is wanted, so that nothing can be fused."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(stages[-1], feeds), session.run(stages, feeds)[-1])


@pytest.mark.parametrize("batch", [3, None])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda f: f.__name__)
def test_bias_and_activation_are_steps(activation, batch, dtype):
    y, feeds = convolution(batch, dtype=dtype)
    biased = tf.nn.bias_add(y, tf.get_variable("b", [37], dtype, tf.random_normal_initializer(seed=1)))
    out = activation(biased)
    assert rewritten([out], feeds) == ["conv"]
    same_bits([y, biased, out], feeds)


@pytest.mark.parametrize("window", [3, 5])
def test_steps_behind_minimal_filtering(window):
    """Tiles at the edges and part of a vector of channels among them."""
    random = np.random.RandomState(1)
    x, w, r = (
        tf.placeholder(tf.float32, shape) for shape in ([4, 13, 18, 32], [window, window, 32, 37], [4, 13, 18, 37])
    )
    feeds = {t: random.standard_normal([d.value for d in t.shape]).astype("f") for t in (x, w, r)}
    y = tf.nn.conv2d(x, w, 1, "SAME")
    assert "minimal filtering" in str(tf.explain(y, feeds, file=io.StringIO()))
    biased = tf.nn.bias_add(y, tf.get_variable("b", [37], initializer=tf.random_normal_initializer(seed=1)))
    active = tf.nn.relu(biased)
    total = tf.tanh(active) + r
    assert rewritten([total], feeds) == ["conv"]
    same_bits([y, biased, active, total], feeds)


def test_a_residual_is_a_step():
    y, feeds = convolution()
    residual = tf.get_variable("r", [3, 5, 8, 37], initializer=tf.random_normal_initializer(seed=2))
    total = y + residual
    out = tf.nn.relu(total * 0.5)
    assert rewritten([out], feeds) == ["conv"]
    same_bits([y, total, out], feeds)


def test_gradients_of_activations_are_steps():
    y, feeds = convolution(channels=6)
    hidden = tf.nn.relu(y)
    z = tf.nn.conv2d(
        hidden, tf.get_variable("v", [2, 2, 6, 4], initializer=tf.random_normal_initializer(seed=3)), 2, "SAME"
    )
    (slope,) = tf.gradients(z, y)
    found = rewritten([slope], feeds)
    assert "relu_grad" not in found and "conv_image_gradient" in found
    of_hidden = next(op for op in tf.get_default_graph().get_operations() if op.type == "Conv2DBackpropInput")
    same_bits([of_hidden.outputs[0], slope], feeds)


def test_several_blocks_of_k_and_columns():
    x = tf.placeholder(tf.float32, [4, 6, 7, 200])
    w = tf.placeholder(tf.float32, [3, 3, 200, 150])
    random = np.random.RandomState(4)
    feeds = {x: random.standard_normal(x.shape.as_list()), w: random.standard_normal(w.shape.as_list())}
    y = tf.nn.conv2d(x, w, 1, "SAME")
    biased = tf.nn.bias_add(y, tf.get_variable("b", [150], initializer=tf.random_normal_initializer(seed=1)))
    same_bits([y, biased, tf.nn.relu(biased), tf.tanh(tf.nn.relu(biased))], feeds)


@pytest.mark.parametrize(
    "other",
    [
        lambda y: y + tf.ones([3, 1, 1, 37]),
        lambda y: y + tf.ones([8, 1]),
        lambda y: y * tf.reduce_mean(y),
        lambda y: tf.nn.relu(y) + y,
    ],
    ids=["an image's number", "a row's number", "its own mean", "read twice"],
)
def test_what_is_no_step_stays(other):
    y, feeds = convolution()
    assert len(rewritten([other(y)], feeds)) > 1


def test_nan_passes_relu():
    y, feeds = convolution()
    x = next(iter(feeds))
    feeds[x][0, 0, 0, 0] = np.nan
    with tf.Session() as session:
        assert np.isnan(session.run(tf.nn.relu(y), feeds)).any()


def test_channels_first_keeps_its_transposes():
    x = tf.placeholder(tf.float32, [2, 3, 6, 5])
    y = tf.nn.conv2d(x, np.ones((2, 2, 3, 4), "f"), 1, "SAME", data_format="NCHW")
    out = tf.nn.relu(tf.nn.bias_add(y, np.arange(4, dtype="f") - 2, data_format="NCHW"))
    feeds = {x: np.random.RandomState(5).standard_normal((2, 3, 6, 5))}
    same_bits([y, out], feeds)
