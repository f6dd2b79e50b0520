"""Elementwise functions of one operand. `Tanh` is a good definition to copy for a new op."""

from __future__ import annotations

import math as _math

import numpy as np

from .. import dtypes
from ..graph.scopes import control_dependencies, name_scope
from ..graph.stack import get_default_graph
from . import kinds
from .build import apply_op, constant, convert_to_tensor
from .registry import OpDef, no_gradient, register
from .shape_functions import unchanged

__all__ = [
    "abs", "acos", "acosh", "add_check_numerics_ops", "asin", "asinh", "atan", "atanh", "ceil", "check_numerics", "cos", "cosh",
    "digamma", "erf", "erfc", "exp", "expm1", "floor", "is_finite", "is_inf", "is_nan", "lgamma", "log",
    "log1p", "log_sigmoid", "logical_not", "negative", "reciprocal", "rint", "round", "rsqrt",
    "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "verify_tensor_all_finite",
]  # fmt: skip


def _lift(function):
    """A reference from Python's own function of one number."""
    vectorized = np.vectorize(function, otypes=[np.float64])
    return lambda node, x: vectorized(x).astype(np.asarray(x).dtype) if np.size(x) else np.asarray(x)


def _lgamma(x):
    if _math.isnan(x):
        return x
    if _math.isinf(x) or (x <= 0 and x == _math.floor(x)):
        return _math.inf
    return _math.lgamma(x)


def _sign(x):
    """NumPy's, but 0 for NaN; of a complex number, the one of length 1 in its direction."""
    if np.iscomplexobj(x):
        return np.where(x == 0, 0, x / np.where(x == 0, 1, np.abs(x))).astype(np.asarray(x).dtype)
    return np.where(x == x, np.sign(x), 0).astype(np.asarray(x).dtype)


def _digamma(x):
    """The asymptotic series from 10 on, reached by the recurrence; reflected below 0."""
    if x <= 0:
        return _math.inf if x == np.floor(x) else _digamma(1 - x) - _math.pi / _math.tan(_math.pi * x)
    result = 0.0
    while x < 10:
        result -= 1 / x
        x += 1
    inverse = 1 / (x * x)
    terms = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12)
    series = sum(term * inverse ** (power + 1) for power, term in enumerate(terms))
    return result + _math.log(x) - 0.5 / x + series


# --- gradients --------------------------------------------------------------------------------------------


def _after(function):
    """The gradient function(x, y, grad), built behind the gradient that it scales, as TensorFlow orders them."""

    def gradient(op, grad):
        with control_dependencies([grad]):
            return [function(op.inputs[0], op.outputs[0], grad)]

    return gradient


def _at_once(function):
    return lambda op, grad: [function(op.inputs[0], op.outputs[0], grad)]


def conjugated(x):
    """The conjugate of complex numbers; real ones as they are."""
    return apply_op("Conj", [x]) if x.dtype.is_complex else x


def _square_gradient(x, y, grad):
    x = conjugated(x)
    two = constant(2.0 if x.dtype.is_floating else 2, dtype=x.dtype.base_dtype)
    return _mul(grad, _mul(x, two))


def _mul(x, y):
    return apply_op("Mul", [x, y])


def _of(type):
    return lambda x, y, grad: apply_op(type, [y, grad])


def _of_conjugate(type):
    return lambda x, y, grad: apply_op(type, [conjugated(y), grad])


def _erf_gradient(scale):
    def gradient(op, grad):
        factor = constant(scale / _math.sqrt(_math.pi), dtype=grad.dtype.base_dtype)
        with control_dependencies([grad]):
            return [grad * factor * exp(-square(op.inputs[0]))]

    return gradient


def _lgamma_gradient(op, grad):
    with control_dependencies([grad]):
        return [grad * digamma(op.inputs[0])]


def _digamma_gradient(op, grad):
    from .special import polygamma

    with control_dependencies([grad]):
        return [grad * polygamma(constant(1, dtype=grad.dtype.base_dtype), op.inputs[0])]


def _minus_square(x):
    """1 - x x, whose square comes first, as in TensorFlow."""
    squared = square(x)
    return apply_op("Sub", [constant(1, dtype=x.dtype.base_dtype), squared])


def _acos_gradient(x, y, grad):
    slope = reciprocal(sqrt(_minus_square(conjugated(x))))
    return -grad * slope


def _atan_gradient(x, y, grad):
    squared = square(conjugated(x))
    return grad * reciprocal(apply_op("Add", [constant(1, dtype=x.dtype.base_dtype), squared]))


def _zeros_gradient(op, grad):
    from .array import zeros

    x = op.inputs[0]
    from .array import shape

    return [zeros(shape(x), dtype=x.dtype.base_dtype)]


