"""What it costs that the batch has another size in every step.

    python bench/varying.py [--threads 1 2] [--rounds 9]

Trains two networks with Adam, of 784, 128 and 10 units and of 8, 64, 64 and 4, on batches of 1 to 64 rows in a random order. The
table has the mean microseconds of a step, once with each size by itself, again and again, and once with another size in every
step, and their ratio.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np

import hookloop as tf

NETWORKS = ((784, 128, 10), (8, 64, 64, 4))
MOST_ROWS = 64
REPEATS = 10


def trainer(sizes, threads):
    """A function that makes a step, and a feed of each batch size for it."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, sizes[0]])
        labels = tf.placeholder(tf.int32, [None])
        layer = x
        for number, (inputs, units) in enumerate(itertools.pairwise(sizes)):
            weights = tf.get_variable(f"weights_{number}", [inputs, units])
            layer = tf.matmul(tf.nn.relu(layer) if number else layer, weights)
            layer += tf.get_variable(f"bias_{number}", [units], initializer=tf.zeros_initializer())
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=layer))
        train = tf.train.AdamOptimizer().minimize(loss)
        session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads))
        session.run(tf.global_variables_initializer())

    def feed(rows):
        values = rng.standard_normal((rows, sizes[0])).astype(np.float32)
        return {x: values, labels: rng.integers(0, sizes[-1], rows).astype(np.int32)}

    return lambda fed: session.run(train, fed), [feed(rows) for rows in rng.permutation(np.arange(1, MOST_ROWS + 1))]


def microseconds(step, feeds):
    begin = time.perf_counter()
    for fed in feeds:
        step(fed)
    return (time.perf_counter() - begin) / len(feeds) * 1e6


def measure(sizes, threads, rounds):
    """The mean microseconds of a step of fixed and of changing sizes: of each size, and of the changing ones, the best round."""
    step, feeds = trainer(sizes, threads)
    fixed, changing = [float("inf")] * len(feeds), float("inf")
    for _ in range(rounds):
        for place, fed in enumerate(feeds):
            fixed[place] = min(fixed[place], microseconds(step, [fed] * REPEATS))
        changing = min(changing, microseconds(step, feeds * REPEATS))
    return sum(fixed) / len(fixed), changing


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args(argv)
    print(f"{'network':16} {'threads':>7} {'fixed':>9} {'changing':>9} {'ratio':>6}   us/step")
    for sizes in NETWORKS:
        for threads in arguments.threads:
            fixed, changing = measure(sizes, threads, arguments.rounds)
            network = "-".join(map(str, sizes))
            print(f"{network:16} {threads:7} {fixed:9.2f} {changing:9.2f} {changing / fixed:6.2f}")


if __name__ == "__main__":
    main()
