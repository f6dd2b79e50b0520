"""`tf.debugging.assert_shapes`: sizes of several tensors that must be equal, or be given numbers."""

from __future__ import annotations

import numpy as np

from ..graph.scopes import name_scope
from .array import shape as shape_of
from .build import convert_to_tensor
from .check import assert_rank, assert_rank_in
from .core import group
from .math import equal
from .printing import Assert

__all__ = ["assert_shapes"]


def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless tensors have the shapes that go together.

    Args:
      shapes: a dict tensor -> its shape, an iterable of sizes: a number, or anything else for a size that is the same wherever it
        stands. A shape of one size fits a scalar too.
      data: tensors to show on failure; by default what was expected, and the shape.
      summarize: how many elements of each to show.
      message: text to begin with.
      name: the operation's name.

    Returns:
      The operation, which checks what is not known yet.

    Raises:
      ValueError: where a shape is known to be wrong.
    """
    message = message or ""
    with name_scope(name, "assert_shapes", [*shapes, data]):
        tensors = [(convert_to_tensor(tensor), tuple(wanted)) for tensor, wanted in shapes.items()]
        sizes = [_sizes(tensor) for tensor, _ in tensors]
        checks, known = [], {}
        for (tensor, wanted), found in zip(tensors, sizes):
            checks.append(_check_rank(tensor, wanted, data, summarize, message))
            if found is None:
                continue
            for axis, (symbol, size) in enumerate(zip(wanted, found)):
                if isinstance(symbol, (int, np.integer)):
                    first, where = int(symbol), "Specified explicitly"
                elif symbol not in known:
                    known[symbol] = size, f"Specified by tensor {tensor.name} dimension {axis}"
                    continue
                else:
                    first, where = known[symbol]
                checks.append(_check_size(tensor, axis, size, first, where, data, summarize, message))
        return group(*(check for check in checks if check is not None))


def _sizes(tensor):
    """The size of each axis, as far as it is known a number, else a tensor; of a scalar, one of size 1."""
    if tensor._shape is None:
        return None
    if not tensor._shape:
        return [1]
    if all(isinstance(d, int) for d in tensor._shape):
        return list(tensor._shape)
    sizes = shape_of(tensor)
    return [d if isinstance(d, int) else sizes[axis] for axis, d in enumerate(tensor._shape)]


def _check_rank(tensor, wanted, data, summarize, message):
    if len(wanted) == 1:
        return assert_rank_in(tensor, [0, 1], data, summarize, message)
    return assert_rank(tensor, len(wanted), data, summarize, message)


def _check_size(tensor, axis, size, wanted, where, data, summarize, message):
    if isinstance(size, int) and isinstance(wanted, int):
        if size != wanted:
            raise ValueError(
                f"{message}.  {where}.  Tensor {tensor.name} dimension {axis} must have size {wanted}.  "
                f"Received size {size}, shape {tensor.shape}"
            )
        return None
    if data is None:
        data = [message, where, f"Tensor {tensor.name} dimension", axis, "must have size", wanted, "Received shape: ",
                shape_of(tensor)]  # fmt: skip
    return Assert(equal(size, wanted), data, summarize=summarize)
