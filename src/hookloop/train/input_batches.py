"""Batches from queues: `tf.train.batch` and its kind, each a queue that queue runners fill and a dequeue of many."""

from __future__ import annotations

from .. import dtypes
from ..graph.scopes import name_scope
from ..ops.build import convert_to_tensor
from ..ops.cast import cast
from ..ops.conditional import cond
from ..ops.core import no_op
from ..ops.dynamic import dynamic_partition
from ..ops.math import maximum
from ..ops.queues import FIFOQueue, PaddingFIFOQueue, RandomShuffleQueue
from ..ops.tensor_util import constant_value
from ..summary.functions import scalar
from .queue_runner import QueueRunner, add_queue_runner

__all__ = [
    "batch", "batch_join", "maybe_batch", "maybe_batch_join", "maybe_shuffle_batch", "maybe_shuffle_batch_join",
    "shuffle_batch", "shuffle_batch_join",
]  # fmt: skip


# --- tensors, dictionaries of them, and what comes back -----------------------------------------------------


def _listed(tensors):
    """The tensors in the order of the queue's components: a dictionary's by its sorted keys."""
    return [tensors[key] for key in sorted(tensors)] if isinstance(tensors, dict) else list(tensors)


def _all_listed(tensors_list):
    """The same for a list of lists, or of dictionaries that have the same keys."""
    if not tensors_list:
        raise ValueError("Expected at least one set of tensors")
    first = tensors_list[0]
    if isinstance(first, dict) and any(set(tensors) != set(first) for tensors in tensors_list[1:]):
        raise ValueError("All dictionaries in tensors_list must have the same keys")
    return [_listed(tensors) for tensors in tensors_list]


def _as_given(given, dequeued):
    """What was taken out, in the structure of what was put in: a dictionary, a list, or the only tensor."""
    if isinstance(given, dict):
        values = dequeued if isinstance(dequeued, (list, tuple)) else [dequeued]
        return dict(zip(sorted(given), values))
    return dequeued


def _converted(tensors):
    tensors = [convert_to_tensor(tensor) for tensor in tensors]
    if not tensors:
        raise ValueError("Expected at least one tensor in batch().")
    return tensors


def _types(tensors_list):
    """The types of the components, which all sources share."""
    types = [[tensor.dtype.base_dtype for tensor in tensors] for tensors in tensors_list]
    for others in types[1:]:
        for first, other in zip(types[0], others):
            if first != other:
                raise TypeError(f"Expected types to be consistent: {', '.join(t.name for t in types[0])} vs. "
                                f"{', '.join(t.name for t in others)}.")  # fmt: skip
    return types[0]


def _shapes(tensors_list, shapes, enqueue_many):
    """The shapes of the components: what all sources have in common, without the axis of many."""
    if shapes is not None:
        return shapes
    for tensor in (tensor for tensors in tensors_list for tensor in tensors):
        if tensor.shape.ndims is None:
            raise ValueError(f"Cannot infer Tensor's rank: {tensor}")
    return [
        _common_shape([tensors[i].shape for tensors in tensors_list], enqueue_many) for i in range(len(tensors_list[0]))
    ]


def _common_shape(shapes, enqueue_many):
    if enqueue_many:
        shapes = [shape.with_rank_at_least(1)[1:] for shape in shapes]
    for shape in shapes[1:]:
        shapes[0].merge_with(shape)
    return shapes[0]  # the first source's sizes are the queue's, as TensorFlow has it


# --- what is put in -------------------------------------------------------------------------------------------


def _keep(keep_input, enqueue_many):
    """Which elements are put in, as a tensor of rank 0 or 1."""
    keep_input = convert_to_tensor(keep_input)
    rank = keep_input.shape.ndims
    if rank is None:
        raise ValueError("`keep_input` dimensions must be known at graph construction.")
    if not enqueue_many and rank == 1:
        raise ValueError("`keep_input` cannot be a vector when `enqueue_many=False`.")
    if rank > 1:
        raise ValueError("`keep_input` must be 0 or 1 dimensions.")
    return keep_input


