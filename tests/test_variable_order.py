"""What a step sees of the variables it writes: the same on every run, executor and number of threads."""

import numpy as np
import pytest

import hookloop as tf

RUNS = 100


@pytest.fixture
def session(executor, config, graph):
    with tf.Session(graph=graph, config=config) as session:
        yield session


def regression():
    """A linear model with its training step."""
    rng = np.random.RandomState(0)
    x = tf.constant(rng.randn(8, 3).astype("f"))
    y = tf.constant(rng.randn(8, 2).astype("f"))
    w = tf.Variable(np.ones((3, 2), "f"), name="w")
    b = tf.Variable(np.zeros(2, "f"), name="b")
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
    step = tf.train.get_or_create_global_step()
    train = tf.train.GradientDescentOptimizer(0.05).minimize(loss, global_step=step)
    return w, b, loss, step, train


def test_the_loss_beside_a_training_step_is_the_one_before_it(session):
    _, _, loss, _, train = regression()
    session.run(tf.global_variables_initializer())
    for _ in range(RUNS):
        before = session.run(loss)
        _, seen = session.run([train, loss])
        assert seen == before


def test_the_global_step_beside_a_training_step_is_the_step_just_made(session):
    _, _, _, step, train = regression()
    session.run(tf.global_variables_initializer())
    for i in range(RUNS):
        assert session.run([train, step])[1] == i + 1


def test_fetched_variables_are_those_after_the_step_and_the_loss_that_before(session):
    w, b, loss, _, train = regression()
    session.run(tf.global_variables_initializer())
    for _ in range(RUNS):
        before = session.run(loss)
        _, seen, w_seen, b_seen = session.run([train, loss, w, b])
        w_after, b_after = session.run([w, b])
        assert seen == before
        np.testing.assert_array_equal(w_seen, w_after)
        np.testing.assert_array_equal(b_seen, b_after)


def test_an_alias_fetched_beside_an_increment_has_the_value_at_the_end(session):
    v = tf.Variable(0.0)
    increment = tf.assign_add(v, 1.0)
    alias = tf.identity(v)
    session.run(v.initializer)
    for i in range(RUNS):
        assert session.run([increment, alias]) == [i + 1, i + 1]


def test_an_alias_that_the_write_waits_for_keeps_the_old_value(session):
    v = tf.Variable(0.0)
    old = tf.identity(v)
    with tf.control_dependencies([old]):
        increment = tf.assign_add(v, 1.0)
    session.run(v.initializer)
    for i in range(RUNS):
        assert session.run([increment, old]) == [i + 1, i]


def test_a_moving_average_behind_the_training_step_uses_the_new_weights(session):
    w, _, _, _, train = regression()
    average = tf.Variable(np.zeros((3, 2), "f"), name="average")
    with tf.control_dependencies([train]):
        update = tf.assign(average, 0.9 * average + 0.1 * w)
    session.run(tf.global_variables_initializer())
    expected = np.zeros((3, 2), "f")
    for _ in range(RUNS):
        session.run(update)
        weights, seen = session.run([w, average])
        expected = np.float32(0.9) * expected + np.float32(0.1) * weights
        np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_two_assigns_in_sequence(session):
    v = tf.Variable(0.0)
    first = tf.assign(v, 3.0)
    with tf.control_dependencies([first]):
        second = tf.assign(v, v * 2.0)
    session.run(v.initializer)
    for _ in range(RUNS):
        assert session.run([first, second]) == [6.0, 6.0]
        assert session.run(v) == 6.0


def test_two_variables_are_swapped(session):
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    swap = tf.group(tf.assign(a, b), tf.assign(b, a))
    session.run(tf.global_variables_initializer())
    for i in range(RUNS):
        session.run(swap)
        expected = ([3, 4], [1, 2]) if i % 2 == 0 else ([1, 2], [3, 4])
        for got, want in zip(session.run([a, b]), expected):
            np.testing.assert_array_equal(got, want)


