"""Stacks: what a loop saves in each iteration for its gradient, and what it only remembers."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.ir import Loop

from .programs import kernels, lowered


def loop_gradient(body, x, steps=3):
    """The gradient of a loop that applies a function to x again and again."""
    _, found = tf.while_loop(lambda i, y: i < steps, lambda i, y: (i + 1, body(y)), [0, x])
    return tf.gradients(found, x)


def saved(program):
    """How many values an iteration saves, and how many it takes."""
    return kernels(program).count("stack_push"), kernels(program).count("stack_pop")


@pytest.fixture
def x():
    return tf.placeholder(tf.float32, [3])


def test_a_value_that_changes_is_saved_and_taken(x):
    program = lowered(loop_gradient(tf.exp, x), {x: np.ones(3)})
    assert saved(program) == (1, 1)
    forward, backward = (item for item in program.root.items if isinstance(item, Loop))
    assert "stack_push" in [i.kernel for i in forward.body.items]
    assert "stack_pop" in [i.kernel for i in backward.body.items]


def test_a_value_that_is_the_same_in_each_iteration_is_remembered(x):
    program = lowered(loop_gradient(lambda y: tf.where([True, False, True], y, tf.exp(y)), x), {x: np.ones(3)})
    assert saved(program) == (1, 1)  # the exponential, and not the mask


def test_a_value_of_a_gradient_that_nobody_asked_for_is_not_saved(x):
    """The product's other factor would want it: the backward loop goes on without."""
    w = tf.placeholder(tf.float32, [3])
    gradients = loop_gradient(lambda y: y * w, x)
    values = {x: np.float32([1, 2, 3]), w: np.float32([2, 0.5, -1])}
    assert saved(lowered(gradients, values)) == (0, 0)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(gradients[0], values), [8, 0.125, -1])


def test_what_no_gradient_takes_is_not_saved(x):
    gradients = loop_gradient(tf.exp, x)
    (result,) = [op.outputs[0] for op in x.graph.get_operations() if op.name.endswith("while/Exit_1")][:1]
    assert saved(lowered(gradients, {x: np.ones(3)})) == (1, 1)
    assert saved(lowered([result], {x: np.ones(3)})) == (0, 0)


def test_values_whose_sizes_only_the_run_tells_bring_them_along():
    x = tf.placeholder(tf.float32, [None])
    _, found = tf.while_loop(
        lambda i, y: i < 3,
        lambda i, y: (i + 1, tf.exp(tf.boolean_mask(y, y > 0.5))),
        [0, x],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
    )
    program = lowered(tf.gradients(found, x), {x: np.ones(3)})
    assert "stack_sizes" in kernels(program)


def test_a_value_that_nobody_put_on_the_stack_is_refused():
    stack = tf.raw_ops.StackV2(max_size=-1, elem_type=tf.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a value is taken from a stack that nothing was put on"):
        lowered([tf.raw_ops.StackPopV2(handle=stack, elem_type=tf.float32)])
