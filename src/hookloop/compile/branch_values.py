"""Which tensors are there: values of a branch are where it was taken, and nowhere else.

TensorFlow does not run what takes a value that is not there, nor what waits for an operation that is not run, and has nothing to
fetch. When a tensor is there is a set of conditions on predicates, worked out here for all that a request needs. In most programs an
operation wants no more than the branches that it stands in; what wants more looks first (guards.py).
"""

from __future__ import annotations

from typing import NamedTuple

from .. import errors
from ..graph.tensor import Tensor
from ..ops.control_flow_nodes import branch_results, is_choice
from ..ops.variable_key import VARIABLES

_MERGES = frozenset(("Merge", "RefMerge"))
_SWITCHES = frozenset(("Switch", "RefSwitch"))
_ENTERS = frozenset(("Enter", "RefEnter"))
_NEXT = frozenset(("NextIteration", "RefNextIteration"))
_EXITS = frozenset(("Exit", "RefExit"))


class Condition(NamedTuple):
    """A predicate, and what it must be."""

    predicate: Tensor
    branch: int


class Choice(NamedTuple):
    """A predicate, and what must hold besides where it is true and where it is false."""

    predicate: Tensor
    when_true: frozenset
    when_false: frozenset


ALWAYS = frozenset()
NEVER = frozenset((None,))  # what cannot be: two branches of one conditional


def both(left, right):
    """What holds where both do."""
    if right <= left:
        return left
    if left is NEVER or right is NEVER:
        return NEVER
    return _settled(left | right)


def _settled(conditions):
    """Conditions without the choices that others of them decide."""
    while True:
        known = {c.predicate: c.branch for c in conditions if isinstance(c, Condition)}
        if any(isinstance(c, Condition) and known[c.predicate] != c.branch for c in conditions):
            return NEVER
        decided = [c for c in conditions if isinstance(c, Choice) and c.predicate in known]
        if not decided:
            return conditions
        conditions = conditions.difference(decided)
        for choice in decided:
            side = choice.when_true if known[choice.predicate] else choice.when_false
            if side is NEVER:
                return NEVER
            conditions |= side


def beyond(conditions, known):
    """What is left to ask where `known` holds."""
    if conditions <= known:
        return ALWAYS
    together = both(conditions, known)
    return NEVER if together is NEVER else together - known


def either(predicate, when_true, when_false):
    """What holds where the one does if the predicate is true, and the other if it is false."""
    when_true = beyond(when_true, frozenset((Condition(predicate, 1),)))
    when_false = beyond(when_false, frozenset((Condition(predicate, 0),)))
    if when_true == when_false:
        return when_true
    if when_true is NEVER:
        return both(frozenset((Condition(predicate, 0),)), when_false)
    if when_false is NEVER:
        return both(frozenset((Condition(predicate, 1),)), when_true)
    shared = when_true & when_false
    return shared | {Choice(predicate, when_true - shared, when_false - shared)}


def first_of(alternatives, in_order):
    """What holds where any of some conditions do.

    Args:
      alternatives: the conditions of each.
      in_order: function(conditions) that sorts them, each behind those that its predicate may need.
    """
    alternatives = [wanted for wanted in alternatives if wanted is not NEVER]
    if not alternatives:
        return NEVER
    shared, found = frozenset.intersection(*alternatives), NEVER  # what all ask for need not be asked in each choice
    for wanted in reversed(alternatives):
        found = _or_else(wanted - shared, found, in_order)
    return both(shared, found)


def _or_else(wanted, otherwise, in_order):
    """What holds where the one conditions do, or the others."""
    if wanted is NEVER or otherwise == ALWAYS:
        return otherwise
    if not wanted:
        return ALWAYS
    condition = in_order(wanted)[0]
    rest = wanted - {condition}
    if isinstance(condition, Condition):
        sides = [otherwise, otherwise]
        sides[condition.branch] = _or_else(rest, otherwise, in_order)
    else:
        parts = (condition.when_false, condition.when_true)
        sides = [_or_else(both(part, rest), otherwise, in_order) for part in parts]
    return either(condition.predicate, sides[1], sides[0])


def predicates_of(several):
    """The predicates that any of several conditions ask for, those of choices among them, each once."""
    found, left = {}, [condition for conditions in several for condition in conditions]
    while left:
        condition = left.pop()
        if condition is None:
            continue
        found[condition.predicate] = True
        if isinstance(condition, Choice):
            left += [*condition.when_true, *condition.when_false]
    return list(found)


