"""Pools over windows: values against plain NumPy, gradients, ties and NaN, open sizes, threads, and errors."""

import numpy as np
import pytest

import hookloop as tf

# shape, window, strides, padding
CASES = {
    "tiles": ((2, 8, 6, 33), (2, 2), (2, 2), "SAME"),
    "tiles that end outside": ((2, 7, 5, 3), (2, 2), (2, 2), "SAME"),
    "tiles that leave a rest": ((2, 7, 5, 40), (2, 2), (2, 2), "VALID"),
    "overlapping": ((2, 7, 6, 40), (3, 2), (1, 2), "SAME"),
    "overlapping, valid": ((3, 7, 6, 5), (3, 2), (2, 1), "VALID"),
    "gaps": ((2, 7, 6, 3), (2, 1), (3, 2), "VALID"),
    "whole image": ((2, 4, 5, 70), (4, 5), (1, 1), "VALID"),
    "one window of a part": ((2, 7, 6, 19), (3, 4), (5, 5), "VALID"),
    "squares": ((2, 9, 8, 45), (3, 3), (2, 2), "SAME"),
    "window larger than the image": ((2, 2, 3, 3), (5, 5), (1, 1), "SAME"),
    "one element": ((1, 1, 1, 1), (1, 1), (1, 1), "VALID"),
    "no image": ((0, 4, 6, 3), (2, 2), (2, 2), "SAME"),
    "no channels": ((2, 4, 6, 0), (2, 2), (2, 2), "SAME"),
}
LARGE = ((3, 60, 61, 96), (3, 3), (2, 2), "SAME")
MANY = ((24, 28, 28, 32), (2, 2), (2, 2), "SAME")


def image(shape, dtype=np.float64):
    return np.random.default_rng(7).standard_normal(shape).astype(dtype)


def windows(case):
    """(index of a target, the part of the image under its window) for every position."""
    shape, window, strides, padding = case
    counts, before = [], []
    for size, taps, stride in zip(shape[1:3], window, strides):
        count = -(-size // stride) if padding == "SAME" else (size - taps) // stride + 1
        counts.append(count)
        before.append(max((count - 1) * stride + taps - size, 0) // 2 if padding == "SAME" else 0)
    found = []
    for i, j in np.ndindex(*counts):
        start = [p * s - b for p, s, b in zip((i, j), strides, before)]
        spans = [slice(max(a, 0), a + w) for a, w in zip(start, window)]
        found.append(((slice(None), i, j), (slice(None), *spans)))
    return (shape[0], *counts, shape[3]), found


def expected(x, case, function):
    shape, found = windows(case)
    out = np.zeros(shape)
    for at, seen in found:
        out[at] = function(x[seen], (1, 2)) if x.size else 0
    return out


POOLS = {"max": tf.nn.max_pool, "avg": tf.nn.avg_pool}
FUNCTIONS = {"max": np.max, "avg": np.mean}


def pool(kind, x, case, layout="NHWC"):
    _, window, strides, padding = case
    if layout == "NCHW":
        return POOLS[kind](x, [1, 1, *window], [1, 1, *strides], padding, data_format=layout)
    return POOLS[kind](x, [1, *window, 1], [1, *strides, 1], padding)


def weighted(y):
    return tf.reduce_sum(y * tf.cos(tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), y.dtype)))


