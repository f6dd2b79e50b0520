"""`tf.contrib.staging.StagingArea`: elements between steps, who waits, and what is refused."""

import threading

import numpy as np
import pytest

import hookloop as tf
from hookloop.contrib.staging import StagingArea

pytestmark = pytest.mark.usefixtures("executor")


def test_elements_come_in_their_order():
    x, n = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.int64, [])
    area = StagingArea([tf.float32, tf.int64], shapes=[[None, 2], []])
    put, (rows, number), (second, _), size, clear = (
        area.put([x, n]),
        area.get(),
        area.peek(1),
        area.size(),
        area.clear(),
    )
    assert [put.name, rows.name, size.name, clear.name] == [
        "StagingArea_put",
        "StagingArea_get:0",
        "StagingArea_size:0",
        "StagingArea_clear",
    ]
    assert rows.get_shape().as_list() == [None, 2] and number.get_shape().as_list() == []
    total = tf.reduce_sum(rows) * tf.cast(number, tf.float32)
    with tf.Session() as session:
        session.run(put, {x: np.ones((3, 2)), n: 2})
        session.run(put, {x: np.ones((1, 2)), n: 5})
        assert session.run(size) == 2
        assert session.run(second).tolist() == [[1, 1]]
        assert session.run([total, put], {x: np.ones((2, 2)), n: 1}) == [12, None]
        assert session.run(total) == 10
        session.run(clear)
        assert session.run(size) == 0
        assert session.run([total, put], {x: np.ones((1, 2)), n: 7})[0] == 14  # what is put is there to be got


def test_names_and_shared_areas():
    assert tf.contrib.staging.StagingArea is StagingArea
    area = StagingArea([tf.float32, tf.int32], names=["f", "i"], shared_name="s")
    put = area.put({"i": tf.constant(2), "f": tf.constant(1.0)})
    same = StagingArea([tf.float32, tf.int32], names=["f", "i"], shared_name="s")
    assert area.names == ["f", "i"] and area.dtypes == [tf.float32, tf.int32] and area.shapes[0].ndims is None
    with tf.Session() as session:
        session.run(put)
        assert session.run(same.get()) == {"f": 1, "i": 2}
    with pytest.raises(ValueError, match="You must enqueue a dictionary in a staging area with names"):
        area.put([tf.constant(1.0), tf.constant(2)])
    with pytest.raises(ValueError, match=r"do not match names of staging area. Dictionary: \(\['f', 'z'\]\), Queue: "):
        area.put({"f": tf.constant(1.0), "z": tf.constant(2)})


def test_who_finds_no_room_waits():
    area = StagingArea([tf.float32], capacity=1)
    put, got = area.put(tf.constant(1.0)), area.get()
    assert (area.capacity, area.memory_limit, area.name) == (1, 0, "StagingArea")
    with tf.Session() as session:
        session.run(put)
        assert session.run([put, got]) == [None, [1]]
        with pytest.raises(tf.errors.DeadlineExceededError, match="Timed out waiting for notification"):
            session.run(put, options=tf.RunOptions(timeout_in_ms=50))
        thread = threading.Thread(target=lambda: session.run(put))
        thread.start()
        assert session.run(got) == [1] and session.run(got) == [1]
        thread.join(20)
    area = StagingArea([tf.float32], memory_limit=8)
    one, two = area.put(tf.constant([1.0])), area.put(tf.constant([1.0, 2.0, 3.0]))
    with tf.Session() as session:
        session.run(one)
        session.run(one)
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(one, options=tf.RunOptions(timeout_in_ms=50))
        with pytest.raises(
            tf.errors.ResourceExhaustedError, match="combined size of '12' bytes into Staging Area with a"
        ):
            session.run(two)


