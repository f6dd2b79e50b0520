"""The pass for relu under a maximum pool: the gradient of the pool leaves out the windows whose maximum is not above 0.

The pool's gradient writes the whole image; the gradient of relu would read and write it once more.
"""

from __future__ import annotations

from ..ir import Instr
from .uses import each_of, is_whole, kernels_of, place_key


def mask_pool_gradients(program):
    """Makes relu_grad of a pool's gradient, by the image that was pooled, a flag of the pool's gradient."""
    if "max_pool_gradient" not in kernels_of(program):
        return
    for uses, block, item in each_of(program, ("relu_grad",)):
        _mask(uses, block, item)


def _mask(uses, block, item):
    grad, features = item.inputs
    (out,) = item.outputs
    instr = uses.only_writer(grad)
    if instr is None or instr.kernel != "max_pool_gradient":
        return
    spatial = len(out.shape) - 2
    plain = len(instr.params) == 1 + 4 * spatial  # without the flag
    if not plain or place_key(instr.inputs[0]) != place_key(features) or not is_whole(grad) or out.strides is not None:
        return
    if not uses.may_join(block, instr, grad, item):
        return
    masked = Instr(instr.kernel, instr.inputs, [out], [*instr.params, 1], item.node)
    uses.join(instr, item, masked)
    masked.note("mask_pool_gradients", "relu_grad is a condition on the maximum")