class Presence:
    """When the operations of a request are run, and when their outputs are there.

    Args:
      ops: all that the request needs.
      feeds: the fed tensors, which are there in any case.
    """

    def __init__(self, ops, feeds):
        self._feeds = feeds
        self._of_tensor = {}
        self._of_op = {}
        self._around = {None: ALWAYS}
        self._established = {None: ALWAYS}
        self._loop_conditions = {}
        self._place = {}
        # Some op stands in a branch, or gives a value to one that a program has made of single nodes.
        self.conditional = bool([1 for op in ops if op._control_flow_context is not None or op.type in _SWITCHES])
        if self.conditional:
            for op in inputs_first(ops):
                self._place[op] = len(self._place)
                self._note(op)

    def of_tensor(self, tensor):
        """When a tensor is there."""
        return self._of_tensor.get(tensor, ALWAYS)

    def of_op(self, op):
        """When an operation is run."""
        return self._of_op.get(op, ALWAYS)

    def within(self, context):
        """What holds wherever a context is run: the branches that it stands in, and that the loop runs."""
        found = self._around.get(context)
        if found is None:
            found = self.within(context.outer_context)
            if context.IsCondContext():
                pred = self.source_of(context.pred)
                found = both(both(found, self.of_tensor(context.pred)), frozenset((Condition(pred, context.branch),)))
            self._around[context] = found
        return found

    def established(self, context):
        """What holds wherever a context is run: as `within`, and what its loops need to run."""
        found = self._established.get(context)
        if found is None:
            found = both(self.established(context.outer_context), self.within(context))
            condition = self._loop_conditions.get(context)
            if condition is not None:
                found = both(found, self.of_loop(condition))
            self._established[context] = found
        return found

    def of_loop(self, condition):
        """When a loop is run, of the op that is its condition."""
        return self._outside(condition, self.of_op(condition))

    def missing(self, op, context):
        """What an operation asks for besides what holds in a context."""
        wanted = self._of_op.get(op)
        return ALWAYS if wanted is None else beyond(wanted, self.established(context))

    def missing_in(self, tensor, context):
        """What a tensor asks for besides what holds in a context."""
        wanted = self._of_tensor.get(tensor)
        return ALWAYS if wanted is None else beyond(wanted, self.established(context))

    def looked_at(self, ops, fetches):
        """The ops of the predicates that ask whether something is there outside of where they have chosen."""
        if not self._of_op and not self._of_tensor:
            return frozenset()
        asked = {beyond(self.of_op(op), self.within(op._control_flow_context)) for op in ops}
        asked.update(map(self.of_tensor, fetches))
        return {predicate.op for predicate in predicates_of(asked) if predicate not in self._feeds}

    def in_order(self, conditions):
        """Conditions, each behind those that its predicate may need."""
        return sorted(conditions, key=self._last_place)

    def _last_place(self, condition):
        """The last of the predicates that a condition asks for: what that one needs lies before it."""
        places = [self._place.get(condition.predicate.op, -1)]
        if isinstance(condition, Choice):
            sides = (side for side in condition[1:] if side is not NEVER)
            places += [self._last_place(inner) for side in sides for inner in side]
        return max(places)

    def source_of(self, tensor):
        """A predicate where it is made: branches and loops have it through what carries it in."""
        while tensor not in self._feeds:
            op = tensor.op
            carries = op.type in _SWITCHES or (op.type == "Merge" and len(op.inputs) == 1)
            if op.type == "Identity":
                carries = op.inputs[0].op.type not in VARIABLES
            elif op.type == "Enter":
                carries = op.get_attr("is_constant")
            if not carries:
                break
            tensor = op.inputs[0]
        return tensor

    def _note(self, op):
        """The outputs need what the inputs need, and the branches that the op stands in; but what joins two branches needs one."""
        context, kind, known = op._control_flow_context, op.type, self._of_tensor
        wanted = self.within(context)
        if kind in _MERGES:
            wanted = both(wanted, self._merged(op))
        elif kind != "ControlTrigger":  # which is run whatever of what it waits for is
            for tensor in op.inputs:
                found = known.get(tensor)
                if found is not None and found is not wanted:
                    wanted = both(wanted, found)
            for control in op.control_inputs:
                wanted = both(wanted, self.of_op(control))
        if kind == "StackPopV2":
            for push in pushes_on(op.inputs[0]):
                wanted = both(wanted, _outside_of_loops(self.of_op(push)))
        if kind in _EXITS:
            wanted = self._outside(op, wanted)
        elif kind == "LoopCond":
            self._loop_conditions[context] = op
        if wanted:
            self._of_op[op] = wanted
        chooses = kind in _SWITCHES and op.inputs[1].op.type != "LoopCond"
        if chooses and context is not None and context.IsCondContext() and context.brings_in(op):
            chooses = False
        for tensor in op.outputs:
            own = wanted
            if chooses:
                own = both(own, frozenset((Condition(self.source_of(op.inputs[1]), tensor.value_index),)))
            if own and tensor not in self._feeds:
                known[tensor] = own

    def _merged(self, op):
        """When one of a Merge's inputs is there; a loop's begins with the first."""
        if is_choice(op):
            return first_of([self.of_tensor(tensor) for tensor in op.inputs], self.in_order)
        contexts = getattr(op, "_cond_contexts", None)
        if contexts is None:
            return self.of_tensor(op.inputs[0])
        if len(op.inputs) == 1:
            return both(self.of_tensor(op.inputs[0]), self.within(contexts[0]))
        off, on = map(self.of_tensor, branch_results(op))
        pred = contexts[0].pred
        chosen = either(self.source_of(pred), on, off)
        return both(both(self.of_tensor(pred), self.within(contexts[0].outer_context)), chosen)

    @staticmethod
    def _outside(op, wanted):
        """Of what an op of a loop needs, what is outside of the loop: iterations ask for what they make themselves."""
        if wanted is NEVER:
            return NEVER
        loop = op._control_flow_context
        return frozenset(c for c in wanted if not _is_inside(c.predicate.op._control_flow_context, loop))


