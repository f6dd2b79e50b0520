"""`ProfilerHook`: which steps are traced, and what is written."""

import json

import pytest

import hookloop as tf


def train(hooks, steps):
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    with tf.train.MonitoredSession(hooks=hooks) as session:
        for _ in range(steps):
            session.run(step)


def saved(directory):
    return sorted(int(path.stem.split("-")[1]) for path in directory.glob("timeline-*.json"))


@pytest.mark.parametrize(
    "every, steps", [(1, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), (3, [3, 6, 9]), (5, [5, 10]), (12, [])]
)
def test_steps(tmp_path, every, steps):
    train([tf.train.ProfilerHook(save_steps=every, output_dir=str(tmp_path))], 11)
    assert saved(tmp_path) == steps


def test_seconds(tmp_path):
    train([tf.train.ProfilerHook(save_secs=1e-9, output_dir=str(tmp_path))], 4)
    assert saved(tmp_path) == [2, 3, 4]
    train([tf.train.ProfilerHook(save_secs=1000, output_dir=str(tmp_path / "later"))], 4)
    assert saved(tmp_path / "later") == []


def test_the_same_steps_within_many(tmp_path):
    hook = tf.train.ProfilerHook(save_steps=5, output_dir=str(tmp_path))
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run_steps(step, 11)
    assert saved(tmp_path) == [5, 10]


def test_a_subclass_is_called_every_step(tmp_path):
    class Mine(tf.train.ProfilerHook):
        def after_run(self, run_context, run_values):
            super().after_run(run_context, run_values)

    train([Mine(save_steps=4, output_dir=str(tmp_path))], 9)
    assert len(saved(tmp_path)) == 2


def test_the_file_is_a_chrome_trace(executor, tmp_path):
    train([tf.train.ProfilerHook(save_steps=2, output_dir=str(tmp_path), show_memory=True)], 2)
    events = json.loads((tmp_path / "timeline-2.json").read_text())["traceEvents"]
    assert {event["ph"] for event in events} >= {"M", "X"}


def test_a_directory_with_the_scheme_of_files(tmp_path):
    train([tf.train.ProfilerHook(save_steps=2, output_dir=f"file://{tmp_path}/times")], 3)
    assert saved(tmp_path / "times")


def test_the_metadata_is_written_as_an_event(executor, tmp_path):
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    train([tf.train.ProfilerHook(save_steps=2, output_dir=str(tmp_path))], 5)
    (path,) = tmp_path.glob("events*")
    events = [tf.Event.FromString(record) for record in RawEventFileLoader(str(path)).Load()]
    tagged = [event.tagged_run_metadata for event in events if event.HasField("tagged_run_metadata")]
    assert [each.tag for each in tagged] == ["step_2", "step_4"]
    assert tf.RunMetadata.FromString(tagged[0].run_metadata).step_stats.dev_stats[0].node_stats


@pytest.mark.parametrize("arguments, text", [
    ({}, "Either every_secs or every_steps should be provided."),
    ({"save_steps": 1, "save_secs": 1}, "Can not provide both every_secs and every_steps."),
])  # fmt: skip
def test_exactly_one_period(arguments, text):
    with pytest.raises(ValueError, match=text):
        tf.train.ProfilerHook(**arguments)


def test_needs_a_global_step(tmp_path):
    with pytest.raises(RuntimeError, match="Global step should be created to use ProfilerHook."):
        tf.train.ProfilerHook(save_steps=1, output_dir=str(tmp_path)).begin()


def test_the_graph_is_written_as_it_is_when_the_hook_is_made(tmp_path):
    tf.constant(1, name="before")
    tf.train.ProfilerHook(save_steps=1, output_dir=str(tmp_path))
    tf.constant(1, name="behind")
    tf.summary.FileWriterCache.clear()
    (path,) = tmp_path.glob("events*")
    graphs = [tf.GraphDef.FromString(event.graph_def) for event in tf.train.summary_iterator(str(path))]
    assert [node.name for graph in graphs for node in graph.node] == ["before"]
