"""What a step costs while other processes use processors: it should lose no more than the processors it lost.

    python bench/busy.py [--threads 1 2] [--hogs 0 1] [--rounds 9] [--seconds 0.2]

Trains a network of 784, 128 and 10 units with Adam, batch 64, at each number of threads, alone and beside processes that do
nothing but compute; all combinations in turn, round after round. The table has the mean of the microseconds per step in the best
and in the median round. A step at two threads with one hog on a machine of two processors may take what a step at one thread
takes alone.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np

import hookloop as tf

HOG = "while True: pass"
BATCH, SIZES = 64, (784, 128, 10)


def dense(x, inputs, units, name):
    weights = tf.get_variable(f"{name}_weights", [inputs, units])
    return tf.matmul(x, weights) + tf.get_variable(f"{name}_bias", [units], initializer=tf.zeros_initializer())


def trainer(threads):
    """A function that makes one step."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [BATCH, SIZES[0]])
        labels = tf.placeholder(tf.int32, [BATCH])
        hidden = tf.nn.relu(dense(x, SIZES[0], SIZES[1], "hidden"))
        logits = dense(hidden, SIZES[1], SIZES[2], "logits")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        train = tf.train.AdamOptimizer().minimize(loss)
        session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads))
        session.run(tf.global_variables_initializer())
    feed = {
        x: rng.standard_normal((BATCH, SIZES[0])).astype(np.float32),
        labels: rng.integers(0, SIZES[2], BATCH).astype(np.int32),
    }
    return lambda: session.run(train, feed)


@contextmanager
def hogs(count):
    """As many processes that only compute, while the block runs."""
    processes = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count)]
    try:
        time.sleep(0.1 if count else 0)  # until they compute
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def mean_step(step, seconds):
    """The mean microseconds of a step over so many seconds."""
    step()
    begin, steps = time.perf_counter(), 0
    while (now := time.perf_counter()) - begin < seconds:
        for _ in range(20):
            step()
        steps += 20
    return (now - begin) / steps * 1e6 if steps else float("inf")


def measure(threads, hog_counts, rounds, seconds):
    """(threads, hogs) -> the mean microseconds of a step in each round."""
    steps = {count: trainer(count) for count in threads}
    found = {key: [] for key in itertools.product(threads, hog_counts)}
    for _ in range(rounds):
        for count, beside in found:
            with hogs(beside):
                found[count, beside].append(mean_step(steps[count], seconds))
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--hogs", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2)
    arguments = parser.parse_args(argv)
    found = measure(arguments.threads, arguments.hogs, arguments.rounds, arguments.seconds)
    print(f"{'threads':>7} {'hogs':>5} {'best':>9} {'median':>9}   us/step")
    for (threads, beside), figures in found.items():
        print(f"{threads:7} {beside:5} {min(figures):9.1f} {statistics.median(figures):9.1f}")


if __name__ == "__main__":
    main()