def _enqueue(queue, tensors, enqueue_many, keep_input):
    """An operation that puts the tensors in, if they are to be kept."""
    put = queue.enqueue_many if enqueue_many else queue.enqueue
    if keep_input.shape.ndims == 1:
        kept = cast(keep_input, dtypes.int32)
        return queue.enqueue_many([dynamic_partition(tensor, kept, 2)[1] for tensor in tensors])
    known = constant_value(keep_input)
    if known is None:
        return cond(keep_input, lambda: put(tensors), no_op)
    return put(tensors) if known else no_op()


def _run(queue, tensors_list, threads, enqueue_many, keep_input):
    """Adds the queue runner: a thread for each source, or several for the only one."""
    if threads is not None:
        operations = [_enqueue(queue, tensors_list[0], enqueue_many, keep_input)] * threads
    else:
        operations = [_enqueue(queue, tensors, enqueue_many, keep_input) for tensors in tensors_list]
    add_queue_runner(QueueRunner(queue, operations))


# --- the two kinds of queue ---------------------------------------------------------------------------------


def _in_order(given, sources, keep_input, batch_size, threads, capacity, enqueue_many, shapes, dynamic_pad,
              allow_smaller_final_batch, shared_name, name, default_name):  # fmt: skip
    """Batches in the order of a queue."""
    values = [value for source in sources for value in source]
    with name_scope(name, default_name, [*values, keep_input]) as name:
        tensors_list = [_converted(source) for source in sources]
        keep_input = _keep(keep_input, enqueue_many)
        types = _types(tensors_list)
        shapes = _shapes(tensors_list, shapes, enqueue_many)
        kind = PaddingFIFOQueue if dynamic_pad else FIFOQueue
        queue = kind(capacity, types, shapes=shapes, shared_name=shared_name)
        _run(queue, tensors_list, threads, enqueue_many, keep_input)
        scalar(f"fraction_of_{capacity}_full", cast(queue.size(), dtypes.float32) * (1.0 / capacity))
        return _as_given(given, _dequeue(queue, batch_size, allow_smaller_final_batch, name))


def _shuffled(given, sources, keep_input, batch_size, threads, capacity, min_after_dequeue, seed, enqueue_many, shapes,
              allow_smaller_final_batch, shared_name, name, default_name):  # fmt: skip
    """Batches of random elements of a queue."""
    values = [value for source in sources for value in source]
    with name_scope(name, default_name, [*values, keep_input]) as name:
        if capacity <= min_after_dequeue:
            raise ValueError(f"capacity {capacity} must be bigger than min_after_dequeue {min_after_dequeue}.")
        tensors_list = [_converted(source) for source in sources]
        keep_input = _keep(keep_input, enqueue_many)
        types = _types(tensors_list)
        shapes = _shapes(tensors_list, shapes, enqueue_many)
        queue = RandomShuffleQueue(capacity, min_after_dequeue, types, shapes, seed=seed, shared_name=shared_name)
        _run(queue, tensors_list, threads, enqueue_many, keep_input)
        spare = capacity - min_after_dequeue
        full = cast(maximum(0, queue.size() - min_after_dequeue), dtypes.float32) * (1.0 / spare)
        scalar(f"fraction_over_{min_after_dequeue}_of_{spare}_full", full)
        return _as_given(given, _dequeue(queue, batch_size, allow_smaller_final_batch, name))


def _dequeue(queue, batch_size, allow_smaller_final_batch, name):
    take = queue.dequeue_up_to if allow_smaller_final_batch else queue.dequeue_many
    return take(batch_size, name=name)


# --- public functions -----------------------------------------------------------------------------------------


