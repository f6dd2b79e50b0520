"""Convolutions, pools and normalizations of images add TensorFlow 1.15's own nodes, and so do their gradients."""

import json
from pathlib import Path

import pytest

import hookloop as tf

RECORDED = json.loads((Path(__file__).parent.parent / "fixtures" / "image_graphs.json").read_text())
GRAPHS = RECORDED["graphs"]


def plain(value):
    kind = value.WhichOneof("value")
    if kind == "list":
        return list(value.list.i)
    return value.s.decode() if kind == "s" else getattr(value, kind)


def row(node, attributes):
    """The recorded facts of a node."""
    dtype = next((tf.as_dtype(node.attr[k].type).name for k in ("dtype", "T", "DstT") if k in node.attr), "")
    return [node.name, node.op, list(node.input), dtype, {k: plain(node.attr[k]) for k in attributes}]


@pytest.mark.parametrize("expression", GRAPHS)
def test_nodes_are_those_of_tensorflow(expression, graph):
    names = [row[0] for row in GRAPHS[expression] if row[1] == "Placeholder"]
    holders = {name: tf.placeholder(tf.float32, RECORDED["shapes"][name], name=name) for name in names}
    result = eval(expression, dict(holders, tf=tf))
    first = result[0] if isinstance(result, (list, tuple)) else result
    tf.gradients(first, [holders[name] for name in sorted(holders)])
    nodes = graph.as_graph_def().node
    assert [node.name for node in nodes] == [row[0] for row in GRAPHS[expression]]
    for node, expected in zip(nodes, GRAPHS[expression]):
        assert row(node, expected[4]) == expected
