"""`MapStagingArea`: elements under keys, in one step or by their components. What is expected are TensorFlow 1.15's answers."""

import threading

import pytest
from hookloop.python.ops.data_flow_ops import MapStagingArea

import hookloop as tf


def test_nodes():
    area = MapStagingArea(
        [tf.float32, tf.int32], shapes=[[2], None], names=["a", "b"], capacity=3, memory_limit=100, ordered=True
    )
    key = tf.constant(1, tf.int64)
    put = area.put(key, {"b": tf.constant(3)})
    attrs = put.node_def.attr
    assert (put.name, put.type, attrs["capacity"].i, attrs["memory_limit"].i) == (
        "MapStagingArea_put",
        "OrderedMapStage",
        3,
        100,
    )
    assert list(attrs["dtypes"].list.type) == [1, 3] and list(attrs["fake_dtypes"].list.type) == [3]
    assert attrs["_class"].list.s[0] == b"loc:@MapStagingArea_root/NoOp"
    (first, parts), (same, part) = area.get(), area.get(key, ["b"])
    assert first.name == "MapStagingArea_get_nokey:0" and parts["b"].name == "MapStagingArea_get_nokey:2"
    assert same is key and part["b"].op.name == "MapStagingArea_get" and part["b"].dtype == tf.int32
    assert parts["a"].shape == [2] and area.peek(key, [0])["a"].op.name == "MapStagingArea_pop"
    others = [area.size().op, area.incomplete_size().op, area.clear()]
    assert [(op.type, op.name) for op in others] == [
        ("OrderedMapSize", "MapStagingArea_size"),
        ("OrderedMapIncompleteSize", "MapStagingArea_incomplete_size"),
        ("OrderedMapClear", "MapStagingArea_clear"),
    ]
    names = [op.name for op in tf.get_default_graph().get_operations()]
    assert names[4:10] == [
        "MapStagingArea_put", "MapStagingArea_get_nokey/indices", "MapStagingArea_get_nokey", "NoOp", "NoOp_1", "MapStagingArea_get/indices",
    ]  # fmt: skip


@pytest.mark.parametrize("ordered", [True, False])
def test_elements_by_keys_and_by_components(executor, ordered):
    area = MapStagingArea([tf.float32, tf.int32], ordered=ordered)
    key, x = tf.placeholder(tf.int64, []), tf.placeholder(tf.float32)
    whole = area.put(key, [x, tf.constant(7)], [0, 1])
    parts = area.put(key, [x], [0]), area.put(key, [tf.constant(9)], [1])
    sizes = [area.size(), area.incomplete_size()]
    with tf.Session() as session:
        for k in (5, 2, 9):
            session.run(whole, {key: k, x: k})
        assert session.run(sizes) == [3, 0]
        assert session.run(area.get()) == ((2, [2.0, 7]) if ordered else (5, [5.0, 7]))
        assert session.run(area.get(key), {key: 9}) == (9, [9.0, 7])
        left = 5 if ordered else 2
        assert session.run(area.peek(key), {key: left}) == [left, 7]
        session.run(parts[0], {key: 1, x: 3.0})
        assert session.run(sizes) == [1, 1]
        with pytest.raises(tf.errors.InvalidArgumentError, match="index '0' for key '1' was already initialized '2'"):
            session.run(parts[0], {key: 1, x: 4.0})
        session.run(parts[1], {key: 1})
        assert session.run(sizes) == [2, 0]
        assert session.run(area.get(key, [0]), {key: 1}) == (1, [3.0])
        assert session.run(sizes) == [2, 0]
        with pytest.raises(tf.errors.InvalidArgumentError, match="index '0' for key '1' has already been removed"):
            session.run(area.peek(key, [0]), {key: 1})
        assert session.run(area.peek(key, [1]), {key: 1}) == [9]
        assert session.run(area.get(key, [1]), {key: 1}) == (1, [9])
        assert session.run(sizes) == [1, 0]
        session.run(whole, {key: left, x: -1.0})  # what is there stays
        assert session.run(area.peek(key), {key: left}) == [left, 7]
        session.run([parts[0], area.clear()], {key: 3, x: 1.0})
        session.run(area.clear())
        assert session.run(sizes) == [0, 0]


