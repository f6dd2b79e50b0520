"""Reductions, argmax, running totals and top-k against NumPy, on both executors."""

import numpy as np
import pytest

import hookloop as tf

FLOATS = ["float16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8"]
TOLERANCE = {"float16": 4e-3, "float32": 2e-6, "float64": 1e-13}


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(shape, dtype, seed=0):
    generator = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(0, 4, shape).astype(dtype)


def close(found, wanted, dtype):
    tolerance = TOLERANCE.get(str(dtype), 0)
    np.testing.assert_allclose(np.float64(found), np.float64(wanted), rtol=tolerance * 4, atol=tolerance * 8)


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("axis", [None, 0, 1, -1, [0, 2], [1, 2], [], [0, 1, 2]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sum_max_min(executor, dtype, axis, keepdims):
    x = sample((3, 5, 7), dtype)
    axes = tuple(range(3)) if axis is None else tuple(np.atleast_1d(np.array(axis, int)))
    functions = {tf.reduce_sum: np.sum, tf.reduce_max: np.max, tf.reduce_min: np.min}
    found = run([function(x, axis, keepdims=keepdims) for function in functions])
    for value, function in zip(found, functions.values()):
        wide = x.astype("float64") if x.dtype.kind == "f" else x
        wanted = function(wide, axis=axes, keepdims=keepdims).astype(dtype)
        assert value.shape == wanted.shape and value.dtype == x.dtype
        close(value, wanted, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_mean_and_product(executor, dtype):
    x = (sample((4, 6, 3), dtype) * 0.1 + 1).astype(dtype)
    found = run([tf.reduce_mean(x, [0, 2]), tf.reduce_prod(x, 1), tf.reduce_mean(x)])
    wide = x.astype("float64")
    for value, wanted in zip(found, [wide.mean((0, 2)), wide.prod(1), wide.mean()]):
        close(value, wanted, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("columns", [2, 3, 8, 33, 5000])
@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_sums_over_a_short_axis_in_the_middle(executor, length, columns, dtype):
    """Sums of nothing but -0 are 0, infinities and what is no number stay in their sums, threads change nothing."""
    x = sample((2000 if columns < 9 else 7, length, columns), "float64").astype(dtype)
    x[1], x[2, 0, 0], x[3, 1, -1] = -0.0, np.inf, np.nan
    found = [run([tf.reduce_sum(x, 1), tf.reduce_mean(x, 1)])]
    for threads in (1, 4):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.append(session.run([tf.reduce_sum(x, 1), tf.reduce_mean(x, 1)]))
    wanted = x.sum(1, dtype="complex128" if dtype == "complex64" else "float64")
    assert np.isposinf(found[0][0][2, 0].real) and np.isnan(found[0][0][3, -1].real)
    assert not np.signbit(found[0][0][1].real).any()
    whole = np.isfinite(wanted)
    np.testing.assert_allclose(found[0][0][whole], wanted[whole], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[0][1][whole], wanted[whole] / length, rtol=1e-5, atol=1e-5)
    for others in found[1:]:
        assert [value.tobytes() for value in others] == [value.tobytes() for value in found[0]]


@pytest.mark.parametrize("dtype", FLOATS + ["int32"])
@pytest.mark.parametrize("columns", [2, 3, 8, 15, 16, 17, 33, 4096, 5000])
@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_extrema_over_a_short_axis_in_the_middle(executor, length, columns, dtype):
    """What is no number, wherever it stands, is the largest and the least; infinities are no bound to begin with; threads change nothing."""
    x = sample((2000 if columns < 9 else 7, length, columns), dtype)
    if np.dtype(dtype).kind == "f":
        x[0, 0, 0], x[1, 1, -1], x[2, -1, 1] = np.nan, np.nan, np.nan
        x[3], x[4] = -np.inf, np.inf
    found = [run([tf.reduce_max(x, 1), tf.reduce_min(x, 1)])]
    for threads in (1, 4):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.append(session.run([tf.reduce_max(x, 1), tf.reduce_min(x, 1)]))
    np.testing.assert_array_equal(found[0][0], x.max(1))
    np.testing.assert_array_equal(found[0][1], x.min(1))
    for others in found[1:]:
        assert [value.tobytes() for value in others] == [value.tobytes() for value in found[0]]


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "int64"])
@pytest.mark.parametrize("columns", [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 300])
def test_extrema_over_the_first_and_the_last_axis(executor, columns, dtype):
    """Rows of an output lie apart: what is no number is found in any of them, and infinities are no bound to begin with."""
    x = sample((5, 9, columns), dtype) - sample((5, 9, columns), dtype, 1)
    if np.dtype(dtype).kind == "f":
        x[0, 0, 0], x[4, 1, -1], x[2, 2, columns // 2] = np.nan, np.nan, np.nan
        x[:, 3], x[:, 4] = -np.inf, np.inf
    found = [run([tf.reduce_max(x, [0, 2]), tf.reduce_min(x, [0, 2])])]
    for threads in (1, 4):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.append(session.run([tf.reduce_max(x, [0, 2]), tf.reduce_min(x, [0, 2])]))
    for value in found:
        np.testing.assert_array_equal(value[0], x.max((0, 2)))
        np.testing.assert_array_equal(value[1], x.min((0, 2)))


def test_the_mean_of_integers_is_cut_towards_zero(executor):
    assert run(tf.reduce_mean(np.array([-3, 0, 1], "int32"))) == 0
    assert run(tf.reduce_mean(np.array([3, 4], "int64"))) == 3


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 4095, 4097, 70000])
def test_sums_at_the_boundaries_of_lanes_and_blocks(executor, length):
    x = sample(length, "float32")
    close(run(tf.reduce_sum(x)), x.astype("float64").sum(), "float32")
    columns = sample((length, 3), "float32")
    np.testing.assert_allclose(run(tf.reduce_sum(columns, 0)), columns.astype("float64").sum(0), rtol=1e-5, atol=1e-4)
    rows = sample((3, length), "float32")
    np.testing.assert_allclose(run(tf.reduce_sum(rows, 1)), rows.astype("float64").sum(1), rtol=1e-5, atol=1e-4)


def test_a_million_ones_are_summed_exactly():
    assert run(tf.reduce_sum(np.full(3_000_000, 0.1, "float32"))) == pytest.approx(300000.0, rel=1e-6)


def test_empty_reductions(executor):
    x = np.zeros((0, 2), "float32")
    with np.errstate(all="ignore"):
        total, product, largest, least, mean = run(
            [f(x, 0) for f in (tf.reduce_sum, tf.reduce_prod, tf.reduce_max, tf.reduce_min, tf.reduce_mean)]
        )
    assert total.tolist() == [0, 0] and product.tolist() == [1, 1]
    assert largest.tolist() == [-np.inf] * 2 and least.tolist() == [np.inf] * 2 and np.isnan(mean).all()
    assert run([tf.reduce_all(np.zeros((0,), bool)), tf.reduce_any(np.zeros((0,), bool))]) == [True, False]


@pytest.mark.parametrize("function", [tf.maximum, tf.minimum])
def test_a_nan_on_either_side_is_the_larger_and_the_smaller(function, executor):
    x, y = np.float32([[np.nan, 1] * 9, [1, np.nan] * 9])
    assert np.isnan(run(function(tf.constant(x), tf.constant(y)))).all()


def test_a_nan_is_seen_by_max_and_min(executor):
    x = np.array([1, np.nan, 3], "float32")
    assert np.isnan(run([tf.reduce_max(x), tf.reduce_min(x)])).all()


@pytest.mark.parametrize("axis", [None, 0, 1, [0, 1]])
def test_all_and_any(executor, axis):
    x = np.array([[True, False, True], [True, True, True]])
    axes = tuple(np.atleast_1d(axis)) if axis is not None else None
    found = run([tf.reduce_all(x, axis), tf.reduce_any(~x, axis)])
    assert np.array_equal(found[0], x.all(axes)) and np.array_equal(found[1], (~x).any(axes))


def test_a_sum_does_not_depend_on_the_number_of_threads():
    for shape, axis in [((300000,), 0), ((100000, 5), 0), ((7, 60000), 1), ((500, 700), 0)]:
        x = sample(shape, "float32")
        values = []
        for threads in (1, 2):
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                values.append(session.run(tf.reduce_sum(x, axis)))
        assert np.array_equal(*values)


def test_the_axis_may_be_a_tensor_of_a_size_that_only_running_tells(executor):
    x = tf.placeholder(tf.float32, [None, 4])
    total = tf.reduce_sum(x, tf.constant([0]))
    with tf.Session() as session:
        for rows in (1, 3, 0):
            assert session.run(total, {x: np.ones((rows, 4))}).tolist() == [rows] * 4


def test_an_axis_that_does_not_exist():
    with pytest.raises(ValueError, match="Invalid reduction dimension 2 for input with 2 dimensions"):
        tf.reduce_sum(np.zeros((2, 3), "float32"), 2)


@pytest.mark.parametrize("axis", [1, 5, -2, 2**31 - 1])
def test_an_axis_of_a_known_number_that_is_fed_out_of_range(axis, executor):
    axes = tf.placeholder(tf.int32, [1])
    total = tf.reduce_sum(tf.constant([7]), axes)
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"Invalid reduction dimension {axis} for input with 1 dim"
        ):
            session.run(total, {axes: [axis]})
        assert session.run(total, {axes: [-1]}) == 7


