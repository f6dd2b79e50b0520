"""Convolutions: values against plain NumPy, gradients against differences, open sizes, threads, and errors."""

import io
import itertools

import numpy as np
import pytest

import hookloop as tf

# batch, height, width, channels, window, output channels, strides, dilations, padding
SMALL = {
    "same": (2, 7, 6, 3, (3, 2), 5, (1, 1), (1, 1), "SAME"),
    "same strided": (2, 7, 6, 3, (3, 2), 5, (2, 3), (1, 1), "SAME"),
    "valid strided": (2, 7, 6, 3, (3, 2), 5, (2, 1), (1, 1), "VALID"),
    "dilated": (3, 9, 8, 4, (3, 3), 20, (1, 1), (2, 3), "SAME"),
    "dilated and strided": (3, 9, 8, 4, (3, 3), 20, (3, 2), (2, 2), "VALID"),
    "stride beyond the window": (2, 7, 6, 3, (2, 2), 5, (3, 4), (1, 1), "SAME"),
    "stride and dilation share a factor": (1, 13, 14, 2, (3, 4), 3, (4, 6), (2, 4), "SAME"),
    "single positions": (2, 5, 4, 17, (1, 1), 33, (1, 1), (1, 1), "SAME"),
    "single positions strided": (2, 5, 4, 17, (1, 1), 33, (2, 2), (1, 1), "VALID"),
    "one channel": (2, 9, 8, 1, (5, 5), 32, (1, 1), (1, 1), "SAME"),
    "one channel to one": (2, 9, 40, 1, (3, 5), 1, (1, 1), (1, 2), "SAME"),
    "one channel to one, rows strided": (2, 9, 40, 1, (3, 4), 1, (2, 1), (1, 1), "VALID"),
    "one channel to one, columns strided": (2, 9, 40, 1, (3, 4), 1, (1, 2), (1, 1), "SAME"),
    "borders": (2, 7, 6, 3, (3, 2), 5, (2, 1), (1, 1), [[0, 0], [2, 0], [1, 3], [0, 0]]),
    "no image": (0, 7, 6, 3, (2, 2), 5, (1, 1), (1, 1), "SAME"),
    "no output": (2, 7, 6, 3, (2, 2), 0, (1, 1), (1, 1), "SAME"),
    "no channels": (2, 7, 6, 0, (2, 2), 4, (1, 1), (1, 1), "SAME"),
    "window larger than the image": (2, 2, 3, 3, (5, 4), 4, (1, 1), (1, 1), "SAME"),
    "columns covered": (2, 9, 6, 1, (3, 6), 5, (1, 1), (1, 1), "VALID"),
    "columns covered, rows strided": (3, 9, 6, 2, (3, 6), 4, (2, 5), (2, 1), "VALID"),
    "columns covered but for one": (2, 9, 6, 2, (3, 5), 4, (1, 1), (1, 1), "VALID"),
    "columns covered in one place of several": (2, 9, 6, 2, (3, 6), 4, (1, 1), (1, 1), "SAME"),
    "columns covered with a stride": (2, 9, 6, 2, (3, 6), 4, (1, 6), (1, 1), "SAME"),
    "columns covered beside a border": (2, 9, 6, 2, (3, 6), 4, (1, 1), (1, 1), [[0, 0], [0, 0], [1, 0], [0, 0]]),
    "rows covered": (2, 3, 6, 2, (3, 2), 4, (1, 1), (1, 1), "VALID"),
    "images covered": (4, 3, 5, 2, (3, 5), 7, (1, 1), (1, 1), "VALID"),
    "images covered with strides": (1, 3, 5, 2, (3, 5), 7, (3, 7), (1, 1), "SAME"),
    "no image, covered": (0, 3, 5, 2, (3, 5), 7, (1, 1), (1, 1), "VALID"),
}
LARGE = {
    "several blocks of images": (20, 14, 14, 32, (5, 5), 64, (1, 1), (1, 1), "SAME"),
    "several blocks of rows": (1, 90, 100, 8, (3, 3), 16, (1, 1), (1, 1), "SAME"),
    "several blocks of k, packed": (40, 3, 3, 200, (3, 3), 90, (1, 1), (1, 1), "SAME"),
    "several panels": (2, 12, 11, 50, (3, 3), 150, (1, 2), (1, 1), "SAME"),
}


def arrays(case, dtype=np.float32):
    n, h, w, c, window, o = case[:6]
    rng = np.random.default_rng(5)
    return rng.standard_normal((n, h, w, c)).astype(dtype), rng.standard_normal((*window, c, o)).astype(dtype)


