"""The steps of an epilogue: csrc/kernels/epilogue.h, in Python's words."""

from __future__ import annotations

from enum import IntEnum


class Step(IntEnum):
    """An elementwise step that `matmul` and `sum_of_products` apply to their result.

    In an instruction the steps are pairs (kind, parameter) behind the kernel's own attributes (the parameter is a float,
    0.0 where the step has none), and the operands of those that have one follow the kernel's own inputs.
    """

    ADD = 0
    MULTIPLY = 1
    SCALE = 2
    RELU = 3
    RELU6 = 4
    LEAKY_RELU = 5
    ELU = 6
    SELU = 7
    SOFTPLUS = 8
    SOFTSIGN = 9
    SIGMOID = 10
    TANH = 11
    RELU_GRAD = 12
    RELU6_GRAD = 13
    LEAKY_RELU_GRAD = 14
    ELU_GRAD = 15
    SELU_GRAD = 16
    SOFTPLUS_GRAD = 17
    SOFTSIGN_GRAD = 18
    SIGMOID_GRAD = 19
    TANH_GRAD = 20
    SUBTRACT = 21
    SUBTRACT_FROM = 22
    DIVIDE = 23

    @property
    def has_operand(self):
        return self in (Step.ADD, Step.MULTIPLY) or self >= Step.RELU_GRAD


MOST_STEPS = 6
MOST_PRODUCTS = 8

__all__ = ["MOST_PRODUCTS", "MOST_STEPS", "Step"]
