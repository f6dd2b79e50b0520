"""`tf.while_loop`."""

from __future__ import annotations

from .. import errors, nest
from ..graph.collections import GraphKeys
from ..graph.describe import message_name
from ..graph.scopes import name_scope
from ..graph.stack import get_default_graph
from ..shapes import TensorShape, as_shape
from .build import constant, convert_to_tensor
from .control_flow_context import WhileContext
from .control_flow_nodes import loop_cond
from .core import identity
from .math import less, logical_and
from .tensor_parts import as_tensors, parts_of_invariant, restored

__all__ = ["while_loop"]


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True, swap_memory=False,
               name=None, maximum_iterations=None, return_same_structure=False):  # fmt: skip
    """Runs `body` again and again while `cond` is true.

    Args:
      cond: a function of the loop variables that returns a scalar boolean tensor.
      body: a function of the loop variables that returns their next values in the same nesting.
      loop_vars: the first values, a list or tuple of tensors or nestings of them.
      shape_invariants: a static shape for each loop variable, where it changes between iterations.
      parallel_iterations: accepted; iterations run one after the other.
      back_prop: False lets no gradient flow through the loop.
      swap_memory: accepted.
      name: the scope of the nodes.
      maximum_iterations: at most so many iterations.
      return_same_structure: True keeps a single loop variable in its list.

    Returns:
      The loop variables after the loop, in the structure that the body returns.

    Raises:
      TypeError: where cond or body is no function, or the structures or dtypes differ.
      ValueError: without loop variables, or where a variable's shape changes against its invariant.
    """
    if not callable(cond):
        raise TypeError("cond must be callable.")
    if not callable(body):
        raise TypeError("body must be callable.")
    if parallel_iterations < 1:
        raise TypeError("parallel_iterations must be a positive integer.")
    if parallel_iterations != int(parallel_iterations):
        raise ValueError(f"`parallel_iterations` must be a positive integer: {parallel_iterations}")
    with name_scope(name, "while", loop_vars):
        if not loop_vars:
            raise ValueError("No loop variables provided")
        if maximum_iterations is not None:
            cond, body, loop_vars, shape_invariants, maximum_iterations = _bounded(
                cond, body, loop_vars, shape_invariants, maximum_iterations, return_same_structure
            )
        if shape_invariants is not None:
            nest.assert_same_structure(loop_vars, _as_leaves(shape_invariants), check_types=False)
        context = WhileContext(
            maximum_iterations=maximum_iterations, parallel_iterations=parallel_iterations, back_prop=back_prop,
            swap_memory=swap_memory,
        )  # fmt: skip
        if context.outer_context is None:
            get_default_graph().add_to_collection(GraphKeys.WHILE_CONTEXT, context)
        result = build_loop(context, cond, body, loop_vars, shape_invariants, return_same_structure)
        return result[1] if maximum_iterations is not None else result


def _bounded(cond, body, loop_vars, shape_invariants, maximum_iterations, return_same_structure):
    """The same loop with a counter as its first variable."""
    limit = convert_to_tensor(maximum_iterations, name="maximum_iterations")
    if limit.get_shape().ndims != 0:
        raise ValueError(f"maximum_iterations must be a scalar, saw shape: {limit.get_shape()}")
    counter = constant(0, dtype=limit.dtype, name="iteration_counter")
    if len(loop_vars) == 1 and not return_same_structure:
        variables = (counter, loop_vars[0])

        def bounded_cond(i, value):
            return logical_and(less(i, limit), cond(value))

        def bounded_body(i, value):
            following, result = i + 1, body(value)
            if isinstance(result, (list, tuple)) and len(result) == 1 and not nest.is_nested(loop_vars[0]):
                result = result[0]
            return following, result

        if shape_invariants is not None:
            shape_invariants = (as_shape([]), shape_invariants[0])
    else:
        variables = (counter, loop_vars)

        def bounded_cond(i, values):
            return logical_and(less(i, limit), cond(*values))

        def bounded_body(i, values):
            following, result = i + 1, body(*values)
            return following, type(loop_vars)(result) if isinstance(result, (list, tuple)) else result

        if shape_invariants is not None:
            shape_invariants = (as_shape([]), shape_invariants)
    return bounded_cond, bounded_body, variables, shape_invariants, limit


