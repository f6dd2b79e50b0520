"""The op within a loop or a conditional that gave a NaN: its nodes are computed one by one, as the reference does."""

from __future__ import annotations

import time

import numpy as np

from .._reference import ReferenceStep
from ..compile.pipeline import Feed, order_request

__all__ = ["first_inside"]

_PASSING = frozenset(("Enter", "Exit", "Identity", "LoopCond", "Merge", "NextIteration", "Switch"))

_SECONDS = 10  # after which the search ends: a loop takes a hundred times as long here as in a step


class _Found(Exception):
    """Ends a step: what comes behind is of no interest."""


def first_inside(tensor, session, feeds):
    """The op that makes the first NaN on the way to a result of a loop or a conditional.

    Args:
      tensor: the result.
      session: the session.
      feeds: tensor -> value, of what is known outside.

    Returns:
      (the op, the output that is not finite, its value), or None where none is found.

    Raises:
      DeadlineExceededError: where it would take too long.
    """
    units = order_request([tensor], [], [Feed(t, np.shape(value), value) for t, value in feeds.items()])
    step = _Watched(session, units, time.monotonic_ns() + int(_SECONDS * 1e9))
    step.fed = dict(feeds)
    step.environment.update(step.fed)
    try:
        step.run_units(units.root)
    except _Found:
        return step.found
    return None


def _passes(op):
    return op.type in _PASSING or op.type.startswith("TensorArray")


class _Watched(ReferenceStep):
    """A step that remembers the first op which gave a NaN, or the infinity that it was made of."""

    found = None

    def run_op(self, op):
        super().run_op(op)
        if not _passes(op) and any(self._has(np.isnan, t) for t in op.outputs):
            self.found = self._back(op)
            raise _Found

    def _has(self, wrong, tensor):
        value = self.environment.get(tensor)
        return tensor.dtype.is_floating and isinstance(value, (np.ndarray, np.generic)) and bool(wrong(value).any())

    def _is_bad(self, tensor):
        return self._has(lambda value: ~np.isfinite(value), tensor)

    def _back(self, op):
        """From the op that made the NaN to the one that made the infinity, where that is none that only passes it on."""
        last = op
        while True:
            output = next(tensor for tensor in last.outputs if self._is_bad(tensor))
            makers = [t.op for t in last.inputs if self._is_bad(t) and t.op.type != "Const" and not _passes(t.op)]
            if not makers:
                return last, output, self.environment[output]
            last = min(makers, key=lambda maker: maker._id)
