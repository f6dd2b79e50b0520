"""Several Python threads in one session, and several worker threads in one step, change no result."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

import hookloop as tf

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


def test_a_run_leaves_numpys_denormal_numbers_alone():
    tiny = np.array([1e-40], np.float32)
    with tf.Session() as session:
        session.run(tf.constant([1.0]) * 2.0)
    assert (tiny * np.float32(0.5))[0] > 0
