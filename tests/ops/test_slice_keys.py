"""What may stand between the brackets of a tensor, and small arguments of the ops that cut and join."""

import numpy as np
import pytest

import hookloop as tf

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_an_int64_index(executor):
    x, i = tf.placeholder(tf.float32, [None, 3, 4]), tf.placeholder(tf.int64, [])
    found = [x[i], x[:i], x[i, :, i + 1 :], tf.gradients(x[i], x)[0]]
    with tf.Session() as session:
        one, first, corner, gradient = session.run(found, {x: X, i: 1})
    np.testing.assert_array_equal(one, X[1])
    np.testing.assert_array_equal(first, X[:1])
    np.testing.assert_array_equal(corner, X[1, :, 2:])
    np.testing.assert_array_equal(gradient, [np.zeros((3, 4)), np.ones((3, 4))])


def test_keys_that_name_nothing():
    x = tf.constant(X)
    with pytest.raises(ValueError, match="Multiple ellipses in slice spec not allowed"):
        x[..., ...]
    with pytest.raises(ValueError, match="mask cannot be scalar"):
        x[True]


def test_joining_and_cutting_nothing():
    with pytest.raises(ValueError, match="concat needs at least one tensor, got an empty list"):
        tf.concat([], 0)
    with pytest.raises(ValueError, match="split needs at least one part, got 0"):
        tf.split(tf.constant(X), 0)


def test_shapes_and_values_of_a_wrong_rank():
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 0 for 'Reshape'"):
        tf.reshape(tf.constant(X), 24)
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1 for 'Fill'"):
        tf.fill([2], [1.0])
    with pytest.raises(ValueError, match="Paddings must be non-negative for 'Pad'"):
        tf.pad(tf.constant(X), [[-1, 0], [0, 0], [0, 0]])


def test_one_hot_values_are_of_one_dtype():
    with pytest.raises(TypeError, match="dtype .* of on_value does not match dtype"):
        tf.one_hot([0], 3, on_value=1, dtype=tf.float32)
    with pytest.raises(
        TypeError,
        match="dtype .* of off_value does not match dtype parameter|of on_value does not match dtype .* of off_value",
    ):
        tf.one_hot([0], 3, on_value=1.0, off_value=0)


def test_a_quotient_of_two_dtypes_is_refused():
    with pytest.raises(TypeError, match="x and y must have the same dtype"):
        tf.truediv(tf.constant(1.0), tf.constant(1))


def test_linalg_transpose_exchanges_the_last_two_axes(executor):
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.linalg.transpose(tf.constant(X))), X.transpose(0, 2, 1))


def test_a_crop_larger_than_the_image(executor):
    x = tf.placeholder(tf.float32, [None])
    crop = tf.random_crop(x, [3], seed=1)
    with tf.Session() as session:
        assert session.run(crop, {x: [1, 2, 3]}).tolist() == [1, 2, 3]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Need value.shape >= size"):
            session.run(crop, {x: [1, 2]})


def test_the_broadcast_of_an_unknown_shape_is_unknown():
    assert tf.broadcast_static_shape(tf.TensorShape(None), tf.TensorShape([2])).ndims is None


def test_the_gradient_of_a_tile_with_int64_multiples(executor):
    x = tf.constant(X[0])
    (gradient,) = tf.gradients(tf.tile(x, tf.constant([2, 3], tf.int64)), x)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(gradient), np.full((3, 4), 6))


def test_a_reshape_that_leaves_a_rest_is_refused(executor):
    """Also where the size is known when the plan is made, though not to the graph."""
    x = tf.placeholder_with_default([1.0, 2.0, 3.0], [None])
    halves = tf.reshape(x, [2, -1])
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(halves)
        assert session.run(halves, {x: [1, 2, 3, 4]}).shape == (2, 2)


def test_axes_that_are_turned_round(executor):
    x = tf.constant(X)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.reverse(x, [])), X)
        np.testing.assert_array_equal(session.run(tf.reverse(x, [-1, 0])), X[::-1, :, ::-1])
    with pytest.raises(ValueError, match=r"'axis'\[0\] = 3 is out of valid range \[-3, 2\]"):
        tf.reverse(x, [3])
    with pytest.raises(ValueError, match="axis -3 specified more than once"):
        tf.reverse(x, [0, -3])


