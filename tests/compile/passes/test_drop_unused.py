"""drop_unused: what nobody reads goes, what has an effect stays."""

import numpy as np
import pytest

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


def test_places_that_nobody_reads_are_not_found():
    x = tf.placeholder(tf.float32, [2, 30])
    fed = {x: np.zeros((2, 30))}
    parts = tf.nn.top_k(x, 30)
    places = {}
    for name, fetches in (
        ("values", [parts[0]]),
        ("both", parts),
        ("read", [parts[0], parts[1] + 1]),
        ("alone", [parts[1]]),
    ):
        program = optimized(fetches, fed, names=["drop_unused"])
        places[name] = [len(i.outputs) for i in program.instructions() if i.kernel == "top_k"]
    assert places == {"values": [1], "both": [2], "read": [2], "alone": [2]}


@pytest.mark.parametrize("size", [3, 30, 1000])
def test_sorted_values_are_the_same_without_their_places(size, executor):
    random = np.random.default_rng(size)
    x = tf.placeholder(tf.float32, [None, None])
    fed = random.integers(-5, 5, (4, size)).astype("float32") * np.where(random.random((4, size)) < 0.5, -1, 1).astype(
        "float32"
    )
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.sort(x), {x: fed}), np.sort(fed))
        np.testing.assert_array_equal(session.run(tf.sort(x, direction="DESCENDING"), {x: fed}), -np.sort(-fed))
        alone, (both, _) = session.run(tf.nn.top_k(x, size)[0], {x: fed}), session.run(tf.nn.top_k(x, size), {x: fed})
    np.testing.assert_array_equal(alone.view("uint32"), both.view("uint32"))


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


@pytest.mark.parametrize(
    "made_of",
    [
        tf.tanh,
        lambda y: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.tanh(a)), [0, y])[1],
        lambda y: tf.cond(y[0] > 0, lambda: tf.tanh(y), lambda: tf.zeros([3])),
    ],
    ids=["elementwise", "loop", "conditional"],
)
def test_an_operation_that_is_run_for_itself_tells_what_fails_before_it(made_of, executor):
    """As in TensorFlow: `session.run(y.op)` is how programs run something without fetching it."""
    x = tf.placeholder(tf.float32, [None])
    gathered = made_of(tf.gather(x, [0, 0, 1])).op
    checked = made_of(tf.check_numerics(x, "bad")).op
    with tf.Session() as session:
        assert session.run([gathered, checked], {x: [1, 2, 3]}) == [None, None]
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[2\] = 1 is not in \[0, 1\)"):
            session.run(gathered, {x: [1]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="bad : Tensor had NaN"):
            session.run(checked, {x: [np.nan, 1, 1]})
