"""Variable scopes: `get_variable` makes variables by name or finds them again."""

from __future__ import annotations

import enum
from contextlib import contextmanager

from . import dtypes
from ._core import graph_of
from .graph.collections import GraphKeys
from .graph.scopes import name_scope
from .graph.stack import executing_eagerly, get_default_graph
from .initializers import Initializer, glorot_uniform_initializer, zeros_initializer
from .ops.build import convert_to_tensor
from .shapes import as_shape
from .variables import Variable, VariableAggregation, VariableSynchronization, synchronized

__all__ = [
    "AUTO_REUSE", "VariableScope", "disable_resource_variables",
    "enable_resource_variables", "get_local_variable", "get_variable", "get_variable_scope",
    "no_regularizer", "resource_variables_enabled", "variable_op_scope", "variable_scope",
]  # fmt: skip

_STORE = ("__hookloop_variable_store__",)
_SCOPE = ("__hookloop_variable_scope__",)
_resource_by_default = False


class _ReuseMode(enum.Enum):
    AUTO_REUSE = 1


AUTO_REUSE = _ReuseMode.AUTO_REUSE


def enable_resource_variables():
    """Variables are of the resource kind where nothing else is said."""
    global _resource_by_default
    _resource_by_default = True


def disable_resource_variables():
    """Variables are of the reference kind where nothing else is said."""
    global _resource_by_default
    _resource_by_default = False


def resource_variables_enabled():
    """Whether `get_variable` makes resource variables where it is not told."""
    return _resource_by_default


def no_regularizer(_):
    """A regularizer that leaves a variable alone, whatever its scope says."""
    return None


class _Store:
    """The variables of one graph by name, and how often each scope name was opened."""

    def __init__(self):
        self.variables = {}
        self.partitioned = {}
        self.scope_counts = {}
        self._opened_below = {}  # scope -> the names of all scopes below it that were opened since it was closed

    def get_variable(
        self, name, shape=None, dtype=dtypes.float32, initializer=None, regularizer=None, reuse=None, **options
    ):
        """The variable of a full name, whatever scopes there are; without `reuse` it is made where it is not there."""
        scope = VariableScope(AUTO_REUSE if reuse is None else reuse)
        return scope.get_variable(self, name, shape, dtype, initializer, regularizer, **options)

    def open_scope(self, name):
        self.scope_counts[name] = self.scope_counts.get(name, 0) + 1
        around = name
        while around:
            around = around.rpartition("/")[0]
            self._opened_below.setdefault(around, set()).add(name)

    def close_subscopes(self, name):
        for other in self._opened_below.pop(name or "", ()):
            self.scope_counts[other] = 0

    def counts(self):
        """What `restore_counts` takes."""
        return dict(self.scope_counts), {around: set(below) for around, below in self._opened_below.items()}

    def restore_counts(self, counts):
        self.scope_counts, self._opened_below = counts


def _store():
    """The default graph's store."""
    found = get_default_graph().get_collection_ref(_STORE)
    if not found:
        found.append(_Store())
    return found[0]


