"""`tf.gradients`: finite differences of every differentiable op, and what the arguments mean."""

import gc

import numpy as np
import pytest

import hookloop as tf
from hookloop.ops import registry

RANDOM = np.random.RandomState(3)


def normal(*shape):
    return RANDOM.standard_normal(shape)


def positive(*shape):
    return RANDOM.uniform(0.4, 2.5, shape)


def unit(*shape):
    return RANDOM.uniform(-0.9, 0.9, shape)


SPACED = np.array([[1.5, -2.0, 0.7], [0.2, 3.0, -1.1]])  # far from each other and from 0

# What a finite difference is taken of: name -> (function, its inputs).
CASES = {
    **{name: (getattr(tf, name), [SPACED]) for name in ["abs", "negative", "square", "exp", "expm1", "sin", "cos", "tanh", "sigmoid", "sinh", "cosh", "asinh", "atan", "erf", "erfc"]},
    **{name: (getattr(tf, name), [positive(2, 3)]) for name in ["tan", "sqrt", "rsqrt", "log", "log1p", "reciprocal", "lgamma", "digamma"]},
    **{name: (getattr(tf, name), [unit(2, 3)]) for name in ["asin", "acos", "atanh"]},
    "acosh": (tf.acosh, [positive(2, 3) + 1]),
    **{name: (getattr(tf.nn, name), [SPACED]) for name in ["relu", "relu6", "elu", "selu", "leaky_relu", "softplus", "softsign", "softmax", "log_softmax", "l2_loss"]},
    **{name: (getattr(tf, name), [normal(4, 1, 3), positive(2, 1)]) for name in ["add", "subtract", "multiply", "divide", "realdiv", "div", "squared_difference", "maximum", "minimum", "atan2", "floormod", "div_no_nan"]},
    "pow": (tf.pow, [positive(2, 3), normal(3)]),
    "xlogy": (tf.math.xlogy, [positive(2, 3), positive(3)]),
    "xdivy": (tf.math.xdivy, [positive(2, 3), positive(3)]),
    "multiply_no_nan": (tf.math.multiply_no_nan, [normal(2, 3), positive(3)]),
    "reduce_sum": (lambda x: tf.reduce_sum(x, [0, 2]), [normal(2, 3, 4)]),
    "reduce_mean": (lambda x: tf.reduce_mean(x, 1, keepdims=True), [normal(2, 3, 4)]),
    "reduce_max": (lambda x: tf.reduce_max(x, 1), [SPACED]),
    "reduce_min": (lambda x: tf.reduce_min(x, 0), [SPACED]),
    "reduce_prod": (lambda x: tf.reduce_prod(x, 1), [SPACED]),
    "reduce_logsumexp": (lambda x: tf.reduce_logsumexp(x, 1), [SPACED]),
    "reduce_euclidean_norm": (lambda x: tf.math.reduce_euclidean_norm(x, 1), [SPACED]),
    "cumsum": (lambda x: tf.cumsum(x, 1, exclusive=True), [normal(2, 3)]),
    "cumprod": (lambda x: tf.cumprod(x, 1), [positive(2, 3)]),
    "matmul": (tf.matmul, [normal(3, 4), normal(4, 5)]),
    "matmul transposed": (lambda x, y: tf.matmul(x, y, True, True), [normal(4, 3), normal(5, 4)]),
    "batch_matmul": (tf.matmul, [normal(2, 3, 4), normal(2, 4, 5)]),
    "reshape": (lambda x: tf.reshape(x, [3, 2]), [normal(2, 3)]),
    "transpose": (lambda x: tf.transpose(x, [2, 0, 1]), [normal(2, 3, 4)]),
    "expand_dims": (lambda x: tf.expand_dims(x, 1), [normal(2, 3)]),
    "squeeze": (tf.squeeze, [normal(2, 1, 3)]),
    "concat": (lambda x, y: tf.concat([x, y], 1), [normal(2, 3), normal(2, 1)]),
    "split": (lambda x: tf.split(x, 3, 1)[1], [normal(2, 3)]),
    "split sizes": (lambda x: tf.split(x, [1, 2], 1)[1], [normal(2, 3)]),
    "stack": (lambda x, y: tf.stack([x, y], 1), [normal(2, 3), normal(2, 3)]),
    "unstack": (lambda x: tf.unstack(x, axis=1)[2], [normal(2, 3)]),
    "slice": (lambda x: tf.slice(x, [0, 1], [2, 2]), [normal(2, 3)]),
    "strided_slice": (lambda x: x[::-1, 1:, None], [normal(2, 3)]),
    "gather": (lambda x: tf.gather(x, [1, 0, 1]), [normal(2, 3)]),
    "gather axis": (lambda x: tf.gather(x, [1, 2, 1], axis=1), [normal(2, 3)]),
    "gather_nd": (lambda x: tf.gather_nd(x, [[1, 2], [0, 1]]), [normal(2, 3)]),
    "scatter_nd": (lambda x: tf.scatter_nd([[1], [1]], x, [3, 3]), [normal(2, 3)]),
    "tile": (lambda x: tf.tile(x, [2, 3]), [normal(2, 3)]),
    "pad": (lambda x: tf.pad(x, [[1, 0], [0, 2]]), [normal(2, 3)]),
    "pad value": (lambda x: tf.pad(x, [[1, 0], [0, 2]], constant_values=2.0), [normal(2, 3)]),
    "mirror_pad": (lambda x: tf.pad(x, [[1, 1], [0, 2]], "REFLECT"), [normal(2, 3)]),
    "reverse": (lambda x: tf.reverse(x, [1]), [normal(2, 3)]),
    "where": (lambda x, y: tf.where(SPACED > 0, x, y), [normal(2, 3), normal(2, 3)]),
    "add_n": (lambda x, y: tf.add_n([x, y, x]), [normal(2, 3), normal(2, 3)]),
    "identity": (tf.identity, [normal(2, 3)]),
    "fill": (lambda x: tf.fill([2, 3], x), [np.array(0.7)]),
    "broadcast_to": (lambda x: tf.broadcast_to(x, [4, 2, 3]), [normal(1, 3)]),
    "cast": (lambda x: tf.cast(x, tf.float64), [normal(2, 3)]),
    "bias_add": (tf.nn.bias_add, [normal(2, 3), normal(3)]),
    "clip_by_value": (lambda x: tf.clip_by_value(x, -1.0, 1.0), [SPACED]),
    "clip_by_norm": (lambda x: tf.clip_by_norm(x, 1.5), [normal(2, 3)]),
    "clip_by_global_norm": (lambda x, y: tf.clip_by_global_norm([x, y], 1.0)[0][0], [normal(2, 3), normal(2)]),
    "softmax_cross_entropy": (lambda x: tf.nn.softmax_cross_entropy_with_logits_v2(labels=np.full((2, 3), 1 / 3), logits=x), [normal(2, 3)]),
    "sparse_softmax_cross_entropy": (lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[2, 0], logits=x), [normal(2, 3)]),
    "sigmoid_cross_entropy": (lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=np.full((2, 3), 0.3), logits=x), [normal(2, 3)]),
    "check_numerics": (lambda x: tf.check_numerics(x, "x"), [normal(2, 3)]),
    "top_k": (lambda x: tf.nn.top_k(x, 2)[0], [SPACED]),
    "segment_sum": (lambda x: tf.segment_sum(x, [0, 0]), [normal(2, 3)]),
    "unsorted_segment_sum": (lambda x: tf.unsorted_segment_sum(x, [1, 0], 3), [normal(2, 3)]),
    "dynamic_partition": (lambda x: tf.dynamic_partition(x, [1, 0], 2)[1], [normal(2, 3)]),
    "dynamic_stitch": (lambda x, y: tf.dynamic_stitch([[0], [1, 2]], [x, y]), [normal(1, 3), normal(2, 3)]),
    "embedding_lookup": (lambda x: tf.nn.embedding_lookup(x, [[1, 0], [1, 1]]), [normal(2, 3)]),
    "boolean_mask": (lambda x: tf.boolean_mask(x, SPACED > 0), [normal(2, 3)]),
    "matrix_diag": (tf.matrix_diag, [normal(2, 3)]),
    "matrix_band_part": (lambda x: tf.matrix_band_part(x, 1, 0), [normal(3, 3)]),
    "roll": (lambda x: tf.roll(x, 1, 1), [normal(2, 3)]),
    "moments": (lambda x: tf.nn.moments(x, [0])[1], [normal(4, 3)]),
    "l2_normalize": (lambda x: tf.nn.l2_normalize(x, 1), [normal(2, 3)]),
    "cond": (lambda x: tf.cond(tf.reduce_sum(x) < 1e3, lambda: x * x, lambda: x), [normal(2, 3)]),
    "while_loop": (lambda x: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) * x), [0, x])[1], [normal(2, 3)]),
}  # fmt: skip


