"""`tf.test`: a `unittest.TestCase` that compares arrays and gives each test its own graph."""

from __future__ import annotations

import os as _os
import tempfile as _tempfile
import unittest as _unittest
from contextlib import contextmanager as _contextmanager

import numpy as _np

from .gradients import gradients as _gradients
from .graph.graph import Graph as _Graph
from .graph.random_seed import set_random_seed as _set_random_seed
from .graph.stack import get_default_session as _get_default_session
from .ops.build import convert_to_tensor as _convert_to_tensor
from .ops.core import identity as _identity
from .test_assertions import Assertions as _Assertions

__all__ = [
    "TestCase", "compute_gradient", "compute_gradient_error", "get_temp_dir", "gpu_device_name", "is_built_with_cuda", "is_built_with_gpu_support", "is_built_with_rocm", "is_gpu_available", "main",
]  # fmt: skip

_temporary = None


class TestCase(_Assertions, _unittest.TestCase):
    """A test with a graph of its own, sessions and comparisons of arrays."""

    def setUp(self):
        self._graph = _Graph()
        self._entered = self._graph.as_default()
        self._entered.__enter__()
        self.addCleanup(self._entered.__exit__, None, None, None)
        _set_random_seed(87654321)

    def get_temp_dir(self):
        """A directory for this test's files."""
        path = _os.path.join(get_temp_dir(), self.id())
        _os.makedirs(path, exist_ok=True)
        return path

    @_contextmanager
    def session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """A session as the default one."""
        from .session import Session

        with Session(graph=graph or self._graph, config=config) as session:
            yield session

    cached_session = session

    def test_session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """`session`, under its older name, by which runners of tests take it for one."""
        if self._testMethodName == "test_session":
            self.skipTest("Not a test.")
        return self.session(graph, config, use_gpu, force_gpu)

    def evaluate(self, tensors):
        """The values of tensors, by the default session where there is one."""
        from .graph.stack import get_default_session

        session = get_default_session()
        if session is not None:
            return session.run(tensors)
        with self.session() as session:
            return session.run(tensors)


def get_temp_dir():
    """A directory for the files of this process's tests, removed when it ends."""
    global _temporary
    if _temporary is None:
        _temporary = _tempfile.TemporaryDirectory(prefix="hookloop_test_")
    return _temporary.name


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    return False


def is_built_with_cuda():
    return False


def gpu_device_name():
    return ""


def main(argv=None):
    """Runs the program's tests."""
    _unittest.main(argv=argv)


def is_built_with_gpu_support():
    """Whether there is code for GPUs: no."""
    return False


def is_built_with_rocm():
    """Whether there is code for AMD's GPUs: no."""
    return False


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
    session = _get_default_session()
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
        _np.asarray(_np.random.random_sample(shape) if value is None else value, tensor.dtype.as_numpy_dtype)
        for tensor, shape, value in zip(xs, shapes, values)
    ]
    feeds = {**(extra_feed_dict or {}), **dict(zip(xs, values))}
    found = [
        (_by_gradients(session, tensor, y, y_shape, feeds), _by_differences(session, tensor, y, delta, feeds))
        for tensor in xs
    ]
    return found[0] if one else found


def _by_gradients(session, x, y, y_shape, feeds):
    weights = _convert_to_tensor(_np.zeros(y_shape, y.dtype.as_numpy_dtype))
    (slopes,) = _gradients(y, x, grad_ys=_identity(weights))
    if slopes is None:
        raise ValueError(f"{y} does not depend on {x}")
    columns = _np.eye(int(_np.prod(y_shape, dtype=int)), dtype=y.dtype.as_numpy_dtype)
    slopes = _convert_to_tensor(slopes)
    rows = [session.run(slopes, {**feeds, weights: column.reshape(y_shape)}).ravel() for column in columns]
    return _np.stack(rows, 1) if rows else _np.zeros((feeds[x].size, 0))


def _by_differences(session, x, y, delta, feeds):
    rows = []
    for i in range(feeds[x].size):
        pair = []
        for step in (delta, -delta):
            moved = feeds[x].copy()
            moved.reshape(-1)[i] += step
            pair.append(_np.asarray(session.run(y, {**feeds, x: moved}), float))
        rows.append(((pair[0] - pair[1]) / (2 * delta)).ravel())
    return _np.stack(rows) if rows else _np.zeros((0, y.get_shape().num_elements() or 0))


def compute_gradient_error(
    x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None, extra_feed_dict=None
):
    """The largest difference between the two arrays of `compute_gradient`, whose arguments these are."""
    pairs = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict)
    pairs = [pairs] if isinstance(pairs, tuple) else pairs
    return max((float(_np.max(_np.abs(a - b))) for a, b in pairs if a.size or b.size), default=0.0)


def __dir__():
    return sorted(__all__)
