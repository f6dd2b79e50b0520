"""Queues: order, batches, waiting between threads, and everything that ends the waiting."""

import _thread
import threading
import time

import numpy as np
import pytest

import hookloop as tf

CLOSED = r"is closed and has insufficient elements \(requested {}, current size {}\)"


def in_thread(function):
    """Runs a function in a thread; returns the thread and a list that gets its result or its error."""
    results = []

    def work():
        try:
            results.append(function())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, results


def joined(thread):
    thread.join(10)
    assert not thread.is_alive()


# --- order and batches ----------------------------------------------------------------------------------


def test_elements_come_out_in_order(executor):
    queue = tf.FIFOQueue(10, [tf.float32, tf.string], shapes=[[2], []])
    put, take = queue.enqueue_many([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], ["a", "b", "c"]]), queue.dequeue()
    with tf.Session() as session:
        session.run(put)
        assert session.run(queue.size()) == 3
        for row, text in ([1, 2], b"a"), ([3, 4], b"b"), ([5, 6], b"c"):
            got = session.run(take)
            assert got[0].tolist() == row and got[1] == text


def test_batches_feed_a_computation(executor):
    queue = tf.FIFOQueue(100, tf.float32, shapes=[[2]])
    x = tf.placeholder(tf.float32, [None, 2])
    put, total = queue.enqueue_many(x), tf.reduce_sum(queue.dequeue_up_to(tf.placeholder_with_default(3, [])) * 2.0, 0)
    with tf.Session() as session:
        session.run(put, {x: [[1, 2], [3, 4], [5, 6], [7, 8]]})
        assert session.run(total).tolist() == [18, 24]
        session.run(queue.close())
        assert session.run(total).tolist() == [14, 16]
        with pytest.raises(tf.errors.OutOfRangeError, match=CLOSED.format(3, 0)):
            session.run(total)


def test_named_components_make_dictionaries(executor):
    queue = tf.FIFOQueue(5, [tf.int32, tf.int32], names=["a", "b"], shapes=[[], []], name="named")
    put, take = queue.enqueue({"b": 2, "a": 1}), queue.dequeue()
    assert put.name == "named_enqueue" and take["a"].name == "named_Dequeue:0"
    with tf.Session() as session:
        session.run(put)
        assert session.run(take) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="You must enqueue a dictionary in a Queue with names"):
        queue.enqueue([1, 2])
    with pytest.raises(ValueError, match="Keys in dictionary to enqueue do not match names of Queue"):
        queue.enqueue({"a": 1})


def test_closed_queue_is_emptied_and_then_out_of_range(executor):
    queue = tf.FIFOQueue(3, tf.float32, shapes=[[]])
    put, take = queue.enqueue(1.0), queue.dequeue()
    three, up_to = queue.dequeue_many(3), queue.dequeue_up_to(3)
    with tf.Session() as session:
        session.run(put)
        session.run(put)
        assert not session.run(queue.is_closed())
        session.run(queue.close())
        assert session.run(queue.is_closed())
        with pytest.raises(tf.errors.OutOfRangeError, match=CLOSED.format(3, 2)):
            session.run(three)
        assert session.run(up_to).tolist() == [1, 1]
        with pytest.raises(tf.errors.OutOfRangeError, match=r"FIFOQueue '_\d+_fifo_queue' " + CLOSED.format(1, 0)):
            session.run(take)
        with pytest.raises(tf.errors.CancelledError, match=r"FIFOQueue '_\d+_fifo_queue' is closed\."):
            session.run(put)
        with pytest.raises(tf.errors.CancelledError, match="is already closed"):
            session.run(queue.close())


def test_shuffling_is_tensorflows(executor):
    tf.set_random_seed(7)
    queue = tf.RandomShuffleQueue(30, 0, tf.int32, shapes=[[]], seed=1)
    put, take = queue.enqueue_many([list(range(10))]), queue.dequeue()
    with tf.Session() as session:
        session.run(put)
        assert [session.run(take) for _ in range(10)] == [8, 0, 3, 4, 1, 7, 9, 2, 6, 5]


def test_shuffling_keeps_elements_back_until_closed(executor):
    queue = tf.RandomShuffleQueue(30, 4, tf.int32, shapes=[[]])
    take = queue.dequeue_up_to(3)
    with tf.Session() as session:
        session.run(queue.enqueue_many([list(range(6))]))
        first = session.run(queue.dequeue_many(2)).tolist()
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(take, options=tf.RunOptions(timeout_in_ms=50))
        session.run(queue.close())
        rest = session.run(take).tolist() + session.run(take).tolist()
        assert sorted(first + rest) == list(range(6))


