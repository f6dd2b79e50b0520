"""`Session.partial_run`: a request that is evaluated in parts, as its feeds come in.

A part is a run of its own: it makes what can be made of everything that has been fed so far and was not made before. Values that
later parts need are kept, and fed to them in the place of the operations that made them. What is no value (variables, the arrays
and stacks of loops, values of branches that were not taken) is made again where a later part needs it.
"""

from __future__ import annotations

import itertools

from . import errors
from .compile.order import ALIASES, ops_in
from .compile.regions import OP, RaisedGraph
from .fetches import FetchMap, convert_feed, expand_feed, feed_tensor, resolve_feeds
from .ops.variable_key import VARIABLES

# Schedules of requests that are kept for the next evaluation of the same.
_MOST_SCHEDULES = 16

_ARRAY_VALUES = frozenset(("TensorArrayReadV3", "TensorArrayGatherV3", "TensorArrayConcatV3", "TensorArraySizeV3"))
_NOTHING = frozenset(("Switch", "RefSwitch", "Merge", "RefMerge", "Enter", "RefEnter", "NoOp", "ControlTrigger"))


def _invalid(text):
    return errors.InvalidArgumentError(None, None, text)


class _Part:
    """What one part makes, as a `FetchMap` says it.

    Attributes:
      tensors, targets: what is fetched and run.
      done: the operations that ran before and do not run again.
      fed: the tensors that it is fed with, in the session's order.
    """

    def __init__(self, tensors, targets, done, fed):
        self.tensors, self.targets, self.done = tensors, targets, done
        self.fed = sorted(fed, key=lambda t: (t.op._id, t.value_index))


