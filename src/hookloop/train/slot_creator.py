"""Slots: the variables that an optimizer keeps beside each variable that it trains."""

from __future__ import annotations

from contextlib import nullcontext

from ..graph.scopes import colocate_with
from ..initializers import zeros_initializer
from ..ops.array import shape, zeros
from ..variable_scope import get_variable, get_variable_scope, variable_scope
from ..variables import RefVariable, Variable

__all__ = ["create_slot", "create_slot_with_initializer", "create_zeros_slot"]


def _make(primary, value, validate_shape, shape, dtype):
    """The slot in the variable scope that is open, of the primary variable's kind."""
    scope = get_variable_scope()
    partitioner = scope.partitioner
    scope.set_partitioner(None)  # a slot of a part is no longer cut
    use_resource = None
    if getattr(primary, "_is_resource", False):
        use_resource = True
    elif isinstance(primary, RefVariable):
        use_resource = False
    try:
        slot = get_variable(
            "", initializer=value, trainable=False, use_resource=use_resource, shape=shape if callable(value) else None,
            dtype=dtype, validate_shape=validate_shape,
        )  # fmt: skip
    finally:
        scope.set_partitioner(partitioner)
    part = getattr(primary, "_save_slice_info", None)
    if part is not None:
        name = slot.op.name[len(primary.op.name + "/") :]
        slot._set_save_slice_info(
            type(part)(f"{part.full_name}/{name}", part.full_shape[:], part.var_offset[:], part.var_shape[:])
        )
    return slot


def _prefix(primary):
    return primary._shared_name if isinstance(primary, Variable) else primary.op.name


def _beside(primary, colocate_with_primary):
    return colocate_with(primary) if colocate_with_primary else nullcontext()


def create_slot(primary, val, name, colocate_with_primary=True):
    """A slot that begins as the tensor `val`.

    Args:
      primary: the variable it belongs to; the slot's name begins with the variable's.
      val: a tensor, its initial value.
      name: of the slot.
      colocate_with_primary: whether its nodes carry the device of the primary variable, and lie beside it.

    Returns:
      The slot, a variable that is not trained.
    """
    with variable_scope(None, f"{_prefix(primary)}/{name}"), _beside(primary, colocate_with_primary):
        return _make(primary, val, val.get_shape().is_fully_defined(), None, None)


def create_slot_with_initializer(primary, initializer, shape, dtype, name, colocate_with_primary=True):
    """A slot of a given shape and dtype that an initializer gives its first value."""
    with variable_scope(None, f"{_prefix(primary)}/{name}"), _beside(primary, colocate_with_primary):
        return _make(primary, initializer, shape.is_fully_defined(), shape, dtype)


def create_zeros_slot(primary, name, dtype=None, colocate_with_primary=True):
    """A slot of the primary variable's shape that begins as zeros."""
    dtype = primary.dtype.base_dtype if dtype is None else dtype
    static = primary.get_shape()
    if static.is_fully_defined():
        return create_slot_with_initializer(
            primary, zeros_initializer(dtype), static, dtype, name, colocate_with_primary
        )
    sizes = shape(primary.initialized_value() if isinstance(primary, Variable) else primary)
    return create_slot(primary, zeros(sizes, dtype=dtype), name, colocate_with_primary)
