"""A training as users write it: type checkers accept it, and find what is wrong in it."""

import numpy as np

import hookloop as tf


class Counter(tf.train.SessionRunHook):
    def __init__(self, loss: tf.Tensor) -> None:
        self.loss = loss
        self.steps = 0

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(self.loss)

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self.steps += 1
        if run_values.results < 1e-3:
            run_context.request_stop()


class Halving(tf.train.Optimizer):
    def __init__(self, name: str = "Halving") -> None:
        super().__init__(use_locking=False, name=name)

    def _apply_dense(self, grad: tf.Tensor, var: tf.Variable) -> tf.Operation:
        return tf.assign_sub(var, grad * 0.5).op


def main() -> None:
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.get_variable("w", [3, 1], initializer=tf.zeros_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 1.0))
    step = Halving().minimize(loss, global_step=tf.train.get_or_create_global_step())
    counter = Counter(loss)
    final = tf.train.FinalOpsHook(loss, {x: np.ones((2, 3))})
    hooks = [counter, tf.train.StopAtStepHook(last_step=10), final]
    with tf.train.MonitoredSession(hooks=hooks) as session:
        while not session.should_stop():
            session.run(step, {x: np.ones((2, 3))})
    with tf.Session() as plain:
        plain.run(tf.global_variables_initializer())
    steps: int = counter.steps
    print(steps, final.final_ops_values)


def mistakes() -> None:
    tf.placeholder(shape=[2])  # type: ignore[call-arg]
    tf.train.SessionRunArgs()  # type: ignore[call-arg]
    tf.train.SessionRunValues(1, None, None).results = 2  # type: ignore[misc]
    tf.no_such_function()  # type: ignore[attr-defined]
    tf.train.Trigger("runs", every="often")  # type: ignore[arg-type]
    tf.Session().run()  # type: ignore[call-arg]
