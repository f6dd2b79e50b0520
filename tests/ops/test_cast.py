"""Casts of numbers that hardly fit, on both executors."""

import warnings

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("to", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.skipif(on_reference(), reason="NumPy leaves open what numbers out of range become")
def test_floats_become_integers_of_every_size(to, dtype):
    """Cut towards 0, and of 64 bits the lowest that fit; one that is out of range, or no number, changes none beside it."""
    edges = [0.5, -0.5, 127.9, -128.9, 255.5, 300, -300, 65535, 70000, -70000, 2.0**31, -(2.0**31), 2.0**32 + 512]
    edges += [2.0**31 - 128, -(2.0**31) - 256, 2.0**40 + 2**17, -(2.0**40) - 2**17, 2.0**62, 2.0**63, np.inf, np.nan]
    ordinary = np.arange(-60, 60, 1.37)
    for place, edge in enumerate(edges):
        values = np.concatenate([ordinary[:place], [edge], ordinary[place:]]).astype(dtype)
        whole = [int(v) if abs(v) < 2.0**63 else -(2**63) for v in values.tolist()]
        if to == "uint64" and edge == 2.0**63:
            whole[place] = 2**63
        if to == "uint64" and edge == np.inf:
            whole[place] = 0
        if to == "int32":
            whole = [v if -(2**31) <= v < 2**31 else -(2**31) for v in whole]
        wanted = np.array([v % 2**64 for v in whole], np.uint64).astype(to)
        x = tf.placeholder(dtype, [None])
        np.testing.assert_array_equal(run(tf.cast(x, to), {x: values}), wanted, f"{edge}")


def test_texts_are_no_numbers_which_the_run_says(executor):
    for value, dtype, text in (
        (["1"], tf.float32, "Cast string to float is not supported"),
        (True, tf.string, "Cast bool to string is not supported"),
    ):
        y = tf.cast(tf.constant(value), dtype)
        assert y.dtype == dtype
        with tf.Session() as session, pytest.raises(tf.errors.UnimplementedError, match=text):
            session.run(y)
