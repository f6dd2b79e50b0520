"""Casts of numbers that hardly fit, on both executors."""

import warnings

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_upper_half_of_uint64(executor, dtype):
    x = tf.placeholder(dtype, [6])
    values = np.array([2.0**63, 1.5 * 2.0**63, 2.0**62, 3.7, 2.0**64, np.inf], dtype)
    assert run(tf.cast(x, tf.uint64), {x: values}).tolist() == [2**63, 3 * 2**62, 2**62, 3, 0, 0]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_saturating_to_a_wider_range_warns_of_nothing(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tf.saturate_cast(tf.placeholder(dtype, [2]), tf.int32).dtype == tf.int32
