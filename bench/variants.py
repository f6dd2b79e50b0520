"""Shows that nothing is tuned to a case: what does not change the work must not change the time.

    python bench/variants.py [--threads 1] [--rounds 15] [--cases mlp lstm]

Each case is built as it is, under other names, in another order, with identities in between, with another fetch, and with sizes one
below and one above. All run in one process, interleaved; the table has each variant's time divided by that of the plain case, both for
the same work (the sizes' variants are divided by their floating-point work).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import hookloop as tf

TOLERANCE = 0.10


class Variant:
    """How a case is built: `name` is put before names, `identity` between ops, `late` builds the loss' parts last."""

    def __init__(self, name="", identity=False, extra=False, reordered=False, batch=64, width=128):
        self.name = name
        self.identity = identity
        self.extra = extra
        self.reordered = reordered
        self.batch = batch
        self.width = width

    def between(self, tensor):
        return tf.identity(tensor) if self.identity else tensor

    def variables(self, shapes):
        """Variables of the shapes, made in this order or backwards."""
        made = {}
        for i in sorted(range(len(shapes)), reverse=self.reordered):
            initial = np.random.RandomState(i).standard_normal(shapes[i]).astype("f") * 0.05
            made[i] = tf.get_variable(f"{self.name}v{i}", initializer=initial)
        return [made[i] for i in range(len(shapes))]

    def train(self, loss, variables):
        step = tf.train.GradientDescentOptimizer(0.01).minimize(loss, var_list=variables)
        return [step, loss] if self.extra else [step]


def mlp(variant):
    """A perceptron of two layers: what to run, what to feed, floating-point operations."""
    b, n = variant.batch, variant.width
    x = tf.placeholder(tf.float32, [b, 784])
    y = tf.placeholder(tf.int32, [b])
    variables = w, c, v, d = variant.variables([(784, n), (n,), (n, 10), (10,)])
    h = variant.between(tf.nn.relu(variant.between(tf.matmul(x, w)) + c))
    logits = tf.matmul(h, v) + d
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    random = np.random.RandomState(0)
    feed = {x: random.standard_normal((b, 784)).astype("f"), y: random.randint(0, 10, b).astype("i")}
    return variant.train(loss, variables), feed, 4 * b * 784 * n + 6 * b * n * 10


def lstm(variant, steps=10):
    """An unrolled LSTM."""
    b, n = variant.batch, variant.width
    x = tf.placeholder(tf.float32, [b, steps, n])
    variables = w, c = variant.variables([(2 * n, 4 * n), (4 * n,)])
    state = h = tf.zeros([b, n])
    for step in tf.unstack(x, axis=1):
        gates = variant.between(tf.matmul(tf.concat([step, h], 1), w) + c)
        i, j, f, o = tf.split(gates, 4, 1)
        state = variant.between(state * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j))
        h = tf.tanh(state) * tf.sigmoid(o)
    loss = tf.reduce_mean(tf.square(h))
    feed = {x: np.random.RandomState(0).standard_normal((b, steps, n)).astype("f")}
    return variant.train(loss, variables), feed, steps * 5 * 8 * b * n * n


CASES = {"mlp": mlp, "lstm": lstm}
VARIANTS = {
    "plain": {},
    "renamed": {"name": "another_"},
    "reordered": {"reordered": True},
    "identities": {"identity": True},
    "another fetch": {"extra": True},
    "batch 63": {"batch": 63},
    "batch 65": {"batch": 65},
    "width 127": {"width": 127},
    "width 129": {"width": 129},
}


def prepared(build, options, threads):
    """A function that runs one step, and its floating-point operations."""
    with tf.Graph().as_default():
        fetches, feed, work = build(Variant(**options))
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        session = tf.Session(config=config)
        session.run(tf.global_variables_initializer())
        session.run(fetches, feed)
    return lambda: session.run(fetches, feed), work


def measure(build, threads, rounds):
    """variant -> its best time for a floating-point operation, divided by the plain case's."""
    runs = {name: prepared(build, options, threads) for name, options in VARIANTS.items()}
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, (run, work) in runs.items():
            for _ in range(10):
                start = time.perf_counter()
                run()
                best[name] = min(best[name], (time.perf_counter() - start) / work)
    return {name: value / best["plain"] for name, value in best.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    arguments = parser.parse_args()
    for case in arguments.cases:
        for name, ratio in measure(CASES[case], arguments.threads, arguments.rounds).items():
            mark = "" if abs(ratio - 1) <= TOLERANCE else f"  more than {TOLERANCE:.0%} off"
            print(f"{case:6} {name:14} {ratio:6.3f}{mark}")


if __name__ == "__main__":
    main()
