"""TensorArrays on the reference executor: lists of arrays."""

from __future__ import annotations

import numpy as np

from .ops import _host_rows
from .ops._host_rows import HostRows
from .ops.reference_node import ReferenceNode
from .shapes import as_shape

_FLOW = np.float32(0)


class ArrayRows:
    """The elements of one array; gradients that meet at an element are added."""

    def __init__(self, dtype, size, element=None, parent=None, grows=False, declared=None, alike=False):
        self.declared = declared  # the shape of elements as far as it is known: a `TensorShape`, or None
        self.alike = alike  # whether all have the shape of the first that is written
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
        if self.declared is not None:
            _host_rows.check_shape(self.declared, index, value)
            self.declared = as_shape(np.shape(value)) if self.alike else self.declared
        if self.parent is not None and self.rows[index] is not None:
            value = self.rows[index] + value
        elif self.parent is None and self.rows[index] is not None:
            raise IndexError(f"Could not write to TensorArray index {index} because it has already been written to.")
        self.rows[index] = np.array(value)

    def read(self, index):
        self._check(index)
        if self.rows[index] is not None:
            return self.rows[index]
        if self.parent is None and self.element is None and not self.alike:
            raise IndexError(_host_rows.not_written(index))
        own = self.parent.rows[index] if self.parent is not None and index < len(self.parent.rows) else None
        return np.zeros(self.shape() if own is None else own.shape, self.dtype)

    def shape(self):
        for array in (self, self.parent):
            written = next((row for row in array.rows if row is not None), None) if array is not None else None
            if written is not None:
                return written.shape
        if self.element is None:
            raise _host_rows.no_element(as_shape(None) if self.declared is None else self.declared)
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
        elif not isinstance(self.raw(op.inputs[0]), HostRows):
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
        grows, alike = op.get_attr("dynamic_size"), op.get_attr("identical_element_shapes")
        array = ArrayRows(op.get_attr("dtype").as_numpy_dtype, size, element, None, grows, shape, alike)
        self.environment.update(zip(op.outputs, (array, _FLOW)))

    def op_TensorArrayGradV3(self, op):
        array = self.raw(op.inputs[0])
        source = op.get_attr("source")
        if array.parent is not None:
            raise ValueError(_host_rows.OF_GRADIENTS)
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
        for index, row in _host_rows.numbered(self.value(op.inputs[1], op), self.value(op.inputs[2], op)):
            array.write(index, row)
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
        self.environment[op.outputs[0]] = _host_rows.stacked(rows, array.dtype, ()) if len(rows) else rows

    def op_TensorArrayConcatV3(self, op):
        if self._text(op):
            return
        self.value(op.inputs[1], op)
        array = self.raw(op.inputs[0])
        rest = op.get_attr("element_shape_except0")
        rest = tuple(rest.as_list()) if rest.is_fully_defined() else None
        rows = [array.read(index) for index in range(len(array.rows))]
        self.environment.update(zip(op.outputs, _host_rows.joined(rows, array.dtype, rest)))

    def op_TensorArraySplitV3(self, op):
        self.value(op.inputs[3], op)
        array, lengths = self.raw(op.inputs[0]), self.value(op.inputs[2], op)
        size = None if array.grows else len(array.rows)
        for index, part in enumerate(_host_rows.parts(self.value(op.inputs[1], op), lengths, size)):
            array.write(index, part)
        self.environment[op.outputs[0]] = _FLOW

    def op_TensorArraySizeV3(self, op):
        if self._text(op):
            return
        self.environment[op.outputs[0]] = np.int32(len(self.raw(op.inputs[0]).rows))

    def op_TensorArrayCloseV3(self, op):
        pass