def test_what_a_closed_queue_refuses_changes_no_order(executor):
    queue = tf.RandomShuffleQueue(20, 4, [tf.int32], [[]], seed=5)
    put, five, nine, rest = (
        queue.enqueue_many([tf.range(12)]),
        *(queue.dequeue_many(n) for n in (5, 9)),
        queue.dequeue_up_to(9),
    )
    with tf.Session() as session:
        session.run(put)
        assert session.run(five).tolist() == [7, 2, 4, 8, 0]
        session.run(queue.close())
        for _ in range(2):
            with pytest.raises(tf.errors.OutOfRangeError, match=CLOSED.format(9, 7)):
                session.run(nine)
        assert session.run(rest).tolist() == [6, 1, 10, 11, 3, 5, 9]


def test_what_was_taken_before_the_queue_was_closed_is_put_back_in_tensorflows_order(executor):
    queue = tf.RandomShuffleQueue(20, 0, [tf.int32], [[]], seed=5)
    put, nine, rest = queue.enqueue_many([tf.range(6)]), queue.dequeue_many(9), queue.dequeue_up_to(9)
    with tf.Session() as session:
        session.run(put)
        thread, results = in_thread(lambda: session.run(nine))
        time.sleep(0.2)
        session.run(queue.close())
        joined(thread)
        assert isinstance(results[0], tf.errors.OutOfRangeError)
        assert session.run(rest).tolist() == [3, 2, 5, 0, 1, 4]


def test_padding(executor):
    queue = tf.PaddingFIFOQueue(5, [tf.int32, tf.string], shapes=[[None], [None]])
    x, y = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.string, [None])
    batch = queue.dequeue_many(2)
    assert batch[0].shape.as_list() == [2, None]
    with tf.Session() as session:
        put = queue.enqueue([x, y])
        session.run(put, {x: [1, 2], y: ["a"]})
        session.run(put, {x: [1, 2, 3], y: ["b", "c"]})
        numbers, texts = session.run(batch)
        assert numbers.tolist() == [[1, 2, 0], [1, 2, 3]] and texts.tolist() == [[b"a", b""], [b"b", b"c"]]


def test_priorities(executor):
    queue = tf.PriorityQueue(10, tf.string, shapes=[()])
    with tf.Session() as session:
        session.run(queue.enqueue_many([np.array([3, 1, 2, 1]), ["c", "a", "b", "a2"]]))
        numbers, texts = session.run(queue.dequeue_many(4))
        assert numbers.tolist() == [1, 1, 2, 3] and texts.tolist() == [b"a", b"a2", b"b", b"c"]


def test_queue_chosen_in_the_run(executor):
    queues = [tf.FIFOQueue(10, tf.float32, shapes=[[]]) for _ in range(2)]
    index = tf.placeholder(tf.int32, [])
    take = tf.QueueBase.from_list(index, queues).dequeue()
    with tf.Session() as session:
        session.run([queue.enqueue(float(i)) for i, queue in enumerate(queues)])
        assert session.run(take, {index: 1}) == 1
        assert session.run(take, {index: 0}) == 0


@pytest.mark.parametrize("shape_is_known", [False, True])
def test_a_pool_of_elements_of_many_shapes(executor, shape_is_known):
    """The new element until three are there, then the oldest one: each is taken once, whatever shapes the others have."""
    queue, new = tf.FIFOQueue(10, [tf.int32]), tf.placeholder(tf.int32, [None, None, 3])

    def put():
        with tf.control_dependencies([queue.enqueue([new])]):
            return tf.identity(new)

    def take_and_put():
        old = queue.dequeue()
        with tf.control_dependencies([old]), tf.control_dependencies([queue.enqueue([new])]):
            return old + 0

    given = tf.cond(queue.size() < 3, put, take_and_put)
    if shape_is_known:
        given.set_shape(new.shape)
    elements = [np.full([1 + k % 2, 1 + k % 3, 3], k) for k in range(12)]
    with tf.Session() as session:
        found = [session.run(given, {new: element}) for element in elements]
        assert session.run(queue.size()) == 3
    for value, expected in zip(found, elements[:3] + elements):
        np.testing.assert_array_equal(value, expected)


