"""Queue runners: filling a queue beside the program, its end, errors, and stopping."""

import pytest

import hookloop as tf


def counting_queue(limit, capacity=3):
    """A queue that a runner fills with 0, 1, 2 ... below `limit`."""
    queue = tf.FIFOQueue(capacity, tf.int64, shapes=[[]])
    following = tf.data.Dataset.range(limit).make_one_shot_iterator().get_next()
    return queue, tf.train.QueueRunner(queue, [queue.enqueue(following)])


def test_queue_is_filled_and_closed_at_the_end(executor):
    queue, runner = counting_queue(20)
    tf.train.add_queue_runner(runner)
    take = queue.dequeue()
    with tf.Session() as session:
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coord)
        assert tf.train.start_queue_runners(session, coord) == []
        found = []
        with pytest.raises(tf.errors.OutOfRangeError, match="is closed and has insufficient elements"):
            while True:
                found.append(int(session.run(take)))
        assert found == list(range(20))
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=10)


def test_stop_ends_threads_that_wait(executor):
    queue, runner = counting_queue(1000)
    with tf.Session() as session:
        coord = tf.train.Coordinator()
        threads = runner.create_threads(session, coord, daemon=True, start=True)
        assert session.run(queue.dequeue()) == 0
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=10)
        assert not any(thread.is_alive() for thread in threads)
        assert session.run(queue.is_closed())


def test_error_in_a_thread_reaches_the_program(executor):
    queue = tf.FIFOQueue(3, tf.int64, shapes=[[]])
    following = tf.data.Dataset.range(3).map(lambda x: 6 // (1 - x)).make_one_shot_iterator().get_next()
    runner = tf.train.QueueRunner(queue, [queue.enqueue(following)])
    with tf.Session() as session:
        coord = tf.train.Coordinator()
        threads = runner.create_threads(session, coord, daemon=True, start=True)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
            coord.join(threads, stop_grace_period_secs=10)


def test_monitored_session_starts_and_stops_queue_runners(executor):
    queue, runner = counting_queue(5)
    tf.train.add_queue_runner(runner)
    take, found = queue.dequeue(), []
    with tf.train.MonitoredSession() as session:
        while not session.should_stop():
            found.append(int(session.run(take)))
    assert found == [0, 1, 2, 3, 4]


def test_misuse_is_refused():
    with pytest.raises(ValueError, match=r"Must provide queue and enqueue_ops\."):
        tf.train.QueueRunner()
    with pytest.raises(TypeError, match="must be a tuple of tf.error types"):
        queue = tf.FIFOQueue(3, tf.int64)
        tf.train.QueueRunner(queue, [queue.enqueue(1)], queue_closed_exception_types=[ValueError])
    with pytest.raises(ValueError, match="No default session is registered"):
        tf.train.start_queue_runners()
    with pytest.raises(TypeError, match=r"sess must be a `tf\.Session` object"):
        tf.train.start_queue_runners(3)
