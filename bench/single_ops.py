"""Single ops away from the models: what rearranges, orders, counts, sums by segments or by halves, in microseconds.

    python bench/single_ops.py [hookloop | tensorflow] [NAME ...]

One thread; each op is called with fed arrays by `make_callable`, as a program would, and the least time of a call is told. The same with
`tensorflow` where that is TensorFlow 1.15.
"""

import importlib
import sys
import time

import numpy as np

BUDGET = 0.3  # seconds of calls for one op
RANDOM = np.random.RandomState(0)
IMAGE = RANDOM.rand(32, 64, 64, 1).astype("float32")
MATRIX = RANDOM.rand(512, 512).astype("float32") * 2 - 1
HALVES = MATRIX.repeat(4, 0).astype("float16")
ROWS = RANDOM.rand(20000, 16).astype("float32")
SEGMENTS = np.sort(RANDOM.randint(0, 4000, 20000)).astype("int32")
SHORT_ROWS = RANDOM.rand(20000, 10).astype("float32")
CLASSES = RANDOM.randint(0, 512, 512).astype("int32")
WHOLE = RANDOM.randint(0, 20000, 20000).astype("float64")
BYTES = RANDOM.randint(0, 256, (512, 512)).astype("uint8")
PLACES = RANDOM.randint(0, 512, 20000).astype("int32")
COUNTED = RANDOM.randint(0, 100, 512 * 512).astype("int32")
TEXTS = np.array([b"word%d" % number for number in RANDOM.randint(0, 10**6, 2000)], object)
RECORDS = np.array([b"%d,%f,x" % (i, x) for i, x in enumerate(RANDOM.rand(1000))], object)
PARTS = [MATRIX[:10, :10].copy()] * 100