def test_an_assign_inside_a_branch_happens_only_where_it_is_taken(session):
    v = tf.Variable(0.0)
    positive = tf.placeholder(tf.bool, [])
    out = tf.cond(positive, lambda: tf.assign_add(v, 1.0), lambda: tf.assign_sub(v, 10.0))
    session.run(v.initializer)
    value = 0.0
    for i in range(RUNS):
        taken = i % 3 != 0
        value += 1.0 if taken else -10.0
        assert session.run(out, {positive: taken}) == value
        assert session.run(v) == value


def test_an_assign_inside_a_loop_happens_in_every_iteration(session):
    v = tf.Variable(0.0)

    def body(i):
        with tf.control_dependencies([tf.assign_add(v, 2.0)]):
            return i + 1

    loop = tf.while_loop(lambda i: i < 5, body, [tf.constant(0)])
    session.run(v.initializer)
    for i in range(RUNS):
        assert session.run(loop) == 5
        assert session.run(v) == 10.0 * (i + 1)


def test_a_view_of_a_variable_read_behind_a_write_that_it_does_not_follow_is_the_old_one(session):
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    flat = tf.reshape(v, [4])
    write = tf.assign_add(v, [[1.0, 1.0], [1.0, 1.0]])
    with tf.control_dependencies([write]):
        late = flat * 1.0
    session.run(v.initializer)
    before = session.run(v)
    _, seen, fetched = session.run([write, late, flat])
    np.testing.assert_array_equal(seen, before.ravel())
    np.testing.assert_array_equal(fetched, before.ravel())


def test_a_reader_behind_a_write_sees_it(session):
    v = tf.Variable(1.0)
    with tf.control_dependencies([tf.assign(v, 5.0)]):
        after = v * 2.0
    before = v * 2.0
    for _ in range(RUNS):
        session.run(v.initializer)
        assert session.run([after, before]) == [10.0, 2.0]


def test_increments_made_apart_all_count(session):
    v = tf.Variable(0)
    increments = [tf.assign_add(v, n) for n in (1, 10, 100)]
    session.run(v.initializer)
    session.run(tf.group(*increments))
    assert session.run(v) == 111


