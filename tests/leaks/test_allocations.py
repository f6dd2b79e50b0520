"""A steady training step allocates nothing: malloc and its kin are interposed for the whole process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hookloop

HERE = Path(__file__).parent

PROGRAM = """
import ctypes, sys
import numpy as np
import hookloop as tf

x, y = tf.placeholder(tf.float32, [None, 20]), tf.placeholder(tf.int32, [None])
with tf.variable_scope("a"):
    h = tf.nn.relu(tf.matmul(x, tf.get_variable("w", [20, 30])) + tf.get_variable("b", [30]))
h = tf.nn.dropout(h, keep_prob=0.9)
with tf.variable_scope("b"):
    logits = tf.matmul(h, tf.get_variable("w", [30, 5])) + tf.get_variable("b", [5])
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
step = tf.train.AdamOptimizer().minimize(loss, global_step=tf.train.get_or_create_global_step())
feeds = {x: np.random.rand(64, 20).astype("f"), y: np.random.randint(0, 5, 64).astype("i")}
fetches = {"step": step, "step and loss": [step, loss]}[sys.argv[1]]
session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=int(sys.argv[2])))
session.run(tf.global_variables_initializer())
run = session.run
count = ctypes.CDLL(None)
for n in (100, 1000):  # the first round warms up
    rounds = list(range(n))
    if n == 1000:
        count.interpose_start()
    for _ in rounds:
        run(fetches, feeds)
print(count.interpose_stop())
"""


@pytest.fixture(scope="module")
def interposer(tmp_path_factory):
    library = tmp_path_factory.mktemp("interpose") / "interpose.so"
    subprocess.run(
        [os.environ.get("CC") or "cc", "-shared", "-fPIC", "-O1", HERE / "interpose.c", "-o", library, "-ldl"],
        check=True,
    )
    return library


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which(os.environ.get("CC") or "cc") is None,
    reason="interposes the C library's malloc: Linux and a C compiler are needed",
)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("fetches", ["step", "step and loss"])
def test_a_steady_step_allocates_nothing(interposer, fetches, threads):
    environment = {
        **os.environ,
        "LD_PRELOAD": str(interposer),
        "PYTHONPATH": str(Path(hookloop.__file__).parents[1]),
        "HOOKLOOP_EXECUTOR": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, fetches, str(threads)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 0, done.stderr
