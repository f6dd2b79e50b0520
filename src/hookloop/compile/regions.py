"""Raising: from TensorFlow's control-flow nodes to regions.

The ops that a request needs become *units*: an op, an `IF` (all Merge ops of one `cond`) or a `LOOP` (the
structural ops of one `while_loop`). A unit stands in the region of its control-flow context; an edge of
the graph becomes an edge between the two units of the innermost region that holds both ends.
"""

from __future__ import annotations

from operator import attrgetter

from ..errors import InvalidArgumentError
from ..graph.describe import describe
from ..ops.control_flow_nodes import branch_results
from ..ops.recovered_contexts import recover_contexts
from .branch_values import ALWAYS, NEVER, Presence, beyond, inputs_first
from .waiting import Waiting, waits_for

OP, IF, LOOP, COPY = "op", "if", "loop", "copy"
_LOOP_OPS = frozenset(("NextIteration", "RefNextIteration", "LoopCond", "Exit", "RefExit"))
_MERGES = frozenset(("Merge", "RefMerge"))
_SWITCHES = frozenset(("Switch", "RefSwitch"))
_ENTERS = frozenset(("Enter", "RefEnter"))
_STACKS = frozenset(("StackV2", "StackPushV2", "StackPopV2"))
_GIVES_SAVED = frozenset(("StackPushV2", "StackPopV2"))
_STRUCTURAL = _LOOP_OPS | _MERGES | _SWITCHES | _ENTERS
_ENDS = _MERGES | {"Exit", "RefExit"}  # of branches and loops: of no context yet where a program made them itself


class Branch:
    __slots__ = ("context", "units", "results")

    def __init__(self, context):
        self.context = context
        self.units = []
        self.results = []


class LoopVariable:
    """One loop variable: Enter -> Merge -> Switch -> body -> NextIteration -> Merge, and out by Exit."""

    __slots__ = ("merge", "enter", "switch", "next_iteration", "exits")

    def __init__(self, merge):
        self.merge = merge
        self.enter = merge.inputs[0].op
        self.next_iteration = merge.inputs[1].op
        self.switch = None
        self.exits = []


class Unit:
    """What one region runs as a whole: an op, a conditional, a loop, or a copy of a variable that is about to change.

    Attributes:
      order: creation index of its first op; ties in the order of a region are broken by it.
      before: units of the same region that come first.
      ops: all ops inside, those of nested regions too.
      context: of a loop its own, else the one that the unit stands in.
      copied: of a copy, (who reads it, the variable's key).
    """

    __slots__ = (
        "kind", "op", "region", "order", "before", "ops", "late",
        "conditional", "predicate", "then", "otherwise", "outputs", "merges",
        "context", "variables", "loop_cond", "condition", "body", "copied",
    )  # fmt: skip

    def __init__(self, kind, op, region):
        self.kind = kind
        self.op = op
        self.region = region
        self.order = op._id
        self.before = set()
        self.ops = [op]
        self.late = False
        self.context = None
        if kind is IF or kind is LOOP:
            self.outputs = []
            self.merges = []
            self.variables = []
            self.loop_cond = None
            self.condition = []
            self.body = []

    def missing(self, presence):
        """What the unit asks for besides what holds where it stands."""
        if self.kind is IF:
            return presence.missing_in(self.predicate, self.context)
        if self.kind is LOOP:
            condition, around = self.loop_cond, presence.established(self.context.outer_context)
            return ALWAYS if condition is None else beyond(presence.of_loop(condition), around)
        return presence.missing(self.op, self.context)


def _left_at(op):
    """The Switch where an Exit leaves its loop: gradients of loops that TensorFlow wrote have an Identity between both."""
    source = op.inputs[0].op
    while source.type == "Identity" and source._control_flow_context is op._control_flow_context:
        source = source.inputs[0].op
    return source


class Region:
    """One block to be: the units in it, and the unit that it belongs to (None for the root)."""

    __slots__ = ("owner", "units", "parent")

    def __init__(self, owner=None, parent=None):
        self.owner = owner
        self.parent = parent
        self.units = []


def waited_for_though_fed(feeds, targets):
    """The ops that make fed tensors and are run where somebody waits for them: not placeholders that no target is.

    Args:
      feeds: the fed tensors.
      targets: the operations that the request runs.
    """
    return {tensor.op for tensor in feeds if tensor.op.type != "Placeholder" or tensor.op in targets}


