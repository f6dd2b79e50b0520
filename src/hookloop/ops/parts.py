"""Complex numbers: made of two real ones, and taken apart."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import control_dependencies, name_scope
from ..graph.tensor import Tensor
from . import kinds
from .array import zeros_like
from .build import apply_op, constant, convert_to_tensor
from .math import _Broadcast, div_no_nan
from .math_unary import reciprocal
from .registry import OpDef, register
from .shape_functions import broadcast, unchanged

__all__ = ["angle", "complex", "conj", "imag", "real"]

_WIDE_FLOAT = frozenset((dtypes.float32, dtypes.float64))


# --- gradients --------------------------------------------------------------------------------------------


def _complex_gradient(op, grad):
    sums = _Broadcast(op)
    first = sums.first(real(grad))
    return [first, sums.second(imag(grad))]


def _zero(grad):
    return constant(0, dtype=grad.dtype)


def _real_gradient(op, grad):
    zero = _zero(grad)
    return [complex(grad, zero)]


def _imag_gradient(op, grad):
    zero = _zero(grad)
    return [complex(zero, grad)]


def _angle_gradient(op, grad):
    x = op.inputs[0]
    with control_dependencies([grad]):
        real_part, imaginary_part = real(x), imag(x)
        inverse = reciprocal(complex(imaginary_part, real_part))
        zero = _zero(grad)
        return [-complex(grad, zero) * inverse]


def _complex_abs_gradient(op, grad):
    y = op.outputs[0]
    along = complex(grad, zeros_like(grad)) * op.inputs[0]
    return [div_no_nan(along, complex(y, zeros_like(y)))]


# --- definitions ------------------------------------------------------------------------------------------


def _part(name, signature, kernel, reference, gradient):
    def of(node, x):
        return reference(x).astype(node.attrs["Tout"].as_numpy_dtype)

    return OpDef(name, *signature, attrs={"T": dtypes.complex64, "Tout": dtypes.float32},
                 types={"T": kinds.COMPLEX, "Tout": _WIDE_FLOAT}, shape=unchanged, kernel=kernel,
                 reference=of, gradient=gradient, views="any")  # fmt: skip


_INPUT = ("input: T", "output: Tout")

register(
    OpDef("Complex", "real: T, imag: T", "out: Tout", attrs={"T": dtypes.float32, "Tout": dtypes.complex64},
          types={"T": _WIDE_FLOAT, "Tout": kinds.COMPLEX}, shape=broadcast, kernel="complex", views="any",
          reference=lambda node, x, y: (x + 1j * y).astype(node.attrs["Tout"].as_numpy_dtype),
          gradient=_complex_gradient),
    OpDef("Conj", "input: T", "output: T", attrs={"T": dtypes.complex64}, types={"T": kinds.COMPLEX}, shape=unchanged,
          kernel="conjugate", views="any", reference=lambda node, x: np.conj(x), gradient=lambda op, grad: [conj(grad)],
          overwrites=(0,)),
    _part("Real", _INPUT, "real_part", np.real, _real_gradient),
    _part("Imag", _INPUT, "imaginary_part", np.imag, _imag_gradient),
    _part("Angle", _INPUT, "angle", np.angle, _angle_gradient),
    _part("ComplexAbs", ("x: T", "y: Tout"), "complex_abs", np.abs, _complex_abs_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def complex(real, imag, name=None):
    """The complex numbers real + imag i, element by element, with broadcasting: complex64 of float32, complex128 of float64.

    Raises:
      TypeError: for other dtypes, or two different ones.
    """
    real, imag = convert_to_tensor(real, name="real"), convert_to_tensor(imag, name="imag")
    with name_scope(name, "Complex", [real, imag]) as scope:
        parts = (real.dtype.base_dtype, imag.dtype.base_dtype)
        if parts == (dtypes.float64, dtypes.float64):
            out = dtypes.complex128
        elif parts == (dtypes.float32, dtypes.float32):
            out = dtypes.complex64
        else:
            raise TypeError(f"real and imag have incorrect types: {real.dtype.name} {imag.dtype.name}")
        return apply_op("Complex", [real, imag], {"Tout": out}, name=scope)


def _number(x, name):
    x = convert_to_tensor(x, name=name)
    if not (x.dtype.is_floating or x.dtype.is_integer or x.dtype.is_complex):
        raise TypeError(f"Expected numeric tensor, got dtype {x.dtype!r}")
    return x


def conj(x, name=None):
    """The complex conjugate of each element: of a real one itself.

    Raises:
      TypeError: for a tensor that has no numbers.
    """
    if isinstance(x, Tensor) and (x.dtype.is_floating or x.dtype.is_integer):
        return x
    with name_scope(name, "Conj", [x]) as scope:
        x = _number(x, "x")
        return apply_op("Conj", [x], name=scope) if x.dtype.is_complex else x


def _part_function(name, type, of_real, text):
    def function(input, name=None):
        with name_scope(name, type, [input]) as scope:
            input = _number(input, "input")
            if input.dtype.is_complex:
                return apply_op(type, [input], {"Tout": input.dtype.real_dtype}, name=scope)
            return of_real(input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}\n\n    Raises:\n      TypeError: for a tensor that has no numbers.\n    "
    return function


real = _part_function("real", "Real", lambda x: x, "The real part of each element: a real one itself.")
imag = _part_function("imag", "Imag", zeros_like, "The imaginary part of each element: 0 for real ones.")
angle = _part_function("angle", "Angle", zeros_like, "The argument of each element: 0 for real ones.")
