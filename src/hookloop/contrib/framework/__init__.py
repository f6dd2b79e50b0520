"""`tf.contrib.framework`: variables found by scope and name, arguments for scopes, values from checkpoints."""

from ...graph.graph import Graph
from ...graph.stack import get_default_graph
from ...ops.build import is_tensor
from ...ops.check import assert_same_float_dtype, assert_scalar
from ...ops.sorting import argsort, sort
from ...python.framework.graph_elements import graph_from_inputs, prepend_name_scope, strip_name_scope
from ...python.framework.smart_cond import smart_case, smart_cond, smart_constant_value
from ...python.util import nest as nest
from ...python.util.deprecation import deprecated, deprecated_arg_values, deprecated_args
from ...train.checkpoint_utils import init_from_checkpoint, list_variables, load_checkpoint, load_variable
from ...type_specs import BoundedTensorSpec, TensorSpec
from .arg_scope import add_arg_scope, arg_scope, arg_scoped_arguments, current_arg_scope, has_arg_scope
from .assigning import assign_from_checkpoint, assign_from_checkpoint_fn, assign_from_values, assign_from_values_fn
from .nested_py_func import py_func
from .shapes import assert_scalar_int, reduce_sum_n, remove_squeezable_dimensions, with_same_shape, with_shape
from .variables import (
    VariableDeviceChooser,
    add_model_variable,
    assert_global_step,
    assert_or_get_global_step,
    create_global_step,
    filter_variables,
    get_global_step,
    get_local_variables,
    get_model_variables,
    get_or_create_global_step,
    get_trainable_variables,
    get_unique_variable,
    get_variable_full_name,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    global_variable,
    local_variable,
    model_variable,
    variable,
)

__all__ = [
    "BoundedTensorSpec", "TensorSpec", "VariableDeviceChooser", "add_arg_scope", "add_model_variable", "arg_scope", "arg_scoped_arguments", "argsort",
    "assert_global_step", "assert_or_get_global_step", "assert_same_float_dtype", "assert_scalar", "assert_scalar_int",
    "assign_from_checkpoint", "assign_from_checkpoint_fn", "assign_from_values", "assign_from_values_fn", "create_global_step",
    "current_arg_scope", "deprecated", "deprecated_arg_values", "deprecated_args", "filter_variables", "get_global_step",
    "get_graph_from_inputs", "get_local_variables", "get_model_variables", "get_name_scope", "get_or_create_global_step",
    "get_placeholders", "get_trainable_variables", "get_unique_variable", "get_variable_full_name", "get_variables",
    "get_variables_by_name", "get_variables_by_suffix", "get_variables_to_restore", "global_variable", "has_arg_scope",
    "init_from_checkpoint", "is_tensor", "list_variables", "load_checkpoint", "load_variable", "local_variable",
    "model_variable", "nest", "prepend_name_scope", "py_func", "reduce_sum_n", "remove_squeezable_dimensions", "smart_case", "smart_cond",
    "smart_constant_value", "sort", "strip_name_scope", "variable", "with_same_shape", "with_shape",
]  # fmt: skip


def get_graph_from_inputs(op_input_list, graph=None):
    """The graph that tensors belong to.

    Args:
      op_input_list: tensors, operations, and what is neither.
      graph: the graph that they are to be of.

    Raises:
      ValueError: they are of several graphs, or of another one.
    """
    return graph_from_inputs(op_input_list, graph)


def get_name_scope():
    """The name scope of the default graph's new operations."""
    return get_default_graph().get_name_scope()


def get_placeholders(graph):
    """The placeholders of a graph.

    Raises:
      TypeError: for something else than a graph.
    """
    if not isinstance(graph, Graph):
        raise TypeError(f"Input graph needs to be a Graph: {graph}")
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


def __dir__():
    return list(__all__)
