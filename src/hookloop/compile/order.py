"""The order of units in their regions: the design's rule for variables, and the commit point.

A reader with a path from a write sees that write. Any other reader comes before the write; where that would
be a cycle it reads a copy made at the start of the run. Writes, and what depends on them, come last.

In a function that changes something, variables are read and written in the order in which its operations were made.
"""

from __future__ import annotations

import heapq
from functools import cached_property
from itertools import pairwise

from ..errors import InvalidArgumentError
from ..ops import registry
from ..ops.variable_key import VARIABLES, variable_key
from .branch_values import inputs_first
from .regions import COPY, IF, LOOP, OP, Unit

# Ops whose output is their input's own memory: whoever consumes it is the reader.
ALIASES = frozenset(("Identity", "StopGradient", "PreventGradient", "GuaranteeConst", "Snapshot", "ReadVariableOp", "RefIdentity",
                     "Enter", "RefEnter", "Switch", "RefSwitch", "PlaceholderWithDefault"))  # fmt: skip


class OrderedUnits:
    """The regions in order, and what lowering must copy.

    Attributes:
      root: ordered units of the root region.
      kept: ops with an effect that somebody waits for.
      materialized: alias ops that keep the old value because a write depends on them.
      presence: when ops are run and tensors are there (branch_values.py).
      must_copy: ops whose output would be a view of a variable that is overwritten before it is used.
    """

    def __init__(self, raised, fetches, as_made=False):
        self.raised = raised
        self.kept = raised.kept
        self.materialized = set()
        self.must_copy = set()
        self.fetched = set(fetches)
        self._as_made = as_made
        self.presence = raised.presence
        self._reads = _Reads(raised, as_made, self.presence.looked_at(raised.needed, fetches))
        self.materialized |= self._reads.own_values()
        self._order(raised.root_region)
        self.root = raised.root

    def _order(self, region, results=()):
        """Orders a region; `results` are (who takes it, tensor) of what its owner takes when it has run."""
        units = region.units
        for unit in units:
            if unit.kind == IF:
                for index, branch in enumerate((unit.otherwise, unit.then)):
                    taken = zip(unit.merges, branch.results)
                    readers = [((merge, index), t) for merge, t in taken if t is not None]
                    self._order(branch.units, readers)
                    branch.units = branch.units.units
            elif unit.kind == LOOP:
                following = [(v.next_iteration, v.next_iteration.inputs[0]) for v in unit.variables]
                for part, readers in (("condition", ()), ("body", following)):
                    self._order(getattr(unit, part), readers)
                    setattr(unit, part, getattr(unit, part).units)
        writes = self._writes(units)
        copies = []
        if writes and self._as_made:
            self._order_as_made(units, writes)
            self._reach(units, writes)
        elif writes:
            reach = self._reach(units, writes)
            self._order_writes(units, writes, reach)
            copies = self._separate_readers(units, writes, reach)
            copies += self._old_results(writes, reach, results)
        region.units = [self._copy_unit(copy, region) for copy in copies] + _sorted(units)

    def _writes(self, units):
        """variable key -> the units of this region that write it, in creation order."""
        writes = {}
        for unit in units if self._reads.writes else ():
            for key in self._reads.written_by(unit):
                writes.setdefault(key, []).append(unit)
        for written in writes.values():
            written.sort(key=lambda u: u.order)
        return writes

    def _order_as_made(self, units, writes):
        """Whoever reads or writes a variable waits for the write before, and a write also for the readers before it."""
        inside = {op: unit for unit in units for op in ops_in(unit)}
        for key, written in writes.items():
            using = {inside[op] for op in self._reads.readers.get(key, ()) if op in inside}.union(written)
            last_write, readers = set(), set()
            for unit in sorted(using, key=lambda unit: unit.order):
                unit.before |= last_write
                if unit in written:
                    unit.before |= readers
                    last_write, readers = {unit}, set()
                else:
                    readers.add(unit)

    @staticmethod
    def _reach(units, writes):
        """unit -> bit mask of the writing units with a path to it (itself included)."""
        bits = {}
        for written in writes.values():
            for unit in written:
                bits.setdefault(unit, 1 << len(bits))
        masks = {}
        for unit in _befores_first(units):
            mask = bits.get(unit, 0)
            for before in unit.before:
                mask |= masks[before]
            masks[unit] = mask
            unit.late = mask != 0
        return masks, bits

    @staticmethod
    def _order_writes(units, writes, reach):
        """Two writes of one variable without a path between them happen in the order they were made."""
        masks, bits = reach
        several = [written for written in writes.values() if len(written) > 1]
        after = _followers(units) if several else {}
        for written in several:
            for first, second in pairwise(written):
                if masks[second] & bits[first] or first not in _reachable(second, after):
                    second.before.add(first)
                    after.setdefault(first, []).append(second)

    def _separate_readers(self, units, writes, reach):
        masks, bits = reach
        after = _followers(units)
        inside = {unit.op: unit for unit in units if unit.kind == OP}
        inside.update((op, unit) for unit in units if unit.kind != OP for op in ops_in(unit))
        copies = []
        for key, written in writes.items():
            readers = [(inside[op], op) for op in self._reads.readers.get(key, ()) if op in inside]
            any_write = sum(bits[writer] for writer in written)
            is_old = {}  # op -> whether it has the value from before the run, of those that come behind a writer without a path
            for writer in written:
                descendants = None  # looked for where there is a reader without a path
                for reader, op in readers:
                    if reader is writer:
                        continue
                    if masks.get(reader, 0) & bits[writer]:
                        self._old_alias(key, op, writer, reach, after)
                        continue
                    if descendants is None:
                        descendants = _reachable(writer, after)
                    if reader in descendants:
                        if op not in is_old:
                            # What it has a path from, other than what it writes itself, came after this writer.
                            behind = masks.get(reader, 0) & any_write & ~bits.get(reader, 0)
                            own = reader in written and self._is_behind_own_write(op, key, inside)
                            is_old[op] = not behind and not own
                        if is_old[op]:
                            copies.append((op, key))
                    else:
                        writer.before.add(reader)
                        after.setdefault(reader, []).append(writer)
        return list(dict.fromkeys(copies))

    def _is_behind_own_write(self, op, key, inside):
        """Whether a reader in a branch or loop comes behind a write in it: it has what that one has written, whoever wrote before."""
        unit = inside[op]
        sources = [tensor.op for tensor in op.inputs if key in self._reads.seen_through.get(tensor, ())]
        return all(self._is_behind_write(self._value_behind(source) or op, key, unit, inside) for source in sources)

    def _value_behind(self, op):
        """The first alias with a value of its own that an op reads a variable through, or None: who takes it reads the variable."""
        found = None
        while op.type in ALIASES:
            if self._is_user_alias(op):
                found = op
            op = op.inputs[0].op
        return found

    def _is_behind_write(self, op, key, unit, inside):
        seen, stack = {op}, [op]
        while stack:
            current = stack.pop()
            if current is not op and key in self._reads.writes.get(current, ()):
                return True
            for source in (*(tensor.op for tensor in current.inputs), *current.control_inputs):
                if source not in seen and inside.get(source) is unit:
                    seen.add(source)
                    stack.append(source)
        return False

    def _old_results(self, writes, reach, results):
        """Results of a branch or a loop's body that are a variable which it writes on another path."""
        masks, bits = reach
        copies = []
        for taker, tensor in results:
            mask = masks.get(self.raised.unit_of.get(tensor.op), 0)
            for key in self._reads.seen_through.get(tensor, ()):
                if any(not mask & bits[writer] for writer in writes.get(key, ())):
                    copies.append((taker, key))
        return copies

    def _copy_unit(self, copied, region):
        unit = Unit(COPY, self._reads.variable[copied[1]], region)
        unit.copied = copied
        return unit

    def _old_alias(self, key, op, writer, reach, after):
        """A reader behind a write that reads through something the write did not reach keeps the old value."""
        masks, bits = reach
        for tensor in op.inputs:
            source = tensor.op
            if key not in self._reads.seen_through.get(tensor, ()):
                continue
            unit = self.raised.unit_of.get(source)
            if unit is not None and masks.get(unit, 0) & bits[writer]:
                source = _read_behind(source)  # an alias behind the write, of a value that was read before it
                unit = self.raised.unit_of.get(source)
            if unit is None or masks.get(unit, 0) & bits[writer]:
                continue
            if source.type in ALIASES:
                if self._is_user_alias(source) and writer in _reachable(unit, after):
                    self.materialized.add(source)
            elif source.type not in VARIABLES:
                self.must_copy.add(source)

    @staticmethod
    def _is_user_alias(op):
        """An identity the program made; the variable's own read is no value of its own."""
        return op.type == "ReadVariableOp" or (op.type == "Identity" and op.inputs[0].op.type not in VARIABLES)

    def finish(self):
        """Fetched aliases and views of variables that this run writes."""
        written = self._reads.all_written
        for tensor in self.fetched:
            keys = self._reads.seen_through.get(tensor, frozenset()) & written
            if not keys or tensor.op.type in VARIABLES:
                continue
            if tensor.op.type not in ALIASES:
                self.must_copy.add(tensor.op)
                continue
            for source in {tensor.op, _read_behind(tensor.op)} - {None}:
                if self._is_user_alias(source) and self._write_depends_on(source, keys):
                    self.materialized.add(source)

    def _write_depends_on(self, op, keys):
        seen, stack = set(), [op]
        consumers = self._reads.consumers
        while stack:
            current = stack.pop()
            for user in consumers.get(current, ()):
                if user in seen:
                    continue
                if self._reads.writes.get(user, frozenset()) & keys:
                    return True
                seen.add(user)
                stack.append(user)
        return False


