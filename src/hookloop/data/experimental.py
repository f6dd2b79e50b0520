"""`tf.data.experimental`: transformations for `Dataset.apply`, and constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes
from ..graph.graph_def import Function
from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from ..shapes import TensorShape
from ..type_specs import TypeSpec as Structure
from . import iterator as iterators
from .csv import CsvDataset, make_csv_dataset
from .dataset import Dataset, _known_batch, _scalar, _seed_tensors, interleaved_in_parallel
from .function import trace
from .grouping import Reducer, bucket_by_sequence_length, group_by_reducer, group_by_window, scan, unique
from .mixing import RandomDataset, choose_from_datasets, sample_from_datasets
from .optional import Optional, get_next_as_optional
from .options import DistributeOptions, MapVectorizationOptions, OptimizationOptions, StatsOptions, ThreadingOptions
from .resampling import rejection_resample
from .specs import DatasetSpec as DatasetStructure
from .specs import OptionalStructure, TensorStructure, from_variant, get_structure, to_variant
from .sql import SqlDataset
from .structure import TensorLeaf, flatten, pack
from .writing import TFRecordWriter

if TYPE_CHECKING:
    from .saving import CheckpointInputPipelineHook, make_saveable_from_iterator

__all__ = [
    "AUTOTUNE", "CheckpointInputPipelineHook", "Counter", "CsvDataset", "DatasetStructure", "DistributeOptions", "INFINITE_CARDINALITY", "MapVectorizationOptions", "OptimizationOptions", "Optional", "OptionalStructure", "RandomDataset", "Reducer", "SqlDataset", "StatsOptions", "Structure", "TFRecordWriter", "TensorStructure", "ThreadingOptions", "UNKNOWN_CARDINALITY", "bucket_by_sequence_length", "bytes_produced_stats", "latency_stats", "cardinality", "choose_from_datasets", "copy_to_device", "enumerate_dataset", "from_variant", "get_next_as_optional", "get_single_element", "get_structure", "group_by_reducer", "group_by_window", "ignore_errors", "make_csv_dataset", "make_saveable_from_iterator", "map_and_batch", "map_and_batch_with_legacy_function", "parallel_interleave", "prefetch_to_device", "rejection_resample", "sample_from_datasets", "scan", "shuffle_and_repeat", "take_while", "to_variant", "unbatch", "unique",
]  # fmt: skip

_WITH_SAVERS = frozenset(("CheckpointInputPipelineHook", "make_saveable_from_iterator"))


def __getattr__(name):
    if name not in _WITH_SAVERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import saving  # savers know datasets: they are there by now

    return getattr(saving, name)


# Stands for a number of elements or threads that the runtime may choose.
AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


def Counter(start=0, step=1, dtype=dtypes.int64):
    """A dataset that counts without end, from `start` in steps of `step`."""
    limits = np.iinfo(np.int64)
    numbers = Dataset.range(start, limits.max if step > 0 else limits.min, step)
    dtype = dtypes.as_dtype(dtype)
    return numbers if dtype is dtypes.int64 else numbers.map(lambda x: cast(x, dtype))


def enumerate_dataset(start=0):
    """Pairs of a number, counted from `start`, and the element."""
    return lambda dataset: dataset.enumerate(start)


def unbatch():
    """The slices of every element along its first axis, as elements of their own."""
    return lambda dataset: dataset.unbatch()


def shuffle_and_repeat(buffer_size, count=None, seed=None):
    """The same as `shuffle(buffer_size, seed).repeat(count)`."""

    def transform(dataset):
        size = _scalar(buffer_size, "buffer_size")
        times = _scalar(-1 if count is None else count, "count")
        return dataset._derived("ShuffleAndRepeatDataset", [size, *_seed_tensors(seed), times])

    return transform


def map_and_batch(map_func, batch_size, num_parallel_batches=None, drop_remainder=False, num_parallel_calls=None):
    """The same as `map(map_func).batch(batch_size, drop_remainder)`.

    Raises:
      ValueError: where both numbers of parallel calls are given.
    """
    if num_parallel_batches is not None and num_parallel_calls is not None:
        raise ValueError("The `num_parallel_batches` and `num_parallel_calls` arguments are mutually exclusive.")

    def transform(dataset):
        traced = trace(map_func, dataset._element, "map_and_batch")
        size = _scalar(batch_size, "batch_size")
        calls = (
            num_parallel_calls
            if num_parallel_calls is not None
            else batch_size * (1 if num_parallel_batches is None else num_parallel_batches)
        )
        calls = _scalar(calls, "num_parallel_calls")
        drop = convert_to_tensor(drop_remainder, dtypes.bool, name="drop_remainder")
        first = _known_batch(size, drop)
        leaves = [
            TensorLeaf(leaf.dtype, TensorShape([first]).concatenate(leaf.shape)) for leaf in flatten(traced.result)
        ]
        attrs = {"f": Function.named(traced.name), "preserve_cardinality": True}
        return dataset._derived(
            "MapAndBatchDataset", [traced.captures, size, calls, drop], pack(traced.result, leaves), attrs
        )

    return transform


def map_and_batch_with_legacy_function(map_func, batch_size, num_parallel_batches=None, drop_remainder=False,
                                       num_parallel_calls=None):  # fmt: skip
    """The same as `map_and_batch`."""
    return map_and_batch(map_func, batch_size, num_parallel_batches, drop_remainder, num_parallel_calls)


def bytes_produced_stats(tag):
    """The same elements: no statistics are collected.

    Args:
      tag: their name.
    """
    return lambda dataset: dataset._derived("BytesProducedStatsDataset", [convert_to_tensor(tag, dtypes.string)])


def latency_stats(tag):
    """The same elements: no statistics are collected.

    Args:
      tag: their name.
    """
    return lambda dataset: dataset._derived("LatencyStatsDataset", [convert_to_tensor(tag, dtypes.string)])


def copy_to_device(target_device, source_device="/cpu:0"):
    """The same elements: there is one device.

    Args:
      target_device, source_device: accepted.
    """
    return lambda dataset: dataset


def prefetch_to_device(device, buffer_size=None):
    """The same elements, some of them prepared ahead: there is one device.

    Args:
      device: accepted.
      buffer_size: how many elements at most; by default left to the session.
    """
    return lambda dataset: dataset.prefetch(AUTOTUNE if buffer_size is None else buffer_size)


def parallel_interleave(map_func, cycle_length, block_length=1, sloppy=False, buffer_output_elements=None,
                        prefetch_input_elements=None):  # fmt: skip
    """The same as `interleave`: elements come in a fixed order, whatever `sloppy` and the buffers allow."""

    def transform(dataset):
        traced, element = dataset._traced_to_dataset(map_func, "parallel_interleave")
        return interleaved_in_parallel(
            dataset,
            traced,
            element,
            cycle_length,
            block_length,
            sloppy,
            buffer_output_elements,
            prefetch_input_elements,
        )

    return transform


def take_while(predicate):
    """The elements before the first one for which a function gives False.

    Raises:
      ValueError: where the function gives no boolean scalar.
    """

    def transform(dataset):
        traced = trace(predicate, dataset._element, "take_while")
        leaf = traced.result
        if not isinstance(leaf, TensorLeaf) or leaf.dtype is not dtypes.bool:
            raise ValueError("`predicate` return type must be convertible to a scalar boolean tensor.")
        return dataset._derived("TakeWhileDataset", [traced.captures], None, {"predicate": Function.named(traced.name)})

    return transform


def ignore_errors():
    """The elements that can be computed without an error."""
    return lambda dataset: dataset._derived("IgnoreErrorsDataset", [])


def get_single_element(dataset):
    """The element of a dataset of one, as tensors.

    Returns:
      Tensors. Running them raises `InvalidArgumentError` where the dataset has none, or more than one.

    Raises:
      TypeError: where it is no dataset.
    """
    if not isinstance(dataset, Dataset):
        raise TypeError("`dataset` must be a `tf.data.Dataset` object.")
    tensors = apply_op("DatasetToSingleElement", [dataset._variant_tensor], iterators.spec_attrs(dataset._element))
    leaves = flatten(dataset._element)
    for tensor, leaf in zip(tensors, leaves):
        tensor.set_shape(leaf.shape)
    return pack(dataset._element, [iterators.component(leaf, tensor) for leaf, tensor in zip(leaves, tensors)])


def cardinality(dataset):
    """The number of a dataset's elements, as an int64 tensor; INFINITE_CARDINALITY or UNKNOWN_CARDINALITY where it has no such."""
    return apply_op("DatasetCardinality", [dataset._variant_tensor])
