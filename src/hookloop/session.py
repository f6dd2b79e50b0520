"""`Session`: runs parts of a graph.

`run` itself is compiled (`_core`): a request written as before is found by the identity of its parts. Here
is what a new request needs: its fetches and feeds are resolved, a plan is compiled, errors are worded.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
import weakref

import numpy as np

from . import errors
from ._core import Callable, Entry, IteratorCell, Plan, SessionCore, StreamCell, VariableCell
from .fetches import FetchMap, convert_feed, feed_tensor, join_steps, resolve_feeds
from .graph.describe import CLOSED_MEANWHILE, closed_meanwhile, refuse_several_ranks, shape_in_run, uninitialized
from .graph.describe import describe as describe_op
from .graph.device import canonical_name
from .graph.stack import default_session, get_default_graph
from .graph.tensor import Tensor
from .host_calls import HostCalls
from .ops.mismatches import NOT_IMPLEMENTED, explained
from .ops.variable_key import VARIABLES, variable_key
from .plan_table import PlanTable

__all__ = ["InteractiveSession", "Session"]

# Threads that a session may be configured for; the pool has fewer.
_MOST_THREADS = 1024

# What TensorFlow says of each CPU, and what tells this process from others.
_CPU_LIMIT_BYTES = 1 << 28
_INCARNATION = int.from_bytes(os.urandom(7), "little")

# The sessions of this process, for `Session.reset` and forks.
_sessions = weakref.WeakSet()


def _after_fork_in_child():
    """Gives sessions new locks: threads that held them are none of the child's."""
    renewed = {}  # lock -> the one in its place, as sessions may share theirs
    for session in list(_sessions):
        session._lock = renewed.setdefault(session._lock, threading.RLock())
        session._moving = renewed.setdefault(session._moving, threading.RLock())


os.register_at_fork(after_in_child=_after_fork_in_child)

# The targets of this process's servers -> the configuration of sessions that have none.
_local_targets = {}


def add_local_target(target, config=None):
    """Lets sessions have a target: a server's, which is this process.

    Args:
      target: its name.
      config: a `ConfigProto`, of sessions that have none.
    """
    _local_targets[target] = config


def _check_target(target):
    if target is not None and not isinstance(target, (str, bytes)):
        raise TypeError(f"target must be a string, but got {type(target)}")
    if target and target not in ("local", b"") and target not in _local_targets:
        raise errors.NotFoundError(
            None, None, "No session factory registered for the given session options: expected no target, or that of a "
            f"tf.train.Server of this process: hookloop runs no session in another process, got target {target!r}",
        )  # fmt: skip