def run(build, x, shape="known", config=None):
    with tf.Graph().as_default():
        holder = tf.placeholder(x.dtype, x.shape if shape == "known" else shape)
        fetches = build(holder)
        with tf.Session(config=config) as session:
            return session.run(fetches, {holder: x})


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("name", CASES)
def test_values(kind, name, executor):
    x = image(CASES[name][0])
    found = run(lambda x: pool(kind, x, CASES[name]), x)
    np.testing.assert_allclose(found, expected(x, CASES[name], FUNCTIONS[kind]), 1e-12, 1e-12)


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_slopes(kind, name, executor):
    case = CASES[name]
    x = image(case[0])
    y, gradient = run(lambda x: (lambda y: [y, tf.gradients(weighted(y), x)[0]])(pool(kind, x, case)), x)
    assert gradient.shape == x.shape
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    direction = image(x.shape)[::-1] * 1e-7
    change = expected(x + direction, case, FUNCTIONS[kind]) - expected(x - direction, case, FUNCTIONS[kind])
    assert np.sum(gradient * direction) == pytest.approx(np.sum(change * weights) / 2, rel=1e-5, abs=1e-13)


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("name", CASES)
def test_channels_first(kind, name, executor):
    case = CASES[name]
    x = image(case[0], np.float32)
    first = lambda x: (lambda y: [y, tf.gradients(weighted(y), x)[0]])(pool(kind, x, case, "NCHW"))
    y, dx = run(first, np.moveaxis(x, 3, 1))
    np.testing.assert_allclose(np.moveaxis(y, 1, 3), expected(x, case, FUNCTIONS[kind]), 1e-5, 1e-5)
    assert dx.shape == (x.shape[0], x.shape[3], *x.shape[1:3])


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("case", [*CASES.values(), LARGE, MANY], ids=[*CASES, "large", "many"])
def test_open_sizes_and_threads_change_no_bit(kind, case):
    x = image(case[0], np.float32)

    def build(x):
        y = pool(kind, x, case)
        gradient = tf.gradients(tf.reduce_sum(tf.square(y)), x)[0]
        return [y, gradient, tf.gradients(tf.reduce_sum(tf.square(gradient)), x)[0]]

    one = run(build, x, config=tf.ConfigProto(intra_op_parallelism_threads=1))
    for threads, shape in ((2, [None] * 4), (4, None)):
        found = run(build, x, shape, tf.ConfigProto(intra_op_parallelism_threads=threads))
        for a, b in zip(one, found):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("case", [LARGE, MANY], ids=["large", "many"])
