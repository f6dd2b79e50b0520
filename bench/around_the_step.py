"""What programs do around their steps: checkpoints, summaries, the beginning of a monitored session.

python bench/around_the_step.py MODULE

MODULE is hookloop or tensorflow (1.15). One line for each case: the least of the processor times of several rounds, in
milliseconds, which counts the threads of writers too.
"""

import importlib
import shutil
import sys
import tempfile
import time

import numpy as np

tf = importlib.import_module(sys.argv[1])
tf.logging.set_verbosity(tf.logging.ERROR)


def told(name, function, rounds=10):
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    print(f"{name:<40}{min(times) * 1e3:10.2f} ms")


def checkpoints(directory, name, values):
    prefix = f"{directory}/model"
    with tf.Graph().as_default(), tf.Session() as session:
        for i, value in enumerate(values):
            tf.Variable(value(), name=f"v{i}")
        saver = tf.train.Saver()
        session.run(tf.global_variables_initializer())
        saver.save(session, prefix)
        told(f"save {name}", lambda: saver.save(session, prefix, write_meta_graph=False))
        told(f"save {name}, meta graph too", lambda: saver.save(session, prefix), 5)
        told(f"restore {name}", lambda: saver.restore(session, prefix))
        told(f"list {name}", lambda: tf.train.list_variables(prefix))


def summaries(directory):
    writer = tf.summary.FileWriter(directory)

    def events():
        for step in range(1000):
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="a", simple_value=step)]), step)
        writer.flush()

    told("1,000 events of a number", events)
    with tf.Graph().as_default(), tf.Session() as session:
        small, large = (tf.Variable(np.random.RandomState(0).randn(n).astype("f")) for n in (1000, 1000000))
        cases = [
            ("a histogram of 1,000", tf.summary.histogram("small", small)),
            ("a histogram of 1,000,000", tf.summary.histogram("large", large)),
            ("20 numbers", tf.summary.merge([tf.summary.scalar(f"s{i}", small[i]) for i in range(20)])),
        ]
        session.run(tf.global_variables_initializer())
        for name, summary in cases:
            session.run(summary)
            value = session.run(summary)
            told(f"{name}, computed", lambda summary=summary: session.run(summary), 30)

            def write(value=value):
                for step in range(100):
                    writer.add_summary(value, step)
                writer.flush()

            told(f"{name}, written 100 times", write)
    writer.close()


def beginning():
    with tf.Graph().as_default():
        variables = [tf.get_variable(f"v{i}", [10]) for i in range(500)]
        loss = tf.add_n([tf.reduce_sum(v * v) for v in variables])
        step = tf.train.get_or_create_global_step()
        train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss, global_step=step)
        with tf.train.MonitoredTrainingSession() as session:
            session.run(train)


def main():
    directory = tempfile.mkdtemp(dir="/dev/shm")
    try:
        checkpoints(directory, "1,000 variables", [lambda: tf.ones([10])] * 1000)
        checkpoints(directory, "128 MB in 8 variables", [lambda: tf.ones([4096, 1024])] * 8)
        checkpoints(directory, "100,000 words", [lambda: tf.constant([b"word%d" % i for i in range(100000)])])
        summaries(directory)
        told("500 variables, slots: to the first step", beginning, 2)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
