"""What `tf.test.TestCase` can assert of arrays, tensors, messages and errors; the rest is absl's test case's."""

from __future__ import annotations

import collections.abc
import re
from contextlib import contextmanager

import numpy as np

from .. import dtypes, nest
from ..errors import OpError
from ..graph.tensor import Tensor
from ..version import GRAPH_DEF_VERSION, GRAPH_DEF_VERSION_MIN_CONSUMER

# Arrays of more elements or axes are not printed where shapes differ.
_MOST_PRINTED = 500


class Assertions:
    """The assertions; `evaluate` of the test case gives the values of tensors."""

    def _GetNdArray(self, a):
        """The value as an array: tensors, also those within lists, are evaluated."""
        if nest.is_nested(a) and any(isinstance(leaf, Tensor) for leaf in nest.flatten(a)):
            a = nest.pack_sequence_as(a, [self._GetNdArray(leaf) for leaf in nest.flatten(a)])
        if isinstance(a, Tensor) or hasattr(a, "_as_graph_element"):
            a = self.evaluate(a)
        return a if isinstance(a, np.ndarray) else np.array(a)

    # --- of values ------------------------------------------------------------------------------------

    def assertAllEqual(self, a, b, msg=None):
        """All elements are equal, NaN to NaN."""
        a, b = self._GetNdArray(a), self._GetNdArray(b)
        self._assert_same_shape(a, b, msg)
        same = a == b
        if np.issubdtype(a.dtype, np.inexact):
            same = same | ((a != a) & (b != b))
        if not np.all(same):
            different = np.logical_not(same)
            text = [msg or "", *_where("not equal", a, b, different)]
            np.testing.assert_array_equal(a, b, err_msg="\n".join(text))

    def assertNotAllEqual(self, a, b, msg=None):
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        raise AssertionError(msg or "The two values are equal at all elements")

    def assertAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):
        """Structures of arrays differ by `atol + rtol * |b|` at most.

        Raises:
          ValueError: one has a dict where the other has none, or lists of arrays differ in length.
        """
        self._assert_close(a, b, rtol, atol, msg, "")

    def _assert_close(self, a, b, rtol, atol, msg, place):
        a = a._asdict() if hasattr(a, "_asdict") else a
        b = b._asdict() if hasattr(b, "_asdict") else b
        keyed = isinstance(a, collections.abc.Mapping)
        if keyed != isinstance(b, collections.abc.Mapping):
            raise ValueError(f"Can't compare dict to non-dict, a{place} vs b{place}. {msg or ''}")
        if keyed:
            self.assertCountEqual(
                a.keys(), b.keys(),
                f"mismatched keys: a{place} has keys {a.keys()}, but b{place} has keys {b.keys()}. {msg or ''}",
            )  # fmt: skip
            for key in a:
                self._assert_close(a[key], b[key], rtol, atol, msg, f"{place}[{key}]")
            return
        text = f"Mismatched value: a{place} is different from b{place}. {msg or ''}"
        if not isinstance(a, (list, tuple)):
            self._assert_arrays_close(a, b, rtol, atol, text)
            return
        try:
            self._assert_arrays_close(a, b, rtol, atol, text)
        except (ValueError, TypeError):  # no array, but a list of arrays that differ in shape, or of structures
            if len(a) != len(b):
                raise ValueError(
                    f"Mismatched length: a{place} has {len(a)} items, but b{place} has {len(b)} items. {msg or ''}"
                ) from None
            for i, (one, other) in enumerate(zip(a, b)):
                self._assert_close(one, other, rtol, atol, msg, f"{place}[{i}]")

    def _assert_arrays_close(self, a, b, rtol, atol, msg):
        a, b = self._GetNdArray(a), self._GetNdArray(b)
        self._assert_same_shape(a, b)
        if np.allclose(a, b, rtol=rtol, atol=atol):
            return
        far = (np.abs(a - b) > atol + rtol * np.abs(b)) | (np.isnan(a) != np.isnan(b))
        text = [msg, *_where("not close", a, b, far)]
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg="\n".join(text), equal_nan=True)

    def _assert_same_shape(self, a, b, msg=None):
        contents = f" with contents {b}" if b.ndim <= 3 or b.size < _MOST_PRINTED else ""
        self.assertEqual(a.shape, b.shape, f"Shape mismatch: expected {a.shape}, got {b.shape}{contents}. {msg or ''}")

    def assertAllCloseAccordingToType(self, a, b, rtol=1e-6, atol=1e-6, float_rtol=1e-6, float_atol=1e-6, half_rtol=1e-3,
                                      half_atol=1e-3, bfloat16_rtol=1e-2, bfloat16_atol=1e-2, msg=None):  # fmt: skip
        a, b = self._GetNdArray(a), self._GetNdArray(b)
        found = {a.dtype.name, b.dtype.name}
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
        self.assertGreater(np.min(self._GetNdArray(a)), comparison_target)

    def assertAllGreaterEqual(self, a, comparison_target):
        self.assertGreaterEqual(np.min(self._GetNdArray(a)), comparison_target)

    def assertAllLess(self, a, comparison_target):
        self.assertLess(np.max(self._GetNdArray(a)), comparison_target)

    def assertAllLessEqual(self, a, comparison_target):
        self.assertLessEqual(np.max(self._GetNdArray(a)), comparison_target)

    def assertAllInRange(self, target, lower_bound, upper_bound, open_lower_bound=False, open_upper_bound=False):
        """All elements lie between the bounds; an open bound itself is outside, and so is NaN."""
        value = self._GetNdArray(target)
        if not (np.issubdtype(value.dtype, np.floating) or np.issubdtype(value.dtype, np.integer)):
            raise AssertionError(
                f"The value of {value} does not have an ordered numeric type, instead it has type: {value.dtype}"
            )
        _assert_none(np.isnan(value), value, "are NaN")
        below = value <= lower_bound if open_lower_bound else value < lower_bound
        above = value >= upper_bound if open_upper_bound else value > upper_bound
        left, right = "(" if open_lower_bound else "[", ")" if open_upper_bound else "]"
        _assert_none(below | above, value, f"are outside the range {left}{lower_bound}, {upper_bound}{right}")

    def assertAllInSet(self, target, expected_set):
        others = np.setdiff1d(self._GetNdArray(target).flatten(), list(expected_set))
        if others.size:
            raise AssertionError(f"{others.size} unique element(s) are not in the set {expected_set}: {others}")

    def assertNear(self, f1, f2, err, msg=None):
        """Two numbers are equal or at most `err` apart."""
        text = f"{f1!r} != {f2!r} +/- {err!r}" + (f" ({msg})" if msg is not None else "")
        self.assertTrue(f1 == f2 or abs(f1 - f2) <= err, text)

    def assertArrayNear(self, farray1, farray2, err, msg=None):
        self.assertEqual(len(farray1), len(farray2), msg)
        for f1, f2 in zip(farray1, farray2):
            self.assertNear(float(f1), float(f2), err, msg)

    def assertNDArrayNear(self, ndarray1, ndarray2, err, msg=None):
        """The norm of the difference is below `err`."""
        self.assertLess(np.linalg.norm(np.asarray(ndarray1) - np.asarray(ndarray2)), err, msg)

    # --- of tensors, messages and devices ---------------------------------------------------------------

    def assertShapeEqual(self, np_array, tf_tensor, msg=None):
        if not isinstance(np_array, (np.ndarray, np.generic)):
            raise TypeError("np_array must be a Numpy ndarray or Numpy scalar")
        if not isinstance(tf_tensor, Tensor):
            raise TypeError("tf_tensor must be a Tensor")
        self.assertAllEqual(list(np_array.shape), tf_tensor.get_shape().as_list(), msg)

    def assertDTypeEqual(self, target, expected_dtype):
        found = target.dtype if hasattr(target, "dtype") else self._GetNdArray(target).dtype
        self.assertEqual(dtypes.as_dtype(found).base_dtype, dtypes.as_dtype(expected_dtype).base_dtype)

    def assertDeviceEqual(self, device1, device2, msg=None):
        from ..graph.device import DeviceSpec

        one, other = (DeviceSpec.from_string(device or "").to_string() for device in (device1, device2))
        self.assertEqual(one, other, msg or f"Devices {device1} and {device2} are not equal")

    def assertProtoEquals(self, expected_message_maybe_ascii, message, msg=None):
        """A message is equal to another, which may be given as text; floats are compared as the fields hold them."""
        expected = expected_message_maybe_ascii
        if isinstance(expected, (str, bytes)):
            from google.protobuf import text_format

            expected = text_format.Parse(expected, type(message)())
        elif type(expected) is not type(message):
            raise AssertionError(f"Can't compare protos of type {type(expected)} and {type(message)}. {msg or ''}")
        if expected != message:
            self.assertMultiLineEqual(str(expected), str(message), msg)
            self.assertEqual(expected, message, msg)

    def assertProtoEqualsVersion(
        self, expected, actual, producer=GRAPH_DEF_VERSION, min_consumer=GRAPH_DEF_VERSION_MIN_CONSUMER, msg=None
    ):
        """A `GraphDef` is what a text says beside its versions."""
        versions = f"versions {{ producer: {producer} min_consumer: {min_consumer} }};"
        self.assertProtoEquals(f"{versions}\n{expected}", actual, msg)

    # --- of errors --------------------------------------------------------------------------------------

    @contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type, expected_err_re_or_predicate):
        """An error of this class of which a function is true, or in whose text, with its op's name, a pattern is found."""
        good = expected_err_re_or_predicate
        if not callable(good):
            good = lambda error: re.search(expected_err_re_or_predicate, _in_words(error))
        try:
            yield
        except Exception as error:
            if not isinstance(error, exception_type) or not good(error):
                raise AssertionError(f"Exception of type {type(error)}: {error}") from error
        else:
            self.fail(f"{getattr(exception_type, '__name__', exception_type)} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate):
        return self.assertRaisesWithPredicateMatch(OpError, expected_err_re_or_predicate)

    def assertRaisesIncompatibleShapesError(self, *_):
        return self.assertRaisesWithPredicateMatch(
            (ValueError, OpError), r"Incompatible shapes|Dimensions must be equal"
        )

    # --- names that Python has dropped, and absl's of this subject ----------------------------------------------

    def assertItemsEqual(self, expected_seq, actual_seq, msg=None):
        self.assertCountEqual(expected_seq, actual_seq, msg)

    def assertStartsWith(self, actual, expected_start, msg=None):
        if not actual.startswith(expected_start):
            self.fail(f"{actual!r} does not start with {expected_start!r}" + (f" : {msg!r}" if msg else ""))

    def assertEquals(self, first, second, msg=None):
        self.assertEqual(first, second, msg)

    def assertNotEquals(self, first, second, msg=None):
        self.assertNotEqual(first, second, msg)

    def assertAlmostEquals(self, first, second, places=None, msg=None, delta=None):
        self.assertAlmostEqual(first, second, places, msg, delta)

    def assertNotAlmostEquals(self, first, second, places=None, msg=None, delta=None):
        self.assertNotAlmostEqual(first, second, places, msg, delta)

    def assertRaisesRegexp(self, expected_exception, expected_regexp, *args, **kwargs):
        return self.assertRaisesRegex(expected_exception, expected_regexp, *args, **kwargs)

    def assertRegexpMatches(self, text, expected_regexp, msg=None):
        self.assertRegex(text, expected_regexp, msg)

    def assertNotRegexpMatches(self, text, unexpected_regexp, msg=None):
        self.assertNotRegex(text, unexpected_regexp, msg)

    def assert_(self, expr, msg=None):
        self.assertTrue(expr, msg)


def _in_words(error):
    if not isinstance(error, OpError):
        return str(error)
    return error.message + (f"\nCaused by: {error.op.name}" if error.op is not None else "")


def _where(what, a, b, different):
    """Where arrays differ, and what stands there."""
    if a.ndim:
        places = np.where(different)
        yield f"{what} where = {places}"
        a, b = a[places], b[places]
    yield f"{what} lhs = {a}"
    yield f"{what} rhs = {b}"


def _assert_none(bad, value, what):
    places = np.argwhere(bad)
    if len(places):
        lines = [f"  {list(map(int, place))} : {value[tuple(place)]}" for place in places[:10]]
        lines += ["  ..."] * (len(places) > 10)
        raise AssertionError(
            f"{len(places)} of the {value.size} element(s) {what}. Subscript(s) and value(s) of them:\n"
            + "\n".join(lines)
        )
