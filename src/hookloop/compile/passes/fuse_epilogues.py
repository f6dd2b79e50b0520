"""The pass for what follows a product (of matrices, or a convolution): bias, activation, their gradients and sums are its steps.

A step is applied to a block of the result while it is in the cache. The product then runs where the elementwise instruction stood.
"""

from __future__ import annotations

from ..ir import same_shape
from .convolutions import convolution_of
from .products import MOST_STEPS, Step, product_of
from .uses import each_of, is_whole, kernels_of

# Kernel -> its step where operand 0, and where operand 1 is the product's result.
_STEPS = {
    "add": (Step.ADD, Step.ADD),
    "mul": (Step.MULTIPLY, Step.MULTIPLY),
    "sub": (Step.SUBTRACT, Step.SUBTRACT_FROM),
    "div": (Step.DIVIDE, None),
    "relu": (Step.RELU, None),
    "relu6": (Step.RELU6, None),
    "leaky_relu": (Step.LEAKY_RELU, None),
    "elu": (Step.ELU, None),
    "selu": (Step.SELU, None),
    "softplus": (Step.SOFTPLUS, None),
    "softsign": (Step.SOFTSIGN, None),
    "sigmoid": (Step.SIGMOID, None),
    "tanh": (Step.TANH, None),
    "relu_grad": (Step.RELU_GRAD, None),
    "relu6_grad": (Step.RELU6_GRAD, None),
    "leaky_relu_grad": (Step.LEAKY_RELU_GRAD, None),
    "elu_grad": (Step.ELU_GRAD, None),
    "selu_grad": (Step.SELU_GRAD, None),
    "softplus_grad": (Step.SOFTPLUS_GRAD, None),
    "softsign_grad": (Step.SOFTSIGN_GRAD, None),
    "sigmoid_grad": (None, Step.SIGMOID_GRAD),
    "tanh_grad": (None, Step.TANH_GRAD),
}
_PRODUCTS = frozenset(("matmul", "sum_of_products", "conv", "conv_image_gradient"))


def fuse_epilogues(program):
    """Makes elementwise instructions on a product's result steps of the product."""
    if kernels_of(program).isdisjoint(_PRODUCTS):
        return
    for uses, block, item in each_of(program, _STEPS):
        _fuse(uses, block, item)


def _fuse(uses, block, item):
    """Gives a product the instruction as a step, where one of its operands is a product's result and nothing else."""
    (out,) = item.outputs
    for i, (value, step) in enumerate(zip(item.inputs, _STEPS[item.kernel])):
        if step is None:
            continue
        instr = uses.only_writer(value)
        if instr is None or instr.kernel not in _PRODUCTS:
            continue
        product = product_of(instr) or convolution_of(instr)
        if product is None or len(product.steps) >= MOST_STEPS or not uses.may_join(block, instr, value, item):
            continue
        if not (same_shape(value.shape, out.shape) and same_shape(product.out.shape, out.shape) and is_whole(value)):
            continue
        operand = None
        if step.has_operand:
            operand = item.inputs[1 - i]
            if operand.buffer is value.buffer or not product.accepts(operand):
                continue
        product.out = out
        product.steps.append((step, item.params[0] if item.params else 0.0, operand))
        fused = product.instruction(item)
        fused.notes = (*instr.notes, ("fuse_epilogues", f"{item.kernel} is its last step"))
        if not fused.takes(out):
            continue
        uses.replace(instr)
        uses.replace(item, fused)
        return
