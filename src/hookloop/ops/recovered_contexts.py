"""The control-flow contexts of nodes that come from a file, found from the nodes alone.

A GraphDef holds Switch, Merge, Enter and Exit nodes, and not which conditional or loop a node belongs to. A node stands
where the innermost of its inputs stands: behind a Switch in that branch, behind an Enter in that loop, behind a Merge or an
Exit outside again. Switches on one predicate belong to one conditional, unless a Merge of it lies between them: then
they are of another conditional on the same predicate, such as the one that computes the gradients.
"""

from __future__ import annotations

from .control_flow_context import CondContext, WhileContext
from .control_flow_nodes import is_exit

__all__ = []

_MERGES = frozenset(("Merge", "RefMerge"))
_SWITCHES = frozenset(("Switch", "RefSwitch"))
_ENTERS = frozenset(("Enter", "RefEnter"))
_BACK_EDGES = frozenset(("NextIteration", "RefNextIteration"))


def recover_contexts(operations, around=None, between=None):
    """Gives nodes their contexts.

    Args:
      operations: the nodes, inputs before what uses them (back edges of loops aside).
      around: the context in which they were made.
      between: these and others, that have their contexts, in such an order: what lies between two of the nodes is told by them.
    """
    if not any(op.type in _SWITCHES or op.type in _ENTERS for op in operations):
        return
    _Recovery(operations, around, between or operations).run()


class _Loop:
    """A loop: the frame of its Enter nodes."""

    def __init__(self, outer):
        self.outer = outer
        self.context = None
        self.operations = []


class _Conditional:
    """A conditional: Switch nodes on a predicate."""

    def __init__(self, outer, level):
        self.outer = outer
        self.level = level  # how many conditionals on the same predicate come before
        self.predicates = []
        self.switches = []
        self.merges = []
        self.same_as = None  # found to be one with another
        self.sides = (_Side(self, 0), _Side(self, 1))

    def found(self):
        return self if self.same_as is None else self.same_as.found()

    def only_begun(self):
        """Whether nothing but its first Switch, which is on the predicate itself, is known: it may be any on that predicate."""
        return not self.merges and len(self.switches) == 1 and _is_first(self.switches[0])


_MOST_DEPTH = 1000  # of loops and conditionals in each other: a graph that has more has a circle of them


class _Side:
    """One branch of a conditional."""

    def __init__(self, conditional, branch):
        self.conditional = conditional
        self.branch = branch
        self.context = None

    @property
    def outer(self):
        return self.conditional.found().outer

    def found(self):
        return self.conditional.found().sides[self.branch]


def _depth(place):
    depth = 0
    while place is not None:
        place, depth = place.outer, depth + 1
        if depth > _MOST_DEPTH:
            raise ValueError("The graph's loops and conditionals lie in each other")
    return depth


def _is_first(switch):
    """Whether a Switch is the first node of a conditional, which brings nothing in."""
    return switch.inputs[0] is switch.inputs[1]


def _root(pred):
    """A predicate behind the identities that a conditional puts before it."""
    while pred.op.type == "Identity":
        pred = pred.op.inputs[0]
    return pred


