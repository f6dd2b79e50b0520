"""Accumulators of gradients between the threads of a session: `tf.ConditionalAccumulator` and its relative for rows."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes
from ..shapes import TensorShape
from .build import apply_op, convert_to_tensor
from .cast import cast
from .indexed_slices import IndexedSlices
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar, unknown

__all__ = ["ConditionalAccumulator", "ConditionalAccumulatorBase", "SparseConditionalAccumulator"]

_TYPES = frozenset((dtypes.float16, dtypes.float32, dtypes.float64))
_REDUCTIONS = ("MEAN", "SUM")


def _run_accumulator(call):
    """The accumulator of this session; it is made when it is first used."""
    from ._accumulator_states import STATES

    key = ("accumulator", call.attr("shared_name") or call.op_name)
    found = call.resource_state.get(key)
    return found or call.resource_state.setdefault(key, STATES[call.op.type](call.op))


def _state(handle):
    """The accumulator of a handle: one of the older kind is text, which comes as an array."""
    return handle[()] if isinstance(handle, np.ndarray) else handle


def _run_take(call, handle, required):
    return _state(handle).take(call, required)


def _run_count(call, handle):
    return _state(handle).count()


def _run_apply(call, accumulator, local_step, gradient):
    accumulator.apply(local_step, gradient)
    return ()


def _run_apply_rows(call, handle, local_step, indices, values, shape):
    _state(handle).apply(local_step, (indices, values, shape if call.attr("has_known_shape") else None))
    return ()


def _run_set_step(call, handle, step):
    _state(handle).set_step(step)
    return ()


def _accumulator(kind, handle):
    return OpDef(kind, "", f"handle: {handle}",
                 attrs={"dtype": None, "shape": TensorShape(None), "container": b"", "shared_name": b"", "reduction_type": b"MEAN"},
                 types={"dtype": _TYPES}, shape=scalar, host=_run_accumulator, stateful=True,
                 gradient=no_gradient)  # fmt: skip


def _use(kind, handle, inputs, outputs, host, shape, **attrs):
    inputs = f"handle: {handle}" + (f", {inputs}" if inputs else "")
    return OpDef(kind, inputs, outputs, attrs=attrs, types={"dtype": _TYPES} if "dtype" in f"{inputs} {outputs}" else {},
                 shape=shape, host=host, stateful=True, gradient=no_gradient)  # fmt: skip


register(
    _accumulator("ResourceConditionalAccumulator", "resource"), _accumulator("SparseConditionalAccumulator", "Ref(string)"),
    _use("ResourceAccumulatorApplyGradient", "resource", "local_step: int64, gradient: dtype", "", _run_apply, nothing),
    _use("ResourceAccumulatorTakeGradient", "resource", "num_required: int32", "average: dtype", _run_take, unknown, dtype=None),
    _use("ResourceAccumulatorNumAccumulated", "resource", "", "num_accumulated: int32", _run_count, scalar),
    _use("ResourceAccumulatorSetGlobalStep", "resource", "new_global_step: int64", "", _run_set_step, nothing),
    _use("SparseAccumulatorApplyGradient", "Ref(string)",
         "local_step: int64, gradient_indices: int64, gradient_values: dtype, gradient_shape: int64", "", _run_apply_rows,
         nothing, has_known_shape=None),
    _use("SparseAccumulatorTakeGradient", "Ref(string)", "num_required: int32",
         "indices: int64, values: dtype, shape: int64", _run_take, unknown, dtype=None),
    _use("AccumulatorNumAccumulated", "Ref(string)", "", "num_accumulated: int32", _run_count, scalar),
    _use("AccumulatorSetGlobalStep", "Ref(string)", "new_global_step: int64", "", _run_set_step, nothing),
)  # fmt: skip


SparseAccumulatorTakeGradient = namedtuple("SparseAccumulatorTakeGradient", ["indices", "values", "shape"])


def _step(value):
    return cast(convert_to_tensor(value), dtypes.int64)


class ConditionalAccumulatorBase:
    """What both accumulators share: gradients of the step that they are at are added up, those of earlier ones left out.

    Args:
      dtype: the gradients' type.
      shape: their shape; None where it is open.
      accumulator_ref: the tensor that stands for the accumulator.
    """

    _prefix = "Resource"  # of its ops

    def __init__(self, dtype, shape, accumulator_ref):
        self._dtype = dtype
        self._shape = TensorShape(shape)
        self._accumulator_ref = accumulator_ref
        self._name = accumulator_ref.op.name.split("/")[-1]

    @property
    def accumulator_ref(self):
        """The tensor that stands for the accumulator."""
        return self._accumulator_ref

    @property
    def name(self):
        """The name of the accumulator's node, without its scope."""
        return self._name

    @property
    def dtype(self):
        """The type of the gradients."""
        return self._dtype

    def num_accumulated(self, name=None):
        """How many gradients there are, an int32 scalar."""
        return apply_op(
            f"{self._prefix}AccumulatorNumAccumulated",
            [self._accumulator_ref],
            name=name or f"{self._name}_NumAccumulated",
        )

    def set_global_step(self, new_global_step, name=None):
        """The operation that sets the step: gradients of earlier ones are left out from then on."""
        inputs = [self._accumulator_ref, _step(new_global_step)]
        return apply_op(f"{self._prefix}AccumulatorSetGlobalStep", inputs, name=name)


