"""An op in words, for errors: what it is, of what, and where the user made it."""

from __future__ import annotations

from .. import errors
from ..shapes import TensorShape


def missing_feed(op):
    """The error of a run that needs a placeholder's value."""
    dtype = op.outputs[0].dtype
    shape = op.outputs[0].get_shape()
    text = f"You must feed a value for placeholder tensor {op.name!r} with dtype {dtype.name}"
    if isinstance(shape, TensorShape) and shape.ndims is not None:
        text += " and shape [" + ",".join("?" if d is None else str(d) for d in shape.as_list()) + "]"
    return errors.InvalidArgumentError(None, op, text)


def describe(op, environment=None):
    """Where an error happened: the op, the shapes of its inputs (known better from `environment`), the user's line."""
    parts = []
    for tensor in op.inputs:
        value = environment.get(tensor) if environment is not None else None
        shape = value.shape if value is not None else tensor._shape
        dims = "?" if shape is None else ",".join(str(d) if isinstance(d, int) else "?" for d in shape)
        parts.append(f"{tensor.name} {tensor.dtype.base_dtype.name}[{dims}]")
    text = f"[in {op.type} {op.name!r}"
    if parts:
        text += " of " + ", ".join(parts)
    location = getattr(op, "_location", None)
    if location:
        text += f", made at {location[0]}:{location[1]}"
    return text + "]"