# --- definitions ------------------------------------------------------------------------------------------


def _unary(name, kernel, reference, gradient, allowed=kinds.ANALYTIC, **more):
    if not hasattr(reference, "__code__") or reference.__code__.co_argcount == 1:
        function = reference
        reference = lambda node, x: function(x)
    return OpDef(name, "x: T", "y: T", types={"T": allowed}, shape=unchanged, kernel=kernel,
                 reference=reference, gradient=gradient, overwrites=(0,), views="any", **more)  # fmt: skip


def _test(name, kernel, reference):
    return OpDef(name, "x: T", "y: bool", types={"T": kinds.FLOAT}, shape=unchanged, kernel=kernel,
                 reference=lambda node, x: reference(x), gradient=no_gradient, views="any")  # fmt: skip


def _sigmoid_reference(x):
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp(-x))).astype(np.asarray(x).dtype)


register(
    _unary("Abs", "abs", np.abs, _at_once(lambda x, y, g: g * sign(x)), kinds.REAL),
    _unary("Neg", "neg", np.negative, lambda op, grad: [-grad], kinds.NUMBER, symbolic=True),
    _unary("Sign", "sign", _sign, _zeros_gradient, kinds.NUMBER),
    _unary("Square", "square", np.square, _after(_square_gradient), kinds.NUMBER),
    _unary("Sqrt", "sqrt", np.sqrt, _at_once(_of("SqrtGrad"))),
    _unary("Rsqrt", "rsqrt", lambda x: (1 / np.sqrt(x)).astype(np.asarray(x).dtype), _at_once(_of("RsqrtGrad"))),
    _unary("Reciprocal", "reciprocal", lambda x: np.reciprocal(x), _at_once(_of("ReciprocalGrad")), kinds.NUMBER),
    _unary("Inv", "reciprocal", lambda x: np.reciprocal(x), _at_once(_of("InvGrad")), kinds.NUMBER),
    _unary("Exp", "exp", np.exp, _after(lambda x, y, g: g * conjugated(y))),
    _unary("Expm1", "expm1", np.expm1, _after(lambda x, y, g: g * exp(conjugated(x)))),
    _unary("Log", "log", np.log, _after(lambda x, y, g: g * reciprocal(conjugated(x)))),
    _unary("Log1p", "log1p", np.log1p, _after(lambda x, y, g: g * reciprocal(1 + conjugated(x)))),
    _unary("Sin", "sin", np.sin, _after(lambda x, y, g: g * cos(conjugated(x)))),
    _unary("Cos", "cos", np.cos, _after(lambda x, y, g: -g * sin(conjugated(x)))),
    _unary("Tan", "tan", np.tan, _after(lambda x, y, g: square(reciprocal(cos(conjugated(x)))) * g)),
    _unary("Asin", "asin", np.arcsin, _after(lambda x, y, g: g * reciprocal(sqrt(_minus_square(conjugated(x)))))),
    _unary("Acos", "acos", np.arccos, _after(_acos_gradient)),
    _unary("Atan", "atan", np.arctan, _after(_atan_gradient)),
    _unary("Sinh", "sinh", np.sinh, _after(lambda x, y, g: g * cosh(conjugated(x)))),
    _unary("Cosh", "cosh", np.cosh, _after(lambda x, y, g: g * sinh(conjugated(x)))),
    _unary("Tanh", "tanh", np.tanh, _after(_of_conjugate("TanhGrad"))),
    _unary("Asinh", "asinh", np.arcsinh, _after(lambda x, y, g: g / cosh(conjugated(y)))),
    _unary("Acosh", "acosh", np.arccosh, _after(lambda x, y, g: g / sinh(conjugated(y)))),
    _unary("Atanh", "atanh", np.arctanh, _after(lambda x, y, g: g * reciprocal(_minus_square(conjugated(x))))),
    _unary("Sigmoid", "sigmoid", _sigmoid_reference, _after(_of_conjugate("SigmoidGrad"))),
    _unary("Erf", "erf", _lift(_math.erf), _erf_gradient(2), kinds.FLOAT),
    _unary("Erfc", "erfc", _lift(_math.erfc), _erf_gradient(-2), kinds.FLOAT),
    _unary("Lgamma", "lgamma", _lift(_lgamma), _lgamma_gradient, kinds.FLOAT),
    OpDef("Digamma", "x: T", "y: T", types={"T": kinds.FLOAT}, shape=unchanged, kernel="digamma", views="any",
          reference=_lift(_digamma), gradient=_digamma_gradient, overwrites=(0,)),
    _unary("Floor", "floor", np.floor, no_gradient, kinds.FLOAT),
    _unary("Ceil", "ceil", np.ceil, no_gradient, kinds.FLOAT),
    _unary("Round", "round", np.round, no_gradient, kinds.NUMBER),
    _unary("Rint", "rint", np.rint, no_gradient, kinds.FLOAT),
    _unary("Invert", "invert", np.invert, no_gradient, kinds.INTEGER),
    _test("IsNan", "is_nan", np.isnan),
    _test("IsInf", "is_inf", np.isinf),
    _test("IsFinite", "is_finite", np.isfinite),
    OpDef("LogicalNot", "x: bool", "y: bool", shape=unchanged, kernel="logical_not", views="any",
          reference=lambda node, x: np.logical_not(x), gradient=no_gradient, overwrites=(0,)),
)  # fmt: skip


