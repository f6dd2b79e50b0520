"""Public names by the paths of TensorFlow's files: `hookloop.python.ops.math_ops`, `hookloop.core.protobuf.config_pb2`."""

import importlib
from collections import namedtuple

import numpy as np
import pytest

import hookloop as tf

Point = namedtuple("Point", "y x")


@pytest.mark.parametrize(
    "module, name, public",
    [
        ("client.session", "InteractiveSession", tf.InteractiveSession),
        ("data.ops.dataset_ops", "Dataset", tf.data.Dataset),
        ("data.ops.dataset_ops", "make_initializable_iterator", tf.data.make_initializable_iterator),
        ("data.experimental.ops.grouping", "group_by_window", tf.data.experimental.group_by_window),
        ("eager.test", "TestCase", tf.test.TestCase),
        ("framework.constant_op", "constant", tf.constant),
        ("framework.dtypes", "float32", tf.float32),
        ("framework.errors_impl", "OutOfRangeError", tf.errors.OutOfRangeError),
        ("framework.ops", "reset_default_graph", tf.reset_default_graph),
        ("framework.ops", "GraphKeys", tf.GraphKeys),
        ("framework.tensor_util", "constant_value", tf.get_static_value),
        ("ops.array_ops", "placeholder", tf.placeholder),
        ("ops.gradients_impl", "gradients", tf.gradients),
        ("ops.init_ops", "Zeros", tf.zeros_initializer),
        (
            "training.saving.saveable_object",
            "SaveableObject",
            importlib.import_module("hookloop.train.saveable").SaveableObject,
        ),
        ("ops.script_ops", "eager_py_func", tf.py_function),
        ("ops.math_ops", "reduce_sum", tf.reduce_sum),
        ("ops.math_ops", "reduce_sum_v1", tf.reduce_sum),
        ("ops.nn", "softmax", tf.nn.softmax),
        ("ops.nn_ops", "conv2d", tf.nn.conv2d),
        ("ops.variable_scope", "get_variable", tf.get_variable),
        ("ops.variables", "VariableV1", tf.Variable),
        ("platform.test", "mock", tf.test.mock),
        ("platform.tf_logging", "info", tf.logging.info),
        ("pywrap_tensorflow", "NewCheckpointReader", tf.train.NewCheckpointReader),
        ("summary.writer.writer", "FileWriter", tf.summary.FileWriter),
        (
            "summary.writer.event_file_writer",
            "EventFileWriter",
            importlib.import_module("hookloop.summary.writer").EventFileWriter,
        ),
        ("ops.summary_op_util", "clean_tag", importlib.import_module("hookloop.ops.summary").clean_tag),
        ("training.adam", "AdamOptimizer", tf.train.AdamOptimizer),
        ("training.basic_session_run_hooks", "StopAtStepHook", tf.train.StopAtStepHook),
        ("training.evaluation", "_evaluate_once", tf.contrib.training.evaluate_once),
        ("training.evaluation", "_get_or_create_eval_step", tf.contrib.training.get_or_create_eval_step),
        ("training.evaluation", "_StopAfterNEvalsHook", tf.contrib.training.StopAfterNEvalsHook),
        ("training.saver", "Saver", tf.train.Saver),
        ("training.session_run_hook", "SessionRunHook", tf.train.SessionRunHook),
        ("util.nest", "flatten", tf.nest.flatten),
    ],
)
def test_a_public_name_by_its_path(module, name, public):
    assert getattr(importlib.import_module("hookloop.python." + module), name) is public


def test_every_module_can_be_imported_and_lists_names_it_has():
    from hookloop.python import _BARE, _TABLE

    for path in [*_TABLE, *_BARE]:
        module = importlib.import_module("hookloop.python." + path)
        names = dir(module)
        assert bool(names) is (path not in _BARE), path
        for name in names:
            getattr(module, name)


def test_importing_by_the_statements_of_programs():
    from hookloop.python.framework import ops
    from hookloop.python.ops import array_ops, math_ops

    namespace = {}
    exec("from hookloop.python.ops.math_ops import *", namespace)
    assert namespace["matmul"] is tf.matmul and "app" not in namespace
    with ops.Graph().as_default(), tf.Session() as session:
        assert session.run(math_ops.add(array_ops.ones([2]), 1)).tolist() == [2, 2]


def test_what_is_not_there_is_said():
    from hookloop.python.ops import array_ops

    with pytest.raises(AttributeError, match=r"module 'hookloop.python.ops.array_ops' has no attribute 'nothing'"):
        _ = array_ops.nothing
    with pytest.raises(ModuleNotFoundError, match=r"hookloop.python.ops.nothing_ops"):
        importlib.import_module("hookloop.python.ops.nothing_ops")


