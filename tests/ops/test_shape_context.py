"""What is known of shapes and values before a graph runs."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.ops import registry
from hookloop.ops.build import apply_op
from hookloop.ops.registry import OpDef
from hookloop.ops.shape_context import ShapeContext, partial_value
from hookloop.shapes import UNKNOWN


def two_known(node, x):
    return np.array([x[0], x[1] * 2], object)


DEFINITIONS = [
    OpDef("TestDimensions", "x: T", "y: int32", shape=lambda c: (len(c.shape(0)),),
          value=lambda c: np.array(c.shape(0), object)),
    OpDef("TestDouble", "x: int32", "y: int32", shape=lambda c: c.shape(0), symbolic=True,
          reference=two_known),
    OpDef("TestFill", "dims: int32, value: T", "y: T", shape=lambda c: c.sizes(0)),
    OpDef("TestAxis", "x: T, axis: int32", "y: T",
          shape=lambda c: (c.fallback(0), c.shape(0)[: int(c.constant(1))])[1]),
    OpDef("TestSum", "x: N * T, y: Ref(T)", "z: T, w: N * int32", types={"T": frozenset([tf.float32])},
          shape=lambda c: [()] * len(c.outputs)),
    OpDef("TestMixed", "x: Tin", "y: Tout", attrs={"Tin": [], "Tout": []},
          shape=lambda c: [None] * len(c.outputs)),
    OpDef("TestVariable", "", "ref: Ref(dtype)", attrs={"dtype": tf.float32}, shape=lambda c: ()),
    OpDef("TestBroadcast", "x: T, y: T", "z: T", shape=lambda c: c.broadcast(c.shape(0), c.shape(1))),
]  # fmt: skip


@pytest.fixture(autouse=True)
def definitions(monkeypatch):
    for definition in DEFINITIONS:
        monkeypatch.setitem(registry._registry, definition.name, definition)


def test_sizes_flow_through_ops_that_compute_shapes():
    x = tf.placeholder(tf.float32, [None, 3])
    doubled = apply_op("TestDouble", [tf.identity(apply_op("TestDimensions", [x]))])
    assert partial_value(doubled) is None
    assert apply_op("TestFill", [doubled, 1.0]).shape.as_list() == [None, None]
    x.set_shape([2, 3])
    assert partial_value(doubled).tolist() == [2, 6]
    assert partial_value(doubled).dtype == np.int32


def test_some_sizes_are_known_where_shapes_are_put_together():
    x = tf.placeholder(tf.float32, [3, None])
    sizes = tf.shape(x)
    assert partial_value(sizes)[1] is UNKNOWN
    three, end = tf.constant([2]), [4]
    for dims, known in [
        (sizes, [3, None]),
        (tf.concat([sizes[:1], end], 0), [3, 4]),
        (tf.concat([three, sizes, tf.placeholder(tf.int32, [1]), end], 0), [2, 3, None, None, 4]),
        (tf.concat([tf.placeholder(tf.int32), end], 0), None),
        (tf.stack([tf.placeholder(tf.int32, []), 5]), [None, 5]),
        (sizes * 2, [None, None]),  # what computes with sizes knows all of them or none
        (tf.concat([sizes[:1] * 1, end], 0), [None, 4]),
        (tf.stack([sizes[0], 5]), [None, 5]),
        (tf.cast(tf.shape(tf.zeros([2, 3])) * 2, tf.int64), [4, 6]),
    ]:
        shape = tf.zeros(dims).shape
        assert (shape.as_list() if shape.ndims is not None else None) == known


def test_constants_that_enter_a_loop_are_known_sizes():
    one = tf.reduce_prod(tf.constant([], tf.int32, shape=[0]))
    pair = tf.reverse(tf.constant([3, 4]), [0])
    seen = []

    def body(i):
        inner = lambda j: (seen.append(tf.zeros([one, 2]).shape.as_list()), j + 1)[1]
        seen.append(tf.zeros([one, 2]).shape.as_list())
        seen.append(tf.zeros(tf.concat([pair, [5]], 0)).shape.as_list())
        seen.append(tf.zeros([one + 1, 2]).shape.as_list())
        tf.while_loop(lambda j: j < 2, inner, [0])
        return i + 1

    tf.while_loop(lambda i: i < 2, body, [0])
    assert seen == [[1, 2], [4, 3, 5], [None, 2], [None, 2]]


def test_slices_of_constants_that_enter_a_loop_are_known_sizes():
    sizes, some = tf.constant([2, 3, 4]), tf.shape(tf.placeholder(tf.float32, [2, None, 4]))
    unknown = tf.placeholder(tf.float32, [None])
    seen = []

    def body(i):
        for dims in [
            sizes[:1], sizes[1:], sizes[:-1], sizes[::2], sizes[:2][1:], sizes[: tf.size(sizes) - 1], tf.concat([sizes[1:], [5]], 0),
            tf.concat([sizes[:1], tf.shape(unknown)], 0), some[:1], sizes[tf.newaxis][0], sizes[...], tf.stack([sizes[0], 2]),
            tf.tile(sizes[:1], [2]), tf.abs(sizes[:1]),
        ]:  # fmt: skip
            seen.append(tf.zeros(dims).shape.as_list())
        tf.while_loop(lambda j: j < 2, lambda j: (seen.append(tf.zeros(sizes[:1]).shape.as_list()), j + 1)[1], [0])
        return i + 1

    tf.while_loop(lambda i: i < 2, body, [0])
    known = [[2], [3, 4], [2, 3], [2, 4], [3], [2, 3], [3, 4, 5], [2, None]]
    assert seen == [*known, [None], [None] * 3, [None] * 3, [None, 2], [None] * 2, [None], [None]]


def test_slices_with_an_ellipsis_are_known_as_a_whole():
    some = tf.shape(tf.placeholder(tf.float32, [2, None, 4]))
    assert [tf.zeros(dims).shape.as_list() for dims in (some[:1], some[..., :1], some[...])] == [
        [2],
        [None],
        [None] * 3,
    ]


def test_a_state_of_a_size_that_is_asked_for_goes_through_a_loop(executor):
    x = tf.placeholder(tf.float32, [3, None])
    rows = tf.shape(x)[0]
    body = lambda i, state: (i + 1, tf.zeros([rows, 2]) + tf.reduce_sum(x))
    _, state = tf.while_loop(lambda i, state: i < 2, body, [0, tf.zeros([rows, 2])])
    assert state.shape.as_list() == [None, 2]
    with tf.Session() as session:
        assert session.run(state, {x: np.ones((3, 4), "f")}).tolist() == [[12, 12]] * 3


def test_sizes_of_unknown_values():
    dims = tf.placeholder(tf.int32, [3])
    assert apply_op("TestFill", [dims, 1.0]).shape.as_list() == [None, None, None]
    assert apply_op("TestFill", [tf.placeholder(tf.int32), 1.0]).shape.ndims is None


def test_a_tensor_of_far_too_many_sizes(executor):
    dims = tf.placeholder(tf.int32, [2**40])  # each would be an object
    assert tf.zeros(dims).shape.ndims is None
    with tf.Session() as session, pytest.raises((tf.errors.OpError, ValueError), match="1048577"):
        some = tf.placeholder(tf.int32, [2**20 + 1])
        session.run(tf.zeros(some), {some: np.ones(2**20 + 1, "i")})


def test_an_unknown_constant_leaves_the_fallback():
    x = tf.placeholder(tf.float32, [2, 3])
    assert apply_op("TestAxis", [x, 1]).shape.as_list() == [2]
    assert apply_op("TestAxis", [x, tf.placeholder(tf.int32, [])]).shape.as_list() == [None, None]


@pytest.mark.parametrize(
    "s, t, result",
    [
        ([2, 3], [3], [2, 3]), ([2, 1], [1, 3], [2, 3]), ([], [4], [4]), ([None, 3], [5, 1], [5, 3]),
        ([None], [1], [None]), ([None], [None], [None]), ([0], [1], [0]),
    ],
)  # fmt: skip
def test_broadcast(s, t, result):
    x, y = tf.placeholder(tf.float32, s), tf.placeholder(tf.float32, t)
    assert apply_op("TestBroadcast", [x, y]).shape.as_list() == result
    assert apply_op("TestBroadcast", [y, x]).shape.as_list() == result


def test_shapes_that_do_not_fit_are_named():
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [4, 4])
    text = r"equal, but are 3 and 4 for 'b' \(op: 'TestBroadcast'\) with input shapes: \[\?,3\], \[4,4\]"
    with pytest.raises(ValueError, match=text):
        apply_op("TestBroadcast", [x, y], name="b")


def test_lists_references_and_several_outputs():
    variable = apply_op("TestVariable", [])
    assert variable.dtype is tf.float32._ref
    outputs = apply_op("TestSum", [[1.0, 2.0], variable], name="s")
    assert [t.dtype for t in outputs] == [tf.float32, tf.int32, tf.int32]
    assert outputs[0].op.get_attr("N") == 2
    assert [t.op.name for t in outputs[0].op.inputs] == ["s/x_0", "s/x_1", "TestVariable"]


def test_lists_of_mixed_types():
    (y,) = apply_op("TestMixed", [[1.0, 2, "a"]], {"Tout": [tf.int64]})
    assert y.dtype is tf.int64
    assert y.op.get_attr("Tin") == [tf.float32, tf.int32, tf.string]


def test_types_that_do_not_fit():
    variable = apply_op("TestVariable", [])
    with pytest.raises(TypeError, match="'TestSum' Op requires that input 'y' be a mutable tensor"):
        apply_op("TestSum", [[1.0], tf.constant(1.0)])
    with pytest.raises(TypeError, match="Expected list for 'x' argument to 'TestSum' Op, not 1.0"):
        apply_op("TestSum", [1.0, variable])
    with pytest.raises(TypeError, match="parameter 'x' has DataType int32 not in list of allowed values: float32"):
        apply_op("TestSum", [[1], variable])
    with pytest.raises(TypeError, match=r"types \[float32, int32\] that don't all match float32"):
        apply_op("TestSum", [[tf.constant(1.0), tf.constant(1)], variable])
    text = "Input 'y' of 'TestBroadcast' Op has type int32 that does not match type float32 of argument 'x'"
    with pytest.raises(TypeError, match=text):
        apply_op("TestBroadcast", [tf.constant(1.0), tf.constant(1)])
    with pytest.raises(TypeError, match="does not match expected type of int32"):
        apply_op("TestDouble", [tf.constant([1.0])])
    text = "Expected float32 passed to parameter 'y' of op 'TestBroadcast', got 'a' of type 'str' instead"
    with pytest.raises(TypeError, match=text):
        apply_op("TestBroadcast", [tf.constant(1.0), "a"])


def test_infer_refuses_a_remainder():
    context = ShapeContext(tf.no_op())
    assert context.infer(6, 3) == 2
    assert context.infer(UNKNOWN, 3) is UNKNOWN
    with pytest.raises(ValueError, match="evenly divisible by 4 but is 6"):
        context.infer(6, 4)


def test_the_number_of_elements_tells_one_size_of_a_reshape():
    size = tf.placeholder(tf.int32, [])
    x = tf.ones([3, 4])
    assert tf.reshape(x, [size, 6]).shape.as_list() == [2, 6]
    assert tf.reshape(x, [size, 2, size]).shape.as_list() == [None, 2, None]
    assert tf.reshape(x, [size, 5]).shape.as_list() == [None, 5]
    assert tf.reshape(tf.ones([0, 4]), [size, 0]).shape.as_list() == [None, 0]
    assert tf.reshape(tf.placeholder(tf.float32, [None, 4]), [size, 6]).shape.as_list() == [None, 6]
