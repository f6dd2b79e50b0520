"""The benchmark cases as one TF1 program, for any backend with that API.

    python tf1_cases.py BACKEND [THREADS] [CASE ...]       BACKEND: tf | hookloop

Prints one JSON object: case -> microseconds per step (minimum and median of the repeats).
"""

import importlib
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
backend = sys.argv[1]
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
only = sys.argv[3:]
t0 = time.perf_counter()
if backend == "tf":
    import tensorflow

    tf = tensorflow.compat.v1
    tf.disable_v2_behavior()
else:
    tf = importlib.import_module(backend)
imported = time.perf_counter() - t0
import numpy as np
from timing import report, timed

tf.logging.set_verbosity(tf.logging.ERROR)
rng = np.random.default_rng(0)
f32 = lambda *s: rng.standard_normal(s).astype("f")
config = lambda: tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
# TensorFlow sizes its one thread pool at the process's first session
with tf.Graph().as_default(), tf.Session(config=config()) as s:
    s.run(tf.constant(1.0))


def dense(x, n_in, n_out, name, act=None):
    w = tf.get_variable(name + "_w", [n_in, n_out], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
    b = tf.get_variable(name + "_b", [n_out], initializer=tf.zeros_initializer())
    y = tf.matmul(x, w) + b
    return act(y) if act else y


def xent(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def linreg_graph():
    x = tf.placeholder(tf.float32, [32, 10])
    y = tf.placeholder(tf.float32, [32, 1])
    gs = tf.train.get_or_create_global_step()
    loss = tf.reduce_mean(tf.square(dense(x, 10, 1, "l") - y))
    return {x: f32(32, 10), y: f32(32, 1)}, loss, tf.train.GradientDescentOptimizer(0.01).minimize(loss, global_step=gs)


def mlp_graph(opt, b=64, sizes=(784, 128, 10)):
    x = tf.placeholder(tf.float32, [b, sizes[0]])
    y = tf.placeholder(tf.int32, [b])
    h = x
    for i in range(len(sizes) - 1):
        h = dense(h, sizes[i], sizes[i + 1], f"d{i}", tf.nn.relu if i < len(sizes) - 2 else None)
    loss = xent(h, y)
    return {x: f32(b, sizes[0]), y: rng.integers(0, sizes[-1], b).astype("i")}, loss, opt.minimize(loss)


def lenet_graph(b=64):
    x = tf.placeholder(tf.float32, [b, 28, 28, 1])
    y = tf.placeholder(tf.int32, [b])

    def conv(h, i, o, name):
        w = tf.get_variable(name + "_w", [5, 5, i, o], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
        c = tf.get_variable(name + "_b", [o], initializer=tf.zeros_initializer())
        h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(h, w, [1, 1, 1, 1], "SAME"), c))
        return tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")

    h = conv(conv(x, 1, 32, "c1"), 32, 64, "c2")
    h = dense(tf.reshape(h, [b, 3136]), 3136, 512, "f1", tf.nn.relu)
    loss = xent(dense(h, 512, 10, "f2"), y)
    return (
        {x: f32(b, 28, 28, 1), y: rng.integers(0, 10, b).astype("i")},
        loss,
        tf.train.MomentumOptimizer(0.01, 0.9).minimize(loss),
    )


def lstm_graph(b=50, t=25, n=128, vocab=65):
    x = tf.placeholder(tf.int32, [b, t])
    y = tf.placeholder(tf.int32, [b, t])
    emb = tf.get_variable("emb", [vocab, n], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
    w = tf.get_variable("w", [2 * n, 4 * n], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
    bias = tf.get_variable("b", [4 * n], initializer=tf.zeros_initializer())
    seq = tf.unstack(tf.nn.embedding_lookup(emb, x), axis=1)
    h = tf.zeros([b, n])
    c = tf.zeros([b, n])
    outs = []
    for s in seq:
        i, j, f, o = tf.split(tf.matmul(tf.concat([s, h], 1), w) + bias, 4, 1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        outs.append(h)
    out = tf.reshape(tf.stack(outs, 1), [b * t, n])
    loss = xent(dense(out, n, vocab, "sm"), tf.reshape(y, [-1]))
    opt = tf.train.AdamOptimizer(1e-3)
    gv = opt.compute_gradients(loss)
    clipped, _ = tf.clip_by_global_norm([g for g, _ in gv], 5.0)
    train = opt.apply_gradients(list(zip(clipped, [v for _, v in gv])))
    ids = lambda: rng.integers(0, vocab, (b, t)).astype("i")
    return {x: ids(), y: ids()}, loss, train


def skipgram_graph(b=128, vocab=50000, n=128, neg=5):
    c = tf.placeholder(tf.int32, [b])
    o = tf.placeholder(tf.int32, [b, 1 + neg])
    init = lambda seed: tf.random_uniform_initializer(-0.1, 0.1, seed=seed)
    a = tf.get_variable("in", [vocab, n], initializer=init(1))
    z = tf.get_variable("out", [vocab, n], initializer=init(2))
    v = tf.nn.embedding_lookup(a, c)
    u = tf.nn.embedding_lookup(z, o)
    score = tf.reduce_sum(tf.expand_dims(v, 1) * u, 2)
    lab = np.zeros((b, 1 + neg), "f")
    lab[:, 0] = 1
    loss = tf.reduce_mean(
        tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.constant(lab), logits=score), 1)
    )
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    return {c: rng.integers(0, vocab, b).astype("i"), o: rng.integers(0, vocab, (b, 1 + neg)).astype("i")}, loss, train


def step_case(build, n, extra=()):
    def run():
        with tf.Graph().as_default():
            feed, loss, train = build()
            with tf.Session(config=config()) as s:
                s.run(tf.global_variables_initializer())
                return timed(lambda: s.run(train, feed), n)

    return run


def monitored(hooked):
    def run():
        with tf.Graph().as_default():
            feed, loss, train = linreg_graph()
            hooks = []
            if hooked:
                T = tf.train
                hooks = [
                    T.StopAtStepHook(last_step=10**9),
                    T.NanTensorHook(loss),
                    T.LoggingTensorHook({"loss": loss}, every_n_iter=100),
                    T.StepCounterHook(
                        every_n_steps=100, summary_writer=type("W", (), {"add_summary": lambda *a, **k: None})()
                    ),
                    T.FinalOpsHook(loss, feed),
                ]
            with tf.train.MonitoredSession(
                session_creator=tf.train.ChiefSessionCreator(config=config()), hooks=hooks
            ) as s:
                return timed(lambda: s.run(train, feed), 1000)

    return run


def user_hook():
    class Mine(tf.train.SessionRunHook):
        n = 0

        def before_run(self, ctx):
            return tf.train.SessionRunArgs(self.loss)

        def after_run(self, ctx, values):
            self.n += values.results > 0

    with tf.Graph().as_default():
        feed, loss, train = linreg_graph()
        m = Mine()
        m.loss = loss
        with tf.train.MonitoredSession(session_creator=tf.train.ChiefSessionCreator(config=config()), hooks=[m]) as s:
            return timed(lambda: s.run(train, feed), 1000)


def fresh():
    """As a training script does it: a new dict, new slices of a larger array and a new list of fetches every step."""
    with tf.Graph().as_default():
        feed, loss, train = linreg_graph()
        x, y = feed
        xs, ys, at = f32(3200, 10), f32(3200, 1), [0]
        with tf.Session(config=config()) as s:
            s.run(tf.global_variables_initializer())

            def step():
                i = at[0] = (at[0] + 32) % 3168
                s.run([train, loss], feed_dict={x: xs[i : i + 32], y: ys[i : i + 32]})

            return timed(step, 1000)


def varbatch(sizes, n):
    """Another batch size every step, placeholders of unknown batch."""

    def run():
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [None, sizes[0]])
            y = tf.placeholder(tf.int32, [None])
            h = x
            for i in range(len(sizes) - 1):
                h = dense(h, sizes[i], sizes[i + 1], f"d{i}", tf.nn.relu if i < len(sizes) - 2 else None)
            loss = xent(h, y)
            train = tf.train.AdamOptimizer().minimize(loss)
            feeds = [
                {x: f32(b, sizes[0]), y: rng.integers(0, sizes[-1], b).astype("i")}
                for b in rng.permutation(np.arange(1, 65))
            ]
            with tf.Session(config=config()) as s:
                s.run(tf.global_variables_initializer())
                at = [0]

                def step():
                    at[0] = (at[0] + 1) % 64
                    s.run(train, feeds[at[0]])

                return timed(step, n)

    return run


def chain(k=10000):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [4])
        y = x
        t = time.perf_counter()
        for i in range(k):
            y = tf.tanh(y) if i % 2 else tf.add(y, x)
        built = (time.perf_counter() - t) / k * 1e6
        with tf.Session(config=config()) as s:
            t = time.perf_counter()
            s.run(y, {x: np.ones(4, "f")})
            first = (time.perf_counter() - t) * 1e6
            r = timed(lambda: s.run(y, {x: np.ones(4, "f")}), 3)
        return [r[0] / k, r[1] / k, {"build_us_per_op": built, "first_run_us": first}]


