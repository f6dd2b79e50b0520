"""Assertions about values, ranks and types: when they fail, at which time, and with which words."""

import numpy as np
import pytest

import hookloop as tf

FAILURES = [
    (tf.assert_equal, [1, 2], [1, 3], "x == y"), (tf.assert_none_equal, [1, 2], [3, 2], "x != y"),
    (tf.assert_less, [1, 2], [2, 2], "x < y"), (tf.assert_less_equal, [1, 3], [1, 2], "x <= y"),
    (tf.assert_greater, [3, 2], [2, 2], "x > y"), (tf.assert_greater_equal, [3, 1], [2, 2], "x >= y"),
]  # fmt: skip
PASSES = {
    "assert_equal": ([1, 2], [1, 2]), "assert_none_equal": ([1, 2], [2, 1]), "assert_less": ([1, 2], [2, 3]),
    "assert_less_equal": ([1, 2], [1, 3]), "assert_greater": ([2, 3], [1, 2]), "assert_greater_equal": ([2, 3], [2, 2]),
}  # fmt: skip
SIGNS = [
    (tf.assert_positive, [1, 2], [1, 0], "x > 0"), (tf.assert_negative, [-1, -2], [-1, 0], "x < 0"),
    (tf.assert_non_negative, [0, 2], [0, -1], "x >= 0"), (tf.assert_non_positive, [0, -2], [0, 1], "x <= 0"),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [tf.int32, tf.float32])
@pytest.mark.parametrize("check, x, y, text", FAILURES, ids=lambda v: getattr(v, "__name__", None))
def test_comparison_of_fed_values(executor, check, x, y, text, dtype):
    left, right = tf.placeholder(dtype, [None], name="left"), tf.placeholder(dtype, [None], name="right")
    with tf.control_dependencies([check(left, right, message="told")]):
        result = left + right
    good = PASSES[check.__name__]
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(result, {left: good[0], right: good[1]}), np.add(*good))
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(result, {left: x, right: y})
    shown = f"assertion failed: [told] [Condition {text} did not hold element-wise:] [x (left:0) = ] [{x[0]} {x[1]}] [y (right:0) = ]"
    assert shown in str(caught.value)


@pytest.mark.parametrize("check, x, y, text", FAILURES, ids=lambda v: getattr(v, "__name__", None))
def test_comparison_of_constants_fails_when_it_is_built(check, x, y, text):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=f"(?s)told\nCondition {text} did not hold.*\\[{x[0]} {x[1]}\\]"
    ):
        check(x, y, message="told")
    assert check(*PASSES[check.__name__]).type == "Assert"


@pytest.mark.parametrize("check, good, bad, text", SIGNS, ids=lambda v: getattr(v, "__name__", None))
def test_signs(executor, check, good, bad, text):
    x = tf.placeholder(tf.int32, [2], name="x")
    op = check(x)
    with tf.Session() as session:
        session.run(op, {x: good})
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=rf"Condition {text} did not hold element-wise:.*x \(x:0\)"
        ):
            session.run(op, {x: bad})
    with pytest.raises(tf.errors.InvalidArgumentError, match="did not hold"):
        check(bad)


def test_nodes_of_a_comparison():
    x = tf.placeholder(tf.float32, [None], name="x")
    tf.assert_less(x, 1.0)
    names = [op.name for op in tf.get_default_graph().get_operations()][:8]
    scope = "assert_less/"
    assert names == ["x", scope + "y", scope + "Less", scope + "Const", scope + "All", scope + "Assert/Const",
                     scope + "Assert/Const_1", scope + "Assert/Const_2"]  # fmt: skip
    assert tf.assert_equal(x, 2.0).name == "assert_equal_1/Assert/AssertGuard/Merge"
    assert tf.assert_equal(x, x).type == "NoOp"


def test_empty_tensors_hold_anything(executor):
    x = tf.placeholder(tf.float32, [None])
    with tf.Session() as session:
        session.run(tf.assert_positive(x), {x: []})


