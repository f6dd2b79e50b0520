"""Functions of datasets: traced once into a graph of their own, run for each element by a session of their own."""

from __future__ import annotations

import itertools
import threading
import time
import weakref

import numpy as np

from ..errors import UnimplementedError
from ..graph.describe import closed_meanwhile, describe
from ..graph.function_graph import FunctionGraph
from ..graph.graph_def import free_function_name
from ..graph.stack import get_default_graph
from ..ops.build import apply_op, convert_to_tensor
from ..ops.core import identity, placeholder
from ..ops.variable_key import VARIABLES, variable_key
from ..shapes import as_shape
from .record_functions import RecordCalls, reading_of
from .structure import DatasetLeaf, TensorLeaf, flatten, is_nested, is_number, map_structure, pack

_numbers = itertools.count(1)

_OF_EXPERIMENTAL = frozenset(
    ("group_by_reducer", "group_by_window", "map_and_batch", "parallel_interleave", "scan", "take_while")
)


class _Step(threading.local):
    """The step of this thread that wants elements.

    Attributes:
      deadline_ns: when its time is over, by the monotonic clock; 0 for never.
    """

    deadline_ns = 0


step = _Step()


class TracedFunction:
    """A user's function as a graph.

    Args:
      function: takes the components of an element; see `arguments`.
      element: the structure of the elements (of TensorLeaf and DatasetLeaf), or a tuple of several where `several`.
      several: whether `element` is a tuple of the structures of several arguments.
      method: the dataset's method, for the function's name and for errors.

    Attributes:
      name: its name in nodes.
      captures: the tensors of the graph around it that it uses.
      stand_ins: what stands in its graph for each of them.
      fed: which of them get their values with each call; variables are those of the session.
      assigned: the names of the variables that it changes, or a function in it.
      result: the structure of what it returns.
    """

    _definitions = None  # once they were wanted
    reading = None  # how it reads records, where that is what it does in Python

    def __init__(self, function, element, method, several=False):
        start = f"__inference_{_scope_of(method)}_{getattr(function, '__name__', 'function')}"
        self.name = free_function_name(get_default_graph(), (f"{start}_{number}" for number in _numbers))
        self._method = method
        self.graph = FunctionGraph(get_default_graph(), _stand_in)
        with self.graph.as_default():
            leaves = flatten(element)
            self.inputs = [placeholder(leaf.dtype, leaf.shape, f"args_{i}") for i, leaf in enumerate(leaves)]
            structured = pack(element, [_handed_over(leaf, tensor) for leaf, tensor in zip(leaves, self.inputs)])
            expanded = several or (isinstance(element, tuple) and not hasattr(element, "_fields"))
            returned = function(*structured) if expanded else function(structured)
            self.result, self.outputs = self._take(returned)
        self.captures = list(self.graph.captures)
        self.stand_ins = list(self.graph.captures.values())
        self.fed = [i for i, inner in enumerate(self.stand_ins) if inner.op.type == "Placeholder"]
        self.assigned = set()
        self._find_effects()
        self._classify()

    def _find_effects(self):
        """What happens whenever the function is called, and the variables that are assigned then.

        Raises:
          TypeError: a variable that is no resource is assigned: the function has its value.
        """
        for op in self.graph.get_operations():
            op_def = op.op_def
            if not op_def.writes and (op_def.host is None or op_def.stateful is not True or _is_made_by(op)):
                continue
            self.graph.effects.append(op)
            for i in op_def.written(op):
                handle = op.inputs[i]
                if handle.dtype.name != "resource" and handle in self.graph.captures.values():
                    found = [t.dtype.base_dtype for t in op.inputs]
                    expected = [
                        f"tf.{t.name}_ref" if k in op_def.written(op) else f"tf.{t.name}" for k, t in enumerate(found)
                    ]
                    raise TypeError(
                        f"In op '{op.name}', input types ({found}) are not compatible with expected types "
                        f"([{', '.join(expected)}]): the function of Dataset.{self._method}() can assign to the variable "
                        f"{variable_key(handle.op.inputs[0].op)!r} where it is made with use_resource=True."
                    )
                self._refuse_another_shape(op, _behind(handle).op)
                self.assigned.add(variable_key(_behind(handle).op))
        for inner in self._inner_functions():
            self.assigned |= getattr(inner, "assigned", frozenset())

    def _inner_functions(self):
        """The functions of datasets in this one."""
        return list(self.graph.__dict__.get("_dataset_functions", {}).values())

    def _refuse_another_shape(self, op, variable):
        """The step around the iterator has prepared itself for the shape that the variable has."""
        if op.type not in ("Assign", "AssignVariableOp"):
            return
        known = as_shape(variable.get_attr("shape")).is_fully_defined()
        if not known or (op.type == "Assign" and not op.get_attr("validate_shape")):
            raise UnimplementedError(
                None, op,
                f"The function of Dataset.{self._method}() may give the variable {variable_key(variable)!r} another shape: a function "
                f"of a dataset can assign to variables of known shape. {describe(op)}",
            )  # fmt: skip

    def _classify(self):
        """What can be said of it without running it; see `BoundFunction`."""
        operations = self.graph.get_operations()
        needs_python = any(op.op_def.host is not None for op in operations)
        leaves = flatten(self.result)
        self.pure = not any(op.op_def.stateful or op.op_def.writes for op in operations if op.type != "Placeholder")
        self.draws = any(op.op_def.stateful == "stream" for op in operations) or any(
            getattr(inner, "draws", False) for inner in self._inner_functions()
        )
        captured = [self.captures[i] for i in self.fed]
        self.numeric = not needs_python and all(is_number(t.dtype) for t in (*self.inputs, *self.outputs, *captured))
        if needs_python and all(isinstance(leaf, TensorLeaf) for leaf in leaves):
            self.reading = reading_of(self.inputs, self.outputs, operations)
        shapes = [t._shape for op in operations for t in op.outputs]
        known = all(shape is not None and all(isinstance(d, int) for d in shape) for shape in shapes)
        self.never_fails = known and not any(op.op_def.can_fail for op in operations)
        inner = [leaf for outer in leaves if isinstance(outer, DatasetLeaf) for leaf in flatten(outer.element)]
        self.gives_numbers = bool(inner) and all(
            isinstance(leaf, TensorLeaf) and is_number(leaf.dtype) for leaf in inner
        )

    def _take(self, returned):
        """The structure of the results, and their tensors."""
        from .dataset import Dataset

        if isinstance(returned, list):
            returned = tuple(returned)  # more likely several results than one tensor
        values = flatten(returned)
        structure, tensors = [], []
        for value in values:
            if value is None:
                raise TypeError(
                    f"Unsupported return value from function passed to Dataset.{self._method}(): {returned}."
                )
            if isinstance(value, Dataset):
                structure.append(DatasetLeaf(value._element))
                tensors.append(self.graph.capture(value._variant_tensor))
                continue
            try:
                tensor = self.graph.capture(convert_to_tensor(value))
            except (TypeError, ValueError) as error:
                raise TypeError(
                    f"Unsupported return value from function passed to Dataset.{self._method}(): {returned}."
                ) from error
            structure.append(TensorLeaf(tensor.dtype.base_dtype, tensor.shape))
            tensors.append(tensor)
        return pack(returned, structure) if is_nested(returned) else structure[0], tensors

    def definitions(self):
        """The function and those in it, as TensorFlow's `FunctionDef`s."""
        from .function_def import definitions_of

        if self._definitions is None:
            self._definitions = definitions_of(self)
        return self._definitions

    def bound(self, call, captured):
        """function(element) -> element, as a session runs it.

        Args:
          call: the `HostCall` of the node that the function belongs to.
          captured: the values of `captures`.
        """
        key = ("function", self.name)
        runner = call.resource_state.get(key)
        if runner is None:
            runner = call.resource_state.setdefault(key, _Runner(self, call.session))
        return BoundFunction(self, runner, captured)