class VariableScope:
    """What `get_variable` uses where it is not told: see `variable_scope`."""

    def __init__(self, reuse, name="", initializer=None, regularizer=None, caching_device=None, partitioner=None,
                 custom_getter=None, name_scope="", dtype=dtypes.float32, use_resource=None, constraint=None):  # fmt: skip
        self._name = name
        self._initializer = initializer
        self._regularizer = regularizer
        self._reuse = reuse
        self._caching_device = caching_device
        self._partitioner = partitioner
        self._custom_getter = custom_getter
        self._name_scope = name_scope
        self._dtype = dtype
        self._use_resource = use_resource
        self._constraint = constraint

    @property
    def name(self):
        """The full name, "" for the outermost."""
        return self._name

    @property
    def original_name_scope(self):
        """The name scope that was opened with it, with a slash at its end."""
        return self._name_scope

    @property
    def reuse(self):
        """Whether variables are those that are there already; AUTO_REUSE: where they are."""
        return self._reuse

    @property
    def initializer(self):
        """The initializer of variables that are given none."""
        return self._initializer

    @property
    def dtype(self):
        """The type of variables that are given none."""
        return self._dtype

    @property
    def use_resource(self):
        """Whether variables are resource variables; None: as `enable_resource_variables` says."""
        return self._use_resource

    @property
    def regularizer(self):
        """The regularizer of variables that are given none."""
        return self._regularizer

    @property
    def caching_device(self):
        """Where values would be cached; there is one device."""
        return self._caching_device

    @property
    def partitioner(self):
        """The function that says into how many parts variables are cut, or None."""
        return self._partitioner

    @property
    def custom_getter(self):
        """The function that `get_variable` calls instead, or None."""
        return self._custom_getter

    @property
    def constraint(self):
        """The constraint of variables that are given none."""
        return self._constraint

    def reuse_variables(self):
        """From here on variables of this scope are found again, not made."""
        self._reuse = True

    def set_initializer(self, initializer):
        """Sets `initializer`."""
        self._initializer = initializer

    def set_dtype(self, dtype):
        """Sets `dtype`."""
        self._dtype = dtypes.as_dtype(dtype)

    def set_use_resource(self, use_resource):
        """Sets `use_resource`."""
        self._use_resource = use_resource

    def set_regularizer(self, regularizer):
        """Sets `regularizer`."""
        self._regularizer = regularizer

    def set_caching_device(self, caching_device):
        """Sets `caching_device`."""
        self._caching_device = caching_device

    def set_partitioner(self, partitioner):
        """Sets `partitioner`."""
        self._partitioner = partitioner

    def set_custom_getter(self, custom_getter):
        """Sets `custom_getter`."""
        self._custom_getter = custom_getter

    def get_collection(self, name):
        """The collection's elements whose names begin with this scope."""
        return get_default_graph().get_collection(name, self._name + "/" if self._name else self._name)

    def trainable_variables(self):
        """The graph's trainable variables below this scope."""
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self):
        """The graph's variables below this scope."""
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self):
        """The graph's local variables below this scope."""
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def _copy(self, **changes):
        copy = VariableScope.__new__(VariableScope)
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update(changes)
        return copy

    def get_variable(self, store, name, shape=None, dtype=None, initializer=None, regularizer=None, reuse=None,
                     trainable=None, collections=None, caching_device=None, partitioner=None, validate_shape=True,
                     use_resource=None, custom_getter=None, constraint=None, synchronization=None, aggregation=None):  # fmt: skip
        """The variable of that name under this scope; the arguments are those of `tf.get_variable`."""
        regularizer = self._regularizer if regularizer is None else regularizer
        full_name = self._name + "/" + name if self._name else name
        if full_name == "":
            raise ValueError("'' is not a valid node name")
        # Custom getters are told what they decide by: whether the variable is trained, not that nobody said so.
        synchronization, aggregation, trainable = synchronized(synchronization, aggregation, trainable, full_name)
        with name_scope(None):
            if dtype is not None and initializer is not None and not callable(initializer):
                # The node that a value becomes here has no use but to be counted in names and seeds, as TensorFlow's is.
                found, wanted = convert_to_tensor(initializer).dtype.base_dtype, dtypes.as_dtype(dtype)
                if found != wanted:
                    raise ValueError(f"Initializer type '{found}' and explicit dtype '{wanted}' don't match.")
            arguments = dict(
                name=full_name, shape=shape, dtype=self._dtype if dtype is None else dtype,
                initializer=self._initializer if initializer is None else initializer, regularizer=regularizer,
                reuse=self._reuse if reuse is None or self._reuse is True else reuse, trainable=trainable,
                collections=collections, caching_device=self._caching_device if caching_device is None else caching_device,
                partitioner=self._partitioner if partitioner is None else partitioner, validate_shape=validate_shape,
                use_resource=self.use_resource if use_resource is None else use_resource,
                constraint=self._constraint if constraint is None else constraint, synchronization=synchronization,
                aggregation=aggregation,
            )  # fmt: skip
            getter = self._custom_getter if custom_getter is None else _chain(custom_getter, self._custom_getter)
            if getter is None:
                return _get(store, **arguments)
            if not callable(getter):
                raise ValueError(f"Passed a custom_getter which is not callable: {getter}")
            return getter(getter=lambda *a, **k: _get_named(store, *a, **k), **arguments)


def _chain(inner, outer):
    if outer is None:
        return inner

    def getter(getter, *args, **kwargs):
        return inner(lambda *a, **k: outer(getter, *a, **k), *args, **kwargs)

    return getter


_ORDER = ("name", "shape", "dtype", "initializer", "regularizer", "reuse", "trainable", "collections", "caching_device",
          "partitioner", "validate_shape", "use_resource", "constraint")  # fmt: skip


def _get_named(store, *args, **kwargs):
    kwargs.update(zip(_ORDER, args))
    for name in ("regularizer", "reuse", "trainable", "collections", "caching_device", "partitioner", "use_resource",
                 "constraint", "synchronization", "aggregation", "initializer", "shape"):  # fmt: skip
        kwargs.setdefault(name, None)
    kwargs.setdefault("dtype", dtypes.float32)
    kwargs.setdefault("validate_shape", True)
    return _get(store, **kwargs)


