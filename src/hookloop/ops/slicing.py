"""Parts of tensors and tensors of parts: slices, split and concat, stack and unstack."""

from __future__ import annotations

import builtins
from functools import partial

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN, TensorShape, to_internal
from . import kinds
from .build import apply_op, constant_of, convert_to_tensor, has_own_conversion, type_in_lists
from .computed_axes import axis_of, extent
from .concat_gradient import concat_gradient
from .core import identity
from .gather import boolean_mask
from .padding import borders_of_part
from .registry import OpDef, no_gradient, register
from .shape_functions import ONLY_FORWARDS, check_forwards, check_sizes, joined, one_of, picked

__all__ = ["concat", "newaxis", "parallel_stack", "slice", "split", "stack", "strided_slice", "unstack"]

newaxis = None

# --- slices with a start and a size -----------------------------------------------------------------------


def _sliced(c):
    axes = [c.shape(i)[0] for i in (1, 2) if not c.known(0) and c.known(i) and isinstance(c.shape(i)[0], int)]
    c.fallback(0 if c.known(0) else (UNKNOWN,) * axes[0] if axes else None)
    size = c.sizes(2)
    told = tuple([UNKNOWN if isinstance(d, int) and d < 0 else d for d in size])
    if not c.known(0) or len(c.shape(0)) == len(size):
        c.fallback(told)  # wherever the part begins
    begin = c.sizes(1)
    if not c.known(0):
        return told
    shape = c.shape(0)
    check_sizes(c, size)
    if len(begin) != len(shape) or len(size) != len(shape):
        c.fail(
            f"Expected begin and size arguments to be 1-D tensors of size {len(shape)}, but got {len(begin)} and {len(size)}"
        )
    found = []
    for i, (d, b, n) in enumerate(zip(shape, begin, size)):
        if all(isinstance(v, int) for v in (d, b, n)) and not (0 <= b <= d and -1 <= n <= d - b):
            if 0 <= b <= d:
                c.fail_in_run(f"Expected size[{i}] in [0, {d - b}], but got {n}")
            c.fail_in_run(f"Expected begin[{i}] in [0, {d}], but got {b}")
            found.append(UNKNOWN if n < 0 else n)
            continue
        left = d - c.within(b, d)
        found.append(c.within(c.or_else(n, left), left))
    return tuple(found)


def _slice_lower(c, node):
    x, out = node.inputs[0], node.outputs[0]
    strides = c.strides(x)
    offset = 0
    for begin, stride in zip(c.sizes(1), strides):
        offset = offset + begin * stride
    c.view(out, x, strides, offset)


def _slice_reference(node, x, begin, size):
    for i, (d, b, n) in enumerate(zip(np.shape(x), begin, size)):
        if not 0 <= b <= d:
            raise ValueError(f"Expected begin[{i}] in [0, {d}], but got {b}")
        if not -1 <= n <= d - b:
            raise ValueError(f"Expected size[{i}] in [0, {d - b}], but got {n}")
    return x[tuple(builtins.slice(int(b), np.shape(x)[i] if n == -1 else int(b) + int(n)) for i, (b, n) in
                   enumerate(zip(begin, size)))]  # fmt: skip


def _slice_gradient(op, grad):
    from .array import rank, reshape, shape
    from .padding import pad

    x, begin = op.inputs[0], op.inputs[1]
    axes = rank(x)
    taken = shape(op.outputs[0])
    column = stack([axes, 1])
    before = reshape(begin, column)
    after = reshape(shape(x) - taken - begin, column)
    return [pad(grad, concat([before, after], 1)), None, None]


register(
    OpDef("Slice", "input: T, begin: Index, size: Index", "output: T", ranks={"begin": 1, "size": 1}, types={"Index": kinds.INDEX}, shape=_sliced,
          symbolic=True, lower=_slice_lower, reference=_slice_reference, gradient=_slice_gradient),
)  # fmt: skip


def slice(input_, begin, size, name=None):
    """The part of a tensor that begins at `begin` and has the shape `size`; -1 is all that is left.

    Raises:
      ValueError: where the part does not lie inside, as far as that is known.
    """
    return apply_op("Slice", [input_, begin, size], name=name)