@pytest.mark.parametrize("limit", [{}, {"capacity": 1}, {"capacity": 2}, {"memory_limit": 4}])
def test_a_step_may_get_what_it_puts_and_make_the_room_for_it(limit):
    x = tf.placeholder(tf.float32, [])
    area = StagingArea([tf.float32], **limit)
    put, got, size = area.put(x), area.get(), area.size()
    quick = tf.RunOptions(timeout_in_ms=2000)
    with tf.Session() as session:
        assert session.run([put, got], {x: 1.0}, options=quick) == [None, [1]]
        session.run(put, {x: 2.0})
        for value in (3.0, 4.0):
            assert session.run([got, put], {x: value}, options=quick) == [[value - 1], None]
        assert session.run(size) == 1
        if limit.get("capacity") == 1:
            with pytest.raises(tf.errors.DeadlineExceededError):
                session.run(put, {x: 5.0}, options=tf.RunOptions(timeout_in_ms=50))


def test_what_is_put_is_a_copy():
    v = tf.get_variable("v", [2], initializer=tf.zeros_initializer())
    area = StagingArea([tf.float32])
    put, add, (got,) = area.put(tf.identity(v)), v.assign_add([1.0, 1.0]), area.get()
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(put)
        session.run(add)
        assert session.run(got).tolist() == [0, 0]


def test_what_does_not_fit_is_refused():
    area = StagingArea([tf.float32], shapes=[[2]])
    one = tf.constant([1.0, 2.0])
    for values, text in (
        ({"a": one}, "Staging areas must have names to enqueue a dictionary"),
        ([tf.constant([1.0])], r"Shapes \(1,\) and \(2,\) are incompatible"),
        ([one, one], "Unexpected number of inputs '2' vs '1'"),
        (tf.constant([1, 2]), "Datatypes do not match. '<dtype: 'int32'>' != '<dtype: 'float32'>'"),
    ):
        with pytest.raises(ValueError, match=text):
            area.put(values)
    with pytest.raises(ValueError, match="shapes must be the same length as dtypes"):
        StagingArea([tf.float32], shapes=[[], []])
    with pytest.raises(ValueError, match="names must be the same length as dtypes"):
        StagingArea([tf.float32], names=["a", "b"])
    with pytest.raises(ValueError, match="shared_name must be a string"):
        StagingArea([tf.float32], shared_name=3)


def test_types_of_elements_may_be_numpys(executor):
    area = StagingArea([np.float32, np.int64], [[2], []])
    put, got = area.put([tf.zeros([2]), tf.constant(3, tf.int64)]), area.get()
    assert [tensor.dtype for tensor in got] == area.dtypes == [tf.float32, tf.int64]
    total = tf.reshape(got[0], [-1]) + tf.cast(got[1], tf.float32)
    with tf.Session() as session:
        session.run(put)
        assert session.run(total).tolist() == [3, 3]


def test_an_area_is_filled_ahead_where_it_is_found_empty(executor):
    """How many elements there are is asked before the step puts any, wherever the node stands."""
    x = tf.placeholder(tf.float32, [])
    area = StagingArea([tf.float32], [[]])
    put = area.put(x)
    fill = tf.cond(tf.equal(area.size(), 0), lambda: area.put(x), tf.no_op)
    with tf.control_dependencies([put, fill]):
        (got,) = area.get()
    with tf.control_dependencies([area.put(x)]):
        after = area.size()
    with tf.Session() as session:
        assert [session.run(got, {x: value}) for value in (1.0, 2.0, 3.0, 4.0)] == [1, 1, 2, 3]
        assert session.run(after, {x: 5.0}) == 2


def test_nodes_are_tensorflows():
    area = StagingArea([tf.float32], [[]])
    area.put(tf.constant(1.0))
    area.get()
    with tf.device("/cpu:1"):
        (elsewhere,) = area.get()
    assert elsewhere.op.type == "Identity" and elsewhere.op.inputs[0].op.type == "Unstage"
    found = [(op.name, op.type, op.device) for op in tf.get_default_graph().get_operations()]
    assert found == [
        ("StagingArea_root/NoOp", "NoOp", ""), ("Const", "Const", ""), ("StagingArea_put", "Stage", ""),
        ("StagingArea_get", "Unstage", ""), ("NoOp", "NoOp", ""), ("StagingArea_get_1", "Unstage", ""),
        ("NoOp_1", "NoOp", "/device:CPU:1"), ("Identity", "Identity", "/device:CPU:1"),
    ]  # fmt: skip
