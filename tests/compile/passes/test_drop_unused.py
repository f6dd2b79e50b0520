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