def test_old_argument_names():
    x = np.ones((2, 3), "float32")
    assert tf.reduce_sum(x, reduction_indices=1, keep_dims=True).shape.as_list() == [2, 1]
    with pytest.raises(ValueError, match="Cannot specify both 'reduction_indices' and 'axis'"):
        tf.reduce_sum(x, 1, reduction_indices=1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_argmax_and_argmin(executor, dtype, axis):
    x = sample((4, 5, 17), dtype)
    largest, least = run([tf.argmax(x, axis), tf.argmin(x, axis, output_type=tf.int32)])
    assert largest.dtype == np.int64 and least.dtype == np.int32
    assert np.array_equal(largest, x.argmax(axis)) and np.array_equal(least, x.argmin(axis))


NAN, INFINITY = np.nan, np.inf


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_a_nan_is_neither_largest_nor_smallest(executor, dtype):
    rows = {
        (1, NAN, 2): (2, 0), (NAN, 1, 2): (2, 1), (NAN, NAN, NAN): (0, 0), (1, 2, NAN): (1, 0), (-INFINITY, NAN, NAN): (0, 0),
        (NAN, -INFINITY, NAN): (0, 1), (NAN, INFINITY, NAN): (1, 0), (NAN, NAN, 3): (2, 2),
    }  # fmt: skip
    x = tf.placeholder(dtype, [None, None])
    with tf.Session() as session:
        largest, least = session.run([tf.argmax(x, 1), tf.argmin(x, 1)], {x: list(rows)})
    assert list(zip(largest.tolist(), least.tolist())) == list(rows.values())


def test_argmax_of_nothing(executor):
    x = tf.placeholder(tf.float32, [None, 0])
    with tf.Session() as session, pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        session.run(tf.argmax(x, 1), {x: np.zeros((2, 0))})


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running_totals(executor, exclusive, reverse):
    x = sample((3, 5, 4), "float64")
    found = run([f(x, 1, exclusive=exclusive, reverse=reverse) for f in (tf.cumsum, tf.cumprod)])
    for value, start in zip(found, (0, 1)):
        wanted = np.empty_like(x)
        order = range(4, -1, -1) if reverse else range(5)
        total = np.full((3, 4), float(start))
        for i in order:
            before = total
            total = total + x[:, i] if start == 0 else total * x[:, i]
            wanted[:, i] = before if exclusive else total
        np.testing.assert_allclose(value, wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("k", [0, 1, 3, 8])
def test_top_k(executor, dtype, k):
    x = sample((5, 8), dtype)
    values, places = run(tf.nn.top_k(x, k))
    wanted = np.argsort(-x.astype("float64"), axis=1, kind="stable")[:, :k]
    assert np.array_equal(places, wanted) and np.array_equal(values, np.take_along_axis(x, wanted, 1))


@pytest.mark.parametrize("dtype, tolerance", [("float16", 2e-3), ("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("axis, exclusive, reverse", [(0, 0, 0), (1, 0, 1), (-1, 1, 0), (0, 1, 1)])
def test_running_logarithms_of_sums(executor, axis, exclusive, reverse, dtype, tolerance):
    x = sample((3, 4), dtype) * np.array(1 if dtype == "float16" else 300, dtype)  # exp() of it overflows
    turned = np.flip(x, axis) if reverse else x
    wanted = np.logaddexp.accumulate(turned.astype("float64"), axis)
    if exclusive:
        wanted = np.roll(wanted, 1, axis)
        wanted[(slice(None),) * (axis % 2) + (0,)] = np.finfo(dtype).min
    wanted = np.flip(wanted, axis) if reverse else wanted
    found = run(tf.math.cumulative_logsumexp(x, axis, bool(exclusive), bool(reverse)))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_the_gradient_of_running_logarithms_of_sums(executor):
    """Recorded from TensorFlow 1.15."""
    x = tf.constant([[0.2, 0.4, -1.0], [1.5, -0.3, 0.7]], tf.float64)
    weights = [[1.0, -2.0, 0.5], [0.25, 1.0, -1.5]]
    found = run(tf.gradients(tf.math.cumulative_logsumexp(x, 1) * weights, x)[0])
    wanted = [
        [0.29787643058674773, -0.8575756642506098, 0.059699233663862095],
        [0.17914229259224235, -0.011712700256432784, -0.4174295923358095],
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_top_k_of_too_few():
    with pytest.raises(ValueError, match="input must have last dimension >= k = 4 but is 3"):
        tf.nn.top_k(np.zeros((2, 3), "float32"), 4)


def test_in_top_k_counts_ties(executor):
    scores = np.array([[0.1, 0.5, 0.5, 0.2], [1, 2, 3, np.nan], [3, 2, 1, 0]], "float32")
    assert run(tf.nn.in_top_k(scores, np.array([2, 0, 7], "int32"), 1)).tolist() == [True, False, False]


def test_axes_are_a_scalar_or_a_vector():
    with pytest.raises(ValueError, match=r"Shape must be at most rank 1 but is rank 2 for 'Sum'"):
        tf.reduce_sum(np.ones((2, 3), "float32"), [[0, 1]])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_quotients_next_to_the_smallest_number(executor, dtype):
    low = int(np.iinfo(dtype).min)
    x, y = tf.placeholder(dtype, [4]), tf.placeholder(dtype, [4])
    numbers, divisors = [low, low + 1, low, -7], [6, 5, 2, 2]
    with tf.Session() as session:
        found = session.run(tf.floordiv(x, y), {x: numbers, y: divisors})
    assert found.tolist() == [a // b for a, b in zip(numbers, divisors)]


def test_norms_of_single_elements(executor):
    x = tf.placeholder(tf.float32, [3, 1])
    with tf.Session() as session:
        found = session.run(tf.math.reduce_euclidean_norm(x, 1), {x: [[-2], [3], [-0.5]]})
    assert found.tolist() == [2, 3, 0.5]


def test_norms_of_integers_are_rounded_down(executor):
    x = tf.placeholder(tf.int32, [2, 3])
    with tf.Session() as session:
        assert session.run(tf.math.reduce_euclidean_norm(x, 1), {x: [[1, 2, 3], [-3, 4, 0]]}).tolist() == [3, 5]


@pytest.mark.parametrize("length", [1, 3, 7, 8, 13, 128, 200, 1100])
def test_any_and_all_see_a_single_element_wherever_it_is(length, executor):
    rows = np.concatenate([np.eye(length, dtype=bool), np.zeros((2, length), bool)])
    x = tf.placeholder(tf.bool, [None, length])
    any_row, all_row = tf.reduce_any(x, 1), tf.reduce_all(x, 1)
    has_one = [True] * length + [False] * 2
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(any_row, {x: rows}), has_one)
        np.testing.assert_array_equal(session.run(all_row, {x: ~rows}), np.logical_not(has_one))
        for row, expected in zip(rows[[0, length // 2, -1]], (True, True, False)):
            assert session.run(any_row, {x: row[None]}).tolist() == [expected]
            assert session.run(all_row, {x: ~row[None]}).tolist() == [not expected]


@pytest.mark.parametrize("place", [0, 511, 512, 70000, 299999, None])
def test_any_and_all_of_many(place, executor):
    value = np.zeros(300000, bool)
    if place is not None:
        value[place] = True
    x = tf.placeholder(tf.bool, [None])
    with tf.Session() as session:
        assert session.run([tf.reduce_any(x), tf.reduce_any(~x)], {x: value}) == [place is not None, True]
        assert session.run([tf.reduce_all(~x), tf.reduce_all(x)], {x: value}) == [place is None, False]
