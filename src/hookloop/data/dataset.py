"""`tf.data.Dataset`: sequences of elements as nodes of a graph."""

from __future__ import annotations

import builtins

import numpy as np

from .. import dtypes
from ..graph.graph_def import Function
from ..graph.random_seed import get_seed
from ..graph.scopes import name_scope
from ..ops.build import apply_op, constant, constant_in_place, convert_to_tensor
from ..ops.select import where
from ..ops.tensor_util import constant_value
from ..shapes import TensorShape, as_dimension, as_shape
from . import iterator as iterators
from .function import trace, trace_with_state
from .options import Options
from .structure import (
    DatasetLeaf,
    OfElements,
    TensorLeaf,
    flatten,
    is_nested,
    leaves_up_to,
    map_structure,
    pack,
    same_structure,
    show,
)

_int64 = dtypes.int64


def _scalar(value, name, dtype=_int64):
    return convert_to_tensor(value, dtype, name=name)


class Dataset(OfElements):
    """A sequence of elements; an element is a tensor, or nested tuples and dictionaries of them."""

    def __init__(self, variant_tensor, element, options=None):
        self._variant_tensor = variant_tensor
        self._element = element
        self._options = options or Options()

    @staticmethod
    def _from_variant(tensor, element):
        return DatasetV1Adapter(tensor, element)

    def _derived(self, type, inputs, element=None, attrs=None, others=()):
        """The dataset of a node that takes this one first, and `others`."""
        element = self._element if element is None else element
        attrs = {**iterators.spec_attrs(element), **(attrs or {})}
        variant = apply_op(type, [self._variant_tensor, *[other._variant_tensor for other in others], *inputs], attrs)
        return DatasetV1Adapter(variant, element, _joint_options([self, *others]))

    def options(self):
        """The options of this dataset and of those that it is made of."""
        return self._options

    def with_options(self, options):
        """The same elements, with options for the way they are computed.

        Args:
          options: an `Options`.

        Raises:
          ValueError: where an option is set differently already.
        """
        return DatasetV1Adapter(self._variant_tensor, self._element, self._options.merge(options))

    def _optimized(self):
        """The dataset behind the nodes that TensorFlow adds for its options and its optimizer."""
        attrs = iterators.spec_attrs(self._element)
        variant = self._variant_tensor
        threading = self._options.experimental_threading
        if threading.max_intra_op_parallelism is not None:
            parallelism = _scalar(threading.max_intra_op_parallelism, "max_intra_op_parallelism")
            variant = apply_op("MaxIntraOpParallelismDataset", [variant, parallelism], attrs)
        if threading.private_threadpool_size is not None:
            size = _scalar(threading.private_threadpool_size, "num_threads")
            variant = apply_op("PrivateThreadPoolDataset", [variant, size], attrs)
        rules = self._options._rules()
        if rules:
            variant = self._rewriting(variant, rules, attrs)
        if self._options.experimental_optimization.autotune is False:
            return variant
        return apply_op("ModelDataset", [variant], attrs)

    @staticmethod
    def _rewriting(variant, rules, attrs):
        names = convert_to_tensor(
            np.array([rule.encode() for rule in rules], object), dtypes.string, name="optimizations"
        )
        configs = {"optimization_configs": [b"map_vectorization:use_choose_fastest:false"]}
        return apply_op("OptimizeDataset", [variant, names], {**attrs, **configs})

    def __repr__(self):
        return f"<{type(self).__name__} shapes: {show(self.output_shapes)}, types: {show(self.output_types)}>"

    @property
    def element_spec(self):
        """The structure of the elements, as `TensorSpec`s and `DatasetSpec`s."""
        from .specs import spec_of

        return spec_of(self._element)

    # --- iterators ------------------------------------------------------------------------------------

    def make_one_shot_iterator(self):
        """An iterator that needs no initializer and goes through the dataset once.

        Raises:
          ValueError: where the dataset depends on a placeholder or a variable.
        """
        return iterators.one_shot(self)

    def make_initializable_iterator(self, shared_name=None):
        """An iterator that starts whenever its `initializer` runs.

        Args:
          shared_name: its name in the session; by default the node's.
        """
        return iterators.initializable(self, shared_name)

    # --- sources --------------------------------------------------------------------------------------

    @staticmethod
    def from_tensors(tensors):
        """A dataset of one element.

        Args:
          tensors: a tensor or a structure of them.
        """
        structure, components = _components(tensors)
        element = pack_like(structure, [TensorLeaf(t.dtype.base_dtype, t.shape) for t in components])
        return _source("TensorDataset", [components], element, typed=True)

    @staticmethod
    def from_tensor_slices(tensors):
        """A dataset of the slices of tensors along their first axis.

        Args:
          tensors: a tensor or a structure of them, with one first size. An array is copied into the graph; a memory map, and
            an array that is not writeable, is read where it is.

        Raises:
          ValueError: where a tensor is a scalar, the sizes differ, or there is no tensor.
        """
        structure, components = _components(tensors)
        if not components:
            raise ValueError(f"expected tensors to cut into slices, got {tensors!r}")
        first = None
        for tensor in components:
            if tensor.shape.ndims == 0:
                raise ValueError(f"Value {tensor} has insufficient rank for batching.")
            size = as_dimension(tensor.shape.with_rank_at_least(1)[0])
            first = size if first is None else first.merge_with(size)
        element = pack_like(structure, [TensorLeaf(t.dtype.base_dtype, t.shape[1:]) for t in components])
        return _source("TensorSliceDataset", [components], element, typed=True)

    @staticmethod
    def from_generator(generator, output_types, output_shapes=None, args=None):
        """A dataset of what a Python generator yields.

        Args:
          generator: called at the start of every iteration; returns something that can be iterated.
          output_types: the structure of the elements' types.
          output_shapes: the structure of their shapes; open by default.
          args: tensors whose values the generator gets.

        Raises:
          TypeError: where the generator cannot be called.
        """
        from .generator import register_generator

        if not callable(generator):
            raise TypeError("`generator` must be callable.")
        element = iterators.element_of(output_types, output_shapes)
        arguments = [convert_to_tensor(value) for value in args or ()]
        name = register_generator(generator, element)
        source = Dataset.from_tensors(0)
        return source._derived("FlatMapDataset", [arguments], element, {"f": Function.named(name)})

    @staticmethod
    def list_files(file_pattern, shuffle=None, seed=None):
        """A dataset of the names of the files that match patterns, shuffled anew in every iteration.

        Args:
          file_pattern: a string or strings, with `*`, `?` and `[...]`.
          shuffle: False gives them in the order of their names.
          seed: the seed of the shuffle.

        Returns:
          A `Dataset` of strings. Starting it raises `InvalidArgumentError` where no file matches.
        """
        from .readers import list_files

        return list_files(file_pattern, shuffle, seed)

    @staticmethod
    def range(*args):
        """A dataset of integers: `range(stop)`, `range(start, stop)` or `range(start, stop, step)`.

        Raises:
          ValueError: for another number of arguments.
        """
        if not 1 <= len(args) <= 3:
            raise ValueError(f"Invalid arguments to RangeDataset: {args}")
        start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
        inputs = [_scalar(start, "start"), _scalar(stop, "stop"), _scalar(step, "step")]
        return _source("RangeDataset", inputs, TensorLeaf(_int64, []))

    @staticmethod
    def zip(datasets):
        """A dataset whose elements have the structure of `datasets`, with an element of each; it ends with the shortest.

        Raises:
          TypeError: where `datasets` is no structure of datasets.
          ValueError: where it has none.
        """
        parts = flatten(datasets)
        for part in parts:
            if not isinstance(part, Dataset):
                if isinstance(part, list):
                    raise TypeError("The argument to `Dataset.zip()` must be a nested structure of `Dataset` objects. Nested "
                                    "structures do not support Python lists; please use a tuple instead.")  # fmt: skip
                raise TypeError("The argument to `Dataset.zip()` must be a nested structure of `Dataset` objects.")
        if not parts:
            raise ValueError(
                "List argument 'input_datasets' to 'ZipDataset' Op with length 0 shorter than minimum length 1."
            )
        element = pack(datasets, [part._element for part in parts])
        variant = apply_op("ZipDataset", [[part._variant_tensor for part in parts]], iterators.spec_attrs(element))
        return DatasetV1Adapter(variant, element, _joint_options(parts))

    def concatenate(self, dataset):
        """The elements of this dataset, then those of another.

        Raises:
          TypeError: where their types or structures differ.
        """
        if not same_structure(self._element, dataset._element) or any(
            a.dtype is not b.dtype for a, b in builtins.zip(flatten(self._element), flatten(dataset._element))
        ):
            raise TypeError(
                f"Two datasets to concatenate have different types {_plain(self.output_types)} and {_plain(dataset.output_types)}"
            )
        leaves = [
            TensorLeaf(a.dtype, _joint_shape(a.shape, b.shape))
            for a, b in builtins.zip(flatten(self._element), flatten(dataset._element))
        ]
        return self._derived("ConcatenateDataset", [], pack(self._element, leaves), others=[dataset])

    # --- functions ------------------------------------------------------------------------------------

    def map(self, map_func, num_parallel_calls=None):
        """Applies a function to every element.

        Args:
          map_func: takes the components of an element and returns a structure of tensors. It is traced once.
          num_parallel_calls: accepted; elements are computed one after the other, each with all threads.

        Raises:
          TypeError: where the function returns what is no tensor.
        """
        traced = trace(map_func, self._element, "map")
        attrs = {"f": Function.named(traced.name)}
        if num_parallel_calls is None:
            return self._derived("MapDataset", [traced.captures], traced.result, attrs)
        calls = _scalar(num_parallel_calls, "num_parallel_calls", dtypes.int32)
        return self._derived("ParallelMapDataset", [traced.captures, calls], traced.result, attrs)

    def filter(self, predicate):
        """Keeps the elements for which a function gives True.

        Raises:
          ValueError: where the function gives no boolean scalar.
        """
        traced = trace(predicate, self._element, "filter")
        leaf = traced.result
        if not isinstance(leaf, TensorLeaf) or leaf.dtype is not dtypes.bool or not leaf.shape.is_compatible_with([]):
            raise ValueError(
                f"`predicate` return type must be convertible to a scalar boolean tensor. Was {_described(leaf)}."
            )
        return self._derived("FilterDataset", [traced.captures], None, {"predicate": Function.named(traced.name)})

    def map_with_legacy_function(self, map_func, num_parallel_calls=None):
        """The same as `map`."""
        return self.map(map_func, num_parallel_calls)

    def filter_with_legacy_function(self, predicate):
        """The same as `filter`."""
        return self.filter(predicate)

    def _traced_to_dataset(self, map_func, method):
        traced = trace(map_func, self._element, method)
        if not isinstance(traced.result, DatasetLeaf):
            raise TypeError(f"`map_func` must return a `Dataset` object. Got {_described(traced.result)}")
        return traced, traced.result.element

    def flat_map(self, map_func):
        """The elements of the datasets that a function makes of each element, one dataset after the other.

        Raises:
          TypeError: where the function returns no dataset.
        """
        traced, element = self._traced_to_dataset(map_func, "flat_map")
        return self._derived("FlatMapDataset", [traced.captures], element, {"f": Function.named(traced.name)})

    def interleave(self, map_func, cycle_length, block_length=1, num_parallel_calls=None):
        """The elements of the datasets that a function makes of each element, from several of them in turn.

        Args:
          map_func: returns a dataset.
          cycle_length: how many datasets are open at a time.
          block_length: how many elements of one are taken in a row.
          num_parallel_calls: accepted; elements come in the same order.

        Raises:
          TypeError: where the function returns no dataset.
        """
        traced, element = self._traced_to_dataset(map_func, "interleave")
        inputs = [traced.captures, _scalar(cycle_length, "cycle_length"), _scalar(block_length, "block_length")]
        if num_parallel_calls is None:
            return self._derived("InterleaveDataset", inputs, element, {"f": Function.named(traced.name)})
        inputs.append(_scalar(num_parallel_calls, "num_parallel_calls"))
        return self._derived("ParallelInterleaveDatasetV2", inputs, element, {"f": Function.named(traced.name)})

    def reduce(self, initial_state, reduce_func):
        """Combines all elements to one.

        Args:
          initial_state: a structure of tensors.
          reduce_func: function(state, element) -> state.

        Returns:
          The last state, as tensors.

        Raises:
          TypeError: where the function returns another structure or other types.
        """
        with name_scope("initial_state"):
            structure, components = _components(initial_state)
        state = pack_like(structure, [TensorLeaf(t.dtype.base_dtype, t.shape) for t in components])
        traced, state = trace_with_state(reduce_func, state, self._element, "reduce")
        found = flatten(traced.result)
        if len(found) != len(components) or any(a.dtype is not b.dtype for a, b in builtins.zip(found, flatten(state))):
            raise TypeError(
                f"The element types for the new state must match the initial state. Expected {show(_types(state))}; got "
                f"{show(_types(traced.result))}."
            )
        attrs = {"f": Function.named(traced.name), **iterators.spec_attrs(state)}
        outputs = apply_op("ReduceDataset", [self._variant_tensor, components, traced.captures], attrs)
        for output, leaf in builtins.zip(outputs, flatten(state)):
            output.set_shape(leaf.shape)
        return pack_like(structure, outputs)

    def apply(self, transformation_func):
        """What a function makes of this dataset: another dataset.

        Raises:
          TypeError: where it returns none.
        """
        dataset = transformation_func(self)
        if not isinstance(dataset, Dataset):
            raise TypeError(f"`transformation_func` must return a Dataset. Got {dataset!r}")
        return dataset

    # --- batches --------------------------------------------------------------------------------------

    def batch(self, batch_size, drop_remainder=False):
        """Stacks consecutive elements along a new first axis.

        Args:
          batch_size: how many.
          drop_remainder: leaves out the last elements where they are fewer.

        Raises:
          TypeError: where the elements are datasets.
        """
        size = _scalar(batch_size, "batch_size")
        drop = convert_to_tensor(drop_remainder, dtypes.bool, name="drop_remainder")
        first = _known_batch(size, drop)
        for leaf in flatten(self._element):
            if isinstance(leaf, DatasetLeaf):
                raise TypeError(f"expected elements of tensors to batch, got {leaf!r}")
        element = map_structure(
            lambda leaf: TensorLeaf(leaf.dtype, TensorShape([first]).concatenate(leaf.shape)), self._element
        )
        return self._derived("BatchDatasetV2", [size, drop], element)

    def padded_batch(self, batch_size, padded_shapes, padding_values=None, drop_remainder=False):
        """Stacks consecutive elements, padded to one shape.

        Args:
          batch_size: how many.
          padded_shapes: the structure of the shapes; None or -1 for a size is the largest of the batch.
          padding_values: the structure of the values that fill up; by default 0 and the empty text.
          drop_remainder: leaves out the last elements where they are fewer.

        Raises:
          TypeError: where the structures do not fit.
          ValueError: where a shape does not fit.
        """
        leaves = flatten(self._element)
        if padding_values is None:
            fills = [
                b"" if leaf.dtype is dtypes.string else np.zeros((), leaf.dtype.as_numpy_dtype)[()] for leaf in leaves
            ]
        else:
            fills = leaves_up_to(self._element, padding_values)
        size = _scalar(batch_size, "batch_size")
        shapes = [_padded_shape(shape) for shape in leaves_up_to(self._element, padded_shapes)]
        for leaf, shape in builtins.zip(leaves, shapes):
            if leaf.shape.ndims is not None and shape.shape.as_list()[0] not in (None, leaf.shape.ndims):
                raise ValueError(f"The padded shape {constant_value(shape)} is not compatible with the corresponding input "
                                 f"component shape {leaf.shape}.")  # fmt: skip
        fills = [
            convert_to_tensor(fill, leaf.dtype, name="padding_value") for fill, leaf in builtins.zip(fills, leaves)
        ]
        for fill in fills:
            if not fill.shape.is_compatible_with([]):
                raise ValueError(f"Padding value should be a scalar, but is not: {fill}")
        drop = convert_to_tensor(drop_remainder, dtypes.bool, name="drop_remainder")
        first = _known_batch(size, drop)
        element = pack(
            self._element,
            [TensorLeaf(leaf.dtype, [first, *_sizes(shape)]) for leaf, shape in builtins.zip(leaves, shapes)],
        )
        attrs = {"output_shapes": [leaf.shape for leaf in flatten(element)]}
        variant = apply_op("PaddedBatchDatasetV2", [self._variant_tensor, size, shapes, fills, drop], attrs)
        return DatasetV1Adapter(variant, element, self._options)

    def unbatch(self):
        """The slices of every element along its first axis, as elements of their own.

        Raises:
          ValueError: where a component is a scalar, or components have different first sizes.
        """
        _check_batches(self._element)
        normalized = self.map(_normalized)
        element = map_structure(lambda leaf: TensorLeaf(leaf.dtype, leaf.shape[1:]), self._element)
        return normalized._derived("UnbatchDataset", [], element)

    def window(self, size, shift=None, stride=1, drop_remainder=False):
        """Datasets of consecutive elements.

        Args:
          size: how many elements a window has.
          shift: how many elements later the next one begins; by default `size`.
          stride: the distance of the elements in a window.
          drop_remainder: leaves out windows that are not full.
        """
        shift = size if shift is None else shift
        inputs = [_scalar(size, "size"), _scalar(shift, "shift"), _scalar(stride, "stride"),
                  convert_to_tensor(drop_remainder, dtypes.bool, name="drop_remainder")]  # fmt: skip
        return self._derived("WindowDataset", inputs, map_structure(DatasetLeaf, self._element))

    # --- order and number -----------------------------------------------------------------------------

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=None):
        """Hands out a random one of the next elements.

        Args:
          buffer_size: of how many elements it is chosen.
          seed: the seed of the op.
          reshuffle_each_iteration: whether another iteration has another order; True by default.
        """
        size = _scalar(buffer_size, "buffer_size")
        attrs = {"reshuffle_each_iteration": reshuffle_each_iteration is None or reshuffle_each_iteration}
        return self._derived("ShuffleDataset", [size, *_seed_tensors(seed)], None, attrs)

    def repeat(self, count=None):
        """The elements `count` times over; for ever by default or where it is -1."""
        return self._derived("RepeatDataset", [_scalar(-1 if count is None else count, "count")])

    def take(self, count):
        """The first `count` elements; all where it is -1."""
        return self._derived("TakeDataset", [_scalar(count, "count")])

    def skip(self, count):
        """The elements after the first `count`; none where it is -1."""
        return self._derived("SkipDataset", [_scalar(count, "count")])

    def shard(self, num_shards, index):
        """Every `num_shards`-th element, from the one at `index` on."""
        return self._derived("ShardDataset", [_scalar(num_shards, "num_shards"), _scalar(index, "index")])

    def enumerate(self, start=0):
        """Pairs of a number, counted from `start`, and the element."""
        return Dataset.zip((Dataset.range(start, np.iinfo(np.int64).max), self))

    def prefetch(self, buffer_size):
        """The same elements, where they are rows of arrays prepared ahead by the session's threads.

        Args:
          buffer_size: how many elements (batches, mostly) at most; -1 leaves that to the session.
        """
        return self._derived("PrefetchDataset", [_scalar(buffer_size, "buffer_size")])

    def cache(self, filename=""):
        """The same elements, computed once: later iterations have them from memory, or from a file."""
        return self._derived("CacheDataset", [_scalar(filename, "filename", dtypes.string)])


