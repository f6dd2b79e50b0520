"""What TensorFlow's files have beside public names, and libraries ask for: `framework.ops`, `python.util`."""

import numpy as np
import pytest

import hookloop as tf

# --- what libraries ask of framework.ops --------------------------------------------------------------------


def test_what_is_like_a_tensor():
    from hookloop.python.framework import ops

    variable, tensor = tf.Variable(1.0), tf.constant(1.0)
    slices = tf.IndexedSlices(tensor, tensor)
    assert [isinstance(x, ops._TensorLike) for x in (tensor, slices, variable, 1.0)] == [True, True, False, False]
    assert [ops.is_dense_tensor_like(x) for x in (tensor, slices, variable, 1.0)] == [True, False, True, False]
    assert ops._as_graph_element(1.0) is None and ops._as_graph_element(variable).op.type == "VariableV2"
    assert ops.uid() < ops.uid() and not isinstance(tensor, ops.EagerTensor)


def test_classes_may_count_as_tensors():
    from hookloop.python.framework import ops

    class Wrapped:
        name = dtype = property(lambda self: None)

    assert not tf.is_tensor(Wrapped()) and not ops.is_dense_tensor_like(Wrapped())
    ops.register_dense_tensor_like_type(Wrapped)
    assert tf.is_tensor(Wrapped()) and ops.is_dense_tensor_like(Wrapped())
    with pytest.raises(TypeError, match="Type int does not define a `name` property"):
        ops.register_dense_tensor_like_type(int)


def test_the_graph_of_inputs():
    from hookloop.python.framework import ops

    x = tf.Variable(1.0)
    with tf.Graph().as_default() as other:
        y = tf.constant(2.0)
        assert ops._get_graph_from_inputs([x, 1.0]) is x.graph
        assert ops._get_graph_from_inputs([1.0]) is other is ops._get_graph_from_inputs([y.op], other)
        with pytest.raises(ValueError, match=r'must be from the same graph as Tensor\("Variable:0"'):
            ops._get_graph_from_inputs([x, y])
        with pytest.raises(ValueError, match="is not from the passed-in graph"):
            ops._get_graph_from_inputs([x], other)
        with pytest.raises(TypeError, match="Input graph needs to be a Graph: a"):
            ops._get_graph_from_inputs([x], "a")


def test_names_below_scopes():
    from hookloop.python.framework import ops

    for name, bare in (("a/b", "b"), ("^a/b", "^b"), ("loc:@a/b/c", "loc:@b/c"), ("ab/c", "ab/c")):
        assert ops.strip_name_scope(name, "a/") == bare and ops.strip_name_scope(name, None) == name
    for name, below in (("b", "a/b"), ("^b", "^a/b"), ("loc:@b", "loc:@a/b")):
        assert ops.prepend_name_scope(name, "a") == below and ops.prepend_name_scope(name, "") == name
    assert ops.prepend_name_scope(None, "a") is None


def test_collections_of_a_program_are_in_meta_graphs():
    from hookloop.python.framework import ops

    class Named:
        def __init__(self, text):
            self.text = text

        def to_proto(self, export_scope=None):
            return tf.GraphDef(node=[tf.NodeDef(name=self.text)])

        @staticmethod
        def from_proto(message, import_scope=None):
            return Named(message.node[0].name)

    arguments = "named things", tf.GraphDef, Named.to_proto, Named.from_proto
    ops.register_proto_function(*arguments)
    assert ops.get_collection_proto_type("named things") is tf.GraphDef
    assert (ops.get_to_proto_function("named things"), ops.get_from_proto_function("named things")) == arguments[2:]
    with pytest.raises(KeyError, match="Registering two proto functions with name 'named things'!"):
        ops.register_proto_function(*arguments)
    with pytest.raises(TypeError, match="to_proto must be callable"):
        ops.register_proto_function("others", to_proto=1)
    tf.constant(1.0)
    tf.add_to_collection("named things", Named("one"))
    written = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        tf.train.import_meta_graph(written)
        assert [item.text for item in tf.get_collection("named things")] == ["one"]


def test_the_device_in_force_is_told():
    class Capture:
        device = None

        def _set_device(self, device):
            self.device = device

    capture, graph = Capture(), tf.get_default_graph()
    graph._apply_device_functions(capture)
    assert capture.device is None
    with tf.device("/job:a"), tf.device("/cpu:0"):
        graph._apply_device_functions(capture)
    assert capture.device == tf.constant(1.0).device or capture.device == "/job:a/device:CPU:0"


