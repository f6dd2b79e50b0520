"""Variables that functions of datasets read and assign: an element has the values of the moment when it is made."""

import json
import os

import numpy as np
import pytest

import hookloop as tf
from hookloop.data.ops import iterator_states, restore_iterators

from ..fixtures.dataset_variables_program import READERS, WRITERS, play

Dataset = tf.data.Dataset

with open(os.path.join(os.path.dirname(__file__), "..", "fixtures", "dataset_variables.json")) as file:
    RECORD = json.load(file)


@pytest.mark.parametrize("name", READERS)
def test_elements_of_functions_that_read_are_tensorflows(executor, name):
    assert [play(tf, READERS[name], resource) for resource in (False, True)] == RECORD[name]


@pytest.mark.parametrize("name", WRITERS)
def test_elements_of_functions_that_assign_are_tensorflows(executor, name):
    assert [play(tf, WRITERS[name], True)] == RECORD[name]


def variable(value=7, resource=True, **named):
    return tf.get_variable("v", initializer=tf.constant(value, tf.int64), use_resource=resource, **named)


def test_an_assignment_to_a_variable_that_is_no_resource_is_refused():
    v = variable(resource=False)
    text = (
        r"In op 'AssignAdd', input types \(\[tf.int64, tf.int64\]\) are not compatible with expected types "
        r"\(\[tf.int64_ref, tf.int64\]\): the function of Dataset.map\(\) can assign to the variable 'v' where it is made with use"
    )
    with pytest.raises(TypeError, match=text):
        Dataset.range(4).map(lambda x: v.assign_add(x))


def test_a_variable_without_a_value_is_missed_when_an_element_is_made(executor):
    v = variable()
    iterator = Dataset.range(4).map(lambda x: x + v).make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as session:
        session.run(iterator.initializer)
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value v"):
            session.run(element)
        session.run(v.initializer)
        assert session.run(element) == 8


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("resource", [False, True])
def test_a_variable_takes_another_shape(executor, resource, batched):
    v = variable([1, 2], resource, validate_shape=False)
    dataset = Dataset.range(20).map(lambda x: x + v)
    iterator = (dataset.batch(2) if batched else dataset).make_initializable_iterator()
    element = iterator.get_next()
    values = [tf.constant(list(range(n)), tf.int64) for n in (300, 3, 5000)]
    changes = [v.assign(value) if resource else tf.assign(v, value, validate_shape=False) for value in values]
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(iterator.initializer)
        seen = [session.run(element)]
        for change in changes:
            session.run(change)
            seen.append(session.run(element))
    for at, (found, size) in enumerate(zip(seen, (2, 300, 3, 5000))):
        first = found[0] if batched else found
        assert first.shape == (size,)
        assert first[-1] == (1 + batched) * at + (size - 1 if size > 2 else 2)


def test_a_variable_whose_nodes_tell_its_shape_is_given_another(executor):
    v = variable([1, 2], resource=False)
    iterator = Dataset.range(9).map(lambda x: x + tf.reduce_sum(v)).make_initializable_iterator()
    element = iterator.get_next()
    change = tf.assign(v, tf.range(4000, dtype=tf.int64), validate_shape=False)
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(iterator.initializer)
        assert session.run(element) == 3
        session.run(change)
        assert session.run(element) == 1 + 3999 * 2000


def test_every_session_has_its_own(executor):
    v = variable()
    iterator = Dataset.range(9).map(lambda x: v.assign_add(x + 1)).make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as first, tf.Session() as second:
        for session in (first, second):
            session.run(v.initializer)
            session.run(iterator.initializer)
        assert [first.run(element), first.run(element), second.run(element)] == [8, 10, 8]
        first.close()
        assert [second.run(element), second.run(v)] == [10, 10]


def test_a_function_changes_a_variable_in_many_steps_of_one_call():
    v = variable()
    iterator = Dataset.range(100).map(lambda x: v.assign_add(x)).make_initializable_iterator()
    element = iterator.get_next()
    doubled = v.assign_add(element * 0 + 1000)
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(iterator.initializer)
        assert session.run_steps([element, doubled], 4, stack=True)[0].tolist() == [7, 1008, 2010, 3013]
        assert session.run(v) == 4013