class BaseSession(SessionCore):
    """What `Session` and `InteractiveSession` share."""

    # Python finds `session.run` faster while an instance's dictionary is not made: it is for what a program adds.
    __slots__ = (
        "__dict__", "_config", "_contexts", "_entries", "_family", "_graph", "_host_call", "_host_shapes", "_iterators", "_lock", "_loose", "_reference",
        "_partial_runs", "_resources", "_target", "_unequal", "_was_reset",
    )  # fmt: skip

    def __init__(self, target="", graph=None, config=None):
        _check_target(target)
        if config is None:
            config = _local_targets.get(target)
        if graph is not None and not hasattr(graph, "as_graph_element"):
            raise TypeError(f"graph must be a tf.Graph, but got {type(graph)}")
        if config is not None and not hasattr(config, "intra_op_parallelism_threads"):
            raise TypeError(f"config must be a tf.ConfigProto, but got {type(config)}")
        self._graph = graph if graph is not None else get_default_graph()
        self._config = config
        self._target = target
        self._entries = PlanTable()
        self._host_shapes = {}
        self._iterators = {}
        self._unequal = set()
        self._loose = set()
        self._resources = {}
        self._partial_runs = None
        self._lock = threading.RLock()
        self._contexts = []
        self._family = None
        self._host_call = HostCalls(self)
        self._threads = _thread_count(config)
        self._timeout_ns = _limit_ns(config.operation_timeout_in_ms) if config is not None else 0
        self._reference = None
        self._was_reset = False
        executor = os.environ.get("HOOKLOOP_EXECUTOR") or "plan"
        if executor not in ("plan", "reference"):
            raise ValueError(f"expected HOOKLOOP_EXECUTOR to be plan or reference, got {executor!r}")
        if executor == "reference":
            from ._reference import ReferenceExecutor

            self._reference = ReferenceExecutor(self)
        _sessions.add(self)

    @property
    def graph(self):
        """The graph that the session runs."""
        return self._graph

    @property
    def graph_def(self):
        """The graph as a `GraphDef`."""
        config = self._config
        return self._graph.as_graph_def(add_shapes=config is not None and config.graph_options.infer_shapes)

    @property
    def sess_str(self):
        return self._target

    def as_default(self):
        """A context manager that makes this the default session."""
        return default_session(self)

    def close(self):
        """Frees what the session holds; running it afterwards is an error."""
        with self._lock:
            self._closed, self._was_reset = True, False
            self.forget()
            self._entries.clear()
            self._partial_runs = None
            for resource in list(self._resources.values()):  # a step that is still running may bring others
                close = getattr(resource, "close_session", None)
                if close is not None:
                    close()
            self._resources.clear()
            self._variables = {}

    def list_devices(self):
        """The devices a step may use: this CPU, as often as the session's configuration counts it."""
        if self._closed:
            self._check_open(below=True)
        count = 0 if self._config is None else dict(self._config.device_count).get("CPU", 0)
        return [
            _DeviceAttributes(
                f"/job:localhost/replica:0/task:0/device:CPU:{i}", "CPU", _CPU_LIMIT_BYTES, _INCARNATION + i
            )
            for i in range(max(count, 1))
        ]

    def buffer(self, variable):
        """A read-only view of a variable's memory, without a copy.

        Args:
          variable: a `Variable` of the session's graph.

        Returns:
          A NumPy array that always shows the variable's current value.

        Raises:
          FailedPreconditionError: the variable is not initialized.
          RuntimeError: the session is closed.
        """
        self._check_open()
        cell = self._variables.get(variable_key(variable.op))
        if cell is None or not cell.initialized:
            self._uninitialized(variable_key(variable.op), variable.op)
        return cell.view()

    def make_callable(self, fetches, feed_list=None, accept_options=False):
        """A function that runs the same fetches with the values of `feed_list` as its arguments.

        Args:
          fetches: as in `run`.
          feed_list: tensors, in the order of the function's arguments. A tensor behind the last value of a call is not fed in it,
            and a value behind the last tensor is not looked at.
          accept_options: whether the function takes `options` and `run_metadata` where there is no `feed_list`.

        Returns:
          The function.

        Raises:
          TypeError: `feed_list` is no list, or its keys are no tensors.
        """
        if feed_list is not None and not isinstance(feed_list, (list, tuple)):
            raise TypeError("`feed_list` must be a list or tuple.")
        keys = None
        if feed_list is not None:
            keys = tuple(
                [self._graph.as_graph_element(key, allow_tensor=True, allow_operation=False) for key in feed_list]
            )
        return Callable(self, fetches, keys, accept_options)

    def _make_callable_from_options(self, callable_options):
        """A function of the feeds that a `CallableOptions` names, which gives a list of what it fetches."""
        from .callable_options import callable_from_options

        return callable_from_options(self, callable_options)

    def partial_run_setup(self, fetches, feeds=None):
        """Prepares a request that `partial_run` evaluates in parts.

        Args:
          fetches: everything that the parts will ask for, as in `run`. Operations run as soon as what they need has been fed.
          feeds: a tensor or a list of them: everything that the parts will feed.

        Returns:
          A text that stands for this one evaluation.

        Raises:
          RuntimeError: the session is closed, or its graph is empty.
          TypeError: a fetch or a feed is no element of the graph.
          InvalidArgumentError: nothing is fetched, or a tensor is fed twice or both fed and fetched.
        """
        from .partial_run import PartialRuns  # few programs evaluate in parts

        self._check_open()
        if self._partial_runs is None:
            self._partial_runs = PartialRuns(self)
        return self._partial_runs.set_up(fetches, feeds)

    def partial_run(self, handle, fetches, feed_dict=None):
        """Evaluates a part of a request: each fetch once, each feed once, and each operation once in all parts together.

        Args:
          handle: what `partial_run_setup` gave.
          fetches: tensors, in structures as in `run`.
          feed_dict: tensor -> value, of what has not been fed yet.

        Returns:
          The values, as `run` does.

        Raises:
          InvalidArgumentError: the evaluation is over, has failed or was never set up; a fetch or a feed that was not set up,
            or has been had already; a fetch that needs what has not been fed. The evaluation goes on but for the first.
          RuntimeError: an operation is asked for; the session is closed.
          OpError: an error while an operation ran: the evaluation is over.
        """
        if handle is None:
            return self.run(fetches, feed_dict)
        from .partial_run import PartialRuns

        self._check_open()
        if self._partial_runs is None:
            self._partial_runs = PartialRuns(self)
        return self._partial_runs.run(handle, fetches, feed_dict)

    def _run_part(self, part, order, values):
        """The values of a part's tensors; `part` is as a `FetchMap`."""
        deadline = self._deadline(None)
        if self._reference is not None:
            return self._reference.run(part.tensors, part.targets, order, values, deadline, part.done)
        return self.run_entry(self._entry(part, order, values), values, deadline)

    # --- a request that is new --------------------------------------------------------------------------

    def _run_slow(self, fetches, feed_dict, options, run_metadata):
        self._check_open()
        if run_metadata is not None and not hasattr(run_metadata, "step_stats"):
            raise TypeError(f"expected run_metadata to be a RunMetadata, got {run_metadata!r}")
        deadline = self._deadline(options)
        traced = False
        if run_metadata is not None:
            run_metadata.Clear()  # of what an earlier run has told
            if options is not None:
                traced = bool(options.trace_level)
                if options.output_partition_graphs:
                    self._note_partition_graph(fetches, feed_dict, run_metadata)
        times = [] if traced else None
        if self._reference is not None:
            mapped, order, values = self._map(fetches, feed_dict)
            results = self._reference.run(mapped.tensors, mapped.targets, order, values, deadline, times=times)
        else:
            entry, mapped, values = self._resolve(fetches, feed_dict)
            results = self.run_entry(entry, values, deadline, None, times)
            self._remember(fetches, feed_dict, mapped, entry.feeds, entry)
        if traced:
            from .step_stats import fill_step_stats  # few runs are traced

            fill_step_stats(run_metadata, times)
        return mapped.rebuild(results)

    def _note_partition_graph(self, fetches, feed_dict, run_metadata):
        from .step_stats import add_partition_graph

        mapped, order, _ = self._map(fetches, feed_dict)
        add_partition_graph(run_metadata, mapped, order)

    def _resolve(self, fetches, feed_dict):
        """The compiled request, its fetches and its converted feeds."""
        self._check_open()
        mapped, order, values = self._map(fetches, feed_dict)
        return self._entry(mapped, order, values), mapped, values

    def _map(self, fetches, feed_dict):
        mapped = FetchMap(self._graph, fetches)
        feeds = dict(resolve_feeds(self._graph, self._feed_dict(feed_dict)))
        order = sorted(feeds, key=lambda t: (t.op._id, t.value_index))
        return mapped, order, [convert_feed(tensor, feeds[tensor]) for tensor in order]

    def _check_open(self, below=False):
        """Refuses a closed session, where TensorFlow asks its runtime `below` the class in that runtime's words."""
        if self._closed:
            if self._was_reset or below:
                raise errors.CancelledError(None, None, "Session has been closed.")
            raise RuntimeError("Attempted to use a closed Session.")
        if self._graph.version == 0:
            raise RuntimeError("The Session graph is empty.  Add operations to the graph before calling run().")

    def _closed_meanwhile(self):
        raise closed_meanwhile()

    @staticmethod
    def _feed_dict(feed_dict):
        if feed_dict is None:
            return {}
        if not hasattr(feed_dict, "items"):
            raise TypeError(f"feed_dict must be a dictionary of tensors and values, got {type(feed_dict)}")
        return feed_dict

    def _deadline(self, options):
        if options is not None and not hasattr(options, "timeout_in_ms"):
            raise TypeError(f"expected options to be a RunOptions, got {options!r}")
        timeout = _limit_ns(options.timeout_in_ms) if options is not None else 0
        timeout = timeout or self._timeout_ns
        return time.monotonic_ns() + timeout if timeout else 0

    def _entry(self, mapped, order, values):
        shapes = [np.shape(v) for v in values]
        with self._lock:
            key = self._key(mapped, order)
            for entry, special_values in self._entries.plans(key):
                if entry.accepts(shapes) and all(np.array_equal(values[f], v) for f, v in special_values.items()):
                    return entry
            entry = self._compile(mapped, order, shapes, values)
            self._entries.keep(key, (entry, entry.plan.tables["special_values"]))
            return entry

    @staticmethod
    def _key(mapped, order):
        return tuple(mapped.tensors), frozenset(mapped.targets), tuple(order), mapped.done

    def _compile(self, mapped, order, shapes, values):
        from .compile.pipeline import (  # a program that only builds a graph needs no compiler
            Feed,
            Request,
            compile_request,
        )

        feeds = [Feed(t, s, v) for t, s, v in zip(order, shapes, values)]
        known = (self._variable_shape, self._host_shapes, self._unequal, self._loose, mapped.done)
        tables = compile_request(Request(mapped.tensors, mapped.targets, feeds, *known))
        if tables["loosened"]:
            self._loosen(tables["loosened"])
            tables = compile_request(Request(mapped.tensors, mapped.targets, feeds, *known))
        plan = Plan(tables)
        variables = [self._variable(key, tables["variable_ops"][key]) for key in tables["variables"]]
        required = [(self._variables[key], op) for key, op in tables["must_exist"].items()]
        streams = [self._stream(op) for op in tables["streams"]]
        iterators = [self._iterator(iterator) for _, iterator, *_ in tables["batches"]]
        types = [t.dtype.base_dtype._stored_number for t in order]
        return Entry(plan, tuple(order), shapes, types, variables, streams, required, (mapped, order), iterators)

    def _loosen(self, keys):
        """Variables whose shape their nodes do not tell any more: no plan that took it from there is used again."""
        self._loose |= keys
        for session in self._family or (self,):
            session._entries.abandon()
            session.forget()

    def _share_variables(self, other):
        """Has the variables of another session: each sees what the other writes."""
        if other._family is None:
            other._family = weakref.WeakSet([other])
        self._family = other._family
        self._family.add(self)
        self._variables, self._loose, self._lock = other._variables, other._loose, other._lock
        self._moving = other._moving

    def _of_graph(self, graph):
        """A session of another graph, with this one's configuration."""
        return Session(graph=graph, config=self._config)

    def _iterator(self, op):
        """The place of an iterator, by the name that its ops share."""
        key = (op.get_attr("shared_name") or op.name.encode()).decode()
        return self._iterators.get(key) or self._iterators.setdefault(key, IteratorCell(key))

    def _variable_shape(self, key):
        cell = self._variables.get(key)
        return cell.shape if cell is not None else None

    def _variable(self, key, value):
        cell = self._variables.get(key)
        if cell is None:
            cell = VariableCell(key, value.dtype.base_dtype._stored_number, value.dtype)
            self._variables[key] = cell
        elif cell.dtype.base_dtype != value.dtype.base_dtype:
            op = self._variable_op(key)
            raise errors.InvalidArgumentError(
                None, op, f"variable {key} is of several types: nodes that share its name differ {describe_op(op)}"
            )
        if cell.shape is None and value.shape is not None and all(isinstance(d, int) for d in value.shape):
            try:
                cell.reshape(value.shape)
            except MemoryError:
                shape = ",".join(map(str, value.shape))
                op = self._variable_op(key)
                raise errors.ResourceExhaustedError(
                    None, op, f"OOM when allocating variable {key} with shape[{shape}] {describe_op(op)}"
                ) from None
        return cell

    def _variable_op(self, key):
        """The first operation that stands for a variable, for messages."""
        return next(op for op in self._graph.get_operations() if op.type in VARIABLES and variable_key(op) == key)

    def _stream(self, op):
        cell = self._streams.get(op)
        if cell is None:
            seed, seed2 = op.get_attr("seed"), op.get_attr("seed2")
            if seed == 0 and seed2 == 0:
                seed, seed2 = (int.from_bytes(os.urandom(8), "little") for _ in range(2))
            learned = op.op_def.learned
            weights = None if learned is None else learned(op)
            cell = self._streams[op] = StreamCell(seed & (1 << 64) - 1, seed2 & (1 << 64) - 1, weights=weights)
        return cell

    def _remember(self, fetches, feed_dict, mapped, order, entry):
        """A request of plain elements is found by their identity from now on."""
        items = tuple(fetches) if type(fetches) in (list, tuple) else (fetches,)
        if any(isinstance(item, (str, list, tuple, dict)) for item in items) or len(items) != len(mapped.leaves):
            return
        keys = tuple(feed_dict) if feed_dict else ()
        if type(feed_dict) not in (dict, type(None)) or any(type(key) is not Tensor for key in keys):
            return
        place = {tensor: i for i, tensor in enumerate(order)}
        if entry.plan.tables["special_values"] or not mapped.only_values:
            return
        self.remember(fetches, items, keys, [place[key] for key in keys], mapped.leaves, entry)

    # --- what the compiled part asks for ----------------------------------------------------------------

    def _fetch_named(self, name):
        """The tensor or operation of that name, or None: what is wrong with it `FetchMap` tells."""
        try:
            element = self._graph.as_graph_element(name)
        except (TypeError, ValueError, KeyError):
            return None
        return element if self._graph.is_fetchable(element) else None

    def _feed_named(self, name):
        """The tensor of that name, or None: what is wrong with it `resolve_feeds` tells."""
        try:
            return feed_tensor(self._graph, name)
        except (TypeError, ValueError):
            return None

    def _convert_feeds(self, tensors, values):
        return [convert_feed(tensor, value) for tensor, value in zip(tensors, values)]

    def _run_again(self, entry, arguments, deadline, log, times):
        """A host value has another shape than the plan assumed: take a plan for it, and replay what was called."""
        mapped, order = entry.request
        refuse_several_ranks(log, entry.plan.tables["assumed"])
        shapes = [np.shape(v) for v in arguments]
        with self._lock:
            key = self._key(mapped, order)
            fitting = [
                pair for pair in self._entries.plans(key) if pair[0].accepts(shapes) and self._assumptions_hold(pair[0])
            ]
            if not fitting:
                fresh = self._compile(mapped, order, shapes, arguments)
                fitting = [(fresh, fresh.plan.tables["special_values"])]
            fitting[0][0].stale = False
            self._entries.keep(key, fitting[0])
        return self.run_entry(fitting[0][0], arguments, deadline, log, times)

    def _entry_again(self, entry, arguments):
        """The entry that takes the place of one that assumed what is not so."""
        mapped, order = entry.request
        return self._entry(mapped, order, arguments)

    def _runs_by_reference(self):
        return self._reference is not None

    def _join_steps(self, pieces):
        return join_steps(pieces)

    def _assumptions_hold(self, entry):
        """Whether what a plan takes for granted is what the last run found."""
        for key, rank in entry.plan.tables["open_ranks"]:
            shape = self._variable_shape(key)
            if rank is None:
                if shape is not None:
                    return False
            elif len(shape or ()) != rank:
                return False
        for (kind, of, *axis), value in entry.plan.tables["assumed"].items():
            if kind == "equal":
                if of in self._unequal:
                    return False
                continue
            shape = self._host_shapes.get(of, ())
            if kind == "rank" and len(shape) != value:
                return False
            if kind == "size" and (axis[0] >= len(shape) or shape[axis[0]] != value):
                return False
        return True

    def _step_failed(self):
        """Tells the resources that hold something for a step of this thread."""
        for resource in list(self._resources.values()):
            failed = getattr(resource, "step_failed", None)
            if failed is not None:
                failed()

    def _call_host(self, op, arrays, deadline_ns):
        return self._host_call(op, arrays, deadline_ns)

    def _note_shapes(self, op, results, assumed):
        """Remembers the shapes of a host op's results; whether a plan that assumed others may be replaced."""
        if not any(key[1] is op or getattr(key[1], "op", None) is op for key in assumed):
            return False
        for tensor, result in zip(op.outputs, results):
            self._host_shapes[tensor] = np.shape(result)
        open_sizes = {
            np.shape(r)[0]
            for t, r in zip(op.outputs, results)
            if np.ndim(r) and (t._shape is None or not isinstance(t._shape[0], int))
        }
        if len(open_sizes) > 1:
            self._unequal.add(op)
        return True

    def _wrong_host_shape(self, op, array, expected):
        raise errors.InvalidArgumentError(
            None, op, f"expected a value of shape {expected}, got {array.shape} {describe_op(op)}"
        )

    def _uninitialized(self, key, op):
        if self._closed:  # by another thread since the run began: the variables have gone with it
            raise closed_meanwhile()
        raise uninitialized(key, op)

    def _raise(self, entry, status, node, message, sizes, registers):
        nodes, open_shapes = entry.plan.tables["nodes"], entry.plan.tables["open_shapes"]
        op = nodes[node] if 0 <= node < len(nodes) else None
        shapes = [shape_in_run(t, open_shapes, registers) for t in op.inputs] if op is not None else []
        if status == errors.DEADLINE_EXCEEDED:
            message = "Timed out waiting for the step: its time limit has passed"
        elif status == errors.CANCELLED:
            message = CLOSED_MEANWHILE
        elif status == errors.FAILED_PRECONDITION and message == "Attempting to use uninitialized value":
            message += f" {_read_variable(op)}"
        elif op is not None and op.type == "CheckNumerics":
            message = f"{op.get_attr('message').decode()} : {message}"
        elif op is not None:
            if op in open_shapes:  # what its lowering told
                shapes.append(shape_in_run(op, open_shapes, registers))
            if op.type in NOT_IMPLEMENTED and message.startswith("sizes "):
                status = errors.UNIMPLEMENTED
            message = explained(op, shapes, message, sizes)
        text = f"{message} {describe_op(op, shapes=shapes)}" if op is not None else message
        raise errors.exception_type_from_error_code(status)(None, op, text)


