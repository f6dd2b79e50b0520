"""Feeds, fetches and graphs of any kind: a value, or an error of a class that users expect; the session is usable afterwards."""

import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import hookloop as tf

from .dose import dose

# What a wrong feed or fetch gets. No KeyError, IndexError, AttributeError or AssertionError from inside.
EXPECTED = (tf.errors.OpError, ValueError, TypeError, RuntimeError)
# Casting complex numbers to real ones and large ones to narrow types warns, as in NumPy.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")

DTYPES = [tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32, tf.int64, tf.bool,
          tf.complex64, tf.complex128, tf.string]  # fmt: skip

# --- feeds -----------------------------------------------------------------------------------------------------

_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=5), st.binary(max_size=5),
    st.builds(object), st.builds(np.float32, st.floats(width=32)), st.builds(np.int64, st.integers(-(2**63), 2**63 - 1)),
    st.dates(), st.just(len), st.just({}), st.just(...),
)  # fmt: skip
_nested = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=8)
_dtypes = st.one_of(
    npst.scalar_dtypes(), npst.byte_string_dtypes(), npst.unicode_string_dtypes(), st.just(np.dtype(object)),
    npst.array_dtypes(max_size=2),
)  # fmt: skip


@st.composite
def arrays(draw):
    """Arrays of any type, byte order, shape and strides."""
    dtype = draw(_dtypes)
    shape = draw(npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    if dtype.hasobject:
        array = np.empty(shape, object)
        for index in np.ndindex(shape):
            array[index] = draw(_scalars)
    else:
        array = draw(npst.arrays(dtype, shape))
    for _ in range(draw(st.integers(0, 2))):
        way = draw(st.sampled_from(["reverse", "step", "transpose", "broadcast", "fortran", "read-only", "offset"]))
        if way == "reverse":
            array = array[..., ::-1] if array.ndim else array
        elif way == "step":
            array = array[::2] if array.ndim else array
        elif way == "transpose":
            array = array.T
        elif way == "broadcast":
            array = np.broadcast_to(array, (2, *array.shape))
        elif way == "fortran":
            array = np.asfortranarray(array)
        elif way == "read-only":
            array = array.copy()
            array.flags.writeable = False
        elif not dtype.hasobject:
            data = b"\0" + array.tobytes()
            array = np.frombuffer(data, array.dtype, offset=1).reshape(array.shape) if array.size else array
    return array


_shapes = st.one_of(
    st.none(),
    st.lists(st.none() | st.integers(0, 3), max_size=4),
    npst.array_shapes(min_dims=0, max_dims=3, max_side=3),
)


@pytest.mark.parametrize("run", ["run", "callable"])
@dose(300)
@given(st.sampled_from(DTYPES), _shapes, st.lists(arrays() | _nested | _scalars, min_size=1, max_size=3))
def test_feeds(run, dtype, shape, values):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(dtype, None if shape is None else list(shape), name="x")
        fetches = [tf.identity(x), tf.shape(x)]
        if dtype not in (tf.string, tf.bool):
            fetches.append(x + tf.ones([], dtype))
        step = session.make_callable(fetches, [x]) if run == "callable" else lambda v: session.run(fetches, {x: v})
        for value in values:
            try:
                found = step(value)
            except EXPECTED as error:
                assert str(error)
            else:
                if not isinstance(found[0], bytes):
                    assert found[0].dtype == (object if dtype == tf.string else dtype.as_numpy_dtype)
                assert list(np.shape(found[0])) == found[1].tolist()
                if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and dtype != tf.string:
                    with np.errstate(all="ignore"):
                        np.testing.assert_array_equal(found[0], value.astype(dtype.as_numpy_dtype))
        assert session.run(tf.constant(2.0)) == 2.0


# --- fetches and the keys of feeds --------------------------------------------------------------------------------

Pair = collections.namedtuple("Pair", "left right")


def elements(graph):
    """What may be fetched, and what may not."""
    x, v = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("v:0")
    with tf.Graph().as_default():
        foreign = tf.constant(1.0)
    return [x, v, x.op, "x:0", "x", "v:0", "nothing:0", "x:7", "^x", ":", "", None, 3, 2.5, b"x:0", foreign, object(),
            tf.IndexedSlices(v, tf.constant([0])), np.ones(2), tf.float32, graph, slice(3)]  # fmt: skip


_indices = st.integers(0, 21)
_structures = st.recursive(
    _indices,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(st.text(max_size=2) | _indices, inner, max_size=3),
        st.builds(Pair, inner, inner), st.builds(lambda v: collections.OrderedDict(a=v), inner),
    ),
    max_leaves=8,
)  # fmt: skip


