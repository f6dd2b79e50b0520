"""Queues between the threads of a session: `tf.FIFOQueue` and its relatives."""

from __future__ import annotations

from .. import dtypes
from ..graph.describe import message_name
from ..graph.random_seed import get_seed
from ..graph.scopes import name_scope
from ..shapes import TensorShape, as_dimension, as_shape
from .array import stack
from .build import apply_op, convert_to_tensor
from .gather import gather
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar, unknown
from .tensor_util import constant_value

__all__ = ["FIFOQueue", "PaddingFIFOQueue", "PriorityQueue", "QueueBase", "RandomShuffleQueue"]


# --- ops ------------------------------------------------------------------------------------------------


def _run_queue(call):
    """The queue of this session; it is made when it is first used.

    Raises:
      ValueError: nodes that share its name ask for another one.
    """
    key = ("queue", call.attr("shared_name") or call.op_name)
    from ._queue_states import STATES

    found = call.resource_state.get(key)
    if found is None:
        found = call.resource_state.setdefault(key, STATES[call.op.type](call.op))
    if call.op not in found.nodes:
        found.add_node(call.op)
    return found


def _element_and_room(queue, components):
    """The components that are enqueued, and for how many elements the step makes room behind them."""
    count = len(queue.types)
    return components[:count], int(components[count]) if len(components) > count else 0


def _run_enqueue(call, queue, *components):
    element, room = _element_and_room(queue, components)
    queue.enqueue(call, [element], room)
    return ()


def _run_enqueue_many(call, queue, *components):
    components, room = _element_and_room(queue, components)
    count = len(components[0])
    for component in components:
        if len(component) != count:
            raise ValueError(
                f"All input tensors must have the same size in the 0th dimension: {count} and {len(component)}"
            )
    queue.enqueue(call, [tuple([c[i : i + 1].reshape(c.shape[1:]) for c in components]) for i in range(count)], room)
    return ()


def _run_dequeue(call, queue, counters=None):
    return list(queue.dequeue(call, 1, counters=counters)[0])


def _batch(at_least):
    def run(call, queue, count, counters=None):
        count = int(count)
        if count < 0:
            raise ValueError(f"{queue.kind} '{queue.name}' : DequeueMany requested {count} elements")
        if not queue.shapes or not all(_batches(queue, shape) for shape in queue.shapes):
            raise ValueError(
                f"{queue.kind}'s DequeueMany and DequeueUpTo require the components to have specified shapes."
            )
        return queue.stack(queue.dequeue(call, count, at_least, counters))

    return run


def _batches(queue, shape):
    return shape.is_fully_defined() or (queue.kind == "PaddingFIFOQueue" and shape.ndims is not None)


def _run_close(call, queue):
    queue.close(call.attr("cancel_pending_enqueues"))
    return ()


def _queue_op(name, **attrs):
    return OpDef(name, "", "handle: resource",
                 attrs={"component_types": None, "shapes": [], "capacity": -1, "container": b"", "shared_name": b"", **attrs},
                 shape=scalar, host=_run_queue, stateful=True, gradient=no_gradient)  # fmt: skip


def _use(name, inputs, outputs, host, shape=unknown, **attrs):
    return OpDef(name, inputs, outputs, attrs=attrs, shape=shape, host=host, stateful=True, gradient=no_gradient)


register(
    _queue_op("FIFOQueueV2"), _queue_op("PaddingFIFOQueueV2"), _queue_op("PriorityQueueV2"),
    _queue_op("RandomShuffleQueueV2", min_after_dequeue=0, seed=0, seed2=0),
    _use("QueueEnqueueV2", "handle: resource, components: Tcomponents", "", _run_enqueue, nothing,
         Tcomponents=[], timeout_ms=-1),
    _use("QueueEnqueueManyV2", "handle: resource, components: Tcomponents", "", _run_enqueue_many, nothing,
         Tcomponents=[], timeout_ms=-1),
    _use("QueueDequeueV2", "handle: resource", "components: component_types", _run_dequeue,
         component_types=[], timeout_ms=-1),
    _use("QueueDequeueManyV2", "handle: resource, n: int32", "components: component_types", _batch(None),
         component_types=[], timeout_ms=-1),
    _use("QueueDequeueUpToV2", "handle: resource, n: int32", "components: component_types", _batch(1),
         component_types=[], timeout_ms=-1),
    _use("QueueSizeV2", "handle: resource", "size: int32", lambda call, queue: queue.size(), scalar),
    _use("QueueIsClosedV2", "handle: resource", "is_closed: bool", lambda call, queue: queue.closed, scalar),
    _use("QueueCloseV2", "handle: resource", "", _run_close, nothing, cancel_pending_enqueues=False),
)  # fmt: skip


