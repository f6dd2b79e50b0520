"""`Variable`: a tensor that keeps its value between runs."""

from __future__ import annotations

import enum
import threading
from contextlib import nullcontext
from functools import partial

import numpy as np

from . import dtypes
from . import variable_def as variable_def_
from ._core import BesideScope, ColocationScope
from .graph.collections import GraphKeys
from .graph.references import Reference
from .graph.scopes import StackScope, control_dependencies, init_scope, name_scope
from .graph.stack import executing_eagerly, get_default_graph, get_default_session
from .graph.tensor import Tensor, TensorOperators
from .initial_values import guarded
from .ops import core, gather, operators, scatter, state
from .ops.build import apply_op, convert_to_tensor, register_tensor_conversion_function
from .ops.indexed_slices import rows_and_values
from .ops.slice_assign import assign_part
from .partitioned import SaveSliceInfo
from .shapes import TensorShape, as_shape
from .trackable import VARIABLE_VALUE, Trackable

__all__ = [
    "Variable", "VariableAggregation", "VariableSynchronization", "all_variables",
    "assert_variables_initialized", "global_variables", "global_variables_initializer",
    "initialize_all_variables", "initialize_local_variables", "initialize_variables", "local_variables",
    "local_variables_initializer", "model_variables", "moving_average_variables",
    "report_uninitialized_variables", "trainable_variables", "variable_creator_scope",
    "variables_initializer",
]  # fmt: skip

_creators = threading.local()


class VariableSynchronization(enum.Enum):
    """Where a distributed variable is kept; accepted, as there is one place here."""

    AUTO, NONE, ON_WRITE, ON_READ = range(4)


class VariableAggregation(enum.Enum):
    """How a distributed variable's parts become one; accepted, as there is one part here."""

    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = range(4)


class _VariableType(type):
    """Makes `Variable(...)` the kind of variable that is asked for, through the creators in force."""

    def __call__(cls, *args, **kwargs):
        if cls is not Variable:
            return super().__call__(*args, **kwargs)
        if args:
            kwargs.update(zip(_POSITIONAL, args))
        outer = getattr(_creators, "stack", None)
        return _created_by(outer, kwargs) if outer else _default_creator(**kwargs)


_POSITIONAL = ("initial_value", "trainable", "collections", "validate_shape", "caching_device", "name", "variable_def",
               "dtype", "expected_shape", "import_scope", "constraint")  # fmt: skip


# What creators are given besides the initial value, whether a program said it or not.
_SETTINGS = dict.fromkeys((*_POSITIONAL, "use_resource", "shape")) | {
    "validate_shape": True, "synchronization": VariableSynchronization.AUTO, "aggregation": VariableAggregation.NONE,
}  # fmt: skip


def synchronized(synchronization, aggregation, trainable, name):
    """What a variable's synchronization, aggregation and `trainable` are where nothing, or a number, is given.

    Raises:
      ValueError: there is no such synchronization or aggregation.
    """
    try:
        aggregation = VariableAggregation.NONE if aggregation is None else VariableAggregation(aggregation)
    except ValueError:
        raise ValueError(f"Invalid variable aggregation mode: {aggregation} for variable: {name}") from None
    try:
        synchronization = (
            VariableSynchronization.AUTO if synchronization is None else VariableSynchronization(synchronization)
        )
    except ValueError:
        raise ValueError(f"Invalid variable synchronization mode: {synchronization} for variable: {name}") from None
    if trainable is None:
        trainable = synchronization is not VariableSynchronization.ON_READ
    return synchronization, aggregation, trainable


def _created_by(creators, kwargs):
    kwargs = _SETTINGS | kwargs
    creator = _default_creator
    for outer in creators:
        creator = _wrap(outer, creator)
    return creator(**kwargs)


def _wrap(outer, inner):
    return lambda **kwargs: outer(inner, **kwargs)


def _default_creator(use_resource=None, trackable_parent=None, **kwargs):
    if use_resource is None:
        from .variable_scope import get_variable_scope, resource_variables_enabled

        use_resource = get_variable_scope().use_resource
        if use_resource is None:
            use_resource = resource_variables_enabled() or executing_eagerly()
    return (ResourceVariable if use_resource else RefVariable)(**kwargs)


class variable_creator_scope:
    """A context manager in which `variable_creator(next_creator, **kwargs)` makes every variable."""

    def __init__(self, variable_creator):
        self._creator = variable_creator

    def __enter__(self):
        _creators.stack = (*getattr(_creators, "stack", ()), self._creator)
        return self

    def __exit__(self, *_):
        _creators.stack = _creators.stack[:-1]