class _Recovery:
    def __init__(self, operations, around, between):
        self._operations = operations
        self._between = between
        self._around = around
        self._plain = set()  # Switches that decide nothing

    def run(self):
        while True:
            self._place_all()
            plain = self._switches_that_decide_nothing()
            if not plain:
                break
            self._plain |= plain
        self._make_contexts()
        self._finish()

    def _place_all(self):
        self._place = {}
        self._loops = {}
        self._conditionals = {}
        self._switched = {}  # Switch -> its conditional
        self._choices = []  # Merges of values that are not the two of a conditional
        self._passed = {}  # op -> {root of a predicate: how many conditionals on it lie before the op}
        own = set(self._operations)
        for op in self._between:
            self._passed[op] = self._passed_of(op)
            if op in own:
                self._place[op] = self._placed(op)

    def _switches_that_decide_nothing(self):
        """Those of which one side goes on to the next iteration of a loop: the predicate is always the same there.

        TensorFlow's gradient of a loop in a branch has them.
        """
        found = set()
        for op in self._operations:
            place = self._place[op]
            while op.type in _BACK_EDGES and isinstance(place, _Side) and not place.conditional.found().merges:
                found.update(place.conditional.found().switches)
                place = place.outer
        return found

    # --- places ---------------------------------------------------------------------------------------------

    def _sources(self, op):
        """Inputs whose nodes were placed before: back edges and what is not of the file are left out."""
        return [t for t in op.inputs if t.op in self._place]

    def _passed_of(self, op):
        merged = {}
        for source in (*(t.op for t in op.inputs), *op.control_inputs):
            passed = self._passed.get(source)
            if passed and passed is not merged:
                merged = {root: max(passed.get(root, 0), merged.get(root, 0)) for root in {*passed, *merged}}
        return merged

    def _output_place(self, tensor):
        """Where an output stands: an Exit's is outside its loop, a Switch's in a branch."""
        op = tensor.op
        place = self._place.get(op)
        if is_exit(op) and place is not None:
            return place.outer
        if op in self._switched:
            return self._side_of(op, tensor.value_index)
        return place

    def _places_before(self, op):
        """Where what an op waits for stands: its inputs, and its control inputs, of which an Exit is outside its loop."""
        places = [self._output_place(t) for t in self._sources(op)]
        for control in op.control_inputs:
            place = self._place.get(control)
            places.append(place.outer if is_exit(control) and place is not None else place)
        return places

    def _innermost(self, places):
        best = None
        for place in places:
            place = place.found() if isinstance(place, _Side) else place
            if place is None or place is best:
                continue
            if best is None or _depth(place) > _depth(best):
                best = place
            elif _depth(place) == _depth(best) and isinstance(place, _Side) and isinstance(best, _Side):
                best = self._both(best, place)
        return best

    def _both(self, one, other):
        """Where a node stands that uses values of two branches: they are one, or the later one on the same predicate."""
        a, b = one.conditional.found(), other.conditional.found()
        if one.branch == other.branch and self._same_predicate(a, b):
            if a.level == b.level or a.only_begun() or b.only_begun():
                self._unite(a, b)
                return one.found()
        return one if a.level >= b.level else other

    @staticmethod
    def _same_predicate(a, b):
        return _root(a.predicates[0]) is _root(b.predicates[0])

    @staticmethod
    def _unite(a, b):
        if a is b:
            return
        b.same_as = a
        a.level = max(a.level, b.level)
        a.predicates += [p for p in b.predicates if p not in a.predicates]
        a.switches += b.switches
        a.merges += b.merges

    def _not_before(self, place, passed):
        """The place itself, or its like in the later conditionals that wait for what the op waits for."""
        if not isinstance(place, _Side):
            return place
        outer = self._not_before(place.outer, passed)
        conditional = place.conditional.found()
        level = max(conditional.level, passed.get(_root(conditional.predicates[0]), 0))
        if outer is place.outer and level == conditional.level:
            return place.found()
        if conditional.only_begun():
            conditional.level = level
            return place.found()
        return self._conditional(conditional.predicates[-1], outer, level).sides[place.branch]

    def _conditional(self, pred, outer, level):
        conditional = self._conditionals.get((pred, outer, level))
        if conditional is None:
            conditional = self._conditionals[pred, outer, level] = _Conditional(outer, level)
            conditional.predicates.append(pred)
        return conditional.found()

    def _conditional_of(self, switch):
        pred = switch.inputs[1]
        outer = self._not_before(
            self._innermost(self._output_place(t) for t in self._sources(switch)), self._passed[switch]
        )
        level = self._passed[switch].get(_root(pred), 0)
        if _is_first(switch):
            conditional = self._conditionals[switch] = _Conditional(outer, level)
            conditional.predicates.append(pred)
        else:
            conditional = self._conditional(pred, outer, level)
        conditional.switches.append(switch)
        return conditional

    def _side_of(self, switch, branch):
        return self._switched[switch].found().sides[branch]

    def _placed(self, op):
        kind = op.type
        if kind in _ENTERS:
            return self._loop_of(op)
        if kind in _SWITCHES and op.inputs[1].op.type != "LoopCond" and op not in self._plain:
            return self._place_of_switch(op)
        if kind in _MERGES and not any(t.op.type in _BACK_EDGES for t in op.inputs):
            return self._place_of_merge(op)
        place = self._innermost(self._places_before(op))
        while kind == "ControlTrigger" and isinstance(place, _Side):  # it runs whether or not the branch does
            place = place.outer
        return self._not_before(place, self._passed[op])

    def _loop_of(self, op):
        name = op._attrs["frame_name"]
        outer = self._not_before(self._innermost(self._places_before(op)), self._passed[op])
        loop = self._loops.get(name)
        if loop is None:
            loop = self._loops[name] = _Loop(outer)
        else:
            around = outer
            while around is not None and around is not loop:
                around = around.outer
            if around is loop:
                raise ValueError(f"The loop of frame {name!r} is entered from inside itself by '{op.name}'")
            loop.outer = self._innermost([loop.outer, outer])
        return loop

    def _place_of_switch(self, op):
        """In its branch, where it only brings a value into one; else before the conditional."""
        conditional = self._conditional_of(op)
        self._switched[op] = conditional
        used = [i for i, tensor in enumerate(op.outputs) if tensor._consumers]
        return conditional.sides[used[0]] if len(used) == 1 else conditional.outer

    def _place_of_merge(self, op):
        places = [self._output_place(t) if t.op in self._place else None for t in op.inputs]
        sides = [place.found() for place in places if isinstance(place, _Side)]
        if len(op.inputs) > 2 or not sides or (len(sides) == 2 and not self._are_a_pair(*sides)):
            return self._place_of_choice(op, places)
        deepest = max(_depth(side) for side in sides)
        conditionals = [side.conditional.found() for side in sides if _depth(side) == deepest]
        conditional = max(conditionals, key=lambda c: c.level)
        for other in conditionals:
            if other.level == conditional.level or other.only_begun() or conditional.only_begun():
                self._unite(conditional, other.found())
        conditional.merges.append(op)
        self._pass(op, conditional)
        return conditional.outer

    def _are_a_pair(self, one, other):
        """Whether values are of the two branches of one conditional."""
        if one.branch == other.branch:
            return False
        return self._predicates_around(one)[1:] == self._predicates_around(other)[1:] and self._same_predicate(
            one.conditional.found(), other.conditional.found()
        )

    def _predicates_around(self, place):
        """What decides whether a place is run: the predicates of the branches that it stands in, and its loops."""
        chain = self._around_place(place)
        return [(_root(p.conditional.found().predicates[0]), p.branch) if isinstance(p, _Side) else p for p in chain]

    def _place_of_choice(self, op, places):
        """Where all branches are of which a Merge takes the first value that is there."""
        self._choices.append(op)
        chains = [self._around_place(place) for place in places]
        shared = [place for place in chains[0] if all(place in chain for chain in chains)]
        for place in {place for chain in chains for place in chain if place not in shared}:
            if isinstance(place, _Side):
                self._pass(op, place.conditional.found())
        return self._not_before(shared[0] if shared else None, self._passed[op])

    @staticmethod
    def _around_place(place):
        """A place and those around it, from the inside out."""
        chain = []
        while place is not None:
            place = place.found() if isinstance(place, _Side) else place
            chain.append(place)
            place = place.outer
        return chain

    def _pass(self, op, conditional):
        """Notes that what waits for an op comes behind a conditional."""
        root = _root(conditional.predicates[0])
        self._passed[op] = {**self._passed[op], root: max(self._passed[op].get(root, 0), conditional.level + 1)}

    # --- contexts -------------------------------------------------------------------------------------------

    def _context(self, place):
        if place is None:
            return self._around
        place = place.found() if isinstance(place, _Side) else place
        if place.context is None:
            outer = self._context(place.outer)
            if isinstance(place, _Loop):
                place.context = WhileContext.recovered(outer, place.operations)
            else:
                self._make_branches(place.conditional.found(), outer)
        return place.context

    @staticmethod
    def _make_branches(conditional, outer):
        switches = sorted(
            conditional.switches, key=_is_first
        )  # a predicate behind its identity is this conditional's alone
        pred = switches[0].inputs[1] if switches else conditional.predicates[0]
        for side in conditional.sides:
            pivot = switches[-1].outputs[side.branch] if switches else pred
            pivot = next((op.outputs[0] for op in pivot._consumers if op.type == "Identity"), pivot)
            side.context = CondContext.recovered(outer, pred, pivot, side.branch, conditional)
            side.context._predicates.update(conditional.predicates)
        off, on = (side.context for side in conditional.sides)
        off._twin, on._twin = on, off

    def _make_contexts(self):
        for op in self._operations:
            place = self._place[op]
            if isinstance(place, _Loop):
                place.operations.append(op)
        for op in self._operations:
            context = self._context(self._place[op])
            if context is not self._around:
                op._set_control_flow_context(context)
                outside = context.outer_context if is_exit(op) else context  # what a loop gives is not its own
                if outside is not None and outside.GetWhileContext() is not None:
                    op.graph.prevent_fetching(op)
            if op in self._switched:
                self._note_switch(op)
        for conditional in {c.found() for c in self._conditionals.values()}:
            for merge in conditional.merges:
                self._note_merge(merge, conditional)

        for merge in self._choices:
            merge._cond_contexts = ()

    def _note_switch(self, op):
        if isinstance(self._place[op], _Side) and self._place[op].conditional.found() is not self._switched[op].found():
            self._context(self._place[op])._beginning.add(op)
        for branch, tensor in enumerate(op.outputs):
            context = self._context(self._side_of(op, branch))
            for inner in context._chain():
                inner._values.add(tensor)
            if not _is_first(op):
                context._captured[tensor] = op.inputs[0]
                context._external_values[op.inputs[0]] = tensor

    def _note_merge(self, merge, conditional):
        """A Merge takes a value of each branch; one from before the conditional is as good in either."""
        sides = [side.found().context for side in conditional.sides]
        contexts = [self._context(self._output_place(t)) for t in merge.inputs]
        taken = [
            next((s for s in sides if context is not None and s in context._chain()), None) for context in contexts
        ]
        if len(taken) == 2 and taken[0] is taken[1] is None:
            taken = sides
        elif len(taken) == 2:
            taken = [mine or other._twin for mine, other in zip(taken, reversed(taken))]
        merge._cond_contexts = tuple(taken)
        for context in taken:
            context._merges.append(merge.outputs[0])

    def _finish(self):
        """Values of each context, and values of one conditional that a later one on the same predicate uses."""
        for op in self._operations:
            context = op._control_flow_context
            chain = context
            while chain is not None:
                chain._values.update(op.outputs)
                chain = chain.outer_context
        for conditional in sorted({c.found() for c in self._conditionals.values()}, key=lambda c: _depth(c.outer)):
            self._bring_in_predicate(conditional)
        for op in self._operations:
            for index, context in enumerate(self._wanted_in(op)):
                self._bring_in(op, index, context)

    def _bring_in_predicate(self, conditional):
        """A conditional in a later branch than the one that its predicate is of."""
        contexts = [side.context for side in conditional.sides]
        outer, pred = contexts[0].outer_context, contexts[0].pred
        other = self._context(self._output_place(pred)) if pred.op in self._place else None
        if not isinstance(other, CondContext) or other in outer._chain():
            return
        inside = outer.AddValue(pred)
        for switch in conditional.switches:
            switch._update_input(1, inside)
        for context in contexts:
            context._pred = inside
            context._predicates.add(inside)

    @staticmethod
    def _wanted_in(op):
        """The context in which each input is wanted, where it may come from another."""
        contexts = getattr(op, "_cond_contexts", None)
        if contexts is not None:
            return contexts
        context = op._control_flow_context
        if op.type in _ENTERS or (op.type in _SWITCHES and isinstance(context, CondContext) and context.brings_in(op)):
            context = context.outer_context
        return [context] * len(op.inputs) if isinstance(context, CondContext) else ()

    def _bring_in(self, op, index, context):
        tensor = op.inputs[index]
        other = self._context(self._output_place(tensor)) if tensor.op in self._place else None
        if isinstance(other, CondContext) and other not in context._chain():
            with op.graph.name_scope(op.name + "/"):
                op._update_input(index, context.AddValue(tensor))
