"""Patches of images and volumes, dilation and erosion; values in every dtype are in tests/test_each_op.py."""

import numpy as np
import pytest

import hookloop as tf

X = np.arange(2 * 5 * 6 * 2, dtype=np.float32).reshape(2, 5, 6, 2)
RNG = np.random.default_rng(0)


def taken(x, rows, columns, rate):
    """Patches of `rows` by `columns` pixels that lie `rate` apart, without a border."""
    high, wide = x.shape[1] - (rows - 1) * rate, x.shape[2] - (columns - 1) * rate
    parts = [x[:, i * rate : i * rate + high, j * rate : j * rate + wide] for i in range(rows) for j in range(columns)]
    return np.concatenate(parts, -1)


@pytest.mark.parametrize(
    "extract", [tf.extract_image_patches, tf.image.extract_image_patches, tf.image.extract_patches]
)
def test_patches_of_open_sizes(executor, extract):
    x = tf.placeholder(tf.float32, [None, None, None, 2])
    y = extract(x, [1, 2, 3, 1], [1, 1, 1, 1], [1, 2, 2, 1], "VALID")
    assert y.shape.as_list() == [None, None, None, 12] and y.op.name == "ExtractImagePatches"
    with tf.Session() as session:
        for part in (X, X[:1], X[:, :, :5], X[:0], X[:, :2]):
            np.testing.assert_array_equal(session.run(y, {x: part}), taken(part, 2, 3, 2))
        with pytest.raises(tf.errors.InvalidArgumentError, match="Computed output size would be negative: the windows"):
            session.run(y, {x: X[:, :, :2]})


def test_gradients_of_patches_add_up(executor):
    x = tf.placeholder(tf.float64, [None, None, None, 2])
    y = tf.extract_image_patches(x, [1, 2, 3, 1], [1, 2, 2, 1], [1, 1, 2, 1], "SAME")
    (slope,) = tf.gradients(y * y, x)
    (curve,) = tf.gradients(slope * slope, x)
    with tf.Session() as session:
        found, second = session.run([slope, curve], {x: X})
    counts = np.zeros((5, 6))
    counts[:, 1::2] = [
        [2, 3, 2]
    ] * 5  # TensorFlow 1.15's: rows stand in one patch each, each other column in two or three
    np.testing.assert_array_equal(found, 2 * X * counts[..., None])
    np.testing.assert_array_equal(second, 8 * X * counts[..., None] ** 2)


def test_gradients_of_no_patches_are_zeros(executor):
    """A size is 0, and of another only the run tells that it is not negative: a product of them is reshaped."""
    x = tf.placeholder(tf.float64, [None, None, 1, 2])
    y = tf.extract_image_patches(x, [1, 2, 2, 1], [1] * 4, [1] * 4, "VALID")
    weighted = y * tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), tf.float64)
    (slope,) = tf.gradients(weighted, x)
    with tf.Session() as session:
        for rows in (4, 1):
            found, gradient = session.run([weighted, slope], {x: np.ones((3, rows, 1, 2))})
            assert found.shape == (3, rows - 1, 0, 8)
            np.testing.assert_array_equal(gradient, np.zeros((3, rows, 1, 2)))


def test_volumes(executor):
    v = np.arange(2 * 3 * 4 * 5 * 2, dtype=np.float32).reshape(2, 3, 4, 5, 2)
    x = tf.placeholder(tf.float32, [2, None, 4, None, 2])
    y = tf.extract_volume_patches(x, [1, 2, 2, 3, 1], [1, 1, 2, 1, 1], "VALID")
    (slope,) = tf.gradients(y, x)
    with tf.Session() as session:
        found, counts = session.run([y, slope], {x: v})
    parts = [v[:, i : i + 2, j : j + 3 : 2, k : k + 3] for i in range(2) for j in range(2) for k in range(3)]
    np.testing.assert_array_equal(found, np.concatenate(parts, -1))
    assert counts[0, :, 0, :, 0].tolist() == [[1, 2, 3, 2, 1], [2, 4, 6, 4, 2], [1, 2, 3, 2, 1]]


