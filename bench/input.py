"""What input costs a step: the same training step on variables, fed, and over datasets, interleaved in one run.

    python bench/input.py [--threads 1] [--rounds 30]

Prints microseconds a step, the least of all rounds: many steps in one call, and one call a step.
"""

import argparse
import time

import numpy as np

import hookloop as tf

EXAMPLES = {"linreg": 3200, "mlp64": 20000}
BATCH = {"linreg": 32, "mlp64": 64}


def arrays(case):
    random = np.random.default_rng(0)
    n = EXAMPLES[case]
    if case == "linreg":
        return random.standard_normal((n, 10), np.float32), random.standard_normal((n, 1), np.float32)
    return random.standard_normal((n, 784), np.float32), random.integers(0, 10, n).astype(np.int32)


def training_step(case, x, y):
    if case == "linreg":
        w, b = tf.Variable(tf.zeros([10, 1])), tf.Variable(tf.zeros([1]))
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
        return tf.train.GradientDescentOptimizer(1e-3).minimize(loss, var_list=[w, b])
    w1, b1 = tf.Variable(tf.random_normal([784, 128], stddev=0.05)), tf.Variable(tf.zeros([128]))
    w2, b2 = tf.Variable(tf.random_normal([128, 10], stddev=0.1)), tf.Variable(tf.zeros([10]))
    logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b1), w2) + b2
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    return tf.train.AdamOptimizer(1e-3).minimize(loss, var_list=[w1, b1, w2, b2])


class Way:
    """A training step whose input comes in one way."""

    def __init__(self, case, way, threads):
        self.data, self.batch, self.at = arrays(case), BATCH[case], 0
        self.permutation = np.random.default_rng(1).permutation(len(self.data[0]))
        self.way = way
        with tf.Graph().as_default():
            x, y = self.inputs()
            self.step = training_step(case, x, y)
            self.session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads))
            self.session.run(tf.global_variables_initializer())

    def inputs(self):
        self.keys = ()
        if self.way == "variables":
            return [tf.Variable(part[: self.batch], trainable=False) for part in self.data]
        if self.way.startswith("fed"):
            self.keys = [tf.placeholder(part.dtype, [None, *part.shape[1:]]) for part in self.data]
            return self.keys
        dataset = tf.data.Dataset.from_tensor_slices(self.data)
        if self.way == "dataset, shuffled":
            dataset = dataset.shuffle(len(self.data[0]), seed=1)
        return dataset.repeat().batch(self.batch).prefetch(2).make_one_shot_iterator().get_next()

    def feeds(self):
        """The next rows, as a program would feed them."""
        if not self.keys:
            return None
        if self.way == "fed, the same":
            return dict(zip(self.keys, (part[: self.batch] for part in self.data)))
        first, self.at = self.at, (self.at + self.batch) % (len(self.data[0]) - self.batch)
        rows = slice(first, first + self.batch)
        if self.way == "fed, shuffled":
            rows = self.permutation[rows]
        return dict(zip(self.keys, (part[rows] for part in self.data)))

    def one_by_one(self, n):
        for _ in range(n):
            self.session.run(self.step, self.feeds())

    def in_one_call(self, n):
        self.session.run_steps(self.step, n, self.feeds())


def least(ways, call, n, rounds):
    found = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            run = getattr(way, call)
            run(max(n // 10, 1))
            begin = time.perf_counter()
            run(n)
            found[name] = min(found[name], (time.perf_counter() - begin) / n * 1e6)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    names = [
        "variables",
        "fed, the same",
        "fed, rows in order",
        "fed, shuffled",
        "dataset, rows in order",
        "dataset, shuffled",
    ]
    for case, n in (("linreg", 2000), ("mlp64", 30)):
        ways = {name: Way(case, name, options.threads) for name in names}
        calls = least(ways, "one_by_one", n, options.rounds)
        several = {name: way for name, way in ways.items() if not name.startswith("fed") or name == "fed, the same"}
        loops = least(several, "in_one_call", n, options.rounds)
        print(f"{case}, {options.threads} threads: us a step        one call a step   many in one call")
        for name in names:
            print(f"  {name:26s} {calls[name]:27.2f}" + (f" {loops[name]:18.2f}" if name in loops else ""))


if __name__ == "__main__":
    main()