class _Leaf:
    """A shape, which nest does not look into."""

    def __init__(self, shape):
        self.shape = as_shape(shape)


def _as_leaves(invariants):
    if isinstance(invariants, TensorShape) or invariants is None:
        return _Leaf(invariants)
    if isinstance(invariants, dict):
        return {key: _as_leaves(value) for key, value in invariants.items()}
    if hasattr(invariants, "_fields"):
        return type(invariants)(*[_as_leaves(value) for value in invariants])
    if isinstance(invariants, (list, tuple)):
        return type(invariants)(_as_leaves(value) for value in invariants)
    return _Leaf(invariants)


def build_loop(context, cond, body, loop_vars, shape_invariants, return_same_structure):
    """The nodes of a loop in its context; gives the loop variables after it."""
    tensors = as_tensors(loop_vars)
    context.Enter()
    try:
        original, exits = _build(context, cond, body, loop_vars, tensors, shape_invariants)
    finally:
        context.Exit()
    packed = restored(original, exits)
    if return_same_structure:
        return packed
    return packed[0] if len(nest.flatten(original)) == 1 else packed


def _build(context, cond, body, loop_vars, tensors, shape_invariants):
    invariants = None
    if shape_invariants is not None:
        shapes = [leaf.shape for leaf in nest.flatten(_as_leaves(shape_invariants))]
        leaves = zip(nest.flatten(loop_vars), shapes, strict=True)
        invariants = [shape for leaf, whole in leaves for shape in parts_of_invariant(leaf, whole)]
        _check_invariants(tensors, invariants)
    merged = context.begin_variables(tensors, invariants)
    context.wait_for_outer_loop(merged)
    context._pivot_for_pred = merged[0]
    context._pivot = loop_cond(convert_to_tensor(cond(*_packed(loop_vars, merged))), name="LoopCond")
    switched = [context.split(m) for m in merged]
    inside = [identity(s[1]) for s in switched]
    context._pivot_for_body = inside[0]
    result = body(*_packed(loop_vars, inside))
    if not nest.is_nested(result):
        result = [result]
    nest.assert_same_structure(list(_packed(loop_vars, inside)), list(result))
    flat = as_tensors(result)
    following = []
    for m, s, value in zip(merged, switched, flat):
        if value.dtype.base_dtype != m.dtype.base_dtype:
            _refuse_dtype(m, value)
        following.append(context.end_variable(m, s, value))
        _check_shape(m, following[-1])
    exits = [context.finish_variable(m, s, f) for m, s, f in zip(merged, switched, following)]
    context.ExitResult(exits)
    return result, exits


def _refuse_dtype(merged, value):
    """What TensorFlow's sessions say of the graph."""
    following = get_default_graph().unique_name("NextIteration", mark_as_used=False)
    begun, found = (message_name(tensor.dtype.base_dtype) for tensor in (merged, value))
    raise errors.InvalidArgumentError(
        None,
        merged.op,
        f"Input 1 of node {merged.op.name} was passed {found} from {following}:0 incompatible with expected {begun}: "
        f"the body of the loop gives {value.name} for {merged.op.inputs[0].name}",
    )


def _packed(structure, flat):
    packed = restored(structure, flat)
    return packed if isinstance(packed, (list, tuple)) else [packed]


def _check_invariants(tensors, invariants):
    for tensor, shape in zip(tensors, invariants):
        if not _fits(tensor.get_shape(), shape):
            raise ValueError(
                f"The shape invariant specified for {tensor.name} is not compatible with the initial shape of the loop "
                f"variable. It enters the loop with shape {tensor.get_shape()}, but the specified shape invariant is {shape}."
            )


def _check_shape(merged, following):
    if not _fits(following.get_shape(), merged.get_shape()):
        initial = merged.op.inputs[0].op.inputs[0]
        raise ValueError(
            f"Input tensor '{initial.name}' enters the loop with shape {merged.get_shape()}, but has shape "
            f"{following.get_shape()} after one iteration. To allow the shape to vary across iterations, use the "
            "`shape_invariants` argument of tf.while_loop to specify a less-specific shape."
        )


def _fits(shape, wider):
    """Whether all that `wider` says holds for `shape`."""
    if wider.ndims is None:
        return True
    if shape.ndims != wider.ndims:
        return False
    return all(w is None or d == w for d, w in zip(shape.as_list(), wider.as_list()))
