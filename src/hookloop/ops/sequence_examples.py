"""What serialized `tf.train.SequenceExample`s hold: features of the whole, and lists of features. They run in Python."""

from __future__ import annotations

import math

import numpy as np

from .. import dtypes
from ..graph.describe import message_name
from ..graph.scopes import name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN, TensorShape, as_shape
from .array import reshape
from .build import apply_op, constant, convert_to_tensor
from .parsing import FixedLenFeature, FixedLenSequenceFeature, parsed_array, parsed_values, refused
from .registry import OpDef, no_gradient, register

__all__ = ["parse_sequence_example", "parse_single_sequence_example"]

_FEATURES = frozenset((dtypes.float32, dtypes.int64, dtypes.string))


def _example(serialized):
    from ..files.messages import SequenceExample

    try:
        found = SequenceExample.FromString(serialized)
    except Exception:  # the parser's own error, of a class that depends on how it is built
        raise refused(f"Invalid protocol message input, value: {serialized!r}") from None
    return found.context.feature, found.feature_lists.feature_list


def _names(call, attr):
    return [name.decode() for name in call.attr(attr)]


def _types(call, attr):
    return [dtype.base_dtype for dtype in call.attr(attr)]


def _sizes(call, attr):
    return [as_shape(shape).as_list() for shape in call.attr(attr)]


def _text(shape):
    return "[" + ",".join(map(str, shape)) + "]"


# --- one example ------------------------------------------------------------------------------------------------------


def _run_single(call, serialized, empty, *rest):
    contexts, lists = call.attr("Ncontext_dense"), call.attr("Nfeature_list_dense")
    keys = [key.item().decode() for key in rest[: contexts + lists]]
    defaults, name = rest[contexts + lists : -1], rest[-1].item().decode(errors="replace")
    context, sequences = _example(serialized.item())
    found = []
    for key, dtype, shape, default in zip(
        keys, _types(call, "Tcontext_dense"), _sizes(call, "context_dense_shapes"), defaults
    ):
        if key in context:
            what = f"Name: {name}, Context feature: {key}."
            found.append(_checked_row(what, name, key, 0, context[key], dtype, shape))
        elif not default.size:
            raise refused(f"Name: {name}, Context feature '{key}' is required but could not be found.")
        else:
            found.append(default.reshape(shape))
    allowed = {key.decode() for key in empty.ravel().tolist()}
    for key, dtype, shape in zip(
        keys[contexts:], _types(call, "feature_list_dense_types"), _sizes(call, "feature_list_dense_shapes")
    ):
        if key not in sequences and key not in allowed:
            raise refused(
                f"Name: {name}, Feature list '{key}' is required but could not be found.  Did you mean to include it in "
                "feature_list_dense_missing_assumed_empty or feature_list_dense_defaults?"
            )
        features = sequences[key].feature if key in sequences else []
        what = f"Name: {name}, Feature list: {key}, Index: "
        rows = [_checked_row(f"{what}{i}.", name, key, i, f, dtype, shape) for i, f in enumerate(features)]
        found.append(np.stack(rows) if rows else parsed_array([], dtype).reshape(0, *shape))
    return found


def _checked_row(what, name, key, i, feature, dtype, shape):
    values = parsed_values(feature, dtype)
    if feature.WhichOneof("kind") is None or values is None:
        raise refused(f"{what}  Data types don't match. Expected type: {message_name(dtype)}  Feature is: {feature}")
    if len(values) != math.prod(shape):
        raise refused(
            f"Name: {name}, Key: {key}, Index: {i}.  Number of {message_name(dtype)} values != expected.  values size: "
            f"{len(values)} but output shape: {_text(shape)}"
        )
    return parsed_array(values, dtype).reshape(shape)


# --- a batch of examples ----------------------------------------------------------------------------------------------


