"""The stacks of default graphs and default sessions, one of each for every thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from .._core import default_graph

__all__ = ["executing_eagerly", "get_default_graph", "get_default_session", "reset_default_graph"]


class DefaultStack(threading.local):
    """A thread's stack of defaults. Entries may be removed out of order where `enforce_nesting` is off."""

    def __init__(self):
        self.stack = []
        self.enforce_nesting = True

    def get_default(self):
        return self.stack[-1] if self.stack else None

    def reset(self):
        """Forgets all of this thread's defaults."""
        self.stack.clear()

    @contextmanager
    def get_controller(self, default):
        self.stack.append(default)
        try:
            yield default
        finally:
            self.remove(default)

    def remove(self, default):
        # What was reset in between is gone already.
        if not self.stack:
            return
        if self.enforce_nesting:
            if self.stack[-1] is not default:
                raise AssertionError(
                    f"Nesting violated for default stack of {type(default)} objects: the innermost is {self.stack[-1]!r}, "
                    f"not {default!r}"
                )
            self.stack.pop()
            return
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is default:
                del self.stack[i]
                return


graphs = DefaultStack()
sessions = DefaultStack()
_global_graph_lock = threading.Lock()


def get_default_graph():
    """The graph to which this thread's ops are added: the innermost `as_default`, or the process's own."""
    return default_graph.get()


def global_graph():
    """The graph that is the default where no other is, made when it is first needed."""
    if default_graph.ground is None:
        from .graph import Graph

        with _global_graph_lock:
            if default_graph.ground is None:
                default_graph.ground = Graph()
    return default_graph.ground


default_graph.connect(lambda: graphs.stack, global_graph)


def reset_default_graph():
    """Forgets the process's own default graph: the next op starts a new one.

    Raises:
      AssertionError: inside `with graph.as_default():`.
    """
    if graphs.stack:
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, "
            "exit the nesting and create a new graph."
        )
    default_graph.ground = None


def get_default_session():
    """This thread's innermost default session, or None."""
    return sessions.get_default()


def default_session(session):
    """A context manager that makes `session` this thread's default."""
    return sessions.get_controller(session)


def session_for(graph, session, action, method):
    """The session in which an element of a graph is computed: the one that is given, or else the default one.

    Args:
      graph: the element's.
      session: a session, or None.
      action: "evaluate tensor" or "execute operation".
      method: that of the element which was called.

    Raises:
      ValueError: where there is no session, or its graph is another.
    """
    found = get_default_session() if session is None else session
    if found is None:
        # TensorFlow's two texts differ by this colon.
        colon = ":" if action == "execute operation" else ""
        raise ValueError(
            f"Cannot {action} using `{method}()`: No default session is registered. Use `with sess.as_default(){colon}` or pass "
            f"an explicit session to `{method}(session=sess)`"
        )
    if found.graph is not graph:
        which, advice = (
            ("given", "")
            if session is not None
            else ("default", f" Pass an explicit session to `{method}(session=sess)`.")
        )
        element = action.split()[-1]
        raise ValueError(
            f"Cannot use the {which} session to {action}: the {element}'s graph is different from the session's graph.{advice}"
        )
    return found


def executing_eagerly():
    """Whether tensors have values: in functions of `py_function`. Elsewhere ops are added to a graph."""
    return getattr(get_default_graph(), "_is_eager", False)
