"""Tensors that are checked to have a shape; sums of several; labels and predictions of one rank."""

from __future__ import annotations

import numpy as np

from ...graph.scopes import control_dependencies, name_scope
from ...ops.array import rank, reshape, shape, size, squeeze
from ...ops.build import convert_to_tensor, is_tensor
from ...ops.check import assert_scalar
from ...ops.conditional import cond
from ...ops.core import identity
from ...ops.math import equal, logical_and, logical_or
from ...ops.printing import Assert
from ...ops.reduce import reduce_all, reduce_sum
from ...ops.select import add_n
from ...shapes import TensorShape

__all__ = ["assert_scalar_int", "reduce_sum_n", "remove_squeezable_dimensions", "with_same_shape", "with_shape"]


def reduce_sum_n(tensors, name=None):
    """The sum of all elements of several tensors, a scalar.

    Raises:
      ValueError: there are no tensors.
    """
    if not tensors:
        raise ValueError("No tensors provided.")
    with name_scope(name, "reduce_sum_n", tensors) as scope:
        sums = [reduce_sum(tensor, name=f"{tensor.op.name}/sum") for tensor in tensors]
        return sums[0] if len(sums) == 1 else add_n(sums, name=scope)


def assert_scalar_int(tensor, name=None):
    """A tensor, which is an integer scalar.

    Raises:
      ValueError: it is something else.
    """
    with name_scope(name, "assert_scalar_int", [tensor]) as scope:
        tensor = convert_to_tensor(tensor)
        if not tensor.dtype.base_dtype.is_integer:
            raise ValueError(f"Expected integer type for {tensor.name}, received type: {tensor.dtype}.")
        return assert_scalar(tensor, name=scope)


def remove_squeezable_dimensions(predictions, labels, name=None):
    """Predictions and labels, of which that with one axis more has its last one squeezed, where it is of one element.

    Args:
      predictions, labels: tensors.
      name: the scope of the nodes.

    Returns:
      (predictions, labels).
    """
    with name_scope(name, "remove_squeezable_dimensions", [predictions, labels]):
        predictions, labels = convert_to_tensor(predictions), convert_to_tensor(labels)
        ranks = predictions.get_shape().ndims, labels.get_shape().ndims
        if None not in ranks:
            if ranks[0] - ranks[1] == -1:
                labels = squeeze(labels, [-1])
            elif ranks[0] - ranks[1] == 1:
                predictions = squeeze(predictions, [-1])
            return predictions, labels
        difference = rank(predictions) - rank(labels)
        return _squeezed(predictions, 1, difference), _squeezed(labels, -1, difference)


def _squeezed(tensor, wanted, difference):
    """A tensor without its last axis where the run finds that it has one more than the other."""
    if tensor.get_shape().ndims is not None and not tensor.get_shape().dims[-1].is_compatible_with(1):
        return tensor
    return cond(equal(wanted, difference), lambda: squeeze(tensor, [-1]), lambda: tensor)


def with_same_shape(expected_tensor, tensor):
    """`with_shape` of another tensor's shape."""
    with name_scope(f"{tensor.op.name}/", values=[expected_tensor, tensor]):
        known = expected_tensor.get_shape()
        wanted = known.as_list() if known.is_fully_defined() else shape(expected_tensor, name="expected_shape")
        return with_shape(wanted, tensor)


def with_shape(expected_shape, tensor):
    """A tensor that is checked to have a shape, when it is built or else when it is run.

    Args:
      expected_shape: a shape, sizes or an int32 tensor of them; -1 is any size.
      tensor: the tensor.

    Returns:
      The tensor, or one of the same value behind the check. One of a single element is made a scalar where that is asked for.

    Raises:
      ValueError: it has another shape, or that is no shape.
    """
    expected = _sizes_of(expected_shape, tensor)
    known, is_computed = tensor.get_shape(), is_tensor(expected)
    if not known.is_fully_defined() or is_computed:
        with name_scope(f"{tensor.op.name}/", values=[tensor]):
            if not is_computed and len(expected) < 1:
                return reshape(tensor, [])
            with control_dependencies([_assert_shape(expected, tensor)]):
                result = identity(tensor)
            if not is_computed:
                result.set_shape(expected)
            return result
    if not known.is_compatible_with(expected):
        if len(expected) < 1 and known.is_compatible_with([1]):
            with name_scope(f"{tensor.op.name}/", values=[tensor]):
                return reshape(tensor, [])
        raise ValueError(f"Invalid shape for tensor {tensor.name}, expected {expected}, got {known}.")
    return tensor


def _sizes_of(expected, tensor):
    """The sizes that are wanted: a tensor, an array, or a TensorShape."""
    if isinstance(expected, (list, tuple)):
        sizes = np.asarray(expected) if expected else np.asarray([], np.int32)
        expected = sizes.astype(np.int32) if sizes.dtype == np.int64 else sizes
    if isinstance(expected, np.ndarray) and expected.ndim > 1:
        raise ValueError(f"Invalid rank {expected.ndim} for shape {expected} expected of tensor {tensor.name}.")
    dtype = getattr(expected, "dtype", np.int32)
    if getattr(dtype, "base_dtype", dtype) != np.int32:
        raise ValueError(f"Invalid dtype {dtype} for shape {expected} expected of tensor {tensor.name}.")
    return expected


def _assert_shape(expected, tensor):
    with name_scope("assert_shape", values=[tensor]) as scope:
        actual = shape(tensor, name="actual")
        if isinstance(expected, TensorShape) and not expected.is_fully_defined():
            expected = [size or -1 for size in expected.as_list()]
        data = [f"Wrong shape for {tensor.name} [expected] [actual].", expected, actual]
        return Assert(_has_shape(expected, tensor, actual), data, name=scope)


def _has_shape(expected, tensor, actual):
    with name_scope("is_shape", values=[tensor]) as scope:
        count = size(expected)
        with name_scope("is_rank", values=[tensor]) as inner:
            expected_rank = convert_to_tensor(count, name="expected")
            has_rank = equal(expected_rank, rank(tensor, name="actual"), name=inner)
        with name_scope("shape_tensor_equal", values=[expected, actual]) as inner:
            fits = logical_or(equal(expected, -1), equal(expected, actual, "equal"), name="exclude_partial_shape")
            fits = reduce_all(fits, name=inner)
        return logical_and(has_rank, fits, name=scope)
