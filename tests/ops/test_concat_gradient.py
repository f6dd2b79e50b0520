"""Gradients of concatenations: parts, and slices of tables that were joined."""

import numpy as np
import pytest

import hookloop as tf


def rows(name, shape):
    return tf.get_variable(name, shape, initializer=tf.random_normal_initializer(seed=1))


@pytest.mark.parametrize("axis, sizes", [(0, ([3, 4], [6, 4])), (1, ([9, 4], [9, 3])), (-1, ([9, 4], [9, 3]))])
def test_the_gradient_of_joined_tables_is_slices_of_each(axis, sizes, executor):
    first, second = rows("first", sizes[0]), rows("second", sizes[1])
    taken = tf.nn.embedding_lookup(tf.concat([first, second], axis), [1, 4, 4, 0, 7])
    slopes = tf.gradients(tf.reduce_sum(taken * taken), [first, second])
    assert [type(slope) for slope in slopes] == [tf.IndexedSlices] * 2
    counts = np.zeros((9, 1), "f")
    np.add.at(counts, [1, 4, 4, 0, 7], 1)
    counts = np.split(counts, [3]) if axis == 0 else [counts, counts]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, values = session.run([[tf.convert_to_tensor(slope) for slope in slopes], [first, second]])
    for slope, value, count in zip(found, values, counts):
        np.testing.assert_allclose(slope, 2 * value * count, 1e-6)


def test_joined_tables_of_which_only_some_rows_move(executor):
    first, second = rows("first", [3, 4]), rows("second", [6, 4])
    taken = tf.gather(tf.concat([first, second], 0), [1, 4])
    step = tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(taken), var_list=[first, second])
    slots = tf.global_variables()[2:]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run([first, second])
        session.run(step)
        moved = [np.any(a != b, 1).nonzero()[0].tolist() for a, b in zip(before, session.run([first, second]))]
        assert moved == [[1], [1]]
        assert [slot.any(1).nonzero()[0].tolist() for slot in session.run(slots)] == [[1], [1]]


def test_the_nodes_of_gradients_of_concatenations():
    """Slices are selected, many parts are split at once, a gate keeps the name that TensorFlow gives it."""
    first, second = rows("first", [3, 4]), rows("second", [6, 4])
    loss = tf.reduce_sum(tf.gather(tf.concat([first, second], 0, name="c"), [1, 4]))
    (slope, _), _ = tf.train.GradientDescentOptimizer(0.1).compute_gradients(loss, [first, second])
    assert slope.values.name == "gradients/c_grad/tuple/control_dependency:0"
    assert slope.values.op.inputs[0].name == "gradients/c_grad/GatherV2_2:0"
    assert slope.indices.name == "gradients/c_grad/sub:0"
    many = [tf.placeholder(tf.float32, [2, 1 + i]) for i in range(17)]
    assert {g.op.type for g in tf.gradients(tf.concat(many, 1), many)} == {"SplitV"}
    assert {g.op.type for g in tf.gradients(tf.concat(many[1:], 1), many[1:])} == {"Slice"}


def test_slices_of_joined_tables_along_an_axis_that_is_not_known():
    first, second = rows("first", [3, 4]), rows("second", [6, 4])
    axis = tf.placeholder(tf.int32, [])
    with pytest.raises(ValueError, match="IndexedSlices gradient with statically-known concat_dim"):
        tf.gradients(tf.gather(tf.concat([first, second], axis), [1]), first)
    unknown = tf.placeholder(tf.float32)
    with pytest.raises(ValueError, match="negative concat_dim when first value rank is statically-known"):
        tf.gradients(tf.gather(tf.concat([unknown, second], -1), [1]), second)