OPS = {
    "space_to_depth": (lambda tf, x: tf.space_to_depth(x, 2), [IMAGE]),
    "depth_to_space": (lambda tf, x: tf.depth_to_space(x, 2), [IMAGE.reshape(32, 32, 32, 4)]),
    "reverse of 3 channels": (lambda tf, x: tf.reverse(x, [1]), [ROWS.reshape(-1)[:300000].reshape(-1, 3)]),
    "tile of 1 channel": (lambda tf, x: tf.tile(x, [1, 4]), [MATRIX.reshape(-1, 1)]),
    "where": (lambda tf, x: tf.where(x), [MATRIX > 0]),
    "rows by a condition": (lambda tf, m, x: tf.where(m, x, -x), [MATRIX[:, 0] > 0, MATRIX]),
    "searchsorted of 3": (lambda tf, x: tf.searchsorted([-0.5, 0.0, 0.5], x), [MATRIX.reshape(-1)]),
    "histogram": (lambda tf, x: tf.histogram_fixed_width(x, [-0.9, 0.9], 50), [MATRIX]),
    "in_top_k": (lambda tf, x, i: tf.nn.in_top_k(x, i, 5), [MATRIX, CLASSES]),
    "argmax by top_k of 10": (lambda tf, x: tf.nn.top_k(x, 1)[1], [SHORT_ROWS]),
    "sort of 10": (lambda tf, x: tf.sort(x), [SHORT_ROWS]),
    "sort of 100": (lambda tf, x: tf.sort(x), [SHORT_ROWS.reshape(-1, 100)]),
    "segment_sum of 16": (lambda tf, x, i: tf.segment_sum(x, i), [ROWS, SEGMENTS]),
    "segment_max of 16": (lambda tf, x, i: tf.segment_max(x, i), [ROWS, SEGMENTS]),
    "segment_max of 1": (lambda tf, x, i: tf.segment_max(x, i), [ROWS[:, 0].copy(), SEGMENTS]),
    "dynamic_partition": (lambda tf, x, i: tf.dynamic_partition(x, i % 3, 3)[0], [ROWS[:, 0].copy(), RANDOM.permutation(20000).astype("int32")]),
    "random_shuffle": (lambda tf, x: tf.random_shuffle(x), [MATRIX.reshape(-1)]),
    "random_shuffle of rows": (lambda tf, x: tf.random_shuffle(x), [ROWS]),
    "random integers": (lambda tf, n: tf.random_uniform([n], 0, 100, tf.int32), [np.array(262144, "int32")]),
    "sum of halves": (lambda tf, x: tf.reduce_sum(x, 1), [HALVES]),
    "max of halves": (lambda tf, x: tf.reduce_max(x, 0), [HALVES]),
    "distinct doubles": (lambda tf, x: tf.unique(x), [WHOLE]),
    "transposed bytes": (lambda tf, x: tf.transpose(x), [BYTES]),
    "transposed halves": (lambda tf, x: tf.transpose(x, [0, 2, 1]), [HALVES.reshape(32, 64, 512)]),
    "channels first of bytes": (lambda tf, x: tf.transpose(x, [0, 2, 1]), [BYTES.reshape(-1)[:196608].reshape(64, 1024, 3)]),
    "every other column": (lambda tf, x: x[:, ::2], [MATRIX]),
    "argmax of 100": (lambda tf, x: tf.argmax(x, 1), [SHORT_ROWS.reshape(-1, 100)]),
    "any of 8": (lambda tf, x: tf.reduce_any(x, 1), [MATRIX.reshape(-1, 8) > 0.9]),
    "elements of halves": (lambda tf, x, i: tf.gather(x, i), [HALVES[0].copy(), PLACES]),
    "a hundred fed parts": (lambda tf, *parts: tf.concat(parts, 0), PARTS),
    "count_nonzero of integers": (lambda tf, x: tf.math.count_nonzero(x), [COUNTED]),
    "mean of equal": (lambda tf, x, y: tf.reduce_mean(tf.cast(tf.equal(x, y), "float32")), [COUNTED, COUNTED[::-1].copy()]),
    "any of all": (lambda tf, x: tf.reduce_any(x), [MATRIX > 0.999]),
    "any of 3": (lambda tf, x: tf.reduce_any(x, 1), [MATRIX.reshape(-1)[:261000].reshape(-1, 3) > 0.9]),
    "argmax of 10": (lambda tf, x: tf.argmax(x, 1), [SHORT_ROWS]),
    "columns of 10": (lambda tf, x, i: tf.gather(x, i, axis=1), [SHORT_ROWS, np.int32([3, 1, 4, 1, 5, 9, 2, 6])]),
    "reverse of 10": (lambda tf, x: tf.reverse(x, [1]), [SHORT_ROWS]),
    "elements by a mask": (lambda tf, x, m: tf.boolean_mask(x, m), [COUNTED, MATRIX.reshape(-1) > -0.9]),
    "powers of both signs": (lambda tf, x: x**5, [MATRIX]),
    "bincount of 100": (lambda tf, x: tf.bincount(x, minlength=100, maxlength=100), [COUNTED]),
    "hashes of texts": (lambda tf, x: tf.string_to_hash_bucket_fast(x, 1000), [TEXTS]),
    "records of three fields": (lambda tf, x: tf.decode_csv(x, [[0], [0.0], [""]])[1], [RECORDS]),
    "texts rewritten": (lambda tf, x: tf.regex_replace(x, "[0-5]", "z"), [TEXTS]),
    "parts of texts": (lambda tf, x: tf.strings.substr(x, 1, 2), [TEXTS]),
}  # fmt: skip


def least_time(call, budget=BUDGET):
    """Of a call, in microseconds."""
    call()
    times, end = [], time.perf_counter() + budget
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1e6


def time_op(tf, name, budget=BUDGET):
    function, arrays = OPS[name]
    with tf.Graph().as_default():
        places = [tf.placeholder(tf.string if array.dtype == object else array.dtype, array.shape) for array in arrays]
        config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        with tf.Session(config=config) as session:
            call = session.make_callable(function(tf, *places), places)
            return least_time(lambda: call(*arrays), budget)


def main(library="hookloop", *names):
    tf = importlib.import_module(library)
    for name in names or OPS:
        print(f"{name:<26}{time_op(tf, name):>10.1f} us", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
