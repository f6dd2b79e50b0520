"""`tf.TensorArray`: rows that are written and read one by one, in loops above all.

An array has a handle and a flow: an op that must see a write takes the flow that the write gave.
"""

from __future__ import annotations

import weakref
from contextlib import nullcontext

from .. import dtypes
from ..graph.describe import message_name
from ..graph.scopes import colocate_with, control_dependencies, name_scope
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN, TensorShape, as_shape, to_internal
from . import _host_rows
from .array import expand_dims, reshape, shape, size
from .build import apply_op, convert_to_tensor
from .cast import cast
from .core import identity
from .indexed_slices import IndexedSlices
from .ranges import range as tf_range
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar
from .tensor_util import constant_value

__all__ = ["TensorArray"]


_HANDED_ON = frozenset(("Enter", "Identity", "Switch", "TensorArrayGradV3"))


def _told_by_handle(c):
    """(whether the array's handle tells the shape of elements, that shape): as in TensorFlow, it does where all have one, or one that is known."""
    op = c.op.inputs[0].op
    while op.type in _HANDED_ON:
        op = op.inputs[0].op
    if op.type != "TensorArrayV3":
        return False, None
    element = as_shape(op._attrs["element_shape"])
    return op._attrs["identical_element_shapes"] or element.is_fully_defined(), element


def _element_read(c):
    told, element = _told_by_handle(c)
    return to_internal(element) if told else None


def _gathered(c):
    told, element = _told_by_handle(c)
    element = to_internal(element if told else as_shape(c.attr("element_shape")))
    return (*c.shape(1), *element) if element is not None and c.known(1) else None


def _joined(c):
    return [None, (UNKNOWN,)]


# --- gradients ----------------------------------------------------------------------------------------------------


def _source_of(tensor):
    """The name of the gradients that a tensor belongs to: arrays of other gradients are others."""
    tokens = tensor.name.split("/")
    last = max((i for i, token in enumerate(tokens) if token.startswith("gradients")), default=0)
    return "/".join(tokens[: last + 1])


def _gradient_array(op, dtype, flow, grad):
    array = TensorArray(dtype, handle=op.inputs[0], flow=flow, infer_shape=False)
    return array.grad(_source_of(grad), flow)


# Handles of arrays of which a loop reads the rows of a tensor; gradients in the loop are slices of the tensor, of its row.
ROWS_APART = weakref.WeakSet()


def _is_taken_where_it_is_read(op):
    """Whether the gradient of a read of such an array is taken in the loop itself, or in a region within it."""
    handle = op.inputs[0]
    while handle.op.type == "Enter":
        handle = handle.op.inputs[0]
    if handle not in ROWS_APART:
        return False
    context = get_default_graph()._get_control_flow_context()
    while context is not None and context is not op._control_flow_context:
        context = context.outer_context
    return context is not None


def _read_gradient(op, grad):
    if _is_taken_where_it_is_read(op):
        return [None, None, IndexedSlices(expand_dims(grad, 0), reshape(op.inputs[1], [1]))]
    array = _gradient_array(op, op.get_attr("dtype"), op.inputs[2], grad)
    return [None, None, array.write(op.inputs[1], grad).flow]


def _gather_gradient(op, grad):
    array = _gradient_array(op, op.get_attr("dtype"), op.inputs[2], grad)
    return [None, None, array.scatter(op.inputs[1], grad).flow]


def _write_gradient(op, flow):
    array = _gradient_array(op, op.get_attr("T"), flow, flow)
    value = array.read(op.inputs[1])
    value.set_shape(op.inputs[2].get_shape())
    return [None, None, value, flow]


def _scatter_gradient(op, flow):
    if isinstance(flow, IndexedSlices):
        return [None, None, IndexedSlices(flow.values, flow.indices, shape(op.inputs[2])), None]
    array = _gradient_array(op, op.get_attr("T"), flow, flow)
    value = array.gather(op.inputs[1])
    value.set_shape(op.inputs[2].get_shape())
    return [None, None, value, flow]


def _concat_gradient(op, grad, of_lengths):
    array = _gradient_array(op, op.get_attr("dtype"), op.inputs[1], grad)
    return [None, apply_op("TensorArraySplitV3", [array.handle, grad, op.outputs[1], array.flow])]


def _split_gradient(op, flow):
    array = _gradient_array(op, op.get_attr("T"), flow, flow)
    value = array.concat()
    value.set_shape(op.inputs[1].get_shape())
    return [None, value, None, flow]


_OF_ONE_LENGTH = "the parts that a TensorArray is split into must be of one length (consider setting infer_shape=False)"
_ATTRS = {
    "dtype": None, "element_shape": TensorShape(None), "dynamic_size": False, "clear_after_read": True,
    "identical_element_shapes": False, "tensor_array_name": "",
}  # fmt: skip

