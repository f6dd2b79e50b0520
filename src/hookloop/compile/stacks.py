"""Stacks: values that a loop saves in each iteration for its gradient, which takes them in reverse."""

from __future__ import annotations

from .ir import STACK, Instr, Value, same_shape
from .sizes import Size


def _push(lowerer, node):
    """Saves a value, unless it is the same in every iteration: then it is only remembered."""
    handle, value = node.inputs
    stack = handle.buffer.source
    if not _is_fixed(lowerer, value) or (lowerer.in_continued and not _is_stack(value)):
        value = lowerer.operand(value, None, node)
        lowerer.append(Instr("stack_push", [handle, value], (), (), node.index, effect=True))
        if lowerer.in_continued:
            value = _either(lowerer, value, lowerer.request.pushed.get(stack))
    lowerer.request.pushed[stack] = value
    lowerer.environment[node.op.outputs[0]] = node.inputs[1]


def _either(lowerer, value, other):
    """What is taken from a stack on which values are put where the one branch and where the other was taken, or one of them."""
    shape = value.shape
    if other is not None and not same_shape(shape, other.shape):
        if len(shape) != len(other.shape):
            raise ValueError(
                f"a loop that decides which branch is taken saves values of different ranks for its gradient: {other!r} and {value!r}"
            )
        group = lowerer.sizes.new_group()
        shape = tuple(lowerer.sizes.fresh(group) for _ in shape)
    return Value(value.dtype, shape)  # its elements are not known, also where the one's are


def _is_fixed(lowerer, value):
    """Whether a value is known before the run, or made of sizes that do not change in it."""
    if value.symbol is not None:
        return not any(isinstance(s, Size) and s.group for s in value.symbol.ravel())
    return _is_stack(value) or lowerer.literal_of(value) is not None


def _is_stack(value):
    return value.buffer is not None and value.buffer.kind == STACK


def _pop(lowerer, node):
    handle = node.inputs[0]
    pushed = lowerer.request.pushed.get(handle.buffer.source)
    if pushed is None:
        raise ValueError("a value is taken from a stack that nothing was put on")
    if _is_fixed(lowerer, pushed):
        lowerer.environment[node.op.outputs[0]] = pushed
        return
    shape = pushed.shape
    if any(isinstance(d, Size) and d.group for d in shape):
        group = lowerer.sizes.new_group()
        fresh = [lowerer.sizes.fresh(group) for _ in shape]
        registers = [s.register for s in fresh]
        lowerer.append(Instr("stack_sizes", [handle], (), registers, node.index, effect=True, defines=fresh))
        lowerer.resize(fresh)
        shape = tuple(fresh)
    out = lowerer.allocate(pushed.dtype, shape)
    lowerer.append(Instr("stack_pop", [handle], [out], (), node.index, effect=True))
    lowerer.environment[node.op.outputs[0]] = out


STACK_OPS = {"StackPushV2": _push, "StackPopV2": _pop}