# --- slices as Python writes them -----------------------------------------------------------------------------


class _Spec:
    """What a strided slice does with each axis of its input.

    `axes` is a list of (input axis, begin, count, stride); `shape` lists the axes of the output: an index
    into `axes`, or None for a new one.
    """

    def __init__(self, c, shape, begin, end, strides, masks):
        self.axes = []
        self.order = []
        self._c = c
        begin_mask, end_mask, ellipsis_mask, new_mask, shrink_mask = masks
        entries = len(begin)
        for length in (len(end), len(strides)):
            if length != entries:
                c.fail(f"Dimension 0 in both shapes must be equal, but are {entries} and {length}")
        if ellipsis_mask & (ellipsis_mask - 1):
            c.fail("Multiple ellipses in slice spec not allowed")
        if not ellipsis_mask & ((1 << entries) - 1):  # a bit behind the last entry says nothing
            ellipsis_mask = 1 << entries
            entries += 1
            pad = [0]
            begin, end, strides = list(begin) + pad, list(end) + pad, list(strides) + [1]
        at = 0
        for i in builtins.range(entries):
            bit = 1 << i
            if ellipsis_mask & bit:
                behind = builtins.sum(1 for j in builtins.range(i + 1, entries) if not new_mask >> j & 1)
                for _ in builtins.range(len(shape) - at - behind):
                    self._keep(shape, at)
                    at += 1
            elif new_mask & bit:
                self.order.append(None)
            else:
                if at >= len(shape):
                    c.fail(f"Index out of range using input dim {at}; input has only {len(shape)} dims")
                if isinstance(strides[i], int) and strides[i] == 0:
                    c.fail(f"strides[{at}] must be non-zero")
                if shrink_mask & bit:
                    check_forwards(c, strides[i], shape[at])
                    self._shrink(shape[at], begin[i], at)
                else:
                    b = None if begin_mask & bit else begin[i]
                    e = None if end_mask & bit else end[i]
                    self._range(shape[at], b, e, strides[i], at)
                at += 1

    def _keep(self, shape, at):
        self.order.append(len(self.axes))
        self.axes.append((at, 0, shape[at], 1))

    def _shrink(self, d, begin, at):
        """One element of an axis, which goes."""
        if isinstance(begin, int) and isinstance(d, int) and not -d <= begin < d:
            self._c.fail(f"slice index {begin} of dimension {at} out of bounds.")
        self.axes.append((at, self._c.index(begin, d), 1, 1))

    def _range(self, d, begin, end, stride, at):
        if stride is UNKNOWN:
            stride, begin, end = 1, UNKNOWN, UNKNOWN
        elif not isinstance(stride, int):
            self._range_either_way(d, begin, end, stride, at)
            return
        if d is UNKNOWN:
            self.order.append(len(self.axes))
            self.axes.append((at, UNKNOWN, UNKNOWN, stride))
            return
        first, last = (0, d) if stride > 0 else (-1, d - 1)  # the range of valid begins and ends
        begin = (first if stride > 0 else last) if begin is None else self._clip(begin, d, first, last)
        end = (last if stride > 0 else first) if end is None else self._clip(end, d, first, last)
        span = end - begin if stride > 0 else begin - end
        step = abs(stride)
        count = span if step == 1 else (span + (step - 1)) // step
        self.order.append(len(self.axes))
        self.axes.append((at, begin, self._not_negative(count, begin, end), stride))

    def _range_either_way(self, d, begin, end, stride, at):
        """A range with a stride that only running tells, and with it the direction."""
        c = self._c
        forward = c.minimum(c.maximum(stride, 0), 1)
        step = c.step(stride)
        first, last = forward - 1, d - 1 + forward
        begin = (1 - forward) * (d - 1) if begin is None else self._clip(begin, d, first, last)
        end = forward * (d + 1) - 1 if end is None else self._clip(end, d, first, last)
        count = ((end - begin) * (2 * forward - 1) + step - 1) // step
        self.order.append(len(self.axes))
        self.axes.append((at, begin, c.maximum(count, 0), stride))

    def _clip(self, value, d, first, last):
        c = self._c
        if isinstance(value, int) and value == first == 0:
            return 0
        value = value + d if isinstance(value, int) and value < 0 else c.wrap(value, d)
        if all(isinstance(v, int) for v in (value, first, last)):
            return min(max(value, first), last)
        return c.minimum(c.maximum(value, first), last)

    def _not_negative(self, count, begin, end):
        if isinstance(count, int):
            return max(count, 0)
        return self._c.maximum(count, 0)

    def output_shape(self):
        return tuple([1 if at is None else self.axes[at][2] for at in self.order])


