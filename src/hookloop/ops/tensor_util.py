"""Values of tensors that are known before the graph runs, and arrays as TensorProto messages."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.tensor import Tensor
from ..graph.tensor_proto import array_to_proto, proto_to_array
from ..shapes import UNKNOWN, TensorShape, from_internal, to_internal, unknown_shape
from .build import is_tensor
from .shape_context import StaticNode, is_known, partial_value
from .values import to_array

__all__ = ["get_static_value", "make_ndarray", "make_tensor_proto"]


# The ops that are followed when a value may decide which nodes are made: those of TensorFlow, so that the nodes are its own.
_KNOWN_BY_SHAPE = frozenset(("Shape", "Size", "Rank"))
_FOLLOWED = frozenset(("Range", "Cast", "Concat", "ConcatV2", "Pack", "Fill", "Equal", "NotEqual"))


def constant_value(tensor, partial=False):
    """The value of a tensor, if few and simple ops tell it before the graph runs.

    Args:
      tensor: a tensor.
      partial: whether unknown elements of a list of scalars may be None.

    Returns:
      A NumPy array, or None.
    """
    op = tensor.op
    if op.type == "Const":
        return op._attrs["value"]
    if op.type in _KNOWN_BY_SHAPE:
        value = partial_value(tensor)
        return value if value is not None and is_known(value) else None
    if op.type not in _FOLLOWED or (op.type == "Pack" and op._attrs["axis"]):
        return None
    if op.type == "Fill":
        value = constant_value(op.inputs[1])
        dims = tensor._shape
        known = value is not None and dims is not None and all(isinstance(d, int) for d in dims)
        return np.full(dims, value) if known else None
    values = [constant_value(t, partial and op.type == "Pack") for t in op.inputs]
    if partial and op.type == "Pack":
        if len({np.shape(value) for value in values}) > 1:  # arrays beside parts that are not known
            parts = np.empty(len(values), object)
            parts[:] = values
            return parts
        return np.array(values)
    if any(value is None for value in values):
        return None
    return op.op_def.reference(StaticNode(op), *values)


def get_static_value(tensor, partial=False):
    """The value of a tensor where it is known before the graph runs, else None; what is no tensor, as it is."""
    if not is_tensor(tensor):
        return tensor
    return constant_value(tensor, partial) if isinstance(tensor, Tensor) else None


def evaluated_constant(tensor):
    """The value of a tensor that is computed from constants alone, whatever the ops are; None for any other.

    Control inputs are not looked at, and shapes are not constants: as where TensorFlow's runtime is asked for a value while the graph
    is built.
    """
    values = {}  # operation -> its outputs
    waiting = [tensor.op]
    while waiting:
        op = waiting[-1]
        missing = [t.op for t in op.inputs if t.op not in values]
        if op in values or not missing:
            waiting.pop()
            if op not in values and not _evaluate(op, values):
                return None
        elif all(_is_computed(source) for source in missing):
            waiting.extend(missing)
        else:
            return None
    return values[tensor.op][tensor.value_index]


def _is_computed(op):
    op_def = op.op_def
    if op.type == "Const":
        return True
    return (
        bool(op.inputs) and op_def.reference is not None and op.type != "PlaceholderWithDefault" and not op_def.stateful
    )


def _evaluate(op, values):
    """Adds the outputs of an operation whose inputs are known; False where they are not constants, or it fails."""
    if op.type == "Const":
        values[op] = [op._attrs["value"]]
        return True
    if not _is_computed(op):
        return False
    try:
        with np.errstate(all="ignore"):
            outputs = op.op_def.reference(StaticNode(op), *(values[t.op][t.value_index] for t in op.inputs))
    except Exception:
        return False  # an operation that fails does so in the run, if it is run
    values[op] = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    return True


def constant_value_as_shape(tensor):
    """What is known of the shape that an integer tensor holds; -1 is a size that is not known."""
    value = partial_value(tensor)
    if value is not None:
        sizes = [UNKNOWN if d is UNKNOWN or d < 0 else int(d) for d in value.ravel()]
        return from_internal(tuple(sizes)) if value.ndim == 1 else unknown_shape()
    length = tensor._shape[0] if tensor._shape else UNKNOWN
    return unknown_shape(length if isinstance(length, int) else None)


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False):
    """A TensorProto of a value that `constant` takes."""
    dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    dims = to_internal(shape) if isinstance(shape, TensorShape) else shape
    array = to_array(values, dtype, dims, verify_shape)
    if dims is None or 0 in array.shape:
        return array_to_proto(array, dtype)
    given = to_array(values, dtype)
    return array_to_proto(given if given.size < array.size else array, dtype, array.shape)


def shapes_equal(tensor_proto, shape):
    """Whether a TensorProto is of a shape: a list of sizes or a TensorShapeProto."""
    if not hasattr(tensor_proto, "tensor_shape"):
        raise TypeError("tensor_proto is not a tensor_pb2.TensorProto object")
    sizes = [d.size for d in shape.dim] if hasattr(shape, "dim") else [int(d) for d in shape]
    return [d.size for d in tensor_proto.tensor_shape.dim] == sizes


def make_ndarray(tensor):
    """The array of a TensorProto."""
    return proto_to_array(tensor)