@pytest.mark.parametrize("use_resource", [False, True])
def test_bounds_of_a_slice_may_be_variables(executor, use_resource):
    n, m = tf.Variable(1, use_resource=use_resource), tf.Variable(3, use_resource=use_resource)
    x = np.arange(12).reshape(3, 4)
    t = tf.constant(x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run([t[n:], t[:n, 1], t[n:m:1], t[..., n:m], t[n, n + 1 :]])
    for value, wanted in zip(found, [x[1:], x[:1, 1], x[1:3], x[..., 1:3], x[1, 2:]]):
        np.testing.assert_array_equal(value, wanted)


def test_a_slice_whose_strides_are_known_has_a_rank():
    x = tf.constant(X)
    begin = tf.placeholder(tf.int32, [None])
    assert tf.strided_slice(x, begin, [2, 2, 3], [1, 1, 1]).shape.as_list() == [None, None, None]
    kept = tf.strided_slice(x, begin, [2, 2, 3], [1, 1, 1], begin_mask=5, end_mask=1, shrink_axis_mask=2)
    assert kept.shape.as_list() == [2, None]
    strides = tf.placeholder(tf.int32, [3])
    assert tf.strided_slice(x, [0, 0, 0], [2, 2, 3], strides).shape.ndims is None
    assert x[:, :2, tf.placeholder(tf.int32, [])].shape.as_list() == [2, None]
    rows = tf.placeholder(tf.float32, [None, 2])
    assert rows[:0].shape.as_list() == [None, 2]


def test_a_slice_of_open_ends_is_refused_where_its_strides_tell():
    x, ends = tf.constant(X), tf.placeholder(tf.int32, [None])
    with pytest.raises(ValueError, match="Index out of range using input dim 3; input has only 3 dims"):
        tf.strided_slice(x, ends, [1, 1, 1, 1], [1, 1, 1, 1])
    with pytest.raises(ValueError, match="only stride 1 allowed on non-range indexing"):
        tf.strided_slice(x, [0, 0], ends, [-1, 1], shrink_axis_mask=1)


def test_a_slice_of_open_strides_is_refused_when_it_is_run(executor):
    strides = tf.placeholder(tf.int32, [4])
    part = tf.strided_slice(tf.constant(X), [0, 0, 0, 0], [1, 1, 1, 1], strides)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="input has only 3 dims"):
        session.run(part, {strides: [1, 1, 1, 1]})


@pytest.mark.parametrize("size", [None, 3])
def test_one_element_with_a_negative_stride_is_refused_in_the_run(executor, size):
    """An axis of open size is looked at when it is run, and strides that the run tells."""
    x, strides = tf.placeholder(tf.float32, [size, None]), tf.placeholder(tf.int32, [2])
    found = [tf.strided_slice(x, [1, 0], [2, 4], strides, shrink_axis_mask=1)]
    if size is None:
        found.append(tf.strided_slice(x, [1, 0], [2, 4], [-1, 1], shrink_axis_mask=1))
    with tf.Session() as session:
        for tensor in found:
            with pytest.raises(tf.errors.InvalidArgumentError, match="only stride 1 allowed on non-range indexing"):
                session.run(tensor, {x: np.ones((3, 4)), strides: [-1, 1]})


@pytest.mark.parametrize("size", [None, 3])
def test_one_element_with_a_stride_of_zero_is_refused(executor, size):
    x, strides = tf.placeholder(tf.float32, [size, None]), tf.placeholder(tf.int32, [2])
    with pytest.raises(ValueError, match=r"strides\[0\] must be non-zero"):
        tf.strided_slice(x, [1, 0], [2, 4], [0, 1], shrink_axis_mask=1)
    part = tf.strided_slice(x, [1, 0], [2, 4], strides, shrink_axis_mask=1)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="strides must be non-zero"):
        session.run(part, {x: np.ones((3, 4)), strides: [0, 1]})