def filled(structure, found):
    if isinstance(structure, int):
        return found[structure]
    if isinstance(structure, dict):
        return type(structure)((key, filled(value, found)) for key, value in structure.items())
    if isinstance(structure, Pair):
        return Pair(*[filled(value, found) for value in structure])
    return type(structure)(filled(value, found) for value in structure)


def same_structure(structure, value):
    if isinstance(structure, int):
        return True
    if isinstance(structure, dict):
        return type(value) is type(structure) and value.keys() == structure.keys() and all(
            same_structure(part, value[key]) for key, part in structure.items()
        )  # fmt: skip
    return (
        type(value) is type(structure) and len(value) == len(structure) and all(map(same_structure, structure, value))
    )


@dose(500)
@given(
    st.lists(_structures, min_size=1, max_size=3),
    st.dictionaries(_indices, _indices, max_size=2),
    st.sampled_from(["run", "steps"]),
)
def test_fetches_and_keys(structures, feeds, way):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder_with_default(1.0, [], name="x")
        tf.get_variable("v", [2, 2], initializer=tf.ones_initializer())
        session.run(tf.global_variables_initializer())
        found = elements(graph)
        for structure in structures:
            fetches = filled(structure, found)
            try:
                keys = {found[key]: found[value] for key, value in feeds.items()}
                value = session.run(fetches, keys) if way == "run" else session.run_steps(fetches, 2, keys)
            except EXPECTED as error:
                assert str(error)
            else:
                assert way == "steps" or same_structure(structure, value)
        assert session.run(x * 2) == 2.0


# --- graphs ----------------------------------------------------------------------------------------------------------


def _linear():
    x = tf.placeholder(tf.float32, [None, 3], name="in")
    w = tf.get_variable("w", [3, 2], initializer=tf.ones_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w)), name="out")
    tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, name="train")


def _control():
    x = tf.placeholder(tf.int32, [], name="in")
    y = tf.while_loop(lambda i, a: i < x, lambda i, a: (i + 1, a * 2.0), [0, tf.constant(1.0)])[1]
    tf.cond(x > 2, lambda: y + 1, lambda: tf.cast(x, tf.float32), name="branch")
    tf.identity(y, name="out")


def _shapes_and_text():
    x = tf.placeholder(tf.float32, [None, 4], name="in")
    y = tf.transpose(tf.reshape(x, [-1, 2, 2]), [0, 2, 1])[:, ::-1, 1:]
    z = tf.concat([y, tf.tile(y, [1, 1, 2])], 2)
    z = tf.gather(z, tf.argmax(tf.reduce_sum(z, 2), 1), axis=1)
    tf.pad(tf.strided_slice(z, [0, 0, 0], [9, 9, 9]), [[0, 0], [1, 1], [0, 1]], name="out")
    tf.string_join([tf.as_string(tf.shape(x)), "|"], name="text")


def _convolution():
    x = tf.placeholder(tf.float32, [None, 6, 6, 2], name="in")
    y = tf.nn.conv2d(x, tf.ones([3, 3, 2, 4]), strides=[1, 2, 2, 1], padding="SAME")
    y = tf.nn.max_pool(tf.nn.relu(y), [1, 2, 2, 1], [1, 1, 1, 1], "VALID")
    tf.nn.softmax(tf.reshape(y, [-1, 16]), name="out")
    tf.nn.top_k(tf.reshape(y, [-1]), 2)
    dataset = tf.data.Dataset.range(10).shuffle(4, seed=1).repeat(2).batch(3)
    tf.identity(dataset.make_one_shot_iterator().get_next(), name="data")


FEEDS = {"_linear": np.ones((2, 3), "f"), "_control": np.int32(3), "_shapes_and_text": np.ones((3, 4), "f"),
         "_convolution": np.ones((1, 6, 6, 2), "f")}  # fmt: skip
GRAPHS = [_linear, _control, _shapes_and_text, _convolution]