def _get(store, name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device, partitioner,
         validate_shape, use_resource, constraint, synchronization, aggregation):  # fmt: skip
    """Makes the variable or finds it again."""
    if initializer is not None and not callable(initializer):
        dtype = None  # a value has its own
    if partitioner is not None and not (isinstance(shape, (list, tuple)) and not shape):
        from .partitioned import get_partitioned

        return get_partitioned(store, _get, locals())
    if reuse is True and partitioner is None and name in store.partitioned:
        return store.partitioned[name]
    if f"{name}/part_0" in store.variables:
        raise ValueError(
            f"No partitioner was provided, but a partitioned version of the variable was found: {name}/part_0. Perhaps a variable "
            "of the same name was already created with partitioning?"
        )
    found = store.variables.get(name)
    if found is not None:
        if reuse is not True and reuse is not AUTO_REUSE:
            raise ValueError(_already_exists(name, found))
        _check_found(name, found, shape, dtype)
        return found
    if reuse is True:
        raise ValueError(
            f"Variable {name} does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=tf.AUTO_REUSE in VarScope?"
        )
    value, dtype = _initial_value(name, shape, dtype, initializer)
    if collections is not None:
        collections = list(collections)
    if use_resource is None:
        use_resource = _resource_by_default or executing_eagerly()
    variable = Variable(
        initial_value=value, name=name, trainable=trainable, collections=collections, caching_device=caching_device,
        dtype=dtype, validate_shape=validate_shape, constraint=constraint, use_resource=use_resource,
        synchronization=synchronization, aggregation=aggregation,
    )  # fmt: skip
    store.variables[name] = variable
    if regularizer is not None:
        _regularize(name, variable, regularizer)
    return variable


def _already_exists(name, variable):
    where = variable.op._location
    made = f' Originally defined at:\n\n  File "{where[0]}", line {where[1]}' if where else ""
    return f"Variable {name} already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in VarScope?{made}"


def _check_found(name, found, shape, dtype):
    if shape is not None and not as_shape(shape).is_compatible_with(found.get_shape()):
        raise ValueError(
            f"Trying to share variable {name}, but specified shape {as_shape(shape)} and found shape {found.get_shape()}."
        )
    if dtype is not None and not dtypes.as_dtype(dtype).is_compatible_with(found.dtype):
        raise ValueError(
            f"Trying to share variable {name}, but specified dtype {dtypes.as_dtype(dtype).name} and found dtype "
            f"{found.dtype.name}."
        )


def _initial_value(name, shape, dtype, initializer):
    """(the value or function that makes it, its dtype)"""
    dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    if initializer is not None and not callable(initializer):
        if shape is not None:
            raise ValueError("If initializer is a constant, do not specify shape.")
        return initializer, dtype
    dims = as_shape(shape)
    if initializer is None:
        if dtype.is_floating:
            initializer = glorot_uniform_initializer()
        elif dtype.is_integer or dtype.is_unsigned or dtype.is_bool or dtype.name == "string":
            initializer = zeros_initializer()
        else:
            raise ValueError(f"An initializer for variable {name} of {dtype} is required")
    if isinstance(initializer, type):
        initializer = initializer()
    if shape is None or not dims.is_fully_defined():
        if isinstance(initializer, Initializer) or _takes_shape(initializer):
            raise ValueError(
                "The initializer passed is not valid. It should be a callable with no arguments and the shape should not be "
                "provided or an instance of `tf.keras.initializers.*' and `shape` should be fully defined. Shape of a new "
                f"variable ({name}) must be fully defined, but instead was {'<unknown>' if shape is None else dims}."
            )
        return initializer, dtype
    wanted = dims.as_list()
    if isinstance(initializer, Initializer):
        return (lambda: initializer(wanted, dtype=dtype)), dtype
    if _takes_shape(initializer):
        return (lambda: _call_initializer(initializer, wanted, dtype)), dtype
    return initializer, dtype


