"""Elementwise arithmetic, comparison and logic of two operands."""

from __future__ import annotations

import builtins

import numpy as np

from .. import dtypes
from ..graph.scopes import control_dependencies, name_scope
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..shapes import is_defined
from . import kinds
from .array import ones_like, reshape, shape, shape_internal, zeros, zeros_like
from .build import apply_op, convert_to_tensor
from .math_unary import conjugated
from .reference_node import ReferenceNode
from .registry import OpDef, no_gradient, register
from .shape_functions import broadcast

__all__ = [
    "add", "atan2", "div", "div_no_nan", "divide", "equal", "floor_div", "floordiv", "floormod",
    "greater", "greater_equal", "less", "less_equal", "logical_and", "logical_or", "logical_xor",
    "maximum", "minimum", "mod", "multiply", "not_equal", "pow", "realdiv", "scalar_mul",
    "squared_difference", "subtract", "truediv", "truncatediv", "truncatemod",
]  # fmt: skip


# --- gradients --------------------------------------------------------------------------------------------


def _known_equal(*tensors):
    """Whether all shapes are fully known and the same."""
    first = tensors[0]._shape
    return is_defined(first) and all(
        getattr(t, "_shape", None) == first for t in tensors[1:]
    )  # a gradient may be sparse


class _Broadcast:
    """The axes over which the gradients of two broadcast operands are summed."""

    def __init__(self, op):
        self.sx, self.sy = shape(op.inputs[0]), shape(op.inputs[1])
        self.rx, self.ry = apply_op("BroadcastGradientArgs", [self.sx, self.sy])

    def first(self, gradient):
        return _sum_to(gradient, self.rx, self.sx)

    def second(self, gradient):
        return _sum_to(gradient, self.ry, self.sy)


class _KnownBroadcast(_Broadcast):
    """The same where TensorFlow spares nodes: a shape that the gradient has already is not summed to.

    Of operands whose shapes are known the axes are constants, and the node that tells them is made once in a graph.
    """

    def __init__(self, op, grad):
        x, y = op.inputs
        if is_defined(x._shape) and is_defined(y._shape):
            self.sx, self.sy = x._shape, y._shape
            self.rx, self.ry = _known_axes(x._shape, y._shape)
            form = getattr(grad, "_shape", None)  # a sparse gradient has none
            self._sums = (x._shape != form, y._shape != form)
        else:
            self.sx, self.sy = shape_internal(x, optimize=False), shape_internal(y, optimize=False)
            self.rx, self.ry = apply_op("BroadcastGradientArgs", [self.sx, self.sy])
            self._sums = (True, True)

    def first(self, gradient):
        return super().first(gradient) if self._sums[0] else gradient

    def second(self, gradient):
        return super().second(gradient) if self._sums[1] else gradient


def _known_axes(x, y):
    cache = get_default_graph()._broadcast_axes
    axes = cache.get((x, y))
    if axes is None:
        apply_op("BroadcastGradientArgs", [np.array(x, np.int32), np.array(y, np.int32)])
        axes = cache[(x, y)] = _summed_axes(x, y)
    return axes


def _broadcasts(sx, sy):
    return all(a == b or a == 1 or b == 1 for a, b in zip(sx[::-1], sy[::-1]))


def _summed_axes(sx, sy):
    """The axes over which the gradients of operands of these shapes are summed."""
    rank = builtins.max(len(sx), len(sy))
    sx, sy = [1] * (rank - len(sx)) + list(sx), [1] * (rank - len(sy)) + list(sy)
    pairs = list(enumerate(zip(sx, sy)))
    return [i for i, (a, b) in pairs if a == 1 and (b != 1 or a == b)], [i for i, (a, b) in pairs if b == 1]


def _sum_to(gradient, axes, shape):
    from .reduce import reduce_sum

    return reshape(reduce_sum(gradient, axes), shape)


def _add_gradient(op, grad):
    if _known_equal(*op.inputs, grad):
        return [grad, grad]
    sums = _KnownBroadcast(op, grad)
    return [sums.first(grad), sums.second(grad)]


def _sub_gradient(op, grad):
    if _known_equal(*op.inputs, grad):
        return [grad, -grad]
    sums = _KnownBroadcast(op, grad)
    first = sums.first(grad)
    return [first, sums.second(-grad)]


