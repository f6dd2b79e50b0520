"""Convolutions as passes see them: what they convolve, the steps of the epilogue, the result."""

from __future__ import annotations

from ..epilogue import Step
from ..ir import Instr, same_shape
from .uses import equal_sizes

_KERNELS = frozenset(("conv", "conv_image_gradient"))
_REAL = frozenset(("float32", "float64"))


class Convolution:
    """A `conv` or `conv_image_gradient`, then elementwise steps.

    Attributes:
      kernel, operands, params: the convolution's own.
      steps: list of (Step, parameter, operand value or None).
      out: the result.
    """

    def __init__(self, kernel, operands, params, steps, out):
        self.kernel = kernel
        self.operands = operands
        self.params = params
        self.steps = steps
        self.out = out

    def accepts(self, value):
        """Whether a value may be the operand of a step: as large as the result, a vector of its channels, or one number."""
        out = self.out
        if value.dtype is not out.dtype or value.strides is not None:
            return False
        if len(value.shape) <= 1:
            return all(equal_sizes(d, out.shape[-1]) or equal_sizes(d, 1) for d in value.shape)
        return same_shape(value.shape, out.shape)

    def instruction(self, like):
        """The instruction that computes it, in the place of another."""
        steps = [p for step, parameter, _ in self.steps for p in (int(step), float(parameter))]
        operands = [operand for _, _, operand in self.steps if operand is not None]
        return Instr(self.kernel, [*self.operands, *operands], [self.out], [*self.params, *steps], like.node)


def convolution_of(instr):
    """The `Convolution` that an instruction computes; None where it computes something else."""
    if not isinstance(instr, Instr) or instr.kernel not in _KERNELS or instr.effect:
        return None
    if instr.outputs[0].dtype.name not in _REAL:
        return None
    own = 1 + 3 * (len(instr.inputs[0].shape) - 2)
    params, steps = list(instr.params[:own]), instr.params[own:]
    operands = iter(instr.inputs[2:])
    found = []
    for kind, parameter in zip(steps[::2], steps[1::2]):
        step = Step(kind)
        found.append((step, parameter, next(operands) if step.has_operand else None))
    return Convolution(instr.kernel, list(instr.inputs[:2]), params, found, instr.outputs[0])
