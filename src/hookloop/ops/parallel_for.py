"""`tf.vectorized_map`, and `pfor` and `for_loop` of `python.ops.parallel_for`: functions of a number or a row, as loops over TensorArrays.

What a function gives is only known when its nodes are made, so the arrays of results are added to the loop behind it.
"""

from __future__ import annotations

from .. import nest
from ..graph.collections import GraphKeys
from ..graph.scopes import name_scope
from ..graph.stack import get_default_graph
from .build import convert_to_tensor
from .control_flow_context import WhileContext
from .core import group, identity, with_dependencies
from .functional import _arrays, _check, _length, _rows
from .tensor_array import ROWS_APART, TensorArray
from .tensor_util import constant_value
from .while_loop import build_loop

__all__ = ["for_loop", "pfor", "vectorized_map"]


def vectorized_map(fn, elems):
    """What `fn` gives for each row of `elems`, one above the other.

    Rows are taken one after the other, as by `map_fn`; the types of the results need not be told.

    Args:
      fn: a function of a row, in the nesting of `elems`, that returns tensors in any nesting, or operations.
      elems: tensors in a nesting, all with as many rows.

    Raises:
      TypeError: fn is no function.
      ValueError: `elems` have no rows.
    """
    if not callable(fn):
        raise TypeError("fn must be callable.")
    flat = _check(elems)
    length = _length(flat)
    arrays = _arrays(flat, length)
    for array in arrays:
        # gradients that the function takes itself are of its row alone: an array's would add up over the rows before
        ROWS_APART.add(array.handle)
    return pfor(lambda i: fn(_rows(elems, arrays, i)), length)


def for_loop(loop_fn, loop_fn_dtypes, iters, parallel_iterations=None):
    """What `loop_fn` gives for 0 to `iters` - 1, one above the other.

    Args:
      loop_fn: a function of an int32 scalar that returns tensors, all of one shape, in the nesting of `loop_fn_dtypes`.
      loop_fn_dtypes: the types of the results.
      iters: how often it is called.
      parallel_iterations: accepted; numbers are taken one after the other.

    Raises:
      ValueError: the function gives another number of results.
    """

    def function(i):
        flat, wanted = nest.flatten(loop_fn(i)), len(nest.flatten(loop_fn_dtypes))
        if len(flat) != wanted:
            raise ValueError(
                f"Number of expected outputs, {wanted}, does not match the number of actual outputs, {len(flat)}, from loop_fn"
            )
        return nest.pack_sequence_as(loop_fn_dtypes, flat)

    return pfor(function, iters)


def pfor(loop_fn, iters, parallel_iterations=None):
    """What `loop_fn` gives for 0 to `iters` - 1, one above the other.

    Args:
      loop_fn: a function of an int32 scalar that returns tensors, all of one shape, in any nesting; also operations and None.
      iters: how often it is called.
      parallel_iterations: accepted; numbers are taken one after the other.

    Returns:
      The results in their nesting: tensors with an axis more, operations that run all of theirs, and None.

    Raises:
      ValueError: `parallel_iterations` is 1 or less.
    """
    if parallel_iterations == 1:
        raise ValueError("Found parallel_iterations == 1. Use for_loop instead.")
    if parallel_iterations is not None and parallel_iterations < 1:
        raise ValueError(f"parallel_iterations must be None or a positive integer, got {parallel_iterations}")
    with name_scope("loop_body"):
        iters = convert_to_tensor(iters, dtype="int32")
        context = WhileContext()
        if context.outer_context is None:
            get_default_graph().add_to_collection(GraphKeys.WHILE_CONTEXT, context)
        given, inside = [], []

        def body(i):
            result = loop_fn(i)
            given.append(result)
            inside.append(i)
            operations = [leaf for leaf in nest.flatten(result) if _is_operation(leaf)]
            return with_dependencies(operations, i + 1) if operations else i + 1

        count = build_loop(context, lambda i: i < iters, body, [convert_to_tensor(0)], None, False)
        flat = [_stacked(context, leaf, inside[0], iters, count) for leaf in nest.flatten(given[0])]
        return nest.pack_sequence_as(given[0], flat)


def _is_operation(leaf):
    return hasattr(leaf, "control_inputs")


def _stacked(context, leaf, i, iters, count):
    """A result of the function for all numbers; `count` is there when the loop has ended."""
    if leaf is None:
        return None
    if _is_operation(leaf):
        return group(count)
    graph = get_default_graph()
    outside = graph._get_control_flow_context()
    graph._set_control_flow_context(context)
    value = identity(convert_to_tensor(leaf))  # slices become a tensor; a reference its value
    graph._set_control_flow_context(outside)
    known = constant_value(iters)
    array = TensorArray(
        value.dtype.base_dtype, size=iters if known is None else int(known), element_shape=value.get_shape()
    )
    flow = context.add_variable(array.flow, lambda flow: array.with_flow(flow).write(i, value).flow)
    result = array.with_flow(flow).stack()
    if value.get_shape().ndims is not None:
        result.set_shape([None if known is None else int(known), *value.get_shape().as_list()])
    return result