def test_a_step_that_fails_changes_nothing(session):
    a, b = tf.Variable(1), tf.Variable(1)
    divisor = tf.placeholder(tf.int32, [])
    step = [tf.assign_add(a, 1), tf.assign_add(b, 10 // divisor)]
    session.run(tf.global_variables_initializer())
    with pytest.raises(tf.errors.InvalidArgumentError, match="ivision by zero"):
        session.run(step, {divisor: 0})
    assert session.run([a, b]) == [1, 1]
    session.run(step, {divisor: 5})
    assert session.run([a, b]) == [2, 3]


def test_resource_variables_follow_the_same_rule(session):
    v = tf.get_variable("v", [], initializer=tf.zeros_initializer(), use_resource=True)
    increment = v.assign_add(1.0)
    loss = v * 2.0
    session.run(tf.global_variables_initializer())
    for i in range(RUNS):
        assert session.run([increment, loss])[1] == 2.0 * i
        assert session.run(v) == i + 1


@pytest.mark.parametrize("resource", [False, True])
def test_a_branch_that_assigns_the_value_from_before_another_write(resource, executor):
    v = tf.Variable(np.full(3, 2.0), use_resource=resource)
    taken = tf.placeholder(tf.bool, [])
    before = v.read_value()
    added = tf.assign_add(v, np.ones(3))
    chosen = tf.cond(taken, lambda: tf.identity(tf.assign(v, before)), lambda: before)
    with tf.Session() as session:
        for takes, expected in ((True, 2), (False, 3)):
            session.run(v.initializer)
            session.run([added.op, chosen], {taken: takes})
            np.testing.assert_array_equal(session.run(v), np.full(3, expected))


def test_what_a_resource_variable_was_before_a_write_that_waits_for_the_reading(executor):
    """Aliases of the value behind the write have it too, as whoever takes them."""
    v = tf.get_variable("v", initializer=0.0, use_resource=True)
    value = v.read_value()
    with tf.control_dependencies([value]), tf.control_dependencies([v.assign_add(1.0)]):
        before = tf.identity(value)
        product = tf.identity(before) * 2.0
        now = v.read_value()
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(before) == 0
        assert session.run(product) == 2
        assert session.run([product, before, now, v]) == [4, 2, 3, 3]


@pytest.mark.parametrize("resource", [False, True])
def test_a_reader_behind_one_of_several_writes_sees_it(resource, executor):
    """Writes without a path between them are made in the order of the program, and what lies behind one sees what it wrote."""
    v = tf.get_variable("v", initializer=1.0, use_resource=resource)
    writes = [tf.assign_add(v, 10.0**i) for i in (1, 2, 3)]

    def behind(*some):
        with tf.control_dependencies(list(some)):
            return v.read_value() * 1.0

    found = [behind(), *map(behind, writes), behind(*writes[:2])]
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([*found, writes[2].op]) == [1, 11, 111, 1111, 111, None]
        assert session.run([v, found[2]]) == [1211, 1211]


@pytest.mark.parametrize("resource", [False, True])
def test_branches_that_write_one_variable_see_what_they_have_written(resource, executor):
    i = tf.placeholder(tf.int32, [])
    v = tf.get_variable("v", initializer=1.0, use_resource=resource)

    def adds(number):
        with tf.control_dependencies([tf.assign_add(v, number)]):
            return v.read_value() * 1.0

    def counts(k, total):
        with tf.control_dependencies([tf.assign_add(v, 1.0)]):
            return k + 1, total + v.read_value()

    first = tf.cond(tf.equal(i, 0), lambda: adds(6.0), lambda: -1.0)
    second = tf.cond(tf.equal(i, 1), lambda: tf.assign_add(v, 8.0) + 0.0, lambda: -1.0)
    third = tf.while_loop(lambda k, total: k < 3, counts, [0, 0.0])[1]
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([first, second], {i: 0}) == [7, -1]
        assert session.run([first, second], {i: 1}) == [-1, 15]
        assert session.run([first, second, third], {i: 1}) == [-1, 23, 24 + 25 + 26]
        assert session.run([first, second, third, v], {i: 0}) == [32, -1, 33 + 34 + 35, 35]


@pytest.mark.parametrize("resource", [False, True])
def test_what_a_branch_read_before_all_writes_it_still_has_behind_its_own(resource, executor):
    taken = tf.placeholder(tf.bool, [])
    v = tf.get_variable("v", initializer=1.0, use_resource=resource)
    before = v.read_value() if resource else tf.identity(v)
    with tf.control_dependencies([before]):
        first = tf.assign_add(v, 10.0)

    def adds():
        with tf.control_dependencies([tf.assign_add(v, 100.0)]):
            return before * 1.0

    both = tf.cond(taken, adds, lambda: -1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([first.op, both, v], {taken: True}) == [None, 1, 111]


@pytest.mark.parametrize("resource", [False, True])
def test_a_branch_behind_one_of_several_writes_reads_what_that_one_wrote_before_it_writes_itself(resource, executor):
    taken = tf.placeholder(tf.bool, [])
    v = tf.get_variable("v", initializer=1.0, use_resource=resource)
    writes = [tf.assign_add(v, number) for number in (10.0, 100.0)]

    def adds():
        before = v.read_value() * 1.0
        with tf.control_dependencies([before]), tf.control_dependencies([tf.assign_add(v, 1000.0)]):
            return before, v.read_value() * 1.0

    with tf.control_dependencies(writes[1:]):
        both = tf.cond(taken, adds, lambda: (-1.0, -1.0))
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([writes[0].op, both, v], {taken: True})[:2] == [None, (111, 1111)]
        assert session.run([writes[0].op, both], {taken: False}) == [None, (-1, -1)]
