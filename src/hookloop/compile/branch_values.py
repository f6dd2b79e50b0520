"""Values of a branch that are used outside of its conditional: there where the branch was taken, and nowhere else.

TensorFlow does not run what takes a value that is not there, and has nothing to fetch. Here all of a region runs; so what is fetched or
changes something looks first whether the branches that it needs were taken.
"""

from __future__ import annotations

from .. import errors
from ..ops import registry
from ..ops.variable_key import VARIABLES

_MERGES = frozenset(("Merge", "RefMerge"))
_SWITCHES = frozenset(("Switch", "RefSwitch"))


def source_of(tensor):
    """A predicate where it is made: branches and loops have it through what carries it in."""
    while True:
        op = tensor.op
        carries = op.type in _SWITCHES or (op.type == "Merge" and len(op.inputs) == 1)
        if op.type == "Identity":
            carries = op.inputs[0].op.type not in VARIABLES
        elif op.type == "Enter":
            carries = op.get_attr("is_constant")
        if not carries:
            return tensor
        tensor = op.inputs[0]


def needed_branches(raised, fetches):
    """op -> the (predicate, 1 or 0) that it needs, of ops outside of all branches and loops that are fetched or change something."""
    if not any(_begins(op) for op in raised.needed):
        return {}
    needs = _Needs(raised.feeds)
    found = {}
    fetched = {}
    for tensor in fetches:
        fetched.setdefault(tensor.op, []).append(tensor)
    for op in raised.needed:
        needs.note(op)
        if op._control_flow_context is None and op.inputs and op.type not in _MERGES:
            wanted = needs.of(fetched.get(op, ()))
            if _changes(op):
                wanted |= needs.of(op.inputs)
            wanted = [need for need in wanted if need[0].op._control_flow_context is None]
            if wanted:
                found[op] = wanted
    return found


def _begins(op):
    """Whether an op stands in a branch, or gives a value to one that a program has made of single nodes."""
    return op._control_flow_context is not None or op.type in _SWITCHES


def _changes(op):
    """Whether an op writes a variable, or hands what it takes to the host and gives nothing: to a queue, a staging area, a file."""
    op_def = registry.lookup(op.type)
    return op_def.written(op) or (op_def.host is not None and not op.outputs)


class _Needs:
    """Which branches must have been taken for tensors to be there."""

    def __init__(self, feeds):
        self._feeds = feeds
        self._of_tensor = {}
        self._of_context = {None: frozenset()}

    def of(self, tensors):
        return frozenset().union(*(self._of_tensor.get(tensor, frozenset()) for tensor in tensors))

    def note(self, op):
        """The outputs need what the inputs need, and the branches that the op stands in; but what joins two branches needs neither."""
        around = self._around(op._control_flow_context)
        kind, wanted = op.type, around
        if kind not in _MERGES:
            wanted = around | self.of(op.inputs)
        elif len(op.inputs) == 1:
            context = op._cond_contexts[0]
            wanted = around | self.of(op.inputs) | {(source_of(context.pred), context.branch)}
        elif op.inputs[1].op.type in ("NextIteration", "RefNextIteration"):
            wanted = around | self.of(op.inputs[:1])
        for index, tensor in enumerate(op.outputs):
            own = wanted
            if kind in _SWITCHES and op._control_flow_context is None:
                own = wanted | {(source_of(op.inputs[1]), index)}
            if own and tensor not in self._feeds:
                self._of_tensor[tensor] = own

    def _around(self, context):
        """The branches that a context stands in."""
        found = self._of_context.get(context)
        if found is None:
            found = self._around(context.outer_context)
            if context.IsCondContext():
                found |= {(source_of(context.pred), context.branch)}
            self._of_context[context] = found
        return found


def not_there(op, predicate, branch):
    """The error of an op that needs a branch that was not taken."""
    which = "true" if branch else "false"
    text = f"Retval[0] does not have value: {op.name!r} takes what is there only where {predicate.name!r} is {which}"
    return errors.InvalidArgumentError(None, op, text)
