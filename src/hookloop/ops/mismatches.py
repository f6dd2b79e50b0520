"""What TensorFlow says of shapes and sizes that only a run finds unfit, by the type of the op that refuses them."""

from __future__ import annotations

import math
import re

import numpy as np

from .reshaping import PLACES
from .shape_context import is_known, partial_value

__all__ = ["NOT_IMPLEMENTED", "explained", "explained_of_array", "mirrored", "unlike_part"]

NOT_IMPLEMENTED = {"ResourceStridedSliceAssign", "StridedSliceAssign"}  # what TensorFlow may once do with unequal sizes


def _text(shape):
    """A shape as TensorFlow writes it in messages; "?" is a size that is not known."""
    if shape is None:
        return "<unknown>"
    return "[" + ",".join(str(d) if isinstance(d, int) else "?" for d in shape) + "]"


def _known(op, i):
    """The elements of input i as a flat list, or None where they are not known before the run."""
    value = partial_value(op.inputs[i])
    return [int(v) for v in np.ravel(value)] if value is not None and is_known(value) else None


def _different(shapes):
    """The first of several shapes, the place of the first that differs from it, and that one."""
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            return _text(shapes[0]), i, _text(shape)
    return _text(shapes[0]), len(shapes) - 1, _text(shapes[-1])


# --- two sizes that should be equal ---------------------------------------------------------------------------------


def _products(op, shapes, a, b):
    left, right = map(_text, shapes)
    if shapes[0] is None or shapes[1] is None or len(shapes[0]) < 2 or len(shapes[1]) < 2:
        return f"In[0] and In[1] must be matrices: {left} {right}"
    x, y = op.get_attr("adj_x"), op.get_attr("adj_y")
    inner = shapes[0][-2 if x else -1], shapes[1][-1 if y else -2]
    if inner[0] != inner[1]:
        return f"In[0] mismatch In[1] shape: {inner[0]} vs. {inner[1]}: {left} {right} {int(x)} {int(y)}"
    return f"In[0] and In[1] must have compatible batch dimensions: {left} vs. {right}"


def _joined(op, shapes, a, b):
    first, i, other = _different(shapes[:-1])
    return f"ConcatOp : Dimensions of inputs should match: shape[0] = {first} vs. shape[{i}] = {other}"


def _stacked(op, shapes, a, b):
    first, i, other = _different(shapes)
    return f"Shapes of all inputs must match: values[0].shape = {first} != values[{i}].shape = {other}"


def _same(op, shapes, a, b):
    first, i, other = _different(shapes)
    if op.type == "Select" and shapes[1] != shapes[2]:
        first, i, other = _text(shapes[1]), 2, _text(shapes[2])
    return (
        f"Inputs to operation {op.name} of type {op.type} must have the same size and shape.  "
        f"Input 0: {first} != input {i}: {other}"
    )


def _reshaped(op, shapes, a, b):
    wanted = _known(op, 1)
    needs = "requires a multiple of" if wanted is not None and -1 in wanted and b else "has"
    if shapes[0] is not None and None not in shapes[0] and b == math.prod(shapes[0]):
        a, b = b, a  # they come in the order in which they were compared
    return f"Input to reshape is a tensor with {a} values, but the requested shape {needs} {b}"


def _ensured(op, shapes, a, b):
    wanted = ",".join("?" if d is None else str(d) for d in op.get_attr("shape").as_list())
    return (
        f"Shape of tensor {op.inputs[0].op.name} {_text(shapes[0])} is not compatible with expected shape [{wanted}]: "
        f"sizes {a} and {b} do not fit"
    )


def _squeezed(op, shapes, a, b):
    axis = next((i for i in op.get_attr("squeeze_dims") if shapes[0] and shapes[0][i] != 1), "?")
    return f"Can not squeeze dim[{axis}], expected a dimension of 1, got {a if b == 1 else b}"


def _split(op, shapes, a, b):
    axis = _known(op, 0)
    number = op.get_attr("num_split")
    return (
        "Number of ways to split should evenly divide the split dimension, but got split_dim "
        f"{axis[0] if axis else '?'} (size = {a}) and num_split {number}"
    )


