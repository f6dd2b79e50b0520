"""Functions that begin by reading records (fields between commas, examples, bytes), called for many records at once.

The ops that read, and have a `rows` function, are called once for all records; what is left of the function are numbers,
which C goes through row by row.
"""

from __future__ import annotations

import numpy as np

from .._core import RowCalls
from ..host_calls import HostCall
from .block_parts import cut_of
from .structure import is_number

_MOST_FED = 256  # rows that one call of the rest can get: as `MOST_FEEDS` in C


class Reading:
    """How the graph of a function is parted into what reads records and what computes with numbers.

    Attributes:
      inputs: the placeholders of an element's components.
      ops: the ops that read, in order.
      others: their inputs that are the same for every record.
      read: the tensors between the two parts, whose values are rows: read by `ops`, or inputs of the function.
      fed: those of them that the other ops use.
      computed: the outputs of the function that are none of these.
      numeric: whether all outputs are numbers.
    """

    __slots__ = ("computed", "fed", "inputs", "numeric", "ops", "others", "read")

    def __init__(self, inputs, ops, others, read, fed, computed):
        self.inputs, self.ops, self.others = inputs, ops, others
        self.read, self.fed, self.computed = read, fed, computed
        self.numeric = all(is_number(tensor.dtype) for tensor in (*read, *computed))


def reading_of(inputs, outputs, operations):
    """The `Reading` of a function, or None where it reads no records, or also does other things in Python.

    Args:
      inputs: the placeholders of an element's components.
      outputs: what the function returns.
      operations: of its graph, in order.
    """
    wanted = _behind(
        [*outputs, *[t for op in operations if op.op_def.stateful or op.op_def.writes for t in op.outputs]]
    )
    by_row, ops, others = dict.fromkeys(inputs), {}, {}
    for op in operations:
        if op.op_def.host is None or (op not in wanted and not op.op_def.stateful):
            continue
        if op.op_def.rows is None or op.control_inputs or op._control_flow_context is not None:
            return None
        first, *rest = op.inputs
        if first not in by_row or not _is_same_for_all(rest, inputs):
            return None
        others.update(dict.fromkeys(rest))
        by_row.update(dict.fromkeys(op.outputs))
        ops[op] = None
    if not ops or any(control in ops for op in operations for control in op.control_inputs):
        return None
    used = [tensor for op in operations if op in wanted and op not in ops for tensor in op.inputs]
    fed = [tensor for tensor in dict.fromkeys(used) if tensor in by_row]
    read = [tensor for tensor in dict.fromkeys([*used, *outputs]) if tensor in by_row]
    computed = [tensor for tensor in dict.fromkeys(outputs) if tensor not in by_row]
    if len(fed) > _MOST_FED or not all(is_number(tensor.dtype) for tensor in (*fed, *computed)):
        return None
    if any(tensor.dtype.name in ("resource", "variant") for tensor in inputs):
        return None
    return Reading(inputs, list(ops), list(others), read, fed, computed)


def _behind(tensors):
    """The ops that tensors are made by, and those that these take their inputs from."""
    waiting, found = [tensor.op for tensor in tensors], set()
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return found


def _is_same_for_all(tensors, inputs):
    """Whether values are the same in each call."""
    for op in _behind(tensors):
        if op.type == "Placeholder":
            if op.outputs[0] in inputs:
                return False
        elif op.op_def.stateful or op.op_def.writes or op.op_def.reads or op._control_flow_context is not None:
            return False
    return True


class RecordCalls:
    """A function that reads records, for many elements at once.

    Args:
      session: the function's session.
      outputs: what the function returns.
      reading: its `Reading`.
      feeds, captured: the stand-ins of what it captures, and their values.
    """

    def __init__(self, session, outputs, reading, feeds, captured):
        self._session, self._outputs, self._reading = session, outputs, reading
        self._feeds, self._captured = list(feeds), list(captured)
        self._others = None
        self._rest = None

    def run(self, elements, deadline_ns):
        """What the function gives for elements.

        Args:
          elements: tuples of components.
          deadline_ns: when the step's time is over, by the monotonic clock; 0 for never.

        Returns:
          As `RowCalls.run`: stacked values, for how many elements, and the error of the next one or of the step, or None.

        Raises:
          Exception: the records cannot be read together, for whatever reason; or the step is to end (`ends_step`).
        """
        reading, values = self._reading, self._read(elements, deadline_ns)
        if not reading.computed:
            return [tuple([values[tensor] for tensor in self._outputs])], len(elements), None
        if self._rest is None:
            self._rest = RowCalls(self._session, reading.computed, [*reading.fed, *self._feeds], self._captured)
        pieces, done, error = self._rest.run([values[tensor] for tensor in reading.fed], 0, len(elements), deadline_ns)
        found, first = [], 0
        for piece in pieces:
            end = first + len(piece[0])
            made = dict(zip(reading.computed, piece))
            made.update(zip(reading.read, cut_of([values[tensor] for tensor in reading.read], first, end)))
            found.append(tuple([made[tensor] for tensor in self._outputs]))
            first = end
        return found, done, error

    def _read(self, elements, deadline_ns):
        """The values of all tensors that have a row for each element."""
        reading = self._reading
        if self._others is None:
            found = self._session.run(reading.others, dict(zip(self._feeds, self._captured))) if reading.others else []
            self._others = {t: np.asarray(value, _type_of(t)) for t, value in zip(reading.others, found)}
        values = {tensor: _column(tensor, part) for tensor, part in zip(reading.inputs, zip(*elements))}
        for op in reading.ops:
            first, *rest = op.inputs
            call = HostCall(self._session, op, deadline_ns)
            call.check()
            results = op.op_def.rows(call, values[first], *[self._others[tensor] for tensor in rest])
            for tensor, result in zip(op.outputs, results if isinstance(results, (list, tuple)) else (results,)):
                values[tensor] = _promised(tensor, result, len(elements))
        return values


def _type_of(tensor):
    dtype = tensor.dtype.base_dtype
    return np.dtype(object) if dtype.name == "string" else np.dtype(dtype.as_numpy_dtype)


def _column(tensor, values):
    """One component of many elements, stacked."""
    if is_number(tensor.dtype) or any(value.ndim for value in values):
        return np.stack(values)
    found = np.empty(len(values), object)
    found[:] = [value.item() for value in values]
    return found


def _promised(tensor, result, rows):
    """What was read, if it is what the graph says that one record gives: else the op's own check refuses it."""
    array, shape = np.ascontiguousarray(result, _type_of(tensor)), tensor._shape
    fits = shape is None or (
        len(shape) == array.ndim - 1
        and all(not isinstance(size, int) or size == found for size, found in zip(shape, array.shape[1:]))
    )
    if array.shape[:1] != (rows,) or not fits:
        raise ValueError(f"{tensor.name} is of shape {array.shape[1:]}")
    return array
