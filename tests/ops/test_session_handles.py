"""Tensors that stay in a session between runs: handles, what feeds them, errors in TensorFlow 1.15's words."""

import gc

import numpy as np
import pytest
from hookloop.python.ops.session_ops import TensorHandle

import hookloop as tf

DEVICE = "/job:localhost/replica:0/task:0/device:CPU:0"


def doubled():
    a = tf.placeholder(tf.float32, [None], name="a")
    return a, tf.get_session_handle(a * 2, name="kept")


def test_a_value_stays(executor):
    a, handle = doubled()
    assert (handle.dtype, handle.shape, handle.op.type) == (tf.string, (), "GetSessionHandle")
    with tf.Session() as session:
        kept = session.run(handle, {a: [1, 2]})
        assert isinstance(kept, TensorHandle)
        assert kept.handle == str(kept) == f"kept;0;{DEVICE}"
        holder, tensor = tf.get_session_tensor(kept.handle, tf.float32)
        assert holder.dtype == tf.string and tensor.op.device == holder.op.device == DEVICE
        for _ in range(2):
            assert session.run(tensor + 1, {holder: kept.handle}).tolist() == [3, 5]
            assert kept.eval().tolist() == [2, 4]
        other = session.run([{"x": handle}, a], {a: [3.0]})
        assert other[0]["x"].handle == f"kept;1;{DEVICE}" and other[1].tolist() == [3]
        assert session.run(tensor, {holder: other[0]["x"].handle}).tolist() == [6]
        assert session.run(tensor, {holder: kept.handle}).tolist() == [2, 4]
        for _ in range(2):
            assert isinstance(session.make_callable(handle, [a])([1.0]), TensorHandle)
            assert session.run(tf.identity(handle), {a: [1.0]}).startswith(b"kept;")


def test_a_handle_is_fed_in_the_place_of_its_value(executor):
    a, handle = doubled()
    times = tf.placeholder(tf.float32, name="q")
    with tf.Session() as session:
        kept = session.run(handle, {a: [1, 2]})
        assert session.run(times * 10, {times: kept}).tolist() == [20, 40]
        found = session.run([a, a * 10], {a: kept})
        assert [f.tolist() for f in found] == [[2, 4], [20, 40]]
        integers = tf.placeholder(tf.int32, [None])
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="Expects arg\\[0\\] to be int32 but float is provided"
        ):
            session.run(integers * 2, {integers: kept})
        kept.delete()
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in the session store"):
            session.run(times, {times: kept})


@pytest.mark.parametrize("value", [b"text", np.int32(3), True, np.zeros((0, 2)), np.array([[b"a"], [b"bc"]], object)])
def test_values_of_every_kind(value, executor):
    handle = tf.get_session_handle(tf.constant(value))
    with tf.Session() as session:
        kept = session.run(handle)
        holder, tensor = tf.get_session_tensor(kept.handle, tf.as_dtype(tf.constant(value).dtype))
        for found in (kept.eval(), session.run(tensor, {holder: kept.handle})):
            np.testing.assert_array_equal(found, value)
            assert np.asarray(found).dtype == np.asarray(value).dtype or isinstance(value, bytes)


def test_what_is_kept_is_a_copy(executor):
    v = tf.Variable([1.0, 2.0])
    handle = tf.get_session_handle(v.read_value() if hasattr(v, "read_value") else v.value())
    with tf.Session() as session:
        session.run(v.initializer)
        kept = session.run(handle)
        session.run(v.assign([5.0, 6.0]))
        assert kept.eval().tolist() == [1, 2]
        kept.eval()[0] = 9
        assert kept.eval().tolist() == [1, 2]


def test_deleting(executor):
    a, handle = doubled()
    with tf.Session() as session:
        kept = session.run(handle, {a: [1, 2]})
        holder, tensor = tf.get_session_tensor(kept.handle, tf.float32)
        other, delete = tf.delete_session_tensor(kept.handle)
        session.run(delete, {other: kept.handle})
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"The tensor with handle '{kept.handle}' is not in the session"
        ):
            session.run(tensor, {holder: kept.handle})
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"Failed to delete a tensor with handle '{kept.handle}' in the"
        ):
            session.run(delete, {other: kept.handle})
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in the session store"):
            kept.eval()
        kept = session.run(handle, {a: [1, 2]})
        kept.delete()
        for call in (kept.eval, kept.delete):
            with pytest.raises(TypeError, match=f"Persistent tensor {kept.handle} may have already been deleted."):
                call()


def test_a_value_goes_with_its_handle_unless_the_raw_one_was_taken(executor):
    a, handle = doubled()
    with tf.Session() as session:
        kept = session.run(handle, {a: [5, 6]})
        holder, tensor = tf.get_session_tensor(kept.handle, tf.float32)
        raw = kept.get_raw_handle()
        with pytest.raises(TypeError, match="may have already been deleted"):
            kept.eval()
        del kept
        gc.collect()
        assert session.run(tensor, {holder: raw}).tolist() == [10, 12]
        text = session.run(handle, {a: [5, 6]}).handle  # nobody holds the object
        gc.collect()
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in the session store"):
            session.run(tensor, {holder: text})
        with (
            tf.Session() as another,
            pytest.raises(tf.errors.InvalidArgumentError, match="is not in the session store"),
        ):
            another.run(tensor, {holder: raw})


def test_a_wrong_type(executor):
    a, handle = doubled()
    with tf.Session() as session:
        kept = session.run(handle, {a: [1, 2]})
        holder, tensor = tf.get_session_tensor(kept.handle, tf.int32)
        with pytest.raises(
            tf.errors.InternalError, match="Output 0 of type float does not match declared output type int32"
        ):
            session.run(tensor, {holder: kept.handle})
    for data in (3.0, tf.Variable(1.0)):
        with pytest.raises(TypeError, match="`data` must be of type Tensor."):
            tf.get_session_handle(data)
    with pytest.raises(ValueError, match="Unknown attribute: 'nope' in 'nope'"):
        tf.get_session_tensor("nope", tf.float32)


def test_a_closed_session_has_no_values():
    a, handle = doubled()
    with tf.Session() as session:
        kept = session.run(handle, {a: [1, 2]})
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session."):
        kept.eval()
    del kept
    gc.collect()


def test_monitored_sessions_give_handles():
    a, handle = doubled()
    with tf.train.MonitoredSession() as session:
        for n in range(3):
            kept = session.run(handle, {a: [n]})
            assert kept.eval().tolist() == [2 * n]
