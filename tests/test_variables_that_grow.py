"""An assignment that gives a variable another shape: what comes behind it in the same step uses the new one."""

import threading
import time

import numpy as np
import pytest

import hookloop as tf

from .conftest import on_reference


def growing(use, value, fed):
    """A variable of two by two, an assignment of `value` to it, and what `use` makes of the variable behind that."""
    v = tf.get_variable("v", initializer=tf.ones([2, 2]), validate_shape=False)
    given = tf.placeholder(tf.float32, name="given") if fed else tf.constant(value)
    wider = tf.assign(v, given, validate_shape=False)
    with tf.control_dependencies([wider]):
        used = use(v, wider)
    return v, used, {given: value} if fed else None


WIDE = np.arange(12, dtype=np.float32).reshape(4, 3)


def changed(act):
    """WIDE, changed in place."""
    wide = WIDE.copy()
    act(wide)
    return wide


def _last_row(wide):
    wide[3] = [1, 2, 3]


def _add_to_last_row(wide):
    wide[3] += [1, 2, 3]


def _ones_in_the_middle(wide):
    wide[1:3] = 1


USES = {
    "an alias": (lambda v, wider: tf.identity(v), WIDE),
    "a read": (lambda v, wider: v.read_value() + 1.0, WIDE + 1),
    "rows": (lambda v, wider: tf.gather(v, [3, 0]), WIDE[[3, 0]]),
    "a product": (lambda v, wider: tf.matmul(v, tf.ones([3, 2])), WIDE @ np.ones((3, 2))),
    "its shape": (lambda v, wider: tf.shape(v.read_value()), [4, 3]),
    "rows that are written": (lambda v, wider: tf.scatter_update(v, [3], [[1.0, 2.0, 3.0]]), changed(_last_row)),
    "rows of what was assigned": (
        lambda v, wider: tf.scatter_add(wider, [3], [[1.0, 2.0, 3.0]]),
        changed(_add_to_last_row),
    ),
    "a part that is written": (lambda v, wider: v[1:3].assign(tf.ones([2, 3])), changed(_ones_in_the_middle)),
    "a sum": (lambda v, wider: tf.assign_add(v, tf.ones([4, 3])), WIDE + 1),
    "a third shape": (lambda v, wider: tf.assign(v, tf.fill([5], 7.0), validate_shape=False), np.full(5, 7.0)),
}


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("what", USES)
def test_behind_the_assignment_the_variable_has_its_new_shape(executor, what, fed):
    use, wanted = USES[what]
    v, used, feed = growing(use, WIDE, fed)
    with tf.Session() as session:
        session.run(v.initializer)
        for _ in range(3):
            np.testing.assert_allclose(session.run(used, feed), wanted)
            session.run(tf.assign(v, tf.ones([2, 2]), validate_shape=False))


def test_what_has_no_path_from_the_assignment_reads_the_old_shape(executor):
    v = tf.get_variable("v", initializer=tf.ones([2, 2]), validate_shape=False)
    before = tf.reduce_sum(v)
    wider = tf.assign(v, WIDE, validate_shape=False)
    with tf.control_dependencies([wider]):
        after = tf.reduce_sum(v)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([before, after]) == [4.0, 66.0]
        assert session.run([before, after]) == [66.0, 66.0]


def test_a_row_that_the_new_shape_has_not_fails_the_step(executor):
    v, used, _ = growing(lambda v, wider: tf.scatter_update(v, [4], [[1.0, 2.0, 3.0]]), WIDE, False)
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] = 4 is not in \[0, 4\)"):
            session.run(used)
        assert session.run(tf.constant(1.0)) == 1.0


