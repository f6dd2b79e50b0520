"""A graph as TensorFlow's GraphDef message, and attributes from messages."""

from __future__ import annotations

import numpy as np

from ..dtypes import DType, as_dtype
from ..shapes import TensorShape, from_internal
from .tensor_proto import array_to_proto, proto_to_array

_PRODUCER = 134  # TensorFlow 1.15's version of GraphDefs


def versions(graph):
    """The versions of a graph's GraphDefs, as a `VersionDef`: the oldest of all that were imported."""
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    found = VersionDef(producer=_PRODUCER)
    if graph._imported_versions is not None:
        found.CopyFrom(graph._imported_versions)
    return found


def note_versions(graph, imported):
    """A message of these versions was imported into a graph."""
    found = versions(graph)
    found.producer = min(found.producer, imported.producer)
    found.min_consumer = max(found.min_consumer, imported.min_consumer)
    found.bad_consumers.extend(n for n in imported.bad_consumers if n not in found.bad_consumers)
    graph._imported_versions = found


def graph_def(graph, from_version=None, add_shapes=False):
    """The GraphDef of a graph's operations, those made before `from_version` left out."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    message = GraphDef()
    message.versions.CopyFrom(versions(graph))
    for op in graph.get_operations():
        if from_version is None or op._id >= from_version:
            fill_node(message.node.add(), op, add_shapes)
    functions = functions_of(graph)
    if functions:
        message.library.function.extend(functions.values())
    return message


def functions_of(graph):
    """The functions of a graph: name -> `FunctionDef`; those that it imported and those that were traced for it."""
    found = dict(graph._function_library)
    for function in list(graph.__dict__.get("_dataset_functions", {}).values()):
        for definition in function.definitions():
            found[definition.signature.name] = definition
    return found


def free_function_name(graph, names):
    """The first of the names that no function of a graph has: one that was imported may have any."""
    own = graph.__dict__.get("_dataset_functions", {})
    return next(name for name in names if name not in own and name not in graph._function_library)


def node_def(op):
    """The NodeDef of an operation."""
    from tensorboard.compat.proto.node_def_pb2 import NodeDef

    return fill_node(NodeDef(), op)


def fill_node(node, op, add_shapes=False):
    """Writes an operation into a NodeDef, and returns it."""
    node.name = op.name
    node.op = op.type
    node.device = op.device
    for tensor in op.inputs:
        node.input.append(tensor.op.name if tensor.value_index == 0 else tensor.name)
    for name in sorted(c.name for c in op._control_inputs):
        node.input.append("^" + name)
    given = op.graph._values_given.get(op._id)
    for name, value in op._attrs.items():
        if given is not None and name == "value":
            node.attr[name].tensor.CopyFrom(array_to_proto(value.ravel()[:given], shape=value.shape))
        elif value is not None:
            set_attr(node.attr[name], value)
    if add_shapes and op.outputs:
        set_attr(node.attr["_output_shapes"], [from_internal(t._shape) for t in op.outputs])
    return node


def set_attr(attr, value):
    """Writes a Python value into an AttrValue.

    Raises:
      TypeError: for a value that no attribute can have.
    """
    if isinstance(value, (list, tuple)):
        attr.list.SetInParent()
        for item in value:
            _add_to_list(attr.list, item)
    elif isinstance(value, np.ndarray):
        attr.tensor.CopyFrom(array_to_proto(value))
    elif isinstance(value, TensorShape):
        attr.shape.CopyFrom(value.as_proto())
    elif isinstance(value, Function):
        attr.func.name = value.decode()
    elif hasattr(value, "SerializeToString"):
        attr.CopyFrom(value)
    else:
        field, scalar = _scalar(value)
        setattr(attr, field, scalar)


def _add_to_list(items, value):
    if isinstance(value, TensorShape):
        items.shape.append(value.as_proto())
    elif isinstance(value, Function):
        items.func.add(name=value.decode())
    elif isinstance(value, np.ndarray):
        items.tensor.append(array_to_proto(value))
    else:
        field, scalar = _scalar(value)
        getattr(items, field).append(scalar)


def _scalar(value):
    if isinstance(value, DType):
        return "type", value.as_datatype_enum
    if isinstance(value, (bool, np.bool_)):
        return "b", bool(value)
    if isinstance(value, (int, np.integer)):
        return "i", int(value)
    if isinstance(value, (float, np.floating)):
        return "f", float(value)
    if isinstance(value, str):
        return "s", value.encode()
    if isinstance(value, bytes):
        return "s", value
    raise TypeError(f"an attribute cannot be a {type(value).__name__}: {value!r}")


def attr_of(message):
    """The Python value of an AttrValue; None where it has none.

    Raises:
      TypeError: for a tensor of a type that has no arrays.
    """
    kind = message.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(message, kind)
    if kind != "list":
        return _READ[kind](value)
    for field, read in _READ.items():
        items = getattr(value, field)
        if len(items):
            return [read(item) for item in items]
    return []


_READ = {
    "s": bytes, "i": int, "f": float, "b": bool, "type": as_dtype, "shape": TensorShape, "tensor": proto_to_array,
    "func": lambda message: Function.named(message.name),
}  # fmt: skip


class Function(bytes):
    """An attribute that names a function."""

    @classmethod
    def named(cls, name):
        return cls(name.encode())
