"""`tf.data.experimental.Optional`: an element that may be there or not."""

from __future__ import annotations

import numpy as np

from ..errors import InvalidArgumentError, OutOfRangeError
from ..ops.build import apply_op, convert_to_tensor
from ..ops.registry import OpDef, no_gradient, register
from ..ops.shape_functions import scalar, unknown
from . import iterator as iterators
from .function import as_component
from .ops import _run_next
from .specs import element_of, spec_of
from .structure import TensorLeaf, flatten, pack

__all__ = ["Optional", "get_next_as_optional"]


class Optional:
    """A value, or none; made by `get_next_as_optional`, `from_value` or `none_from_structure`."""

    def __init__(self, variant_tensor, element):
        self._variant_tensor = variant_tensor
        self._element = element

    @staticmethod
    def from_value(value):
        """One that has a value.

        Args:
          value: a tensor or a structure of them.
        """
        from ..graph.scopes import name_scope

        with name_scope("optional") as scope:
            tensors = [convert_to_tensor(part, name="value") for part in flatten(value)]
            variant = apply_op("OptionalFromValue", [tensors], name=scope)
        leaves = [TensorLeaf(tensor.dtype.base_dtype, tensor.shape) for tensor in tensors]
        return Optional(variant, pack(value, leaves) if isinstance(value, (tuple, dict)) else leaves[0])

    @staticmethod
    def none_from_structure(value_structure):
        """One that has none.

        Args:
          value_structure: the structure of the value that it would have.
        """
        return Optional(apply_op("OptionalNone", []), element_of(value_structure))

    @property
    def value_structure(self):
        """The structure of the value."""
        return spec_of(self._element)

    def has_value(self, name=None):
        """Whether it has a value, as a tensor."""
        return apply_op("OptionalHasValue", [self._variant_tensor], name=name)

    def get_value(self, name=None):
        """The value, as tensors in its structure.

        Returns:
          Tensors. Running them raises `InvalidArgumentError` where there is none.
        """
        tensors = apply_op("OptionalGetValue", [self._variant_tensor], iterators.spec_attrs(self._element), name)
        leaves = flatten(self._element)
        for tensor, leaf in zip(tensors, leaves):
            tensor.set_shape(leaf.shape)
        return pack(self._element, [iterators.component(leaf, tensor) for leaf, tensor in zip(leaves, tensors)])


def get_next_as_optional(iterator):
    """The next element of an iterator as an `Optional`, which has no value at the end."""
    resource, element = iterator._iterator_resource, iterator._element
    return Optional(apply_op("IteratorGetNextAsOptional", [resource], iterators.spec_attrs(element)), element)


# What an optional is in a session: the tuple of its components, or this.
_NOTHING = ()


def _run_next_as_optional(call, iterator):
    try:
        return (tuple(_run_next(call, iterator)),)
    except OutOfRangeError:
        return (_NOTHING,)


def _run_get_value(call, optional):
    if optional == _NOTHING:
        raise InvalidArgumentError(None, None, "The given optional does not have a value.")
    return [as_component(value, dtype) for value, dtype in zip(optional, call.attr("output_types"))]


register(
    OpDef("IteratorGetNextAsOptional", "iterator: resource", "optional: variant", shape=scalar, host=_run_next_as_optional,
          attrs={"output_types": [], "output_shapes": None}, stateful=True, gradient=no_gradient),
    OpDef("OptionalFromValue", "components: Toutput_types", "optional: variant", attrs={"Toutput_types": []}, shape=scalar,
          host=lambda call, *components: (tuple(components),), gradient=no_gradient),
    OpDef("OptionalNone", "", "optional: variant", shape=scalar, host=lambda call: (_NOTHING,), gradient=no_gradient),
    OpDef("OptionalHasValue", "optional: variant", "has_value: bool", shape=scalar, gradient=no_gradient,
          host=lambda call, optional: np.bool_(len(optional) > 0)),
    OpDef("OptionalGetValue", "optional: variant", "components: output_types", shape=unknown, host=_run_get_value,
          attrs={"output_types": [], "output_shapes": None}, gradient=no_gradient),
)  # fmt: skip