def scalar_of(function, inputs):
    """The placeholders and the weighted sum of a function's result."""
    placeholders = [tf.placeholder(tf.float64, np.shape(x)) for x in inputs]
    result = tf.convert_to_tensor(function(*placeholders))
    weights = np.cos(np.arange(int(np.prod(result.shape.as_list() or [1])) if result.shape.is_fully_defined() else 3))
    if result.shape.is_fully_defined():
        return placeholders, tf.reduce_sum(result * weights.reshape(result.shape.as_list()))
    return placeholders, tf.reduce_sum(result * result)


def difference(session, loss, feeds, placeholder):
    """The central difference of the loss by each element of an input."""
    value, step = feeds[placeholder], 1e-6
    slopes = np.zeros(np.shape(value))
    for at in np.ndindex(np.shape(value)):
        ends = []
        for shift in (step, -step):
            moved = np.array(value)
            moved[at] += shift
            ends.append(session.run(loss, {**feeds, placeholder: moved}))
        slopes[at] = (ends[0] - ends[1]) / (2 * step)
    return slopes


def check(loss, placeholders, inputs):
    gradients = [tf.convert_to_tensor(g) for g in tf.gradients(loss, placeholders)]
    feeds = dict(zip(placeholders, inputs))
    with tf.Session() as session:
        for placeholder, found in zip(placeholders, session.run(gradients, feeds)):
            expected = difference(session, loss, feeds, placeholder)
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6, err_msg=placeholder.name)


