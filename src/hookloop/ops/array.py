"""Shapes and what changes nothing else: reshape, transpose, sizes as tensors, tensors of one value."""

from __future__ import annotations

import builtins
import math

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..shapes import UNKNOWN, TensorShape, as_shape, is_defined
from . import kinds
from .build import apply_op, constant, convert_to_tensor
from .cast import cast
from .computed_axes import axis_of, expanded, extent
from .indexed_slices import IndexedSlices
from .ranges import range
from .registry import OpDef, no_gradient, register
from .reshaping import reshape_reference, reshaped
from .shape_functions import check_sizes, one_of, picked, scalar, sized_by_input, unchanged
from .slicing import (
    concat,
    parallel_stack,
    slice,
    split,
    stack,
    strided_slice,
    unstack,
)  # fmt: skip

__all__ = [
    "broadcast_dynamic_shape", "broadcast_static_shape", "broadcast_to", "concat", "expand_dims", "fill",
    "invert_permutation", "matrix_transpose", "ones", "ones_like",
    "parallel_stack", "rank", "reshape", "shape", "shape_n", "size", "slice", "split", "squeeze", "stack",
    "strided_slice", "tile", "transpose", "unstack", "zeros", "zeros_like",
]  # fmt: skip

_LARGEST_CONST = 1000  # elements of `zeros` that TensorFlow makes a constant of


# --- shapes as values ---------------------------------------------------------------------------------------


def _shape_value(c):
    found = np.empty(len(c.shape(0)), object)
    found[:] = c.shape(0)
    return [found]


def _shape_n_value(c):
    values = []
    for i in builtins.range(len(c.inputs)):
        found = np.empty(len(c.shape(i)), object)
        found[:] = c.shape(i)
        values.append(found)
    return values


def _size_value(c):
    total = 1
    for d in c.shape(0):
        total = total * d
    found = np.empty((), object)
    found[()] = total
    return [found]


def _size_reference(node, x):
    dtype = np.dtype(_out_type(node))
    if np.size(x) > np.iinfo(dtype).max:
        raise ValueError("Number of elements was larger than representable by 32-bit output type")
    return np.array(np.size(x), dtype)


def _rank_value(c):
    return [np.array(len(c.shape(0)), np.int32)]


def _shape_shape(c):
    return (len(c.shape(0)),) if c.known(0) else (UNKNOWN,)


def _shape_n_shape(c):
    return [(len(c.shape(i)),) if c.known(i) else (UNKNOWN,) for i in builtins.range(len(c.inputs))]


def _out_type(node):
    return node.attrs["out_type"].as_numpy_dtype


_OUT_TYPE = {"out_type": dtypes.int32}
_OUT_TYPES = {"out_type": kinds.INDEX}

register(
    OpDef("Shape", "input: T", "output: out_type", attrs=_OUT_TYPE, types=_OUT_TYPES, shape=_shape_shape, value=_shape_value,
          reference=lambda node, x: np.array(np.shape(x), _out_type(node)), gradient=no_gradient),
    OpDef("ShapeN", "input: N * T", "output: N * out_type", attrs=_OUT_TYPE, types=_OUT_TYPES, shape=_shape_n_shape, value=_shape_n_value,
          reference=lambda node, *xs: tuple(np.array(np.shape(x), _out_type(node)) for x in xs), gradient=no_gradient),
    OpDef("Size", "input: T", "output: out_type", attrs=_OUT_TYPE, types=_OUT_TYPES, shape=scalar, value=_size_value,
          reference=_size_reference, gradient=no_gradient),
    OpDef("Rank", "input: T", "output: int32", shape=scalar, value=_rank_value,
          reference=lambda node, x: np.array(np.ndim(x), np.int32), gradient=no_gradient),
)  # fmt: skip


# --- the same elements under another shape --------------------------------------------------------------------


def _alias(c, node):
    c.alias(node.outputs[0], node.inputs[0])


def _back_to_input(op, grad):
    """The gradient in the input's own shape."""
    return reshape(grad, shape(op.inputs[0]))


def _axis(c, i, rank):
    if c.computed(i):
        return axis_of(c, i, rank)
    axis = int(np.ravel(c.constant(i))[0])
    if not -rank <= axis < rank:
        c.fail_in_run(f"Tried to expand dim index {axis} for tensor with {rank - 1} dimensions.")
        c.fail(f"dim {axis} not in the interval [{-rank}, {rank - 1}].")
    return axis % rank


