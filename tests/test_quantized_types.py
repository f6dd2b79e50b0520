"""Tensors of quantized types hold integers: TensorFlow's kernels take them where they look at no element, and cast them."""

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")

_STORED = {
    tf.qint8: np.int8, tf.quint8: np.uint8, tf.qint16: np.int16, tf.quint16: np.uint16, tf.qint32: np.int32,
}  # fmt: skip


@pytest.mark.parametrize("dtype", _STORED)
def test_they_are_fed_moved_and_fetched(dtype):
    stored = _STORED[dtype]
    x = tf.placeholder(dtype, [None])
    moved = {
        "itself": (x, [1, 0, 3]), "identity": (tf.identity(x), [1, 0, 3]), "concat": (tf.concat([x, x], 0), [1, 0, 3, 1, 0, 3]),
        "gather": (tf.gather(x, [2, 0]), [3, 1]), "slice": (x[::-1], [3, 0, 1]), "element": (x[2], 3),
        "where": (tf.where([True, False, True], x, x[::-1]), [1, 0, 3]),
        "cond": (tf.cond(tf.size(x) > 2, lambda: x[1:], lambda: x), [0, 3]),
        "loop": (tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, a[::-1]), [0, x])[1], [1, 0, 3]),
        "scatter": (tf.scatter_nd([[1], [0], [3]], x, [4]), [0, 1, 0, 3]),
    }  # fmt: skip
    queue = tf.FIFOQueue(2, [dtype], [[3]])
    put, got = queue.enqueue(x), queue.dequeue()
    with tf.Session() as session:
        for fed in ([1, 0, 3], np.array([1, 0, 3], stored)):
            for name, (tensor, expected) in moved.items():
                found = session.run(tensor, {x: fed})
                assert (name, found.dtype, found.tolist()) == (name, stored, expected)
            session.run(put, {x: fed})
            assert session.run(got).tolist() == [1, 0, 3]


@pytest.mark.parametrize("dtype", _STORED)
def test_they_are_cast(dtype):
    x = tf.placeholder(dtype, [None])
    y = tf.placeholder(tf.float32, [None])
    with tf.Session() as session:
        for other in (tf.float32, tf.int64, tf.uint8, tf.bool, tf.qint8, tf.quint16):
            found = session.run(tf.cast(x, other), {x: [1, 0, 3]})
            assert found.dtype == other.as_numpy_dtype
            assert found.tolist() == ([True, False, True] if other is tf.bool else [1, 0, 3])
        found = session.run(tf.cast(y, dtype), {y: [1.7, 0, 100]})
        assert (found.dtype, found.tolist()) == (_STORED[dtype], [1, 0, 100])


@pytest.mark.parametrize("dtype", _STORED)
def test_their_bits_are_those_of_the_integers(dtype):
    stored = tf.as_dtype(_STORED[dtype])
    x = tf.placeholder(dtype, [None])
    given = np.array([1, 0, 100], stored.as_numpy_dtype)
    with tf.Session() as session:
        for wanted in (stored, dtype):
            found = session.run(tf.bitcast(x, wanted), {x: given})
            assert (found.dtype, found.tolist()) == (_STORED[dtype], [1, 0, 100])
        assert session.run(tf.bitcast(x, tf.uint8), {x: given}).tobytes() == given.tobytes()
        assert session.run(tf.bitcast(tf.bitcast(x, stored), dtype), {x: given}).tolist() == [1, 0, 100]


@pytest.mark.parametrize("dtype", _STORED)
def test_they_are_equal_where_their_integers_are(dtype):
    x, y = tf.placeholder(dtype, [None]), tf.placeholder(dtype, [None])
    if dtype in (tf.qint16, tf.quint16):  # as in TensorFlow
        with pytest.raises(TypeError, match=f"has DataType {dtype.name} not in list of allowed values"):
            tf.equal(x, y)
        return
    with tf.Session() as session:
        found = session.run([tf.equal(x, y), tf.not_equal(x, y)], {x: [1, 0, 100], y: [1, 5, 100]})
    assert [part.tolist() for part in found] == [[True, False, True], [False, True, False]]


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize("dtype", _STORED)
def test_variables_hold_them_and_checkpoints_keep_them(dtype, use_resource, tmp_path):
    start = tf.constant(np.array([1, 0, 3], _STORED[dtype]), dtype)
    v = tf.get_variable("v", initializer=start, use_resource=use_resource)
    saver = tf.train.Saver([v])
    with tf.Session() as session:
        session.run(v.initializer)
        path = saver.save(session, str(tmp_path / "model"))
    assert tf.train.load_checkpoint(path).get_variable_to_dtype_map() == {"v": dtype}
    with tf.Session() as session:
        saver.restore(session, path)
        assert session.run(v).tolist() == [1, 0, 3]
    (imported,) = tf.import_graph_def(tf.get_default_graph().as_graph_def(), return_elements=["Const:0"])
    with tf.Session() as session:
        assert session.run(imported).tolist() == [1, 0, 3]


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize("dtype", [tf.resource, tf.variant])
def test_handles_are_neither_constants_nor_held_by_variables(dtype, use_resource):
    with pytest.raises(TypeError, match=f"Incompatible types: <dtype: '{dtype.name}'> vs. int64. Value is"):
        tf.constant(np.array([1, 0, 3]), dtype)
    given = tf.placeholder(dtype, [3])
    v = tf.Variable(given, use_resource=use_resource)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match=f"a variable cannot hold elements of type {dtype.name}"),
    ):
        session.run(v.initializer, {given: np.array([1, 0, 3], object)})
