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
    with pytest.raises(
        TypeError, match="feed value 300 .*not compatible with Tensor type <class 'numpy.uint8'>.*'x:0'"
    ):
        session.run(x, {x: 300})


@pytest.mark.parametrize("value", [[300], [[-1]], [10**30], 10**400])
def test_an_integer_in_a_list_that_does_not_fit(session, value):
    x = tf.placeholder(tf.uint8, None, name="x")
    with pytest.raises(
        TypeError,
        match=r"expected uint8\[...\], got .*at feed 'x:0'|Type of feed value 1000.* is not compatible with Tensor type",
    ):
        session.run(x, {x: value})


def test_numbers_for_text(session):
    x = tf.placeholder(tf.string, [None], name="x")
    with pytest.raises(TypeError, match=r"expected string\[\?\], got 3 at feed 'x:0'"):
        session.run(x, {x: ["a", 3]})


def test_a_tensor_in_a_list(session):
    x = matrix()
    with pytest.raises(TypeError, match=r"expected float32\[\?,3\], got .*at feed 'x:0'"):
        session.run(x, {x: [[tf.ones([]), 1.0, 2.0]]})


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
    text = r"You must feed a value for placeholder tensor 'x' with dtype float and shape \[.*\] \[in Placeholder 'x', made at "
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(x * 2)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"placeholder tensor 'rate' with dtype float \[in Placeholder 'rate', "
    ):
        session.run(tf.placeholder(tf.float32, [], name="rate") * 2)


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


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: tf.concat([tf.ones([2, 1, 3]), tf.ones([2, 2, 4])], 1),
         r"Dimension 0 in both shapes must be equal, but are 3 and 4\. Shapes are \[3\] and \[4\]"),
        (lambda: tf.concat([tf.ones([2, 1, 3]), tf.ones([5, 2, 3])], -2), r"are 2 and 5\. Shapes are \[2\] and \[5\]"),
        (lambda: tf.stack([tf.ones([2, 1]), tf.ones([2, 3])]),
         r"Dimension 1 in both shapes must be equal, but are 1 and 3\. Shapes are \[2,1\] and \[2,3\]"),
        (lambda: tf.assign(tf.Variable([1.0, 2.0]), [1.0, 2.0, 3.0]),
         r"Dimension 0 in both shapes must be equal, but are 2 and 3\. Shapes are \[2\] and \[3\]"),
    ],
)  # fmt: skip
def test_shapes_that_should_be_equal_when_the_graph_is_built(build, text):
    with pytest.raises(ValueError, match=text + f".*{HERE}"):
        build()


def test_dtypes_that_do_not_fit_when_the_graph_is_built():
    with pytest.raises(
        TypeError, match="Input 'y' of 'Add' Op has type int32 that does not match type float32 of argument 'x'"
    ):
        tf.add(tf.constant(1.0), tf.constant(1))


def test_shapes_that_do_not_fit_when_the_graph_runs(session):
    x = tf.placeholder(tf.float32, [None], name="x")
    y = tf.placeholder(tf.float32, [None], name="y")
    total = tf.add(x, y, name="total")
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"'total'.*x:0.*y:0.*made at {HERE}"):
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


def test_the_memory_of_a_variable_in_a_closed_session(executor, graph):
    v = tf.get_variable("v", [2], initializer=tf.zeros_initializer())
    with tf.Session(graph=graph) as session:
        session.run(v.initializer)
    with pytest.raises(RuntimeError, match="^Attempted to use a closed Session.$"):
        session.buffer(v)


@pytest.mark.parametrize("way", ["run", "callable"])
@pytest.mark.parametrize("argument, kind", [("options", "RunOptions"), ("run_metadata", "RunMetadata")])
def test_options_of_another_kind(session, way, argument, kind):
    one = tf.constant(1.0)
    run = (
        session.make_callable(one, accept_options=True)
        if way == "callable"
        else lambda **given: session.run(one, **given)
    )
    with pytest.raises(TypeError, match=rf"^expected {argument} to be a {kind}, got 3$"):
        run(**{argument: 3})