def test_elements_of_two_ranks_in_a_loop(monkeypatch):
    """One rank in a run, another in the next: a plan for each. Two in one run are refused by a plan."""
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)
    queue, rows, row = tf.FIFOQueue(9, [tf.float32]), tf.zeros([2, 3]), tf.zeros([5])
    put_rows, put_row = queue.enqueue([rows]), queue.enqueue([row])
    total = tf.while_loop(lambda i, n: i < 2, lambda i, n: (i + 1, n + tf.size(queue.dequeue())), (0, 0))[1]
    with tf.Session() as session:
        for puts, elements in (([put_rows] * 2, 12), ([put_row] * 2, 10), ([put_rows] * 2, 12)):
            for put in puts:
                session.run(put)
            assert session.run(total) == elements
        session.run(put_row)
        session.run(put_rows)
        with pytest.raises(tf.errors.InvalidArgumentError, match="values of ranks 2 and 1|values of ranks 1 and 2"):
            session.run(total)


def test_queues_of_sessions_are_their_own(executor):
    queue = tf.FIFOQueue(10, tf.float32, shared_name="shared", shapes=[[]])
    same = tf.FIFOQueue(10, tf.float32, shared_name="shared", shapes=[[]], name="other")
    with tf.Session() as one, tf.Session() as two:
        one.run(queue.enqueue(1.0))
        assert one.run(same.size()) == 1 and two.run(queue.size()) == 0


# --- what is refused ------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused(executor):
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[2]])
    x = tf.placeholder(tf.int32, None)
    with pytest.raises(ValueError, match="are incompatible"):
        queue.enqueue([[1, 2, 3]])
    with pytest.raises(TypeError):
        queue.enqueue("a")
    with pytest.raises(ValueError, match="same length as dtypes"):
        tf.FIFOQueue(5, tf.int32, shapes=[[2], [3]])
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"Shape mismatch in tuple component 0\. Expected \[2\], got \[3\]"
        ):
            session.run(queue.enqueue(x), {x: [1, 2, 3]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="require the components to have specified shapes"):
            session.run(tf.FIFOQueue(5, tf.int32).dequeue_many(2))
        assert session.run(queue.size()) == 0


# --- waiting --------------------------------------------------------------------------------------------


def test_a_wrong_number_of_values(executor):
    queue = tf.FIFOQueue(5, [tf.float32, tf.int32], shapes=[[], [2]])
    text = "Signature mismatch, have: resource, float-> expected: resource, float, int32->"
    for build in (lambda: queue.enqueue([1.0]), lambda: queue.enqueue(1.0), lambda: queue.enqueue_many([[1.0]])):
        with pytest.raises(ValueError) as raised:
            build()
        assert str(raised.value) == text
    with pytest.raises(
        ValueError, match="Attr 'Tcomponents' of 'QueueEnqueueV2' Op passed list of length 0 less than minimum 1"
    ):
        queue.enqueue([])
    with pytest.raises(ValueError, match="Attr 'Tcomponents' of 'QueueEnqueueManyV2' Op passed list of length 0"):
        queue.enqueue_many([])
    too_many = queue.enqueue([1.0, [2, 3], 4])
    with tf.Session() as session:
        session.run(too_many)
        first, second = session.run(queue.dequeue())
        assert first == 1.0 and second.tolist() == [2, 3]


def test_producer_and_consumer_wait_for_each_other(executor):
    queue = tf.FIFOQueue(2, tf.int32, shapes=[[]])
    x = tf.placeholder(tf.int32, [])
    put, take, close = queue.enqueue(x), queue.dequeue(), queue.close()
    with tf.Session() as session:

        def produce():
            for i in range(200):
                session.run(put, {x: i})
            session.run(close)

        thread, results = in_thread(produce)
        got = []
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                got.append(int(session.run(take)))
        joined(thread)
        assert got == list(range(200)) and results == [None]


def test_many_consumers_get_every_element_once(executor):
    queue = tf.FIFOQueue(4, tf.int32, shapes=[[]])
    put, take = queue.enqueue_many([list(range(100))]), queue.dequeue_many(5)
    with tf.Session() as session:
        workers = [in_thread(lambda: [session.run(take).tolist() for _ in range(5)]) for _ in range(4)]
        session.run(put)
        for thread, _ in workers:
            joined(thread)
        batches = [batch for _, results in workers for batch in results[0]]
        assert sorted(i for batch in batches for i in batch) == list(range(100))
        # Nobody takes an element while somebody else still waits for the rest of a batch.
        assert all(batch == list(range(batch[0], batch[0] + 5)) for batch in batches)


def test_time_limit_ends_waiting_and_nothing_is_lost(executor):
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]])
    two = queue.dequeue_many(2)
    with tf.Session() as session:
        session.run(queue.enqueue(1))
        start = time.monotonic()
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(two, options=tf.RunOptions(timeout_in_ms=100))
        assert 0.05 < time.monotonic() - start < 5
        session.run(queue.enqueue(2))
        assert session.run(two).tolist() == [1, 2]
    with (
        tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=50)) as session,
        pytest.raises(tf.errors.DeadlineExceededError),
    ):
        session.run(two)