def _scope_of(method):
    """How the name of a function begins, as TensorFlow has it."""
    if method in _OF_EXPERIMENTAL:
        return f"tf_data_experimental_{method}"
    return method if method == "reduce" else f"Dataset_{method}"


def _behind(tensor):
    """What a tensor is where nothing changes it on the way."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


def _stand_in(tensor):
    """What stands in a function for a tensor of the graph around it: the variable itself for a variable, else a placeholder."""
    op = _behind(tensor).op
    if op.type not in VARIABLES:
        return placeholder(tensor.dtype.base_dtype, tensor.shape)
    attrs = {name: op.get_attr(name) for name in ("dtype", "shape", "container")}
    shared_name = op.get_attr("shared_name") or op.name
    variable = apply_op(op.type, [], {**attrs, "shared_name": shared_name}, op.name)
    return variable if tensor.dtype.name == "resource" else identity(variable)


def _is_made_by(op):
    """Whether an operation makes something, as a dataset."""
    return any(tensor.dtype.name in ("resource", "variant") for tensor in op.outputs)


def _handed_over(leaf, tensor):
    if isinstance(leaf, DatasetLeaf):
        from .dataset import Dataset

        return Dataset._from_variant(tensor, leaf.element)
    return tensor


class BoundFunction:
    """A traced function as a session runs it: function(element) -> element.

    Args:
      traced: a `TracedFunction`.
      runner: its `_Runner`.
      captured: the values of its captures.

    Attributes:
      assigned: the names of the variables that it changes.
      numeric: whether it takes and gives numbers, and needs no Python: then `for_rows` runs it for many elements in one call.
      gives_numbers: whether it gives a dataset of numbers.
      reads: whether it reads records, and else computes with numbers: then `for_records` calls it for many elements at once.
      reads_numbers: whether it gives only numbers then.
      pure: whether calling it changes nothing.
      never_fails: whether it gives something for whatever element.
    """

    def __init__(self, traced, runner, captured):
        self.numeric, self.gives_numbers = traced.numeric, traced.gives_numbers
        self.pure, self.never_fails = traced.pure, traced.never_fails
        self.reads = traced.reading is not None
        self.reads_numbers = self.reads and traced.reading.numeric
        self.assigned = traced.assigned
        self._traced, self._runner, self._all_captured = traced, runner, captured
        self._captured = tuple([captured[i] for i in traced.fed])

    def begun(self, place):
        """The function as an iterator that starts calls it at a place: its random numbers are the place's own, and begin anew."""
        if not self._traced.draws:
            return self
        runner = self._runner.of_place(place)
        runner.begin_streams()
        return BoundFunction(self._traced, runner, self._all_captured)

    def __call__(self, element):
        return self._runner((*element, *self._captured))

    def assigned_cells(self):
        """The session's variables that it changes, those that are there."""
        cells = self._runner.variables()
        return [cells[name] for name in self.assigned if name in cells]

    def for_rows(self):
        """A `RowCalls` over the components of elements."""
        return self._runner.for_rows(self._captured)

    def for_records(self):
        """A `RecordCalls` over elements."""
        return self._runner.for_records(self._captured)


