"""`python.framework.op_def_registry`: the ops that there are, as messages."""

from ...ops.op_proto import op_def_proto
from ...ops.registry import registered

__all__ = ["get_registered_ops"]


def get_registered_ops():
    """A dict: the name of each op -> its `OpDef` message."""
    return {name: op_def_proto(op_def) for name, op_def in registered().items()}