def test_closing_the_session_ends_waiting(executor):
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]])
    take = queue.dequeue()
    session = tf.Session()
    thread, results = in_thread(lambda: session.run(take))
    time.sleep(0.1)
    session.close()
    joined(thread)
    assert isinstance(results[0], tf.errors.CancelledError) and "Dequeue operation was cancelled" in str(results[0])


def test_closing_the_queue_may_cancel_those_who_wait(executor):
    queue = tf.FIFOQueue(2, tf.int32, shapes=[[]])
    with tf.Session() as session:
        put, close = queue.enqueue_many([[1, 2, 3]]), queue.close(cancel_pending_enqueues=True)
        thread, results = in_thread(lambda: session.run(put))
        while session.run(queue.size()) < 2:
            time.sleep(0.01)
        session.run(close)
        joined(thread)
        assert isinstance(results[0], tf.errors.CancelledError) and "Enqueue operation was cancelled" in str(results[0])


def test_interrupt_ends_waiting_and_the_session_goes_on(executor, ctrl_c):
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]])
    take = queue.dequeue()
    with tf.Session() as session:
        timer = threading.Timer(0.1, _thread.interrupt_main)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run(take)
        session.run(queue.enqueue(7))
        assert session.run(take) == 7


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: tf.RandomShuffleQueue(6, 2, tf.int32, shared_name="q"),
            "Shared queue 'q' has capacity 5 but requested capacity was 6",
        ),
        (
            lambda: tf.RandomShuffleQueue(5, 1, tf.int32, shared_name="q"),
            "has min_after_dequeue 2 but requested min_after_dequeue was 1",
        ),
        (
            lambda: tf.RandomShuffleQueue(5, 2, tf.int64, shared_name="q"),
            r"has component types \[int32\] but requested component types were \[int64\]",
        ),
        (
            lambda: tf.RandomShuffleQueue(5, 2, tf.int32, [[2]], shared_name="q"),
            r"component shapes \[\] but requested component shapes were \[\(2,\)\]",
        ),
        (lambda: tf.FIFOQueue(5, tf.int32, shared_name="q"), "Expected RandomShuffleQueue, found FIFOQueueV2"),
    ],
)
def test_nodes_that_share_a_queue_and_ask_for_another(executor, make, text):
    first = tf.RandomShuffleQueue(5, 2, tf.int32, shared_name="q")
    same = tf.RandomShuffleQueue(5, 2, tf.int32, shared_name="q")
    other = make()
    with tf.Session() as session:
        session.run(first.enqueue(1))
        assert session.run(same.size()) == 1
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(other.size())
        assert session.run(first.size()) == 1


def test_queues_that_cannot_be():
    with pytest.raises(ValueError, match="passed list of length 0 less than minimum 1"):
        tf.FIFOQueue(3, [])
    for shapes in (None, [], [None], [3], tf.TensorShape([None])):
        with pytest.raises(ValueError, match="When providing partial shapes, a list of shapes must be provided"):
            tf.PaddingFIFOQueue(3, tf.int32, shapes)
    with pytest.raises(
        ValueError, match=r"All shapes must have a defined rank: \[TensorShape\(None\), TensorShape\(\["
    ):
        tf.PaddingFIFOQueue(3, [tf.int32, tf.int32], [tf.TensorShape(None), [2]])


# --- what a step gives and takes itself -------------------------------------------------------------------

QUICK = tf.RunOptions(timeout_in_ms=5000)


