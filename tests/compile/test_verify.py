"""The verifier of the IR finds programs that break a rule."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.ir import ARENA, CONSTANT, Instr
from hookloop.compile.verify import IllegalProgram, verify

from .programs import lowered, optimized


def spoiled(spoil):
    x = tf.placeholder(tf.float32, [3])
    program = lowered([tf.tanh(tf.exp(x))], {x: np.zeros(3)})
    spoil(program.root.items)
    return program


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda items: items.reverse(), "before anything is written"),
        (lambda items: items.pop(), "a fetched value is never written"),
        (lambda items: setattr(items[0].outputs[0].buffer, "kind", CONSTANT), "it writes a constant or a feed"),
        (lambda items: setattr(items[0].inputs[0], "buffer", None), "an input has no buffer"),
    ],
)
def test_the_verifier_finds_what_is_wrong(spoil, text):
    with pytest.raises(IllegalProgram, match=text):
        verify(spoiled(spoil), "a test")


def test_the_verifier_wants_sizes_before_their_use():
    x = tf.placeholder(tf.float32, [None])
    program = lowered([tf.boolean_mask(x, x > 0) * 2.0], {x: np.ones(3)})
    verify(program, "lowering")
    for item in program.root.items:
        if isinstance(item, Instr):
            item.defines = ()
    with pytest.raises(IllegalProgram, match="is not known yet"):
        verify(program, "a test")


def test_arena_buffers_are_what_passes_may_share():
    x = tf.placeholder(tf.float32, [3])
    program = optimized([tf.tanh(x)], {x: np.zeros(3)})
    assert [v.buffer.kind for i in program.root.items for v in i.outputs] == [ARENA]
