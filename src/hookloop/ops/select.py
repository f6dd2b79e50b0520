"""Choosing between two values by a condition, element by element or row by row."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..shapes import as_shape
from . import kinds
from .build import apply_op, convert_to_tensor
from .core import identity
from .indexed_slices import IndexedSlices
from .registry import OpDef, register

__all__ = ["accumulate_n", "add_n", "where", "where_v2"]


def _select_shape(c):
    known = [c.shape(i) for i in (1, 2) if c.known(i)]
    if not known:
        return None
    shape = known[0] if len(known) == 1 else c.merge_shapes(*known)
    if c.known(0):
        condition = c.shape(0)
        if len(condition) == 1 and shape:
            rows = c.merge(condition[0], shape[0])
            if hasattr(
                c, "emit"
            ):  # while the graph is built it must fit, but tells nothing of the result, as in TensorFlow
                shape = (rows, *shape[1:])
        elif condition:
            shape = c.merge_shapes(condition, shape)
    return shape


def _row_condition(condition, rank):
    """A condition for each row, seen with the axes of the rows behind it."""
    condition = np.asarray(condition)
    return condition.reshape(condition.shape + (1,) * (rank - 1)) if condition.ndim == 1 and rank > 1 else condition


def _select_reference(node, condition, x, y):
    return np.where(_row_condition(condition, np.ndim(x)), x, y)


def _select_lower(c, node):
    condition, x, y = node.inputs
    rank = len(x.shape)
    if len(condition.shape) == 1 and rank > 1:
        rows = c.temp(condition.dtype, (*condition.shape, *(1,) * (rank - 1)))
        rows.buffer = None
        c.alias(rows, condition)
        condition = rows
    c.emit("select", [condition, x, y], node.outputs, overwrites=(1, 2) if len(condition.shape) == rank else ())


def _select_gradient(op, grad):
    from .array import zeros_like

    condition, x = op.inputs[0], op.inputs[1]
    zeros = zeros_like(x)
    return [None, _select(condition, grad, zeros), _select(condition, zeros, grad)]


def _select(condition, x, y, name=None):
    return apply_op("Select", [condition, x, y], name=name)


def _broadcast_shape(c):
    if not all(c.known(i) for i in range(3)):
        return None
    return c.broadcast(c.shape(0), c.broadcast(c.shape(1), c.shape(2)))


def _select_v2_gradient(op, grad):
    from .array import reshape, shape
    from .array import zeros as tensor_of_zeros
    from .reduce import reduce_sum

    condition, x, y = op.inputs
    zeros = tensor_of_zeros([], dtype=grad.dtype.base_dtype)
    whole = None
    gradients = [None]
    for value, where_true, where_false in ((x, grad, zeros), (y, zeros, grad)):
        chosen = where_v2(condition, where_true, where_false)
        own = shape(value)
        if whole is None:
            whole = shape(op.outputs[0])
        axes, _ = apply_op("BroadcastGradientArgs", [own, whole])
        gradients.append(reshape(reduce_sum(chosen, axes, keepdims=True), own))
    return gradients


_ANY = kinds.NUMBER | kinds.BOOL | frozenset((dtypes.string,))

register(
    OpDef("Select", "condition: bool, t: T, e: T", "output: T", shape=_select_shape, lower=_select_lower, kernel=None,
          reference=_select_reference, gradient=_select_gradient, views="any"),
    OpDef("SelectV2", "condition: bool, t: T, e: T", "output: T", types={"T": _ANY}, shape=_broadcast_shape,
          kernel="select", reference=lambda node, c, x, y: np.where(c, x, y), gradient=_select_v2_gradient, views="any"),
)  # fmt: skip


def _add_n_shape(c):
    shape = None
    for i in range(len(c.inputs)):
        if c.known(i):
            shape = c.merge_shapes(shape, c.shape(i))
    return shape


def _add_n_lower(c, node):
    """Two terms are a plain sum, whose kernel takes views."""
    if len(node.inputs) == 2:
        c.emit("add", node.inputs, node.outputs, views="any", overwrites=(0, 1))
    else:
        c.emit("add_n", node.inputs, node.outputs, overwrites=(0,))


register(
    OpDef("AddN", "inputs: N * T", "sum: T", types={"T": kinds.NUMBER}, shape=_add_n_shape, lower=_add_n_lower,
          reference=lambda node, *x: np.add.reduce(x).astype(x[0].dtype),
          gradient=lambda op, grad: [grad] * len(op.inputs)),
    OpDef("AccumulateNV2", "inputs: N * T", "sum: T", attrs={"shape": None}, types={"T": kinds.NUMBER}, shape=_add_n_shape,
          lower=_add_n_lower, reference=lambda node, *x: np.add.reduce(x).astype(x[0].dtype),
          gradient=lambda op, grad: [grad] * len(op.inputs)),
)  # fmt: skip


def where(condition, x=None, y=None, name=None):
    """x where `condition` holds and y where it does not; without x and y the places where it holds.

    Args:
      condition: bool, of the shape of x, or a vector with one element for each row of x.
      x, y: tensors of one shape, or both None.
      name: the node's name.

    Returns:
      A tensor like x, or int64 [number of true elements, rank of the condition].

    Raises:
      ValueError: where only one of x and y is given.
    """
    if x is None and y is None:
        from .gather import where_true

        return where_true(condition, name)
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    return _select(condition, x, y, name)


def where_v2(condition, x=None, y=None, name=None):
    """`where` in which condition, x and y are broadcast to one shape."""
    if x is None and y is None:
        return where(condition, name=name)
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    return apply_op("SelectV2", [condition, x, y], name=name)


def add_n(inputs, name=None):
    """The sum of a list of tensors of one shape; sparse gradients among them become dense.

    Raises:
      ValueError: where it is no list of tensors of one shape and dtype.
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("inputs must be a list of at least one Tensor/IndexedSlices with the same dtype and shape")
    inputs = [x if isinstance(x, IndexedSlices) else convert_to_tensor(x) for x in inputs]
    if len(inputs) == 1:
        only = convert_to_tensor(inputs[0])
        return identity(only, name=name) if name else only
    return apply_op("AddN", [inputs], name=name)


def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    """The sum of a list of tensors of one shape.

    Args:
      inputs: the tensors.
      shape: their shape, where they do not tell it.
      tensor_dtype: their type, to be checked.
      name: the node's name.

    Raises:
      ValueError: where it is no list of tensors of one dtype, or shapes do not fit.
      TypeError: where they have another type than `tensor_dtype`.
    """
    refused = ValueError("inputs must be a list of at least one Tensor with the same dtype and shape")
    if not isinstance(inputs, (list, tuple)) or not inputs or any(isinstance(x, IndexedSlices) for x in inputs):
        raise refused
    inputs = [convert_to_tensor(x) for x in inputs]
    if any(x.dtype != inputs[0].dtype for x in inputs):
        raise refused
    shape = as_shape(shape)
    for x in inputs:
        shape = shape.merge_with(x.get_shape())
    if tensor_dtype is not None and tensor_dtype != inputs[0].dtype:
        raise TypeError(f"tensor_dtype is {tensor_dtype}, but input is of type {inputs[0].dtype}")
    if len(inputs) == 1:
        return identity(inputs[0], name=name) if name else inputs[0]
    total = apply_op("AccumulateNV2", [inputs], {"shape": shape}, name)
    total.set_shape(shape)
    return total