_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def _masks(attrs):
    return [attrs[name] for name in _MASKS]


def spec_of(c, shape, first):
    """The spec of a strided slice whose begin, end and strides are inputs first, first + 1, first + 2."""
    masks = [c.attr(n) for n in _MASKS]
    if hasattr(c, "decide"):
        return _Spec(c, shape, *(c.sizes(i) for i in builtins.range(first, first + 3)), masks)
    strides = [int(s) for s in c.constant(first + 2)]
    ends = [c.sizes(i, len(strides)) for i in (first, first + 1)]
    if not (
        c.has_constant(first) and c.has_constant(first + 1)
    ):  # TensorFlow's graphs know all of where a slice lies, or nothing
        ends = [(UNKNOWN,) * len(sizes) for sizes in ends]
    return _Spec(c, shape, *ends, strides, masks)


def _strided_shape(c):
    return spec_of(c, c.shape(0), 1).output_shape()


def view_of(c, value, spec):
    """(strides, offset) of the part of a value."""
    own = c.strides(value)
    offset = 0
    for axis, begin, _, _ in spec.axes:
        offset = offset + begin * own[axis]
    strides = [0 if at is None else own[spec.axes[at][0]] * spec.axes[at][3] for at in spec.order]
    return strides, offset


def _strided_lower(c, node):
    x = node.inputs[0]
    spec = spec_of(c, x.shape, 1)
    c.view(node.outputs[0], x, *view_of(c, x, spec))


def python_key(begin, end, strides, attrs):
    key = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        bit = 1 << i
        if attrs["ellipsis_mask"] & bit:
            key.append(Ellipsis)
        elif attrs["new_axis_mask"] & bit:
            key.append(None)
        elif attrs["shrink_axis_mask"] & bit:
            if strides[i] < 0:
                raise ValueError(ONLY_FORWARDS)
            key.append(int(b))
        else:
            start = None if attrs["begin_mask"] & bit else int(b)
            stop = None if attrs["end_mask"] & bit else int(e)
            key.append(builtins.slice(start, stop, int(s)))
    return builtins.tuple(key)


def _strided_reference(node, x, begin, end, strides):
    return np.asarray(x)[python_key(begin, end, strides, node.attrs)]


def _strided_gradient(op, grad):
    from .array import shape

    x, begin, end, strides = op.inputs
    form = shape(x, out_type=begin.dtype)
    attrs = {name: op.get_attr(name) for name in _MASKS}
    return [apply_op("StridedSliceGrad", [form, begin, end, strides, grad], attrs), None, None, None]


def _strided_grad_shape(c):
    if c.attr("ellipsis_mask") & (c.attr("ellipsis_mask") - 1):
        c.fail_in_run("Multiple ellipses in slice spec not allowed")
    return c.sizes(0)


def _strided_grad_lower(c, node):
    """Zeros, with the gradient copied into the part that was taken."""
    out, grad = node.outputs[0], node.inputs[4]
    spec = spec_of(c, out.shape, 1)
    c.merge_shapes(spec.output_shape(), grad.shape)
    zero = c.literal(np.zeros((), out.dtype.as_numpy_dtype))
    c.prepare(out)
    for border in borders_of_part(c, out, spec.axes):
        c.emit("fill", [zero], [border])
    c.emit("copy", [grad], [c.window(out, grad.shape, *view_of(c, out, spec))])


def _strided_grad_reference(node, shape, begin, end, strides, grad):
    out = np.zeros([int(d) for d in shape], grad.dtype)
    key = python_key(begin, end, strides, node.attrs)
    if out[key].shape != grad.shape:
        raise ValueError(f"Dimensions must be equal: a gradient of {grad.shape} for a slice of {out[key].shape}")
    out[key] = grad
    return out


