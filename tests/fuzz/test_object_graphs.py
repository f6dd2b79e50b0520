"""Checkpoints of objects whose graph was changed: restored, or refused by errors that users expect."""

import random

import numpy as np
import pytest

import hookloop as tf
from hookloop.files import bundle
from hookloop.files.messages import TrackableObjectGraph

from .dose import LARGE

KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
ROUNDS = 1500 if LARGE else 30


def model():
    v = tf.get_variable("v", initializer=[1.0, 2.0])
    w = tf.get_variable("w", initializer=3.0, use_resource=True)
    optimizer = tf.train.AdamOptimizer(0.1)
    optimizer.minimize(tf.reduce_sum(v * v) * w)
    checkpoint = tf.train.Checkpoint(v=v, w=w, optimizer=optimizer)
    checkpoint.parts = [v, {"a": w}]
    return checkpoint


def changed(chance, text):
    """The graph of objects with some bytes, or some fields, changed."""
    if chance.random() < 0.4:
        data = bytearray(text)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)
    message = TrackableObjectGraph.FromString(text)
    for _ in range(chance.randint(1, 3)):
        node, way = chance.choice(message.nodes), chance.randrange(5)
        if way == 0 and node.children:
            child = chance.choice(node.children)
            child.node_id = chance.choice([-1, 0, 1, 2, 5, 9, 2**31 - 1])
            child.local_name = chance.choice([child.local_name, "v", "w", "optimizer", "", "parts", "0"])
        elif way == 1 and node.attributes:
            attribute = chance.choice(node.attributes)
            attribute.checkpoint_key = chance.choice(
                [f"{name}/.ATTRIBUTES/VARIABLE_VALUE" for name in "vwx"] + [KEY, ""]
            )
            attribute.name = chance.choice(["VARIABLE_VALUE", "x", ""])
        elif way == 2 and node.slot_variables:
            slot = chance.choice(node.slot_variables)
            slot.slot_name = chance.choice(["m", "v", "x"])
            slot.original_variable_node_id = chance.randrange(len(message.nodes))
            slot.slot_variable_node_id = chance.randrange(len(message.nodes))
        elif way == 3:
            message.nodes.add().CopyFrom(node)
        elif way == 4:
            node.Clear()
    return message.SerializeToString()


def test_changed_graphs_of_objects(tmp_path):
    seed = random.randrange(2**32) if LARGE else 7
    chance = random.Random(seed)
    with tf.Graph().as_default(), tf.Session() as session:
        checkpoint = model()
        session.run(tf.global_variables_initializer())
        path = checkpoint.save(str(tmp_path / "c"), session=session)
    reader = bundle.BundleReader(path)
    items = [(name, reader.read(name), reader.dtype(name), None) for name in reader.names()]
    text = reader.read(KEY)[()]
    for _ in range(ROUNDS):
        graph = changed(chance, text)
        bundle.write(path, [(n, np.array(graph, dtype=object) if n == KEY else v, t, p) for n, v, t, p in items])
        with tf.Graph().as_default(), tf.Session() as session:
            checkpoint = model()
            session.run(tf.global_variables_initializer())
            try:
                restore(checkpoint, path, session)
            except Exception as error:
                pytest.fail(f"{type(error).__name__}: {error}, of the graph {graph!r} (seed {seed})")


def restore(checkpoint, path, session):
    try:
        status = checkpoint.restore(path).expect_partial()
    except tf.errors.OpError as error:
        assert str(error)
        return
    for action in (status.assert_existing_objects_matched, status.assert_consumed, status.assert_nontrivial_match):
        try:
            action()
        except AssertionError as error:
            assert str(error)
    for action in (lambda: status.initialize_or_restore(session), lambda: tf.train.Saver().restore(session, path)):
        try:
            action()
        except (tf.errors.OpError, ValueError) as error:
            assert str(error)
