"""Constants, conversion to tensors, and the errors of nodes that cannot be."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.ops.build import apply_op


def value_of(tensor):
    return tf.get_static_value(tensor)


@pytest.mark.parametrize(
    "value, dtype, shape",
    [
        (1, tf.int32, []), (2**40, tf.int64, []), (1.5, tf.float32, []), (True, tf.bool, []),
        ([1, 2.5], tf.float32, [2]), ([[1, 2], [3, 4]], tf.int32, [2, 2]), ("a", tf.string, []),
        ([b"a", "b"], tf.string, [2]), (1j, tf.complex128, []), (np.float64(1), tf.float64, []),
        (np.arange(3), tf.int64, [3]), (np.zeros((2, 0)), tf.float64, [2, 0]), ([], tf.float32, [0]),
        (np.array(["a"]), tf.string, [1]), ((1, 2), tf.int32, [2]), (tf.TensorShape([2, 3]), tf.int32, [2]),
        ([tf.Dimension(2), 3], tf.int32, [2]),
    ],
)  # fmt: skip
def test_constants_get_tensorflows_types(value, dtype, shape):
    constant = tf.convert_to_tensor(value)
    assert constant.dtype is dtype
    assert constant.shape.as_list() == shape
    assert value_of(constant).dtype == dtype.as_numpy_dtype


def test_a_constant_does_not_change_with_its_array():
    array = np.zeros(2)
    constant = tf.constant(array)
    array[0] = 5
    assert value_of(constant).tolist() == [0, 0]


def test_a_constants_shape_repeats_the_last_value():
    assert value_of(tf.constant(3.0, shape=[2, 2])).tolist() == [[3, 3], [3, 3]]


def values_listed(graph):
    """Of the constants of a graph's GraphDef, how they are written."""
    tensors = [node.attr["value"].tensor for node in graph.as_graph_def().node]
    return [list(t.float_val) or list(t.int_val) or list(t.string_val) or t.tensor_content for t in tensors]


def test_a_graph_def_has_the_values_of_a_constant_that_were_given():
    tf.constant(1.5, shape=[1000])
    tf.constant([1, 2], shape=[50])
    tf.constant("a", shape=[5])
    tf.constant([[2.0]], shape=[3])
    tf.zeros([4])
    tf.constant([2.0, 2.0])
    wanted = [[1.5], [1, 2], [b"a"], [2.0], [0.0], np.float32([2, 2]).tobytes()]
    first = tf.get_default_graph()
    assert values_listed(first) == wanted
    with tf.Graph().as_default() as second:
        tf.import_graph_def(first.as_graph_def(), name="")
        with tf.Session() as session:
            assert session.run(["Const_1:0", "zeros:0"])[0].tolist() == [1] + [2] * 49
    assert values_listed(second) == wanted