def _strided_grad_gradient(op, grad):
    _, begin, end, strides, _ = op.inputs
    return [None] * 4 + [apply_op("StridedSlice", [grad, begin, end, strides], {m: op.get_attr(m) for m in _MASKS})]


NO_MASKS = dict.fromkeys(_MASKS, 0)

register(
    OpDef("StridedSlice", "input: T, begin: Index, end: Index, strides: Index", "output: T", ranks={"begin": 1, "end": 1, "strides": 1}, attrs=NO_MASKS,
          types={"Index": kinds.INDEX}, shape=_strided_shape, symbolic=True, lower=_strided_lower,
          reference=_strided_reference, gradient=_strided_gradient),
    OpDef("StridedSliceGrad", "shape: Index, begin: Index, end: Index, strides: Index, dy: T", "output: T", ranks={"shape": 1, "begin": 1, "end": 1, "strides": 1}, attrs=NO_MASKS,
          types={"Index": kinds.INDEX}, shape=_strided_grad_shape, lower=_strided_grad_lower,
          reference=_strided_grad_reference, gradient=_strided_grad_gradient),
)  # fmt: skip


def strided_slice(input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0,
                  shrink_axis_mask=0, var=None, name=None):  # fmt: skip
    """The part of a tensor from `begin` to `end` in steps of `strides`; bit i of a mask changes entry i.

    Args:
      input_: a tensor.
      begin, end, strides: 1-D integers of one length; strides of 1 by default.
      begin_mask, end_mask: the axis begins, or ends, where the tensor does.
      ellipsis_mask: the entry stands for all axes that no other one names.
      new_axis_mask: the entry makes a new axis.
      shrink_axis_mask: the entry takes one element, and the axis goes.
      var: a variable that the slice may be assigned to, by the result's `assign(value)`, which is refused without one.
      name: the node's name.
    """
    from .slice_assign import assign_part

    if strides is None:
        from .array import ones_like

        strides = ones_like(begin)
    attrs = {"begin_mask": begin_mask, "end_mask": end_mask, "ellipsis_mask": ellipsis_mask,
             "new_axis_mask": new_axis_mask, "shrink_axis_mask": shrink_axis_mask}  # fmt: skip
    part = apply_op("StridedSlice", [input_, begin, end, strides], attrs, name)
    part.assign = partial(assign_part, var, part.op)
    return part


def getitem(tensor, key):
    """`tensor[key]`: integers, slices, `...`, None and scalar tensors; or a bool mask."""
    if _is_mask(key):
        return boolean_mask(tensor, key)
    keys = list(key) if isinstance(key, (list, builtins.tuple)) else [key]
    begin, end, strides = [], [], []
    masks = dict.fromkeys(_MASKS, 0)
    for i, item in enumerate(keys):
        _entry(item, 1 << i, begin, end, strides, masks)
    with name_scope(None, "strided_slice", [tensor, *begin, *end, *strides]) as scope:
        if begin:
            if any(isinstance(v, Tensor) or hasattr(v, "_as_graph_element") for v in begin + end + strides):
                parts = _of_one_dtype([stack(begin), stack(end), stack(strides)])
            else:
                parts = _int32_vectors(begin, end, strides)
        else:
            parts = _int32_vectors([], [], [])
        return strided_slice(tensor, *parts, name=scope, **masks)


def _int32_vectors(begin, end, strides):
    return [
        constant_of(np.array(values, np.int32), dtypes.int32, name)
        for values, name in ((begin, "stack"), (end, "stack_1"), (strides, "stack_2"))
    ]


def _of_one_dtype(parts):
    """The vectors of a slice: int64 where one of them is."""
    from .cast import cast

    if any(part.dtype == dtypes.int64 for part in parts):
        parts = [cast(part, dtypes.int64) for part in parts]
    return parts


def _is_mask(key):
    if isinstance(key, (bool, np.bool_)):
        return True
    if isinstance(key, Tensor):
        return key.dtype == dtypes.bool and (key._shape is None or len(key._shape) > 0)
    return isinstance(key, np.ndarray) and key.dtype == bool and key.ndim > 0


