"""What bad input gets: an error of TensorFlow's class that says what was expected, what came and where."""

import re

import numpy as np
import pytest

import hookloop as tf

HERE = re.escape(__file__)


@pytest.fixture
def session(executor, graph):
    with tf.Session(graph=graph) as session:
        yield session
        assert session.run(tf.constant(1.0)) == 1.0  # usable afterwards


def matrix():
    return tf.placeholder(tf.float32, [None, 3], name="x")


@pytest.mark.parametrize("value", [np.ones((2, 4)), np.ones(3), np.ones((1, 2, 3))])
def test_a_feed_of_the_wrong_shape(session, value):
    x = matrix()
    shape = ",".join(map(str, value.shape))
    text = rf"expected float32\[\?,3\], got float32\[{shape}\] at feed 'x:0'"
    with pytest.raises(ValueError, match=text):
        session.run(x * 2, {x: value})


def test_a_ragged_list(session):
    x = matrix()
    with pytest.raises(ValueError, match=r"expected float32\[\?,3\], got \[\[1, 2, 3\], \[4\]\] at feed 'x:0'"):
        session.run(x * 2, {x: [[1, 2, 3], [4]]})


def test_an_integer_that_does_not_fit(session):
    x = tf.placeholder(tf.uint8, [], name="x")
    with pytest.raises(TypeError, match="feed value 300 .*not compatible with Tensor type uint8.*'x:0'"):
        session.run(x, {x: 300})


def test_text_for_numbers(session):
    x = matrix()
    with pytest.raises(ValueError, match="expected float32.*at feed 'x:0'"):
        session.run(x * 2, {x: "three"})


def test_none_for_numbers(session):
    x = matrix()
    with pytest.raises(ValueError, match="expected float32.*got None at feed 'x:0'"):
        session.run(x * 2, {x: None})


def test_a_tensor_as_a_value(session):
    x = matrix()
    with pytest.raises(TypeError, match="The value of a feed cannot be a tf.Tensor object"):
        session.run(x * 2, {x: tf.ones([1, 3])})


def test_a_key_that_is_no_tensor(session):
    x = matrix()
    with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
        session.run(x * 2, {3: 1.0})


def test_a_key_from_another_graph(session):
    x = matrix()
    with tf.Graph().as_default():
        other = tf.placeholder(tf.float32, [])
    with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor.*not an element of this graph"):
        session.run(x * 2, {other: 1.0})


def test_a_missing_feed(session):
    x = matrix()
    text = r"You must feed a value for placeholder tensor 'x' with dtype float"
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(x * 2)


def test_an_uninitialized_variable(session):
    v = tf.Variable(1.0, name="weights")
    with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value weights"):
        session.run(v * 2.0)
    session.run(v.initializer)
    assert session.run(v * 2.0) == 2.0


def test_a_fetch_that_is_no_graph_element(session):
    tf.constant(1.0)
    with pytest.raises(TypeError, match="Fetch argument 3.5 has invalid type"):
        session.run(3.5)
    with pytest.raises(TypeError, match="Fetch argument None has invalid type"):
        session.run(None)
    with pytest.raises(ValueError, match="Fetch argument 'nothing:0' cannot be interpreted as a Tensor"):
        session.run("nothing:0")


def test_a_fetch_from_another_graph(session):
    tf.constant(1.0)
    with tf.Graph().as_default():
        other = tf.constant(2.0)
    with pytest.raises(ValueError, match="cannot be interpreted as a Tensor.*not an element of this graph"):
        session.run(other)


def test_shapes_that_do_not_fit_when_the_graph_is_built():
    with pytest.raises(
        ValueError, match=rf"Dimensions must be equal, but are 3 and 4.*MatMul.*\[2,3\].*\[4,5\].*{HERE}"
    ):
        tf.matmul(tf.ones([2, 3]), tf.ones([4, 5]))


def test_dtypes_that_do_not_fit_when_the_graph_is_built():
    with pytest.raises((TypeError, ValueError), match="float32.*int32|int32.*float32"):
        tf.add(tf.constant(1.0), tf.constant(1))


