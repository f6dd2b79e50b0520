"""What an op's shape function says of the arrays that the reference executor runs it on: they are refused as a plan refuses them."""

from __future__ import annotations

import numpy as np

from ._core import LeaveShapeFunction
from .compile.node import Unfit
from .ops.mismatches import explained
from .ops.shape_context import partial_value
from .shapes import UNKNOWN

__all__ = ["check_shapes"]


class _Open:
    """A size that the graph leaves open, and its value in this run: no int, so that shape functions treat it as plans do."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = int(value)

    def __eq__(self, other):
        return isinstance(other, _Open) and self.value == other.value

    def __hash__(self):
        return hash(self.value)


def _value(size):
    return size.value if isinstance(size, _Open) else size


def _arithmetic(name):
    plain = getattr(int, name)

    def operator(self, other=0):
        return UNKNOWN if other is UNKNOWN else _Open(plain(self.value, _value(other)))

    return operator


def _quotient(name):
    plain = getattr(int, name)

    def operator(self, other):
        if other is UNKNOWN:
            return UNKNOWN
        divisor = self.value if name.startswith("__r") else _value(other)
        return _Open(plain(self.value, _value(other)) if divisor else 0)

    return operator


for _name in ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__"):
    setattr(_Open, _name, _arithmetic(_name))
for _name in ("__floordiv__", "__rfloordiv__", "__mod__", "__rmod__"):
    setattr(_Open, _name, _quotient(_name))
_Open.__neg__ = lambda size: _Open(-size.value)


def check_shapes(op, arrays):
    """Runs the shape function of an op on its inputs.

    Args:
      op: the operation.
      arrays: its inputs; None for one that is not to be looked at.

    Raises:
      ValueError: they do not fit, in the words of a plan.
    """
    function = op.op_def.shape
    if function is None or any(array is None for array in arrays):
        return
    context = _RunContext(op, arrays)
    try:
        function(context)
    except LeaveShapeFunction:
        return
    except Unfit as error:
        raise ValueError(explained(op, [np.shape(a) for a in arrays], str(error), error.sizes)) from None


class _RunContext:
    """A `ShapeContext` of which everything is known: `compile/node.py` has the one of plans, whose words these are."""

    __slots__ = ("_arrays", "op")

    def __init__(self, op, arrays):
        self.op = op
        self._arrays = arrays

    @property
    def inputs(self):
        return self.op.inputs

    @property
    def outputs(self):
        return self.op.outputs

    def attr(self, name):
        return self.op.get_attr(name)

    def known(self, i):
        return True

    def shape(self, i):
        return tuple(_as_known(self.op.inputs[i]._shape, np.shape(self._arrays[i])))

    def dtype(self, i):
        return self.op.inputs[i].dtype

    def has_constant(self, i):
        return True

    def constant(self, i):
        return np.asarray(self._arrays[i])

    def value(self, i):
        known = partial_value(self.op.inputs[i])
        sizes = np.empty(np.shape(self._arrays[i]), object)
        sizes.ravel()[:] = _as_known(None if known is None else known.ravel(), np.ravel(self._arrays[i]).tolist())
        return sizes

    def sizes(self, i, count=None):
        return tuple(self.value(i).ravel())

    def computed(self, i):
        return False

    def new_size(self, bound=None):
        return UNKNOWN

    def fallback(self, *_):
        return None

    def fail(self, text):
        raise ValueError(text)

    fail_in_run = fail

    def merge(self, a, b):
        if UNKNOWN is a or UNKNOWN is b:
            return b if a is UNKNOWN else a
        if _value(a) != _value(b):
            raise Unfit(f"sizes {_value(a)} and {_value(b)} do not fit", _value(a), _value(b))
        return a if isinstance(a, int) else b

    def merge_shapes(self, s, t):
        if s is None or t is None:
            return t if s is None else s
        if len(s) != len(t):
            raise Unfit(f"shapes {s} and {t} must have the same rank")
        return tuple(self.merge(a, b) for a, b in zip(s, t))

    def broadcast(self, s, t):
        if s is None or t is None:
            return None
        rank = max(len(s), len(t))
        s, t = (1,) * (rank - len(s)) + tuple(s), (1,) * (rank - len(t)) + tuple(t)
        return tuple(self._broadcast_size(a, b) for a, b in zip(s, t))

    def _broadcast_size(self, a, b):
        if a is UNKNOWN or b is UNKNOWN:
            return UNKNOWN
        if _value(a) == 1:
            return b
        return a if _value(b) == 1 else self.merge(a, b)

    def infer(self, total, known):
        if total is UNKNOWN or known is UNKNOWN:
            return UNKNOWN
        a, b = _value(total), _value(known)
        if a % b if b else a:
            raise Unfit(f"sizes {a} and {b} do not fit", a, b)
        return _Open(a // b if b else 0)

    def maximum(self, a, b):
        return UNKNOWN if a is UNKNOWN or b is UNKNOWN else max(a, b, key=_value)

    def minimum(self, a, b):
        return UNKNOWN if a is UNKNOWN or b is UNKNOWN else min(a, b, key=_value)

    def wrap(self, a, d):
        return a if a is UNKNOWN or _value(a) >= 0 else a + d

    def or_else(self, a, b):
        return b if a is not UNKNOWN and _value(a) == -1 else a

    def index(self, a, d):
        if a is UNKNOWN or d is UNKNOWN:
            return UNKNOWN
        at, count = _value(a), _value(d)
        if not -count <= at < count:
            raise Unfit(f"slice index {at} out of bounds of an axis of {count} elements", at, count)
        return self.wrap(a, d)

    def within(self, a, b):
        if a is not UNKNOWN and b is not UNKNOWN and not 0 <= _value(a) <= _value(b):
            raise Unfit(f"Expected a size in [0, {_value(b)}], but got {_value(a)}", _value(a), _value(b))
        return a

    def natural(self, a):
        if a is not UNKNOWN and _value(a) < 0:
            raise Unfit(f"a size must not be negative, got {_value(a)}", _value(a))
        return a

    def step(self, a):
        if a is not UNKNOWN and not _value(a):
            raise Unfit("strides must be non-zero", 0)
        return -a if a is not UNKNOWN and _value(a) < 0 else a

    def once(self, times):
        return times

    def may_be_negative(self, a):
        return a is not UNKNOWN and _value(a) < 0

    def decide(self, d):
        return _value(d)


def _as_known(static, found):
    """The sizes found in a run: ints where the graph says them, open ones elsewhere."""
    if static is None or len(static) != len(found):
        return [_Open(n) for n in found]
    return [int(n) if s is not UNKNOWN else _Open(n) for s, n in zip(static, found)]
