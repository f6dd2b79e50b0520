"""TensorFlow's protocol messages under their public names; `tensorboard` is loaded at the first use."""

from __future__ import annotations

from importlib import import_module

_MODULES = {
    "AttrValue": "attr_value_pb2", "ConfigProto": "config_pb2", "GPUOptions": "config_pb2",
    "GraphOptions": "config_pb2", "OptimizerOptions": "config_pb2", "RunMetadata": "config_pb2",
    "RunOptions": "config_pb2", "Event": "event_pb2", "LogMessage": "event_pb2", "SessionLog": "event_pb2",
    "TaggedRunMetadata": "event_pb2", "GraphDef": "graph_pb2", "HistogramProto": "summary_pb2",
    "MetaGraphDef": "meta_graph_pb2", "NameAttrList": "attr_value_pb2", "NodeDef": "node_def_pb2",
    "SaverDef": "saver_pb2", "Summary": "summary_pb2", "SummaryDescription": "summary_pb2", "SummaryMetadata": "summary_pb2",
    "TensorInfo": "meta_graph_pb2", "ClusterDef": "cluster_pb2", "JobDef": "cluster_pb2",
}  # fmt: skip

TOP_LEVEL = frozenset(_MODULES) - {"ClusterDef", "JobDef", "SaverDef", "SummaryDescription", "TaggedRunMetadata"}


def __getattr__(name):
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module("tensorboard.compat.proto." + module), name)
    return value