def _entry(item, bit, begin, end, strides, masks):
    if isinstance(item, builtins.slice):
        for end_point in (item.start, item.stop, item.step):
            if end_point is not None:
                check_index(end_point)
        begin.append(0 if item.start is None else item.start)
        end.append(0 if item.stop is None else item.stop)
        strides.append(1 if item.step is None else item.step)
        masks["begin_mask"] |= bit if item.start is None else 0
        masks["end_mask"] |= bit if item.stop is None else 0
    elif item is Ellipsis:
        if masks["ellipsis_mask"]:
            raise ValueError("Multiple ellipses in slice spec not allowed")
        begin.append(0), end.append(0), strides.append(1)
        masks["ellipsis_mask"] |= bit
    elif item is None:
        begin.append(0), end.append(0), strides.append(1)
        masks["new_axis_mask"] |= bit
    else:
        check_index(item)
        begin.append(item), end.append(item + 1), strides.append(1)
        masks["shrink_axis_mask"] |= bit


def check_index(item):
    item = getattr(item, "value", item) if type(item).__name__ == "Dimension" else item
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        return
    if (hasattr(item, "dtype") and hasattr(item, "_shape")) or hasattr(item, "_as_graph_element"):
        shape = item.get_shape()
        if item.dtype.base_dtype in kinds.INDEX | {dtypes.int16, dtypes.uint8, dtypes.int8} and shape.ndims in (
            0,
            None,
        ):
            return
    if isinstance(item, np.ndarray) and item.ndim == 0 and item.dtype.kind in "iu":
        return
    raise TypeError(
        "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are "
        f"valid indices, got {item!r}"
    )


# --- concat and split ---------------------------------------------------------------------------------------------


def _choice_of(c, i, rank):
    """For each axis 1 where it is the one that input i, where tensors are joined, names, else 0."""
    if not rank:
        c.fail("Can't concatenate scalars (use tf.stack instead)")
    if c.known(i) and len(c.shape(i)):
        c.fail(f"Shape must be rank 0 but is rank {len(c.shape(i))}")
    if c.computed(i):
        return one_of(c, axis_of(c, i, rank), rank)
    axis = int(np.ravel(c.constant(i))[0])
    if not -rank <= axis < rank:
        c.fail_in_run(f"ConcatOp : Expected concatenating dimensions in the range [{-rank}, {rank}), but got {axis}")
        c.fail(f"Shape must be at least rank {axis + 1 if axis >= 0 else -axis} but is rank {rank}")
    return [int(k == axis % rank) for k in builtins.range(rank)]


def _cut_at(c, i, rank):
    """For each axis 1 where it is the one that input i, where a tensor is cut, names, else 0."""
    if c.computed(i):
        return one_of(c, axis_of(c, i, rank), rank)
    axis = int(np.ravel(c.constant(i))[0])
    if not -rank <= axis < rank:
        c.fail_in_run(f"-input rank(-{rank}) <= split_dim < input rank ({rank}), but got {axis}")
        c.fail(f"Dimension size, given by scalar input {axis} must be in range [{-rank}, {rank})")
    return [int(k == axis % rank) for k in builtins.range(rank)]


def _concat_shape(c):
    last = len(c.inputs) - 1
    known = [c.shape(i) for i in builtins.range(last) if c.known(i)]
    if not known:
        return None
    c.fallback((UNKNOWN,) * len(known[0]))
    choice = _choice_of(c, last, len(known[0]))
    merged = list(known[0])
    total = picked(merged, choice)
    for shape in known[1:]:
        if len(shape) != len(merged):
            c.fail(f"Shapes must be equal rank, but are {len(merged)} and {len(shape)}")
        total = total + picked(shape, choice)
        merged = joined(c, merged, shape, choice)
    total = total if len(known) == last else UNKNOWN
    return builtins.tuple([_replaced(c, d, total, here) for d, here in zip(merged, choice)])


def _replaced(c, size, other, chosen):
    """A size, or another one where that is chosen."""
    if isinstance(chosen, int):
        return other if chosen else size
    return extent(c, size + (other - size) * chosen)


def _concat_lower(c, node):
    choice = _choice_of(c, len(node.inputs) - 1, len(node.outputs[0].shape))
    _emit_concat(c, node.inputs[:-1], node.outputs[0], choice)


