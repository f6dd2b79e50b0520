"""Names that libraries import by the paths of TensorFlow's files, and what of them is at the top."""

import gc
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

import hookloop as tf

Point = namedtuple("Point", "y x")


def test_what_a_model_is_made_for():
    from hookloop.python.saved_model.model_utils import mode_keys

    assert mode_keys.EstimatorModeKeys is tf.estimator.ModeKeys
    assert [tf.estimator.ModeKeys.TRAIN, tf.estimator.ModeKeys.EVAL, tf.estimator.ModeKeys.PREDICT] == [
        "train",
        "eval",
        "infer",
    ]


def test_tensors_made_of_several_and_what_they_are_made_of():
    from hookloop.python.framework import composite_tensor

    few = tf.IndexedSlices(tf.zeros([2]), tf.zeros([2], tf.int32))
    whole = tf.IndexedSlices(few.values, few.indices, tf.constant([3]))
    assert isinstance(few, composite_tensor.CompositeTensor)
    assert not isinstance(few.values, composite_tensor.CompositeTensor)
    replaced = composite_tensor.replace_composites_with_components
    assert replaced(few) == (few.values, few.indices) and replaced(1) == 1
    assert replaced({"a": [whole, 2]}) == {"a": [(whole.values, whole.indices, whole.dense_shape), 2]}


def test_what_is_a_namedtuple():
    from hookloop.python.util import nest

    class Inherited(Point):
        pass

    class Handmade(tuple):
        _fields = ("a",)

    class Numbered(tuple):
        _fields = (1,)

    values = [Point(1, 2), Inherited(1, 2), Handmade((1,)), Numbered((1,)), (1,), [1], Point]
    assert [nest._is_namedtuple(value) for value in values] == [True] * 3 + [False] * 4
    assert [nest._is_namedtuple(value, strict=True) for value in values] == [True, False, True] + [False] * 4


def test_files_beside_a_program():
    from hookloop.python.platform import resource_loader

    here = Path(__file__)
    assert resource_loader.get_data_files_path() == tf.resource_loader.get_data_files_path() == str(here.parent)
    assert tf.resource_loader.get_path_to_datafile("a/b") == str(here.parent / "a/b")
    assert tf.resource_loader.load_resource(str(here)) == here.read_bytes()
    assert (Path(tf.resource_loader.get_root_dir_with_all_resources()) / "session.py").exists()
    assert tf.resource_loader.load_resource("session.py")
    assert tf.resource_loader.readahead_file_path("/a/b", "1M") == "/a/b"
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        tf.resource_loader.load_resource("/no-such-file")


def test_functions_that_are_not_to_be_converted_stay_what_they_are():
    from hookloop.python.autograph.impl import api

    for decorator in (
        tf.autograph.experimental.do_not_convert,
        tf.autograph.experimental.do_not_convert(),
        api.do_not_convert,
    ):
        assert decorator(lambda x: x + 1)(1) == 2


def test_ops_as_messages_by_their_names():
    from hookloop.python.framework import op_def_registry

    ops = op_def_registry.get_registered_ops()
    assert [argument.name for argument in ops["AddV2"].input_arg] == ["x", "y"]
    assert [output.name for output in ops["Unique"].output_arg] == ["y", "idx"]
    assert ops["VariableV2"].is_stateful and not ops["MatMul"].is_stateful
    assert "TensorSliceDataset" in ops  # of a family that is loaded when it is first asked for


def test_fields_that_copies_of_tensorflows_functions_read():
    from hookloop.core.protobuf import saver_pb2
    from hookloop.python.training import basic_session_run_hooks, saver

    from hookloop.python.framework import type_spec
    from hookloop.python.ops import init_ops

    x = tf.constant(1.0, name="x")
    assert x.op._traceback == x.op.traceback
    assert saver.saver_pb2 is saver_pb2 and saver_pb2.SaverDef.V2 == 2
    assert issubclass(type_spec.BatchableTypeSpec, tf.TypeSpec)
    assert init_ops._compute_fans([3, 3, 2, 4]) == (18, 36)
    assert basic_session_run_hooks._as_graph_element("x") is x
    assert tf.initialize_all_tables().name == "init_all_tables"


def test_logits_of_true_classes_and_of_sampled_ones():
    """The numbers are TensorFlow 1.15's."""
    from hookloop.python.ops import nn_impl

    weights = tf.reshape(tf.range(10.0), [5, 2]) / 10
    inputs, labels = tf.constant([[1.0, 2.0], [3.0, -1.0]]), tf.constant([[1], [4]], tf.int64)
    sampled = (tf.constant([0, 3], tf.int64), tf.constant([[0.5], [0.25]]), tf.constant([0.5, 0.125]))
    logits, targets = nn_impl._compute_sampled_logits(
        weights, tf.zeros([5]), labels, inputs, 2, 5, sampled_values=sampled, subtract_log_q=False
    )
    lowered, _ = nn_impl._compute_sampled_logits(weights, tf.zeros([5]), labels, inputs, 2, 5, sampled_values=sampled)
    with tf.Session() as session:
        found = session.run([logits, targets, lowered, nn_impl._sum_rows(inputs)])
    np.testing.assert_allclose(found[0], [[0.8, 0.2, 2.0], [1.5, -0.1, 1.1]], rtol=1e-6)
    assert found[1].tolist() == [[1, 0, 0], [1, 0, 0]]
    np.testing.assert_allclose(
        found[2], [[1.4931471, 0.8931472, 4.0794415], [2.8862944, 0.5931472, 3.1794417]], rtol=1e-6
    )
    assert found[3].tolist() == [3, 2]


