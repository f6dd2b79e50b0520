"""Parts of numbers. All numbers here are real: their own real part, without an imaginary one."""

from __future__ import annotations

from ..graph.scopes import name_scope
from .array import zeros_like
from .build import convert_to_tensor

__all__ = ["angle", "conj", "imag", "real"]


def _numbers(value, name):
    value = convert_to_tensor(value, name=name)
    if not (value.dtype.is_floating or value.dtype.is_integer):
        raise TypeError(f"Expected numeric tensor, got dtype {value.dtype!r}")
    return value


def real(input, name=None):
    """The real part of each element: a real one itself.

    Raises:
      TypeError: for a tensor that has no real numbers.
    """
    with name_scope(name, "Real", [input]):
        return _numbers(input, "input")


def conj(x, name=None):
    """The complex conjugate of each element: of a real one itself.

    Raises:
      TypeError: for a tensor that has no real numbers.
    """
    with name_scope(name, "Conj", [x]):
        return _numbers(x, "x")


def imag(input, name=None):
    """The imaginary part of each element: 0 for real ones."""
    with name_scope(name, "Imag", [input]):
        return zeros_like(_numbers(input, "input"))


def angle(input, name=None):
    """TensorFlow's argument of each element: 0 for real ones."""
    with name_scope(name, "Angle", [input]):
        return zeros_like(_numbers(input, "input"))