def test_a_path_that_is_the_public_module_itself(monkeypatch):
    from hookloop.python.platform import tf_logging

    assert tf_logging is tf.logging and importlib.import_module("hookloop.python.platform.tf_logging") is tf.logging
    assert tf.logging.__name__ == "hookloop.logging"


def test_a_writer_of_the_programs_own_takes_the_place_of_all(monkeypatch):
    from hookloop.python.summary.writer import writer, writer_cache

    made = []
    for module in (writer, writer_cache):
        monkeypatch.setattr(module, "FileWriter", lambda logdir, graph: made.append(logdir) or made)
    writer_cache.FileWriterCache.clear()
    assert tf.summary.FileWriterCache.get("a/dir") is made and made == ["a/dir"]
    tf.summary.FileWriterCache._cache.clear()


class TestOpFunctions:
    """Functions that add one node of a type, as TensorFlow's generated modules have them."""

    @pytest.mark.parametrize(
        "op_type, name",
        [("ApplyAdam", "apply_adam"), ("Conv2D", "conv2d"), ("L2Loss", "l2_loss"), ("AddV2", "add_v2"), ("LRN", "lrn"),
         ("MaxPool3DGrad", "max_pool3d_grad"), ("SparseApplyAdagradDA", "sparse_apply_adagrad_da")],
    )  # fmt: skip
    def test_their_names(self, op_type, name):
        from hookloop.ops.op_functions import function_name

        assert function_name(op_type) == name

    def test_inputs_then_attributes_then_the_name(self, executor):
        from hookloop.python.ops import gen_array_ops, gen_math_ops, gen_nn_ops

        x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
        product = gen_math_ops.mat_mul(x, x, True, name="p")
        parts = gen_array_ops.split(1, value=x, num_split=2)
        top = gen_nn_ops.top_kv2(x, 1)
        largest = gen_math_ops._max(x, axis=0, keep_dims=True)
        pooled = gen_nn_ops.max_pool(tf.reshape(x, [1, 2, 2, 1]), [1, 2, 2, 1], [1, 1, 1, 1], "VALID")
        cast = gen_math_ops.cast(x, tf.int32)
        assert (product.op.type, product.name, product.op.get_attr("transpose_a")) == ("MatMul", "p:0", True)
        assert (top._fields, type(top).__name__) == (("values", "indices"), "TopKV2")
        with tf.Session() as session:
            np.testing.assert_array_equal(session.run(product), [[10, 14], [14, 20]])
            assert [part.tolist() for part in session.run(parts)] == [[[1], [3]], [[2], [4]]]
            assert session.run(top.indices).tolist() == [[1], [1]] and session.run(largest).tolist() == [[3, 4]]
            assert session.run(pooled).ravel().tolist() == [4] and session.run(cast).dtype == np.int32

    def test_attributes_have_the_order_of_tensorflows_functions(self):
        from hookloop.python.ops import gen_data_flow_ops, gen_random_ops, gen_resource_variable_ops, gen_state_ops

        variable = gen_state_ops.variable_v2([2, 3], tf.float64)
        assert (variable.dtype.base_dtype, variable.shape.as_list()) == (tf.float64, [2, 3])
        drawn = gen_random_ops.multinomial(tf.ones([2, 4]), 3, 7, 8).op
        assert (drawn.get_attr("seed"), drawn.get_attr("seed2")) == (7, 8)
        queue = gen_data_flow_ops.random_shuffle_queue_v2([tf.int32], [[]], 10, 4, 7).op
        assert [queue.get_attr(name) for name in ("capacity", "min_after_dequeue", "seed")] == [10, 4, 7]
        handle = gen_resource_variable_ops.var_handle_op(tf.int64, [])
        counted = gen_state_ops.resource_count_up_to(handle, 9, T=tf.int64)
        assert (counted.op.get_attr("limit"), counted.dtype) == (9, tf.int64)

    def test_an_optimizer_of_a_program_updates_by_them(self, executor):
        from hookloop.python.training import training_ops

        class Descent(tf.train.Optimizer):
            def _apply_dense(self, grad, var):
                return training_ops.apply_gradient_descent(var, 0.5, grad, use_locking=self._use_locking).op

            def _resource_apply_dense(self, grad, handle):
                return training_ops.resource_apply_gradient_descent(handle.handle, 0.5, grad)

        a, b = tf.Variable([1.0, 2.0]), tf.Variable(3.0, use_resource=True)
        train = Descent(False, "Descent").minimize(tf.reduce_sum(a * a) + b)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(train)
            assert [v.tolist() for v in session.run([a, b])] == [[0, 0], 2.5]

    def test_a_list_among_the_outputs(self):
        from hookloop.python.ops import gen_nn_ops

        moments = gen_nn_ops._fused_batch_norm(tf.ones([1, 2, 2, 3]), *[tf.ones([3])] * 4, is_training=False)
        assert moments._fields[0] == "y" and moments.y.get_shape().as_list() == [1, 2, 2, 3]
        assert gen_nn_ops.l2_loss(tf.ones([3])).op.type == "L2Loss"

    def test_arguments_that_do_not_fit(self):
        from hookloop.python.ops import gen_math_ops

        with pytest.raises(TypeError, match=r"mat_mul\(\) is without its arguments b"):
            gen_math_ops.mat_mul(1.0)
        with pytest.raises(TypeError, match=r"mat_mul\(\) got an unexpected argument 'c'"):
            gen_math_ops.mat_mul(1.0, 2.0, c=3)
        with pytest.raises(TypeError, match=r"mat_mul\(\) got a second argument 'a'"):
            gen_math_ops.mat_mul(1.0, 2.0, a=3)
        with pytest.raises(TypeError, match=r"square\(\) takes at most 2 arguments, got 3"):
            gen_math_ops.square(1.0, "n", 3)
        with pytest.raises(AttributeError, match="no attribute 'matmul_of_nothing'"):
            _ = gen_math_ops.matmul_of_nothing


