"""Which ops of a step come before those that wait: for an element of a queue or a staging area, or for gradients.

TensorFlow runs ops side by side, so a step may give what it waits for itself, and it ends where another of its ops fails. Here
one op is run after the other: what is given comes before what waits for it, and whoever waits looks at what would fail behind it.
"""

from __future__ import annotations

import numpy as np

from ..ops.tensor_util import constant_value
from ..ops.variable_key import VARIABLES, variable_key

# What waits -> what gives it.
_GIVERS = {
    "Unstage": ("Stage",),
    **dict.fromkeys(("MapUnstage", "MapUnstageNoKey"), ("MapStage",)),
    **dict.fromkeys(("OrderedMapUnstage", "OrderedMapUnstageNoKey"), ("OrderedMapStage",)),
    **dict.fromkeys(
        ("QueueDequeueV2", "QueueDequeueManyV2", "QueueDequeueUpToV2"),
        ("QueueEnqueueV2", "QueueEnqueueManyV2", "QueueCloseV2"),
    ),
    "BarrierTakeMany": ("BarrierInsertMany", "BarrierClose"),
    "ResourceAccumulatorTakeGradient": ("ResourceAccumulatorApplyGradient",),
    "SparseAccumulatorTakeGradient": ("SparseAccumulatorApplyGradient",),
}
_WAITS_FOR_ROOM = frozenset(("Stage", "MapStage", "OrderedMapStage", "QueueEnqueueV2", "QueueEnqueueManyV2"))
_MAP_OPS = ("Stage", "Unstage", "UnstageNoKey", "Size", "IncompleteSize")
_AREAS = {  # kinds of staging areas -> the ops of each
    "stage": ("Stage", "Unstage", "StageSize"),
    **{kind: tuple(kind + name for name in _MAP_OPS) for kind in ("Map", "OrderedMap")},
}
_OF_AREAS = [kind for types in _AREAS.values() for kind in types]
_SIZES = frozenset(kind for kind in _OF_AREAS if kind.endswith("Size"))
_CHANGES = frozenset(_OF_AREAS) - _SIZES
_WITHOUT_COUNTERS = ("Barrier", "Unstage", "MapUnstage", "OrderedMapUnstage", "SparseAcc", "ResourceAcc")
_HANDED_ON = frozenset(("Enter", "RefEnter", "Identity", "Switch", "RefSwitch"))


class Waiting:
    """What is known of a step's ops that wait, once `order` has been called.

    Attributes:
      room: op that gives -> for how many elements behind it the step makes room itself, as an array without axes.
      counters: op that waits -> the `Counter`s of the step that come behind it.
    """

    def __init__(self):
        self.room = {}
        self.counters = {}

    def extra_input(self, op):
        """What the function of an op gets behind its inputs, as an array without axes; or None."""
        found = self.room.get(op)
        return self.counters.get(op) if found is None else found

    def order(self, raised):
        """Adds to the units of a `RaisedGraph` what comes before whom."""
        if not raised.kinds.isdisjoint(_SIZES):
            self._size_first(raised)
        if raised.kinds.isdisjoint(_GIVERS):
            return
        takers = [op for op in raised.needed if op.type in _GIVERS]
        givers = {}
        types = {kind for op in takers for kind in _GIVERS[op.type]}
        for op in raised.needed:
            if op.type in types:
                givers.setdefault(_place(op), []).append(op)
        pairs = [(give, take) for take in takers for give in givers.get(_place(take), ())]
        # what the program itself puts behind a giver takes nothing while the giver waits
        unit_of = raised.unit_of
        behind = {pair for pair in pairs if waits_for(unit_of[pair[1]], unit_of[pair[0]])}
        for give, take in pairs:
            self._order_pair(give, take, unit_of, makes_room=(give, take) not in behind)
        self._find_counters(raised, takers)

    @staticmethod
    def _size_first(raised):
        """How many elements an area has is asked before the step changes it, as a variable is read that has no path from a write."""
        for size in [op for op in raised.needed if op.type in _SIZES]:
            first = raised.unit_of[size]
            for op in raised.needed:
                if op.type in _CHANGES and _place(op) == _place(size):
                    second = raised.unit_of[op]
                    if first.region is second.region and not waits_for(first, second):
                        second.before.add(first)

    def _order_pair(self, give, take, unit_of, makes_room):
        first, second = unit_of[give], unit_of[take]
        if first is second or first.region is not second.region or waits_for(first, second):
            return
        second.before.add(first)
        if makes_room and give.type in _WAITS_FOR_ROOM:
            self.room[give] = np.array(int(self.room.get(give, 0)) + _taken_by(take))

    def _find_counters(self, raised, takers):
        counts = [op for op in raised.needed if op.type in ("CountUpTo", "ResourceCountUpTo")]
        root = raised.root_region
        for count in counts:
            counter, unit = Counter(count), raised.unit_of[count]
            if unit.region is not root or not counter.is_alone(raised.needed):
                continue
            for take in takers:
                waiting = raised.unit_of[take]
                if waiting.region is root and not take.type.startswith(_WITHOUT_COUNTERS):
                    if not waits_for(waiting, unit):
                        unit.before.add(waiting)
                        self._add_counter(take, counter)

    def _add_counter(self, take, counter):
        before = self.counters.get(take)
        found = [*(before.item() if before is not None else ()), counter]
        self.counters[take] = box = np.empty((), object)
        box[()] = found


class Counter:
    """An op that counts up to a limit, behind an op that waits.

    Args:
      op: the op.

    Attributes:
      op: the op.
      key: its variable's.
      limit: where counting ends.
    """

    def __init__(self, op):
        self.op = op
        self._variable = _origin(op.inputs[0])
        self.key = variable_key(self._variable) if self._variable.type in VARIABLES else None
        self.limit = op.get_attr("limit")

    def is_alone(self, ops):
        """Whether no other op of the step writes the variable."""
        return self.key is not None and not any(
            op is not self.op and any(self._is_mine(op.inputs[i]) for i in op.op_def.written(op)) for op in ops
        )

    def _is_mine(self, tensor):
        origin = _origin(tensor)
        return origin.type not in VARIABLES or variable_key(origin) == self.key


def waits_for(unit, other):
    """Whether a unit comes behind another of its region."""
    seen, stack = {unit}, [unit]
    while stack:
        for before in stack.pop().before:
            if before is other:
                return True
            if before not in seen:
                seen.add(before)
                stack.append(before)
    return False


def _place(op):
    """What an op gives to or takes from: equal for the same queue, area or accumulator."""
    for kind, types in _AREAS.items():
        if op.type in types:
            return kind, op.get_attr("shared_name")
    holder = _origin(op.inputs[0])
    return holder.type, holder._attrs.get("shared_name") or holder.name


def _origin(tensor):
    op = tensor.op
    while op.type in _HANDED_ON and op.inputs:
        op = op.inputs[0].op
    return op


def _taken_by(take):
    """How many elements an op takes; 1 where only the run tells."""
    if take.type not in ("QueueDequeueManyV2", "QueueDequeueUpToV2"):
        return 1
    count = constant_value(take.inputs[1])
    return 1 if count is None else max(int(count), 0)
