"""Lists of tensors: what TensorArrays are in functions that TensorFlow writes. Only graphs from files have them.

A list is an object that no op changes: each gives a new one.
"""

from __future__ import annotations

import numpy as np

from ..dtypes import int32, int64
from ..shapes import UNKNOWN
from .registry import OpDef, register
from .shape_functions import scalar

__all__ = []


class TensorList:
    """A list of tensors of one type.

    Args:
      dtype: their `DType`.
      shape: of each element, as far as it is known: sizes, -1 for one that is not known; None where not even the rank is.
      items: arrays; None where nothing was written.
    """

    __slots__ = ("dtype", "items", "shape")

    def __init__(self, dtype, shape, items):
        self.dtype, self.shape, self.items = dtype, shape, items

    def with_items(self, items):
        return TensorList(self.dtype, self.shape, items)

    def check_type(self, dtype):
        """Refuses an op that was made for elements of another type."""
        if dtype is not self.dtype:
            raise ValueError(f"Invalid data types; op elements {dtype.name} but list elements {self.dtype.name}")

    def item(self, index):
        """The place of an element, which is checked to be one."""
        if not 0 <= index < len(self.items):
            raise ValueError(f"Trying to access element {index} in a list with {len(self.items)} elements.")
        return index


def _shape_of(array):
    """The shape that an input tells: -1 alone where the rank is not known."""
    return None if array.ndim == 0 else tuple(array.tolist())


def _filled(call, found, given, wanted):
    """The elements at some places; zeros where nothing was written."""
    found.check_type(call.attr("element_dtype"))
    dtype = call.attr("element_dtype").as_numpy_dtype
    shape = _shape_of(given)
    for known in (found.shape, *(item.shape for item in found.items if item is not None)):
        if shape is None or min(shape, default=0) < 0:
            shape = known if known is not None else shape
    items = []
    for index in wanted:
        item = found.items[found.item(index)]
        if item is None:
            if shape is None or min(shape, default=0) < 0:
                raise ValueError(
                    f"Trying to read an element of a list before it was written, and its shape is not known: expected sizes, got {shape}."
                )
            item = np.zeros(shape, dtype)
        items.append(item)
    return items, shape, dtype


def _stacked(call, found, given, wanted):
    items, shape, dtype = _filled(call, found, given, wanted)
    if items:
        if any(item.shape != items[0].shape for item in items):
            shapes = sorted({item.shape for item in items})
            raise ValueError(f"Tried to stack elements of a list that have different shapes: {shapes}.")
        return np.stack(items)
    if shape is None or min(shape, default=0) < 0:
        raise ValueError(
            f"Tried to stack the elements of an empty list whose shape is not known: expected sizes, got {shape}."
        )
    return np.zeros((0, *shape), dtype)


def _stack(call, found, shape):
    wanted, count = call.attr("num_elements"), len(found.items)
    if wanted >= 0 and wanted != count:
        raise ValueError(f"Operation expected a list with {wanted} elements but got a list with {count} elements.")
    return _stacked(call, found, shape, range(count))


def _reserve(call, shape, count):
    return TensorList(call.attr("element_dtype"), _shape_of(shape), [None] * count.item())


def _empty(call, shape, most):
    return TensorList(call.attr("element_dtype"), _shape_of(shape), [])


def _from_tensor(call, tensor, shape):
    return TensorList(call.attr("element_dtype"), _shape_of(shape), list(np.array(tensor)))


def _get(call, found, index, shape):
    (item,), _, _ = _filled(call, found, shape, [index.item()])
    return item


def _fitting(found, item, done):
    """A new element, which is checked to have the shape that the list says."""
    shape = item.shape if found.shape is None else found.shape
    if len(shape) != item.ndim or any(size not in (-1, own) for size, own in zip(shape, item.shape)):
        its, own = (str(list(sizes)).replace(" ", "").replace("-1", "?") for sizes in (shape, item.shape))
        raise ValueError(f"Tried to {done} element shape: {own} list shape: {its}")
    return np.array(item)


def _set(call, found, index, item):
    found.check_type(call.attr("element_dtype"))
    items = list(found.items)
    items[found.item(index.item())] = _fitting(
        found, item, "set a tensor with incompatible shape at a list index. Item"
    )
    return found.with_items(items)


def _resize(call, found, size):
    size = size.item()
    if size < 0:
        raise ValueError(f"TensorListSlice expects size to be non-negative. Got: {size}")
    return found.with_items([*found.items[:size], *[None] * (size - len(found.items))])


def _push(call, found, item):
    found.check_type(call.attr("element_dtype"))
    item = _fitting(found, item, "append a tensor with incompatible shape to a list. Op")
    return found.with_items([*found.items, item])


def _pop(call, found, shape):
    if not found.items:
        raise ValueError("Trying to pop from an empty list.")
    (item,), _, _ = _filled(call, found, shape, [len(found.items) - 1])
    return found.with_items(found.items[:-1]), item


def _length(call, found):
    return np.array(len(found.items), np.int32)


def _element_shape(call, found):
    return np.array(-1 if found.shape is None else found.shape, call.attr("shape_type").as_numpy_dtype)


def _known(c, i):
    """The sizes that an input tells when the graph is built, or None."""
    if not c.has_constant(i) or c.constant(i).ndim == 0:
        return None
    return tuple([UNKNOWN if size < 0 else int(size) for size in c.constant(i)])


def _several(i):
    def shape(c):
        known = _known(c, i)
        return [None if known is None else (UNKNOWN, *known)]

    return shape


_SHAPE = {"shape_type": frozenset((int32, int64))}


def _op(name, inputs, outputs, host, shape=scalar, types=None, **attrs):
    return OpDef(name, inputs, outputs, attrs=attrs, types=types or {}, shape=shape, host=host)


register(
    _op("TensorListReserve", "element_shape: shape_type, num_elements: int32", "handle: variant", _reserve, types=_SHAPE,
        element_dtype=None),
    _op("EmptyTensorList", "element_shape: shape_type, max_num_elements: int32", "handle: variant", _empty, types=_SHAPE,
        element_dtype=None),
    _op("TensorListFromTensor", "tensor: element_dtype, element_shape: shape_type", "output_handle: variant", _from_tensor,
        types=_SHAPE),
    _op("TensorListGetItem", "input_handle: variant, index: int32, element_shape: int32", "item: element_dtype", _get,
        lambda c: [_known(c, 2)]),
    _op("TensorListSetItem", "input_handle: variant, index: int32, item: element_dtype", "output_handle: variant", _set),
    _op("TensorListStack", "input_handle: variant, element_shape: int32", "tensor: element_dtype",
        _stack, _several(1), num_elements=-1),
    _op("TensorListGather", "input_handle: variant, indices: int32, element_shape: int32", "values: element_dtype",
        lambda call, found, indices, shape: _stacked(call, found, shape, indices.tolist()), _several(2)),
    _op("TensorListPushBack", "input_handle: variant, tensor: element_dtype", "output_handle: variant", _push),
    _op("TensorListPopBack", "input_handle: variant, element_shape: int32", "output_handle: variant, tensor: element_dtype", _pop,
        lambda c: [(), _known(c, 1)]),
    _op("TensorListLength", "input_handle: variant", "length: int32", _length),
    _op("TensorListElementShape", "input_handle: variant", "element_shape: shape_type", _element_shape, lambda c: [None],
        types=_SHAPE),
    _op("TensorListResize", "input_handle: variant, size: int32", "output_handle: variant", _resize),
)  # fmt: skip
