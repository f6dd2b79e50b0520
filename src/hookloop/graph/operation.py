"""`Operation`: a node of a graph."""

from __future__ import annotations

from .._core import OperationFields, colocation_groups
from ..errors import OutOfRangeError
from .stack import session_for

__all__ = ["Operation"]


class Operation(OperationFields):
    """A node: an op type with its inputs, attributes and outputs. Made by public functions, not directly.

    Attributes:
      type: TensorFlow's name of the op type.
      name: unique in the graph.
      inputs: its input tensors.
      outputs: its output tensors.
      graph: the `Graph` that it belongs to.
      op_def: the `OpDef` of its type; it has `name`, `input_arg`, `output_arg`, `attr` and `is_stateful` of TensorFlow's
        message.
    """

    __slots__ = ("__dict__", "__weakref__")

    # --- structure ------------------------------------------------------------------------------------

    @property
    def control_inputs(self):
        """The operations that run before this one without giving it a value."""
        return list(self._control_inputs)

    @property
    def _control_outputs(self):
        """The operations that run after this one without a value of it."""
        return [op for op in self.graph.get_operations() if self in op._control_inputs]

    def values(self):
        """Its outputs, as a tuple."""
        return tuple(self.outputs)

    @property
    def device(self):
        """The device that it was asked to be on, "" for none."""
        return self._device

    def _set_device(self, device):
        self._device = device if isinstance(device, str) else device.to_string()

    def colocation_groups(self):
        """The names of the groups that it shares a device with, as bytes "loc:@name"."""
        return colocation_groups(self)

    def get_attr(self, name):
        """The value of an attribute.

        Raises:
          ValueError: where the op has no such attribute.
        """
        try:
            return self._attrs[name]
        except KeyError:
            raise ValueError(f"Operation '{self.name}' has no attr named '{name}'.") from None

    def _set_attr(self, name, value):
        if hasattr(value, "WhichOneof"):
            from .graph_def import attr_of

            value = attr_of(value)
        self._attrs[name] = value

    @property
    def node_def(self):
        """This node as a NodeDef."""
        from .graph_def import node_def

        return node_def(self)

    @property
    def _input_types(self):
        """The types of the inputs as the op declares them: a reference to a variable where it wants one."""
        from ..ops.signature import signature_of

        return [dtype for argument in signature_of(self.op_def).inputs for dtype in argument.dtypes(self._attrs)]

    @property
    def _location(self):
        """(file, line) of the user's code that made the op, or None."""
        code = self._user_code
        if code is None:
            return None
        for start, end, line in code.co_lines():
            if start <= self._user_instruction < end and line is not None:
                return code.co_filename, line
        return code.co_filename, code.co_firstlineno

    @property
    def traceback(self):
        """A list with one entry, (file, line, function, text): the user's code that made the op."""
        location = self._location
        if location is None:
            return []
        import linecache

        return [(*location, self._user_code.co_name, linecache.getline(*location).strip())]

    _original_op = None  # that which it was made for, where a scope says so

    @property
    def traceback_with_start_lines(self):
        """The entries of `traceback`, each with the function's first line."""
        return [(*entry, self._user_code.co_firstlineno) for entry in self.traceback]

    _traceback = traceback  # copies of TensorFlow's functions read the field

    # --- running --------------------------------------------------------------------------------------

    def run(self, feed_dict=None, session=None):
        """Runs this operation in a session, by default in the default session.

        Raises:
          ValueError: where there is no session, or its graph is another.
        """
        session = session_for(self.graph, session, "execute operation", "run")
        session.run(self, feed_dict)

    # --- changes by the builders of control flow -------------------------------------------------------

    def _get_control_flow_context(self):
        return self._control_flow_context

    def _set_control_flow_context(self, context):
        self._control_flow_context = context

    def _update_input(self, index, tensor):
        if index >= len(self.inputs):
            raise OutOfRangeError(
                None,
                None,
                f"Cannot update edge. Input index [{index}] is greater than the number of total inputs [{len(self.inputs)}].",
            )
        old = self.inputs[index]
        self.inputs[index] = tensor
        if not any(t is old for t in self.inputs):
            old._consumers = [op for op in old._consumers if op is not self]
        tensor._consumers.append(self)
        self.graph._version += 1

    def _add_input(self, tensor):
        self.inputs.append(tensor)
        tensor._consumers.append(self)
        self.graph._version += 1

    def _add_control_input(self, op):
        self._add_control_inputs([op])

    def _add_control_inputs(self, ops):
        for op in ops:
            if not isinstance(op, Operation):
                raise TypeError(f"op must be an Operation: {op}")
            if op.graph is not self.graph:
                raise ValueError(f"{op!r} is not from the graph of {self!r}")
            if op not in self._control_inputs:
                self._control_inputs.append(op)
        self.graph._version += 1

    def _remove_all_control_inputs(self):
        self._control_inputs = []
        self.graph._version += 1

    def __str__(self):
        from google.protobuf import text_format

        return text_format.MessageToString(self.node_def)  # attributes by name, where `str` has any order

    def __repr__(self):
        return f"<tf.Operation '{self.name}' type={self.type}>"
