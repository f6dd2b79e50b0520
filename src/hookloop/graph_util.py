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
    result = type(graph_def)()
    result.library.CopyFrom(graph_def.library)
    result.versions.CopyFrom(graph_def.versions)
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
      The new `GraphDef`; it says nothing of versions.

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
    result = type(graph_def)()
    result.library.CopyFrom(graph_def.library)
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
    """A graph without nodes that only training needs: checks of numbers, and identities that nobody waits for.

    Args:
      input_graph: the `GraphDef`.
      protected_nodes: the names of nodes that stay.

    Returns:
      A new `GraphDef`. An identity that has control inputs, once the checks are gone, stays.
    """
    protected = frozenset(protected_nodes or ())
    checks = {node.name for node in input_graph.node if node.op == "CheckNumerics" and node.name not in protected}
    nodes = _without(input_graph.node, {node.name: node.input[0] for node in input_graph.node if node.name in checks})
    waits = {node.name for node in nodes for text in node.input if text.startswith("^")}
    waited_for = {text[1:] for node in nodes for text in node.input if text.startswith("^")}
    identities = {
        node.name: node.input[0] for node in nodes
        if node.op == "Identity" and node.input and node.name not in protected | waits | waited_for
    }  # fmt: skip
    result = type(input_graph)()
    result.node.extend(_without(nodes, identities))
    return result


def _without(nodes, sources):
    """Copies of the nodes that stay; what read one that goes reads its source, and what waited for it does not.

    Args:
      nodes: the nodes.
      sources: name of a node that goes -> the input that it only passes on.
    """
    found = []
    for node in nodes:
        if node.name in sources:
            continue
        copy = _copy(node)
        del copy.input[:]
        for text in node.input:
            if text.startswith("^") and text[1:] in sources:
                continue
            while not text.startswith("^") and _node_of(text) in sources:
                text = sources[_node_of(text)]
            copy.input.append(text)
        found.append(copy)
    return found


# What changes a variable, or is one, for what is placed by hand.
_OF_VARIABLES = frozenset((
    "Assign", "AssignAdd", "AssignSub", "Queue", "ScatterAdd", "ScatterSub", "ScatterUpdate", "TruncatedNormal", "Variable",
    "VariableV2",
))  # fmt: skip


def must_run_on_cpu(node, pin_variables_on_cpu=False):
    """Whether a node only runs on a CPU.

    Args:
      node: an `Operation` or a `NodeDef`.
      pin_variables_on_cpu: whether variables that are references count, and what changes them.
    """
    node_def = node if hasattr(node, "attr") else node.node_def
    if pin_variables_on_cpu and node_def.op in _OF_VARIABLES:
        return True
    string, int32 = as_dtype("string").as_datatype_enum, as_dtype("int32").as_datatype_enum
    key, types = {
        "Const": ("dtype", (string, int32)), "DynamicStitch": ("T", (int32,)), "ParallelDynamicStitch": ("T", (int32,)),
        "Cast": ("SrcT", (int32,)),
    }.get(node_def.op, ("", ()))  # fmt: skip
    return key in node_def.attr and node_def.attr[key].type in types


def tensor_shape_from_node_def_name(graph, input_name):
    """The static shape of a tensor, by the name of its node ("x") or its own ("x:1")."""
    name = input_name if ":" in input_name else input_name + ":0"
    return graph.get_tensor_by_name(name).get_shape()
