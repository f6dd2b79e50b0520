"""What a large fetched value costs: a step that only streams, from 64 KB to 64 MB, least and median microseconds.

    python bench/large_results.py [hookloop | numpy | torch | jax] [THREADS]

The values are fetched as arrays by `Session.run`; each is dropped when the next has come, as in a loop over batches.
"""

import os
import sys
import time

import numpy as np

KILOBYTES = [64, 256, 1024, 4096, 16384, 65536]
BYTES_TO_MOVE = 3 << 30  # in the timed calls of one size
CALLS = 20, 2000


def hookloop_steps(array, threads):
    import hookloop as tf

    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, array.shape)
        relu, transposed = tf.nn.relu(x - 0.5), tf.transpose(x)
        session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads))
    return lambda: session.run(relu, {x: array}), lambda: session.run(transposed, {x: array})


def numpy_steps(array, threads):
    return lambda: np.maximum(array - np.float32(0.5), 0), lambda: array.T.copy()


def torch_steps(array, threads):
    import torch

    torch.set_num_threads(threads)
    x = torch.from_numpy(array)
    return lambda: torch.relu(x - 0.5).numpy(), lambda: x.T.contiguous().numpy()


def jax_steps(array, threads):
    import jax

    relu, transposed = jax.jit(lambda x: jax.nn.relu(x - 0.5)), jax.jit(lambda x: x.T.copy())
    x = jax.numpy.asarray(array)
    return lambda: np.asarray(relu(x)), lambda: np.asarray(transposed(x))


def timed(step, calls):
    times = []
    for _ in range(calls + calls // 4):
        begin = time.perf_counter()
        value = step()  # noqa: F841 - dropped when the next has come
        times.append((time.perf_counter() - begin) * 1e6)
    times = sorted(times[calls // 4 :])
    return f"{times[0]:9,.1f} {times[len(times) // 2]:9,.1f}"


def main():
    who = sys.argv[1] if len(sys.argv) > 1 else "hookloop"
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[-threads:])
    print(f"{who:>9}      relu(x - 0.5)          transposed")
    for kilobytes in KILOBYTES:
        array = np.random.default_rng(0).random((kilobytes, 256), np.float32)
        calls = min(max(BYTES_TO_MOVE // (kilobytes << 11), CALLS[0]), CALLS[1])
        texts = [timed(step, calls) for step in globals()[f"{who}_steps"](array, threads)]
        print(f"{kilobytes:6,} KB {' '.join(texts)}", flush=True)


if __name__ == "__main__":
    main()