def _mul(x, y):
    return apply_op("Mul", [x, y])


def _mul_gradient(op, grad):
    x, y = op.inputs
    if _known_equal(x, y, grad) and grad.dtype in (dtypes.int32, dtypes.float32):
        return [_mul(grad, y), _mul(grad, x)]
    sums = _KnownBroadcast(op, grad)
    x, y = conjugated(x), conjugated(y)
    first = sums.first(_mul(grad, y))
    return [first, sums.second(_mul(x, grad))]


def _mul_no_nan_gradient(op, grad):
    x, y = op.inputs
    if _known_equal(x, y, grad):
        return [apply_op("MulNoNan", [grad, y]), apply_op("MulNoNan", [x, grad])]
    sums = _Broadcast(op)
    first = sums.first(apply_op("MulNoNan", [grad, y]))
    return [first, sums.second(apply_op("MulNoNan", [x, grad]))]


def _quotient_gradient(type):
    """The gradient of x / y for a kind of division."""

    def gradient(op, grad):
        x, y = op.inputs
        sums = _Broadcast(op)
        x, y = conjugated(x), conjugated(y)
        over = div_no_nan if type == "DivNoNan" else lambda x, y: apply_op(type, [x, y])
        first = sums.first(over(grad, y))
        quotient = over(over(-x, y), y)
        return [first, sums.second(grad * quotient)]

    return gradient


def _floor_mod_gradient(op, grad):
    x, y = op.inputs
    sums = _Broadcast(op)
    quotient = apply_op("FloorDiv", [x, y])
    first = sums.first(grad)
    return [first, sums.second(grad * -quotient)]


def _pow_gradient(op, grad):
    from .math_unary import log
    from .select import where

    x, y = op.inputs
    sums = _KnownBroadcast(op, grad)
    x, y = conjugated(x), conjugated(y)
    first = sums.first(grad * y * pow(x, y - 1))
    z = conjugated(op.outputs[0])
    mask = apply_op("NotEqual", [x, zeros_like(x)]) if x.dtype.is_complex else x > 0
    safe = where(mask, x, ones_like(x))
    log_x = where(mask, log(safe), zeros_like(x))
    return [first, sums.second(grad * z * log_x)]


def _extremum_gradient(comparison):
    """The gradient of a maximum or minimum flows to the operand that it was."""

    def gradient(op, grad):
        from .select import where

        x, y = op.inputs
        sums_x, sums_y, form = shape(x), shape(y), shape(grad)
        none = zeros(form, grad.dtype)
        mask = apply_op(comparison, [x, y])
        rx, ry = apply_op("BroadcastGradientArgs", [sums_x, sums_y])
        first = _sum_to(where(mask, grad, none), rx, sums_x)
        return [first, _sum_to(where(mask, none, grad), ry, sums_y)]

    return gradient


def _squared_difference_gradient(op, grad):
    x, y = op.inputs
    with control_dependencies([grad]):
        slope = scalar_mul(2.0, grad) * (x - y)
    if _known_equal(x, y, grad):
        return [slope, -slope]
    sums = _KnownBroadcast(op, grad)
    first = sums.first(slope)
    return [first, -sums.second(slope)]


def _atan2_gradient(op, grad):
    from .math_unary import square

    y, x = op.inputs
    with control_dependencies([grad]):
        inverse = grad / (square(x) + square(y))
        first, second = x * inverse, -y * inverse
    if _known_equal(y, x, grad):
        return [first, second]
    sums = _Broadcast(op)
    return [sums.first(first), sums.second(second)]


def _xdivy_gradient(op, grad):
    from .math_unary import negative

    x, y = op.inputs
    sums = _Broadcast(op)
    with control_dependencies([grad]):
        slopes = xdivy(_indicator(x), y), xdivy(negative(x), y**2)
        first = sums.first(slopes[0] * grad)
        return [first, sums.second(slopes[1] * grad)]


def _xlogy_gradient(op, grad):
    x, y = op.inputs
    sums = _Broadcast(op)
    with control_dependencies([grad]):
        slopes = xlogy(_indicator(x), y), xdivy(x, y)
        first = sums.first(slopes[0] * grad)
        return [first, sums.second(slopes[1] * grad)]


def _indicator(x):
    """1 where x is not 0."""
    from .cast import cast

    return cast(not_equal(x, cast(0.0, x.dtype)), x.dtype)


