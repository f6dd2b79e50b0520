"""Variables of a model: making them, finding them by scope, name and pattern, the devices they lie on."""

from __future__ import annotations

import functools
import re

from ...dtypes import float32
from ...graph.collections import GraphKeys
from ...graph.device import DeviceSpec
from ...graph.scopes import device as device_scope
from ...graph.stack import get_default_graph
from ...train import training_util
from ...variable_scope import VariableScope, get_variable, get_variable_scope
from ...variables import Variable, VariableAggregation, VariableSynchronization
from .arg_scope import add_arg_scope

__all__ = [
    "VariableDeviceChooser", "add_model_variable", "assert_global_step", "assert_or_get_global_step", "create_global_step",
    "filter_variables", "get_global_step", "get_local_variables", "get_model_variables", "get_or_create_global_step",
    "get_trainable_variables", "get_unique_variable", "get_variable_full_name", "get_variables", "get_variables_by_name",
    "get_variables_by_suffix", "get_variables_to_restore", "global_variable", "local_variable", "model_variable", "variable",
]  # fmt: skip

# --- the global step ------------------------------------------------------------------------------------------


def assert_global_step(global_step_tensor):
    """`tf.train.assert_global_step`."""
    training_util.assert_global_step(global_step_tensor)


def get_global_step(graph=None):
    """`tf.train.get_global_step`."""
    return training_util.get_global_step(graph)


def create_global_step(graph=None):
    """`tf.train.create_global_step`."""
    return training_util.create_global_step(graph)


def get_or_create_global_step(graph=None):
    """`tf.train.get_or_create_global_step`."""
    return training_util.get_or_create_global_step(graph)


def assert_or_get_global_step(graph=None, global_step_tensor=None):
    """The tensor, which is to be one of a global step; without it the graph's own, None where it has none.

    Raises:
      TypeError: for something that no global step can be.
    """
    if global_step_tensor is None:
        return get_global_step(graph)
    assert_global_step(global_step_tensor)
    return global_step_tensor


# --- making variables -----------------------------------------------------------------------------------------


def local_variable(initial_value, validate_shape=True, name=None, use_resource=None):
    """A variable that is in no checkpoint and is not trained; arguments as for `tf.Variable`."""
    return _plain(initial_value, GraphKeys.LOCAL_VARIABLES, validate_shape, name, use_resource)


def global_variable(initial_value, validate_shape=True, name=None, use_resource=None):
    """A variable that is not trained; arguments as for `tf.Variable`."""
    return _plain(initial_value, GraphKeys.GLOBAL_VARIABLES, validate_shape, name, use_resource)


def _plain(initial_value, collection, validate_shape, name, use_resource):
    return Variable(
        initial_value, trainable=False, collections=[collection], validate_shape=validate_shape, name=name,
        use_resource=use_resource,
    )  # fmt: skip


@add_arg_scope
def variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True, collections=None,
             caching_device=None, device=None, partitioner=None, custom_getter=None, use_resource=None,
             synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE):  # fmt: skip
    """`tf.get_variable` on a device.

    Args:
      device: its device.
      custom_getter: what is called in the place of `tf.get_variable`, with `reuse` in addition.
      name, shape, dtype, initializer, regularizer, trainable, collections, caching_device, partitioner, use_resource,
        synchronization, aggregation: as for `tf.get_variable`.
    """
    getter = get_variable
    if custom_getter is not None:
        getter = functools.partial(custom_getter, reuse=get_variable_scope().reuse)
    collections = list(dict.fromkeys([GraphKeys.GLOBAL_VARIABLES] if collections is None else collections))
    with device_scope(device or ""):
        return getter(
            name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer, trainable=trainable,
            collections=collections, caching_device=caching_device, partitioner=partitioner, use_resource=use_resource,
            synchronization=synchronization, aggregation=aggregation,
        )  # fmt: skip


@add_arg_scope
def model_variable(name, shape=None, dtype=float32, initializer=None, regularizer=None, trainable=True, collections=None,
                   caching_device=None, device=None, partitioner=None, custom_getter=None, use_resource=None,
                   synchronization=VariableSynchronization.AUTO, aggregation=VariableAggregation.NONE):  # fmt: skip
    """A `variable` that belongs to the model: in the collections MODEL_VARIABLES and GLOBAL_VARIABLES, beside those that are given."""
    return variable(
        name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer, trainable=trainable,
        collections=[*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES],
        caching_device=caching_device, device=device, partitioner=partitioner, custom_getter=custom_getter,
        use_resource=use_resource, synchronization=synchronization, aggregation=aggregation,
    )  # fmt: skip


