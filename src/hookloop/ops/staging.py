"""`tf.contrib.staging.StagingArea`: elements that are put in one step and got in another."""

from __future__ import annotations

import threading
from collections import deque

from .. import errors
from ..dtypes import as_dtype
from ..graph.scopes import colocate_with, name_scope
from ..graph.stack import get_default_graph
from ..shapes import TensorShape, unknown_shape
from .build import apply_op, convert_to_tensor
from .core import identity, no_op
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar, unknown

__all__ = ["StagingArea"]


# --- ops ----------------------------------------------------------------------------------------------------------


class LimitedArea:
    """What holds elements up to a number and up to a number of bytes; who puts more waits until others have taken some.

    Args:
      capacity: how many elements there may be; 0 for any number.
      memory_limit: how many bytes these may have; 0 for any number.
    """

    def __init__(self, capacity, memory_limit):
        self._capacity = capacity
        self._memory_limit = memory_limit
        self._elements = self._no_elements()
        self._bytes = 0
        self._changed = threading.Condition()

    def size_of(self, call, arrays):
        """How many bytes arrays have that are put.

        Raises:
          ResourceExhaustedError: they alone have more than the area may have.
        """
        size = sum(array.nbytes for array in arrays)
        if self._memory_limit and size > self._memory_limit:
            text = f"Attempted to insert tensors with combined size of '{size}' bytes into Staging Area with a memory limit of"
            raise errors.ResourceExhaustedError(None, call.op, f"{text} '{self._memory_limit}'.")
        return size

    def is_full(self, size):
        """Whether so many bytes more have no room."""
        if self._capacity and len(self._elements) >= self._capacity:
            return True
        return bool(self._memory_limit) and self._bytes + size > self._memory_limit

    def clear(self):
        with self._changed:
            self._elements = self._no_elements()
            self._bytes = 0
            self._changed.notify_all()
        return ()


class Stage(LimitedArea):
    """The elements of an area, tuples of arrays, in the order in which they came."""

    _no_elements = deque

    def put(self, call, element, makes_room):
        """Waits for room, if not for that which the step itself makes when it gets an element."""
        size = self.size_of(call, element)
        with self._changed:
            while not makes_room and self.is_full(size):
                call.wait(self._changed, "Stage")
            self._elements.append((element, size))
            self._bytes += size
            self._changed.notify_all()

    def get(self, call):
        """Waits for an element, and takes it."""
        with self._changed:
            while not self._elements:
                call.wait(self._changed, "Unstage")
            element, size = self._elements.popleft()
            self._bytes -= size
            self._changed.notify_all()
        return list(element)

    def peek(self, call, index):
        """Waits until there is an element at the index, and leaves it there."""
        with self._changed:
            while len(self._elements) <= index:
                call.wait(self._changed, "StagePeek")
            return list(self._elements[index][0])

    def size(self):
        return len(self._elements)


def _stage(call):
    key = ("stage", call.attr("shared_name") or call.op_name)
    found = call.resource_state.get(key)
    return found or call.resource_state.setdefault(key, Stage(call.attr("capacity"), call.attr("memory_limit")))


def _run_put(call, *element):
    count = len(call.attr("dtypes"))
    _stage(call).put(call, tuple(array.copy() for array in element[:count]), len(element) > count)
    return ()


def _op(name, inputs, outputs, host, shape):
    attrs = {"capacity": 0, "memory_limit": 0, "container": b"", "shared_name": b"", "dtypes": []}
    return OpDef(name, inputs, outputs, attrs=attrs, shape=shape, host=host, stateful=True, gradient=no_gradient)


register(
    _op("Stage", "values: dtypes", "", _run_put, nothing),
    _op("Unstage", "", "values: dtypes", lambda call: _stage(call).get(call), unknown),
    _op("StagePeek", "index: int32", "values: dtypes", lambda call, index: _stage(call).peek(call, int(index)), unknown),
    _op("StageSize", "", "size: int32", lambda call: _stage(call).size(), scalar),
    _op("StageClear", "", "", lambda call: _stage(call).clear(), nothing),
)  # fmt: skip


# --- the public class ---------------------------------------------------------------------------------------------


