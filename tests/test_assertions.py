"""`tf.test.TestCase`: what its assertions accept and refuse."""

import unittest

import numpy as np
import pytest

import hookloop as tf


class Case(tf.test.TestCase):
    __test__ = False  # a case to call, none to run

    def runTest(self):
        pass


@pytest.fixture
def case():
    case = Case()
    case.setUp()
    yield case
    case.doCleanups()


HOLD = [
    lambda t: t.assertAllEqual(tf.constant([1, 2]), [1, 2]),
    lambda t: t.assertNotAllEqual([1], [2]),
    lambda t: t.assertAllClose({"a": [1.0]}, {"a": tf.constant([1.0])}),
    lambda t: t.assertAllClose([np.ones(2), np.zeros((2, 2))], [tf.ones([2]), tf.zeros([2, 2])]),
    lambda t: t.assertAllCloseAccordingToType(np.float16(1), np.float16(1.001)),
    lambda t: t.assertNotAllClose([1.0], [1.1]),
    lambda t: t.assertAllGreater([2, 3], 1),
    lambda t: t.assertAllGreaterEqual([2, 3], 2),
    lambda t: t.assertAllLess([2, 3], 4),
    lambda t: t.assertAllLessEqual([2, 3], 3),
    lambda t: t.assertAllInRange([1.0, 2.0], 1, 2),
    lambda t: t.assertAllInSet([1, 1], [1, 2]),
    lambda t: t.assertNear(1.0, 1.01, 0.1),
    lambda t: t.assertArrayNear([1.0], [1.01], 0.1),
    lambda t: t.assertNDArrayNear(np.ones(2), np.ones(2) + 0.01, 0.1),
    lambda t: t.assertShapeEqual(np.zeros((2, 3)), tf.zeros([2, 3])),
    lambda t: t.assertDTypeEqual(tf.zeros([2]), np.float32),
    lambda t: t.assertDeviceEqual("/cpu:0", "/device:CPU:0"),
    lambda t: t.assertProtoEquals("node { name: 'a' }", tf.GraphDef(node=[tf.NodeDef(name="a")])),
    lambda t: t.assertItemsEqual([1, 2], [2, 1]),
    lambda t: t.assertSameElements([1, 2], [2, 1, 1]),
    lambda t: t.assertContainsSubset([1], [1, 2]),
    lambda t: t.assertLen([1, 2], 2),
    lambda t: t.assertEmpty([]),
    lambda t: t.assertNotEmpty([1]),
    lambda t: t.assertBetween(2, 1, 3),
    lambda t: t.assertSequenceAlmostEqual([1.0], [1.0000000001]),
    lambda t: t.assertStartsWith("abc", "ab"),
    lambda t: t.assertEndsWith("abc", "bc"),
]

FAIL = [
    lambda t: t.assertAllEqual([1, 2], [1]),
    lambda t: t.assertNotAllEqual([1], [1]),
    lambda t: t.assertAllClose([1.0], [1.0, 1.0]),
    lambda t: t.assertAllClose({"a": 1.0}, {"a": 2.0}),
    lambda t: t.assertAllCloseAccordingToType(np.float32(1), np.float32(1.001)),
    lambda t: t.assertAllGreater([1, 3], 1),
    lambda t: t.assertAllGreaterEqual([1, 3], 2),
    lambda t: t.assertAllLess([2, 4], 4),
    lambda t: t.assertAllLessEqual([2, 4], 3),
    lambda t: t.assertAllInRange([1.0, 2.0], 1, 2, open_upper_bound=True),
    lambda t: t.assertAllInSet([1, 3], [1, 2]),
    lambda t: t.assertNDArrayNear(np.ones(2), np.zeros(2), 0.1),
    lambda t: t.assertShapeEqual(np.zeros(2), tf.zeros([3])),
    lambda t: t.assertDTypeEqual(tf.zeros([2]), tf.int32),
    lambda t: t.assertDeviceEqual("/cpu:0", "/cpu:1"),
    lambda t: t.assertContainsSubset([3], [1, 2]),
    lambda t: t.assertBetween(4, 1, 3),
    lambda t: t.assertEndsWith("abc", "ab"),
]


@pytest.mark.parametrize("check", HOLD)
def test_what_holds(case, check):
    check(case)


@pytest.mark.parametrize("check", FAIL)
def test_what_fails(case, check):
    with pytest.raises(AssertionError):
        check(case)


def test_errors_of_a_run(case):
    with case.test_session():
        bad = tf.check_numerics(tf.constant([np.nan]), "bad")
        with case.assertRaisesOpError("bad : Tensor had NaN values"):
            bad.eval()
        with case.assertRaisesWithPredicateMatch(tf.errors.InvalidArgumentError, lambda error: "NaN" in error.message):
            bad.eval()
        with pytest.raises(AssertionError), case.assertRaisesOpError("another text"):
            bad.eval()
        with pytest.raises(AssertionError, match="not raised"), case.assertRaisesOpError("bad"):
            pass


def test_the_session_is_no_test():
    result = unittest.TestResult()
    Case("test_session").run(result)
    assert [reason for _, reason in result.skipped] == ["Not a test."] and not result.errors


def test_a_thread_whose_error_is_seen(case):
    thread = case.checkedThread(target=lambda x: 1 / x, args=(0,))
    thread.start()
    with pytest.raises(AssertionError, match="division by zero"):
        thread.join()