def test_slices_of_equal_indices_are_added_up_by_the_function_that_optimizers_of_programs_call():
    from hookloop.python.training import optimizer

    values = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    summed, distinct = optimizer._deduplicate_indexed_slices(values=values, indices=tf.constant([2, 0, 2]))
    with tf.Session() as session:
        found = session.run([summed, distinct])
    assert [part.tolist() for part in found] == [[[6, 8], [3, 4]], [2, 0]]


def test_sets_and_mappings_by_what_objects_are():
    from hookloop.python.util import object_identity as by_identity

    first, second = [1], [1]
    mapping = by_identity.ObjectIdentityDictionary()
    mapping[first], mapping[second] = "a", "b"
    assert len(mapping) == 2 and mapping[first] == "a" and [key is first for key in mapping] == [True, False]
    del mapping[first]
    assert first not in mapping and second in mapping
    several = by_identity.ObjectIdentitySet([first, first, second])
    assert len(several) == 2 and first in several and [1] not in several
    several.discard(first)
    several.update([first])
    assert {id(item) for item in several} == {id(first), id(second)}
    assert list(several.difference([second])) == [first] and len(several.intersection([second])) == 1
    assert by_identity.Reference(first) == by_identity.Reference(first) != by_identity.Reference(second)
    assert by_identity.Reference(first).deref() is first
    with pytest.raises(TypeError, match="Cannot compare wrapped object with unwrapped object"):
        by_identity.Reference(first) == first  # noqa: B015


def test_what_nobody_else_has_leaves_weak_sets_and_mappings():
    from hookloop.python.util import object_identity as by_identity

    class Thing:
        """Anything."""

    kept, gone = Thing(), Thing()
    weak, mapping = by_identity.ObjectIdentityWeakSet([kept, gone]), by_identity.ObjectIdentityWeakKeyDictionary()
    mapping[kept], mapping[gone] = 1, 2
    assert len(weak) == len(mapping) == 2
    del gone
    gc.collect()
    assert list(weak) == list(mapping) == [kept]


def test_the_part_of_a_graph_between_nodes(tmp_path, capsys):
    from hookloop.python.tools import strip_unused_lib

    a = tf.constant([1.0, 2.0], name="a")
    tf.identity(tf.multiply(tf.exp(a, name="middle"), 2.0, name="product"), name="out")
    graph_def = tf.get_default_graph().as_graph_def()
    kind = tf.float32.as_datatype_enum
    stripped = strip_unused_lib.strip_unused(graph_def, ["middle"], ["product"], kind)
    assert {node.name: node.op for node in stripped.node} == {
        "middle": "Placeholder", "product/y": "Const", "product": "Mul"}  # fmt: skip
    assert strip_unused_lib.strip_unused(graph_def, ["middle"], ["product"], [kind]) == stripped
    with pytest.raises(KeyError, match="The following input nodes were not found: {'nobody'}"):
        strip_unused_lib.strip_unused(graph_def, ["nobody"], ["product"], kind)
    with pytest.raises(ValueError, match="Name 'a:0' appears to refer to a Tensor, not a Operation."):
        strip_unused_lib.strip_unused(graph_def, ["a:0"], ["product"], kind)
    for binary in (False, True):
        tf.train.write_graph(graph_def, str(tmp_path), "in", as_text=not binary)
        paths = str(tmp_path / "in"), binary, str(tmp_path / "out"), binary
        strip_unused_lib.strip_unused_from_files(*paths, "middle", "product", kind)
        assert capsys.readouterr().out == "3 ops in the final graph.\n"
        written = (tmp_path / "out").read_bytes()
        found = tf.GraphDef.FromString(written) if binary else text_format.Parse(written, tf.GraphDef())
        assert found == stripped
    assert strip_unused_lib.strip_unused_from_files("nowhere", True, "", True, "", "x", kind) == -1


def test_cases_by_a_function_of_ones_own(executor):
    from hookloop.python.ops import control_flow_ops

    seen = []

    def conditional(predicate, true_fn, false_fn, note):
        seen.append((predicate.name, note))
        return tf.cond(predicate, true_fn, false_fn)

    p, q = tf.placeholder_with_default(False, [], name="p"), tf.placeholder_with_default(True, [], name="q")
    pairs = [(p, lambda: tf.constant(1)), (q, lambda: tf.constant(2))]
    found = control_flow_ops._case_helper(conditional, pairs, lambda: tf.constant(3), False, "case", note="mine")
    with tf.Session() as session:
        assert [session.run(found, feed) for feed in ({}, {p: True}, {q: False})] == [2, 1, 3]
    assert seen == [("p:0", "mine"), ("q:0", "mine")] or seen == [("q:0", "mine"), ("p:0", "mine")]
    with pytest.raises(TypeError):
        control_flow_ops._case_helper(conditional, [(True, lambda: tf.constant(1))], None, False, "case")
