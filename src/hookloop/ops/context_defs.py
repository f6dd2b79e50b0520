"""Control-flow contexts as messages: how `export_meta_graph` writes conditionals and loops, and how names come back.

A program that imports a graph finds contexts from its nodes (recovered_contexts.py); what nodes do not tell, such as a
context's name or that no gradient flows through a loop, it takes from these messages. TensorFlow needs them to add
gradients to a graph that it has imported.
"""

from __future__ import annotations

from ..graph.collection_def import prepend_scope, register_proto_function, strip_scope
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph

__all__ = []


def _messages():
    from ..files import messages

    return messages


# --- writing ------------------------------------------------------------------------------------------------


def cond_to_proto(context, export_scope=None):
    """The `CondContextDef` of a branch; None where it is not in the scope."""
    if export_scope is not None and not context.name.startswith(export_scope):
        return None
    stripped = _stripper(export_scope)
    message = _messages().CondContextDef(
        context_name=stripped(context.name), pred_name=stripped(context.pred.name),
        pivot_name=stripped(context.pivot.name), branch=context.branch,
    )  # fmt: skip
    _fill_values(message, context, {context.pred: context.pred, **context._external_values}, stripped)
    _fill_nested(message, context, export_scope)
    return message


def while_to_proto(context, export_scope=None):
    """The `WhileContextDef` of a loop; None where it is not in the scope."""
    if export_scope is not None and not context.name.startswith(export_scope):
        return None
    stripped = _stripper(export_scope)
    message = _messages().WhileContextDef(
        context_name=stripped(context.name), parallel_iterations=context.parallel_iterations,
        back_prop=context.back_prop, swap_memory=context.swap_memory, pivot_name=stripped(context.pivot.name),
        pivot_for_pred_name=stripped(context._pivot_for_pred.name),
        pivot_for_body_name=stripped(context._pivot_for_body.name),
        loop_exit_names=[stripped(tensor.name) for tensor in context.loop_exits],
        loop_enter_names=[stripped(tensor.name) for tensor in context.loop_enters],
    )  # fmt: skip
    if context.maximum_iterations is not None:
        message.maximum_iterations_name = stripped(context.maximum_iterations.name)
    _fill_values(message, context, context._external_values, stripped)
    _fill_nested(message, context, export_scope)
    return message


def _stripper(export_scope):
    return lambda name: strip_scope(name, export_scope) or name


def _fill_values(message, context, external, stripped):
    values = message.values_def
    listed = {*context._values, *external} - context._unlisted
    values.values.extend(sorted(stripped(tensor.name) for tensor in listed))
    for outside, inside in external.items():
        if outside in listed:
            values.external_values[stripped(outside.name)] = stripped(inside.name)


def _fill_nested(message, context, export_scope):
    for nested in context._nested_contexts:
        if nested.IsWhileContext() and nested._pivot is None:
            continue  # a loop that was never finished
        definition = nested.to_proto(export_scope)
        if definition is None:
            continue
        kind = "while_ctxt" if nested.IsWhileContext() else "cond_ctxt"
        getattr(message.nested_contexts.add(), kind).CopyFrom(definition)


# --- reading ------------------------------------------------------------------------------------------------


def from_proto(message, import_scope=None):
    """The context of a branch or a loop whose nodes were imported, with what its message tells.

    Args:
      message: a `CondContextDef` or `WhileContextDef`.
      import_scope: the scope that the nodes were imported into.

    Returns:
      The context.

    Raises:
      ValueError: where the nodes are those of no such context.
    """
    graph = get_default_graph()

    def tensor(name):
        return graph.as_graph_element(prepend_scope(name, import_scope))

    is_loop = hasattr(message, "loop_enter_names")
    context = _find(tensor(message.pivot_name), None if is_loop else message.branch)
    if context is None:
        kind = "loop" if is_loop else "branch"
        raise ValueError(f"{message.pivot_name!r} is in no {kind} of a context {message.context_name!r}")
    context._name = prepend_scope(message.context_name, import_scope)
    external = {tensor(k): tensor(v) for k, v in message.values_def.external_values.items()}
    listed = {*map(tensor, message.values_def.values), *external}
    context._unlisted = {*context._values, *context._external_values} - listed
    context._values |= listed
    context._external_values.update(external)
    if is_loop:
        _fill_loop(context, message, tensor)
    else:
        context._pred, context._pivot = tensor(message.pred_name), tensor(message.pivot_name)
        context._predicates.add(context._pred)
    nested = (getattr(each, kind) for each in message.nested_contexts if (kind := each.WhichOneof("ctxt")) is not None)
    context._nested_contexts[:] = [from_proto(each, import_scope) for each in nested]
    return context


def _find(pivot, branch):
    """The innermost context of a pivot that is a loop (branch None), or that branch of a conditional."""
    context = pivot.op._get_control_flow_context()
    while context is not None:
        if context.IsWhileContext() if branch is None else context.IsCondContext() and context.branch == branch:
            return context
        context = context.outer_context
    return None


def _fill_loop(context, message, tensor):
    context._back_prop, context._swap_memory = message.back_prop, message.swap_memory
    context._parallel_iterations = message.parallel_iterations
    context._pivot_for_pred, context._pivot_for_body = (
        tensor(message.pivot_for_pred_name),
        tensor(message.pivot_for_body_name),
    )
    context._loop_enters = [tensor(name) for name in message.loop_enter_names]
    context._loop_exits = [tensor(name) for name in message.loop_exit_names]
    if message.maximum_iterations_name:
        context._maximum_iterations = tensor(message.maximum_iterations_name)
    frame = context._name.encode()
    for value in (*context._loop_enters, *context._invariants):  # a frame is named after its loop
        value.op._attrs = {**value.op._attrs, "frame_name": frame}


register_proto_function(GraphKeys.COND_CONTEXT, lambda: _messages().CondContextDef, cond_to_proto, from_proto)
register_proto_function(GraphKeys.WHILE_CONTEXT, lambda: _messages().WhileContextDef, while_to_proto, from_proto)
