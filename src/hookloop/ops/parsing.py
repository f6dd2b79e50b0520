"""What the records of files hold: fields between commas, `tf.train.Example`s, tensors. They run in Python."""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections import namedtuple

import numpy as np

from .. import dtypes, errors
from ..graph.describe import message_name
from ..graph.scopes import name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN, TensorShape, as_shape
from .array import expand_dims, reshape, squeeze
from .build import apply_op, constant, convert_to_tensor
from .registry import OpDef, no_gradient, register

__all__ = [
    "FixedLenFeature", "FixedLenSequenceFeature", "decode_csv", "parse_example", "parse_single_example", "parse_tensor",
    "serialize_tensor",
]  # fmt: skip


def refused(text):
    """The error of a record that is not as it should be."""
    return errors.InvalidArgumentError(None, None, text)


def _texts(values):
    return np.array([*values, None], object)[:-1]


# --- fields between commas ------------------------------------------------------------------------------------------

_FIELDS = frozenset((dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.string))


def _unquoted(text, at, delimiter, quotes):
    end = text.find(delimiter, at)
    end = len(text) if end < 0 else end
    field = text[at:end]
    if b"\n" in field or b"\r" in field or (quotes and b'"' in field):
        raise refused("Unquoted fields cannot have quotes/CRLFs inside")
    return field, end + 1


def _quoted(text, at, delimiter):
    """A field whose quote stands before `at`; a quote inside is written twice."""
    parts = []
    while True:
        end = text.find(b'"', at)
        if end < 0:
            raise refused("Quoted field has to end with quote followed by delim or end")
        parts.append(text[at:end])
        if end == len(text) - 1 or text[end + 1 : end + 2] == delimiter:
            return b"".join(parts), end + 2
        if text[end + 1 : end + 2] != b'"':
            raise refused("Quote inside a string has to be escaped by another quote")
        parts.append(b'"')
        at = end + 2


def _fields(text, delimiter, quotes):
    """The fields of a record, one by one."""
    at = 0
    while at < len(text):
        if text[at : at + 1] in b"\r\n":
            at += 1
            continue
        if quotes and text[at : at + 1] == b'"':
            field, at = _quoted(text, at + 1, delimiter)
        else:
            field, at = _unquoted(text, at, delimiter, quotes)
        yield field
    if text.endswith(delimiter):
        yield b""


def _chosen(fields, columns):
    if not columns:
        return list(fields)
    found = []
    for k, field in enumerate(fields):
        if k == columns[len(found)]:
            found.append(field)
            if len(found) == len(columns):
                break
    return found


def _field_value(field, dtype):
    if dtype == dtypes.string:
        return field
    text = field.decode("ascii").strip()
    if "_" in text:
        raise ValueError
    if dtype.is_integer:
        value, limits = int(text), np.iinfo(dtype.as_numpy_dtype)
        if not limits.min <= value <= limits.max:
            raise ValueError
        return value
    return float(text)


_TOGETHER = 1024  # records between two looks at whether the run shall stop


def _plain_columns(call, records, types, defaults):
    """The fields of records without quotes, line ends and mistakes, or None where there may be some: then they are read one by one."""
    delimiter, missing, columns = call.attr("field_delim"), call.attr("na_value"), call.attr("select_cols")
    joined = b"".join(records)
    if b"\n" in joined or b"\r" in joined or (b'"' in joined and call.attr("use_quote_delim")) or b"" in records:
        return None
    rows = [record.split(delimiter) for record in records]
    if columns:
        if min(map(len, rows)) <= max(columns):
            return None
        rows = [[row[k] for k in columns] for row in rows]
    elif set(map(len, rows)) != {len(types)}:
        return None
    found = []
    for texts, dtype, default in zip(zip(*rows), types, defaults):
        values = _plain_column(texts, dtype, missing, default)
        if values is None:
            return None
        found.append(values)
    return found


def _plain_column(texts, dtype, missing, default):
    convert = None if dtype == dtypes.string else int if dtype.is_integer else float
    joined = b"".join(texts)
    if convert and (b"_" in joined or not joined.isascii()):
        return None
    try:
        if b"" not in texts and missing not in texts:
            return list(map(convert, texts)) if convert else texts
        if not default.size:
            return None
        instead = default.ravel()[0]
        return [instead if not t or t == missing else convert(t) if convert else t for t in texts]
    except ValueError:
        return None