register(
    OpDef("TensorArrayV3", "size: int32", "handle: resource, flow: float32", attrs=_ATTRS, shape=lambda c: [(2,), ()],
          stateful=True, reference=_host_rows.make, gradient=no_gradient),
    OpDef("TensorArrayGradV3", "handle: resource, flow_in: float32", "grad_handle: resource, flow_out: float32",
          attrs={"source": ""}, shape=lambda c: [(2,), ()], stateful=True, reference=_host_rows.make_gradient, gradient=no_gradient),
    OpDef("TensorArrayWriteV3", "handle: resource, index: int32, value: T, flow_in: float32", "flow_out: float32", ranks={"index": 0},
          shape=scalar, stateful=True, reference=_host_rows.write, gradient=_write_gradient),
    OpDef("TensorArrayReadV3", "handle: resource, index: int32, flow_in: float32", "value: dtype", ranks={"index": 0}, attrs={"dtype": None},
          shape=_element_read, stateful=True, reference=_host_rows.read, gradient=_read_gradient),
    OpDef("TensorArrayGatherV3", "handle: resource, indices: int32, flow_in: float32", "value: dtype",
          attrs={"dtype": None, "element_shape": TensorShape(None)}, shape=_gathered, stateful=True, reference=_host_rows.gather,
          gradient=_gather_gradient),
    OpDef("TensorArrayScatterV3", "handle: resource, indices: int32, value: T, flow_in: float32", "flow_out: float32",
          shape=scalar, stateful=True, reference=_host_rows.scatter, gradient=_scatter_gradient),
    OpDef("TensorArrayConcatV3", "handle: resource, flow_in: float32", "value: dtype, lengths: int64",
          attrs={"dtype": None, "element_shape_except0": TensorShape(None)}, shape=_joined, stateful=True, reference=_host_rows.concat,
          gradient=_concat_gradient),
    OpDef("TensorArraySplitV3", "handle: resource, value: T, lengths: int64, flow_in: float32", "flow_out: float32",
          shape=scalar, stateful=True, reference=_host_rows.split, gradient=_split_gradient),
    OpDef("TensorArraySizeV3", "handle: resource, flow_in: float32", "size: int32", shape=scalar, stateful=True, reference=_host_rows.size,
          gradient=no_gradient),
    OpDef("TensorArrayCloseV3", "handle: resource", "", shape=nothing, stateful=True, reference=_host_rows.close, gradient=no_gradient),
)  # fmt: skip


# --- the class ----------------------------------------------------------------------------------------------------


