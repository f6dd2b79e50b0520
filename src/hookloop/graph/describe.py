"""An op in words, for errors: what it is, of what, and where the user made it."""

from __future__ import annotations

import math

import numpy as np

from .. import errors
from ..shapes import TensorShape

# The types that TensorFlow's messages have other names for.
_MESSAGE_NAMES = {"float16": "half", "float32": "float", "float64": "double"}


def message_name(dtype):
    """A type's name in TensorFlow's messages."""
    return _MESSAGE_NAMES.get(dtype.name, dtype.name)


def no_kernel(op):
    """What is said of an op that no executor can run."""
    return f"{op.type} {op.name!r} cannot run: it has no kernel"


def missing_feed(op):
    """The error of a run that needs a placeholder's value."""
    dtype = message_name(op.outputs[0].dtype.base_dtype)
    shape = op.outputs[0].get_shape()
    text = f"You must feed a value for placeholder tensor {op.name!r} with dtype {dtype}"
    if isinstance(shape, TensorShape) and shape.ndims:  # of a scalar TensorFlow says no shape
        text += " and shape [" + ",".join("?" if d is None else str(d) for d in shape.as_list()) + "]"
    return errors.InvalidArgumentError(None, op, f"{text} {describe(op)}")


# What a step says that finds its session closed.
CLOSED_MEANWHILE = "The session was closed while the step was running"


def closed_meanwhile():
    """The error of a step whose session was closed."""
    return errors.CancelledError(None, None, CLOSED_MEANWHILE)


def uninitialized(key, op):
    """The error of a run that reads a variable before it has a value."""
    where = describe(op) if hasattr(op, "inputs") else ""
    return errors.FailedPreconditionError(None, op, f"Attempting to use uninitialized value {key} {where}")


def refuse_several_ranks(log, assumed):
    """Refuses a run whose calls of one op gave values of different ranks: no plan could make it, and each starts it again.

    Raises:
      errors.InvalidArgumentError: it is one.
    """
    ranks = {}
    for op, results in log or ():
        for tensor, result in zip(op.outputs, results):
            if ("rank", tensor) not in assumed:
                continue  # perhaps an object that is no array
            if ranks.setdefault(tensor, np.ndim(result)) != np.ndim(result):
                raise errors.InvalidArgumentError(
                    None, op,
                    f"values of ranks {ranks[tensor]} and {np.ndim(result)} came in one run, and what takes them is made for one "
                    f"rank {describe(op)}",
                )  # fmt: skip


def shape_in_run(tensor, shapes, registers):
    """The shape that a tensor has in a run.

    Args:
      tensor: the tensor.
      shapes: {tensor: shape}; a size is an int, the (factor, registers) of the products that it is the sum of, or None.
      registers: what is in each register.
    """
    shape = shapes.get(tensor)
    if shape is None:
        return tensor._shape
    return tuple([d if not isinstance(d, tuple) else _evaluated(d, registers) for d in shape])


def _evaluated(terms, registers):
    return sum(factor * math.prod(registers[r] for r in of) for factor, of in terms)


def describe(op, environment=None, shapes=None):
    """Where an error happened: the op, the shapes of its inputs (known better from `environment`, or as given), the
    user's line."""
    parts = []
    for i, tensor in enumerate(op.inputs):
        value = environment.get(tensor) if environment is not None else None
        shape = shapes[i] if shapes is not None else value.shape if value is not None else tensor._shape
        dims = "?" if shape is None else ",".join(str(d) if isinstance(d, int) else "?" for d in shape)
        parts.append(f"{tensor.name} {tensor.dtype.base_dtype.name}[{dims}]")
    text = f"[in {op.type} {op.name!r}"
    if parts:
        text += " of " + ", ".join(parts)
    location = getattr(op, "_location", None)
    if location:
        text += f", made at {location[0]}:{location[1]}"
    return text + "]"


def fed_where_written(op, place):
    """What is wrong where an input that an op writes to is fed, in words."""
    name = op.inputs[place].dtype.base_dtype.name
    return (
        f"Input {place} of node {op.name} was passed {name}, which is fed, incompatible with expected {name}_ref: a variable "
        "cannot be fed and written in one run"
    )