def test_shapes_that_do_not_fit_when_the_graph_runs(session):
    x = tf.placeholder(tf.float32, [None], name="x")
    y = tf.placeholder(tf.float32, [None], name="y")
    total = tf.add(x, y, name="total")
    with pytest.raises(tf.errors.InvalidArgumentError, match="'total'.*x:0.*y:0"):
        session.run(total, {x: [1, 2, 3], y: [1, 2]})
    np.testing.assert_array_equal(session.run(total, {x: [1, 2, 3], y: [1]}), [2, 3, 4])


def test_a_variable_made_twice():
    tf.get_variable("w", [2])
    with pytest.raises(ValueError, match="Variable w already exists, disallowed"):
        tf.get_variable("w", [2])


def test_a_graph_changed_after_finalize(graph):
    graph.finalize()
    with pytest.raises(RuntimeError, match=r"Graph is finalized and cannot be modified\."):
        tf.constant(1.0)


def test_a_closed_session(executor):
    c = tf.constant(1.0)
    session = tf.Session()
    session.close()
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
        session.run(c)


def test_an_empty_graph(executor):
    with pytest.raises(RuntimeError, match="The Session graph is empty"):
        tf.Session().run([])


def test_an_integer_division_by_zero(session):
    x = tf.placeholder(tf.int32, [None], name="x")
    quotient = tf.floordiv(x, tf.constant([0, 1]), name="quotient")
    with pytest.raises(tf.errors.InvalidArgumentError, match="ivision by zero.*'quotient'"):
        session.run(quotient, {x: [1, 2]})


def test_an_index_out_of_range(session):
    i = tf.placeholder(tf.int32, [None], name="i")
    rows = tf.gather(tf.ones([5, 2]), i, name="rows")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = 7 is not in \[0, 5\).*'rows'"):
        session.run(rows, {i: [0, 7]})


def test_a_gradient_that_does_not_exist():
    x = tf.placeholder(tf.float32, [])
    assert tf.gradients(tf.constant(1.0), x) == [None]


def test_a_reshape_that_cannot_be(session):
    with pytest.raises(ValueError, match=r"6.*4|\[2,3\]"):
        tf.reshape(tf.ones([2, 3]), [4])
    x = tf.placeholder(tf.float32, [None], name="x")
    folded = tf.reshape(x, [2, -1], name="folded")
    with pytest.raises(tf.errors.InvalidArgumentError, match="'folded'"):
        session.run(folded, {x: np.ones(5)})
    assert session.run(folded, {x: np.ones(6)}).shape == (2, 3)


def test_an_error_inside_a_py_func(session):
    def refuse(x):
        raise ValueError("this value is no good")

    y = tf.py_func(refuse, [tf.constant(1.0)], tf.float32, name="mine")
    with pytest.raises(tf.errors.InvalidArgumentError, match="ValueError: this value is no good"):
        session.run(y)


def test_out_of_memory(executor, graph):
    n = tf.placeholder(tf.int64, [])
    with tf.Session(graph=graph) as session:
        with pytest.raises((tf.errors.ResourceExhaustedError, tf.errors.InvalidArgumentError, MemoryError)):
            session.run(tf.reduce_sum(tf.fill(tf.stack([n, n, n]), 1.0)), {n: 1 << 20})
        assert session.run(tf.constant(1.0)) == 1.0


def test_a_time_out(session):
    endless = tf.while_loop(lambda i: i >= 0, lambda i: i * 1, [tf.constant(1)])
    options = tf.RunOptions(timeout_in_ms=50)
    with pytest.raises(tf.errors.DeadlineExceededError, match="time limit|Timed out"):
        session.run(endless, options=options)


def test_an_op_without_a_kernel_for_the_dtype(graph):
    x = tf.placeholder(tf.complex64, [2], name="x")
    with tf.Session(graph=graph) as session:
        with pytest.raises((tf.errors.UnimplementedError, tf.errors.InvalidArgumentError, TypeError)):
            session.run(tf.tanh(x, name="t"), {x: [1j, 2j]})