class Session(BaseSession):
    """Runs operations of a graph and holds its variables.

    Args:
      target: accepted for TensorFlow's sake; a session runs in this process.
      graph: the graph to run; the default graph if absent.
      config: a `ConfigProto`: threads and timeouts take effect.
    """

    __slots__ = ()

    @staticmethod
    def reset(target, containers=None, config=None):
        """Closes every session of this process: what they held is freed, and running one is a `CancelledError`.

        Args:
          target: that of the sessions; all have this process in common.
          containers: accepted; sessions share none, so what each has in them goes with it.
          config: accepted.

        Raises:
          NotFoundError: the target is no server of this process.
          TypeError: the target is no text, or `containers` no list of texts.
        """
        if not isinstance(target, (str, bytes)):
            raise TypeError(f"target must be a string, but got {type(target)}")
        if isinstance(containers, str) or not all(isinstance(name, (str, bytes)) for name in containers or ()):
            raise TypeError(f"containers must be a list of strings, but got {containers!r}")
        _check_target(target)
        for session in list(_sessions):
            if not session._closed:
                BaseSession.close(session)
                session._was_reset = True

    def __enter__(self):
        if self._contexts:
            raise RuntimeError(
                "Session context managers are not re-entrant. Use `Session.as_default()` if you want to enter a session "
                "multiple times."
            )
        graph_context = self._graph.as_default()
        session_context = self.as_default()
        graph_context.__enter__()
        session_context.__enter__()
        self._contexts.append((graph_context, session_context))
        return self

    def __exit__(self, kind, value, traceback):
        graph_context, session_context = self._contexts.pop()
        session_context.__exit__(kind, value, traceback)
        graph_context.__exit__(kind, value, traceback)
        self.close()


