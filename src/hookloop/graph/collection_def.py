"""Collections as messages: what `export_meta_graph` writes of them, and how items are read back.

Items of a collection that is registered here (`register_proto_function`) are messages; others are names of nodes, numbers or
text.
"""

from __future__ import annotations

from .operation import Operation
from .tensor import Tensor

_functions: dict = {}


def register_proto_function(collection_name, proto_type=None, to_proto=None, from_proto=None):
    """Says how the items of a collection become messages and come back.

    Args:
      collection_name: the collection.
      proto_type: a function without arguments that gives the message's class, which is loaded when first needed.
      to_proto: function(item, export_scope) -> message, or None for an item to leave out.
      from_proto: function(message, import_scope) -> item.

    Raises:
      TypeError: where a function cannot be called.
    """
    for function in (to_proto, from_proto):
        if function is not None and not callable(function):
            raise TypeError(f"to_proto and from_proto must be callable, got {function!r}")
    _functions[collection_name] = (proto_type, to_proto, from_proto)


def functions_of(collection_name):
    """(message class getter, to_proto, from_proto) of a collection; Nones where it has none."""
    return _functions.get(collection_name, (None, None, None))


def strip_scope(name, export_scope):
    """A node's name without an outer scope; None where it is not in that scope."""
    if not export_scope:
        return name
    prefix = export_scope.rstrip("/") + "/"
    control = name.startswith("^")
    bare = name[1:] if control else name
    if not bare.startswith(prefix):
        return None
    return ("^" if control else "") + bare[len(prefix) :]


def prepend_scope(name, import_scope):
    """A node's name below an outer scope."""
    if not import_scope or not name:
        return name
    prefix = import_scope.rstrip("/") + "/"
    return "^" + prefix + name[1:] if name.startswith("^") else prefix + name


def fill(message, key, items, export_scope=None):
    """Writes a collection into a `CollectionDef`.

    Args:
      message: the `CollectionDef`.
      key: the collection's name.
      items: what it holds.
      export_scope: only what is in this scope, under the names without it.

    Raises:
      TypeError: where the items have no common kind.
    """
    to_proto = functions_of(key)[1]
    if to_proto is not None:
        for item in items:
            proto = to_proto(item, export_scope)
            if proto is not None:
                message.bytes_list.value.append(proto.SerializeToString())
        return
    kind = _kind(items[0])
    for item in items:
        if _kind(item) != kind:
            raise TypeError(f"expected items of one kind in collection {key!r}, got {type(items[0])} and {type(item)}")
        if kind == "node_list":
            name = strip_scope(item.name, export_scope)
            if name is not None:
                message.node_list.value.append(name)
        elif kind == "bytes_list":
            message.bytes_list.value.append(_as_bytes(item))
        else:
            getattr(message, kind).value.append(item)


def _as_bytes(item):
    if hasattr(item, "SerializeToString"):
        return item.SerializeToString()
    return item.encode() if isinstance(item, str) else item


def _kind(item):
    if isinstance(item, (str, bytes)) or hasattr(item, "SerializeToString"):
        return "bytes_list"
    if isinstance(item, int) and not isinstance(item, bool):
        return "int64_list"
    if isinstance(item, float):
        return "float_list"
    if isinstance(item, (Tensor, Operation)) or (hasattr(item, "op") and isinstance(getattr(item, "name", None), str)):
        return "node_list"
    raise TypeError(f"an item of type {type(item).__name__} has no message")


__all__ = ["fill", "functions_of", "prepend_scope", "register_proto_function", "strip_scope"]
