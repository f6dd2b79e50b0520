"""Each pass alone: what it removes, and what it must leave."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile import passes
from hookloop.compile.ir import ARENA, CONSTANT, Instr
from hookloop.compile.verify import IllegalProgram, verify

from .programs import kernels, lowered, optimized


def test_the_order_of_the_passes_is_one_literal_list():
    assert [rewrite.__name__ for rewrite in passes.PASSES] == ["drop_unused", "share_equal", "fold_constants"]


def test_what_nobody_reads_is_dropped():
    x = tf.placeholder(tf.float32, [3])
    parts = tf.nn.top_k(x, 2)
    program = lowered([tf.tanh(x)], {x: np.zeros(3)}, targets=[parts.values.op])
    assert "top_k" in kernels(program)
    passes.drop_unused(program)
    assert kernels(program) == ["tanh"]


def test_writes_are_not_dropped():
    v = tf.Variable([1.0, 2.0])
    program = optimized([], targets=[tf.assign_add(v, [1.0, 1.0]).op], names=["drop_unused"])
    assert "assign_add" in kernels(program)


def test_equal_instructions_are_shared():
    x = tf.placeholder(tf.float32, [None, 3])
    twice = tf.tanh(x) + tf.tanh(x)
    feeds = {x: np.zeros((2, 3))}
    assert kernels(lowered([twice], feeds)).count("tanh") == 2
    assert kernels(optimized([twice], feeds, names=["share_equal"])).count("tanh") == 1


def test_other_attributes_are_not_equal():
    x = tf.placeholder(tf.float32, [2, 2])
    both = tf.reduce_sum(x, 0) + tf.reduce_sum(x, 1)
    assert kernels(optimized([both], {x: np.zeros((2, 2))})).count("sum") == 2


def test_random_numbers_are_never_shared_nor_folded():
    both = tf.random_uniform([3], seed=1) + tf.random_uniform([3], seed=1)
    program = optimized([both])
    assert kernels(program).count("random_uniform") == 2
    assert not [i for i in program.prologue if i.kernel == "random_uniform"]


def test_reads_of_a_variable_that_is_written_are_not_shared():
    v = tf.Variable(1.0)
    before = tf.tanh(v)
    with tf.control_dependencies([tf.assign(v, before)]):
        after = tf.tanh(v.read_value())
    program = optimized([before, after])
    assert kernels(program).count("tanh") == 2


def test_what_depends_on_constants_alone_is_folded():
    x = tf.placeholder(tf.float32, [3])
    y = x * tf.exp(tf.constant([1.0, 2.0, 3.0]) + 1.0)
    program = optimized([y], {x: np.zeros(3)})
    assert [i.kernel for i in program.prologue] == ["add", "exp"]
    assert [i.kernel for i in program.root.items] == ["mul"]


def test_a_large_constant_is_not_kept():
    program = optimized([tf.zeros([1 << 10, 1 << 10]) + 1.0])
    assert not [i for i in program.prologue if i.outputs[0].buffer.size > passes._FOLD_LIMIT]


@pytest.mark.parametrize("name", [rewrite.__name__ for rewrite in passes.PASSES])
def test_values_are_the_same_without_a_pass(name, monkeypatch):
    x = tf.placeholder(tf.float32, [None, 4])
    w = tf.get_variable("w", initializer=np.linspace(-1, 1, 12).reshape(4, 3).astype("f"))
    y = tf.nn.softmax(tf.matmul(x, w) * tf.exp(tf.constant(0.5))) + tf.matmul(x, w)
    feed = {x: np.arange(8).reshape(2, 4)}

    def run():
        with tf.Session() as session:
            session.run(w.initializer)
            return session.run([y, *tf.gradients(y, [x, w])], feed)

    whole = run()
    monkeypatch.setattr(passes, "PASSES", tuple(p for p in passes.PASSES if p.__name__ != name))
    for got, want in zip(run(), whole):
        np.testing.assert_allclose(got, want, rtol=1e-6)


# --- the verifier -------------------------------------------------------------------------------------------------


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