class InteractiveSession(BaseSession):
    """A session that makes itself the default one when it is made."""

    __slots__ = ("_default", "_graph_default")

    _active_session_count = 0  # those that were made and not closed, in the name of TensorFlow's own
    _count_lock = threading.Lock()

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        with self._count_lock:
            if InteractiveSession._active_session_count > 0:
                warnings.warn(
                    "An interactive session is already active. This can cause out-of-memory errors in some cases. You must "
                    "explicitly call `InteractiveSession.close()` to release resources held by the other session(s).",
                    stacklevel=2,
                )
            InteractiveSession._active_session_count += 1
        self._default = self.as_default()
        self._default.__enter__()
        self._graph_default = None
        if graph is not None:
            self._graph_default = graph.as_default()
            self._graph_default.__enter__()

    def close(self):
        with self._count_lock:
            if not self._closed:
                InteractiveSession._active_session_count -= 1
        super().close()
        for name in ("_graph_default", "_default"):
            context = getattr(self, name, None)
            if context is not None:
                setattr(self, name, None)
                context.__exit__(None, None, None)


def _limit_ns(milliseconds):
    """A time limit, 0 for none: as in TensorFlow a negative one is none, and one of more than a century is that."""
    return min(max(1000000 * int(milliseconds), 0), 1 << 62)


