"""What an input pipeline of queues begins with: queues of file names, of indices, of slices, again and again."""

from __future__ import annotations

from .. import dtypes
from ..graph.collections import GraphKeys
from ..graph.scopes import control_dependencies, name_scope
from ..graph.tensor import Tensor
from ..ops.array import shape as shape_of
from ..ops.array import size
from ..ops.build import constant, convert_to_tensor
from ..ops.cast import cast
from ..ops.core import identity
from ..ops.counting import count_up_to
from ..ops.files import matching_files
from ..ops.gather import gather
from ..ops.indexed_slices import IndexedSlices
from ..ops.math import greater
from ..ops.printing import Assert
from ..ops.queues import FIFOQueue
from ..ops.random import random_shuffle
from ..ops.ranges import range as range_of
from ..shapes import as_shape
from ..summary.functions import scalar
from ..variables import Variable
from .queue_runner import QueueRunner, add_queue_runner

__all__ = [
    "input_producer", "limit_epochs", "match_filenames_once", "range_input_producer", "slice_input_producer",
    "string_input_producer",
]  # fmt: skip


def match_filenames_once(pattern, name=None):
    """The names of the files that match a pattern when the variable is initialized.

    Args:
      pattern: a glob pattern, or several of them.
      name: the name.

    Returns:
      A local variable of strings.
    """
    with name_scope(name, "matching_filenames", [pattern]) as name:
        return Variable(
            matching_files(pattern), trainable=False, name=name, validate_shape=False, collections=[GraphKeys.LOCAL_VARIABLES]
        )  # fmt: skip


def limit_epochs(tensor, num_epochs=None, name=None):
    """A tensor that is there `num_epochs` times, counted by a local variable; then `OutOfRangeError`.

    Args:
      tensor: a tensor.
      num_epochs: how often; None for always.
      name: the name.

    Raises:
      ValueError: where `num_epochs` is not positive.
    """
    if num_epochs is None:
        return tensor
    if num_epochs <= 0:
        raise ValueError(f"num_epochs must be > 0 not {num_epochs}.")
    with name_scope(name, "limit_epochs", [tensor]) as name:
        epochs = Variable(
            constant(0, dtypes.int64), name="epochs", trainable=False, collections=[GraphKeys.LOCAL_VARIABLES]
        )
        with control_dependencies([count_up_to(epochs, num_epochs)]):
            return identity(tensor, name=name)


def input_producer(input_tensor, element_shape=None, num_epochs=None, shuffle=True, seed=None, capacity=32,
                   shared_name=None, summary_name=None, name=None, cancel_op=None):  # fmt: skip
    """A queue of the rows of a tensor, and a queue runner that fills it.

    Args:
      input_tensor: the rows.
      element_shape: the shape of a row, where the tensor's is open.
      num_epochs: how often each row comes; None for ever. It is counted by a local variable.
      shuffle: whether the rows are shuffled, anew in each epoch.
      seed: the seed of the shuffling.
      capacity: how many elements the queue takes.
      shared_name: the name of the queue in the session.
      summary_name: the name of a summary of how full the queue is.
      name: the name.
      cancel_op: what the queue runner runs to cancel who waits.

    Returns:
      The queue.

    Raises:
      ValueError: where the shape of a row is not known.
    """
    with name_scope(name, "input_producer", [input_tensor]):
        rows = convert_to_tensor(input_tensor, name="input_tensor")
        element_shape = rows.shape.with_rank_at_least(1)[1:].merge_with(as_shape(element_shape))
        if not element_shape.is_fully_defined():
            raise ValueError(
                "Either `input_tensor` must have a fully defined shape or `element_shape` must be specified"
            )
        if shuffle:
            rows = random_shuffle(rows, seed=seed)
        rows = limit_epochs(rows, num_epochs)
        queue = FIFOQueue(capacity, [rows.dtype.base_dtype], shapes=[element_shape], shared_name=shared_name, name=name)
        add_queue_runner(QueueRunner(queue, [queue.enqueue_many([rows])], cancel_op=cancel_op))
        if summary_name is not None:
            scalar(summary_name, cast(queue.size(), dtypes.float32) * (1.0 / capacity))
        return queue


def string_input_producer(string_tensor, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None,
                          name=None, cancel_op=None):  # fmt: skip
    """A queue of strings, such as file names; arguments as of `input_producer`.

    Raises:
      ValueError: where there are none; `InvalidArgumentError` in the run, where the tensor has none.
    """
    none = "string_input_producer requires a non-null input tensor"
    if not isinstance(string_tensor, Tensor) and not string_tensor:
        raise ValueError(none)
    with name_scope(name, "input_producer", [string_tensor]) as name:
        strings = convert_to_tensor(string_tensor, dtypes.string)
        with control_dependencies([Assert(greater(size(strings), 0), [none])]):
            strings = identity(strings)
        return input_producer(
            strings,
            [],
            num_epochs,
            shuffle,
            seed,
            capacity,
            shared_name,
            f"fraction_of_{capacity}_full",
            name,
            cancel_op,
        )


def range_input_producer(limit, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None):
    """A queue of the integers from 0 to `limit` - 1; the other arguments as of `input_producer`."""
    with name_scope(name, "input_producer", [limit]) as name:
        return input_producer(
            range_of(limit), [], num_epochs, shuffle, seed, capacity, shared_name, f"fraction_of_{capacity}_full", name
        )


def slice_input_producer(tensor_list, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None,
                         name=None):  # fmt: skip
    """One row of each of several tensors, the same row of all; the other arguments as of `input_producer`.

    Args:
      tensor_list: tensors of the same first size.

    Returns:
      A list of tensors.

    Raises:
      ValueError: where there are no tensors.
    """
    with name_scope(name, "input_producer", tensor_list):
        tensors = [t if isinstance(t, IndexedSlices) else convert_to_tensor(t) for t in tensor_list]
        if not tensors:
            raise ValueError("Expected at least one tensor in slice_input_producer().")
        count = shape_of(tensors[0])[0]
        index = range_input_producer(count, num_epochs, shuffle, seed, capacity, shared_name).dequeue()
        return [gather(tensor, index) for tensor in tensors]