class DatasetV1Adapter(Dataset):
    """The class of all datasets, under the name that TensorFlow 1.15 shows."""

    def __iter__(self):
        raise RuntimeError(
            "__iter__() is only supported inside of tf.function or when eager execution is enabled: a dataset's elements are "
            "there when a session runs; make_one_shot_iterator(dataset).get_next() is one of them"
        )


def interleaved_in_parallel(dataset, traced, element, cycle, block=1, sloppy=False, buffered=None, prefetched=None):
    """The node that `parallel_interleave` and datasets of several files add, for a traced function to a dataset."""
    inputs = [
        traced.captures, _scalar(cycle, "cycle_length"), _scalar(block, "block_length"),
        convert_to_tensor(sloppy, dtypes.bool, name="sloppy"),
        _scalar(2 * block if buffered is None else buffered, "buffer_output_elements"),
        _scalar(2 * cycle if prefetched is None else prefetched, "prefetch_input_elements"),
    ]  # fmt: skip
    return dataset._derived("ParallelInterleaveDataset", inputs, element, {"f": Function.named(traced.name)})


def _source(type, inputs, element, typed=False):
    """A dataset that is made of no other one; `typed`: its inputs tell its elements' types."""
    attrs = iterators.spec_attrs(element)
    if typed:
        del attrs["output_types"]
    return DatasetV1Adapter(apply_op(type, inputs, attrs), element)


