"""`variable[...].assign(value)`: a part of a variable gets new values."""

import numpy as np
import pytest

import hookloop as tf

OLD = np.arange(12, dtype=np.float32).reshape(3, 4)

PARTS = {
    "row": (lambda v: v[1], np.s_[1], (4,)),
    "column": (lambda v: v[:, 2], np.s_[:, 2], (3,)),
    "block": (lambda v: v[1:, ::2], np.s_[1:, ::2], (2, 2)),
    "reversed": (lambda v: v[::-1, -1:], np.s_[::-1, -1:], (3, 1)),
    "ellipsis": (lambda v: v[..., 0], np.s_[..., 0], (3,)),
    "element": (lambda v: v[2, 3], np.s_[2, 3], ()),
}


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize("name", PARTS)
def test_a_part_gets_new_values_and_the_rest_stays(executor, name, use_resource):
    part, key, shape = PARTS[name]
    value = np.full(shape, 50, np.float32) + np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    expected = OLD.copy()
    expected[key] = value
    variable = tf.get_variable("v", initializer=OLD, use_resource=use_resource)
    changed = part(variable).assign(value)
    with tf.Session() as session:
        session.run(variable.initializer)
        np.testing.assert_array_equal(session.run(changed), expected)
        np.testing.assert_array_equal(session.run(variable), expected)


def test_the_value_may_be_another_part_of_the_variable(executor):
    variable = tf.Variable(OLD)
    changed = variable[:2].assign(variable[1:])
    with tf.Session() as session:
        session.run(variable.initializer)
        np.testing.assert_array_equal(session.run(changed), OLD[[1, 2, 2]])


def test_a_place_that_only_a_feed_tells(executor):
    variable, row = tf.Variable(OLD), tf.placeholder(tf.int32, [])
    changed = variable[row].assign([0.0, 0.0, 0.0, 0.0])
    with tf.Session() as session:
        session.run(variable.initializer)
        found = session.run(changed, {row: -1})
        np.testing.assert_array_equal(found, [*OLD[:2], np.zeros(4)])
        with pytest.raises(tf.errors.InvalidArgumentError, match="out of bounds|must be equal"):
            session.run(changed, {row: 3})
        np.testing.assert_array_equal(session.run(variable), found)


def test_a_value_of_another_shape_is_refused(executor):
    variable = tf.Variable(OLD)
    changed = variable[1].assign([1.0, 2.0])
    with tf.Session() as session:
        session.run(variable.initializer)
        with pytest.raises(
            tf.errors.UnimplementedError,
            match=r"sliced l-value shape \[4\] does not match r-value shape \[2\]. Automatic broadcasting not yet implemented",
        ):
            session.run(changed)
        np.testing.assert_array_equal(session.run(variable), OLD)


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize(
    ("rows", "shape", "said"),  # TensorFlow 1.15's answers; None where it takes the value
    [
        (2, (2, 1), r"\[2,4\] does not match r-value shape \[2,1\]"),
        (2, (4,), r"\[2,4\] does not match r-value shape \[4\]"),
        (3, (2, 4), r"\[3,4\] does not match r-value shape \[2,4\]"),
        (1, (3, 1, 4), r"\[1,4\] does not match r-value shape \[3,1,4\]"),
        (0, (3, 4), None),
        (0, (5,), None),
    ],
)
def test_a_value_of_another_shape_is_refused_where_the_run_tells_the_part(executor, use_resource, rows, shape, said):
    variable = tf.get_variable("v", initializer=OLD, use_resource=use_resource)
    n, value = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32)
    changed = variable[:n].assign(value)
    with tf.Session() as session:
        session.run(variable.initializer)
        feeds = {n: rows, value: np.ones(shape)}
        if said is None:
            session.run(changed, feeds)
        else:
            with pytest.raises(
                tf.errors.UnimplementedError, match=f"sliced l-value shape {said}. Automatic broadcasting not yet"
            ):
                session.run(changed, feeds)
        np.testing.assert_array_equal(session.run(variable), OLD)
        session.run(changed, {n: 1, value: np.zeros((1, 4))})
        assert session.run(variable)[0].tolist() == [0] * 4


def test_nothing_is_written_of_another_part_of_the_variable_that_does_not_fit(executor):
    variable = tf.Variable(OLD)
    n = tf.placeholder(tf.int32, [])
    changed = variable[:n].assign(variable[1:])
    with tf.Session() as session:
        session.run(variable.initializer)
        session.run(changed, {n: 0})
        np.testing.assert_array_equal(session.run(variable), OLD)
        session.run(changed, {n: len(OLD) - 1})
        np.testing.assert_array_equal(session.run(variable)[:-1], OLD[1:])


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_where_nothing_is_written_any_value_will_do(executor, use_resource):
    variable = tf.get_variable("v", initializer=OLD, use_resource=use_resource)
    with tf.Session() as session:
        session.run(variable.initializer)
        session.run([variable[1:1].assign(3.0), variable[:, 4:].assign([[1.0, 2.0]])])
        np.testing.assert_array_equal(session.run(variable), OLD)


def test_a_slice_by_function_may_be_assigned_to_where_it_is_told_the_variable(executor):
    variable = tf.Variable(OLD)
    part = tf.strided_slice(variable, [0, 1], [2, 3], end_mask=2, var=variable, name="part")
    changed = part.assign(np.zeros((2, 3)))
    assert changed.name == "part/_assign:0"
    with tf.Session() as session:
        session.run(variable.initializer)
        session.run(changed)
        assert session.run(variable)[:2].tolist() == [[row[0], 0, 0, 0] for row in OLD[:2].tolist()]


def test_a_part_of_a_tensor_that_is_no_variable_is_not_assigned():
    variable = tf.get_variable("v", initializer=OLD)
    for part in (
        tf.constant(OLD)[0],
        tf.identity(variable)[0],
        variable.value()[0],
        variable[0][0],
        tf.strided_slice(OLD, [0], [1]),
    ):
        with pytest.raises(ValueError, match="Sliced assignment is only supported for variables"):
            part.assign(1.0)


@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_the_function_assign_takes_a_part_too(executor, use_resource):
    variable = tf.get_variable("v", initializer=OLD, use_resource=use_resource)
    changed = tf.assign(variable[1, :], [7.0] * 4)
    with tf.Session() as session:
        session.run(variable.initializer)
        session.run(changed)
        assert session.run(variable)[:2].tolist() == [OLD[0].tolist(), [7.0] * 4]