def test_shapes_that_tensors_and_protos_hold():
    from hookloop.python.framework import random_seed, tensor_util

    sizes = tf.stack([3, tf.placeholder(tf.int32, [])])
    assert tensor_util.constant_value_as_shape(sizes).as_list() == [3, None]
    proto = tensor_util.make_tensor_proto([1, 2], shape=[2, 1])
    assert tensor_util.ShapeEquals(proto, [2, 1]) and not tensor_util.ShapeEquals(proto, [2])
    assert tensor_util.ShapeEquals(proto, tf.TensorShape([2, 1]).as_proto())
    assert random_seed.DEFAULT_GRAPH_SEED == 87654321


def test_what_is_saved_in_a_way_of_its_own(tmp_path):
    from hookloop.python.training import checkpoint_management, saver

    class Doubled(saver.BaseSaverBuilder.SaveableObject):
        def __init__(self, variable):
            spec = saver.BaseSaverBuilder.SaveSpec(variable * 2, "", "doubled", dtype=variable.dtype)
            super().__init__(variable, [spec], "doubled")

        def restore(self, restored_tensors, restored_shapes):
            return self.op.assign(restored_tensors[0] / 2)

    v = tf.Variable(4.0)
    kept = saver.Saver([Doubled(v)])
    with tf.Session() as session:
        session.run(v.initializer)
        prefix = kept.save(session, str(tmp_path / "m"))
        session.run(v.assign(0.0))
        kept.restore(session, prefix)
        assert session.run(v) == 4 and tf.train.load_variable(prefix, "doubled") == 8
    checkpoint_management.update_checkpoint_state_internal(str(tmp_path), prefix, save_relative_paths=True)
    assert 'model_checkpoint_path: "m"' in (tmp_path / "checkpoint").read_text()
    assert tf.train.latest_checkpoint(str(tmp_path)) == prefix


class TestPathsOfLeaves:
    """Where `nest` finds the leaves of structures."""

    STRUCTURE = [1, (2, {"y": [3], "x": 4}), Point(5, [6])]
    PATHS = [(0,), (1, 0), (1, 1, "x"), (1, 1, "y", 0), (2, "y"), (2, "x", 0)]

    def test_paths(self):
        from hookloop.python.util import nest

        assert list(nest.yield_flat_paths(self.STRUCTURE)) == self.PATHS and list(nest.yield_flat_paths(5)) == [()]
        assert nest.flatten_with_tuple_paths(self.STRUCTURE) == list(zip(self.PATHS, [1, 2, 4, 3, 5, 6]))
        texts = [path for path, _ in nest.flatten_with_joined_string_paths(self.STRUCTURE, separator=".")]
        assert texts == ["0", "1.0", "1.1.x", "1.1.y.0", "2.y", "2.x.0"]
        assert nest.flatten_with_tuple_paths_up_to([0, (0, 0)], self.STRUCTURE[:2])[2] == ((1, 1), {"y": [3], "x": 4})
        assert nest.is_sequence_or_composite([1]) and not nest.is_sequence_or_composite("a")

    def test_functions_of_paths(self):
        from hookloop.python.util import nest

        found = nest.map_structure_with_paths(
            lambda path, a, b, more=0: (path, a + b + more), [1, {"k": 2}], [3, {"k": 4}], more=1
        )
        assert found == [("0", 5), {"k": ("1/k", 7)}]
        assert nest.map_structure_with_tuple_paths(lambda path, x: path, {"a": [7]}) == {"a": [("a", 0)]}
        assert nest.map_structure_with_tuple_paths_up_to([0], lambda path, x: (path, x), [[1, 2]]) == [((0,), [1, 2])]
        assert nest.map_structure_with_paths(lambda path, a, b: b, [1], (2,), check_types=False) == [2]
        with pytest.raises(TypeError, match="same sequence type"):
            nest.map_structure_with_paths(lambda path, a, b: b, [1], (2,))
        with pytest.raises(ValueError, match="Cannot map over no sequences"):
            nest.map_structure_with_tuple_paths_up_to([1], lambda path: 1)
        with pytest.raises(ValueError, match=r"keys are not a subset of the input_tree's keys.*\['a'\]"):
            nest.map_structure_with_tuple_paths(lambda path, a, b: a, {"a": 1}, {"b": 1})

    def test_how_deep_a_function_goes(self):
        from hookloop.python.util import nest

        depth = nest.get_traverse_shallow_structure
        assert depth(lambda part: not isinstance(part, tuple), [1, (2, 3), [4]]) == [True, False, [True]]
        assert depth(lambda part: [True, False] if isinstance(part, list) else True, [(1,), (2,)]) == [(True,), False]
        for answer, structure, text in (
            ([True], 5, r"traverse_fn returned structure: \[True\] for non-structure: 5"),
            (3, [5], r"traverse_fn returned a non-bool scalar: 3 for input: \[5\]"),
            ([3], [5], r"didn't return a depth=1 structure of bools.  saw: \[3\]"),
        ):
            with pytest.raises(TypeError, match=text):
                depth(lambda part, answer=answer: answer, structure)


