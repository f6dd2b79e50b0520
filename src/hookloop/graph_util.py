"""`tf.graph_util`: GraphDef messages cut to what is wanted of them, and variables turned into constants."""

from __future__ import annotations

import re

from . import logging
from .dtypes import as_dtype
from .graph.tensor_proto import array_to_proto
from .import_graph import import_graph_def
from .ops.variable_key import VARIABLES

__all__ = [
    "convert_variables_to_constants", "extract_sub_graph", "import_graph_def", "must_run_on_cpu", "remove_training_nodes",
    "tensor_shape_from_node_def_name",
]  # fmt: skip


def __dir__():
    return list(__all__)


_HANDLE_CARRIERS = frozenset(("Enter", "Identity", "NextIteration", "Switch"))


def _node_of(text):
    """The node that an input names."""
    return re.sub(r":\d+$", "", text.lstrip("^"))


def _copy(node):
    return type(node).FromString(node.SerializeToString())


def _like(graph_def):
    """A message without nodes, for the same version and with the same functions."""
    copy = type(graph_def)()
    copy.library.CopyFrom(graph_def.library)
    copy.versions.CopyFrom(graph_def.versions)
    return copy


def extract_sub_graph(graph_def, dest_nodes):
    """The part of a GraphDef that some nodes need.

    Args:
      graph_def: the `GraphDef`.
      dest_nodes: a list of the nodes' names.

    Returns:
      A new `GraphDef`, the nodes in their order.

    Raises:
      TypeError: where an argument has another type.
      AssertionError: where a name is of no node.
    """
    if not hasattr(graph_def, "node"):
        raise TypeError("graph_def must be a graph_pb2.GraphDef proto.")
    if isinstance(dest_nodes, str):
        raise TypeError("dest_nodes must be a list.")
    nodes = {node.name: node for node in graph_def.node}
    for name in dest_nodes:
        if name not in nodes:
            raise AssertionError(f"{name} is not in graph")
    kept, stack = set(), list(dest_nodes)
    while stack:
        name = stack.pop()
        if name not in kept:
            kept.add(name)
            stack.extend(_node_of(text) for text in nodes[name].input)
    result = _like(graph_def)
    result.node.extend(node for node in graph_def.node if node.name in kept)
    return result


def convert_variables_to_constants(sess, input_graph_def, output_node_names, variable_names_whitelist=None,
                                   variable_names_blacklist=None):  # fmt: skip
    """The part of a graph that some nodes need, with variables turned into constants of their values in a session.

    Args:
      sess: the session.
      input_graph_def: the `GraphDef` of its graph.
      output_node_names: a list of names.
      variable_names_whitelist: only these variables are turned; all by default.
      variable_names_blacklist: these are not.

    Returns:
      The new `GraphDef`.

    Raises:
      AssertionError: where a name is of no node.
      FailedPreconditionError: where a variable has no value.
    """
    graph_def = extract_sub_graph(input_graph_def, output_node_names)
    frozen = {}
    for node in graph_def.node:
        if node.op in VARIABLES and _is_wanted(node.name, variable_names_whitelist, variable_names_blacklist):
            frozen[node.name] = node
    values = sess.run([_value_name(sess.graph, node) for node in frozen.values()]) if frozen else []
    logging.info("Froze %d variables.", len(frozen))
    values = dict(zip(frozen, values))
    types = {name: node.attr["dtype"].type for name, node in frozen.items()}
    nodes = {node.name: node for node in graph_def.node}
    result = _like(graph_def)
    for node in graph_def.node:
        result.node.extend(_frozen(node, nodes, values, types))
    logging.info("Converted %d variables to const ops.", len(values))
    return result


def _is_wanted(name, whitelist, blacklist):
    return (whitelist is None or name in whitelist) and (blacklist is None or name not in blacklist)


def _value_name(graph, node):
    """The tensor that gives a variable's value: its own, or of a resource the read beside it."""
    if node.op != "VarHandleOp":
        return node.name + ":0"
    handle = graph.get_operation_by_name(node.name).outputs[0]
    for reader in handle.consumers():
        if reader.type == "ReadVariableOp" and reader._get_control_flow_context() is None:
            return reader.outputs[0].name
    return node.name + "/Read/ReadVariableOp:0"


def _source(text, nodes):
    """The node that a handle comes from, behind what only carries it."""
    node = nodes[_node_of(text)]
    while node.op in _HANDLE_CARRIERS:
        node = nodes[_node_of(node.input[0])]
    return node.name