def _joint_options(datasets):
    options = Options()
    for dataset in datasets:
        options = options.merge(dataset._options)
    return options


def _components(values):
    """The structure of values, and their leaves as tensors."""
    with name_scope("normalize_element"):
        return values, [_component(value, f"component_{i}") for i, value in builtins.enumerate(flatten(values))]


def _component(value, name):
    """A value as a tensor. A memory map stays one, and an array that nobody can write to is not copied."""
    if isinstance(value, np.memmap) or (
        isinstance(value, np.ndarray) and value.base is None and not value.flags.writeable
    ):
        if value.flags.c_contiguous and value.flags.aligned and value.dtype.isnative and value.dtype.kind in "biufc":
            return constant_in_place(value, name)
    return convert_to_tensor(value, name=name)


def pack_like(structure, leaves):
    return pack(structure, leaves) if is_nested(structure) else leaves[0]


def _types(element):
    return map_structure(lambda leaf: leaf.dtype, element)


def _plain(types):
    return str(types) if not is_nested(types) else repr(types)


def _described(structure):
    from .specs import spec_of

    return repr(spec_of(structure))


def _joint_shape(first, second):
    """The most specific shape that both fit."""
    if first.ndims is None or second.ndims is None or first.ndims != second.ndims:
        return TensorShape(None)
    return TensorShape([a if a == b else None for a, b in builtins.zip(first.as_list(), second.as_list())])