def _run_decode_csv(call, records, *defaults):
    types = [t.base_dtype for t in call.attr("OUT_TYPE")]
    delimiter, missing, columns = call.attr("field_delim"), call.attr("na_value"), call.attr("select_cols")
    found = [np.empty(records.size, object if t == dtypes.string else t.as_numpy_dtype) for t in types]
    for i, default in enumerate(defaults):
        if default.size > 1:
            raise refused(f"There should only be 1 default per field but field {i} has {default.size}")
    if _decode_plain(call, records, types, defaults, found):
        return [column.reshape(records.shape) for column in found]
    for r, record in enumerate(records.ravel()):
        fields = _chosen(_fields(record, delimiter, call.attr("use_quote_delim")), columns)
        if len(fields) != len(types):
            raise refused(f"Expect {len(types)} fields but have {len(fields)} in record {r}")
        for f, (field, dtype) in enumerate(zip(fields, types)):
            if not field or field == missing:
                if not defaults[f].size:
                    raise refused(f"Field {f} is required but missing in record {r}!")
                found[f][r] = defaults[f].ravel()[0]
                continue
            try:
                found[f][r] = _field_value(field, dtype)
            except (ValueError, UnicodeDecodeError):
                name = message_name(dtype)
                raise refused(
                    f"Field {f} in record {r} is not a valid {name}: {field.decode(errors='replace')}"
                ) from None
        call.check()
    return [column.reshape(records.shape) for column in found]


def _decode_plain(call, records, types, defaults, found):
    """Fills the columns where no record asks for more than a cut at each delimiter; whether it did."""
    texts = records.ravel().tolist()
    for first in range(0, len(texts), _TOGETHER):
        columns = _plain_columns(call, texts[first : first + _TOGETHER], types, defaults)
        if columns is None:
            return False
        try:
            for column, values in zip(found, columns):
                column[first : first + _TOGETHER] = values
        except (OverflowError, ValueError):
            return False
        call.check()
    return True


def _csv_shape(c):
    for i in range(1, len(c.inputs)):
        if not c.known(i):
            continue
        shape = c.shape(i)
        if len(shape) > 1:
            c.fail("Shape of a default must be a length-0 or length-1 vector, or a scalar.")
        if shape and isinstance(shape[0], int) and shape[0] > 1:
            c.fail("Shape of a default must be a length-0 or length-1 vector, or a scalar.")
    shape = c.shape(0) if c.known(0) else None
    return [shape] * len(c.op.outputs)


# --- examples ---------------------------------------------------------------------------------------------------------

_FEATURES = frozenset((dtypes.float32, dtypes.int64, dtypes.string))
_LISTS = {"float_list": dtypes.float32, "int64_list": dtypes.int64, "bytes_list": dtypes.string}
_VALUES = {dtype: operator.attrgetter(f"{kind}.value") for kind, dtype in _LISTS.items()}
_MANY_FLOATS = 12  # of a feature, from which on they are taken as bytes


class FixedLenFeature(namedtuple("FixedLenFeature", ["shape", "dtype", "default_value"])):
    """A feature that every example has, of one shape.

    Args:
      shape: of its value.
      dtype: of its value: float32, int64 or string.
      default_value: of examples that lack it; without one they are refused.
    """

    def __new__(cls, shape, dtype, default_value=None):
        return super().__new__(cls, shape, dtype, default_value)


class FixedLenSequenceFeature(
    namedtuple("FixedLenSequenceFeature", ["shape", "dtype", "allow_missing", "default_value"])
):
    """A feature with any number of values of one shape; examples that have fewer than others are filled up.

    Args:
      shape: of one value.
      dtype: of its values: float32, int64 or string.
      allow_missing: must be True: an example without the feature has no values.
      default_value: what fills up.
    """

    def __new__(cls, shape, dtype, allow_missing=False, default_value=None):
        return super().__new__(cls, shape, dtype, allow_missing, default_value)


def _dense_shapes(call):
    return [as_shape(shape).as_list() for shape in call.attr("dense_shapes")]