class TestShallow:
    """`nest` down to the leaves of a shallower structure."""

    def test_parts(self):
        from hookloop.python.util import nest

        shallow, deep = [0, {"b": 0, "a": (0,)}], [[5, "a"], {"a": (6,), "b": ["b", 7]}]
        assert nest.flatten_up_to(shallow, deep) == [[5, "a"], 6, ["b", 7]]
        assert nest.map_structure_up_to(shallow, lambda x, y: (x, y), deep, shallow) == [
            ([5, "a"], 0), {"b": (["b", 7], 0), "a": ((6, 0),)},
        ]  # fmt: skip
        assert nest.flatten_up_to(0, deep) == [deep]
        assert nest.flatten_up_to([0, 0], (1, [2]), check_types=False) == [1, [2]]
        assert nest.flatten_up_to([0], [1, 2], check_subtrees_length=False) == [1]
        assert nest.flatten_up_to({"a": 0}, {"a": 1, "b": 2}, check_subtrees_length=False) == [1]
        with pytest.raises(ValueError, match="Input structure has length 1, while shallow structure has length 2"):
            nest.flatten_up_to([0, 0], [1], check_subtrees_length=False)

    @pytest.mark.parametrize(
        "shallow, deep, error, text",
        [
            ([0, [0]], [1, 2], TypeError, "If shallow structure is a sequence, input must also be a sequence"),
            ([0, 0], (1, 2), TypeError, "don't have the same sequence type"),
            ([0, 0], [1], ValueError, "Input structure has length 1, while shallow structure has length 2"),
            ({"a": 0}, {"a": 1, "b": 2}, ValueError, "don't have the same sequence length"),
            ({"a": 0}, {"b": 1}, ValueError, r"keys are not a subset .* not in the input_tree: \['a'\]"),
        ],
    )
    def test_structures_that_do_not_fit(self, shallow, deep, error, text):
        from hookloop.python.util import nest

        with pytest.raises(error, match=text):
            nest.assert_shallow_structure(shallow, deep)

    def test_items_of_dicts(self):
        from hookloop.python.util import nest

        assert nest.flatten_dict_items({(4, 5): [("a",), "b"]}) == {4: "a", 5: "b"}
        with pytest.raises(ValueError, match=r"Key had 2 elements, but value had 3 elements. Key: \[4, 5\], value: "):
            nest.flatten_dict_items({(4, 5): ("a", "b", "c")})
        assert nest.flatten_dict_items({(4, (5, 6)): ("a", ("b", "c")), 7: [1]}) == {4: "a", 5: "b", 6: "c", 7: [1]}
        with pytest.raises(ValueError, match="key 4 is not unique"):
            nest.flatten_dict_items({(4, 4): ("a", "b")})
        with pytest.raises(TypeError, match="input must be a dictionary"):
            nest.flatten_dict_items([4])
        with pytest.raises(ValueError, match="Cannot map over no sequences"):
            nest.map_structure_up_to([0], len)


def test_moving_averages_by_their_path(executor):
    from hookloop.python.training import moving_averages

    v = tf.Variable(10.0)
    plain = moving_averages.assign_moving_average(v, 2.0, 0.75, zero_debias=False)
    value, weight = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    weighted = moving_averages.weighted_moving_average(value, 0.5, weight)
    assert weighted.name == "WeightedMovingAvg/WeightedMovingAvg:0"
    assert [v.op.name for v in tf.global_variables()[1:]] == [
        "WeightedMovingAvg/value_x_weight",
        "WeightedMovingAvg/weight",
    ]
    assert tf.trainable_variables() == [v]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(plain) == 8
        assert session.run(weighted, {value: 3.0, weight: 2.0}) == 3
        assert session.run(weighted, {value: 6.0, weight: 1.0}) == 4.5


