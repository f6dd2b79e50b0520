"""What importing the package loads, and what it leaves until it is needed."""

import subprocess
import sys

import hookloop as tf

SLOW = (
    "google",
    "google.protobuf",
    "tensorboard",
    "scipy",
    "matplotlib",
    "sklearn",
    "hookloop._reference",
    "hookloop.train",
)


def loaded_after(program):
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_loads_nothing_that_is_slow():
    assert not loaded_after("import hookloop") & set(SLOW)


def test_a_training_needs_neither_tensorboard_nor_the_reference():
    program = """
import hookloop as tf
w = tf.Variable(1.0)
step = tf.train.GradientDescentOptimizer(0.1).minimize(w * w)
with tf.train.MonitoredSession() as session:
    session.run(step)
"""
    assert not loaded_after(program) & {"tensorboard", "google.protobuf", "hookloop._reference"}


def test_messages_are_there_when_they_are_asked_for():
    assert tf.ConfigProto(intra_op_parallelism_threads=3).intra_op_parallelism_threads == 3


def test_every_name_that_is_listed_is_there():
    missing = [name for name in dir(tf) if not name.startswith("_") and not hasattr(tf, name)]
    assert missing == []


def test_functions_of_a_namespace_are_not_at_the_top():
    assert tf.nn.relu and tf.nn.softplus and tf.math.xlogy and tf.bitwise.left_shift and tf.bitwise.invert
    for name in (
        "relu",
        "elu",
        "swish",
        "softplus",
        "xlogy",
        "xdivy",
        "bitwise_and",
        "left_shift",
        "invert",
        "approximate_equal",
    ):
        assert not hasattr(tf, name), name