def _expanded(c):
    shape = c.shape(0)
    axis = _axis(c, 1, len(shape) + 1)
    return (*shape[:axis], 1, *shape[axis:]) if isinstance(axis, int) else expanded(c, shape, axis, 1)


def _squeezed(c):
    shape = c.shape(0)
    wanted = c.attr("squeeze_dims")
    if not wanted:
        if any(not isinstance(d, int) for d in shape):
            return _squeeze_open(c, shape)
        return tuple([d for d in shape if d != 1])
    axes = set()
    for axis in wanted:
        if not -len(shape) <= axis < len(shape):
            c.fail_in_run(f"Tried to squeeze dim index {axis} for tensor with {len(shape)} dimensions.")
            c.fail(f"squeeze_dims[{list(wanted).index(axis)}] not in [{-len(shape)},{len(shape)}).")
        axes.add(axis % len(shape))
    for axis in axes:
        if isinstance(shape[axis], int) and shape[axis] != 1:
            c.fail(f"Can not squeeze dim[{axis}], expected a dimension of 1, got {shape[axis]}")
        c.merge(shape[axis], 1)
    return tuple([d for i, d in enumerate(shape) if i not in axes])


def _squeeze_open(c, shape):
    """Which axes go is only known with their sizes: a plan is made for the sizes at hand."""
    if hasattr(c, "decide"):
        return tuple([d for d in (c.decide(d) for d in shape) if d != 1])
    return None


def _squeeze_reference(node, x):
    axes = node.attrs["squeeze_dims"]
    return np.squeeze(x, tuple({axis % x.ndim for axis in axes})) if axes else np.squeeze(x)


def _chosen_axes(c, rank):
    """For each axis of the result which axis it is, as sizes, where only running tells the permutation."""
    perm = c.sizes(1, rank)
    if len(perm) != rank:
        c.fail(f"a perm of {len(perm)} elements is no permutation of {rank} axes")
    chosen = [one_of(c, c.within(p, rank - 1), rank) for p in perm]
    for times in zip(*chosen):
        c.once(builtins.sum(times))
    return chosen


def _permuted(c, sizes):
    """What there is of each axis in the order of the result's axes."""
    if c.computed(1):
        return [picked(sizes, axis) for axis in _chosen_axes(c, len(sizes))]
    return [sizes[p] for p in _permutation(c, len(sizes))]


def _permutation(c, rank):
    """The permutation; where it names an axis twice, which only running refuses, what it says nonetheless."""
    perm = [int(p) for p in np.ravel(c.constant(1))]
    if np.ndim(c.constant(1)) != 1:
        c.fail(f"Shape must be rank 1 but is rank {np.ndim(c.constant(1))}")
    if len(perm) != rank:
        c.fail(f"Dimension must be {rank} but is {len(perm)}: the perm {perm} is no permutation of {rank} axes")
    for p in perm:
        if not -rank <= p < rank:
            c.fail(f"perm dim {p} is out of range of input rank {rank}")
        if p < 0:
            c.fail_in_run(f"{p} is out of range [0 .. {rank})")
    missing = sorted(set(builtins.range(rank)) - set(perm))
    if missing and builtins.min(perm) >= 0:
        c.fail_in_run(f"{missing[0]} is missing from {{{','.join(map(str, perm))}}}.")
    return [p % rank for p in perm]


def _transposed(c):
    axes = c.shape(1)[0] if c.known(1) else UNKNOWN
    if not c.known(0):
        return (UNKNOWN,) * axes if isinstance(axes, int) else None
    shape = c.shape(0)
    c.fallback((UNKNOWN,) * len(shape))
    if isinstance(axes, int) and axes != len(shape) and not c.has_constant(1) and not hasattr(c, "emit"):
        c.fail(f"Dimension must be {len(shape)} but is {axes}")
    return tuple([extent(c, d) if d is not UNKNOWN else d for d in _permuted(c, shape)])


def _transpose_lower(c, node):
    x = node.inputs[0]
    c.view(node.outputs[0], x, _permuted(c, c.strides(x)))


