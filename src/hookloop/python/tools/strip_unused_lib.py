"""`python.tools.strip_unused_lib`: the part of a graph between some nodes and others."""

from ...graph_util import extract_sub_graph
from ...io.gfile import GFile, exists

__all__ = ["strip_unused", "strip_unused_from_files"]


def strip_unused(input_graph_def, input_node_names, output_node_names, placeholder_type_enum):
    """The part of a `GraphDef` that some nodes need, with placeholders where others stand.

    Args:
      input_graph_def: the graph.
      input_node_names: the names of the nodes that become placeholders.
      output_node_names: the names of the nodes that are wanted.
      placeholder_type_enum: the placeholders' type, as messages have it, or a list with one for each.

    Raises:
      ValueError: a name of an input is that of a tensor.
      KeyError: there is no such input.
    """
    from tensorboard.compat.proto import graph_pb2

    for name in input_node_names:
        if ":" in name:
            raise ValueError(f"Name '{name}' appears to refer to a Tensor, not a Operation.")
    missing = set(input_node_names)
    replaced = graph_pb2.GraphDef()
    for node in input_graph_def.node:
        if node.name not in input_node_names:
            replaced.node.add().CopyFrom(node)
            continue
        missing.discard(node.name)
        placeholder = replaced.node.add(op="Placeholder", name=node.name)
        several = isinstance(placeholder_type_enum, list)
        kind = placeholder_type_enum[input_node_names.index(node.name)] if several else placeholder_type_enum
        placeholder.attr["dtype"].type = int(kind)
        for kept in ("_output_shapes", "shape"):
            if kept in node.attr:
                placeholder.attr[kept].CopyFrom(node.attr[kept])
    if missing:
        raise KeyError(f"The following input nodes were not found: {missing}")
    return extract_sub_graph(replaced, output_node_names)


def strip_unused_from_files(input_graph, input_binary, output_graph, output_binary, input_node_names, output_node_names,
                            placeholder_type_enum):  # fmt: skip
    """`strip_unused` of a file, written to another.

    Args:
      input_graph: the file of the `GraphDef`.
      input_binary: whether it is binary, or text.
      output_graph: the file to write.
      output_binary: whether it will be binary.
      input_node_names, output_node_names: names with commas between them.
      placeholder_type_enum: as `strip_unused` takes it.

    Returns:
      -1 where the file is not there or nothing is wanted, which is printed.
    """
    from google.protobuf import text_format
    from tensorboard.compat.proto import graph_pb2

    if not exists(input_graph):
        print(f"Input graph file '{input_graph}' does not exist!")
        return -1
    if not output_node_names:
        print("You need to supply the name of a node to --output_node_names.")
        return -1
    graph_def = graph_pb2.GraphDef()
    with GFile(input_graph, "rb" if input_binary else "r") as file:
        if input_binary:
            graph_def.ParseFromString(file.read())
        else:
            text_format.Merge(file.read(), graph_def)
    stripped = strip_unused(graph_def, input_node_names.split(","), output_node_names.split(","), placeholder_type_enum)
    with GFile(output_graph, "wb" if output_binary else "w") as file:
        file.write(stripped.SerializeToString() if output_binary else text_format.MessageToString(stripped))
    print(f"{len(stripped.node)} ops in the final graph.")
    return None
