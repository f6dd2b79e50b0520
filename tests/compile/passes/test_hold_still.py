"""hold_still: a variable that a kernel looks at more than once is copied for it, others are read where they are."""

import re
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.ir import VARIABLE
from hookloop.compile.passes.hold_still import _LOOKED_AT

from ..programs import optimized

KERNELS = Path(__file__).parents[3] / "csrc" / "kernels"


def variable(values):
    return tf.Variable(np.asarray(values))


def copied(program):
    """The variables' copies: each kernel with those whose copies it reads."""
    copies = {id(i.outputs[0].buffer): i.inputs[0] for i in program.instructions() if i.kernel == "copy"}
    found = {}
    for instr in program.instructions():
        sources = [copies[id(v.buffer)] for v in instr.inputs if id(v.buffer) in copies]
        if sources:
            assert all(source.buffer.kind == VARIABLE for source in sources)
            found.setdefault(instr.kernel, []).append(len(sources))
    return found


@pytest.mark.parametrize(
    ("make", "kernels"),
    [
        (lambda: tf.nn.top_k(variable(np.arange(9.0, dtype=np.float32)), 3)[1], {"top_k": [1]}),
        (lambda: tf.where(variable([True, False])), {"where_count": [1], "where_fill": [1]}),
        (lambda: tf.gather(tf.placeholder(tf.float32, [5]), variable([1, 2])), {"gather": [1]}),
        (lambda: tf.unsorted_segment_max(tf.placeholder(tf.float32, [2]), variable([1, 2]), 3), {"unsorted_segment_max": [1]}),
        (
            lambda: tf.sparse_segment_mean(tf.placeholder(tf.float32, [5, 2]), variable([1, 2]), variable(np.int32([0, 1]))),
            {"segment_reduce": [2]},
        ),
        (lambda: tf.invert_permutation(variable(np.int32([1, 0]))), {"invert_permutation": [1]}),
    ],
    ids=["top_k", "where", "gather", "unsorted_segment_max", "sparse_segment_mean", "invert_permutation"],
)  # fmt: skip
def test_what_is_looked_at_more_than_once(make, kernels):
    fetched = make()
    feeds = {
        op.outputs[0]: np.ones(op.outputs[0].shape)
        for op in tf.get_default_graph().get_operations()
        if op.type == "Placeholder"
    }
    assert copied(optimized([fetched], feeds)) == kernels


def test_rows_that_a_variable_names_are_updated():
    table, rows = variable(np.zeros((5, 2), np.float32)), variable([1, 2])
    updates = tf.placeholder(tf.float32, [2, 2])
    program = optimized([], {updates: np.ones((2, 2))}, targets=[tf.scatter_add(table, rows, updates).op])
    assert copied(program) == {"scatter_add": [1]}


def test_what_is_read_once_or_fed_is_not_copied():
    table, rows = variable(np.zeros((5, 2), np.float32)), tf.placeholder(tf.int64, [None])
    fetches = [tf.gather(table, rows), tf.reduce_max(table, 1), tf.unique(variable([3, 4]))[1], tf.argmax(table, 1)]
    assert not copied(optimized(fetches, {rows: np.array([1, 2])}))


@pytest.mark.parametrize("reads_after", [False, True])
def test_a_copy_is_of_the_moment(executor, reads_after):
    """A kernel that comes behind a write in its own step sees that."""
    v = tf.Variable(np.float32([3, 1, 2]))
    write = v.assign([5, 6, 4])
    with tf.control_dependencies([write] if reads_after else []):
        found = tf.nn.top_k(v, 2)[1]
    with tf.Session() as session:
        session.run(v.initializer)
        places, _ = session.run([found, write.op])
        assert places.tolist() == ([1, 0] if reads_after else [0, 2])


def test_each_kernel_is_one():
    if not KERNELS.exists():
        pytest.skip("csrc/ is not there: this is a test of a checkout")
    known = {name for path in KERNELS.glob("*.c") for name in re.findall(r'\{"(\w+)", ', path.read_text())}
    assert _LOOKED_AT.keys() <= known
