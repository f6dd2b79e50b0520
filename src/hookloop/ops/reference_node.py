"""`ReferenceNode`: an operation as the reference function of its OpDef sees it."""

from __future__ import annotations

import numpy as np


class _Typed:
    """An input or output as a reference function sees it."""

    __slots__ = ("dtype", "shape")

    def __init__(self, dtype, shape):
        self.dtype = dtype
        self.shape = shape


class ReferenceNode:
    """An op as a reference function sees it."""

    __slots__ = ("op", "op_def", "name", "attrs", "inputs", "outputs")

    def __init__(self, op, arrays):
        self.op = op
        self.op_def = op.op_def
        self.name = op.name
        self.attrs = op._attrs
        self.inputs = [_Typed(t.dtype.base_dtype, np.shape(a)) for t, a in zip(op.inputs, arrays)]
        self.outputs = [_Typed(t.dtype.base_dtype, t._shape) for t in op.outputs]