def test_stacks_of_defaults():
    from hookloop.python.framework import ops

    assert ops._default_session_stack.get_default() is None
    session = tf.Session()
    context = session.as_default()
    context.__enter__()
    assert ops._default_session_stack.get_default() is session
    ops._default_session_stack.reset()
    assert tf.get_default_session() is None


def test_values_that_libraries_ask_the_wrapper_of_c_for():
    from hookloop.python import pywrap_tensorflow

    def value(tensor):
        return pywrap_tensorflow.TF_TryEvaluateConstant_wrapper(tensor.graph._c_graph, tensor._as_tf_output())

    total = value(tf.reduce_sum(tf.constant([1, 2, 4])) * 2)
    assert isinstance(total, np.int32) and total == 14
    assert isinstance(value(tf.less(tf.constant(1.0), 2.0)), np.bool_)
    np.testing.assert_array_equal(value(tf.concat([[1.5], tf.zeros([2])], 0)), np.float32([1.5, 0, 0]))
    assert value(tf.placeholder(tf.bool, [])) is None
    assert value(tf.random_uniform([2])) is None


def test_names_that_libraries_take_from_the_framework():
    from hookloop.python.framework import ops

    def shape(op):
        return op

    assert ops.RegisterShape("MyOp")(shape) is shape
    with pytest.raises(TypeError, match="op_type must be a string"):
        ops.RegisterShape(1)
    with pytest.raises(TypeError, match="using a `tf.Tensor` as a Python `bool` is not allowed"):
        tf.Tensor.__nonzero__(tf.constant(True))
    assert tf.contrib.util.constant_value(tf.constant([1, 2])).tolist() == [1, 2]
    assert tf.contrib.util.constant_value(tf.placeholder(tf.float32)) is None
    assert tf.contrib.util.make_ndarray(tf.contrib.util.make_tensor_proto([1.0])).tolist() == [1.0]


def test_whether_a_variable_is_of_a_resource():
    from hookloop.python.ops.resource_variable_ops import is_resource_variable

    of_both = [tf.get_variable(name, [], use_resource=name == "resource") for name in ("resource", "reference")]
    stand_in = type("StandIn", (), {"_should_act_as_resource_variable": None})()
    found = [is_resource_variable(v) for v in (*of_both, tf.constant(1.0), stand_in)]
    assert found == [True, False, False, True]


def test_shapes_that_broadcast():
    from hookloop.python.framework import common_shapes

    assert common_shapes.broadcast_shape([3, 1], [4]).as_list() == [3, 4]
    assert common_shapes.is_broadcast_compatible(tf.TensorShape(None), [2])
    assert not common_shapes.is_broadcast_compatible([3], [2])
    assert common_shapes.has_fully_defined_shape(tf.ones([2])) and not common_shapes.has_fully_defined_shape(
        tf.placeholder(tf.float32)
    )


def test_decorators():
    from hookloop.python.util import tf_contextlib, tf_decorator, tf_export, tf_inspect

    def inner(a, b=1):
        """Text."""
        return a

    outer = tf_decorator.make_decorator(inner, lambda *args: inner(*args) + 1)
    assert (outer(1), outer.__name__, outer.__doc__) == (2, "inner", "Text.")
    assert tf_decorator.unwrap(outer) == ([outer], inner)
    assert tf_inspect.getfullargspec(inner).args == ["a", "b"]
    assert tf_export.tf_export("a.b", v1=["c"])(inner) is inner
    tf_export.tf_export("a").export_constant(__name__, "CONSTANT")

    @tf_contextlib.contextmanager
    def within():
        yield 3

    with within() as value:
        assert value == 3


def test_messages_by_their_path():
    from hookloop.core.example import example_pb2, feature_pb2
    from hookloop.core.framework import graph_pb2, summary_pb2
    from hookloop.core.protobuf import config_pb2, saver_pb2

    assert config_pb2.ConfigProto is tf.ConfigProto and graph_pb2.GraphDef is tf.GraphDef
    assert summary_pb2.Summary is tf.Summary and saver_pb2.SaverDef is tf.train.SaverDef
    assert example_pb2.Example is tf.train.Example and feature_pb2.Features is tf.train.Features


def test_codes_of_errors_by_their_path():
    from hookloop.core.lib.core import error_codes_pb2

    assert error_codes_pb2.OUT_OF_RANGE == tf.errors.OUT_OF_RANGE == 11


