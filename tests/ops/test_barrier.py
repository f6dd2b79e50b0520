"""Barriers: what TensorFlow 1.15 gives and says for the same calls, where nothing else is said."""

import threading

import numpy as np
import pytest
from hookloop.python.ops.data_flow_ops import Barrier

import hookloop as tf

FIRST = -(2**63)


@pytest.fixture
def session(executor):
    with tf.Session() as session:
        yield session


def sizes(session, barrier):
    return session.run([barrier.ready_size(), barrier.incomplete_size()])


def texts(values):
    return [[x.decode() if isinstance(x, bytes) else x for x in np.asarray(value).tolist()] for value in values]


def test_values_are_taken_in_the_order_of_their_first_components(session):
    barrier = Barrier((tf.string, tf.int32), shapes=((), ()), name="B")
    assert barrier.name == "B" and barrier.barrier_ref.dtype.name == "string_ref"
    assert sizes(session, barrier) == [0, 0]
    session.run(barrier.insert_many(0, ["k1", "k2"], ["a", "b"]))
    session.run(barrier.insert_many(1, ["k1"], [1]))
    session.run(barrier.insert_many(0, ["k3"], ["c"]))
    session.run(barrier.insert_many(1, ["k3"], [3]))
    assert sizes(session, barrier) == [2, 1]
    session.run(barrier.insert_many(1, ["k2"], [2]))
    taken = barrier.take_many(2)
    assert taken._fields == ("indices", "keys", "values") and taken.keys.op.name == "B_BarrierTakeMany"
    assert [x.shape.as_list() for x in (taken.indices, taken.keys, *taken.values)] == [[2]] * 4
    indices, keys, values = session.run(taken)
    assert indices.tolist() == [FIRST, FIRST] and texts([keys, *values]) == [["k1", "k2"], ["a", "b"], [1, 2]]
    indices, keys, values = session.run(barrier.take_many(1))
    assert indices.tolist() == [FIRST + 1] and texts([keys, *values]) == [["k3"], ["c"], [3]]
    assert texts(session.run(barrier.take_many(0))[2]) == [[], []]


def test_what_does_not_fit_is_refused_and_changes_nothing(session):
    barrier = Barrier((tf.string, tf.int32), shapes=((), ()), name="B")
    session.run(barrier.insert_many(0, ["k5", "k6"], ["x", "y"]))
    for said, component, keys, values in (
        ("Key k5 already has a value for component 0 in barrier", 0, ["k7", "k5"], ["z", "x"]),
        ("Key k7 already has a value for component 0 in barrier", 0, ["k7", "k7"], ["z", "x"]),
        (r"Shape mismatch in tuple component 3. Expected \[\], got \[2\]", 1, ["k5"], [[1, 2]]),
        (r"The component ID is out of range 2 > num_components \(= 2\)", 2, ["k5"], [1]),
        ("The component ID is out of range -1", -1, ["k5"], [1]),
        (r"Tensors with no elements are not supported .*: received shape \[1,0\]", 1, ["k5"], np.zeros((1, 0), np.int32)),
    ):  # fmt: skip
        with pytest.raises(tf.errors.InvalidArgumentError, match=said):
            session.run(barrier.insert_many(component, keys, values))
        assert sizes(session, barrier) == [0, 2]
    with pytest.raises(ValueError, match="Shapes are \\[1\\] and \\[2\\]"):
        barrier.insert_many(0, ["k8"], ["x", "y"])
    with pytest.raises(ValueError, match="Dimension -1 must be >= 0"):
        barrier.take_many(-1)
    session.run(barrier.insert_many(1, ["k6", "k5"], [6, 5]))
    assert texts(session.run(barrier.take_many(2))[2]) == [["x", "y"], [5, 6]]


def test_nodes_that_share_a_barrier_say_the_same_of_it(session):
    barrier = Barrier((tf.float32, tf.int32), shapes=((), (2,)), shared_name="z")
    session.run(barrier.insert_many(0, ["a"], [1.0]))
    same = Barrier((tf.float32, tf.int32), shapes=((), (2,)), shared_name="z")
    assert sizes(session, same) == [0, 1]
    other = Barrier((tf.float32, tf.int64), shapes=((), (2,)), shared_name="z")
    said = "Shared barrier 'z' has component types float, int32 but requested component types were float, int64"
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        session.run(other.ready_size())
    other = Barrier((tf.float32, tf.int32), shapes=((), ()), shared_name="z")
    said = r"has component shapes \[\[\], \[2\]\] but requested component shapes were \[\[\], \[\]\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        session.run(other.ready_size())


def test_a_barrier_that_is_empty_and_closed_gives_not_even_nothing(session):
    barrier = Barrier(tf.float32, shapes=())
    assert session.run(barrier.take_many(0)).keys.tolist() == []
    session.run(barrier.close())
    with pytest.raises(tf.errors.OutOfRangeError, match=r"\(requested 0, total size 0\)"):
        session.run(barrier.take_many(0))


