"""fused_batch_norm and lrn: values, gradients, layouts, open sizes, threads, and errors."""

import numpy as np
import pytest

import hookloop as tf

SHAPES = [(2, 5, 4, 3), (3, 1, 1, 17), (1, 1, 1, 2), (7, 30, 31, 5), (2, 3, 0, 4)]


def inputs(shape, dtype=np.float32):
    rng = np.random.default_rng(8)
    x = (rng.standard_normal(shape) * 2 + 5).astype(dtype)
    return x, *(rng.uniform(0.5, 2, shape[3]).astype(np.float32) for _ in range(4))


def run(build, *values, shapes=None, config=None):
    with tf.Graph().as_default():
        holders = [tf.placeholder(v.dtype, shape) for v, shape in zip(values, shapes or [v.shape for v in values])]
        fetches = build(*holders)
        with tf.Session(config=config) as session:
            return session.run(fetches, dict(zip(holders, values)))


def training(x, scale, offset, *_):
    y, mean, variance = tf.nn.fused_batch_norm(x, scale, offset, epsilon=0.01)
    weights = tf.cos(tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), tf.float32))
    return [y, mean, variance, *tf.gradients(tf.reduce_sum(tf.cast(y, tf.float32) * weights), [x, scale, offset])]


def plain(x, scale, offset, epsilon=0.01):
    x = x.astype(np.float64)
    return (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + epsilon) * scale + offset


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_are_normalized_by_their_own_statistics(shape, executor):
    x, scale, offset, *_ = inputs(shape)
    y, mean, variance, *slopes = run(training, x, scale, offset)
    if not x.size:
        assert y.shape == shape and slopes[0].shape == shape
        np.testing.assert_array_equal(mean, np.full(shape[3], np.nan))
        np.testing.assert_array_equal(slopes[1], np.zeros(shape[3]))
        return
    count = x.size // shape[3]
    np.testing.assert_allclose(y, plain(x, scale, offset), 2e-5, 2e-5)
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), 1e-5)
    np.testing.assert_allclose(
        variance, x.astype("d").var((0, 1, 2)) * (count / (count - 1) if count > 1 else 1), 1e-4, 1e-6
    )


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_gradients_are_slopes(shape, executor):
    values = inputs(shape)[:3]
    slopes = run(training, *values)[3:]
    weights = np.cos(np.arange(values[0].size)).reshape(shape)
    rng = np.random.default_rng(9)
    for i, slope in enumerate(slopes):
        direction = rng.standard_normal(values[i].shape) * 1e-4
        up, down = (
            [v.astype("d") + (direction * sign if k == i else 0) for k, v in enumerate(values)] for sign in (1, -1)
        )
        change = np.sum((plain(*up) - plain(*down)) * weights) / 2
        assert np.sum(slope * direction) == pytest.approx(change, rel=2e-3, abs=1e-8)


def by_hand(x, scale, offset):
    mean = tf.reduce_mean(x, [0, 1, 2])  # not `moments`, whose variance hands no gradient to its mean
    variance = tf.reduce_mean(tf.square(x - mean), [0, 1, 2])
    return (x - mean) * tf.rsqrt(variance + 0.01) * scale + offset


@pytest.mark.parametrize("is_training", [True, False])
def test_second_gradients_are_those_of_the_definition(is_training, executor):
    def curvatures(x, scale, offset, mean, variance, way):
        if way is by_hand and not is_training:
            y = (x - mean) * tf.rsqrt(variance + 0.01) * scale + offset
        elif way is by_hand:
            y = by_hand(x, scale, offset)
        else:
            given = () if is_training else (mean, variance)
            y = tf.nn.fused_batch_norm(x, scale, offset, *given, epsilon=0.01, is_training=is_training)[0]
        first = tf.gradients(tf.reduce_sum(tf.tanh(y)), [x, scale, offset])
        return tf.gradients(tf.add_n([tf.reduce_sum(tf.sin(slope)) for slope in first]), [x, scale, offset])

    values = inputs(SHAPES[0])[:5]
    found = run(lambda *holders: curvatures(*holders, None), *values)
    wanted = run(lambda *holders: curvatures(*holders, by_hand), *values)
    for one, other in zip(found, wanted):
        np.testing.assert_allclose(one, other, 2e-4, 2e-4)


def test_given_statistics(executor):
    x, scale, offset, mean, variance = inputs((2, 5, 4, 3))

    def build(x, scale, offset, mean, variance):
        y = tf.nn.fused_batch_norm(x, scale, offset, mean, variance, 0.01, is_training=False)
        return [*y, *tf.gradients(tf.reduce_sum(tf.square(y[0])), [x, scale, offset])]

    y, m, v, dx, dscale, doffset = run(build, x, scale, offset, mean, variance)
    inverse = 1 / np.sqrt(variance + 0.01)
    expected = (x - mean) * inverse * scale + offset
    np.testing.assert_allclose(y, expected, 1e-5)
    np.testing.assert_array_equal(m, mean)
    np.testing.assert_array_equal(v, variance)
    np.testing.assert_allclose(dx, 2 * expected * scale * inverse, 1e-4, 1e-4)
    np.testing.assert_allclose(dscale, np.sum(2 * expected * (x - mean) * inverse, (0, 1, 2)), 1e-4)
    np.testing.assert_allclose(doffset, np.sum(2 * expected, (0, 1, 2)), 1e-4)


