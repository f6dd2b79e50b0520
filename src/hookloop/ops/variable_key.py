"""Which variable of a session an op stands for."""

from __future__ import annotations

VARIABLES = frozenset(("VariableV2", "Variable", "VarHandleOp"))


def variable_key(op) -> str:
    """The name of the session's variable that a VariableV2 or VarHandleOp stands for."""
    shared = op._attrs.get("shared_name") or b""
    name = shared.decode() if isinstance(shared, bytes) else shared
    container = op._attrs.get("container") or b""
    container = container.decode() if isinstance(container, bytes) else container
    name = name or op.name
    return f"{container}/{name}" if container else name
