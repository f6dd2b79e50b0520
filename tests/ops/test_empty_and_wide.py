"""Empty lists and tensors, axes and paddings of int64 arrays, and the poles of functions: values as TensorFlow 1.15 gives them."""

import numpy as np
import pytest

import hookloop as tf

X = np.random.default_rng(0).standard_normal((2, 3))


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def test_stacking_nothing_and_unstacking_it():
    nothing = tf.stack([])
    assert (nothing.dtype, nothing.shape.as_list()) == (tf.float32, [0])
    assert tf.unstack(tf.zeros([0, 3])) == [] == tf.unstack(tf.zeros([2, 0, 3]), axis=1)
    assert [part.shape.as_list() for part in tf.unstack(tf.zeros([0, 2, 3]), axis=1)] == [[0, 3]] * 2
    assert run(tf.global_norm([None])) == 0


@pytest.mark.parametrize("shape", [[0, -1], [-1, 0], [-1, 0, 5], [0, 3, -1], [-1, 5, 3]])
@pytest.mark.parametrize("known", [[0, 3], [None, 3], [None, None]], ids=str)
def test_the_open_size_of_an_empty_reshape(executor, known, shape):
    """A 0 that is asked for takes the input's 0 with it: the rest decides what -1 stands for."""
    wanted = {(0, -1): (0, 3), (-1, 0): (3, 0), (-1, 0, 5): (0, 0, 5), (0, 3, -1): (0, 3, 1), (-1, 5, 3): (0, 5, 3)}
    x = tf.placeholder(tf.float32, known)
    if executor == "plan":
        assert run(tf.reshape(x, shape), {x: np.zeros((0, 3))}).shape == wanted[tuple(shape)]


@pytest.mark.parametrize("axis", [np.int64(1), np.int32(1), np.int64(-1)])
def test_gradient_of_concat_along_an_axis_of_any_integer_type(executor, axis):
    x, y = tf.placeholder(tf.float64, [2, 3]), tf.placeholder(tf.float64, [2, 1])
    weights = np.arange(8.0).reshape(2, 4)
    slopes = tf.gradients(tf.concat([x, y], axis) * weights, [x, y])
    found = run(slopes, {x: X, y: X[:, :1]})
    np.testing.assert_array_equal(found[0], weights[:, :3])
    np.testing.assert_array_equal(found[1], weights[:, 3:])


@pytest.mark.parametrize("known", [[2, 3], [None, None], None], ids=str)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_gradient_of_pad_with_paddings_of_either_type(executor, known, dtype):
    x = tf.placeholder(tf.float64, known)
    padded = tf.pad(x, np.array([[1, 0], [2, 1]], dtype))
    weights = np.arange(18.0).reshape(3, 6)
    found = run([padded, tf.gradients(padded * weights, x)[0]], {x: X})
    np.testing.assert_array_equal(found[0], np.pad(X, [[1, 0], [2, 1]]))
    np.testing.assert_array_equal(found[1], weights[1:, 2:5])


def test_ranks_that_multiples_and_paddings_tell():
    x = tf.placeholder(tf.float32, None)
    assert tf.tile(x, [2, 1, 2]).shape.ndims == 3
    assert tf.pad(x, [[1, 1], [0, 2]]).shape.ndims == 2
    multiples = tf.placeholder(tf.int64, None)
    assert tf.tile(tf.zeros([2, 3]), multiples).shape.ndims == 2
    sizes = tf.placeholder(tf.int32, None)
    assert tf.slice(tf.zeros([2, 3]), sizes, sizes).shape.ndims == 2
    assert [p.shape.as_list() for p in tf.split(tf.zeros([4, 6]), sizes, 0, num=2)] == [[None, 6]] * 2
    assert tf.accumulate_n([x, x], shape=[3]).shape.as_list() == [3]


