"""drop_unused: what nobody reads goes, what has an effect stays."""

import numpy as np

import hookloop as tf
from hookloop.compile.passes.drop_unused import drop_unused

from ..programs import kernels, lowered, optimized


def test_what_nobody_reads_is_dropped():
    x = tf.placeholder(tf.float32, [3])
    parts = tf.nn.top_k(x, 2)
    program = lowered([tf.tanh(x)], {x: np.zeros(3)}, targets=[parts.values.op])
    assert "top_k" in kernels(program)
    drop_unused(program)
    assert kernels(program) == ["tanh"]


def test_writes_are_not_dropped():
    v = tf.Variable([1.0, 2.0])
    program = optimized([], targets=[tf.assign_add(v, [1.0, 1.0]).op], names=["drop_unused"])
    assert "assign_add" in kernels(program)


def test_what_a_loop_carries_from_one_iteration_to_the_next_stays(executor):
    _, a, _ = tf.while_loop(lambda i, a, b: i < 4, lambda i, a, b: (i + 1, b, tf.exp(b)), [0, 1.0, 0.5])
    want = [1.0, 0.5]
    for _ in range(4):
        want = [want[1], np.exp(want[1])]
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(a), want[0], rtol=1e-5)