def _conjugate_transpose_lower(c, node):
    (out,) = node.outputs
    turned = c.temp(out.dtype, out.shape)
    c.view(turned, node.inputs[0], _permuted(c, c.strides(node.inputs[0])))
    c.emit("conjugate", [turned], [out], views="any")


def _conjugate_transpose_gradient(op, grad):
    return [transpose(grad, invert_permutation(op.inputs[1]), conjugate=True), None]


def _transpose_gradient(op, grad):
    return [transpose(grad, invert_permutation(op.inputs[1])), None]


def _inverse_shape(c):
    if c.known(0) and len(c.shape(0)) != 1:
        c.fail(f"Shape must be rank 1 but is rank {len(c.shape(0))}")
    return c.shape(0) if c.known(0) else (UNKNOWN,)


def _inverse(node, p):
    p = np.asarray(p)
    inverse = np.full(len(p), -1, p.dtype)
    for i, place in enumerate(p.astype(int)):
        if not 0 <= place < len(p):
            raise ValueError(f"{place} is not between 0 and {len(p)}")
        if inverse[place] != -1:
            raise ValueError(f"{place} is duplicated in the input.")
        inverse[place] = i
    return inverse


def _tiled(c):
    if not c.known(0):
        return (UNKNOWN,) * c.shape(1)[0] if c.known(1) and isinstance(c.shape(1)[0], int) else None
    shape = c.shape(0)
    c.fallback(0)
    multiples = c.sizes(1)
    check_sizes(c, multiples)
    if len(multiples) != len(shape):
        c.fail(f"Expected multiples argument to be a vector of length {len(shape)} but got length {len(multiples)}")
    return tuple([0 if isinstance(m, int) and m == 0 else d * c.natural(m) for d, m in zip(shape, multiples)])


def _tile_lower(c, node):
    """The input with its repetitions, as many axes at a time as an instruction has room for."""
    x, out = node.inputs[0], node.outputs[0]
    multiples = [c.natural(m) for m in c.sizes(1)]
    if not x.shape:
        c.alias(out, x)
        return
    repeated = [axis for axis, (d, t) in enumerate(zip(x.shape, out.shape)) if d is not t and d != t]
    at_once = max(1, c.max_rank - len(x.shape))
    shape = list(x.shape)
    for first in builtins.range(0, max(len(repeated), 1), at_once):
        axes = repeated[first : first + at_once]
        for axis in axes:
            shape[axis] = out.shape[axis]
        last = first + at_once >= len(repeated)
        target = out if last else c.temp(x.dtype, tuple(shape))
        _repeat(c, x, target, {axis: multiples[axis] for axis in axes})
        x = target


def _repeat(c, x, out, multiples):
    """A strided view of x with an axis of stride 0 for each repetition, copied into place."""
    dims, strides, into = [], [], []
    for axis, (d, s, t) in enumerate(zip(x.shape, c.strides(x), c.strides(out))):
        if axis in multiples:
            dims.append(multiples[axis])
            strides.append(0)
            into.append(d * t)
        dims.append(d)
        strides.append(s)
        into.append(t)
    repeated = c.temp(x.dtype, tuple(dims))
    c.view(repeated, x, strides)
    c.prepare(out)
    c.emit("copy", [repeated], [c.window(out, tuple(dims), into)])


def _tile_gradient(op, grad):
    from .reduce import reduce_sum

    own = shape(op.inputs[0], out_type=op.inputs[1].dtype)
    split_shape = reshape(transpose(stack([op.inputs[1], own])), [-1])
    axes = range(0, size(split_shape), 2)
    return [reduce_sum(reshape(grad, split_shape), axes), None]


def _broadcast_to_shape(c):
    wanted = tuple([c.natural(d) for d in c.sizes(1)])
    if not c.known(0):
        return wanted
    shape = c.shape(0)
    if len(shape) > len(wanted):
        c.fail(f"Cannot broadcast rank {len(shape)} to rank {len(wanted)}")
    for d, w in zip(reversed(shape), reversed(wanted)):
        if isinstance(d, int) and isinstance(w, int) and d not in (1, w):
            c.fail(f"Dimensions must be equal, but are {d} and {w}")
        c.merge(c.broadcast((d,), (w,))[0], w)
    ahead = len(wanted) - len(shape)
    return wanted[:ahead] + tuple([d if w is UNKNOWN and d != 1 else w for d, w in zip(shape, wanted[ahead:])])


