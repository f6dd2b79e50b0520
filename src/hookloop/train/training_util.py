"""The global step: the variable that counts the steps of a training."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..initializers import zeros_initializer
from ..variable_scope import get_variable
from ..variables import Variable, VariableAggregation

__all__ = ["assert_global_step", "create_global_step", "get_global_step", "get_or_create_global_step", "global_step"]


def get_global_step(graph=None):
    """The global step of a graph (the default one), or None.

    It is what the collection GLOBAL_STEP has, or the tensor named "global_step:0".

    Raises:
      TypeError: where what is found is not of an integer type, or not a scalar.
    """
    graph = graph or get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        from .. import logging

        logging.error("Multiple tensors in global_step collection.")
        return None
    if found:
        step = found[0]
    else:
        try:
            step = graph.get_tensor_by_name("global_step:0")
        except KeyError:
            return None
    assert_global_step(step)
    return step


def create_global_step(graph=None):
    """Makes the global step of a graph (the default one): an int64 variable that is not trained.

    Raises:
      ValueError: where there is one already.
    """
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    with graph.as_default(), graph.name_scope(None):
        return get_variable(
            GraphKeys.GLOBAL_STEP, shape=[], dtype=dtypes.int64, initializer=zeros_initializer(), trainable=False,
            aggregation=VariableAggregation.ONLY_FIRST_REPLICA,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
        )  # fmt: skip


def get_or_create_global_step(graph=None):
    """The global step of a graph (the default one), made where there is none."""
    graph = graph or get_default_graph()
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def assert_global_step(global_step_tensor):
    """Checks that a global step is a scalar of an integer type.

    Raises:
      TypeError: where it is not.
    """
    if not isinstance(global_step_tensor, (Variable, Tensor)):
        raise TypeError(f'Existing "global_step" must be a Variable or Tensor: {global_step_tensor}.')
    if not global_step_tensor.dtype.base_dtype.is_integer:
        raise TypeError(f'Existing "global_step" does not have integer type: {global_step_tensor.dtype}')
    shape = global_step_tensor.get_shape()
    if shape.ndims != 0 and shape.is_fully_defined():
        raise TypeError(f'Existing "global_step" is not scalar: {shape}')


def global_step(sess, global_step_tensor):
    """The value of the global step in a session, as a Python int."""
    return int(np.asarray(sess.run(global_step_tensor)).item())  # a step may be a vector of one


# The collection of the tensor that has the step's value before the run that makes a step.
GLOBAL_STEP_READ_KEY = "global_step_read_op_cache"


def _get_global_step_read(graph=None):
    """The tensor of the step's value before the run, or None where it is not made."""
    found = (graph or get_default_graph()).get_collection(GLOBAL_STEP_READ_KEY)
    if len(found) > 1:
        raise RuntimeError(f"There are multiple items in collection {GLOBAL_STEP_READ_KEY}. There should be only one.")
    return found[0] if found else None


def _get_or_create_global_step_read(graph=None):
    """The tensor of the step's value before the run, made where there is none; None without a global step."""
    graph = graph or get_default_graph()
    found, step = _get_global_step_read(graph), get_global_step(graph)
    if found is not None or step is None:
        return found
    with graph.as_default(), graph.name_scope(None), graph.name_scope(step.op.name + "/"):
        value = step.initialized_value() if isinstance(step, Variable) else step
        graph.add_to_collection(GLOBAL_STEP_READ_KEY, value + 0)  # the value itself, no name for the variable
    return _get_global_step_read(graph)


def global_step_of_hook():
    """The global step, for the `begin` of a hook that TensorFlow lets read it by nodes of their own, or None.

    The nodes stand in the graph as they do there: what is built after them has the same default seeds, and graphs that
    are saved are the same. The hooks here fetch the variable, which tells the step that a run has made.
    """
    if not get_default_graph().finalized:
        _get_or_create_global_step_read()
    return get_global_step()


def _increment_global_step(increment, graph=None):
    """An operation that adds to the global step, after the value before it was read."""
    from ..ops.state import assign_add

    graph = graph or get_default_graph()
    step = get_global_step(graph)
    if step is None:
        raise ValueError(
            "Global step tensor should be created by tf.train.get_or_create_global_step before calling increment."
        )
    read = _get_or_create_global_step_read(graph)
    with graph.as_default(), graph.name_scope(None), graph.name_scope(step.op.name + "/"):
        with graph.control_dependencies([read]):
            return assign_add(step, increment)


def watched_element(item):
    """What a hook that is given tensors or their names watches, in the default graph.

    Args:
      item: a tensor or variable, a tensor's name ("loss:0"), or the name of an operation with one output ("loss").

    Raises:
      KeyError: there is no such name.
      ValueError: the item is of another graph, or the operation has several outputs.
    """
    graph = get_default_graph()
    if not isinstance(item, str):
        if getattr(item, "graph", None) is not graph:
            raise ValueError(f"Passed {item} should have graph attribute that is equal to current graph {graph}.")
        return item
    if ":" in item:
        return graph.as_graph_element(item)
    element = graph.as_graph_element(item + ":0")
    if len(element.op.outputs) > 1:
        raise ValueError(f"Name {item} is ambiguous, as this `Operation` has multiple outputs (at least 2).")
    return element
