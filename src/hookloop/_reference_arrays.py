"""TensorArrays on the reference executor: lists of arrays."""

from __future__ import annotations

import numpy as np

from .ops._text_rows import TextRows
from .ops.reference_node import ReferenceNode

_FLOW = np.float32(0)


class ArrayRows:
    """The elements of one array; gradients that meet at an element are added."""

    def __init__(self, dtype, size, element=None, parent=None, grows=False):
        self.grows = grows
        self.dtype = dtype
        self.rows = [None] * size
        self.element = element
        self.parent = parent
        self.gradients = {}

    def write(self, index, value):
        if self.grows and index >= len(self.rows):
            self.rows += [None] * (index + 1 - len(self.rows))
        self._check(index)
        if self.parent is not None and self.rows[index] is not None:
            value = self.rows[index] + value
        elif self.parent is None and self.rows[index] is not None:
            raise IndexError(f"Could not write to TensorArray index {index} because it has already been written to.")
        self.rows[index] = np.array(value)

    def read(self, index):
        self._check(index)
        if self.rows[index] is not None:
            return self.rows[index]
        return np.zeros(self.shape(), self.dtype)

    def shape(self):
        for array in (self, self.parent):
            written = next((row for row in array.rows if row is not None), None) if array is not None else None
            if written is not None:
                return written.shape
        if self.element is None:
            raise ValueError("an element of a TensorArray is read that was not written; give element_shape")
        return self.element

    def _check(self, index):
        if not 0 <= index < len(self.rows):
            raise IndexError(f"indices = {index} is not in [0, {len(self.rows)})")


class ArrayOps:
    """The ops of arrays; a part of the reference executor's step."""

    def _text(self, op):
        """Whether the array of an op holds texts: their own functions were called."""
        if op.type == "TensorArrayV3":
            if op.get_attr("dtype").base_dtype.name != "string":
                return False
        elif not isinstance(self.raw(op.inputs[0]), TextRows):
            return False
        arrays = [self.raw(t) if t.dtype.name == "resource" else self.value(t, op) for t in op.inputs]
        results = op.op_def.reference(ReferenceNode(op, arrays), *arrays)
        self.environment.update(zip(op.outputs, results if isinstance(results, tuple) else (results,)))
        return True

    def op_TensorArrayV3(self, op):
        if self._text(op):
            return
        shape = op.get_attr("element_shape")
        element = tuple(shape.as_list()) if shape.is_fully_defined() else None
        size = int(self.value(op.inputs[0], op))
        array = ArrayRows(op.get_attr("dtype").as_numpy_dtype, size, element, grows=op.get_attr("dynamic_size"))
        self.environment.update(zip(op.outputs, (array, _FLOW)))

    def op_TensorArrayGradV3(self, op):
        array = self.raw(op.inputs[0])
        source = op.get_attr("source")
        if source not in array.gradients:
            array.gradients[source] = ArrayRows(array.dtype, len(array.rows), array.element, array)
        self.environment.update(zip(op.outputs, (array.gradients[source], _FLOW)))

    def op_TensorArrayWriteV3(self, op):
        if self._text(op):
            return
        self.value(op.inputs[3], op)
        self.raw(op.inputs[0]).write(int(self.value(op.inputs[1], op)), self.value(op.inputs[2], op))
        self.environment[op.outputs[0]] = _FLOW

    def op_TensorArrayScatterV3(self, op):
        if self._text(op):
            return
        self.value(op.inputs[3], op)
        array = self.raw(op.inputs[0])
        for index, row in zip(self.value(op.inputs[1], op), self.value(op.inputs[2], op)):
            array.write(int(index), row)
        self.environment[op.outputs[0]] = _FLOW

    def op_TensorArrayReadV3(self, op):
        if self._text(op):
            return
        self.value(op.inputs[2], op)
        self.environment[op.outputs[0]] = self.raw(op.inputs[0]).read(int(self.value(op.inputs[1], op)))

    def op_TensorArrayGatherV3(self, op):
        if self._text(op):
            return
        self.value(op.inputs[2], op)
        array = self.raw(op.inputs[0])
        rows = [array.read(int(index)) for index in self.value(op.inputs[1], op)]
        if not rows:
            static = op.get_attr("element_shape")
            element = tuple(static.as_list()) if static.is_fully_defined() else array.shape()
            rows = np.zeros((0, *element), array.dtype)
        self.environment[op.outputs[0]] = np.asarray(rows)

    def op_TensorArraySizeV3(self, op):
        if self._text(op):
            return
        self.environment[op.outputs[0]] = np.int32(len(self.raw(op.inputs[0]).rows))

    def op_TensorArrayCloseV3(self, op):
        pass
