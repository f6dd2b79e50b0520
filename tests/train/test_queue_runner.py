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


def scoped_runner():
    with tf.name_scope("s"):
        queue = tf.FIFOQueue(3, tf.int32, name="q")
        put = queue.enqueue(1)
        return tf.train.QueueRunner(queue, [put, put])


def test_messages_are_those_of_tensorflow():
    runner = scoped_runner()
    message = runner.to_proto()
    recorded = b'\n\x03s/q\x12\x0bs/q_enqueue\x12\x0bs/q_enqueue\x1a\ts/q_Close"\x0bs/q_Close_1*\x01\x0b'
    assert message.SerializeToString() == recorded
    again = tf.train.QueueRunner.from_proto(message)
    assert again.name == "s/q" and [op.name for op in again.enqueue_ops] == ["s/q_enqueue"] * 2
    assert (again.close_op.name, again.cancel_op.name) == ("s/q_Close", "s/q_Close_1")
    assert again.queue_closed_exception_types == (tf.errors.OutOfRangeError,)
    message.ClearField("queue_closed_exception_types")
    assert tf.train.QueueRunner.from_proto(message).queue_closed_exception_types == (tf.errors.OutOfRangeError,)


def test_messages_and_scopes():
    runner = scoped_runner()
    message = runner.to_proto(export_scope="s")
    assert (message.queue_name, message.close_op_name) == ("q", "q_Close")
    assert runner.to_proto(export_scope="t") is None
    assert tf.train.QueueRunner.from_proto(message, import_scope="s").name == "s/q"
    with pytest.raises(KeyError, match="The name 'q' refers to an Operation not in the graph"):
        tf.train.QueueRunner.from_proto(message)
    with pytest.raises(ValueError, match="queue_runner_def and queue are mutually exclusive"):
        tf.train.QueueRunner(runner.queue, runner.enqueue_ops, queue_runner_def=message)
    with pytest.raises(AssertionError, match="expected a QueueRunnerDef, got 5"):
        tf.train.QueueRunner(queue_runner_def=5)


def test_a_program_that_has_only_the_file_runs_the_queues(executor, tmp_path):
    index = tf.train.range_input_producer(5, num_epochs=1, shuffle=False).dequeue()
    tf.train.batch([index], 2, name="pairs")
    tf.train.export_meta_graph(str(tmp_path / "pipeline.meta"))
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(str(tmp_path / "pipeline.meta"))
        pairs, found = graph.get_tensor_by_name("pairs:0"), []
        with tf.train.MonitoredSession() as session:
            while not session.should_stop():
                found.append(session.run(pairs).tolist())
    assert found == [[0, 1], [2, 3]]


@pytest.mark.parametrize("types", [5, (), (ValueError,), (tf.errors.OutOfRangeError, ValueError), (5,)])
def test_the_errors_of_a_closed_queue_are_classes_of_errors(types):
    queue = tf.FIFOQueue(1, tf.int32)
    wrong = types[-1] if isinstance(types, tuple) and types else types
    with pytest.raises(TypeError) as caught:
        tf.train.QueueRunner(queue, [queue.enqueue(1)], queue_closed_exception_types=types)
    text = "queue_closed_exception_types, when provided, must be a tuple of tf.error types, but saw: "
    assert str(caught.value) == f"{text}{wrong}"


def test_closing_operations_that_fail_are_passed_over(executor):
    queue, absent = tf.FIFOQueue(10, tf.int32), tf.placeholder(tf.int32)
    following = tf.data.Dataset.range(3).make_one_shot_iterator().get_next()
    runner = tf.train.QueueRunner(queue, [following], close_op=absent, cancel_op=absent)
    with tf.Session() as session:
        coord = tf.train.Coordinator()
        threads = runner.create_threads(session, coord, start=True)
        threads[0].join()
        assert not coord.should_stop()
        coord.request_stop()
        coord.join(threads)
        assert runner.exceptions_raised == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_no_coordinator_hears_of_is_logged_and_kept(executor, caplog):
    queue, absent = tf.FIFOQueue(10, tf.int32), tf.placeholder(tf.int32)
    runner = tf.train.QueueRunner(queue, [queue.enqueue(absent)])
    with tf.Session() as session:
        for thread in runner.create_threads(session, start=True):
            thread.join()
        (error,) = runner.exceptions_raised
        assert isinstance(error, tf.errors.InvalidArgumentError)
        assert [record.getMessage() for record in caplog.records] == [f"Exception in QueueRunner: {error}"]
        runner.create_threads(session)
        assert runner.exceptions_raised == []


def test_no_message_is_refused():
    with pytest.raises(AssertionError, match="expected a QueueRunnerDef, got 5"):
        tf.train.QueueRunner.from_proto(5)