def test_shapes_that_functions_make():
    from hookloop.python.framework import tensor_shape

    assert tensor_shape.scalar().as_list() == [] and tensor_shape.vector(3).as_list() == [3]
    assert tensor_shape.matrix(2, None).as_list() == [2, None]
    assert tensor_shape.unknown_shape().ndims is None and tensor_shape.unknown_shape(2).as_list() == [None, None]
    assert tensor_shape.unknown_shape(ndims=1).ndims == 1
    with pytest.raises(TypeError, match="Unknown argument"):
        tensor_shape.unknown_shape(size=1)
    size = tensor_shape.as_dimension(3)
    assert tensor_shape.as_dimension(size) is size and tensor_shape.dimension_value(size) == 3
    assert tensor_shape.TensorShape is tf.TensorShape and tensor_shape.as_shape([1]).ndims == 1


def test_the_devices_of_the_machine():
    from hookloop.python.client import device_lib

    (device,) = device_lib.list_local_devices()
    assert (device.name, device.device_type) == ("/device:CPU:0", "CPU")
    assert 'device_type: "CPU"' in repr(device)


def test_there_is_no_eager_mode():
    from hookloop.python.eager import context

    with context.graph_mode():
        assert not context.executing_eagerly() and context.in_graph_mode() and context.num_gpus() == 0
        assert not context.in_eager_mode()


def test_functions_of_files(tmp_path):
    from hookloop.python.lib.io import file_io

    path = tmp_path / "a.txt"
    file_io.write_string_to_file(path, "text")
    assert file_io.read_file_to_string(path) == "text" and file_io.read_file_to_string(path, True) == b"text"
    file_io.recursive_create_dir(tmp_path / "deep" / "er")
    other = tmp_path / "deep" / "b.txt"
    file_io.atomic_write_string_to_file(other, "text")
    assert file_io.filecmp(path, other) and sorted(file_io.list_directory(tmp_path / "deep")) == ["b.txt", "er"]
    file_io.atomic_write_string_to_file(other, "none")
    assert not file_io.filecmp(path, other)
    with pytest.raises(tf.errors.AlreadyExistsError, match="file already exists"):
        file_io.atomic_write_string_to_file(other, "again", overwrite=False)
    assert file_io.read_file_to_string(other) == "none" and len(file_io.list_directory(tmp_path / "deep")) == 2
    file_io.delete_recursively(tmp_path / "deep")
    assert not file_io.file_exists(other) and file_io.FileIO is tf.gfile.GFile


class TestDeprecation:
    def warned(self, monkeypatch):
        from hookloop.python.util import deprecation

        texts = []
        monkeypatch.setattr(deprecation, "warning", lambda text, *args: texts.append(text % args))
        return deprecation, texts

    def test_a_function_is_named_at_its_first_call(self, monkeypatch):
        deprecation, texts = self.warned(monkeypatch)

        @deprecation.deprecated("2030-01-01", "Use another.")
        def function(x):
            """Adds one."""
            return x + 1

        assert (function(1), function(2), function.__doc__) == (2, 3, "Adds one.")
        (text,) = texts
        assert "function (from tests.test_python_paths) is deprecated and will be removed after 2030-01-01" in text
        assert text.endswith("Use another.")

    def test_notices_can_be_switched_off(self, monkeypatch):
        deprecation, texts = self.warned(monkeypatch)
        function = deprecation.deprecated(None, "Use another.", warn_once=False)(lambda: 1)
        with deprecation.silence():
            function()
        monkeypatch.setattr(deprecation, "_PRINT_DEPRECATION_WARNINGS", False)
        function()
        assert texts == []
        monkeypatch.setattr(deprecation, "_PRINT_DEPRECATION_WARNINGS", True)
        function()
        function()
        assert len(texts) == 2 and "removed in a future version" in texts[0]


