"""Axes that are computed in the run: the same values and gradients as with the axes in the graph."""

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference
from .test_structure_in_the_run import computed

RNG = np.random.RandomState(3)
X = RNG.randn(2, 3, 4)
CUBE = RNG.randn(2, 2, 2)
PARTED = RNG.randn(2, 4, 6)
AXES = [0, 1, 2, -1, -3]

ALONG = {
    "sum": lambda x, a: tf.reduce_sum(x, a),
    "mean, kept": lambda x, a: tf.reduce_mean(x, a, keepdims=True),
    "max": lambda x, a: tf.reduce_max(x, a),
    "prod": lambda x, a: tf.reduce_prod(x, a),
    "logsumexp": lambda x, a: tf.reduce_logsumexp(x, a),
    "norm": lambda x, a: tf.math.reduce_euclidean_norm(x, a),
    "any": lambda x, a: tf.reduce_any(x > 1, a),
    "argmax": lambda x, a: tf.argmax(x, a),
    "argmin": lambda x, a: tf.argmin(x, a, output_type=tf.int32),
    "cumsum": lambda x, a: tf.cumsum(x, a, exclusive=True, reverse=True),
    "cumprod": lambda x, a: tf.cumprod(x, a),
    "cumulative_logsumexp": lambda x, a: tf.math.cumulative_logsumexp(x, a),
    "split": lambda x, a: tf.split(x, 2, a),
    "split by sizes": lambda x, a: tf.split(x, [1, -1], a),
    "roll": lambda x, a: tf.roll(x, [1, -2], tf.stack([a, 1])),
    "expand_dims": lambda x, a: tf.expand_dims(x, a),
    "gather one": lambda x, a: tf.gather(x, 1, axis=a),
    "gather": lambda x, a: tf.gather(x, [1, 0, 1], axis=a),
    "gather by a matrix": lambda x, a: tf.gather(x, [[1, 0, 1], [0, 0, 1]], axis=a),
}


def weighted(outputs):
    """A number that every element of the outputs moves by another amount."""
    total = 0
    for y in outputs:
        y = tf.cast(y, tf.float64)
        total += tf.reduce_sum(y * tf.reshape(tf.cos(tf.cast(tf.range(tf.size(y)), tf.float64)), tf.shape(y)))
    return total


def same(make, axes, *values):
    """Compares what is computed with axes of the run with what is with axes of the graph, at open sizes."""
    xs = [tf.placeholder(tf.float64, [None] * np.ndim(value)) for value in values]
    found = []
    for axis in (tf.constant(axes, tf.int32), computed(axes)):
        y = make(*xs, axis)
        y = list(y) if isinstance(y, list) else [y]
        slopes = [g for g in tf.gradients(weighted(y), xs) if g is not None] if y[0].dtype.is_floating else []
        found.append(y + [tf.convert_to_tensor(slope) for slope in slopes])
    assert len(found[0]) == len(found[1])
    with tf.Session() as session:
        for wanted, got in zip(*session.run(found, dict(zip(xs, values)))):
            assert wanted.shape == got.shape
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", ALONG)
def test_along_one_axis(executor, name, axis):
    same(ALONG[name], axis, PARTED if "split" in name else X)


@pytest.mark.parametrize("axis", AXES)
def test_concat(executor, axis):
    longer = RNG.randn(*(5 if k == axis % 3 else 2 for k in range(3)))
    same(lambda x, y, a: tf.concat([x, y, x], a), axis, CUBE, longer)


@pytest.mark.parametrize("indices", [[1, 0], [[1, 0, 1], [0, 0, 1]]])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_gather_within_batches(executor, axis, indices):
    same(lambda x, a: tf.gather(x, indices, axis=a, batch_dims=1), axis, X)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [[], [1], [0, 1], [2, 0], [-1, -2], [0, 1, 2]])
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 0, 4)])
def test_reductions_over_several_axes(executor, axes, keepdims, shape):
    same(
        lambda x, a: tf.reduce_sum(x, a, keepdims=keepdims) + tf.reduce_prod(x, a, keepdims=keepdims),
        axes,
        X[:, : shape[1]],
    )


def test_a_complex_product(executor):
    same(lambda x, a: tf.real(tf.reduce_prod(tf.complex(x, x + 1), a)), [0, 2], X)


def test_what_is_reduced_is_broadcast(executor):
    same(lambda x, a: tf.reduce_sum(x, a) * tf.reduce_max(X, [1]) + X[:, 0, :1], [1], X)


def test_a_joined_axis_that_the_largest_score_tells(executor):
    scores = tf.placeholder(tf.float32, [2])
    joined = tf.concat([X, X], tf.argmax(scores, output_type=tf.int32))
    with tf.Session() as session:
        for best in (0, 1):
            np.testing.assert_array_equal(session.run(joined, {scores: np.eye(2)[best]}), np.concatenate([X, X], best))