@pytest.mark.parametrize("name", CASES)
def test_finite_difference(name, executor):
    function, inputs = CASES[name]
    placeholders, loss = scalar_of(function, inputs)
    check(loss, placeholders, inputs)


SMOOTH = [
    "exp",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "square",
    "sqrt",
    "log",
    "reciprocal",
    "add",
    "multiply",
    "divide",
    "pow",
    "matmul",
    "softplus",
    "softmax",
    "log_softmax",
    "reduce_sum",
    "reduce_mean",
    "reduce_prod",
    "transpose",
    "concat",
    "gather",
    "strided_slice",
    "softmax_cross_entropy",
    "sigmoid_cross_entropy",
    "tile",
    "pad",
    "bias_add",
    "cond",
    "elu",
    "expm1",
    "rsqrt",
    "l2_loss",
]


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivative(name, executor):
    function, inputs = CASES[name]
    placeholders, loss = scalar_of(function, inputs)
    first = [tf.convert_to_tensor(g) for g in tf.gradients(loss, placeholders)]
    curved = tf.add_n([tf.reduce_sum(g * g) for g in first])
    pairs = [(p, x) for p, x, g in zip(placeholders, inputs, tf.gradients(curved, placeholders)) if g is not None]
    feeds = dict(zip(placeholders, inputs))
    with tf.Session() as session:
        for placeholder, _ in pairs:
            found = session.run(tf.convert_to_tensor(tf.gradients(curved, placeholder)[0]), feeds)
            expected = difference(session, curved, feeds, placeholder)
            np.testing.assert_allclose(found, expected, rtol=5e-5, atol=5e-5)


# --- what the arguments mean ------------------------------------------------------------------------------


def run(fetches, feeds=None):
    with tf.Session() as session:
        return session.run(fetches, feeds)