def batch(tensors, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
          allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """Batches of what some tensors are, again and again, gathered beside the program.

    A queue is added to the graph, and a queue runner that fills it: `start_queue_runners`, or a monitored session.

    Args:
      tensors: a list or a dictionary of tensors.
      batch_size: how many elements a batch has.
      num_threads: how many threads put in.
      capacity: how many elements the queue takes.
      enqueue_many: whether the tensors have many elements, along their first axis.
      shapes: the shapes of an element's components, where the tensors' are open.
      dynamic_pad: whether components of different sizes are padded to the largest of the batch.
      allow_smaller_final_batch: whether the last batch may be smaller; else what is left over is dropped.
      shared_name: the name of the queue in the session.
      name: the name.

    Returns:
      Tensors with one more axis, in the structure of `tensors`; for one tensor in a list, a tensor.

    Raises:
      ValueError: where a shape is not known, or there are no tensors.
    """
    return _in_order(tensors, [_listed(tensors)], True, batch_size, num_threads, capacity, enqueue_many, shapes,
                     dynamic_pad, allow_smaller_final_batch, shared_name, name, "batch")  # fmt: skip


def maybe_batch(tensors, keep_input, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None,
                dynamic_pad=False, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """As `batch`, of those elements for which `keep_input` is True.

    Args:
      keep_input: a boolean scalar; with `enqueue_many` also a vector, one for each element.
    """
    return _in_order(tensors, [_listed(tensors)], keep_input, batch_size, num_threads, capacity, enqueue_many, shapes,
                     dynamic_pad, allow_smaller_final_batch, shared_name, name, "batch")  # fmt: skip


def batch_join(tensors_list, batch_size, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
               allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """As `batch`, from several sources, each with a thread of its own.

    Args:
      tensors_list: lists of tensors, or dictionaries with the same keys.
    """
    return maybe_batch_join(tensors_list, True, batch_size, capacity, enqueue_many, shapes, dynamic_pad,
                            allow_smaller_final_batch, shared_name, name)  # fmt: skip


def maybe_batch_join(tensors_list, keep_input, batch_size, capacity=32, enqueue_many=False, shapes=None,
                     dynamic_pad=False, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """As `batch_join`, of those elements for which `keep_input` is True."""
    sources = _all_listed(tensors_list)
    return _in_order(tensors_list[0], sources, keep_input, batch_size, None, capacity, enqueue_many, shapes, dynamic_pad,
                     allow_smaller_final_batch, shared_name, name, "batch_join")  # fmt: skip


def shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, num_threads=1, seed=None, enqueue_many=False,
                  shapes=None, allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """As `batch`, in random order.

    Args:
      min_after_dequeue: how many elements the queue keeps back for the mixing.
      seed: the seed of the mixing.
    """
    return maybe_shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, True, num_threads, seed, enqueue_many,
                               shapes, allow_smaller_final_batch, shared_name, name)  # fmt: skip


def maybe_shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, keep_input, num_threads=1, seed=None,
                        enqueue_many=False, shapes=None, allow_smaller_final_batch=False, shared_name=None,
                        name=None):  # fmt: skip
    """As `shuffle_batch`, of those elements for which `keep_input` is True."""
    return _shuffled(tensors, [_listed(tensors)], keep_input, batch_size, num_threads, capacity, min_after_dequeue, seed,
                     enqueue_many, shapes, allow_smaller_final_batch, shared_name, name, "shuffle_batch")  # fmt: skip


def shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, seed=None, enqueue_many=False, shapes=None,
                       allow_smaller_final_batch=False, shared_name=None, name=None):  # fmt: skip
    """As `shuffle_batch`, from several sources, each with a thread of its own; see `batch_join`."""
    return maybe_shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, True, seed, enqueue_many,
                                    shapes, allow_smaller_final_batch, shared_name, name)  # fmt: skip


def maybe_shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, keep_input, seed=None,
                             enqueue_many=False, shapes=None, allow_smaller_final_batch=False, shared_name=None,
                             name=None):  # fmt: skip
    """As `shuffle_batch_join`, of those elements for which `keep_input` is True."""
    sources = _all_listed(tensors_list)
    return _shuffled(tensors_list[0], sources, keep_input, batch_size, None, capacity, min_after_dequeue, seed,
                     enqueue_many, shapes, allow_smaller_final_batch, shared_name, name, "shuffle_batch_join")  # fmt: skip
