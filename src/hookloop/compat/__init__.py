"""Text and bytes; `compat.v1`: this package under TensorFlow's later name for its first API, and `compat.v2`: functions of its second."""

from __future__ import annotations

import collections.abc as collections_abc
import numbers
import os
from contextlib import contextmanager

import numpy as np

__all__ = [
    "as_bytes", "as_str", "as_str_any", "as_text", "bytes_or_text_types", "complex_types",
    "dimension_at_index", "dimension_value", "forward_compatibility_horizon", "forward_compatible", "integral_types", "path_to_str",
    "real_types",
]  # fmt: skip

integral_types = (numbers.Integral, np.integer)
real_types = (numbers.Real, np.integer, np.floating)
complex_types = (numbers.Complex, np.number)
bytes_or_text_types = (bytes, str)


def as_bytes(bytes_or_text, encoding="utf-8"):
    """A string as bytes.

    Raises:
      TypeError: for anything but str and bytes.
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


def as_text(bytes_or_text, encoding="utf-8"):
    """A string as str.

    Raises:
      TypeError: for anything but str and bytes.
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


as_str = as_text


def as_str_any(value):
    """Any value as str; bytes are decoded."""
    return as_str(value) if isinstance(value, bytes) else str(value)


def path_to_str(path):
    """A path object as str; anything else as it is."""
    return as_str_any(os.fspath(path)) if hasattr(path, "__fspath__") else path


def dimension_value(dimension):
    """The int of a `Dimension` (None where it is not known); anything else as it is."""
    from ..shapes import Dimension

    return dimension.value if isinstance(dimension, Dimension) else dimension


def dimension_at_index(shape, index):
    """The `Dimension` of a shape at an index, unknown where the rank is."""
    from ..shapes import Dimension

    return Dimension(None) if shape.rank is None else shape.dims[index]


@contextmanager
def forward_compatibility_horizon(year, month, day):
    """A context manager that does nothing: graphs are those of TensorFlow 1.15 at any date."""
    yield


def forward_compatible(year, month, day):
    """Whether graphs may use what TensorFlow added after this date: never."""
    return False


def __getattr__(name):
    if name in ("v1", "v2"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, "v1", "v2"])