# --- public classes -------------------------------------------------------------------------------------


class QueueBase:
    """What all queues share.

    Args:
      dtypes: the types of an element's components.
      shapes: their shapes; None where they are open.
      names: their names, which make elements dictionaries; or None.
      queue_ref: the tensor that stands for the queue.

    Raises:
      ValueError: where the arguments have different lengths.
    """

    def __init__(self, dtypes, shapes, names, queue_ref):
        self._dtypes = dtypes
        if shapes is not None and len(shapes) != len(dtypes):
            raise ValueError("Queue shapes must have the same length as dtypes")
        self._shapes = [TensorShape(s) for s in shapes] if shapes is not None else [TensorShape(None)] * len(dtypes)
        if names is not None and len(names) != len(dtypes):
            raise ValueError("List of names must have the same length as the list of dtypes")
        self._names = names
        self._queue_ref = queue_ref
        self._name = queue_ref.op.name.split("/")[-1]

    @staticmethod
    def from_list(index, queues):
        """The queue of a list that an integer tensor chooses when it runs.

        Args:
          index: an integer scalar.
          queues: queues of the same types, shapes and names.

        Raises:
          TypeError: where `queues` is no list of queues, or their types or names differ.
        """
        if not queues or not isinstance(queues, list) or not all(isinstance(q, QueueBase) for q in queues):
            raise TypeError("A list of queues expected")
        first = queues[0]
        if any(q.dtypes != first.dtypes for q in queues):
            raise TypeError("Queues do not have matching component dtypes.")
        if any(q.names != first.names for q in queues):
            raise TypeError("Queues do not have matching component names.")
        shapes = [_common([q.shapes[i] for q in queues]) for i in range(len(first.shapes))]
        chosen = gather(stack([q.queue_ref for q in queues]), index)
        return QueueBase(dtypes=first.dtypes, shapes=shapes, names=first.names, queue_ref=chosen)

    @property
    def queue_ref(self):
        """The tensor that stands for the queue."""
        return self._queue_ref

    @property
    def name(self):
        """The name of the queue's node, without its scope."""
        return self._queue_ref.op.name

    @property
    def dtypes(self):
        """The types of an element's components."""
        return self._dtypes

    @property
    def shapes(self):
        """The shapes of an element's components."""
        return self._shapes

    @property
    def names(self):
        """The names of an element's components, or None."""
        return self._names

    # --- putting in -----------------------------------------------------------------------------------

    def enqueue(self, vals, name=None):
        """An operation that puts in one element, and waits while the queue is full.

        Args:
          vals: a tensor, a list or tuple of tensors, or a dictionary where the queue has names.
          name: the operation's name.

        Returns:
          The operation. Running it raises `CancelledError` where the queue or the session is closed.

        Raises:
          ValueError: for fewer values than the queue has components, or of other shapes.
        """
        with name_scope(name, f"{self._name}_enqueue", _flat(vals)) as scope:
            components = self._components("QueueEnqueueV2", vals)
            for value, shape in zip(components, self._shapes):
                value.shape.assert_is_compatible_with(shape)
            return apply_op("QueueEnqueueV2", [self._queue_ref, components], name=scope)

    def enqueue_many(self, vals, name=None):
        """An operation that puts in the slices of tensors along their first axis, one by one.

        Args:
          vals: as in `enqueue`, with one axis more.
          name: the operation's name.
        """
        with name_scope(name, f"{self._name}_EnqueueMany", _flat(vals)) as scope:
            components = self._components("QueueEnqueueManyV2", vals)
            batch = as_dimension(components[0].shape.with_rank_at_least(1)[0])
            for value, shape in zip(components, self._shapes):
                batch = batch.merge_with(value.shape.with_rank_at_least(1)[0])
                value.shape[1:].assert_is_compatible_with(shape)
            return apply_op("QueueEnqueueManyV2", [self._queue_ref, components], name=scope)

    def _components(self, kind, vals):
        """The values of an element as tensors; what is beyond the queue's components is left out."""
        if isinstance(vals, dict):
            if not self._names:
                raise ValueError("Queue must have names to enqueue a dictionary")
            if sorted(self._names, key=str) != sorted(vals, key=str):
                raise ValueError(
                    "Keys in dictionary to enqueue do not match names of Queue.  "
                    f"Dictionary: ({sorted(vals)}), Queue: ({sorted(self._names)})"
                )
            vals = [vals[name] for name in self._names]
        else:
            if self._names:
                raise ValueError("You must enqueue a dictionary in a Queue with names")
            if not isinstance(vals, (list, tuple)):
                vals = [vals]
        if not len(vals):
            raise ValueError(f"Attr 'Tcomponents' of '{kind}' Op passed list of length 0 less than minimum 1.")
        if len(vals) < len(self._dtypes):
            have, expected = _signature(self._dtypes[: len(vals)]), _signature(self._dtypes)
            raise ValueError(f"Signature mismatch, have: {have} expected: {expected}")
        return [
            convert_to_tensor(value, dtype, name=f"component_{i}")
            for i, (value, dtype) in enumerate(zip(vals, self._dtypes))
        ]

    # --- taking out -----------------------------------------------------------------------------------

    def _element(self, outputs):
        if self._names:
            return dict(zip(self._names, outputs))
        return outputs[0] if len(outputs) == 1 else outputs

    def dequeue(self, name=None):
        """Takes out one element, and waits while the queue is empty.

        Args:
          name: the operation's name.

        Returns:
          A tensor, a list of them, or a dictionary where the queue has names. Running it raises
          `OutOfRangeError` where the queue is closed and empty, `CancelledError` where the session is closed.
        """
        outputs = apply_op(
            "QueueDequeueV2", [self._queue_ref], {"component_types": self._dtypes}, name or f"{self._name}_Dequeue"
        )
        for output, shape in zip(outputs, self._shapes):
            output.set_shape(shape)
        return self._element(outputs)

    def dequeue_many(self, n, name=None):
        """Takes out n elements, stacked along a new first axis, and waits until there are so many.

        Args:
          n: an integer scalar.
          name: the operation's name.
        """
        return self._dequeue_batch(
            "QueueDequeueManyV2", n, name or f"{self._name}_DequeueMany", lambda op: constant_value(op.inputs[1])
        )

    def dequeue_up_to(self, n, name=None):
        """Takes out n elements, or the rest of a closed queue that has fewer; see `dequeue_many`."""
        return self._dequeue_batch("QueueDequeueUpToV2", n, name or f"{self._name}_DequeueUpTo", lambda op: None)

    def _dequeue_batch(self, type, n, name, size):
        outputs = apply_op(type, [self._queue_ref, n], {"component_types": self._dtypes}, name)
        batch = size(outputs[0].op)
        for output, shape in zip(outputs, self._shapes):
            output.set_shape(TensorShape([None if batch is None else int(batch)]).concatenate(shape))
        return self._element(outputs)

    # --- the queue itself -----------------------------------------------------------------------------

    def close(self, cancel_pending_enqueues=False, name=None):
        """An operation that closes the queue: nothing is put in any more, what is in may be taken out.

        Args:
          cancel_pending_enqueues: whether those who wait to put something in fail.
          name: the operation's name.
        """
        attrs = {"cancel_pending_enqueues": cancel_pending_enqueues}
        return apply_op("QueueCloseV2", [self._queue_ref], attrs, name or f"{self._name}_Close")

    def is_closed(self, name=None):
        """Whether the queue is closed, a boolean scalar."""
        return apply_op("QueueIsClosedV2", [self._queue_ref], name=name or f"{self._name}_Is_Closed")

    def size(self, name=None):
        """How many elements the queue has, an int32 scalar."""
        return apply_op("QueueSizeV2", [self._queue_ref], name=name or f"{self._name}_Size")


