"""Lookups in embedding tables, on both executors."""

import numpy as np
import pytest

import hookloop as tf

TABLE = np.random.default_rng(0).standard_normal((7, 2, 3))
IDS = [[0, 6, 2], [3, 3, 5]]


def run(fetch, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetch, feeds)


def shards(strategy, count):
    """The table cut as a strategy expects it."""
    if strategy == "mod":
        return [TABLE[k::count] for k in range(count)]
    return np.array_split(TABLE, count)


@pytest.mark.parametrize("ids_dtype", ["int32", "int64"])
def test_one_table(executor, ids_dtype):
    np.testing.assert_array_equal(run(tf.nn.embedding_lookup(TABLE, np.array(IDS, ids_dtype))), TABLE[IDS])


@pytest.mark.parametrize("strategy", ["mod", "div"])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_shards(executor, strategy, count):
    found = tf.nn.embedding_lookup([tf.constant(part) for part in shards(strategy, count)], IDS, strategy)
    assert found.shape.as_list() == [2, 3, 2, 3]
    np.testing.assert_array_equal(run(found), TABLE[IDS])


@pytest.mark.parametrize("use_resource", [False, True])
def test_gradient_of_shards_of_variables(executor, use_resource):
    parts = [tf.Variable(part, use_resource=use_resource) for part in shards("mod", 2)]
    ids = tf.placeholder(tf.int32, [None])
    loss = tf.reduce_sum(tf.nn.embedding_lookup(parts, ids) ** 2)
    gradients = [tf.convert_to_tensor(g) for g in tf.gradients(loss, parts)]
    found = run(gradients, {ids: [1, 4, 1, 6]})
    wanted = np.zeros_like(TABLE)
    np.add.at(wanted, [1, 4, 1, 6], 2 * TABLE[[1, 4, 1, 6]])
    np.testing.assert_allclose(found[0], wanted[::2])
    np.testing.assert_allclose(found[1], wanted[1::2])


@pytest.mark.parametrize("count", [1, 2])
def test_rows_are_scaled_down_to_max_norm(executor, count):
    found = run(tf.nn.embedding_lookup(shards("mod", count), IDS, max_norm=1.5))
    norms = np.sqrt((TABLE**2).sum((1, 2), keepdims=True))
    np.testing.assert_allclose(found, (TABLE * np.minimum(1, 1.5 / norms))[IDS])


def test_what_is_refused():
    with pytest.raises(ValueError, match="Need at least one param"):
        tf.nn.embedding_lookup([], [1])
    with pytest.raises(ValueError, match="Unrecognized partition strategy: other"):
        tf.nn.embedding_lookup([TABLE, TABLE], [1], "other")


def test_an_id_beyond_the_table_is_refused(executor):
    ids = tf.placeholder(tf.int32, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = 9 is not in \[0, 7\)"):
        run(tf.nn.embedding_lookup(TABLE, ids), {ids: [0, 9]})


@pytest.mark.parametrize(
    "shape, names",
    [([], ["Rank", "range/limit", "range/delta", "range"]), (None, ["Rank", "Rank_1", "range/delta", "range"])],
)
def test_axes_of_rows_for_max_norm_are_tensorflows_nodes(shape, names):
    """As TensorFlow takes a rank of 0 for one that is not known."""
    ids = tf.placeholder(tf.int32, shape)
    rows = tf.nn.embedding_lookup(
        tf.get_variable("table", [4, 3], initializer=tf.ones_initializer()), ids, max_norm=1.0
    )
    made = [
        op.name.partition("/")[2]
        for op in tf.get_default_graph().get_operations()
        if op.name.startswith("embedding_lookup/")
    ]
    assert made[1:5] == names
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(rows, {ids: 1}), np.full(3, 3**-0.5), rtol=1e-6)
