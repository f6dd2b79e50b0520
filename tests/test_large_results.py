"""Large fetched values: they take their memory along, and no later step changes them."""

import threading
import weakref

import numpy as np
import pytest

import hookloop as tf

ROWS = [1, 63, 64, 65, 300, 5000]  # of 1 KB: around where values stop being copied


def rows_of(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 256), np.float32)


@pytest.fixture
def doubled():
    x = tf.placeholder(tf.float32, [None, 256])
    return x, 2.0 * tf.nn.relu(x)


@pytest.mark.parametrize("n", ROWS)
def test_a_value_stays_when_the_step_is_made_again(doubled, n):
    x, y = doubled
    with tf.Session() as session:
        values = [session.run(y, {x: rows_of(n, seed)}) for seed in range(6)]
    for seed, value in enumerate(values):
        np.testing.assert_array_equal(value, 2 * np.maximum(rows_of(n, seed), 0))


def test_sizes_may_change_from_step_to_step(doubled):
    x, y = doubled
    with tf.Session() as session:
        kept = []
        for seed, n in enumerate([5000, 1, 300, 64, 0, 63, 300, 5000, 5001, 2, 0]):
            kept.append((n, seed, session.run(y, {x: rows_of(n, seed)})))
    for n, seed, value in kept:
        np.testing.assert_array_equal(value, 2 * np.maximum(rows_of(n, seed), 0))


def test_a_value_may_be_written_and_resized(doubled):
    x, y = doubled
    with tf.Session() as session:
        first = session.run(y, {x: rows_of(300)})
        assert first.flags.owndata and first.flags.writeable and first.flags.aligned and first.base is None
        first[:] = -1
        second = session.run(y, {x: rows_of(300)})
        np.testing.assert_array_equal(second, 2 * np.maximum(rows_of(300), 0))
        first.resize((600, 256))
        assert (first[:300] == -1).all() and (first[300:] == 0).all()
        first.resize((2, 3))
        assert first.tolist() == [[-1] * 3] * 2
        first.setflags(write=False)
        first.setflags(write=True)
    np.testing.assert_array_equal(second, 2 * np.maximum(rows_of(300), 0))


def test_one_value_under_several_shapes_and_names(doubled):
    x, y = doubled
    flat, same, part = tf.reshape(y, [-1]), tf.identity(y), y[10:20]
    with tf.Session() as session:
        for seed in range(4):
            values = session.run({"y": y, "flat": flat, "same": [same, y], "part": part}, {x: rows_of(300, seed)})
            expected = 2 * np.maximum(rows_of(300, seed), 0)
            values["y"][:5] = -1
            np.testing.assert_array_equal(values["flat"], expected.ravel())
            np.testing.assert_array_equal(values["same"][0], expected)
            np.testing.assert_array_equal(values["part"], expected[10:20])


def test_the_values_of_variables_feeds_and_constants_are_copies():
    x = tf.placeholder(tf.float32, [300, 256])
    v = tf.get_variable("v", initializer=rows_of(300, 1))
    constant = tf.constant(rows_of(300, 2))
    with tf.Session() as session:
        session.run(v.initializer)
        fed = rows_of(300, 3)
        for _ in range(3):
            values = session.run([x, v, constant, tf.identity(x)], {x: fed})
            for value, seed in zip(values, [3, 1, 2, 3]):
                np.testing.assert_array_equal(value, rows_of(300, seed))
                value[:] = 0
        assert (fed == rows_of(300, 3)).all()


def test_what_is_assigned_and_fetched_is_not_the_variable():
    v = tf.get_variable("v", initializer=tf.zeros([300, 256]))
    total = tf.assign_add(v, tf.ones([300, 256]))
    with tf.Session() as session:
        session.run(v.initializer)
        for step in range(1, 5):
            value = session.run(total)
            assert (value == step).all()
            value[:] = 100


@pytest.mark.parametrize("taken", [True, False])
def test_values_of_branches_and_loops(doubled, taken):
    x, y = doubled
    p = tf.placeholder(tf.bool, [])
    chosen = tf.cond(p, lambda: y + 1.0, lambda: tf.exp(x))
    _, looped = tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * 0.5 + y), [0, x])
    with tf.Session() as session:
        for seed in range(3):
            fed = rows_of(300, seed)
            values = session.run([chosen, looped, y], {x: fed, p: taken})
            again = session.run([chosen, looped, y], {x: fed, p: taken})
            relu = 2 * np.maximum(fed, 0)
            np.testing.assert_allclose(values[0], relu + 1 if taken else np.exp(fed), rtol=1e-5)
            np.testing.assert_allclose(values[1], fed / 8 + relu * 1.75, rtol=1e-5, atol=1e-6)
            for value, other in zip(values, again):
                np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("made", ["mask", "fed size", "fed shape", "distinct", "host"])
