"""Sums over axes that sizes decide: the gradients of operands that were broadcast.

The axes are those where an operand has one element and the other has not. Where sizes are open, such a sum waits for the
reshape behind it, which knows the shape to sum down to, and becomes one instruction. Who wants its value or shape before has
the axes decided, but for who wants no more than the axes: what only the run tells of them is worked out in it.
"""

from __future__ import annotations

import numpy as np

from .. import errors
from ..graph.describe import describe
from ..ops.shape_functions import one_of
from .ir import Value, same_shape
from .node import Node, NodeContext, Specialize, feeds_of, is_told_in_the_run
from .sizes import Size


class Deferred:
    """What is known of a value that waits: the axes of one operand, or a sum over them.

    Attributes:
      node: the node that gives the value.
      axes_node: the node that gives the axes.
      source: what is summed, or None for the axes themselves.
      shapes: the shapes of both operands.
      side: the operand whose axes they are, 0 or 1.
    """

    __slots__ = ("node", "axes_node", "source", "shapes", "side")

    def __init__(self, node, axes_node, source, shapes, side):
        self.node, self.axes_node, self.source, self.shapes, self.side = node, axes_node, source, shapes, side


def broadcast_axes(left, right):
    """The axes over which each side's gradient is summed; None where sizes leave it open."""
    axes = ([], [])
    if len(left) == len(right) and all(a is b or _are_equal(a, b) for a, b in zip(left, right)):
        return axes
    for axis, (a, b) in enumerate(_aligned(left, right)):
        if a is b or _are_equal(a, b):
            if not isinstance(a, Size) and a == 1:
                axes[0].append(axis), axes[1].append(axis)
            continue
        if not isinstance(a, Size) and a == 1 and not isinstance(b, Size):
            axes[0].append(axis)
        elif not isinstance(b, Size) and b == 1 and not isinstance(a, Size):
            axes[1].append(axis)
        else:
            return None, None
    return axes


def _are_equal(a, b):
    return not isinstance(a, Size) and not isinstance(b, Size) and a == b


def _aligned(left, right):
    rank = max(len(left), len(right))
    return zip([1] * (rank - len(left)) + list(left), [1] * (rank - len(right)) + list(right))


def _axes_to_sum(shapes, side):
    """The axes over which the sum of one side must go; None where sizes leave it open.

    An open size may be 1, but where the other operand has one element too there is nothing to sum.
    """
    axes = []
    for axis, pair in enumerate(_aligned(*shapes)):
        own, other = pair[side], pair[1 - side]
        if not isinstance(own, Size):
            if own == 1:
                axes.append(axis)
        elif own is not other and (isinstance(other, Size) or other != 1):
            return None
    return axes


def _is_read(atom):
    """Whether a size is an element of a shape that is fed or computed: only sizes of tensors have a sum behind them that is reshaped."""
    return atom.operation is None and not atom.natural