def _message(make):
    with tf.Graph().as_default() as graph:
        make()
        return graph.as_graph_def()


MESSAGES = {make.__name__: _message(make) for make in GRAPHS}
_NUMBERS = st.one_of(st.integers(-3, 6), st.sampled_from([2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**40]))


def _other_attribute(draw, value):
    """An attribute's value, of its kind or another one."""
    kind = draw(st.sampled_from(["i", "type", "s", "b", "f", "shape", "list", "tensor", "nothing", "of another"]))
    if kind == "i":
        value.i = draw(_NUMBERS)
    elif kind == "type":
        value.type = draw(st.sampled_from([1, 2, 3, 4, 7, 9, 10, 20, 21, 101, 0]))
    elif kind == "s":
        value.s = draw(st.binary(max_size=6))
    elif kind == "b":
        value.b = draw(st.booleans())
    elif kind == "f":
        value.f = draw(st.floats(width=32))
    elif kind == "shape":
        value.shape.Clear()
        value.shape.unknown_rank = draw(st.booleans())
        for size in draw(st.lists(_NUMBERS, max_size=3)):
            value.shape.dim.add(size=size)
    elif kind == "list":
        value.list.Clear()
        value.list.i.extend(draw(st.lists(_NUMBERS, max_size=5)))
    elif kind == "tensor":
        _other_tensor(draw, value.tensor)
    else:
        value.Clear()


def _other_tensor(draw, tensor):
    way = draw(st.sampled_from(["content", "shape", "type", "values", "huge"]))
    if way == "content":
        tensor.tensor_content = draw(st.binary(max_size=24))
    elif way == "shape":
        tensor.tensor_shape.Clear()
        for size in draw(st.lists(st.integers(-2, 5), max_size=3)):
            tensor.tensor_shape.dim.add(size=size)
    elif way == "type":
        tensor.dtype = draw(st.sampled_from([1, 2, 3, 4, 7, 9, 10, 14, 20, 101]))
    elif way == "values":
        tensor.int_val.extend(draw(st.lists(st.integers(-3, 6), max_size=4)))
        tensor.float_val.extend(draw(st.lists(st.floats(width=32), max_size=2)))
    elif tensor.tensor_shape.dim:
        tensor.tensor_shape.dim[0].size = draw(_NUMBERS)


@st.composite
def graph_defs(draw):
    name = draw(st.sampled_from(sorted(MESSAGES)))
    message = type(MESSAGES[name]).FromString(MESSAGES[name].SerializeToString())
    other = MESSAGES[draw(st.sampled_from(sorted(MESSAGES)))]
    nodes = message.node
    for _ in range(draw(st.integers(1, 3))):
        node = nodes[draw(st.integers(0, len(nodes) - 1))]
        way = draw(
            st.sampled_from(
                [
                    "op",
                    "input",
                    "inputs",
                    "control",
                    "name",
                    "attribute",
                    "attribute",
                    "constant",
                    "constant",
                    "remove",
                    "device",
                ]
            )
        )
        if way == "op":
            node.op = draw(st.sampled_from([n.op for n in other.node] + ["NoSuchOp", ""]))
        elif way == "input" and node.input:
            source = nodes[draw(st.integers(0, len(nodes) - 1))].name
            node.input[draw(st.integers(0, len(node.input) - 1))] = draw(
                st.sampled_from(
                    [source, source + ":1", source + ":99", "^" + source, "none", "", ":", "a:b", source + ":-1"]
                )
            )
        elif way == "inputs":
            if draw(st.booleans()) and node.input:
                node.input.pop()
            else:
                node.input.append(nodes[draw(st.integers(0, len(nodes) - 1))].name)
        elif way == "control":
            node.input.append("^" + nodes[draw(st.integers(0, len(nodes) - 1))].name)
        elif way == "name":
            node.name = draw(st.sampled_from([nodes[0].name, "", "a b", "_x", "x/", "\x00"]))
        elif way == "attribute" and node.attr:
            _other_attribute(draw, node.attr[draw(st.sampled_from(sorted(node.attr)))])
        elif way == "constant":
            constants = [n for n in nodes if n.op == "Const"]
            if constants:
                _other_tensor(draw, constants[draw(st.integers(0, len(constants) - 1))].attr["value"].tensor)
        elif way == "device":
            node.device = draw(st.sampled_from(["/gpu:0", "nonsense", "/cpu:99", "/job:x/task:-1"]))
        elif way == "remove" and len(nodes) > 1:
            del nodes[draw(st.integers(0, len(nodes) - 1))]
    return name, message