def _split_sizes(op, shapes, a, b):
    axis = _known(op, 2)
    whole = shapes[0][axis[0]] if axis and shapes[0] else None
    return (
        "Determined shape must either match input shape along split_dim exactly if fully specified, or be less than the "
        f"size of the input along split_dim if not fully specified.  Got: {b if a == whole else a}"
    )


def _unstacked(op, shapes, a, b):
    return f"Input shape axis {op.get_attr('axis')} must equal {op.get_attr('num')}, got shape {_text(shapes[0])}"


def _targets(op, shapes, a, b):
    if shapes[0] and shapes[1] and shapes[0][0] == b and shapes[1][0] == a:
        a, b = b, a
    return f"First dimension of predictions {a} must match length of targets {b}"


def _blocks(op, shapes, a, b):
    block = op.get_attr("block_size")
    if shapes[0] is None or len(shapes[0]) != 4:
        return f"Image sizes should be divisible by block_size: {block}, got {_text(shapes[0])}"
    height, width = shapes[0][1:3]
    return f"Image width {width} and height {height} should be divisible by block_size: {block}"


def _broadcast_to(op, shapes, a, b):
    wanted = _known(op, 1)
    other = _text(wanted) if wanted is not None else f"a size of {b if a in (shapes[0] or ()) else a}"
    return f"Incompatible shapes: {_text(shapes[0])} vs. {other}"


def _sized(text):
    """A text that names the inputs' shapes by their places."""
    return lambda op, shapes, a, b: text.format(*map(_text, shapes))


def _assigned(op, shapes, a, b):
    return f"Assign requires shapes of both tensors to match. lhs shape= {_text(shapes[0]) if shapes[0] else _of_handle(op.inputs[0])} rhs shape= {_text(shapes[1])}"


def _of_handle(tensor):
    """The shape of the variable that a handle is of."""
    shape = tensor.op._attrs.get("shape")
    return _text(tuple(shape.as_list()) if shape is not None and shape.ndims is not None else None)


def _updated(op, shapes, a, b):
    shape = _text(shapes[0]) if shapes[0] else _of_handle(op.inputs[0])
    return (
        f"Cannot update variable with shape {shape} using a Tensor with shape {_text(shapes[1])}, shapes must be equal."
    )


def _element(op, shapes, a, b):
    of_rows = op.type == "TensorArrayScatterV3"
    if of_rows and shapes[1][0] != shapes[2][0]:
        return f"Expected len(indices) == values.shape[0], but saw: {shapes[1][0]} vs. {shapes[2][0]}"
    what = "has another number of axes" if a == b else f"an axis has {b} elements, expected {a}"
    return (
        f"Could not write to TensorArray because the value shape is {_text(shapes[2][of_rows:])} which is incompatible with the "
        f"TensorArray's inferred element shape: {what} (consider setting infer_shape=False)"
    )


def unlike_part(part, shape):
    """What is said of a value that has not the shape of the part of a variable that is assigned."""
    return (
        f"sliced l-value shape {_text(part)} does not match r-value shape {_text(shape)}. "
        "Automatic broadcasting not yet implemented."
    )


def _assigned_part(op, shapes, a, b):
    return unlike_part(shapes[-1], shapes[4])


def _parted(op, shapes, a, b):
    total = b if a == shapes[1][0] else a
    return (
        f"Expected sum of lengths to be equal to values.shape[0], but sum of lengths is {total} and value's shape is: "
        f"{_text(shapes[1])}"
    )


def _of_shapes(op, shapes, a, b):
    """The inputs are shapes themselves, of which two sizes are at hand."""
    return f"Incompatible shapes: sizes {a} and {b} do not fit"