def _takes_shape(function):
    """Whether an initializer is function(shape, ...), not a function of no arguments."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _call_initializer(initializer, shape, dtype):
    import inspect

    parameters = inspect.signature(initializer).parameters
    keywords = {}
    if "dtype" in parameters or any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        keywords["dtype"] = dtype
    if "partition_info" in parameters:
        keywords["partition_info"] = None
    return initializer(shape, **keywords)


def _regularize(name, variable, regularizer):
    """Adds the regularization loss to its collection."""
    with get_default_graph().colocate_with(variable.op), name_scope(name + "/Regularizer/"):
        loss = regularizer(variable)
    if loss is not None:
        get_default_graph().add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)


# --- public functions -------------------------------------------------------------------------------------


def get_variable_scope():
    """The current variable scope of the default graph."""
    found = get_default_graph().get_collection_ref(_SCOPE)
    if not found:
        found.append(VariableScope(False))
    return found[0]


def _set_scope(scope):
    get_default_graph().get_collection_ref(_SCOPE)[:] = [scope]


def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None, collections=None,
                 caching_device=None, partitioner=None, validate_shape=True, use_resource=None, custom_getter=None,
                 constraint=None, synchronization=VariableSynchronization.AUTO,
                 aggregation=VariableAggregation.NONE):  # fmt: skip
    """The variable of that name in the current scope: made, or found again where the scope reuses.

    Args:
      name: its name under the scope.
      shape: its shape; may be left out where the initializer is a value.
      dtype: float32 by default.
      initializer: a value, an `Initializer`, or a function of the shape; glorot_uniform by default.
      regularizer: a function of the variable whose result goes to REGULARIZATION_LOSSES.
      trainable, collections, caching_device, validate_shape, use_resource, constraint: as in `Variable`.
      partitioner: a function of shape and dtype that tells how many parts each axis has.
      custom_getter: a function that is called in place of the one that makes the variable.

    Returns:
      The variable.

    Raises:
      ValueError: it exists and the scope does not reuse, or the other way round; shape or dtype differ.
    """
    return get_variable_scope().get_variable(
        _store(), name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer, trainable=trainable,
        collections=collections, caching_device=caching_device, partitioner=partitioner, validate_shape=validate_shape,
        use_resource=use_resource, custom_getter=custom_getter, constraint=constraint, synchronization=synchronization,
        aggregation=aggregation,
    )  # fmt: skip


def get_local_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=False,
                       collections=None, caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
                       custom_getter=None, constraint=None, synchronization=VariableSynchronization.AUTO,
                       aggregation=VariableAggregation.NONE):  # fmt: skip
    """`get_variable` for a local variable: not saved, and not trained whatever `trainable` says."""
    return get_variable(
        name, shape, dtype, initializer, regularizer, False, [*(collections or ()), GraphKeys.LOCAL_VARIABLES], caching_device,
        partitioner, validate_shape, use_resource, custom_getter, constraint, synchronization, aggregation,
    )  # fmt: skip


class variable_scope:
    """A context manager that names variables, and says how they are made or found again.

    Args:
      name_or_scope: a name under the current scope, or a `VariableScope` to enter again.
      default_name: made unique and used where `name_or_scope` is None.
      values: tensors that must belong to one graph.
      initializer, regularizer, caching_device, partitioner, custom_getter, dtype, use_resource: defaults for the variables
        inside; those of the outer scope otherwise.
      constraint: the default for the variables of this very scope: scopes inside it do not take it over, as in TensorFlow.
      reuse: True: variables are found again; AUTO_REUSE: found, or made where they do not exist; else inherited.
      auxiliary_name_scope: False opens no name scope.

    Raises:
      ValueError: where neither a name nor a default name is given, or None is reused.
    """

    def __init__(self, name_or_scope, default_name=None, values=None, initializer=None, regularizer=None,
                 caching_device=None, partitioner=None, custom_getter=None, reuse=None, dtype=None, use_resource=None,
                 constraint=None, auxiliary_name_scope=True):  # fmt: skip
        if name_or_scope is None and default_name is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        if reuse is False:
            reuse = None
        if reuse not in (None, True, AUTO_REUSE):
            raise ValueError("The reuse parameter must be True or False or None.")
        if name_or_scope is None and reuse is True:
            raise ValueError("reuse=True cannot be used without a name_or_scope")
        if auxiliary_name_scope not in (True, False):
            raise TypeError(f"The auxiliary_name_scope must be `True` or `False`, while get {auxiliary_name_scope}")
        self._name_or_scope = name_or_scope
        self._default_name = default_name
        self._values = values or []
        self._reuse = reuse
        self._auxiliary = auxiliary_name_scope
        self._changes = dict(
            _initializer=initializer, _regularizer=regularizer, _caching_device=caching_device, _partitioner=partitioner,
            _dtype=dtype, _use_resource=use_resource, _constraint=constraint,
        )  # fmt: skip
        self._custom_getter = custom_getter
        self._entered = []

    def __enter__(self):
        around = []  # the graph and the name scope, the innermost last
        try:
            self._enter_graph(around)
            scope, outer, counts = self._opened(around)
        except BaseException:
            _leave(around, (None, None, None))
            raise
        self._entered.append((scope, outer, counts, around))
        _set_scope(scope)
        return scope

    def __exit__(self, *error):
        scope, outer, counts, around = self._entered.pop()
        store = _store()
        store.close_subscopes(scope.name)
        if counts is not None:
            store.restore_counts(counts)
        _set_scope(outer)
        _leave(around, error)

    def __call__(self, function):
        import functools

        @functools.wraps(function)
        def inside(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return inside

    def _enter_graph(self, around):
        graph = graph_of(self._values) if self._values else None
        if graph is not None and graph is not get_default_graph():
            _enter(graph.as_default(), around)
        state = get_default_graph()._state()
        if state.devices_around is not None:
            _enter(_devices_from_here(state), around)

    def _opened(self, around):
        """(the scope, the one outside, the counts of names that are restored after it or None)"""
        outer = get_variable_scope()
        given = self._name_or_scope
        if isinstance(given, VariableScope):
            return self._again(given, outer, around)
        if given is None:
            names = self._enter_names(self._default_name, around)
            name = _unique_scope(outer.name, self._default_name)
        elif isinstance(given, str):
            # The root scope leaves names as they are, and was opened in none.
            names = self._enter_names(given, around) if given or not self._auxiliary else ""
            name = given
        else:
            raise TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        full_name = f"{outer.name}/{name}" if outer.name else name
        reuse = outer.reuse if self._reuse is None or outer.reuse is True else self._reuse
        scope = outer._copy(_name=full_name, _name_scope=names, _reuse=reuse, **self._settings(outer))
        _store().open_scope(full_name)
        return scope, outer, None

    def _again(self, scope, outer, around):
        """The same for a scope object that is entered again: its own settings, under its own name."""
        reuse = scope.reuse if self._reuse is None else self._reuse
        if outer.reuse is True:
            reuse = True
        if scope.name:
            self._enter_names(scope.name.split("/")[-1], around)
        copy = scope._copy(_name_scope=scope.original_name_scope, _reuse=reuse, **self._settings(scope))
        store = _store()
        counts = store.counts()
        store.open_scope(scope.name)
        return copy, outer, counts

    def _enter_names(self, name, around):
        return _enter(name_scope(name), around) if self._auxiliary else _unchanged_names()

    def _settings(self, inherited):
        """What differs from the scope that the others are inherited from."""
        settings = {k: v for k, v in self._changes.items() if v is not None or k == "_constraint"}
        if "_dtype" in settings:
            settings["_dtype"] = dtypes.as_dtype(settings["_dtype"])
        if self._custom_getter is not None:
            settings["_custom_getter"] = _chain(self._custom_getter, inherited.custom_getter)
        return settings


def _enter(manager, around):
    value = manager.__enter__()
    around.append(manager)
    return value


@contextmanager
def _devices_from_here(state):
    """As in TensorFlow, variables of a scope that stands beside an op do not ask the devices around that op's scope."""
    outer, state.devices_around = state.devices_around, None
    try:
        yield
    finally:
        state.devices_around = outer


def _leave(around, error):
    while around:
        around.pop().__exit__(*error)


def _unchanged_names():
    names = get_default_graph().get_name_scope()
    return names + "/" if names else ""


def _unique_scope(outer, prefix):
    """`prefix`, or `prefix_1` and so on where the outer scope has opened it before."""
    counts = _store().scope_counts
    name = f"{outer}/{prefix}" if outer else prefix
    if not counts.get(name, 0):
        return prefix
    i = 1
    while counts.get(f"{name}_{i}", 0):
        i += 1
    return f"{prefix}_{i}"


@contextmanager
def variable_op_scope(values, name_or_scope, default_name=None, initializer=None, regularizer=None, caching_device=None,
                      partitioner=None, custom_getter=None, reuse=None, dtype=None, use_resource=None, constraint=None):  # fmt: skip
    """The old order of `variable_scope`'s arguments."""
    with variable_scope(name_or_scope, default_name=default_name, values=values, initializer=initializer,
                        regularizer=regularizer, caching_device=caching_device, partitioner=partitioner,
                        custom_getter=custom_getter, reuse=reuse, dtype=dtype, use_resource=use_resource,
                        constraint=constraint) as scope:  # fmt: skip
        yield scope
