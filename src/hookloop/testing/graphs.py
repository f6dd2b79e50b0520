"""`assert_equal_graph_def`: two GraphDefs, node by node."""

from __future__ import annotations

import re

from google.protobuf import text_format
from tensorboard.compat.proto import graph_pb2

from ..graph.tensor_proto import proto_to_array

# Where a saver writes its parts, by a number drawn at random; the shared name of a table, which is one too.
_TEMPORARY_PART = re.compile(rb"_temp_[0-9a-z]{32}/part")
_TABLE_NAME = re.compile(rb"hash_table_[0-9a-z\-]+")


def assert_equal_graph_def(actual, expected, checkpoint_v2=False, hash_table_shared_name=False):
    """Asserts that two graphs have the same nodes, in any order, and whatever their versions are.

    Args:
      actual: a `GraphDef`.
      expected: the other.
      checkpoint_v2: whether the names that savers draw for their parts may differ.
      hash_table_shared_name: whether the names that are drawn for tables may differ.

    Raises:
      AssertionError: the graphs differ.
      TypeError: they are no GraphDefs.
    """
    for what, graph_def in (("actual", actual), ("expected", expected)):
        if not isinstance(graph_def, graph_pb2.GraphDef):
            raise TypeError(f"Expected tf.GraphDef for {what}, got {type(graph_def).__name__}")
    nodes = {node.name: node for node in actual.node}
    for wanted in expected.node:
        node = nodes.pop(wanted.name, None)
        _check(node is not None, f"Did not find expected node '{_in_words(wanted)}'")
        _assert_equal_nodes(node, wanted, _Drawn(checkpoint_v2, hash_table_shared_name))
    for node in nodes.values():
        raise AssertionError(f"Found unexpected node '{_in_words(node)}'")


class _Drawn:
    """Which attributes are left out, because their values were drawn at random."""

    def __init__(self, parts, tables):
        self._parts, self._tables = parts, tables

    def has(self, node, key):
        value = node.attr[key]
        if self._parts and value.HasField("tensor") and len(value.tensor.string_val) == 1:
            return _TEMPORARY_PART.match(value.tensor.string_val[0]) is not None
        return self._tables and node.op == "HashTableV2" and key == "shared_name" and _TABLE_NAME.match(value.s)


def _check(good, text):
    if not good:
        raise AssertionError(text)


def _in_words(node):
    return f"{{{{node {node.name}}}}} = {node.op}[]({', '.join(node.input)})"


def _assert_equal_nodes(node, wanted, drawn):
    name = f"Node named '{node.name}'"
    _check(node.op == wanted.op, f"{name} has op '{node.op}' that is not expected '{wanted.op}'")
    _check(node.device == wanted.device, f"{name} has device '{node.device}' that is not expected '{wanted.device}'")
    _check(
        len(node.input) == len(wanted.input),
        f"{name} has inputs '{', '.join(node.input)}' that don't match expected '{', '.join(wanted.input)}'",
    )
    controls = {text for text in node.input if text.startswith("^")}
    for i, (text, expected) in enumerate(zip(node.input, wanted.input)):
        if expected.startswith("^"):
            _check(expected in controls, f"{name} missing expected control input '{expected}'")
        else:
            found, expected = text.removesuffix(":0"), expected.removesuffix(":0")
            _check(found == expected, f"{name} has input {i} '{found}' that doesn't match expected '{expected}'")
    _assert_equal_attrs(name, _attrs(node, drawn), _attrs(wanted, drawn))


def _attrs(node, drawn):
    """The attributes that count: none whose name begins with _, none drawn."""
    return {key: value for key, value in node.attr.items() if not key.startswith("_") and not drawn.has(node, key)}


def _assert_equal_attrs(name, attrs, wanted):
    for key, value in wanted.items():
        _check(key in attrs, f"{name} missing expected attr '{key}' with value: {_value(value)}")
        _check(
            _same(attrs[key], value),
            f"{name} has attr '{key}' with value: {_value(attrs[key])} that does not match expected: {_value(value)}",
        )
    for key, value in attrs.items():
        _check(key in wanted, f"{name} has unexpected attr '{key}' with value: {_value(value)}")


def _same(value, wanted):
    """Whether two attributes mean the same: a tensor may be written in several ways."""
    if value.WhichOneof("value") == wanted.WhichOneof("value") == "tensor" and value != wanted:
        one, other = proto_to_array(value.tensor), proto_to_array(wanted.tensor)
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        return one.tolist() == other.tolist() if one.dtype == object else one.tobytes() == other.tobytes()
    return value == wanted


def _value(attr):
    text = text_format.MessageToString(attr, as_one_line=True)
    kind = attr.WhichOneof("value")
    return text.removeprefix(f"{kind}: ") if kind in ("i", "f", "b", "s") else text