def test_several_paths_add_up(executor):
    x = tf.constant(3.0)
    assert run(tf.gradients(x * x + 2 * x + tf.identity(x), x)) == [9.0]


def test_several_targets_add_up(executor):
    x = tf.constant(3.0)
    assert run(tf.gradients([x * x, 5 * x], x)) == [11.0]


def test_given_gradients_of_the_targets(executor):
    x = tf.constant([1.0, 2.0])
    (found,) = tf.gradients([x * x, x], x, grad_ys=[[1.0, 10.0], None])
    assert run(found).tolist() == [3.0, 41.0]


def test_no_path_gives_none_or_zeros(executor):
    x, y = tf.constant([1.0, 2.0]), tf.constant(1.0)
    assert tf.gradients(y * 2, x) == [None]
    (found,) = tf.gradients(y * 2, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert run(found).tolist() == [0.0, 0.0]


def test_nothing_flows_through_whole_numbers(executor):
    x = tf.constant([1.5])
    assert tf.gradients(tf.cast(tf.cast(x, tf.int32), tf.float32), x) == [None]
    assert tf.gradients(tf.stop_gradient(x), x) == [None]


def test_stopped_tensors_are_constants(executor):
    x = tf.constant(2.0)
    y = x * x
    assert run(tf.gradients(y * x, [x, y], stop_gradients=[y])) == [4.0, 2.0]


def test_the_gradient_of_a_source_by_itself(executor):
    x = tf.constant([1.0, 2.0])
    assert run(tf.gradients(x, x))[0].tolist() == [1.0, 1.0]


def test_rows_taken_give_the_gradient_of_the_rows(executor):
    table = tf.Variable(np.ones((4, 2), np.float32))
    (found,) = tf.gradients(tf.reduce_sum(tf.gather(table, [1, 1, 3]) * 2.0), table)
    assert isinstance(found, tf.IndexedSlices)
    with tf.Session() as session:
        session.run(table.initializer)
        rows, dense = session.run([found, tf.convert_to_tensor(found)])
    assert rows.indices.tolist() == [1, 1, 3]
    assert rows.values.tolist() == [[2.0, 2.0]] * 3
    assert dense.tolist() == [[0, 0], [4, 4], [0, 0], [2, 2]]


def test_rows_taken_twice_are_both_there(executor):
    table = tf.Variable(np.ones((4, 2), np.float32))
    (found,) = tf.gradients(tf.reduce_sum(tf.gather(table, [1])) + tf.reduce_sum(tf.gather(table, [2, 1])), table)
    assert isinstance(found, tf.IndexedSlices)
    with tf.Session() as session:
        session.run(table.initializer)
        assert sorted(session.run(found).indices.tolist()) == [1, 1, 2]


def test_rows_and_a_whole_gradient_make_a_whole_one(executor):
    table = tf.Variable(np.ones((3, 2), np.float32))
    (found,) = tf.gradients(tf.reduce_sum(tf.gather(table, [1])) + tf.reduce_sum(table), table)
    with tf.Session() as session:
        session.run(table.initializer)
        assert session.run(tf.convert_to_tensor(found)).tolist() == [[1, 1], [2, 2], [1, 1]]


def test_an_overridden_gradient(executor, request):
    tf.RegisterGradient(f"Tripled {executor}")(lambda op, grad: grad * 3.0)
    x = tf.constant(2.0)
    with tf.get_default_graph().gradient_override_map({"Square": f"Tripled {executor}"}):
        y = tf.square(x)
    assert run(tf.gradients([y, tf.square(x)], x)) == [7.0]


@pytest.mark.parametrize(("function", "other", "expected"), [
    (tf.sign, "Identity", [5.0, 5.0]), (tf.round, "Identity", [5.0, 5.0]), (tf.nn.elu, "Relu", [0.0, 5.0]),
    (tf.nn.relu, "Relu", [0.0, 5.0]),
])  # fmt: skip
def test_a_gradient_is_replaced_by_that_of_another_type_of_op(executor, function, other, expected):
    x = tf.constant([-1.5, 2.5])
    with tf.get_default_graph().gradient_override_map({function(x).op.type: other}):
        y = function(x)
    assert run(tf.gradients(5.0 * y, x))[0].tolist() == expected


@pytest.mark.parametrize("method", [None, tf.AggregationMethod.ADD_N, tf.AggregationMethod.EXPERIMENTAL_TREE,
                                    tf.AggregationMethod.EXPERIMENTAL_ACCUMULATE_N])  # fmt: skip
@pytest.mark.parametrize("gates", [False, True])
def test_options_do_not_change_the_values(executor, method, gates):
    x = tf.constant(2.0)
    y = x * x + tf.sin(x) * x
    found = tf.gradients(y, x, aggregation_method=method, gate_gradients=gates, colocate_gradients_with_ops=True)
    np.testing.assert_allclose(run(found), [4 + np.sin(2) + 2 * np.cos(2)], rtol=1e-6)


def test_hessians(executor):
    x = tf.constant([1.0, 2.0])
    assert run(tf.hessians(tf.reduce_sum(x * x * x), x))[0].tolist() == [[6.0, 0.0], [0.0, 12.0]]


def test_a_source_that_is_no_tensor_of_numbers():
    with pytest.raises(TypeError, match="string"):
        tf.gradients(tf.constant("a"), tf.constant(1.0))
    with pytest.raises(ValueError, match="ys"):
        tf.gradients([tf.constant(1.0)], tf.constant(1.0), grad_ys=[None, None])


def test_an_op_without_gradient_is_named():
    x = tf.constant([1.0], name="x")
    (first,) = tf.gradients(tf.nn.softsign(x), x)
    with pytest.raises(LookupError, match="No gradient defined for operation .*SoftsignGrad"):
        tf.gradients(first, x)


# TensorFlow has no gradient of these either, or the region around them has it.
WITHOUT = {
    "Bincount", "Bitcast", "Bucketize", "CompareAndBitpack", "DataFormatDimMap", "DataFormatVecPermute", "DeepCopy", "Dilation2DBackpropFilter", "Dilation2DBackpropInput", "Empty", "Exit", "FakeQuantWithMinMaxArgsGradient", "Fingerprint", "FractionalAvgPoolGrad", "FractionalMaxPoolGrad", "FakeQuantWithMinMaxVarsGradient",
    "FakeQuantWithMinMaxVarsPerChannelGradient", "GuaranteeConst", "IgammaGradA", "InplaceAdd", "InplaceSub", "InplaceUpdate", "LRNGrad", "ListDiff", "LoopCond", "Lu", "MatrixLogarithm", "MatrixSolveLs",
    "MaxPoolGradWithArgmax", "Mod", "NextIteration", "ParallelConcat", "RandomGammaGrad", "RandomPoissonV2",
    "RandomShuffle", "RefExit", "RefNextIteration", "ScatterMax", "ScatterMin", "ScatterUpdate", "SegmentProd",
    "SoftsignGrad", "SparseSegmentMeanGrad", "SparseSegmentSqrtNGrad", "StackPopV2", "StackPushV2", "StackV2",
    "TruncateMod", "Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2",
}  # fmt: skip
# TensorFlow has gradients of lists. Here only files bring lists, with the gradients that were in them: docs/migrating.md says so.
LISTS = {
    "EmptyTensorList", "TensorListElementShape", "TensorListFromTensor", "TensorListGather", "TensorListGetItem", "TensorListLength",
    "TensorListPopBack", "TensorListPushBack", "TensorListReserve", "TensorListResize", "TensorListSetItem", "TensorListStack",
}  # fmt: skip


def test_every_op_says_what_its_gradient_is():
    """A new op has a gradient, or says `no_gradient`: one that says nothing raises where TensorFlow may not."""
    registry.load_all()
    definitions = [registry.lookup(name) for name in registry._registry]
    without = {d.name for d in definitions if d.gradient is None and d.inputs and d.outputs}
    assert {name for name in without if "Apply" not in name} <= WITHOUT | LISTS


def test_rows_and_a_whole_gradient_that_meet_are_a_tensor(executor):
    w = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    (gradient,) = tf.gradients(tf.reduce_sum(tf.gather(w, [2, 2])) + tf.reduce_sum(w), w)
    assert isinstance(gradient, tf.Tensor)
    with tf.Session() as session:
        session.run(w.initializer)
        np.testing.assert_array_equal(session.run(gradient), [[1, 1], [1, 1], [3, 3]])


def test_rows_that_meet_stay_rows(executor):
    w = tf.Variable([[1.0], [3.0], [5.0]])
    (gradient,) = tf.gradients(tf.reduce_sum(tf.gather(w, [2, 2])) + tf.reduce_sum(2.0 * tf.gather(w, [0])), w)
    assert isinstance(gradient, tf.IndexedSlices)
    with tf.Session() as session:
        session.run(w.initializer)
        assert sorted(session.run(gradient.indices)) == [0, 2, 2]


def test_a_variable_may_be_differentiated_by_and_stopped_at_once(executor):
    """It is then a constant for what it is made of, not for its own gradient."""
    v, w = tf.Variable(3.0), tf.Variable(2.0)
    y = v * w
    found = tf.gradients(y * v, [v, y], stop_gradients=[v, y])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(found) == [6.0, 3.0]


def test_a_given_gradient_of_rows_stays_rows(executor):
    e = tf.Variable(tf.ones([4, 2]))
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([3]), tf.constant([4, 2]))
    (found,) = tf.gradients(tf.identity(e), e, grad_ys=[rows])
    with tf.Session() as session:
        session.run(e.initializer)
        dense = session.run(tf.convert_to_tensor(found))
    assert dense.tolist() == [[0, 0], [0, 0], [0, 0], [1, 2]]


