"""Early stopping, evaluating within a training, evaluating checkpoints: as TensorFlow 1.15's record says."""

import json
import os

import pytest

import hookloop as tf

from ..fixtures import evaluation_program

with open(os.path.join(os.path.dirname(__file__), "..", "fixtures", "evaluation.json")) as file:
    RECORD = json.load(file)


@pytest.mark.parametrize("part", sorted(evaluation_program.PARTS))
def test_as_recorded(part):
    got = json.loads(json.dumps(evaluation_program.PARTS[part](tf)))
    assert sorted(got) == sorted(RECORD[part])
    for name, row in RECORD[part].items():
        assert got[name] == row, name


def test_python_is_entered_only_when_the_function_is_to_be_asked():
    with tf.Graph().as_default(), tf.Session():
        estimator = evaluation_program.Estimator(tf, "model")
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        hook = tf.estimator.experimental.make_early_stopping_hook(
            estimator, lambda: False, run_every_secs=None, run_every_steps=4
        )
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.hook_stats()
            for _ in range(10):
                session.run(step)
            (stats,) = session.hook_stats()
        assert (stats["before_run"][0], stats["after_run"][0]) == (0, 3)


def test_one_graph_is_evaluated_repeatedly_with_summaries(tmp_path):
    training = tf.contrib.training
    evaluation_program.save(tf, str(tmp_path), 7, 3.0)
    with tf.Graph().as_default():
        tf.summary.scalar("value", tf.get_variable("weight", []))
        tf.train.get_or_create_global_step()
        events = str(tmp_path / "events")

        def save_another():
            if os.path.exists(tmp_path / "model.ckpt-9.index"):
                return True
            evaluation_program.save(tf, str(tmp_path), 9, 4.0)
            return False

        hooks = [training.SummaryAtEndHook(events)]
        training.evaluate_repeatedly(
            str(tmp_path), hooks=hooks, eval_interval_secs=0, timeout=0, timeout_fn=save_another
        )
        assert len(hooks) == 1
    assert evaluation_program.written(tf, events) == [[7, "value", 3.0], [9, "value", 4.0]]
