"""Ops on text: joining, slicing, conversion, hashing, regular expressions, encodings. All run in Python."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np

from .. import dtypes, errors
from .._core import text_buckets
from ..graph.scopes import name_scope
from ..shapes import UNKNOWN
from . import kinds
from .array import rank
from .build import apply_op, constant, convert_to_tensor
from .printing import string_format
from .ranges import range as range_op
from .registry import OpDef, no_gradient, register
from .shape_functions import unchanged

__all__ = [
    "as_string", "decode_base64", "decode_raw", "encode_base64", "reduce_join", "regex_replace", "string_join",
    "string_strip", "string_to_hash_bucket", "string_to_hash_bucket_fast", "string_to_hash_bucket_strong",
    "string_to_number", "substr",
]  # fmt: skip

format = string_format


def _each(function, dtype=object):
    """A host function that applies `function(element, call)` to every element of its first input."""

    def run(call, array, *_):
        return _shaped([function(element, call) for element in array.ravel().tolist()], array.shape, dtype)

    return run


def _shaped(values, shape, dtype=object):
    """An array of a list's elements."""
    out = np.empty(len(values), dtype)
    out[:] = values
    return out.reshape(shape)


def _invalid(text):
    return errors.InvalidArgumentError(None, None, text)


def _text(value):
    return value.decode("utf-8", "replace")


# --- joining and slicing --------------------------------------------------------------------------------


def _join_shape(c):
    shape = ()
    for i in range(len(c.inputs)):
        if c.known(i) and c.shape(i) != ():
            shape = c.shape(i) if shape == () else c.merge_shapes(shape, c.shape(i))
    return None if shape == () and not all(map(c.known, range(len(c.inputs)))) else shape


def _run_join(call, *arrays):
    shape = next((a.shape for a in arrays if a.ndim), ())
    for array in arrays:
        if array.ndim and array.shape != shape:
            raise _invalid(f"Input shapes do not match: {list(shape)} vs. {list(array.shape)}")
    separator = call.attr("separator")
    parts = [np.broadcast_to(array, shape).ravel().tolist() for array in arrays]
    return _shaped([separator.join(texts) for texts in zip(*parts)], shape)


def _reduced_shape(c):
    if not c.known(0):
        return None
    shape = list(c.shape(0))
    if not c.has_constant(1):
        return (UNKNOWN,) * len(shape) if c.attr("keep_dims") else None
    for axis in np.ravel(c.constant(1)):
        if not -len(shape) <= axis < len(shape):
            c.fail(f"Invalid reduction dimension {axis} for input with {len(shape)} dimensions.")
    axes = {int(axis) % max(len(shape), 1) for axis in np.ravel(c.constant(1))}
    if c.attr("keep_dims"):
        return tuple([1 if i in axes else d for i, d in enumerate(shape)])
    return tuple([d for i, d in enumerate(shape) if i not in axes])


def _run_reduce_join(call, array, axes):
    count = array.ndim
    for axis in axes.ravel():
        if not -count <= axis < count:
            raise _invalid(f"Invalid reduction dimension {axis} for input with {count} dimension(s)")
    axes = [int(axis) % count for axis in axes.ravel()]
    kept = [axis for axis in range(count) if axis not in axes]
    # Of several axes the first one runs fastest.
    moved = array.transpose(*kept, *reversed(axes))
    shape = [array.shape[axis] for axis in kept]
    rows = moved.reshape(math.prod(shape), -1) if array.size else np.empty((math.prod(shape), 0), object)
    separator = call.attr("separator")
    if call.attr("keep_dims"):
        shape = [1 if axis in axes else array.shape[axis] for axis in range(count)]
    return _shaped([separator.join(row) for row in rows.tolist()], shape)


def _substr_shape(c):
    if not (c.known(0) and c.known(1) and c.known(2)):
        return None
    return c.broadcast(c.broadcast(c.shape(0), c.shape(1)), c.shape(2))