def test_what_is_not_used_happens_too(executor, capfd):
    called = []

    def function(x):
        tf.py_func(lambda value: called.append(int(value)) or value, [x], tf.int64)
        tf.print("element", x)
        tf.debugging.assert_less(x, tf.constant(2, tf.int64), message="too large")
        return x

    element = Dataset.range(9).map(function).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(element), session.run(element)] == [0, 1]
        with pytest.raises(tf.errors.InvalidArgumentError, match="assertion failed: .*too large"):
            session.run(element)
    assert called[:2] == [0, 1]
    assert "element 0\nelement 1\n" in capfd.readouterr().err


def test_variables_are_made_outside(executor):
    def function(x):
        with tf.variable_scope("m", reuse=tf.AUTO_REUSE):
            return x * tf.get_variable("w", [], tf.int64, tf.constant_initializer(5)) + tf.Variable(3, dtype=tf.int64)

    iterator = Dataset.range(9).skip(1).map(function).map(function).make_initializable_iterator()
    assert [v.name for v in tf.global_variables()] == ["m/w:0", "Variable:0", "Variable_1:0"]
    assert tf.trainable_variables() == tf.global_variables()
    element = iterator.get_next()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(iterator.initializer)
        assert session.run(element) == 43


def test_what_was_assigned_is_not_assigned_again_where_an_iterator_goes_on(executor):
    v = variable()
    iterator = Dataset.range(9).map(lambda x: (v.assign_add(x + 1), x)).make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(iterator.initializer)
        assert [session.run(element) for _ in range(3)] == [(8, 0), (10, 1), (13, 2)]
        state, value = iterator_states(session), session.run(v)
    with tf.Session() as session:
        restore_iterators(session, state)
        v.load(value, session)
        session.run(iterator.initializer)
        assert session.run(v) == 13
        assert [session.run(element) for _ in range(2)] == [(17, 3), (22, 4)]


def elements(make, count):
    """So many elements of a dataset made of a variable that begins at 0, and what the variable holds then."""
    v = tf.Variable(np.int64(0), use_resource=True)
    iterator = make(v).make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as session:
        session.run([v.initializer, iterator.initializer])
        return [np.asarray(session.run(element)).tolist() for _ in range(count)]


def test_two_functions_on_one_variable_take_turns(executor):
    """As TensorFlow 1.15: each element goes through all functions before the next one is made, in batches too."""
    add = lambda v, by: lambda x: v.assign_add(by) + x * 0
    numbers = tf.data.Dataset.range(6)
    assert elements(lambda v: numbers.map(add(v, 1)).map(add(v, 10)).batch(2), 2) == [[11, 22], [33, 44]]
    assert elements(lambda v: numbers.map(add(v, 1)).filter(lambda x: v.assign_add(100) > 0).batch(2), 2) == [
        [1, 102],
        [203, 304],
    ]
    assert elements(lambda v: numbers.map(add(v, 1)).map(lambda x: x * 1000 + v).batch(2), 2) == [
        [1001, 2002],
        [3003, 4004],
    ]
    inner = tf.data.Dataset.range(2)
    nested = lambda v: numbers.flat_map(lambda x: inner.map(lambda y: v.assign_add(x + y) + 0))
    assert elements(lambda v: nested(v).map(lambda x: x * 1000 + v).batch(2), 2) == [[0, 1001], [2002, 4004]]


@pytest.mark.parametrize("kind", ["tensor", "reference", "resource", "assigned"])
def test_both_branches_use_what_is_outside(kind, executor):
    outside = {
        "tensor": lambda: tf.placeholder_with_default(np.int64(5), []),
        "reference": lambda: tf.Variable(np.int64(5)),
    }.get(kind, lambda: tf.Variable(np.int64(5), use_resource=True))()
    if kind == "assigned":
        branches = lambda: outside.assign_add(1) + 0, lambda: outside.assign_add(10) + 0
        expected = [15, 25, 26]
    else:
        branches, expected = (lambda: outside + 1, lambda: outside - 1), [4, 4, 6]
    iterator = tf.data.Dataset.range(3).map(lambda x: tf.cond(x > 1, *branches)).make_initializable_iterator()
    element = iterator.get_next()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(iterator.initializer)
        assert [session.run(element) for _ in range(3)] == expected


def test_another_shape_is_refused():
    """The step around the iterator has prepared itself for the shape that the variable has."""
    v = tf.get_variable("v", initializer=tf.constant([1.0, 2.0]), validate_shape=False, use_resource=True)
    with pytest.raises(tf.errors.UnimplementedError, match=r"Dataset\.map\(\) may give the variable 'v' another shape"):
        tf.data.Dataset.range(6).map(lambda x: v.assign(tf.fill([x + 2], 1.0)))
