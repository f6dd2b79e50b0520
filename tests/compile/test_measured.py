"""Ops whose sizes only running tells: the same question is asked once, another one, or of what has changed, again."""

import numpy as np
import pytest

import hookloop as tf

from .programs import kernels, lowered

IDS = np.array([3, 1, 3, 0, 1, 3, 2], np.int32)
MASK = np.array([True, False, True, True, False])


def run(fetches, feed=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed)


def asked(fetches, feed, kernel):
    return kernels(lowered(fetches, feed)).count(kernel)


def test_two_embeddings_of_the_same_rows_find_the_distinct_ones_once(executor):
    ids = tf.placeholder(tf.int32, [None])
    tables = [tf.Variable(np.arange(4.0 * width, dtype=np.float32).reshape(4, width)) for width in (3, 1)]
    loss = tf.add_n([tf.reduce_sum(tf.square(tf.gather(table, ids))) for table in tables])
    train = tf.train.AdagradOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run(tables)
        session.run(train, {ids: IDS})
        after = session.run(tables)
        text = str(tf.explain(train, {ids: IDS})) if executor == "plan" else "unique_index "
    for old, new in zip(before, after):
        gradient = 2 * old * np.bincount(IDS, minlength=4).reshape(4, 1)
        np.testing.assert_allclose(new, old - 0.5 * gradient / np.sqrt(0.1 + gradient**2), rtol=1e-6)
    assert text.count("unique_index ") == 1


def test_what_is_masked_alike_is_searched_once(executor):
    mask, x, y = (
        tf.placeholder(tf.bool, [None]),
        tf.placeholder(tf.float32, [None]),
        tf.placeholder(tf.int32, [None, 2]),
    )
    fetches = [tf.boolean_mask(x, mask), tf.boolean_mask(y, mask), tf.where(mask)]
    feed = {mask: MASK, x: np.arange(5, dtype=np.float32), y: np.arange(10, dtype=np.int32).reshape(5, 2)}
    for found, expected in zip(run(fetches, feed), (feed[x][MASK], feed[y][MASK], np.argwhere(MASK))):
        np.testing.assert_array_equal(found, expected)
    assert asked(fetches, feed, "where_count") == 1


def test_computed_questions_are_shared_too(executor):
    x = tf.placeholder(tf.int32, [None])
    halves = x // 2
    fetches = [*tf.unique(halves), *tf.unique(halves)]
    y, at, again, at_again = run(fetches, {x: IDS})
    np.testing.assert_array_equal(y, [1, 0])
    np.testing.assert_array_equal(y[at], IDS // 2)
    np.testing.assert_array_equal(again, y)
    np.testing.assert_array_equal(at_again, at)
    assert asked(fetches, {x: IDS}, "unique_index") == 1


def test_other_inputs_and_other_attributes_are_other_questions(executor):
    x, z = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    fetches = [tf.unique(x).idx, tf.unique(x, out_idx=tf.int64).idx, tf.unique(z).idx]
    found = run(fetches, {x: IDS, z: IDS[::-1].copy()})
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], [0, 1, 2, 3, 1, 2, 1])
    assert [v.dtype for v in found] == [np.int32, np.int64, np.int32]
    assert asked(fetches, {x: IDS, z: IDS}, "unique_index") == 3


def test_a_variable_may_have_changed_in_between(executor):
    v = tf.Variable([1, 1, 2, 3])
    first = tf.unique(v).y
    with tf.control_dependencies([first]):
        changed = tf.assign(v, [5, 6, 5, 5])
    with tf.control_dependencies([changed]):
        second = tf.unique(v).y
    a, b = run([first, second])
    np.testing.assert_array_equal(a, [1, 2, 3])
    np.testing.assert_array_equal(b, [5, 6])


def test_rows_that_a_loop_writes_are_looked_at_anew(executor):
    def body(i, rows, total):
        before = tf.size(tf.unique(rows).y)
        rows = tf.where(tf.equal(tf.range(4), i), tf.fill([4], 9), rows)
        return i + 1, rows, total + 10 * before + tf.size(tf.unique(rows).y)

    ends = tf.while_loop(lambda i, rows, total: i < 4, body, [0, tf.constant([1, 2, 3, 4]), 0])
    assert run(ends[2]) == 10 * (4 + 4 + 3 + 2) + 4 + 3 + 2 + 1


@pytest.mark.parametrize("taken", [True, False])
def test_a_branch_asks_for_itself(executor, taken):
    """What is asked in a branch that is not taken has no answer for anybody else."""
    x, p = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.bool, [])
    inside = tf.cond(p, lambda: tf.size(tf.unique(x).y), lambda: -1)
    fetches = [inside, tf.unique(x).y]
    count, values = run(fetches, {x: IDS, p: taken})
    assert count == (4 if taken else -1)
    np.testing.assert_array_equal(values, [3, 1, 0, 2])
