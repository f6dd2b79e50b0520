"""`tf.saved_model.main_op`: the op that is run after a SavedModel is loaded."""

from __future__ import annotations

from ..graph.scopes import control_dependencies
from ..graph.stack import get_default_graph
from ..ops.core import group, tables_initializer
from ..variables import global_variables_initializer, local_variables_initializer

__all__ = ["main_op", "main_op_with_restore"]


def __dir__():
    return list(__all__)


def main_op():
    """An op that initializes variables and tables."""
    return group(global_variables_initializer(), local_variables_initializer(), tables_initializer())


def main_op_with_restore(restore_op_name):
    """An op that initializes variables and tables, then runs an op that restores variables.

    Args:
      restore_op_name: its name.
    """
    with control_dependencies([main_op()]):
        restore = get_default_graph().as_graph_element(restore_op_name)
        return group(restore)
