"""Loops whose variables grow, as decoders' do: what the body makes of the last sizes belongs to an iteration that is not made."""

import numpy as np
import pytest

import hookloop as tf

TABLE = np.arange(24, dtype=np.float32).reshape(4, 6)

# What a body makes of the length that it has reached, 1 to 3; of a length of 4 or 5 it would be refused.
BODIES = {
    "a row": lambda n: tf.reduce_sum(tf.constant(TABLE)[n]),
    "a number": lambda n: tf.constant(TABLE)[n, n],
    "a part": lambda n: tf.reduce_sum(tf.slice(tf.constant(TABLE), [n, 0], [1, 4 - n])),
    "numbers": lambda n: tf.reduce_sum(tf.zeros([3 - n]) + 2),
    "repeated": lambda n: tf.reduce_sum(tf.tile(tf.constant([1.0]), [3 - n])),
    "joined": lambda n: tf.reduce_sum(tf.concat([tf.ones([n]), tf.zeros([3 - n])], 0)),
    "added": lambda n: tf.reduce_sum(tf.constant(TABLE)[:n] + tf.ones([n, 6])) + tf.constant(TABLE)[n, 0],
    "product": lambda n: tf.reduce_sum(tf.matmul(tf.ones([2, n]), tf.constant(TABLE)[:n])) + tf.constant(TABLE)[n, 0],
    "a branch": lambda n: tf.cond(n < 3, lambda: tf.constant(TABLE)[n + 1, 0], lambda: tf.constant(TABLE)[n, 1]),
    "a loop": lambda n: tf.while_loop(lambda j, s: j < n, lambda j, s: (j + 1, s + tf.constant(TABLE)[n, j]), [0, 0.0])[
        1
    ],
}


def grown(body, iterations, start=1):
    def iterate(i, ids):
        number = tf.cast(body(tf.shape(ids)[1]), tf.int32)
        return i + 1, tf.concat([ids, tf.reshape(number, [1, 1])], 1)

    invariants = [tf.TensorShape([]), tf.TensorShape([1, None])]
    first = [0, tf.ones([1, start], tf.int32)]
    return tf.while_loop(lambda i, ids: i < iterations, iterate, first, invariants)[1]


def outside(body, length):
    """The same of one length, without a loop."""
    with tf.Graph().as_default(), tf.Session() as session:
        return int(session.run(body(tf.placeholder_with_default(length, []))))


@pytest.mark.parametrize("name", BODIES)
def test_the_sizes_of_an_iteration_that_is_not_made_are_not_looked_at(name, executor):
    with tf.Session() as session:
        found = session.run(grown(BODIES[name], 3))
    np.testing.assert_array_equal(found, [[1, *(outside(BODIES[name], length) for length in (1, 2, 3))]])


@pytest.mark.parametrize("name", BODIES)
def test_a_loop_without_iterations_looks_at_no_sizes(name, executor):
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(grown(BODIES[name], 0, start=5)), np.ones((1, 5)))


@pytest.mark.parametrize("start", [1, 5])
def test_an_iteration_that_is_made_is_refused(start, executor):
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="slice index [45] (of dimension 0 )?out of"),
    ):
        session.run(grown(BODIES["a row"], 4, start))


def test_a_branch_that_is_not_taken_may_not_fit(executor):
    taken = tf.placeholder(tf.bool, [])
    row = tf.constant(TABLE)
    length = tf.shape(tf.concat([row, row], 0))[0]
    wrong = tf.cond(taken, lambda: row[length], lambda: row[0])
    wrong_both = tf.cond(taken, lambda: row[length], lambda: row[length + 1])
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(wrong, {taken: False}), TABLE[0])
        for tensor, which, at in ((wrong, True, 8), (wrong_both, True, 8), (wrong_both, False, 9)):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"slice index {at} (of dimension 0 )?out of"):
                session.run(tensor, {taken: which})


def halved(first, x):
    """Sums of neighbours, until one is left."""
    invariants = [tf.TensorShape([]), tf.TensorShape([None])]
    return tf.while_loop(
        lambda n, h: n > 1, lambda n, h: (n // 2, tf.reduce_sum(tf.reshape(h, [n // 2, 2]), 1)), [first, x], invariants
    )


def test_a_size_enters_a_loop_that_changes_others(executor):
    x = tf.placeholder(tf.float32, [None])
    n, h = halved(tf.shape(x)[0], x)
    gradient = tf.gradients(h, x)[0]
    with tf.Session() as session:
        for length in (1, 2, 8, 4):
            fed = {x: np.arange(1, length + 1)}
            np.testing.assert_array_equal(session.run(h, fed), [length * (length + 1) / 2])
            found = session.run([n, h, gradient], fed)
            assert (
                found[0] == 1 and found[1].tolist() == [length * (length + 1) / 2] and found[2].tolist() == [1] * length
            )


def test_what_is_counted_in_a_loop_that_changes_sizes_is_counted_there(executor):
    """The loop is lowered again once its sizes are known to change: what the first time has counted is not in the plan."""
    x = tf.placeholder(tf.float32, [None])

    def body(i, h):
        return i + 1, tf.concat([tf.boolean_mask(x, x > 0), h[:1], tf.unique(x)[0]], 0)

    invariants = [tf.TensorShape([]), tf.TensorShape([None])]
    _, h = tf.while_loop(lambda i, h: i < 2, body, [0, x[:1]], invariants)
    with tf.Session() as session:
        for value in ([1.0, -2.0, 1.0], [-3.0, 5.0, 6.0, 7.0]):
            kept, first = [v for v in value if v > 0], value[0]
            for _ in range(2):
                wanted = [*kept, first, *dict.fromkeys(value)]
                first = wanted[0]
            np.testing.assert_array_equal(session.run(h, {x: value}), wanted)


@pytest.mark.parametrize("in_a_branch", [False, True])
def test_a_loop_that_makes_no_iteration_checks_no_sizes_of_one(in_a_branch, executor):
    """Its gradient neither, in which the sizes that an iteration would have do not fit."""
    x, start = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    count, taken = tf.placeholder(tf.int32, []), tf.placeholder(tf.bool, [])

    def loop():
        shapes = [tf.TensorShape([]), tf.TensorShape([None])]
        body = lambda i, z: (i + 1, x[:6] * tf.reduce_sum(z))
        return tf.while_loop(lambda i, z: i < count, body, [0, start], shape_invariants=shapes)[1]

    y = tf.cond(taken, loop, lambda: start * 1.0) if in_a_branch else loop()
    slopes = tf.gradients(y, [x, start])
    with tf.Session() as session:
        for first, begin, n in (([1, 2, 3], [4], 1), ([1, 2], [3, 4, 5], 0), ([1, 2], [3, 4, 5], 2), ([1], [2, 3], 0)):
            found, by_x, by_start = session.run([y, *slopes], {x: first, start: begin, count: n, taken: True})
            a, b, ones = np.sum(first), np.sum(begin), np.ones(len(first))
            expected = [begin, np.multiply(first, b), np.multiply(first, a * b)][n]
            assert found.tolist() == np.asarray(expected).tolist()
            assert by_x.tolist() == ([0 * ones, b * ones, 2 * a * b * ones][n]).tolist()
            assert by_start.tolist() == [[1, a, a * a][n]] * len(begin)
