"""The accumulators themselves, as a session holds them: sums of gradients, how many there are, and who waits for them."""

from __future__ import annotations

import threading

import numpy as np

from .. import errors


class AccumulatorState:
    """Gradients added up until somebody takes their mean or sum.

    Args:
      op: the node that stands for it.
    """

    def __init__(self, op):
        self._shape = op.get_attr("shape").as_list() if op.get_attr("shape").ndims is not None else None
        self._mean = op.get_attr("reduction_type") == b"MEAN"
        self._step = 0
        self._count = 0
        self._total = None
        self._changed = threading.Condition()

    def count(self):
        with self._changed:
            return np.int32(self._count)

    def set_step(self, step):
        with self._changed:
            if step < self._step:
                from .. import logging

                logging.warning("Attempt to set current_global_step_ to smaller value: current_global_step_ = %d >= %d "
                                "= new_global_step.", self._step, step)  # fmt: skip
            self._step = int(step)

    def close_session(self):
        with self._changed:
            self._changed.notify_all()

    def apply(self, local_step, gradient):
        """Adds a gradient, unless it was worked out before the accumulator's step."""
        with self._changed:
            if local_step < self._step:
                return
            self._check(gradient)
            self._total = self._first(gradient) if self._count == 0 else self._sum(gradient)
            self._count += 1
            self._changed.notify_all()

    def take(self, call, required):
        """Waits until there are so many gradients, and hands out what they make; the accumulator goes on to the next step."""
        if required <= 0:
            raise errors.InvalidArgumentError(
                None, None, f"Argument num_required must be positive, but was {int(required)}"
            )
        with self._changed:
            while self._count < required:
                call.wait(self._changed, "TakeGrad")
            result = self._result()
            self._total, self._count = None, 0
            self._step += 1
            return result

    def _mismatch(self, text):
        raise errors.InvalidArgumentError(None, None, f"Shape mismatch: {text}")

    # --- what is added up -----------------------------------------------------------------------------

    def _check(self, gradient):
        fits = self._shape is None or (
            len(self._shape) == gradient.ndim and all(d in (None, n) for d, n in zip(self._shape, gradient.shape))
        )
        if not fits:
            self._mismatch(f"expected {_sizes(self._shape)}, got {_sizes(gradient.shape)}")
        if self._count and self._total.shape != gradient.shape:
            self._mismatch(f"expected {_sizes(self._total.shape)}, got {_sizes(gradient.shape)}")

    def _first(self, gradient):
        return gradient.copy()

    def _sum(self, gradient):
        return np.add(self._total, gradient, out=self._total)

    def _result(self):
        return self._total / self._total.dtype.type(self._count) if self._mean else self._total


def _sizes(shape):
    return "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"


class SparseAccumulatorState(AccumulatorState):
    """Rows of gradients with their indices; a mean is over the gradients that have a row of that index.

    A gradient is (indices, rows, shape or None). Indices that are in order are added up where they are equal; others stay
    beside each other.
    """

    def _check(self, gradient):
        indices, rows, shape = gradient
        if indices.ndim != 1:
            self._refuse(f"Input indices should be vector but received shape: {_sizes(indices.shape)}")
        if rows.ndim < 1:
            self._refuse("Values cannot be 0-dimensional.")
        if len(rows) != len(indices):
            self._refuse(f"Expected {len(indices)} non-empty input values, got {len(rows)}")
        own = self._shape or []
        if shape is not None:
            self._check_shape(own, shape)
        if own and own[0] is not None:
            for i in np.flatnonzero(indices >= own[0])[:1]:
                self._mismatch(f"index of slice {i} exceeded limits of shape; index is {indices[i]} exceeded {own[0]}")
        if self._count:
            self._check_rows(self._total[1].shape, rows, "expected values rank {0}, got {1}", exact=True)
        else:
            self._check_rows(own, rows, "expected values rank at least {0}, got {1}", exact=False)

    @staticmethod
    def _refuse(text):
        raise errors.InvalidArgumentError(None, None, text)

    def _check_shape(self, own, shape):
        if len(own) > shape.size:
            self._mismatch(f"expected shape rank at least {len(own)}, got {shape.size}")
        for i, (wanted, size) in enumerate(zip(own, shape)):
            if wanted is not None and wanted != size:
                self._mismatch(f"expected shape dim {i} to be {wanted}, got {size}")

    def _check_rows(self, own, rows, about_ranks, exact):
        if len(own) > rows.ndim or (exact and len(own) != rows.ndim):
            self._mismatch(about_ranks.format(len(own), rows.ndim))
        for i in range(1, len(own)):
            if own[i] is not None and own[i] != rows.shape[i]:
                self._mismatch(f"expected values dim {i} to be {own[i]}, got {rows.shape[i]}")

    def _first(self, gradient):
        indices, rows, _ = gradient
        return indices.copy(), rows.copy(), np.ones(len(indices), np.int64)

    def _sum(self, gradient):
        """Both lists as one, as if each were in order."""
        indices, rows, counts = self._total
        more, added, _ = gradient
        picks, i, j = [], 0, 0  # (place here or -1, place there or -1)
        while i < len(indices) and j < len(more):
            here, there = indices[i] <= more[j], more[j] <= indices[i]
            picks.append((i if here else -1, j if there else -1))
            i, j = i + here, j + there
        picks += [(k, -1) for k in range(i, len(indices))] + [(-1, k) for k in range(j, len(more))]
        a, b = np.array(picks, np.int64).reshape(-1, 2).T
        out = np.zeros((len(picks), *rows.shape[1:]), rows.dtype)
        out[a >= 0] = rows[a[a >= 0]]
        out[b >= 0] += added[b[b >= 0]]
        merged = np.where(a >= 0, indices[a] if len(indices) else 0, more[b] if len(more) else 0)
        return merged, out, np.where(a >= 0, counts[a] if len(counts) else 0, 0) + (b >= 0)

    def _result(self):
        indices, rows, counts = self._total
        if self._mean:
            rows = rows / counts.astype(rows.dtype).reshape(-1, *[1] * (rows.ndim - 1))
        first = self._shape[0] if self._shape else None
        return [indices, rows, np.array([-1 if first is None else first, *rows.shape[1:]], np.int64)]


STATES = {
    "ResourceConditionalAccumulator": AccumulatorState, "SparseConditionalAccumulator": SparseAccumulatorState,
}  # fmt: skip
