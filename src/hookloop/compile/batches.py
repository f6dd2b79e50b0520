"""Lowering of `IteratorGetNext`: the element that a run takes before all else, whose components are like feeds.

So a batch's sizes are known before the run, and its rows are read where they lie. Where the element is taken in the middle of a
run (inside a conditional or a loop, after an op that it depends on), or is text, or of no known rank, it is a call of the host.
"""

from __future__ import annotations

from .host import OpenSizes, shapes_of
from .ir import FEED, Buffer, Value
from .regions import OP

_STARTED = frozenset(("IteratorV2", "OneShotIterator"))
_OBJECTS = frozenset(("string", "resource", "variant"))


class FirstElements:
    """Which ops of a request take their iterator's element before all else.

    Attributes:
      calls: these ops.
      iterators: the ops of iterators that nothing else asks.
    """

    def __init__(self, units):
        raised = units.raised
        asks = "IteratorGetNext" in raised.kinds and "MakeIterator" not in raised.kinds
        self.calls = {unit.op for unit in units.root if _may_come_first(unit, raised.feeds)} if asks else frozenset()
        self.iterators = {op.inputs[0].op for op in self.calls}
        if self.iterators:
            others = (op for op in raised.needed if op not in self.calls)
            self.iterators -= {tensor.op for op in others for tensor in op.inputs} | raised.kept

    def __contains__(self, op):
        return op in self.calls


def _may_come_first(unit, feeds):
    op = unit.op
    return (
        unit.kind == OP
        and op.type == "IteratorGetNext"
        and not op.control_inputs
        and op.inputs[0].op.type in _STARTED
        and not op.inputs[0].op.control_inputs
        and not any(tensor in feeds for tensor in (*op.inputs, *op.outputs))
        and all(t._shape is not None and t.dtype.base_dtype.name not in _OBJECTS for t in op.outputs)
    )


class BatchCall:
    """An iterator's element in a plan.

    Attributes:
      op: the `IteratorGetNext`; `iterator` the op of its iterator; `node` its index.
      first_feed: the place of its first component among the feeds.
      components: for each its value, and for each axis whether the element sets the size.
    """

    __slots__ = ("components", "first_feed", "iterator", "node", "op")

    def __init__(self, op, node, first_feed):
        self.op = op
        self.iterator = op.inputs[0].op
        self.node = node
        self.first_feed = first_feed
        self.components = []


def lower_batch(lowerer, node, context):
    """Adds a `BatchCall` for a node; its outputs are feeds behind the caller's."""
    call = BatchCall(node.op, node.index, len(lowerer.request.feeds) + sum(len(c.components) for c in lowerer.batches))
    sizes = OpenSizes(lowerer, node.op, group=0)
    for tensor, shape in zip(node.op.outputs, shapes_of(node, context)):
        known = len(sizes.fresh)
        dims, sets = [], []
        for axis, dim in enumerate(shape):
            dims.append(sizes.size(tensor, axis) if dim is None else dim)
            sets.append(len(sizes.fresh) > known)
            known = len(sizes.fresh)
        size = 1
        for dim in dims:
            size = size * dim
        dtype = tensor.dtype.base_dtype
        buffer = Buffer(FEED, dtype, size, ("feed", call.first_feed + len(call.components)))
        value = Value(dtype, tuple(dims), buffer)
        call.components.append((value, sets))
        lowerer.environment[tensor] = value
    lowerer.batches.append(call)
