"""What a step costs by the way in which a program writes its fetches and feeds.

    taskset -c 1 python bench/request_forms.py [--rounds 15] [--calls 5000]

The step is two ops on four floats, so what differs is the request. The table has the least mean microseconds of a call over the
rounds, in which the ways take turns.
"""

from __future__ import annotations

import argparse
import collections
import time

import numpy as np

import hookloop as tf


def ways():
    """name -> a function that makes one step."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [4], name="x")
        y = tf.add(x, 1.0, name="y")
        z = tf.multiply(y, 2.0, name="z")
        session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1))
    run, array = session.run, np.ones(4, np.float32)
    feed, pair = {x: array}, collections.namedtuple("Pair", ["first", "second"])(y, z)
    named, nested = {"y": y, "z": z}, [[y], [z, [y]]]
    numbers, doubles = {x: [1.0, 2.0, 3.0, 4.0]}, {x: np.ones(4)}
    return {
        "tensors and arrays": lambda: run(z, feed),
        "a fetch by name": lambda: run("z:0", feed),
        "two fetches by name": lambda: run(["y:0", "z:0"], feed),
        "a feed by name": lambda: run(z, {"x:0": array}),
        "a dictionary of fetches": lambda: run(named, feed),
        "a new dictionary of fetches": lambda: run({"y": y, "z": z}, feed),
        "a named tuple": lambda: run(pair, feed),
        "lists in lists": lambda: run(nested, feed),
        "a list of numbers fed": lambda: run(z, numbers),
        "float64 fed for float32": lambda: run(z, doubles),
    }


def measure(functions, rounds, calls):
    """name -> the least mean microseconds of a call."""
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            begin = time.perf_counter()
            for _ in range(calls):
                function()
            least[name] = min(least[name], (time.perf_counter() - begin) / calls * 1e6)
    return least


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=5000)
    arguments = parser.parse_args(argv)
    for name, microseconds in measure(ways(), arguments.rounds, arguments.calls).items():
        print(f"{name:<30}{microseconds:>8.2f} us", flush=True)


if __name__ == "__main__":
    main()