def _outside_of_loops(conditions):
    """Conditions on what is made outside of all loops."""
    if conditions is NEVER:
        return NEVER
    contexts = ((c, c.predicate.op._control_flow_context) for c in conditions)
    return frozenset(c for c, context in contexts if context is None or context.GetWhileContext() is None)


def _is_inside(context, outer):
    while context is not None and context is not outer:
        context = context.outer_context
    return context is not None


def inputs_first(ops, sources_of=None):
    """The ops, each behind those that it waits for; a loop's back edges do not count, nor what puts on a stack again what was taken.

    Args:
      ops: the operations.
      sources_of: function(op) -> those that it waits for; by default all, that of its branch's predicate among them.
    """
    sources_of = sources_of or _sources
    unseen, opened, ordered = set(ops), set(), []
    for op in ops:
        stack = [op]
        while stack:
            current = stack[-1]
            if current not in unseen:
                stack.pop()
                continue
            opened.add(current)
            waiting = [s for s in sources_of(current) if s in unseen and s not in opened and s.type not in _NEXT]
            if waiting:
                stack.extend(waiting)
                continue
            unseen.remove(current)
            ordered.append(stack.pop())
    return ordered


def _sources(op):
    """The ops that an op waits for, that of the predicate of its branch, or of the conditional that it ends, among them."""
    sources = [tensor.op for tensor in op.inputs]
    if op.type == "StackPopV2":
        sources += pushes_on(op.inputs[0])
    if op.control_inputs:
        sources += op.control_inputs
    contexts = getattr(op, "_cond_contexts", None)
    context = contexts[0] if contexts else op._control_flow_context
    if context is not None and context.IsCondContext():
        sources.append(context.pred.op)
    return sources


def pushes_on(handle):
    """The ops that put values on a stack."""
    while handle.op.type in _ENTERS or handle.op.type in _SWITCHES:
        handle = handle.op.inputs[0]
    handles, found = [handle], []
    for handle in handles:
        for op in handle._consumers:
            if op.type == "StackPushV2":
                found.append(op)
            elif op.type in _ENTERS or op.type in _SWITCHES:
                handles += op.outputs
    return found


def not_there(op, predicate, branch):
    """The error of an op that needs a branch that was not taken."""
    which = "true" if branch else "false"
    text = f"Retval[0] does not have value: {op.name!r} takes what is there only where {predicate.name!r} is {which}"
    return errors.InvalidArgumentError(None, op, text)


def never_there(op):
    """The error of an op that needs both branches of a conditional."""
    text = f"Retval[0] does not have value: {op.name!r} takes values of both branches of a conditional"
    return errors.InvalidArgumentError(None, op, text)
