"""Context managers that act on a graph: name scopes, control dependencies, devices, and their functions."""

from __future__ import annotations

import re

from .stack import get_default_graph

__all__ = [
    "colocate_with", "container", "control_dependencies", "device", "name_scope", "op_scope",
]  # fmt: skip

_VALID_ROOT = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\-/]*$").match
_VALID_NESTED = re.compile(r"^[A-Za-z0-9_.\-/]*$").match
_valid_root_names: set = set()
_valid_nested_names: set = set()
_MEMO_LIMIT = 4096


def check_scope_name(name, nested):
    """Refuses a name that is no scope name; names seen before cost a set look-up.

    Raises:
      ValueError: for characters that names of nodes cannot have.
    """
    seen = _valid_nested_names if nested else _valid_root_names
    if name in seen:
        return
    if not isinstance(name, str):
        raise TypeError(f"name for name_scope must be a string, not {type(name).__name__}")
    if not (_VALID_NESTED if nested else _VALID_ROOT)(name):
        raise ValueError(f"'{name}' is not a valid scope name")
    if len(seen) < _MEMO_LIMIT:
        seen.add(name)


class GraphNameScope:
    """`graph.name_scope(name)`: entering it gives the scope's full name with a "/" at the end."""

    __slots__ = ("_graph", "_name", "_outer")

    def __init__(self, graph, name):
        self._graph = graph
        self._name = name

    def __enter__(self):
        graph, name = self._graph, self._name
        state = graph._state()
        self._outer = outer = state.name_stack
        if not name:
            state.name_stack = ""
            return ""
        check_scope_name(name, bool(outer))
        state.name_stack = scope = name[:-1] if name[-1] == "/" else graph.unique_name(name)
        return scope + "/"

    def __exit__(self, *_):
        self._graph._state().name_stack = self._outer


class name_scope:
    """Puts the ops made inside under a common prefix of their names.

    Args:
      name: the scope; one that is in use gets "_1" and so on; with a "/" at the end the scope is entered
        again as it is; None or "" is the root.
      default_name: the scope where name is None.
      values: tensors; the graph that they belong to is made the default.
    """

    __slots__ = ("_name", "_default_name", "_values", "_scope", "_default")

    def __init__(self, name, default_name=None, values=None):
        self._name = default_name if name is None else name
        self._default_name = default_name
        self._values = values

    @property
    def name(self):
        return self._name

    def __enter__(self):
        if self._name is None and self._values is not None:
            raise ValueError(
                f"At least one of name ({self._name}) and default_name ({self._default_name}) must be provided."
            )
        self._default = None
        graph = default = get_default_graph()
        if self._values is not None:
            graph = graph_of(self._values)
        if graph is not default:
            self._default = graph.as_default()
            self._default.__enter__()
        self._scope = GraphNameScope(graph, self._name)
        try:
            return self._scope.__enter__()
        except BaseException:
            if self._default is not None:
                self._default.__exit__(None, None, None)
            raise

    def __exit__(self, *error):
        self._scope.__exit__(*error)
        if self._default is not None:
            self._default.__exit__(*error)
        return False


def op_scope(values, name, default_name=None):
    """The old spelling of `name_scope(name, default_name, values)`."""
    return name_scope(name, default_name=default_name, values=values)


def graph_of(values):
    """The graph that the tensors among `values` belong to, else the default graph.

    Raises:
      ValueError: where they belong to several.
    """
    default = get_default_graph()
    if default._outer is not None:
        return default
    found = _graph_among(values, None)
    return default if found is None else found[0]


def _graph_among(values, found):
    """(graph, tensor) of the first tensor among values and in lists of them; `found` where that is not None."""
    for value in values:
        kind = value.__class__
        if kind is int or kind is float or kind is str:
            continue
        if isinstance(value, (list, tuple)):
            found = _graph_among(value, found)
            continue
        graph = getattr(value, "graph", None)
        if graph is None:
            continue
        if found is None:
            found = graph, value
        elif graph is not found[0]:
            raise ValueError(f"{value} must be from the same graph as {found[1]}.")
    return found


class ControlDependencies:
    """`graph.control_dependencies(...)`: new ops inside run after these; None clears the outer ones."""

    __slots__ = ("_graph", "inputs", "_new_stack", "_seen", "_outer_stack", "_outer_context")

    def __init__(self, graph, inputs):
        self._graph = graph
        self._new_stack = inputs is None
        self.inputs = inputs or []
        self._seen = set()

    def __enter__(self):
        state = self._graph._state()
        self._outer_stack, self._outer_context = state.control_stack, state.context
        if self._new_stack:
            state.control_stack = [self]
            state.context = None
        else:
            state.control_stack = [*self._outer_stack, self]

    def __exit__(self, *_):
        state = self._graph._state()
        state.control_stack = self._outer_stack
        if self._new_stack:
            state.context = self._outer_context

    def add_op(self, op):
        self._seen.add(op)

    def op_in_group(self, op):
        """Whether op was made inside: what consumes it runs after the dependencies anyway."""
        return op in self._seen


class StackScope:
    """Sets one of a graph's per-thread stacks to a longer (or empty) one while it is entered."""

    __slots__ = ("_graph", "_stack", "_value", "_outer")

    def __init__(self, graph, stack, value):
        self._graph = graph
        self._stack = stack
        self._value = value

    def __enter__(self):
        state = self._graph._state()
        self._outer = getattr(state, self._stack)
        setattr(state, self._stack, self._value(self._outer))
        state.refresh()

    def __exit__(self, *_):
        state = self._graph._state()
        setattr(state, self._stack, self._outer)
        state.refresh()


def device(device_name_or_function):
    """The default graph's `Graph.device`."""
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs):
    """The default graph's `Graph.control_dependencies`."""
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op, ignore_existing=False):
    """The default graph's `Graph.colocate_with`."""
    return get_default_graph().colocate_with(op, ignore_existing)


def container(container_name):
    """The default graph's `Graph.container`."""
    return get_default_graph().container(container_name)
