"""Element types: names, numbers, NumPy both ways."""

import pickle

import numpy as np
import pytest

import hookloop as tf


@pytest.mark.parametrize(
    "value, dtype",
    [
        ("float32", tf.float32), (np.float32, tf.float32), (np.dtype("int64"), tf.int64), (float, tf.float32),
        (int, tf.int32), (bool, tf.bool), (str, tf.string), (np.dtype("U5"), tf.string), (1, tf.float32),
        (101, tf.float32._ref), (np.dtype(">i4"), tf.int32), ("half", tf.float16), ("float", tf.float32), ("double", tf.float64), ("int", tf.int64), (object, tf.string),
        (tf.int8, tf.int8), ("float32_ref", tf.float32._ref),
    ],
)  # fmt: skip
def test_as_dtype_finds_the_type(value, dtype):
    assert tf.as_dtype(value) is dtype


@pytest.mark.parametrize("value", ["floaty", 12345, None, [], 1.5])
def test_as_dtype_refuses_what_is_no_type(value):
    with pytest.raises(TypeError, match="Cannot convert value .* to a TensorFlow DType"):
        tf.as_dtype(value)


def test_equality_with_names_and_numpy_types():
    assert tf.float32 == "float32"
    assert tf.float32 == np.float32
    assert tf.float32 != "nonsense"
    assert tf.float32 != tf.float64
    assert not tf.float32.__eq__(None)
    assert {tf.float32: 1}[tf.as_dtype("float32")] == 1


def test_references():
    ref = tf.float32._ref
    assert ref.base_dtype is tf.float32
    assert ref.name == "float32_ref"
    assert ref._is_ref_dtype
    assert tf.float32.is_compatible_with(ref)
    assert not ref.is_compatible_with(tf.float32)


def test_kinds():
    assert tf.float16.is_floating
    assert tf.uint8.is_integer and tf.uint8.is_unsigned
    assert tf.complex64.is_complex and tf.complex64.real_dtype is tf.float32
    assert tf.bool.is_bool and not tf.bool.is_integer
    assert not tf.resource.is_numpy_compatible


def test_limits():
    assert tf.uint8.max == 255
    assert tf.int32.min == -(2**31)
    assert tf.float32.max == np.finfo(np.float32).max
    assert tf.float32.limits == (0, 1)
    with pytest.raises(TypeError, match="Cannot find maximum value"):
        _ = tf.string.max


def test_text_and_pickle():
    assert str(tf.float32) == "<dtype: 'float32'>"
    assert repr(tf.float32) == "tf.float32"
    assert pickle.loads(pickle.dumps(tf.int64)) is tf.int64


def test_numpy_types():
    assert tf.float64.as_numpy_dtype is np.float64
    assert tf.string.as_numpy_dtype is np.object_
    assert np.zeros(2, tf.int16.as_numpy_dtype).dtype == np.int16


@pytest.mark.parametrize("value", [list, tuple, dict, None, 0, 1.5, "foo"])
def test_what_names_no_type_in_tensorflow(value):
    with pytest.raises(TypeError, match="Cannot convert value"):
        tf.as_dtype(value)


def test_references_and_limits():
    assert tf.float32._as_ref.name == "float32_ref" and tf.float32._as_ref.base_dtype is tf.float32
    assert (tf.int8.limits, tf.uint8.limits, tf.float32.limits) == ((0, 127), (0, 255), (0, 1))


def test_bools_have_no_order():
    for which in ("min", "max"):
        with pytest.raises(TypeError, match=f"Cannot find {which}imum value of"):
            getattr(tf.bool, which)