def test_a_closed_barrier_in_which_nothing_has_begun_takes_no_key(session):
    barrier = Barrier(tf.float32, shapes=())
    session.run(barrier.close())
    said = "is closed.  Pending enqueues cancelled: 0.  Number of new insertions: 2.  Number of incomplete keys: 0."
    with pytest.raises(tf.errors.CancelledError, match=said):
        session.run(barrier.insert_many(0, ["a", "b"], [1, 2]))
    session.run(barrier.insert_many(0, tf.zeros([0], tf.string), tf.zeros([0])))


def test_a_closed_barrier_completes_what_has_begun(session):
    barrier = Barrier((tf.string, tf.int32), shapes=((), ()), name="B")
    session.run(barrier.insert_many(0, ["a", "b", "c"], ["x", "y", "z"]))
    session.run(barrier.insert_many(1, ["c"], [3]))
    session.run(barrier.close())
    said = "is closed, but attempted to insert a brand new key: d.  Pending enqueues cancelled: 0.  Insertion index: 0."
    with pytest.raises(tf.errors.CancelledError, match=said):
        session.run(barrier.insert_many(0, ["d"], ["w"]))
    with pytest.raises(tf.errors.CancelledError, match="brand new key: e.*Insertion index: 1."):
        session.run(barrier.insert_many(1, ["a", "e"], [1, 2]))
    with pytest.raises(tf.errors.CancelledError, match="is already closed"):
        session.run(barrier.close())
    session.run(barrier.insert_many(1, ["a"], [1]))
    assert texts(session.run(barrier.take_many(2))[2]) == [["x", "z"], [1, 3]]
    session.run(barrier.close(cancel_pending_enqueues=True))
    assert sizes(session, barrier) == [0, 0]
    said = "is closed.  Pending enqueues cancelled: 1.  Number of new insertions: 1.  Number of incomplete keys: 0."
    with pytest.raises(tf.errors.CancelledError, match=said):
        session.run(barrier.insert_many(1, ["b"], [2]))
    with pytest.raises(
        tf.errors.OutOfRangeError, match=r"is closed and has insufficient elements \(requested 1, total size 0\)"
    ):
        session.run(barrier.take_many(1))
    with pytest.raises(tf.errors.CancelledError, match="is already closed"):
        session.run(barrier.close())


def test_a_small_batch_of_a_closed_barrier(session):
    barrier = Barrier(tf.float32, shapes=((2,),))
    session.run(barrier.insert_many(0, ["a", "b"], [[1.0, 2.0], [3.0, 4.0]]))
    session.run(barrier.close())
    taken = barrier.take_many(3, allow_small_batch=True)
    assert [x.shape.as_list() for x in (taken.indices, *taken.values)] == [[None], [None, 2]]
    with pytest.raises(tf.errors.OutOfRangeError, match=r"\(requested 3, total size 2\)"):
        session.run(barrier.take_many(3))
    assert session.run(taken.values[0]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(tf.errors.OutOfRangeError, match=r"\(requested 0, total size 0\)"):
        session.run(taken)


def test_who_takes_waits_for_another_thread(session):
    barrier, got = Barrier((tf.float32, tf.float32)), []
    taken = barrier.take_many(2)
    thread = threading.Thread(target=lambda: got.append(session.run(taken.values)))
    thread.start()
    session.run(barrier.insert_many(0, ["a", "b"], [1.0, 2.0]))
    session.run(barrier.insert_many(1, ["a"], [3.0]))
    thread.join(0.2)
    assert thread.is_alive()
    session.run(barrier.insert_many(1, ["b"], [4.0]))
    thread.join()
    assert [x.tolist() for x in got[0]] == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(tf.errors.DeadlineExceededError):
        session.run(taken, options=tf.RunOptions(timeout_in_ms=50))


def test_a_step_takes_what_it_inserts_itself(session):
    barrier = Barrier(tf.float32)
    insert = barrier.insert_many(0, ["a"], [5.0])
    assert session.run([barrier.take_many(1).values, insert])[0][0].tolist() == [5.0]


def test_a_closed_session_ends_the_waiting():
    barrier, errors = Barrier(tf.float32), []
    taken, session = barrier.take_many(1).keys, tf.Session()

    def wait():
        try:
            session.run(taken)
        except tf.errors.CancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(0.1)
    session.close()
    thread.join()
    assert len(errors) == 1


def test_shapes_that_are_refused():
    with pytest.raises(ValueError, match=r"Empty tensors are not supported, but received shape '\(0,\)' at index 0"):
        Barrier((tf.float32,), shapes=((0,),))
    with pytest.raises(ValueError, match="All shapes must be fully defined"):
        Barrier((tf.float32,), shapes=((None,),))
