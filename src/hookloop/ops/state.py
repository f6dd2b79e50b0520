"""Variables as ops: their memory, assigning it, and changing rows of it."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN, TensorShape
from . import kinds
from .build import apply_op, convert_to_tensor
from .registry import OpDef, no_gradient, register
from .shape_functions import from_attribute, handle_shape, nothing, scalar, shape_of_variable

__all__ = [
    "assign", "assign_add", "assign_sub", "is_variable_initialized", "scatter_add", "scatter_div",
    "scatter_max", "scatter_min", "scatter_mul", "scatter_sub", "scatter_update",
]  # fmt: skip

_VARIABLE = {"shape": TensorShape(None), "container": "", "shared_name": ""}


def _assigned_shape(c):
    if c.attr("validate_shape"):
        return c.merge_shapes(c.shape(0) if c.known(0) else None, c.shape(1) if c.known(1) else None)
    return c.shape(1) if c.known(1) else None


def _updated_shape(c):
    return c.merge_shapes(c.shape(0) if c.known(0) else None, c.shape(1) if c.known(1) else None)


def _resource_updated(c):
    c.merge_shapes(shape_of_variable(c, 0), c.shape(1) if c.known(1) else None)
    return []


def _resource_scattered(c):
    rows = shape_of_variable(c, 0)
    if rows is not None and c.known(1) and c.known(2) and c.shape(2):  # a scalar is for all rows
        c.merge_shapes(c.shape(2), (*c.shape(1), *rows[1:]))
    return []


def _scatter_shape(c):
    if c.known(0) and not c.shape(0):
        c.fail_in_run("params must be at least 1-D, got shape []")
    if c.known(0) and c.known(1) and c.known(2) and c.shape(2):  # a scalar is for all rows
        c.merge_shapes(c.shape(2), (*c.shape(1), *c.shape(0)[1:]))
    return c.shape(0) if c.known(0) else None


def _assign(node, old, value):
    return value


def _scattered(function):
    """A reference that applies function(row, update) for each index in turn."""

    def reference(node, variable, indices, updates):
        result = np.array(variable)
        if not result.ndim:
            return reference(node, result[None], indices, updates)[0]
        indices = np.asarray(indices)
        rows = result.shape[1:]
        updates = np.broadcast_to(updates, indices.shape + rows).reshape((indices.size, *rows))
        for position, index in enumerate(indices.ravel()):
            if not 0 <= index < len(result):
                raise IndexError(f"indices[{position}] = {index} is not in [0, {len(result)})")
            result[index] = function(result[index], updates[position])
        return result

    return reference


def _divide(x, y):
    return np.trunc(x / y).astype(x.dtype) if x.dtype.kind in "iu" else x / y


_ROWS = {
    "Update": ("scatter_update", lambda x, y: y),
    "Add": ("scatter_add", np.add),
    "Sub": ("scatter_sub", np.subtract),
    "Mul": ("scatter_mul", np.multiply),
    "Div": ("scatter_div", _divide),
    "Min": ("scatter_min", np.minimum),
    "Max": ("scatter_max", np.maximum),
}


def _row_types(name, attr):
    """Rows may be set to values of any type; only numbers can be added, and so on."""
    if name == "Update":
        return {"Tindices": kinds.INDEX}
    return {attr: kinds.REAL if name in ("Min", "Max") else kinds.NUMBER, "Tindices": kinds.INDEX}


def _handle_shape(c):
    return ()


def _shape_of_variable_shape(c):
    form = shape_of_variable(c, 0)
    return (UNKNOWN,) if form is None else (len(form),)


def _shape_of_variable(c):
    form = shape_of_variable(c, 0)
    if form is None:
        return None
    found = np.empty(len(form), object)
    found[:] = form
    return [found]


def _variable_shape(c):
    """The shape of the variable that a handle stands for."""
    return handle_shape(c.op.inputs[0])


register(
    OpDef("VariableV2", "", "ref: Ref(dtype)", attrs={"dtype": None, **_VARIABLE}, shape=from_attribute, stateful=True,
          gradient=no_gradient),
    OpDef("Variable", "", "ref: Ref(dtype)", attrs={"dtype": None, **_VARIABLE}, shape=from_attribute, stateful=True,
          gradient=no_gradient),
    OpDef("VarHandleOp", "", "resource: resource", attrs={"dtype": None, **_VARIABLE}, types={"dtype": None}, stateful=True,
          shape=_handle_shape, gradient=no_gradient),
    OpDef("Assign", "ref: Ref(T), value: T", "output_ref: Ref(T)", attrs={"validate_shape": True, "use_locking": True},
          shape=_assigned_shape, kernel="assign", reference=_assign, writes=(0,), stateful=True, gradient=no_gradient),
    OpDef("AssignAdd", "ref: Ref(T), value: T", "output_ref: Ref(T)", attrs={"use_locking": False},
          types={"T": kinds.NUMBER}, shape=_updated_shape, kernel="assign_add", reference=lambda node, x, y: x + y, writes=(0,),
          stateful=True, gradient=no_gradient),
    OpDef("AssignSub", "ref: Ref(T), value: T", "output_ref: Ref(T)", attrs={"use_locking": False},
          types={"T": kinds.NUMBER}, shape=_updated_shape, kernel="assign_sub", reference=lambda node, x, y: x - y, writes=(0,),
          stateful=True, gradient=no_gradient),
    OpDef("AssignVariableOp", "resource: resource, value: dtype", "", shape=nothing, kernel="assign", reference=_assign,
          writes=(0,), stateful=True, gradient=no_gradient),
    OpDef("AssignAddVariableOp", "resource: resource, value: dtype", "", shape=_resource_updated, kernel="assign_add",
          reference=lambda node, x, y: x + y, writes=(0,), stateful=True, gradient=no_gradient),
    OpDef("AssignSubVariableOp", "resource: resource, value: dtype", "", shape=_resource_updated, kernel="assign_sub",
          reference=lambda node, x, y: x - y, writes=(0,), stateful=True, gradient=no_gradient),
    OpDef("ReadVariableOp", "resource: resource", "value: dtype", attrs={"dtype": None}, shape=_variable_shape, stateful=True,
          reference=lambda node, x: x, gradient=lambda op, grad: [grad]),
    OpDef("VariableShape", "input: resource", "output: out_type", attrs={"out_type": dtypes.int32}, types={"out_type": kinds.INDEX},
          shape=_shape_of_variable_shape, value=_shape_of_variable, stateful=True, gradient=no_gradient,
          reference=lambda node, x: np.array(np.shape(x), node.attrs["out_type"].as_numpy_dtype)),
    OpDef("IsVariableInitialized", "ref: Ref(dtype)", "is_initialized: bool", shape=scalar, reads=(0,), stateful=True,
          gradient=no_gradient),
    OpDef("VarIsInitializedOp", "resource: resource", "is_initialized: bool", shape=scalar, reads=(0,), stateful=True,
          gradient=no_gradient),
)  # fmt: skip

for _name, (_kernel, _function) in _ROWS.items():
    register(
        OpDef(f"Scatter{_name}", "ref: Ref(T), indices: Tindices, updates: T", "output_ref: Ref(T)",
              attrs={"use_locking": _name == "Update"}, types=_row_types(_name, "T"), shape=_scatter_shape, kernel=_kernel,
              reference=_scattered(_function), writes=(0,), stateful=True, can_fail=True,
              gradient=None if _name in ("Update", "Min", "Max") else no_gradient),
        OpDef(f"ResourceScatter{_name}", "resource: resource, indices: Tindices, updates: dtype", "",
              types=_row_types(_name, "dtype"), shape=_resource_scattered, kernel=_kernel, reference=_scattered(_function), writes=(0,),
              stateful=True, can_fail=True, gradient=no_gradient),
    )  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def variable_reference(ref, method):
    """The Ref tensor of a variable, or a Ref tensor itself.

    Args:
      ref: a variable, or its tensor.
      method: of a resource variable, which TensorFlow asks what is no reference for.

    Raises:
      AttributeError: it is neither.
    """
    found = ref._ref() if callable(getattr(ref, "_ref", None)) else ref
    if getattr(getattr(found, "dtype", None), "_is_ref_dtype", False):
        return found
    missing = method if hasattr(ref, "dtype") else "dtype"
    raise AttributeError(
        f"'{type(ref).__name__}' object has no attribute '{missing}': expected a variable, got {ref!r}"
    )


def _assigns_itself(ref, method):
    """Whether that method of a variable, of its parts, or of what changes as one does, is to be called: it has no reference."""
    return hasattr(ref, method) and hasattr(ref, "dtype") and not ref.dtype._is_ref_dtype


def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """Gives a variable a new value.

    Args:
      ref: a variable, or a part `variable[...]` of one.
      value: a tensor of its dtype and shape.
      validate_shape: False lets the variable take another shape.
      use_locking: accepted; a run's write is never seen half done by the same run.
      name: the node's name.

    Returns:
      The variable after the assignment.
    """
    if _assigns_itself(ref, "assign"):
        return ref.assign(value, name=name)
    attrs = {"validate_shape": True if validate_shape is None else validate_shape}
    attrs["use_locking"] = True if use_locking is None else use_locking
    return apply_op("Assign", [variable_reference(ref, "assign"), value], attrs, name)


def _updater(type, method, text):
    def function(ref, value, use_locking=None, name=None):
        if _assigns_itself(ref, method):
            return getattr(ref, method)(value)  # without the name, as in TensorFlow
        return apply_op(type, [variable_reference(ref, method), value], {"use_locking": bool(use_locking)}, name)

    function.__name__ = function.__qualname__ = method
    function.__doc__ = f"{text} a variable's value; returns the variable after it."
    return function


assign_add = _updater("AssignAdd", "assign_add", "Adds to")
assign_sub = _updater("AssignSub", "assign_sub", "Subtracts from")


def _scatter(name, text, locking=False):
    def function(ref, indices, updates, use_locking=locking, name=None):
        if getattr(ref, "_is_resource", False):
            updates = convert_to_tensor(updates, ref.dtype.base_dtype)
            return ref._after(apply_op("Resource" + type, [ref.handle, indices, updates], name=name))
        ref = variable_reference(ref, "_lazy_read")
        return apply_op(type, [ref, indices, updates], {"use_locking": use_locking}, name)

    type = "Scatter" + name
    function.__name__ = function.__qualname__ = f"scatter_{name.lower()}"
    function.__doc__ = f"""{text} the rows of a variable that `indices` names; a row named twice, twice.

    Args:
      ref: a variable.
      indices: int32 or int64, of any shape.
      updates: of shape indices.shape + ref.shape[1:], or a scalar.
      use_locking: accepted.
      name: the node's name.

    Returns:
      The variable after it.

    Raises:
      InvalidArgumentError: when it runs, for an index out of range; no row is changed.
    """
    return function


scatter_update = _scatter("Update", "Sets", True)
scatter_add = _scatter("Add", "Adds to")
scatter_sub = _scatter("Sub", "Subtracts from")
scatter_mul = _scatter("Mul", "Multiplies")
scatter_div = _scatter("Div", "Divides")
scatter_min = _scatter("Min", "Takes the minimum with")
scatter_max = _scatter("Max", "Takes the maximum with")


def is_variable_initialized(variable):
    """Whether a variable has a value, as a bool tensor."""
    return initialized(variable)


def initialized(variable, name=None):
    """`is_variable_initialized` with a name for the node."""
    if getattr(variable, "_is_resource", False):
        return apply_op("VarIsInitializedOp", [variable.handle], name=name)
    return apply_op("IsVariableInitialized", [variable_reference(variable, "is_initialized")], name=name)