class TensorArray:
    """An array of tensors of one shape, written and read by index.

    Args:
      dtype: the type of its elements.
      size: how many there are, an integer or a scalar tensor.
      dynamic_size: whether a write behind its end makes it larger; what is not written is zero.
      clear_after_read: accepted; elements can be read again.
      tensor_array_name: the node's `tensor_array_name`.
      handle: an existing array's handle, in place of `size`.
      flow: the flow to start from, with `handle`.
      infer_shape: whether elements take the static shape of the first one written.
      element_shape: their static shape, as far as it is known.
      colocate_with_first_write_call: whether its nodes carry the device of the first value that is written, and lie beside it.
      name: the node's name.

    Raises:
      ValueError: without a size, or with a size and a handle.
    """

    def __init__(self, dtype, size=None, dynamic_size=None, clear_after_read=None, tensor_array_name=None, handle=None,
                 flow=None, infer_shape=True, element_shape=None, colocate_with_first_write_call=True, name=None):  # fmt: skip
        if handle is not None and size is not None:
            raise ValueError("Cannot provide both a handle and size at the same time")
        if handle is None and size is None:
            raise ValueError("Size must be provided if handle is not provided")
        if handle is not None and tensor_array_name is not None:
            raise ValueError("Cannot construct with both handle and tensor_array_name")
        if handle is not None and not isinstance(handle, Tensor):
            raise TypeError("Handle must be a Tensor")
        self._dynamic_size = bool(dynamic_size)
        self._dtype = dtypes.as_dtype(dtype).base_dtype
        self._infer_shape = infer_shape
        self._element_shape = [as_shape(element_shape)]  # shared by the arrays of all flows
        self._lengths = None  # of elements that are parts of different lengths: their rows are as long as the longest
        self._first_written = [] if colocate_with_first_write_call else None  # shared by the arrays of all flows
        if handle is not None:
            self._handle, self._flow = handle, flow
            with name_scope(name, "TensorArray", [handle, flow]):  # TensorFlow takes a name for each flow
                return
        alone = get_default_graph().alone_on("") if colocate_with_first_write_call else nullcontext()
        with name_scope(name, "TensorArray", [size]) as scope, alone:
            attrs = {
                "dtype": self._dtype, "element_shape": as_shape(element_shape), "dynamic_size": self._dynamic_size,
                "clear_after_read": clear_after_read is not False, "identical_element_shapes": infer_shape,
                "tensor_array_name": tensor_array_name or "",
            }  # fmt: skip
            self._handle, self._flow = apply_op("TensorArrayV3", [size], attrs, scope)

    flow = property(lambda self: self._flow, doc="The tensor that orders reads and writes.")
    handle = property(lambda self: self._handle, doc="The tensor that stands for the array.")
    dtype = property(lambda self: self._dtype, doc="The type of the elements.")
    dynamic_size = property(lambda self: self._dynamic_size, doc="Whether a write behind the end makes it longer.")
    element_shape = property(lambda self: self._element_shape[0], doc="The elements' static shape.")

    def with_flow(self, flow):
        """The same array, seen after what `flow` stands for."""
        array = TensorArray(
            self._dtype, None, self._dynamic_size, handle=self._handle, flow=flow, infer_shape=self._infer_shape
        )
        array._element_shape = self._element_shape
        array._lengths = self._lengths
        array._first_written = self._first_written
        return array

    def _beside_first(self, value):
        """A context whose nodes lie beside the first value that was written, which is this one where there was none."""
        if self._first_written is None:
            return nullcontext()
        if not self._first_written:
            self._first_written.append(value)
        return colocate_with(self._first_written[0])

    def _merge_shape(self, shape):
        if not shape.is_compatible_with(self.element_shape):
            raise ValueError(f"Inconsistent shapes: saw {shape} but expected {self.element_shape} ")
        if self._infer_shape:
            self._element_shape[0] = self.element_shape.merge_with(shape)

    def identity(self):
        """The array, as it is now."""
        return self.with_flow(identity(self._flow))

    def grad(self, source, flow=None, name=None):
        """The array of gradients of this one."""
        flow = self._flow if flow is None else flow
        with name_scope(name, "TensorArrayGrad", [self._handle]), colocate_with(self._handle):
            handle, _ = apply_op("TensorArrayGradV3", [self._handle, flow], {"source": source}, name)
            with control_dependencies([handle]):
                flow = identity(flow, name="gradient_flow")
            array = TensorArray(
                self._dtype,
                handle=handle,
                flow=flow,
                infer_shape=self._infer_shape,
                colocate_with_first_write_call=False,
            )
        array._element_shape = [self.element_shape]
        return array

    def read(self, index, name=None):
        """The element at `index`."""
        value = apply_op("TensorArrayReadV3", [self._handle, index, self._flow], {"dtype": self._dtype}, name)
        if self._lengths is not None:
            value = value[: self._lengths[index]]
        value.set_shape(self.element_shape)
        return value

    def write(self, index, value, name=None):
        """The array after `value` was written at `index`."""
        with name_scope(name, "TensorArrayWrite", [self._handle, index, value]):
            value = convert_to_tensor(value, preferred_dtype=self._dtype, name="value")
            self._check_type(value)
            self._merge_shape(value.get_shape())
            with self._beside_first(value):
                return self.with_flow(apply_op("TensorArrayWriteV3", [self._handle, index, value, self._flow]))

    def _check_type(self, value):
        if value.dtype.base_dtype is not self._dtype:
            own, given = message_name(self._dtype), message_name(value.dtype.base_dtype)
            raise TypeError(f"TensorArray dtype is {own} but Op is trying to write dtype {given}: {value}")

    def gather(self, indices, name=None):
        """The elements at `indices`, one above the other."""
        if self._lengths is not None:
            return self._gather_parts(indices, name)
        return self._gather_rows(indices, name)

    def _gather_rows(self, indices, name=None):
        attrs = {"dtype": self._dtype, "element_shape": self.element_shape}
        value = apply_op("TensorArrayGatherV3", [self._handle, indices, self._flow], attrs, name)
        if self.element_shape.ndims is not None:
            value.set_shape([None, *self.element_shape.as_list()])
        return value

    def scatter(self, indices, value, name=None):
        """The array after the rows of `value` were written at `indices`."""
        with name_scope(name, "TensorArrayScatter", [self._handle, value, indices]):
            value = convert_to_tensor(value, preferred_dtype=self._dtype, name="value")
            self._check_type(value)
            self._merge_shape(value.get_shape()[1:])
            with self._beside_first(value):
                return self.with_flow(apply_op("TensorArrayScatterV3", [self._handle, indices, value, self._flow]))

    def stack(self, name=None):
        """All elements, one above the other."""
        with colocate_with(self._handle), name_scope(name, "TensorArrayStack", [self._handle]):
            return self.gather(tf_range(0, self.size()))

    def unstack(self, value, name=None):
        """The array after each row of `value` was written at its index."""
        with name_scope(name, "TensorArrayUnstack", [self._handle, value]):
            return self.scatter(tf_range(0, shape(value)[0]), value)

    def _gather_parts(self, indices, name):
        from .check import assert_equal
        from .gather import gather

        with name_scope(name, "TensorArrayGather", [self._handle, indices]):
            lengths = gather(self._lengths, indices)
            same = assert_equal(lengths, lengths[:1], message="TensorArray has inconsistent shapes")
            with control_dependencies([same]):
                return self._gather_rows(indices)[:, : lengths[0]]

    def concat(self, name=None):
        """All elements, joined along their first axis."""
        from .gather import boolean_mask, sequence_mask

        if self._lengths is not None:
            with name_scope(name, "TensorArrayConcat", [self._handle]):
                rows = self._gather_rows(tf_range(0, self.size()))
                return boolean_mask(rows, sequence_mask(self._lengths, shape(rows)[1]))
        element = self.element_shape
        attrs = {"dtype": self._dtype, "element_shape_except0": element[1:]}
        value, _ = apply_op("TensorArrayConcatV3", [self._handle, self._flow], attrs, name)
        if element.ndims is not None:
            value.set_shape([None, *element.as_list()[1:]])
        return value

    def split(self, value, lengths, name=None):
        """The array after the parts of `value` were written one after the other.

        Args:
          value: a tensor.
          lengths: how long each part is along the first axis; of one length where the array infers its elements' shape.
          name: the nodes' scope.

        Raises:
          ValueError: where lengths that are known differ, and the array infers one shape of its elements.
          InvalidArgumentError: when it runs, where they differ, or the parts do not make up the value.
        """
        with name_scope(name, "TensorArraySplit", [self._handle, value, lengths]):
            value = convert_to_tensor(value, preferred_dtype=self._dtype)
            lengths = convert_to_tensor(lengths)
            if lengths.shape.ndims not in (None, 1):
                raise ValueError(
                    f"Shape must be rank 1 but is rank {lengths.shape.ndims} for the lengths of {lengths.op.name!r}"
                )
            known = constant_value(lengths)
            if self._infer_shape and known is not None and len(set(known.tolist())) > 1:
                raise ValueError(f"{_OF_ONE_LENGTH}, got {known.tolist()}")
            if self._infer_shape or (known is not None and len(set(known.tolist())) <= 1):
                return self._split_evenly(value, lengths)
            return self._split_unevenly(value, cast(lengths, dtypes.int32))

    def _split_evenly(self, value, lengths):
        from .check import assert_equal
        from .slicing import concat

        same = assert_equal(lengths, lengths[:1], message=_OF_ONE_LENGTH)
        with control_dependencies([same]):
            form = concat([[size(lengths)], lengths[:1], cast(shape(value)[1:], lengths.dtype)], 0)
        return self.unstack(reshape(value, form))

    def _split_unevenly(self, value, lengths):
        """Each part is a row as long as the longest: what is read of it is as long as the part."""
        from .check import Assert
        from .gather import gather_nd
        from .math import equal, minimum
        from .reduce import cumsum, reduce_max, reduce_sum

        total, length = reduce_sum(lengths), shape(value)[0]
        text = "Expected sum of lengths to be equal to values.shape[0], but sum of lengths is"
        checks = [Assert(equal(total, length), [text, total, "and the value has the shape", shape(value)])]
        if not self._dynamic_size:
            text = "the TensorArray has another size than lengths"
            checks.append(Assert(equal(self.size(), size(lengths)), [text, self.size(), "vs.", size(lengths)]))
        with control_dependencies(checks):
            starts = identity(cumsum(lengths, exclusive=True))
        places = minimum(expand_dims(starts, 1) + tf_range(reduce_max(lengths)), length - 1)
        rows = gather_nd(value, expand_dims(places, -1))
        if value.get_shape().ndims is not None:
            rows.set_shape([None, None, *value.get_shape().as_list()[1:]])
            self._merge_shape(as_shape([None, *value.get_shape().as_list()[1:]]))
        flow = apply_op("TensorArrayScatterV3", [self._handle, tf_range(0, size(lengths)), rows, self._flow])
        array = self.with_flow(flow)
        array._lengths = lengths
        return array

    def size(self, name=None):
        """How many elements there are."""
        return apply_op("TensorArraySizeV3", [self._handle, self._flow], name=name)

    def close(self, name=None):
        """An operation that gives the array back; nothing is left to do."""
        return apply_op("TensorArrayCloseV3", [self._handle], name=name)