@pytest.mark.parametrize("method", range(3), ids=["at once", "in pairs", "accumulated"])
@pytest.mark.parametrize("size", [2, None])
def test_ways_to_sum_gradients(executor, method, size):
    x = tf.placeholder(tf.float32, [size])
    (found,) = tf.gradients(x * x + 2 * x + 3 * x, x, aggregation_method=method)
    assert run(found, {x: [1.0, 2.0]}).tolist() == [7.0, 9.0]
    with pytest.raises(ValueError, match="Invalid aggregation_method specified 7"):
        tf.gradients(x, x, aggregation_method=7)


def test_hessians_of_unknown_size(executor):
    x = tf.placeholder(tf.float64, [None])
    found = run(tf.hessians(tf.reduce_prod(x), x)[0], {x: [2.0, 3.0, 5.0]})
    assert found.tolist() == [[0.0, 5.0, 3.0], [5.0, 0.0, 2.0], [3.0, 2.0, 0.0]]


def test_gradients_through_sums_of_stacked_parts(executor):
    x, y = tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])
    total = tf.accumulate_n([x, y, x], shape=[2])
    assert run([total, *tf.gradients(total, [x, y])])[1][0] == 2.0
    assert run(tf.parallel_stack([x, y])).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(LookupError, match="No gradient defined for operation 'parallel_stack"):
        tf.gradients(tf.parallel_stack([x, y]), x)
    with pytest.raises(ValueError, match="Shapes .* are not compatible|must be"):
        tf.accumulate_n([x, y], shape=[3])
    with pytest.raises(TypeError, match="tensor_dtype is .*float64"):
        tf.accumulate_n([x, y], tensor_dtype=tf.float64)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_gradients_of_products_with_hints(executor, transpose_a, transpose_b):
    a = tf.constant(np.arange(6.0).reshape((3, 2) if transpose_a else (2, 3)), tf.float32)
    b = tf.constant(np.arange(12.0).reshape((4, 3) if transpose_b else (3, 4)), tf.float32)
    hints = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    plain = tf.gradients(tf.square(tf.matmul(a, b, **hints)), [a, b])
    hinted = tf.gradients(tf.square(tf.matmul(a, b, a_is_sparse=True, **hints)), [a, b])
    for x, y in zip(*run([plain, hinted])):
        np.testing.assert_array_equal(x, y)