def _emit_concat(c, inputs, out, choice):
    """Each input is copied into its window of the output."""
    c.prepare(out)
    strides, at = c.strides(out), 0
    step = picked(strides, choice)
    for x in inputs:
        c.emit("copy", [x], [c.window(out, x.shape, strides, at * step)])
        at = at + picked(x.shape, choice)


def _parallel_concat_shape(c):
    """One row an input."""
    shape = None
    for i in builtins.range(len(c.inputs)):
        if c.known(i):
            row = c.shape(i)
            if not row or (isinstance(row[0], int) and row[0] != 1):
                c.fail("Size of first dimension must be 1.")
            row = (c.merge(row[0], 1), *row[1:])
            shape = row if shape is None else c.merge_shapes(shape, row)
    return to_internal(c.attr("shape")) if shape is None else (len(c.inputs), *shape[1:])


def _offsets(node, axis, *shapes):
    at, found = 0, []
    for s in shapes:
        offset = np.zeros(len(s), s.dtype)
        offset[int(axis)] = at
        found.append(offset)
        at = at + s[int(axis)]
    return builtins.tuple(found)


def _offsets_value(c):
    """Worked out as sizes, also along an axis that only the run tells."""
    shapes = [c.value(i) for i in builtins.range(1, len(c.inputs))]
    if any(s is None for s in shapes) or not (c.has_constant(0) or c.computed(0)):
        return [None] * len(shapes)
    choice = _choice_of(c, 0, len(shapes[0]))
    at, found = np.array([0] * len(choice), object), []
    for s in shapes:
        found.append(at)
        at = at + s.astype(object) * np.array(choice, object)
    return found


def _offset_shapes(c):
    return [c.shape(i) if c.known(i) else None for i in builtins.range(1, len(c.inputs))]


def _split_shape(c):
    number = c.attr("num_split")
    c.fallback(*[1] * number)
    shape = c.shape(1)
    choice = _cut_at(c, 0, len(shape))
    length = picked(shape, choice)
    if isinstance(length, int) and length % number:
        c.fail(f"Dimension size must be evenly divisible by {number} but is {length}")
    return [_part_shape(c, shape, choice, c.infer(length, number))] * number


def _part_shape(c, shape, choice, part):
    return builtins.tuple([_replaced(c, d, part, here) for d, here in zip(shape, choice)])


def _part_views(c, x, outputs, choice):
    strides, at = c.strides(x), 0
    step = picked(strides, choice)
    for out in outputs:
        c.view(out, x, strides, at * step)
        at = at + picked(out.shape, choice)


def _split_lower(c, node):
    _part_views(c, node.inputs[1], node.outputs, _cut_at(c, 0, len(node.inputs[1].shape)))


def _split_v_shape(c):
    number = c.attr("num_split")
    c.fallback(*[0] * number)
    shape = c.shape(0)
    choice = _cut_at(c, 2, len(shape))
    length = picked(shape, choice)
    if all(isinstance(here, int) for here in choice):
        c.fallback(*[builtins.tuple([UNKNOWN if here else d for d, here in zip(shape, choice)])] * number)
    parts = c.sizes(1)
    _check_parts(c, parts, length)
    known = 0
    for p in parts:
        known = known + c.or_else(p, 0)
    parts = [c.natural(c.or_else(p, length - known)) for p in parts]
    c.merge(length, builtins.sum(parts))
    return [_part_shape(c, shape, choice, part) for part in parts]


def _check_parts(c, parts, whole):
    """Refuses sizes that are known not to make up the axis."""
    if not all(isinstance(p, int) for p in parts):
        return
    if builtins.sum(1 for p in parts if p == -1) > 1:
        c.fail("size_splits can only have one -1")
    check_sizes(c, parts)
    known = builtins.sum(p for p in parts if p != -1)
    if isinstance(whole, int) and (known > whole or (known != whole and -1 not in parts)):
        c.fail(f"can't split axis of size {whole} into pieces of size [{','.join(map(str, parts))}]")


def _split_v_lower(c, node):
    _part_views(c, node.inputs[0], node.outputs, _cut_at(c, 2, len(node.inputs[0].shape)))