@pytest.mark.parametrize("way", ["configuration", "environment"])
def test_more_threads_than_there_can_be(graph, monkeypatch, way):
    config = None
    if way == "configuration":
        config = tf.ConfigProto(intra_op_parallelism_threads=2**31 - 1)
    else:
        monkeypatch.setenv("HOOKLOOP_NUM_THREADS", "9" * 30)
    x = tf.placeholder(tf.float32, [None, 400])
    with tf.Session(graph=graph, config=config) as session:
        assert session.run(tf.reduce_sum(tf.matmul(x, x, transpose_b=True)), {x: np.ones((400, 400))}) == 400**3


def test_an_empty_graph(executor):
    with pytest.raises(RuntimeError, match="The Session graph is empty"):
        tf.Session().run([])


def test_an_integer_division_by_zero(session):
    x = tf.placeholder(tf.int32, [None], name="x")
    quotient = tf.floordiv(x, tf.constant([0, 1]), name="quotient")
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"Integer division by zero.*'quotient'.*made at {HERE}"):
        session.run(quotient, {x: [1, 2]})


def test_an_index_out_of_range(session):
    i = tf.placeholder(tf.int32, [None], name="i")
    rows = tf.gather(tf.ones([5, 2]), i, name="rows")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=rf"indices\[1\] = 7 is not in \[0, 5\).*'rows'.*made at {HERE}"
    ):
        session.run(rows, {i: [0, 7]})


def test_a_gradient_that_does_not_exist():
    x = tf.placeholder(tf.float32, [])
    assert tf.gradients(tf.constant(1.0), x) == [None]


@pytest.mark.parametrize(
    ("shape", "wanted", "part", "elements"),
    [([None, 2], [3], 2, 3), ([2, None, 3], [2, 2], 6, 4), ([None, 5], [], 5, 1)],
)
def test_a_reshape_that_no_size_of_the_open_axis_allows(shape, wanted, part, elements):
    x = tf.placeholder(tf.float32, shape)
    with pytest.raises(ValueError, match=f"Dimension size must be evenly divisible by {part} but is {elements} for"):
        tf.reshape(x, wanted)
    assert tf.reshape(x, [part * 2]).shape == [part * 2]
    assert tf.reshape(x, [0]).shape == [0]


def test_a_reshape_that_cannot_be(session, executor):
    with pytest.raises(ValueError, match=r"Cannot reshape a tensor with 6 elements to shape \[4\] \(4 elements\)"):
        tf.reshape(tf.ones([2, 3]), [4])
    x = tf.placeholder(tf.float32, [None], name="x")
    folded = tf.reshape(x, [2, -1], name="folded")
    text = "" if executor == "reference" else "Input to reshape is a tensor with 5 values, but the requested shape "
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{text and text + 'requires a multiple of 2'}.*'folded'"):
        session.run(folded, {x: np.ones(5)})
    square = tf.reshape(x, [2, 2], name="square")
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{text and text + 'has 4'}.*'square'.*made at {HERE}"):
        session.run(square, {x: np.ones(5)})
    assert session.run(folded, {x: np.ones(6)}).shape == (2, 3)


def test_an_error_inside_a_py_func(session):
    def refuse(x):
        raise ValueError("this value is no good")

    y = tf.py_func(refuse, [tf.constant(1.0)], tf.float32, name="mine")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"(?s)ValueError: this value is no good.*PyFunc 'mine'.*made at {HERE}"
    ):
        session.run(y)


def test_out_of_memory(executor, graph):
    n = tf.placeholder(tf.int64, [])
    with tf.Session(graph=graph) as session:
        huge = tf.fill(tf.stack([n, n]), 1.0, name="huge")
        total = tf.reduce_sum(huge)
        shape = r"\(4194304, 4194304\)" if executor == "reference" else r"\[4194304,4194304\]"
        text = rf"OOM.*allocat.*shape ?{shape}.*'huge'.*made at {HERE}"
        with pytest.raises(tf.errors.ResourceExhaustedError, match=text):
            session.run(total, {n: 1 << 22})
        assert session.run(total, {n: 3}) == 9