@pytest.mark.parametrize("capacity", [1, 2, 5])
@pytest.mark.parametrize("kind", ["FIFOQueue", "PaddingFIFOQueue", "PriorityQueue", "RandomShuffleQueue"])
def test_a_step_may_take_what_it_gives_and_make_the_room_for_it(executor, kind, capacity):
    x = tf.placeholder(tf.int64, [])
    kept_back = [0] if kind == "RandomShuffleQueue" else []
    queue = getattr(tf, kind)(capacity, *kept_back, [tf.int64], [[]])
    value = [x, x] if kind == "PriorityQueue" else x
    early = queue.dequeue()
    put = queue.enqueue(value)
    late, size = queue.dequeue(), queue.size()
    with tf.Session() as session:
        for take in (early, late):
            taken = session.run([put, take], {x: 1}, options=QUICK)[1]
            assert np.ravel(taken)[-1] == 1
        for number in range(2, 2 + capacity):
            session.run(put, {x: number})
        for take in (early, late):
            session.run([put, take], {x: 100}, options=QUICK)
            assert session.run(size) == capacity
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(put, {x: 5}, options=tf.RunOptions(timeout_in_ms=50))


def test_what_comes_behind_an_enqueue_makes_no_room_for_it(executor):
    """The element was put into a queue that was full; TensorFlow waits, as the step would have to."""
    queue = tf.FIFOQueue(1, [tf.int32], shapes=[()])
    with tf.control_dependencies([queue.enqueue(1)]):
        size = queue.size()
    with tf.control_dependencies([size]):
        second = queue.enqueue(2)
    with tf.control_dependencies([second]):
        first = queue.dequeue()
    with tf.Session() as session, pytest.raises(tf.errors.DeadlineExceededError, match="Timed out"):
        session.run([size, first], options=tf.RunOptions(timeout_in_ms=100))


def test_a_queue_without_a_limit_always_has_room_for_what_the_step_takes(executor):
    queue = tf.FIFOQueue(-1, [tf.int32], shapes=[[]])
    put, take, both = queue.enqueue(5), queue.dequeue(), queue.dequeue_many(2)
    with tf.Session() as session:
        assert session.run([put, take], options=QUICK)[1] == 5
        assert session.run([put, queue.enqueue(6), both], options=QUICK)[2].tolist() in ([5, 6], [6, 5])


def test_room_is_made_for_as_many_elements_as_are_taken(executor):
    x = tf.placeholder(tf.int32, [None])
    queue = tf.FIFOQueue(4, [tf.int32], shapes=[[]])
    take, put, size = queue.dequeue_many(3), queue.enqueue_many(x), queue.size()
    with tf.Session() as session:
        session.run(put, {x: range(4)})
        for first in (4, 7):
            taken = session.run([take, put], {x: range(first, first + 3)}, options=QUICK)[0]
            assert taken.tolist() == list(range(first - 4, first - 1))
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run([take, put], {x: range(4)}, options=tf.RunOptions(timeout_in_ms=50))
        assert session.run(size) == 7


def test_what_is_taken_goes_through_a_second_queue_in_one_step(executor):
    first, second = (tf.FIFOQueue(1, [tf.int32], shapes=[[]]) for _ in range(2))
    result = second.dequeue()
    between = second.enqueue(first.dequeue() + 1)
    put = first.enqueue(1)
    with tf.Session() as session:
        assert session.run([result, between, put], options=QUICK) == [2, None, None]


def test_a_step_gives_although_another_thread_waits_for_room(executor):
    queue = tf.FIFOQueue(1, [tf.int32], shapes=[[]])
    put, take, other = queue.enqueue(1), queue.dequeue(), queue.enqueue(2)
    with tf.Session() as session:
        session.run(put)
        thread, _ = in_thread(lambda: session.run(other))
        time.sleep(0.1)
        assert session.run([take, put], options=QUICK)[0] == 1
        assert session.run(take) == 1
        joined(thread)
        assert session.run(take) == 2


def test_a_step_that_closes_the_queue_does_not_wait_for_elements(executor):
    queue = tf.FIFOQueue(1, [tf.int32], shapes=[[]])
    take, close = queue.dequeue(), queue.close()
    with tf.Session() as session, pytest.raises(tf.errors.OutOfRangeError, match=CLOSED.format(1, 0)):
        session.run([take, close], options=QUICK)


def test_what_is_given_behind_what_is_taken_comes_after_it(executor):
    queue = tf.FIFOQueue(2, [tf.int32], shapes=[[]])
    take = queue.dequeue()
    with tf.control_dependencies([take]):
        put = queue.enqueue(take + 1)
    with tf.Session() as session:
        session.run(queue.enqueue(5))
        assert [session.run([take, put], options=QUICK)[0] for _ in range(3)] == [5, 6, 7]


