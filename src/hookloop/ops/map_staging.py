"""`MapStagingArea`: elements that are put under a key in one step and got by it in another, by their parts if need be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..graph.scopes import name_scope
from .build import convert_to_tensor
from .core import identity, no_op
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar, unknown
from .staging import LimitedArea, StagingArea

__all__ = ["MapStagingArea"]


# --- ops ----------------------------------------------------------------------------------------------------------


class MapStage(LimitedArea):
    """The elements of an area by their keys: lists of arrays, with None for a part that is not there.

    Args:
      capacity, memory_limit: those of LimitedArea; an element counts once it is complete, a part's bytes at once.
      ordered: whether the element of the least key is taken first, not the one that came first.
    """

    _no_elements = dict

    def __init__(self, capacity, memory_limit, ordered):
        super().__init__(capacity, memory_limit)
        self._ordered = ordered
        self._incomplete = {}

    def put(self, call, key, indices, arrays, makes_room):
        """Waits for room, if not for that which the step itself makes when it gets an element."""
        size = self.size_of(call, arrays)
        with self._changed:
            while not makes_room and self.is_full(size):
                call.wait(self._changed, "MapStage")
            element = self._incomplete.get(key, [None] * len(call.attr("dtypes")))
            for index in indices:
                _check_place(index, len(element))
                if element[index] is not None:
                    raise ValueError(
                        f"The tensor for index '{index}' for key '{key}' was already initialized '{len(element)}'."
                    )
            for index, array in zip(indices, arrays):
                element[index] = array
            self._bytes += size
            self._incomplete[key] = element
            if all(array is not None for array in element):
                del self._incomplete[key]
                if self._elements.setdefault(key, element) is not element:  # what is there already stays
                    self._bytes -= sum(array.nbytes for array in element)
            self._changed.notify_all()

    def get(self, call, key, indices, stays=False):
        """(key, parts) of the element of a key, or of the first one; waits for it, and takes the parts unless they stay."""
        with self._changed:
            while not self._elements if key is None else key not in self._elements:
                call.wait(self._changed, "MapPeek" if stays else "MapUnstage")
            if key is None:
                key = min(self._elements) if self._ordered else next(iter(self._elements))
            element = self._elements[key]
            for index in indices:
                _check_place(index, len(element))
                if element[index] is None:
                    raise ValueError(f"Tensor at index '{index}' for key '{key}' has already been removed.")
            found = [element[index] for index in indices]
            if not stays:
                self._bytes -= sum(array.nbytes for array in found)
                for index in indices:
                    element[index] = None
                if all(array is None for array in element):
                    del self._elements[key]
                self._changed.notify_all()
        return np.int64(key), found

    def size(self, incomplete):
        return len(self._incomplete if incomplete else self._elements)

    def clear(self):
        with self._changed:
            self._incomplete = {}
            return super().clear()


def _stage(call):
    ordered = call.op.type.startswith("Ordered")
    key = ("map_stage", ordered, call.attr("shared_name") or call.op_name)
    new = MapStage(call.attr("capacity"), call.attr("memory_limit"), ordered)
    return call.resource_state.setdefault(key, new)


def _check_place(index, count):
    if not 0 <= index < count:
        raise ValueError(f"the index '{index}' is none of the {count} components")


def _indices(call, indices, count):
    """The numbers of the components that an op of `count` of them is given."""
    found = [int(i) for i in np.ravel(indices)]
    if any(a >= b for a, b in pairwise(found)):
        raise ValueError("Indices are not strictly ordered")
    if len(found) != count:
        raise ValueError(f"expected as many indices as components, {count}, got {len(found)}")
    return found


def _key(key):
    if np.size(key) != 1:
        raise ValueError(f"expected one key, got {np.size(key)}")
    return int(np.ravel(key)[0])


def _run_put(call, key, indices, *arrays):
    count = len(call.attr("fake_dtypes"))
    places = _indices(call, indices, count)
    parts = [array.copy() for array in arrays[:count]]
    _stage(call).put(call, _key(key), places, parts, len(arrays) > count)
    return ()


def _run_get(call, key, indices):
    return _stage(call).get(call, _key(key), _indices(call, indices, len(call.attr("dtypes"))))[1]


def _run_peek(call, key, indices):
    return _stage(call).get(call, _key(key), _indices(call, indices, len(call.attr("dtypes"))), stays=True)[1]


def _run_get_first(call, indices):
    key, found = _stage(call).get(call, None, _indices(call, indices, len(call.attr("dtypes"))))
    return [key, *found]


def _op(name, inputs, outputs, host, shape, **more):
    attrs = {"capacity": 0, "memory_limit": 0, "container": b"", "shared_name": b"", "dtypes": [], **more}
    return OpDef(name, inputs, outputs, attrs=attrs, shape=shape, host=host, stateful=True, gradient=no_gradient)


_BY_KEY = "key: int64, indices: int32"
for _prefix in ("Map", "OrderedMap"):
    register(
        _op(f"{_prefix}Stage", f"{_BY_KEY}, values: fake_dtypes", "", _run_put, nothing, fake_dtypes=[]),
        _op(f"{_prefix}Unstage", _BY_KEY, "values: dtypes", _run_get, unknown),
        _op(f"{_prefix}Peek", _BY_KEY, "values: dtypes", _run_peek, unknown),
        _op(f"{_prefix}UnstageNoKey", "indices: int32", "key: int64, values: dtypes", _run_get_first, unknown),
        _op(f"{_prefix}Size", "", "size: int32", lambda call: _stage(call).size(False), scalar),
        _op(f"{_prefix}IncompleteSize", "", "size: int32", lambda call: _stage(call).size(True), scalar),
        _op(f"{_prefix}Clear", "", "", lambda call: _stage(call).clear(), nothing),
    )  # fmt: skip


# --- the public class ---------------------------------------------------------------------------------------------


class MapStagingArea(StagingArea):
    """Elements that one step puts under a key and another gets by it; each is a tuple of tensors, which may come by parts.

    Args:
      dtypes, shapes, names, shared_name, capacity, memory_limit: those of StagingArea.
      ordered: whether `get` without a key takes the element of the least one; otherwise that which was complete first.

    Raises:
      ValueError: the arguments have different lengths, or the name is no text.
    """

    def __init__(self, dtypes, shapes=None, names=None, shared_name=None, ordered=False, capacity=0, memory_limit=0):
        super().__init__(dtypes, shapes, names, shared_name, capacity, memory_limit)
        self._prefix = "OrderedMap" if ordered else "Map"

    def put(self, key, vals, indices=None, name=None):
        """An operation that adds parts of an element; it waits for room.

        Args:
          key: a scalar, int64.
          vals: a list of tensors, or a dictionary of them where the components have names.
          indices: which components these are; needed with a list.
          name: the node's name.

        Raises:
          ValueError: the values are not components of this area.
        """
        given = list(vals.values()) if isinstance(vals, dict) else list(vals)
        with name_scope(name, f"{self._name}_put", given) as scope:
            places, tensors = self._parts(vals, indices)
            types = [tensor.dtype.base_dtype for tensor in tensors]
            return self._apply(f"{self._prefix}Stage", [key, places, tensors], scope, fake_dtypes=types)

    def get(self, key=None, indices=None, name=None):
        """(key, components) of the element of a key, or of the first; the components are taken away. Waits for it.

        Args:
          key: a scalar, int64; None for the first element.
          indices: which components, by number or by name; all by default.
          name: the node's name.
        """
        places = self._places(indices)
        if key is None:
            found = self._take("UnstageNoKey", [places], places, name or f"{self._name}_get_nokey")
            key, *tensors = found if isinstance(found, (list, tuple)) else [found]
            no_op()  # as TensorFlow makes one more
            return key, self._of(tensors, places)
        return key, self._of(self._take("Unstage", [key, places], places, name or f"{self._name}_get"), places)

    def peek(self, key, indices=None, name=None):
        """The components of the element of a key, which stay; waits for it."""
        places = self._places(indices)
        return self._of(self._take("Peek", [key, places], places, name or f"{self._name}_pop"), places)

    def size(self, name=None):
        """How many elements there are that have been complete."""
        return self._apply(f"{self._prefix}Size", [], name or f"{self._name}_size", beside=False)

    def incomplete_size(self, name=None):
        """How many elements there are of which parts are missing."""
        name = name or f"{self._name}_incomplete_size"
        return self._apply(f"{self._prefix}IncompleteSize", [], name, beside=False)

    def clear(self, name=None):
        """An operation that takes all elements away."""
        return self._apply(f"{self._prefix}Clear", [], name or f"{self._name}_clear", beside=False)

    def _take(self, kind, inputs, places, name):
        return self._apply(self._prefix + kind, inputs, name, dtypes=[self._dtypes[place] for place in places])

    def _of(self, tensors, places):
        """The components of an element at some places: a list, or a dictionary by names."""
        tensors = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
        if no_op().device != self._coloc_op.device:  # the node tells the device of the scopes, as in TensorFlow
            tensors = [identity(tensor) for tensor in tensors]
        for tensor, place in zip(tensors, places):
            tensor.set_shape(self._shapes[place])
        return {self._names[place]: tensor for tensor, place in zip(tensors, places)} if self._names else tensors

    def _places(self, indices):
        """The components' numbers.

        Raises:
          ValueError: a name that is none of the area's, or names where it has none.
        """
        if indices is None:
            return list(range(len(self._dtypes)))
        if not isinstance(indices, (list, tuple)):
            raise TypeError(f"Invalid indices type '{type(indices)}'")
        if any(isinstance(i, str) for i in indices) and self._names is None:
            raise ValueError(f"String indices provided '{indices}', but this Staging Area was not created with names.")
        return [self._names.index(i) if isinstance(i, str) else int(i) for i in indices]

    def _parts(self, values, indices):
        """(numbers, tensors) of the components that are put."""
        if isinstance(values, dict):
            if not self._names:
                raise ValueError("Staging areas must have names to enqueue a dictionary")
            if not set(values) <= set(self._names):
                raise ValueError(
                    "Keys in dictionary to put do not match names of staging area. "
                    f"Dictionary: ({sorted(values)}), Queue: ({sorted(self._names)})"
                )
            places = [i for i, name in enumerate(self._names) if name in values]
            values = [values[self._names[i]] for i in places]
        else:
            if self._names:
                raise ValueError("You must enqueue a dictionary in a staging area with names")
            if indices is None:
                raise ValueError("Indices must be supplied when inserting a list of tensors")
            if len(indices) != len(values):
                raise ValueError(f"Number of indices '{len(indices)}' doesn't match number of values '{len(values)}'")
            places = [int(i) for i in indices]
        tensors = []
        for place, value in zip(places, values):
            dtype = self._dtypes[place]
            if value.dtype != dtype:
                raise ValueError(f"Datatypes do not match. '{value.dtype}' != '{dtype}'")
            value.get_shape().assert_is_compatible_with(self._shapes[place])
            tensors.append(convert_to_tensor(value, dtype=dtype, name=f"component_{place}"))
        return places, tensors