def _starts(text):
    """Where the characters of a text begin, and its end: a byte that goes on with a character begins none, whatever stands before it."""
    return [i for i, byte in enumerate(text) if i == 0 or byte & 0xC0 != 0x80] + [len(text)]


def _part(text, position, length, in_characters):
    """Some bytes or characters of a text, or None where it ends before them. Fewer than none are all that is left."""
    if in_characters and not text.isascii():
        starts = _starts(text)
        count = len(starts) - 1
    else:
        starts, count = None, len(text)
    if not -count <= position <= count:
        return None
    if length < 0:
        if in_characters and position < 0:
            return None
        length = 0 if in_characters else count
    first = position + count if position < 0 else position
    last = min(first + length, count)
    return text[first:last] if starts is None else text[starts[first] : starts[last]]


def _run_substr(call, text, positions, lengths):
    in_characters = call.attr("unit") == b"UTF8_CHAR"
    if not in_characters and positions.size == 1 == lengths.size and positions.ndim <= text.ndim >= lengths.ndim:
        position, length, values = int(positions.item()), int(lengths.item()), text.ravel().tolist()
        if position >= 0 and all(len(value) >= position for value in values):
            end = position + length if length >= 0 else None
            return _shaped([value[position:end] for value in values], text.shape)
    texts, positions, lengths = np.broadcast_arrays(text, positions, lengths)
    out = np.empty(texts.size, object)
    places = zip(texts.ravel().tolist(), positions.ravel().tolist(), lengths.ravel().tolist())
    for i, (value, position, length) in enumerate(places):
        out[i] = _part(value, position, length, in_characters)
        if out[i] is None:
            whole = "string" if in_characters else f"string b'{_text(value)}'"
            raise _invalid(f"pos {position} out of range for {whole} at index {i}")
    return out.reshape(texts.shape)


def _run_substr_of_rows(call, texts, positions, lengths):
    if positions.ndim >= texts.ndim or lengths.ndim >= texts.ndim:
        raise _invalid("positions of more axes than the texts are taken one by one")
    return _run_substr(call, texts, positions, lengths)


def _run_length(call, array):
    values = array.ravel().tolist()
    if call.attr("unit") == b"UTF8_CHAR":
        values = [value.decode("utf-8", "replace") for value in values]
    return _shaped([len(value) for value in values], array.shape, np.int32)


def _cased(method):
    """A host function for a method that both str and bytes have."""
    of_bytes, of_text = getattr(bytes, method), getattr(str, method)

    def run(call, array):
        values = array.ravel().tolist()
        if call.attr("encoding") == b"utf-8":
            return _shaped([of_text(value.decode("utf-8", "replace")).encode() for value in values], array.shape)
        return _shaped([of_bytes(value) for value in values], array.shape)

    return run


# --- numbers --------------------------------------------------------------------------------------------


_MOST_BYTES = 1 << 31  # of all texts that numbers are made into
_BYTES_BETWEEN_CHECKS = 1 << 14  # of them until it is looked at whether the run shall stop


def _number_format(call, dtype):
    """The printf format that the attributes of AsString stand for, with its flag and its width."""
    fill, width = call.attr("fill").decode(), call.attr("width")
    precision = call.attr("precision")
    if dtype.kind in "iub" and (precision >= 0 or call.attr("scientific") or call.attr("shortest")):
        what = "precision" if precision >= 0 else "scientific and shortest format"
        raise _invalid(f"{what} not supported for datatype {dtypes.as_dtype(dtype).name}")
    if call.attr("scientific") and call.attr("shortest"):
        raise _invalid("Cannot select both scientific and shortest notation")
    if len(fill) > 1:
        raise _invalid("Fill string must be one or fewer characters")
    if fill not in " +-0#":
        raise _invalid(f"Fill argument not supported: {fill!r}")
    size = f"{fill}{width}" if width > -1 else ""  # without a width nothing is filled
    if dtype.kind in "iu":
        return f"%{size}d", size
    kind = "e" if call.attr("scientific") else "g" if call.attr("shortest") else "f"
    return f"%{size}{f'.{precision}' if precision >= 0 else ''}{kind}", size


