"""`tf.CriticalSection`: executions one after the other, within a step and among threads."""

import threading

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")


def counter(name="v"):
    """A variable, and a function that counts it up and gives what it was."""
    v = tf.get_variable(name, initializer=0.0, use_resource=True)

    def count():
        value = v.read_value()
        with tf.control_dependencies([value]), tf.control_dependencies([v.assign_add(1.0)]):
            return tf.identity(value)

    return v, count


def session_of():
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    return session


def test_executions_of_one_step_see_what_those_before_have_written():
    v, count = counter()
    section = tf.CriticalSection()
    first, second = section.execute(count), section.execute(count)
    both = first + second
    last = section.execute(lambda: tf.identity(v.assign_add(10.0)))
    again = section.execute(lambda: tf.identity(v.assign_add(10.0)))
    assert section.name == "CriticalSection" and first.name == "critical_section_execute/Identity_3:0"
    assert [c.name for c in first.op.control_inputs] == ["critical_section_execute/ConsumeMutexLock"]
    with session_of() as session:
        assert session.run(both) == 1
        assert session.run([first, second]) == [2, 3]
        assert session.run([second, first]) == [5, 4]
        assert session.run([v, last, again, v]) == [26, 16, 26, 26]


def test_arguments_come_before_the_lock():
    x = tf.placeholder(tf.float32, [])
    v, _ = counter()
    outside = x * 2.0
    result = tf.CriticalSection(shared_name="s").execute(lambda: tf.identity(v.assign_add(outside)), name="e")
    other = tf.CriticalSection(shared_name="s").execute(lambda: tf.identity(v.assign_add(outside)))
    lock = tf.get_default_graph().get_operation_by_name("e/MutexLock")
    waits = {c.name for group in lock.control_inputs for c in group.control_inputs}
    assert waits == {"mul", "v"}
    with session_of() as session:
        assert session.run([result, other], {x: 3.0}) == [6, 12]


def test_in_loops_and_branches():
    v, count = counter()
    section = tf.CriticalSection()

    def body(i, total):
        return i + 1, total + section.execute(count)

    loop = tf.while_loop(lambda i, total: i < 4, body, (0, 0.0))
    taken = tf.cond(v > 2.0, lambda: section.execute(count), lambda: -1.0)
    with session_of() as session:
        assert session.run(taken) == -1
        assert session.run(loop) == (4, 6)
        assert session.run(taken) == 4
        assert session.run(v) == 5


def test_gradients_go_through():
    x = tf.constant(3.0)
    y, operation = tf.CriticalSection().execute(lambda: (x * x, tf.no_op()))
    with tf.Session() as session:
        assert session.run([tf.gradients(y, x)[0], operation]) == [6, None]


def test_threads_go_one_after_the_other():
    v, _ = counter()

    def count():
        value = v.read_value()
        with tf.control_dependencies([v.assign(value + 1.0)]):
            return tf.identity(value)

    result, found = tf.CriticalSection().execute(count), []
    with session_of() as session:

        def work():
            found.extend(session.run(result) for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert session.run(v) == 200
    np.testing.assert_array_equal(np.sort(found), np.arange(200))


def test_a_step_that_fails_gives_the_lock_back():
    x = tf.placeholder(tf.float32, [])
    v, _ = counter()

    def positive():
        with tf.control_dependencies([tf.Assert(x > 0, ["not positive"])]):
            return tf.identity(v.assign_add(x))

    result, found = tf.CriticalSection().execute(positive), []
    with session_of() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="not positive"):
            session.run(result, {x: -1.0})
        thread = threading.Thread(target=lambda: found.append(session.run(result, {x: 2.0})))
        thread.start()
        thread.join(20)
        assert found == [2]


def test_who_waits_ends_with_its_time_and_its_session():
    entered, leave = threading.Event(), threading.Event()

    def stay():
        entered.set()
        leave.wait(20)
        return np.float32(1)

    section = tf.CriticalSection()
    long = section.execute(lambda: tf.py_func(stay, [], tf.float32))
    short = section.execute(lambda: tf.constant(1.0))
    with tf.Session() as session:
        thread = threading.Thread(target=lambda: session.run(long))
        thread.start()
        assert entered.wait(20)
        with pytest.raises(tf.errors.DeadlineExceededError, match="Timed out waiting for notification"):
            session.run(short, options=tf.RunOptions(timeout_in_ms=50))
        leave.set()
        thread.join(20)
        assert session.run(short) == 1


def test_what_would_wait_for_itself_is_refused():
    _, count = counter()
    section = tf.CriticalSection()
    with pytest.raises(
        ValueError, match="attempts to directly access the CriticalSection in which it would be running"
    ):
        section.execute(lambda: section.execute(count))
    with pytest.raises(
        ValueError, match=r"would access resources: .*requested exclusive resource access of this resource"
    ):
        tf.CriticalSection(name="other").execute(count, exclusive_resource_access=False)
    with pytest.raises(ValueError, match="None values not supported"):
        section.execute(lambda: None)
    with pytest.raises(ValueError, match="critical_section_def and shared_name are mutually exclusive"):
        tf.CriticalSection("name", critical_section_def=object())
    with pytest.raises(NotImplementedError, match="Not yet implemented"):
        tf.CriticalSection(critical_section_def=object())


def test_sections_that_share_resources_on_purpose():
    _, count = counter()
    one = tf.CriticalSection().execute(count, exclusive_resource_access=False)
    other = tf.CriticalSection().execute(count, exclusive_resource_access=False)
    with session_of() as session:
        session.run([one, other])
        assert session.run(tf.global_variables()[0]) == 2
