"""Counts, histograms, confusion matrices, coordinates and repetition, on both executors."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.ops.build import apply_op


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def test_bincount(executor):
    x = np.array([[1, 4, 1], [0, 1, 6]], "int32")
    assert list(run(tf.bincount(x))) == [1, 3, 0, 0, 1, 0, 1]
    assert list(run(tf.bincount(x, minlength=9))) == [1, 3, 0, 0, 1, 0, 1, 0, 0]
    found = run(tf.bincount(x, maxlength=3, dtype=tf.float64))
    assert found.dtype == "float64" and list(found) == [1, 3, 0]
    weights = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(run(tf.bincount(x, weights)), np.bincount(x.ravel(), weights.ravel()))


@pytest.mark.parametrize("dtype", [tf.int32, tf.float32], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("bins", [1, 10, 256, 257])
def test_bincount_of_many(bins, dtype, executor):
    """More integers than are counted in one go; those beyond the last bin are left out."""
    x = np.random.RandomState(bins).randint(0, bins + 5, 140001).astype("int32")
    x[:20] = np.iinfo("int32").max
    numbers = tf.placeholder(tf.int32, [None])
    counts = tf.bincount(numbers, minlength=bins, maxlength=bins, dtype=dtype)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(counts, {numbers: x}), np.bincount(x[x < bins], minlength=bins))


@pytest.mark.parametrize("place", [0, 70003, -1])
def test_a_negative_integer_among_many(place, executor):
    x = np.random.RandomState(0).randint(0, 10, 140001).astype("int32")
    x[place] = -1
    numbers = tf.placeholder(tf.int32, [None])
    counts = tf.bincount(numbers, minlength=10, maxlength=10)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Input arr must be non-negative!"):
            session.run(counts, {numbers: x})
        assert session.run(counts, {numbers: abs(x)}).sum() == x.size


def test_bincount_of_changing_integers(executor):
    x = tf.placeholder(tf.int32, [None])
    counts = tf.bincount(x)
    with tf.Session() as session:
        for values in ([3, 3], [0], [], [1, 12]):
            assert list(session.run(counts, {x: values})) == list(np.bincount(np.array(values, int)))
        with pytest.raises(tf.errors.InvalidArgumentError, match="non-negative"):
            session.run(counts, {x: [4, -1]})


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_histogram(executor, dtype):
    x = np.array([-1, 0, 1, 2, 5, 5, 15], dtype)
    assert list(run(tf.histogram_fixed_width(x, np.array([0, 5], dtype), nbins=5))) == [2, 1, 1, 0, 3]


def test_bins_of_a_histogram(executor):
    x = np.array([[-1.0, 0.0, 1.5], [2.0, 5.0, 15.0]])
    assert run(tf.histogram_fixed_width_bins(x, np.array([0.0, 5.0]), 5)).tolist() == [[0, 0, 1], [2, 4, 4]]
    for dtype in (tf.int64, tf.float32):
        assert tf.histogram_fixed_width_bins(x, np.array([0.0, 5.0]), 5, dtype=dtype).dtype == tf.int32


def test_an_empty_range_is_refused(executor):
    limits = tf.placeholder(tf.float32, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="value_range"):
        run(tf.histogram_fixed_width([1.0], limits), {limits: [1, 1]})


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 3.0, 4.0]])
@pytest.mark.parametrize("classes", [None, 5])
def test_confusion_matrix(executor, weights, classes):
    labels, predictions = [1, 0, 3, 1], [1, 2, 3, 1]
    found = run(tf.confusion_matrix(labels, predictions, classes, dtype=tf.float32, weights=weights))
    wanted = np.zeros((classes or 4,) * 2)
    np.add.at(wanted, (labels, predictions), weights or 1)
    np.testing.assert_array_equal(found, wanted)


def test_a_class_out_of_bound_is_refused(executor):
    labels = tf.placeholder(tf.int64, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` out of bound"):
        run(tf.confusion_matrix(labels, [0, 1], 2), {labels: [0, 2]})


def test_unravel_index(executor):
    positions = np.array([22, 0, 59], "int32")
    np.testing.assert_array_equal(run(tf.unravel_index(positions, [3, 4, 5])), np.unravel_index(positions, (3, 4, 5)))
    assert list(run(tf.unravel_index(7, [3, 4]))) == [1, 3]
    at = tf.placeholder(tf.int32, [])
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of bound"):
        run(tf.unravel_index(at, [3, 4]), {at: 12})


@pytest.mark.parametrize("repeats, axis", [(2, 0), (3, 1), (0, 0), ([1, 0, 2], 0), ([2, 1], 1), ([2, 1], -1), ([3], 0)])
def test_repeat(executor, repeats, axis):
    x = np.arange(6, dtype="float32").reshape(3, 2)
    np.testing.assert_array_equal(run(tf.repeat(x, repeats, axis)), np.repeat(x, repeats, axis))


@pytest.mark.parametrize("repeats, axis", [(2, 0), (3, 1), ([1, 0, 2], 0), ([2, 1], 1)])
def test_repeat_of_an_unknown_rank(executor, repeats, axis):
    x, z = np.arange(6.0).reshape(3, 2), tf.placeholder(tf.float64)
    with tf.Session() as session:
        found = session.run(tf.repeat(z, repeats, axis), {z: x})
    np.testing.assert_array_equal(found, np.repeat(x, repeats, axis))
    with pytest.raises(ValueError, match="axis may only be negative if ndims is statically known"):
        tf.repeat(z, 2, -1)


def test_repeat_of_a_scalar(executor):
    assert list(run(tf.repeat(3, 2, 0))) == [3, 3]


def test_classes_of_an_unknown_rank_lose_the_axis_that_they_have_more(executor):
    z = tf.placeholder(tf.int32)
    both = [tf.confusion_matrix(z, [1, 0, 1], 2), tf.confusion_matrix([1, 0, 1], z, 2)]
    with tf.Session() as session:
        for value in ([1, 1, 0], [[1], [1], [0]]):
            assert [one.tolist() for one in session.run(both, {z: value})] == [[[0, 1], [1, 1]]] * 2


def test_repeat_without_an_axis(executor):
    assert list(run(tf.repeat([[1, 2], [3, 4]], 2))) == [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_variable_counts_up_to_a_limit(executor, use_resource):
    counter = tf.Variable(1, use_resource=use_resource)
    count = counter.count_up_to(3)
    with tf.Session() as session:
        session.run(counter.initializer)
        assert [session.run(count), session.run(count), session.run(counter)] == [1, 2, 3]
        with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 3"):
            session.run(count)
        assert session.run(counter) == 3


@pytest.mark.parametrize(
    ("indices", "values", "text"),
    [
        ([[1, 2], [3, 4], [0, 0]], [5, 6], "shape"),
        ([[1, 2, 3], [3, 4, 0]], [5, 6], "shape"),
        ([1, 2], [5, 6], "Input a_indices should be a matrix but is of rank 1"),
        ([[1, 2]], 5, "should be vectors but a_values is of rank 0"),
    ],
)
def test_sparse_sums_of_parts_that_do_not_fit_are_refused(indices, values, text, executor):
    """What lies behind the values is never read."""
    feeds = {tf.placeholder(tf.int64, None): indices, tf.placeholder(tf.float32, None): values}
    total = apply_op("SparseTensorDenseAdd", [*feeds, tf.constant([6, 6], tf.int64), tf.zeros([6, 6])])
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(total, feeds)


@pytest.mark.parametrize("use_resource", [False, True])
def test_the_limit_of_counting_is_a_whole_number(use_resource):
    counter = tf.get_variable("n", initializer=0, use_resource=use_resource)
    limits = [counter.count_up_to(limit).op.get_attr("limit") for limit in (1.5, 2.0, True, np.int64(3))]
    assert limits == [1, 2, 1, 3] and all(type(limit) is int for limit in limits)
    for wrong in ("2", None, [2]):
        with pytest.raises(TypeError, match=r"Expected int for argument 'limit' not"):
            counter.count_up_to(wrong)