def _known_batch(size, drop):
    dropped, count = constant_value(drop), constant_value(size)
    return int(count) if dropped is not None and bool(dropped) and count is not None else None


def _padded_shape(shape):
    """A padded shape as a vector, -1 where the batch decides."""
    if isinstance(shape, (TensorShape, list, tuple)) or shape is None:
        dims = shape.as_list() if isinstance(shape, TensorShape) else as_shape(_open_sizes(shape)).as_list()
        return constant(np.array([-1 if d is None else d for d in dims], np.int64), _int64)
    return convert_to_tensor(shape, _int64)


def _open_sizes(shape):
    if shape is None:
        return None
    return [None if isinstance(dim, (int, np.integer)) and dim == -1 else dim for dim in shape]


def _sizes(shape):
    known = constant_value(shape)
    if known is None:
        return [None] * shape.shape.as_list()[0]
    return [None if d < 0 else int(d) for d in known]


def _normalized(*components):
    return components if len(components) != 1 else components[0]


def _seed_tensors(seed):
    """The two seeds of a dataset; both 0 where nothing is said, which stands for seeds of the moment."""
    first, second = get_seed(seed)
    first = _scalar(0 if first is None else first, "seed")
    if second is None:
        return first, _scalar(0, "seed2")
    with name_scope("seed2") as scope:
        second = convert_to_tensor(second, _int64)
        from ..ops.math import equal, logical_and

        # Seeds that are both 0 by the program's will must not stand for seeds of the moment.
        both = logical_and(equal(first, 0), equal(second, 0))
        return first, where(both, constant(2**31 - 1, _int64), second, name=scope)


def _check_batches(element):
    sizes = set()
    for leaf in flatten(element):
        if isinstance(leaf, TensorLeaf) and leaf.shape.ndims is not None:
            if leaf.shape.ndims == 0:
                raise ValueError(f"A component of {leaf.dtype.name} with shape () has insufficient rank for batching.")
            sizes.update([leaf.shape.as_list()[0]])
    if len(sizes - {None}) > 1:
        raise ValueError(
            f"Cannot unbatch an input whose components have different batch sizes: expected one, got {sorted(sizes - {None})}."
        )
