"""Segment reductions against NumPy and finite differences, on both executors."""

import numpy as np
import pytest

import hookloop as tf

DATA = np.random.default_rng(3).standard_normal((6, 2, 3))
SORTED = [0, 0, 1, 3, 3, 3]
UNSORTED = [2, -1, 0, 2, 2, 4]
REDUCE = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0),
    "sqrt_n": lambda rows: rows.sum(0) / np.sqrt(len(rows)),
    "prod": lambda rows: rows.prod(0),
    "max": lambda rows: rows.max(0),
    "min": lambda rows: rows.min(0),
}


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def reduced(kind, data, numbers, count, empty=0.0):
    numbers = np.array(numbers)
    found = [
        REDUCE[kind](data[numbers == k]) if np.any(numbers == k) else np.full(data.shape[1:], empty)
        for k in range(count)
    ]
    return np.array(found)


def slope(function, value, step=1e-6):
    """The gradient by central differences of a function with one scalar result."""
    with tf.Session() as session:
        x = tf.placeholder(tf.float64, value.shape)
        y = function(x)
        (analytic,) = tf.gradients(y, x)
        found = session.run(analytic, {x: value})
        wanted = np.zeros_like(value)
        for at in np.ndindex(value.shape):
            near = [value.copy(), value.copy()]
            near[0][at] += step
            near[1][at] -= step
            wanted[at] = (session.run(y, {x: near[0]}) - session.run(y, {x: near[1]})) / (2 * step)
    return found, wanted


def weighted(y):
    return tf.reduce_sum(y * tf.cos(y * 0.3))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("kind", ["sum", "mean", "prod", "max", "min"])