def _made(kind, dtype, shape, shared_name, name, reduction_type):
    if reduction_type not in _REDUCTIONS:
        raise ValueError(
            f"Attr 'reduction_type' of '{kind}' Op passed string '{reduction_type}' not in: \"MEAN\", \"SUM\"."
        )
    attrs = {
        "dtype": dtypes.as_dtype(dtype), "shape": TensorShape(shape), "shared_name": shared_name or "",
        "reduction_type": reduction_type,
    }  # fmt: skip
    return apply_op(kind, [], attrs, name)


class ConditionalAccumulator(ConditionalAccumulatorBase):
    """Adds up gradients; whoever takes their mean waits until there are enough of them.

    Args:
      dtype: the gradients' type: float16, float32 or float64.
      shape: their shape; None where it is open.
      shared_name: the name of the accumulator in the session; by default the node's.
      name: the node's name.
      reduction_type: "MEAN" or "SUM": what is made of the gradients.

    Raises:
      ValueError: for another reduction.
      TypeError: for another type.
    """

    def __init__(self, dtype, shape=None, shared_name=None, name="conditional_accumulator", reduction_type="MEAN"):
        handle = _made("ResourceConditionalAccumulator", dtype, shape, shared_name, name, reduction_type)
        super().__init__(dtypes.as_dtype(dtype), shape, handle)

    def apply_grad(self, grad, local_step=0, name=None):
        """The operation that adds a gradient, unless it is of an earlier step than the accumulator's.

        Args:
          grad: the gradient.
          local_step: the step that it is of.
          name: the operation's name.

        Raises:
          ValueError: for a gradient of another shape.
        """
        grad = convert_to_tensor(grad, self._dtype)
        grad.get_shape().assert_is_compatible_with(self._shape)
        return apply_op("ResourceAccumulatorApplyGradient", [self._accumulator_ref, _step(local_step), grad], name=name)

    def take_grad(self, num_required, name=None):
        """The mean or sum of the gradients; running it waits until there are `num_required`.

        The accumulator is empty after it, and at the next step. Running it raises `InvalidArgumentError` where
        `num_required` is not positive, and `CancelledError` where the session is closed.
        """
        inputs, attrs = [self._accumulator_ref, num_required], {"dtype": self._dtype}
        average = apply_op("ResourceAccumulatorTakeGradient", inputs, attrs, name)
        average.set_shape(self._shape)
        return average


class SparseConditionalAccumulator(ConditionalAccumulatorBase):
    """A `ConditionalAccumulator` of gradients of some rows: `IndexedSlices`, or indices, values and shape."""

    _prefix = ""

    def __init__(
        self, dtype, shape=None, shared_name=None, name="sparse_conditional_accumulator", reduction_type="MEAN"
    ):
        handle = _made("SparseConditionalAccumulator", dtype, shape, shared_name, name, reduction_type)
        super().__init__(dtypes.as_dtype(dtype), shape, handle)

    def apply_indexed_slices_grad(self, grad, local_step=0, name=None):
        """As `apply_grad`, for `IndexedSlices`."""
        return self.apply_grad(grad.indices, grad.values, grad.dense_shape, local_step, name)

    def apply_grad(self, grad_indices, grad_values, grad_shape=None, local_step=0, name=None):
        """The operation that adds a gradient, unless it is of an earlier step than the accumulator's.

        Args:
          grad_indices: which rows it has, a vector.
          grad_values: those rows.
          grad_shape: the shape of the whole; None where it is open.
          local_step: the step that it is of.
          name: the operation's name.

        Returns:
          The operation. Running it raises `InvalidArgumentError` where they do not fit each other or the accumulator.
        """
        step = _step(local_step)
        indices = cast(grad_indices, dtypes.int64)
        shape = cast(np.zeros([0], np.float32) if grad_shape is None else grad_shape, dtypes.int64)
        inputs = [self._accumulator_ref, step, indices, grad_values, shape]
        return apply_op("SparseAccumulatorApplyGradient", inputs, {"has_known_shape": grad_shape is not None}, name)

    def take_grad(self, num_required, name=None):
        """The mean or sum of the gradients: (indices, values, shape); see `ConditionalAccumulator.take_grad`."""
        inputs, attrs = [self._accumulator_ref, num_required], {"dtype": self._dtype}
        return SparseAccumulatorTakeGradient(*apply_op("SparseAccumulatorTakeGradient", inputs, attrs, name))

    def take_indexed_slices_grad(self, num_required, name=None):
        """As `take_grad`, as `IndexedSlices`."""
        taken = self.take_grad(num_required, name)
        return IndexedSlices(indices=taken.indices, values=taken.values, dense_shape=taken.shape)