class _Runner:
    """A traced function with the session that runs it, on the variables of the session around it."""

    def __init__(self, traced, outer):
        from ..session import Session

        self._traced, self._outer = traced, weakref.ref(outer)
        self._session = Session(graph=traced.graph, config=outer._config)
        self._session._share_variables(outer)
        self._session._timeout_ns = 0  # that of the step around it counts
        self._types = [tensor.dtype.base_dtype for tensor in traced.outputs]
        self._outputs = list(traced.outputs)
        self._feeds = [*traced.inputs, *[traced.stand_ins[i] for i in traced.fed]]
        self._run = self._session.make_callable(self._outputs, feed_list=self._feeds)

    def of_place(self, place):
        """The runner of the same function for one place of one iterator alone."""
        outer = self._outer()
        key = ("function", self._traced.name, place)
        return outer._resources.get(key) or outer._resources.setdefault(key, _Runner(self._traced, outer))

    def begin_streams(self):
        """Has the random numbers that have seeds begin anew, those of datasets' functions in the function too."""
        for op, cell in self._session._streams.items():
            if op.get_attr("seed") or op.get_attr("seed2"):
                cell.restore(cell.key, cell.stream, 0)
        for inner in list(self._session._resources.values()):
            if isinstance(inner, _Runner):
                inner.begin_streams()

    def for_rows(self, captured):
        from .._core import RowCalls

        return RowCalls(self._session, self._outputs, self._feeds, list(captured))

    def for_records(self, captured):
        reading, n_inputs = self._traced.reading, len(self._traced.inputs)
        return RecordCalls(self._session, self._outputs, reading, self._feeds[n_inputs:], captured)

    def __call__(self, values):
        try:
            found = self._run(*values) if not step.deadline_ns else self._run_in_time(values)
        except RuntimeError:
            if not self._session._closed:
                raise
            raise closed_meanwhile() from None
        return tuple([
            value if type(value) is np.ndarray else as_component(value, dtype) for value, dtype in zip(found, self._types)
        ])  # fmt: skip

    def _run_in_time(self, values):
        from ..messages import RunOptions

        left = max(1, (step.deadline_ns - time.monotonic_ns()) // 1000000)
        return self._session.run(self._outputs, dict(zip(self._feeds, values)), options=RunOptions(timeout_in_ms=left))

    def variables(self):
        return self._session._variables

    def close_session(self):
        self._session.close()


def assigned_in(state):
    """The variables that the functions of a dataset change, as the cells of the session.

    Args:
      state: a `DatasetState`.
    """
    functions = [parameter for parameter in state.parameters if hasattr(parameter, "assigned_cells")]
    own = [cell for function in functions for cell in function.assigned_cells()]
    return own + [cell for source in state.sources for cell in assigned_in(source)]


def begun(state, iterator, *path):
    """A dataset as an iterator that starts goes through it: with random numbers of its own, also where it stands twice in another.

    Args:
      state: a `DatasetState`.
      iterator: the iterator.
      path: which source of the iterator's dataset it is, which source of that, and so on.
    """
    sources = [begun(source, iterator, *path, i) for i, source in enumerate(state.sources)]
    parameters = [p.begun((iterator, *path)) if hasattr(p, "begun") else p for p in state.parameters]
    old = (*state.sources, *state.parameters)
    if all(mine is its for mine, its in zip((*sources, *parameters), old)):
        return state
    return type(state)(state.start, tuple(sources), *parameters)


def assigns(state):
    """Whether a function of a dataset changes a variable: then its elements are made one after the other through all functions."""
    own = any(getattr(parameter, "assigned", ()) for parameter in state.parameters)
    return own or any(assigns(source) for source in state.sources)


def as_component(value, dtype):
    """A fetched value as a component of an element: an array, also where it is a scalar; a dataset stays itself."""
    if dtype.name == "variant":
        return value
    if isinstance(value, np.ndarray):
        return value
    return np.array(value, object if dtype.name == "string" else dtype.as_numpy_dtype)


def trace(function, element, method, several=False):
    """A `TracedFunction` that its node's graph keeps, under its name."""
    traced = TracedFunction(function, element, method, several)
    get_default_graph().__dict__.setdefault("_dataset_functions", {})[traced.name] = traced
    return traced


def trace_with_state(function, state, element, method, state_of=lambda result: result):
    """Traces a function of a state and an element; again, with open sizes, where it gives a state of another shape than it got.

    Args:
      state: the structure of the first state.
      state_of: function(what the function gives) -> the structure of the next state.

    Returns:
      (the `TracedFunction`, the structure of every state that it gets).
    """
    while True:
        traced = trace(function, (state, element), method, several=True)
        given, found = flatten(state), flatten(state_of(traced.result))
        if len(given) != len(found) or any(not isinstance(leaf, TensorLeaf) for leaf in (*given, *found)):
            return traced, state
        shapes = [a.shape.most_specific_compatible_shape(b.shape) for a, b in zip(given, found)]
        if all(a.dtype is not b.dtype or _same(a.shape, shape) for a, b, shape in zip(given, found, shapes)):
            return traced, state
        state = pack(state, [TensorLeaf(leaf.dtype, shape) for leaf, shape in zip(given, shapes)])


def _same(shape, wider):
    return shape.ndims is None or (wider.ndims is not None and shape.as_list() == wider.as_list())


def function_of(call, attr="f"):
    """The function that a node's attribute names."""
    from .function_import import named

    return named(call.op, attr)


__all__ = [
    "BoundFunction",
    "TracedFunction",
    "as_component",
    "assigned_in",
    "assigns",
    "function_of",
    "is_number",
    "map_structure",
    "trace",
]