def _broadcast_args_shape(c):
    lengths = c.shape(0)[0], c.shape(1)[0]
    return (c.maximum(*lengths),)


def _broadcast_args_value(c):
    """Worked out as sizes: a shape read from data becomes sizes first."""
    dims = c.broadcast(c.sizes(0), c.sizes(1))
    found = np.empty(len(dims), object)
    found[:] = dims
    return [found]


def _broadcast_args_reference(node, x, y):
    shape = np.broadcast_shapes(tuple(int(d) for d in x), tuple(int(d) for d in y))
    return np.array(shape, np.asarray(x).dtype)


def _broadcast_to_lower(c, node):
    x, out = node.inputs[0], node.outputs[0]
    missing = len(out.shape) - len(x.shape)
    seen = c.temp(x.dtype, (*(1,) * missing, *x.shape))
    strides = (*(0,) * missing, *c.strides(x))
    c.view(seen, x, strides)
    c.emit("copy", [seen], [out])


def _broadcast_to_gradient(op, grad):
    from .reduce import reduce_sum

    own = shape(op.inputs[0])
    _, axes = apply_op("BroadcastGradientArgs", [op.inputs[1], own])
    return [reshape(reduce_sum(grad, axes, keepdims=True), own), None]


register(
    OpDef("Reshape", "tensor: T, shape: Tshape", "output: T", ranks={"shape": 1},
          attrs={"Tshape": dtypes.int32}, types={"Tshape": kinds.INDEX}, shape=reshaped, symbolic=True,
          lower=_alias, reference=reshape_reference, gradient=lambda op, grad: [_back_to_input(op, grad), None]),
    OpDef("ExpandDims", "input: T, dim: Tdim", "output: T",
          attrs={"Tdim": dtypes.int32}, types={"Tdim": kinds.INDEX}, shape=_expanded, symbolic=True,
          lower=_alias, reference=lambda node, x, axis: np.expand_dims(x, int(np.ravel(axis)[0])),
          gradient=lambda op, grad: [_back_to_input(op, grad), None]),
    OpDef("Squeeze", "input: T", "output: T", attrs={"squeeze_dims": []}, shape=_squeezed, symbolic=True, lower=_alias,
          reference=_squeeze_reference, gradient=lambda op, grad: [_back_to_input(op, grad)]),
    OpDef("Transpose", "x: T, perm: Tperm", "y: T", ranks={"perm": 1},
          attrs={"Tperm": dtypes.int32}, types={"Tperm": kinds.INDEX}, shape=_transposed, symbolic=True,
          lower=_transpose_lower, reference=lambda node, x, perm: np.transpose(x, [int(p) for p in perm]),
          gradient=_transpose_gradient),
    OpDef("ConjugateTranspose", "x: T, perm: Tperm", "y: T",
          attrs={"Tperm": dtypes.int32}, types={"T": kinds.COMPLEX, "Tperm": kinds.INDEX}, shape=_transposed,
          lower=_conjugate_transpose_lower, gradient=_conjugate_transpose_gradient,
          reference=lambda node, x, perm: np.conj(np.transpose(x, [int(p) for p in perm]))),
    OpDef("InvertPermutation", "x: T", "y: T", attrs={"T": dtypes.int32}, types={"T": kinds.INDEX}, shape=_inverse_shape, symbolic=True, reference=_inverse,
          gradient=no_gradient, kernel="invert_permutation"),
    OpDef("Tile", "input: T, multiples: Tmultiples", "output: T", ranks={"multiples": 1},
          attrs={"Tmultiples": dtypes.int32}, types={"Tmultiples": kinds.INDEX}, shape=_tiled,
          symbolic=True, lower=_tile_lower, reference=lambda node, x, m: np.tile(x, [int(k) for k in m]) if np.ndim(x) else x,
          gradient=_tile_gradient),
    OpDef("BroadcastArgs", "s0: T, s1: T", "r0: T", ranks={"s0": 1, "s1": 1}, attrs={"T": dtypes.int32}, types={"T": kinds.INDEX},
          shape=_broadcast_args_shape, value=_broadcast_args_value, reference=_broadcast_args_reference, gradient=no_gradient),
    OpDef("BroadcastTo", "input: T, shape: Tidx", "output: T", ranks={"shape": 1},
          attrs={"Tidx": dtypes.int32}, types={"Tidx": kinds.INDEX}, shape=_broadcast_to_shape,
          symbolic=True, lower=_broadcast_to_lower, reference=lambda node, x, s: np.array(np.broadcast_to(x, [int(d) for d in s])),
          gradient=_broadcast_to_gradient),
)  # fmt: skip


