"""Saves checkpoints until it is killed, and looks at what a kill leaves: `python -m tests.soak.saves DIRECTORY KILLS`."""

import os
import random
import signal
import sys
import time

import numpy as np

import hookloop as tf
from hookloop.files import run_state

_KINDS = ("saver", "one prefix", "training", "training in a thread")


def save_for_ever(directory, kind, ready):
    """Every element of every variable is the step, in each checkpoint."""
    step = tf.train.get_or_create_global_step()
    w = tf.get_variable("w", [30000], tf.float32, tf.zeros_initializer())
    more = tf.group(tf.assign_add(step, 1), tf.assign_add(w, tf.ones([30000])))
    if kind.startswith("training"):
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=directory, save_checkpoint_steps=1, log_step_count_steps=None, save_summaries_steps=None,
            async_save="thread" in kind,
        ) as session:  # fmt: skip
            ready()
            while True:
                session.run(more)
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        latest = tf.train.latest_checkpoint(directory)
        if latest is not None:
            saver.restore(session, latest)
        ready()
        while True:
            session.run(more)
            saver.save(session, os.path.join(directory, "m"), step if kind == "saver" else None)


def check(directory):
    """Loads the latest checkpoint, with its checksums; returns its step."""
    state = tf.train.get_checkpoint_state(directory)
    if state is None:
        return 0
    prefix = tf.train.latest_checkpoint(directory)
    assert prefix == state.model_checkpoint_path, f"{state.model_checkpoint_path} is named and not there"
    step, w = int(tf.train.load_variable(prefix, "global_step")), tf.train.load_variable(prefix, "w")
    np.testing.assert_array_equal(w, np.full(30000, step, "f"))
    found = run_state.read(prefix)
    assert ("ckpt" not in prefix) == (found is None)
    return step


def main(directory, kills):
    delays = random.Random(1)
    steps = dict.fromkeys(_KINDS, 0)
    for n in range(kills):
        kind = _KINDS[n % len(_KINDS)]
        path = os.path.join(directory, kind.replace(" ", "-"))
        os.makedirs(path, exist_ok=True)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                save_for_ever(path, kind, lambda end=writer: os.write(end, b"x"))
            finally:
                os._exit(1)
        os.close(writer)
        assert os.read(reader, 1) == b"x", "the program failed before it saved"
        os.close(reader)
        time.sleep(delays.uniform(0, 0.3))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, "the program failed while it saved"
        step = check(path)
        assert step >= steps[kind], f"{kind}: step {step} after {steps[kind]}"
        steps[kind] = step
    print(f"{kills} kills: steps {steps}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