@pytest.mark.parametrize("make", [
    lambda: tf.constant(1, name=""), lambda: tf.add(1, 2, name=""), lambda: tf.no_op(name=""),
    lambda: tf.split([1, 2], 2, name=""), lambda: tf.get_default_graph().create_op("NoOp", [], [], name=""),
])  # fmt: skip
def test_a_node_has_a_name(make):
    with pytest.raises(ValueError, match="'' is not a valid node name"):
        make()
    assert value_of(tf.constant([1, 2], shape=[3])).tolist() == [1, 2, 2]
    assert value_of(tf.constant([], shape=[3])).tolist() == [0, 0, 0]  # without a last value
    assert value_of(tf.constant(np.zeros([0, 2], bool), shape=[])).tolist() is False
    assert value_of(tf.constant([], tf.string, shape=[2])).tolist() == [b"", b""]
    assert value_of(tf.constant([1, 2, 3, 4], shape=[2, 2])).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: tf.constant(1.5, tf.int32), TypeError, "Expected int32, got 1.5 of type 'float' instead"),
        (lambda: tf.constant([1, 1.5], tf.int32), TypeError, "Expected int32, got 1.5 of type 'float'"),
        (lambda: tf.constant("a", tf.int32), TypeError, "Expected int32, got 'a' of type 'str' instead"),
        (lambda: tf.constant(1, tf.bool), TypeError, "Expected bool, got 1 of type 'int' instead"),
        (lambda: tf.constant(1, tf.string), TypeError, "Expected string, got 1 of type 'int' instead"),
        (lambda: tf.constant(2**40, tf.int32), ValueError, "expected int32 between .* does not fit"),
        (lambda: tf.constant(300, tf.uint8), ValueError, "expected uint8 between 0 and 255, got 300"),
        (lambda: tf.constant([1, [2]]), TypeError, "Failed to convert object of type <class 'list'>"),
        (lambda: tf.constant([[1, 2], [3]]), ValueError, r"Argument must be a dense tensor: .* wanted \[2, 2\]"),
        (lambda: tf.constant([1, None]), TypeError, r"Contents: \[1, None\]"),
        (lambda: tf.constant([1, None], tf.int32), TypeError, "Expected int32, got None of type 'NoneType'"),
        (lambda: tf.constant(object()), TypeError, "Failed to convert object of type <class 'object'>"),
        (lambda: tf.constant(None), ValueError, "None values not supported"),
        (lambda: tf.constant([1, 2, 3], shape=[2]), ValueError, "Needed at most 2, but received 3"),
        (lambda: tf.constant([1, 2], shape=[3], verify_shape=True), TypeError, "Expected Tensor's shape"),
        (lambda: tf.constant(1, shape=[None]), TypeError, "expected a fully defined shape"),
        (lambda: tf.convert_to_tensor(tf.TensorShape([None])), ValueError, "partially known TensorShape"),
        (lambda: tf.convert_to_tensor(tf.TensorShape([1]), tf.float32), TypeError, "to dtype: float32"),
        (lambda: tf.convert_to_tensor(tf.Dimension(None)), ValueError, "unknown Dimension"),
        (lambda: tf.constant(tf.constant(1)), TypeError, "List of Tensors when single Tensor expected"),
    ],
)  # fmt: skip
def test_values_that_are_no_constants(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_tensor_of_another_type_is_refused():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with pytest.raises(ValueError, match="Tensor conversion requested dtype int32 for Tensor with dtype float32"):
        tf.convert_to_tensor(x, tf.int32)
    assert tf.convert_to_tensor(x) is x


def test_the_preferred_type_is_taken_where_it_fits():
    assert tf.convert_to_tensor(1, preferred_dtype=tf.float32).dtype is tf.float32
    assert tf.convert_to_tensor(1.5, dtype_hint=tf.int32).dtype is tf.float32


def test_lists_with_tensors_are_packed(graph):
    x = tf.constant(1.0)
    graph_before = graph.version
    packed = tf.convert_to_tensor([x, 2.0], name="p")
    assert packed.op.type == "Pack"
    assert [op.name for op in graph.get_operations()[graph_before:]] == ["p/1", "p"]
    assert packed.dtype is tf.float32


def test_users_register_conversions():
    class Celsius:
        def __init__(self, degrees):
            self.degrees = degrees

    tf.register_tensor_conversion_function(
        Celsius,
        lambda value, dtype=None, name=None, as_ref=False: tf.constant(value.degrees, dtype, name=name),
    )
    assert value_of(tf.identity(Celsius(3.0)).op.inputs[0]) == 3.0
    with pytest.raises(TypeError, match="base_type must be a type"):
        tf.register_tensor_conversion_function(5, lambda value: value)
    with pytest.raises(TypeError, match="conversion_func must be callable"):
        tf.register_tensor_conversion_function(Celsius, 5)


def test_a_conversion_must_give_a_tensor():
    class Odd:
        pass

    tf.register_tensor_conversion_function(Odd, lambda value, dtype=None, name=None, as_ref=False: 5)
    with pytest.raises(RuntimeError, match="returned non-Tensor: 5"):
        tf.convert_to_tensor(Odd())


def test_values_become_constants_in_the_nodes_scope(graph):
    tf.identity(5, name="i")
    assert [op.name for op in graph.get_operations()] == ["i/input", "i"]


def test_an_unknown_op_is_refused(graph):
    with pytest.raises(ValueError, match="unknown op type 'Nonsense'"):
        apply_op("Nonsense", [])
    with pytest.raises(TypeError, match="expected 1 inputs for op 'Identity', got 2"):
        apply_op("Identity", [1, 2])
    with pytest.raises(ValueError, match="expected 1 inputs for op 'Identity', got 0"):
        graph.create_op("Identity", [])


def test_tensors_of_two_graphs_are_refused():
    x = tf.constant(1.0)
    with tf.Graph().as_default():
        y = tf.constant(1.0)
    with pytest.raises(ValueError, match="must be from the same graph as"):
        apply_op("IdentityN", [[x, y]])


def test_a_node_goes_to_the_graph_of_its_inputs():
    x = tf.constant(1.0)
    with tf.Graph().as_default():
        assert tf.identity(x).graph is x.graph


def test_shapes_that_do_not_fit_name_op_shapes_and_line():
    x = tf.placeholder(tf.float32, [2], name="x")
    with pytest.raises(ValueError) as error:
        tf.placeholder_with_default(x, [3], name="d")
    text = str(error.value)
    assert "2 and 3" in text
    assert "'d' (op: 'PlaceholderWithDefault')" in text
    assert "[2]" in text
    assert f"{__file__}:" in text


def test_protos_of_arrays():
    for array in (np.arange(6.0).reshape(2, 3), np.array(3), np.array([True]), np.array([1 + 2j]),
                  np.array([1.5], np.float16), np.zeros((0, 2), np.float32), np.array([2**40])):  # fmt: skip
        back = tf.make_ndarray(tf.make_tensor_proto(array))
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    assert tf.make_ndarray(tf.make_tensor_proto(1.0)).dtype == np.float32


@pytest.mark.parametrize(
    "values, options, field, listed",
    [
        (1.0, {"shape": [2, 3]}, "float_val", [1]),
        ([1, 2], {"shape": [2, 2], "dtype": tf.int64}, "int64_val", [1, 2]),
        ([1, 1], {"shape": [2]}, "tensor_content", b"\1\0\0\0" * 2),
        (np.array([1, 2], np.float16), {}, "half_val", [15360, 16384]),
        (np.array([1, 2], np.uint16), {}, "int_val", [1, 2]),
        ([True, False], {}, "bool_val", [True, False]),
        ([1 + 2j, 3], {}, "dcomplex_val", [1, 2, 3, 0]),
        ([1 + 2j], {"shape": [2], "dtype": tf.complex64}, "scomplex_val", [1, 2]),
        ("a", {"shape": [3]}, "string_val", [b"a"]),
        (7, {"shape": [0, 2]}, "int_val", []),
    ],
)
def test_where_a_proto_has_its_values(values, options, field, listed):
    proto = tf.make_tensor_proto(values, **options)
    found = getattr(proto, field)
    assert (found if field == "tensor_content" else list(found)) == listed
    shape = options.get("shape", list(np.shape(values)))
    assert list(tf.make_ndarray(proto).shape) == shape
    with tf.Session() as session:
        np.testing.assert_array_equal(tf.make_ndarray(proto), session.run(tf.constant(values, **options)))


def test_a_proto_of_a_type_without_arrays():
    from hookloop.graph.tensor_proto import array_to_proto, proto_to_array
    from hookloop.messages import AttrValue

    with pytest.raises(TypeError, match="Unsupported tensor type: variant"):
        array_to_proto(3, tf.variant)
    with pytest.raises(TypeError, match="Unsupported tensor type: resource"):
        proto_to_array(AttrValue(tensor={"dtype": tf.resource.as_datatype_enum}).tensor)


def test_parts_of_a_list_of_arrays_that_are_known():
    known = tf.get_static_value(tf.stack([np.ones([2]), tf.placeholder(tf.float64, [2])]), partial=True)
    assert known[0].tolist() == [1, 1] and known[1] is None
    parts = [tf.constant([1, 2]), tf.stack([tf.placeholder(tf.int32, []), 4])]
    assert tf.get_static_value(tf.stack(parts), partial=True).tolist() == [[1, 2], [None, 4]]


def test_group_and_tuple(graph):
    a, b = tf.constant(1, name="a"), tf.no_op(name="b")
    g = tf.group(a, [b], name="g")
    assert g.type == "NoOp" and g.control_inputs == [a.op, b]
    assert tf.group().name == "group_deps"
    first, none = tf.tuple([a, None], control_inputs=[b])
    assert none is None
    assert first.op.control_inputs[0].control_inputs == [a.op, b]
    with pytest.raises(ValueError, match="Unknown keyword arguments: nome"):
        tf.group(a, nome="g")
    with pytest.raises(TypeError, match="expected operations or tensors in tf.group"):
        tf.group(a, None)
    with pytest.raises(ValueError, match="Must have at least one Tensor"):
        tf.tuple([None])
    with pytest.raises(TypeError, match="Control input must be Operation or Tensor"):
        tf.tuple([a], control_inputs=[5])


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: tf.ones([2], tf.string), "Expected string, got 1 of type 'int' instead"),
        (lambda: tf.ones_like(["a"]), "Expected string, got 1 of type 'int' instead"),
        (lambda: tf.nn.bias_add([[True]], [True]), "parameter 'value' has DataType bool not in list of allowed values"),
        (
            lambda: tf.linspace(tf.constant(0.0, tf.float16), 1.0, 3),
            "parameter 'start' has DataType float16 not in list",
        ),
        (lambda: tf.scatter_add(tf.Variable(["a"]), [0], ["b"]), "parameter 'ref' has DataType string not in list"),
        (
            lambda: tf.scatter_nd_add(tf.Variable([True]), [[0]], [True]),
            "parameter 'ref' has DataType bool not in list",
        ),
        (lambda: tf.reverse(tf.placeholder(tf.resource), [0]), "parameter 'tensor' has DataType resource not in list"),
        (
            lambda: tf.shape(tf.placeholder(tf.float32), out_type=tf.float32),
            "parameter 'out_type' has DataType float32 not in list of allowed values: int32, int64",
        ),
        (
            lambda: tf.size(tf.placeholder(tf.float32), out_type=tf.bool),
            "parameter 'out_type' has DataType bool not in list",
        ),
        (lambda: tf.decode_raw("a", tf.string), "parameter 'out_type' has DataType string not in list"),
        (
            lambda: tf.multinomial([[1.0]], 1, output_dtype=tf.uint8),
            "parameter 'output_dtype' has DataType uint8 not in list",
        ),
        (lambda: tf.summary.image("i", tf.zeros([1, 2, 2, 1], tf.int32)), "has DataType int32 not in list"),
    ],
)
def test_types_that_tensorflow_refuses_too(build, text):

    with pytest.raises(TypeError, match=text):
        build()


