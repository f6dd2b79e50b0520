"""The demo's training: a network of one hidden layer, Adam, and the hooks of a monitored session."""

from __future__ import annotations

import os
import time

import hookloop as tf

__all__ = ["Result", "train"]

_HIDDEN, _BATCH, _RATE = 128, 64, 0.002
_CHECKPOINT_STEPS, _SUMMARY_STEPS = 1000, 100


class Result:
    """What a training gave.

    Attributes:
      losses: the loss before each step that was made.
      first_step: how many steps an earlier training had made that this one went on from.
      accuracy: on the held-out digits.
      seconds: of the training loop.
    """

    def __init__(self, losses, first_step, accuracy, seconds):
        self.losses = losses
        self.first_step = first_step
        self.accuracy = accuracy
        self.seconds = seconds


class _Input(tf.train.SessionRunHook):
    """Batches for ever, in a new order each time round; as a hook, it gives each session the digits.

    Attributes:
      x, y: tensors of a batch's images and labels.
      first_step: the global step that the session began with.
    """

    def __init__(self, digits, seed):
        count = len(digits.train_x)
        arrays = {"images": digits.train_x, "labels": digits.train_y}
        with tf.name_scope("input"):
            # Fed, so that the graph, and with it each checkpoint's meta graph, holds none of the digits.
            fed = {k: tf.placeholder(v.dtype, [None, *v.shape[1:]], name=f"all_{k}") for k, v in arrays.items()}
            rows = tf.data.Dataset.from_tensor_slices((fed["images"], fed["labels"])).shuffle(count, seed=seed)
            iterator = tf.data.make_initializable_iterator(rows.repeat().batch(min(_BATCH, count)))
            self.x, self.y = iterator.get_next()
        self._initializer = iterator.initializer
        self._feeds = {fed[k]: v for k, v in arrays.items()}

    def begin(self):
        self._global_step = tf.train.get_global_step()

    def after_create_session(self, session, coord):
        self.first_step = int(session.run(self._global_step))
        session.run(self._initializer, self._feeds)


def _dense(x, n_in, n_out, name):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [n_in, n_out], initializer=tf.glorot_uniform_initializer())
        b = tf.get_variable("b", [n_out], initializer=tf.zeros_initializer())
        tf.summary.histogram("weights", w)
        tf.summary.histogram("biases", b)
        return tf.nn.bias_add(tf.matmul(x, w), b)


def _network(x, y, pixels):
    """The loss, and the share of the digits that it tells right."""
    hidden = tf.nn.relu(_dense(x, pixels, _HIDDEN, "hidden"))
    logits = _dense(hidden, _HIDDEN, 10, "output")
    with tf.name_scope("judge"):
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        loss = tf.reduce_mean(each, name="loss")
        right = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), y)
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32), name="accuracy")
    with tf.name_scope("digits"):
        tf.summary.scalar("loss", loss)
        tf.summary.scalar("accuracy", accuracy)
    return loss, accuracy


def train(digits, steps, threads=None, seed=0, directory=None):
    """Trains the network.

    Args:
      digits: a `Digits`.
      steps: how many, those of an earlier training in the directory included.
      threads: of the session; by default as many as there are processors.
      seed: of the weights and of the order of the batches.
      directory: where checkpoints and summaries are written; the training goes on from the latest checkpoint in it.
        Nothing is written by default.

    Returns:
      A `Result`.
    """
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        batches = _Input(digits, seed)
        loss, accuracy = _network(batches.x, batches.y, digits.pixels)
        step = tf.train.AdamOptimizer(_RATE).minimize(loss, global_step=tf.train.get_or_create_global_step())
        held_out = {batches.x: digits.test_x, batches.y: digits.test_y}
        final = tf.train.FinalOpsHook(accuracy, held_out)
        hooks = [
            batches,
            tf.train.StopAtStepHook(last_step=steps),
            tf.train.LoggingTensorHook({"loss": loss}, every_n_iter=max(steps // 10, 1)),
            tf.train.NanTensorHook(loss),
            final,
        ]
        if directory is not None:
            judged = {"digits/loss": loss, "digits/accuracy": accuracy}  # the tags of the training's own curves
            place = os.path.join(directory, "held_out")
            hooks.append(
                tf.train.EvalHook(judged, _SUMMARY_STEPS, [held_out], at_start=True, output_dir=place, name="Held out")
            )
        losses = []
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=directory, hooks=hooks, save_checkpoint_steps=_CHECKPOINT_STEPS, log_step_count_steps=_SUMMARY_STEPS,
            save_summaries_steps=_SUMMARY_STEPS, config=tf.ConfigProto(intra_op_parallelism_threads=threads or 0),
        ) as session:  # fmt: skip
            begin = time.perf_counter()
            while not session.should_stop():
                losses.append(session.run([step, loss])[1])
            seconds = time.perf_counter() - begin
        return Result(losses, batches.first_step, float(final.final_ops_values), seconds)