class _DeviceAttributes:
    """A device that a step may use.

    Args:
      name: its name, which is put into the form that GraphDefs use.
      device_type: "CPU".
      memory_limit_bytes: what TensorFlow says that it may take.
      incarnation: a number that is another in each process.

    Raises:
      ValueError: the name is none of a device.
    """

    def __init__(self, name, device_type, memory_limit_bytes, incarnation):
        self.name = canonical_name(name)
        self.device_type = device_type
        self.memory_limit_bytes = memory_limit_bytes
        self.incarnation = incarnation

    def __repr__(self):
        return f"_DeviceAttributes({self.name}, {self.device_type}, {self.memory_limit_bytes}, {self.incarnation})"


def _read_variable(op):
    if op is None:
        return ""
    for tensor in op.inputs:
        source = tensor.op
        while (
            source.type in ("Identity", "ReadVariableOp", "Switch", "RefSwitch", "Enter", "RefEnter") and source.inputs
        ):
            source = source.inputs[0].op
        if source.type in VARIABLES:
            return variable_key(source)
    return op.name


def _thread_count(config):
    """How many threads a step may use: the configuration's, the environment's, or those this process may run on."""
    if config is not None and config.intra_op_parallelism_threads > 0:
        return min(int(config.intra_op_parallelism_threads), _MOST_THREADS)
    wanted = os.environ.get("HOOKLOOP_NUM_THREADS")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ValueError(f"expected HOOKLOOP_NUM_THREADS to be a positive integer, got {wanted!r}")
        return min(int(wanted), _MOST_THREADS)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