def _split_v_reference(node, x, sizes, axis):
    sizes = list(sizes)
    axis = int(axis)
    sizes = [np.shape(x)[axis] - builtins.sum(s for s in sizes if s != -1) if s == -1 else s for s in sizes]
    return builtins.tuple(np.split(x, np.cumsum(np.array(sizes).astype(int))[:-1], axis))


_concat_signature = "values: N * T, axis: Tidx"

register(
    OpDef("ConcatV2", _concat_signature, "output: T", attrs={"Tidx": dtypes.int32}, types={"Tidx": kinds.INDEX}, shape=_concat_shape, symbolic=True,
          lower=_concat_lower, reference=lambda node, *a: np.concatenate(a[:-1], int(a[-1])), gradient=concat_gradient),
    OpDef("ParallelConcat", "values: N * T", "output: T", attrs={"shape": None}, shape=_parallel_concat_shape,
          lower=lambda c, node: _emit_concat(c, node.inputs, node.outputs[0], [1] + [0] * (len(node.outputs[0].shape) - 1)),
          reference=lambda node, *values: np.concatenate(values)),
    OpDef("ConcatOffset", "concat_dim: int32, shape: N * int32", "offset: N * int32", shape=_offset_shapes, value=_offsets_value,
          reference=_offsets, gradient=no_gradient),
    OpDef("Split", "split_dim: int32, value: T", "output: num_split * T", ranks={"split_dim": 0}, shape=_split_shape, symbolic=True,
          lower=_split_lower, gradient=lambda op, *grads: [None, concat(list(grads), op.inputs[0])],
          reference=lambda node, axis, x: builtins.tuple(np.split(x, node.attrs["num_split"], int(axis)))),
    OpDef("SplitV", "value: T, size_splits: Tlen, split_dim: int32", "output: num_split * T", ranks={"size_splits": 1, "split_dim": 0}, attrs={"Tlen": dtypes.int64}, types={"Tlen": kinds.INDEX},
          shape=_split_v_shape, symbolic=True, lower=_split_v_lower, reference=_split_v_reference,
          gradient=lambda op, *grads: [concat(list(grads), op.inputs[2]), None, None]),
)  # fmt: skip


def concat(values, axis, name="concat"):
    """Tensors joined along an axis.

    Raises:
      ValueError: where their other sizes differ.
    """
    if not isinstance(values, (list, builtins.tuple)):
        values = [values]
    if not values:
        raise ValueError("concat needs at least one tensor, got an empty list")
    if len(values) == 1:
        with name_scope(name):
            convert_to_tensor(axis, name="concat_dim", dtype=dtypes.int32).get_shape().assert_has_rank(0)
            return identity(values[0], name=name)
    return apply_op("ConcatV2", [list(values), axis], name=name)


def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """A tensor cut along an axis: into equal parts, or into parts of the given sizes.

    Args:
      value: a tensor.
      num_or_size_splits: how many equal parts, or a list of sizes of which one may be -1.
      axis: the axis.
      num: how many sizes there are, where that cannot be told.
      name: the node's name.

    Returns:
      A list of tensors.

    Raises:
      ValueError: where the parts do not make up the tensor.
    """
    sizes = convert_to_tensor(num_or_size_splits)
    if sizes._shape == () and not isinstance(num_or_size_splits, Tensor):
        if num_or_size_splits < 1:
            raise ValueError(f"split needs at least one part, got {num_or_size_splits}")
        return apply_op("Split", [axis, value], {"num_split": int(num_or_size_splits)}, name)
    if num is None:
        if sizes._shape is None or not isinstance(sizes._shape[0], int):
            raise ValueError(f"Cannot infer num from shape {num_or_size_splits}")
        num = sizes._shape[0]
    return apply_op("SplitV", [value, sizes, axis], {"num_split": num}, name)


# --- stack and unstack ----------------------------------------------------------------------------------------------


def _stack_axis(c, rank):
    axis = c.attr("axis")
    if not -rank <= axis < rank:
        c.fail(f"axis = {axis} not in [{-rank}, {rank})")
    return axis % rank