class _Reads:
    """Which ops read and write which variables, looking through aliases and views.

    Args:
      raised: the `RaisedGraph`.
      as_made: whether a ReadVariableOp has the value that the variable has at its place: then it is no alias.
      looked_at: ops of predicates that are asked for at several places, and must be the same at all of them: no aliases either.
    """

    def __init__(self, raised, as_made=False, looked_at=frozenset()):
        self._as_made = as_made
        self._looked_at = looked_at
        self._taken_out = []  # those that would be aliases else
        self.seen_through = {}  # tensor -> keys of the variables whose memory it may be
        self.writes = {}  # op -> keys
        self.readers = {}  # key -> the ops that read it
        self.variable = {}
        self.all_written = set()
        self._ops = raised.needed
        self._reads_handles = "ReadVariableOp" in raised.kinds
        none = frozenset()
        for op in _values_first(raised):
            kind = op.type
            if kind in VARIABLES:
                key = variable_key(op)
                self.variable[key] = op
                self.seen_through[op.outputs[0]] = frozenset((key,))
                continue
            keys = none
            for tensor in op.inputs:
                found = self.seen_through.get(tensor)
                if found is not None:
                    keys = found if keys is none else keys | found
            if keys:
                self._classify(op, kind, keys)

    @cached_property
    def consumers(self):
        """op -> the ops that take its values or wait for it."""
        found = {}
        for op in self._ops:
            for source in (*(t.op for t in op.inputs), *op.control_inputs):
                found.setdefault(source, []).append(op)
        return found

    def _classify(self, op, kind, keys):
        if (self._as_made and kind == "ReadVariableOp") or (op in self._looked_at and kind in ALIASES):
            self._taken_out.append((op, keys))
            self._note_reader(op, keys)
            return
        if kind in ALIASES:
            for tensor in op.outputs:
                self.seen_through[tensor] = keys
            return
        if kind == "IdentityN":
            for source, tensor in zip(op.inputs, op.outputs):
                self.seen_through[tensor] = self.seen_through.get(source, frozenset())
            return
        op_def = registry.lookup(kind)
        written_inputs = op_def.written(op)
        if written_inputs:
            target = self.seen_through.get(op.inputs[written_inputs[0]], frozenset())
            for tensor in op.outputs:
                self.seen_through[tensor] = target
            others = frozenset()
            for i, tensor in enumerate(op.inputs):
                if i not in written_inputs:
                    others |= self.seen_through.get(tensor, frozenset())
            # Slots that the op itself writes are ordered as writes.
            written = frozenset().union(*(self.seen_through.get(op.inputs[i], frozenset()) for i in written_inputs))
            self.writes[op] = written
            self.all_written |= written
            self._note_reader(op, others)
            return
        self._note_reader(op, keys)
        if op_def.lower is not None and op_def.kernel is None:
            for tensor in op.outputs:
                self.seen_through[tensor] = keys

    def own_values(self):
        """The reads that are no aliases: also those of a critical section, behind which another thread may write."""
        own = {op for op, keys in self._taken_out if keys & self.all_written}
        if self._reads_handles:
            own.update(op for op in self._ops if op.type == "ReadVariableOp" and _is_in_section(op))
        return own

    def _note_reader(self, op, keys):
        for key in keys:
            self.readers.setdefault(key, []).append(op)

    def written_by(self, unit):
        if unit.kind == OP:
            return self.writes.get(unit.op, ())
        keys = set()
        for op in ops_in(unit):
            keys |= self.writes.get(op, frozenset())
        return keys