# --- the gradients' own ops: functions of the op's output and its gradient ------------------------------------


def _tanh_grad_gradient(op, grad):
    y, dy = op.inputs
    with control_dependencies([grad]):
        return [grad * -2.0 * dy * y, apply_op("TanhGrad", [y, grad])]


def _sigmoid_grad_gradient(op, grad):
    y, dy = op.inputs
    with control_dependencies([grad]):
        scaled = grad * dy
        return [scaled - 2.0 * scaled * y, apply_op("SigmoidGrad", [y, grad])]


def _sqrt_grad_gradient(op, grad):
    a = op.inputs[0]
    with control_dependencies([grad]):
        scaled = grad / a
        return [-scaled * op.outputs[0], 0.5 * scaled]


def _rsqrt_grad_gradient(op, grad):
    a, b = op.inputs
    with control_dependencies([grad]):
        return [-1.5 * grad * b * square(a), apply_op("RsqrtGrad", [a, grad])]


def _reciprocal_grad_gradient(op, grad):
    y, dy = op.inputs
    with control_dependencies([grad]):
        return [grad * -2.0 * dy * y, apply_op("ReciprocalGrad", [y, grad])]


def _slope_shape(c):
    """That of the function's value; where the gradient's is known too, both are broadcast."""
    value = c.shape(0)
    return c.broadcast(value, c.shape(1)) if c.known(1) else value


def _slope(name, kernel, reference, gradient):
    return OpDef(name, "y: T, dy: T", "z: T", types={"T": kinds.ANALYTIC}, shape=_slope_shape, kernel=kernel,
                 reference=lambda node, y, dy: reference(y, dy), gradient=gradient, overwrites=(0, 1),
                 views="any")  # fmt: skip


def _or_none(function):
    """The same, and 0 where no gradient comes, whatever the slope is."""
    return lambda y, dy: np.where(dy == 0, dy.dtype.type(0), function(y, dy))