def test_shapes_given_as_arrays_make_constants():
    for number, function in ((0, tf.zeros), (1, tf.ones)):
        found = function(np.array([2, 3], np.int64))
        assert (found.op.type, found.shape.as_list()) == ("Const", [2, 3])
        np.testing.assert_array_equal(run(found), np.full((2, 3), number))
    assert tf.zeros([2, 2.0]).shape.as_list() == [2, 2]


def test_dividing_numbers_gives_a_number():
    assert tf.divide(4, 2) == 2.0 and isinstance(tf.divide(4, 2), float)
    np.testing.assert_array_equal(tf.divide(np.array([1, 2]), 2), [0.5, 1.0])


def test_a_case_of_one_pair_without_a_default(executor):
    chosen = tf.placeholder(tf.bool, [])
    found = tf.case([(chosen, lambda: tf.constant(5))])
    assert run(found, {chosen: True}) == 5
    with pytest.raises(tf.errors.InvalidArgumentError, match="None of conditions evaluated as True"):
        run(found, {chosen: False})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_digamma_at_its_poles(executor, dtype):
    x = tf.placeholder(dtype, [4])
    found = run([tf.digamma(x), tf.gradients(tf.lgamma(x), x)[0]], {x: [0.0, -1.0, -7.0, 0.5]})
    for values in found:
        np.testing.assert_allclose(values, [np.inf, np.inf, np.inf, -1.9635100260214235], rtol=1e-6)


def fed(value, shape=None):
    """A tensor of which only the run knows the value, and the feed."""
    value = np.asarray(value)
    return tf.placeholder(value.dtype, shape), value


@pytest.mark.parametrize(
    ("sizes", "wanted"), [((-1, 0), (5, 0)), ((0, -1), (0, 5)), ((-1, 0, 2), (2, 0, 2)), ((-1, 3, 0), (1, 3, 0))]
)
def test_the_open_size_beside_a_0_that_the_run_tells(executor, sizes, wanted):
    x, values = fed(np.zeros((5, 0), "f"), [None, None])
    shape, told = fed(np.array(sizes, "i"), [len(sizes)])
    others, rest = fed(np.array([n for n in sizes if n != -1], "i"), [len(sizes) - 1])
    split = tf.unstack(others)
    split.insert(sizes.index(-1), -1)
    found = run([tf.reshape(x, shape), tf.reshape(x, split)], {x: values, shape: told, others: rest})
    assert [values.shape for values in found] == [wanted, wanted]


@pytest.mark.parametrize("shape", [None, (None, 1, 0, 2)])
def test_elements_of_no_batches(executor, shape):
    params, values = fed(np.zeros((0, 1, 0, 2), "f"), shape)
    indices, places = fed(np.zeros((0, 3), "i"))
    constants = tf.gather(values, tf.constant(places), batch_dims=1, axis=1)
    gathered = tf.gather(params, indices, batch_dims=1, axis=1)
    for found in run([constants, gathered], {params: values, indices: places}):
        assert found.shape == (0, 3, 0, 2)


WINDOWS = {
    "max_pool": lambda x, size, stride: tf.nn.max_pool(x, [1, size, size, 1], [1, stride, stride, 1], "VALID"),
    "avg_pool": lambda x, size, stride: tf.nn.avg_pool(x, [1, size, size, 1], [1, stride, stride, 1], "VALID"),
    "conv2d": lambda x, size, stride: tf.nn.conv2d(x, np.ones((size, size, 1, 1), "f"), stride, "VALID"),
}


@pytest.mark.parametrize("constant", [True, False], ids=["constant", "fed"])
@pytest.mark.parametrize("kind", WINDOWS)
def test_windows_that_reach_beyond_an_image_of_open_size(executor, kind, constant):
    """There are none where one step would do; where more are missing the image is refused."""
    image = np.zeros((1, 2, 2, 1), "f")
    open_sizes = [None, None, None, 1]
    x = tf.placeholder_with_default(image, open_sizes) if constant else tf.placeholder(tf.float32, open_sizes)
    feeds = {} if constant else {x: image}
    assert run(WINDOWS[kind](x, 3, 1), feeds).shape == (1, 0, 0, 1)
    assert run(WINDOWS[kind](x, 6, 3), feeds).shape == (1, 0, 0, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="negative"):
        run(WINDOWS[kind](x, 4, 1), feeds)
    with pytest.raises(ValueError, match="Negative dimension size caused by subtracting 3 from 2"):
        WINDOWS[kind](tf.constant(image), 3, 1)