@pytest.mark.parametrize("kind", POOLS)
def test_large_images_agree_with_the_reference(case, kind, monkeypatch):
    x = image(case[0], np.float32)
    build = lambda x: (lambda y: [y, tf.gradients(weighted(y), x)[0]])(pool(kind, x, case))
    found = run(build, x)
    monkeypatch.setenv("HOOKLOOP_EXECUTOR", "reference")
    for a, b in zip(found, run(build, x)):
        np.testing.assert_allclose(a, b, 1e-5, 1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float64"])
def test_maxima_of_every_type(dtype, executor):
    x = (image((2, 7, 5, 19)) * 40).astype(dtype)
    found, gradient = run(
        lambda x: [
            tf.nn.max_pool(x, [3, 2], 2, "SAME"),
            tf.gradients(tf.nn.max_pool(x, [3, 2], 2, "SAME"), x)[0] if x.dtype.is_floating else x,
        ],
        x,
    )
    case = (x.shape, (3, 2), (2, 2), "SAME")
    np.testing.assert_array_equal(found, expected(x, case, np.max).astype(dtype))
    if np.dtype(dtype).kind == "f":
        assert gradient.sum() == found.size


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("place", range(4))
def test_a_nan_is_the_maximum_wherever_it_stands(dtype, place, executor):
    x = np.arange(16, dtype=dtype).reshape(1, 4, 4, 1)
    x[0, place // 2, place % 2, 0] = np.nan
    y, slope = run(lambda x: (lambda y: [y, tf.gradients(y, x)[0]])(tf.nn.max_pool(x, 2, 2, "VALID")), x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[np.nan, 7], [13, 15]])
    assert slope[0, place // 2, place % 2, 0] == 1 and slope.sum() == 4


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_maxima_among_infinities_and_no_numbers(dtype, executor):
    """Channels that fill vectors and such that do not; windows of nothing but -infinity, of both infinities, with several NaN."""
    rng = np.random.default_rng(3)
    x = rng.choice([np.nan, np.inf, -np.inf, 1, 2], p=[0.04, 0.1, 0.66, 0.1, 0.1], size=(3, 6, 8, 53)).astype(dtype)
    y, slope = run(lambda x: (lambda y: [y, tf.gradients(y, x)[0]])(tf.nn.max_pool(x, [2, 4], [2, 4], "VALID")), x)
    windows = x.reshape(3, 3, 2, 2, 4, 53).transpose(0, 1, 3, 5, 2, 4).reshape(3, 3, 2, 53, 8)
    best = np.argmax(windows, -1)[..., None]  # the first NaN where there is one
    np.testing.assert_array_equal(y, np.take_along_axis(windows, best, -1)[..., 0])
    expected = np.zeros_like(windows)
    np.put_along_axis(expected, best, 1, -1)
    slope = slope.reshape(3, 3, 2, 2, 4, 53).transpose(0, 1, 3, 5, 2, 4).reshape(windows.shape)
    np.testing.assert_array_equal(slope, expected)


def test_means_of_16_bit_floats(executor):
    x = image((2, 7, 5, 19), np.float16)
    found = run(lambda x: tf.nn.avg_pool(x, 3, 2, "SAME"), x)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected(x, (x.shape, (3, 3), (2, 2), "SAME"), np.mean), 2e-3, 2e-3)


def test_the_first_of_equal_elements_gets_the_gradient(executor):
    x = np.zeros((1, 2, 4, 1), np.float32)
    gradient = run(lambda x: tf.gradients(tf.nn.max_pool(x, 2, 2, "VALID"), x)[0], x)
    np.testing.assert_array_equal(gradient[0, :, :, 0], [[1, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("batch", [False, True])
def test_maxima_where_they_are(batch, executor):
    x = image((2, 5, 4, 3), np.float32)

    def build(x):
        pooled = tf.nn.max_pool_with_argmax(
            x, [1, 2, 3, 1], [1, 2, 1, 1], "SAME", include_batch_in_index=batch, output_dtype=tf.int64
        )
        return [*pooled, tf.gradients(pooled[0], x)[0], tf.gradients(tf.nn.max_pool(x, [2, 3], [2, 1], "SAME"), x)[0]]

    best, places, gradient, plain = run(build, x)
    each = np.broadcast_to(x.ravel(), (2, x.size)) if batch else x.reshape(2, -1)
    for n in range(2):
        np.testing.assert_array_equal(each[n][places[n]], best[n])
    np.testing.assert_array_equal(gradient, plain)


def test_lines_and_volumes(executor):
    x = image((2, 9, 5))
    line = run(lambda x: tf.nn.max_pool1d(tf.transpose(x, [0, 2, 1]), 3, 2, "VALID", data_format="NCW"), x)
    np.testing.assert_array_equal(line, np.stack([x[:, i : i + 3].max(1) for i in (0, 2, 4, 6)], 2))
    v = image((2, 4, 5, 6, 3))
    found = run(lambda v: tf.nn.avg_pool3d(v, [2, 5, 3], [2, 1, 3], "VALID"), v)
    np.testing.assert_allclose(found, v.reshape(2, 2, 2, 5, 2, 3, 3).mean((2, 3, 5))[:, :, None], 1e-12)


# --- errors ---------------------------------------------------------------------------------------------


def zeros(*shape, dtype=tf.float32):
    return tf.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: tf.nn.max_pool(zeros(2, 4, 4, 3), [1, 0, 1, 1], 1, "SAME"), "ksize cannot be zero"),
        (lambda: tf.nn.max_pool(zeros(4, 4, 3), 2, 1, "SAME"), "Shape must be rank 4 but is rank 3 for 'MaxPool'"),
        (lambda: tf.nn.max_pool(zeros(2, 4, 4, 3), 5, 1, "VALID"), "Negative dimension size caused by subtracting 5 from 4"),
        (lambda: tf.nn.max_pool(zeros(2, 4, 4, 3), 5, 1, "valid"), "passed string 'valid' not in: \"SAME\", \"VALID\""),
        (lambda: tf.nn.max_pool(zeros(2, 4, 4, 3), [2, 2, 1, 1], 1, "SAME"),
         "does not yet support pooling in the batch and depth dimensions"),
        (lambda: tf.nn.avg_pool(zeros(2, 4, 4, 3), 2, [1, 0, 1, 1], "SAME"), "Stride must be > 0, but got 0"),
        (lambda: tf.nn.avg_pool(zeros(2, 4, 4, 3), [2] * 3, 1, "SAME"), "ksize should be of length 1, 2 or 4 but was 3"),
        (lambda: tf.nn.avg_pool(zeros(2, 4, 4, 3), 0, 1, "SAME"), "Window must be > 0, but got 0"),
        (lambda: tf.nn.max_pool_v2(zeros(4, 3), 2, 1, "SAME"), "Input tensor must be of rank 3, 4 or 5 but was 2"),
        (lambda: tf.nn.max_pool_v2(tf.placeholder(tf.float32), 2, 1, "SAME"), "must have a rank or a data format must be given"),
        (lambda: tf.nn.max_pool_with_argmax(zeros(2, 4, 4, 3), [1, 2, 2, 1], [1, 1, 1, 1], "SAME", data_format="NCHW"),
         "Data formats other than 'NHWC' are not yet supported"),
        (lambda: tf.nn.pool(zeros(2, 4, 4, 3), [2, 2], "MIN", "SAME"), "2-D MIN pooling is not supported"),
        (lambda: tf.nn.pool(zeros(2, 4, 4, 3), [2, 2], "MAX", "SAME", dilation_rate=[2, 1]),
         "pooling with SAME padding is not implemented for dilation_rate > 1"),
        (lambda: tf.nn.pool(zeros(2, 4, 4, 3), [2, 2], "MAX", "VALID", strides=[3, 1]), "strides > window_shape not supported"),
        (lambda: tf.nn.pool(zeros(2, 4, 4, 3), [2, 2], "MAX", "VALID", strides=[3]), r"len\(strides\)=1 but should be 2"),
        (lambda: tf.nn.pool(zeros(2, 4), [], "MAX", "VALID"), "It is required that 1 <= num_spatial_dims <= 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_types_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="DataType int32 not in list of allowed values"):
        tf.nn.avg_pool(zeros(2, 4, 4, 3, dtype=tf.int32), 2, 1, "SAME")


def test_an_index_outside_the_image_is_refused(executor, graph):
    values = tf.ones([1, 2, 2, 1])
    pooled, places = tf.nn.max_pool_with_argmax(values, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    gradient = tf.gradients(pooled, values)[0]
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid argmax index"):
            session.run(gradient, {places: np.full((1, 1, 1, 1), 4)})
        assert session.run(gradient, {places: np.full((1, 1, 1, 1), 3)})[0, 1, 1, 0] == 1


def test_gradients_of_another_size_are_refused_when_run(executor):
    x = tf.placeholder(tf.float32, [None, 4, 4, 3])
    y = tf.nn.max_pool(x, 2, 2, "SAME")
    grad = tf.placeholder(tf.float32, [None] * 4)
    slope = tf.gradients(y, x, grad_ys=[grad])[0]
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="MaxPoolGrad"):
            session.run(slope, {x: np.zeros((2, 4, 4, 3), "f"), grad: np.zeros((2, 3, 2, 3), "f")})
        assert session.run(slope, {x: np.zeros((2, 4, 4, 3), "f"), grad: np.ones((2, 2, 2, 3), "f")}).sum() == 24


def test_maxima_have_names():
    found = tf.nn.max_pool_with_argmax(tf.zeros([1, 2, 2, 1]), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    assert found._fields == ("output", "argmax") and found.argmax.dtype == tf.int64


def test_the_gradient_of_maxima_needs_none_of_them():
    """A step that asks for the gradient alone makes no maxima; one that asks for both makes them once."""
    x = tf.placeholder(tf.float32, [2, 8, 8, 3])
    pooled = tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    (gradient,) = tf.gradients(pooled, x)
    assert "max_pool float32" not in str(tf.explain(gradient))
    assert str(tf.explain([gradient, pooled])).count("max_pool float32") == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(
    ("windows", "expected"),  # TensorFlow 1.15's answers
    [
        (([1, 1, 2, 2, 1], [1, 1, 1, 1, 1]), [0, 0, 0, 0, 4, 0, 8, 4, 0, 0, 0, 0]),
        (([1, 1, 3, 4, 1], [1, 1, 1, 1, 1]), [0, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0]),
        (([1, 1, 1, 2, 1], [1, 1, 1, 2, 1]), [2, 2, 2, 2, 2, 0, 2, 2, 2, 2, 2, 2]),
    ],
)
def test_equal_maxima_of_three_axes_each_get_the_gradient(executor, dtype, windows, expected):
    x = tf.constant(np.array([0, 0, 1, 1, 1, 0, 2, 2, 0, 0, 0, 0], dtype).reshape(1, 1, 3, 4, 1))
    x = tf.tile(x, [2, 1, 1, 1, 70])
    (slope,) = tf.gradients(tf.nn.max_pool3d(x, *windows, "VALID") * 2, x)
    with tf.Session() as session:
        found = session.run(slope)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.tile(np.reshape(expected, (1, 1, 3, 4, 1)), (2, 1, 1, 1, 70)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_no_numbers_of_volumes_get_the_gradient(executor, dtype):
    values = np.arange(70, dtype=dtype) % 7
    values[[3, 10, 11, 30]] = np.nan
    x = tf.constant(values.reshape(1, 1, 1, 70, 1))
    y = tf.nn.max_pool3d(x, [1, 1, 1, 2, 1], [1, 1, 1, 2, 1], "SAME")
    with tf.Session() as session:
        best, slope = session.run([y, tf.gradients(y, x)[0]])
    pairs = values.reshape(35, 2)
    np.testing.assert_array_equal(best.ravel(), pairs.max(1))
    expected = np.where(np.isnan(pairs).any(1)[:, None], np.isnan(pairs), pairs == pairs.max(1)[:, None])
    np.testing.assert_array_equal(slope.ravel(), expected.ravel())


# --- windows of channels --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "uint8"])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_windows_of_channels(executor, dtype, padding):
    values = np.random.default_rng(0).integers(0, 100, (2, 3, 5, 12)).astype(dtype)
    x = tf.placeholder(dtype, [None, None, 5, None])
    y = tf.nn.max_pool(x, [1, 1, 1, 3], [1, 1, 1, 3], padding)
    assert tf.nn.max_pool(values, [1, 1, 1, 3], [1, 1, 1, 3], padding).shape == [2, 3, 5, 4]
    assert y.shape.as_list() == [None, None, 5, None]
    with tf.Session() as session:
        for channels in (12, 6, 3, 0):
            part = values[..., :channels]
            np.testing.assert_array_equal(session.run(y, {x: part}), part.reshape(2, 3, 5, channels // 3, 3).max(-1))


@pytest.mark.parametrize(
    ("window", "strides", "text"),  # TensorFlow 1.15's words
    [
        (
            [1, 1, 1, 3],
            [1, 1, 1, 3],
            "Depthwise max pooling requires the depth window to evenly divide the input depth",
        ),
        (
            [1, 1, 1, 8],
            [1, 1, 1, 8],
            "Depthwise max pooling requires the depth window to evenly divide the input depth",
        ),
        (
            [1, 2, 2, 2],
            [1, 2, 2, 2],
            "MaxPooling supports exactly one of pooling across depth or pooling across width/height",
        ),
        ([1, 1, 1, 2], [1, 1, 1, 1], "Depthwise max pooling requires the depth window to equal the depth stride"),
        ([1, 1, 1, 2], [1, 2, 2, 2], "Depthwise max pooling takes each pixel"),
    ],
)
def test_windows_of_channels_that_are_refused(executor, window, strides, text):
    y = tf.nn.max_pool(zeros(2, 3, 3, 4), window, strides, "SAME")
    with tf.Session() as session, pytest.raises(tf.errors.UnimplementedError, match=text):
        session.run(y)


def test_windows_of_channels_have_no_gradient(executor):
    x = tf.ones([1, 2, 2, 4])
    (slope,) = tf.gradients(tf.nn.max_pool(x, [1, 1, 1, 2], [1, 1, 1, 2], "SAME"), x)
    assert slope.shape == [1, 2, 2, 4]
    refused = "MaxPoolingGrad is not yet supported on the depth dimension"
    with tf.Session() as session, pytest.raises(tf.errors.UnimplementedError, match=refused):
        session.run(slope)


def test_fractions_of_an_image_that_are_refused(executor):
    pool = tf.nn.fractional_max_pool
    image = np.zeros((1, 7, 6, 1), np.float32)
    with pytest.raises(ValueError, match="FractionalMaxPool is not yet supported on the batch nor channel dimension"):
        pool(image, [2.0, 1.5, 1.5, 1.0])
    with pytest.raises(ValueError, match="pooling_ratio must be at least 1, but is 0.5"):
        pool(image, [1.0, 0.5, 1.5, 1.0])
    with pytest.raises(ValueError, match="a pooling_ratio of 9 leaves no window of 7 pixels"):
        pool(image, [1.0, 9.0, 1.5, 1.0])
    with pytest.raises(ValueError, match="passed list of length 3 less than minimum 4"):
        pool(image, [1.0, 1.5, 1.5])
    with tf.Session() as session:
        seeded = pool(image, [1.0, 1.5, 1.5, 1.0], seed=3).output
        with pytest.raises(tf.errors.InvalidArgumentError, match="Both seed and seed2 should be 0"):
            session.run(seeded)
        slope = tf.raw_ops.FractionalAvgPoolGrad(
            orig_input_tensor_shape=[1, 7, 6, 1], out_backprop=image[:, :2, :2], row_pooling_sequence=[0, 4, 8],
            col_pooling_sequence=[0, 3, 6],
        )  # fmt: skip
        with pytest.raises(tf.errors.InvalidArgumentError, match="pooling sequences do not fit an image of 7 x 6"):
            session.run(slope)


def test_windows_of_a_fraction_are_drawn_anew_unless_they_have_a_seed():
    images = np.random.RandomState(1).randn(3, 40, 37, 2).astype(np.float32)
    holder = tf.placeholder(tf.float32, [None, None, None, 2])
    free = tf.nn.fractional_max_pool(holder, [1.0, 1.3, 1.7, 1.0])
    fixed = tf.compat.v2.nn.fractional_max_pool(holder, [1.3, 1.7], overlapping=True, seed=5)
    slope = tf.gradients(fixed.output, holder)[0]
    found = []
    for threads in (1, 2):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            drawn = [session.run(free, {holder: images}) for _ in range(4)]
            assert len({value.row_pooling_sequence.tobytes() for value in drawn}) > 1
            for value in drawn:
                steps = np.diff(value.row_pooling_sequence)
                assert value.output.shape == (3, 30, 21, 2) and set(steps) == {1, 2} and steps.sum() == 40
            found += [session.run([*fixed, slope], {holder: images}) for _ in range(2)]
    for other in found[1:]:
        for first, second in zip(found[0], other):
            assert first.tobytes() == second.tobytes()


def test_a_nan_is_the_maximum_of_its_window_of_a_fraction(executor):
    image = np.arange(36, dtype=np.float32).reshape(1, 6, 6, 1)
    image[0, 0, 0, 0] = np.nan
    x = tf.constant(image)
    pooled = tf.nn.fractional_max_pool(x, [1.0, 2.0, 2.0, 1.0]).output
    with tf.Session() as session:
        value, slope = session.run([pooled, tf.gradients(pooled, x)[0]])
    assert np.isnan(value[0, 0, 0, 0]) and not np.isnan(value.ravel()[1:]).any()
    assert slope[0, 0, 0, 0] == 1 and slope.sum() == 9
