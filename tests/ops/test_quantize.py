"""Numbers rounded to the steps of a scale: which end of the range decides it, what is cut off, NaN, errors."""

import numpy as np
import pytest

import hookloop as tf

X = np.array([-3.0, -0.9, -0.26, -0.24, 0.0, 0.13, 0.6, 1.4, 9.0], np.float32)
quantize = tf.quantization.quantize_and_dequantize


def run(tensor, feeds=None):
    with tf.Session() as session:
        return session.run(tensor, feeds)


def test_the_end_that_wants_the_larger_steps_decides(executor):
    """As TensorFlow 1.15: the other end is moved to where its last integer is."""
    given = run(quantize(X, -1.0, 2.0, num_bits=3, range_given=True))
    np.testing.assert_allclose(given, np.array([-4, -1, 0, 0, 0, 0, 1, 2, 3]) * (2 / 3), rtol=1e-6)
    unsigned = run(quantize(X, -1.0, 2.0, False, 3, True))
    np.testing.assert_allclose(unsigned, np.array([0, 0, 0, 0, 0, 0, 2, 5, 7]) * (2 / 7), rtol=1e-6)
    of_itself = run(quantize(X, 0, 0, num_bits=3, narrow_range=True))
    np.testing.assert_allclose(of_itself, [-3, 0, 0, 0, 0, 0, 0, 0, 9])


def test_halves_are_rounded_to_even_or_up(executor):
    x = np.array([-1.5, -0.5, 0.5, 1.5, 2.5, 3.0], np.float32)
    assert run(quantize(x, -4.0, 3.0, num_bits=3, range_given=True)).tolist() == [-2, 0, 0, 2, 2, 3]
    assert run(quantize(x, -4.0, 3.0, num_bits=3, range_given=True, round_mode="HALF_UP")).tolist() == [
        -1,
        0,
        1,
        2,
        3,
        3,
    ]


def test_numbers_that_are_none(executor):
    """NaN stays; it does not count for the range of the numbers."""
    x = np.array([np.nan, 1.0, np.nan, -9.0], np.float32)
    np.testing.assert_array_equal(run(quantize(x, 0, 0, num_bits=3)), [np.nan, 0, np.nan, -9])
    np.testing.assert_allclose(
        run(quantize(x, -1.0, 1.0, num_bits=3, range_given=True)), np.array([np.nan, 3, np.nan, -4]) / 3, rtol=1e-6
    )
    assert run(quantize(x[:0], 0, 0)).shape == (0,)
    assert run(quantize(np.zeros((2, 1), np.float32), 0, 0)).tolist() == [[0], [0]]


@pytest.mark.parametrize(("dtype", "rtol"), [(tf.float16, 2e-3), (tf.bfloat16, 2e-2)])
def test_short_numbers(executor, dtype, rtol):
    found = run(tf.cast(quantize(tf.cast(X, dtype), -1.0, 1.0), tf.float32))
    np.testing.assert_allclose(found, run(quantize(X, -1.0, 1.0)), rtol=rtol)


def test_gradients_pass_by_the_input_alone(executor):
    x, low = tf.constant(X), tf.constant(-1.0)
    slopes = tf.gradients(quantize(x, low, 1.0, range_given=True) * np.arange(9, dtype=np.float32), [x, low])
    assert slopes[1] is None
    assert run(slopes[0]).tolist() == list(range(9))


def test_threads_and_sizes_change_nothing():
    x = np.random.RandomState(3).standard_normal(200001)
    for dtype in (np.float32, np.float64):
        holder = tf.placeholder(dtype, [None])
        fetches = [quantize(holder, 0, 0, num_bits=5), quantize(holder, -1.0, 2.0, num_bits=5, range_given=True)]
        found = []
        for threads in (1, 3):
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                session.run(fetches, {holder: x[:10]})
                found.append(session.run(fetches, {holder: x}))
        for one, other in zip(*found):
            np.testing.assert_array_equal(one, other)
        steps = found[0][0] * (
            15 / x.astype(dtype).max() if x.max() * 16 > -x.min() * 15 else -16 / x.astype(dtype).min()
        )
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)


def test_what_is_refused(executor):
    with pytest.raises(ValueError, match="Attr 'round_mode' of 'QuantizeAndDequantizeV2' Op passed string 'X' not in:"):
        quantize(X, -1.0, 1.0, round_mode="X")
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1"):
        quantize(X, [-1.0], 1.0)
    with pytest.raises(TypeError, match="input.*int32.*not in list of allowed values"):
        quantize(np.array([1], np.int32), 0, 0)
    for bits, signed in ((0, True), (62, True), (63, False), (-1, False)):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"num_bits is out of range: {bits} with signed_input_"
        ):
            run(quantize(X, -1.0, 1.0, signed, bits))
    for bits, signed in ((1, False), (61, True), (62, False)):
        assert run(quantize(X, -1.0, 1.0, signed, bits)).shape == X.shape
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid range: input_min 1 > input_max -1"):
        run(quantize(X, 1.0, -1.0, range_given=True))
    assert run(quantize(X, 1.0, -1.0)).shape == X.shape
