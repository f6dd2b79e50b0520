"""`python.framework.meta_graph`: the functions under `tf.train.export_meta_graph` and `import_meta_graph`, by TensorFlow's names."""

from ... import logging
from ...graph.collection_def import strip_scope
from ...graph.collections import GraphKeys
from ...graph.stack import get_default_graph
from ...ops.registry import registered
from ...train import meta_graph as _meta_graph
from ...train.meta_graph import UNBOUND_INPUTS

__all__ = [
    "add_collection_def", "copy_scoped_meta_graph", "create_meta_graph_def", "export_scoped_meta_graph",
    "import_scoped_meta_graph", "import_scoped_meta_graph_with_return_elements", "ops_used_by_graph_def",
    "read_meta_graph_file", "strip_graph_default_valued_attrs", "stripped_op_list_for_graph",
]  # fmt: skip


def create_meta_graph_def(meta_info_def=None, graph_def=None, saver_def=None, collection_list=None, graph=None,
                          export_scope=None, exclude_nodes=None, clear_extraneous_savers=False,
                          strip_default_attrs=False):  # fmt: skip
    """The message of a graph: its nodes as they are, and its collections.

    Args:
      exclude_nodes: names of nodes that no collection is to hold.
      meta_info_def, graph_def, saver_def, collection_list, graph, export_scope, clear_extraneous_savers,
      strip_default_attrs: as for `tf.train.export_meta_graph`; the scope is that of the collections alone.

    Raises:
      TypeError: where a message is of another type.
    """
    graph = graph or get_default_graph()
    whole = graph.as_graph_def(add_shapes=True) if graph_def is None else graph_def
    message = _meta_graph.export_meta_graph(
        meta_info_def=meta_info_def, graph_def=whole, saver_def=saver_def, collection_list=[], graph=graph,
        strip_default_attrs=strip_default_attrs,
    )  # fmt: skip
    for key in graph.get_all_collection_keys() if collection_list is None else collection_list:
        own = [saver_def] if clear_extraneous_savers and key == GraphKeys.SAVERS else None
        add_collection_def(message, key, graph, export_scope, exclude_nodes, own)
    return message


def add_collection_def(meta_graph_def, key, graph=None, export_scope=None, exclude_nodes=None, override_contents=None):
    """Adds a collection of a graph to its message.

    Args:
      meta_graph_def: the message.
      key: the collection.
      graph: the default graph if absent.
      export_scope: only what is in this scope, under the names without it.
      exclude_nodes: names of nodes that are left out.
      override_contents: the items, in the place of the graph's.
    """
    if not isinstance(key, (str, bytes)):
        logging.warning("Only collections with string type keys will be serialized. This key has %s", type(key))
        return
    graph = graph or get_default_graph()
    excluded = exclude_nodes or ()
    scratch = type(graph)()
    for item in override_contents or graph.get_collection(key):
        if not any(each in excluded for each in (item, getattr(item, "name", None))):
            scratch.add_to_collection(key, item)
    before = type(meta_graph_def)()
    if key in meta_graph_def.collection_def:
        before.collection_def[key].CopyFrom(meta_graph_def.collection_def[key])
    with graph.as_default():
        _meta_graph.fill_collections(meta_graph_def, scratch, [key], export_scope)
    if key in before.collection_def:
        before.collection_def[key].MergeFrom(meta_graph_def.collection_def[key])
        meta_graph_def.collection_def[key].CopyFrom(before.collection_def[key])


def read_meta_graph_file(filename):
    """The message that a file holds.

    Raises:
      OSError: where there is no such file, or it holds none.
    """
    return _meta_graph.read_message(filename)


def export_scoped_meta_graph(filename=None, graph_def=None, graph=None, export_scope=None, as_text=False,
                             unbound_inputs_col_name=UNBOUND_INPUTS, clear_devices=False, saver_def=None,
                             clear_extraneous_savers=False, strip_default_attrs=False, save_debug_info=False,
                             **kwargs):  # fmt: skip
    """`tf.train.export_meta_graph`, with the variables of what was exported.

    Args:
      unbound_inputs_col_name: the collection of names of inputs that lie outside the scope; None for none.

    Returns:
      (the message, {name without the scope: global variable}).
    """
    graph = graph or get_default_graph()
    message = _meta_graph.export_meta_graph(
        graph_def=graph_def, graph=graph, export_scope=export_scope, clear_devices=clear_devices, saver_def=saver_def,
        clear_extraneous_savers=clear_extraneous_savers, strip_default_attrs=strip_default_attrs, **kwargs,
    )  # fmt: skip
    if unbound_inputs_col_name != UNBOUND_INPUTS and export_scope:
        _rename_unbound(message, graph, unbound_inputs_col_name)
    if filename:
        _meta_graph.write_message(filename, message, as_text)
    exported = {node.name for node in message.graph_def.node}
    named = {strip_scope(v.name, export_scope): v for v in graph.get_collection(GraphKeys.GLOBAL_VARIABLES)}
    return message, {name: v for name, v in named.items() if name is not None and name.partition(":")[0] in exported}


