"""Barriers: values by keys that several threads put together, and that are handed out when they are complete."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN, TensorShape
from .build import apply_op
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar
from .tensor_util import constant_value

__all__ = ["Barrier"]


def _run_barrier(call):
    """The barrier of this session; it is made when it is first used."""
    from ._barrier_states import BarrierState

    key = ("barrier", call.attr("shared_name") or call.op_name)
    found = call.resource_state.get(key)
    found = found or call.resource_state.setdefault(key, BarrierState(call.op))
    found.check_shared(call.op)
    return found


def _state(handle):
    return handle[()] if isinstance(handle, np.ndarray) else handle


def _run_insert(call, handle, keys, values):
    _state(handle).insert(call.attr("component_index"), list(keys), values)
    return ()


def _run_take(call, handle, count):
    count = int(count)
    if count < 0:
        raise ValueError(f"Argument num_elements must be nonnegative: {count}")
    return _state(handle).take(call, count, call.attr("allow_small_batch"))


def _run_close(call, handle):
    _state(handle).close(call.attr("cancel_pending_enqueues"))
    return ()


def _insert_shape(c):
    if c.known(1) and c.known(2):
        c.merge_shapes(c.shape(1)[:1], c.shape(2)[:1])
    return nothing(c)


def _take_shape(c):
    if c.has_constant(1) and int(c.constant(1)) < 0:
        c.fail(f"Dimension {int(c.constant(1))} must be >= 0")
    return [(UNKNOWN,), (UNKNOWN,), *[None] * len(c.attr("component_types"))]


def _use(name, inputs, outputs, host, shape, **more):
    inputs = "handle: Ref(string)" + (f", {inputs}" if inputs else "")
    return OpDef(name, inputs, outputs, shape=shape, host=host, stateful=True, gradient=no_gradient, **more)


register(
    OpDef("Barrier", "", "handle: Ref(string)",
          attrs={"component_types": None, "shapes": [], "capacity": -1, "container": b"", "shared_name": b""},
          minima={"component_types": 1}, shape=scalar, host=_run_barrier, stateful=True, gradient=no_gradient),
    _use("BarrierInsertMany", "keys: string, values: T", "", _run_insert, _insert_shape, attrs={"component_index": None},
         ranks={"keys": 1}, least_ranks={"values": 1}),
    _use("BarrierTakeMany", "num_elements: int32", "indices: int64, keys: string, values: component_types", _run_take, _take_shape,
         attrs={"component_types": [], "allow_small_batch": False, "wait_for_incomplete": False, "timeout_ms": -1},
         minima={"component_types": 1}, ranks={"num_elements": 0}),
    _use("BarrierClose", "", "", _run_close, nothing, attrs={"cancel_pending_enqueues": False}),
    _use("BarrierReadySize", "", "size: int32", lambda call, handle: _state(handle).ready_size(), scalar),
    _use("BarrierIncompleteSize", "", "size: int32", lambda call, handle: _state(handle).incomplete_size(), scalar),
)  # fmt: skip

BarrierTakeMany = namedtuple("BarrierTakeMany", ["indices", "keys", "values"])


def _fixed_shapes(shapes):
    if isinstance(shapes, TensorShape) or all(shape is None or isinstance(shape, int) for shape in shapes):
        shapes = [shapes]
    shapes = [TensorShape(shape) for shape in shapes]
    if not all(shape.is_fully_defined() for shape in shapes):
        raise ValueError(f"All shapes must be fully defined: {shapes}")
    return shapes


class Barrier:
    """Values by keys. A value is a tuple whose components are inserted one after the other; it is taken when it is complete.

    Values are taken in the order in which their first components came.

    Args:
      types: the type of a value's component, or several.
      shapes: their shapes; scalars without them.
      shared_name: the name of the barrier in the session; by default the node's.
      name: the node's name.

    Raises:
      ValueError: where one of the shapes has no elements.
    """

    def __init__(self, types, shapes=None, shared_name=None, name="barrier"):
        types = [dtypes.as_dtype(t) for t in types] if isinstance(types, (list, tuple)) else [dtypes.as_dtype(types)]
        self._types = types
        if shapes is None:
            self._shapes = [TensorShape(None) for _ in types]
        else:
            self._shapes = _fixed_shapes(shapes)
            for i, shape in enumerate(self._shapes):
                if shape.num_elements() == 0:
                    raise ValueError(f"Empty tensors are not supported, but received shape '{shape}' at index {i}")
        attrs = {"component_types": types, "shapes": self._shapes, "shared_name": shared_name or ""}
        self._barrier_ref = apply_op("Barrier", [], attrs, name)
        self._name = self._barrier_ref.op.name.split("/")[-1]

    @property
    def barrier_ref(self):
        """The tensor that stands for the barrier."""
        return self._barrier_ref

    @property
    def name(self):
        """The name of the barrier's node."""
        return self._barrier_ref.op.name

    def _use(self, type, inputs=(), attrs=None, name=None):
        return apply_op(type, [self._barrier_ref, *inputs], attrs, name or f"{self._name}_{type}")

    def insert_many(self, component_index, keys, values, name=None):
        """The operation that gives each key its value of a component.

        Args:
          component_index: which component.
          keys: a vector of texts.
          values: as many, along the first axis.
          name: the operation's name.

        Returns:
          The operation. Running it raises `InvalidArgumentError` where a key has a value of that component already, and
          `CancelledError` for a new key where the barrier is closed.
        """
        return self._use("BarrierInsertMany", [keys, values], {"component_index": component_index}, name)

    def take_many(self, num_elements, allow_small_batch=False, timeout=None, name=None):
        """Takes values that are complete; running it waits until there are enough.

        Args:
          num_elements: how many.
          allow_small_batch: whether fewer are enough where the barrier is closed.
          timeout: accepted; a time limit is that of the run.
          name: the operation's name.

        Returns:
          (indices, keys, values): with which insertion of new keys the values began, counted from -2^63; their keys; a list of the
          components. Running it raises `OutOfRangeError` where the barrier is closed and has not enough.
        """
        attrs = {"component_types": self._types, "allow_small_batch": allow_small_batch}
        if timeout is not None:
            attrs["timeout_ms"] = timeout
        indices, keys, *values = self._use("BarrierTakeMany", [num_elements], attrs, name)
        count = None if allow_small_batch else constant_value(indices.op.inputs[1])
        count = None if count is None else int(count)
        for tensor, shape in zip((indices, keys, *values), [TensorShape([])] * 2 + self._shapes):
            tensor.set_shape(TensorShape([count]).concatenate(shape))
        return BarrierTakeMany(indices, keys, values)

    def close(self, cancel_pending_enqueues=False, name=None):
        """The operation after which no new keys are taken; values that have begun may be completed.

        Args:
          cancel_pending_enqueues: whether values that have begun are dropped.
          name: the operation's name.
        """
        return self._use("BarrierClose", attrs={"cancel_pending_enqueues": cancel_pending_enqueues}, name=name)

    def ready_size(self, name=None):
        """How many values are complete, an int32 scalar."""
        return self._use("BarrierReadySize", name=name)

    def incomplete_size(self, name=None):
        """How many values have begun and are not complete, an int32 scalar."""
        return self._use("BarrierIncompleteSize", name=name)
