"""Sums over axes that sizes decide: which axes are known, and what becomes of those that are not."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.node import Specialize
from hookloop.compile.open_axes import Deferred, OpenAxes, broadcast_axes
from hookloop.compile.sizes import SizeTable

from .programs import kernels, lowered

TABLE = SizeTable()
N, M = TABLE.fresh(), TABLE.fresh()


@pytest.mark.parametrize(
    ("left", "right", "axes"),
    [
        ((4, 3), (3,), ([], [0])),
        ((3,), (4, 3), ([0], [])),
        ((4, 1), (1, 3), ([1], [0])),
        ((1, 3), (1, 3), ([0], [0])),  # TensorFlow sums what both have once, too
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
    value.deferred = Deferred(type("Node", (), {"op": op, "name": op.name})(), None, (left, right), side)
    return value


@pytest.mark.parametrize(
    ("left", "right", "side", "axes"),
    [((N, 3), (), 1, [0, 1]), ((1, N), (M, N), 0, [0]), ((N, 3), (1, 3), 0, [])],
    ids=["a scalar", "a row", "nothing to sum"],
)
def test_axes_that_follow_whatever_the_sizes_are_settled(left, right, side, axes):
    """They hold also where an open size is 1: then there is nothing to sum."""
    assert _Lowerer().settled(deferred(left, right, side), None).tolist() == axes


def test_axes_that_a_size_decides_are_those_of_a_plan_for_that_size():
    with pytest.raises(Specialize, match="the rank of 'gradients/.*' depends on sizes") as caught:
        _Lowerer().settled(deferred((N, 3), (M, 3), 0), None)
    assert {atom.index for atom in caught.value.atoms} == {0, 1}


def test_a_value_that_does_not_wait_is_itself():
    value = type("Value", (), {"deferred": None})()
    assert _Lowerer().settled(value, None) is value


def test_the_reshape_behind_an_open_sum_makes_it_one_instruction():
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    program = lowered(tf.gradients(x * y, [x]), {x: np.ones((4, 3)), y: np.ones((1, 3))})
    assert kernels(program).count("sum_to") == 1 and "sum" not in kernels(program)