class OpenAxes:
    """The part of a `Lowerer` that lowers such sums."""

    def settled(self, value, node, exact=False) -> Value:
        """A value whose rank is known: where sizes that only running tells leave the axes open, they are decided.

        Args:
          exact: whether the value itself is wanted, by the user, not only what is made of it.
        """
        deferred = value.deferred
        if deferred is None:
            return value
        atoms = [a for shape in deferred.shapes for s in shape for a in self.sizes.atoms_of(s)]
        axes = _axes_to_sum(deferred.shapes, deferred.side)
        if (
            exact
            or axes is None
            or any(map(_is_read, atoms))
            or any(atom.origin is not None and atom.origin[0] in ("feed", "host") for atom in atoms)
        ):
            if any(map(is_told_in_the_run, atoms)):
                if deferred.source is None:
                    return self._axes_in_run(deferred)
                for i, shape in enumerate(deferred.axes_node.inputs):
                    if shape.symbol is not None and shape.symbol.dtype == object and feeds_of(self, shape):
                        raise self.unknown_constant(deferred.axes_node, i)  # the plan is for the shape that is fed
            if not atoms:
                left, right = (str([*map(int, shape)]).replace(", ", ",") for shape in deferred.shapes)
                op = deferred.axes_node.op
                text = f"Incompatible shapes: {left} vs. {right} {describe(op, self.environment)}"
                raise errors.InvalidArgumentError(None, op, text)
            raise Specialize(atoms, f"the rank of {deferred.node.name!r} depends on sizes")
        dtype = deferred.node.op.inputs[-1].dtype.base_dtype
        known = self.symbolic(dtype, np.array(axes, dtype.as_numpy_dtype))
        return known if deferred.source is None else self._sum(deferred, known)

    def _sum(self, deferred, axes):
        """The sum over axes that were decided, where the open region runs: the deferred one stays for who reshapes it."""
        op = deferred.node.op
        kept = self.environment[op.outputs[0]]
        self._general(Node(op, deferred.node.op_def, [deferred.source, axes], deferred.node.index))
        found, self.environment[op.outputs[0]] = self.environment[op.outputs[0]], kept
        return found

    def _axes_in_run(self, deferred):
        """The axes of one operand as a vector, of which the run tells how long it is and what it holds."""
        context = NodeContext(deferred.node, self)
        left, right = map(tuple, deferred.shapes)
        pairs = list(_aligned(left, right))
        context.broadcast(left, right)
        differ = int(len(left) != len(right))
        for a, b in pairs:
            (same,) = one_of(context, a - b, 1)
            differ = context.maximum(differ, 1 - same)
        summed = []
        for pair in pairs:
            (single,) = one_of(context, pair[deferred.side] - 1, 1)
            summed.append(context.minimum(single, differ))
        axes = np.zeros(len(pairs), object)
        for place in range(len(pairs)):
            before = 0
            for axis, flag in enumerate(summed):
                (here,) = one_of(context, before - place, 1)
                axes[place] = axes[place] + axis * context.minimum(here, flag)
                before = before + flag
        dtype = deferred.node.op.outputs[deferred.side].dtype.base_dtype
        whole = self.operand(self.symbolic(dtype, axes), None, deferred.node)
        return Value(dtype, (sum(summed),), whole.buffer, None, whole.offset)

    def _op_BroadcastGradientArgs(self, node):
        context = NodeContext(node, self)
        for i in (0, 1):
            shape = context.shape(i)
            if len(shape) != 1:
                context.fail(f"In[{i}] must be a vector.{list(context.at_hand(shape))}".replace(", ", ","))
        left, right = node.inputs[0].symbol, node.inputs[1].symbol
        if left is None or right is None:
            left, right = (np.array(context.sizes(i), object) for i in (0, 1))
        axes = broadcast_axes(left, right)
        dtype = node.op.outputs[0].dtype.base_dtype
        for side, (tensor, known) in enumerate(zip(node.op.outputs, axes)):
            if known is not None:
                self.environment[tensor] = self.symbolic(dtype, np.array(known, dtype.as_numpy_dtype))
            else:
                value = self.environment[tensor] = Value(dtype, None)
                value.deferred = Deferred(node, node, None, (left, right), side)

    def _op_Sum(self, node):
        axes = node.inputs[1].deferred
        if axes is None:
            self._general(node)
            return
        value = self.environment[node.op.outputs[0]] = Value(node.op.outputs[0].dtype.base_dtype, None)
        source = self.settled(node.inputs[0], node)
        value.deferred = Deferred(node, axes.axes_node, source, axes.shapes, axes.side)

    def _op_Reshape(self, node):
        """A deferred sum becomes one instruction that sums down to the shape asked for."""
        deferred = node.inputs[0].deferred
        if deferred is None or deferred.source is None:
            self._general(node)
            return
        context = NodeContext(node, self)
        shape = context.sizes(1)
        out = self.allocate(node.inputs[0].dtype, shape)
        if same_shape(deferred.source.shape, shape):
            out = deferred.source
        else:
            context.emit("sum_to", [deferred.source], [out], views=None)
        self.environment[node.op.outputs[0]] = out