class TestTestUtil:
    def run(self, cls):
        import unittest

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
        return result

    def test_decorated_tests_run_in_their_graph(self):
        from hookloop.python.framework import test_util

        @test_util.run_all_in_graph_and_eager_modes
        class Whole(test_util.TensorFlowTestCase):
            def test_value(self):
                assert tf.get_default_session() is not None
                self.assertAllEqual(self.evaluate(tf.constant([1, 2])), [1, 2])

        class Single(test_util.TensorFlowTestCase):
            @test_util.run_deprecated_v1
            @test_util.disable_xla("no such compiler")
            def test_first(self):
                self.assertEqual(self.evaluate(tf.constant(1)), 1)

            @test_util.run_v1_only("b/1")
            @test_util.run_in_graph_and_eager_modes(use_gpu=True)
            def test_second(self):
                with test_util.use_gpu(), test_util.device(use_gpu=False):
                    self.assertEqual(self.evaluate(tf.constant(2)), 2)

            @test_util.run_gpu_only
            def test_gpu(self):
                raise AssertionError("there is none")

            @test_util.run_v2_only
            def test_second_version(self):
                raise AssertionError("this is the first")

            @test_util.skip_if(lambda: True)
            def test_left_out(self):
                raise AssertionError("it is left out")

        for cls, skipped in ((Whole, 1), (Single, 3)):  # test_session is skipped too
            result = self.run(cls)
            assert result.wasSuccessful() and len(result.skipped) == skipped and result.testsRun >= 1

    def test_a_class_is_no_test(self):
        from hookloop.python.framework import test_util

        with pytest.raises(ValueError, match="only supports test methods"):
            test_util.run_in_graph_and_eager_modes(type("Whole", (), {}))

    def test_nodes_of_a_graph(self):
        from hookloop.python.framework import test_util

        with tf.Graph().as_default() as graph:
            tf.constant(1, name="a")
        assert list(test_util.assert_ops_in_graph({"a": "Const"}, graph)) == ["a"]
        assert test_util.get_node_def_from_graph("a", graph.as_graph_def()).op == "Const"
        assert test_util.get_node_def_from_graph("b", graph.as_graph_def()) is None
        with pytest.raises(ValueError, match=r"Expected op for node a is different\. Add vs Const"):
            test_util.assert_ops_in_graph({"a": "Add"}, graph)
        with pytest.raises(ValueError, match="Not all expected ops are present"):
            test_util.assert_ops_in_graph({"b": "Add"}, graph.as_graph_def())

    def test_where_channels_stand(self):
        from hookloop.python.framework import test_util

        assert test_util.NHWCToNCHW([2, 3, 4, 5]) == [2, 5, 3, 4]
        assert test_util.NCHWToNHWC([2, 5, 3, 4]) == [2, 3, 4, 5]
        value = np.arange(24.0).reshape(1, 2, 3, 4)
        with tf.Graph().as_default(), tf.Session() as session:
            moved = session.run(test_util.NHWCToNCHW(tf.constant(value)))
            np.testing.assert_array_equal(moved, value.transpose(0, 3, 1, 2))
            np.testing.assert_array_equal(session.run(test_util.NCHWToNHWC(tf.constant(moved))), value)