def test_in_a_branch_the_new_shape_is_used(executor):
    v = tf.get_variable("v", initializer=tf.ones([2, 2]), validate_shape=False)
    p = tf.placeholder(tf.bool, [])

    def wider():
        with tf.control_dependencies([tf.assign(v, WIDE, validate_shape=False)]):
            return tf.reduce_sum(v)

    total = tf.cond(p, wider, lambda: tf.reduce_sum(v) + 1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        assert [session.run(total, {p: taken}) for taken in (False, True, False)] == [5.0, 66.0, 67.0]


def test_behind_a_branch_the_shape_is_that_of_the_branch_that_is_taken(executor):
    v = tf.get_variable("v", initializer=tf.ones([2, 2]), validate_shape=False)
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])

    def change(to):
        with tf.control_dependencies([tf.assign(v, to, validate_shape=False)]):
            return tf.constant(1.0)

    def other():
        return tf.cond(q, lambda: change(tf.zeros([5])), lambda: tf.constant(2.0))

    with tf.control_dependencies([tf.cond(p, lambda: change(WIDE), other)]):
        behind = v.read_value() * 2.0
        more = tf.assign_add(v, tf.ones_like(v.read_value()))
    size = tf.size(v.read_value())
    with tf.Session() as session:
        session.run(v.initializer)
        expected = np.ones([2, 2])
        for taken in ((False, False), (True, False), (False, False), (False, True), (True, True), (False, True)):
            before = expected
            expected = WIDE if taken[0] else np.zeros([5]) if taken[1] else expected
            found, _, old = session.run([behind, more.op, size], {p: taken[0], q: taken[1]})
            assert old == np.size(before)
            assert found.tolist() in ((2 * np.asarray(expected)).tolist(), (2 * np.asarray(expected) + 2).tolist())
            expected = np.asarray(expected) + 1
            assert session.run(v).tolist() == expected.tolist()


def test_behind_or_in_a_loop_a_plan_refuses_it(monkeypatch):
    """What a step would find there, only its run tells; the reference executor looks."""
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)
    v = tf.get_variable("v", initializer=tf.ones([2, 2]), validate_shape=False)

    def change(i):
        with tf.control_dependencies([tf.assign(v, tf.fill([i, i], 1.0), validate_shape=False)]):
            return i + 1

    with tf.control_dependencies([tf.while_loop(lambda i: i < 2, change, [0])]):
        behind = tf.reduce_sum(v)

    def body(i):
        with tf.control_dependencies([tf.reduce_sum(v)]):
            grown = tf.assign(v, tf.fill([i, i], 1.0), validate_shape=False)
        with tf.control_dependencies([grown]):
            return i + 1

    loop = tf.while_loop(lambda i: i < 4, body, [1])
    with tf.Session() as session:
        session.run(v.initializer)
        text = "the variable 'v' gets another shape in a loop: a step cannot use it behind that"
        with pytest.raises(tf.errors.UnimplementedError, match=text):
            session.run(behind)
        text = "the variable 'v' gets another shape in a loop that uses it before that"
        with pytest.raises(tf.errors.UnimplementedError, match=text):
            session.run(loop)
        assert session.run(v).tolist() == [[1, 1], [1, 1]]


@pytest.mark.skipif(on_reference(), reason="its runs follow each other without a lock")
@pytest.mark.parametrize("known", [False, True])
def test_waiting_for_another_run_ends_with_the_time_limit(known):
    """Runs with a variable of open shape follow each other: a step waits for one that takes long, but no longer than it may."""
    v = tf.get_variable("v", initializer=tf.ones([2]), validate_shape=False)
    forever = tf.placeholder(tf.bool, [])
    endless = tf.while_loop(
        lambda a: tf.logical_or(forever, a[0] < 2), lambda a: [a * 1.0 + tf.reduce_sum(v)], [tf.zeros([2])]
    )
    entered = threading.Event()
    config = tf.ConfigProto(operation_timeout_in_ms=0 if not known else 200)
    with tf.Session(config=config) as session:
        session.run(v.initializer)
        for _ in range(3 * known):
            session.run(v)  # from the second time on the request is known
        long = threading.Thread(target=lambda: entered.set() or _until_closed(session, endless, forever))
        long.start()
        entered.wait()
        while session._moving.acquire(blocking=False):  # until the long run has begun
            session._moving.release()
            time.sleep(0.001)
        options = None if known else tf.RunOptions(timeout_in_ms=200)
        with pytest.raises(tf.errors.DeadlineExceededError, match="Timed out waiting for the step"):
            session.run(v, options=options)
    long.join(60)
    assert not long.is_alive()


def _until_closed(session, endless, forever):
    options = tf.RunOptions(timeout_in_ms=60000)
    with pytest.raises((tf.errors.CancelledError, tf.errors.DeadlineExceededError)):
        session._run_slow(endless, {forever: True}, options, None)