@pytest.mark.parametrize("use_resource", [False, True])
def test_waiting_ends_where_a_counter_of_the_step_has_reached_its_limit(executor, use_resource):
    queue = tf.FIFOQueue(3, [tf.int32], shapes=[[]])
    count = tf.get_variable("n", initializer=0, use_resource=use_resource)
    taken, counted = queue.dequeue(), count.count_up_to(2)
    limited = tf.train.limit_epochs(queue.dequeue_many(2), 1)
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        session.run(queue.enqueue_many([[7, 8]]))
        assert [session.run([taken, counted], options=QUICK) for _ in range(2)] == [[7, 0], [8, 1]]
        with pytest.raises(tf.errors.OutOfRangeError, match=r"^Reached limit of 2 \[in (Resource)?CountUpTo '"):
            session.run([taken, counted], options=QUICK)
        session.run(queue.enqueue_many([[9, 10]]))
        assert session.run(limited, options=QUICK).tolist() == [9, 10]
        with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 1"):
            session.run(limited, options=QUICK)
        session.run(count.initializer)
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run([taken, counted], options=tf.RunOptions(timeout_in_ms=50))
        assert session.run(count) == 0


def test_a_counter_that_the_step_sets_anew_ends_no_waiting(executor):
    queue = tf.FIFOQueue(3, [tf.int32], shapes=[[]])
    count = tf.get_variable("n", initializer=2)
    taken = queue.dequeue()
    with tf.control_dependencies([count.assign(0)]):
        counted = count.count_up_to(2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        thread, results = in_thread(lambda: session.run([taken, counted], options=QUICK))
        time.sleep(0.1)
        session.run(queue.enqueue(4))
        joined(thread)
        assert results == [[4, 0]]


def test_a_step_may_take_the_gradients_that_it_applies(executor):
    dense = tf.ConditionalAccumulator(tf.float32, shape=[2])
    average, apply = dense.take_grad(1), dense.apply_grad([1.0, 3.0], local_step=5)
    rows = tf.SparseConditionalAccumulator(tf.float32)
    taken, given = rows.take_grad(1), rows.apply_grad([0, 2], [[1.0], [2.0]], local_step=5)
    with tf.Session() as session:
        assert session.run([average, apply], options=QUICK)[0].tolist() == [1, 3]
        assert session.run([taken, given], options=QUICK)[0].indices.tolist() == [0, 2]


def test_who_waits_does_not_see_that_another_op_of_the_step_would_fail(executor):
    x = tf.placeholder(tf.float32, [])
    queue, closed = (tf.FIFOQueue(1, [tf.float32], shapes=[[]]) for _ in range(2))
    taken, checked, missed = queue.dequeue(), tf.check_numerics(x, "is finite"), closed.dequeue()
    with tf.Session() as session:
        session.run(closed.close())
        for other in checked, missed:
            with pytest.raises(tf.errors.DeadlineExceededError):
                session.run([taken, other], {x: np.nan}, options=tf.RunOptions(timeout_in_ms=50))


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        ([1] * 5, [0, 2, 4, 1, 3]),
        ([2, 1, 2, 1, 2, 1, 1], [1, 5, 6, 3, 2, 0, 4]),
        ([3, 3, 1, 1, 2, 2, 3, 3], [2, 3, 5, 4, 0, 6, 7, 1]),
        ([1, 0, 1, 0, 0, 1, 1, 0, 0], [1, 3, 4, 8, 7, 2, 5, 0, 6]),
    ],
)
def test_elements_of_equal_priority_come_in_tensorflows_order(executor, numbers, order):
    queue = tf.PriorityQueue(20, [tf.int32], [[]])
    fill = queue.enqueue_many([np.array(numbers, np.int64), np.arange(len(numbers), dtype=np.int32)])
    take = queue.dequeue()
    with tf.Session() as session:
        session.run(fill)
        assert [int(session.run(take)[1]) for _ in numbers] == order


@pytest.mark.parametrize(("keep", "text"), [(2, "2 must be < capacity 2"), (-1, "-1 must be >= 0")])
def test_a_shuffling_queue_must_hold_more_than_it_keeps_back(executor, keep, text):
    queue = tf.RandomShuffleQueue(2, keep, [tf.int32], [[]])
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=f"min_after_dequeue {text}"):
        session.run(queue.size())
