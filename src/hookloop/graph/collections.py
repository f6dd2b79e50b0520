"""Collections: lists of objects that a graph keeps by name, and the names that everybody uses."""

from __future__ import annotations

import re

from .stack import get_default_graph

__all__ = [
    "GraphKeys",
    "add_to_collection",
    "add_to_collections",
    "get_collection",
    "get_collection_ref",
]


class GraphKeys:
    """The standard names of collections."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    METRIC_VARIABLES = "metric_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    CONCATENATED_VARIABLES = "concatenated_variables"
    SAVERS = "savers"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    SAVEABLE_OBJECTS = "saveable_objects"
    RESOURCES = "resources"
    LOCAL_RESOURCES = "local_resources"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    READY_FOR_LOCAL_INIT_OP = "ready_for_local_init_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    TRAINABLE_RESOURCE_VARIABLES = "trainable_resource_variables"
    EVAL_STEP = "eval_step"
    TRAIN_OP = "train_op"
    COND_CONTEXT = "cond_context"
    WHILE_CONTEXT = "while_context"
    VARIABLES = GLOBAL_VARIABLES
    _SUMMARY_COLLECTION = "_SUMMARY_V2"
    _STREAMING_MODEL_PORTS = "streaming_model_ports"
    _VARIABLE_COLLECTIONS = (
        GLOBAL_VARIABLES, LOCAL_VARIABLES, METRIC_VARIABLES, MODEL_VARIABLES, TRAINABLE_VARIABLES,
        MOVING_AVERAGE_VARIABLES, CONCATENATED_VARIABLES,
    )  # fmt: skip


class Collections:
    """The collections of one graph."""

    # Each method is one call of a dict's own: several threads may add to a graph.

    def __init__(self):
        self._lists: dict = {}

    def add(self, name, value):
        self._lists.setdefault(name, []).append(value)

    def add_to_all(self, names, value):
        # A generator or a set may name a collection twice: each gets the value once, in a fixed order.
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self.add(name, value)

    def ref(self, name):
        return self._lists.setdefault(name, [])

    def get(self, name, scope=None):
        values = list(self._lists.get(name, ()))
        if scope is None:
            return values
        matches = re.compile(scope).match
        return [v for v in values if hasattr(v, "name") and matches(v.name)]

    def names(self):
        return list(self._lists)

    def clear(self, name):
        self._lists.pop(name, None)


class FunctionCollections(Collections):
    """Those of a function's graph: variables, and what names of tuples say of them, are those of the graph around it.

    Args:
      outer: the collections of that graph; the others are copied.
    """

    _SHARED = frozenset((GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES))

    def __init__(self, outer):
        super().__init__()
        self._outer = outer
        self._lists = {name: outer.get(name) for name in outer.names() if not self._is_shared(name)}

    def _is_shared(self, name):
        return name in self._SHARED or isinstance(name, tuple)

    def add(self, name, value):
        self._outer.add(name, value) if self._is_shared(name) else super().add(name, value)

    def ref(self, name):
        return self._outer.ref(name) if self._is_shared(name) else super().ref(name)

    def get(self, name, scope=None):
        return self._outer.get(name, scope) if self._is_shared(name) else super().get(name, scope)

    def names(self):
        return [*super().names(), *[name for name in self._outer.names() if self._is_shared(name)]]


def add_to_collection(name, value):
    """Adds a value to a collection of the default graph."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names, value):
    """Adds a value to several collections of the default graph."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key, scope=None):
    """The values of a collection of the default graph.

    Args:
      key: the collection's name.
      scope: only values whose `name` matches this regular expression at its start.

    Returns:
      A new list.
    """
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key):
    """The collection itself: changing the list changes the graph's."""
    return get_default_graph().get_collection_ref(key)