def test_another_axis_in_each_iteration(executor):
    def total(x, axes):
        def body(i, found):
            joined = tf.concat([x, tf.gather(x, [0, 1], axis=axes[i])], axes[i])
            return i + 1, found + tf.reduce_sum(tf.reduce_sum(joined, axes[i]) ** 2)

        return tf.while_loop(lambda i, found: i < 3, body, [0, tf.constant(0.0, tf.float64)])[1]

    same(total, [0, 1, 2], X)


def test_blocks(executor):
    same(lambda x, b: tf.space_to_batch_nd(x, b, [[0, 0], [1, 1]]), [2, 3], RNG.randn(1, 4, 4, 2))
    same(lambda x, b: tf.batch_to_space_nd(x, b, [[0, 0], [1, 1]]), [2, 3], RNG.randn(6, 4, 4, 2))


def test_gradient_of_gather_within_batches_along_a_later_axis(executor):
    x, weights = tf.constant(X), np.arange(1.0, 7).reshape(2, 3)
    slope = tf.gradients(tf.gather(x, [1, 0], axis=2, batch_dims=1) * weights, x)[0]
    wanted = np.zeros_like(X)
    wanted[0, :, 1], wanted[1, :, 0] = weights
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(slope), wanted)


@pytest.mark.skipif(on_reference(), reason="the texts are a plan's own; the reference executor has NumPy's")
@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: tf.reduce_sum(X, computed(3)), "index 3 out of bounds of an axis of 3 elements"),
        (lambda: tf.reduce_sum(X, computed([1, -2])), "an axis specified more than once: 2 times"),
        (lambda: tf.concat([X, X], computed(-4)), "index -4 out of bounds of an axis of 3 elements"),
        (lambda: tf.concat([X, X[:, :1]], computed(0)), r"shape\[0\] = \[2,3,4\] vs. shape\[1\] = \[2,1,4\]"),
        (lambda: tf.split(X, 2, computed(1)), r"\(size = 3\) and num_split 2"),
        (lambda: tf.expand_dims(X, computed(5)), "index 5 out of bounds of an axis of 4 elements"),
        (lambda: tf.gather(X, [0, 2], axis=computed(0)), r"indices\[1\] = 2 is not in \[0, 2\)"),
        (lambda: tf.gather(X, [0, 1], axis=computed(0), batch_dims=1), r"Expected a size in \[0, 0\], but got 1"),
    ],
)
def test_what_is_refused(make, text):
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(make())


@pytest.mark.skipif(on_reference(), reason="the reference executor needs no rank before the run")
def test_how_many_axes_go_must_be_known():
    axes = tf.where(computed([1, 0, 1]) > 0)[:, 0]
    with tf.Session() as session, pytest.raises(ValueError, match="the number of sizes that 'Sum' gets decides a rank"):
        session.run(tf.reduce_sum(X, axes, name="Sum"))


# --- sizes that are read in a branch or a loop ---------------------------------------------------------------------


def test_a_shape_read_in_one_branch_is_read_again_behind_it(executor):
    taken = tf.placeholder(tf.bool)
    form = computed([2, 3])
    first = tf.cond(taken, lambda: tf.reshape(ROW, form) * 2, lambda: tf.reshape(ROW, form) + 1)
    with tf.control_dependencies([first]):
        second = tf.reshape(tf.identity(ROW), form)
    with tf.Session() as session:
        for value in (False, True, False):
            one, two = session.run([first, second], {taken: value})
            np.testing.assert_array_equal(one, (ROW * 2 if value else ROW + 1).reshape(2, 3))
            np.testing.assert_array_equal(two, ROW.reshape(2, 3))


def test_a_size_that_one_branch_gives_is_known_behind_it(executor):
    taken, x = tf.placeholder(tf.bool), tf.placeholder(tf.float32, [None])
    twice = tf.shape(x)[0] * 2
    chosen = tf.cond(taken, lambda: twice, lambda: tf.constant(7))
    with tf.control_dependencies([chosen]):
        after = tf.cast(twice, tf.float32) + 1
    with tf.Session() as session:
        for value in (False, True, False):
            found = session.run([chosen, after], {taken: value, x: np.zeros(3)})
            assert found == [6 if value else 7, 7.0]


def test_a_shape_read_in_a_loop_is_read_again_behind_it(executor):
    count, form = tf.placeholder(tf.int32, []), computed([2, 3])
    loop = tf.while_loop(
        lambda i, t: i < count, lambda i, t: (i + 1, t + tf.reshape(ROW, form)), [0, tf.zeros([2, 3], tf.float64)]
    )
    with tf.control_dependencies(loop):
        behind = tf.reshape(tf.identity(ROW), form)
    with tf.Session() as session:
        for times in (0, 2):
            total, after = session.run([loop[1], behind], {count: times})
            np.testing.assert_array_equal(total, times * ROW.reshape(2, 3))
            np.testing.assert_array_equal(after, ROW.reshape(2, 3))


ROW = np.arange(6.0)