def _run_batch(call, serialized, names, *defaults):
    texts = serialized.ravel().tolist()
    names = [name.decode(errors="replace") for name in names.ravel()] if names.size else ["<unknown>"] * len(texts)
    if len(names) != len(texts):
        raise refused(f"expected {len(texts)} names of examples, got {len(names)}")
    contexts = list(
        zip(
            _names(call, "context_dense_keys"),
            _types(call, "Tcontext_dense"),
            _sizes(call, "context_dense_shapes"),
            defaults,
        )
    )
    lists = list(
        zip(
            _names(call, "feature_list_dense_keys"),
            _types(call, "feature_list_dense_types"),
            _sizes(call, "feature_list_dense_shapes"),
        )
    )
    allowed = set(_names(call, "feature_list_dense_missing_assumed_empty"))
    examples = [_example_values(name, text, contexts, lists) for name, text in zip(names, texts)]
    found = [_context_column(i, names, [one for one, _ in examples], *context) for i, context in enumerate(contexts)]
    padded, lengths = [], []
    for key, dtype, shape in lists:
        rows, length = _list_column(names, [some[key] for _, some in examples], key, dtype, shape, key in allowed)
        padded.append(rows)
        lengths.append(length)
    return [*found, *padded, *lengths]


def _example_values(name, text, contexts, lists):
    """The values of an example's features by their names, and those of each feature of its lists; None of one that it lacks."""
    context, sequences = _example(text)
    whole = {}
    for key, dtype, *_ in contexts:
        whole[key] = parsed_values(context[key], dtype) if key in context else None
        if key in context and whole[key] is None:
            raise refused(f"Error in context feature {key} in example {name}")
    steps = {}
    for key, dtype, _ in lists:
        steps[key] = [parsed_values(feature, dtype) for feature in sequences[key].feature] if key in sequences else None
        if None in (steps[key] or []):
            raise refused(f"Error in sequence feature {key} in example {name}")
    return whole, steps


def _context_column(i, names, examples, key, dtype, shape, default):
    if default.size and list(default.shape) != shape:
        raise refused(
            f"default_value[{i}].shape() == {_text(default.shape)} != context_dense_shapes[{i}] == {_text(shape)}"
        )
    number, rows = math.prod(shape), [values[key] for values in examples]
    most = max([len(row) for row in rows if row is not None], default=0)
    if not default.size and most != number:
        raise refused(f"Inconsistent number of elements for feature {key}: {most} vs {number}")
    found = []
    for name, row in zip(names, rows):
        if row is None and not default.size:
            raise refused(f"Feature: {key} (data type: {message_name(dtype)}) is required but could not be found.")
        if row is not None and len(row) != number:
            raise refused(f"Unexpected number of elements in example {name}")
        found.extend(default.ravel().tolist() if row is None else row)
    return parsed_array(found, dtype).reshape(len(rows), *shape)


def _list_column(names, examples, key, dtype, shape, may_be_missing):
    number = math.prod(shape)
    for name, steps in zip(names, examples):
        if steps is None and not may_be_missing:
            raise refused(f"Missing feature {key} in example {name}")
    examples = [steps or [] for steps in examples]
    if any(sum(map(len, steps)) % max(number, 1) for steps in examples):
        raise refused(f"Unexpected shape error in feature {key}")
    lengths = np.array([len(steps) for steps in examples], np.int64)
    rows = np.full((len(examples), lengths.max(initial=0), number), b"" if dtype == dtypes.string else 0,
                   object if dtype == dtypes.string else dtype.as_numpy_dtype)  # fmt: skip
    for i, (name, steps) in enumerate(zip(names, examples)):
        if any(len(step) != number for step in steps):
            raise refused(f"Unexpected number of elements in feature {key}, example {name}")
        for k, step in enumerate(steps):
            rows[i, k] = step
    return rows.reshape(*rows.shape[:2], *shape), lengths


# --- shapes -----------------------------------------------------------------------------------------------------------


def _known(c, attr):
    shapes = [as_shape(shape) for shape in c.attr(attr)]
    for shape in shapes:
        if not shape.is_fully_defined():
            c.fail(
                f"Shape {'<unknown>' if shape.ndims is None else _text(['?' if d is None else d for d in shape.as_list()])} is not fully defined"
            )
    return [tuple(shape.as_list()) for shape in shapes]


