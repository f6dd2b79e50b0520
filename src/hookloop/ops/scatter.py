"""Elements and rows of tensors and variables set, added to or subtracted from, at positions given by coordinates."""

from __future__ import annotations

import numpy as np

from ..graph.scopes import name_scope
from . import kinds
from .build import apply_op, convert_to_tensor
from .core import identity
from .gather import check_list, check_places, check_ranks, check_updates, gather_nd
from .registry import OpDef, no_gradient, register
from .shape_functions import shape_of_variable
from .state import variable_reference

__all__ = [
    "batch_scatter_update", "scatter_nd_add", "scatter_nd_sub", "scatter_nd_update", "tensor_scatter_add", "tensor_scatter_nd_add",
    "tensor_scatter_nd_sub", "tensor_scatter_nd_update", "tensor_scatter_sub", "tensor_scatter_update",
]  # fmt: skip


def _combined(name):
    """What becomes of an element, in NumPy."""

    def reference(node, x, indices, updates):
        out, place = np.array(x), tuple(np.moveaxis(np.asarray(indices), -1, 0))
        check_list(indices)
        check_places(indices, np.shape(x))
        if name == "Update":
            out[place] = updates
        else:
            (np.add if name == "Add" else np.subtract).at(out, place, updates)
        return out

    return reference


def _checked(c):
    check_ranks(c, (1, 2))
    if not c.known(0):
        return None
    found = c.shape(0)
    if c.known(1) and c.known(2):
        check_updates(c, c.shape(1), c.shape(2), found, "input")
    return found


def _checked_of_variable(c):
    shape = shape_of_variable(c, 0)
    if shape is not None and c.known(1) and c.known(2):
        check_updates(c, c.shape(1), c.shape(2), shape, "input")
    else:
        check_ranks(c, (1, 2))
    return []


# --- gradients ------------------------------------------------------------------------------------------------


def _add_gradient(op, grad):
    rows = gather_nd(grad, op.inputs[1])
    return [identity(grad), None, rows]


def _sub_gradient(op, grad):
    rows = gather_nd(grad, op.inputs[1])
    return [identity(grad), None, -rows]


def _update_gradient(op, grad):
    from .array import zeros_like

    indices, updates = op.inputs[1:]
    rows = gather_nd(grad, indices)
    rest = tensor_scatter_update(identity(grad), indices, zeros_like(updates, dtype=grad.dtype))
    return [rest, None, rows]


_GRADIENTS = {"Add": _add_gradient, "Sub": _sub_gradient, "Update": _update_gradient}


def _tensor_lower(kernel):
    def lower(c, node):
        x, indices, updates = node.inputs
        (out,) = node.outputs
        c.prepare(out)
        c.emit("copy", [x], [out])
        c.emit(kernel, [indices, updates], [c.window(out, out.shape, c.strides(out))])

    return lower


def _variable_lower(kernel):
    def lower(c, node):
        variable, indices, updates = node.inputs
        c.emit(kernel, [indices, updates], [variable])

    return lower


