"""The demo's training: a network of one hidden layer, Adam, and the hooks of a monitored session."""

from __future__ import annotations

import time

import numpy as np

import hookloop as tf

__all__ = ["Result", "train"]

_HIDDEN, _BATCH, _RATE = 128, 64, 0.002


class Result:
    """What a training gave.

    Attributes:
      losses: the loss before each step.
      accuracy: on the held-out digits.
      seconds: of the training loop.
    """

    def __init__(self, losses, accuracy, seconds):
        self.losses = losses
        self.accuracy = accuracy
        self.seconds = seconds


def _dense(x, n_in, n_out, name):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [n_in, n_out], initializer=tf.glorot_uniform_initializer())
        b = tf.get_variable("b", [n_out], initializer=tf.zeros_initializer())
    return tf.matmul(x, w) + b


def _batches(digits, seed):
    """Batches for ever, in a new order each time round."""
    random = np.random.RandomState(seed)
    batch = min(_BATCH, len(digits.train_x))
    while True:
        order = random.permutation(len(digits.train_x))
        for first in range(0, len(order) - batch + 1, batch):
            rows = order[first : first + batch]
            yield digits.train_x[rows], digits.train_y[rows]


def train(digits, steps, threads=None, seed=0):
    """Trains the network.

    Args:
      digits: a `Digits`.
      steps: how many.
      threads: of the session; by default as many as there are processors.
      seed: of the weights and of the order of the batches.

    Returns:
      A `Result`.
    """
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, digits.pixels], name="images")
        y = tf.placeholder(tf.int32, [None], name="labels")
        hidden = tf.nn.relu(_dense(x, digits.pixels, _HIDDEN, "hidden"))
        logits = _dense(hidden, _HIDDEN, 10, "output")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits), name="loss")
        right = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), y)
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32), name="accuracy")
        step = tf.train.AdamOptimizer(_RATE).minimize(loss, global_step=tf.train.get_or_create_global_step())
        final = tf.train.FinalOpsHook(accuracy, {x: digits.test_x, y: digits.test_y})
        hooks = [
            tf.train.StopAtStepHook(last_step=steps),
            tf.train.LoggingTensorHook({"loss": loss}, every_n_iter=max(steps // 10, 1)),
            tf.train.NanTensorHook(loss),
            final,
        ]
        config = tf.ConfigProto(intra_op_parallelism_threads=threads or 0)
        creator = tf.train.ChiefSessionCreator(config=config)
        losses, batches = [], _batches(digits, seed)
        with tf.train.MonitoredSession(session_creator=creator, hooks=hooks) as session:
            begin = time.perf_counter()
            while not session.should_stop():
                images, labels = next(batches)
                losses.append(session.run([step, loss], {x: images, y: labels})[1])
            seconds = time.perf_counter() - begin
        return Result(losses, float(final.final_ops_values), seconds)