# --- references -------------------------------------------------------------------------------------------


def _plain(function):
    return lambda node, x, y: function(x, y)


def _shifted(function):
    """By none at least and all bits but one at most, as in TensorFlow."""
    return lambda node, x, y: function(x, np.clip(y, 0, 8 * y.dtype.itemsize - 1))


def _maximum(node, x, y):
    return np.maximum(x, y)


def _truncate_div(x, y):
    _refuse_zero(x, y)
    quotient = x // y
    return (quotient + ((quotient < 0) & (quotient * y != x))).astype(x.dtype)


def _refuse_zero(x, y):
    y = np.asarray(y)
    if y.dtype.kind in "iu" and np.size(x) and not np.all(y):
        raise ZeroDivisionError("Integer division by zero")


def _div(node, x, y):
    return _truncate_div(x, y) if np.asarray(x).dtype.kind in "iu" else np.divide(x, y)


def _floor_div(node, x, y):
    _refuse_zero(x, y)
    return np.floor(np.divide(x, y)) if np.asarray(x).dtype.kind == "f" else x // y


def _floor_mod(node, x, y):
    _refuse_zero(x, y)
    return np.mod(x, y) if np.asarray(x).dtype.kind == "f" else x % y


def _truncate_mod(node, x, y):
    _refuse_zero(x, y)
    return np.fmod(x, y)


def _zero_where(function, when):
    """0 where `when` says so, whatever the function gives there."""

    def reference(node, x, y):
        x, y = np.broadcast_arrays(x, y)
        return np.where(when(x, y), np.zeros((), x.dtype), function(x, y)).astype(x.dtype)

    return reference


def _pow(node, x, y):
    if np.asarray(x).dtype.kind == "i" and np.any(np.asarray(y) < 0):
        raise ValueError("Integers to negative integer powers are not allowed")
    return np.power(x, y)


def _same_shape(c):
    if c.known(0) and c.known(1) and len(c.shape(0)) != len(c.shape(1)):
        c.fail(f"Shapes must be equal rank, but are {len(c.shape(0))} and {len(c.shape(1))}")
    return c.merge_shapes(c.shape(0), c.shape(1)) if c.known(0) and c.known(1) else c.shape(int(not c.known(0)))


def _approximate_lower(c, node):
    (x, y), (out,) = node.inputs, node.outputs
    difference = c.temp(x.dtype, out.shape)
    c.emit("sub", [x, y], [difference], views="any")
    size = difference
    if x.dtype in kinds.COMPLEX:
        size = c.temp(x.dtype.real_dtype, out.shape)
        c.emit("complex_abs", [difference], [size], views="any")
    elif x.dtype not in kinds.UNSIGNED:
        size = c.temp(x.dtype, out.shape)
        c.emit("abs", [difference], [size], views="any")
    tolerance = np.array(node.attrs["tolerance"], np.float32).astype(size.dtype.as_numpy_dtype)
    c.emit("less", [size, c.literal(tolerance)], [out], views="any")


def _approximate_reference(node, x, y):
    size = np.abs(x - y)
    return size < np.float32(node.attrs["tolerance"]).astype(size.dtype)


# --- definitions ------------------------------------------------------------------------------------------


def _binary(name, kernel, reference, allowed, gradient, inputs="x: T, y: T", **more):
    return OpDef(name, inputs, "z: T", types={"T": allowed}, shape=broadcast, kernel=kernel,
                 reference=reference, gradient=gradient, overwrites=(0, 1), views="any", **more)  # fmt: skip


def _comparison(name, kernel, reference, allowed, **more):
    return OpDef(name, "x: T, y: T", "z: bool", types={"T": allowed}, shape=broadcast, kernel=kernel,
                 reference=_plain(reference), gradient=no_gradient, views="any", **more)  # fmt: skip


_ANY = kinds.NUMBER | kinds.BOOL
_TEXT = frozenset((dtypes.string,))
_QUANTIZED = frozenset((dtypes.qint8, dtypes.quint8, dtypes.qint32))
_NO_NAN = kinds.ANALYTIC - {dtypes.bfloat16}

