"""fold_constants: what constants alone decide is computed once a frame."""

import numpy as np

import hookloop as tf
from hookloop.compile.passes.fold_constants import FOLD_LIMIT

from ..programs import optimized


def test_what_depends_on_constants_alone_is_folded():
    x = tf.placeholder(tf.float32, [3])
    y = x * tf.exp(tf.constant([1.0, 2.0, 3.0]) + 1.0)
    program = optimized([y], {x: np.zeros(3)})
    assert [i.kernel for i in program.prologue] == ["add", "exp"]
    assert [i.kernel for i in program.root.items] == ["mul"]


def test_a_large_constant_is_not_kept():
    program = optimized([tf.zeros([1 << 10, 1 << 10]) + 1.0])
    assert not [i for i in program.prologue if i.outputs[0].buffer.size > FOLD_LIMIT]