def _examples(texts):
    """The features of each serialized example."""
    from ..files.messages import Example

    parse = Example.FromString
    try:
        return [parse(text).features.feature for text in texts]
    except Exception:  # the parser's own error, of a class that depends on how it is built
        for text in texts:
            if not _is_example(parse, text):
                raise refused(f"Could not parse example input, value: {text!r}") from None
        raise


def _is_example(parse, text):
    try:
        parse(text)
    except Exception:  # as in `_examples`
        return False
    return True


def parsed_values(feature, dtype):
    """The values of a feature, or None where it is another type's."""
    kind = feature.WhichOneof("kind")
    if kind is None:
        return []
    return list(getattr(feature, kind).value) if _LISTS[kind] == dtype else None


def parsed_array(values, dtype):
    """Values of a feature as an array."""
    return _texts(values) if dtype == dtypes.string else np.array(values, dtype.as_numpy_dtype)


def _type_of(feature):
    return message_name(_LISTS[feature.WhichOneof("kind")])


def _run_parse_example(call, serialized, names, *rest):
    count = call.attr("Ndense")
    keys = [key.item().decode() for key in rest[:count]]
    types, shapes, defaults = [t.base_dtype for t in call.attr("Tdense")], _dense_shapes(call), rest[count:]
    texts = serialized.ravel().tolist()
    named = [name.decode(errors="replace") for name in names.ravel()] if names.size else ["<unknown>"] * len(texts)
    examples, found = _examples(texts), []
    for key, dtype, shape, default in zip(keys, types, shapes, defaults):
        column = _column(examples, key, dtype, shape)
        if column is not None:
            found.append(column)
            continue
        rows = [
            _row(name, i, features, key, dtype, shape, default)
            for i, (name, features) in enumerate(zip(named, examples))
        ]
        if shape and shape[0] is None:
            longest, fill = max([len(row) for row in rows], default=0), default.ravel()[0] if default.size else 0
            padded = np.full((len(rows), longest), fill, object if dtype == dtypes.string else dtype.as_numpy_dtype)
            for i, row in enumerate(rows):
                padded[i, : len(row)] = row
            part = int(np.prod(shape[1:], dtype=int))
            found.append(padded.reshape(len(rows), longest // max(part, 1), *shape[1:]))
            continue
        empty = np.empty((0, *shape), object if dtype == dtypes.string else dtype.as_numpy_dtype)
        found.append(np.stack([np.asarray(row).reshape(shape) for row in rows]) if rows else empty)
    return found


def _column(examples, key, dtype, shape):
    """A feature that every example has in the wanted number, or None where each must be looked at by itself."""
    number, values_of, found = _fixed_number(shape), _VALUES[dtype], []
    if not number or not examples:
        return None
    if number >= _MANY_FLOATS and dtype == dtypes.float32:
        column = _packed_column(examples, key, number)
        if column is not None:
            return column.reshape(len(examples), *shape)
    for features in examples:
        feature = features.get(key)
        values = () if feature is None else values_of(feature)
        if len(values) != number:
            return None
        found += values[:]
    return parsed_array(found, dtype).reshape(len(examples), *shape)


def _packed_column(examples, key, number):
    """As `_column`, of floats in the bytes in which a message has them: one by one they would be objects of Python."""
    start, size, found = b"\x0a" + _varint(4 * number), 4 * number, []  # the field's number, and how many bytes follow
    for features in examples:
        feature = features.get(key)
        packed = b"" if feature is None else feature.float_list.SerializeToString()
        if len(packed) != len(start) + size or not packed.startswith(start):
            return None  # another number of them, or also something that no message of this kind has
        found.append(packed[len(start) :])
    return np.frombuffer(b"".join(found), "<f4").astype(np.float32)


def _varint(number):
    """A number in the bytes of protocol messages."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _fixed_number(shape):
    """How many values a feature has, or 0 where each example decides."""
    return 0 if shape and shape[0] is None else math.prod(shape)


def _row(name, i, features, key, dtype, shape, default):
    """One example's values of a feature."""
    where = f"Name: {name}, Key: {key}, Index: {i}.  "
    open_ended = bool(shape) and shape[0] is None
    if key not in features or features[key].WhichOneof("kind") is None:
        if open_ended:
            return parsed_array([], dtype)
        if not default.size:
            kind = message_name(dtype)
            raise refused(f"Name: {name}, Feature: {key} (data type: {kind}) is required but could not be found.")
        return default
    values, kind = parsed_values(features[key], dtype), message_name(dtype)
    if values is None:
        raise refused(f"{where}Data types don't match. Data type: {_type_of(features[key])} but expected type: {kind}")
    _check_number(where, kind, len(values), shape, open_ended)
    return parsed_array(values, dtype)


def _check_number(where, kind, number, shape, open_ended):
    text = ",".join("?" if d is None else str(d) for d in shape)
    if open_ended:
        part = int(np.prod(shape[1:], dtype=int))
        if number % max(part, 1):
            raise refused(
                f"{where}Number of {kind} values is not a multiple of stride length. Saw {number} values but output "
                f"shape is: [{text}]"
            )
    elif number != int(np.prod(shape, dtype=int)):
        raise refused(f"{where}Number of {kind} values != expected.  Values size: {number} but output shape: [{text}]")


def _single_features(call):
    """What a node asks of an example: of each feature its key, type and shape, how many values, or 0 where they are counted, and
    where a feature has them."""
    found = call.resource_state.get(("features", call.op))
    if found is None:
        keys, types = [key.decode() for key in call.attr("dense_keys")], [t.base_dtype for t in call.attr("Tdense")]
        found = call.resource_state["features", call.op] = [
            (key, dtype, shape, _fixed_number(shape), _VALUES[dtype])
            for key, dtype, shape in zip(keys, types, _dense_shapes(call))
        ]
    return found


def _run_parse_single_example(call, serialized, *defaults):
    (example,) = _examples([serialized.item()])
    return [_single(example, *feature, default) for feature, default in zip(_single_features(call), defaults)]


def _run_parse_single_examples(call, serialized, *defaults):
    """Each of several by itself, stacked."""
    features = _single_features(call)
    if any(shape and shape[0] is None for _, _, shape, _, _ in features):
        raise refused("features of any length are read one by one")
    texts, found = serialized.tolist(), [[] for _ in features]
    for first in range(0, len(texts), _TOGETHER):
        examples = _examples(texts[first : first + _TOGETHER])
        for (key, dtype, shape, number, values_of), default, parts in zip(features, defaults, found):
            column = _column(examples, key, dtype, shape)
            if column is None:
                rows = [_single(example, key, dtype, shape, number, values_of, default) for example in examples]
                column = np.stack(rows)
            parts.append(column)
        call.check()
    return [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in found]


def _single(features, key, dtype, shape, number, values_of, default):
    """One example's value of a feature; where `ParseExample` says which example is wrong, this says nothing of it."""
    feature = features.get(key) if number else None
    if feature is not None:
        values = values_of(feature)
        if len(values) == number:
            return parsed_array(values, dtype).reshape(shape)
    kind, open_ended = message_name(dtype), bool(shape) and shape[0] is None
    if key not in features or features[key].WhichOneof("kind") is None:
        if not open_ended and not default.size:
            raise refused(f"Feature: {key} (data type: {kind}) is required but could not be found.")
        row = parsed_array([], dtype) if open_ended else default
    else:
        values = parsed_values(features[key], dtype)
        if values is None:
            raise refused(
                f"Key: {key}.  Data types don't match. Data type: {_type_of(features[key])} but expected type: {kind}"
            )
        part = int(np.prod(shape[1:] if open_ended else shape, dtype=int))
        if (len(values) % max(part, 1)) if open_ended else len(values) != part:
            raise refused(f"Key: {key}.  Can't parse serialized Example.")
        row = parsed_array(values, dtype)
    return np.asarray(row).reshape([-1 if d is None else d for d in shape])


def _shapes_of_batch(c):
    count = c.shape(0)[0] if c.known(0) else UNKNOWN
    return [(count, *_known(shape)) for shape in c.attr("dense_shapes")]


def _shapes_of_one(c):
    return [_known(shape) for shape in c.attr("dense_shapes")]


def _known(shape):
    return tuple([UNKNOWN if d is None or d < 0 else d for d in as_shape(shape).as_list()])


# --- tensors ------------------------------------------------------------------------------------------------------------


def _run_serialize_tensor(call, array):
    from ..graph.tensor_proto import array_to_content_proto

    message = array_to_content_proto(array, call.op.inputs[0].dtype.base_dtype)
    return _texts([message.SerializeToString(deterministic=True)]).reshape(())


def _run_parse_tensor(call, serialized):
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    from .tensor_util import make_ndarray

    wanted = call.attr("out_type").base_dtype
    try:
        message = TensorProto.FromString(serialized.item())
    except Exception:  # as in `_example`
        text = serialized.item().decode(errors="replace")
        raise refused(f"Could not parse `serialized` as TensorProto: '{text}'") from None
    found = dtypes.as_dtype(message.dtype) if message.dtype else None
    if found != wanted:
        names = [message_name(t) if t is not None else "invalid" for t in (found, wanted)]
        raise refused(f"Type mismatch between parsed tensor ({names[0]}) and dtype ({names[1]})")
    return make_ndarray(message)


register(
    OpDef("DecodeCSV", "records: string, record_defaults: OUT_TYPE", "output: OUT_TYPE", types={"OUT_TYPE": _FIELDS},
          attrs={"OUT_TYPE": [], "field_delim": b",", "use_quote_delim": True, "na_value": b"", "select_cols": []},
          shape=_csv_shape, host=_run_decode_csv, rows=_run_decode_csv, gradient=no_gradient),
    OpDef("ParseExample",
          "serialized: string, names: string, sparse_keys: Nsparse * string, dense_keys: Ndense * string, dense_defaults: Tdense",
          "dense_values: Tdense", types={"Tdense": _FEATURES},
          attrs={"Nsparse": 0, "Ndense": 0, "Tdense": [], "sparse_types": [], "dense_shapes": []},
          shape=_shapes_of_batch, host=_run_parse_example, gradient=no_gradient),
    OpDef("ParseSingleExample", "serialized: string, dense_defaults: Tdense", "dense_values: Tdense", types={"Tdense": _FEATURES}, ranks={"serialized": 0},
          attrs={"num_sparse": 0, "sparse_keys": [], "dense_keys": [], "sparse_types": [], "Tdense": [], "dense_shapes": []},
          shape=_shapes_of_one, host=_run_parse_single_example, rows=_run_parse_single_examples, gradient=no_gradient),
    OpDef("SerializeTensor", "tensor: T", "serialized: string", shape=lambda c: (), host=_run_serialize_tensor, gradient=no_gradient),
    OpDef("ParseTensor", "serialized: string", "output: out_type", attrs={"out_type": None}, shape=lambda c: None,
          host=_run_parse_tensor, gradient=no_gradient),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------------


def decode_csv(
    records, record_defaults, field_delim=",", use_quote_delim=True, name=None, na_value="", select_cols=None
):
    """The fields of records: a tensor of the records' shape for each column.

    Args:
      records: strings, one a record.
      record_defaults: for each column a value of its type, for fields that are missing; an empty list or tensor where
        they must not be.
      field_delim: what stands between fields, one character.
      use_quote_delim: whether quotes enclose fields.
      name: the node's name.
      na_value: a text that stands for a missing field too.
      select_cols: the columns that are wanted, in order; by default all.

    Returns:
      A list of tensors.

    Raises:
      ValueError: for defaults of another shape, or columns that are not in order.
      InvalidArgumentError: when it runs, for a record that has other fields.
    """
    columns = list(select_cols or [])
    if any(a >= b for a, b in itertools.pairwise(columns)):
        raise ValueError("select_cols is not strictly increasing.")
    if columns and columns[0] < 0:
        raise ValueError("select_cols contains negative values.")
    if columns and len(columns) != len(record_defaults):
        raise ValueError("Length of select_cols and record_defaults do not match.")
    if len(_bytes(field_delim)) != 1:
        raise errors.InvalidArgumentError(None, None, "field_delim should be only 1 char")
    attrs = {
        "field_delim": field_delim,
        "use_quote_delim": use_quote_delim,
        "na_value": na_value,
        "select_cols": columns,
    }
    return apply_op("DecodeCSV", [records, list(record_defaults)], attrs, name)


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def _checked(features):
    """The features sorted by their names, each with the shape of its value."""
    if not features:
        raise ValueError(f"Missing: features was {features}.")
    found = []
    for key in sorted(features):
        feature = features[key]
        if not isinstance(feature, (FixedLenFeature, FixedLenSequenceFeature)):
            raise ValueError(f"Invalid feature {key}:{feature}.")
        if not feature.dtype:
            raise ValueError(f"Missing type for feature {key}.")
        if feature.shape is None:
            raise ValueError(f"Missing shape for feature {key}.")
        shape = TensorShape(feature.shape)
        if isinstance(feature, FixedLenSequenceFeature):
            if not feature.allow_missing:
                raise ValueError("Unsupported: FixedLenSequenceFeature requires allow_missing to be True.")
            shape = TensorShape([None]).concatenate(shape)
        elif not shape.is_fully_defined():
            raise ValueError(f"All dimensions of shape for feature {key} need to be known but received {shape}.")
        found.append((key, feature, dtypes.as_dtype(feature.dtype), shape))
    return found


def _defaults(checked):
    """What each feature is where an example lacks it, as tensors."""
    found = []
    for key, feature, dtype, shape in checked:
        default, open_ended = feature.default_value, isinstance(feature, FixedLenSequenceFeature)
        if default is None:
            found.append(constant(("" if dtype == dtypes.string else 0) if open_ended else [], dtype=dtype))
            continue
        if not isinstance(default, Tensor):
            default = convert_to_tensor(default, dtype=dtype, name="key_" + re.sub("[^A-Za-z0-9_.\\-/]", "_", key))
        found.append(reshape(default, [] if open_ended else shape))
    return found


def parse_example(serialized, features, name=None, example_names=None):
    """The features of a batch of serialized `tf.train.Example`s.

    Args:
      serialized: a vector of strings.
      features: name -> `FixedLenFeature` or `FixedLenSequenceFeature`.
      name: the node's name.
      example_names: a vector of strings, the examples' names in errors.

    Returns:
      name -> tensor, whose first axis is the batch's.

    Raises:
      ValueError: for features that are none.
      InvalidArgumentError: when it runs, for an example that lacks a feature without default, or has it otherwise.
    """
    checked = _checked(features)
    with name_scope(name, "ParseExample", [serialized, example_names]):
        return _parsed(serialized, example_names, checked, name)


def _parsed(serialized, names, checked, name):
    defaults = _defaults(checked)
    attrs = {"dense_shapes": [shape for *_, shape in checked], "sparse_types": []}
    values = apply_op(
        "ParseExample",
        [serialized, [] if names is None else names, [], [key for key, *_ in checked], defaults],
        attrs,
        name,
    )
    return dict(zip([key for key, *_ in checked], values))


def parse_single_example(serialized, features, name=None, example_names=None):
    """The features of one serialized `tf.train.Example`; see `parse_example`."""
    if not features:
        raise ValueError("Missing features.")
    checked = _checked(features)
    with name_scope(name, "ParseSingleExample", [serialized, example_names]):
        if example_names is None:
            serialized = convert_to_tensor(serialized, dtype=dtypes.string, name="serialized")
            attrs = {
                "dense_keys": [key.encode() for key, *_ in checked],
                "dense_shapes": [shape for *_, shape in checked],
            }
            values = apply_op("ParseSingleExample", [serialized, _defaults(checked)], attrs, name)
            return dict(zip([key for key, *_ in checked], values))
        serialized, names = expand_dims(serialized, 0), expand_dims(convert_to_tensor(example_names), 0)
        found = parse_example(serialized, features, name=name, example_names=names)
        return {key: squeeze(value, [0], name="Squeeze_" + key) for key, value in found.items()}


def serialize_tensor(tensor, name=None):
    """A tensor as a serialized `TensorProto`, a string scalar."""
    return apply_op("SerializeTensor", [tensor], name=name)


def parse_tensor(serialized, out_type, name=None):
    """The tensor that a serialized `TensorProto` holds.

    Args:
      serialized: a string scalar.
      out_type: the type that it has.
      name: the node's name.

    Raises:
      InvalidArgumentError: when it runs, for other bytes or another type.
    """
    return apply_op("ParseTensor", [serialized], {"out_type": dtypes.as_dtype(out_type)}, name)