_UNEQUAL = {
    "AccumulateNV2": lambda *_: "Parameters and update must be the same size",
    "AddN": _same,
    "Assign": _sized("Assign requires shapes of both tensors to match. lhs shape= {0} rhs shape= {1}"),
    "AssignVariableOp": _assigned,
    "AssignAddVariableOp": _updated,
    "AssignSubVariableOp": _updated,
    "AssignAdd": _sized("Parameters and update must be the same size: {0} vs. {1}"),
    "AssignSub": _sized("Parameters and update must be the same size: {0} vs. {1}"),
    "BatchMatMul": _products,
    "BatchMatMulV2": _products,
    "BiasAdd": _sized("Must provide as many biases as the last dimension of the input tensor: {1} vs. {0}"),
    "BroadcastGradientArgs": _of_shapes,
    "BroadcastTo": _broadcast_to,
    "ConcatV2": _joined,
    "EnsureShape": _ensured,
    "InTopK": _targets,
    "InTopKV2": _targets,
    "MatMul": _sized("Matrix size-incompatible: In[0]: {0}, In[1]: {1}"),
    "Pack": _stacked,
    "Reshape": _reshaped,
    "ResourceStridedSliceAssign": _assigned_part,
    "Select": _same,
    "SoftmaxCrossEntropyWithLogits": _sized("logits and labels must be broadcastable: logits_size={0} labels_size={1}"),
    "SpaceToDepth": _blocks,
    "SparseSoftmaxCrossEntropyWithLogits": _sized(
        "logits and labels must have the same first dimension, got logits shape {0} and labels shape {1}"
    ),
    "Split": _split,
    "SplitV": _split_sizes,
    "Squeeze": _squeezed,
    "StridedSliceAssign": _assigned_part,
    "TensorArrayScatterV3": _element,
    "TensorArraySplitV3": _parted,
    "TensorArrayWriteV3": _element,
    "Unpack": _unstacked,
}
for _kind in ("Sum", "Mean", "Prod", "Max", "Min"):
    _UNEQUAL[f"Segment{_kind}"] = _sized("segment_ids should be the same size as dimension 0 of input: {1} and {0}")


# --- sizes that are negative, or too large ----------------------------------------------------------------------------


def _tiled(op, shapes, a, b):
    multiples = _known(op, 1) or []
    place = next((i for i, m in enumerate(multiples) if m < 0), "?")
    return f"Expected multiples[{place}] >= 0, but got {a}"


def _negative_size(op, shapes, a, b):
    place = next((i for i, d in enumerate(_known(op, 1) or []) if d == a), 0)
    return f"Size {place} must be non-negative, not {a}"


def _range_direction(op, shapes, a, b):
    delta = _known(op, 2)
    if delta is None:
        return "Requires start <= limit when delta > 0, and start >= limit when delta < 0"
    return f"Requires start {'<=' if delta[0] > 0 else '>='} limit when delta {'>' if delta[0] > 0 else '<'} 0"


def _dimension(op, shapes, a, b):
    return f"Dimension {a} must be >= 0"


def _one_element(op, shapes, a, b):
    return "only stride 1 allowed on non-range indexing."


def _no_window(op, shapes, a, b):
    return f"Computed output size would be negative: the windows are larger than the images of shape {_text(shapes[0])}"


_NEGATIVE = {
    "Dilation2D": _no_window,
    "ExtractImagePatches": _no_window,
    "ExtractVolumePatches": _no_window,
    "Fill": _dimension,
    "LinSpace": lambda op, shapes, a, b: f"Requires num > 0: {a + 1}",
    "Multinomial": lambda op, shapes, a, b: f"num_samples should be nonnegative, got {a}",
    "OneHot": lambda op, shapes, a, b: f"depth must be non-negative, got: {a}",
    "RandomStandardNormal": _dimension,
    "RandomUniform": _dimension,
    "RandomUniformInt": _dimension,
    "Range": _range_direction,
    "Reshape": _negative_size,
    "StridedSlice": _one_element,
    "StridedSliceGrad": _one_element,
    "Tile": _tiled,
    "TruncatedNormal": _dimension,
}