def _read_behind(op):
    """The ReadVariableOp that an op is an alias of, through others; or None. What it reads is a value, as that of no reference."""
    while op.type in ALIASES and op.type != "ReadVariableOp":
        op = op.inputs[0].op
    return op if op.type == "ReadVariableOp" else None


def _values_first(raised):
    """The ops of a request, each behind those that give it its values; none where there is no variable to look for."""
    ops = raised.needed
    if raised.kinds.isdisjoint(VARIABLES):
        return ()
    for op in ops:  # by when they were made, which is the order but where inputs were changed later
        made = op._id
        if [1 for tensor in op.inputs if tensor.op._id >= made]:
            return inputs_first(ops, _values)
    return ops


def _values(op):
    """The ops that give an op its values."""
    return [tensor.op for tensor in op.inputs]


def _is_in_section(op):
    return any(control.type == "MutexLock" for control in op.control_inputs)


def ops_in(unit):
    if unit.kind not in (IF, LOOP):
        return unit.ops if unit.kind != COPY else ()
    ops = list(unit.ops)
    parts = [unit.then.units, unit.otherwise.units] if unit.kind == IF else [unit.condition, unit.body]
    for part in parts:
        for inner in part if isinstance(part, list) else part.units:
            ops.extend(ops_in(inner))
    return ops