for _name in ("Add", "Sub", "Update"):
    _kernel = f"scatter_nd_{_name.lower()}"
    _element_types = {"Tindices": kinds.INDEX, **({} if _name == "Update" else {"T": kinds.NUMBER})}
    register(
        OpDef(f"TensorScatter{_name}", "tensor: T, indices: Tindices, updates: T", "output: T",
              types={"Tindices": kinds.INDEX}, shape=_checked, lower=_tensor_lower(_kernel), reference=_combined(_name),
              gradient=_GRADIENTS[_name], can_fail=True),
        OpDef(f"ScatterNd{_name}", "ref: Ref(T), indices: Tindices, updates: T", "output_ref: Ref(T)",
              attrs={"use_locking": _name == "Update"}, types=_element_types, shape=_checked,
              lower=_variable_lower(_kernel), reference=_combined(_name), writes=(0,), stateful=True, can_fail=True,
              gradient=no_gradient),
        OpDef(f"ResourceScatterNd{_name}", "ref: resource, indices: Tindices, updates: T", "",
              attrs={"use_locking": True}, types=_element_types, shape=_checked_of_variable, lower=_variable_lower(_kernel),
              reference=_combined(_name), writes=(0,), stateful=True, can_fail=True, gradient=no_gradient),
    )  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def _tensor_function(name, what):
    def function(tensor, indices, updates, name=None):
        return apply_op(type, [tensor, indices, updates], name=name)

    type = "TensorScatter" + name
    function.__name__ = function.__qualname__ = f"tensor_scatter_{name.lower()}"
    function.__doc__ = f"""A tensor with `updates` {what} at `indices`.

    Args:
      tensor: a tensor.
      indices: [..., k], coordinates along the first k axes.
      updates: of shape indices.shape[:-1] + tensor.shape[k:].
      name: the node's name.

    Raises:
      InvalidArgumentError: when it runs, for a coordinate out of range.
    """
    return function


tensor_scatter_add = tensor_scatter_nd_add = _tensor_function("Add", "added")
tensor_scatter_sub = tensor_scatter_nd_sub = _tensor_function("Sub", "subtracted")
tensor_scatter_update = tensor_scatter_nd_update = _tensor_function("Update", "put")


def batch_scatter_update(ref, indices, updates, use_locking=True, name=None):
    """Sets the rows of a variable that `indices` names along its last axis, the axes before it shared.

    Args:
      ref: a variable.
      indices: integers [..., n].
      updates: what the rows are set to, of shape indices.shape + ref.shape[indices.rank:].
      use_locking: accepted.
      name: the scope of the nodes.

    Returns:
      The variable after it.

    Raises:
      ValueError: where the rank of `indices` is unknown.
    """
    from .array import expand_dims, ones_like, reshape, shape
    from .slicing import concat

    with name_scope(name):
        indices = convert_to_tensor(indices, name="indices")
        sizes = shape(indices)
        if indices._shape is None:
            raise ValueError("batch_scatter_update does not allow indices with unknown shape.")
        rank = len(indices._shape)
        last = expand_dims(indices, axis=-1)
        places = []
        for axis in range(rank - 1):
            size = sizes[axis]
            form = [size if i == axis else 1 for i in range(rank + 1)]
            numbers = reshape(apply_op("Range", [0, size, 1]), form)
            if numbers.dtype.base_dtype != last.dtype.base_dtype:
                numbers = apply_op("Cast", [numbers], {"DstT": last.dtype.base_dtype})
            places.append(numbers * ones_like(last))
        return scatter_nd_update(ref, concat([*places, last], axis=-1), updates, use_locking=use_locking)


def _variable_function(name, what, locking=False):
    def function(ref, indices, updates, use_locking=locking, name=None):
        if getattr(ref, "_is_resource", False):
            updates = convert_to_tensor(updates, ref.dtype.base_dtype)
            return ref._after(apply_op("Resource" + type, [ref.handle, indices, updates], name=name))
        ref = variable_reference(ref, "_lazy_read")
        return apply_op(type, [ref, indices, updates], {"use_locking": bool(use_locking)}, name)

    type = "ScatterNd" + name
    function.__name__ = function.__qualname__ = f"scatter_nd_{name.lower()}"
    function.__doc__ = f"""A variable with `updates` {what} at `indices`.

    Args:
      ref: a variable.
      indices: [..., k], coordinates along the first k axes.
      updates: of shape indices.shape[:-1] + ref.shape[k:].
      use_locking: accepted.
      name: the node's name.

    Returns:
      The variable after it.

    Raises:
      InvalidArgumentError: when it runs, for a coordinate out of range; nothing is changed.
    """
    return function


scatter_nd_add = _variable_function("Add", "added")
scatter_nd_sub = _variable_function("Sub", "subtracted")
scatter_nd_update = _variable_function("Update", "put", True)
