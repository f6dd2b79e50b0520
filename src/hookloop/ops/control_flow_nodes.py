"""TensorFlow's primitive nodes of control flow: Switch, Merge, Enter, Exit, NextIteration, LoopCond.

Compiling raises them, with their contexts, to regions (compile/regions.py); they have no kernels.
"""

from __future__ import annotations

from ..graph.scopes import colocate_with, name_scope
from ..shapes import UNKNOWN
from .build import apply_op, convert_to_tensor
from .registry import OpDef, register

__all__ = []


def _same(c):
    return c.shape(0) if c.known(0) else None


def _two(c):
    if c.known(1) and c.shape(1):
        c.fail(f"Shape must be rank 0 but is rank {len(c.shape(1))}")
    shape = _same(c)
    return [shape, shape]


def _merged(c):
    """The dimensions on which all inputs agree."""
    shapes = [c.shape(i) if c.known(i) else None for i in range(len(c.op.inputs))]
    first = shapes[0]
    if any(s is None or len(s) != len(first or ()) for s in shapes) or first is None:
        return [None, ()]
    dims = tuple(
        d if all(isinstance(s[axis], int) and s[axis] == d for s in shapes) else UNKNOWN for axis, d in enumerate(first)
    )
    return [dims, ()]


_FRAME = {"frame_name": "", "is_constant": False, "parallel_iterations": 10}


def _one_condition(c):
    if c.known(0) and c.shape(0):
        c.fail(f"Shape must be rank 0 but is rank {len(c.shape(0))}")
    return ()


def _switch_gradient(op, *grads):
    """Of a Switch that a program has made: the gradient of the side that is there."""
    from .control_flow_slices import merge, switch

    sides = [switch(grad, op.inputs[1])[side] for side, grad in enumerate(grads)]
    return [merge(sides)[0], None]


def _merge_gradient(op, grad, _):
    """Of a Merge that a program has made: the gradient goes to the input that was taken."""
    if grad is None:
        return [None] * len(op.inputs)
    from .control_flow_slices import switch
    from .math import equal

    return [switch(grad, equal(op.outputs[1], i))[1] for i in range(len(op.inputs))]


# What nodes outside of loops do that a graph has of loops: they hand on.
_OUTSIDE = {"lower": lambda c, node: c.alias(node.outputs[0], node.inputs[0]), "reference": lambda node, x: x}

for _ref, _type in (("", "T"), ("Ref", "Ref(T)")):
    register(
        OpDef(
            f"{_ref}Switch",
            f"data: {_type}, pred: bool",
            f"output_false: {_type}, output_true: {_type}",
            shape=_two,
            gradient=_switch_gradient,
        ),
        OpDef(
            f"{_ref}Merge",
            f"inputs: N * {_type}",
            f"output: {_type}, value_index: int32",
            shape=_merged,
            gradient=_merge_gradient,
        ),
        OpDef(
            f"{_ref}Enter",
            f"data: {_type}",
            f"output: {_type}",
            attrs=_FRAME,
            shape=_same,
            gradient=lambda op, grad: [grad],
        ),
        OpDef(f"{_ref}Exit", f"data: {_type}", f"output: {_type}", shape=_same),
        OpDef(f"{_ref}NextIteration", f"data: {_type}", f"output: {_type}", shape=_same, **_OUTSIDE),
    )
register(
    OpDef("LoopCond", "input: bool", "output: bool", shape=_one_condition, **_OUTSIDE),
    OpDef("StackV2", "max_size: int32", "handle: resource", attrs={"elem_type": None, "stack_name": ""},
          shape=lambda c: (2,), stateful=True),
    OpDef("StackPushV2", "handle: resource, elem: T", "output: T", attrs={"swap_memory": False},
          shape=lambda c: c.shape(1) if c.known(1) else None, stateful=True),
    OpDef("StackPopV2", "handle: resource", "elem: elem_type", attrs={"elem_type": None}, shape=lambda c: None, stateful=True),
)  # fmt: skip


