"""The queues themselves, as a session holds them: elements, who waits, and how each kind hands elements out."""

from __future__ import annotations

import itertools
import threading
from collections import deque

import numpy as np

from .. import errors
from ._random_words import RandomWords

_numbers = itertools.count()


# What nodes that share a queue agree in, and how errors call it.
_SHARED = (
    ("capacity", "capacity"),
    ("min_after_dequeue", "min_after_dequeue"),
    ("component_types", "component types"),
    ("shapes", "component shapes"),
)


def _in_words(value):
    if not isinstance(value, list):
        return str(value)
    return "[" + ",".join(item.name if hasattr(item, "name") else str(item) for item in value) + "]"


class QueueState:
    """A queue that hands elements out in the order they came; an element is a tuple of arrays.

    Args:
      op: the node that stands for it.
    """

    kind = "FIFOQueue"

    def __init__(self, op):
        shared = op.get_attr("shared_name").decode()
        self.name = shared or f"_{next(_numbers)}_{op.name}"
        self.capacity = op.get_attr("capacity")
        self.types = list(op.get_attr("component_types"))
        self.shapes = list(op.get_attr("shapes"))
        self.closed = False
        self._cancel_enqueues = False
        self._changed = threading.Condition()
        self._enqueuers = deque()
        self._dequeuers = deque()
        self._store = self._new_store()
        self._op = op
        self.nodes = {op}

    def add_node(self, op):
        """Lets another node stand for it too.

        Raises:
          ValueError: the node asks for another kind, capacity, type or shape.
        """
        if op.type != self._op.type:
            raise ValueError(f"Expected {self.kind}, found {op.type}")
        for attr, words in _SHARED:
            if attr in op._attrs and op.get_attr(attr) != self._op.get_attr(attr):
                mine, other = (_in_words(node.get_attr(attr)) for node in (self._op, op))
                verb = "were" if isinstance(op.get_attr(attr), list) else "was"
                raise ValueError(f"Shared queue '{self.name}' has {words} {mine} but requested {words} {verb} {other}")
        self.nodes.add(op)

    # --- how elements are kept ------------------------------------------------------------------------

    def _new_store(self):
        return deque()

    def _put(self, element):
        self._store.append(element)

    def _take(self):
        return self._store.popleft()

    def _put_back(self, elements):
        self._store.extendleft(reversed(elements))

    def _available(self):
        return len(self._store)

    def stack(self, elements):
        """The elements of a batch as one array for each component."""
        return self._batch(elements, np.stack)

    def _batch(self, elements, join):
        if elements:
            return [join(column) for column in zip(*elements)]
        empty = [[0 if d is None else d for d in shape.as_list()] for shape in self.shapes]
        return [np.empty((0, *dims), dtype.as_numpy_dtype) for dims, dtype in zip(empty, self.types)]

    # --- what ops ask for -----------------------------------------------------------------------------

    def size(self):
        with self._changed:
            return len(self._store)

    def close(self, cancel_pending_enqueues):
        with self._changed:
            if self.closed:
                raise errors.CancelledError(None, None, f"Queue '{self.name}' is already closed.")
            self.closed = True
            self._cancel_enqueues = cancel_pending_enqueues
            self._changed.notify_all()

    def close_session(self):
        with self._changed:
            self._changed.notify_all()

    def check(self, element):
        """Raises InvalidArgumentError where a component has not the shape that the queue promises."""
        for i, (value, shape) in enumerate(zip(element, self.shapes)):
            if not shape.is_compatible_with(value.shape):
                expected = ",".join("?" if d is None else str(d) for d in shape.as_list())
                found = ",".join(map(str, value.shape))
                raise errors.InvalidArgumentError(
                    None, None, f"Shape mismatch in tuple component {i}. Expected [{expected}], got [{found}]"
                )

    def _is_full(self, room):
        return self.capacity >= 0 and len(self._store) >= self.capacity + room

    def enqueue(self, call, elements, room=0):
        """Adds elements one after the other, each when there is room, or when it is among the first `room` that need none:
        so many does the step itself take behind them."""
        for element in elements:
            self.check(element)
        turn = object()
        with self._changed:
            if self.closed:
                raise errors.CancelledError(None, None, f"{self.kind} '{self.name}' is closed.")
            self._enqueuers.append(turn)
            try:
                for element in elements:
                    while (self._enqueuers[0] is not turn and not room) or self._is_full(room):
                        call.wait(self._changed, "Enqueue")
                        if self._cancel_enqueues:
                            raise errors.CancelledError(None, None, "Enqueue operation was cancelled")
                    self._put(element)
                    self._changed.notify_all()
            finally:
                self._enqueuers.remove(turn)
                self._changed.notify_all()

    def dequeue(self, call, count, at_least=None, counters=None):
        """Takes `count` elements when there are so many; of a closed queue `at_least` are enough.

        It does not wait where one of the step's `counters`, a list in an array without axes, has come to its end.
        """
        at_least = count if at_least is None else at_least
        turn, taken = object(), []
        with self._changed:
            self._dequeuers.append(turn)
            try:
                while len(taken) < count:
                    self._refuse_early(turn, count, len(taken), at_least)
                    if self._dequeuers[0] is turn and self._available() > 0:
                        taken.append(self._take())
                        self._changed.notify_all()
                        continue
                    if self.closed and self._dequeuers[0] is turn and not self._enqueuers:
                        if len(taken) >= at_least > 0:
                            break
                        self._refuse(count, len(taken))
                    if counters is not None:
                        call.check_counters(counters.item())
                    call.wait(self._changed, "Dequeue")
            except BaseException:
                self._put_back(taken)
                raise
            finally:
                self._dequeuers.remove(turn)
                self._changed.notify_all()
        return taken

    def _refuse_early(self, turn, count, taken, at_least):
        """Takes nothing of a closed queue that has too few elements: their order stays."""
        found = taken + self._available()
        if self.closed and self._dequeuers[0] is turn and not self._enqueuers and found < count:
            if not 0 < at_least <= found:
                self._refuse(count, taken)

    def _refuse(self, count, taken):
        raise errors.OutOfRangeError(
            None, None,
            f"{self.kind} '{self.name}' is closed and has insufficient elements (requested {count}, current size "
            f"{taken + len(self._store)})",
        )  # fmt: skip