# --- what TensorFlow's files have beside public names ---------------------------------------------------------


def test_functions_of_op_types_are_found_beside_the_public_ones():
    from hookloop.python.ops import array_ops, control_flow_ops, io_ops, resource_variable_ops, unconnected_gradients

    x = tf.constant([1.0])
    assert array_ops.prevent_gradient(x).op.type == "PreventGradient"
    assert array_ops.shape_internal(x, optimize=False).op.type == "Shape"
    assert callable(io_ops.restore_v2) and callable(resource_variable_ops.resource_scatter_add)
    assert "prevent_gradient" not in array_ops.__all__ and "sum" not in array_ops.__all__
    other = tf.no_op()
    assert control_flow_ops.with_dependencies([other], x).op.control_inputs == [other]
    assert unconnected_gradients.UnconnectedGradients is tf.UnconnectedGradients


def test_deprecated_arguments_are_named_in_the_log(caplog):
    from hookloop.python.util import deprecation

    @deprecation.deprecated_args(None, "Say b.", "a", ("c", None))
    @deprecation.deprecated_arg_values("2020-01-01", "Say 1.", d=2)
    def function(a=None, c=None, d=1):
        return a, c, d

    assert [function(), function(None, None), function(c=3, d=2), function(d=2)] == [
        (None, None, 1), (None, None, 1), (None, 3, 2), (None, None, 2),
    ]  # fmt: skip
    told = [record.getMessage().split("\n")[0] for record in caplog.records]
    assert [text[text.index("with") :] for text in told] == [
        "with a is deprecated and will be removed in a future version.",
        "with c is deprecated and will be removed in a future version.",
        "with d=2 is deprecated and will be removed after 2020-01-01.",
    ]
    with pytest.raises(ValueError, match="Specify which argument is deprecated"):
        deprecation.deprecated_args(None, "")
    with pytest.raises(ValueError, match="Specify which argument values are deprecated"):
        deprecation.deprecated_arg_values(None, "")
    with pytest.raises(ValueError, match=r"not present in the function signature: \['b'\]"):
        deprecation.deprecated_args(None, "", "b")(lambda a: a)
    assert deprecation.deprecated_argument_lookup("new", 1, "old", None) == 1
    with pytest.raises(ValueError, match="Cannot specify both 'old' and 'new'"):
        deprecation.deprecated_argument_lookup("new", 1, "old", 2)


def test_deprecated_arguments_that_are_arrays(caplog):
    from hookloop.python.util import deprecation

    @deprecation.deprecated_args(None, "Say b.", ("a", None), ("c", np.array([1, 2])), warn_once=False)
    def function(a=None, c=None):
        return a

    assert function(c=np.array([1, 2])) is None
    assert not caplog.records
    assert function(np.zeros(3), np.array([1, 3])).shape == (3,)
    assert [record.getMessage().split(" with ")[1][:2] for record in caplog.records] == ["a ", "c "]


def test_arguments_and_names_of_functions():
    import functools

    from hookloop.python import tf2
    from hookloop.python.util import function_utils

    class Model:
        def __call__(self, features, labels, **more):
            return features

        def method(self, x):
            return x

    def function(a, b, c):
        return a

    assert function_utils.fn_args(function) == ("a", "b", "c")
    assert function_utils.fn_args(functools.partial(function, 1, c=2)) == ("b",)
    assert function_utils.fn_args(Model()) == ("features", "labels")
    assert function_utils.fn_args(Model().method) == ("x",)
    assert [function_utils.has_kwargs(f) for f in (Model(), functools.partial(Model()), function)] == [
        True,
        True,
        False,
    ]
    names = [function_utils.get_func_name(f) for f in (function, Model().method, functools.partial(function))]
    assert names == ["function", "Model.method", "<class 'functools.partial'>"]
    assert function_utils.get_func_code(function) is function.__code__
    assert function_utils.get_func_code(functools.partial(function)) is None
    for ask in (function_utils.get_func_name, function_utils.get_func_code):
        with pytest.raises(ValueError, match="Argument must be callable"):
            ask(1)
    with pytest.raises(TypeError, match="fn should be a function-like object, but is of type <class 'int'>"):
        function_utils.has_kwargs(1)
    assert tf2.enabled() is False


