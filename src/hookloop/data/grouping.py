"""Transformations of `tf.data.experimental` that remember: running states, windows of elements with one key, what was seen."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..errors import InvalidArgumentError
from ..graph.graph_def import Function
from ..graph.scopes import control_dependencies, name_scope
from ..ops.build import constant, convert_to_tensor
from ..shapes import TensorShape
from . import ops
from .dataset import _components, _plain, _types, pack_like
from .function import function_of, trace, trace_with_state
from .pipeline import DatasetState, Elements, listed
from .resuming import Called, ends_step
from .structure import DatasetLeaf, TensorLeaf, flatten, map_structure

__all__ = ["Reducer", "bucket_by_sequence_length", "group_by_reducer", "group_by_window", "scan", "unique"]

_KEY = TensorLeaf(dtypes.int64, [])


def scan(initial_state, scan_func):
    """What a function makes of every element and a state that it hands on.

    Args:
      initial_state: a structure of tensors.
      scan_func: function(state, element) -> (state, result).

    Raises:
      TypeError: where the function returns no pair, or a state of another structure or other types.
    """

    def transform(dataset):
        structure, components = _components(initial_state)
        state = pack_like(structure, [TensorLeaf(t.dtype.base_dtype, t.shape) for t in components])
        traced, state = trace_with_state(scan_func, state, dataset._element, "scan", _state_of_pair)
        found, result = traced.result
        if [leaf.dtype for leaf in flatten(found)] != [leaf.dtype for leaf in flatten(state)]:
            raise TypeError(
                f"The element types for the new state must match the initial state. Expected {_plain(_types(state))}; got "
                f"{_plain(_types(found))}."
            )
        attrs = {"f": Function.named(traced.name), "preserve_cardinality": True}
        return dataset._derived("ScanDataset", [components, traced.captures], result, attrs)

    return transform


def _state_of_pair(result):
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError("The scan function must return a pair comprising the new state and the output value.")
    return result[0]


def group_by_window(key_func, reduce_func, window_size=None, window_size_func=None):
    """Elements with one key, as many together as a window holds; at the end what is left, in the order of the keys.

    Args:
      key_func: gives the key of an element, an int64 scalar.
      reduce_func: function(key, dataset of a window's elements) -> dataset.
      window_size: how many elements a window holds.
      window_size_func: gives that for a key; either this or `window_size`.

    Raises:
      ValueError: where both or none of the sizes are given, or a function gives something else.
      TypeError: where `reduce_func` gives no dataset.
    """
    if (window_size is None) == (window_size_func is None):
        raise ValueError("Must pass either window_size or window_size_func.")

    def key_func_wrapper(*args):
        return convert_to_tensor(key_func(*args), dtypes.int64)

    def window_size_func_wrapper(key):
        return convert_to_tensor(window_size if window_size_func is None else window_size_func(key), dtypes.int64)

    def transform(dataset):
        key = trace(key_func_wrapper, dataset._element, "group_by_window")
        _check_scalar(key, "key_func")
        reduced = trace(reduce_func, (_KEY, DatasetLeaf(dataset._element)), "group_by_window", several=True)
        if not isinstance(reduced.result, DatasetLeaf):
            raise TypeError("`reduce_func` must return a `Dataset` object.")
        size = trace(window_size_func_wrapper, _KEY, "group_by_window")
        _check_scalar(size, "window_size_func")
        functions = {"key_func": key, "reduce_func": reduced, "window_size_func": size}
        attrs = {attr: Function.named(traced.name) for attr, traced in functions.items()}
        captures = [traced.captures for traced in functions.values()]
        return dataset._derived("GroupByWindowDataset", captures, reduced.result.element, attrs)

    return transform


def _check_scalar(traced, name):
    leaf = traced.result
    if not isinstance(leaf, TensorLeaf) or leaf.dtype is not dtypes.int64 or not leaf.shape.is_compatible_with([]):
        raise ValueError(f"`{name}` must return a single tf.int64 scalar tensor.")


def bucket_by_sequence_length(element_length_func, bucket_boundaries, bucket_batch_sizes, padded_shapes=None,
                              padding_values=None, pad_to_bucket_boundary=False, no_padding=False,
                              drop_remainder=False):  # fmt: skip
    """Batches of elements whose lengths lie between the same two boundaries, padded to one length.

    Args:
      element_length_func: gives the length of an element, an int32 scalar.
      bucket_boundaries: lengths, ascending.
      bucket_batch_sizes: how many elements a batch of each bucket has: one more than there are boundaries.
      padded_shapes, padding_values: as in `Dataset.padded_batch`; by default the elements' own shapes.
      pad_to_bucket_boundary: pads to one less than the upper boundary, not to the longest of the batch.
      no_padding: batches without padding.
      drop_remainder: leaves out batches that are not full.

    Raises:
      ValueError: where the numbers of boundaries and of batch sizes do not fit.
    """
    with name_scope("bucket_by_seq_length"):
        if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
            raise ValueError("len(bucket_batch_sizes) must equal len(bucket_boundaries) + 1")
        batch_sizes = constant(bucket_batch_sizes, dtype=dtypes.int64)

        def key_func_wrapper(*args):
            from ..ops.math import less, less_equal, logical_and
            from ..ops.reduce import reduce_min
            from ..ops.select import where

            length = element_length_func(*args)
            least = [np.iinfo(np.int32).min, *bucket_boundaries]
            most = [*bucket_boundaries, np.iinfo(np.int32).max]
            return reduce_min(where(logical_and(less_equal(least, length), less(length, most))))

        def batching_fn(bucket, grouped):
            size = batch_sizes[bucket]
            if no_padding:
                return grouped.batch(size, drop_remainder=drop_remainder)
            filler = None
            if pad_to_bucket_boundary:
                from ..ops.check import assert_less

                last = constant(len(bucket_batch_sizes) - 1, dtypes.int64)
                message = "When pad_to_bucket_boundary=True, elements must have length < max(bucket_boundaries)."
                with control_dependencies([assert_less(bucket, last, message=message)]):
                    filler = constant(bucket_boundaries, dtype=dtypes.int64)[bucket] - 1
            shapes = padded_shapes if padded_shapes is not None else grouped.output_shapes
            shapes = map_structure(lambda shape: _filled(shape, filler), shapes)
            return grouped.padded_batch(size, shapes, padding_values, drop_remainder=drop_remainder)

        def transform(dataset):
            return dataset.apply(
                group_by_window(key_func_wrapper, batching_fn, window_size_func=lambda bucket: batch_sizes[bucket])
            )

        return transform


def _filled(shape, filler):
    """A shape whose open sizes are a tensor's value; open they stay where it is None."""
    dims = TensorShape(shape).as_list()
    if filler is None or None not in dims:
        return TensorShape(dims)
    from ..ops.slicing import stack

    return stack([filler if d is None else constant(d, dtypes.int64) for d in dims])


class Reducer:
    """How the elements of a group become one.

    Args:
      init_func: function(key) -> the first state.
      reduce_func: function(state, element) -> state.
      finalize_func: function(state) -> what is handed out.
    """

    def __init__(self, init_func, reduce_func, finalize_func):
        self._init_func, self._reduce_func, self._finalize_func = init_func, reduce_func, finalize_func

    @property
    def init_func(self):
        """The function of a key that gives the first state."""
        return self._init_func

    @property
    def reduce_func(self):
        """The function of a state and an element that gives the next state."""
        return self._reduce_func

    @property
    def finalize_func(self):
        """The function of the last state that gives what is handed out."""
        return self._finalize_func


def group_by_reducer(key_func, reducer):
    """What all elements with one key are reduced to, in the order of the keys.

    Args:
      key_func: gives the key of an element, an int64 scalar.
      reducer: a `Reducer`.

    Raises:
      TypeError: where the state has another structure or other types after it was reduced.
      ValueError: where the key is no int64 scalar.
    """

    def transform(dataset):
        method = "group_by_reducer"
        key = trace(key_func, dataset._element, method)
        _check_scalar(key, "key_func")
        first = trace(reducer.init_func, _KEY, method)
        reduced, state = trace_with_state(reducer.reduce_func, first.result, dataset._element, method)
        if [leaf.dtype for leaf in flatten(reduced.result)] != [leaf.dtype for leaf in flatten(state)]:
            raise TypeError(
                f"The element types for the new state must match the initial state. Expected {_plain(_types(state))}; got "
                f"{_plain(_types(reduced.result))}."
            )
        final = (
            trace(reducer.finalize_func, (state,), method, several=True)
            if not isinstance(state, tuple)
            else trace(reducer.finalize_func, state, method)
        )
        functions = {"key_func": key, "init_func": first, "reduce_func": reduced, "finalize_func": final}
        attrs = {name: Function.named(traced.name) for name, traced in functions.items()}
        captured = [traced.captures for traced in functions.values()]
        return dataset._derived("ExperimentalGroupByReducerDataset", captured, final.result, attrs)

    return transform


def unique():
    """Every element the first time it comes: integers or texts.

    Raises:
      TypeError: where the elements are something else.
    """

    def transform(dataset):
        leaf = dataset._element
        if not isinstance(leaf, TensorLeaf) or leaf.dtype not in (dtypes.int32, dtypes.int64, dtypes.string):
            raise TypeError(
                "`tf.data.experimental.unique()` only supports inputs with a single `tf.int32`, `tf.int64`, or `tf.string` "
                "component."
            )
        return dataset._derived("UniqueDataset", [])

    return transform


# --- what they do ---------------------------------------------------------------------------------------


def accumulate(place, sources, function, initial):
    elements = place.open(sources[0])
    state = initial
    called = Called(lambda element: function((*state, *element)))

    def step():
        nonlocal state
        found = called.next(elements)
        state = found[: len(initial)]
        return tuple(found[len(initial) :])

    return Elements(step)


def gather_windows(place, sources, key, reduce, size):
    elements, called = place.open(sources[0]), Called(key)
    groups, wanted = {}, {}
    current, opened, ended, full = None, 0, False, None
    number = None  # the window of `called.element`, as long as it is not in it

    def flush(number):
        """The window's elements come next. It stays where the step ends while they are made; where that fails, it is gone."""
        nonlocal current, opened, full
        window = DatasetState(listed, (), groups[number])
        full = number
        try:
            current = iter(place.open(reduce((np.array(number, np.int64), window))[0], opened + 1))
        except BaseException as error:
            if ends_step(error) or not isinstance(error, Exception):
                raise
            del groups[number]
            opened, full = opened + 1, None
            raise
        del groups[number]
        opened, full = opened + 1, None

    def wanted_of(number):
        count = size((np.array(number, np.int64),))[0].item()
        if count <= 0:
            raise InvalidArgumentError(None, None, f"Window size must be greater than zero, but got {count}.")
        return count

    def take():
        nonlocal number, full
        if number is None:
            number = called.next(elements)[0].item()
        if number not in groups:
            try:
                groups[number], wanted[number] = [], wanted_of(number)
            except Exception as error:
                if not ends_step(error):
                    number = None
                raise
        groups[number].append(called.element)
        if len(groups[number]) == wanted[number]:
            full = number
        number = None

    def step():
        nonlocal current, ended
        while True:
            if current is not None:
                for element in current:
                    return element
                current = None
            if full is not None:
                flush(full)
            elif not ended:
                try:
                    take()
                    place.check()
                except StopIteration:
                    ended = True
            elif groups:
                flush(min(groups))
            else:
                raise StopIteration

    return Elements(step)


def reduce_groups(place, sources, key, init, reduce, finalize):
    elements, called = place.open(sources[0]), Called(key)
    states, numbers = {}, None
    reducing = Called(lambda element: reduce((*states[number], *element)))
    number = None

    def take():
        nonlocal number
        if number is None:
            number = called.next(elements)[0].item()
        try:
            if number not in states:
                states[number] = init((np.array(number, np.int64),))
            states[number] = reducing.next(iter((called.element,)))
        except Exception as error:
            if not ends_step(error):
                number = None
            raise
        number = None

    def step():
        nonlocal numbers
        while numbers is None:
            try:
                take()
                place.check()
            except StopIteration:
                numbers = sorted(states, reverse=True)
        if not numbers:
            raise StopIteration
        try:
            found = finalize(states[numbers[-1]])
        except Exception as error:
            if not ends_step(error):
                numbers.pop()
            raise
        numbers.pop()
        return found

    return Elements(step)


def leave_out_seen(place, sources):
    elements = place.open(sources[0])
    seen = set()

    def step():
        while True:
            element = next(elements)
            array = element[0]
            value = array.item() if array.ndim == 0 else (array.shape, tuple(array.ravel().tolist()))
            if value not in seen:
                seen.add(value)
                return element
            place.check()

    return Elements(step)


def _run_scan(call, source, *values):
    count = len(call.attr("Tstate"))
    function = function_of(call).bound(call, values[count:])
    return DatasetState(accumulate, (source,), function, tuple(values[:count]))


def _run_group_by_window(call, source, *values):
    bound = []
    for attr in ("key_func", "reduce_func", "window_size_func"):
        count = len(call.attr(f"T{attr}_other_arguments"))
        bound.append(function_of(call, attr).bound(call, values[:count]))
        values = values[count:]
    return DatasetState(gather_windows, (source,), *bound)


def _run_group_by_reducer(call, source, *values):
    bound = []
    for attr in ("key_func", "init_func", "reduce_func", "finalize_func"):
        count = len(call.attr(f"T{attr}_other_arguments"))
        bound.append(function_of(call, attr).bound(call, values[:count]))
        values = values[count:]
    return DatasetState(reduce_groups, (source,), *bound)


def _run_unique(call, source):
    return DatasetState(leave_out_seen, (source,))


ops.register(
    ops.dataset_op("ScanDataset", "input_dataset: variant, initial_state: Tstate, other_arguments: Targuments", _run_scan,
                   f=None, Tstate=[], Targuments=[], preserve_cardinality=False),
    ops.dataset_op("GroupByWindowDataset",
                   "input_dataset: variant, key_func_other_arguments: Tkey_func_other_arguments, "
                   "reduce_func_other_arguments: Treduce_func_other_arguments, "
                   "window_size_func_other_arguments: Twindow_size_func_other_arguments", _run_group_by_window,
                   key_func=None, reduce_func=None, window_size_func=None, Tkey_func_other_arguments=[],
                   Treduce_func_other_arguments=[], Twindow_size_func_other_arguments=[]),
    ops.dataset_op("ExperimentalGroupByReducerDataset",
                   "input_dataset: variant, key_func_other_arguments: Tkey_func_other_arguments, "
                   "init_func_other_arguments: Tinit_func_other_arguments, "
                   "reduce_func_other_arguments: Treduce_func_other_arguments, "
                   "finalize_func_other_arguments: Tfinalize_func_other_arguments", _run_group_by_reducer,
                   key_func=None, init_func=None, reduce_func=None, finalize_func=None, Tkey_func_other_arguments=[],
                   Tinit_func_other_arguments=[], Treduce_func_other_arguments=[], Tfinalize_func_other_arguments=[]),
    ops.dataset_op("UniqueDataset", "input_dataset: variant", _run_unique),
)  # fmt: skip
