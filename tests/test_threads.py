"""Several Python threads in one session, and several worker threads in one step, change no result."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import hookloop as tf

from .conftest import on_reference

CALLERS = 4


def test_threads_with_different_feeds_each_get_their_own_result():
    x = tf.placeholder(tf.float32, [None, 3])
    total = tf.reduce_sum(tf.tanh(x) * 2.0, axis=1)

    def call(caller):
        for step in range(200):
            fed = np.full([1 + (caller + step) % 5, 3], caller + step / 100, np.float32)
            np.testing.assert_allclose(session.run(total, {x: fed}), 6 * np.tanh(fed[:, 0]), rtol=1e-5)
        return caller

    with tf.Session() as session, ThreadPoolExecutor(CALLERS) as pool:
        assert list(pool.map(call, range(CALLERS))) == list(range(CALLERS))


def test_no_update_is_lost_between_threads_in_one_session():
    counter = tf.Variable(0, use_resource=True)
    increment = tf.assign_add(counter, 1)

    def call(_):
        for _ in range(250):
            session.run(increment.op)

    with tf.Session() as session, ThreadPoolExecutor(CALLERS) as pool:
        session.run(tf.global_variables_initializer())
        list(pool.map(call, range(CALLERS)))
        assert session.run(counter) == 250 * CALLERS


@pytest.mark.parametrize("columns", [100, 2048, 4096])
def test_the_place_of_the_best_is_in_its_row_while_another_step_writes_the_variable(columns):
    """A search that goes through a row twice need not see its best again: it went on behind the row, or without an end."""
    table = tf.Variable(np.zeros((64, columns), np.float32))
    value = tf.placeholder(tf.float32, [64, columns])
    assign, place = table.assign(value).op, tf.argmax(table, 1)
    values = np.random.default_rng(0).standard_normal((2, 64, columns)).astype(np.float32)

    with tf.Session() as session, ThreadPoolExecutor(1) as pool:
        session.run(table.initializer)

        def write():
            for step in range(2000):
                session.run(assign, {value: values[step % 2]})

        writer = pool.submit(write)
        while not writer.done():
            found = session.run(place)
            assert ((found >= 0) & (found < columns)).all()
        writer.result()


FOUND_WHILE_IT_IS_WRITTEN = {
    "top_k": (np.float32, lambda v: tf.nn.top_k(v, 3000).indices),
    "sort": (np.float32, lambda v: tf.argsort(v, direction="DESCENDING")),
    "where": (np.bool_, tf.where),
    "gather": (np.int64, lambda v: tf.gather(tf.range(10), v)),
    "segments": (np.int64, lambda v: tf.unsorted_segment_sum(tf.zeros([20_000], tf.int64), v, 10)),
    "unique": (np.int64, lambda v: tf.unique(v)[1]),
}


@pytest.mark.parametrize("name", FOUND_WHILE_IT_IS_WRITTEN)
def test_what_is_found_in_a_variable_that_another_step_writes_is_in_it(name):
    """What counts, or checks, and then goes by that would leave its memory."""
    dtype, function = FOUND_WHILE_IT_IS_WRITTEN[name]
    table, value = tf.Variable(np.zeros(20_000, dtype)), tf.placeholder(dtype, [20_000])
    assign, found = table.assign(value).op, function(table)
    few = np.random.default_rng(0).standard_normal(20_000) / 1000
    values = [
        few.astype(dtype),
        np.full(20_000, 10**12 if dtype == np.int64 else True, dtype) * (few + 1).astype(dtype),
    ]

    with tf.Session() as session, ThreadPoolExecutor(1) as pool:
        session.run(table.initializer)

        def write():
            for step in range(1000):
                session.run(assign, {value: values[step % 2]})

        writer = pool.submit(write)
        while not writer.done():
            try:
                places = session.run(found)
            except tf.errors.InvalidArgumentError:
                continue
            assert ((places >= 0) & (places < 20_000)).all()
        writer.result()


def test_a_variable_is_read_while_another_step_gives_it_another_shape():
    """The reader went on in memory that had been given back."""
    table, value = tf.Variable(np.ones(10, np.float32), validate_shape=False), tf.placeholder(tf.float32, [None])
    assign = tf.assign(table, value, validate_shape=False).op
    doubled = table * 2  # one read: of two each may find another shape, where steps run beside each other
    total = tf.reduce_sum(doubled)

    with tf.Session() as session, ThreadPoolExecutor(1) as pool:
        session.run(table.initializer)

        def write():
            for step in range(300):
                session.run(assign, {value: np.ones(10 if step % 3 else 50_000 + 1000 * step, np.float32)})

        writer = pool.submit(write)
        while not writer.done():
            found, count = session.run([doubled, total])
            assert count == 2 * found.size and (found == 2).all()
        writer.result()


def trained_weights(threads):
    """The weights of a small network after 20 steps of Adam, in a graph of its own."""
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [None, 64])
        hidden = tf.get_variable("hidden", [64, 128])
        output = tf.get_variable("output", [128, 10])
        logits = tf.matmul(tf.nn.relu(tf.matmul(x, hidden)), output)
        train = tf.train.AdamOptimizer(0.01).minimize(tf.reduce_mean(tf.nn.log_softmax(logits) ** 2))
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        batches = np.random.RandomState(0).standard_normal([20, 256, 64]).astype(np.float32)
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            for batch in batches:
                session.run(train, {x: batch})
            return session.run([hidden, output])


def test_training_is_the_same_to_the_bit_at_one_and_two_threads():
    for one, two in zip(trained_weights(1), trained_weights(2), strict=True):
        assert one.tobytes() == two.tobytes()


def images_network():
    """A small network of convolutions, pools and a normalization: its feed and its training step."""
    x = tf.placeholder(tf.float32, [None, 20, 20, 3])
    filters = tf.get_variable("filters", [5, 5, 3, 24])
    deeper = tf.get_variable("deeper", [3, 3, 24, 40])
    hidden = tf.nn.relu(tf.nn.conv2d(x, filters, [1, 1, 1, 1], "SAME"))
    hidden = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    hidden = tf.nn.avg_pool(tf.nn.conv2d(hidden, deeper, [1, 2, 2, 1], "VALID"), [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    mean, variance = tf.nn.moments(hidden, [0, 1, 2])
    hidden = tf.reshape(tf.nn.batch_normalization(hidden, mean, variance, None, None, 1e-3), [-1, 2 * 2 * 40])
    logits = tf.matmul(hidden, tf.get_variable("weights", [160, 10]))
    labels = tf.cast(tf.reduce_sum(x, [1, 2, 3]), tf.int32) % 10
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.abs(labels), logits=logits))
    return x, (48, 20, 20, 3), tf.train.MomentumOptimizer(0.01, 0.9).minimize(loss)


def sequences_network():
    """Embeddings, a recurrence over concatenated inputs, sums over several axes."""
    x = tf.placeholder(tf.float32, [None, 6])
    table = tf.get_variable("table", [500, 96])
    rows = tf.nn.embedding_lookup(table, tf.cast(tf.abs(x) * 400, tf.int32) % 500)
    weights = tf.get_variable("weights", [192, 384])
    state = tf.zeros_like(rows[:, 0])
    for step in tf.unstack(rows, axis=1):
        i, j, f, o = tf.split(tf.matmul(tf.concat([step, state], 1), weights), 4, 1)
        state = tf.tanh(state * tf.sigmoid(f) + tf.sigmoid(i) * tf.tanh(j)) * tf.sigmoid(o)
    loss = tf.reduce_mean(tf.square(state)) + tf.reduce_sum(tf.reduce_max(rows, axis=[0, 2]))
    return x, (300, 6), tf.train.AdagradOptimizer(0.1).minimize(loss)


def wide_network():
    """Layers whose weights are larger than their results, with dropout and transposed products."""
    tf.set_random_seed(3)
    x = tf.placeholder(tf.float32, [None, 900])
    wide = tf.get_variable("wide", [900, 300])
    hidden = tf.nn.dropout(tf.nn.elu(tf.matmul(x, wide)), rate=0.25)
    back = tf.nn.sigmoid(tf.matmul(hidden, wide, transpose_b=True) + tf.get_variable("bias", [900]))
    return x, (70, 900), tf.train.AdamOptimizer(0.01).minimize(tf.reduce_mean(tf.square(back - x)))


def displaced(array, offset):
    """A copy that begins so many bytes behind a cache line."""
    room = np.zeros(array.nbytes + 64 + offset, np.uint8)
    begin = -room.ctypes.data % 64 + offset
    copy = room[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("network", [images_network, sequences_network, wide_network])
def test_training_is_the_same_to_the_bit_for_any_threads_and_any_address_of_the_feed(network):
    found = set()
    for threads, offset in [(1, 0), (2, 4), (4, 16), (2, 0), (1, 4), (4, 64)]:
        with tf.Graph().as_default():
            tf.set_random_seed(7)
            x, shape, train = network()
            batches = np.random.RandomState(0).standard_normal((3, *shape)).astype(np.float32)
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                session.run(tf.global_variables_initializer())
                for batch in batches:
                    session.run(train, {x: displaced(batch, offset)})
                found.add(b"".join(value.tobytes() for value in session.run(tf.global_variables())))
    assert len(found) == 1


@pytest.mark.skipif(on_reference(), reason="the reference executor computes with NumPy, which keeps denormal numbers")
@pytest.mark.parametrize("threads", [1, 2])
def test_denormal_results_are_zeros_in_every_thread(threads):
    x = tf.placeholder(tf.float32, [None])
    product = x * 1e-30
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        for size in (3, 4_000_000):  # of which the first is not shared
            assert not session.run(product, {x: np.full(size, 1e-10, np.float32)}).any()


def test_a_run_leaves_numpys_denormal_numbers_alone():
    tiny = np.array([1e-40], np.float32)
    with tf.Session() as session:
        session.run(tf.constant([1.0]) * 2.0)
    assert (tiny * np.float32(0.5))[0] > 0
