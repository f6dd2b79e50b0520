"""`python.tools.freeze_graph`: a graph from a file with a checkpoint's values as constants."""

from ... import graph_util, logging
from ...graph import Graph
from ...import_graph import import_graph_def
from ...io.gfile import GFile, exists
from ...ops.build import apply_op
from ...ops.core import placeholder
from ...saved_model import loader
from ...session import Session
from ...train import NewCheckpointReader, Saver, checkpoint_exists, import_meta_graph

__all__ = ["freeze_graph", "freeze_graph_with_def_protos"]


def freeze_graph(input_graph, input_saver, input_binary, input_checkpoint, output_node_names, restore_op_name,
                 filename_tensor_name, output_graph, clear_devices, initializer_nodes, variable_names_whitelist="",
                 variable_names_blacklist="", input_meta_graph=None, input_saved_model_dir=None, saved_model_tags="serve",
                 checkpoint_version=2):  # fmt: skip
    """Writes the part of a graph that some nodes need, with the variables of a checkpoint as constants.

    Args:
      input_graph: the file of the `GraphDef`; "" where one of the next is given.
      input_saver: the file of a `SaverDef` that restores; "" where the checkpoint's own names are those of the graph.
      input_binary: whether these files are binary.
      input_checkpoint: the checkpoint's prefix.
      output_node_names: the nodes' names, with commas between them.
      restore_op_name, filename_tensor_name: accepted.
      output_graph: the file to write; "" for none.
      clear_devices: whether the nodes lose their devices.
      initializer_nodes: the names of operations to run before, with commas between them.
      variable_names_whitelist, variable_names_blacklist: names of the only variables that become constants, and of those that
        do not, with commas between them.
      input_meta_graph: the file of a `MetaGraphDef` in place of `input_graph`.
      input_saved_model_dir: the directory of a SavedModel in its place.
      saved_model_tags: the tags of the SavedModel's graph, with commas between them.
      checkpoint_version: accepted: checkpoints are V2.

    Returns:
      The new `GraphDef`.

    Raises:
      OSError: the file of a graph or a saver is not there.
      ValueError: the checkpoint is not there, or no name is given.
    """
    from tensorboard.compat.proto import graph_pb2, meta_graph_pb2, saver_pb2

    def read(kind, path, message):
        return _read(kind, path, message, input_binary) if path else None

    meta_graph = read("meta graph", input_meta_graph, meta_graph_pb2.MetaGraphDef())
    other = input_saved_model_dir or meta_graph is not None
    graph_def = None if other else read("graph", input_graph, graph_pb2.GraphDef())
    return freeze_graph_with_def_protos(
        graph_def, read("saver", input_saver, saver_pb2.SaverDef()), input_checkpoint, output_node_names, restore_op_name,
        filename_tensor_name, output_graph, clear_devices, initializer_nodes, variable_names_whitelist,
        variable_names_blacklist, meta_graph, input_saved_model_dir, saved_model_tags.split(","), checkpoint_version,
    )  # fmt: skip


def freeze_graph_with_def_protos(input_graph_def, input_saver_def, input_checkpoint, output_node_names, restore_op_name,
                                 filename_tensor_name, output_graph, clear_devices, initializer_nodes,
                                 variable_names_whitelist="", variable_names_blacklist="", input_meta_graph_def=None,
                                 input_saved_model_dir=None, saved_model_tags=None, checkpoint_version=2):  # fmt: skip
    """As `freeze_graph`, of messages in place of files."""
    if not input_saved_model_dir and not checkpoint_exists(input_checkpoint):
        raise ValueError(f"Input checkpoint '{input_checkpoint}' doesn't exist!")
    if not output_node_names:
        raise ValueError("You need to supply the name of a node to --output_node_names.")
    with Graph().as_default(), Session() as session:
        if input_meta_graph_def is not None:
            graph_def = input_meta_graph_def.graph_def
            import_meta_graph(input_meta_graph_def, clear_devices=True).restore(session, input_checkpoint)
        elif input_saved_model_dir:
            graph_def = loader.load(session, saved_model_tags or [], input_saved_model_dir).graph_def
        else:
            graph_def = input_graph_def
            _import(graph_def, clear_devices)
            if input_saver_def is not None:
                Saver(saver_def=input_saver_def).restore(session, input_checkpoint)
            else:
                _restore(session, input_checkpoint)
        if clear_devices:
            _clear_devices(graph_def)
        if initializer_nodes:
            session.run(_names(initializer_nodes))
        frozen = graph_util.convert_variables_to_constants(
            session, graph_def, _names(output_node_names), _names(variable_names_whitelist) or None,
            _names(variable_names_blacklist) or None,
        )  # fmt: skip
    if output_graph:
        with GFile(output_graph, "wb") as file:
            file.write(frozen.SerializeToString())
    logging.info("%d ops in the final graph.", len(frozen.node))
    return frozen


def _read(kind, path, message, binary):
    from google.protobuf import text_format

    if not exists(path):
        raise OSError(f"Input {kind} file '{path}' does not exist!")
    with GFile(path, "rb" if binary else "r") as file:
        return message.FromString(file.read()) if binary else text_format.Parse(file.read(), message)


def _names(text):
    return [name for name in text.replace(" ", "").split(",") if name]


def _clear_devices(graph_def):
    for node in graph_def.node:
        node.device = ""


def _import(graph_def, clear_devices):
    if clear_devices:
        _clear_devices(graph_def)
    import_graph_def(graph_def, name="")


def _restore(session, checkpoint):
    """Gives the variables of the session's graph the values that a checkpoint has under their names."""
    reader, values, writes = NewCheckpointReader(checkpoint), {}, []
    for op in session.graph.get_operations():
        if op.type not in ("VariableV2", "VarHandleOp") or not reader.has_tensor(op.name):
            continue
        value = placeholder(op.get_attr("dtype").base_dtype)
        values[value] = reader.get_tensor(op.name)
        kind = "Assign" if op.type == "VariableV2" else "AssignVariableOp"
        writes.append(apply_op(kind, [op.outputs[0], value]))
    session.run(writes, values)
