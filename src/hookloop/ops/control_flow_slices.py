"""Switch, Merge and the ends of loops for slices too, as `control_flow_ops` has them: a node for each part."""

from __future__ import annotations

from ..graph.scopes import name_scope
from . import op_functions
from .array import shape
from .build import convert_to_tensor
from .indexed_slices import IndexedSlices
from .ranges import range
from .tensor_parts import parts, restored

__all__ = ["exit", "merge", "switch"]


def switch(data, pred, dtype=None, name=None):
    """`data` as the first of two where `pred` is false, as the second where it is true.

    Args:
      data: a tensor or slices.
      pred: a scalar boolean tensor.
      dtype: the type of a tensor's elements, where `data` does not tell it.
      name: the node's name.
    """
    with name_scope(name, "Switch", [pred]) as scope:
        pred = convert_to_tensor(pred, name="pred")
        if not isinstance(data, IndexedSlices):
            return op_functions.switch(convert_to_tensor(data, dtype=dtype, name="data"), pred, name=scope)
        off, on = zip(*(op_functions.switch(part, pred) for part in parts(data)))
        return restored(data, off), restored(data, on)


def merge(inputs, name=None):
    """The input that is there, and its place among the inputs.

    Args:
      inputs: tensors or slices, of which one is there.
      name: the node's name.

    Raises:
      ValueError: an input is None, or slices have other parts than others.
    """
    if any(value is None for value in inputs):
        raise ValueError(f"At least one of the merge inputs is None: {inputs}")
    with name_scope(name, "Merge") as scope:
        if not any(isinstance(value, IndexedSlices) for value in inputs):
            return op_functions.merge(inputs, scope)
        slices = [_as_slices(value) for value in inputs]
        if len({len(parts(value)) for value in slices}) > 1:
            raise ValueError("merge() needs slices that all have a dense shape, or none of which has one")
        merged = [op_functions.merge(list(each)) for each in zip(*map(parts, slices))]
        return restored(slices[0], [output for output, _ in merged]), merged[0][1]


def _as_slices(value):
    """All rows of a tensor as slices."""
    if isinstance(value, IndexedSlices):
        return value
    value = convert_to_tensor(value)
    form = shape(value)
    return IndexedSlices(value, range(0, form[0]), form)


def exit(data, name=None):
    """A tensor or slices after a loop."""
    if not isinstance(data, IndexedSlices):
        return op_functions.exit(data, name)
    return restored(data, [op_functions.exit(part, name) for part in parts(data)])
