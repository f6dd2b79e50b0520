"""Functions that change variables, and what is none."""

import re

import numpy as np
import pytest

import hookloop as tf


@pytest.mark.parametrize(("change", "missing"), [
    (lambda x: tf.assign(x, 2.0), "assign"),
    (lambda x: tf.assign_add(x, 2.0), "assign_add"),
    (lambda x: tf.assign_sub(x, 2.0), "assign_sub"),
    (lambda x: tf.scatter_add(x, [0], [2.0]), "_lazy_read"),
    (lambda x: tf.scatter_nd_update(x, [[0]], [2.0]), "_lazy_read"),
    (lambda x: tf.is_variable_initialized(x), "is_initialized"),
    (lambda x: tf.count_up_to(x, 3), "handle"),
])  # fmt: skip
def test_what_is_no_variable_is_refused(change, missing):
    """The class of error is TensorFlow's, which asks for a resource variable's methods what has no reference."""
    v = tf.get_variable("v", [2])
    for other in (tf.constant([1.0]), tf.identity(v)):
        text = f"'Tensor' object has no attribute '{missing}': expected a variable, got {other!r}"
        with pytest.raises(AttributeError, match=f"^{re.escape(text)}$"):
            change(other)
    for other in (1.0, None, "v"):
        text = f"'{type(other).__name__}' object has no attribute 'dtype': expected a variable, got {other!r}"
        with pytest.raises(AttributeError, match=f"^{re.escape(text)}$"):
            change(other)
    with pytest.raises(AttributeError, match="'ndarray' object has no attribute"):
        change(np.ones(2))


def test_what_changes_as_a_variable_does_is_asked_to():
    class Changed:
        dtype = tf.float32

        def assign(self, value, name=None):
            return "assigned", value, name

        def assign_sub(self, value):
            return "subtracted", value

    assert tf.assign(Changed(), 1.0, name="a") == ("assigned", 1.0, "a")
    assert tf.assign_sub(Changed(), 1.0) == ("subtracted", 1.0)


def test_the_parts_of_a_variable_change_together(executor):
    v = tf.get_variable("v", initializer=tf.zeros([2, 1]), partitioner=tf.fixed_size_partitioner(2))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for change, first in ((tf.assign, 3), (tf.assign_add, 6), (tf.assign_sub, 3)):
            found = session.run(change(v, [[3.0], [4.0]]))
            assert [part.tolist() for part in found] == [[[first]], [[first // 3 * 4]]]
