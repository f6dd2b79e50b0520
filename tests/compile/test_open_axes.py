"""Sums over axes that sizes decide: which axes are known, and what becomes of those that are not."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.node import Specialize
from hookloop.compile.open_axes import Deferred, OpenAxes, _axes_to_sum, broadcast_axes
from hookloop.compile.sizes import SizeTable

from .programs import kernels, lowered

TABLE = SizeTable()
N, M = TABLE.fresh(), TABLE.fresh()
F, G = (TABLE.fresh(origin=("feed", i, 0)) for i in range(2))


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((4, 3), (3,), ([], [0])),
        ((3,), (4, 3), ([0], [])),
        ((4, 1), (1, 3), ([1], [0])),
        ((1, 3), (1, 3), ([], [])),
        ((1, 1), (1,), ([0, 1], [0, 1])),  # TensorFlow sums what both have once, too, where the shapes differ
        ((N, 3), (N, 1), ([], [1])),
        ((N, 3), (3,), (None, None)),  # n may be 1
        ((N,), (M,), (None, None)),
        ((), (2, 2), ([0, 1], [])),
    ],
    ids=str,
)
def test_the_axes_of_a_broadcast(left, right, axes):
    assert tuple(broadcast_axes(left, right)) == axes


class _Lowerer(OpenAxes):
    """What a sum over open axes asks of the lowerer."""

    sizes = TABLE

    def symbolic(self, dtype, symbol):
        return symbol


def deferred(left, right, side):
    """A value that waits, as a gradient's axes do: those of one operand of an addition of these shapes."""
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    tf.gradients(x + y, [x, y])
    (op,) = (op for op in tf.get_default_graph().get_operations() if op.type == "BroadcastGradientArgs")
    value = type("Value", (), {})()
    value.deferred = Deferred(type("Node", (), {"op": op, "name": op.name})(), None, None, (left, right), side)
    return value


@pytest.mark.parametrize(
    ("left", "right", "side", "axes"),
    [((N, 3), (), 1, [0, 1]), ((1, N), (M, N), 0, [0]), ((N, 3), (1, 3), 0, [])],
    ids=["a scalar", "a row", "nothing to sum"],
)
def test_axes_that_follow_whatever_the_sizes_are_settled(left, right, side, axes):
    """They hold also where an open size is 1: then there is nothing to sum."""
    assert _axes_to_sum((left, right), side) == axes


def test_axes_that_a_size_decides_are_those_of_a_plan_for_that_size():
    with pytest.raises(Specialize, match="the rank of 'gradients/.*' depends on sizes") as caught:
        _Lowerer().settled(deferred((F, 3), (G, 3), 0), None)
    assert {atom.index for atom in caught.value.atoms} == {2, 3}


def test_a_value_that_does_not_wait_is_itself():
    value = type("Value", (), {"deferred": None})()
    assert _Lowerer().settled(value, None) is value


def test_the_reshape_behind_an_open_sum_makes_it_one_instruction():
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    program = lowered(tf.gradients(x * y, [x]), {x: np.ones((4, 3)), y: np.ones((1, 3))})
    assert kernels(program).count("sum_to") == 1 and "sum" not in kernels(program)


