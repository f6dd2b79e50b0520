"""`ShapeContext`: what a shape function may ask while a graph is built, and the values known by then."""

from __future__ import annotations

import numpy as np

from .._core import LeaveShapeFunction, ShapeContextFields, shape_inference
from ..shapes import MOST_SIZES, UNKNOWN, text

_LARGEST_FOLDED = 1024  # elements of a tensor whose values are worked out from its inputs'
_DEEPEST_FOLDED = 64  # ops between a tensor and the constants it is worked out from

# Ops of whose outputs some elements may be known where others are not; what computes with sizes knows all of them or none, as in
# TensorFlow: a shape that says more at one place than at another would be refused by a loop that both flow into.
_PARTLY_KNOWN = frozenset(("Shape", "ShapeN", "Pack", "Concat", "ConcatV2", "StridedSlice"))
_MASKS_OF_RANK = ("shrink_axis_mask", "new_axis_mask", "ellipsis_mask")  # a slice with one of these is known as a whole


class ShapeContext(ShapeContextFields):
    """The static shapes and values of one operation's inputs. docs/architecture.md lists the calls."""

    __slots__ = ()

    # --- what is known --------------------------------------------------------------------------------

    @property
    def inputs(self):
        return self.op.inputs

    @property
    def outputs(self):
        return self.op.outputs

    def dtype(self, i):
        return self.op.inputs[i].dtype

    def has_constant(self, i):
        """Whether the value of input i is known."""
        return self._constant(i) is not None

    def constant(self, i):
        """The value of input i; where it is not known the function is left."""
        value = self._constant(i)
        if value is None:
            raise LeaveShapeFunction
        return value

    def _constant(self, i):
        value = partial_value(self.op.inputs[i], self._depth)
        return None if value is None or not is_known(value) else value

    def value(self, i):
        """The elements of input i as ints and UNKNOWN, or None."""
        return partial_value(self.op.inputs[i], self._depth)

    def sizes(self, i, count=None):
        """The elements of the integer input i as sizes; where not even their number, `count` if given, is known it is left."""
        value = partial_value(self.op.inputs[i], self._depth)
        if value is not None:
            if value.dtype.hasobject:
                return tuple([d if d is UNKNOWN else int(d) for d in value.ravel()])
            return tuple(value.ravel().astype(np.int64).tolist())
        shape = self.op.inputs[i]._shape
        if shape is None and i in self.op.op_def.ranks:
            shape = (UNKNOWN,) * self.op.op_def.ranks[i]  # another rank is refused in the run
        if shape == ():
            return (UNKNOWN,)
        if shape is None or len(shape) != 1 or (shape[0] is UNKNOWN and count is None):
            raise LeaveShapeFunction
        number = count if shape[0] is UNKNOWN else shape[0]
        if number > MOST_SIZES:
            raise LeaveShapeFunction
        return (UNKNOWN,) * number

    # --- what follows ---------------------------------------------------------------------------------

    def fallback(self, *shapes):
        """What the outputs' shapes are where the function is left: shapes, or an int for the rank of that input."""
        found = []
        for shape in shapes:
            if isinstance(shape, int):
                shape = self.op.inputs[shape]._shape
                shape = None if shape is None else (UNKNOWN,) * len(shape)
            found.append(shape)
        self._fallback = found

    def new_size(self, bound=None):
        """A size that only running tells."""
        return UNKNOWN

    def computed(self, i):
        """False: whether the elements of input i are computed in the run is asked when a plan is made."""
        return False

    def infer(self, total, known):
        """The dimension that -1 stands for: total / known.

        Raises:
          ValueError: where the division is not exact.
        """
        if total is UNKNOWN or known is UNKNOWN or known == 0:
            return UNKNOWN
        if total % known:
            self.fail(f"Dimension size must be evenly divisible by {known} but is {total}")
        return total // known

    def maximum(self, a, b):
        return UNKNOWN if a is UNKNOWN or b is UNKNOWN else max(a, b)

    def minimum(self, a, b):
        return UNKNOWN if a is UNKNOWN or b is UNKNOWN else min(a, b)

    def wrap(self, a, d):
        """The place that an index counted from the end, where it is negative, stands for."""
        if a is UNKNOWN or a >= 0:
            return a
        return a + d

    def or_else(self, a, b):
        """a, or b where a is -1."""
        return b if a is not UNKNOWN and a == -1 else a

    def index(self, a, d):
        """The place of element a of an axis of d elements.

        Raises:
          ValueError: where there is none.
        """
        if a is UNKNOWN or d is UNKNOWN:
            return UNKNOWN
        if not -d <= a < d:
            self.fail(f"slice index {a} out of bounds of an axis of {d} elements")
        return a % d

    def within(self, a, b):
        """a, which must lie in [0, b].

        Raises:
          ValueError: where it is known not to.
        """
        if a is not UNKNOWN and (a < 0 or (b is not UNKNOWN and a > b)):
            self.fail(f"Expected a size in [0, {b}], but got {a}")
        return a

    def natural(self, a):
        """a, which must not be negative."""
        return UNKNOWN if a is not UNKNOWN and a < 0 else a

    def may_be_negative(self, a):
        """Whether a is known to be negative: what is not known is taken for an extent."""
        return a is not UNKNOWN and a < 0

    def fail_in_run(self, text):
        """Refuses the inputs where the op is run: while a graph is built nothing happens."""

    def fail(self, text):
        """Refuses the inputs; the op's name and its inputs' shapes are added to the text.

        Raises:
          ValueError: always.
        """
        raise ValueError(text)


