"""Derivatives as `gradients` gives them, beside finite differences."""

from __future__ import annotations

import numpy as np

from ..gradients import gradients
from ..graph.stack import get_default_session
from ..ops.build import convert_to_tensor
from ..ops.core import identity


def compute_gradient(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None):
    """The derivatives of y by x as `gradients` gives them, and by finite differences, in the default session.

    Args:
      x: a tensor of floats, or a list of them.
      x_shape: its shape, or a list of shapes.
      y: a tensor.
      y_shape: its shape.
      x_init_value: where the derivatives are taken, or a list; random by default.
      delta: half the step of the differences.
      init_targets: operations to be run before.
      extra_feed_dict: what else is fed.

    Returns:
      A pair of arrays [elements of x, elements of y], or a list of pairs.

    Raises:
      ValueError: without a default session, or where y does not depend on x.
    """
    session = get_default_session()
    if session is None:
        raise ValueError("compute_gradient needs a default session: `with session:` around it")
    for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
        if target is not None:
            session.run(target)
    one = not isinstance(x, (list, tuple))
    xs, shapes, values = ([x], [x_shape], [x_init_value]) if one else (list(x), list(x_shape), x_init_value)
    if values is None:
        values = [None] * len(xs)
    values = [
        np.asarray(np.random.random_sample(shape) if value is None else value, tensor.dtype.as_numpy_dtype)
        for tensor, shape, value in zip(xs, shapes, values)
    ]
    feeds = {**(extra_feed_dict or {}), **dict(zip(xs, values))}
    found = [
        (_by_gradients(session, tensor, y, y_shape, feeds), _by_differences(session, tensor, y, delta, feeds))
        for tensor in xs
    ]
    return found[0] if one else found


def _by_gradients(session, x, y, y_shape, feeds):
    weights = convert_to_tensor(np.zeros(y_shape, y.dtype.as_numpy_dtype))
    (slopes,) = gradients(y, x, grad_ys=identity(weights))
    if slopes is None:
        raise ValueError(f"{y} does not depend on {x}")
    columns = np.eye(int(np.prod(y_shape, dtype=int)), dtype=y.dtype.as_numpy_dtype)
    slopes = convert_to_tensor(slopes)
    rows = [session.run(slopes, {**feeds, weights: column.reshape(y_shape)}).ravel() for column in columns]
    return np.stack(rows, 1) if rows else np.zeros((feeds[x].size, 0))


def _by_differences(session, x, y, delta, feeds):
    rows = []
    for i in range(feeds[x].size):
        pair = []
        for step in (delta, -delta):
            moved = feeds[x].copy()
            moved.reshape(-1)[i] += step
            pair.append(np.asarray(session.run(y, {**feeds, x: moved}), float))
        rows.append(((pair[0] - pair[1]) / (2 * delta)).ravel())
    return np.stack(rows) if rows else np.zeros((0, y.get_shape().num_elements() or 0))


def compute_gradient_error(
    x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None
):
    """The largest difference between the two arrays of `compute_gradient`, whose arguments these are."""
    pairs = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    pairs = [pairs] if isinstance(pairs, tuple) else pairs
    return max((float(np.max(np.abs(a - b))) for a, b in pairs if a.size or b.size), default=0.0)
