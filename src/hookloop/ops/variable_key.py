"""Which variable of a session an op stands for."""

from __future__ import annotations

from ..dtypes import resource

VARIABLES = frozenset(("VariableV2", "Variable", "VarHandleOp"))


def variable_key(op) -> str:
    """The name of the session's variable that a VariableV2 or VarHandleOp stands for."""
    shared = op._attrs.get("shared_name") or b""
    name = shared.decode() if isinstance(shared, bytes) else shared
    container = op._attrs.get("container") or b""
    container = container.decode() if isinstance(container, bytes) else container
    name = name or op.name
    return f"{container}/{name}" if container else name


def type_of_elements(op):
    """The type of the elements of the variable that a node stands for.

    Raises:
      ValueError: it is of handles or variants, which no variable holds.
    """
    dtype = op.get_attr("dtype").base_dtype
    if dtype.name in ("resource", "variant"):
        raise ValueError(f"a variable cannot hold elements of type {dtype.name}")
    return dtype


def check_variable_type(op, dtype):
    """Refuses an op that takes a variable's handle for one of another type: an imported node may say anything.

    Args:
      op: the operation.
      dtype: the variable's.

    Raises:
      ValueError: the op was made for another type.
    """
    wanted = next((op._attrs[name] for name in ("dtype", "T", "Tparams") if name in op._attrs), None)
    if wanted is None or isinstance(wanted, list):  # of several: an op that hands them on
        return
    if wanted.base_dtype in (dtype.base_dtype, resource):  # of a resource: likewise
        return
    wanted, found = wanted.base_dtype.name, dtype.base_dtype.name
    if op.type == "AssignVariableOp":
        raise ValueError(f"Trying to assign variable with wrong dtype. Expected {found} got {wanted}")
    doing = "read" if op.type == "ReadVariableOp" else "update"
    raise ValueError(f"Trying to {doing} variable with wrong dtype. Expected {wanted} got {found}")
