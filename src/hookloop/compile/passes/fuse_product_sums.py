"""The pass for sums of products: scores of embeddings, their gradients, squared errors, variances. The products are never stored.

Products of two tensors are taken where their sum keeps the first axis, or where all of two tensors is summed that no instruction has to
make: what is made on the way may be made together with the products, or row by row. Others are cut into parts for several threads
(csrc/kernels/reduce.c), which squares are there, and squared distances from what is the same for all that go into a sum.

Squared differences along the last axes, as those of all points and all centers, are summed without the differences in memory too.
"""

from __future__ import annotations

from ..ir import ARENA, Instr, same_shape
from .uses import each_of, is_whole, place_key

_SQUARES = {"sum": "sum_squares", "mean": "mean_squares"}
_DISTANCES = {"sum": "sum_distances", "mean": "mean_distances"}
_TYPES = frozenset(("float32", "float64"))


def fuse_product_sums(program):
    """Joins sums over some axes with the elementwise products that they alone read; means with squares."""
    for uses, block, item in each_of(program, _SQUARES):
        _fuse(uses, block, item)


def _fuse(uses, block, item):
    (products,) = item.inputs
    if products.buffer.kind != ARENA or products.dtype.name not in _TYPES or not is_whole(products):
        return
    made = uses.only_writer(products)
    if made is None or made.kernel not in ("mul", "square", "squared_difference") or made.effect:
        return
    if not same_shape(products.shape, made.outputs[0].shape):
        return
    fused = _fused(item, made, _keeps_first(item.params[0], products.shape))
    if fused is None or not uses.may_join(block, made, products, item):
        return
    uses.join(made, item, fused)
    fused.note("fuse_product_sums", f"does {made.kernel} on the way")
    if fused.kernel == "product_sum":
        _take_difference(uses, block, fused)


def _take_difference(uses, block, squares):
    """Makes the differences, of which a sum of squares is the only reader, on the way as well."""
    difference = squares.inputs[0]
    if (
        place_key(difference) != place_key(squares.inputs[1])
        or not is_whole(difference)
        or difference.buffer.kind != ARENA
    ):
        return
    made = uses.only_writer(difference)
    if made is None or made.kernel != "sub" or made.effect or not same_shape(difference.shape, made.outputs[0].shape):
        return
    if not _reduces_along(squares.params[0], made) or not uses.may_join(block, made, difference, squares):
        return
    fused = Instr("squared_difference_sum", made.inputs, squares.outputs, squares.params, squares.node, views="inputs")
    uses.join(made, squares, fused)
    fused.note("fuse_product_sums", "does sub on the way")


def _reduces_along(mask, made):
    """Whether an instruction's results are summed along last axes that both operands have whole, and along no other."""
    shape = made.outputs[0].shape
    reduced = 0
    while reduced < len(shape) and mask >> (len(shape) - 1 - reduced) & 1:
        reduced += 1
    return (
        0 < reduced < len(shape)
        and not mask & ((1 << (len(shape) - reduced)) - 1)
        and all(
            len(value.shape) >= reduced and same_shape(value.shape[-reduced:], shape[-reduced:])
            for value in made.inputs
        )
    )


def _fused(item, made, keeps_first):
    """The one instruction for a sum and the products that it adds up; None where there is none."""
    if made.kernel == "squared_difference":
        distances = _distances(item, made)
        if distances is None and item.kernel == "sum" and keeps_first and _reduces_along(item.params[0], made):
            return Instr("squared_difference_sum", made.inputs, item.outputs, item.params, item.node, views="inputs")
        return distances
    if item.kernel == "sum" and keeps_first:
        factors = made.inputs if made.kernel == "mul" else made.inputs * 2
        return Instr("product_sum", factors, item.outputs, item.params, item.node, views="inputs")
    if _squares(made) and made.inputs[0].strides is None:
        return Instr(_SQUARES[item.kernel], made.inputs[:1], item.outputs, item.params, item.node)
    if item.kernel == "sum" and made.kernel == "mul" and _is_single(item, made):
        return Instr("product_sum", made.inputs, item.outputs, item.params, item.node, views="inputs")
    return None


def _is_single(item, made):
    """Whether all products of two whole tensors go into one sum, and neither tensor is made by the plan."""
    shape = made.outputs[0].shape
    return (
        len(shape) > 0
        and item.params[0] == (1 << len(shape)) - 1
        and all(
            value.buffer is not None
            and value.buffer.kind != ARENA
            and value.strides is None
            and same_shape(value.shape, shape)
            for value in made.inputs
        )
    )


def _squares(made):
    """Whether an instruction squares its first input, by `square` or as a product with itself."""
    return made.kernel == "square" or (made.kernel == "mul" and place_key(made.inputs[0]) == place_key(made.inputs[1]))


def _distances(item, made):
    """The sum of squared distances of all of a tensor from one center for each sum; None where it is none."""
    x, center = made.inputs
    shape = made.outputs[0].shape
    if not same_shape(x.shape, shape):
        x, center = center, x
    if x.strides is not None or center.strides is not None or not same_shape(x.shape, shape):
        return None
    missing = len(shape) - len(center.shape)
    for axis, size in enumerate(shape):
        own = 1 if axis < missing else center.shape[axis - missing]
        if own != (1 if item.params[0] >> axis & 1 else size):
            return None
    return Instr(_DISTANCES[item.kernel], [x, center], item.outputs, item.params, item.node)


def _keeps_first(mask, shape):
    """Whether the first axis that may be longer than 1 is none of those that are summed."""
    for axis, size in enumerate(shape):
        if size != 1:
            return not mask >> axis & 1
    return False
