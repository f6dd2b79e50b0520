"""Graphs with their collections in files: `MetaGraphDef`."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress

from .. import logging
from ..files.atomic import write_atomically
from ..files.os_errors import make_directories
from ..files.paths import local_path
from ..graph import collection_def
from ..graph.collections import GraphKeys
from ..graph.scopes import name_scope
from ..graph.stack import get_default_graph
from ..import_graph import import_graph_def
from ..ops import context_defs
from ..ops.registry import lookup
from ..version import GIT_VERSION, VERSION

__all__ = ["export_meta_graph", "import_meta_graph"]

_UNBOUND = "$unbound_inputs_"  # before the name of an input that lies outside the scope that was exported
UNBOUND_INPUTS = "unbound_inputs"  # the collection of their names

# These were found from the nodes when they were added (ops/recovered_contexts.py): messages tell their names.
_OF_NODES = frozenset((GraphKeys.COND_CONTEXT, GraphKeys.WHILE_CONTEXT))

_OPS_OF_SAVERS = frozenset(
    """Save SaveSlices SaveV2 Restore RestoreSlice RestoreV2 MergeV2Checkpoints ShardedFilename
    ShardedFilespec""".split()
)


def _saver_class():
    from tensorboard.compat.proto.saver_pb2 import SaverDef

    return SaverDef


def _saver_from_proto(message, import_scope=None):
    from .saver import Saver

    return Saver.from_proto(message, import_scope)


collection_def.register_proto_function(
    GraphKeys.SAVERS, _saver_class, lambda saver, scope: saver.to_proto(scope), _saver_from_proto
)


def export_meta_graph(filename=None, meta_info_def=None, graph_def=None, saver_def=None, collection_list=None, as_text=False,
                      graph=None, export_scope=None, clear_devices=False, clear_extraneous_savers=False,
                      strip_default_attrs=False, save_debug_info=False, **kwargs):  # fmt: skip
    """The default graph, its collections and a saver as one message.

    Args:
      filename: a file to write it to.
      meta_info_def: a `MetaInfoDef` to begin with.
      graph_def: a `GraphDef` instead of the graph's own.
      saver_def: the `SaverDef` to put in.
      collection_list: the collections' names; all by default.
      as_text: whether the file is text.
      graph: the graph instead of the default one.
      export_scope: only what is in this scope, under the names without it.
      clear_devices: whether the nodes' devices are left out.
      clear_extraneous_savers: whether the nodes and collections of other savers are left out.
      strip_default_attrs: whether attributes with their default are left out.
      save_debug_info: accepted.

    Returns:
      The `MetaGraphDef`.

    Raises:
      TypeError: where a message is of another type.
      OpError: where the file cannot be written.
    """
    from tensorboard.compat.proto.meta_graph_pb2 import MetaGraphDef

    graph = graph or get_default_graph()
    message = MetaGraphDef()
    _check_types(message, meta_info_def=meta_info_def, graph_def=graph_def, saver_def=saver_def)
    if meta_info_def is not None:
        message.meta_info_def.CopyFrom(meta_info_def)
    message.meta_info_def.tensorflow_version = VERSION
    message.meta_info_def.tensorflow_git_version = GIT_VERSION
    message.meta_info_def.stripped_default_attrs = strip_default_attrs
    message.graph_def.CopyFrom(graph.as_graph_def(add_shapes=True) if graph_def is None else graph_def)
    if export_scope:
        _keep_scope(message.graph_def, graph, export_scope)
    elif clear_extraneous_savers:
        _keep_saver(message.graph_def, saver_def)
    if clear_devices:
        for node in message.graph_def.node:
            node.device = ""
    if strip_default_attrs:
        strip_defaults(message.graph_def)
    _list_ops(message)
    with graph.as_default():
        fill_collections(message, graph, collection_list, export_scope)
        if clear_extraneous_savers:
            _keep_saver_of(message, saver_def)
    if saver_def is not None:
        message.saver_def.CopyFrom(saver_def)
    if filename:
        write_message(filename, message, as_text)
    return message


def _check_types(message, **given):
    for field, value in given.items():
        wanted = type(getattr(message, field))
        if value is not None and not isinstance(value, wanted):
            raise TypeError(f"{field} must be of type {wanted.__name__}, not {type(value)}")


def _keep_scope(graph_def, graph, export_scope):
    """Leaves out nodes of other scopes, and the scope in what names the others.

    Inputs from outside are named so that whoever imports the message sees that they are wanted; the graph's own collection
    of their names is made anew.
    """
    graph.clear_collection(UNBOUND_INPUTS)
    kept = []
    for node in graph_def.node:
        name = collection_def.strip_scope(node.name, export_scope)
        if name is None:
            continue
        node.name = name
        inputs = [_input_in_scope(text, graph, export_scope) for text in node.input]
        del node.input[:]
        node.input.extend(inputs)
        _strip_attributes(node, export_scope)
        kept.append(node)
    _keep(graph_def, kept)


def _input_in_scope(text, graph, export_scope):
    inside = collection_def.strip_scope(text, export_scope)
    if inside is not None:
        return inside
    control = "^" if text.startswith("^") else ""
    inside = f"{control}{_UNBOUND}{text.removeprefix('^')}"
    graph.add_to_collection(UNBOUND_INPUTS, inside)
    return inside


def _strip_attributes(node, export_scope):
    """The names of other nodes and of loops that attributes hold, without the scope."""
    if "_class" in node.attr:
        groups = node.attr["_class"].list.s
        inside = [collection_def.strip_scope(group.decode().removeprefix("loc:@"), export_scope) for group in groups]
        del groups[:]
        groups.extend(f"loc:@{name}".encode() for name in inside if name is not None)
    if node.op in ("Enter", "RefEnter"):
        frame = collection_def.strip_scope(node.attr["frame_name"].s.decode(), export_scope)
        if frame is not None:
            node.attr["frame_name"].s = frame.encode()


def _keep_saver(graph_def, saver_def):
    """Leaves out the nodes of other savers."""
    others = _scopes_of_savers(graph_def)
    if saver_def is not None:
        others -= {name.rpartition("/")[0] + "/" for name in (saver_def.save_tensor_name, saver_def.restore_op_name)}
    _keep(graph_def, [node for node in graph_def.node if not node.name.startswith(tuple(others))])


def _keep_saver_of(message, saver_def):
    """Leaves out other savers than one, or all of them, of the collection."""
    if GraphKeys.SAVERS in message.collection_def:
        del message.collection_def[GraphKeys.SAVERS]
        if saver_def is not None:
            message.collection_def[GraphKeys.SAVERS].bytes_list.value.append(saver_def.SerializeToString())


def _keep(graph_def, nodes):
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph_def.node[:]
    graph_def.node.extend(copies)


def _scopes_of_savers(graph_def):
    """The scopes that nodes stand in which write or read checkpoints."""
    scopes = {node.name.rpartition("/")[0] for node in graph_def.node if node.op in _OPS_OF_SAVERS}
    return {scope + "/" for scope in scopes if scope}


def _defaults(graph_def):
    """Each node with each attribute that has a default, and that default; nodes of ops that are not known have none.

    Nodes of the functions of the library count too.
    """
    functions = (node for function in graph_def.library.function for node in function.node_def)
    for node in itertools.chain(graph_def.node, functions):
        try:
            defaults = lookup(node.op).attrs
        except ValueError:
            continue
        for name, default in defaults.items():
            if default is not None:
                yield node, name, default


# Attributes that TensorFlow wants of a node, though they have a default here; lists of types and shapes that may be empty too.
_WANTED = {
    "CheckNumerics": "message", "DynamicPartition": "num_partitions", "EagerPyFunc": "token", "Enter": "frame_name", "InTopK": "k",
    "IteratorV2": "shared_name container", "ParseExample": "Nsparse Ndense", "ParseSingleExample": "num_sparse",
    "ParseSingleSequenceExample": "Ncontext_sparse Nfeature_list_sparse", "ParseSequenceExample": "Ncontext_sparse Nfeature_list_sparse",
    "PlaceholderWithDefault": "shape", "PyFunc": "token", "PyFuncStateless": "token", "RefEnter": "frame_name",
    "ResourceConditionalAccumulator": "shape", "SparseConditionalAccumulator": "shape", "TensorArrayGradV3": "source",
    "VarHandleOp": "shape", "Variable": "shape", "VariableV2": "shape",
}  # fmt: skip


def strip_defaults(graph_def):
    """Leaves out the attributes of nodes that have their default in TensorFlow."""
    from ..graph.graph_def import set_attr

    for node, name, default in _defaults(graph_def):
        if (
            name not in node.attr
            or (isinstance(default, list) and not default)
            or name in _WANTED.get(node.op, "").split()
        ):
            continue
        as_default = type(node.attr[name])()
        try:
            set_attr(as_default, default)
        except TypeError:
            continue
        if as_default.SerializeToString() == node.attr[name].SerializeToString():
            del node.attr[name]


def fill_defaults(graph_def):
    """Gives nodes the attributes that were left out because they have their default."""
    from ..graph.graph_def import set_attr

    for node, name, default in _defaults(graph_def):
        if name in node.attr:
            continue
        with suppress(TypeError):  # no attribute of a message has such a value
            set_attr(node.attr[name], default)
        if node.attr[name].WhichOneof("value") is None:
            del node.attr[name]


def _list_ops(message):
    functions = {function.signature.name for function in message.graph_def.library.function}
    nodes = [message.graph_def.node, *(function.node_def for function in message.graph_def.library.function)]
    for name in sorted({node.op for some in nodes for node in some} - functions):
        message.meta_info_def.stripped_op_list.op.add().name = name


def fill_collections(message, graph, wanted, export_scope):
    for key in graph.get_all_collection_keys() if wanted is None else wanted:
        items = [item for item in graph.get_collection(key) if not _is_name_outside(item, export_scope)]
        if not isinstance(key, str) or not items:
            continue
        definition = type(message.collection_def[key])()
        try:
            collection_def.fill(definition, key, items, export_scope)
        except (TypeError, ValueError, AttributeError) as error:
            logging.warning(
                "Issue encountered when serializing %s.\nType is unsupported, or the types of the items don't match field type "
                "in CollectionDef. Note this is a warning and probably safe to ignore.\n%s", key, error,
            )  # fmt: skip
            del message.collection_def[key]
            continue
        if definition.WhichOneof("kind") is None:
            del message.collection_def[key]
        else:
            message.collection_def[key].CopyFrom(definition)


def _is_name_outside(item, export_scope):
    """Whether an item of a collection is a text that does not begin as names of the scope do."""
    return bool(export_scope) and isinstance(item, str) and not item.startswith((export_scope, _UNBOUND))


def write_message(filename, message, as_text):
    if as_text:
        from google.protobuf import text_format

        data = text_format.MessageToString(message).encode()
    else:
        data = message.SerializeToString()
    filename = local_path(os.fsdecode(filename))
    make_directories(os.path.dirname(filename))
    write_atomically(filename, data)


# --- reading ------------------------------------------------------------------------------------------------


def import_meta_graph(meta_graph_or_file, clear_devices=False, import_scope=None, **kwargs):
    """Adds the graph and the collections of a `MetaGraphDef` to the default graph.

    Args:
      meta_graph_or_file: the message, or the name of a file that holds it (binary, or as text).
      clear_devices: whether the nodes' devices are left out.
      import_scope: the scope of the new nodes.
      **kwargs: `graph`, the graph to add them to; `input_map`, as for `tf.import_graph_def`; `unbound_inputs_col_name`, the
        collection of names that it must have; `restore_collections_predicate`, a function that says of the key of a collection
        whether it is restored.

    Returns:
      The `Saver` of the message, or one for the variables of the graph; None where there are no variables.

    Raises:
      OSError: where the file does not exist, or is no `MetaGraphDef`.
      ValueError, NotFoundError: as for `tf.import_graph_def`: nothing is added then; or an input from outside the scope that was
        exported is not in `input_map`, or a collection does not fit the nodes.
    """
    return import_meta_graph_with_saver(read_message(meta_graph_or_file), clear_devices, import_scope, **kwargs)


def import_meta_graph_with_saver(message, clear_devices=False, import_scope=None, **kwargs):
    """`import_meta_graph` of a message."""
    return import_with_elements(message, clear_devices, import_scope, **kwargs)[0]


def import_with_elements(message, clear_devices=False, import_scope=None, **kwargs):
    """The saver, and what `return_elements` names: a list, or None."""
    from ..variables import _all_saveable_objects
    from .saver import Saver

    graph = kwargs.pop("graph", None) or get_default_graph()
    message = with_unbound_inputs(message, kwargs.pop("unbound_inputs_col_name", UNBOUND_INPUTS))
    with graph.as_default():
        saver_def, variables, scope, elements = add_meta_graph(message, clear_devices, import_scope, **kwargs)
    if saver_def is not None:
        if variables:
            name, variable = next(iter(variables.items()))
            scope = variable.name[: -len(name)]
        return Saver.from_proto(saver_def, scope or None), elements
    if _all_saveable_objects():
        return Saver(), elements
    logging.info("Saver not created because there are no variables in the graph to restore")
    return None, elements


def with_unbound_inputs(message, name):
    """A message whose collection of that name is the one of inputs that must be given; with no name, none must."""
    if name == UNBOUND_INPUTS:
        return message
    message = type(message).FromString(message.SerializeToString())
    message.collection_def.pop(UNBOUND_INPUTS, None)
    if name and name in message.collection_def:
        message.collection_def[UNBOUND_INPUTS].CopyFrom(message.collection_def.pop(name))
    return message


def add_meta_graph(message, clear_devices=False, import_scope=None, input_map=None, return_elements=None,
                    restore_collections_predicate=lambda key: True, **unknown):  # fmt: skip
    """Adds nodes and collections.

    Returns:
      (SaverDef or None, names in the message -> variables, the scope's name, the list of what `return_elements` names or None).
    """
    from google.protobuf.message import DecodeError

    if unknown:
        raise TypeError(f"import_meta_graph() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    _check_unbound(message, input_map or {})
    graph_def = message.graph_def
    if clear_devices:
        graph_def = type(graph_def).FromString(graph_def.SerializeToString())
        for node in graph_def.node:
            node.device = ""
    scope = _scope_of_import(import_scope)
    known_to_producer = message.meta_info_def.stripped_op_list
    elements = import_graph_def(
        graph_def, input_map, return_elements, scope + "/" if scope else "", producer_op_list=known_to_producer
    )
    variables = {}
    for key, definition in sorted(message.collection_def.items()):
        if key == UNBOUND_INPUTS or not restore_collections_predicate(key):
            continue
        try:
            _restore_collection(key, definition, scope, variables)
        except (KeyError, TypeError, AttributeError, IndexError, DecodeError, UnicodeDecodeError) as error:
            text = error.args[0] if isinstance(error, KeyError) and error.args else error
            raise ValueError(
                f"The collection {key!r} of the meta graph does not fit its nodes, or is damaged: {text}"
            ) from error
    return message.saver_def if message.HasField("saver_def") else None, variables, scope, elements


def _scope_of_import(import_scope):
    """The scope that new nodes stand in: of a name that is new, or the one in which the program is."""
    if not import_scope:
        return get_default_graph().unique_name("", mark_as_used=False).rstrip("/")
    with name_scope(import_scope, None) as scope:
        return scope.rstrip("/")


def _check_unbound(message, input_map):
    if UNBOUND_INPUTS not in message.collection_def:
        return
    names = [name.decode() for name in message.collection_def[UNBOUND_INPUTS].bytes_list.value]
    given = {key.decode() if isinstance(key, bytes) else key for key in input_map}
    if set(names) - given:
        missing = ",".join(name for name in names if name not in given)
        raise ValueError(f"Graph contains unbound inputs: {missing}. Must provide these inputs through input_map.")


def _restore_collection(key, definition, scope, variables):
    graph = get_default_graph()
    kind = definition.WhichOneof("kind")
    if kind is None:
        logging.error("Cannot identify data type for collection %s. Skipping.", key)
        return
    message_class, _, from_proto = collection_def.functions_of(key)
    values = getattr(definition, kind).value
    if from_proto is not None and kind == "bytes_list":
        for value in values:
            item = message_class().FromString(value)
            if key in _OF_NODES:
                _restore_context(key, item, scope)
                continue
            name = getattr(item, "variable_name", None)
            if name is None:
                graph.add_to_collection(key, from_proto(item, scope))
                continue
            if name not in variables:  # one object, however many collections hold it
                variables[name] = from_proto(item, scope)
            graph.add_to_collection(key, variables[name])
    elif kind == "node_list":
        for name in values:
            graph.add_to_collection(key, graph.as_graph_element(collection_def.prepend_scope(name, scope)))
    else:
        for value in values:
            is_text = scope and isinstance(value, bytes)  # in a scope, texts are taken for names
            graph.add_to_collection(key, collection_def.prepend_scope(value.decode(), scope) if is_text else value)


def _restore_context(key, item, scope):
    """Names a context. What a file says that its nodes do not bear out is left out: the nodes are what runs."""
    try:
        get_default_graph().add_to_collection(key, context_defs.from_proto(item, scope))
    except (ValueError, KeyError) as error:
        logging.warning("Left out of collection %s: %s: %s", key, item.context_name, error)


def read_message(meta_graph_or_file):
    """The message itself, or what a file holds."""
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.meta_graph_pb2 import MetaGraphDef

    if isinstance(meta_graph_or_file, MetaGraphDef):
        return meta_graph_or_file
    filename = local_path(meta_graph_or_file)
    if not os.path.exists(filename):
        raise OSError(f"File {filename} does not exist.")
    with open(filename, "rb") as file:
        data = file.read()
    try:
        return MetaGraphDef.FromString(data)
    except DecodeError:
        pass
    try:
        return text_format.Parse(data.decode("utf-8"), MetaGraphDef())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise OSError(f"Cannot parse file {filename}: {error}.") from None
