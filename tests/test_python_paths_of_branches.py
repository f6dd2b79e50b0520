"""Branches whose condition may be known when the graph is built, by the paths under which libraries import them."""

import numpy as np
import pytest

import hookloop as tf


def test_a_conditional_whose_condition_is_known():
    from hookloop.python.framework import smart_cond

    assert smart_cond.smart_cond(1, lambda: "yes", lambda: "no") == "yes"
    assert smart_cond.smart_cond(tf.constant(False), lambda: "yes", lambda: "no") == "no"
    assert smart_cond.smart_constant_value(tf.placeholder(tf.bool)) is None
    open_one = smart_cond.smart_cond(
        tf.placeholder(tf.bool, []), lambda: tf.constant(1), lambda: tf.constant(2), "both"
    )
    assert open_one.name == "both/Merge:0"
    assert smart_cond.smart_constant_value(np.bool_(True)) is True
    with pytest.raises(TypeError, match="`true_fn` must be callable."):
        smart_cond.smart_cond(True)
    with pytest.raises(TypeError, match="`pred` must be a Tensor, or a Python bool, or 1 or 0"):
        smart_cond.smart_constant_value("yes")


def test_a_condition_is_known_that_is_computed_from_constants():
    from hookloop.python.framework.smart_cond import smart_constant_value

    x, rows = tf.placeholder(tf.float32, [3, 4]), tf.placeholder(tf.float32, [None, 4])
    with tf.control_dependencies([tf.assert_positive(x)]):
        behind_a_check = tf.identity(tf.constant(True))
    known = [
        tf.less(tf.constant(1), 2), tf.sqrt(tf.constant(5.0)) > 2.0, tf.size(x) > 11, tf.reduce_sum(tf.ones([10000, 10])) > 0.0,
        tf.reduce_all(tf.equal(tf.shape(x), [3, 4])), tf.gather(tf.constant([True, False]), 0), behind_a_check,
    ]  # fmt: skip
    assert [smart_constant_value(condition) for condition in known] == [True] * len(known)
    assert smart_constant_value(tf.logical_and(known[0], False)) is False
    unknown = [
        tf.shape(rows)[1] > 2, tf.placeholder_with_default(True, []), tf.random_uniform([]) > 0.5, tf.get_variable("v", [3])[0] > 0,
        tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0]) > 2, tf.cond(tf.constant(True), lambda: known[0], lambda: known[1]),
        tf.is_nan(tf.check_numerics(tf.constant(0.0) / 0.0, "")),
    ]  # fmt: skip
    assert [smart_constant_value(condition) for condition in unknown] == [None] * len(unknown)


def test_cases_whose_conditions_are_known():
    from hookloop.python.framework.smart_cond import smart_case

    x = tf.placeholder(tf.float32, [])
    first = smart_case(
        [(tf.constant(1) > 2, lambda: x + 1), (True, lambda: x + 2), (x > 0, lambda: x + 3)], default=lambda: x
    )
    assert first.op.type == "AddV2" or first.op.type == "Add"
    open_case = smart_case([(tf.constant(1) > 2, lambda: x + 1), (x > 0, lambda: x + 2)], lambda: x - 1, exclusive=True)
    assert open_case.op.type == "Merge"
    with tf.Session() as session:
        assert session.run([first, open_case], {x: 5.0}) == [7.0, 7.0]
        assert session.run([first, open_case], {x: -5.0}) == [-3.0, -6.0]
    with pytest.raises(TypeError, match="fns must be a list, tuple, or dict"):
        smart_case(1)


def test_branches_by_the_path_of_layers():
    from hookloop.python.layers import utils

    assert utils.smart_cond(tf.constant(True), lambda: "yes", lambda: "no") == "yes"
    assert utils.constant_value(tf.constant(True))
    assert utils.constant_value(tf.placeholder(tf.bool)) is None
    assert dir(utils) == ["constant_value", "smart_cond"]