def test_the_first_value_of_a_variable_of_open_rank_decides_those_of_others(executor):
    value = tf.placeholder(tf.float32)
    v = tf.Variable(value * 2.0, name="v", validate_shape=False)
    first = v.initialized_value()
    train = tf.train.AdamOptimizer(0.5).minimize(tf.reduce_sum(v * v))
    for rows in ([1.0, 2.0], [[1.0], [2.0]], 3.0):
        with tf.Session() as session:
            session.run(tf.global_variables_initializer(), {value: rows})
            assert session.run("v/Adam:0").shape == np.shape(rows)
            session.run(train)
            np.testing.assert_allclose(session.run(first, {value: 0.0}), np.multiply(rows, 2.0) - 0.5, rtol=1e-6)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(first, {value: [4.0]}), [8.0])


@pytest.mark.parametrize("names", ["vw", "wv"])
def test_branches_that_are_variables_of_open_rank_without_a_value(executor, names):
    value, which = tf.placeholder(tf.float32), tf.placeholder(tf.bool)
    v, w = (tf.Variable(value, name=name, validate_shape=False) for name in names)
    chosen = tf.cond(which, lambda: tf.identity(v), lambda: tf.identity(w))
    sums = tf.reduce_sum(chosen, 0)
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value [vw]"):
            session.run(chosen, {which: True})
        session.run(w.initializer, {value: [1.0, 2.0]})
        for _ in range(2):
            assert session.run([chosen, sums], {which: False})[1] == 3.0
            with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value " + names[0]):
                session.run([chosen, sums], {which: True})
        session.run(v.initializer, {value: [[1.0, 2.0]]})
        assert session.run(sums, {which: True}).tolist() == [1.0, 2.0]
        assert session.run(sums, {which: False}) == 3.0
    with tf.Session() as session:
        session.run(v.initializer, {value: [[1.0, 2.0]]})
        for _ in range(2):
            assert session.run(sums, {which: True}).tolist() == [1.0, 2.0]
            with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value " + names[1]):
                session.run(sums, {which: False})


@pytest.mark.parametrize("read", ["identity", "reduce_sum"])
def test_a_request_that_failed_for_want_of_a_value_runs_with_one(executor, read):
    value, which = tf.placeholder(tf.float32), tf.placeholder(tf.bool)
    v = tf.Variable(value, name="v", validate_shape=False)
    chosen = tf.cond(which, lambda: getattr(tf, read)(v), lambda: tf.constant([1.0, 2.0]))
    with tf.Session() as session:
        for _ in range(2):
            with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value v"):
                session.run(chosen, {which: True})
            assert session.run(chosen, {which: False}).tolist() == [1.0, 2.0]
        session.run(v.initializer, {value: [[3.0]]})
        for _ in range(2):
            assert np.all(session.run(chosen, {which: True}) == 3.0)
            assert session.run(chosen, {which: False}).tolist() == [1.0, 2.0]


def test_an_iteration_that_takes_a_branch_that_has_no_value(executor):
    value, least = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    v = tf.Variable(value, name="v", validate_shape=False)

    def body(i, total):
        row = tf.cond(i < least, lambda: tf.constant([1.0, 2.0]), lambda: tf.identity(v))
        return i + 1, total + tf.reduce_sum(row)

    total = tf.while_loop(lambda i, _: i < 3, body, [0, 0.0])[1]
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value v"):
            session.run(total, {least: 2})
        session.run(v.initializer, {value: [[5.0, 6.0]]})
        assert [session.run(total, {least: n}) for n in (3, 2)] == [9.0, 17.0]


@pytest.mark.parametrize("loop", [False, True])
def test_what_decides_may_be_a_variable_of_open_rank(executor, loop):
    value = tf.placeholder(tf.bool)
    v = tf.Variable(value, name="v", validate_shape=False)
    if loop:
        result = tf.while_loop(lambda i: tf.identity(v), lambda i: i + 1, [0])
    else:
        result = tf.cond(v, lambda: 1, lambda: 0)
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value v"):
            session.run(result)
        session.run(v.initializer, {value: [False]})
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be a scalar, but it has shape \[.\]"):
            session.run(result)
        session.run(v.initializer, {value: False})
        assert session.run(result) == 0