def test_waiting_for_room_and_for_elements(executor):
    area = MapStagingArea([tf.float32], capacity=1)
    key = tf.placeholder(tf.int64, [])
    put, get = area.put(key, [tf.cast(key, tf.float32)], [0]), area.get(key)
    soon = tf.RunOptions(timeout_in_ms=50)
    with tf.Session() as session:
        session.run(put, {key: 1})
        for fetch, k in ((put, 2), (get, 2), (area.peek(key), 7)):
            with pytest.raises(tf.errors.DeadlineExceededError):
                session.run(fetch, {key: k}, options=soon)
        thread = threading.Thread(target=lambda: session.run(put, {key: 2}))
        thread.start()
        assert session.run(get, {key: 1}) == (1, [1.0])
        assert session.run(get, {key: 2}) == (2, [2.0])
        thread.join(10)
        assert not thread.is_alive()
        assert session.run([put, get], {key: 4})[1] == (4, [4.0])  # a step gives itself what it waits for


def test_bytes_are_free_again_when_their_parts_are_gone(executor):
    area = MapStagingArea([tf.float32, tf.int32], memory_limit=16)
    key = tf.placeholder(tf.int64)
    whole, half = area.put(key, [tf.ones([]), tf.constant(1)], [0, 1]), area.put(key, [tf.ones([])], [0])
    soon, late = tf.RunOptions(timeout_in_ms=50), tf.RunOptions(timeout_in_ms=60000)
    with tf.Session() as session:
        for _ in range(3):
            session.run(whole, {key: 1})  # the element of the key stays, and what came again is dropped
        session.run(half, {key: 2})
        session.run(half, {key: 3})
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(half, {key: 4}, options=soon)
        session.run(area.get(key, [1]), {key: 1})
        session.run(half, {key: 4}, options=late)
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(half, {key: 5}, options=soon)
        session.run(area.clear())
        for k in (6, 7):
            session.run(whole, {key: k}, options=late)
        assert session.run([area.size(), area.incomplete_size()]) == [2, 0]


def test_what_does_not_fit_is_refused_when_it_is_run(executor):
    area = MapStagingArea([tf.float32, tf.int32], memory_limit=8)
    key = tf.placeholder(tf.int64)
    refused = [
        (area.put(key, [tf.ones([5])], [0]), tf.errors.ResourceExhaustedError,
         "Attempted to insert tensors with combined size of '20' bytes into Staging Area with a memory limit of '8'"),
        (area.put(key, [tf.constant(1), tf.ones([])], [1, 0]), tf.errors.InvalidArgumentError, "Indices are not strictly ordered"),
        (tf.raw_ops.MapStage(key=key, indices=[3], values=[tf.ones([])], dtypes=[tf.float32, tf.int32]), tf.errors.InvalidArgumentError,
         "the index '3' is none of the 2 components"),
        (tf.raw_ops.MapStage(key=key, indices=[0, 1], values=[tf.ones([])], dtypes=[tf.float32]), tf.errors.InvalidArgumentError,
         "expected as many indices as components, 1, got 2"),
    ]  # fmt: skip
    with tf.Session() as session:
        for op, error, text in refused:
            with pytest.raises(error, match=text):
                session.run(op, {key: 1})
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected one key, got 2"):
            session.run(area.clear())
            session.run(area.put(key, [tf.ones([])], [0]), {key: [1, 2]})
        assert session.run([area.size(), area.incomplete_size()]) == [0, 0]


def test_what_does_not_fit_is_refused():
    key = tf.constant(1, tf.int64)
    area, named = MapStagingArea([tf.float32, tf.int32]), MapStagingArea([tf.float32, tf.int32], names=["a", "b"])
    shaped = MapStagingArea([tf.float32], shapes=[[2]])
    one = tf.ones([])
    for build, error, text in (
        (lambda: area.put(key, [one]), ValueError, "Indices must be supplied when inserting a list of tensors"),
        (lambda: area.put(key, [tf.constant(1)], [0]), ValueError, "Datatypes do not match"),
        (lambda: area.put(key, {"a": one}), ValueError, "Staging areas must have names to enqueue a dictionary"),
        (
            lambda: area.put(key, [one, tf.constant(1)], [0]),
            ValueError,
            "Number of indices '1' doesn't match number of values '2'",
        ),
        (lambda: area.put(tf.constant(1), [one], [0]), TypeError, "Input 'key' of 'MapStage' Op has type int32"),
        (lambda: area.get(key, ["a"]), ValueError, "this Staging Area was not created with names"),
        (lambda: named.get(key, "a"), TypeError, "Invalid indices type '<class 'str'>'"),
        (lambda: named.put(key, [one], [0]), ValueError, "You must enqueue a dictionary in a staging area with names"),
        (
            lambda: named.put(key, {"c": one}),
            ValueError,
            "Keys in dictionary to put do not match names of staging area",
        ),
        (lambda: shaped.put(key, [tf.ones([3])], [0]), ValueError, "are incompatible"),
    ):
        with pytest.raises(error, match=text):
            build()