def test_swish(executor):
    x = np.array([-3.0, 0.0, 0.5, 4.0])
    holder = tf.placeholder(tf.float64, [4])
    y = tf.nn.swish(holder)
    gate = 1 / (1 + np.exp(-x))
    found = run([y, tf.gradients(y, holder)[0]], {holder: x})
    np.testing.assert_allclose(found, [x * gate, gate * (1 + x * (1 - gate))])


def test_gradients_through_ops_without_one_are_errors():
    x = tf.constant([1.0, 2.0])
    for y in (tf.unique(x)[0], tf.random_shuffle(x), tf.truncatemod(x, x)):
        with pytest.raises(LookupError, match="No gradient defined for operation"):
            tf.gradients(y, x)


def test_shapes_that_do_not_broadcast_are_refused_in_a_gradient(executor):
    """As an imported graph may have them, whose constants somebody changed."""
    with tf.Graph().as_default() as graph:
        x, y = tf.placeholder(tf.float32, [3, 37], name="x"), tf.placeholder(tf.float32, [37], name="y")
        slope = tf.gradients(x / y, y)[0].name
        message = graph.as_graph_def()
    (shape,) = [node for node in message.node if node.name == "gradients/truediv_grad/Shape_1"]
    shape.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.array([-1], np.int32)))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError)) as error:
            session.run(slope, {"x:0": np.ones([3, 37]), "y:0": np.ones(37)})
    if executor == "reference":
        assert "Incompatible shapes: [3,37] vs. [-1]" in str(error.value)


