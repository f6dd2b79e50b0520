"""Context managers that act on a graph: name scopes, control dependencies, devices, and their functions; and one for who makes much of one."""

from __future__ import annotations

import gc
from contextlib import contextmanager

from .._core import name_scope
from .stack import get_default_graph

__all__ = [
    "colocate_with", "container", "control_dependencies", "device", "init_scope", "name_scope", "op_scope",
]  # fmt: skip


def op_scope(values, name, default_name=None):
    """The old spelling of `name_scope(name, default_name, values)`."""
    return name_scope(name, default_name=default_name, values=values)


@contextmanager
def collector_paused():
    """Garbage collection waits: who makes many objects at once that are nearly all kept would have it look at each several times."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class StackScope:
    """Sets stacks of what is in force for a thread's new ops while it is entered.

    Args:
      graph: the graph whose ops they are.
      changes: the name of a stack -> function(the stack outside) that gives the one inside.
    """

    __slots__ = ("_graph", "_changes", "_outer", "_inner")

    def __init__(self, graph, **changes):
        self._graph = graph
        self._changes = changes

    def __enter__(self):
        state = self._graph._state()
        self._outer, self._inner = {}, {}
        for stack, change in self._changes.items():
            self._outer[stack] = outer = getattr(state, stack)
            self._inner[stack] = change(outer)
            setattr(state, stack, self._inner[stack])
        state.refresh()

    def __exit__(self, *_):
        state = self._graph._state()
        if "device_stack" in self._inner and state.device_stack is not self._inner["device_stack"]:
            raise RuntimeError("Exiting device scope without proper scope nesting.")
        for stack, outer in self._outer.items():
            setattr(state, stack, outer)
        state.refresh()


def device(device_name_or_function):
    """The default graph's `Graph.device`."""
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs):
    """The default graph's `Graph.control_dependencies`."""
    return get_default_graph().control_dependencies(control_inputs)


@contextmanager
def init_scope():
    """A context manager: ops made inside lie outside all conditionals, loops and functions, and depend on nothing."""
    graph = get_default_graph()
    while graph._outer is not None:
        graph = graph._outer
    with graph.as_default(), graph.control_dependencies(None):
        yield


def colocate_with(op, ignore_existing=False):
    """The default graph's `Graph.colocate_with`."""
    return get_default_graph().colocate_with(op, ignore_existing)


def container(container_name):
    """The default graph's `Graph.container`."""
    return get_default_graph().container(container_name)
