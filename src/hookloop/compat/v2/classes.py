"""Variables and name scopes of the second API."""

from __future__ import annotations

from ... import variables
from ...graph.stack import get_default_graph

__all__ = ["Variable", "name_scope"]


class _Version2(type):
    """Makes variables of resources; every variable is an instance."""

    def __call__(cls, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None, variable_def=None,
                 dtype=None, import_scope=None, constraint=None, synchronization=None, aggregation=None, shape=None):  # fmt: skip
        return variables.Variable(
            initial_value, trainable=trainable, validate_shape=validate_shape, caching_device=caching_device, name=name,
            variable_def=variable_def, dtype=dtype, import_scope=import_scope, constraint=constraint,
            synchronization=synchronization, aggregation=aggregation, shape=shape, use_resource=True,
        )  # fmt: skip

    def __instancecheck__(cls, value):
        return isinstance(value, variables.Variable)

    def __subclasscheck__(cls, other):
        return other is cls or issubclass(other, variables.Variable)

    def __getattr__(cls, name):
        return getattr(variables.Variable, name)


class Variable(metaclass=_Version2):
    """A variable that is a resource. Its arguments are those of the first API's, but for `collections` and the like."""


class name_scope:
    """Nodes made in this context have the scope before their names.

    Args:
      name: the scope, which is made unique; one that ends with "/" is taken as it is.

    Raises:
      ValueError: it is no string.
    """

    def __init__(self, name):
        if not isinstance(name, str):
            raise ValueError("name for name_scope must be a string.")
        self._name = name
        self._entered = []

    @property
    def name(self):
        """The scope as it was given."""
        return self._name

    def __enter__(self):
        scope = get_default_graph().name_scope(self._name)
        found = scope.__enter__()
        self._entered.append(scope)
        return found

    def __exit__(self, *error):
        self._entered.pop().__exit__(*error)
        return False
