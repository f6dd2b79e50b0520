"""`python.ops.control_flow_util`: what an operation is to the branches and loops of its graph."""

from ...ops.control_flow_nodes import is_exit as IsLoopExit
from ...ops.control_flow_nodes import is_loop_constant_enter as IsLoopConstantEnter
from ...ops.control_flow_nodes import output_context as GetOutputContext

__all__ = [
    "ENABLE_CONTROL_FLOW_V2", "CheckInputFromValidContext", "EnableControlFlowV2", "GetContainingCondContext",
    "GetContainingWhileContext", "GetLoopConstantEnter", "GetOutputContext", "GetWhileContext", "IsCondMerge", "IsCondSwitch",
    "IsContainingContext", "IsInCond", "IsInWhileLoop", "IsLoopConstantEnter", "IsLoopEnter", "IsLoopExit", "IsLoopMerge",
    "IsLoopSwitch", "IsMerge", "IsSwitch", "OpInContext", "TensorInContext", "enable_control_flow_v2",
]  # fmt: skip

# Branches and loops are nodes of their own kinds here, not calls of functions.
ENABLE_CONTROL_FLOW_V2 = False


def EnableControlFlowV2(graph):
    return False


def enable_control_flow_v2(function):
    """A decorator of tests without an effect."""
    return function


def _outwards(context):
    while context is not None:
        yield context
        context = context.outer_context


def GetContainingWhileContext(context, stop_ctxt=None):
    """The innermost loop that a context is or stands in, or `stop_ctxt` where that comes first, or None."""
    return next((c for c in _outwards(context) if c.IsWhileContext() or c is stop_ctxt), None)


def GetContainingCondContext(context):
    """The innermost branch that a context is or stands in, or None."""
    return next((c for c in _outwards(context) if c.IsCondContext()), None)


def GetWhileContext(op):
    context = op._get_control_flow_context()
    return None if context is None else context.GetWhileContext()


def IsInWhileLoop(op):
    return GetContainingWhileContext(op._get_control_flow_context()) is not None


def IsInCond(op):
    return GetContainingCondContext(op._get_control_flow_context()) is not None


def IsContainingContext(context, maybe_containing):
    """Whether a context is another one or stands in it; None stands for the graph itself."""
    return maybe_containing is None or any(c is maybe_containing for c in _outwards(context))


def OpInContext(op, context):
    return IsContainingContext(op._get_control_flow_context(), context)


def TensorInContext(tensor, context):
    return OpInContext(tensor.op, context)


def CheckInputFromValidContext(op, input_op):
    """Raises a ValueError where an op may not take what `input_op` gives: that stands in a loop around which the op does not."""
    context = input_op._get_control_flow_context()
    if context is not None:
        context.check_use(op, input_op)


def IsSwitch(op):
    return op.type in ("Switch", "RefSwitch")


def IsMerge(op):
    return op.type in ("Merge", "RefMerge")


def IsLoopEnter(op):
    return op.type in ("Enter", "RefEnter")


def GetLoopConstantEnter(value):
    """The Enter node by which a value that no iteration changes came into its loop, or None."""
    op = value.op
    while op.type in ("Switch", "RefSwitch", "Identity", "RefIdentity"):
        op = op.inputs[0].op
    return op if IsLoopConstantEnter(op) else None


def _used_in(op):
    """The contexts of the ops that take what an op gives."""
    for consumer in (c for output in op.outputs for c in output.consumers()):
        context = consumer._get_control_flow_context()
        yield context.outer_context if IsLoopEnter(consumer) and context is not None else context


def IsCondSwitch(op):
    return IsSwitch(op) and all(context is not None and context.IsCondContext() for context in _used_in(op))


def IsCondMerge(op):
    contexts = [GetOutputContext(t.op) for t in op.inputs] if IsMerge(op) else []
    return bool(contexts) and all(context is not None and context.IsCondContext() for context in contexts)


def _stands_in_loop(op):
    context = op._get_control_flow_context()
    return context is not None and context.IsWhileContext()


def IsLoopSwitch(op):
    return IsSwitch(op) and _stands_in_loop(op) and not IsCondSwitch(op)


def IsLoopMerge(op):
    return IsMerge(op) and _stands_in_loop(op) and not IsCondMerge(op)