def _frozen(node, nodes, values, types):
    """What stands for a node: itself, or nodes of the same name without variables."""
    if node.name in values:
        return [_constant(node, values[node.name], types[node.name])]
    source = _source(node.input[0], nodes) if node.input and not node.input[0].startswith("^") else None
    if source not in values or nodes[source].op != "VarHandleOp":
        return [node]
    copy = _copy(node)
    if node.op in _HANDLE_CARRIERS:
        copy.attr["T"].type = types[source]
    elif node.op == "ReadVariableOp":
        copy.op = "Identity"
        copy.attr.clear()
        copy.attr["T"].type = node.attr["dtype"].type
        if "_class" in node.attr:
            copy.attr["_class"].CopyFrom(node.attr["_class"])
    elif node.op == "ResourceGather":
        return _gather(node)
    return [copy]


def _constant(node, value, datatype):
    constant = type(node)(op="Const", name=node.name)
    constant.attr["dtype"].type = datatype
    constant.attr["value"].tensor.CopyFrom(array_to_proto(value, as_dtype(datatype)))
    return constant


def _gather(node):
    """A gather of rows from a constant, and its axis."""
    axis = type(node)(op="Const", name=node.name + "/axis")
    axis.attr["dtype"].type = as_dtype("int32").as_datatype_enum
    axis.attr["value"].tensor.CopyFrom(array_to_proto(0, as_dtype("int32")))
    gather = type(node)(op="GatherV2", name=node.name)
    gather.input.extend([node.input[0], node.input[1], axis.name, *(i for i in node.input[2:])])
    gather.attr["Tparams"].type = node.attr["dtype"].type
    gather.attr["Tindices"].CopyFrom(node.attr["Tindices"])
    gather.attr["Taxis"].type = as_dtype("int32").as_datatype_enum
    if "_class" in node.attr:
        gather.attr["_class"].CopyFrom(node.attr["_class"])
    return [axis, gather]


def remove_training_nodes(input_graph, protected_nodes=None):
    """A graph without nodes that only training needs: checks of numbers, and identities.

    Args:
      input_graph: the `GraphDef`.
      protected_nodes: the names of nodes that stay.

    Returns:
      A new `GraphDef`. Where a node that goes has control inputs, it stays.
    """
    protected = frozenset(protected_nodes or ())
    nodes = {node.name: node for node in input_graph.node}
    without_checks = _spliced(
        input_graph.node, nodes, lambda node: node.op == "CheckNumerics" and node.name not in protected
    )
    of_outputs = {text for node in without_checks for text in node.input if re.search(r":[1-9]\d*$", text)}
    controlled = {text[1:] for node in without_checks for text in node.input if text.startswith("^")}

    def goes(node):
        plain = node.op == "Identity" and node.name not in protected and node.name not in controlled
        return plain and len(node.input) == 1 and node.input[0] not in of_outputs

    result = type(input_graph)()
    result.node.extend(_spliced(without_checks, {node.name: node for node in without_checks}, goes))
    return result


def _spliced(kept, nodes, goes):
    """Copies of the nodes that stay; what read one that goes reads what that read."""
    found = []

    def behind(text):
        while not text.startswith("^") and _node_of(text) in nodes and goes(nodes[_node_of(text)]):
            text = nodes[_node_of(text)].input[0]
        return text

    for node in kept:
        if goes(node):
            continue
        copy = _copy(node)
        inputs = [behind(text) for text in node.input]
        del copy.input[:]
        copy.input.extend(inputs)
        found.append(copy)
    return found


def must_run_on_cpu(node, pin_variables_on_cpu=False):
    """Whether a node only runs on a CPU.

    Args:
      node: an `Operation` or a `NodeDef`.
      pin_variables_on_cpu: whether variables count.
    """
    node_def = node if hasattr(node, "attr") else node.node_def
    if pin_variables_on_cpu and node_def.op in VARIABLES:
        return True
    types = {node_def.attr[key].type for key in ("dtype", "DstT", "SrcT") if key in node_def.attr}
    string, int32 = as_dtype("string").as_datatype_enum, as_dtype("int32").as_datatype_enum
    if node_def.op == "Const":
        return bool(types & {string, int32})
    if node_def.op in ("DynamicStitch", "ParallelDynamicStitch"):
        return node_def.attr["T"].type == int32
    if node_def.op == "Cast":
        return node_def.attr["SrcT"].type == int32 or node_def.attr["DstT"].type == int32
    return False


def tensor_shape_from_node_def_name(graph, input_name):
    """The static shape of a tensor, by the name of its node ("x") or its own ("x:1")."""
    name = input_name if ":" in input_name else input_name + ":0"
    return graph.get_tensor_by_name(name).get_shape()
