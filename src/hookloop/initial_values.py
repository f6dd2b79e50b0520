"""Initial values that depend on other variables: where those are not initialized yet, on their initial values.

So all variables of a program can be initialized in one run, whatever the order.
"""

from __future__ import annotations

from .graph.collections import GraphKeys
from .graph.scopes import control_dependencies
from .ops.variable_key import VARIABLES

__all__ = ["guarded"]

_READS = frozenset(("IsVariableInitialized", "VarIsInitializedOp", "ReadVariableOp"))
_BACK_EDGES = frozenset(("NextIteration", "RefNextIteration"))


def guarded(name, value):
    """The initial value `value` of the variable `name`, with every variable in it read only if it is initialized."""
    op = value.op
    if not op.inputs and op.type not in VARIABLES:  # most initial values are constants
        return value
    if _has_loop(op):
        return value
    done = {}
    for each in _inputs_first(op):
        done[each] = _operation(name, each, done)
    return done[op].outputs[value.value_index]


def _has_loop(op):
    seen, stack = set(), [op]
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        if current.type in _BACK_EDGES:
            return True
        seen.add(current)
        stack.extend(tensor.op for tensor in current.inputs)
    return False


def _inputs_first(op):
    """`op` and what it is computed from, each behind its inputs; nothing behind variables. A stack: values may be deep."""
    order, seen, stack = [], set(), [(op, False)]
    while stack:
        current, complete = stack.pop()
        if complete:
            order.append(current)
        elif current not in seen:
            seen.add(current)
            stack.append((current, True))
            if current.type not in _READS and current.type not in VARIABLES:
                stack.extend((tensor.op, False) for tensor in reversed(current.inputs))
    return order


def _operation(name, op, done):
    """The operation itself, or a copy of it where an input is another now."""
    if op.type in _READS:
        return op
    if op.type in VARIABLES:
        value = _initialized_value(op)
        return op if value is None else value.op
    if not op.inputs:
        return op
    inputs = [done[tensor.op].outputs[tensor.value_index] for tensor in op.inputs]
    if all(new is old for new, old in zip(inputs, op.inputs)):
        return op
    graph = op.graph
    with control_dependencies(None), graph.name_scope(None):
        kind = "Switch" if op.type == "RefSwitch" else op.type
        copy = graph.create_op(kind, inputs, attrs=dict(op._attrs), name=f"{op.name}_{name}")
    copy._set_control_flow_context(op._control_flow_context)
    contexts = getattr(op, "_cond_contexts", None)
    if contexts is not None:
        copy._cond_contexts = contexts
    return copy


def _initialized_value(op):
    for key in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES):
        for variable in op.graph.get_collection(key):
            if getattr(variable, "op", None) is op:
                return variable.initialized_value()
    return None