@pytest.mark.parametrize(
    "build, dtype, value",
    [
        (lambda: tf.argmax([[1.0, 2.0]], 1, output_type=None), "int64", [1]),
        (lambda: tf.shape(tf.placeholder_with_default([1.0, 2.0], [None]), out_type=None), "int32", [2]),
        (lambda: tf.shape([1.0, 2.0], out_type=None), "int32", [2]),
        (lambda: tf.size([1.0, 2.0], out_type=None), "int32", 2),
        (lambda: tf.shape_n([[1.0, 2.0]], out_type=None)[0], "int32", [2]),
        (lambda: tf.searchsorted([1, 3, 5], [2, 4], out_type=None), "int32", [1, 2]),
        (lambda: tf.unique([1, 1, 2], out_idx=None).idx, "int32", [0, 0, 1]),
        (lambda: tf.unique_with_counts([1, 1, 2], out_idx=None).count, "int32", [2, 1]),
        (lambda: tf.setdiff1d([1, 2, 3], [2], index_dtype=None).idx, "int32", [0, 2]),
        (lambda: tf.string_to_number(["1", "2"], out_type=None), "float32", [1, 2]),
        (lambda: tf.bincount([1, 2, 2], dtype=None), "float32", [0, 1, 2]),
        (lambda: tf.sequence_mask([1, 2], dtype=None), "bool", [[True, False], [True, True]]),
        (lambda: tf.histogram_fixed_width([1.0, 1.5], [1.0, 2.0], 2, dtype=None), "int32", [1, 1]),
        (lambda: tf.linalg.lu(np.eye(2, dtype="f"), output_idx_type=None)[1], "int32", [0, 1]),
        (lambda: tf.random.stateless_multinomial([[0.0, -1e9]], 2, [1, 2], output_dtype=None), "int64", [[0, 0]]),
        (lambda: tf.random.poisson(1e-9, [2], dtype=None), "int64", [0, 0]),
        (lambda: tf.reduce_join(["a", "b"], 0, separator=None), "string", b"ab"),
        (lambda: tf.as_string([0.5], precision=None, width=None, fill=None), "string", [b"0.500000"]),
        (lambda: tf.argmax([[1.0, 2.0]], 1, output_type="int32"), "int32", [1]),
    ],
)
def test_none_is_the_default_of_an_attribute(build, dtype, value, executor):
    tensor = build()
    assert tensor.dtype.name == dtype
    with tf.Session() as session:
        assert np.asarray(session.run(tensor)).tolist() == value


