"""The protocol messages that `tensorboard` lacks, declared in package `hookloop` from their field numbers.

They read and write what TensorFlow's messages of the same names do. `tensorboard` is loaded with this module.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from tensorboard.compat.proto import cluster_pb2, config_pb2, meta_graph_pb2, tensor_shape_pb2, types_pb2, versions_pb2

_FieldProto = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "double": _FieldProto.TYPE_DOUBLE, "float": _FieldProto.TYPE_FLOAT, "int64": _FieldProto.TYPE_INT64,
    "int32": _FieldProto.TYPE_INT32, "fixed32": _FieldProto.TYPE_FIXED32, "bool": _FieldProto.TYPE_BOOL,
    "string": _FieldProto.TYPE_STRING, "bytes": _FieldProto.TYPE_BYTES,
}  # fmt: skip
_IMPORTED = {
    "DataType": (types_pb2, _FieldProto.TYPE_ENUM),
    "TensorShapeProto": (tensor_shape_pb2, _FieldProto.TYPE_MESSAGE),
    "VersionDef": (versions_pb2, _FieldProto.TYPE_MESSAGE),
    "MetaGraphDef": (meta_graph_pb2, _FieldProto.TYPE_MESSAGE),
    "ClusterDef": (cluster_pb2, _FieldProto.TYPE_MESSAGE),
    "ConfigProto": (config_pb2, _FieldProto.TYPE_MESSAGE),
    "DoubleValue": (wrappers_pb2, _FieldProto.TYPE_MESSAGE),
}

# Message -> its fields: "type name = number", with "repeated" before it, or "map<string, type>" as its type; a field of
# a oneof has the oneof's name behind it.
_MESSAGES = {
    "BundleHeaderProto": ["int32 num_shards = 1", "int32 endianness = 2", "VersionDef version = 3"],
    "BundleEntryProto": [
        "DataType dtype = 1", "TensorShapeProto shape = 2", "int32 shard_id = 3", "int64 offset = 4", "int64 size = 5",
        "fixed32 crc32c = 6", "repeated TensorSliceProto slices = 7",
    ],
    "TensorSliceExtent": ["int64 start = 1", "int64 length = 2 has_length"],
    "TensorSliceProto": ["repeated TensorSliceExtent extent = 1"],
    "CheckpointState": [
        "string model_checkpoint_path = 1", "repeated string all_model_checkpoint_paths = 2",
        "repeated double all_model_checkpoint_timestamps = 3", "double last_preserved_timestamp = 4",
    ],
    "SavedModel": ["int64 saved_model_schema_version = 1", "repeated MetaGraphDef meta_graphs = 2"],
    "ValuesDef": ["repeated string values = 1", "map<string, string> external_values = 2"],
    "ControlFlowContextDef": ["CondContextDef cond_ctxt = 1 ctxt", "WhileContextDef while_ctxt = 2 ctxt"],
    "CondContextDef": [
        "string context_name = 1", "string pred_name = 2", "string pivot_name = 3", "int32 branch = 4",
        "ValuesDef values_def = 5", "repeated ControlFlowContextDef nested_contexts = 6",
    ],
    "WhileContextDef": [
        "string context_name = 1", "int32 parallel_iterations = 2", "bool back_prop = 3", "bool swap_memory = 4",
        "string pivot_name = 5", "string pivot_for_pred_name = 6", "string pivot_for_body_name = 7",
        "repeated string loop_exit_names = 8", "ValuesDef values_def = 9", "repeated string loop_enter_names = 10",
        "string maximum_iterations_name = 11", "repeated ControlFlowContextDef nested_contexts = 12",
    ],
    "QueueRunnerDef": [
        "string queue_name = 1", "repeated string enqueue_op_name = 2", "string close_op_name = 3",
        "string cancel_op_name = 4", "repeated int32 queue_closed_exception_types = 5",
    ],
    "ServerDef": [
        "ClusterDef cluster = 1", "string job_name = 2", "int32 task_index = 3", "ConfigProto default_session_config = 4",
        "string protocol = 5",
    ],
    "ObjectReference": ["int32 node_id = 1", "string local_name = 2"],
    "SerializedTensor": [
        "string name = 1", "string full_name = 2", "string checkpoint_key = 3", "bool optional_restore = 4",
    ],
    "SlotVariableReference": [
        "int32 original_variable_node_id = 1", "string slot_name = 2", "int32 slot_variable_node_id = 3",
    ],
    "TrackableObject": [
        "repeated ObjectReference children = 1", "repeated SerializedTensor attributes = 2",
        "repeated SlotVariableReference slot_variables = 3",
    ],
    "TrackableObjectGraph": ["repeated TrackableObject nodes = 1"],
    "BytesList": ["repeated bytes value = 1"],
    "FloatList": ["repeated float value = 1"],
    "Int64List": ["repeated int64 value = 1"],
    "Feature": ["BytesList bytes_list = 1 kind", "FloatList float_list = 2 kind", "Int64List int64_list = 3 kind"],
    "Features": ["map<string, Feature> feature = 1"],
    "FeatureList": ["repeated Feature feature = 1"],
    "FeatureLists": ["map<string, FeatureList> feature_list = 1"],
    "Example": ["Features features = 1"],
    "EntryValue": ["double double_value = 1 kind", "string string_value = 2 kind"],
    "MetricEntry": ["string name = 1", "double value = 2", "DoubleValue min_value = 3", "DoubleValue max_value = 4"],
    "BenchmarkEntry": [
        "string name = 1", "int64 iters = 2", "double cpu_time = 3", "double wall_time = 4", "double throughput = 5",
        "map<string, EntryValue> extras = 6", "repeated MetricEntry metrics = 7",
    ],
    "BenchmarkEntries": ["repeated BenchmarkEntry entry = 1"],
    "SequenceExample": ["Features context = 1", "FeatureLists feature_lists = 2"],
}  # fmt: skip


def _set_type(field, type_name):
    if type_name in _SCALARS:
        field.type = _SCALARS[type_name]
    elif type_name in _IMPORTED:
        module, field.type = _IMPORTED[type_name]
        field.type_name = f".{module.DESCRIPTOR.package}.{type_name}"
    else:
        field.type, field.type_name = _FieldProto.TYPE_MESSAGE, f".hookloop.{type_name}"


def _add_map_entry(message, name, value_type):
    """The message that a map's entries are on the wire; returns its name."""
    entry = message.nested_type.add(name="".join(word.capitalize() for word in name.split("_")) + "Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_FieldProto.LABEL_OPTIONAL, type=_FieldProto.TYPE_STRING)
    _set_type(entry.field.add(name="value", number=2, label=_FieldProto.LABEL_OPTIONAL), value_type)
    return f"{message.name}.{entry.name}"


def _add_field(message, text):
    left, right = text.split(" = ")
    type_name, name = left.rsplit(" ", 1)
    number, *oneof = right.split()
    field = message.field.add(name=name, number=int(number), label=_FieldProto.LABEL_OPTIONAL)
    if type_name.startswith("map<"):
        field.label = _FieldProto.LABEL_REPEATED
        type_name = _add_map_entry(message, name, type_name[len("map<string, ") : -1])
    elif type_name.startswith("repeated "):
        field.label = _FieldProto.LABEL_REPEATED
        type_name = type_name[len("repeated ") :]
    _set_type(field, type_name)
    if oneof:
        names = [declared.name for declared in message.oneof_decl]
        if oneof[0] not in names:
            message.oneof_decl.add(name=oneof[0])
            names.append(oneof[0])
        field.oneof_index = names.index(oneof[0])


def _declare():
    file = descriptor_pb2.FileDescriptorProto(name="hookloop/messages.proto", package="hookloop", syntax="proto3")
    file.dependency.extend(sorted({module.DESCRIPTOR.name for module, _ in _IMPORTED.values()}))
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, field)
    pool = descriptor_pool.Default()
    pool.Add(file)
    classes = {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"hookloop.{name}")) for name in _MESSAGES
    }
    for cls in classes.values():
        cls.__module__ = __name__  # else they are of none, which `help` of a module that has them does not understand
    return classes


globals().update(_declare())
__all__ = list(_MESSAGES)
