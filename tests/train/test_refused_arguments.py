"""What optimizers, savers, checkpoints, loss scales, summaries and hooks refuse, in the words of TensorFlow 1.15."""

import re
import types

import numpy as np
import pytest

import hookloop as tf


class Plain(tf.train.Optimizer):
    """An optimizer that defines nothing."""

    def __init__(self):
        super().__init__(False, "Plain")


def variable(use_resource=False, **more):
    return tf.get_variable("v", initializer=[1.0, 2.0], use_resource=use_resource, **more)


def rows():
    return tf.IndexedSlices(tf.constant([1.0]), tf.constant([0]), tf.constant([2]))


def applied(grad, target):
    return Plain().apply_gradients([(grad, target)])


def gradient_descent():
    return tf.train.GradientDescentOptimizer(0.1)


def constrained():
    v = variable(constraint=tf.identity)
    return gradient_descent().apply_gradients([(rows(), v)])


def saver_def(**fields):
    made = tf.train.Saver([variable()]).as_saver_def()
    for name, value in fields.items():
        setattr(made, name, value)
    return tf.train.Saver(saver_def=made)


def saved_as(path, **more):
    saver = tf.train.Saver([variable()])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return saver.save(session, path, **more)


def replicas(**more):
    return tf.train.SyncReplicasOptimizer(gradient_descent(), replicas_to_aggregate=4, total_num_replicas=2, **more)


def begun_replicas():
    optimizer = replicas()
    optimizer.apply_gradients([(tf.constant([1.0, 1.0]), variable())], tf.train.create_global_step())
    return optimizer


def fixed_estimator(**config):
    settings = {"num_ps_replicas": 0, "num_worker_replicas": 1, **config}
    return types.SimpleNamespace(config=types.SimpleNamespace(**settings))


def written(act):
    return act(tf.summary.FileWriter("events"))


OPTIMIZERS = {  # what -> (call, error, text)
    "a tensor to update": (lambda: applied(tf.constant(1.0), tf.constant(1.0)), NotImplementedError, "Trying to update a Tensor "),
    "a name to optimize": (
        lambda: Plain().compute_gradients(tf.constant(1.0), ["v"]), NotImplementedError, "Trying to optimize unsupported type ",
    ),
    "no dense update": (
        lambda: applied(tf.constant([1.0, 1.0]), variable()), NotImplementedError, "Plain does not define _apply_dense",
    ),
    "no dense update of resources": (
        lambda: applied(tf.constant([1.0, 1.0]), variable(True)), NotImplementedError, "Plain does not define _resource_apply_dense",
    ),
    "no update of rows": (lambda: applied(rows(), variable()), NotImplementedError, "Plain does not define _apply_sparse"),
    "no update of rows of resources": (
        lambda: applied(rows(), variable(True)), NotImplementedError, "Plain does not define _resource_apply_sparse",
    ),
    "rows under a constraint": (constrained, RuntimeError, "Cannot use a constraint function on a sparse variable."),
    "a decay without a step": (
        lambda: tf.train.exponential_decay(0.1, None, 10, 0.9), ValueError, "global_step is required for exponential_decay.",
    ),
    "no step of replicas": (
        lambda: replicas().apply_gradients([(tf.constant([1.0, 1.0]), variable())]), ValueError,
        "Global step is required to check staleness",
    ),
    "replicas that have not begun": (
        lambda: replicas().get_chief_queue_runner(), ValueError, "Should be called after apply_gradients().",
    ),
    "too few tokens": (
        lambda: begun_replicas().get_init_tokens_op(1), ValueError, "Too few tokens to finish the first step: 1 (given) vs 2 (needed)",
    ),
    "a scale that is none": (
        lambda: tf.train.experimental.MixedPrecisionLossScaleOptimizer(gradient_descent(), "much"), ValueError,
        "Could not interpret loss scale identifier: much",
    ),
    "a scale twice": (
        lambda: tf.train.experimental.enable_mixed_precision_graph_rewrite(
            tf.train.experimental.MixedPrecisionLossScaleOptimizer(gradient_descent(), 2.0)), ValueError,
        '"opt" must not already be an instance of a MixedPrecisionLossScaleOptimizer.',
    ),
    "a global step that is a vector": (
        lambda: tf.train.assert_global_step(tf.get_variable("s", initializer=[1, 2])), TypeError, 'Existing "global_step" is not scalar: (2,)',
    ),
}  # fmt: skip

