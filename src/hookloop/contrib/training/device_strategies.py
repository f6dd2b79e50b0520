"""Strategies of `replica_device_setter`: on which of several tasks a variable lies."""

from __future__ import annotations

import hashlib

from ...shapes import as_shape

__all__ = ["GreedyLoadBalancingStrategy", "RandomStrategy", "byte_size_load_fn"]


class RandomStrategy:
    """A task that follows from the op's name, in every run the same.

    Args:
      num_ps_tasks: how many tasks there are.
      seed: an integer.
    """

    def __init__(self, num_ps_tasks, seed=0):
        self._num_tasks = num_ps_tasks
        self._seed = seed

    def __call__(self, op):
        digest = hashlib.md5(f"{op.name}_{self._seed}".encode(), usedforsecurity=False).hexdigest()
        return int(digest, 16) % self._num_tasks


class GreedyLoadBalancingStrategy:
    """The task with the least load so far, the first of several.

    Args:
      num_tasks: how many tasks there are.
      load_fn: a function of an op that gives its load.
    """

    def __init__(self, num_tasks, load_fn):
        self._load_fn = load_fn
        self._loads = [0.0] * num_tasks

    def __call__(self, op):
        task = min(range(len(self._loads)), key=self._loads.__getitem__)
        self._loads[task] += self._load_fn(op)
        return task


def byte_size_load_fn(op):
    """The bytes of an op's only output.

    Raises:
      ValueError: where it has another number of outputs, or its size is not known.
    """
    if len(op.outputs) != 1:
        raise ValueError(f"Op {op} must have a single output")
    output = op.outputs[0]
    shape = output.get_shape()
    if not shape.is_fully_defined():
        shape = as_shape(op.get_attr("shape"))
    shape.assert_is_fully_defined()
    return shape.num_elements() * output.dtype.size
