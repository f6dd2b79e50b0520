"""Variables as `VariableDef` messages, in the collections that hold variables."""

from __future__ import annotations

from .graph.collection_def import prepend_scope, register_proto_function, strip_scope
from .graph.collections import GraphKeys
from .graph.stack import get_default_graph

_COLLECTIONS = (
    GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES,
    GraphKeys.LOCAL_VARIABLES, GraphKeys.MODEL_VARIABLES, GraphKeys.GLOBAL_STEP, GraphKeys.METRIC_VARIABLES,
)  # fmt: skip


def _message_class():
    from tensorboard.compat.proto.variable_pb2 import VariableDef

    return VariableDef


def _snapshot(variable):
    if not variable._is_resource:
        return variable._snapshot
    return variable._graph_element if variable._cached_value is None else variable._cached_value


def to_proto(variable, export_scope=None):
    """The `VariableDef` of a variable; None where it is not in the scope, or is no variable."""
    if not hasattr(variable, "initializer"):
        return None
    stripped = strip_scope(variable.name, export_scope)
    if stripped is None:
        return None

    def name(element):
        return strip_scope(element.name, export_scope) or ""

    message = _message_class()(
        variable_name=stripped, initializer_name=name(variable.initializer), trainable=bool(variable.trainable),
        snapshot_name=name(_snapshot(variable)), is_resource=variable._is_resource,
        synchronization=variable.synchronization.value, aggregation=variable.aggregation.value,
    )  # fmt: skip
    if variable._initial_value is not None:
        message.initial_value_name = name(variable._initial_value)
    info = variable._get_save_slice_info()
    if info:
        part = message.save_slice_info_def
        part.full_name = info.full_name
        part.full_shape.extend(int(size) for size in info.full_shape)
        part.var_offset.extend(int(size) for size in info.var_offset)
        part.var_shape.extend(int(size) for size in info.var_shape)
    return message


def from_proto(message, import_scope=None):
    """The variable whose nodes are in the default graph."""
    from .partitioned import SaveSliceInfo
    from .variables import RefVariable, ResourceVariable, synchronized

    graph = get_default_graph()

    def element(name):
        return graph.as_graph_element(prepend_scope(name, import_scope)) if name else None

    cls = ResourceVariable if message.is_resource else RefVariable
    info = None
    if message.HasField("save_slice_info_def"):
        part = message.save_slice_info_def
        info = SaveSliceInfo(
            prepend_scope(part.full_name, import_scope),
            list(part.full_shape),
            list(part.var_offset),
            list(part.var_shape),
        )
    variable = cls._of_nodes(
        element(message.variable_name), element(message.initializer_name), element(message.snapshot_name),
        element(message.initial_value_name), message.trainable, info,
    )  # fmt: skip
    variable._synchronization, variable._aggregation, _ = synchronized(
        message.synchronization, message.aggregation, message.trainable, message.variable_name
    )
    return variable


for _name in _COLLECTIONS:
    register_proto_function(_name, _message_class, to_proto, from_proto)

__all__ = ["from_proto", "to_proto"]