def test_dilation_and_erosion(executor):
    image, kernel = RNG.normal(size=(2, 5, 6, 70)), RNG.normal(size=(2, 3, 70))
    x = tf.placeholder(tf.float64, [None, None, 6, 70])
    widest = tf.nn.dilation2d(x, kernel, [1, 1, 1, 1], [1, 2, 1, 1], "VALID")
    least = tf.nn.erosion2d(x, kernel, [1, 1, 1, 1], [1, 2, 1, 1], "VALID")
    assert widest.shape.as_list() == [None, None, None, 70] and least.op.name == "erosion2d/Neg_1"
    with tf.Session() as session:
        found, small = session.run([widest, least], {x: image})
        assert session.run(widest, {x: image[:0]}).shape == (0, 3, 4, 70)
        assert session.run(widest, {x: image[:, :2]}).shape == (2, 0, 4, 70)
    taps = [(i, j) for i in range(2) for j in range(3)]
    parts = np.stack([image[:, 2 * i : 2 * i + 3, j : j + 4] for i, j in taps])
    np.testing.assert_array_equal(found, np.max(parts + kernel.reshape(6, 1, 1, 1, 70), 0))
    np.testing.assert_array_equal(small, np.min(parts - kernel[::-1, ::-1].reshape(6, 1, 1, 1, 70), 0))


def test_gradients_of_dilation_are_slopes(executor):
    x, y = tf.placeholder(tf.float64, [2, 5, 6, 3]), tf.placeholder(tf.float64, [2, 3, 3])
    widest = tf.nn.dilation2d(x, y, [1, 2, 1, 1], [1, 1, 2, 1], "SAME")
    with tf.Session():
        shapes = [[2, 5, 6, 3], [2, 3, 3]]
        values = [RNG.normal(size=shape) for shape in shapes]
        assert tf.test.compute_gradient_error([x, y], shapes, widest, [2, 3, 6, 3], values) < 1e-6
    with pytest.raises(LookupError, match="Dilation2DBackpropInput"):
        tf.gradients(tf.gradients(widest, x)[0], x)