def _that_can_fail_before(targets, feeds):
    """Ops that can fail whose values go into a target that does nothing but compute: it is run to see whether they do."""
    stack = [op for op in targets if op.inputs and not op.op_def.stateful]
    seen, found = set(stack), set()
    while stack:
        op = stack.pop()
        if op.op_def.can_fail:
            found.add(op)
        for tensor in op.inputs:
            if tensor not in feeds and tensor.op not in seen and not tensor.op.op_def.stateful:
                seen.add(tensor.op)
                stack.append(tensor.op)
    return found


class RaisedGraph:
    """The regions of a request. `kept` are ops that somebody waits for without using their values, `kinds` the types of those that are
    needed, `presence` says when ops are run.

    What waits for ops that are `done`, in an earlier part of a partial run, need not wait.
    """

    def __init__(self, fetches, targets, feeds, done=frozenset()):
        self.feeds = feeds
        self._done = done
        self.kept = set(targets)
        starts = [*(t.op for t in fetches if t not in feeds), *targets]
        self.needed = self._needed(starts)
        if [1 for op in self.needed if op.type in _ENDS and _has_no_context(op)]:
            made = inputs_first(self.needed[0].graph.get_operations())
            recover_contexts([op for op in made if _has_no_context(op)], between=made)
            self.needed = self._needed(starts)
        self.presence = Presence(self.needed, feeds)
        beside = self.presence.looked_at(self.needed, fetches).difference(self.needed, self._done)
        if beside:  # predicates that are asked for, and not by who chooses
            self.needed = self._needed([*starts, *beside])
            self.presence = Presence(self.needed, feeds)
        if self.presence.conditional:
            self.needed = [op for op in self.needed if self.presence.of_op(op) is not NEVER]
        self.kinds = {op.type for op in self.needed}
        self.kept |= _that_can_fail_before(targets, feeds)
        self.root_region = Region()
        self._units = {}  # conditionals and loops, by kind and context
        self._regions = {None: self.root_region}
        self._condition_ops = {}
        self._predicates = {}  # by conditional
        self.waiting = Waiting()
        if "LoopCond" in self.kinds:
            self._find_conditions()
        self.unit_of = self._made_units()
        self._finish_units()
        self._add_edges()

    @property
    def root(self):
        return self.root_region.units

    def release(self):
        """Ends the circle of units and regions, once they have been lowered: so they go at once, and not with a collection."""
        for units in (self.unit_of, self._units):
            for unit in units.values():
                unit.region = None

    # --- what is needed -------------------------------------------------------------------------------

    def _needed(self, start):
        seen, stack = set(start), list(start)
        feeds, kept = self.feeds, self.kept
        while stack:
            op = stack.pop()
            for tensor in op.inputs:
                source = tensor.op
                if source not in seen and tensor not in feeds:
                    seen.add(source)
                    stack.append(source)
            for control in op._control_inputs:
                if control in self._done:
                    continue
                kept.add(control)
                if control not in seen:
                    seen.add(control)
                    stack.append(control)
        needed = sorted(seen, key=attrgetter("_id"))
        return self._without_unread_stacks(needed, start)

    @staticmethod
    def _without_unread_stacks(needed, start):
        """A saved loop value that no backward pass reads is neither saved nor taken: its counter waits for all that were saved.

        What a program takes from a push itself is that value too.
        """
        if not [1 for op in needed if op.type == "StackPushV2"]:
            return needed
        read = {tensor.op for op in needed for tensor in op.inputs if tensor.op.type in _GIVES_SAVED}
        read.update(op for op in start if op.type in _GIVES_SAVED)
        stacks = {_stack_of(op.inputs[0]) for op in read}
        return [op for op in needed if op.type not in _STACKS or _stack_at(op) in stacks]

    # --- units ----------------------------------------------------------------------------------------

    def _loop_context(self, op):
        """The while context whose structure an op is part of, or None."""
        kind = op.type
        if kind in _MERGES:
            back = op.inputs[1].op if len(op.inputs) == 2 else None
            return (
                op._control_flow_context
                if back is not None and back.type in ("NextIteration", "RefNextIteration")
                else None
            )
        if kind in _SWITCHES:
            return op._control_flow_context if op.inputs[1].op.type == "LoopCond" else None
        if kind in ("Exit", "RefExit"):
            return self._loop_context(_left_at(op))
        if kind in ("NextIteration", "RefNextIteration", "LoopCond"):
            return op._control_flow_context
        return None

    def _find_conditions(self):
        """Which ops of a loop compute its condition: those that LoopCond needs, up to the loop variables."""
        needed = set(self.needed)
        for op in self.needed:
            if op.type != "LoopCond":
                continue
            inside, stack = set(), [op.inputs[0].op]
            context = op._control_flow_context
            while stack:
                current = stack.pop()
                if current in inside or current not in needed or self._loop_context(current) is context:
                    continue
                if not _within(current._control_flow_context, context):
                    continue
                inside.add(current)
                stack.extend(t.op for t in current.inputs)
                stack.extend(current.control_inputs)
            for current in inside:
                self._condition_ops.setdefault(current, set()).add(context)

    def _region(self, context, op):
        """The region that ops of a context stand in."""
        if context is None:
            return self.root_region
        if _is_while(context):
            part = "condition" if context in self._condition_ops.get(op, ()) else "body"
            key = (context, part)
            if key not in self._regions:
                outer = self._region(context.outer_context, op)
                self._regions[key] = Region((LOOP, context), outer)
            return self._regions[key]
        if context not in self._regions:
            outer = self._region(context.outer_context, op)
            self._regions[context] = Region((IF, context.conditional), outer)
            self._predicates[context.conditional] = context.pred
        return self._regions[context]

    def _made_units(self):
        """op -> the unit that it is or belongs to; each stands in its region."""
        found, root = {}, self.root_region
        for op in self.needed:
            if op._control_flow_context is None and op.type not in _STRUCTURAL:  # nearly all
                unit = found[op] = Unit(OP, op, root)
                root.units.append(unit)
            else:
                found[op] = self._unit(op)
        return found

    def _home(self, op):
        """(kind, key, context) of the unit that an op belongs to."""
        if op.type not in _STRUCTURAL:
            return OP, None, op._control_flow_context
        loop = self._loop_context(op)
        if loop is not None:
            return LOOP, (LOOP, loop), loop.outer_context
        context = op._control_flow_context
        if op.type in _MERGES:
            branch = _branch_context(op)
            if branch is not None:
                self._predicates[branch.conditional] = branch.pred
                return IF, (IF, branch.conditional), branch.outer_context
        if op.type in _ENTERS and context is not None and _is_while(context):
            return OP, None, context.outer_context
        if op.type in _SWITCHES and context is not None and not _is_while(context):
            return OP, None, context.outer_context if context.brings_in(op) else context
        return OP, None, context

    def _unit(self, op):
        kind, key, context = self._home(op)
        unit = None if key is None else self._units.get(key)
        if unit is None:
            region = self._region(context, op)
            unit = Unit(kind, op, region)
            unit.context = context
            region.units.append(unit)
            if key is not None:
                self._units[key] = unit
        elif unit.op is not op:
            unit.ops.append(op)
        if kind == LOOP:
            unit.context = key[1]
            self._add_loop_op(unit, op)
        elif kind == IF:
            self._set_conditional(unit, key[1])
            unit.merges.append(op)
        return unit

    def _set_conditional(self, unit, conditional):
        unit.conditional = conditional
        unit.predicate = self._predicates[conditional]

    @staticmethod
    def _add_loop_op(unit, op):
        if op.type in _MERGES:
            unit.variables.append(LoopVariable(op))
        elif op.type == "LoopCond":
            unit.loop_cond = op

    def _finish_units(self):
        """Gives every composite its regions; a branch nobody merges gets its unit here."""
        for key in list(self._regions):
            region = self._regions[key]
            if region.owner is not None and region.owner not in self._units:
                self._adopt(region)
        for unit in list(self._units.values()):
            if unit.kind == LOOP:
                self._finish_loop(unit)
            elif unit.kind == IF:
                self._finish_if(unit)

    def _adopt(self, region):
        kind, name = region.owner
        unit = Unit(kind, region.units[0].op, region.parent)
        if kind == LOOP:
            unit.context = name
        else:
            self._set_conditional(unit, name)
        self._units[region.owner] = unit
        region.parent.units.append(unit)

    def _finish_loop(self, unit):
        if unit.loop_cond is None:
            text = f"The loop that '{unit.op.name}' belongs to has no condition: expected a LoopCond in its frame, got none"
            raise InvalidArgumentError(None, unit.op, f"{text} {describe(unit.op)}")
        for variable in unit.variables:
            for op in unit.ops:
                if op.type in _SWITCHES and op.inputs[0].op is variable.merge:
                    variable.switch = op
            for op in unit.ops:
                if op.type in ("Exit", "RefExit") and _left_at(op) is variable.switch:
                    variable.exits.append(op)
        for part in ("condition", "body"):
            region = self._regions.get((unit.context, part))
            if region is not None:
                setattr(unit, part, region)
            else:
                setattr(unit, part, Region((LOOP, unit.context), unit.region))

    def _finish_if(self, unit):
        contexts = {}
        for context in self._regions:
            if context is not None and not isinstance(context, tuple) and context.conditional is unit.conditional:
                contexts[context.branch] = context
        for merge in unit.merges:
            for branch in range(len(merge.inputs)):
                context = _branch_of(merge, branch)
                if context is not None:
                    contexts.setdefault(context.branch, context)
        unit.then, unit.otherwise = Branch(contexts.get(1)), Branch(contexts.get(0))
        unit.context = next((context.outer_context for context in contexts.values()), None)
        for branch in (unit.then, unit.otherwise):
            region = self._regions.get(branch.context) if branch.context is not None else None
            branch.units = region if region is not None else Region((IF, unit.conditional), unit.region)
        for merge in unit.merges:
            unit.outputs.append(merge.outputs[0])
            results = [None if t is None or self.presence.of_tensor(t) is NEVER else t for t in branch_results(merge)]
            unit.otherwise.results.append(results[0])
            unit.then.results.append(results[1])

    # --- edges ----------------------------------------------------------------------------------------

    def _chain(self, unit):
        chain = [unit]
        while unit.region.owner is not None:
            unit = self._units[unit.region.owner]
            chain.append(unit)
        chain.reverse()
        return chain

    def _add_edges(self):
        unit_of, chains, feeds = self.unit_of, {}, self.feeds
        for op in self.needed:
            unit = unit_of[op]
            region, before = unit.region, unit.before
            sources = [unit_of.get(t.op) for t in op.inputs if t not in feeds]
            if op._control_inputs:
                sources += map(unit_of.get, op._control_inputs)
            for other in sources:
                if other is None or other is unit:
                    continue
                if region is other.region:
                    before.add(other)
                    continue
                for u in (unit, other):
                    if u not in chains:
                        chains[u] = self._chain(u)
                for mine, its in zip(chains[unit], chains[other]):
                    if mine is not its:
                        if mine.region is its.region:
                            mine.before.add(its)
                        break
        for unit in self._units.values():
            if unit.kind == IF:
                self._depend(unit, unit.predicate, unit_of)
        if "MutexLock" in self.kinds:
            self._order_sections()
        self.waiting.order(self)

    def _order_sections(self):
        """What is locked by one mutex runs in the order in which it was made: a section ends before the next begins."""
        ends = {op.inputs[0].op: op for op in self.needed if op.type == "ConsumeMutexLock"}
        last = {}
        for op in self.needed:
            if op.type != "MutexLock":
                continue
            mutex = _stack_of(op.inputs[0]).get_attr("shared_name")
            before = last.get(mutex)
            if before is not None:
                for mine, its in zip(self._chain(self.unit_of[op]), self._chain(self.unit_of[before])):
                    if mine is not its:
                        if mine.region is its.region and not waits_for(its, mine):
                            mine.before.add(its)
                        break
            last[mutex] = ends.get(op, op)

    def _depend(self, unit, tensor, unit_of):
        """An IF waits for its predicate (its Merge ops do not name it)."""
        other = unit_of.get(tensor.op)
        if other is None or tensor in self.feeds:
            return
        for mine, its in zip(self._chain(unit), self._chain(other)):
            if mine is not its:
                if mine.region is its.region:
                    mine.before.add(its)
                break


def _has_no_context(op):
    return op._control_flow_context is None and getattr(op, "_cond_contexts", None) is None


def _stack_of(tensor):
    return _stack_at(tensor.op)


def _stack_at(op):
    """The op that makes a stack, or a mutex, which another brings to its place, puts something on, or takes from."""
    while op.type in ("Enter", "Identity", "Switch", "Merge", "StackPushV2", "StackPopV2"):
        op = op.inputs[0].op
    return op


def _is_while(context):
    return context.IsWhileContext()


def _within(context, outer):
    while context is not None:
        if context is outer:
            return True
        context = context.outer_context
    return False


def _branch_of(merge, index):
    contexts = getattr(merge, "_cond_contexts", None)
    return contexts[index] if contexts else None


def _branch_context(merge):
    """A branch's context of the cond that a Merge belongs to."""
    contexts = getattr(merge, "_cond_contexts", None)
    return contexts[0] if contexts else None