@pytest.fixture
def checkpoint(tmp_path):
    """The prefix of a checkpoint beside the files of its graph, a saver and a SavedModel."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        with tf.device("/cpu:0"):
            v = tf.get_variable("v", initializer=10.0)
        w = tf.get_variable("w", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=True)
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        y = tf.add(tf.matmul(x, w), v, name="y")
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver()
        prefix = saver.save(session, str(tmp_path / "c"))
        tf.train.write_graph(graph, str(tmp_path), "graph.pbtxt")
        tf.train.write_graph(graph, str(tmp_path), "graph.pb", as_text=False)
        (tmp_path / "saver.pbtxt").write_text(str(saver.as_saver_def()))
        tf.saved_model.simple_save(session, str(tmp_path / "model"), {"x": x}, {"y": y})
    return prefix


class TestInspectCheckpoint:
    @pytest.mark.parametrize(
        "options, wanted",
        [
            ({}, "v (DT_FLOAT) []\nw (DT_FLOAT) [2,2]\n\n# Total number of params: 5\n"),
            ({"all_tensor_names": True}, "tensor_name:  v\ntensor_name:  w\n# Total number of params: 5\n"),
            (
                {"all_tensors": True, "count_exclude_pattern": "w"},
                "tensor_name:  v\n10.0\ntensor_name:  w\n[[1. 2.]\n [3. 4.]]\n# Total number of params: 1\n",
            ),
            ({"tensor_name": "v"}, "tensor_name:  v\n10.0\n# Total number of params: 5\n"),
        ],
    )
    def test_what_is_printed(self, checkpoint, capsys, options, wanted):
        from hookloop.python.tools.inspect_checkpoint import print_tensors_in_checkpoint_file

        print_tensors_in_checkpoint_file(checkpoint, **{"tensor_name": "", "all_tensors": False, **options})
        assert capsys.readouterr().out == wanted

    def test_what_is_not_there_is_printed(self, checkpoint, capsys):
        from hookloop.python.tools.inspect_checkpoint import print_tensors_in_checkpoint_file

        print_tensors_in_checkpoint_file(checkpoint, "z", all_tensors=False)
        print_tensors_in_checkpoint_file(checkpoint + "-none", "", all_tensors=True)
        out = capsys.readouterr().out
        assert "Key z not found in checkpoint" in out and "Failed to find any matching files" in out


class TestFreezeGraph:
    def freeze(self, checkpoint, **given):
        from hookloop.python.tools import freeze_graph

        directory = checkpoint.rsplit("/", 1)[0] + "/"
        options = {
            "input_graph": "graph.pbtxt", "input_saver": "", "input_binary": False, "input_checkpoint": checkpoint,
            "output_node_names": "y", "restore_op_name": "", "filename_tensor_name": "", "output_graph": directory + "out.pb",
            "clear_devices": True, "initializer_nodes": "", **given,
        }  # fmt: skip
        for name in ("input_graph", "input_saver", "input_meta_graph", "input_saved_model_dir"):
            if options.get(name):
                options[name] = directory + options[name]
        return freeze_graph.freeze_graph(**options), directory + "out.pb"

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"input_graph": "graph.pb", "input_binary": True},
            {"input_saver": "saver.pbtxt"},
            {"input_graph": "", "input_meta_graph": "c.meta", "input_binary": True},
            {"input_graph": "", "input_saved_model_dir": "model"},
            {"initializer_nodes": "v/Assign", "output_node_names": "y, v/read"},
        ],
        ids=["text", "binary", "saver", "meta graph", "SavedModel", "initializer"],
    )
    def test_variables_become_constants(self, checkpoint, given):
        frozen, path = self.freeze(checkpoint, **given)
        assert {node.name: node.op for node in frozen.node}["v"] == "Const"
        assert not any(node.device for node in frozen.node)
        with open(path, "rb") as file, tf.Graph().as_default(), tf.Session() as session:
            tf.import_graph_def(tf.GraphDef.FromString(file.read()), name="")
            assert session.run("y:0", {"x:0": [[1.0, 1.0]]}).tolist() == [[14.0, 16.0]]

    def test_only_some_variables(self, checkpoint):
        kinds = {node.name: node.op for node in self.freeze(checkpoint, variable_names_whitelist="w")[0].node}
        assert (kinds["v"], kinds["w"]) == ("VariableV2", "Const")
        kinds = {node.name: node.op for node in self.freeze(checkpoint, variable_names_blacklist="w")[0].node}
        assert (kinds["v"], kinds["w"]) == ("Const", "VarHandleOp")

    def test_devices_may_stay(self, checkpoint):
        frozen, _ = self.freeze(checkpoint, clear_devices=False, output_graph="")
        assert any("CPU" in node.device.upper() for node in frozen.node)

    def test_what_is_missing_is_said(self, checkpoint):
        with pytest.raises(OSError, match=r"Input graph file '.*none' does not exist!"):
            self.freeze(checkpoint, input_graph="none")
        with pytest.raises(ValueError, match=r"Input checkpoint '.*c-none' doesn't exist!"):
            self.freeze(checkpoint, input_checkpoint=checkpoint + "-none")
        with pytest.raises(ValueError, match="You need to supply the name of a node"):
            self.freeze(checkpoint, output_node_names="")


def test_the_debugger_is_imported_and_refuses():
    from hookloop.python import debug

    assert debug.has_inf_or_nan(None, np.array([1.0, np.nan])) and debug.has_inf_or_nan(None, np.array([1j * np.inf]))
    assert not any(debug.has_inf_or_nan(None, np.array(value)) for value in ([1], [], ["a"], [1.0]))
    with tf.Session() as session:
        with pytest.raises(
            NotImplementedError, match="LocalCLIDebugWrapperSession: hookloop has no debugger. NanTensorHook names"
        ):
            debug.LocalCLIDebugWrapperSession(session, ui_type="readline")
        with pytest.raises(NotImplementedError, match="LocalCLIDebugHook: hookloop has no debugger"):
            debug.LocalCLIDebugHook()
        with pytest.raises(NotImplementedError, match="watch_graph: hookloop has no debugger"):
            debug.watch_graph(None, session.graph, debug_urls="file://dumps")
        with pytest.raises(NotImplementedError, match="add_debug_tensor_watch: hookloop has no debugger"):
            debug.add_debug_tensor_watch(None, "a", 0)
    with pytest.raises(NotImplementedError, match="watch_graph_with_blacklists: hookloop has no debugger"):
        debug.watch_graph_with_blacklists(None, None)


def test_how_shapes_become_tensors_under_the_names_of_their_file():
    from hookloop.python.framework import constant_op

    convert = constant_op._tensor_shape_tensor_conversion_function
    assert convert(tf.TensorShape([2, 3])).name == "shape_as_tensor:0"
    assert convert(tf.TensorShape([2, 3]), dtype=tf.int64, name="q").dtype == tf.int64
    assert convert(tf.TensorShape([2**33])).dtype == tf.int64
    with pytest.raises(
        ValueError, match=r"Cannot convert a TensorShape to dtype int32; a dimension is too large \(8589934592\)"
    ):
        convert(tf.TensorShape([2, 2**33]), tf.int32)
    assert constant_op._dimension_tensor_conversion_function(tf.Dimension(3)).shape == ()
    assert constant_op._constant_tensor_conversion_function([1, 2]).shape == [2]