class _Schedule:
    """A request in parts: which operations wait for which feeds."""

    def __init__(self, tensors, targets, feeds):
        self.feeds = frozenset(feeds)
        self.fetches = frozenset(tensors)
        raised = RaisedGraph(tensors, targets, set(feeds))
        self._kept = raised.kept
        self._units = list(raised.root)
        self._ops = {unit: ops_in(unit) for unit in self._units}
        self._home = {op: unit for unit, ops in self._ops.items() for op in ops}
        self._fed_ops = {t.op for t in self.feeds}
        self._wanted = {unit: self._feeds_of(unit) for unit in self._units}
        popping = any(op.type == "StackPopV2" for op in self._home)
        self._made_again = {unit for unit in self._units if self._is_made_again(unit, popping)}
        self._parts = {}
        raised.release()

    def _feeds_of(self, unit):
        ops = self._ops[unit]
        found = {t for op in ops for t in op.inputs if t in self.feeds}
        return found.union(
            t for op in ops for c in op.control_inputs if c in self._fed_ops for t in c.outputs if t in self.feeds
        )

    def _is_made_again(self, unit, popping):
        """Whether a unit's results are more than values."""
        types = {op.type for op in self._ops[unit]}
        if unit.kind == OP:
            kind = unit.op.type
            if kind == "Const" or kind in VARIABLES or kind in _NOTHING:
                return True
            if kind in ALIASES:
                source = self._home.get(unit.op.inputs[0].op)
                return source is not None and source is not unit and self._is_made_again(source, popping)
            return any(t.dtype.name in ("resource", "variant") for t in unit.op.outputs) or (
                kind.startswith("TensorArray") and kind not in _ARRAY_VALUES
            )
        return (popping and "StackPushV2" in types) or any(
            kind.startswith("TensorArray") and kind not in _ARRAY_VALUES for kind in types
        )

    def _is_value(self, tensor):
        """Whether later parts can be fed with a tensor that an earlier one made."""
        unit = self._home[tensor.op]
        of_one_branch = tensor.op.type in ("Merge", "RefMerge") and len(tensor.op.inputs) == 1
        return unit not in self._made_again and not of_one_branch

    def missing(self, tensor, fed):
        """A feed without which a tensor cannot be made, or None."""
        if tensor in self.feeds:
            return None if tensor in fed else tensor
        seen, waiting = set(), [self._home[tensor.op]]
        while waiting:
            unit = waiting.pop()
            if unit not in seen:
                seen.add(unit)
                for feed in self._wanted[unit]:
                    if feed not in fed:
                        return feed
                waiting.extend(unit.before)
        return None

    def _ready(self, fed):
        """The units that can run."""
        ready, late = set(), set()
        for unit in self._units:
            waiting = [unit]
            while waiting:
                current = waiting[-1]
                if current in ready or current in late:
                    waiting.pop()
                    continue
                before = [u for u in current.before if u not in ready and u not in late]
                if before:
                    waiting.extend(before)
                    continue
                waiting.pop()
                is_late = any(u in late for u in current.before) or not self._wanted[current] <= fed
                (late if is_late else ready).add(current)
        return ready

    def part(self, before, fed, asked):
        """The part that runs when, after `before` (None at the start), all of `fed` have been fed.

        Args:
          asked: the fetches that are wanted of this part and are made in the part that wants them.

        Raises:
          UnimplementedError: something that must happen once would have to be made again.
        """
        key = before, fed, asked
        if key not in self._parts:
            self._parts[key] = self._make_part(
                set() if before is None else self._ready(before), self._ready(fed), fed, asked
            )
        return self._parts[key]

    def is_made_when_asked(self, tensor):
        """Whether a fetch has the value of the moment in which it is asked for: a variable and its aliases."""
        unit = self._home[tensor.op]
        return unit.kind == OP and unit in self._made_again

    def _make_part(self, done, ready, fed, asked):
        fresh = ready - done
        later = [unit for unit in self._units if unit not in ready or unit in self._made_again]
        wanted = {t for unit in later for op in self._ops[unit] for t in op.inputs}
        made = [t for unit in self._units if unit in fresh for op in unit.ops for t in op.outputs]
        tensors = [t for t in made if t in self.fetches and not self.is_made_when_asked(t)]
        tensors += [t for t in made if t not in self.fetches and t in wanted and self._is_value(t)]
        tensors += sorted(asked, key=lambda t: t.op._id)
        kept = self._kept - self._fed_ops  # who waits for a feed waits for its value alone
        targets = [op for unit in fresh for op in unit.ops if op in kept and unit.op.type not in _NOTHING]
        held = {t for t in self.feeds if t in fed}
        for unit in [*fresh, *self._made_again]:
            held.update(t for op in self._ops[unit] for t in op.inputs if self._is_held(t, done, unit))
        done_ops = frozenset(op for unit in done if unit not in self._made_again for op in self._ops[unit])
        self._check_made_again(tensors, targets, held, done, done_ops)
        return _Part(tensors, targets, done_ops, held)

    def _is_held(self, tensor, done, consumer):
        unit = self._home.get(tensor.op)
        return unit in done and unit is not consumer and self._is_value(tensor)

    def _check_made_again(self, tensors, targets, held, done, done_ops):
        """What a part makes again must be without effects and without chance."""
        seen = set()
        waiting = [self._home[t.op] for t in tensors] + [self._home[op] for op in targets]
        while waiting:
            unit = waiting.pop()
            if unit in seen:
                continue
            seen.add(unit)
            for op in self._ops[unit]:
                if unit in done and _happens_once(op):
                    raise errors.UnimplementedError(
                        None, op, f"partial_run would have to run '{op.name}' (op: '{op.type}') again, which may run once: this part "
                        "needs an array of a loop, or what a loop or a branch saves for its gradient. Ask for both in one part",
                    )  # fmt: skip
                waiting.extend(self._home[t.op] for t in op.inputs if t not in held and t.op in self._home)
                waiting.extend(self._home[c] for c in op.control_inputs if c not in done_ops and c in self._home)


def _happens_once(op):
    op_def = op.op_def
    if op_def.written(op) or op_def.stateful == "stream":
        return True
    return bool(op_def.stateful and op_def.host is not None) and not any(t.dtype.name == "resource" for t in op.outputs)