def test_the_gradient_of_an_unconnected_resource_variable_may_be_zero(executor):
    x, v = tf.constant([1.0]), tf.Variable([1.0, 2.0], use_resource=True)
    slope, nothing = tf.gradients(x * 3.0, [x, v], unconnected_gradients="zero")
    with tf.Session() as session:
        assert [g.tolist() for g in session.run([slope, nothing])] == [[3], [0, 0]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("size", [1, 7, 8, 33])
def test_no_gradient_goes_on_where_none_comes(executor, size, dtype):
    """Whatever the slope is there: a root of 0 behind a choice of something else has no NaN as its gradient."""
    y = np.resize(np.array([0, np.inf, np.nan, 2], dtype), size)
    dy = np.zeros(size, dtype)
    dy[3::4] = 3
    raw = tf.raw_ops
    found = [
        op(y=tf.constant(y), dy=tf.constant(dy))
        for op in (raw.SqrtGrad, raw.RsqrtGrad, raw.ReciprocalGrad, raw.InvGrad)
    ]
    x = tf.zeros([size], tf.float32)
    chosen = [tf.gradients(tf.where(x > 0, function(x), x), x)[0] for function in (tf.sqrt, tf.rsqrt, tf.reciprocal)]
    with tf.Session() as session:
        for slopes, slope in zip(session.run(found), (0.75, -12, -12, -12)):
            np.testing.assert_array_equal(slopes, np.where(dy == 0, 0, slope))
        for gradient in session.run(chosen):
            np.testing.assert_array_equal(gradient, np.ones(size))


@pytest.fixture
def collector():
    was_enabled = gc.isenabled()
    yield
    (gc.enable if was_enabled else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_afterwards_as_it_was_before(enabled, collector):
    (gc.enable if enabled else gc.disable)()
    x = tf.get_variable("x", [2])
    inside = []

    @tf.custom_gradient
    def noted(x):
        def gradient(dy):
            inside.append(gc.isenabled())
            return dy

        return tf.identity(x), gradient

    tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(noted(x)))
    assert gc.isenabled() is enabled
    assert inside == [False]
    with pytest.raises(LookupError, match="No gradient defined for operation"):
        tf.gradients(tf.truncatemod(x, x), x)
    assert gc.isenabled() is enabled
    definition = tf.get_default_graph().as_graph_def()
    tf.import_graph_def(definition)
    definition.node[0].op = "NoSuchOp"
    with pytest.raises(tf.errors.NotFoundError, match="NoSuchOp"):
        tf.import_graph_def(definition)
    assert gc.isenabled() is enabled