register(
    _binary("Add", "add", _plain(np.add), kinds.NUMBER | _TEXT, _add_gradient, symbolic=True),
    _binary("AddV2", "add", _plain(np.add), kinds.NUMBER, _add_gradient, symbolic=True),
    _binary("Sub", "sub", _plain(np.subtract), kinds.NUMBER, _sub_gradient, symbolic=True),
    _binary("Mul", "mul", _plain(np.multiply), kinds.NUMBER, _mul_gradient, symbolic=True),
    _binary("MulNoNan", "mul_no_nan", _zero_where(np.multiply, lambda x, y: y == 0), _NO_NAN, _mul_no_nan_gradient),
    _binary("Div", "div", _div, kinds.NUMBER, _quotient_gradient("Div"), can_fail=True),
    _binary("RealDiv", "div", _plain(np.divide), kinds.NUMBER, _quotient_gradient("RealDiv")),
    _binary("TruncateDiv", "div", _div, kinds.NUMBER, no_gradient, can_fail=True),
    _binary("FloorDiv", "floor_div", _floor_div, kinds.REAL, no_gradient, can_fail=True, symbolic=True),
    _binary("FloorMod", "floor_mod", _floor_mod, kinds.REAL, _floor_mod_gradient, can_fail=True, symbolic=True),
    _binary("Mod", "truncate_mod", _truncate_mod, kinds.REAL, None, can_fail=True),
    _binary("TruncateMod", "truncate_mod", _truncate_mod, kinds.REAL, None, can_fail=True),
    _binary("DivNoNan", "div_no_nan", _zero_where(np.divide, lambda x, y: y == 0), _NO_NAN,
            _quotient_gradient("DivNoNan")),
    _binary("Xdivy", "xdivy", _zero_where(np.divide, lambda x, y: x == 0), _NO_NAN, _xdivy_gradient),
    _binary("Xlogy", "xlogy", _zero_where(lambda x, y: x * np.log(y), lambda x, y: x == 0), _NO_NAN, _xlogy_gradient),
    _binary("Pow", "pow", _pow, kinds.NUMBER, _pow_gradient, can_fail=True),
    _binary("Maximum", "maximum", _maximum, kinds.REAL, _extremum_gradient("GreaterEqual"), symbolic=True),
    _binary("Minimum", "minimum", _plain(np.minimum), kinds.REAL, _extremum_gradient("LessEqual"), symbolic=True),
    _binary("SquaredDifference", "squared_difference", lambda node, x, y: (x - y) * np.conj(x - y), kinds.NUMBER,
            _squared_difference_gradient),
    _binary("Atan2", "atan2", _plain(np.arctan2), kinds.FLOAT, _atan2_gradient, "y: T, x: T"),
    _binary("BitwiseAnd", "bitwise_and", _plain(np.bitwise_and), kinds.INTEGER, no_gradient),
    _binary("BitwiseOr", "bitwise_or", _plain(np.bitwise_or), kinds.INTEGER, no_gradient),
    _binary("BitwiseXor", "bitwise_xor", _plain(np.bitwise_xor), kinds.INTEGER, no_gradient),
    _binary("LeftShift", "left_shift", _shifted(np.left_shift), kinds.INTEGER, no_gradient),
    _binary("RightShift", "right_shift", _shifted(np.right_shift), kinds.INTEGER, no_gradient),
    _comparison("Equal", "equal", np.equal, _ANY | _TEXT | _QUANTIZED, attrs={"incompatible_shape_error": True}),
    _comparison("NotEqual", "not_equal", np.not_equal, _ANY | _TEXT | _QUANTIZED, attrs={"incompatible_shape_error": True}),
    _comparison("Less", "less", np.less, kinds.REAL),
    _comparison("LessEqual", "less_equal", np.less_equal, kinds.REAL),
    _comparison("Greater", "greater", np.greater, kinds.REAL),
    _comparison("GreaterEqual", "greater_equal", np.greater_equal, kinds.REAL),
    OpDef("ApproximateEqual", "x: T, y: T", "z: bool", attrs={"tolerance": 1e-5}, types={"T": kinds.NUMBER}, shape=_same_shape,
          lower=_approximate_lower, reference=_approximate_reference, gradient=no_gradient),
    OpDef("LogicalAnd", "x: bool, y: bool", "z: bool", shape=broadcast, kernel="logical_and", views="any",
          reference=_plain(np.logical_and), gradient=no_gradient, overwrites=(0, 1)),
    OpDef("LogicalOr", "x: bool, y: bool", "z: bool", shape=broadcast, kernel="logical_or", views="any",
          reference=_plain(np.logical_or), gradient=no_gradient, overwrites=(0, 1)),
)  # fmt: skip