def expected(x, f, strides, dilations, padding):
    """The convolution of NHWC images, position by position and tap by tap."""
    pads = []
    for size, window, stride, dilation, axis in zip(x.shape[1:3], f.shape[:2], strides, dilations, (1, 2)):
        span = (window - 1) * dilation + 1
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        pads.append((total // 2, total - total // 2) if padding == "SAME" else (0, 0))
        if isinstance(padding, list):
            pads[-1] = tuple(padding[axis])
    x = np.pad(x.astype(np.float64), [(0, 0), *pads, (0, 0)])
    counts = [(x.shape[i + 1] - (f.shape[i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in (0, 1)]
    out = np.zeros((x.shape[0], *counts, f.shape[3]))
    for i, j in itertools.product(*map(range, f.shape[:2])):
        rows = i * dilations[0] + strides[0] * np.arange(counts[0])
        columns = j * dilations[1] + strides[1] * np.arange(counts[1])
        out += x[:, rows][:, :, columns] @ f[i, j].astype(np.float64)
    return out


def conv(x, f, case, channels_first=False):
    strides, dilations, padding = case[6:]
    if channels_first:
        if isinstance(padding, list):
            padding = [padding[0], padding[3], padding[1], padding[2]]
        return tf.nn.conv2d(x, f, [1, 1, *strides], padding, data_format="NCHW", dilations=[1, 1, *dilations])
    return tf.nn.conv2d(x, f, [1, *strides, 1], padding, dilations=[1, *dilations, 1])


def run(build, *values, shapes=None, config=None):
    with tf.Graph().as_default():
        shapes = shapes or [v.shape for v in values]
        holders = [tf.placeholder(v.dtype, shape) for v, shape in zip(values, shapes)]
        fetches = build(*holders)
        with tf.Session(config=config) as session:
            return session.run(fetches, dict(zip(holders, values)))


def with_gradients(case, channels_first=False):
    """A function that builds the convolution and the gradients of a weighted sum of it."""

    def build(x, f):
        y = conv(x, f, case, channels_first)
        weights = tf.cos(tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), y.dtype))
        return [y, *tf.gradients(tf.reduce_sum(y * weights), [x, f])]

    return build


def close(found, wanted, tolerance):
    assert found.shape == wanted.shape
    scale = max(1e-30, np.abs(wanted).max()) if wanted.size else 1
    np.testing.assert_allclose(found / scale, wanted / scale, 0, tolerance)


@pytest.mark.parametrize("name", SMALL | LARGE)
def test_values(name, executor):
    case = (SMALL | LARGE)[name]
    x, f = arrays(case)
    close(run(lambda x, f: conv(x, f, case), x, f), expected(x, f, *case[6:]), 1e-5)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_values_of_other_types(name, dtype, executor):
    case = SMALL[name]
    x, f = arrays(case, dtype)
    found = run(lambda x, f: conv(x, f, case), x, f)
    assert found.dtype == dtype
    close(found.astype(np.float64), expected(x, f, *case[6:]), {"float64": 1e-13, "float16": 2e-3}[dtype])


@pytest.mark.parametrize("name", [n for n in SMALL if not n.startswith("no ")])
def test_gradients_are_slopes(name, executor):
    case = SMALL[name]
    values = arrays(case, np.float64)
    y, *gradients = run(with_gradients(case), *values)
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    rng = np.random.default_rng(1)
    for i, gradient in enumerate(gradients):
        direction = rng.standard_normal(values[i].shape)
        moved = list(values)
        moved[i] = values[i] + direction
        # linear in each of its inputs: a difference is exact
        change = np.sum((expected(*moved, *case[6:]) - expected(*values, *case[6:])) * weights)
        assert np.sum(gradient * direction) == pytest.approx(change, rel=1e-10)


@pytest.mark.parametrize("name", LARGE)
def test_gradients_of_large_images_agree_with_the_reference(name, monkeypatch):
    values = arrays(LARGE[name])
    found = run(with_gradients(LARGE[name]), *values)
    monkeypatch.setenv("HOOKLOOP_EXECUTOR", "reference")
    for a, b in zip(found, run(with_gradients(LARGE[name]), *values)):
        close(a, b, 1e-5)


@pytest.mark.parametrize("name", [n for n in SMALL if n.startswith("no ")])
def test_gradients_of_nothing_are_zero(name, executor):
    x, f = arrays(SMALL[name])
    for found, like in zip(run(with_gradients(SMALL[name]), x, f)[1:], (x, f)):
        np.testing.assert_array_equal(found, np.zeros_like(like))


@pytest.mark.parametrize("name", SMALL)
def test_channels_first(name, executor):
    case = SMALL[name]
    x, f = arrays(case)
    y, dx, df = run(with_gradients(case, True), np.moveaxis(x, 3, 1), f)
    close(np.moveaxis(y, 1, 3), expected(x, f, *case[6:]), 1e-5)
    assert dx.shape == (x.shape[0], x.shape[3], *x.shape[1:3]) and df.shape == f.shape


def test_channels_first_has_the_same_gradients(executor):
    x, f = arrays(SMALL["same strided"])

    def build(x, f):
        first = tf.nn.conv2d(tf.transpose(x, [0, 3, 1, 2]), f, [1, 1, 2, 3], "SAME", data_format="NCHW")
        last = tf.nn.conv2d(x, f, [1, 2, 3, 1], "SAME")
        losses = [tf.reduce_sum(tf.square(first)), tf.reduce_sum(tf.square(last))]
        return [tf.gradients(loss, [x, f]) for loss in losses]

    first, last = run(build, x, f)
    for a, b in zip(first, last):
        np.testing.assert_allclose(a, b, 1e-5, 1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_open_sizes(name, executor):
    case = SMALL[name]
    x, f = arrays(case)
    known = run(with_gradients(case), x, f)
    for shapes in ([[None, *x.shape[1:]], f.shape], [[None] * 4, [None] * 4], [None, None]):
        for a, b in zip(run(with_gradients(case), x, f, shapes=shapes), known):
            if ("covered" in name or "to one" in name) and (shapes[0] is None or shapes[0][-1] is None):
                close(
                    a, b, 1e-6
                )  # a plan that does not know that columns are covered, or one channel, adds up in another order
            else:
                np.testing.assert_array_equal(a, b)


def test_one_session_takes_images_of_any_size(executor):
    x = tf.placeholder(tf.float32, [None, None, None, 2])
    f = np.random.default_rng(0).standard_normal((3, 2, 2, 3)).astype("f")
    y = tf.nn.conv2d(x, f, [1, 2, 1, 1], "SAME")
    assert y.shape.as_list() == [None, None, None, 3]
    with tf.Session() as session:
        for shape in ((1, 4, 5, 2), (3, 9, 2, 2), (0, 4, 5, 2), (2, 1, 1, 2)):
            image = np.random.default_rng(1).standard_normal(shape).astype("f")
            close(session.run(y, {x: image}), expected(image, f, (2, 1), (1, 1), "SAME"), 1e-5)


@pytest.mark.parametrize("name", SMALL | LARGE)
def test_equal_bits_for_any_number_of_threads(name):
    case = (SMALL | LARGE)[name]
    values = arrays(case)
    one, two, four = (
        run(with_gradients(case), *values, config=tf.ConfigProto(intra_op_parallelism_threads=n)) for n in (1, 2, 4)
    )
    for a, b, c in zip(one, two, four):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_equal_bits_whatever_else_is_in_the_batch():
    """An image's own result does not depend on its neighbours, nor on how many there are."""
    case = (20, 14, 14, 32, (5, 5), 64, (1, 1), (1, 1), "SAME")
    x, f = arrays(case)
    whole = run(lambda x, f: conv(x, f, case), x, f)
    np.testing.assert_array_equal(run(lambda x, f: conv(x, f, case), x[3:4], f), whole[3:4])


def test_filters_over_whole_words_and_whole_images_are_wide():
    with tf.Graph().as_default():
        text, image = tf.placeholder(tf.float32, [3, 20, 8, 1]), tf.placeholder(tf.float32, [3, 4, 5, 2])
        words = tf.nn.conv2d(text, tf.ones([3, 8, 1, 6]), [1, 1, 1, 1], "VALID")
        whole = tf.nn.conv2d(image, tf.ones([4, 5, 2, 6]), [1, 1, 1, 1], "VALID")
        plan = str(tf.explain([words, whole], file=io.StringIO()))
    assert "conv float32[3,20,1,8] fed" in plan and "conv float32[3,4,1,10] fed" in plan


def test_one_channel_is_taken_where_it_lies():
    """A plane with axes of one element around it is no other memory, and its rows fill vectors."""
    with tf.Graph().as_default():
        plane, taps = tf.placeholder(tf.float32, [20, 30]), tf.placeholder(tf.float32, [3, 3])
        seen = tf.nn.conv2d(plane[None, :, :, None], taps[:, :, None, None], [1, 1, 1, 1], "SAME")[0, :, :, 0]
        plan = str(tf.explain([seen], file=io.StringIO()))
    assert "conv_depthwise float32[1,20,30,1] fed" in plan and "copy" not in plan


@pytest.mark.parametrize(("window", "kernel"), [(16, "conv_depthwise"), (17, "conv")])
def test_windows_of_one_channel_that_have_too_many_taps_for_rows(window, kernel):
    """The depthwise kernel would take them tap by tap, five times as long."""
    with tf.Graph().as_default():
        plane, taps = tf.placeholder(tf.float32, [1, 50, 60, 1]), tf.placeholder(tf.float32, [window, window, 1, 1])
        seen = tf.nn.conv2d(plane, taps, [1, 1, 1, 1], "SAME")
        plan = str(tf.explain([seen], file=io.StringIO()))
    assert f"{kernel} float32[1,50,60,1] fed" in plan


def test_a_nan_stays_within_its_windows(executor):
    x, f = arrays((1, 8, 9, 3, (3, 3), 4, (1, 1), (1, 1), "SAME"))
    x[0, 2, 3, 1] = np.nan
    y = run(lambda x, f: tf.nn.conv2d(x, f, 1, "SAME"), x, f)
    bad = np.isnan(y).any(-1)[0]
    assert bad[1:4, 2:5].all() and bad.sum() == 9


# --- depthwise ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("channels", [5, 67])
def test_depthwise(multiplier, strides, padding, channels, executor):
    rng = np.random.default_rng(2)
    x, f = rng.standard_normal((2, 7, 8, channels)), rng.standard_normal((3, 2, channels, multiplier))

    def build(x, f):
        y = tf.nn.depthwise_conv2d(x, f, [1, *strides, 1], padding)
        weights = tf.cos(tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), y.dtype))
        return [y, *tf.gradients(tf.reduce_sum(y * weights), [x, f])]

    def plain(x, f):
        each = [expected(x[..., c : c + 1], f[:, :, c : c + 1], strides, (1, 1), padding) for c in range(channels)]
        return np.concatenate(each, -1)

    y, *gradients = run(build, x, f)
    np.testing.assert_allclose(y, plain(x, f), 1e-10, 1e-10)
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    for i, gradient in enumerate(gradients):
        direction = rng.standard_normal((x, f)[i].shape)
        change = plain(x + direction, f) - y if i == 0 else plain(x, f + direction) - y
        assert np.sum(gradient * direction) == pytest.approx(np.sum(change * weights), rel=1e-9)


def test_depthwise_of_open_sizes_and_threads():
    rng = np.random.default_rng(3)
    x, f = rng.standard_normal((20, 30, 31, 64)).astype("f"), rng.standard_normal((3, 3, 64, 1)).astype("f")

    def build(x, f):
        y = tf.nn.depthwise_conv2d_native(x, f, [1, 1, 1, 1], "SAME")
        return [y, *tf.gradients(tf.reduce_sum(tf.square(y)), [x, f])]

    one = run(build, x, f, config=tf.ConfigProto(intra_op_parallelism_threads=1))
    for threads in (2, 4):
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        for a, b in zip(one, run(build, x, f, shapes=[[None] * 4, [None] * 4], config=config)):
            np.testing.assert_array_equal(a, b)


# --- volumes and lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["NDHWC", "NCDHW"])
def test_volumes(layout, executor):
    rng = np.random.default_rng(4)
    x, f = rng.standard_normal((2, 5, 6, 7, 3)), rng.standard_normal((2, 3, 2, 3, 4))
    image = x if layout == "NDHWC" else np.moveaxis(x, 4, 1)
    steps = [1, 2, 1, 3, 1] if layout == "NDHWC" else [1, 1, 2, 1, 3]
    y = run(lambda x, f: tf.nn.conv3d(x, f, steps, "VALID", data_format=layout), image, f)
    y = y if layout == "NDHWC" else np.moveaxis(y, 1, 4)
    out = np.zeros((2, 2, 4, 2, 4))
    for tap in np.ndindex(2, 3, 2):
        d, h, w = (slice(t, t + s * (n - 1) + 1, s) for t, s, n in zip(tap, (2, 1, 3), (2, 4, 2)))
        out += x[:, d, h, w] @ f[tap]
    np.testing.assert_allclose(y, out, 1e-10, 1e-10)


def test_lines_channels_first(executor):
    rng = np.random.default_rng(6)
    x, f = rng.standard_normal((2, 9, 3)), rng.standard_normal((4, 3, 5))

    def build(x, f):
        first = tf.nn.conv1d(tf.transpose(x, [0, 2, 1]), f, 2, "SAME", data_format="NCW")
        return tf.transpose(first, [0, 2, 1]), tf.nn.conv1d(x, f, 2, "SAME")

    first, last = run(build, x, f)
    np.testing.assert_allclose(first, last, 1e-12)


# --- errors ---------------------------------------------------------------------------------------------


def zeros(*shape, dtype=tf.float32):
    return tf.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: tf.nn.conv2d(zeros(2, 3, 4), zeros(2, 2, 4, 5), 1, "SAME"), "Shape must be rank 4 but is rank 3 for 'Conv2D'"),
        (lambda: tf.nn.conv2d(zeros(2, 3, 4, 3), zeros(2, 2, 4, 5), 1, "SAME"),
         r"Depth of input \(3\) is not a multiple of input depth of filter \(4\) for 'Conv2D'"),
        (lambda: tf.nn.conv2d(zeros(2, 3, 4, 4), zeros(2, 2, 2, 5), 1, "SAME"),
         "grouped convolutions are not supported: the input has depth 4, the filter 2"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, "VALID"),
         "Negative dimension size caused by subtracting 3 from 2 for 'Conv2D'"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, "same"),
         "Attr 'padding' of 'Conv2D' Op passed string 'same' not in: \"SAME\", \"VALID\", \"EXPLICIT\""),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, "EXPLICIT"), "is not a valid value for the padding"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, [[0, 0], [1, 1]]),
         "When padding is a list, it must be of size 4. Got padding of size: 2"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, [0, 0, 0, 0]),
         "Element with index 0 of padding is not a list/tuple"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, [[0, 0], [1], [1, 1], [0, 0]]),
         "Element with index 1 of padding has size 1"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, [[0, 0], [1, 1], [1, 1], [1, 0]]),
         "Nonzero explicit padding in the batch or depth dimensions is not supported"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, [[0, 0], [1, -1], [1, 1], [0, 0]]),
         "All elements of explicit_paddings must be nonnegative"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, "SAME", data_format="NXX"),
         "Attr 'data_format' of 'Conv2D' Op passed string 'NXX' not in: \"NHWC\", \"NCHW\""),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), [2, 1, 1, 1], "SAME"),
         "does not yet support strides in the batch and depth dimensions"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), [1, 0, 1, 1], "SAME"), "Stride must be > 0, but got 0"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, "SAME", dilations=[1, 0, 1, 1]),
         "Dilation rate must be >= 1, but got 0"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), [1, 1, 1], "SAME"),
         "strides should be of length 1, 2 or 4 but was 3"),
        (lambda: tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1, "SAME", filters=zeros(3, 2, 3, 5)), "Cannot specify both"),
        (lambda: tf.nn.conv2d_backprop_input([2, 4, 3], zeros(3, 3, 3, 5), zeros(2, 4, 4, 5), [1, 1, 1, 1], "SAME"),
         "Shape must be rank 4 but is rank 3 for 'Conv2DBackpropInput'"),
        (lambda: tf.nn.conv1d(zeros(2, 4, 3), zeros(2, 3, 5), 1, "SAME", data_format="NHC"), 'data_format must be "NWC" or "NCW"'),
        (lambda: tf.nn.convolution(zeros(2, 4, 3), zeros(2, 3, 5), "SAME", strides=[2], dilation_rate=[2]),
         "strides > 1 not supported in conjunction with dilation_rate > 1"),
        (lambda: tf.nn.convolution(zeros(2, 4), zeros(2, 3), "SAME"), "Input tensor must be of rank 3, 4 or 5 but was 2"),
        (lambda: tf.nn.convolution(zeros(2, 8, 8, 3), zeros(2, 2, 4, 5), "SAME", dilation_rate=[2, 2]),
         "number of input channels does not match corresponding dimension of filter, 3 != 4"),
        (lambda: tf.nn.convolution(zeros(2, 8, 8, 3), zeros(2, 2, 3, 5), "NONE", dilation_rate=[2, 2]),
         "Invalid padding method 'NONE'"),
        (lambda: tf.nn.atrous_conv2d_transpose(zeros(2, 4, 4, 3), zeros(2, 2, 5, 3), [2, 5, 5, 5], 0, "SAME"),
         "rate 0 cannot be less than one"),
        (lambda: tf.nn.with_space_to_batch(zeros(2, 4, 4, 3), [0, 1], "VALID", None), "dilation_rate must be positive"),
        (lambda: tf.nn.with_space_to_batch(zeros(2, 4, 4, 3), [2, 1], "SAME", None), "filter_shape must be specified for SAME padding"),
        (lambda: tf.nn.depthwise_conv2d(zeros(2, 4, 4, 3), zeros(2, 2, 4, 2), [1, 1, 1, 1], "SAME"), "Dimensions must be equal, but are 3 and 4 for 'depthwise'"),
        (lambda: tf.nn.conv_transpose(zeros(2, 4), zeros(2, 2), [2, 4], 1), "output_shape must be of length 3, 4 or 5 but was 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_types_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="DataType int32 not in list of allowed values"):
        tf.nn.conv2d(zeros(2, 2, 4, 3, dtype=tf.int32), zeros(3, 2, 3, 5, dtype=tf.int32), 1, "SAME")
    with pytest.raises(TypeError, match="Expected string for argument 'padding' not None"):
        tf.nn.conv2d(zeros(2, 2, 4, 3), zeros(3, 2, 3, 5), 1)


@pytest.mark.parametrize(
    ("shape", "filters"), [((2, 3, 4, 5), (3, 3, 3, 5)), ((3, 4, 4, 5), (3, 3, 3, 5)), ((2, 4, 4, 4), (3, 3, 3, 5))]
)
def test_gradients_of_another_size_are_refused_when_run(shape, filters, executor):
    grad = tf.placeholder(tf.float32, [None] * 4)
    of_image = tf.nn.conv2d_backprop_input([2, 4, 4, 3], np.ones(filters, "f"), grad, [1, 1, 1, 1], "SAME")
    of_filter = tf.nn.conv2d_backprop_filter(np.ones((2, 4, 4, 3), "f"), filters, grad, [1, 1, 1, 1], "SAME")
    with tf.Session() as session:
        for fetch in (of_image, of_filter):
            with pytest.raises(tf.errors.InvalidArgumentError, match=fetch.op.name):
                session.run(fetch, {grad: np.zeros(shape, "f")})
        assert session.run(of_image, {grad: np.zeros((2, 4, 4, 5), "f")}).shape == (2, 4, 4, 3)


def test_an_image_smaller_than_the_window_is_refused_when_run(executor):
    x = tf.placeholder(tf.float32, [None, None, None, 2])
    y = tf.nn.conv2d(x, np.ones((4, 3, 2, 5), "f"), 1, "VALID")
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(y, {x: np.zeros((1, 2, 5, 2), "f")})
        assert session.run(y, {x: np.zeros((1, 4, 3, 2), "f")}).shape == (1, 1, 1, 5)


def test_a_dilated_transpose_takes_output_channels_that_are_a_tensor(executor):
    x = tf.constant(np.arange(100).reshape(2, 5, 5, 2) / 50, tf.float32)
    f = tf.constant(np.arange(72).reshape(3, 3, 4, 2) / 30 - 1, tf.float32)
    sizes = [2, 5, 5, tf.shape(f)[2]]
    same = [tf.nn.atrous_conv2d_transpose(x, f, s, 2, "SAME") for s in (sizes, tuple(sizes), [2, 5, 5, 4])]
    assert [y.shape.as_list() for y in same] == [[2, 5, 5, 4]] * 3
    first, second, plain = tf.Session().run(same)
    np.testing.assert_array_equal(first, plain)
    np.testing.assert_array_equal(second, plain)
    np.testing.assert_allclose(plain[0, 0, 0, :3], [-1.5813333, -1.448, -1.3146666], rtol=1e-6)


def test_a_transpose_that_is_not_dilated_stands_in_the_scope_of_its_name():
    x, f = tf.zeros([2, 5, 5, 2]), tf.zeros([3, 3, 4, 2])
    assert (
        tf.nn.atrous_conv2d_transpose(x, f, [2, 5, 5, 4], 1, "SAME").name
        == "atrous_conv2d_transpose/conv2d_transpose:0"
    )
    assert tf.nn.atrous_conv2d_transpose(x, f, [2, 5, 5, 4], 1, "SAME", name="up").name == "up/conv2d_transpose:0"
