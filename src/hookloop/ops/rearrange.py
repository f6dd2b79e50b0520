"""The same elements elsewhere: rolled, reversed by sequence, blocks of space moved to depth or batch; bits retyped."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..shapes import UNKNOWN
from . import kinds
from .array import ones, reshape, size
from .build import apply_op, convert_to_tensor
from .registry import OpDef, register
from .shape_functions import one_of, picked, unchanged
from .tensor_util import constant_value

__all__ = [
    "batch_to_space", "batch_to_space_nd", "bitcast", "depth_to_space", "meshgrid", "required_space_to_batch_paddings",
    "reverse_sequence", "roll", "space_to_batch", "space_to_batch_nd", "space_to_depth",
]  # fmt: skip


def _zero(c, dtype):
    return c.literal(np.zeros((), dtype.as_numpy_dtype))


# --- roll -----------------------------------------------------------------------------------------------------


def _rolled(c):
    for i in (1, 2):
        if c.known(i) and len(c.shape(i)) > 1:
            c.fail(f"Shape must be at most rank 1 but is rank {len(c.shape(i))}")
    if c.known(1) and c.known(2):
        c.merge_shapes(c.shape(1), c.shape(2))
    if c.known(0) and not c.shape(0):
        c.fail("Shape must be at least rank 1 but is rank 0")
    return unchanged(c)


def _roll_lower(c, node):
    x, out = node.inputs[0], node.outputs[0]
    shifts = _shifts(c, len(x.shape))
    if not shifts:
        c.alias(out, x)
        return
    for step, (axis, shift) in enumerate(shifts.items()):
        target = out if step == len(shifts) - 1 else c.temp(x.dtype, x.shape)
        c.prepare(target)
        _roll_axis(c, x, target, axis, shift)
        x = target


def _shifts(c, rank):
    """{axis: how far it is shifted}; of all axes, where only the run tells which ones are."""
    if c.computed(2):
        named = [one_of(c, c.index(axis, rank), rank) for axis in c.sizes(2)]
        return {axis: picked(c.sizes(1), [choice[axis] for choice in named]) for axis in range(rank)}
    shifts = {}
    for shift, axis in zip(c.sizes(1), np.ravel(c.constant(2))):
        if not -rank <= axis < rank:
            c.fail(f"axis {axis} is out of range")
        axis = int(axis) % rank
        shifts[axis] = shifts.get(axis, 0) + shift
    return shifts


def _roll_axis(c, x, out, axis, shift):
    """The last `shift` elements come first, the others behind them."""
    length = x.shape[axis]
    shift = 0 if isinstance(length, int) and not length else shift % length
    own, strides = c.strides(x), c.strides(out)
    for count, start, at in ((length - shift, 0, shift), (shift, length - shift, 0)):
        part = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        taken = c.temp(x.dtype, part)
        c.view(taken, x, own, start * own[axis])
        c.emit("copy", [taken], [c.window(out, part, strides, at * strides[axis])])


def _roll_reference(node, x, shift, axis):
    axes = tuple(int(a) for a in np.ravel(axis))
    return np.roll(x, tuple(int(s) for s in np.ravel(shift)), axes) if axes else np.asarray(x)


# --- reversed sequences ---------------------------------------------------------------------------------------


def _sequence_shape(c):
    shape = c.shape(0)
    sequence, batch = c.attr("seq_dim"), c.attr("batch_dim")
    for name, axis in (("seq_dim", sequence), ("batch_dim", batch)):
        if axis >= len(shape):
            c.fail(f"{name} must be < input rank: {axis} vs. {len(shape)}")
        if axis < 0:
            c.fail_in_run(f"{name} must not be negative, but is {axis}")
    if batch == sequence:
        c.fail_in_run(f"batch_dim == seq_dim == {batch}")
    if c.known(1) and batch >= 0:
        return (*shape[:batch], c.merge(shape[batch], c.shape(1)[0]), *shape[batch + 1 :])
    return shape


def _sequence_reference(node, x, lengths):
    sequence, batch = node.attrs["seq_dim"], node.attrs["batch_dim"]
    out = np.moveaxis(np.array(x), (batch, sequence), (0, 1))
    for row, length in zip(out, lengths):
        if not 0 <= length <= len(row):
            raise ValueError(f"seq_lens({length}) > input.dims(seq_dim): {length} > {len(row)}")
        row[:length] = row[:length][::-1].copy()
    return np.moveaxis(out, (0, 1), (batch, sequence))


# --- space and depth ------------------------------------------------------------------------------------------


def _image_axes(c):
    """Where batch, height, width and channels are."""
    layout = c.attr("data_format").decode()
    if layout not in ("NHWC", "NCHW"):
        c.fail(f"data_format must be NHWC or NCHW, but is {layout}")
    if len(c.shape(0)) != 4:
        c.fail(f"Shape must be rank 4 but is rank {len(c.shape(0))}")
    return [layout.index(letter) for letter in "NHWC"]


def _depth_shape(to_depth):
    def shape(c):
        if not c.known(0):
            return (UNKNOWN,) * 4
        found = list(c.shape(0))
        block = c.attr("block_size")
        _, height, width, depth = _image_axes(c)
        for axis in (height, width):
            found[axis] = c.infer(found[axis], block) if to_depth else found[axis] * block
        found[depth] = found[depth] * (block * block) if to_depth else c.infer(found[depth], block * block)
        return tuple(found)

    return shape


def _blocks(c, image, deep, block):
    """Strides of an image and of its deep form over (batch, rows, columns, row in block, column in block, channel)."""
    batch, height, width, depth = _image_axes(c)
    own, of_deep = c.strides(image), c.strides(deep)
    channels = image.shape[depth]
    dims = (image.shape[batch], deep.shape[height], deep.shape[width], block, block, channels)
    in_image = (own[batch], own[height] * block, own[width] * block, own[height], own[width], own[depth])
    step = of_deep[depth]
    in_deep = (of_deep[batch], of_deep[height], of_deep[width], step * channels * block, step * channels, step)
    return dims, in_image, in_deep


def _depth_lower(to_depth):
    def lower(c, node):
        (x,), (out,) = node.inputs, node.outputs
        image, deep = (x, out) if to_depth else (out, x)
        dims, in_image, in_deep = _blocks(c, image, deep, c.attr("block_size"))
        _copy_blocks(c, x, out, dims, *((in_image, in_deep) if to_depth else (in_deep, in_image)))

    return lower


def _copy_blocks(c, x, out, dims, strides, into):
    seen = c.temp(x.dtype, dims)
    c.view(seen, x, strides)
    c.prepare(out)
    c.emit("copy", [seen], [c.window(out, dims, into)])


def _depth_reference(to_depth):
    def reference(node, x):
        block, layout = node.attrs["block_size"], node.attrs["data_format"].decode()
        order = [layout.index(letter) for letter in "NHWC"]
        x = np.transpose(x, order)
        b, h, w, d = x.shape
        if to_depth:
            parts = x.reshape(b, h // block, block, w // block, block, d).transpose(0, 1, 3, 2, 4, 5)
            y = parts.reshape(b, h // block, w // block, block * block * d)
        else:
            channels = d // (block * block)
            parts = x.reshape(b, h, w, block, block, channels).transpose(0, 1, 3, 2, 4, 5)
            y = parts.reshape(b, h * block, w * block, channels)
        return np.transpose(y, np.argsort(order))

    return reference


def _other_depth(type):
    def gradient(op, grad):
        attrs = {"block_size": op.get_attr("block_size"), "data_format": op.get_attr("data_format")}
        return [apply_op(type, [grad], attrs)]

    return gradient


# --- space and batch ------------------------------------------------------------------------------------------


def _block_of(c):
    return c.sizes(1)


def _pairs(sizes):
    return list(zip(sizes[::2], sizes[1::2]))


def _in_blocks(c, size_of):
    """The shape of input 0 with its batch and axes of blocks by size_of(batch, length, block, before, behind)."""
    shape = c.shape(0)
    c.fallback((UNKNOWN,) * len(shape))
    block = _block_of(c)
    _check_padding(c, block)
    batch, dims = shape[0], []
    if any(isinstance(b, int) and b < 1 for b in block):
        c.fail("block_shape must be positive")
    for length, b, (before, behind) in zip(shape[1:], block, _padding(c, len(block))):
        batch, dim = size_of(batch, length, b, before, behind)
        dims.append(dim)
    return (batch, *dims, *shape[1 + len(block) :])


def _to_batch_shape(c):
    def size_of(batch, length, b, before, behind):
        return batch * b, c.infer(length + before + behind, b)

    return _in_blocks(c, size_of)


def _check_padding(c, block):
    """Refuses paddings or crops that are not a pair for each size of the block."""
    if len(c.shape(0)) <= len(block):
        c.fail(f"input rank should be >= {len(block) + 1} instead of {len(c.shape(0))}")
    pairs = c.shape(2) if c.known(2) else ()
    for d, wanted in zip(pairs, (len(block), 2)):
        if isinstance(d, int) and d != wanted:
            name = c.op.op_def.inputs.split(", ")[2].split(":")[0]
            c.fail(f"{name} should have shape [{len(block)}, 2] instead of {list(pairs)}")
        c.merge(d, wanted)


def _padding(c, count):
    """The pairs of input 2, unknown where the matrix is."""
    found = c.value(2)
    if found is None:
        return [(UNKNOWN, UNKNOWN)] * count if hasattr(c, "_fallback") else _pairs([c.natural(d) for d in c.sizes(2)])
    found = [d if not isinstance(d, np.integer) else int(d) for d in found.ravel()]
    if any(isinstance(d, int) and d < 0 for d in found):
        c.fail(f"{'paddings' if c.op.type == 'SpaceToBatchND' else 'crops'} cannot be negative")
    return _pairs([c.natural(d) for d in found])


def _to_batch_lower(c, node):
    x, out = node.inputs[0], node.outputs[0]
    block = _block_of(c)
    count = len(block)
    padding = _padding(c, count)
    if any(not (isinstance(p, int) and p == 0) for pair in padding for p in pair):
        dims = [d + a + b for d, (a, b) in zip(x.shape[1:], padding)]
        padded = c.temp(x.dtype, (x.shape[0], *dims, *x.shape[1 + count :]))
        c.prepare(padded)
        c.emit("fill", [_zero(c, x.dtype)], [padded])
        strides = c.strides(padded)
        offset = sum((a * s for (a, _), s in zip(padding, strides[1:])), 0)
        c.emit("copy", [x], [c.window(padded, x.shape, strides, offset)])
        x = padded
    _copy_blocks(c, x, out, *_batch_blocks(c, x, out, block))


def _batch_blocks(c, space, batches, block):
    """Dims, strides in the space and strides in the batches over (place in block..., batch, blocks..., rest)."""
    count = len(block)
    own, of_batches = c.strides(space), c.strides(batches)
    dims = (*block, space.shape[0], *batches.shape[1:])
    in_space = (*own[1 : 1 + count], own[0], *(s * b for s, b in zip(own[1:], block)), *own[1 + count :])
    steps, step = [], of_batches[0] * space.shape[0]
    for b in reversed(block):
        steps.append(step)
        step = step * b
    return dims, in_space, (*reversed(steps), *of_batches)


def _to_space_shape(c):
    def size_of(batch, length, b, before, behind):
        dim = length * b - before - behind
        if isinstance(dim, int) and dim < 0:
            c.fail(f"Negative dimension size caused by subtracting {before + behind} from {length * b}")
        dim = c.natural(dim)
        return c.infer(batch, b), dim

    return _in_blocks(c, size_of)


def _to_space_lower(c, node):
    x, out = node.inputs[0], node.outputs[0]
    block = _block_of(c)
    crops = _padding(c, len(block))
    cropped = any(not (isinstance(p, int) and p == 0) for pair in crops for p in pair)
    whole = out
    if cropped:
        dims = [d * b for d, b in zip(x.shape[1:], block)]
        whole = c.temp(x.dtype, (out.shape[0], *dims, *x.shape[1 + len(block) :]))
    dims, in_space, in_batches = _batch_blocks(c, whole, x, block)
    _copy_blocks(c, x, whole, dims, in_batches, in_space)
    if cropped:
        strides = c.strides(whole)
        c.view(out, whole, strides, sum((a * s for (a, _), s in zip(crops, strides[1:])), 0))


def _to_batch_reference(node, x, block, paddings):
    block = [int(b) for b in block]
    count, rest = len(block), x.shape[1 + len(block) :]
    x = np.pad(x, [(0, 0), *((int(a), int(b)) for a, b in paddings), *((0, 0) for _ in rest)])
    split = [x.shape[0]]
    for d, b in zip(x.shape[1:], block):
        split += [d // b, b]
    order = [2 + 2 * i for i in range(count)] + [0] + [1 + 2 * i for i in range(count)]
    parts = x.reshape(*split, *rest).transpose(*order, *range(len(split), len(split) + len(rest)))
    return parts.reshape(x.shape[0] * int(np.prod(block)), *(d // b for d, b in zip(x.shape[1:], block)), *rest)


def _to_space_reference(node, x, block, crops):
    block = [int(b) for b in block]
    count, rest = len(block), x.shape[1 + len(block) :]
    batch = x.shape[0] // int(np.prod(block))
    parts = x.reshape(*block, batch, *x.shape[1:])
    order = [count]
    for i in range(count):
        order += [count + 1 + i, i]
    parts = parts.transpose(*order, *range(2 * count + 1, parts.ndim))
    whole = parts.reshape(batch, *(d * b for d, b in zip(x.shape[1:], block)), *rest)
    key = [slice(None)] + [slice(int(a), whole.shape[1 + i] - int(b)) for i, (a, b) in enumerate(crops)]
    return whole[tuple(key)]


# --- bits -----------------------------------------------------------------------------------------------------


def _bitcast_shape(c):
    shape = c.shape(0)
    own, wanted = c.dtype(0).size, c.attr("type").size
    if own == wanted:
        return shape
    if own > wanted:
        return (*shape, own // wanted)
    if not shape or (isinstance(shape[-1], int) and shape[-1] != wanted // own):
        c.fail(f"Cannot bitcast due to shape. {shape[-1] if shape else 1} does not match {wanted // own}")
    c.merge(shape[-1], wanted // own)
    return shape[:-1]


def _bitcast_reference(node, x):
    wanted = np.dtype(node.attrs["type"].as_numpy_dtype)
    x = np.ascontiguousarray(x).reshape(np.shape(x))  # NumPy gives a scalar an axis
    if x.dtype.itemsize == wanted.itemsize:
        return x.view(wanted)
    if x.dtype.itemsize > wanted.itemsize:
        return x[..., None].view(wanted)
    return x.view(wanted)[..., 0]


_BLOCKS = {"Tblock_shape": kinds.INDEX}
_LAYOUT = {"block_size": None, "data_format": "NHWC"}
_LEAST_BLOCK = {"block_size": 2}

register(
    OpDef("Roll", "input: T, shift: Tshift, axis: Taxis", "output: T", types={"Tshift": kinds.INDEX, "Taxis": kinds.INDEX},
          shape=_rolled, lower=_roll_lower, can_fail=True, reference=_roll_reference,
          gradient=lambda op, grad: [roll(grad, -op.inputs[1], op.inputs[2]), None, None]),
    OpDef("ReverseSequence", "input: T, seq_lengths: Tlen", "output: T", ranks={"seq_lengths": 1},
          attrs={"seq_dim": None, "batch_dim": 0, "Tlen": dtypes.int64}, types={"Tlen": kinds.INDEX}, shape=_sequence_shape,
          kernel="reverse_sequence", params=lambda node: (node.attrs["seq_dim"], node.attrs["batch_dim"]), can_fail=True,
          reference=_sequence_reference,
          gradient=lambda op, grad: [
              reverse_sequence(grad, op.inputs[1], seq_axis=op.get_attr("seq_dim"), batch_axis=op.get_attr("batch_dim")), None]),
    OpDef("SpaceToDepth", "input: T", "output: T", attrs=_LAYOUT, minima=_LEAST_BLOCK, shape=_depth_shape(True), lower=_depth_lower(True),
          reference=_depth_reference(True), gradient=_other_depth("DepthToSpace")),
    OpDef("DepthToSpace", "input: T", "output: T", attrs=_LAYOUT, minima=_LEAST_BLOCK, shape=_depth_shape(False), lower=_depth_lower(False),
          reference=_depth_reference(False), gradient=_other_depth("SpaceToDepth")),
    OpDef("SpaceToBatchND", "input: T, block_shape: Tblock_shape, paddings: Tpaddings", "output: T", ranks={"block_shape": 1, "paddings": 2},
          attrs={"Tblock_shape": dtypes.int32, "Tpaddings": dtypes.int32}, types={**_BLOCKS, "Tpaddings": kinds.INDEX},
          shape=_to_batch_shape, lower=_to_batch_lower, reference=_to_batch_reference,
          gradient=lambda op, grad: [apply_op("BatchToSpaceND", [grad, *op.inputs[1:]]), None, None]),
    OpDef("BatchToSpaceND", "input: T, block_shape: Tblock_shape, crops: Tcrops", "output: T", ranks={"block_shape": 1, "crops": 2},
          attrs={"Tblock_shape": dtypes.int32, "Tcrops": dtypes.int32}, types={**_BLOCKS, "Tcrops": kinds.INDEX},
          shape=_to_space_shape, lower=_to_space_lower, reference=_to_space_reference,
          gradient=lambda op, grad: [apply_op("SpaceToBatchND", [grad, *op.inputs[1:]]), None, None]),
    OpDef("Bitcast", "input: T", "output: type", attrs={"type": None}, types={"T": kinds.NUMBER | kinds.QUANTIZED, "type": kinds.NUMBER | kinds.QUANTIZED},
          shape=_bitcast_shape, kernel="bitcast", reference=_bitcast_reference),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def roll(input, shift, axis, name=None):
    """A tensor with its elements shifted along axes; what leaves at one end comes in at the other.

    Args:
      input: a tensor.
      shift: how far towards larger indices, a number or one for each axis.
      axis: an axis, or several; the shifts of one that is named twice add up.
      name: the node's name.
    """
    return apply_op("Roll", [input, shift, axis], name=name)


def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None, name=None, seq_dim=None, batch_dim=None):
    """A tensor with the first seq_lengths[i] elements along `seq_axis` in reverse order, for element i of the batch."""
    seq_axis = seq_dim if seq_axis is None else seq_axis
    batch_axis = batch_dim if batch_axis is None else batch_axis
    return apply_op("ReverseSequence", [input, seq_lengths], {"seq_dim": seq_axis, "batch_dim": batch_axis or 0}, name)


def space_to_depth(input, block_size, name=None, data_format="NHWC"):
    """Images with each block of block_size x block_size pixels made the channels of one."""
    return apply_op("SpaceToDepth", [input], {"block_size": block_size, "data_format": data_format.encode()}, name)


def depth_to_space(input, block_size, name=None, data_format="NHWC"):
    """Images with the channels of each pixel made a block of block_size x block_size pixels."""
    return apply_op("DepthToSpace", [input], {"block_size": block_size, "data_format": data_format.encode()}, name)


def space_to_batch_nd(input, block_shape, paddings, name=None):
    """Pads the axes behind the batch with zeros, and makes each place in a block a batch of its own.

    Args:
      input: [batch, space..., rest...].
      block_shape: the sizes of a block, one for each axis of space.
      paddings: [axes, 2], zeros before and behind; the padded sizes are multiples of the block's.
      name: the node's name.
    """
    return apply_op("SpaceToBatchND", [input, block_shape, paddings], name=name)


def batch_to_space_nd(input, block_shape, crops, name=None):
    """Undoes space_to_batch_nd; `crops` is what is cut off before and behind."""
    return apply_op("BatchToSpaceND", [input, block_shape, crops], name=name)


def space_to_batch(input, paddings, block_size=None, name=None, block_shape=None):
    """`space_to_batch_nd` of images, with square blocks."""
    block = block_size if block_shape is None else block_shape
    result = space_to_batch_nd(input, np.array([block, block]) if np.ndim(block) == 0 else block, paddings, name)
    result.set_shape(result.get_shape().with_rank(4))
    return result


def batch_to_space(input, crops, block_size, name=None, block_shape=None):
    """`batch_to_space_nd` of images, with square blocks."""
    block = block_size if block_shape is None else block_shape
    result = batch_to_space_nd(input, np.array([block, block]) if np.ndim(block) == 0 else block, crops, name)
    result.set_shape(result.get_shape().with_rank(4))
    return result


def required_space_to_batch_paddings(input_shape, block_shape, base_paddings=None, name=None):
    """The paddings and crops with which space_to_batch_nd can divide a shape into blocks.

    Args:
      input_shape: the sizes of the axes of space.
      block_shape: the sizes of a block.
      base_paddings: [axes, 2], the least paddings; zeros by default.
      name: the nodes' scope.

    Returns:
      (paddings, crops), int32 [axes, 2].
    """
    from .array import zeros
    from .slicing import stack

    with name_scope(name, "required_space_to_batch_paddings", [input_shape, block_shape]):
        sizes = convert_to_tensor(input_shape, dtype=dtypes.int32, name="input_shape")
        block = convert_to_tensor(block_shape, dtype=dtypes.int32, name="block_shape")
        axes = block._shape[0]
        if base_paddings is None:
            base = zeros([axes, 2], dtypes.int32)
        else:
            base = convert_to_tensor(base_paddings, dtype=dtypes.int32, name="base_paddings")
        known = [constant_value(t) for t in (sizes, block, base)]
        if all(k is not None for k in known):
            sizes, block, base = known
        before, behind = base[:, 0], base[:, 1]
        total = sizes + before + behind
        missing = (block - total % block) % block
        behind = behind + missing
        paddings = stack([[before[i], behind[i]] for i in range(axes)], name="paddings")
        crops = stack([[0, missing[i]] for i in range(axes)], name="crops")
        return paddings, crops


def bitcast(input, type, name=None):
    """The bytes of a tensor taken as another dtype; where sizes differ, the last axis comes or goes."""
    return apply_op("Bitcast", [input], {"type": dtypes.as_dtype(type)}, name)


def meshgrid(*args, **kwargs):
    """Vectors broadcast to the grid of all combinations of their elements.

    Args:
      *args: vectors.
      indexing: "xy": the first two axes of the results are those of the second and the first vector; "ij": in order.
      name: the nodes' scope.

    Raises:
      TypeError: for another keyword.
      ValueError: for another indexing.
    """
    indexing = kwargs.pop("indexing", "xy")
    name = kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function")
    if indexing not in ("xy", "ij"):
        raise ValueError("indexing parameter must be either 'xy' or 'ij'")
    from .slicing import stack

    with name_scope(name, "meshgrid", args):
        count = len(args)
        ahead = (1,) * count
        grids = [reshape(stack(x), (*ahead[:i], -1, *ahead[i + 1 :])) for i, x in enumerate(args)]
        sizes = [size(x) for x in args]
        dtype = convert_to_tensor(args[0]).dtype.base_dtype if args else None
        if indexing == "xy" and count > 1:
            grids[0] = reshape(grids[0], (1, -1) + (1,) * (count - 2))
            grids[1] = reshape(grids[1], (-1, 1) + (1,) * (count - 2))
            sizes[0], sizes[1] = sizes[1], sizes[0]
        whole = ones(sizes, dtype=dtype) if grids else None
        return [x * whole for x in grids]
