"""Lowering of loops.

A loop variable is a buffer written before the loop and at its back edge. Its dimensions are those of its
first value where the body is proven to keep them; a dimension that the body changes is a size register of
its own, set at both places, and what depends on it is prepared again in each iteration that changed it.
"""

from __future__ import annotations

from contextlib import contextmanager

from .. import errors
from ..graph.describe import describe
from .branch_values import NEVER, beyond, both
from .guards import deciding, guarded, require, undecided
from .ir import OBJECT, Buffer, Instr, Loop, Value, same_shape
from .node import Node
from .one_branch import decide_before_loop, enclosed
from .passes.uses import instructions_of
from .sizes import Size

_MOST_ATTEMPTS = 8


def lower_loop(lowerer, unit):
    index = lowerer.node_index(unit.op)
    node = Node(unit.op, None, [], index)
    decide_before_loop(lowerer, unit)
    variables = [v for v in unit.variables if v.switch is not None or v.next_iteration is not None]
    initial = [lowerer.settled(lowerer.value_of(v.enter.outputs[0]), node) for v in variables]
    varying: list[set] = [set() for _ in variables]
    for _ in range(_MOST_ATTEMPTS):
        saved = _Checkpoint(lowerer)
        state = _LoopState(lowerer, unit, node, variables, initial, varying)
        with enclosed(lowerer, None):
            changed = state.attempt()
        if changed is None:
            break
        saved.restore()
        for axes, found in zip(varying, changed):
            axes |= found
    else:
        raise ValueError(f"the shapes of the loop variables of {unit.op.name!r} do not settle")
    _check_grown(lowerer, saved, unit)
    state.finish()


def missing_of_variable(presence, unit, variable):
    """(what must hold for a loop variable to have a first value, what besides for the value that an iteration gives it)."""
    entered = presence.missing_in(variable.enter.outputs[0], unit.context)
    around = both(presence.established(unit.context), entered)
    return entered, beyond(presence.of_tensor(variable.next_iteration.inputs[0]), around)


def _check_grown(lowerer, saved, unit):
    """What an iteration reads before a variable gets another shape would be where the variable was in the iteration before."""
    grown = lowerer.superseded.keys() - saved.superseded.keys()
    for item in lowerer.block.items[saved.items :] if grown else ():
        for instr in instructions_of(item):
            for value in (*instr.inputs, *instr.outputs):
                if value.buffer in grown:
                    name = value.buffer.source
                    raise errors.UnimplementedError(
                        None, unit.op, f"the variable {name!r} gets another shape in a loop that uses it before that"
                    )


class _Checkpoint:
    """What an attempt that is given up must undo."""

    def __init__(self, lowerer):
        self.lowerer = lowerer
        self.environment = dict(lowerer.environment)
        self.items = len(lowerer.block.items)
        self.hosts = len(lowerer.hosts)
        self.locals = len(lowerer.region_local)
        self.pushed = dict(lowerer.request.pushed)
        self.arrays = dict(lowerer.arrays)
        self.superseded = dict(lowerer.superseded)
        self.measured = lowerer.measured.saved()
        self.checks = len(lowerer.sizes.checks)

    def restore(self):
        lowerer = self.lowerer
        lowerer.environment = self.environment
        del lowerer.block.items[self.items :]
        del lowerer.hosts[self.hosts :]
        lowerer.leave(lowerer.region_local[self.locals :])
        del lowerer.region_local[self.locals :]
        lowerer.request.pushed = self.pushed
        lowerer.arrays = self.arrays
        lowerer.superseded = self.superseded
        lowerer.measured.restore(self.measured)
        lowerer.sizes.give_up_checks(self.checks)