def test_the_bits_of_dilation_do_not_depend_on_threads():
    x, y = tf.constant(RNG.normal(size=(3, 9, 20, 33))), tf.constant(RNG.normal(size=(3, 3, 33)))
    widest = tf.nn.dilation2d(x, y, [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
    results = []
    for threads in (1, 2, 4):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            results.append(session.run([widest, *tf.gradients(widest * widest, [x, y])]))
    for other in results[1:]:
        for one, two in zip(results[0], other):
            np.testing.assert_array_equal(one, two)


def test_a_filter_without_elements_gives_no_gradient(executor):
    x, y = tf.placeholder(tf.float32, [1, 3, 3, 2]), tf.placeholder(tf.float32, [None, 2, 2])
    widest = tf.nn.dilation2d(x, y, [1] * 4, [1] * 4, "SAME")
    with tf.Session() as session:
        found, *slopes = session.run(
            [widest, *tf.gradients(widest, [x, y])], {x: np.ones((1, 3, 3, 2)), y: zeros(0, 2, 2)}
        )
    assert (found == np.finfo("f").min).all()
    assert slopes[0].tolist() == np.zeros((1, 3, 3, 2)).tolist() and slopes[1].shape == (0, 2, 2)


def test_no_number_is_no_sum_of_a_dilation(executor):
    """TensorFlow 1.15's answers: where nothing is larger than the lowest number it is the first pixel and element."""
    x, kernel = np.full((1, 3, 3, 1), np.nan, "f"), np.ones((2, 3, 1), "f")
    steps = {"strides": [1] * 4, "rates": [1] * 4, "padding": "SAME"}
    grad = np.ones((1, 3, 3, 1), "f")
    fetches = [
        tf.nn.dilation2d(x, kernel, [1] * 4, [1] * 4, "SAME"),
        tf.raw_ops.Dilation2DBackpropInput(input=x, filter=kernel, out_backprop=grad, **steps),
        tf.raw_ops.Dilation2DBackpropFilter(input=x, filter=kernel, out_backprop=grad, **steps),
    ]
    with tf.Session() as session:
        widest, of_image, of_filter = session.run(fetches)
    assert (widest == np.finfo("f").min).all()
    assert of_image.ravel().tolist() == [2, 1, 0] * 3 and of_filter.ravel().tolist() == [9, 0, 0, 0, 0, 0]


def zeros(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("build", "error", "text"),  # TensorFlow 1.15's words
    [
        (lambda: tf.extract_image_patches(X, [2, 3, 1], [1] * 4, [1] * 4, "SAME"), ValueError,
         "Attr 'ksizes' of 'ExtractImagePatches' Op passed list of length 3 less than minimum 4"),
        (lambda: tf.extract_image_patches(X, [1, 9, 3, 1], [1, 2, 2, 1], [1, 1, 2, 1], "VALID"), ValueError,
         r"Computed output size would be negative: -1 \[input_size: 5, effective_filter_size: 9, stride: 2\]"),
        (lambda: tf.extract_image_patches(X, [1] * 4, [1] * 4, [1] * 4, "valid"), ValueError, "passed string 'valid' not in"),
        (lambda: tf.extract_image_patches(X[0], [1] * 4, [1] * 4, [1] * 4, "SAME"), ValueError, "Shape must be rank 4 but is rank 3"),
        (lambda: tf.extract_image_patches(X, [1] * 4, [1, 0, 1, 1], [1] * 4, "SAME"), ValueError, "Stride must be > 0, but got 0"),
        (lambda: tf.extract_image_patches(X, [1] * 4, [1] * 5, [1] * 4, "SAME"), ValueError,
         "requires the strides attribute to contain 4 values, but got: 5"),
        (lambda: tf.extract_image_patches(X, [1] * 4, [1] * 4, padding="SAME"), TypeError,
         "Expected list for 'rates' argument to 'extract_image_patches' Op, not None"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2), [1] * 4, [1] * 4, "SAME"), ValueError, "Shape must be rank 3 but is rank 2"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 3), [1] * 4, [1] * 4, "SAME"), ValueError, "Dimensions must be equal, but are 2 and 3"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 2), [1, 0, 1, 1], [1] * 4, "SAME"), ValueError, "Stride must be > 0, but got 0"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 2), [1] * 3, [1] * 4, "SAME"), ValueError,
         "Attr 'strides' of 'Dilation2D' Op passed list of length 3 less than minimum 4"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 2), [1] * 4, [1] * 5, "SAME"), ValueError,
         "requires the rates attribute to contain 4 values, but got: 5"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 2), [1] * 4, [1, 9, 9, 1], "VALID"), ValueError,
         r"Computed output size would be negative: -4 \[input_size: 5, effective_filter_size: 10, stride: 1\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(build, error, text):
    with pytest.raises(error, match=text):
        build()


@pytest.mark.parametrize(
    ("build", "error", "text"),  # TensorFlow 1.15's words
    [
        (lambda: tf.extract_image_patches(X, [1, 2, 3, 2], [1] * 4, [1] * 4, "SAME"), tf.errors.UnimplementedError,
         "Only support ksizes across space"),
        (lambda: tf.extract_image_patches(X, [1] * 4, [2, 1, 1, 1], [1] * 4, "SAME"), tf.errors.UnimplementedError,
         "Only support strides across space"),
        (lambda: tf.extract_image_patches(X, [1] * 4, [1] * 4, [1, 0, 1, 1], "SAME"), tf.errors.OutOfRangeError, "rates is out of range"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 2), [2, 1, 1, 1], [1] * 4, "SAME"), tf.errors.UnimplementedError,
         "Stride is only supported across spatial dimensions"),
        (lambda: tf.nn.dilation2d(X, zeros(2, 2, 2), [1] * 4, [1, 0, 1, 1], "SAME"), tf.errors.InvalidArgumentError, "Rate must be >= 1, but got 0"),
    ],
)  # fmt: skip
def test_what_is_refused_when_it_is_run(executor, build, error, text):
    with tf.Session() as session, pytest.raises(error, match=text):
        session.run(build())