# --- tensors of one value ---------------------------------------------------------------------------------------


def _filled(c):
    if c.known(1) and c.shape(1):
        c.fail(f"Shape must be rank 0 but is rank {len(c.shape(1))}")
    if c.known(0) and len(c.shape(0)) == 1 and any(isinstance(d, int) and d == -1 for d in c.sizes(0)):
        c.fail_in_run("Dimension -1 must be >= 0")
        c.fail("Fill dimensions must be >= 0")
    return sized_by_input(0)(c)


def _fill_lower(c, node):
    c.emit("fill", [node.inputs[1]], node.outputs)


def _fill_gradient(op, grad):
    from .reduce import reduce_sum

    return [None, reduce_sum(grad)]


def _one_value(number):
    """Every element of an output like the input is `number`."""

    def lower(c, node):
        x = node.inputs[0]
        c.emit("fill", [c.literal(np.asarray(number, x.dtype.as_numpy_dtype))], node.outputs)

    return lower


register(
    OpDef("Fill", "dims: index_type, value: T", "output: T", ranks={"dims": 1, "value": 0},
          attrs={"index_type": dtypes.int32}, types={"index_type": kinds.INDEX}, shape=_filled,
          symbolic=True, lower=_fill_lower, reference=lambda node, dims, x: np.full([int(d) for d in dims], x),
          gradient=_fill_gradient),
    OpDef("ZerosLike", "x: T", "y: T", shape=unchanged, lower=_one_value(0), gradient=no_gradient,
          reference=lambda node, x: np.full_like(x, b"" if x.dtype == object else 0)),
    OpDef("OnesLike", "x: T", "y: T", types={"T": kinds.NUMBER | kinds.BOOL}, shape=unchanged, lower=_one_value(1), gradient=no_gradient,
          reference=lambda node, x: np.ones_like(x)),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def shape(input, name=None, out_type=dtypes.int32):
    """The shape of a tensor, as a 1-D tensor; a constant where it is known."""
    return shape_internal(input, name, True, out_type)


def shape_internal(input, name=None, optimize=True, out_type=dtypes.int32):
    """`shape`; with `optimize` False always a Shape node."""
    with name_scope(name, "Shape", [input]) as scope:
        if type(input).__name__ in ("SparseTensor", "SparseTensorValue"):
            return cast(input.dense_shape, out_type)
        if isinstance(input, IndexedSlices):
            return input.dense_shape
        input = convert_to_tensor(input)
        if optimize and is_defined(input._shape):
            dtype = dtypes.int32 if out_type is None else dtypes.as_dtype(out_type)
            return constant(np.array(input._shape, dtype.as_numpy_dtype), name=scope)
        return apply_op("Shape", [input], {"out_type": out_type}, scope)


def shape_n(input, out_type=dtypes.int32, name=None):
    """The shapes of a list of tensors."""
    return apply_op("ShapeN", [input], {"out_type": out_type}, name)


def size(input, name=None, out_type=dtypes.int32):
    """The number of elements of a tensor; a constant where it is known."""
    with name_scope(name, "Size", [input]) as scope:
        input = convert_to_tensor(input)
        if is_defined(input._shape):
            dtype = dtypes.int32 if out_type is None else dtypes.as_dtype(out_type)
            total = np.prod(input._shape, dtype=np.int64)
            # One that is too large wraps around, as in TensorFlow.
            return constant(total.astype(dtype.as_numpy_dtype), dtype, name=scope)
        return apply_op("Size", [input], {"out_type": out_type}, scope)


def rank(input, name=None):
    """The number of axes of a tensor; a constant where it is known."""
    return rank_internal(input, name, True)


def rank_internal(input, name=None, optimize=True):
    """`rank`; with `optimize` False always a Rank node."""
    with name_scope(name, "Rank", [input]) as scope:
        input = convert_to_tensor(input)
        if optimize and input._shape is not None:
            return constant(len(input._shape), dtypes.int32, name=scope)
        return apply_op("Rank", [input], name=scope)


def reshape(tensor, shape, name=None):
    """The elements of a tensor in another shape; one size may be -1, which is worked out.

    Raises:
      ValueError: where the number of elements differs, when that is known.
    """
    return apply_op("Reshape", [tensor, _shape_list(shape)], name=name)


def _shape_list(shape):
    if isinstance(shape, TensorShape):
        return [-1 if d is None else d for d in shape.as_list()]
    return shape


def expand_dims(input, axis=None, name=None, dim=None):
    """A tensor with an axis of size 1 put in at `axis`.

    Raises:
      ValueError: where no axis is given, or the axis is out of range.
    """
    if axis is not None and dim is not None:
        raise ValueError("Cannot specify both 'dim' and 'axis'")
    axis = dim if axis is None else axis
    if axis is None:
        raise ValueError("Must specify an axis argument to tf.expand_dims()")
    return apply_op("ExpandDims", [input, axis], name=name)


def squeeze(input, axis=None, name=None, squeeze_dims=None):
    """A tensor without its axes of size 1, or without those of `axis`.

    Raises:
      ValueError: where a size of `axis` is not 1.
    """
    if axis is not None and squeeze_dims is not None:
        raise ValueError("Cannot specify both 'squeeze_dims' and 'axis'")
    axis = squeeze_dims if axis is None else axis
    if axis is None:
        axis = []
    elif np.isscalar(axis):
        axis = [axis]
    return apply_op("Squeeze", [input], {"squeeze_dims": [int(a) for a in axis]}, name)


def transpose(a, perm=None, name="transpose", conjugate=False):
    """A tensor with its axes in the order `perm`, in reverse order by default.

    Args:
      a: a tensor.
      perm: a permutation of its axes.
      name: the node's name.
      conjugate: whether complex numbers become their conjugates.
    """
    with name_scope(name, "transpose", [a]) as scope:
        a = convert_to_tensor(a, name="a") if perm is None or conjugate else a
        if perm is None:
            if not a._shape:
                count = rank_internal(a, optimize=False)
                perm = (count - 1) - apply_op("Range", [0, count, 1])
            else:
                perm = np.arange(len(a._shape), dtype=np.int32)[::-1]
        conjugate = conjugate and a.dtype.is_complex
        return apply_op("ConjugateTranspose" if conjugate else "Transpose", [a, perm], name=scope)


def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """A tensor with its last two axes exchanged.

    Raises:
      ValueError: where it has less than two axes.
    """
    with name_scope(name, values=[a]):
        a = convert_to_tensor(a, name="a")
        if a._shape is not None:
            axes = len(a._shape)
            if axes < 2:
                raise ValueError(f"Argument 'a' should be a (batch) matrix, with rank >= 2.  Found: {a.get_shape()}")
            perm = [*builtins.range(axes - 2), axes - 1, axes - 2]
        else:
            count = rank(a)
            leading = apply_op("Range", [0, count - 2, 1])
            perm = concat([leading, [count - 1, count - 2]], 0)
        return transpose(a, perm=perm, conjugate=conjugate)


def invert_permutation(x, name=None):
    """The permutation that undoes another."""
    return apply_op("InvertPermutation", [x], name=name)


def tile(input, multiples, name=None):
    """A tensor repeated `multiples[i]` times along axis i."""
    return apply_op("Tile", [input, multiples], name=name)


def broadcast_to(input, shape, name=None):
    """A tensor broadcast to a shape."""
    return apply_op("BroadcastTo", [input, _shape_list(shape)], name=name)


def broadcast_static_shape(shape_x, shape_y):
    """The shape to which two known shapes are broadcast.

    Raises:
      ValueError: where they cannot be.
    """
    shape_x, shape_y = as_shape(shape_x), as_shape(shape_y)
    if shape_x.ndims is None or shape_y.ndims is None:
        return TensorShape(None)
    x, y = shape_x.as_list(), shape_y.as_list()
    rank = builtins.max(len(x), len(y))
    x, y = [1] * (rank - len(x)) + x, [1] * (rank - len(y)) + y
    found = []
    for a, b in zip(x, y):
        if a == 1 or (a is None and b is not None and b > 1):
            found.append(b)
        elif b == 1 or b is None or a is None or a == b:
            found.append(a if a is not None or b == 1 else b)
        else:
            raise ValueError(f"Incompatible shapes for broadcasting: {shape_x} and {shape_y}")
    return TensorShape(found)


def broadcast_dynamic_shape(shape_x, shape_y):
    """The shape to which two shapes, as tensors, are broadcast."""
    return apply_op("BroadcastArgs", [shape_x, shape_y])


def fill(dims, value, name=None):
    """A tensor of shape `dims` in which every element is `value`."""
    return apply_op("Fill", [_shape_list(dims), value], name=name)


def _constant_tensor(number):
    """`zeros` and `ones`: a constant where it is small, else a Fill node."""

    def function(shape, dtype=dtypes.float32, name=None):
        dtype = dtypes.as_dtype(dtype).base_dtype
        value = number
        if dtype == dtypes.bool:
            value = bool(number)
        elif dtype == dtypes.string and not number:
            value = ""
        if isinstance(shape, np.ndarray) and not shape.ndim:
            shape = shape[()]
        with name_scope(name, "ones" if number else "zeros", [shape]) as scope:
            if not hasattr(shape, "op"):
                known = _known_dims(shape)
                if known is not None and not isinstance(shape, (int, np.integer)) and math.prod(known) < _LARGEST_CONST:
                    return constant(value, shape=known, dtype=dtype, name=scope)
                _compare_with_limit(shape)
                shape = _as_vector(known if known is not None else shape)
            if not hasattr(shape, "_shape") or shape._shape is None or len(shape._shape) != 1:
                shape = reshape(shape, [-1])
            return fill(shape, constant(value, dtype=dtype), name=scope)

    function.__name__ = function.__qualname__ = "ones" if number else "zeros"
    function.__doc__ = f"A tensor in which every element is {number}."
    return function


def _known_dims(shape):
    """A shape as a list of ints, or None where a part of it is a tensor or not known."""
    if isinstance(shape, TensorShape):
        return shape.as_list() if shape.is_fully_defined() else None
    if isinstance(shape, (int, np.integer)):
        return [int(shape)]
    if isinstance(shape, np.ndarray):
        shape = shape.tolist()
    if isinstance(shape, (list, builtins.tuple)):
        dims = [getattr(d, "value", d) for d in shape]
        dims = [int(d) if isinstance(d, float) and d.is_integer() else d for d in dims]
        return [int(d) for d in dims] if all(isinstance(d, (int, np.integer)) for d in dims) else None
    return None


def _compare_with_limit(shape):
    """Adds the nodes of TensorFlow's attempt to compare sizes that are tensors: default op seeds count nodes."""
    if isinstance(shape, (list, builtins.tuple)) and any(hasattr(d, "op") for d in shape):
        total = shape[0]
        for d in shape[1:]:
            total = total * d
        total < _LARGEST_CONST  # noqa: B015


def _as_vector(shape):
    if isinstance(shape, list) and all(isinstance(d, int) for d in shape):
        return convert_to_tensor(np.array(shape, np.int32), name="shape_as_tensor")
    return convert_to_tensor(shape, dtype=dtypes.int32)


zeros = _constant_tensor(0)
ones = _constant_tensor(1)


def zeros_like(tensor, dtype=None, name=None, optimize=True):
    """A tensor of zeros like another one, which may be of another dtype."""
    with name_scope(name, "zeros_like", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name="tensor")
        wanted = tensor.dtype.base_dtype if dtype is None else dtypes.as_dtype(dtype)
        if optimize and is_defined(tensor._shape) and wanted.name != "variant":
            return zeros(list(tensor._shape), dtype=wanted, name=scope)
        if wanted != tensor.dtype.base_dtype:
            return zeros(shape_internal(tensor, optimize=optimize), dtype=wanted, name=scope)
        return apply_op("ZerosLike", [tensor], name=scope)


def ones_like(tensor, dtype=None, name=None, optimize=True):
    """A tensor of ones like another one, which may be of another dtype."""
    with name_scope(name, "ones_like", [tensor]) as scope:
        tensor = convert_to_tensor(tensor, name="tensor")
        form = shape_internal(tensor, optimize=optimize)
        wanted = tensor.dtype.base_dtype if dtype is None else dtypes.as_dtype(dtype)
        found = ones(form, dtype=wanted, name=scope)
        found.set_shape(tensor.get_shape())
        return found