class _Evaluation:
    """One evaluation of a request in parts."""

    def __init__(self, session, schedule):
        self._session = session
        self._schedule = schedule
        self._fed_before = None
        self._fed = frozenset()
        self._values = {}
        self._pending = set(schedule.fetches)

    @property
    def is_over(self):
        return not self._pending and self._fed == self._schedule.feeds

    def check(self, tensors, feeds):
        """Raises what is wrong with a part before anything happens."""
        for tensor in feeds:
            if tensor not in self._schedule.feeds:
                raise _invalid(f"The feed {tensor.name} was not specified in partial_run_setup.")
            if tensor in self._fed:
                raise _invalid(f"The feed {tensor.name} has already been fed.")
        for tensor in tensors:
            if tensor not in self._schedule.fetches:
                raise _invalid(f"The fetch {tensor.name} was not specified in partial_run_setup.")
            if tensor not in self._pending:
                raise _invalid(f"The fetch {tensor.name} has already been fetched.")
        fed = self._fed.union(feeds)
        for tensor in tensors:
            missing = self._schedule.missing(tensor, fed)
            if missing is not None:
                raise _invalid(f"Fetch {missing.name} can't be computed from the feeds that have been fed so far.")

    def run(self, tensors, feeds):
        """The values of tensors, once what can be made of everything fed so far has been made."""
        self._values.update(feeds)
        fed = self._fed.union(feeds)
        asked = frozenset(t for t in tensors if self._schedule.is_made_when_asked(t))
        part = self._schedule.part(self._fed_before, fed, asked)
        if part.tensors or part.targets:
            values = [convert_feed(t, self._values[t]) for t in part.fed]
            self._values.update(zip(part.tensors, self._session._run_part(part, part.fed, values)))
        self._fed_before = self._fed = fed
        self._pending.difference_update(tensors)
        return [self._values[tensor] for tensor in tensors]


class PartialRuns:
    """The evaluations in parts that a session has begun."""

    def __init__(self, session):
        self._session = session
        self._schedules = {}
        self._evaluations = {}
        self._numbers = itertools.count()

    def set_up(self, fetches, feeds):
        graph = self._session.graph
        tensors = []
        for feed in feeds if isinstance(feeds, (list, tuple)) else [] if feeds is None else [feeds]:
            for part in expand_feed(feed):
                tensors.append(feed_tensor(graph, part, "feed_list key"))
        mapped = FetchMap(graph, fetches)
        if not mapped.tensors and not mapped.targets:
            raise _invalid("Must specify at least one target to fetch or execute.")
        for i, tensor in enumerate(tensors):
            if tensor in tensors[:i]:
                raise _invalid(f'Endpoint "{tensor.name}" fed more than once.')
            if tensor in mapped.tensors:
                raise _invalid(f"{tensor.name} is both fed and fetched.")
        schedule = self._schedule(mapped, tensors)
        names = [",".join(e.name for e in elements) for elements in (tensors, mapped.tensors, mapped.targets)]
        handle = f"{names[0]}->{names[1]}/{names[2]}/1/;{next(self._numbers)}"
        self._evaluations[handle] = _Evaluation(self._session, schedule)
        return handle

    def _schedule(self, mapped, feeds):
        key = tuple(mapped.tensors), tuple(mapped.targets), tuple(feeds), self._session.graph.version
        schedule = self._schedules.pop(key, None)
        if schedule is None:
            schedule = _Schedule(mapped.tensors, mapped.targets, feeds)
        self._schedules[key] = schedule
        if len(self._schedules) > _MOST_SCHEDULES:
            del self._schedules[next(iter(self._schedules))]
        return schedule

    def run(self, handle, fetches, feed_dict):
        session = self._session
        pairs = resolve_feeds(session.graph, session._feed_dict(feed_dict))
        feeds = {tensor: convert_feed(tensor, value) for tensor, value in pairs}
        mapped = FetchMap(session.graph, fetches)
        if mapped.targets:
            raise RuntimeError("partial_run() requires empty target_list.")
        if not mapped.tensors and not feeds:
            return mapped.rebuild([])
        evaluation = self._evaluations.get(handle)
        if evaluation is None:
            raise _invalid("Must run 'setup' before performing partial runs!")
        evaluation.check(mapped.tensors, feeds)
        try:
            values = evaluation.run(mapped.tensors, feeds)
        except BaseException:
            self._evaluations.pop(handle, None)
            raise
        if evaluation.is_over:
            self._evaluations.pop(handle, None)
        return mapped.rebuild(values)
