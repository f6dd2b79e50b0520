"""assign_in_place: a variable that gets a value made of its own is written by what makes it."""

import io

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

NAMES = ["drop_unused", "fuse_elementwise", "assign_in_place"]
SHAPE = (13, 11)


def rewritten(target, feeds=None, fetches=()):
    return kernels(optimized(fetches, feeds or {}, [target], names=NAMES))


def variable(value=2.0, shape=SHAPE, dtype="float32"):
    return tf.Variable(np.full(shape, value, dtype))


def after(update, variables, feeds=None, times=1, fetches=()):
    """What variables hold after an update, and what was fetched with it."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(times):
            *fetched, _ = session.run([*fetches, getattr(update, "op", update)], feeds)
        return [*fetched, *session.run(list(variables))]


@pytest.mark.parametrize("shape", [(), (3,), SHAPE])
def test_a_decay(shape, executor):
    v = variable(shape=shape)
    update = tf.assign(v, v * 0.5)
    if executor == "plan":
        assert rewritten(update.op) == ["mul", "mark_initialized"]
    np.testing.assert_array_equal(after(update, [v], times=2)[0], np.full(shape, 0.5, "f"))


def test_a_network_that_follows_another(executor):
    target, online = variable(1.0), variable(5.0)
    update = tf.assign(target, 0.75 * target + 0.25 * online)
    if executor == "plan":
        assert rewritten(update.op) == ["fused", "mark_initialized"]
    found = after(update, [target, online])
    np.testing.assert_array_equal(found[0], np.full(SHAPE, 2, "f"))
    np.testing.assert_array_equal(found[1], np.full(SHAPE, 5, "f"))


def test_what_is_broadcast_or_moved_within_the_variable_is_copied(executor):
    v = tf.Variable(np.arange(9, dtype="f").reshape(3, 3))
    for value, expected in (
        (v * v[0], [[0, 1, 4], [0, 4, 10], [0, 7, 16]]),
        (v - tf.transpose(v), [[0, -2, -4], [2, 0, -2], [4, 2, 0]]),
    ):
        update = tf.assign(v, value)
        if executor == "plan":
            assert "assign" in rewritten(update.op)
        np.testing.assert_array_equal(after(update, [v])[0], expected)


def test_a_first_value_is_copied():
    v, w = variable(), variable()
    assert rewritten(tf.assign(v, w * 0.5).op) == ["mul", "assign", "mark_initialized"]


def test_a_product_is_copied():
    v = variable(shape=(11, 11))
    assert "assign" in rewritten(tf.assign(v, tf.matmul(v, v)).op)


def test_what_is_fetched_is_copied(executor):
    v = variable()
    half = v * 0.5
    update = tf.assign(v, half)
    if executor == "plan":
        assert rewritten(update.op, fetches=[half]) == ["mul", "assign", "mark_initialized"]
    fetched, held = after(update, [v], fetches=[half])
    np.testing.assert_array_equal(fetched, np.full(SHAPE, 1, "f"))
    np.testing.assert_array_equal(held, fetched)


def test_readers_of_the_old_value_still_see_it(executor):
    v = variable()
    doubled, update = v + v, tf.assign(v, v * 0.5)
    fetched, held = after(update, [v], fetches=[doubled])
    np.testing.assert_array_equal(fetched, np.full(SHAPE, 4, "f"))
    np.testing.assert_array_equal(held, np.full(SHAPE, 1, "f"))


def test_two_variables_that_change_places(executor):
    v, w = variable(2.0), variable(3.0)
    swap = tf.group(tf.assign(v, v * 0 + w), tf.assign(w, w * 0 + v))
    found = after(swap, [v, w])
    np.testing.assert_array_equal(found[0], np.full(SHAPE, 3, "f"))
    np.testing.assert_array_equal(found[1], np.full(SHAPE, 2, "f"))


def test_a_sum_of_all_is_made_before(executor):
    v = variable()
    update = tf.assign(v, v + tf.reduce_sum(v))
    if executor == "plan":
        assert rewritten(update.op) == ["sum", "add", "mark_initialized"]
    np.testing.assert_array_equal(after(update, [v])[0], np.full(SHAPE, 2 + 2 * 143, "f"))


def test_a_chain_of_several_results_writes_the_variable_by_its_first(executor):
    v, count = variable(2.0), variable(0.0)
    moved = v * 0.5 + 1.0
    step = tf.group(tf.assign(v, moved), tf.assign_add(count, tf.cast(moved > 1.75, tf.float32)))
    if executor == "plan":
        assert "assign" not in rewritten(step)
    held = after(step, [v, count], times=3)
    np.testing.assert_array_equal(held[0], np.full(SHAPE, 2, "f"))
    np.testing.assert_array_equal(held[1], np.full(SHAPE, 3, "f"))


def test_a_chain_that_reads_the_variable_behind_its_first_result_is_copied(executor):
    v, other = variable(2.0), variable(0.0)
    moved = v * 0.5
    step = tf.group(tf.assign(v, moved), tf.assign(other, other + (moved + v)))
    if executor == "plan":
        assert "assign" in rewritten(step)
    held = after(step, [v, other], times=2)
    np.testing.assert_array_equal(held[0], np.full(SHAPE, 0.5, "f"))
    np.testing.assert_array_equal(held[1], np.full(SHAPE, 4.5, "f"))


def test_an_update_in_an_order(executor):
    v, w = variable(2.0), variable(3.0)
    value = w * v
    with tf.control_dependencies([tf.assign(w, w + 1)]):
        update = tf.assign(v, value)
    np.testing.assert_array_equal(after(update, [v])[0], np.full(SHAPE, 6, "f"))


def test_a_step_that_fails_changes_nothing(executor):
    v, other, ids = variable(), variable(3.0), tf.placeholder(tf.int32, [2])
    update = tf.assign(v, v * 0.5 + tf.gather(other, ids)[0, 0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = 13 is not in \[0, 13\)"):
            session.run([update.op, tf.gather(other, ids)], {ids: [0, 13]})
        np.testing.assert_array_equal(session.run(v), np.full(SHAPE, 2, "f"))
        session.run(update.op, {ids: [0, 12]})
        np.testing.assert_array_equal(session.run(v), np.full(SHAPE, 4, "f"))


def test_adam_on_an_embedding_goes_through_its_table_once(executor):
    table = tf.Variable(np.ones((40, 8), "f"))
    loss = tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, [1, 3, 1])))
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    text = io.StringIO()
    tf.explain(train, file=text)
    if executor == "plan":
        assert text.getvalue().count("assign_in_place") == 5  # two slots, two powers, the table
        assert "move" not in text.getvalue()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        found = session.run(table)
    expected = np.ones((40, 8), "f")
    expected[[1, 3]] -= 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-6)
