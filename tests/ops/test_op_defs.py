"""What an op says of itself is what TensorFlow 1.15 says of it (fixtures/op_defs.json.gz, by record_op_defs.py)."""

import gzip
import json
from pathlib import Path

import pytest

import hookloop as tf
import hookloop.data
from hookloop.ops import registry
from hookloop.train import meta_graph

RECORDED = json.loads(gzip.decompress((Path(__file__).parent.parent / "fixtures" / "op_defs.json.gz").read_bytes()))
OURS = {"BranchTaken", "EagerPyFuncGradient"}  # TensorFlow has no such op

# What TensorFlow has in addition: outputs that are never asked for are left out of these.
FEWER_OUTPUTS = {"ParseExample", "ParseSequenceExample", "ParseSingleExample", "ParseSingleSequenceExample"}


def arguments(found):
    return [[a.name, a.type, a.type_attr, a.number_attr, a.type_list_attr, a.is_ref] for a in found]


def test_inputs_outputs_and_attributes_are_tensorflows():
    registry.load_all()
    for name, op_def in registry._registry.items():
        if name in OURS:
            continue
        inputs, outputs, attributes, is_stateful, _ = RECORDED[name]
        assert arguments(op_def.input_arg) == inputs, name
        if name not in FEWER_OUTPUTS:
            assert arguments(op_def.output_arg) == outputs, name
        ours = {attr.name: attr.type for attr in op_def.attr}
        assert {key: ours.get(key) for key in attributes} == attributes, name
        assert op_def.is_stateful == is_stateful, name


# A tensor in another form; a list that a priority queue gets from its elements.
OTHER_DEFAULTS = {("ImageSummary", "bad_color"), ("PriorityQueueV2", "component_types")}


def test_defaults_that_graphs_leave_out_are_tensorflows():
    registry.load_all()
    for name in sorted(set(registry._registry) - OURS):
        attributes, defaults = RECORDED[name][2], RECORDED[name][4]
        graph_def = tf.GraphDef()
        node = graph_def.node.add(name="node", op=name)
        meta_graph.fill_defaults(graph_def)
        for key, default in defaults.items():
            if (name, key) not in OTHER_DEFAULTS:
                assert node.attr[key].SerializeToString().hex() == default, (name, key)
        given = set(node.attr)
        meta_graph.strip_defaults(graph_def)
        assert given & (set(attributes) - set(defaults)) <= set(node.attr), name


def test_what_programs_read_of_an_operation():
    op = tf.concat([tf.ones([2]), tf.zeros([3])], 0).op
    assert op.op_def.name == "ConcatV2"
    assert [(a.name, a.number_attr) for a in op.op_def.input_arg] == [("values", "N"), ("axis", "")]
    assert [a.name for a in op.op_def.output_arg] == ["output"]
    refs = tf.assign(tf.Variable(1.0), 2.0).op.op_def.input_arg
    assert [a.is_ref for a in refs] == [True, False]
    with pytest.raises(AttributeError, match="^an OpDef has no attribute 'nonsense'$"):
        op.op_def.nonsense  # noqa: B018