def _stacked(c):
    shape = None
    for i in builtins.range(len(c.inputs)):
        if c.known(i):
            shape = c.merge_shapes(shape, c.shape(i))
    if shape is None:
        return None
    axis = _stack_axis(c, len(shape) + 1)
    return (*shape[:axis], len(c.inputs), *shape[axis:])


def _stack_lower(c, node):
    out = node.outputs[0]
    axis = _stack_axis(c, len(out.shape))
    c.prepare(out)
    strides = list(c.strides(out))
    step = strides.pop(axis)
    for at, x in enumerate(node.inputs):
        c.emit("copy", [x], [c.window(out, x.shape, strides, step * at)])


def _unstacked(c):
    number = c.attr("num")
    if not c.known(0):
        return [None] * number
    shape = c.shape(0)
    axis = _stack_axis(c, len(shape))
    c.merge(shape[axis], number)
    return [(*shape[:axis], *shape[axis + 1 :])] * number


def _unstack_lower(c, node):
    x = node.inputs[0]
    strides = list(c.strides(x))
    step = strides.pop(_stack_axis(c, len(x.shape)))
    for at, out in enumerate(node.outputs):
        c.view(out, x, strides, step * at)


def _unstack_reference(node, x):
    axis = node.attrs["axis"]
    return builtins.tuple(np.take(x, i, axis) for i in builtins.range(node.attrs["num"]))


register(
    OpDef("Pack", "values: N * T", "output: T", attrs={"axis": 0}, shape=_stacked, symbolic=True, lower=_stack_lower,
          reference=lambda node, *x: np.stack(x, node.attrs["axis"]),
          gradient=lambda op, grad: unstack(grad, num=len(op.inputs), axis=op.get_attr("axis"))),
    OpDef("Unpack", "value: T", "output: num * T", attrs={"axis": 0}, shape=_unstacked, symbolic=True, lower=_unstack_lower,
          reference=_unstack_reference, gradient=lambda op, *grads: [stack(list(grads), axis=op.get_attr("axis"))]),
)  # fmt: skip


def stack(values, axis=0, name="stack"):
    """Tensors of one shape, put beside each other along a new axis.

    Raises:
      ValueError: where their shapes differ, or the axis is out of range.
    """
    if isinstance(values, Tensor) and axis == 0:
        return values
    several = isinstance(values, (list, builtins.tuple)) and len(values)
    arrays = several and any(isinstance(v, np.ndarray) and v.ndim for v in values) and type_in_lists(values) is None
    if axis == 0 and not arrays and not (several and all(isinstance(v, Tensor) for v in values)):
        try:
            return convert_to_tensor(values, name=name)  # numbers become constants, named after their places
        except (TypeError, ValueError):
            if not several or not any(map(has_own_conversion, values)):
                raise  # else each is converted by itself: IndexedSlices, say
    values = list(values)
    first = values[0] if isinstance(values[0], Tensor) else convert_to_tensor(values[0], name=name)
    if first._shape is not None and not -len(first._shape) - 1 <= axis <= len(first._shape):
        raise ValueError(f"axis = {axis} not in [{-len(first._shape) - 1}, {len(first._shape) + 1})")
    return apply_op("Pack", [values], {"axis": axis}, name)


def parallel_stack(values, name="parallel_stack"):
    """`stack` along the first axis, without a gradient."""
    from .array import expand_dims

    with name_scope(name):
        form = TensorShape([len(values)]).concatenate(convert_to_tensor(values[0]).get_shape())
        return apply_op("ParallelConcat", [[expand_dims(value, 0) for value in values]], {"shape": form})


def unstack(value, num=None, axis=0, name="unstack"):
    """The slices of a tensor along an axis, which goes.

    Raises:
      ValueError: where their number cannot be told, or the axis is out of range.
    """
    if num is None:
        value = convert_to_tensor(value)
        shape = value._shape
        if shape is None:
            raise ValueError("Cannot infer num from shape <unknown>")
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"axis = {axis} not in [{-len(shape)}, {len(shape)})")
        num = shape[axis]
        if not isinstance(num, int):
            raise ValueError(f"Cannot infer num from shape {value.get_shape()}")
    parts = apply_op("Unpack", [value], {"num": num, "axis": axis}, name)
    return parts if num else []
