"""Text in other encodings, and text joined by segment numbers. All run in Python."""

from __future__ import annotations

import codecs
import math
import re

import numpy as np

from .. import dtypes, errors
from . import kinds
from .build import apply_op
from .registry import OpDef, no_gradient, register
from .shape_functions import unchanged

__all__ = ["unicode_transcode", "unsorted_segment_join"]

_OUTPUTS = ("UTF-8", "UTF-16-BE", "UTF-32-BE")
_ERRORS = ("strict", "replace", "ignore")
_MARK = "\udfff"  # stands where bytes are no character: no text decodes to it


def _mark(error):
    return (_MARK, error.end)


codecs.register_error("hookloop.mark", _mark)


# --- encodings ------------------------------------------------------------------------------------------------


def _transcoded_shape(c):
    for argument, allowed in (("output_encoding", _OUTPUTS), ("errors", _ERRORS)):
        value = c.attr(argument).decode(errors="replace")
        if value not in allowed:
            names = ", ".join(f'"{a}"' for a in allowed)
            c.fail(f"Attr '{argument}' of 'UnicodeTranscode' Op passed string '{value}' not in: {names}.")
    if not 0 <= c.attr("replacement_char") <= 0x10FFFF:
        c.fail(f"replacement_char out of unicode codepoint range: {c.attr('replacement_char')}")
    return unchanged(c)


def _transcode(call, array):
    encoding = call.attr("input_encoding").decode()
    try:
        b" ".decode(encoding, "ignore")  # of no bytes Python decodes nothing, whatever the encoding
    except LookupError:  # also for codecs whose results are no text
        raise ValueError(f"Could not create converter for input encoding: {encoding}") from None
    handling, output = call.attr("errors").decode(), call.attr("output_encoding").decode()
    replacement = "" if handling == "ignore" else chr(call.attr("replacement_char"))
    out = np.empty(array.size, object)
    for i, value in enumerate([array[()]] if array.ndim == 0 else array.ravel()):
        text = value.decode(encoding, "hookloop.mark")
        if handling == "strict" and _MARK in text:
            raise ValueError("Invalid formatting on input string")
        text = text.replace(_MARK, replacement)
        if call.attr("replace_control_characters"):
            text = re.sub("[\0-\x1f]", lambda _: replacement, text)
        out[i] = text.encode(output)
    return out.reshape(array.shape)


_MOST_TEXTS = 1 << 28  # as many pointers take 2 GB


# --- joining by segments ------------------------------------------------------------------------------------------


def _joined_shape(c):
    if not (c.known(0) and c.known(1)):
        return None
    values, numbers = c.shape(0), c.shape(1)
    if len(numbers) > len(values):
        c.fail(f"segment_ids of {len(numbers)} axes do not fit inputs of {len(values)}")
    c.merge_shapes(values[: len(numbers)], numbers)
    return (c.natural(c.sizes(2)[0]), *values[len(numbers) :])


def _join(call, values, numbers, count):
    if count.shape:
        raise errors.InvalidArgumentError(None, None, f"Shape must be rank 0 but is rank {count.ndim}")
    count, rest = int(count), values.shape[numbers.ndim :]
    if np.any((numbers < 0) | (numbers >= count)):
        raise errors.InvalidArgumentError(
            None, None, "segment_ids are not allowed to exceed num_segments or to have negative values."
        )
    columns = math.prod(rest)
    if count * columns > _MOST_TEXTS:
        raise errors.ResourceExhaustedError(None, None, f"OOM when allocating tensor with shape{[count, *rest]}")
    parts = {}
    for number, row in zip(numbers.ravel().tolist(), values.reshape(numbers.size, columns)):
        for column, value in enumerate(row):
            parts.setdefault(number * columns + column, []).append(value)
    out = np.full(count * columns, b"", object)
    for place, texts in parts.items():
        out[place] = call.attr("separator").join(texts)
    return out.reshape(count, *rest)


register(
    OpDef("UnicodeTranscode", "input: string", "output: string",
          attrs={"input_encoding": None, "output_encoding": None, "errors": b"replace", "replacement_char": 65533,
                 "replace_control_characters": False}, shape=_transcoded_shape, host=_transcode, gradient=no_gradient),
    OpDef("UnsortedSegmentJoin", "inputs: string, segment_ids: Tindices, num_segments: Tnumsegments", "output: string",
          attrs={"Tnumsegments": dtypes.int32, "separator": b""},
          types={"Tindices": kinds.INDEX, "Tnumsegments": kinds.INDEX}, ranks={"num_segments": 0}, shape=_joined_shape, host=_join, gradient=no_gradient),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------------


def unicode_transcode(input, input_encoding, output_encoding, errors="replace", replacement_char=65533,
                      replace_control_characters=False, name=None):  # fmt: skip
    """Text in another encoding.

    Args:
      input: a string tensor.
      input_encoding: its encoding, one that Python knows.
      output_encoding: "UTF-8", "UTF-16-BE" or "UTF-32-BE".
      errors: what becomes of bytes that are no character: "replace", "ignore", or "strict" for an error.
      replacement_char: the number of the character that takes their place.
      replace_control_characters: whether the characters 0 to 31 are replaced, or left out, too.
      name: the node's name.

    Raises:
      ValueError: for another output encoding, or another value of `errors`.
      InvalidArgumentError: when it runs, for an encoding that is not known; with "strict" for bytes that are no character.
    """
    attrs = {"input_encoding": input_encoding.encode(), "output_encoding": output_encoding.encode(), "errors": errors.encode(),
             "replacement_char": replacement_char, "replace_control_characters": bool(replace_control_characters)}  # fmt: skip
    return apply_op("UnicodeTranscode", [input], attrs, name)


def unsorted_segment_join(inputs, segment_ids, num_segments, separator="", name=None):
    """The texts of each segment joined, in their order.

    Args:
      inputs: a string tensor.
      segment_ids: the number of each one's segment; of the shape of the first axes of `inputs`.
      num_segments: how many segments there are.
      separator: text between them.
      name: the node's name.

    Raises:
      InvalidArgumentError: when it runs, for a number out of range.
    """
    return apply_op("UnsortedSegmentJoin", [inputs, segment_ids, num_segments], {"separator": separator}, name)
