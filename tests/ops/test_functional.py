"""map_fn, foldl, foldr, scan: values, structures, gradients, errors."""

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")

ROWS = np.array([[0.5, 1], [1.5, 2], [2.5, 3]])


def value_and_gradient(build, rows=ROWS):
    x = tf.placeholder(tf.float64, [None, 2])
    y = build(x)
    (gradient,) = tf.gradients(y, x)
    with tf.Session() as session:
        return session.run([y, gradient], {x: rows})


def test_map_fn_applies_a_function_to_each_row():
    value, gradient = value_and_gradient(lambda x: tf.map_fn(lambda r: tf.sin(r) * 2, x))
    np.testing.assert_allclose(value, np.sin(ROWS) * 2)
    np.testing.assert_allclose(gradient, np.cos(ROWS) * 2)


def test_map_fn_with_another_number_of_rows_each_run():
    x = tf.placeholder(tf.float32, [None])
    y = tf.map_fn(lambda e: e + 1, x)
    with tf.Session() as session:
        for count in (3, 1, 0, 5):
            np.testing.assert_array_equal(session.run(y, {x: np.arange(count)}), np.arange(count) + 1)


def test_map_fn_of_several_tensors_and_types():
    x = tf.constant(ROWS)
    pair = tf.map_fn(lambda p: (p[0] * p[1], tf.cast(p[0][0], tf.int32)), (x, x + 1), dtype=(tf.float64, tf.int32))
    assert pair[0].shape.as_list() == [3, 2] and pair[1].shape.as_list() == [3]
    with tf.Session() as session:
        product, whole = session.run(pair)
    np.testing.assert_allclose(product, ROWS * (ROWS + 1))
    np.testing.assert_array_equal(whole, [0, 1, 2])


def test_map_fn_in_map_fn():
    value, gradient = value_and_gradient(lambda x: tf.map_fn(lambda r: tf.map_fn(lambda e: e * e * r[0], r), x))
    np.testing.assert_allclose(value, ROWS**2 * ROWS[:, :1])
    wanted = 2 * ROWS * ROWS[:, :1]
    wanted[:, 0] += (ROWS**2).sum(1)
    np.testing.assert_allclose(gradient, wanted)


def test_foldl_and_foldr():
    value, gradient = value_and_gradient(lambda x: tf.foldl(lambda a, r: a * r, x))
    np.testing.assert_allclose(value, ROWS.prod(0))
    np.testing.assert_allclose(gradient, ROWS.prod(0) / ROWS)
    value, gradient = value_and_gradient(lambda x: tf.foldr(lambda a, r: a * 2 + r, x))
    np.testing.assert_allclose(value, ROWS[2] * 4 + ROWS[1] * 2 + ROWS[0])
    np.testing.assert_allclose(gradient, [[1, 1], [2, 2], [4, 4]])


def test_folds_with_an_initializer():
    value, _ = value_and_gradient(
        lambda x: tf.foldl(lambda a, r: a * 2 + tf.reduce_sum(r), x, tf.constant(1.0, tf.float64))
    )
    assert value == 8 + 1.5 * 4 + 3.5 * 2 + 5.5


def test_scan_gives_all_values_on_the_way():
    value, gradient = value_and_gradient(lambda x: tf.scan(lambda a, r: a + r, x))
    np.testing.assert_allclose(value, ROWS.cumsum(0))
    np.testing.assert_allclose(gradient, [[3, 3], [2, 2], [1, 1]])


def test_scan_in_reverse_and_with_an_initializer():
    value, gradient = value_and_gradient(lambda x: tf.scan(lambda a, r: a + r, x, reverse=True))
    np.testing.assert_allclose(value, ROWS[::-1].cumsum(0)[::-1])
    np.testing.assert_allclose(gradient, [[1, 1], [2, 2], [3, 3]])
    value, _ = value_and_gradient(lambda x: tf.scan(lambda a, r: a + tf.reduce_sum(r), x, tf.constant(1.0, tf.float64)))
    np.testing.assert_allclose(value, 1 + ROWS.sum(1).cumsum())


def test_scan_carries_a_structure():
    x = tf.constant([1, 1, 1, 1])
    first, second = tf.scan(lambda a, _: (a[1], a[0] + a[1]), x, initializer=(tf.constant(0), tf.constant(1)))
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(first), [1, 1, 2, 3])
        np.testing.assert_array_equal(session.run(second), [1, 2, 3, 5])


@pytest.mark.parametrize("function", [tf.map_fn, tf.foldl, tf.foldr, tf.scan])
def test_arguments_are_checked(function):
    with pytest.raises(TypeError, match="fn must be callable"):
        function(1, tf.constant([1]))
    with pytest.raises(ValueError, match="^elems must be a 1. dimensional Tensor, not a scalar"):
        function(lambda *_: 1, tf.constant(1))


def test_a_scalar_that_the_run_tells_is_refused(executor):
    x = tf.placeholder(tf.float32)
    mapped = tf.map_fn(lambda e: e + 1.0, x)
    with tf.Session() as session:
        assert session.run(mapped, {x: [1, 2]}).tolist() == [2, 3]
        with pytest.raises(tf.errors.InvalidArgumentError, match="slice index 0 of dimension 0 out of bounds"):
            session.run(mapped, {x: 1.0})


@pytest.mark.parametrize("use_resource", [False, True])
def test_variables_that_a_function_makes_are_read_before_the_loop(executor, use_resource):
    def function(row):
        return row * tf.get_variable("v", [2], initializer=tf.ones_initializer(), use_resource=use_resource)

    mapped = tf.map_fn(function, tf.constant([[1.0, 2.0], [3.0, 4.0]]))
    (variable,) = tf.trainable_variables()
    read = variable.value().op
    assert read.name == ("v/Read/Identity" if use_resource else "v/read") and "_class" not in read.node_def.attr
    assert tf.get_variable_scope().caching_device is None
    assert tf.get_default_graph().get_operation_by_name("map/while/mul/Enter").inputs[0].op is read
    slope = tf.gradients(mapped, variable)[0]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert [x.tolist() for x in session.run([mapped, slope])] == [[[1, 2], [3, 4]], [4, 6]]
