"""Input pipelines of queues: nodes, queue runners, shapes and errors as TensorFlow 1.15 has them, and what they give."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORD = json.loads((FIXTURES / "input_pipelines.json").read_text())
_spec = importlib.util.spec_from_file_location("input_pipeline_program", FIXTURES / "input_pipeline_program.py")
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)

# Their texts begin as TensorFlow's, and go on with the tensor.
LONGER = ("a single tensor", "no list of lists", "single tensors")


@pytest.mark.parametrize("name", RECORD["graphs"])
def test_graph_of_a_pipeline(name):
    found = json.loads(json.dumps(program.graph(tf, name)))
    expected = RECORD["graphs"][name]
    assert found["nodes"] == expected["nodes"]
    assert found == expected


@pytest.mark.parametrize("name", RECORD["errors"])
def test_error_of_a_pipeline(name):
    found, expected = program.error(tf, name), RECORD["errors"][name]
    if expected is None:
        assert found is None
        return
    assert found is not None and found[0] == expected[0]
    if name in LONGER:
        assert found[1].startswith(expected[1][: expected[1].index("is not allowed in Graph execution")])
    else:
        assert found[1] == expected[1]


def results(outputs, most=100):
    """What the queue runners' threads and a loop make of the outputs, until the input ends."""
    found = []
    with tf.train.MonitoredSession() as session:
        while not session.should_stop() and len(found) < most:
            found.append(session.run(outputs))
    return found


def test_batches_of_slices_in_order(executor):
    x, y = tf.train.slice_input_producer([np.arange(10.0).reshape(5, 2), [0, 1, 2, 3, 4]], num_epochs=2, shuffle=False)
    batch = tf.train.batch([x, y], 4)
    found = results(batch)
    assert [b[1].tolist() for b in found] == [[0, 1, 2, 3], [4, 0, 1, 2]]  # what is left over is dropped
    assert found[1][0].tolist() == [[8.0, 9.0], [0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


def test_last_batch_may_be_smaller(executor):
    index = tf.train.range_input_producer(5, num_epochs=2, shuffle=False).dequeue()
    batch = tf.train.batch({"index": index, "square": index * index}, 4, allow_smaller_final_batch=True)
    assert [b["square"].tolist() for b in results(batch)] == [[0, 1, 4, 9], [16, 0, 1, 4], [9, 16]]


def test_many_elements_at_once_of_which_some_are_kept(executor):
    row = tf.train.input_producer(np.arange(12).reshape(3, 4), num_epochs=1, shuffle=False).dequeue()
    batch = tf.train.maybe_batch([row], row % 3 > 0, 2, enqueue_many=True)
    assert [b.tolist() for b in results(batch)] == [[1, 2], [4, 5], [7, 8], [10, 11]]


def test_elements_that_are_kept_one_by_one(executor):
    index = tf.train.range_input_producer(7, num_epochs=1, shuffle=False).dequeue()
    batch = tf.train.maybe_batch([index], index % 2 > 0, 3)
    assert [b.tolist() for b in results(batch)] == [[1, 3, 5]]


def test_padding(executor):
    index = tf.train.range_input_producer(4, num_epochs=1, shuffle=False).dequeue()
    batch = tf.train.batch([tf.fill(tf.reshape(index, [1]), index)], 2, dynamic_pad=True)
    assert [b.tolist() for b in results(batch)] == [[[0], [1]], [[2, 2, 0], [3, 3, 3]]]


def test_shuffled_elements_come_once_an_epoch(executor):
    tf.set_random_seed(3)
    index = tf.train.range_input_producer(12, num_epochs=1, seed=5).dequeue()
    batch = tf.train.shuffle_batch([index], 3, capacity=9, min_after_dequeue=4, seed=6)
    found = np.concatenate(results(batch)).tolist()
    assert sorted(found) == list(range(12)) and found != list(range(12))


def test_sources_join(executor):
    names = tf.train.string_input_producer(["a", "b", "c"], num_epochs=2, shuffle=False).dequeue()
    batch = tf.train.batch_join([[names], [tf.identity(names)]], 2)
    assert sorted(np.concatenate(results(batch)).tolist()) == [b"a", b"a", b"b", b"b", b"c", b"c"]


def test_strings_that_a_run_finds_missing(executor):
    strings = tf.constant([], tf.string)
    name = tf.train.string_input_producer(strings).dequeue()
    with pytest.raises(tf.errors.InvalidArgumentError, match="string_input_producer requires a non-null input tensor"):
        results(name)


def test_local_variables_count_the_epochs(executor):
    x = tf.train.limit_epochs(tf.constant(7), num_epochs=2)
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized"):
            session.run(x)
        session.run(tf.local_variables_initializer())
        assert [session.run(x), session.run(x)] == [7, 7]
        with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 2"):
            session.run(x)


def test_how_full_a_queue_is(executor):
    index = tf.train.range_input_producer(4, num_epochs=1, shuffle=False, capacity=8)
    (summary,) = tf.get_collection(tf.GraphKeys.SUMMARIES)
    (runner,) = tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        session.run(runner.enqueue_ops[0])
        session.run(index.dequeue())
        (value,) = tf.Summary.FromString(session.run(summary)).value
        assert (value.tag, value.simple_value) == ("input_producer/fraction_of_8_full", 0.375)


def test_names_of_files_are_found_once(executor, tmp_path):
    for name in ("b.txt", "a.txt", ".c.txt", "d.log"):
        (tmp_path / name).touch()
    files = tf.train.match_filenames_once(f"{tmp_path}/*.txt")
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        expected = [f"{tmp_path}/{name}".encode() for name in (".c.txt", "a.txt", "b.txt")]
        assert session.run(files).tolist() == expected
        (tmp_path / "e.txt").touch()
        assert session.run(files).tolist() == expected


def test_patterns(executor, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "b.txt", "sub/z.txt"):
        (tmp_path / name).touch()
    pattern = tf.placeholder(tf.string)
    found = tf.matching_files(pattern)
    with tf.Session() as session:

        def names(*patterns):
            paths = session.run(found, {pattern: [f"{tmp_path}/{p}" for p in patterns]})
            return [path.decode()[len(str(tmp_path)) + 1 :] for path in paths]

        assert names("a*", "*.txt") == ["a.txt", "a.txt", "b.txt"]
        assert names("[^a].txt") == names("[!a].txt") == names("[b].txt") == ["b.txt"]
        assert names("*/z.txt") == names("s*/?.txt") == ["sub/z.txt"]
        assert names("{a,b}.txt") == names("nothing") == names("") == []
        assert names("a.txt") == ["a.txt"]
        with pytest.raises(tf.errors.NotFoundError, match="missing; No such file or directory"):
            names("missing/*")
    with pytest.raises(ValueError, match="Shape must be at most rank 1 but is rank 2"):
        tf.matching_files([["a"]])