def test_more_elements_than_can_be_counted(graph):
    n = tf.placeholder(tf.int64, [])
    total = tf.reduce_sum(tf.fill(tf.stack([n, 2]), 1.0, name="huge"))
    with tf.Session(graph=graph) as session:
        for size in (1 << 60, 1 << 61, 1 << 62):
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=f"a size is negative or too large.*'huge'.*{HERE}"
            ):
                session.run(total, {n: size})
        assert session.run(total, {n: 3}) == 6


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize(
    "initial_value",
    [
        lambda: tf.zeros([1 << 24, 1 << 24]),
        lambda: tf.random_normal([1 << 24, 1 << 24]) * 2.0 + 1.0,
        lambda: tf.fill([1 << 24, 1 << 24], 1.0),
    ],
)
def test_an_initial_value_larger_than_memory(session, initial_value, use_resource):
    v = tf.Variable(initial_value, name="vast", use_resource=use_resource)
    with pytest.raises(tf.errors.ResourceExhaustedError, match=rf"OOM.*'vast.*made at {HERE}") as caught:
        session.run(v.initializer)
    assert caught.value.op.name.startswith("vast")


def test_a_variable_larger_than_memory(graph):
    v = tf.get_variable("vast", [1 << 24, 1 << 24])
    text = rf"OOM when allocating variable vast with shape\[16777216,16777216\] \[in VariableV2 'vast', made at {HERE}:"
    with tf.Session(graph=graph) as session:
        with pytest.raises(tf.errors.ResourceExhaustedError, match=text) as caught:
            session.run(v.initializer)
        assert caught.value.op is v.op


def test_a_variable_that_grows_larger_than_memory(graph):
    n = tf.placeholder(tf.int64, [])
    v = tf.Variable(tf.zeros(tf.stack([n, n])), validate_shape=False, name="vast")
    with tf.Session(graph=graph) as session:
        session.run(v.initializer, {n: 2})
        with pytest.raises(tf.errors.ResourceExhaustedError, match=rf"OOM.*Fill 'zeros'.*made at {HERE}"):
            session.run(v.initializer, {n: 1 << 24})
        assert session.run(v).shape == (2, 2)
        assert session.run(tf.constant(1.0)) == 1.0


@pytest.mark.parametrize("way", ["run", "callable", "converted"])
def test_a_time_out_of_the_configuration_holds_for_every_run(executor, graph, way):
    queue = tf.FIFOQueue(4, [tf.int32], shapes=[[]])
    x = tf.placeholder(tf.int32, [], name="x")
    item, put = queue.dequeue() + x, queue.enqueue(3)
    feed = np.array(1, "i") if way == "run" else 1
    with tf.Session(graph=graph, config=tf.ConfigProto(operation_timeout_in_ms=100)) as session:
        call = (
            session.make_callable(item, [x]) if way == "callable" else lambda x_value: session.run(item, {x: x_value})
        )
        for _ in range(3):  # the request is known from the second time on
            session.run(put)
            assert call(feed) == 4
        with pytest.raises(tf.errors.DeadlineExceededError, match="[Tt]imed out"):
            call(feed)
        session.run(put)
        assert call(feed) == 4


def test_a_time_out(session):
    endless = tf.while_loop(lambda i: i >= 0, lambda i: i * 1, [tf.constant(1)])
    options = tf.RunOptions(timeout_in_ms=50)
    with pytest.raises(tf.errors.DeadlineExceededError, match="time limit|Timed out"):
        session.run(endless, options=options)


def test_an_op_without_a_kernel_for_the_dtype(graph):
    x = tf.placeholder(tf.complex64, [2], name="x")
    with tf.Session(graph=graph) as session:
        text = f"there is no kernel for complex64.*Asin 't' of x:0 complex64.*made at {HERE}"
        with pytest.raises(tf.errors.UnimplementedError, match=text):
            session.run(tf.asin(x, name="t"), {x: [1j, 2j]})