@pytest.mark.parametrize("is_training", [True, False])
def test_channels_first(is_training, executor):
    x, scale, offset, mean, variance = inputs((2, 5, 4, 3))

    def build(layout):
        def function(x, scale, offset, mean, variance):
            given = () if is_training else (mean, variance)
            y = tf.nn.fused_batch_norm(x, scale, offset, *given, data_format=layout, is_training=is_training)
            return [y[0], *tf.gradients(tf.reduce_sum(tf.square(y[0])), [x, scale, offset])]

        return function

    last = run(build("NHWC"), x, scale, offset, mean, variance)
    first = run(build("NCHW"), np.moveaxis(x, 3, 1), scale, offset, mean, variance)
    for i, (a, b) in enumerate(zip(first, last)):
        np.testing.assert_allclose(np.moveaxis(a, 1, 3) if i < 2 else a, b, 1e-5, 1e-5)


def test_16_bit_images(executor):
    x, scale, offset, *_ = inputs((2, 5, 4, 3), np.float16)
    y, mean, *slopes = run(training, x, scale, offset)
    assert y.dtype == slopes[1].dtype == np.float16 and mean.dtype == np.float32
    np.testing.assert_allclose(y, plain(x, scale, offset), 5e-3, 5e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_open_sizes_and_threads_change_no_bit(shape):
    values = inputs(shape)[:3]
    one = run(training, *values, config=tf.ConfigProto(intra_op_parallelism_threads=1))
    for threads, shapes in ((2, [[None] * 4, [None], [None]]), (4, [None, None, None])):
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        for a, b in zip(one, run(training, *values, shapes=shapes, config=config)):
            np.testing.assert_array_equal(a, b)


def test_a_large_mean_costs_no_precision(executor):
    x, scale, offset, *_ = inputs((4, 9, 8, 3))
    x += 1000
    np.testing.assert_allclose(run(training, x, scale, offset)[0], plain(x, scale, offset), 1e-3, 1e-3)


# --- neighbouring channels ------------------------------------------------------------------------------


def lrn(x, radius, bias, alpha, beta):
    x = x.astype(np.float64)
    total = [np.sum(x[..., max(0, c - radius) : c + radius + 1] ** 2, -1) for c in range(x.shape[-1])]
    return x / (bias + alpha * np.stack(total, -1)) ** beta if x.size else x


@pytest.mark.parametrize("arguments", [(5, 1, 1, 0.5), (1, 2, 0.3, 0.75), (0, 1, 0.5, 1), (40, 0.5, 0.1, 2)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 9), (1, 1, 1, 1), (0, 3, 4, 9)])
def test_neighbours(arguments, shape, executor):
    x = np.random.default_rng(1).standard_normal(shape).astype("f")

    def build(x):
        y = tf.nn.lrn(x, *arguments)
        return [
            y,
            *tf.gradients(
                tf.reduce_sum(y * tf.cos(tf.reshape(tf.range(tf.cast(tf.size(y), tf.float32)), tf.shape(y)))), x
            ),
        ]

    y, slope = run(build, x)
    np.testing.assert_allclose(y, lrn(x, *arguments), 1e-5, 1e-6)
    weights = np.cos(np.arange(x.size)).reshape(shape)
    direction = np.random.default_rng(2).standard_normal(shape) * 1e-5
    change = (lrn(x + direction, *arguments) - lrn(x - direction, *arguments)) / 2
    assert np.sum(slope * direction) == pytest.approx(np.sum(change * weights), rel=1e-3, abs=1e-9)


def test_neighbours_of_16_bit_images_and_threads():
    x = np.random.default_rng(1).standard_normal((4, 20, 20, 24)).astype("f")
    one, two = (run(lambda x: tf.nn.lrn(x), x, config=tf.ConfigProto(intra_op_parallelism_threads=n)) for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(run(lambda x: tf.nn.lrn(x), x.astype(np.float16)), one, 2e-3, 2e-3)


# --- errors ---------------------------------------------------------------------------------------------


def zeros(*shape, dtype=tf.float32):
    return tf.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: tf.nn.fused_batch_norm(zeros(2, 4, 4, 3), zeros(3), zeros(3), zeros(3), zeros(3)),
         "Both 'mean' and 'variance' must be None if is_training is True"),
        (lambda: tf.nn.fused_batch_norm(zeros(2, 4, 4, 3), zeros(3), zeros(3), is_training=False),
         "Dimensions must be equal, but are 3 and 0 for 'FusedBatchNormV3'"),
        (lambda: tf.nn.fused_batch_norm(zeros(2, 4, 4, 3), zeros(2), zeros(3)), "Dimensions must be equal, but are 3 and 2"),
        (lambda: tf.nn.fused_batch_norm(zeros(2, 4, 4, 3), zeros(3, 1), zeros(3)), "Shape must be rank 1 but is rank 2"),
        (lambda: tf.nn.fused_batch_norm(zeros(4, 4, 3), zeros(3), zeros(3)), "Shape must be rank 4 but is rank 3"),
        (lambda: tf.nn.fused_batch_norm(zeros(2, 4, 4, 3), zeros(3), zeros(3), data_format="NHCW"),
         "Attr 'data_format' of 'FusedBatchNormV3' Op passed string 'NHCW'"),
        (lambda: tf.nn.lrn(zeros(4, 4, 3)), "Shape must be rank 4 but is rank 3 for 'LRN'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build, text):
    with pytest.raises(ValueError, match=text):
        build()


@pytest.mark.parametrize("build", [lambda x: tf.nn.lrn(x), lambda x: tf.nn.fused_batch_norm(x, [1.0] * 3, [1.0] * 3)])
def test_doubles_are_refused(build):
    with pytest.raises(TypeError, match="DataType float64 not in list of allowed values: bfloat16, float16, float32"):
        build(zeros(2, 4, 4, 3, dtype=tf.float64))