def add_model_variable(var):
    """Puts a variable into the collection MODEL_VARIABLES, once."""
    graph = get_default_graph()
    if not any(var is known for known in graph.get_collection(GraphKeys.MODEL_VARIABLES)):
        graph.add_to_collection(GraphKeys.MODEL_VARIABLES, var)


# --- finding variables ----------------------------------------------------------------------------------------


def get_variables(scope=None, suffix=None, collection=GraphKeys.GLOBAL_VARIABLES):
    """The variables of a collection whose names begin and end so.

    Args:
      scope: a regular expression, or a variable scope: what names begin with.
      suffix: what names end with.
      collection: the collection's name.
    """
    if isinstance(scope, VariableScope):
        scope = scope.name
    if suffix is not None:
        scope = (scope or "") + ".*" + (suffix if ":" in suffix else suffix + ":")
    return get_default_graph().get_collection(collection, scope)


def get_model_variables(scope=None, suffix=None):
    """`get_variables` of the collection MODEL_VARIABLES."""
    return get_variables(scope, suffix, GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope=None, suffix=None):
    """`get_variables` of the collection LOCAL_VARIABLES."""
    return get_variables(scope, suffix, GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope=None, suffix=None):
    """`get_variables` of the collection TRAINABLE_VARIABLES."""
    return get_variables(scope, suffix, GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_suffix(suffix, scope=None):
    """`get_variables` by what names end with."""
    return get_variables(scope, suffix)


def get_variables_by_name(given_name, scope=None):
    """The variables that have a name, in whichever scope."""
    return get_variables(scope, f"/{given_name}:|^{given_name}:")


def get_variables_to_restore(include=None, exclude=None):
    """The variables of some scopes without those of others.

    Args:
      include: a list of scopes; all variables by default.
      exclude: a list of scopes.

    Raises:
      TypeError: where one is no list.
    """
    for name, scopes in (("include", include), ("exclude", exclude)):
        if scopes is not None and not isinstance(scopes, (list, tuple)):
            raise TypeError(f"{name} is provided but is not a list or a tuple.")
    included = get_variables() if include is None else [v for scope in include for v in get_variables(scope)]
    excluded = {id(v) for scope in exclude or () for v in get_variables(scope)}
    return [v for v in included if id(v) not in excluded]


def get_unique_variable(var_op_name):
    """The variable of a name.

    Raises:
      ValueError: where there is none.
    """
    candidates = get_variables(scope=var_op_name)
    if not candidates:
        raise ValueError(f"Couldn't find variable {var_op_name}")
    for candidate in candidates:
        if candidate.op.name == var_op_name:
            return candidate
    raise ValueError(f"Variable {var_op_name} does not uniquely identify a variable")


def get_variable_full_name(var):
    """A variable's name; of a part, that of the whole."""
    return var._save_slice_info.full_name if var._save_slice_info else var.op.name


def filter_variables(var_list, include_patterns=None, exclude_patterns=None, reg_search=True):
    """The variables of a list whose names match one of some regular expressions, and none of others.

    Args:
      var_list: the variables.
      include_patterns: a list of expressions; all variables by default.
      exclude_patterns: a list of expressions.
      reg_search: whether they may match anywhere in a name: False is at its beginning alone.
    """
    find = re.search if reg_search else re.match

    def matches(var, patterns):
        return any(find(pattern, var.name) for pattern in patterns)

    included = [v for v in var_list if include_patterns is None or matches(v, include_patterns)]
    return [v for v in included if exclude_patterns is None or not matches(v, exclude_patterns)]


class VariableDeviceChooser:
    """A device function that puts variables on the tasks of a job in turn.

    Args:
      num_tasks: the number of tasks; 0 for none.
      job_name: the job.
      device_type, device_index, replica: what else the devices' names say.
    """

    def __init__(self, num_tasks=0, job_name="ps", device_type="CPU", device_index=0, replica=None):
        self._job_name = job_name
        self._device = {"device_type": device_type, "device_index": device_index, "replica": replica}
        self._num_tasks = num_tasks
        self._next_task_id = 0

    def __call__(self, op):
        place = {}
        if self._num_tasks > 0:
            place = {"job": self._job_name, "task": self._next_task_id}
            self._next_task_id = (self._next_task_id + 1) % self._num_tasks
        return DeviceSpec(**self._device, **place).to_string()
