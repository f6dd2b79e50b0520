"""compute_again: cheap results that later chains read are computed again in them and never stored, and no bit changes but the
sign of what is no number."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hookloop as tf

from ..programs import after_steps, assert_same_bits, leave_out, optimized

NAMES = ("drop_unused", "share_equal", "compute_again", "fuse_elementwise")
ROWS, COLUMNS = 128, 64  # the fewest elements that pay


def rewritten(fetches, feeds):
    return optimized(fetches, feeds, names=NAMES)


def values(*shape):
    return np.random.RandomState(7).standard_normal(shape).astype(np.float32)


def stored(program):
    """How many tensors each chain stores."""
    return [len(instr.outputs) for instr in program.instructions() if instr.kernel in ("fused", "mul", "add", "sub")]


def square_of(y):
    """A product between two chains: the second cannot run where the first does."""
    return tf.matmul(y, tf.constant(values(int(y.shape[1]), int(y.shape[1]))))


def gelu(x):
    return 0.5 * x * (1.0 + tf.tanh(0.8 * (x + 0.045 * x * x * x)))


@pytest.mark.parametrize("rows", [ROWS, None])
def test_the_gradient_of_a_function_needs_its_input_and_what_is_dear(rows, executor, monkeypatch):
    x = tf.placeholder(tf.float32, [rows, COLUMNS])
    y = square_of(gelu(x))
    slope = tf.gradients(y * y, x)[0]
    feeds = {x: values(ROWS, COLUMNS)}
    with monkeypatch.context() as patch:
        leave_out("compute_again", patch)
        assert max(stored(rewritten([slope], feeds))) == 6  # each factor of a product, and tanh
    assert max(stored(rewritten([slope], feeds))) == 2  # the function, and tanh
    assert_same_bits("compute_again", [slope, y], feeds, monkeypatch)


@pytest.mark.parametrize(("columns", "again"), [(COLUMNS, True), (COLUMNS - 1, False)])
def test_of_few_elements_all_are_stored(columns, again, executor, monkeypatch):
    x = tf.placeholder(tf.float32, [ROWS, columns])
    y = x * 3.0
    z = square_of(tf.exp(y)) - y
    feeds = {x: values(ROWS, columns)}
    assert (max(stored(rewritten([z], feeds))) == 1) == again
    assert_same_bits("compute_again", [z], feeds, monkeypatch)


@pytest.mark.parametrize("dear", [tf.exp, tf.tanh, lambda x: 1.0 / x, tf.sqrt])
def test_functions_and_quotients_are_kept(dear, executor, monkeypatch):
    x = tf.placeholder(tf.float32, [ROWS, COLUMNS])
    y = dear(x)
    z = square_of(y + 1.0) * y
    feeds = {x: np.abs(values(ROWS, COLUMNS))}
    notes = [name for instr in rewritten([z], feeds).instructions() for name, _ in instr.notes]
    assert "compute_again" not in notes
    assert_same_bits("compute_again", [z], feeds, monkeypatch)


def test_what_is_fetched_is_stored_once_and_read(executor, monkeypatch):
    x = tf.placeholder(tf.float32, [ROWS, COLUMNS])
    y = x * 3.0
    z = square_of(tf.exp(y)) - y
    feeds = {x: values(ROWS, COLUMNS)}
    assert max(stored(rewritten([z, y], feeds))) == 2
    assert_same_bits("compute_again", [z, y], feeds, monkeypatch)


def test_what_a_product_reads_is_stored_once_and_read(executor, monkeypatch):
    x = tf.placeholder(tf.float32, [ROWS, COLUMNS])
    y = x * 3.0
    z = square_of(tf.exp(y)) - y + square_of(y)
    feeds = {x: values(ROWS, COLUMNS)}
    assert max(stored(rewritten([z], feeds))) == 2
    assert_same_bits("compute_again", [z], feeds, monkeypatch)


def test_two_tensors_are_not_read_in_the_place_of_one(executor, monkeypatch):
    a, b = (tf.placeholder(tf.float32, [ROWS, COLUMNS]) for _ in range(2))
    y = a + b
    feeds = {a: values(ROWS, COLUMNS), b: values(ROWS, COLUMNS)[::-1].copy()}
    one, both = square_of(tf.exp(y)) - y, square_of(tf.exp(y)) - y * a
    assert max(stored(rewritten([one], feeds))) == 2
    assert max(stored(rewritten([both], feeds))) == 1  # a is read there anyway
    assert_same_bits("compute_again", [one, both], feeds, monkeypatch)


def test_a_step_stands_before_all_that_read_it(executor, monkeypatch):
    """The later chain reads the square of a sum before it reads the sum."""
    x = tf.placeholder(tf.float32, [ROWS, COLUMNS])
    total = x + 1.0
    square = total * total
    z = square_of(tf.exp(square) * total)
    found = (z - square) * x + total
    feeds = {x: values(ROWS, COLUMNS)}
    assert max(stored(rewritten([found], feeds))) == 1
    assert_same_bits("compute_again", [found], feeds, monkeypatch)


def test_a_variable_that_is_written_in_between_is_not_read_again(executor):
    """The second chain would read what the assignment wrote."""
    v = tf.Variable(values(ROWS, COLUMNS))
    y = v * 2.0
    product = square_of(tf.exp(-y * y))
    with tf.control_dependencies([product, y]):
        write = tf.assign(v, tf.zeros([ROWS, COLUMNS]))
    with tf.control_dependencies([write]):
        z = tf.identity(product) - y
    start = values(ROWS, COLUMNS)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, expected = session.run([z, product])
        np.testing.assert_array_equal(found, expected - start * np.float32(2))
        np.testing.assert_array_equal(session.run(v), np.zeros((ROWS, COLUMNS)))


def test_each_step_of_doublings_is_placed_once(executor, monkeypatch):
    """Each is read twice by the next: a walk over all ways would take 2 ** 28 steps."""
    x = tf.placeholder(tf.float32, [2 * ROWS * COLUMNS])
    doubled = [x]
    for _ in range(28):
        doubled.append(doubled[-1] + doubled[-1])
    later = doubled[4::4][::-1]
    y = later[0] * tf.reduce_max(doubled[-1])
    for z in later[1:]:
        y = tf.maximum(y, z)
    assert_same_bits("compute_again", [tf.reduce_sum(y)], {x: values(2 * ROWS * COLUMNS)}, monkeypatch)


def test_what_reads_a_variable_is_computed_once(executor):
    """Another thread's step may write it meanwhile, and both chains are to see one result."""
    x = tf.placeholder(tf.float32, [ROWS, COLUMNS])
    y = x * tf.Variable(2.0)
    z = square_of(tf.exp(y)) - y
    notes = [name for instr in rewritten([z], {x: values(ROWS, COLUMNS)}).instructions() for name, _ in instr.notes]
    assert "compute_again" not in notes