class _LoopState:
    """One attempt at a loop, with the dimensions in `varying` carried in registers."""

    def __init__(self, lowerer, unit, node, variables, initial, varying):
        self.lowerer = lowerer
        self.unit = unit
        self.node = node
        self.variables = variables
        self.initial = initial
        self.varying = varying
        self.values = []
        self.carried = []  # (register size, initial dim, variable, axis)

    def attempt(self):
        """Lowers the loop; returns for each variable the axes that turned out to change, or None."""
        lowerer, unit = self.lowerer, self.unit
        self._enter()
        for variable, value in zip(self.variables, self.values):
            lowerer.environment[variable.merge.outputs[0]] = value
            if len(variable.merge.outputs) > 1:
                lowerer.environment[variable.merge.outputs[1]] = value
            if variable.switch is not None:
                for tensor in variable.switch.outputs:
                    lowerer.environment[tensor] = value
        local = []
        with lowerer.region(local) as condition:
            predicates = lowerer.lower_region(unit.condition, self._condition)
            if predicates is None:
                raise lowerer.hosts[-1][0]
        with lowerer.region(local) as body, self._own_checks(body):
            lowerer.leave(local)
            following = lowerer.lower_region(unit.body, self._following) or self.values
            changed = self._changed(following)
            if changed is None:
                self._back_edge(following)
        lowerer.leave(local)
        if changed is None:
            lowerer.append(Loop(condition, *predicates, body, self.node.index))
        return changed

    def _condition(self):
        loop_cond = self.unit.loop_cond
        return [deciding(self.lowerer, loop_cond.inputs[0], loop_cond, self.node)]

    @contextmanager
    def _own_checks(self, body):
        """Checks of sizes that iterations change are made where the body begins: the last sizes are of an iteration that is not made."""
        sizes = self.lowerer.sizes
        outer, sizes.iteration = sizes.iteration, sizes.new_group() if any(self.varying) else sizes.iteration
        try:
            yield
        finally:
            if sizes.iteration != outer and sizes.operations[sizes.iteration]:
                body.items.insert(0, Instr("resize", (), (), (sizes.iteration,), effect=True))
            sizes.iteration = outer

    def _following(self):
        """What the body makes of the loop variables."""
        lowerer, following = self.lowerer, []
        for variable, value in zip(self.variables, self.values):
            if self._is_there(variable):
                value = lowerer.value_of(variable.next_iteration.inputs[0], variable.next_iteration)
            following.append(lowerer.settled(value, self.node))
        return following

    def _is_there(self, variable):
        """Ends the run where an iteration makes of a variable what is not there; returns whether it can be."""
        entered, missing = missing_of_variable(self.lowerer.presence, self.unit, variable)
        missing = undecided(self.lowerer, missing, variable.next_iteration)
        if missing:
            with guarded(self.lowerer, entered, variable.merge):
                require(self.lowerer, missing, variable.next_iteration)
        return missing is not NEVER

    def _enter(self):
        lowerer = self.lowerer
        group = lowerer.sizes.new_group() if any(self.varying) else None
        for variable, (first, axes) in enumerate(zip(self.initial, self.varying)):
            shape = list(first.shape)
            for axis in sorted(axes):
                shape[axis] = lowerer.sizes.fresh(group)
                self.carried.append((shape[axis], first.shape[axis], variable, axis))
            self.values.append(self._variable_value(first, tuple(shape)))
        lowerer.copy_sizes([(dim, size) for size, dim, _, _ in self.carried], self.node)
        for first, value in zip(self.initial, self.values):
            lowerer.move(first, value, self.node)

    def _variable_value(self, first, shape):
        if first.buffer is not None and first.buffer.kind == OBJECT:
            return Value(first.dtype, shape, Buffer(OBJECT, first.dtype, 1, ("loop", self.unit.op, len(self.values))))
        return self.lowerer.allocate(first.dtype, shape)

    def _changed(self, following):
        found, any_found = [], False
        for value, after, variable in zip(self.values, following, self.variables):
            if len(value.shape) != len(after.shape):
                raise errors.UnimplementedError(
                    None,
                    variable.merge,
                    f"A loop variable enters with rank {len(value.shape)} and has rank {len(after.shape)} after an iteration: "
                    f"ranks are part of a plan {describe(variable.merge, self.lowerer.environment)}",
                )
            axes = set()
            for axis, (a, b) in enumerate(zip(value.shape, after.shape)):
                carried = isinstance(a, Size) and any(a is size for size, _, _, _ in self.carried)
                if not carried and not same_shape((a,), (b,)):
                    axes.add(axis)
            found.append(axes)
            any_found = any_found or bool(axes)
        return found if any_found else None

    def _back_edge(self, following):
        """Moves the body's results into the loop variables, as if all at once."""
        lowerer, node = self.lowerer, self.node
        own = {id(value.buffer): i for i, value in enumerate(self.values)}
        moves, shadows = [], []
        for i, (value, after) in enumerate(zip(self.values, following)):
            if after is value:
                continue
            if self.varying[i]:
                shadows.append((value, after, i))
                continue
            if after.buffer is not None and id(after.buffer) in own:
                temp = self._variable_value(after, after.shape)
                lowerer.move(after, temp, node)
                after = temp
            moves.append((after, value))
        for value, after, i in list(shadows):
            shadows[shadows.index((value, after, i))] = (value, self._shadow(after), i)
        for after, value in moves:
            lowerer.move(after, value, node)
        pairs = []
        for size, _, variable, axis in self.carried:
            after = next((s for v, s, i in shadows if i == variable), None)
            if after is not None:
                pairs.append((after.shape[axis], size))
        lowerer.copy_sizes(pairs, node)
        for _, shadow, _ in shadows:
            lowerer.resize(shadow.shape)  # the move below depends on both groups, and the first has changed
        for value, shadow, _ in shadows:
            lowerer.move(shadow, value, node)

    def _shadow(self, after):
        """A copy whose sizes do not hang on the registers that are about to change."""
        lowerer = self.lowerer
        group = lowerer.sizes.new_group()
        fresh = [lowerer.sizes.fresh(group) for _ in after.shape]
        lowerer.copy_sizes(list(zip(after.shape, fresh)), self.node)
        shadow = lowerer.allocate(after.dtype, tuple(fresh))
        lowerer.move(after, shadow, self.node)
        return shadow

    def _left(self, value):
        """A loop variable after the loop, under sizes of its own: what depends on them is worked out after it."""
        lowerer = self.lowerer
        group = lowerer.sizes.new_group()
        fresh = [lowerer.sizes.fresh(group) for _ in value.shape]
        lowerer.copy_sizes(list(zip(value.shape, fresh)), self.node)
        return Value(value.dtype, tuple(fresh), value.buffer, None, value.offset)

    def finish(self):
        environment = self.lowerer.environment
        for i, (variable, value) in enumerate(zip(self.variables, self.values)):
            if self.varying[i]:
                value = self._left(value)
            for op in variable.exits:
                environment[op.outputs[0]] = value