def _signature(dtypes):
    """What an operation takes that puts in an element, in the runtime's words."""
    return ", ".join(["resource", *map(message_name, dtypes)]) + "->"


def _flat(vals):
    if isinstance(vals, dict):
        return list(vals.values())
    return list(vals) if isinstance(vals, (list, tuple)) else [vals]


def _common(shapes):
    """The shape that all shapes fit."""
    ranks = {shape.ndims for shape in shapes}
    if len(ranks) != 1 or None in ranks:
        return TensorShape(None)
    return TensorShape(
        [sizes.pop() if len(sizes := set(dims)) == 1 else None for dims in zip(*[s.as_list() for s in shapes])]
    )


def _listed_types(types):
    return [dtypes.as_dtype(t) for t in types] if isinstance(types, (list, tuple)) else [dtypes.as_dtype(types)]


def _listed_shapes(shapes, count, may_be_open):
    """A list of shapes, or None where the queue leaves them open."""
    if shapes is None:
        return None
    if isinstance(shapes, TensorShape) or all(d is None or isinstance(d, int) for d in shapes):
        shapes = [shapes]  # one shape
    if len(shapes) != count:
        raise ValueError("Queue shapes must have the same length as dtypes")
    shapes = [as_shape(shape) for shape in shapes]
    if not may_be_open and not all(shape.is_fully_defined() for shape in shapes):
        raise ValueError(f"All shapes must be fully defined: {shapes}")
    return shapes