def test_near(executor):
    x = tf.placeholder(tf.float32, [2])
    op = tf.debugging.assert_near(x, [1.0, 2.0])
    with tf.Session() as session:
        session.run(op, {x: [1.0, 2.0000002]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="x and y not equal to tolerance"):
            session.run(op, {x: [1.0, 2.1]})


# --- ranks ----------------------------------------------------------------------------------------------


def test_known_ranks_are_checked_when_built():
    x = tf.placeholder(tf.float32, [None], name="x")
    for op in (tf.assert_rank(x, 1), tf.assert_rank_at_least(x, 1), tf.assert_rank_in(x, (1, 3))):
        assert op.type == "NoOp" and op.name.endswith("static_checks_determined_all_ok")
    with pytest.raises(ValueError, match=r"told\.  Tensor x:0 must have rank 2\.  Received rank 1, shape \(\?,\)"):
        tf.assert_rank(x, 2, message="told")
    with pytest.raises(ValueError, match="must have rank at least 2"):
        tf.assert_rank_at_least(x, 2)
    with pytest.raises(ValueError, match="must have rank in"):
        tf.assert_rank_in(x, (2, 3))
    with pytest.raises(ValueError, match=r"Rank must be a scalar\."):
        tf.assert_rank(x, [2])
    with pytest.raises(TypeError, match="must be of type"):
        tf.assert_rank(x, 2.5)


@pytest.mark.parametrize(
    "check, rank, text",
    [
        (tf.assert_rank, 2, r"\[Tensor x:0 must have rank\] \[2\] \[Received shape: \] \[3\]"),
        (tf.assert_rank_at_least, 2, r"\[Tensor x:0 must have rank at least\] \[2\]"),
        (tf.assert_rank_in, (2, 4), r"\[Tensor x:0 must have rank in\] \[2\] \[4\]"),
    ],
)
def test_open_ranks_are_checked_in_a_run(executor, check, rank, text):
    x = tf.placeholder(tf.float32, None, name="x")
    op = check(x, rank)
    with tf.Session() as session:
        session.run(op, {x: np.ones((2, 2))})
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(op, {x: np.ones(3)})


def test_ensure_shape(executor):
    x = tf.placeholder(tf.float32, None, name="x")
    y = tf.ensure_shape(x, [None, 3])
    assert y.shape.as_list() == [None, 3]
    gradient = tf.gradients(y * 2.0, x)[0]
    with tf.Session() as session:
        for rows in (2, 5):
            np.testing.assert_array_equal(session.run(gradient, {x: np.ones((rows, 3))}), np.full((rows, 3), 2))
        for wrong in ((2, 4), (3,), (1, 1, 3)):
            with pytest.raises(
                tf.errors.InvalidArgumentError,
                match=r"Shape of tensor x .*is not compatible with expected shape \[\?,3\]",
            ):
                session.run(y, {x: np.ones(wrong)})
    with pytest.raises(ValueError):
        tf.ensure_shape(tf.placeholder(tf.float32, [2]), [3])


# --- types ----------------------------------------------------------------------------------------------


def test_types():
    x = tf.placeholder(tf.float32, [None], name="x")
    assert tf.assert_type(x, tf.float32).name == "assert_type/statically_determined_correct_type"
    with pytest.raises(TypeError, match="told  x:0 must be of type <dtype: 'int32'>"):
        tf.assert_type(x, tf.int32, message="told")
    assert tf.assert_integer(3).name == "assert_integer/statically_determined_was_integer"
    with pytest.raises(TypeError, match='Expected "x" to be integer type'):
        tf.assert_integer(x)
    assert tf.assert_scalar(3, name="three").op.name == "three"
    with pytest.raises(ValueError, match=r"Expected scalar shape for x:0, saw shape: \(\?,\)"):
        tf.assert_scalar(x)
    assert tf.is_numeric_tensor(x) and not tf.is_numeric_tensor(3)
    assert not tf.is_numeric_tensor(tf.constant("a"))


def test_same_float_dtype():
    x = tf.placeholder(tf.float64, [None], name="x")
    assert tf.assert_same_float_dtype([x, None]) == tf.float64
    assert tf.assert_same_float_dtype() == tf.float32
    with pytest.raises(ValueError, match=r"must be of the same type \(<dtype: 'float64'>\) as x:0"):
        tf.assert_same_float_dtype([x, tf.constant(1.0)])
    with pytest.raises(ValueError, match="Expected floating point type"):
        tf.assert_same_float_dtype([tf.constant(1)])


def test_proper_iterables():
    assert tf.assert_proper_iterable([1]) is None
    for wrong in (tf.constant([1]), "abc", np.ones(2)):
        with pytest.raises(TypeError, match='to be a "proper" iterable'):
            tf.assert_proper_iterable(wrong)
    with pytest.raises(TypeError, match="to be iterable"):
        tf.assert_proper_iterable(3)


def test_order(executor):
    x = tf.placeholder(tf.int32, None)
    results = tf.is_non_decreasing(x), tf.is_strictly_increasing(x)
    with tf.Session() as session:
        for value, expected in (
            ([], (1, 1)),
            ([5], (1, 1)),
            ([1, 2, 2], (1, 0)),
            ([[1, 2], [3, 4]], (1, 1)),
            ([2, 1], (0, 0)),
        ):
            assert session.run(results, {x: value}) == expected


# --- shapes of several tensors ----------------------------------------------------------------------------------


def test_shapes_that_are_known():
    x, y = tf.zeros([3, 3]), tf.zeros([4, 3])
    assert tf.debugging.assert_shapes({x: ("N", "N"), y: ("M", "N"), tf.constant(2.0): ("Q",)}).type == "NoOp"
    with pytest.raises(
        ValueError,
        match="Specified by tensor .* dimension 0.  Tensor .* dimension 0 must have size 3.  Received size 4",
    ):
        tf.debugging.assert_shapes({x: "NN", y: "NM"})
    with pytest.raises(
        ValueError,
        match=r"hey.  Specified explicitly.  Tensor .* dimension 1 must have size 4.  Received size 3, shape \(3, 3\)",
    ):
        tf.debugging.assert_shapes({x: ("N", 4)}, message="hey")
    with pytest.raises(ValueError, match="must have rank"):
        tf.debugging.assert_shapes({x: ("N",)})


def test_shapes_that_the_run_tells(executor):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, None])
    with tf.control_dependencies([tf.debugging.assert_shapes({x: ("N", "M"), y: ("M", "N")})]):
        product = tf.matmul(x, y)
    with tf.Session() as session:
        assert session.run(product, {x: np.ones((2, 3)), y: np.ones((3, 2))}).shape == (2, 2)
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"dimension\] \[1\] \[must have size\] \[2\] \[Received shape: \] \[3 4\]",
        ):
            session.run(product, {x: np.ones((2, 3)), y: np.ones((3, 4))})