def _rename_unbound(message, graph, name):
    names = graph.get_collection(UNBOUND_INPUTS)
    graph.clear_collection(UNBOUND_INPUTS)
    if UNBOUND_INPUTS in message.collection_def:
        if name:
            message.collection_def[name].CopyFrom(message.collection_def[UNBOUND_INPUTS])
        del message.collection_def[UNBOUND_INPUTS]
    for each in names if name else ():
        graph.add_to_collection(name, each)


def import_scoped_meta_graph(meta_graph_or_file, clear_devices=False, graph=None, import_scope=None, input_map=None,
                             unbound_inputs_col_name=UNBOUND_INPUTS,
                             restore_collections_predicate=lambda key: True):  # fmt: skip
    """`tf.train.import_meta_graph` without a saver.

    Args:
      graph: the default graph if absent.
      unbound_inputs_col_name: the collection of names that `input_map` must have.

    Returns:
      {name without the scope: variable} of the global variables in the scope.

    Raises:
      ValueError: where an input from outside is not in `input_map`.
    """
    return import_scoped_meta_graph_with_return_elements(
        meta_graph_or_file, clear_devices, graph, import_scope, input_map, unbound_inputs_col_name,
        restore_collections_predicate,
    )[0]  # fmt: skip


def import_scoped_meta_graph_with_return_elements(
        meta_graph_or_file, clear_devices=False, graph=None, import_scope=None, input_map=None,
        unbound_inputs_col_name=UNBOUND_INPUTS, restore_collections_predicate=lambda key: True,
        return_elements=None):  # fmt: skip
    """`import_scoped_meta_graph`, with operations and tensors of the message.

    Args:
      return_elements: their names in it.

    Returns:
      (the variables, a list of the elements or None).
    """
    message = _meta_graph.with_unbound_inputs(_meta_graph.read_message(meta_graph_or_file), unbound_inputs_col_name)
    graph = graph or get_default_graph()
    with graph.as_default():
        scope = graph.unique_name(import_scope or "", mark_as_used=False).rstrip("/")
        _meta_graph.add_meta_graph(
            message, clear_devices, import_scope, input_map, restore_collections_predicate=restore_collections_predicate
        )
        variables = {strip_scope(v.name, scope): v for v in graph.get_collection(GraphKeys.GLOBAL_VARIABLES)}
        variables.pop(None, None)
        if return_elements is None:
            return variables, None
        inside = [f"{scope}/{name}" if scope else name for name in return_elements]
        return variables, [graph.as_graph_element(name) for name in inside]


def copy_scoped_meta_graph(from_scope, to_scope, from_graph=None, to_graph=None):
    """Copies what is in a scope, with its collections, into another scope.

    Returns:
      {name without the scope: variable} of the copies.

    Raises:
      ValueError: where both are the same scope of the same graph.
    """
    from_graph, to_graph = from_graph or get_default_graph(), to_graph or get_default_graph()
    if from_graph is to_graph and from_scope == to_scope:
        raise ValueError("'from_scope' and 'to_scope' need to be different when performing copy in the same graph.")
    message, _ = export_scoped_meta_graph(export_scope=from_scope, graph=from_graph)
    return import_scoped_meta_graph(message, graph=to_graph, import_scope=to_scope)


def ops_used_by_graph_def(graph_def):
    """The names of the ops that a `GraphDef` has nodes of."""
    functions = {function.signature.name: function for function in graph_def.library.function}
    found, left = set(), [node.op for node in graph_def.node]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(node.op for node in (functions[name].node_def if name in functions else ()))
    return found - set(functions)


def stripped_op_list_for_graph(graph_def):
    """An `OpList` of the ops that a `GraphDef` has nodes of.

    Raises:
      ValueError: where there is no such op.
    """
    for name in sorted(ops_used_by_graph_def(graph_def)):
        if name not in registered():
            raise ValueError(f"Op {name} is used by the graph, but is not registered")
    return _meta_graph.export_meta_graph(graph_def=graph_def, collection_list=[]).meta_info_def.stripped_op_list


def strip_graph_default_valued_attrs(meta_graph_def):
    """Leaves out attributes that have their default."""
    _meta_graph.strip_defaults(meta_graph_def.graph_def)
    meta_graph_def.meta_info_def.stripped_default_attrs = True