class RandomShuffleQueueState(QueueState):
    """Hands out a random element; while it is open, it keeps `min_after_dequeue` back."""

    kind = "RandomShuffleQueue"

    def __init__(self, op):
        self._keep, capacity = op.get_attr("min_after_dequeue"), op.get_attr("capacity")
        if self._keep < 0 or 0 <= capacity <= self._keep:
            bound = f"< capacity {capacity}" if self._keep >= 0 else ">= 0"
            raise errors.InvalidArgumentError(None, op, f"min_after_dequeue {self._keep} must be {bound}")
        self._words = RandomWords(op.get_attr("seed"), op.get_attr("seed2"))
        super().__init__(op)

    def _new_store(self):
        return []

    def _take(self):
        at = self._words.next() % len(self._store)
        self._store[at], self._store[-1] = self._store[-1], self._store[at]
        return self._store.pop()

    def _put_back(self, elements):
        self._store.extend(reversed(elements))

    def _available(self):
        return len(self._store) - (0 if self.closed else self._keep)


class PaddingFifoQueueState(QueueState):
    """Pads the elements of a batch to the largest size along each axis."""

    kind = "PaddingFIFOQueue"

    def stack(self, elements):
        return self._batch(elements, padded)


class PriorityQueueState(QueueState):
    """Hands out the element with the lowest number first; the number is its first component."""

    kind = "PriorityQueue"

    def __init__(self, op):
        from ..dtypes import int64
        from ..shapes import TensorShape

        super().__init__(op)
        self.types = [int64, *self.types]
        self.shapes = [TensorShape([]), *self.shapes]

    def _new_store(self):
        return []

    def _put(self, element):
        self._store.append(None)
        self._rise(len(self._store) - 1, element)

    def _take(self):
        """Elements of equal numbers come in the order of TensorFlow's heap, which is that of C++'s standard library."""
        heap = self._store
        first, last = heap[0], heap.pop()
        if not heap:
            return first
        hole, child = 0, 2
        while child < len(heap):
            if heap[child][0] > heap[child - 1][0]:
                child -= 1
            heap[hole] = heap[child]
            hole, child = child, 2 * child + 2
        if child == len(heap):
            heap[hole] = heap[child - 1]
            hole = child - 1
        self._rise(hole, last)
        return first

    def _rise(self, hole, element):
        """Puts an element at a place that is free, or nearer to the first one."""
        heap = self._store
        while hole and heap[(hole - 1) // 2][0] > element[0]:
            heap[hole] = heap[(hole - 1) // 2]
            hole = (hole - 1) // 2
        heap[hole] = element

    def _put_back(self, elements):
        for element in elements:
            self._put(element)


def padded(column):
    """Arrays of one rank as one, padded with zeros or empty text to the largest size along each axis."""
    if column[0].ndim == 0:
        return np.stack(column)
    largest = np.max([value.shape for value in column], axis=0).astype(int)
    out = np.full((len(column), *largest), b"" if column[0].dtype == object else 0, column[0].dtype)
    for i, value in enumerate(column):
        out[(i, *(slice(d) for d in value.shape))] = value
    return out


STATES = {
    "FIFOQueueV2": QueueState, "RandomShuffleQueueV2": RandomShuffleQueueState,
    "PaddingFIFOQueueV2": PaddingFifoQueueState, "PriorityQueueV2": PriorityQueueState,
}  # fmt: skip