def describe_failure(op, error):
    """The text of an error about an operation's inputs."""
    shapes = ", ".join(text(t._shape) for t in op.inputs)
    where = op._location
    line = f" Created at {where[0]}:{where[1]}." if where else ""
    return f"{str(error).rstrip('.')} for '{op.name}' (op: '{op.type}') with input shapes: {shapes}.{line}"


class _StaticValue:
    """An input or output as reference functions see it."""

    __slots__ = ("dtype", "shape")

    def __init__(self, tensor):
        self.dtype = tensor.dtype.base_dtype
        self.shape = tensor._shape


class StaticNode:
    """An operation as reference functions see it."""

    __slots__ = ("op", "attrs")

    def __init__(self, op):
        self.op = op
        self.attrs = op._attrs

    @property
    def op_def(self):
        return self.op.op_def

    @property
    def name(self):
        return self.op.name

    @property
    def inputs(self):
        return [_StaticValue(t) for t in self.op.inputs]

    @property
    def outputs(self):
        return [_StaticValue(t) for t in self.op.outputs]


def is_known(value):
    """Whether an array has no UNKNOWN among its elements."""
    return not value.dtype.hasobject or not any(d is UNKNOWN for d in value.ravel())


def partial_value(tensor, depth=0):
    """What is known of a tensor's value before the graph runs.

    Returns:
      An array; an object array with UNKNOWN elements where only some are known; or None.
    """
    op = tensor.op
    if op.type == "Const":
        return op._attrs["value"]
    op_def = op.op_def
    if depth >= _DEEPEST_FOLDED or not (op_def.symbolic or op_def.value is not None or _is_foldable(op)):
        return None
    if any(_too_large(output) for output in op.outputs):
        return None
    memo = op._known_values
    if memo is None:
        values = _values(op, depth + 1)
        if values is None:
            return None
        memo = [_normal(v, t) for v, t in zip(values, op.outputs)]
        if all(v is not None and is_known(v) for v in memo):
            op._known_values = memo
    return memo[tensor.value_index]


def _values(op, depth):
    op_def = op.op_def
    if op_def.value is not None:
        try:
            values = op_def.value(ShapeContext(op, depth))
        except LeaveShapeFunction:
            return None
        values = [values] if isinstance(values, np.ndarray) or values is None else values
        return values if op.type in _PARTLY_KNOWN else [v if v is None or is_known(v) else None for v in values]
    partly = op.type in _PARTLY_KNOWN and not any(map(op._attrs.get, _MASKS_OF_RANK))
    arrays = []
    for i, tensor in enumerate(op.inputs):
        if _too_large(tensor):
            return None
        if not partly or (op.type == "StridedSlice" and i > 0):
            array = partial_value(tensor, depth)
        else:
            array = _part(op, tensor, depth)
        if array is None or not (partly or (is_known(array) and _rests_on_constants(tensor))):
            return None
        arrays.append(array)
    try:
        with np.errstate(all="ignore"):
            values = op_def.reference(StaticNode(op), *arrays)
    except Exception:
        return (
            None  # elements that are not known take part in what needs them, or the op fails: in the run, if it is run
        )
    return list(values) if isinstance(values, (tuple, list)) else [values]


def _rests_on_constants(tensor):
    """Whether all that a known value is taken from is known, and not only the elements that it has."""
    op = tensor.op
    if op.type == "Enter":  # what enters a loop is known to those that take parts of it, and to no other
        return False
    if op.type in ("Shape", "ShapeN"):
        return all(t._shape is not None and all(isinstance(d, int) for d in t._shape) for t in op.inputs)
    return op.type not in _PARTLY_KNOWN or all(_rests_on_constants(t) for t in op.inputs)


def _part(op, tensor, depth):
    """What is known of an element of a stack, of a part of a concatenation or of what is sliced.

    The other elements of a stack and parts of a concatenation are worth knowing where nothing is known of one.
    """
    # A constant that enters a loop is one inside.
    entered = tensor.op.type == "Enter"
    source = tensor.op.inputs[0] if entered else tensor
    array = partial_value(source, depth)
    wants_all = entered or op.type == "Pack"
    if array is not None and (not wants_all or (is_known(array) and _rests_on_constants(source))):
        return array
    if op.type == "StridedSlice":
        return None
    shape = tensor._shape
    sizes_known = (
        shape == () if op.type == "Pack" else shape is not None and len(shape) == 1 and isinstance(shape[0], int)
    )
    return np.full(shape, UNKNOWN, object) if sizes_known and tensor.dtype.base_dtype.is_integer else None


def _is_foldable(op):
    """Whether an op's small outputs follow from its inputs alone."""
    op_def = op.op_def
    if op_def.reference is None or op_def.stateful or op_def.host is not None or op_def.writes or op_def.reads:
        return False
    if op.type == "PlaceholderWithDefault":  # a run may feed it
        return False
    return not any(
        t._shape is None or not all(isinstance(d, int) for d in t._shape) or _too_large(t) for t in op.inputs
    )


def _too_large(tensor):
    shape = tensor._shape
    if not shape:
        return False
    total = 1
    for d in shape:
        total *= d if isinstance(d, int) else 1
    return total > _LARGEST_FOLDED


def _normal(value, tensor):
    if value is None:
        return None
    value = np.asarray(value)
    if value.dtype.hasobject and tensor.dtype.base_dtype.name != "string" and is_known(value):
        value = value.astype(tensor.dtype.as_numpy_dtype)
    return value


shape_inference(ShapeContext, describe_failure, UNKNOWN, text)