FILES = {
    "a saver without a name of its tensor": (
        lambda: saver_def(save_tensor_name=""), ValueError, "saver_def must specify the save_tensor_name: ",
    ),
    "a saver without its operation": (
        lambda: saver_def(restore_op_name=""), ValueError, "saver_def must specify the restore_op_name: ",
    ),
    "a checkpoint that is its state file": (
        lambda: saved_as("here/checkpoint"), ValueError, "'latest_filename' collides with 'save_path': 'checkpoint' and 'here/checkpoint'",
    ),
    "a state file that is its checkpoint": (
        lambda: tf.train.update_checkpoint_state("here", "here/checkpoint"), RuntimeError,
        "Save path 'here/checkpoint' conflicts with path used for checkpoint state.  Please use a different save path.",
    ),
    "no variable in an assignment map": (
        lambda: tf.train.init_from_checkpoint(saved_as("./c"), {"v": 3}), TypeError, "expected a variable or its name in the assignment map for 'v', got 3",
    ),
    "a graph twice": (
        lambda: written(lambda writer: writer.add_graph(tf.Graph(), graph_def=tf.GraphDef())), ValueError,
        "Please pass only graph, or graph_def (deprecated), but not both.",
    ),
    "no graph": (lambda: written(lambda writer: writer.add_graph(None)), TypeError, "The passed graph must be an instance of `Graph`"),
    "a meta graph that is none": (
        lambda: written(lambda writer: writer.add_meta_graph(3)), TypeError, "meta_graph_def must be type MetaGraphDef, saw type: <class 'int'>",
    ),
    "a negative period of a trigger": (
        lambda: tf.train.Trigger("runs", every=-1), ValueError,
        "expected a period that is not negative as a trigger's every, got -1",
    ),
    "a period of a trigger that is NaN": (
        lambda: tf.train.Trigger("seconds", every=float("nan")), ValueError,
        "expected a period that is not negative as a trigger's every, got nan",
    ),
    "a threshold of a trigger that is NaN": (
        lambda: tf.train.Trigger("global_step", at=float("nan")), ValueError, "expected a number as a trigger's at, got nan",
    ),
    "a beginning of a trigger's period that is NaN": (
        lambda: tf.train.Trigger("runs", every=1, since=float("nan")), ValueError,
        "expected a number as a trigger's since, got nan",
    ),
    "a summary without a place": (
        lambda: tf.contrib.training.SummaryAtEndHook(), ValueError, "One of log_dir or summary_writer should be used.",
    ),
}  # fmt: skip

INPUT = {
    "a small queue": (
        lambda: tf.train.shuffle_batch([1], 2, 3, 3), ValueError, "capacity 3 must be bigger than min_after_dequeue 3.",
    ),
    "sources of several types": (
        lambda: tf.train.batch_join([[1], [1.0]], 2), TypeError, "Expected types to be consistent: int32 vs. float32.",
    ),
    "an exception that is none": (
        lambda: tf.train.Coordinator().request_stop(3), TypeError, "expected an exception, got 3",
    ),
    "several machines": (
        lambda: tf.estimator.experimental.InMemoryEvaluatorHook(fixed_estimator(num_worker_replicas=2), None), ValueError,
        "InMemoryEvaluator supports only single machine (aka Local) setting.",
    ),
    "a benchmark's metric without a value": (
        lambda: tf.test.Benchmark().report_benchmark(metrics=[{"name": "m"}]), TypeError, "metric must has a 'value' field",
    ),
}  # fmt: skip

REFUSED = {**OPTIMIZERS, **FILES, **INPUT}


@pytest.mark.parametrize("what", REFUSED)
def test_unfit_arguments_are_refused(what, tmp_path, monkeypatch):
    call, error, text = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=re.escape(text)):
        call()


def test_a_weight_of_a_loss_scale_is_made_once():
    class Scale(tf.train.experimental.DynamicLossScale):
        def twice(self):
            return [self._add_weight("weight", 1.0) for _ in range(2)]

    with pytest.raises(RuntimeError, match=r"Duplicate variables detected\. \('weight', <.*Graph object at"):
        Scale().twice()


def test_a_step_function_that_asks_for_a_stop_ends_the_loop():
    one = tf.constant(1)

    def step(step_context):
        step_context.request_stop()

    with tf.train.MonitoredSession() as session:
        session.run(one)
        with pytest.raises(StopIteration, match="step_fn has requested the iterations to stop."):
            session.run_step_fn(step)


@pytest.mark.parametrize("way", ["assert_consumed", "assert_existing_objects_matched", "assert_nontrivial_match"])
def test_a_restore_of_nothing_asserts_nothing(way):
    status = tf.train.Checkpoint(v=variable()).restore(None)
    with pytest.raises(
        AssertionError, match=r"No checkpoint specified \(save_path=None\); nothing is being restored\."
    ):
        getattr(status, way)()
    with pytest.raises(AssertionError, match=r"No checkpoint specified, so no restore ops are available"):
        status.run_restore_ops()


def test_files_are_not_written_over_unasked(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    for act in (tf.gfile.Copy, tf.gfile.Rename):
        with pytest.raises(tf.errors.AlreadyExistsError, match="file already exists: .*b$"):
            act(str(tmp_path / "a"), str(tmp_path / "b"))
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["a", "b"]


def test_assertions_of_inequality():
    case = tf.test.TestCase("run")
    with pytest.raises(AssertionError, match="^The two values are equal at all elements$"):
        case.assertNotAllEqual(np.ones(2), np.ones(2))
    with pytest.raises(AssertionError, match="^The two values are close at all elements$"):
        case.assertNotAllClose(np.ones(2), np.ones(2))
