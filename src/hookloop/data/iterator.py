"""`tf.data.Iterator`: the place in a graph where a dataset's elements come out."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import count

from .. import dtypes
from ..graph.graph_def import Function, free_function_name
from ..graph.scopes import colocate_with, name_scope
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..nest import assert_same_structure
from ..ops.build import apply_op, convert_to_tensor
from ..ops.variable_key import VARIABLES
from ..shapes import TensorShape, as_shape
from ..trackable import Trackable
from . import ops  # noqa: F401  (registers the op types)
from .one_shot import OneShotFunction
from .structure import OfElements, TensorLeaf, flatten, leaves_up_to, map_structure, pack

GLOBAL_ITERATORS = "iterators"  # the collection of the tensors that stand for a graph's iterators


class Iterator(OfElements, Trackable):
    """Hands out the elements of a dataset. In a `train.Checkpoint` it is saved with how far it has come.

    Args:
      iterator_resource: the tensor that stands for the iterator.
      initializer: the operation that starts it, or None.
      output_types, output_shapes, output_classes: the structure of the elements.
    """

    def __init__(self, iterator_resource, initializer, output_types, output_shapes, output_classes=Tensor):
        self._iterator_resource = iterator_resource
        self._initializer = initializer
        self._element = element_of(output_types, output_shapes)
        self._string_handle = apply_op("IteratorToStringHandle", [iterator_resource])
        get_default_graph().add_to_collection(GLOBAL_ITERATORS, iterator_resource)

    @staticmethod
    def from_structure(output_types, output_shapes=None, shared_name=None, output_classes=None):
        """An iterator without a dataset: `make_initializer` gives it one.

        Args:
          output_types: the structure of the elements' types.
          output_shapes: the structure of their shapes; open by default.
          shared_name: the iterator's name in the session; by default the node's.
          output_classes: the structure of their classes; tensors by default.
        """
        element = element_of(output_types, output_shapes)
        with _on_the_cpu():
            resource = apply_op("IteratorV2", [], {**spec_attrs(element), "shared_name": shared_name or ""})
        return Iterator(resource, None, *_outputs(element))

    @staticmethod
    def from_string_handle(string_handle, output_types, output_shapes=None, output_classes=None):
        """The iterator whose handle a run feeds: it may choose another one in every step.

        Args:
          string_handle: a string scalar, the value of another iterator's `string_handle()`.
          output_types, output_shapes, output_classes: as in `from_structure`.
        """
        element = element_of(output_types, output_shapes)
        handle = convert_to_tensor(string_handle, dtypes.string)
        with _on_the_cpu():
            resource = apply_op("IteratorFromStringHandleV2", [handle], spec_attrs(element))
        return Iterator(resource, None, *_outputs(element))

    @property
    def initializer(self):
        """The operation that starts the iterator from its dataset's beginning.

        Raises:
          ValueError: where it has none, as a one-shot iterator.
        """
        if self._initializer is None:
            raise ValueError("Iterator does not have an initializer.")
        return self._initializer

    def make_initializer(self, dataset, name=None):
        """An operation that starts the iterator on a dataset.

        Args:
          dataset: its elements have the iterator's structure.
          name: the operation's name.

        Raises:
          TypeError: where the dataset's elements have other types or shapes, or other kinds of sequences.
          ValueError: where they have another structure.
        """
        types, shapes = self.output_types, self.output_shapes
        assert_same_structure(types, dataset.output_types)
        if flatten(types) != flatten(dataset.output_types):
            raise TypeError(
                f"Expected output types {types!r} but got dataset with output types {dataset.output_types!r}."
            )
        for mine, other in zip(flatten(self._element), flatten(dataset._element)):
            if not mine.shape.is_compatible_with(other.shape):
                raise TypeError(
                    f"Expected output shapes compatible with {shapes!r} but got dataset with output shapes "
                    f"{dataset.output_shapes!r}."
                )
        with name_scope(name, "make_initializer") as scope, colocate_with(self._iterator_resource):
            return apply_op("MakeIterator", [dataset._variant_tensor, self._iterator_resource], name=scope)

    def get_next(self, name=None):
        """The next element, as tensors in the dataset's structure.

        Args:
          name: the node's name.

        Returns:
          Tensors. Running them raises `OutOfRangeError` at the end, `FailedPreconditionError` before the
          initializer has run.
        """
        tensors = apply_op("IteratorGetNext", [self._iterator_resource], spec_attrs(self._element), name)
        leaves = flatten(self._element)
        for tensor, leaf in zip(tensors, leaves):
            tensor.set_shape(leaf.shape)
        return pack(self._element, [component(leaf, tensor) for leaf, tensor in zip(leaves, tensors)])

    def string_handle(self, name=None):
        """The handle that `from_string_handle` takes: a string scalar."""
        if name is None:
            return self._string_handle
        return apply_op("IteratorToStringHandle", [self._iterator_resource], name=name)

    @property
    def element_spec(self):
        """The structure of the elements, as `TensorSpec`s and `DatasetSpec`s."""
        from .specs import spec_of

        return spec_of(self._element)

    def _gather_saveables_for_checkpoint(self):
        from .saving import IteratorSaveable

        return {"ITERATOR_STATE": lambda name: IteratorSaveable(self._iterator_resource, name)}


def component(leaf, tensor):
    """What a component of an element is in a program: the tensor, or the dataset that it stands for."""
    if leaf.dtype is dtypes.variant:
        from .dataset import Dataset

        return Dataset._from_variant(tensor, leaf.element)
    return tensor


def element_of(types, shapes=None):
    """The structure of elements with these types and shapes.

    Raises:
      TypeError: where the two are nested in different ways.
    """
    flat_types = flatten(types)
    if shapes is None:
        flat_shapes = [None] * len(flat_types)
    else:
        flat_shapes = leaves_up_to(types, shapes)
    leaves = []
    for found, shape in zip(flat_types, flat_shapes):
        if hasattr(found, "element"):  # a dataset inside of the elements
            leaves.append(found)
        else:
            leaves.append(
                TensorLeaf(dtypes.as_dtype(found), as_shape(shape) if shape is not None else TensorShape(None))
            )
    return pack(types, leaves)


def spec_attrs(element):
    leaves = flatten(element)
    return {"output_types": [leaf.dtype for leaf in leaves], "output_shapes": [leaf.shape for leaf in leaves]}


def _outputs(element):
    return (
        map_structure(lambda leaf: leaf.output_type, element), map_structure(lambda leaf: leaf.output_shape, element),
        map_structure(lambda leaf: leaf.output_class, element),
    )  # fmt: skip


def one_shot(dataset):
    """An iterator that needs no initializer.

    Raises:
      ValueError: where the dataset depends on a placeholder or a variable.
    """
    _check_capturable(dataset._variant_tensor)
    graph = get_default_graph()
    functions = graph.__dict__.setdefault("_dataset_functions", {})
    name = free_function_name(graph, (f"_make_dataset_{number}" for number in count(len(functions))))
    functions[name] = OneShotFunction(name, dataset)
    resource = apply_op(
        "OneShotIterator", [], {**spec_attrs(dataset._element), "dataset_factory": Function.named(name)}
    )
    return Iterator(resource, None, *_outputs(dataset._element))


def _check_capturable(tensor):
    seen, pending = set(), [tensor.op]
    while pending:
        op = pending.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type in ("Placeholder", "PlaceholderWithDefault"):
            raise ValueError(f"Cannot capture a placeholder (name:{op.name}, type:{op.type}) by value.")
        if op.type in VARIABLES:
            raise ValueError(
                "Failed to create a one-shot iterator for a dataset. `Dataset.make_one_shot_iterator()` does not support "
                "datasets that capture stateful objects, such as a `Variable` or `LookupTable`. In these cases, use "
                "`Dataset.make_initializable_iterator()`. (Original error: Cannot capture a stateful node "
                f"(name:{op.name}, type:{op.type}) by value.)"
            )
        pending += [t.op for t in op.inputs]


def _on_the_cpu():
    """A context whose nodes say so where no scope around it names a device."""
    graph = get_default_graph()
    return nullcontext() if graph._state().device_stack else graph.device("/cpu:0")


def initializable(dataset, shared_name):
    """An iterator that starts when its initializer runs."""
    variant = dataset._optimized()
    resource = apply_op("IteratorV2", [], {**spec_attrs(dataset._element), "shared_name": shared_name or ""})
    with colocate_with(resource):
        initializer = apply_op("MakeIterator", [variant, resource])
    return Iterator(resource, initializer, *_outputs(dataset._element))