def _kind(tensor, name):
    return ("Ref" if tensor.dtype._is_ref_dtype else "") + name


def switch(data, pred, name=None):
    """(data if pred is false, data if it is true)."""
    data = convert_to_tensor(data, name="data")
    return apply_op("Switch", [data, pred], name=name)


def switch_variable(variable):
    """A boolean variable as the data and the predicate of one Switch: what it reads for both, or its reference and its value."""
    with name_scope("Switch", values=[variable]) as scope:
        data = variable.read_value().op.inputs[0] if variable._is_resource else variable._ref()
        return apply_op("Switch", [data, variable], name=scope)


def switch_ref_or_tensor(data, pred, name="Switch"):
    """The same, for a variable's reference too; it lies beside the data and nothing else."""
    with colocate_with(data, ignore_existing=True):
        return apply_op(_kind(data, "Switch"), [data, pred], name=name)


def merge(inputs, contexts, name=None):
    """The input of the branch that was taken, and its index.

    Args:
      inputs: [value of the false branch, value of the true branch], or a loop variable's two.
      contexts: the contexts of the two branches, or None.
      name: the node's name.

    Raises:
      ValueError: where an input is None.
    """
    if any(value is None for value in inputs):
        raise ValueError(f"At least one of the merge inputs is None: {inputs}")
    refs = all(t.dtype._is_ref_dtype for t in inputs)
    output, index = apply_op("RefMerge" if refs else "Merge", [list(inputs)], name=name or "Merge")
    if contexts is not None:
        output.op._cond_contexts = contexts
        for context in contexts:
            context._merges.append(output)
    return output, index


def enter(data, frame_name, is_constant=False, parallel_iterations=10, name=None):
    """The value in a loop's frame."""
    attrs = {"frame_name": frame_name, "is_constant": is_constant, "parallel_iterations": parallel_iterations}
    return apply_op(_kind(data, "Enter"), [data], attrs, name)


def exit_frame(data, name=None):
    """The value after a loop."""
    return apply_op(_kind(data, "Exit"), [data], name=name)


def next_iteration(data, name=None):
    """The value in a loop's next iteration."""
    return apply_op(_kind(data, "NextIteration"), [data], name=name)


def loop_cond(pred, name=None):
    """Whether a loop goes on."""
    return apply_op("LoopCond", [pred], name=name)


def push(handle, value):
    """Puts a value on a stack and gives it back."""
    return apply_op("StackPushV2", [handle, value])


def pop(handle, dtype, shape):
    """Takes a value from a stack."""
    value = apply_op("StackPopV2", [handle], {"elem_type": dtype})
    value.set_shape(shape)
    return value


def is_loop_constant_enter(op):
    return op.type in ("Enter", "RefEnter") and op._attrs["is_constant"]


def is_exit(op):
    return op.type in ("Exit", "RefExit")


def output_context(op):
    """The context in which an op's outputs are: an Exit's are outside its loop."""
    context = op._control_flow_context
    return context.outer_context if context is not None and is_exit(op) else context


def is_choice(merge):
    """Whether a Merge ends no conditional and begins no loop: a program has made it of any values, of which it takes the first that is there."""
    if getattr(merge, "_cond_contexts", None):
        return False
    return len(merge.inputs) != 2 or merge.inputs[1].op.type not in ("NextIteration", "RefNextIteration")


def branch_results(merge):
    """What a conditional's Merge takes from the false and from the true branch.

    One with a single input takes nothing (None) from the other branch: its value is only used where its
    own branch was taken.
    """
    context = merge._cond_contexts[0]
    if len(merge.inputs) == 2:
        return tuple(reversed(merge.inputs)) if context.branch else tuple(merge.inputs)
    return (None, merge.inputs[0]) if context.branch else (merge.inputs[0], None)