def _gradient_args(node, sx, sy):
    """The axes over which each operand's gradient is summed, for known shapes."""
    dtype = node.outputs[0].dtype.as_numpy_dtype
    sx, sy = [int(d) for d in sx], [int(d) for d in sy]
    if isinstance(node, ReferenceNode) and not _broadcasts(sx, sy):  # a plan refuses what is summed by these axes
        raise ValueError(f"Incompatible shapes: {sx} vs. {sy}".replace(", ", ","))
    rx, ry = _summed_axes(sx, sy) if sx != sy else ([], [])
    return np.array(rx, dtype), np.array(ry, dtype)


def _two_vectors(c):
    return [(c.new_size(),), (c.new_size(),)]


register(
    OpDef("BroadcastGradientArgs", "s0: T, s1: T", "r0: T, r1: T", attrs={"T": dtypes.int32}, types={"T": kinds.INDEX},
          shape=_two_vectors, ranks={"s0": 1, "s1": 1}, reference=_gradient_args, symbolic=True, gradient=no_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def _function(name, type, text, first="x", second="y"):
    def function(x, y, name=None):
        return apply_op(type, [x, y], name=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element, with broadcasting."
    return function


add = _function("add", "Add", "x + y")
subtract = _function("subtract", "Sub", "x - y")
multiply = _function("multiply", "Mul", "x * y")
realdiv = _function("realdiv", "RealDiv", "x / y")
truncatediv = _function("truncatediv", "TruncateDiv", "x / y rounded towards zero")
floor_div = _function("floor_div", "FloorDiv", "x / y rounded down")
floormod = _function("floormod", "FloorMod", "The remainder of x / y with the sign of y")
mod = _function("mod", "FloorMod", "The remainder of x / y with the sign of y")
truncatemod = _function("truncatemod", "TruncateMod", "The remainder of x / y with the sign of x")
xdivy = _function("xdivy", "Xdivy", "x / y, and 0 where x is 0")
xlogy = _function("xlogy", "Xlogy", "x log(y), and 0 where x is 0")
maximum = _function("maximum", "Maximum", "The larger of x and y")
minimum = _function("minimum", "Minimum", "The smaller of x and y")
squared_difference = _function("squared_difference", "SquaredDifference", "(x - y)(x - y)")
bitwise_and = _function("bitwise_and", "BitwiseAnd", "x & y")
bitwise_or = _function("bitwise_or", "BitwiseOr", "x | y")
bitwise_xor = _function("bitwise_xor", "BitwiseXor", "x ^ y")
left_shift = _function("left_shift", "LeftShift", "x << y")
right_shift = _function("right_shift", "RightShift", "x >> y")
equal = _function("equal", "Equal", "x == y")
not_equal = _function("not_equal", "NotEqual", "x != y")
less = _function("less", "Less", "x < y")
less_equal = _function("less_equal", "LessEqual", "x <= y")
greater = _function("greater", "Greater", "x > y")
greater_equal = _function("greater_equal", "GreaterEqual", "x >= y")
logical_and = _function("logical_and", "LogicalAnd", "x and y")
logical_or = _function("logical_or", "LogicalOr", "x or y")


def atan2(y, x, name=None):
    """The angle of the point (x, y), element by element, with broadcasting."""
    return apply_op("Atan2", [y, x], name=name)


def pow(x, y, name=None):
    """x to the power y, element by element, with broadcasting."""
    with name_scope(name, "Pow", [x]) as scope:
        return apply_op("Pow", [x, y], name=scope)


_TRUE_QUOTIENT = {
    dtypes.uint8: dtypes.float32, dtypes.int8: dtypes.float32, dtypes.uint16: dtypes.float32, dtypes.int16: dtypes.float32,
    dtypes.int32: dtypes.float64, dtypes.int64: dtypes.float64,
}  # fmt: skip


def _two_of_a_kind(x, y):
    x = convert_to_tensor(x, name="x")
    y = convert_to_tensor(y, name="y", dtype=x.dtype.base_dtype)
    _check_kinds(x, y)
    return x, y


def _check_kinds(x, y):
    if x.dtype.base_dtype != y.dtype.base_dtype:
        raise TypeError(f"x and y must have the same dtype, got {x.dtype!r} != {y.dtype!r}")


def polyval(coeffs, x, name=None):
    """A polynomial at x, by Horner's rule.

    Args:
      coeffs: a list of tensors or numbers, that of the highest power first.
      x: a tensor.
      name: the nodes' scope.
    """
    with name_scope(name, "polyval", [*coeffs, x]):
        x = convert_to_tensor(x, name="x")
        if len(coeffs) == 0:  # an array of them has no truth value
            return zeros_like(x, name="p")
        coeffs = [convert_to_tensor(c, name=f"coeff_{i}") for i, c in enumerate(coeffs)]
        total = coeffs[0]
        for coefficient in coeffs[1:]:
            total = coefficient + total * x
        return total


def reciprocal_no_nan(x, name=None):
    """1 / x, and 0 where x is 0."""
    from .build import constant

    with name_scope(name, "reciprocal_no_nan", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return div_no_nan(constant(1.0, dtype=x.dtype.base_dtype, name="one"), x, name=scope)


def truediv(x, y, name=None):
    """x / y as Python 3 divides: integers become floats.

    Raises:
      TypeError: where x and y have different dtypes.
    """
    with name_scope(name, "truediv", [x, y]) as scope:
        if isinstance(y, Tensor):
            x = convert_to_tensor(x, name="x")
            _check_kinds(x, y)
        x, y = _two_of_a_kind(x, y)
        wanted = _TRUE_QUOTIENT.get(x.dtype.base_dtype)
        if wanted is not None:
            from .cast import cast

            x, y = cast(x, wanted), cast(y, wanted)
        return apply_op("RealDiv", [x, y], name=scope)


def floordiv(x, y, name=None):
    """x / y rounded down, element by element, with broadcasting."""
    with name_scope(name, "floordiv", [x, y]) as scope:
        return apply_op("FloorDiv", [x, y], name=scope)


def div(x, y, name=None):
    """x / y as Python 2 divides: integers are rounded down."""
    with name_scope(name, "div", [x, y]) as scope:
        x, y = _two_of_a_kind(x, y)
        type = "RealDiv" if x.dtype.is_floating or x.dtype.is_complex else "FloorDiv"
        return apply_op(type, [x, y], name=scope)


def divide(x, y, name=None):
    """x / y as Python 3 divides."""
    if name is not None:
        with name_scope(name, "truediv", [x, y]) as scope:
            return truediv(x, y, name=scope)
    return x / y


def multiply_no_nan(x, y, name=None):
    """x * y, and 0 where y is 0."""
    with name_scope(name, "multiply_no_nan", [x, y]) as scope:
        x, y = _two_of_a_kind(x, y)
        return apply_op("MulNoNan", [x, y], name=scope)


def div_no_nan(x, y, name=None):
    """x / y, and 0 where y is 0."""
    with name_scope(name, "div_no_nan", [x, y]) as scope:
        x, y = _two_of_a_kind(x, y)
        return apply_op("DivNoNan", [x, y], name=scope)


def logical_xor(x, y, name="LogicalXor"):
    """Whether exactly one of x and y is true, element by element."""
    from .math_unary import logical_not

    return logical_and(logical_or(x, y), logical_not(logical_and(x, y)), name=name)


def approximate_equal(x, y, tolerance=1e-5, name=None):
    """Whether x and y differ by less than `tolerance`."""
    from .math_unary import abs

    with name_scope(name, "ApproximateEqual", [x, y]) as scope:
        x, y = _two_of_a_kind(x, y)
        return apply_op("Less", [abs(x - y), convert_to_tensor(tolerance, dtype=x.dtype)], name=scope)


def scalar_mul(scalar, x, name=None):
    """x times a scalar; x may be an `IndexedSlices`.

    Raises:
      ValueError: where `scalar` is no scalar.
    """
    from .indexed_slices import IndexedSlices

    scalar = convert_to_tensor(scalar, dtype=x.dtype.base_dtype, name="scalar")
    if scalar._shape not in ((), None):
        raise ValueError(f"Only scalar multiply works, got shape {scalar.get_shape()}")
    if isinstance(x, IndexedSlices):
        return IndexedSlices(multiply(scalar, x.values, name), x.indices, x.dense_shape)
    return multiply(scalar, x, name)
