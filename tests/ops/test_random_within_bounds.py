"""Normal numbers between bounds that each row may have: the numbers of TensorFlow 1.15, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.python.ops import random_ops

from ..fixtures.bounded_normals_program import CASES, answers

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "bounded_normals.json").read_text())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_two_runs_are_those_of_tensorflow(executor, name, dtype):
    for found, expected in zip(answers(tf, random_ops, name, dtype), RECORDED[dtype][name], strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5 if dtype == "float32" else 1e-10, atol=1e-6)


@pytest.mark.parametrize("rows", [2, 5])
def test_sizes_that_are_open(executor, rows):
    shape, means = tf.placeholder(tf.int64, [2]), tf.placeholder(tf.float32, [None])
    numbers = random_ops.parameterized_truncated_normal(shape, means, 0.1, -1.0, 9.0)
    assert numbers.shape.as_list() == [None, None]
    with tf.Session() as session:
        found = session.run(numbers, {shape: [rows, 50], means: np.arange(rows)})
    assert found.shape == (rows, 50)
    np.testing.assert_allclose(found.mean(1), np.arange(rows), atol=0.1)


def test_nodes_and_gradients():
    means = tf.constant([1.0])
    numbers = random_ops.parameterized_truncated_normal([2, 3], means, seed=5)
    assert numbers.op.name == "parameterized_truncated_normal/ParameterizedTruncatedNormal"
    assert [t.op.name.rpartition("/")[2] for t in numbers.op.inputs] == [
        "shape",
        "Const",
        "stddevs",
        "minvals",
        "maxvals",
    ]
    assert numbers.op.get_attr("seed2") == 5 and numbers.shape.as_list() == [2, 3]
    assert tf.gradients(numbers, means) == [None]


def test_bounds_further_from_the_mean_than_floats_tell(executor):
    numbers = random_ops.parameterized_truncated_normal([3], 0.0, 1e-30, 1e10, math.inf)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InternalError, match="none of 1000 numbers was accepted between 1e.10 and inf"),
    ):
        session.run(numbers)


@pytest.mark.parametrize(
    ("shape", "arguments", "text"),
    [
        ([4], (0.0, -1.0), "Invalid parameters: a deviation of -1, numbers between -2 and 2"),
        ([4], (0.0, 1.0, 1.0, 1.0), "Invalid parameters: a deviation of 1, numbers between 1 and 1"),
        ([4], (0.0, 1.0, -math.inf, math.inf), "Invalid parameters: a deviation of 1, numbers between -inf and inf"),
        ([2, 4], ([0.0, 1.0, 2.0],), r"Input means should have length 1 or shape\[0\], got shape: \[3\]"),
        ([2, 2], (0.0, 1.0, [-1.0, -2.0, -3.0]), r"Input minvals should have length 1 or shape\[0\], got shape: \[3\]"),
        ([], (), "Shape tensor must not be empty"),
    ],
)
def test_what_is_refused_when_it_is_run(executor, shape, arguments, text):
    numbers = random_ops.parameterized_truncated_normal(shape, *arguments)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(numbers)
        assert session.run(tf.constant(1)) == 1


def test_what_is_refused_when_it_is_built():
    with pytest.raises(ValueError, match="Shape must be at most rank 1 but is rank 2"):
        random_ops.parameterized_truncated_normal([4], [[0.0]])
    with pytest.raises(TypeError, match="float16"):
        random_ops.parameterized_truncated_normal([4], dtype=tf.float16)