def test_sorted_segments(executor, kind, dtype):
    if kind == "mean" and dtype.startswith("int"):
        return
    data = (DATA * 3).astype(dtype)
    found = run(getattr(tf, f"segment_{kind}")(data, SORTED))
    assert found.dtype == dtype
    wanted = reduced(kind, data.astype("float64"), SORTED, 4)
    if kind == "prod":
        wanted[~np.isin(np.arange(4), SORTED)] = 1  # TensorFlow's product of no rows; the others are 0
    np.testing.assert_allclose(found, wanted.astype(dtype), rtol=1e-2 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min"])
def test_gradients_of_sorted_segments(executor, kind):
    found, wanted = slope(lambda x: weighted(getattr(tf, f"segment_{kind}")(x, SORTED)), DATA)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_the_number_of_segments_may_only_be_known_while_it_runs(executor):
    numbers = tf.placeholder(tf.int32, [None])
    data = tf.placeholder(tf.float32, [None, 2])
    summed = tf.segment_sum(data, numbers)
    assert summed.shape.as_list() == [None, 2]
    doubled = summed * 2
    with tf.Session() as session:
        for ids in ([0, 0, 2], [0, 1, 1, 4], []):
            values = np.ones((len(ids), 2), "float32")
            found = session.run(doubled, {numbers: np.array(ids, "int32"), data: values})
            np.testing.assert_array_equal(
                found, 2 * reduced("sum", values, ids, ids[-1] + 1 if ids else 0).reshape(-1, 2)
            )


@pytest.mark.parametrize(
    "ids, text",
    [
        ([1, 0, 1], "segment ids are not increasing"),
        ([0, 2, 1], "segment ids are not increasing"),
        ([-1, 0, 1], r"Segment id -1 out of range \[0, 2\), possibly because 'segment_ids' input is not sorted"),
        ([1, 2, 0], r"Segment id 1 out of range \[0, 1\), possibly because 'segment_ids' input is not sorted"),
        ([0, 0, -1], "segment ids must be >= 0"),
    ],
)
def test_segments_out_of_order_are_refused(executor, ids, text):
    numbers = tf.placeholder(tf.int32, [3])
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run(tf.segment_sum(tf.ones([3, 2]), numbers), {numbers: ids})


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("kind", ["sum", "prod", "max", "min", "mean", "sqrt_n"])
def test_unsorted_segments(executor, kind, dtype):
    if kind in ("mean", "sqrt_n") and dtype.startswith("int"):
        return
    data = (DATA * 3).astype(dtype)
    limits = np.finfo(dtype) if dtype.startswith("f") else np.iinfo(dtype)
    empty = {"prod": 1, "max": limits.min, "min": limits.max}.get(kind, 0)
    found = run(getattr(tf, f"unsorted_segment_{kind}")(data, UNSORTED, 5))
    wanted = reduced(kind, data, UNSORTED, 5, np.array(empty, dtype))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("kind", ["sum", "prod", "max", "min", "mean", "sqrt_n"])
def test_gradients_of_unsorted_segments(executor, kind):
    value = DATA.copy()
    value[0, 0, 0] = 0  # a product has a slope where a factor is 0
    numbers = [2, -1, 0, 2, 2, 1]
    found, wanted = slope(lambda x: weighted(getattr(tf, f"unsorted_segment_{kind}")(x, numbers, 3)), value)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_segment_numbers_may_have_several_axes(executor):
    numbers = [[0, 2], [2, 0], [1, 1]]
    data = DATA[:3]
    found = run(tf.unsorted_segment_sum(data, numbers, 3))
    wanted = reduced("sum", data.reshape(6, 3), np.ravel(numbers), 3)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_an_unsorted_segment_beyond_the_end_is_refused(executor):
    numbers = tf.placeholder(tf.int32, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"segment_ids\[1\] = 7 is out of range \[0, 3\)"):
        run(tf.unsorted_segment_sum(tf.ones([2]), numbers, 3), {numbers: [0, 7]})


@pytest.mark.parametrize("kind", ["sum", "mean", "sqrt_n"])
@pytest.mark.parametrize("count", [None, 6])
def test_segments_of_picked_rows(executor, kind, count):
    indices, numbers = [3, 1, 1, 5], [0, 0, 2, 2]
    function = getattr(tf, f"sparse_segment_{kind}")
    found = run(function(DATA, indices, numbers, num_segments=count))
    np.testing.assert_allclose(found, reduced(kind, DATA[indices], numbers, count or 3), rtol=1e-12)
    found, wanted = slope(lambda x: weighted(function(x, indices, numbers, num_segments=count)), DATA)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_a_picked_row_beyond_the_end_is_refused(executor):
    indices = tf.placeholder(tf.int32, [1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] == 9 out of range \[0, 6\)"):
        run(tf.sparse_segment_sum(DATA, indices, [0]), {indices: [9]})


def test_rows_of_a_sparse_gradient_are_summed(executor):
    x = tf.placeholder(tf.float64, [4, 2])
    (gradient,) = tf.gradients(tf.reduce_sum(tf.gather(x, [1, 3, 1])), x)
    assert isinstance(gradient, tf.IndexedSlices)
    found = run(tf.convert_to_tensor(gradient), {x: np.zeros((4, 2))})
    np.testing.assert_array_equal(found, [[0, 0], [2, 2], [0, 0], [1, 1]])


@pytest.mark.parametrize("name", ["square", "negative", "abs", "exp", "is_nan", "is_finite", "tanh", "sign"])
def test_functions_of_a_sparse_gradient_are_of_the_tensor(executor, name):
    """A row that is named twice counts by its sum, and rows that are not named are zero."""
    x = tf.Variable([1.0, 2.0, 3.0])
    gradient = tf.gradients(tf.reduce_sum(tf.gather(x, [0, 2, 2]) * [0.5, 0.25, -3.0]), x)[0]
    function = getattr(tf, name)
    found, expected = function(gradient), function(tf.constant([0.5, 0.0, -2.75]))
    assert isinstance(found, tf.Tensor) and isinstance(-gradient, tf.IndexedSlices)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(found), session.run(expected))


def test_sparse_gradients_are_stacked_as_tensors(executor):
    x = tf.Variable([1.0, 2.0, 3.0])
    rows = tf.gradients(tf.reduce_sum(tf.gather(x, [0, 2, 2])), x)[0]
    dense = tf.gradients(tf.reduce_sum(x * x), x)[0]
    with tf.Session() as session:
        session.run(x.initializer)
        assert session.run(tf.stack([rows])).tolist() == [[1, 0, 2]]
        assert session.run(tf.stack([dense, rows])).tolist() == [[2, 4, 6], [1, 0, 2]]
        assert session.run(tf.stack([rows, dense], axis=1)).tolist() == [[1, 2], [0, 4], [2, 6]]
    with pytest.raises(TypeError, match="Failed to convert"):
        tf.stack([dense, [object()]])


def test_slices_that_may_be_large_are_named_in_a_warning():
    x = tf.placeholder(tf.float32, [None, 2])
    rows, where = tf.gather(x, [0]), tf.constant([0])
    with pytest.warns(
        UserWarning, match="Converting sparse IndexedSlices to a dense Tensor of unknown shape. This may consume"
    ):
        tf.convert_to_tensor(tf.IndexedSlices(rows, where, tf.shape(x)))
    with pytest.warns(UserWarning, match="to a dense Tensor with 200000000 elements."):
        tf.convert_to_tensor(tf.IndexedSlices(rows, where, tf.constant([100_000_000, 2])))
    tf.convert_to_tensor(tf.IndexedSlices(rows, where, tf.constant([10, 2])))


@pytest.mark.parametrize("width", [1, 3, 40])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extrema_of_rows_with_nans(executor, dtype, width):
    """Of sorted segments a NaN is none, unless it is alone; of unsorted ones it is taken, and what follows takes its place."""
    nan, inf, least = np.nan, np.inf, np.finfo(dtype).min
    columns = np.array([[1, nan, nan], [nan, 2, nan], [5, nan, nan], [nan, nan, nan]], dtype)
    x, ids = tf.placeholder(dtype, [None, width]), tf.placeholder(tf.int32, [None])
    functions = tf.math.segment_max, tf.math.segment_min, tf.math.unsorted_segment_max, tf.math.unsorted_segment_min
    results = [f(x, ids) for f in functions[:2]] + [f(x, ids, 4) for f in functions[2:]]
    wanted = {
        (0, 0, 0, 0): ([[5, 2, -inf]], [[1, 2, inf]], [[nan] * 3, [least] * 3], [[nan] * 3, [-least] * 3]),
        (0, 0, 0, 1): ([[5, 2, -inf], [nan] * 3], [[1, 2, inf], [nan] * 3], [[5, nan, nan], [nan] * 3], [[5, nan, nan], [nan] * 3]),
    }  # fmt: skip
    with tf.Session() as session:
        for numbers, expected in wanted.items():
            data = np.resize(columns.T, (width, 4)).T
            for found, rows in zip(session.run(results, {x: data, ids: numbers}), expected):
                np.testing.assert_array_equal(
                    found[: len(rows)], np.resize(np.array(rows, dtype).T, (width, len(rows))).T
                )


def test_numbers_of_rows_without_elements_are_not_looked_at(executor):
    x, count = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.int32, [])
    found = tf.math.unsorted_segment_max(x, [7, 7], count)
    with tf.Session() as session:
        assert session.run(found, {x: np.zeros((2, 0)), count: 3}).shape == (3, 0)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"= 7 is out of range \[0, 3\)"):
            session.run(found, {x: np.zeros((2, 1)), count: 3})


@pytest.mark.parametrize("side", ["left", "right"])
def test_segments_of_places_that_are_constants(executor, side):
    """What NumPy gave for them was int64: the smallest int32 was cut from the smallest int64, which left 0."""
    places = tf.searchsorted([1, 2, 3], [0, 2, 4], side)
    with tf.Session() as session:
        for function, empty in ((tf.math.unsorted_segment_max, -(2**31)), (tf.math.unsorted_segment_min, 2**31 - 1)):
            assert session.run(function(places, [-1, 1, 1], 3)).tolist()[::2] == [empty, empty]