def const_fetch():
    with tf.Graph().as_default(), tf.Session(config=config()) as s:
        c = tf.constant(1.0) + 2.0
        return timed(lambda: s.run(c), 2000)


def callable_():
    with tf.Graph().as_default(), tf.Session(config=config()) as s:
        feed, loss, train = linreg_graph()
        s.run(tf.global_variables_initializer())
        f = s.make_callable(train, list(feed))
        v = list(feed.values())
        return timed(lambda: f(*v), 2000)


def loop(k=1000):
    """Many steps in one call, input from the graph itself."""
    with tf.Graph().as_default():
        gs = tf.train.get_or_create_global_step()
        loss = tf.reduce_mean(
            tf.square(
                dense(tf.get_variable("x", initializer=f32(32, 10), trainable=False), 10, 1, "l")
                - tf.get_variable("y", initializer=f32(32, 1), trainable=False)
            )
        )
        train = tf.train.GradientDescentOptimizer(0.01).minimize(loss, global_step=gs)
        with tf.Session(config=config()) as s:
            s.run(tf.global_variables_initializer())
            r = timed(lambda: s.run_steps(train, k), 10)
            return [r[0] / k, r[1] / k]


SGD = lambda: tf.train.GradientDescentOptimizer(0.1)
CASES = dict(
    const_fetch=const_fetch,
    linreg=step_case(linreg_graph, 1000),
    linreg_callable=callable_,
    linreg_fresh=fresh,
    linreg_monitored=monitored(False),
    linreg_loop=loop,
    linreg_5hooks=monitored(True),
    linreg_userhook=user_hook,
    mlp64_sgd=step_case(lambda: mlp_graph(SGD()), 300),
    mlp64_adam=step_case(lambda: mlp_graph(tf.train.AdamOptimizer()), 300),
    mlp_wide=step_case(lambda: mlp_graph(SGD(), 256, (1024, 1024, 1024, 10)), 5),
    rl_varbatch=varbatch((8, 64, 64, 4), 320),
    mlp_varbatch=varbatch((784, 128, 10), 192),
    rl_net=step_case(lambda: mlp_graph(tf.train.AdamOptimizer(), 64, (8, 64, 64, 4)), 500),
    lenet64=step_case(lenet_graph, 5),
    lstm=step_case(lstm_graph, 10),
    skipgram=step_case(skipgram_graph, 50),
    chain10k=chain,
)

if __name__ == "__main__":
    report(CASES, only, {"import_s": round(imported, 3), "empty_call": timed(lambda: None, 2000)})