SHAPES = [  # two shapes that are fed, and TensorFlow 1.15's axes of each
    ([2, 3], [3], [], [0]),
    ([3], [2, 3], [0], []),
    ([1, 3], [2, 1], [0], [1]),
    ([], [4], [0], []),
    ([4], [], [], [0]),
    ([2, 3], [2, 3], [], []),
    ([], [], [], []),
    ([1], [1], [], []),
    ([2, 1], [2, 1], [], []),
    ([1, 1], [1], [0, 1], [0, 1]),
    ([1, 1, 5], [3, 1, 5], [0, 1], [1]),
    ([0, 1], [0], [1], [0]),
    ([-1, 2], [2], [], [0]),
    ([2, 1, 1, 3], [1, 4, 1, 3], [1, 2], [0, 2]),
    ([2, 1, 3], [2, 5, 1], [1], [2]),
]


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_axes_of_shapes_that_are_fed(executor, dtype):
    x, y = tf.placeholder(dtype, [None]), tf.placeholder(dtype, [None])
    axes = tf.raw_ops.BroadcastGradientArgs(s0=x, s1=y)
    with tf.Session() as session:
        for left, right, *wanted in SHAPES:
            for fetched in (axes, tf.raw_ops.BroadcastGradientArgs(s0=left, s1=right) if left and right else axes):
                found = session.run(fetched, {x: left, y: right})
                assert [f.tolist() for f in found] == wanted, (left, right)
                assert found[0].dtype == (dtype if fetched is axes else tf.int32)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"Incompatible shapes: (sizes 2 and 3|\[2\] vs. \[3\])"
        ):
            session.run(axes, {x: [2], y: [3]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible shapes"):
            session.run(axes, {x: [4, 2], y: [4, 3]})


def test_what_is_made_of_axes_of_shapes_that_are_fed(executor):
    x, y = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    first, second = tf.raw_ops.BroadcastGradientArgs(s0=x, s1=y)
    total = tf.reduce_sum(tf.reshape(tf.range(6.0), [1, 2, 3]), first)
    kept = tf.boolean_mask(tf.range(5), tf.range(5) > x[0])
    of_kept = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(kept), s1=y)
    with tf.Session() as session:
        assert session.run(total, {x: [1, 2, 3], y: [5, 2, 1]}).tolist() == [[0, 1, 2], [3, 4, 5]]
        assert session.run(total, {x: [3], y: [1, 2, 3]}).tolist() == [3, 5, 7]
        assert session.run(total, {x: [1, 2, 1], y: [1, 2, 3]}).tolist() == [3, 12]
        feeds = {x: [4], y: [4, 4]}
        assert session.run(tf.concat([first, second + 1, tf.shape(first)], 0), feeds).tolist() == [0, 1]
        for least, shape, *wanted in (
            (0, [1], [], [0]),
            (0, [4], [], []),
            (0, [1, 4], [0], [0]),
            (3, [1], [], []),
            (3, [4], [0], []),
            (3, [1, 4], [0, 1], [0]),
            (4, [1], [], [0]),
        ):
            assert [f.tolist() for f in session.run(of_kept, {x: [least], y: shape})] == wanted
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"Incompatible shapes: (sizes 0 and 4|\[0\] vs. \[4\])"
        ):
            session.run(of_kept, {x: [4], y: [4]})


def test_axes_of_what_is_no_shape_are_refused(executor):
    x = tf.placeholder(tf.int32)
    axes = tf.raw_ops.BroadcastGradientArgs(s0=[3], s1=x)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="must be (a vector|rank 1)"),
    ):
        session.run(axes, {x: [[1]]})
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 0"):
        tf.raw_ops.BroadcastGradientArgs(s0=[3], s1=3)


@pytest.mark.parametrize(
    "left, right, axes, summed",
    [
        ([2, 1, 1], [], [1, 2], [1.0, 2.0]),
        ([1], [], [0], 1.0),
        ([2, 1], [2, 1], [], [[1.0], [2.0]]),
        ([1], [1], [], [1.0]),
    ],
)
def test_axes_of_one_element_are_there_for_who_uses_them(executor, left, right, axes, summed):
    """The numbers and shapes are TensorFlow 1.15's: not only the sum's elements count."""
    x, y = tf.placeholder(tf.int32, [len(left)]), tf.placeholder(tf.int32, [len(right)])
    values = tf.placeholder(tf.float32, [None] * len(left))
    first, _ = tf.raw_ops.BroadcastGradientArgs(s0=x, s1=y)
    feeds = {x: left, y: right, values: np.arange(np.prod(left, dtype=int)).reshape(left)}
    with tf.Session() as session:
        assert session.run(first + 1, feeds).tolist() == [axis + 1 for axis in axes]
        assert session.run(tf.reduce_sum(values, first) + 1, feeds).tolist() == summed


def test_sizes_of_fed_tensors_that_do_not_fit_are_refused(executor):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    axes = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(x), s1=tf.shape(y))
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match=r"Incompatible shapes: \[2\] vs. \[3\]"),
    ):
        session.run(axes[0], {x: [1, 2], y: [1, 2, 3]})