class Variable(Trackable, TensorOperators, metaclass=_VariableType):
    """A tensor that keeps its value between the runs of a session.

    Args:
      initial_value: a tensor or what converts to one, or a function of no arguments that returns it.
      trainable: whether optimizers change it by default.
      collections: names of graph collections it is added to; GLOBAL_VARIABLES by default.
      validate_shape: False leaves its shape open.
      caching_device: the device of the node through which it is read, or a function that gives it; a resource variable is read
        there once, where it is made, and is not changed before.
      name: its name, made unique.
      dtype: what the initial value is converted to.
      expected_shape: accepted for old programs.
      constraint: a function that optimizers apply to the value after an update.
      use_resource: True makes a variable of TensorFlow's resource kind.

    Raises:
      ValueError: without an initial value, or where its shape is not known and `validate_shape`.
    """

    SaveSliceInfo = SaveSliceInfo  # at TensorFlow's place
    _is_resource = False
    _caching_device = None
    _synchronization = VariableSynchronization.AUTO
    _aggregation = VariableAggregation.NONE

    def __init__(self, initial_value=None, trainable=None, collections=None, validate_shape=True, caching_device=None,
                 name=None, variable_def=None, dtype=None, expected_shape=None, import_scope=None, constraint=None,
                 synchronization=None, aggregation=None, shape=None):  # fmt: skip
        if variable_def is not None:
            if initial_value is not None:
                raise ValueError("variable_def and initial_value are mutually exclusive.")
            self.__dict__.update(self.from_proto(variable_def, import_scope).__dict__)
            return
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        if collections is not None and not isinstance(collections, (list, tuple, set)):
            raise ValueError(
                f"collections argument to Variable constructor must be a list, tuple, or set. Got {collections} of type "
                f"{type(collections)}"
            )
        if constraint is not None and not callable(constraint):
            raise ValueError("The `constraint` argument must be a callable.")
        self._synchronization, self._aggregation, self._trainable = synchronized(
            synchronization, aggregation, trainable, name
        )
        self._constraint = constraint
        self._save_slice_info = None
        self._caching_device = caching_device
        graph = get_default_graph()
        collections = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in collections:
            collections.append(GraphKeys.TRAINABLE_VARIABLES)
        dtype = None if dtype is None else dtypes.as_dtype(dtype)
        with (
            control_dependencies(None) if graph._outer is None else init_scope(),
            name_scope(name, "Variable", [] if callable(initial_value) else [initial_value]) as scope,
            _devices_around(graph),
        ):
            self._build(initial_value, dtype, validate_shape, scope)
        graph.add_to_collections(collections, self)

    @classmethod
    def _of_nodes(cls, variable, initializer, snapshot, initial_value, trainable, save_slice_info):
        """A variable whose nodes are in the graph already."""
        self = cls.__new__(cls)
        self._variable, self._initializer_op, self._initial_value = variable, initializer, initial_value
        self._trainable, self._constraint, self._save_slice_info = trainable, None, save_slice_info
        self._name = variable.name
        self._take(snapshot)
        return self

    def to_proto(self, export_scope=None):
        """Its `VariableDef`, the names without an outer scope; None where it is not in that scope."""
        return variable_def_.to_proto(self, export_scope)

    @staticmethod
    def from_proto(variable_def, import_scope=None):
        """The variable of a `VariableDef`, whose nodes are in the default graph.

        Raises:
          KeyError: where they are not.
        """
        return variable_def_.from_proto(variable_def, import_scope)

    def _check_shape(self, value, validate_shape):
        if not validate_shape:
            return TensorShape(None)
        shape = value.get_shape()
        if not shape.is_fully_defined() and not self._is_resource:
            raise ValueError(f"initial_value must have a shape specified: {value}")
        return shape

    # --- what it is -----------------------------------------------------------------------------------

    @property
    def name(self):
        """The name of its tensor, as "w:0"."""
        return self._name

    @property
    def op(self):
        """The operation that stands for it."""
        return self._variable.op

    @property
    def graph(self):
        """The graph that it is in."""
        return self._variable.graph

    @property
    def device(self):
        """The device that it was asked to be on, "" for none."""
        return self._variable.op.device

    @property
    def dtype(self):
        """The type; that of a reference where it is no resource variable."""
        return self._dtype

    @property
    def shape(self):
        """The static shape."""
        return self._shape

    def get_shape(self):
        """`shape`."""
        return self._shape

    def set_shape(self, shape):
        """Adds what the caller knows to its static shape."""
        self._shape = self._shape.merge_with(as_shape(shape))
        self._variable.set_shape(self._shape)
        self.value().set_shape(self._shape)

    @property
    def trainable(self):
        """Whether optimizers update it by default."""
        return self._trainable

    @property
    def constraint(self):
        """The function that an optimizer applies to what it has updated, or None."""
        return self._constraint

    @property
    def initializer(self):
        """The operation that gives it its initial value."""
        return self._initializer_op

    @property
    def initial_value(self):
        """The tensor that the initializer assigns."""
        return self._initial_value

    @property
    def _shared_name(self):
        return self._name[: self._name.index(":")]

    def _get_save_slice_info(self):
        return self._save_slice_info

    def _set_save_slice_info(self, info):
        self._save_slice_info = info

    def _shape_tuple(self):
        return tuple(self._shape.as_list())

    def __repr__(self):
        return f"<tf.Variable '{self.name}' shape={self.get_shape()} dtype={self.dtype.name}>"

    # --- as a value -----------------------------------------------------------------------------------

    def _AsTensor(self):  # TensorFlow's name for it, which programs use
        return self.value()

    def initialized_value(self):
        """Its value where it has one, else its initial value."""
        from .ops.control_flow import cond

        # What is made of it is a first value, which waits for nothing that the program does where it asks.
        with init_scope():
            return cond(state.is_variable_initialized(self), self.read_value, lambda: self._initial_value)

    def experimental_ref(self):
        """A reference that hashes by identity; its `deref()` is the variable."""
        return Reference(self)

    def eval(self, session=None):
        """Its value in a session, by default in the default session."""
        return self._as_graph_element().eval(session=session)

    def load(self, value, session=None):
        """Gives it a value in a session, without adding to the graph.

        Raises:
          ValueError: where there is no session.
        """
        session = session or get_default_session()
        if session is None:
            raise ValueError("Either session argument should be provided or default session should be established")
        session.run(self.initializer, {self.initializer.inputs[1]: value})

    def count_up_to(self, limit):
        """Adds 1 and gives the value before; OutOfRangeError once it has reached `limit`."""
        from .ops.counting import count_up_to

        return count_up_to(self, limit)

    def __iter__(self):
        raise TypeError("'Variable' object is not iterable.")

    __array_priority__ = 100

    def __getitem__(self, key):
        part = self.value()[key]
        if part.op.type == "StridedSlice":
            part.assign = partial(assign_part, self, part.op)
        return part

    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other

    # --- changing it ----------------------------------------------------------------------------------

    def scatter_sub(self, sparse_delta, use_locking=False, name=None):
        """Subtracts the rows of `IndexedSlices`; of rows that are named twice both count."""
        return state.scatter_sub(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_add(self, sparse_delta, use_locking=False, name=None):
        """Adds the rows of `IndexedSlices`; of rows that are named twice both count."""
        return state.scatter_add(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Puts the rows of `IndexedSlices` in their places."""
        return state.scatter_update(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_mul(self, sparse_delta, use_locking=False, name=None):
        """Multiplies by the rows of `IndexedSlices`."""
        return state.scatter_mul(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_div(self, sparse_delta, use_locking=False, name=None):
        """Divides by the rows of `IndexedSlices`."""
        return state.scatter_div(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_max(self, sparse_delta, use_locking=False, name=None):
        """Makes rows the larger of what they are and the rows of `IndexedSlices`, by elements."""
        return state.scatter_max(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_min(self, sparse_delta, use_locking=False, name=None):
        """Makes rows the smaller of what they are and the rows of `IndexedSlices`, by elements."""
        return state.scatter_min(self, *rows_and_values(sparse_delta), use_locking, name)

    def batch_scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Puts the rows of `IndexedSlices` in their places, whose leading axes are batches."""
        return scatter.batch_scatter_update(self, *rows_and_values(sparse_delta), use_locking, name)

    def scatter_nd_add(self, indices, updates, name=None):
        """Adds `updates` [..., slice] where `indices` [..., axes] say."""
        return scatter.scatter_nd_add(self, indices, updates, name=name)

    def scatter_nd_sub(self, indices, updates, name=None):
        """Subtracts `updates` [..., slice] where `indices` [..., axes] say."""
        return scatter.scatter_nd_sub(self, indices, updates, name=name)

    def scatter_nd_update(self, indices, updates, name=None):
        """Puts `updates` [..., slice] where `indices` [..., axes] say."""
        return scatter.scatter_nd_update(self, indices, updates, name=name)

    # --- reading parts of it --------------------------------------------------------------------------

    def gather_nd(self, indices, name=None):
        """The slices that `indices` names, by coordinates."""
        if not self._is_resource:
            return gather.gather_nd(self, indices, name=name)
        attrs = {"dtype": self.dtype.base_dtype}
        return core.identity(apply_op("ResourceGatherNd", [self.handle, indices], attrs, name or "GatherNd"))

    def sparse_read(self, indices, name=None):
        """The rows that `indices` names."""
        if not self._is_resource:
            return gather.gather(self, indices, name=name)
        attrs = {"dtype": self.dtype.base_dtype}
        return core.identity(apply_op("ResourceGather", [self.handle, indices], attrs, name or "Gather"))

    def _gather_saveables_for_checkpoint(self):
        return {VARIABLE_VALUE: self}

    @property
    def synchronization(self):
        """When values of several replicas would be put together; there is one."""
        return self._synchronization

    @property
    def aggregation(self):
        """How values of several replicas would be put together; there is one."""
        return self._aggregation


def _devices_around(graph):
    """A variable asks the devices around scopes of colocation where those have none of their own."""
    state = graph._state()
    around = state.devices_around
    if not around or state.device_stack:
        return nullcontext()
    return StackScope(graph, device_stack=lambda outer: around)


class RefVariable(Variable):
    """A variable whose node is a VariableV2: the kind that TensorFlow 1 makes by default."""

    def _build(self, initial_value, dtype, validate_shape, scope):
        name = scope[:-1] if scope.endswith("/") else scope
        if callable(initial_value):
            with BesideScope(get_default_graph(), name):
                with name_scope("Initializer"), get_default_graph().without_device():
                    self._initial_value = convert_to_tensor(initial_value(), name="initial_value", dtype=dtype)
                self._variable = self._node(validate_shape, scope)
        else:
            value = convert_to_tensor(initial_value, name="initial_value", dtype=dtype)
            self._initial_value = _outside_of_control_flow(value)
            self._variable = self._node(validate_shape, scope)
        value = guarded(name, self._initial_value)
        self._initializer_op = apply_op("Assign", [self._variable, value], {"validate_shape": validate_shape}).op
        self._name = f"{name}:0"
        graph, place = get_default_graph(), self._caching_device
        with graph.device(place) if place is not None else ColocationScope(graph, self._variable.op, False):
            self._take(core.identity(self._variable, name="read"))

    def _node(self, validate_shape, scope):
        shape = self._check_shape(self._initial_value, validate_shape)
        return apply_op("VariableV2", [], {"dtype": self._initial_value.dtype.base_dtype, "shape": shape}, scope)

    def _take(self, snapshot):
        self._snapshot = snapshot
        self._dtype = self._variable.dtype
        self._shape = self._variable.get_shape()

    def _ref(self):
        return self._variable

    def _as_graph_element(self):
        return self._variable

    def value(self):
        """Its value as a tensor."""
        return self._snapshot

    def read_value(self):
        """Its value as a tensor of its own."""
        return core.identity(self._variable, name="read")

    def is_initialized(self, name=None):
        return state.initialized(self, name)

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Gives it a new value; returns the variable after it, or the operation."""
        return _result(state.assign(self._variable, value, use_locking=use_locking, name=name), read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """Adds to its value; returns the variable after it, or the operation."""
        return _result(state.assign_add(self._variable, delta, use_locking=use_locking, name=name), read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """Subtracts from its value; returns the variable after it, or the operation."""
        return _result(state.assign_sub(self._variable, delta, use_locking=use_locking, name=name), read_value)


def _result(tensor, read_value):
    return tensor if read_value else tensor.op


def _outside_of_control_flow(value):
    """The value.

    Raises:
      ValueError: it is made in a branch or a loop, which initializing a variable does not enter.
    """
    if value.op._get_control_flow_context() is not None:
        raise ValueError(
            f"Initializer for variable is from inside a control-flow construct, such as a loop or conditional: {value}. "
            "When creating a variable inside a loop or conditional, use a lambda as the initializer."
        )
    return value


class ResourceVariable(Variable):
    """A variable whose node is a VarHandleOp, as `use_resource=True` makes it."""

    _is_resource = True
    _cached_value = None

    def _build(self, initial_value, dtype, validate_shape, scope):
        name = scope[:-1] if scope.endswith("/") else scope
        graph = get_default_graph()
        with BesideScope(graph, name):
            with name_scope("Initializer"), graph.without_device():
                value = initial_value() if callable(initial_value) else initial_value
                value = convert_to_tensor(value, name="initial_value", dtype=dtype)
            self._initial_value = value if callable(initial_value) else _outside_of_control_flow(value)
            self._shape = self._check_shape(self._initial_value, validate_shape)
            self._dtype = self._initial_value.dtype.base_dtype
            attrs = {"dtype": self._dtype, "shape": self._shape, "shared_name": name}
            self._variable = self._handle = apply_op("VarHandleOp", [], attrs, scope)
        self._name = f"{name}:0"
        with name_scope("IsInitialized"):
            self._is_initialized_op = apply_op("VarIsInitializedOp", [self._handle])
        guarded_value = guarded(name, self._initial_value)
        with graph.alone_on(self._handle.op.device):
            self._initializer_op = apply_op("AssignVariableOp", [self._handle, guarded_value], name="Assign")
        with name_scope("Read"):
            with self._on_its_device():
                self._graph_element = self._read()
            if self._caching_device is not None:
                with graph.colocate_with(None, ignore_existing=True), graph.device(self._caching_device):
                    self._cached_value = core.identity(self._graph_element)

    def _on_its_device(self):
        """A context in which new ops have its device too, if it has one."""
        place = self._handle.op.device
        return get_default_graph().device(place) if place else nullcontext()

    def _read(self):
        value = apply_op("ReadVariableOp", [self._handle], {"dtype": self._dtype})
        value.set_shape(self._shape)
        return value

    def _take(self, snapshot):
        self._handle, self._graph_element = self._variable, snapshot
        if snapshot is not None and snapshot.op.type != "ReadVariableOp":
            self._cached_value = snapshot
        self._dtype = self._variable.op.get_attr("dtype").base_dtype
        self._shape = TensorShape(self._variable.op.get_attr("shape"))

    @property
    def create(self):
        """The operation that gives it its first value, `initializer`."""
        return self._initializer_op

    @property
    def handle(self):
        """The resource that stands for it."""
        return self._handle

    def _ref(self):
        raise ValueError("a resource variable has no reference: use `handle`")

    def _as_graph_element(self):
        return self._graph_element

    def value(self):
        """Its value as a tensor, read where it is used, or where it was made if it has a device for that."""
        if self._cached_value is not None:
            return self._cached_value
        with get_default_graph().alone_on(self._handle.op.device):
            return self._read()

    def read_value(self):
        """Its value as a tensor of its own."""
        with name_scope("Read"), self._on_its_device():
            value = self._read()
        return core.identity(value)

    def is_initialized(self, name=None):
        return apply_op("VarIsInitializedOp", [self._handle], name=name)

    def _changed(self, type, value, name, read_value):
        from .ops.build import convert_to_tensor as convert

        known = self._cached_value
        with nullcontext() if known is None else control_dependencies([known]):
            op = apply_op(type, [self._handle, convert(value, dtype=self._dtype)], name=name)
        return self._after(op) if read_value else op

    def _after(self, op):
        """The variable as it is after an operation that writes it."""
        return UnreadVariable._of(self, op)

    def assign(self, value, use_locking=None, name=None, read_value=True):
        """Gives it a new value; returns the value after it, or the operation."""
        value = convert_to_tensor(value, dtype=self._dtype)
        self._shape.assert_is_compatible_with(value.shape)
        return self._changed("AssignVariableOp", value, name, read_value)

    def assign_add(self, delta, use_locking=None, name=None, read_value=True):
        """Adds to its value; returns the value after it, or the operation."""
        return self._changed("AssignAddVariableOp", delta, name, read_value)

    def assign_sub(self, delta, use_locking=None, name=None, read_value=True):
        """Subtracts from its value; returns the value after it, or the operation."""
        return self._changed("AssignSubVariableOp", delta, name, read_value)


class UnreadVariable(ResourceVariable):
    """A resource variable after an operation: every read of it waits for that operation."""

    @classmethod
    def _of(cls, variable, op):
        found = object.__new__(cls)
        found.__dict__.update(variable.__dict__)
        found._parent_op, found._cached_value = op, None
        found._graph_element = found._read()
        return found

    def _read(self):
        with control_dependencies([self._parent_op]):
            return super()._read()

    def read_value(self):
        with control_dependencies([self._parent_op]):
            return super().read_value()

    def _changed(self, type, value, name, read_value):
        with control_dependencies([self._parent_op]):
            return super()._changed(type, value, name, read_value)

    @property
    def name(self):
        return self._parent_op.name

    @property
    def op(self):
        return self._parent_op


def is_resource_variable(var):
    """Whether a variable is one of a resource, or asks to be taken for one; libraries find it by its path in `python.ops`."""
    return isinstance(var, ResourceVariable) or hasattr(var, "_should_act_as_resource_variable")


def _to_tensor(variable, dtype=None, name=None, as_ref=False):
    if dtype is not None and not dtype.is_compatible_with(variable.dtype):
        raise ValueError(
            f"Incompatible type conversion requested to type '{dtype.name}' for variable of type '{variable.dtype.name}'"
        )
    if as_ref and not variable._is_resource:
        return variable._ref()
    return variable.value()


register_tensor_conversion_function(Variable, _to_tensor)


def _add_operators():
    def operator(name):
        function = getattr(Tensor, name)

        def method(self, *args):
            return function(self.value(), *args)

        method.__name__ = name
        return method

    for name in operators.OVERLOADABLE_OPERATORS:
        if name != "__getitem__":
            setattr(Variable, name, operator(name))


_add_operators()


# --- collections of variables -----------------------------------------------------------------------------


def _collection(key, text):
    def function(scope=None):
        return get_default_graph().get_collection(key, scope)

    function.__doc__ = f"The {text} variables of the default graph, those under `scope` if given."
    return function


global_variables = _collection(GraphKeys.GLOBAL_VARIABLES, "global")
local_variables = _collection(GraphKeys.LOCAL_VARIABLES, "local")
model_variables = _collection(GraphKeys.MODEL_VARIABLES, "model")
trainable_variables = _collection(GraphKeys.TRAINABLE_VARIABLES, "trainable")
moving_average_variables = _collection(GraphKeys.MOVING_AVERAGE_VARIABLES, "averaged")


def all_variables():
    """The old name of `global_variables`."""
    return global_variables()


def _all_saveable_objects(scope=None):
    graph = get_default_graph()
    return graph.get_collection(GraphKeys.GLOBAL_VARIABLES, scope) + graph.get_collection(
        GraphKeys.SAVEABLE_OBJECTS, scope
    )


def variables_initializer(var_list, name="init"):
    """An operation that runs the initializers of the variables."""
    if var_list:
        return core.group(*[v.initializer for v in var_list], name=name)
    return core.group(name=name)


def global_variables_initializer():
    """An operation that gives all global variables their initial values."""
    return variables_initializer(global_variables())


def local_variables_initializer():
    """An operation that gives all local variables their initial values."""
    return variables_initializer(local_variables())


def initialize_all_variables():
    """The old name of `global_variables_initializer`."""
    return global_variables_initializer()


def initialize_local_variables():
    """The old name of `local_variables_initializer`."""
    return local_variables_initializer()


def initialize_variables(var_list, name="init"):
    """The old name of `variables_initializer`."""
    return variables_initializer(var_list, name)


def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables"):
    """The names of the variables without a value, as a 1-D tensor of text."""
    from .ops.build import constant
    from .ops.gather import boolean_mask
    from .ops.math_unary import logical_not
    from .ops.slicing import stack

    if var_list is None:
        # Where no collection has a variable, those that stand in the graph alone are meant.
        var_list = global_variables() + local_variables() or [
            op.outputs[0]
            for op in get_default_graph().get_operations()
            if op.type in ("Variable", "VariableV2", "AutoReloadVariable")
        ]
    with name_scope(name):
        initialized = [state.is_variable_initialized(v) for v in var_list]
        with get_default_graph().device("/cpu:0"):
            if not var_list:
                return constant(np.array([], dtype=object), dtype=dtypes.string, shape=[0])
            missing = logical_not(stack(initialized))
            names = constant([v.op.name for v in var_list])
            return boolean_mask(names, missing)


def assert_variables_initialized(var_list=None):
    """The ranks of variables, int32; getting them fails where a variable has no value. None without variables."""
    from .ops.array import rank, reshape
    from .ops.slicing import stack

    var_list = global_variables() + local_variables() if var_list is None else var_list
    if not var_list:
        return None
    # An alias of a variable reads nothing, a part of it does, were it of no elements.
    read = [reshape(v.value(), [-1])[:0] for v in var_list]
    with control_dependencies(read):
        ranks = [rank(v.value()) for v in var_list]
    return ranks[0] if len(ranks) == 1 else stack(ranks)
