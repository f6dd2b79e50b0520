"""The barriers themselves, as a session holds them: values by keys, which are handed out when all their components are there."""

from __future__ import annotations

import bisect
import itertools
import threading

import numpy as np

from .. import errors
from ..graph.describe import message_name

_numbers = itertools.count()
_FIRST = -(1 << 63)


class BarrierState:
    """Values by keys, each a tuple of components that come one after the other.

    Args:
      op: the node that stands for it.
    """

    def __init__(self, op):
        shared = op.get_attr("shared_name").decode()
        self.name = shared or f"_{next(_numbers)}_{op.name}"
        self._types = list(op.get_attr("component_types"))
        self._shapes = list(op.get_attr("shapes"))
        self._incomplete = {}  # key -> (number of its first insertion, its place among all keys, components or None)
        self._ready = []  # (number of the first insertion, place among all keys, key, components), sorted
        self._places = itertools.count()
        self._number = _FIRST
        self._closed = self._cancelled = False
        self._changed = threading.Condition()

    def check_shared(self, op):
        """Refuses a node that shares the barrier and says other types or shapes.

        Raises:
          InvalidArgumentError: where it does.
        """
        types, shapes = list(op.get_attr("component_types")), list(op.get_attr("shapes"))
        if types != self._types:
            own, asked = (", ".join(map(message_name, some)) for some in (self._types, types))
            self._refuse(
                f"Shared barrier '{self.name}' has component types {own} but requested component types were {asked}"
            )
        own, asked = _shapes(self._shapes), _shapes(shapes)
        if own != asked:
            self._refuse(
                f"Shared barrier '{self.name}' has component shapes {own} but requested component shapes were {asked}"
            )

    def close_session(self):
        with self._changed:
            self._changed.notify_all()

    def ready_size(self):
        with self._changed:
            return np.int32(len(self._ready))

    def incomplete_size(self):
        with self._changed:
            return np.int32(len(self._incomplete))

    def close(self, cancel):
        with self._changed:
            if self._closed and (self._cancelled or not cancel):
                raise errors.CancelledError(None, None, f"Barrier '{self.name}' is already closed.")
            self._closed = True
            if cancel:
                self._cancelled = True
                self._incomplete.clear()
            self._changed.notify_all()

    # --- inserting ------------------------------------------------------------------------------------

    def insert(self, component, keys, values):
        """Gives each key its value of a component; nothing has changed where it raises.

        Raises:
          InvalidArgumentError: a component or a shape that does not fit, or a value that is there already.
          CancelledError: the barrier is closed for the keys.
        """
        count = len(self._types)
        if not 0 <= component < count:
            self._refuse(f"The component ID is out of range {component} > num_components (= {count})")
        if len(keys) and not values.size:
            self._refuse(
                f"Tensors with no elements are not supported {self.name}: received shape {_sizes(values.shape)}"
            )
        wanted = self._shapes[component] if self._shapes else None
        fits = (
            values.ndim == 1 if wanted is None or wanted.ndims is None else wanted.is_compatible_with(values.shape[1:])
        )
        if len(keys) and not fits:
            expected = (
                ""
                if wanted is None or wanted.ndims is None
                else ",".join("?" if d is None else str(d) for d in wanted.as_list())
            )
            self._refuse(
                f"Shape mismatch in tuple component {component + 2}. Expected [{expected}], got {_sizes(values.shape[1:])}"
            )
        with self._changed:
            new = self._check_keys(component, keys)
            for key, value in zip(keys, values):
                if key not in self._incomplete:
                    self._incomplete[key] = (self._number, next(self._places), [None] * count)
                first, place, parts = self._incomplete[key]
                parts[component] = np.array(value)
                if all(part is not None for part in parts):
                    del self._incomplete[key]
                    bisect.insort(self._ready, (first, place, key, parts))
            self._number += bool(new)
            self._changed.notify_all()

    def _check_keys(self, component, keys):
        """The keys that are new.

        Raises:
          InvalidArgumentError, CancelledError: as `insert`.
        """
        if self._closed and (self._cancelled or (keys and not self._incomplete)):
            self._cancel(
                f"Barrier {self.name} is closed.  Pending enqueues cancelled: {int(self._cancelled)}.  Number of new insertions: "
                f"{len(keys)}.  Number of incomplete keys: {len(self._incomplete)}."
            )
        new = set()
        for i, key in enumerate(keys):
            found = self._incomplete.get(key)
            if (found is None and key in new and len(self._types) > 1) or (found and found[2][component] is not None):
                self._refuse(f"Key {_text(key)} already has a value for component {component} in barrier {self.name}")
            if found is None:
                new.add(key)
                if self._closed:
                    self._cancel(
                        f"Barrier {self.name} is closed, but attempted to insert a brand new key: {_text(key)}.  Pending enqueues "
                        f"cancelled: 0.  Insertion index: {i}.  Number of incomplete keys: {len(self._incomplete)}."
                    )
        return new

    def _refuse(self, text):
        raise errors.InvalidArgumentError(None, None, text)

    def _cancel(self, text):
        raise errors.CancelledError(None, None, text)

    # --- taking ---------------------------------------------------------------------------------------

    def take(self, call, count, small):
        """Waits for so many values that are complete: (numbers of their first insertions, keys, components)."""
        with self._changed:
            while len(self._ready) < count or (self._closed and not self._ready and not self._incomplete):
                if self._closed and not self._incomplete:
                    if small and self._ready:
                        break
                    raise errors.OutOfRangeError(
                        None, None, f"Barrier '{self.name}' is closed and has insufficient elements (requested {0 if small else count}, total "
                        f"size {len(self._ready)})")  # fmt: skip
                call.wait(self._changed, "Dequeue")
            taken, self._ready = self._ready[:count], self._ready[count:]
        keys = np.array([key for _, _, key, _ in taken] + [None], object)[:-1]
        return [
            np.array([first for first, *_ in taken], np.int64),
            keys,
            *self._stacked([parts for *_, parts in taken]),
        ]

    def _stacked(self, values):
        if values:
            return [np.stack(column) for column in zip(*values)]
        shapes = [shape.as_list() if shape.ndims is not None else [] for shape in self._shapes] or [[]] * len(
            self._types
        )
        return [np.empty((0, *(d or 0 for d in shape)), t.as_numpy_dtype) for shape, t in zip(shapes, self._types)]


def _shapes(shapes):
    """Shapes of components as errors have them; an unknown one is that of a scalar."""
    return f"[{', '.join(_sizes([] if shape.ndims is None else shape.as_list()) for shape in shapes)}]"


def _sizes(shape):
    return f"[{','.join(map(str, shape))}]"


def _text(key):
    return key.decode("utf-8", "replace")
