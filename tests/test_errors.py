"""The error classes and their codes."""

import pickle

import pytest

import hookloop as tf


def test_an_error_carries_op_and_message():
    op = tf.no_op()
    error = tf.errors.InvalidArgumentError(None, op, "expected 1, got 2")
    assert error.op is op
    assert error.message == str(error) == "expected 1, got 2"
    assert error.error_code == tf.errors.INVALID_ARGUMENT == 3
    assert error.node_def.op == "NoOp"
    assert isinstance(error, tf.errors.OpError)


@pytest.mark.parametrize("code", range(1, 17))
def test_codes_and_classes_match(code):
    cls = tf.errors.exception_type_from_error_code(code)
    assert tf.errors.error_code_from_exception_type(cls) == code
    assert cls(None, None, "text").error_code == code


def test_pickle_keeps_class_and_text():
    error = pickle.loads(pickle.dumps(tf.errors.OutOfRangeError(None, None, "end")))
    assert isinstance(error, tf.errors.OutOfRangeError)
    assert error.message == "end"