def _followers(units):
    after = {}
    for unit in units:
        for before in unit.before:
            found = after.get(before)
            if found is None:
                after[before] = [unit]
            else:
                found.append(unit)
    return after


def _reachable(unit, after):
    seen, stack = set(), [unit]
    while stack:
        for follower in after.get(stack.pop(), ()):
            if follower not in seen:
                seen.add(follower)
                stack.append(follower)
    return seen


def _befores_first(units):
    """The units, each behind those that come before it."""
    ordered = sorted(units, key=lambda unit: unit.order)
    return ordered if _is_in_order(ordered) else _sorted(units)


def _is_in_order(units):
    seen = set()
    for unit in units:
        if not unit.before <= seen:
            return False
        seen.add(unit)
    return True


def _sorted(units):
    """Topological order; what writes or follows a write last, else as the program made it."""
    made = sorted(units, key=lambda unit: (unit.late, unit.order))
    if _is_in_order(made):
        return made
    waiting = {unit: len(unit.before) for unit in units}
    after = _followers(units)
    heap = [(unit.late, unit.order, i, unit) for i, unit in enumerate(units) if not waiting[unit]]
    heapq.heapify(heap)
    ordered = []
    while heap:
        unit = heapq.heappop(heap)[-1]
        ordered.append(unit)
        for follower in after.get(unit, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(heap, (follower.late, follower.order, len(ordered), follower))
    if len(ordered) != len(units):
        left = [unit for unit in units if waiting[unit]]
        raise InvalidArgumentError(
            None, None, f"Graph is invalid, contains a cycle with {len(left)} nodes outside of loops"
        )
    return ordered