def test_modules_that_show_what_their_text_names(monkeypatch):
    import sys
    import types

    from hookloop.python.util import all_util, lazy_loader

    module = types.ModuleType("some_module", "A text.\n\n@@shown\n@@absent\n")
    module.shown, module.more, module.other = 1, 2, 3
    monkeypatch.setitem(sys.modules, "some_module", module)
    assert all_util.make_all("some_module") == ["shown"]
    all_util.remove_undocumented("some_module", ["more"])
    assert [hasattr(module, name) for name in ("shown", "more", "other")] == [True, True, False]
    all_util.reveal_undocumented("some_module.other")
    assert module.other == 3
    with pytest.raises(LookupError, match="Symbol some_module.absent is not a hidden symbol"):
        all_util.reveal_undocumented("some_module.absent")
    namespace = {}
    namespace["lazy"] = lazy_loader.LazyLoader("lazy", namespace, "some_module")
    assert namespace["lazy"].shown == 1 and namespace["lazy"] is module


def test_events_by_the_wrapper_of_tensorflow(tmp_path):
    from hookloop.python import pywrap_tensorflow

    writer = pywrap_tensorflow.EventsWriter(str(tmp_path / "events").encode())
    writer.WriteEvent(tf.Event(step=3, summary=tf.Summary(value=[tf.Summary.Value(tag="a", simple_value=0.5)])))
    writer.Flush()
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("events.out.tfevents.") and str(path).encode() == writer.FileName()
    first, second = tf.train.summary_iterator(str(path))
    assert first.file_version == "brain.Event:2" and (second.step, second.summary.value[0].simple_value) == (3, 0.5)
    with pytest.raises(TypeError, match="Expected an event_pb2.Event proto,  but got <class 'int'>"):
        writer.WriteEvent(3)
    writer.InitWithSuffix(b".end")
    writer.Close()
    assert writer.FileName().endswith(b".end") and len(list(tmp_path.iterdir())) == 2


def test_values_are_converted_one_by_one():
    from hookloop.python.framework import ops

    slices = tf.IndexedSlices(tf.constant([1.0]), tf.constant([0]))
    assert [t.name for t in ops.convert_n_to_tensor([1, 2], name="n")] == ["n_0:0", "n_1:0"]
    converted = ops.convert_n_to_tensor_or_indexed_slices([slices, None, 3.0], name="m")
    assert converted[:2] == [slices, None] and converted[2].name == "m_2:0"
    with pytest.raises(ValueError, match="Tensor conversion requested dtype int32 for Tensor with dtype float32"):
        ops.internal_convert_to_tensor_or_indexed_slices(slices, tf.int32)


def test_what_the_default_graph_is_asked_by_functions():
    from hookloop.python.framework import ops

    tf.add_to_collection("mine", 1)
    with tf.name_scope("here"):
        assert (
            ops.get_name_scope() == "here" and ops.get_all_collection_keys() == ["mine"] and not ops.inside_function()
        )
    outside, inside = tf.constant(1, tf.int64), []

    def function(x):
        inside.append((ops.inside_function(), ops._get_graph_from_inputs([x, outside]) is tf.get_default_graph()))
        return x + outside

    tf.data.Dataset.range(3).map(function).make_initializable_iterator()
    assert inside == [(True, True)]
    with ops.NullContextmanager("anything", here=1) as nothing:
        assert nothing is None
    assert ops.get_gradient_function(tf.square(2.0).op) is not None


def test_types_of_references_have_names():
    from hookloop.python.framework import dtypes

    variable = tf.Variable(1.0, use_resource=False)
    assert dtypes.float32_ref == variable.dtype and dtypes.string_ref.base_dtype == tf.string
    with pytest.raises(AttributeError, match="has no attribute 'float31_ref'"):
        _ = dtypes.float31_ref


def test_second_derivatives_times_a_vector():
    from hookloop.python.ops import gradients_impl

    x, v = tf.constant([1.0, 2.0]), tf.constant([3.0, 5.0])
    y = x[0] ** 2 * x[1]
    (product,) = gradients_impl._hessian_vector_product(y, [x], [v])
    with tf.Session() as session:
        assert session.run(product).tolist() == [4 * 3 + 2 * 5, 2 * 3]
    with pytest.raises(ValueError, match="xs and v must have the same length."):
        gradients_impl._hessian_vector_product(y, [x], [])


def test_helpers_of_suites_that_have_nothing_to_do_here():
    from hookloop.python.framework import test_util

    test_util.InstallStackTraceHandler()
    asked = (test_util.IsMklEnabled, test_util.IsGoogleCudaEnabled, test_util.GpuSupportsHalfMatMulAndConv)
    assert not any(ask() for ask in asked)
    assert test_util.py_func_if_in_function(len) is len is test_util.also_run_as_tf_function(len)
    assert test_util.xla_allow_fallback("why")(len) is len