def test_training_gives_the_same_variables(executor, monkeypatch):
    x = tf.constant(values(ROWS, COLUMNS))
    w = tf.Variable(values(COLUMNS, COLUMNS) * 0.1)
    scale = tf.Variable(np.ones(COLUMNS, np.float32))
    h = gelu(tf.matmul(x, w))
    distance = h - tf.reduce_mean(h, 1, keepdims=True)
    y = distance * tf.rsqrt(tf.reduce_mean(tf.square(distance), 1, keepdims=True) + 1e-5) * scale
    step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(square_of(y) - x)))
    found = [after_steps([w, scale], step, threads) for threads in (1, 2, 4)]
    with monkeypatch.context() as patch:
        leave_out("compute_again", patch)
        wanted = after_steps([w, scale], step)
    for variables in found:
        for left, right in zip(variables, wanted):
            assert left.tobytes() == right.tobytes()


OPERATIONS = (
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: tf.maximum(a, b), lambda a, b: tf.nn.relu(a),
    lambda a, b: tf.square(b), lambda a, b: tf.tanh(a), lambda a, b: tf.where(a > b, a, b), lambda a, b: -a,
    lambda a, b: a * 0.5, lambda a, b: a + tf.reduce_mean(b, 1, keepdims=True), lambda a, b: a * b[:1],
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(range(len(OPERATIONS) + 1)), st.integers(0, 50), st.integers(0, 50)),
    min_size=3,
    max_size=24,
)


@given(steps=STEPS, open_rows=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_chains_give_the_same_bits(steps, open_rows, executor, monkeypatch):
    """Random elementwise steps, and products that part them."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None if open_rows else ROWS, COLUMNS])
        made = [x, x * 0.25]
        for which, left, right in steps:
            a, b = made[left % len(made)], made[right % len(made)]
            made.append(tf.tanh(square_of(a)) if which == len(OPERATIONS) else OPERATIONS[which](a, b))
        slope = tf.gradients(made[-1], x)[0]
        fetches = [made[-1]] if slope is None else [made[-1], slope]
        fetches = [tf.where(tf.is_nan(y), tf.fill(tf.shape(y), np.nan), y) for y in fetches]
        assert_same_bits("compute_again", fetches, {x: values(ROWS, COLUMNS)}, monkeypatch)