@dose(300)
@given(graph_defs())
def test_graphs_that_were_changed(changed):
    name, message = changed
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(message, name="")
        except (tf.errors.OpError, ValueError, TypeError) as error:
            assert str(error)
            assert graph.get_operations() == []
            return
        targets = [
            n
            for n in ("out", "train", "text", "branch/Merge", "data")
            if n in {op.name for op in graph.get_operations()}
        ]
        config = tf.ConfigProto(operation_timeout_in_ms=5000)
        with tf.Session(config=config) as session:
            for run in (
                ["w/Assign", "out/Momentum/Assign"],
                ["w/Assign", "w/Momentum/Assign"],
                *[[t] for t in targets],
            ):
                try:
                    fetches = [graph.get_operation_by_name(n) for n in run]
                except (KeyError, ValueError):
                    continue
                for fetch in fetches:
                    try:
                        session.run(list(fetch.outputs) or fetch, {"in:0": FEEDS[name]})
                    except (*EXPECTED, MemoryError) as error:
                        assert str(error) or isinstance(error, MemoryError)
                try:
                    graph.as_graph_def(add_shapes=True)
                except (ValueError, TypeError) as error:
                    assert str(error)


@pytest.mark.parametrize(("number", "found"), [(7, "object"), (3, "int32"), (2, "float64")])
def test_a_constant_of_another_type_is_refused(number, found):
    message = _message(lambda: tf.constant(1.0, name="c"))
    message.node[0].attr["value"].tensor.dtype = number
    with (
        tf.Graph().as_default(),
        pytest.raises(ValueError, match=f"Node 'c' expected a value of type float32, got one of {found}"),
    ):
        tf.import_graph_def(message, name="")


@pytest.mark.parametrize(
    "sizes, text",
    [
        ([2**40], "at most 2 GB"),
        ([2**31 - 1], "at most 2 GB"),
        ([2**62, 4], "at most 2 GB"),
        ([-2], "sizes of 0 or more"),
    ],
)
def test_a_constant_of_a_shape_that_no_value_has_is_refused(sizes, text):
    message = _message(lambda: tf.constant(1, name="c"))
    for size in sizes:
        message.node[0].attr["value"].tensor.tensor_shape.dim.add(size=size)
    with tf.Graph().as_default(), pytest.raises(ValueError, match=f"Node 'c': expected .*{text}"):
        tf.import_graph_def(message, name="")


def test_a_shape_of_too_many_elements_is_refused_when_it_is_run():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        y = tf.reshape(x, [2**30] * 3, name="y")
        with pytest.raises(tf.errors.InvalidArgumentError, match="sizes have at most 63 bits .*'y'"):
            session.run(y, {x: np.ones((2, 4))})
        assert session.run(tf.shape(x), {x: np.ones((2, 4))}).tolist() == [2, 4]


@pytest.mark.parametrize("left", ["nothing", "an empty one"])
def test_an_attribute_that_an_op_must_have_is_missed(left):
    message = _message(lambda: tf.placeholder(tf.float32, [], name="x"))
    message.node[0].attr["dtype"].Clear()
    if left == "nothing":
        del message.node[0].attr["dtype"]
    with (
        tf.Graph().as_default(),
        pytest.raises(ValueError, match="NodeDef missing attr 'dtype' from Op<name=Placeholder>; NodeDef: {{node x}}"),
    ):
        tf.import_graph_def(message, name="")


def test_a_range_of_many_elements_is_made_without_them():
    with tf.Graph().as_default():
        assert tf.range(2**62).get_shape() == [2**62]
        assert tf.range(2**31 - 1, -(2**31), -2).get_shape() == [2**31]
        assert tf.range(0.0, 1.0, 0.1).get_shape() == [10]
        with pytest.raises(ValueError, match="Requires a number of elements, got inf"):
            tf.range(0.0, np.float32(np.inf))


