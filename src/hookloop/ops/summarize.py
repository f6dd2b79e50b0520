"""Tensors as text, as Assert, Print, StringFormat and AsString write them."""

from __future__ import annotations

import math

import numpy as np


def number_text(value, digits, more):
    """The shortest of `%.{digits}g` and `%.{more}g` that reads back as the value."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = f"{value:.{digits}g}"
    return text if type(value)(text) == value else f"{value:.{more}g}"


def element_text(value, quoted=False):
    """One element: text escaped as in C, booleans as 1 and 0."""
    if isinstance(value, (bytes, str)):
        text = escape(value if isinstance(value, bytes) else value.encode())
        return f'"{text}"' if quoted else text
    if isinstance(value, (np.bool_, bool)):
        return "1" if value else "0"
    if isinstance(value, (np.float16, np.float32)):
        if value != 0 and abs(value) < np.finfo(np.float32).tiny:
            return "0"  # printing flushes denormals, as the computation does
        return number_text(np.float32(value), 6, 9)
    if isinstance(value, (np.float64, float)):
        return number_text(np.float64(value), 15, 17)
    if isinstance(value, (np.complexfloating, complex)):
        return f"({element_text(value.real)},{element_text(value.imag)})"
    return str(value)


_ESCAPES = {10: "\\n", 13: "\\r", 9: "\\t", 34: '\\"', 39: "\\'", 92: "\\\\"}


def escape(text):
    """Bytes as C writes them in a literal."""
    return "".join(_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in text)


def _flat(array):
    return [array[()]] if array.ndim == 0 else list(array.ravel())


def summarize(array, limit):
    """The first `limit` elements (all where negative) with the brackets of the inner axes: `[1 2][3...]...`."""
    array = np.asarray(array)
    values = _flat(array)
    if limit < 0:
        limit = len(values)
    parts = []
    if array.ndim == 0:
        parts = [element_text(values[0])] if limit else []
    else:
        _axis(array.shape, 0, limit, values, 0, parts)
    if len(values) > limit:
        parts.append("...")
    return "".join(parts)


def _axis(shape, axis, limit, values, at, parts):
    """Appends one axis; returns the index of the next element."""
    if at >= limit:
        return at
    if axis == len(shape) - 1:
        for i in range(shape[axis]):
            if at >= limit:
                if axis != 0:
                    parts.append("...")
                return at
            parts.append((" " if i else "") + element_text(values[at]))
            at += 1
        return at
    for _ in range(shape[axis]):
        opened = at < limit
        if opened:
            parts.append("[")
        at = _axis(shape, axis + 1, limit, values, at, parts)
        if at < limit or opened:
            parts.append("]")
    return at


def format_array(array, ends):
    """All axes in brackets, of each the first and last `ends` elements (all where -1); text is quoted."""
    array = np.asarray(array)
    if ends < 0:
        ends = max((1, *array.shape))
    return _format_axis(array, 0, array.ndim, ends)


def _format_axis(array, axis, rank, ends):
    if axis == rank:
        return element_text(array[()] if isinstance(array, np.ndarray) else array, quoted=True)
    space = " " if axis == rank - 1 else "\n" * (rank - axis - 1) + " " * (axis + 1)
    count = len(array)
    shown = [_format_axis(array[i], axis + 1, rank, ends) for i in range(min(ends, count))]
    if count > 2 * ends:
        shown.append("...")
    shown += [_format_axis(array[i], axis + 1, rank, ends) for i in range(max(ends, count - ends), count)]
    return "[" + space.join(shown) + "]"