def _listed_names(names):
    return names if names is None or isinstance(names, (list, tuple)) else [names]


def _handle(type, types, shapes, capacity, shared_name, name, **more):
    if not types and type != "PriorityQueueV2":
        raise ValueError(f"Attr 'component_types' of '{type}' Op passed list of length 0 less than minimum 1.")
    attrs = {
        "component_types": types,
        "shapes": shapes or [],
        "capacity": capacity,
        "shared_name": shared_name or "",
        **more,
    }
    return apply_op(type, [], attrs, name)


class FIFOQueue(QueueBase):
    """A queue that hands elements out in the order they came.

    Args:
      capacity: how many elements it takes; negative for any number.
      dtypes: the type of an element, or a list of its components' types.
      shapes: the components' shapes; `dequeue_many` needs them.
      names: the components' names, which make elements dictionaries.
      shared_name: the name of the queue in the session; by default the node's.
      name: the node's name.
    """

    def __init__(self, capacity, dtypes, shapes=None, names=None, shared_name=None, name="fifo_queue"):
        types = _listed_types(dtypes)
        shapes = _listed_shapes(shapes, len(types), False)
        names = _listed_names(names)
        super().__init__(types, shapes, names, _handle("FIFOQueueV2", types, shapes, capacity, shared_name, name))


class RandomShuffleQueue(QueueBase):
    """A queue that hands out a random one of its elements.

    Args:
      capacity: how many elements it takes; negative for any number.
      min_after_dequeue: how many elements it keeps back while it is open, for the mixing; below `capacity`.
      dtypes, shapes, names: as of `FIFOQueue`.
      seed: the seed of the op.
      shared_name: the name of the queue in the session; by default the node's.
      name: the node's name.
    """

    def __init__(self, capacity, min_after_dequeue, dtypes, shapes=None, names=None, seed=None, shared_name=None,
                 name="random_shuffle_queue"):  # fmt: skip
        types = _listed_types(dtypes)
        shapes = _listed_shapes(shapes, len(types), False)
        names = _listed_names(names)
        first, second = get_seed(seed)
        handle = _handle("RandomShuffleQueueV2", types, shapes, capacity, shared_name, name,
                         min_after_dequeue=min_after_dequeue, seed=first or 0, seed2=second or 0)  # fmt: skip
        super().__init__(types, shapes, names, handle)


class PaddingFIFOQueue(QueueBase):
    """A `FIFOQueue` of components with open sizes; a batch is padded to the largest.

    Args:
      capacity, dtypes, names: as of `FIFOQueue`.
      shapes: the components' shapes; sizes may be None, ranks not.
      shared_name: the name of the queue in the session; by default the node's.
      name: the node's name.
    """

    def __init__(self, capacity, dtypes, shapes, names=None, shared_name=None, name="padding_fifo_queue"):
        types = _listed_types(dtypes)
        listed = isinstance(shapes, (list, tuple)) and len(shapes) > 0
        if not listed or any(shape is None or isinstance(shape, int) for shape in shapes):
            raise ValueError("When providing partial shapes, a list of shapes must be provided.")
        shapes = [as_shape(shape) for shape in shapes]
        if any(shape.ndims is None for shape in shapes):
            raise ValueError(f"All shapes must have a defined rank: {shapes}")
        shapes = _listed_shapes(shapes, len(types), True)
        names = _listed_names(names)
        if shapes is None or len(shapes) != len(types):
            raise ValueError("Shapes must be provided for all components")
        super().__init__(
            types, shapes, names, _handle("PaddingFIFOQueueV2", types, shapes, capacity, shared_name, name)
        )


class PriorityQueue(QueueBase):
    """A queue that hands out the element with the lowest priority value first.

    The priority is an int64 scalar, the first component of every element.

    Args:
      capacity: how many elements it takes; negative for any number.
      types: the types of the other components.
      shapes, names: of the other components, as of `FIFOQueue`.
      shared_name: the name of the queue in the session; by default the node's.
      name: the node's name.
    """

    def __init__(self, capacity, types, shapes=None, names=None, shared_name=None, name="priority_queue"):
        types = _listed_types(types)
        shapes = _listed_shapes(shapes, len(types), False)
        handle = _handle("PriorityQueueV2", types, shapes, capacity, shared_name, name)
        all_shapes = [TensorShape([]), *shapes] if shapes is not None else None
        super().__init__([dtypes.int64, *types], all_shapes, _listed_names(names), handle)