register(
    _slope("TanhGrad", "tanh_grad", lambda y, dy: dy * (1 - y * y), _tanh_grad_gradient),
    _slope("SigmoidGrad", "sigmoid_grad", lambda y, dy: dy * y * (1 - y), _sigmoid_grad_gradient),
    _slope("SqrtGrad", "sqrt_grad", _or_none(lambda y, dy: dy * y.dtype.type(0.5) / y.conj()), _sqrt_grad_gradient),
    _slope("RsqrtGrad", "rsqrt_grad", _or_none(lambda y, dy: y.dtype.type(-0.5) * dy * y.conj() * y.conj() * y.conj()),
           _rsqrt_grad_gradient),
    _slope("ReciprocalGrad", "reciprocal_grad", _or_none(lambda y, dy: -dy * y.conj() * y.conj()), _reciprocal_grad_gradient),
    _slope("InvGrad", "reciprocal_grad", _or_none(lambda y, dy: -dy * y.conj() * y.conj()), _reciprocal_grad_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def _function(name, type, text):
    def function(x, name=None):
        return apply_op(type, [x], name=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element."
    return function


def abs(x, name=None):
    """The size of x without its sign, element by element; of a complex number, its distance from 0."""
    with name_scope(name, "Abs", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        if x.dtype.is_complex:
            return apply_op("ComplexAbs", [x], {"Tout": x.dtype.real_dtype}, name=scope)
        return apply_op("Abs", [x], name=scope)


negative = _function("negative", "Neg", "-x")
sign = _function("sign", "Sign", "-1, 0 or 1 as x is negative, zero or positive")
square = _function("square", "Square", "x times x")
sqrt = _function("sqrt", "Sqrt", "The square root")
rsqrt = _function("rsqrt", "Rsqrt", "1 over the square root")
reciprocal = _function("reciprocal", "Reciprocal", "1 / x")
exp = _function("exp", "Exp", "e to the power x")
expm1 = _function("expm1", "Expm1", "e to the power x, minus 1")
log = _function("log", "Log", "The natural logarithm")
log1p = _function("log1p", "Log1p", "The natural logarithm of 1 + x")
sin = _function("sin", "Sin", "The sine")
cos = _function("cos", "Cos", "The cosine")
tan = _function("tan", "Tan", "The tangent")
asin = _function("asin", "Asin", "The inverse sine")
acos = _function("acos", "Acos", "The inverse cosine")
atan = _function("atan", "Atan", "The inverse tangent")
sinh = _function("sinh", "Sinh", "The hyperbolic sine")
cosh = _function("cosh", "Cosh", "The hyperbolic cosine")
tanh = _function("tanh", "Tanh", "The hyperbolic tangent")
asinh = _function("asinh", "Asinh", "The inverse hyperbolic sine")
acosh = _function("acosh", "Acosh", "The inverse hyperbolic cosine")
atanh = _function("atanh", "Atanh", "The inverse hyperbolic tangent")
sigmoid = _function("sigmoid", "Sigmoid", "1 / (1 + exp(-x))")
erf = _function("erf", "Erf", "The error function")
erfc = _function("erfc", "Erfc", "1 minus the error function")
lgamma = _function("lgamma", "Lgamma", "The logarithm of the absolute value of gamma(x)")
digamma = _function("digamma", "Digamma", "The derivative of `lgamma`")
floor = _function("floor", "Floor", "The largest whole number not above x")
ceil = _function("ceil", "Ceil", "The smallest whole number not below x")
rint = _function("rint", "Rint", "The nearest whole number, the even one of two")
invert = _function("invert", "Invert", "The bits of x the other way round")
is_nan = _function("is_nan", "IsNan", "Whether x is not a number")
is_inf = _function("is_inf", "IsInf", "Whether x is infinite")
is_finite = _function("is_finite", "IsFinite", "Whether x is a finite number")
logical_not = _function("logical_not", "LogicalNot", "Whether x is false")


def round(x, name=None):
    """The nearest whole number, the even one of two; integers are as they are."""
    x = convert_to_tensor(x, name="x")
    return x if x.dtype.is_integer else apply_op("Round", [x], name=name)


def log_sigmoid(x, name=None):
    """log(1 / (1 + exp(-x))), element by element."""
    from .activations import softplus

    with name_scope(name, "LogSigmoid", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return negative(softplus(-x), name=scope)


# --- check_numerics ---------------------------------------------------------------------------------------


def _check_reference(node, x):
    nan, inf = bool(np.any(np.isnan(x))), bool(np.any(np.isinf(x)))
    if nan or inf:
        kind = "Inf and NaN" if nan and inf else "NaN" if nan else "Inf"
        raise ValueError(f"{node.attrs['message'].decode()} : Tensor had {kind} values")
    return x


def _check_gradient(op, grad):
    message = op.get_attr("message")
    return [check_numerics(grad, f"Not a number (NaN) or infinity (Inf) values detected in gradient. {message}")]


register(
    OpDef("CheckNumerics", "tensor: T", "output: T", attrs={"message": ""}, types={"T": kinds.FLOAT}, shape=unchanged,
          kernel="check_numerics", reference=_check_reference, gradient=_check_gradient, can_fail=True),
)  # fmt: skip


def check_numerics(tensor, message, name=None):
    """The tensor itself; a run in which it holds NaN or Inf fails.

    Raises:
      InvalidArgumentError: when it runs; the text begins with `message`.
    """
    return apply_op("CheckNumerics", [tensor], {"message": message}, name=name)


def add_check_numerics_ops():
    """An operation that fails where any floating-point tensor of the default graph holds NaN or Inf.

    Raises:
      ValueError: where the graph has conditionals or loops.
    """
    from .core import group

    checks = []
    for op in get_default_graph().get_operations():
        for output in op.outputs:
            if output.dtype not in (dtypes.float16, dtypes.float32, dtypes.float64):
                continue
            if op._control_flow_context is not None:
                raise ValueError(
                    "`tf.add_check_numerics_ops() is not compatible with TensorFlow control flow operations such as "
                    "`tf.cond()` or `tf.while_loop()`."
                )
            with control_dependencies(checks):
                checks = [check_numerics(output, f"{op.name}:{output.value_index}")]
    return group(*checks)


def verify_tensor_all_finite(t=None, msg=None, name=None, x=None, message=None):
    """The tensor itself; a run in which it holds NaN or Inf fails with `message`."""
    from ..graph.scopes import colocate_with, name_scope
    from .core import with_dependencies

    x, message = t if x is None else x, msg if message is None else message
    with name_scope(name, "VerifyFinite", [x]):
        x = convert_to_tensor(x, name="x")
        with colocate_with(x):
            checked = check_numerics(x, message=message)
            return with_dependencies([checked], x)