class StagingArea:
    """Elements that one step puts and another gets; each is a tuple of tensors.

    Args:
      dtypes: the types of an element's components.
      shapes: their shapes; None where they are open.
      names: their names, which make elements dictionaries; or None.
      shared_name: areas of the same one are the same area.
      capacity: how many elements there may be: who puts more waits; 0 for any number.
      memory_limit: how many bytes these may have; 0 for any number.

    Raises:
      ValueError: the arguments have different lengths, or the name is no text.
    """

    def __init__(self, dtypes, shapes=None, names=None, shared_name=None, capacity=0, memory_limit=0):
        if shared_name is not None and not isinstance(shared_name, str):
            raise ValueError("shared_name must be a string")
        if shapes is not None and len(shapes) != len(dtypes):
            raise ValueError("StagingArea shapes must be the same length as dtypes")
        if names is not None and len(names) != len(dtypes):
            raise ValueError("StagingArea names must be the same length as dtypes")
        graph = get_default_graph()
        self._name = graph.unique_name(type(self).__name__) if shared_name is None else shared_name
        self._dtypes = [as_dtype(dtype) for dtype in dtypes]
        self._shapes = [unknown_shape() for _ in dtypes] if shapes is None else [TensorShape(shape) for shape in shapes]
        self._names = names
        self._capacity = capacity
        self._memory_limit = memory_limit
        with name_scope(f"{self._name}_root"):
            self._coloc_op = no_op()

    name = property(lambda self: self._name)
    dtypes = property(lambda self: self._dtypes)
    shapes = property(lambda self: self._shapes)
    names = property(lambda self: self._names)
    capacity = property(lambda self: self._capacity)
    memory_limit = property(lambda self: self._memory_limit)

    def put(self, values, name=None):
        """An operation that adds an element; it waits for room.

        Args:
          values: a tensor, a list of tensors, or a dictionary of them where the components have names.
          name: the node's name.

        Raises:
          ValueError: the values are not an element of this area.
        """
        given = list(values.values()) if isinstance(values, dict) else values
        with name_scope(name, f"{self._name}_put", given if isinstance(given, (list, tuple)) else [given]) as scope:
            values = self._checked(values if isinstance(values, (list, tuple, dict)) else [values])
            return self._apply("Stage", [values], scope)

    def get(self, name=None):
        """The components of the first element, which is taken away; waits for one. A list, or a dictionary by names."""
        return self._element(self._apply("Unstage", [], name or f"{self._name}_get"))

    def peek(self, index, name=None):
        """The components of the element at `index`, which stays; waits until there is one."""
        return self._element(self._apply("StagePeek", [index], name or f"{self._name}_peek"))

    def size(self, name=None):
        """How many elements there are."""
        return self._apply("StageSize", [], name or f"{self._name}_size", beside=False)

    def clear(self, name=None):
        """An operation that takes all elements away."""
        return self._apply("StageClear", [], name or f"{self._name}_clear", beside=False)

    def _apply(self, kind, inputs, name, beside=True, **more):
        attrs = {"dtypes": list(self._dtypes), "shared_name": self._name, "capacity": self._capacity,
                 "memory_limit": self._memory_limit, **more}  # fmt: skip
        if not beside:
            return apply_op(kind, inputs, attrs, name)
        with colocate_with(self._coloc_op):
            return apply_op(kind, inputs, attrs, name)

    def _element(self, tensors):
        tensors = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
        if no_op().device != self._coloc_op.device:  # the node tells the device of the scopes, as in TensorFlow
            tensors = [identity(tensor) for tensor in tensors]
        for tensor, shape in zip(tensors, self._shapes):
            tensor.set_shape(shape)
        return dict(zip(self._names, tensors)) if self._names else tensors

    def _checked(self, values):
        """The components of an element as tensors, in their order."""
        if isinstance(values, dict):
            values = self._in_order(values)
        elif self._names:
            raise ValueError("You must enqueue a dictionary in a staging area with names")
        if len(values) > len(self._dtypes):
            raise ValueError(f"Unexpected number of inputs '{len(values)}' vs '{len(self._dtypes)}'")
        tensors = []
        for i, (value, dtype, shape) in enumerate(zip(values, self._dtypes, self._shapes)):
            if value.dtype != dtype:
                raise ValueError(f"Datatypes do not match. '{value.dtype}' != '{dtype}'")
            value.get_shape().assert_is_compatible_with(shape)
            tensors.append(convert_to_tensor(value, dtype=dtype, name=f"component_{i}"))
        return tensors

    def _in_order(self, values):
        if not self._names:
            raise ValueError("Staging areas must have names to enqueue a dictionary")
        if not set(values) <= set(self._names):
            raise ValueError(
                "Keys in dictionary to put do not match names of staging area. "
                f"Dictionary: ({sorted(values)}), Queue: ({sorted(self._names)})"
            )
        return [values[name] for name in self._names if name in values]
