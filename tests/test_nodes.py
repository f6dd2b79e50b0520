"""Public functions add TensorFlow 1.15's own nodes: names, types, inputs, dtypes and seeds, in its order."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from .fixtures.node_defs import nodes_from

FIXTURES = Path(__file__).parent / "fixtures"
RECORDED = json.loads((FIXTURES / "graphs.json").read_text())
EXPRESSIONS = json.loads((FIXTURES / "nodes.json").read_text())  # by record_nodes.py
SWEEP = json.loads(gzip.decompress((FIXTURES / "node_sweep.json.gz").read_bytes()))  # by record_node_sweep.py
COMPLEX = json.loads((FIXTURES / "complex.json").read_text())  # by record_complex.py


def x(*shape):
    return tf.placeholder(tf.float32, list(shape), name="x")


def loss():
    return tf.reduce_sum(tf.square(tf.get_variable("w", [3, 2])))


def w(initializer, shape=(3, 2)):
    return tf.get_variable("w", list(shape), initializer=initializer)


def in_variable_scope():
    with tf.variable_scope("a"):
        tf.get_variable("w", [2])
    tf.constant(1.0)


SNIPPETS = {
    "Variable(random_normal)": lambda: tf.Variable(tf.random_normal([3, 2]), name="v"),
    "Variable(zeros)": lambda: tf.Variable(tf.zeros([3]), name="v"),
    "Variable(1.0)": lambda: tf.Variable(1.0),
    "get_variable": lambda: tf.get_variable("w", [3, 2]),
    "get_variable(truncated_normal)": lambda: w(tf.truncated_normal_initializer(stddev=0.1)),
    "get_variable(constant)": lambda: w(tf.constant_initializer(0.1), [3]),
    "get_variable(orthogonal)": lambda: w(tf.orthogonal_initializer(), [4, 3]),
    "variable_scope": in_variable_scope,
    "placeholder": lambda: x(None, 3),
    "constant": lambda: tf.constant([1.0, 2.0]),
    "x + 1": lambda: x(2) + 1,
    "x / 2": lambda: x(2) / 2.0,
    "-x ** 2": lambda: -(x(2) ** 2),
    "x[:, 1:, None]": lambda: x(2, 3)[:, 1:, None],
    "reshape": lambda: tf.reshape(x(2, 3), [-1]),
    "transpose": lambda: tf.transpose(x(2, 3)),
    "reduce_mean": lambda: tf.reduce_mean(x(2, 3)),
    "reduce_sum axis": lambda: tf.reduce_sum(x(2, 3), 1, keepdims=True),
    "reduce_max unknown": lambda: tf.reduce_max(x(None, 3)),
    "matmul": lambda: tf.matmul(x(2, 3), tf.ones([3, 4])),
    "batch matmul": lambda: tf.matmul(x(5, 2, 3), tf.ones([5, 3, 4])),
    "split": lambda: tf.split(x(4, 6), 2, 1),
    "stack": lambda: tf.stack([x(2), tf.ones([2])]),
    "one_hot": lambda: tf.one_hot(tf.constant([1, 2]), 3),
    "zeros_like": lambda: tf.zeros_like(x(None, 2)),
    "where": lambda: tf.where(x(3) > 0),
    "gather": lambda: tf.gather(x(3, 2), [1]),
    "dropout": lambda: tf.nn.dropout(x(2, 3), 0.5),
    "dropout rate": lambda: tf.nn.dropout(x(None, 3), rate=0.3),
    "softmax_cross_entropy_with_logits": lambda: tf.nn.softmax_cross_entropy_with_logits(
        labels=x(2, 3), logits=tf.ones([2, 3])
    ),
    "softmax_cross_entropy_with_logits_v2": lambda: tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=x(2, 3), logits=tf.ones([2, 3])
    ),
    "sparse_softmax": lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.constant([1, 2]), logits=x(2, 3)
    ),
    "sigmoid_cross_entropy": lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones([2]), logits=x(2)),
    "clip_by_global_norm": lambda: tf.clip_by_global_norm([x(2), tf.ones([3])], 1.0),
    "gradients": lambda: tf.gradients(loss(), tf.trainable_variables()),
    "sgd.minimize": lambda: tf.train.GradientDescentOptimizer(0.1).minimize(
        loss(), tf.train.get_or_create_global_step()
    ),
    "adam.minimize": lambda: tf.train.AdamOptimizer().minimize(loss()),
    "momentum.minimize": lambda: tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss()),
    "adagrad.minimize": lambda: tf.train.AdagradOptimizer(0.1).minimize(loss()),
    "rmsprop.minimize": lambda: tf.train.RMSPropOptimizer(0.1).minimize(loss()),
    "exponential_decay": lambda: tf.train.exponential_decay(0.1, tf.train.get_or_create_global_step(), 10, 0.9),
    "ema.apply": lambda: tf.train.ExponentialMovingAverage(0.9).apply([tf.get_variable("w", [3])]),
    "embedding_lookup": lambda: tf.nn.embedding_lookup(tf.get_variable("e", [5, 2]), [1, 2]),
    "moments": lambda: tf.nn.moments(x(2, 3), [0]),
    "l2_normalize": lambda: tf.nn.l2_normalize(x(2, 3), 1),
    "global_step": lambda: tf.train.get_or_create_global_step(),
    "global_variables_initializer": lambda: [
        tf.get_variable("w", [3]),
        tf.global_variables_initializer(),
    ],
    "cond": lambda: tf.cond(tf.constant(True), lambda: tf.constant(1.0), lambda: tf.constant(2.0)),
    "while_loop": lambda: tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)]),
    "conv2d": lambda: tf.nn.conv2d(x(1, 5, 5, 1), tf.ones([3, 3, 1, 2]), [1, 1, 1, 1], "SAME"),
    "max_pool": lambda: tf.nn.max_pool(x(1, 4, 4, 1), [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
    "train.batch": lambda: tf.train.batch([x(3)], 4),
    "Saver": lambda: [tf.get_variable("w", [3]), tf.train.Saver()],
    "summary.scalar": lambda: tf.summary.scalar("loss", tf.constant(1.0)),
    "Dataset": lambda: (
        tf.data.Dataset.from_tensor_slices(np.arange(8.0))
        .shuffle(8)
        .repeat()
        .batch(2)
        .make_one_shot_iterator()
        .get_next()
    ),
    "multinomial": lambda: tf.multinomial(x(2, 3), 1),
    "random_shuffle": lambda: tf.random_shuffle(x(4)),
}


def rows(graph):
    """The recorded facts of each node of a graph."""
    found = []
    for node in graph.as_graph_def().node:
        keys = [k for k in ("dtype", "T", "Tparams", "DstT") if k in node.attr]
        dtype = tf.as_dtype(node.attr[keys[0]].type).name if keys else ""
        seeds = [int(node.attr[k].i) for k in ("seed", "seed2") if k in node.attr]
        found.append([node.name, node.op, list(node.input), dtype, *seeds])
    return found


@pytest.mark.parametrize("name", SNIPPETS)
def test_nodes_are_those_of_tensorflow(name):
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(42)
        SNIPPETS[name]()
        assert rows(graph) == RECORDED[name]


@pytest.mark.parametrize("key", EXPRESSIONS)
def test_expressions_and_their_gradients_add_the_nodes_of_tensorflow(key):
    case = EXPRESSIONS[key]
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(42)
        inputs = {name: tf.placeholder(dtype, shape, name=name) for name, (dtype, shape) in case["inputs"].items()}
        y = eval(case["expression"], {"tf": tf, **inputs})
        floats = [t for t in (y if isinstance(y, (list, tuple)) else [y]) if t.dtype.is_floating]
        if floats:
            tf.gradients(floats, list(inputs.values()))
        added = graph.get_operations()[len(inputs) :]
        assert [[op.name, op.type, [t.name for t in op.inputs]] for op in added] == case["nodes"]


@pytest.mark.parametrize("key", COMPLEX, ids=lambda key: f"{COMPLEX[key]['expression']}-{key}")
def test_nodes_of_complex_numbers(key):
    case = COMPLEX[key]
    with np.load(FIXTURES / "complex.npz") as arrays:
        inputs = {name: arrays[f"{key}/in/{name}"] for name in case["inputs"]}
    with tf.Graph().as_default() as graph:
        holders = {name: tf.placeholder(value.dtype, value.shape, name=name) for name, value in inputs.items()}
        eval(case["expression"], {"tf": tf, **holders})
        found = [[op.name, op.type, [t.name for t in op.inputs]] for op in graph.get_operations()[len(holders) :]]
    assert found == case["nodes"]


def flat(y):
    y = list(y.values()) if isinstance(y, dict) else y
    return [t for element in y for t in flat(element)] if isinstance(y, (list, tuple)) else [y]


def is_float(x):
    return hasattr(x, "dtype") and hasattr(x, "op") and x.dtype.base_dtype.name in ("float16", "float32", "float64")


@pytest.mark.parametrize("expression", SWEEP)
def test_graph_def_of_a_function_and_its_first_and_second_gradients(expression):
    case = SWEEP[expression]
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(42)
        inputs = {name: tf.placeholder(dtype, shape, name=name) for name, (dtype, shape) in case["inputs"].items()}
        ys = [y for y in flat(eval(expression, {"tf": tf, "np": np, **inputs})) if is_float(y)]
        assert nodes_from(tf, graph, len(inputs)) == case["forward"]
        xs = [x for x in inputs.values() if is_float(x)] + tf.trainable_variables()
        for stage in ("gradient", "second"):
            if stage in case:
                start = len(graph.get_operations())
                slopes = [g for g in tf.gradients(ys, xs) if g is not None]
                assert nodes_from(tf, graph, start) == case[stage]
                ys = [g.values if isinstance(g, tf.IndexedSlices) else g for g in slopes]
