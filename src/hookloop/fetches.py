"""Fetches and feeds: from what a program writes to tensors and arrays, and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import nest
from .errors import InaccessibleTensorError
from .graph.operation import Operation
from .graph.tensor import Tensor
from .ops.indexed_slices import IndexedSlices
from .session_conversions import conversion_of


class FetchMap:
    """The elements of a nested fetch, each once, and the way back to its structure.

    Attributes:
      tensors: the tensors to fetch, each once.
      targets: the operations to run.
      leaves: for each leaf in order the index of its tensor, or -1 for an operation.
      only_values: whether what is fetched are the values themselves.
      done: no operations: those that earlier parts of a partial run have run.
    """

    done = frozenset()

    def __init__(self, graph, fetches):
        self.tensors = []
        self.targets = []
        self.leaves = []
        self.only_values = True
        self._graph = graph
        self._index = {}
        self._seen_targets = set()
        self._rebuild = self._flatten(fetches)

    def rebuild(self, values):
        return self._rebuild(iter([None if at < 0 else values[at] for at in self.leaves]))

    def _leaf(self, fetch):
        try:
            element = self._graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as error:
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch)}, must be a string or Tensor. ({error})"
            ) from None
        except (ValueError, KeyError) as error:
            raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({error})") from None
        if not self._graph.is_fetchable(element):
            op = element if isinstance(element, Operation) else element.op
            raise InaccessibleTensorError(
                f"Operation {op.name!r} has been marked as not fetchable. Typically this happens when it is defined in another function "
                "or code block, as of a loop or a branch. "
                "What that function returns can be fetched, or a variable that it assigns."
            )
        if isinstance(element, Operation):
            if element not in self._seen_targets:
                self._seen_targets.add(element)
                self.targets.append(element)
            self.leaves.append(-1)
        else:
            if element not in self._index:
                self._index[element] = len(self.tensors)
                self.tensors.append(element)
            self.leaves.append(self._index[element])
            if element.op.type == "GetSessionHandle":
                return self._handle(element)
        return next

    def _handle(self, tensor):
        from .ops.session_handles import fetched_handle  # few programs keep tensors in sessions

        self.only_values = False
        return lambda values: fetched_handle(next(values), tensor)

    def _flatten(self, fetches):
        if fetches is None:
            raise TypeError("Fetch argument None has invalid type <class 'NoneType'>")
        if isinstance(fetches, (Tensor, Operation, str)):
            return self._leaf(fetches)
        if isinstance(fetches, (list, tuple)):
            return self._flatten_sequence(fetches)
        if isinstance(fetches, dict) or (hasattr(fetches, "keys") and hasattr(fetches, "__getitem__")):
            keys = list(fetches.keys())
            parts = [self._flatten(fetches[key]) for key in keys]
            kind = type(fetches) if isinstance(fetches, dict) else dict
            return lambda values: _make_mapping(kind, keys, [part(values) for part in parts])
        if hasattr(fetches, "__attrs_attrs__"):
            names = [a.name for a in type(fetches).__attrs_attrs__]
            parts = [self._flatten(getattr(fetches, name)) for name in names]
            return lambda values: type(fetches)(*[part(values) for part in parts])
        conversion = conversion_of(fetches)
        if conversion is not None:
            tensors, contract = conversion.fetch(fetches)
            parts = [self._leaf(tensor) for tensor in tensors]
            return lambda values: contract([part(values) for part in parts])
        if isinstance(fetches, IndexedSlices):
            parts = [self._flatten(component) for component in _components(fetches)]
            return lambda values: IndexedSlicesValue(*[part(values) for part in parts])
        return self._leaf(fetches)

    def _flatten_sequence(self, fetches):
        parts = [self._flatten(f) for f in fetches]
        if isinstance(fetches, list):
            return lambda values: [part(values) for part in parts]
        if hasattr(fetches, "_fields"):
            return lambda values: type(fetches)(*[part(values) for part in parts])
        return lambda values: tuple([part(values) for part in parts])


def _make_mapping(kind, keys, values):
    try:
        return kind(zip(keys, values))
    except TypeError:  # a class that is not made as dict is, such as defaultdict
        pass
    try:
        made = kind()
    except TypeError:
        return dict(zip(keys, values))
    made.update(zip(keys, values))
    return made


class IndexedSlicesValue(NamedTuple):
    """What a run gives for `IndexedSlices`, and takes for them as a feed."""

    values: np.ndarray
    indices: np.ndarray
    dense_shape: np.ndarray | None = None


def _components(slices):
    """The tensors of an `IndexedSlices`, in the order of the fields of its value."""
    tensors = (slices.values, slices.indices, slices.dense_shape)
    return [tensor for tensor in tensors if tensor is not None]


def join_steps(pieces):
    """The values of many steps as one structure, each with a first axis for the steps.

    Args:
      pieces: (how many steps, along that axis, or 0 where the values are one step's without it; values) in their order.

    Raises:
      ValueError: where the values of different steps have different shapes.
    """
    return _join([rows for rows, _ in pieces], [values for _, values in pieces])


def _join(rows, parts):
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return _make_mapping(type(first), list(first), [_join(rows, [part[key] for part in parts]) for key in first])
    if isinstance(first, (list, tuple)):
        joined = [_join(rows, list(children)) for children in zip(*parts)]
        return type(first)(*joined) if hasattr(first, "_fields") else type(first)(joined)
    arrays = [np.asarray(part)[:n] if n else _as_step(part) for n, part in zip(rows, parts)]
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"expected values of one shape in all steps to stack them, got {' and '.join(map(str, sorted(shapes)))}"
        )
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _as_step(value):
    array = np.asarray(value, object) if isinstance(value, (bytes, str)) else np.asarray(value)
    return array[None]


def resolve_feeds(graph, feed_dict):
    """(tensor, value) for each feed; a composite key gives one pair for each of its tensors, a nested one for each of its leaves.

    Raises:
      TypeError: a key that is no tensor of the graph.
      ValueError: a tensor that may not be fed, or a nested key whose value has not as many leaves.
    """
    pairs = []
    for key, value in _flat_items(feed_dict):
        if isinstance(key, IndexedSlices):
            pairs += zip(_components(key), value)
            continue
        conversion = conversion_of(key)
        if conversion is not None:
            if conversion.feed is None:
                raise TypeError(
                    f"Feed argument {key!r} has invalid type {type(key)!r}: its conversion functions feed nothing"
                )
            pairs += [(feed_tensor(graph, tensor), part) for tensor, part in conversion.feed(key, value)]
            continue
        pairs.append((feed_tensor(graph, key), value))
    return pairs


def feed_tensor(graph, key, argument="feed_dict key"):
    """The tensor of the graph that a feed names; `argument` is what errors call it.

    Raises:
      TypeError: the graph has no such tensor.
      ValueError: the tensor may not be fed.
    """
    try:
        tensor = graph.as_graph_element(key, allow_tensor=True, allow_operation=False)
    except (TypeError, ValueError, KeyError) as error:
        raise TypeError(f"Cannot interpret {argument} as Tensor: {error.args[0]}") from None
    if not graph.is_feedable(tensor):
        raise ValueError(f"Tensor {tensor} may not be fed.")
    return tensor


def expand_feed(feed):
    """The tensors that a feed of `partial_run_setup` stands for.

    Raises:
      TypeError: a type whose conversion functions do not tell.
    """
    conversion = conversion_of(feed)
    if conversion is not None:
        if conversion.expand is None:
            raise TypeError(
                f"Feed argument {feed!r} has invalid type {type(feed)!r}: its conversion functions feed no parts"
            )
        return conversion.expand(feed)
    return _components(feed) if isinstance(feed, IndexedSlices) else [feed]


def _flat_items(feed_dict):
    """The items of a feed; a key that is a tuple, as states often are, with its leaves and those of its value."""
    for key, value in feed_dict.items():
        if not isinstance(key, tuple):
            yield key, value
            continue
        keys, values = nest.flatten(key), nest.flatten(value)
        if len(keys) != len(values):
            raise ValueError(
                f"Could not flatten dictionary. Key had {len(keys)} elements, but value had {len(values)} elements. "
                f"Key: {keys}, value: {values}."
            )
        yield from zip(keys, values)


def convert_feed(tensor, value):
    """The array that a fed value means, as `np.asarray(value, dtype)` has it.

    Raises:
      TypeError: a tensor as the value, or a Python integer that does not fit the dtype.
      ValueError: ragged lists, text for numbers, None, or a shape that the tensor does not take.
    """
    dtype = tensor.dtype.base_dtype
    if hasattr(value, "_array_for"):  # a tensor that the session keeps
        return value._array_for(tensor)
    if isinstance(value, Tensor) or hasattr(value, "_as_graph_element"):
        raise TypeError(
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, "
            f"strings, lists, numpy ndarrays, or TensorHandles. For reference, the tensor object was {value} which was passed "
            f"to the feed with key {tensor}."
        )
    if dtype.name in ("resource", "variant"):
        return value
    if dtype.name == "string":
        array = _text_array(tensor, value)
    else:
        array = _number_array(tensor, dtype, value)
    static = tensor._shape
    if static is not None and not _shape_fits(static, array.shape):
        expected = ", ".join(str(d) if isinstance(d, int) else "?" for d in static)
        expected = f"({expected},)" if len(static) == 1 else f"({expected})"  # as a tuple is written
        raise ValueError(
            f"Cannot feed value of shape {array.shape} for Tensor {tensor.name!r}, which has shape {expected!r}: expected "
            f"{describe(dtype, static)}, got {describe(dtype, array.shape)} at feed {tensor.name!r}"
        )
    return array


def _number_array(tensor, dtype, value):
    wanted = np.dtype(dtype.as_numpy_dtype)
    if type(value) is int:
        try:
            fits = wanted.kind in "fcb" or wanted.type(value) == value
        except OverflowError:
            fits = False
        if not fits:
            raise TypeError(
                f"Type of feed value {value} with type {type(value)} is not compatible with Tensor type {wanted.type}. Try "
                f"explicitly setting the type of the feed tensor to a larger type (e.g. int64): feed {tensor.name!r}."
            )
    if value is None:
        raise ValueError(f"expected {describe(dtype, tensor._shape)}, got None at feed {tensor.name!r}")
    try:
        array = np.asarray(value, dtype=wanted, order="C")
    except (ValueError, TypeError, OverflowError, NotImplementedError) as error:
        # A number that does not fit, or a tensor in a list: of the wrong type, as where it stands alone.
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(
            f"expected {describe(dtype, tensor._shape)}, got {_summary(value)} at feed {tensor.name!r}: {error}"
        ) from error
    if not array.flags.carray and not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
        array = np.array(array, dtype=wanted, order="C")
    return array


def _text_array(tensor, value):
    if type(value) is int:
        raise TypeError(
            f"Type of feed value {value} with type {type(value)} is not compatible with Tensor type string: expected "
            f"{describe(tensor.dtype, tensor._shape)}, got {value!r} at feed {tensor.name!r}"
        )
    if type(value) is bytes:
        return _one_text(value)
    array = np.asarray(value, dtype=object)
    flat = array.ravel().tolist()
    if set(map(type, flat)) != {bytes}:
        flat = [item.encode() if isinstance(item, str) else item for item in flat]
        for item in flat:
            if not isinstance(item, bytes):
                raise TypeError(
                    f"expected {describe(tensor.dtype, tensor._shape)}, got {item!r} at feed {tensor.name!r}"
                )
    out = np.empty(array.size, object)
    out[:] = flat
    return out.reshape(array.shape)


def _one_text(value):
    array = np.empty((), object)
    array[()] = value
    return array


def _summary(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shape_fits(static, shape):
    return len(static) == len(shape) and all(not isinstance(s, int) or s == d for s, d in zip(static, shape))


def describe(dtype, shape):
    """`float32[?,784]`."""
    if shape is None:
        return f"{dtype.name}[...]"
    return f"{dtype.name}[" + ",".join(str(d) if isinstance(d, (int, np.integer)) else "?" for d in shape) + "]"