def _sliced(op, shapes, a, b):
    begins, sizes = _known(op, 1), _known(op, 2)
    if begins is not None and sizes is not None and shapes[0] is not None:
        for i, (begin, size, dim) in enumerate(zip(begins, sizes, shapes[0])):
            if not isinstance(dim, int):
                break
            if not 0 <= begin <= dim:
                return f"Expected begin[{i}] in [0, {dim}], but got {begin}"
            if not -1 <= size <= dim - begin:
                return f"Expected size[{i}] in [0, {dim - begin}], but got {size}"
    return f"Expected a begin or size in [0, {b}], but got {a}"


def mirrored(op, shapes, a, b):
    skip = op.get_attr("mode") == b"REFLECT"
    pairs, word = _known(op, 1), "less than" if skip else "no greater than"
    for i, dim in enumerate(shapes[0] or ()) if pairs is not None else ():
        before, behind = pairs[2 * i : 2 * i + 2]
        if isinstance(dim, int) and max(before, behind) > dim - skip:
            found = "not less than" if skip else "greater than"
            return f"paddings must be {word} the dimension size: {before}, {behind} {found} {dim}"
    return f"paddings must be {word} the dimension size: {a} against {b + skip}"


def _largest(op, shapes, a, b):
    return f"Need k >= 0, got {a}" if a < 0 else f"input must have at least k columns. Had {b}, needed {a}"


def _open_twice(op, shapes, a, b):
    return f"Only one input size may be -1, not both {a // PLACES - 1} and {b}"


_OUTSIDE = {"MirrorPad": mirrored, "Reshape": _open_twice, "Slice": _sliced, "TopK": _largest, "TopKV2": _largest}


def _element_of_axis(op, shapes, a, b):
    """Which axis it is, where the slice says so before it runs: no ellipsis or new axis stands before it."""
    begins = _known(op, 1)
    if begins is not None and not op.get_attr("ellipsis_mask") and not op.get_attr("new_axis_mask"):
        for axis, begin in enumerate(begins):
            if op.get_attr("shrink_axis_mask") >> axis & 1 and begin == a:
                return f"slice index {a} of dimension {axis} out of bounds: it has {b} elements"
    return f"slice index {a} out of bounds of an axis of {b} elements"


_OF_ARRAYS = {
    "TensorArrayGatherV3": "Tried to read from index {} but array size is: {}",
    "TensorArrayReadV3": "Tried to read from index {} but array size is: {}",
    "TensorArrayScatterV3": "Max scatter index must be < array size ({} vs. {})",
    "TensorArrayWriteV3": "Tried to write to index {} but array is not resizeable and size is: {}",
}
_INDEX = re.compile(r"indices.* = (-?\d+) is not in \[0, (\d+)\)")


def explained_of_array(op, message):
    """The message of an index that a TensorArray does not have, in TensorFlow's words."""
    match = _INDEX.match(message)
    return _OF_ARRAYS[op.type].format(*match.groups()) if match and op.type in _OF_ARRAYS else message


def explained(op, shapes, message, sizes):
    """The message of an error about sizes in TensorFlow's words.

    Args:
      op: the operation that refuses its inputs.
      shapes: their shapes as far as they are known: tuples of ints and what is not an int, or None. Behind them what the
        lowering told of the op.
      message: what the plan says.
      sizes: the two sizes that it speaks of.
    """
    a, b = sizes
    if message.startswith("sizes ") or message.startswith("shapes "):
        text = _UNEQUAL.get(op.type)
        if text is not None:
            return text(op, shapes, a, b)
        if len(shapes) == 2 and shapes[0] != shapes[1]:
            return f"Incompatible shapes: {_text(shapes[0])} vs. {_text(shapes[1])}"
        return "Incompatible shapes: " + message
    if message.startswith("a size must not be negative"):
        return _NEGATIVE.get(op.type, lambda *_: message)(op, shapes, a, b)
    if message.startswith("Expected a size in "):
        return _OUTSIDE.get(op.type, lambda *_: message)(op, shapes, a, b)
    if message.startswith("slice index ") and op.type == "StridedSlice":
        return _element_of_axis(op, shapes, a, b)
    if message.startswith("indices"):
        return explained_of_array(op, message)
    if message.startswith("strides must be non-zero") and op.type == "Range":
        return "Requires delta != 0: 0"
    return message
