"""`python.ops.gradient_checker_v2`: derivatives of a function as `gradients` gives them, beside finite differences."""

import numpy as np

from ...dtypes import as_dtype
from ...gradients import gradients
from ...graph.stack import get_default_session
from ...graph.tensor import Tensor
from ...ops.build import convert_to_tensor
from ...ops.core import placeholder

__all__ = ["compute_gradient", "max_error"]


def compute_gradient(f, x, delta=None):
    """The derivatives of a function, in the default session.

    Args:
      f: a function of tensors that gives one.
      x: a list of the values where they are taken.
      delta: half the step of the differences; 1/1024 by default.

    Returns:
      Two lists with an array [elements of the result, elements of the value] for each value: as `gradients` gives them, and by
      finite differences. A complex number is two elements.

    Raises:
      ValueError: where x is no list, or there is no default session.
    """
    if not isinstance(x, (list, tuple)):
        raise ValueError(f"`x` must be a list or tuple of Tensors (arrays that can be), not {type(x)}")
    session = get_default_session()
    if session is None:
        raise ValueError("compute_gradient needs a default session: `with session:` around it")
    values = [np.array(session.run(value) if isinstance(value, Tensor) else value) for value in x]
    with session.graph.as_default():
        inputs = [placeholder(as_dtype(value.dtype), value.shape) for value in values]
        result = f(*inputs)
        feeds = dict(zip(inputs, values))
        weights = placeholder(result.dtype, session.run(result, feeds).shape)
        slopes = gradients(result, inputs, grad_ys=weights)
    delta = 1 / 1024 if delta is None else delta
    by_gradients = [_by_gradients(session, slope, weights, feeds, value) for slope, value in zip(slopes, values)]
    return by_gradients, [_by_differences(session, result, feeds, tensor, delta) for tensor in inputs]


def _numbers(array):
    """The elements in a row; complex ones as two."""
    flat = np.ascontiguousarray(array).ravel()
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _by_gradients(session, slope, weights, feeds, value):
    shape, dtype = weights.shape.as_list(), weights.dtype.as_numpy_dtype
    count = _numbers(np.zeros(shape, dtype)).size
    found = np.zeros((count, _numbers(value).size), _numbers(value).dtype)
    if slope is None:
        return found
    slope = convert_to_tensor(slope)
    for i in range(count):
        weight = np.zeros(shape, dtype)
        weight.reshape(-1).view(_numbers(weight).dtype)[i] = 1
        found[i] = _numbers(session.run(slope, {**feeds, weights: weight}))
    return found


def _by_differences(session, result, feeds, tensor, delta):
    columns = []
    value = feeds[tensor]
    for i in range(_numbers(value).size):
        pair = []
        for step in (delta, -delta):
            moved = np.array(value)
            moved.reshape(-1).view(_numbers(moved).dtype)[i] += step
            pair.append(_numbers(session.run(result, {**feeds, tensor: moved})))
        columns.append((pair[0] - pair[1]) / (2 * delta))
    rows = result.shape.num_elements() or 0
    return np.stack(columns, 1) if columns else np.zeros((rows, 0), _numbers(value).dtype)


def max_error(grad1, grad2):
    """The largest difference between two lists of arrays; 0 where they are empty."""
    return max(
        (np.fabs(first - second).max() for first, second in zip(grad1, grad2) if first.size or second.size), default=0
    )
