"""`tf.CriticalSection`: parts of a graph that run one after the other, also among the threads of a session."""

from __future__ import annotations

import threading
from collections import namedtuple

from .. import nest
from ..graph.scopes import colocate_with, control_dependencies, init_scope, name_scope
from ..graph.stack import get_default_graph
from .build import apply_op
from .core import group, identity, tuple
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar
from .tensor_array import TensorArray

__all__ = ["CriticalSection"]

_EXECUTIONS = "critical_section_executions"


# --- ops ----------------------------------------------------------------------------------------------------------


class Mutex:
    """Who may go on alone: one thread at a time.

    A step that fails gives back what its thread holds, since it does not come to the end of the section.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._owner = None

    def take(self, call):
        """Waits until no other thread holds it; a step of the same thread that has failed does not."""
        me = threading.get_ident()
        with self._changed:
            while self._owner not in (None, me):
                call.wait(self._changed, "Mutex")
            self._owner = me
        return self

    def let_go(self):
        """Gives it back, where this thread holds it."""
        with self._changed:
            if self._owner == threading.get_ident():
                self._owner = None
                self._changed.notify()

    step_failed = let_go

    def close_session(self):
        with self._changed:
            self._changed.notify_all()


def _run_mutex(call):
    key = ("mutex", call.attr("shared_name") or call.op_name)
    return call.resource_state.get(key) or call.resource_state.setdefault(key, Mutex())


def _run_consume(call, lock):
    lock.let_go()
    return ()


register(
    OpDef("MutexV2", "", "resource: resource", attrs={"container": b"", "shared_name": b""}, shape=scalar, host=_run_mutex,
          stateful=True, gradient=no_gradient),
    OpDef("MutexLock", "mutex: resource", "mutex_lock: variant", shape=scalar, host=lambda call, mutex: mutex.take(call),
          stateful=True, gradient=no_gradient),
    OpDef("ConsumeMutexLock", "mutex_lock: variant", "", shape=nothing, host=_run_consume, stateful=True,
          gradient=no_gradient),
)  # fmt: skip


# --- the public class ---------------------------------------------------------------------------------------------

# What an execution has locked, and which resources its operations use.
_Execution = namedtuple("_Execution", "op handle resources exclusive_resource_access")


class CriticalSection:
    """Functions whose operations run one after the other: those of one execution end before those of another begin.

    Args:
      name: the node's name.
      shared_name: sections of the same one are the same section.
      critical_section_def: not there.
      import_scope: not there.

    Raises:
      ValueError: both a name and a `critical_section_def` are given.
      NotImplementedError: a `critical_section_def` is given.
    """

    def __init__(self, name=None, shared_name=None, critical_section_def=None, import_scope=None):
        if critical_section_def:
            if name is not None:
                raise ValueError("critical_section_def and shared_name are mutually exclusive.")
            raise NotImplementedError("Not yet implemented")
        with name_scope(name, "CriticalSection") as scope, init_scope():
            shared_name = scope if shared_name is None else shared_name
            self._handle = apply_op("MutexV2", [], {"shared_name": shared_name}, scope)
        get_default_graph().add_to_collection("critical_sections", self)

    @property
    def name(self):
        """The name of its mutex."""
        return self._handle.op.name

    def execute(self, fn, exclusive_resource_access=True, name=None):
        """What a function gives, whose operations run while no other execution of this section does.

        Args:
          fn: a function of no arguments that returns tensors.
          exclusive_resource_access: whether no other section may use the resources that the function uses.
          name: the scope of the nodes.

        Returns:
          The function's results.

        Raises:
          ValueError: the function uses this section itself, or resources that another section wants alone.
        """
        graph = get_default_graph()
        with name_scope(name, "critical_section_execute"):
            lock = apply_op("MutexLock", [self._handle])
            before = len(graph.get_operations())
            with control_dependencies([lock]):
                result = fn()
            made = graph.get_operations()[before:]
            _wait_for_arguments(lock.op, made)
            resources = list(dict.fromkeys(t for op in made for t in op.inputs if t.dtype.name == "resource"))
            if any(map(self._is_own, resources)):
                raise ValueError(
                    "The function fn attempts to directly access the CriticalSection in which it would be running.  "
                    "This is illegal and would cause deadlocks."
                )
            self._check_others(resources, exclusive_resource_access)
            flat = [_identity(x) for x in nest.flatten(result)]
            with control_dependencies(flat):
                with colocate_with(self._handle):
                    consumed = apply_op("ConsumeMutexLock", [lock])
                result = nest.pack_sequence_as(result, tuple(nest.flatten(result)))
            with control_dependencies([consumed]):
                result = nest.map_structure(_identity, result)
            execution = _Execution(lock.op, self._handle, resources, exclusive_resource_access)
            graph.add_to_collection(_EXECUTIONS, execution)
        return result

    def _is_own(self, resource):
        op, own = resource.op, self._handle.op
        if op.type != "MutexV2" or not op.get_attr("shared_name"):
            return False
        return op.get_attr("shared_name") == own.get_attr("shared_name") and op.device == own.device

    def _check_others(self, resources, exclusive):
        for other in get_default_graph().get_collection(_EXECUTIONS):
            if self._is_own(other.handle) or not (exclusive or other.exclusive_resource_access):
                continue
            both = [resource for resource in resources if resource in other.resources]
            if both:
                raise ValueError(
                    f"This execution would access resources: {both}.  Either this lock (CriticalSection: {self._handle}) or "
                    f"lock '{other}' (CriticalSection: {other.handle}) requested exclusive resource access of this "
                    "resource.  Did you mean to call execute with keyword argument exclusive_resource_access=False?"
                )


def _identity(value):
    if isinstance(value, TensorArray):
        return value.identity()
    return group(value) if hasattr(value, "control_inputs") else identity(value)


def _wait_for_arguments(lock, made):
    """What the operations take from outside is there before they are alone: else who makes it might wait for the lock."""
    own = {*made, lock, *lock.control_inputs, *(t.op for t in lock.inputs)}
    outside = dict.fromkeys(source for op in made for source in (*(t.op for t in op.inputs), *op.control_inputs))
    arguments = [op for op in outside if op not in own]
    if arguments:
        lock._add_control_input(group(*arguments))