def test_numbers_and_arrays_where_functions_take_tensors(executor):
    image = np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1)
    row = np.array([1.0, 2.0], np.float32)
    cases = {
        "lrn": (tf.nn.lrn(image, None, None, None, None), tf.nn.lrn(image)),
        "log_sigmoid": (tf.math.log_sigmoid([1.0, 2.0]), tf.math.log_sigmoid(row)),
        "polyval": (tf.math.polyval(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), row), tf.constant([4.0, 8.0])),
        "nextafter": (tf.math.nextafter([1, 2], np.array([2.0, 1.0])), tf.constant(np.nextafter(row, row[::-1]))),
        "matrix_diag": (
            tf.linalg.diag(row, k=None, num_rows=None, num_cols=None, padding_value=None),
            tf.linalg.diag(row),
        ),
        "scale": (tf.nn.scale_regularization_loss([1, 2]), tf.constant(3.0, tf.float64)),
    }
    with tf.Session() as session:
        for name, (found, expected) in cases.items():
            assert found.dtype == expected.dtype, name
            np.testing.assert_array_equal(*session.run([found, expected]), err_msg=name)
    with pytest.raises(TypeError, match="bias"):
        tf.nn.lrn(image, bias="much")
    with pytest.raises(ValueError, match="num_rows and num_cols must be -1"):
        tf.linalg.diag(row, num_rows=np.array([3, 3]))
