"""`tf.saved_model.utils`: tensors as `TensorInfo` messages and back."""

from __future__ import annotations

from ..graph.collection_def import prepend_scope
from ..graph.stack import get_default_graph

__all__ = ["build_tensor_info", "get_tensor_from_tensor_info"]


def __dir__():
    return list(__all__)


def build_tensor_info(tensor):
    """The `TensorInfo` of a tensor: its name, type and static shape."""
    from tensorboard.compat.proto.meta_graph_pb2 import TensorInfo

    info = TensorInfo(dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.get_shape().as_proto())
    info.name = tensor.name
    return info


def get_tensor_from_tensor_info(tensor_info, graph=None, import_scope=None):
    """The tensor that a `TensorInfo` names.

    Args:
      tensor_info: the message.
      graph: the graph that it is in; by default the default graph.
      import_scope: the scope under which the graph was imported.

    Raises:
      KeyError: where the graph has no such tensor.
      ValueError: where the message names no tensor.
    """
    if tensor_info.WhichOneof("encoding") != "name":
        raise ValueError(f"expected a TensorInfo with the name of one tensor, got {tensor_info}")
    graph = graph or get_default_graph()
    return graph.get_tensor_by_name(prepend_scope(tensor_info.name, import_scope))