def _not_finite(value, size):
    """The text of an infinity or a NaN, which has its sign in C, and is filled by spaces alone."""
    flag, width = size[:1], int(size.lstrip(" +-0#") or 0)
    sign = "-" if np.signbit(value) else flag if flag and flag in " +" else ""
    text = sign + ("nan" if value != value else "inf")
    return text.ljust(width) if flag == "-" else text.rjust(width)


def _mixed_texts(values, form, size):
    return (form % value if value - value == 0 else _not_finite(value, size) for value in values)


def _texts_of(values, form, size):
    """Each of the numbers as a text, in bytes."""
    if np.isfinite(values).all():
        one = form.encode()
        return (one % value for value in values.ravel().tolist())
    return (text.encode() for text in _mixed_texts(values.ravel().tolist(), form, size))


def _run_as_string(call, array):
    width = call.attr("width")
    if width * array.size > _MOST_BYTES:
        raise errors.ResourceExhaustedError(None, None, f"OOM when making {array.size} texts of {width} bytes")
    form, size = _number_format(call, array.real.dtype)
    if array.dtype.kind == "b":
        return _shaped([b"true" if value else b"false" for value in array.ravel().tolist()], array.shape)
    if array.dtype.kind == "c":
        parts = (_texts_of(part, form, size) for part in (array.real, array.imag))
        texts = (b"(%b,%b)" % both for both in zip(*parts))
    else:
        texts = _texts_of(array, form, size)
    found, together = [], max(1, _BYTES_BETWEEN_CHECKS // max(width, 64))
    while part := list(itertools.islice(texts, together)):
        found += part
        call.check()  # a wide text takes long
    return _shaped(found, array.shape)


_DECIMAL = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_HEXADECIMAL = re.compile(rb"[+-]?0[xX][0-9a-fA-F]+")
_NAMED = re.compile(rb"[+-]?(inf|nan)", re.IGNORECASE)


def _exactly(number):
    """A number, or the one that a text of digits is, as a fraction."""
    from fractions import Fraction  # loaded here: it brings `decimal` along, and few texts need it

    if isinstance(number, bytes):
        number = int(number, 16) if _HEXADECIMAL.fullmatch(number) else number.decode()
    return Fraction(number)


def _rounded(doubles, texts):
    """The nearest numbers of 32 bits: where a double lies in the middle of two, its text tells on which side the number is."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        singles = doubles.astype(np.float32)
        towards = np.where(doubles > singles, np.float32(np.inf), np.float32(-np.inf))
        others = np.nextafter(singles, towards)
        between = (doubles != singles) & (doubles * 2 == singles.astype(np.float64) + others.astype(np.float64))
    for i in np.flatnonzero(between & np.isfinite(doubles)):
        number, middle = _exactly(texts[i].strip()), _exactly(float(doubles[i]))
        if number != middle:
            singles[i] = (max if number > middle else min)(singles[i], others[i])
    return singles


def _numbers_of(values, dtype):
    """The numbers that texts are, or None where one is perhaps none, or written in a way of its own: they are gone through one by one."""
    joined = b"".join(values)
    strange = b"+_" if dtype.kind == "i" else b"_yY"  # +1 is no integer, and infinity none of both
    if any(letter in joined for letter in strange) or not joined.isascii():
        return None
    try:
        if dtype == np.float32:
            return _rounded(np.array(list(map(float, values)), np.float64), values)
        return np.array(list(map(int if dtype.kind == "i" else float, values)), dtype)
    except (ValueError, OverflowError):
        return None


def _number_of(text, dtype):
    """One number. A text of spaces alone is zero, and there are hexadecimal integers, where a float is wanted."""
    digits = text.strip()
    if dtype.kind == "i":
        return np.array(int(digits), dtype) if re.fullmatch(rb"-?\d+", digits) else None
    if _HEXADECIMAL.fullmatch(digits):
        try:
            number = float(int(digits, 16))
        except OverflowError:
            number = np.inf
        number = np.copysign(number, -1 if digits.startswith(b"-") else 1)
    elif _DECIMAL.fullmatch(digits) or _NAMED.fullmatch(digits):
        number = float(digits)
    else:
        return np.zeros((), dtype) if text and not digits else None
    return _rounded(np.array([number]), [digits])[0] if dtype == np.float32 else number


def _run_to_number(call, array):
    dtype = np.dtype(call.attr("out_type").as_numpy_dtype)
    values = array.ravel().tolist()
    if (found := _numbers_of(values, dtype)) is not None:
        return found.reshape(array.shape)
    out = np.empty(array.size, dtype)
    for i, value in enumerate(values):
        try:
            number = _number_of(value, dtype)
        except (ValueError, OverflowError):
            number = None
        if number is None:
            raise _invalid(f"StringToNumberOp could not correctly convert string: {_text(value)}")
        out[i] = number
    return out.reshape(array.shape)


def _run_decode_raw(call, array):
    dtype = np.dtype(call.attr("out_type").as_numpy_dtype)
    if not array.size:
        return np.empty((*array.shape, 0), dtype)
    texts = list(array.ravel())
    size = len(texts[0])
    for i, text in enumerate(texts):
        if len(text) != size:
            raise _invalid(
                f"DecodeRaw requires input strings to all be the same size, but element {i} has size {size} != {len(text)}"
            )
    if size % dtype.itemsize:
        raise _invalid(
            f"Input to DecodeRaw has length {size} that is not a multiple of {dtype.itemsize}, the size of {dtype.name}"
        )
    stored = dtype.newbyteorder("<" if call.attr("little_endian") else ">")
    return np.frombuffer(b"".join(texts), stored).astype(dtype).reshape(*array.shape, size // dtype.itemsize)


# --- regular expressions --------------------------------------------------------------------------------


def _compiled(pattern):
    from .regular_expressions import Expression

    try:
        return Expression(pattern)
    except re.error as error:
        raise _invalid(f"Invalid pattern: {_text(pattern)}, error: {error}") from None


def _pieces_of(rewrite, groups):
    """The texts of a rewrite and the numbers of groups in it, and whether it is right: any other backslash ends it."""
    pieces = re.split(rb"\\(\d|\\)", rewrite)  # odd places hold a group's digit or a backslash
    wrong = next((i for i in range(0, len(pieces), 2) if b"\\" in pieces[i]), None)
    if wrong is not None:
        pieces = [*pieces[:wrong], pieces[wrong].partition(b"\\")[0]]
    found = []
    for i, piece in enumerate(pieces):
        if i % 2 == 0 or piece == b"\\":
            found.append(piece.decode("utf-8", "surrogateescape"))
        elif int(piece) <= groups:  # a group that is not there is empty
            found.append(int(piece))
    return found, wrong is None


def _replace(call, array, pattern, rewrite):
    expression, everywhere = _compiled(pattern), call.attr("replace_global")
    pieces, is_right = _pieces_of(rewrite, expression.groups)
    if not is_right and not everywhere:
        return array.copy()
    replaced = expression.replacing(pieces, everywhere)
    return _each(lambda value, _: replaced(value))(call, array)


def _run_static_replace(call, array):
    return _replace(call, array, call.attr("pattern"), call.attr("rewrite"))


def _run_replace(call, array, pattern, rewrite):
    return _replace(call, array, _one("Pattern", pattern), _one("Rewrite", rewrite))


def _one(what, value):
    if value.shape:
        raise _invalid(f"{what} must be scalar, but received {list(value.shape)}")
    return value[()]


def _full_match(call, array, pattern):
    expression = _compiled(pattern)
    return _each(lambda value, _: expression.is_whole(value), bool)(call, array)


# --- encodings ------------------------------------------------------------------------------------------


def _encode_base64(value, call):
    import base64

    text = base64.urlsafe_b64encode(value)
    return text if call.attr("pad") else text.rstrip(b"=")


def _decode_base64(value, call):
    import base64
    import binascii

    bare = value.rstrip(b"=")
    if len(bare) % 4 == 1:
        raise _invalid("Base64 string length cannot be 1 modulo 4.")
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _invalid("Invalid character found in base64.") from None


def _op(name, inputs, outputs, host, shape=unchanged, **more):
    return OpDef(name, inputs, outputs, host=host, shape=shape, gradient=no_gradient, **more)


def _each_op(name, inputs, outputs, host, shape=unchanged, **more):
    """An op whose first input may have an axis more: then so have its outputs."""
    return _op(name, inputs, outputs, host, shape, rows=host, **more)


def _bucket(kind, *key):
    """A host function for the hash function `kind` of `_string_hashes`, which is imported when it is first used; that of the usual
    ones is compiled."""

    def run(call, array):
        values, count = array.ravel().tolist(), call.attr("num_buckets")
        if not key:
            return text_buckets(values, count, kind == "farm").reshape(array.shape)
        from . import _string_hashes

        keys = [call.attr(name) for name in key]
        if values and any(len(found) != 2 for found in keys):
            raise _invalid("Key must have 2 elements")
        hash_of = getattr(_string_hashes, kind)
        return _shaped([hash_of(value, *keys) % count for value in values], array.shape, np.int64)

    return run


def _bucket_shape(c):
    count = c.attr("num_buckets")
    if count < 1:
        c.fail(f"Attr 'num_buckets' of '{c.op.type}' Op passed {count} less than minimum 1.")
    return unchanged(c)


_LEAST_COUNT = {"num_buckets": 1}

register(
    _op("StringJoin", "inputs: N * string", "output: string", _run_join, _join_shape, attrs={"separator": b""}),
    _op("ReduceJoin", "inputs: string, reduction_indices: int32", "output: string", _run_reduce_join, _reduced_shape,
        attrs={"keep_dims": False, "separator": b""}),
    _op("Substr", "input: string, pos: T, len: T", "output: string", _run_substr, _substr_shape,
        rows=_run_substr_of_rows, attrs={"unit": b"BYTE"}, types={"T": kinds.INDEX}),
    _each_op("StringLength", "input: string", "output: int32", _run_length, attrs={"unit": b"BYTE"}),
    _each_op("StringStrip", "input: string", "output: string", _each(lambda value, _: value.strip())),
    _each_op("StringLower", "input: string", "output: string", _cased("lower"), attrs={"encoding": b""}),
    _each_op("StringUpper", "input: string", "output: string", _cased("upper"), attrs={"encoding": b""}),
    _each_op("AsString", "input: T", "output: string", _run_as_string, types={"T": kinds.NUMBER | kinds.BOOL},
        attrs={"precision": -1, "scientific": False, "shortest": False, "width": -1, "fill": b""}),
    _each_op("StringToNumber", "string_tensor: string", "output: out_type", _run_to_number, attrs={"out_type": dtypes.float32},
        types={"out_type": frozenset((dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64))}),
    _each_op("StringToHashBucket", "string_tensor: string", "output: int64", _bucket("murmur"), _bucket_shape,
        attrs={"num_buckets": None}, minima=_LEAST_COUNT),
    _each_op("StringToHashBucketFast", "input: string", "output: int64", _bucket("farm"), _bucket_shape,
        attrs={"num_buckets": None}, minima=_LEAST_COUNT),
    _each_op("StringToHashBucketStrong", "input: string", "output: int64",
        _bucket("sip", "key"), _bucket_shape, attrs={"num_buckets": None, "key": None}, minima=_LEAST_COUNT),
    _each_op("StaticRegexReplace", "input: string", "output: string", _run_static_replace,
        attrs={"pattern": None, "rewrite": None, "replace_global": True}),
    _each_op("RegexReplace", "input: string, pattern: string, rewrite: string", "output: string", _run_replace,
        ranks={"pattern": 0, "rewrite": 0}, attrs={"replace_global": True}),
    _each_op("StaticRegexFullMatch", "input: string", "output: bool",
        lambda call, array: _full_match(call, array, call.attr("pattern")), attrs={"pattern": None}),
    _each_op("RegexFullMatch", "input: string, pattern: string", "output: bool",
        lambda call, array, pattern: _full_match(call, array, _one("Pattern", pattern)), ranks={"pattern": 0}),
    _each_op("EncodeBase64", "input: string", "output: string", _each(_encode_base64), attrs={"pad": False}),
    _each_op("DecodeBase64", "input: string", "output: string", _each(_decode_base64)),
    _each_op("DecodeRaw", "bytes: string", "output: out_type", _run_decode_raw,
        lambda c: (*c.shape(0), UNKNOWN) if c.known(0) else None, attrs={"out_type": None, "little_endian": True},
        types={"out_type": kinds.NUMBER | kinds.BOOL}),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------


def string_join(inputs, separator="", name=None):
    """Joins the texts of several tensors, element by element.

    Args:
      inputs: string tensors of one shape; scalars go with every element.
      separator: text between them.
      name: the node's name.
    """
    return apply_op("StringJoin", [inputs], {"separator": separator}, name)


join = string_join


def reduce_join(inputs, axis=None, keep_dims=None, separator="", name=None, reduction_indices=None, keepdims=None):
    """Joins the texts of a tensor along axes.

    Args:
      inputs: a string tensor.
      axis: the axes, of which the first runs fastest; all by default, in row-major order.
      keep_dims, keepdims: whether the axes stay, with size 1.
      separator: text between elements.
      name: the node's name.
      reduction_indices: the old name of `axis`.

    Raises:
      ValueError: where an argument is given under both of its names.
    """
    axis = _either("axis", axis, "reduction_indices", reduction_indices)
    keep = _either("keepdims", keepdims, "keep_dims", keep_dims)
    with name_scope(name, "ReduceJoin", [inputs, axis]):
        inputs = convert_to_tensor(inputs)
        if axis is None and inputs.shape.ndims is not None:
            axis = constant(np.arange(inputs.shape.ndims - 1, -1, -1), dtypes.int32)
        elif axis is None:
            axis = range_op(rank(inputs) - 1, -1, -1)
        elif isinstance(axis, (list, tuple)) and not axis:
            axis = np.zeros(0, np.int32)
        return apply_op("ReduceJoin", [inputs, axis], {"keep_dims": bool(keep), "separator": separator})


def _either(name, value, old_name, old_value):
    if value is not None and old_value is not None:
        raise ValueError(f"Cannot specify both '{old_name}' and '{name}'")
    return old_value if value is None else value


def substr(input, pos, len, name=None, unit="BYTE"):
    """The part of each text from `pos`, `len` long.

    Args:
      input: a string tensor.
      pos: where it begins; negative counts from the end.
      len: its length.
      name: the node's name.
      unit: "BYTE", or "UTF8_CHAR" to count characters.

    Returns:
      A string tensor. Running it raises `InvalidArgumentError` for a position outside of a text.
    """
    return apply_op("Substr", [input, pos, len], {"unit": unit}, name)


def length(input, name=None, unit="BYTE"):
    """The length of each text, in bytes, or with the unit "UTF8_CHAR" in characters."""
    return apply_op("StringLength", [input], {"unit": unit}, name)


def string_strip(input, name=None):
    """Each text without white space at its ends."""
    return apply_op("StringStrip", [input], name=name)


strip = string_strip


def lower(input, encoding="", name=None):
    """Each text in small letters; those outside of ASCII too with the encoding "utf-8"."""
    return apply_op("StringLower", [input], {"encoding": encoding}, name)


def upper(input, encoding="", name=None):
    """Each text in capital letters; those outside of ASCII too with the encoding "utf-8"."""
    return apply_op("StringUpper", [input], {"encoding": encoding}, name)


def as_string(input, precision=-1, scientific=False, shortest=False, width=-1, fill="", name=None):
    """Numbers as text, in the manner of C's printf.

    Args:
      input: a tensor of numbers or booleans.
      precision: digits after the point, for floating-point types only.
      scientific: with an exponent.
      shortest: whichever of both is shorter.
      width: pads to this many characters.
      fill: a flag of printf: blank, "+", "-", "0" or "#".
      name: the node's name.
    """
    attrs = {"precision": precision, "scientific": scientific, "shortest": shortest, "width": width, "fill": fill}
    return apply_op("AsString", [input], attrs, name)


def string_to_number(string_tensor=None, out_type=dtypes.float32, name=None, input=None):
    """The number that each text spells.

    Args:
      string_tensor, input: a string tensor.
      out_type: float32, float64, int32 or int64.
      name: the node's name.

    Returns:
      A tensor. Running it raises `InvalidArgumentError` for text that is no number.
    """
    text = _either("input", input, "string_tensor", string_tensor)
    return apply_op("StringToNumber", [text], {"out_type": out_type}, name)


to_number = string_to_number


def string_to_hash_bucket(string_tensor=None, num_buckets=None, name=None, input=None):
    """The hash of each text modulo `num_buckets`."""
    text = _either("input", input, "string_tensor", string_tensor)
    return apply_op("StringToHashBucket", [text], {"num_buckets": num_buckets}, name)


def string_to_hash_bucket_fast(input, num_buckets, name=None):
    """The hash of each text modulo `num_buckets`, by a hash that is fast and not safe against chosen texts."""
    return apply_op("StringToHashBucketFast", [input], {"num_buckets": num_buckets}, name)


def string_to_hash_bucket_strong(input, num_buckets, key, name=None):
    """The hash of each text modulo `num_buckets`, by a hash with a secret key of two integers."""
    return apply_op("StringToHashBucketStrong", [input], {"num_buckets": num_buckets, "key": list(key)}, name)


to_hash_bucket = string_to_hash_bucket
to_hash_bucket_fast = string_to_hash_bucket_fast
to_hash_bucket_strong = string_to_hash_bucket_strong


def regex_replace(input, pattern, rewrite, replace_global=True, name=None):
    """Replaces what a regular expression matches.

    Args:
      input: a string tensor.
      pattern: the expression.
      rewrite: what comes instead; `\\1` stands for the first group, and so on.
      replace_global: all matches in a text, not only its first.
      name: the node's name.
    """
    attrs = {"replace_global": replace_global}
    if isinstance(pattern, (str, bytes)) and isinstance(rewrite, (str, bytes)):
        return apply_op("StaticRegexReplace", [input], {"pattern": pattern, "rewrite": rewrite, **attrs}, name)
    return apply_op("RegexReplace", [input, pattern, rewrite], attrs, name)


def regex_full_match(input, pattern, name=None):
    """Whether a regular expression matches each text as a whole."""
    if isinstance(pattern, (str, bytes)):
        return apply_op("StaticRegexFullMatch", [input], {"pattern": pattern}, name)
    return apply_op("RegexFullMatch", [input, pattern], name=name)


def encode_base64(input, pad=False, name=None):
    """Each text in the web-safe base64; `pad` fills it up with `=`."""
    return apply_op("EncodeBase64", [input], {"pad": pad}, name)


def decode_base64(input, name=None):
    """The text that each web-safe base64 text stands for, padded or not."""
    return apply_op("DecodeBase64", [input], name=name)


def decode_raw(input_bytes=None, out_type=None, little_endian=True, name=None, bytes=None):
    """The numbers whose bytes each text holds.

    Args:
      input_bytes, bytes: a string tensor; its texts have one length.
      out_type: the type of the numbers.
      little_endian: the order of the bytes.
      name: the node's name.

    Returns:
      A tensor with one more axis.
    """
    text = _either("input_bytes", input_bytes, "bytes", bytes)
    attrs = {"out_type": dtypes.as_dtype(out_type), "little_endian": little_endian}
    return apply_op("DecodeRaw", [text], attrs, name)