@pytest.mark.parametrize("shape", [(), None])
def test_axes_of_scalars_are_refused_in_the_run(executor, shape):
    number = tf.placeholder(tf.float32, shape)
    for values, feeds in ((number, {number: 2.0}), (tf.constant(2.0), {})):
        for axis in (0, -1):
            for function in (tf.cumsum, tf.cumprod):
                text = rf"ScanOp: Expected scan axis in the range \[0, 0\), but got {axis}"
                with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                    run(function(values, axis), feeds)
            for function in (tf.argmax, tf.argmin):
                text = rf"Expected dimension in the range \[0, 0\), but got {axis}"
                with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                    run(function(values, axis), feeds)
        with pytest.raises(tf.errors.InvalidArgumentError, match="WhereOp : Unhandled input dimensions: 0"):
            run(tf.where(values), feeds)


@pytest.mark.parametrize("shape", [(0, 0), (2, 0)])
def test_no_element_is_the_largest_of_none(executor, shape):
    x, values = fed(np.zeros(shape, "f"), [None, None])
    if executor == "plan":
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=rf"Reduction axis 1 is empty in shape \[{shape[0]},0\]"
        ):
            run(tf.argmax(x, 1), {x: values})
    else:
        with pytest.raises(tf.errors.InvalidArgumentError):
            run(tf.argmax(x, 1), {x: values})
    assert run(tf.argmax(tf.ones([0, 2]), 1)).shape == (0,)


def test_clipping_by_the_average_norm_is_of_float32():
    with pytest.raises(TypeError, match="float32 that does not match type float64"):
        tf.clip_by_average_norm(tf.constant([4.0, 4.0], tf.float64), 1.5)
    assert run(tf.clip_by_average_norm([4.0, 4.0], 1.5)) == pytest.approx([2.1213, 2.1213], rel=1e-4)


def test_the_number_of_too_many_elements_wraps():
    x = tf.broadcast_to(tf.placeholder(tf.int8, []), [2**16, 2**15])
    assert run([tf.size(x), tf.size(x, out_type=tf.int64)]) == [-(2**31), 2**31]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("shape", [(0,), (2, 0), (2, 0, 3)])
def test_an_axis_without_elements_is_rolled(executor, shape, known):
    x, values = fed(np.zeros(shape, "f"), shape if known else None)
    axis, told = fed(np.int32(len(shape) > 1), [])
    found = run([tf.roll(x, 1, int(told)), tf.roll(x, [3], tf.reshape(axis, [1]))], {x: values, axis: told})
    assert [result.shape for result in found] == [shape, shape]


def test_places_in_nothing(executor):
    """They are looked at where the axes before have elements."""
    x, values = fed(np.zeros((0, 3, 2), "f"), [None, None, 2])
    assert run(tf.gather(x, [[5]], axis=1), {x: values}).shape == (0, 1, 1, 2)
    assert run(tf.gather(tf.zeros([0, 0]), 4, axis=1)).shape == (0,)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] = 5 is not in \[0, 3\)"):
        run(tf.gather(x, [5], axis=1), {x: np.zeros((1, 3, 2))})
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] = 5 is not in \[0, 0\)"):
        run(tf.gather(x, [5]), {x: values})


@pytest.mark.parametrize("pads", [[[0, 0]], [[0, 1]]])
def test_nothing_is_not_reflected(executor, pads):
    x = tf.placeholder(tf.float32, [0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="paddings must be less than the dimension size"):
        run(tf.pad(x, pads, "REFLECT"), {x: []})
    assert run(tf.pad(x, [[0, 0]], "SYMMETRIC"), {x: []}).shape == (0,)
