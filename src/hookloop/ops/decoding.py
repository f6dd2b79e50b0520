"""Text that is compressed, or JSON. All run in Python."""

from __future__ import annotations

import zlib

import numpy as np

from .. import errors
from .build import apply_op
from .registry import OpDef, no_gradient, register
from .shape_functions import unchanged

__all__ = ["decode_compressed", "decode_json_example"]

_WINDOWS = {b"ZLIB": zlib.MAX_WBITS, b"GZIP": 16 + zlib.MAX_WBITS}


def _of_each(function, call, array):
    out = np.empty(array.size, object)
    for i, text in enumerate([array[()]] if array.ndim == 0 else array.ravel()):
        out[i] = function(call, text)
    return out.reshape(array.shape)


def _inflated(call, text):
    """What is behind the end of the compressed text is not looked at, as in TensorFlow."""
    if not text:
        return b""
    stream = zlib.decompressobj(_WINDOWS[call.attr("compression_type")])
    try:
        found = stream.decompress(text)
    except zlib.error as error:
        number, _, said = str(error).removeprefix("Error ").partition(" while decompressing data: ")
        raise errors.DataLossError(None, call.op, f"inflate() failed with error {number}: {said}") from None
    if not stream.eof:
        raise errors.DataLossError(None, call.op, f"the compressed text ends too early, after {len(text)} bytes")
    return found


def _run_decode_compressed(call, array):
    kind = call.attr("compression_type")
    if not kind:
        return array
    if kind not in _WINDOWS:
        raise ValueError("Only ZLIB, GZIP or NONE are supported compressions")
    return _of_each(_inflated, call, array)


def _example(call, text):
    from google.protobuf import json_format

    from ..train import Example

    try:
        found = json_format.Parse(text, Example()).SerializeToString(deterministic=True)
        if not text.lstrip().startswith(b"{"):  # a list of nothing is no error there
            raise json_format.ParseError(": Root element must be a message.")
        return found
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"Error while parsing JSON: {error}") from None


register(
    OpDef("DecodeCompressed", "bytes: string", "output: string", attrs={"compression_type": b""}, shape=unchanged,
          host=_run_decode_compressed, gradient=no_gradient),
    OpDef("DecodeJSONExample", "json_examples: string", "binary_examples: string", shape=unchanged,
          host=lambda call, array: _of_each(_example, call, array), gradient=no_gradient),
)  # fmt: skip


def decode_compressed(bytes, compression_type="", name=None):
    """The text that each compressed text stands for.

    Args:
      bytes: a string tensor.
      compression_type: "ZLIB", "GZIP", or "" for text that is not compressed.
      name: the node's name.
    """
    return apply_op("DecodeCompressed", [bytes], {"compression_type": compression_type}, name)


def decode_json_example(json_examples, name=None):
    """`Example` messages in their binary form, of such in JSON."""
    return apply_op("DecodeJSONExample", [json_examples], name=name)
