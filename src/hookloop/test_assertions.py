"""What `tf.test.TestCase` can assert: of arrays and tensors, of errors, and of containers as absl's test case does."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager

import numpy as np

from . import dtypes, nest
from .errors import OpError
from .graph.tensor import Tensor


class Assertions:
    """The assertions; `evaluate` of the test case gives the values of tensors."""

    def _value(self, value):
        if nest.is_nested(value) and any(isinstance(leaf, Tensor) for leaf in nest.flatten(value)):
            value = nest.pack_sequence_as(value, [self._value(leaf) for leaf in nest.flatten(value)])
        if isinstance(value, Tensor) or hasattr(value, "_as_graph_element"):
            value = self.evaluate(value)
        return np.asarray(value)

    # --- of values ------------------------------------------------------------------------------------

    def assertAllEqual(self, a, b, msg=None):
        a, b = self._value(a), self._value(b)
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {msg or ''}")
        np.testing.assert_array_equal(a, b, err_msg=msg or "")

    def assertNotAllEqual(self, a, b, msg=None):
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        raise AssertionError(msg or "The two values are equal at all elements")

    def assertAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):
        if isinstance(a, dict) != isinstance(b, dict):
            raise ValueError(f"Can't compare dict to non-dict, {a!r} vs {b!r}. {msg or ''}")
        if isinstance(a, dict):
            self.assertEqual(sorted(a), sorted(b), msg)
            for key in a:
                self.assertAllClose(a[key], b[key], rtol, atol, msg)
            return
        if isinstance(a, (list, tuple)) and any(isinstance(part, (list, tuple, dict, np.ndarray)) for part in a):
            self.assertEqual(len(a), len(b), msg)
            for one, other in zip(a, b):
                self.assertAllClose(one, other, rtol, atol, msg)
            return
        a, b = self._value(a), self._value(b)
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}. {msg or ''}")
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=msg or "")

    def assertAllCloseAccordingToType(self, a, b, rtol=1e-6, atol=1e-6, float_rtol=1e-6, float_atol=1e-6, half_rtol=1e-3,
                                      half_atol=1e-3, bfloat16_rtol=1e-2, bfloat16_atol=1e-2, msg=None):  # fmt: skip
        found = {self._value(a).dtype.name, self._value(b).dtype.name}
        for names, r, t in (
            (("float32", "complex64"), float_rtol, float_atol),
            (("float16",), half_rtol, half_atol),
            (("bfloat16",), bfloat16_rtol, bfloat16_atol),
        ):
            if found & set(names):
                rtol, atol = max(rtol, r), max(atol, t)
        self.assertAllClose(a, b, rtol=rtol, atol=atol, msg=msg)

    def assertNotAllClose(self, a, b, **kwargs):
        try:
            self.assertAllClose(a, b, **kwargs)
        except AssertionError:
            return
        raise AssertionError("The two values are close at all elements")

    def assertAllGreater(self, a, comparison_target):
        self._assert_all(self._value(a) > comparison_target, a, f"greater than {comparison_target}")

    def assertAllGreaterEqual(self, a, comparison_target):
        self._assert_all(self._value(a) >= comparison_target, a, f"at least {comparison_target}")

    def assertAllLess(self, a, comparison_target):
        self._assert_all(self._value(a) < comparison_target, a, f"less than {comparison_target}")

    def assertAllLessEqual(self, a, comparison_target):
        self._assert_all(self._value(a) <= comparison_target, a, f"at most {comparison_target}")

    def assertAllInRange(self, target, lower_bound, upper_bound, open_lower_bound=False, open_upper_bound=False):
        value = self._value(target)
        if not np.issubdtype(value.dtype, np.number):
            raise AssertionError(
                f"The value of {target} does not have an ordered numeric type, instead it has type: {value.dtype}"
            )
        above = value > lower_bound if open_lower_bound else value >= lower_bound
        below = value < upper_bound if open_upper_bound else value <= upper_bound
        left, right = "(" if open_lower_bound else "[", ")" if open_upper_bound else "]"
        self._assert_all(above & below, target, f"in {left}{lower_bound}, {upper_bound}{right}")

    def assertAllInSet(self, target, expected_set):
        self._assert_all(np.isin(self._value(target), list(expected_set)), target, f"of {expected_set}")

    def _assert_all(self, good, values, what):
        bad = np.argwhere(np.logical_not(good))
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            raise AssertionError(
                f"{len(bad)} elements are not {what}, the first at {list(at)}: {self._value(values)[at]}"
            )

    def assertNear(self, f1, f2, err, msg=None):
        self.assertTrue(f1 == f2 or abs(f1 - f2) <= err, msg or f"{f1} is not near {f2}: more than {err} apart")

    def assertArrayNear(self, farray1, farray2, err, msg=None):
        self.assertEqual(len(farray1), len(farray2), msg)
        for f1, f2 in zip(farray1, farray2):
            self.assertNear(float(f1), float(f2), err, msg)

    def assertNDArrayNear(self, ndarray1, ndarray2, err, msg=None):
        distance = np.linalg.norm(np.asarray(ndarray1) - np.asarray(ndarray2))
        self.assertLess(distance, err, msg)

    # --- of tensors, messages and devices ---------------------------------------------------------------

    def assertShapeEqual(self, np_array, tf_tensor, msg=None):
        if not isinstance(np_array, (np.ndarray, np.generic)):
            raise TypeError("np_array must be a Numpy ndarray or Numpy scalar")
        if not isinstance(tf_tensor, Tensor):
            raise TypeError("tf_tensor must be a Tensor")
        self.assertAllEqual(list(np_array.shape), tf_tensor.get_shape().as_list(), msg)

    def assertDTypeEqual(self, target, expected_dtype):
        found = target.dtype if hasattr(target, "dtype") else self._value(target).dtype
        self.assertEqual(dtypes.as_dtype(found).base_dtype, dtypes.as_dtype(expected_dtype).base_dtype)

    def assertDeviceEqual(self, device1, device2, msg=None):
        from .graph.device import DeviceSpec

        one, other = (DeviceSpec.from_string(device or "").to_string() for device in (device1, device2))
        self.assertEqual(one, other, msg or f"Devices {device1} and {device2} are not equal")

    def assertProtoEquals(self, expected, message, msg=None):
        if isinstance(expected, (str, bytes)):
            from google.protobuf import text_format

            expected = text_format.Parse(expected, type(message)())
        self.assertEqual(expected, message, msg)

    # --- of errors --------------------------------------------------------------------------------------

    @contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type, expected_err_re_or_predicate):
        """An error of this class of which a function of it is true, or in whose text a pattern is found."""
        try:
            yield
        except exception_type as error:
            if callable(expected_err_re_or_predicate):
                good = expected_err_re_or_predicate(error)
            else:
                text = error.message if isinstance(error, OpError) else str(error)
                good = re.search(expected_err_re_or_predicate, text)
            if not good:
                raise AssertionError(f"Exception of type {type(error)}: {error}") from error
        else:
            self.fail(f"{getattr(exception_type, '__name__', exception_type)} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate):
        return self.assertRaisesWithPredicateMatch(OpError, expected_err_re_or_predicate)

    def assertRaisesIncompatibleShapesError(self, *_):
        return self.assertRaisesWithPredicateMatch(
            (ValueError, OpError), r"Incompatible shapes|Dimensions must be equal"
        )

    # --- of containers and texts, as absl has them --------------------------------------------------------

    def assertItemsEqual(self, expected_seq, actual_seq, msg=None):
        self.assertCountEqual(expected_seq, actual_seq, msg)

    def assertSameElements(self, expected_seq, actual_seq, msg=None):
        self.assertEqual(set(expected_seq), set(actual_seq), msg)

    def assertContainsSubset(self, expected_subset, actual_set, msg=None):
        self.assertEqual(set(expected_subset) - set(actual_set), set(), msg)

    def assertLen(self, container, expected_len, msg=None):
        self.assertEqual(len(container), expected_len, msg)

    def assertEmpty(self, container, msg=None):
        self.assertEqual(len(container), 0, msg)

    def assertNotEmpty(self, container, msg=None):
        self.assertNotEqual(len(container), 0, msg)

    def assertBetween(self, value, minv, maxv, msg=None):
        self.assertTrue(minv <= value <= maxv, msg or f"{value} unexpectedly not between {minv} and {maxv}")

    def assertSequenceAlmostEqual(self, expected_seq, actual_seq, places=None, msg=None, delta=None):
        self.assertEqual(len(expected_seq), len(actual_seq), msg)
        for one, other in zip(expected_seq, actual_seq):
            self.assertAlmostEqual(one, other, places, msg, delta)

    def assertStartsWith(self, actual, expected_start, msg=None):
        self.assertTrue(actual.startswith(expected_start), msg or f"{actual!r} does not start with {expected_start!r}")

    def assertEndsWith(self, actual, expected_end, msg=None):
        self.assertTrue(actual.endswith(expected_end), msg or f"{actual!r} does not end with {expected_end!r}")

    # --- threads ------------------------------------------------------------------------------------------

    def checkedThread(self, target, args=None, kwargs=None):
        """A thread whose `join` raises what its function raised."""
        return _CheckedThread(target, args or (), kwargs or {})


class _CheckedThread:
    def __init__(self, target, args, kwargs):
        self._target, self._args, self._kwargs = target, args, kwargs
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self._target(*self._args, **self._kwargs)
        except Exception as error:  # raised again where the thread is joined
            self._error = error

    def start(self):
        self._thread.start()

    def join(self):
        self._thread.join()
        if self._error is not None:
            raise AssertionError(f"Error in checkedThread: {self._error}") from self._error

    def is_alive(self):
        return self._thread.is_alive()
