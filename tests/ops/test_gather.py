"""Rows and elements by index, one-hot rows and masks, on both executors."""

import numpy as np
import pytest

import hookloop as tf

X = np.random.default_rng(0).standard_normal((4, 3, 5))


def run(fetch, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "bool", "uint8"])
@pytest.mark.parametrize("indices", [2, [0, 2, 0], [[1], [2]], np.zeros((2, 0), int)])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(executor, axis, indices, dtype):
    x = (X * 9).astype(dtype)
    for index_dtype in ("int32", "int64"):
        found = run(tf.gather(x, np.array(indices, index_dtype), axis=axis))
        np.testing.assert_array_equal(found, np.take(x, indices, axis))


@pytest.mark.parametrize("axis", [1, 2])
def test_gather_with_axes_shared(executor, axis):
    indices = np.array([[0, 2], [1, 1], [2, 0], [0, 0]])
    found = run(tf.gather(X, indices, axis=axis, batch_dims=1))
    wanted = np.stack([np.take(row, at, axis - 1) for row, at in zip(X, indices)])
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(run(tf.batch_gather(X, indices)), run(tf.gather(X, indices, batch_dims=1)))


def test_an_index_out_of_range_is_refused(executor):
    at = tf.placeholder(tf.int32, [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1,0\] = 7 is not in \[0, 4\)"):
        run(tf.gather(X, at), {at: [[0, 1], [7, 0]]})


@pytest.mark.parametrize("use_resource", [False, True])
def test_rows_of_variables(executor, use_resource):
    table = tf.Variable(X, use_resource=use_resource)
    rows = tf.gather(table, [3, 0, 3])
    np.testing.assert_array_equal(run(rows), X[[3, 0, 3]])
    (gradient,) = tf.gradients(tf.reduce_sum(rows * 2), table)
    assert isinstance(gradient, tf.IndexedSlices)
    found = run(tf.convert_to_tensor(gradient))
    np.testing.assert_array_equal(found[:, 0, 0], [2, 0, 0, 4])


@pytest.mark.parametrize("indices", [[[1], [3]], [[1, 2]], [[[0, 1, 4]], [[3, 2, 0]]]])
def test_gather_nd_and_scatter_nd(executor, indices):
    at = tuple(np.moveaxis(np.array(indices), -1, 0))
    np.testing.assert_array_equal(run(tf.gather_nd(X, indices)), X[at])
    wanted = np.zeros_like(X)
    np.add.at(wanted, at, X[at])
    np.testing.assert_array_equal(run(tf.scatter_nd(indices, X[at], X.shape)), wanted)


def test_gather_nd_by_indices_of_no_axis_gives_all_of_it_for_each(executor):
    x = tf.placeholder(tf.float32, [None])
    with tf.Session() as session:
        found = session.run(tf.gather_nd(x, tf.zeros([3, 0], tf.int32)), {x: [1, 2, 3, 4]})
    np.testing.assert_array_equal(found, [[1, 2, 3, 4]] * 3)


def test_gather_nd_with_axes_shared(executor):
    indices = [[[0], [2]], [[1], [1]], [[2], [0]], [[0], [0]]]
    found = run(tf.gather_nd(X, indices, batch_dims=1))
    np.testing.assert_array_equal(found, np.stack([row[np.ravel(at)] for row, at in zip(X, indices)]))


def test_truth_is_scattered_as_truth(executor):
    assert list(run(tf.scatter_nd([[1], [1], [2]], [True, True, False], [4]))) == [False, True, False, False]


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_one_hot(executor, axis):
    indices = np.array([[0, 2, -1], [4, 9, 1]])
    found = run(tf.one_hot(indices, 5, 3.0, -1.0, axis))
    wanted = np.where(indices[..., None] == np.arange(5), 3.0, -1.0)
    np.testing.assert_array_equal(found, np.moveaxis(wanted, -1, 2 if axis is None else axis))


def test_a_condition_for_each_row_tells_nothing_of_the_shape():
    rows, elements = tf.placeholder(tf.bool, [2]), tf.placeholder(tf.bool, [2, 3])
    open_shape = [tf.placeholder(tf.float32, [None, None]) for _ in range(2)]
    assert tf.where(rows, *open_shape).shape.as_list() == [None, None]
    assert tf.where(elements, *open_shape).shape.as_list() == [2, 3]
    assert tf.where(rows, open_shape[0], tf.zeros([2, 4])).shape.as_list() == [2, 4]
    with pytest.raises(ValueError, match="must be equal"):
        tf.where(rows, open_shape[0], tf.zeros([3, 4]))


def test_where_and_masks_of_changing_sizes(executor):
    x = tf.placeholder(tf.float64, [None, 3])
    kept = tf.boolean_mask(x, x[:, 0] > 0)
    places = tf.where(x > 0)
    with tf.Session() as session:
        for count in (4, 1, 0, 30):
            value = np.random.default_rng(count).standard_normal((count, 3))
            found, at = session.run([kept * 2, places], {x: value})
            np.testing.assert_array_equal(found, 2 * value[value[:, 0] > 0])
            np.testing.assert_array_equal(at, np.argwhere(value > 0))


def test_sequence_mask(executor):
    lengths = [[1, 0], [3, 2]]
    wanted = np.arange(3) < np.array(lengths)[..., None]
    np.testing.assert_array_equal(run(tf.sequence_mask(lengths)), wanted)
    np.testing.assert_array_equal(run(tf.sequence_mask(lengths, 2, tf.float32)), wanted[..., :2].astype("float32"))


def test_gradients_add_up_where_an_index_is_named_twice(executor):
    x = tf.placeholder(tf.float64, X.shape)
    weights = np.random.default_rng(5).standard_normal((4, 3, 3))
    (gradient,) = tf.gradients(tf.reduce_sum(tf.gather(x, [4, 0, 4], axis=2) * weights), x)
    wanted = np.zeros_like(X)
    wanted[..., 4], wanted[..., 0] = weights[..., 0] + weights[..., 2], weights[..., 1]
    np.testing.assert_allclose(run(gradient, {x: X}), wanted)


@pytest.mark.parametrize("batch", [None, 4])
def test_gradients_of_what_is_gathered_inside_batches(executor, batch):
    x = tf.placeholder(tf.float64, [batch, 3, 5])
    indices = np.array([[0, 2], [1, 1], [2, 0], [0, 0]])
    weights = np.random.default_rng(6).standard_normal((4, 2, 5))
    (by_rows,) = tf.gradients(tf.reduce_sum(tf.gather(x, indices, batch_dims=1) * weights), x)
    (by_batch_gather,) = tf.gradients(tf.reduce_sum(tf.batch_gather(x, indices) * weights), x)
    wanted = np.zeros_like(X)
    for row in range(4):
        np.add.at(wanted[row], indices[row], weights[row])
    np.testing.assert_allclose(run(by_rows, {x: X}), wanted)
    np.testing.assert_allclose(run(tf.convert_to_tensor(by_batch_gather), {x: X}), wanted)


def test_elements_inside_batches(executor):
    found = run(tf.gather_nd(X, [[[2, 1]], [[0, 4]], [[1, 1]], [[2, 2]]], batch_dims=1))
    np.testing.assert_array_equal(found, X[np.arange(4), [2, 0, 1, 2], [1, 4, 1, 2]][:, None])


def test_what_batches_cannot_have():
    with pytest.raises(ValueError, match=r"batch_dims = 2 must be less than rank\(indices\) = 2"):
        tf.gather_nd(X, [[0, 1]], batch_dims=2)
    with pytest.raises(ValueError, match="does not allow negative batch_dims"):
        tf.gather_nd(X, [[0, 1]], batch_dims=-1)
    with pytest.raises(TypeError, match="batch_dims must be an int; got 1.5"):
        tf.gather_nd(X, [[0, 1]], batch_dims=1.5)
    with pytest.raises(ValueError, match="does not allow indices with unknown shape"):
        tf.batch_gather(X, tf.placeholder(tf.int32))
    with pytest.raises(ValueError, match=r"batch_dims = -1 must be less than rank\(indices\) = 0"):
        tf.batch_gather(X, 1)
    with pytest.raises(ValueError, match=r"batch_dims = 3 must be less than rank\(params\) = 3"):
        tf.batch_gather(X, np.zeros((4, 3, 5, 1), int))


def test_elements_of_a_resource_variable_and_their_gradient(executor):
    variable = tf.get_variable("v", initializer=X, use_resource=True)
    picked = tf.gather_nd(variable, [[1, 2], [3, 0], [1, 2]])
    rows = tf.gather_nd(variable, [[1], [3]])
    by_picked, by_rows = tf.gradients(picked, variable)[0], tf.gradients(rows * 2.0, variable)[0]
    assert isinstance(by_rows, tf.IndexedSlices)
    found = run([picked, by_picked, tf.convert_to_tensor(by_rows)])
    np.testing.assert_array_equal(found[0], X[[1, 3, 1], [2, 0, 2]])
    counts = np.zeros_like(X)
    counts[1, 2], counts[3, 0] = 2, 1
    np.testing.assert_array_equal(found[1], counts)
    np.testing.assert_array_equal(found[2][[1, 3]], np.full((2, 3, 5), 2.0))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_a_complex_number_is_true_where_either_part_is_not_0(executor, dtype):
    x = tf.placeholder(dtype, [2, 3])
    found = run(tf.where(x), {x: np.array([[1 + 1j, 0, 1j], [complex(-0.0, -0.0), 2, 0]], dtype)})
    np.testing.assert_array_equal(found, [[0, 0], [0, 2], [1, 1]])


@pytest.mark.parametrize("indices", [[[1, 2], [3, 0]], [[1], [3]]])
def test_gather_nd_whose_shapes_only_the_feeds_tell(executor, indices):
    params, places = tf.placeholder(tf.float64, None), tf.placeholder(tf.int64, None)
    found = run(tf.gather_nd(params, places), {params: X, places: indices})
    np.testing.assert_array_equal(found, X[tuple(np.transpose(indices))])


@pytest.mark.parametrize("shape", [(3, 0), (0, 3)])
def test_elements_of_nothing_are_refused(executor, shape):
    table = tf.placeholder(tf.float32, [None, None])
    places = tf.placeholder(tf.int32, [None, 1])
    taken = tf.gather_nd(table, places)
    with tf.Session() as session:
        feeds = {table: np.zeros(shape), places: np.zeros((0, 1))}
        assert session.run(taken, feeds).shape == (0, shape[1])
        text = rf"Requested more than 0 entries, but params is empty\.  Params shape: \[{shape[0]},{shape[1]}\]"
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(taken, {**feeds, places: [[0]]})
        assert session.run(taken, {table: [[1, 2]], places: [[0]]}).tolist() == [[1, 2]]