def _shapes_of_one(c):
    lists = _known(c, "feature_list_dense_shapes")
    return [*_known(c, "context_dense_shapes"), *[(UNKNOWN, *shape) for shape in lists]]


def _shapes_of_batch(c):
    count = c.shape(0)[0] if c.known(0) else UNKNOWN
    lists = _known(c, "feature_list_dense_shapes")
    whole = [(count, *shape) for shape in _known(c, "context_dense_shapes")]
    return [*whole, *[(count, UNKNOWN, *shape) for shape in lists], *[(count,) for _ in lists]]


_COUNTS = {"Ncontext_sparse": 0, "Ncontext_dense": 0, "Nfeature_list_sparse": 0, "Nfeature_list_dense": 0}
_LISTS = {
    "context_sparse_types": [], "Tcontext_dense": [], "feature_list_dense_types": [], "context_dense_shapes": [],
    "feature_list_sparse_types": [], "feature_list_dense_shapes": [],
}  # fmt: skip
_KINDS = {"Tcontext_dense": _FEATURES, "feature_list_dense_types": _FEATURES}

register(
    OpDef("ParseSingleSequenceExample",
          "serialized: string, feature_list_dense_missing_assumed_empty: string, context_sparse_keys: Ncontext_sparse * string, "
          "context_dense_keys: Ncontext_dense * string, feature_list_sparse_keys: Nfeature_list_sparse * string, "
          "feature_list_dense_keys: Nfeature_list_dense * string, context_dense_defaults: Tcontext_dense, debug_name: string",
          "context_dense_values: Tcontext_dense, feature_list_dense_values: feature_list_dense_types", types=_KINDS,
          attrs={**_COUNTS, **_LISTS}, ranks={"serialized": 0, "feature_list_dense_missing_assumed_empty": 1},
          shape=_shapes_of_one, host=_run_single, gradient=no_gradient),
    OpDef("ParseSequenceExample", "serialized: string, debug_name: string, context_dense_defaults: Tcontext_dense",
          "context_dense_values: Tcontext_dense, feature_list_dense_values: feature_list_dense_types, "
          "feature_list_dense_lengths: Nfeature_list_dense * int64", types=_KINDS,
          attrs={"feature_list_dense_missing_assumed_empty": None, "context_sparse_keys": None, "context_dense_keys": None,
                 "feature_list_sparse_keys": None, "feature_list_dense_keys": None, **_COUNTS, **_LISTS},
          ranks={"serialized": 1}, shape=_shapes_of_batch, host=_run_batch, gradient=no_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------------------


def _asked(context_features, sequence_features):
    """What is asked for, sorted by names: (key, type, shape, default) of the whole, (key, type, shape) of the lists, and the names of
    lists that may be missing."""
    if not context_features and not sequence_features:
        raise ValueError("Missing features.")
    context, lists, empty = [], [], []
    for features, kind, found in (
        (context_features, FixedLenFeature, context),
        (sequence_features, FixedLenSequenceFeature, lists),
    ):
        for key in sorted(features or {}):
            feature = features[key]
            if not isinstance(feature, (FixedLenFeature, FixedLenSequenceFeature)):
                raise ValueError(f"Invalid feature {key}:{feature}.")
            if not isinstance(feature, kind):
                raise ValueError(f"Unsupported {type(feature).__name__} {feature}.")
            if not feature.dtype:
                raise ValueError(f"Missing type for feature {key}.")
            if feature.shape is None:
                raise ValueError(f"Missing shape for feature {key}.")
            if kind is FixedLenSequenceFeature and feature.default_value is not None:
                raise ValueError(f"Value feature_list_dense_defaults[{key}] must be None")
            dtype = dtypes.as_dtype(feature.dtype)
            if kind is FixedLenSequenceFeature and dtype not in _FEATURES:
                raise TypeError(
                    f"Value passed to parameter 'feature_list_dense_types' has DataType {dtype.name} not in list of allowed "
                    "values: float32, int64, string"
                )
            found.append((key, dtype, TensorShape(feature.shape), feature.default_value))
            if kind is FixedLenSequenceFeature and feature.allow_missing:
                empty.append(key)
    return context, lists, empty


def _attrs(context, lists):
    return {
        "context_sparse_types": [], "feature_list_sparse_types": [],
        "context_dense_shapes": [shape for _, _, shape, _ in context],
        "feature_list_dense_types": [dtype for _, dtype, *_ in lists],
        "feature_list_dense_shapes": [shape for _, _, shape, _ in lists],
    }  # fmt: skip


def _default(key, dtype, shape, value, reshaped):
    if value is None:
        return constant([], dtype=dtype)
    if not isinstance(value, Tensor):
        value = convert_to_tensor(value, dtype=dtype, name="key_" + key.replace(" ", "_"))
    return reshape(value, shape) if reshaped else value


def parse_single_sequence_example(
    serialized, context_features=None, sequence_features=None, example_name=None, name=None
):
    """The features of one serialized `tf.train.SequenceExample`.

    Args:
      serialized: a string scalar.
      context_features: name -> `FixedLenFeature`, of the whole example.
      sequence_features: name -> `FixedLenSequenceFeature`, of its lists: each list has any number of values of the feature's shape.
      example_name: a string scalar, the example's name in errors.
      name: the node's name.

    Returns:
      Two dicts of tensors by names: of the whole, and of the lists, whose first axis is the list's.

    Raises:
      ValueError: for features that are none.
      InvalidArgumentError: when it runs, for an example that lacks a feature, or has it otherwise.
    """
    context, lists, empty = _asked(context_features, sequence_features)
    with name_scope(name, "ParseSingleSequenceExample", [serialized, example_name]):
        defaults = [_default(*one, True) for one in context]
        values = apply_op(
            "ParseSingleSequenceExample",
            [
                serialized, empty, [], [key for key, *_ in context], [], [key for key, *_ in lists], defaults,
                "" if example_name is None else example_name,
            ],
            _attrs(context, lists), name,
        )  # fmt: skip
    first = len(context)
    return (
        dict(zip([key for key, *_ in context], values[:first])),
        dict(zip([key for key, *_ in lists], values[first:])),
    )


def parse_sequence_example(serialized, context_features=None, sequence_features=None, example_names=None, name=None):
    """The features of a batch of serialized `tf.train.SequenceExample`s; see `parse_single_sequence_example`.

    Args:
      serialized: a vector of strings.
      context_features: name -> `FixedLenFeature`.
      sequence_features: name -> `FixedLenSequenceFeature`.
      example_names: a vector of strings, the examples' names in errors.
      name: the node's name.

    Returns:
      Three dicts of tensors by names: of the whole; of the lists, filled up to the longest with zeros or empty strings; and the lists'
      lengths.
    """
    context, lists, empty = _asked(context_features, sequence_features)
    with name_scope(name, "ParseSequenceExample", [serialized, example_names]):
        defaults = [_default(*one, False) for one in context]
        attrs = {
            "feature_list_dense_missing_assumed_empty": [key.encode() for key in empty],
            "context_sparse_keys": [], "feature_list_sparse_keys": [],
            "context_dense_keys": [key.encode() for key, *_ in context],
            "feature_list_dense_keys": [key.encode() for key, *_ in lists],
            "Ncontext_dense": len(context), "Nfeature_list_dense": len(lists), **_attrs(context, lists),
        }  # fmt: skip
        values = apply_op(
            "ParseSequenceExample", [serialized, [] if example_names is None else example_names, defaults], attrs, name
        )
    keys, first = [key for key, *_ in lists], len(context)
    return (
        dict(zip([key for key, *_ in context], values[:first])),
        dict(zip(keys, values[first : first + len(lists)])),
        dict(zip(keys, values[first + len(lists) :])),
    )