@pytest.mark.parametrize("shapes", [([4, 3, 1], [1, 4, 3]), ([1, 3], [1, 4]), ([], [])])
def test_rows_of_a_parallel_concat_have_one_shape(shapes):
    message = _message(lambda: tf.parallel_stack([tf.ones([3]), tf.ones([3])], name="p"))
    values = [node for node in message.node if node.op == "ExpandDims"]
    for node, shape in zip(values, shapes):
        node.op = "Placeholder"
        del node.input[:]
        node.attr.clear()
        node.attr["dtype"].type = 1
        node.attr["shape"].shape.SetInParent()
        for size in shape:
            node.attr["shape"].shape.dim.add(size=size)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="Size of first dimension must be 1|must be equal"):
        tf.import_graph_def(message, name="")


@pytest.mark.parametrize(
    "make, attribute, value, text",
    [
        (lambda: tf.strings.to_hash_bucket_fast(["a"], 3), "num_buckets", 0, "passed 0 less than minimum 1"),
        (lambda: tf.strings.to_hash_bucket(["a"], 3), "num_buckets", -1, "passed -1 less than minimum 1"),
        (lambda: tf.strings.unicode_transcode(["a"], "UTF-8", "UTF-8"), "output_encoding", b"NCHW", "'NCHW' not in"),
        (lambda: tf.strings.unicode_transcode(["a"], "UTF-8", "UTF-8"), "errors", b"\xff", "Attr 'errors' .* not in"),
        (lambda: tf.strings.unicode_transcode(["a"], "UTF-8", "UTF-8"), "replacement_char", 2**40, "out of unicode"),
    ],
)  # fmt: skip
def test_attributes_of_ops_on_text_that_do_not_fit_are_refused(make, attribute, value, text):
    message = _message(make)
    (changed,) = [node.attr[attribute] for node in message.node if attribute in node.attr]
    if isinstance(value, bytes):
        changed.s = value
    else:
        changed.i = value
    with tf.Graph().as_default(), pytest.raises(ValueError, match=text):
        tf.import_graph_def(message, name="")


@pytest.mark.parametrize("encoding", ["", "nonsense", "zip", "hex"])
def test_an_encoding_that_is_none_of_text_is_refused(encoding):
    with tf.Graph().as_default(), tf.Session() as session:
        text = tf.strings.unicode_transcode(["a"], encoding, "UTF-8")
        with pytest.raises(tf.errors.InvalidArgumentError, match="Could not create converter for input encoding"):
            session.run(text)


@pytest.mark.parametrize("sizes", [[2, 3], [1, 3], [3, 2], [4, 4, 4], []])
@pytest.mark.parametrize("known", [True, False])
def test_a_gradient_that_is_not_of_the_slices_shape_is_refused(executor, sizes, known):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [5, 3], name="x")
        tf.gradients(x[2], x, grad_ys=tf.placeholder(tf.float32, sizes if known else None, name="dy"))
        message = graph.as_graph_def()
    with tf.Graph().as_default() as graph, tf.Session() as session:
        try:
            tf.import_graph_def(message, name="")
        except ValueError:
            return
        (op,) = [op for op in graph.get_operations() if op.type == "StridedSliceGrad"]
        feeds = {"x:0": np.ones((5, 3)), "dy:0": np.ones(sizes)}
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match="[Ss]hape|[Dd]imension"):
            session.run(op.outputs[0], feeds)
        if not known:
            feeds["dy:0"] = np.ones(3)
            assert session.run(op.outputs[0], feeds).sum() == 3


def test_a_number_of_outputs_that_no_node_has_is_refused():
    message = _message(lambda: tf.split(tf.ones([4]), 2, name="s"))
    (node,) = [node for node in message.node if node.op == "Split"]
    for number in (2**31 - 1, -1):
        node.attr["num_split"].i = number
        with tf.Graph().as_default(), pytest.raises(ValueError, match=f"Node 's': .* 'num_split', got {number}"):
            tf.import_graph_def(message, name="")


def test_more_axes_than_anything_has_are_refused_when_it_is_run():
    with tf.Graph().as_default(), tf.Session() as session:
        axes = tf.range(tf.placeholder_with_default(np.int32(0), []) * 0, 2**31 - 1)
        axes.set_shape([2**31 - 1])
        y = tf.transpose(tf.placeholder_with_default(1.0, None), axes)
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most 1048576 sizes or axes, got 2147483647"):
            session.run(y)