def test_sizes_that_only_the_run_tells(made):
    x, n = tf.placeholder(tf.float32, [None, 256]), tf.placeholder(tf.int32, [])
    y = {
        "mask": lambda: tf.boolean_mask(x, tf.range(tf.shape(x)[0]) < n) * 2.0,
        "fed size": lambda: tf.fill([n, 256], tf.reduce_max(x)),
        "fed shape": lambda: tf.reshape(tf.tile(x[:1], tf.stack([n, 1])), [256, n]) + 1.0,
        "distinct": lambda: tf.unique(tf.reshape(x[:n], [-1]))[0],
        "host": lambda: tf.py_func(lambda rows, count: rows[:count] + 1, [x, n], tf.float32),
    }[made]()
    flat = tf.reshape(y, [-1])
    count = tf.size(y)
    expected = {
        "mask": lambda rows, count: rows[:count] * 2,
        "fed size": lambda rows, count: np.full((count, 256), rows.max()),
        "fed shape": lambda rows, count: np.tile(rows[:1], (count, 1)).reshape(256, count) + 1,
        "distinct": lambda rows, count: np.array(list(dict.fromkeys(rows[:count].ravel().tolist())), np.float32),
        "host": lambda rows, count: rows[:count] + 1,
    }[made]
    kept = []
    with tf.Session() as session:
        for seed, rows in enumerate([300, 300, 64, 63, 1, 0, 300, 400, 65, 300]):
            fed = rows_of(500, seed)
            value, line, size = session.run([y, flat, count], {x: fed, n: rows})
            assert size == value.size
            kept.append((value, expected(fed, rows)))
            kept.append((line, expected(fed, rows).ravel()))
            kept.append((session.run(y, {x: fed, n: rows}), expected(fed, rows)))
    for value, wanted in kept:
        np.testing.assert_array_equal(value, wanted)


def test_an_array_that_grew_in_a_loop_is_fetched():
    n = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[256])
    _, array = tf.while_loop(
        lambda i, _: i < n, lambda i, a: (i + 1, a.write(i, tf.fill([256], tf.cast(i, tf.float32)))), [0, array]
    )
    rows = array.stack()
    with tf.Session() as session:
        values = [(k, session.run(rows, {n: k})) for k in [100, 100, 3, 300, 64, 300]]
    for k, value in values:
        assert value.shape == (k, 256) and (value == np.arange(k)[:, None]).all()


def test_a_step_that_fails_leaves_the_session_usable(doubled):
    x, y = doubled
    checked = tf.check_numerics(tf.log(x), "log")
    with tf.Session() as session:
        before = session.run([y, checked], {x: np.ones((300, 256))})
        with pytest.raises(tf.errors.InvalidArgumentError, match="log"):
            session.run([y, checked], {x: -np.ones((300, 256))})
        after = session.run([y, checked], {x: np.ones((300, 256))})
    for value, other in zip(before, after):
        np.testing.assert_array_equal(value, other)


def test_many_steps_in_one_call():
    v = tf.get_variable("v", initializer=tf.zeros([300, 256]))
    value = tf.assign_add(v, tf.ones([300, 256])) * 2.0
    with tf.Session() as session:
        session.run(v.initializer)
        last = session.run_steps(value, 5)
        assert (last == 10).all()
        stacked = session.run_steps(value, 3, stack=True)
        assert stacked.shape == (3, 300, 256) and (stacked[:, 0, 0] == [12, 14, 16]).all()
        assert (last == 10).all()
        assert (session.run_steps(value, 1) == 18).all()


def test_hooks_get_values_of_their_own(doubled):
    x, y = doubled
    seen = []

    class Spoils(tf.train.SessionRunHook):
        def before_run(self, run_context):
            return tf.train.SessionRunArgs(y)

        def after_run(self, run_context, run_values):
            seen.append(run_values.results.copy())
            run_values.results[:] = -1

    total = tf.reduce_sum(y)
    with tf.train.MonitoredSession(hooks=[Spoils(), Spoils()]) as session:
        for seed in range(3):
            session.run(total, {x: rows_of(300, seed)})
    assert len(seen) == 6
    for step in range(3):
        np.testing.assert_array_equal(seen[2 * step], 2 * np.maximum(rows_of(300, step), 0))


def test_a_value_outlives_its_session_and_goes_when_it_is_dropped(doubled):
    x, y = doubled
    with tf.Session() as session:
        value = session.run(y, {x: rows_of(5000)})
    del session
    np.testing.assert_array_equal(value, 2 * np.maximum(rows_of(5000), 0))
    gone = weakref.ref(value)
    del value
    assert gone() is None


def test_threads_get_values_of_their_own(doubled):
    x, y = doubled
    wrong = []

    def work(session, seed):
        for k in range(20):
            fed = rows_of(300 + seed, 100 * seed + k)
            value = session.run(y, {x: fed})
            if not np.array_equal(value, 2 * np.maximum(fed, 0)):
                wrong.append((seed, k))

    with tf.Session() as session:
        threads = [threading.Thread(target=work, args=(session, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
