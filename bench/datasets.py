"""What a dataset's transformations cost: microseconds for each `run` of an iterator's next element.

    python bench/datasets.py [--threads 1] [--rounds 5] [--only WORD] [hookloop | tensorflow]

The same programs run on TensorFlow 2's `compat.v1` where the interpreter has it. Each figure is the least of all rounds.
"""

import argparse
import importlib
import time

import numpy as np

N = 20000
BATCH = 32


def rows():
    random = np.random.default_rng(0)
    return random.standard_normal((N, 10)).astype(np.float32), random.integers(0, 10, N).astype(np.int64)


def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (2000, 28, 28)).astype(np.uint8), random.integers(0, 10, 2000).astype(np.int64)


def programs(tf):
    """name -> function that makes the dataset."""
    data = tf.data.Dataset

    def slices():
        return data.from_tensor_slices(rows())

    def pictures():
        return data.from_tensor_slices(images())

    def scaled(x, y):
        return x * 2.0 + 1.0, y

    def decoded(image, label):
        return tf.cast(image, tf.float32) / 255.0, tf.one_hot(label, 10)

    def ragged(n):
        return tf.fill([n % 7 + 1], n)

    def generator():
        x, y = rows()
        yield from zip(x, y)

    return {
        "element": lambda: slices().repeat(),
        "batch": lambda: slices().repeat().batch(BATCH),
        "shuffle, batch": lambda: slices().shuffle(N, seed=1).repeat().batch(BATCH).prefetch(2),
        "shuffle of 1000, batch": lambda: slices().shuffle(1000, seed=1).repeat().batch(BATCH).prefetch(2),
        "batch, shuffle, repeat": lambda: slices().batch(BATCH).shuffle(100, seed=1).repeat(),
        "shard, batch": lambda: slices().shard(2, 0).repeat().batch(BATCH),
        "shard, shuffle, batch": lambda: slices().shard(2, 0).shuffle(N, seed=1).repeat().batch(BATCH),
        "take, skip, repeat, batch": lambda: slices().skip(100).take(10000).repeat().batch(BATCH),
        "concatenate, repeat, batch": lambda: slices().concatenate(slices()).repeat().batch(BATCH),
        "concatenate, shuffle, batch": lambda: slices().concatenate(slices()).shuffle(1000, seed=1).repeat().batch(BATCH),
        "zip, shuffle, batch": lambda: data.zip((slices(), data.range(N))).shuffle(1000, seed=1).repeat().batch(BATCH),
        "zip of shuffled, batch": lambda: data.zip((slices().shuffle(100, seed=1), data.range(N))).repeat().batch(BATCH),
        "enumerate, batch": lambda: slices().repeat().enumerate().batch(BATCH),
        "map": lambda: slices().map(scaled).repeat(),
        "map, batch": lambda: slices().map(scaled).repeat().batch(BATCH).prefetch(1),
        "batch, map": lambda: slices().repeat().batch(BATCH).map(scaled),
        "shuffle, map, batch": lambda: slices().shuffle(N, seed=1).repeat().map(scaled).batch(BATCH).prefetch(1),
        "map, shuffle, batch": lambda: slices().map(scaled).shuffle(1000, seed=1).repeat().batch(BATCH).prefetch(1),
        "map in parallel, batch": lambda: slices().map(scaled, num_parallel_calls=2).repeat().batch(BATCH).prefetch(1),
        "map_and_batch": lambda: slices().repeat().apply(tf.data.experimental.map_and_batch(scaled, BATCH)),
        "images: map, shuffle, batch": lambda: pictures().map(decoded).shuffle(1000, seed=1).repeat().batch(BATCH),
        "images: shuffle, map, batch": lambda: pictures().shuffle(1000, seed=1).repeat().map(decoded).batch(BATCH),
        "images: map, cache, shuffle, batch": lambda: pictures().map(decoded).cache().shuffle(1000, seed=1).repeat().batch(BATCH),
        "images: batch, map": lambda: pictures().shuffle(1000, seed=1).repeat().batch(BATCH).map(decoded),
        "filter, batch": lambda: slices().filter(lambda x, y: y < 5).repeat().batch(BATCH),
        "filter, map, batch": lambda: slices().filter(lambda x, y: x[0] > 0).map(scaled).repeat().batch(BATCH),
        "cache, repeat, batch": lambda: slices().map(scaled).cache().repeat().batch(BATCH),
        "padded_batch": lambda: data.range(N).map(ragged).repeat().padded_batch(BATCH, [None]),
        "flat_map, batch": lambda: data.range(200).flat_map(lambda i: data.range(i, i + 100)).repeat().batch(BATCH),
        "interleave, batch": lambda: data.range(200).interleave(lambda i: data.range(i, i + 100), 4, 16).repeat().batch(BATCH),
        "window, flat_map": lambda: data.range(N).window(10, 5, drop_remainder=True).flat_map(lambda w: w.batch(10)).repeat(),
        "unbatch, batch": lambda: slices().batch(64).apply(tf.data.experimental.unbatch()).repeat().batch(BATCH),
        "from_generator": lambda: data.from_generator(generator, (tf.float32, tf.int64), ([10], [])).repeat(),
        "from_generator, batch": lambda: data.from_generator(generator, (tf.float32, tf.int64), ([10], [])).repeat().batch(BATCH),
        "py_func in map, batch": lambda: data.range(N).map(lambda i: tf.py_func(lambda v: v + 1, [i], tf.int64)).repeat().batch(BATCH),
    }  # fmt: skip


def microseconds(tf, make, threads, rounds):
    with tf.Graph().as_default():
        following = make().make_one_shot_iterator().get_next()
        wanted = following[0] if isinstance(following, tuple) else following
        operation = (wanted[0] if isinstance(wanted, tuple) else wanted).op
        config = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
        with tf.Session(config=config) as session:
            begin = time.perf_counter()
            for _ in range(10):
                session.run(operation)
            steps = max(10, int(1.0 / max((time.perf_counter() - begin) / 10, 1e-5) * 0.1))
            steps = min(steps, 3000)
            least = float("inf")
            for _ in range(rounds):
                begin = time.perf_counter()
                for _ in range(steps):
                    session.run(operation)
                least = min(least, (time.perf_counter() - begin) / steps * 1e6)
            return least


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("module", nargs="?", default="hookloop", choices=["hookloop", "tensorflow"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    tf = importlib.import_module("hookloop" if options.module == "hookloop" else "tensorflow.compat.v1")
    if options.module == "tensorflow":
        tf.disable_v2_behavior()
    print(f"{options.module}, {options.threads} threads: microseconds a run")
    for name, make in programs(tf).items():
        if options.only in name:
            print(f"  {name:36s} {microseconds(tf, make, options.threads, options.rounds):10.2f}", flush=True)


if __name__ == "__main__":
    main()
