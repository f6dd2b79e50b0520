"""Calls of the ops that run in Python: what they may ask for, and what becomes of their results and errors."""

from __future__ import annotations

import time

import numpy as np

from . import errors
from .graph.describe import closed_meanwhile
from .graph.describe import describe as describe_op
from .ops.reference_node import ReferenceNode

# Seconds after which an op that waits for another thread looks whether its session was closed.
_LONGEST_WAIT = 0.05


class HostCalls:
    """Runs host ops: looks up their function, hands them what they may ask for, checks what they return."""

    def __init__(self, session):
        self._session = session
        self._types = {}  # op -> the NumPy types of its outputs, None for objects

    def __call__(self, op, arrays, deadline_ns):
        host = op.op_def.host
        try:
            if host is not None:
                results = host(HostCall(self._session, op, deadline_ns), *arrays)
            else:
                stream = [self._session._stream(op)] if op.op_def.stateful == "stream" else []
                results = op.op_def.reference(ReferenceNode(op, arrays), *stream, *arrays)  # text has no kernels
        except errors.OpError as error:
            if error.op is None:
                raise type(error)(None, op, f"{error.message} {describe_op(op)}") from error.__cause__
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise errors.InvalidArgumentError(None, op, f"{error} {describe_op(op)}") from error
        except MemoryError as error:
            raise errors.ResourceExhaustedError(None, op, f"OOM in a host op {describe_op(op)}") from error
        if not isinstance(results, (list, tuple)):
            results = (results,) if op.outputs else ()
        types = self._types.get(op)
        if types is None:
            types = self._types[op] = [_numpy_type(tensor.dtype.base_dtype) for tensor in op.outputs]
        return list(map(self._check, op.outputs, types, results))

    def _check(self, tensor, dtype, result):
        """The result as the array that the output's type asks for; of the shape that the graph promised."""
        if dtype is None:
            return result
        if type(result) is np.ndarray and result.dtype is dtype and (dtype.hasobject or result.flags.c_contiguous):
            array = result
        elif dtype.hasobject:
            array = np.asarray(result, dtype=object)
        else:
            array = np.ascontiguousarray(np.asarray(result, dtype=dtype)).reshape(np.shape(result))
        static = tensor._shape
        if (
            static is not None
            and static != array.shape
            and (len(static) != array.ndim or any(isinstance(s, int) and s != d for s, d in zip(static, array.shape)))
        ):
            self._session._wrong_host_shape(tensor.op, array, tensor.shape)
        return array


def _numpy_type(dtype):
    if dtype.name in ("resource", "variant"):
        return None
    return np.dtype(object if dtype.name == "string" else dtype.as_numpy_dtype)


class HostCall:
    """What a host op may ask for while it runs.

    Attributes:
      op: the operation; `op_name` its name.
      session: the session that runs it.
      deadline_ns: when the step's time is over, by the monotonic clock; 0 for never.
    """

    __slots__ = ("deadline_ns", "op", "op_name", "session")

    def __init__(self, session, op, deadline_ns):
        self.op = op
        self.op_name = op.name
        self.session = session
        self.deadline_ns = deadline_ns

    def attr(self, name):
        return self.op.get_attr(name)

    @property
    def resource_state(self):
        """A dictionary that lives as long as the session, shared by all ops of it."""
        return self.session._resources

    def new_session(self, graph):
        """A session of another graph, with this one's configuration."""
        return self.session._of_graph(graph)

    def check(self):
        """Ends work that takes long: called between its parts.

        Raises:
          CancelledError: the session was closed.
          DeadlineExceededError: the step's time limit has passed.
        """
        if self.session._closed:
            raise closed_meanwhile()
        if self.deadline_ns and time.monotonic_ns() > self.deadline_ns:
            raise errors.DeadlineExceededError(None, None, "Timed out waiting for the step: its time limit has passed")

    def check_counters(self, counters):
        """Ends a step that waits where a `Counter` that comes behind it has reached its limit.

        Raises:
          OutOfRangeError: one has.
        """
        for counter in counters:
            cell = self.session._variables.get(counter.key)
            if cell is not None and cell.initialized and cell.view() >= counter.limit:
                text = f"Reached limit of {counter.limit} {describe_op(counter.op)}"
                raise errors.OutOfRangeError(None, counter.op, text)

    def wait(self, condition, what):
        """Waits for a `threading.Condition` that is held, a while: the caller looks again at what it waits for.

        Raises:
          CancelledError: the session was closed; `what` says what was cancelled.
          DeadlineExceededError: the step's time limit has passed.
          KeyboardInterrupt: the user does not want to wait.
        """
        if self.session._closed:
            raise errors.CancelledError(None, None, f"{what} operation was cancelled")
        pause = _LONGEST_WAIT
        if self.deadline_ns:
            left = (self.deadline_ns - time.monotonic_ns()) / 1e9
            if left <= 0:
                raise errors.DeadlineExceededError(None, None, "Timed out waiting for notification")
            pause = min(pause, left)
        condition.wait(pause)
