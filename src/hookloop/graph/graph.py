"""`Graph`: the operations of a program, their names, and what is in force while they are made."""

from __future__ import annotations

from contextlib import nullcontext

from .._core import ColocationScope, ControlDependencies, GraphFields, GraphNameScope, node_types
from . import stack
from .collections import Collections
from .device import DeviceSpec, device_of
from .graph_def import attr_of
from .operation import Operation
from .scopes import StackScope
from .tensor import Tensor

__all__ = ["Graph"]

node_types(Operation, Tensor)


class Graph(GraphFields):
    """A program's operations. New ones are added to the innermost `with graph.as_default():`.

    Attributes:
      seed: the graph's seed for random ops, or None.
      collections: the names of its collections.
    """

    # Set by hookloop.ops.build: the table of op types lies above this package.
    _describe = _misfit = None

    def __init__(self):
        super().__init__()
        self._collections = Collections()
        self._function_library = {}  # name -> FunctionDef, of the messages that were imported
        self._values_given = {}  # a constant's number -> how many of its values were given: the last stands for the rest
        self._seed = None
        # The axes over which gradients of broadcast operands are summed, by the operands' shapes: see ops/math.py.
        self._broadcast_axes: dict = {}
        self._unfeedable: set = set()
        self._unfetchable: set = set()

    # --- the default graph ----------------------------------------------------------------------------

    def as_default(self):
        """A context manager in which this is the thread's default graph."""
        return stack.graphs.get_controller(self)

    @property
    def _c_graph(self):
        """What TensorFlow's wrapper of C takes for a graph: here it is the graph."""
        return self

    @property
    def seed(self):
        """What `set_random_seed` said, or None."""
        return self._seed

    @seed.setter
    def seed(self, seed):
        self._seed = seed

    @property
    def version(self):
        """How many operations were ever made in the graph."""
        return self._last_id

    @property
    def finalized(self):
        """Whether nothing can be added any more."""
        return self._finalized

    def finalize(self):
        """Makes the graph read-only: adding to it raises RuntimeError."""
        self._finalized = True

    def _next_id(self):
        """A number for an operation that TensorFlow's own code makes: it counts as one."""
        self._check_not_finalized()
        self._last_id += 1
        return self._last_id

    def _unsafe_unfinalize(self):
        self._finalized = False

    def _check_not_finalized(self):
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")

    _imported_versions = None  # of the messages that were imported, joined

    @property
    def graph_def_versions(self):
        """The versions that the graph's GraphDefs have, as a `VersionDef`."""
        from .graph_def import versions

        return versions(self)

    @property
    def building_function(self):
        """Whether this is the graph of a function, as that of a dataset."""
        return False

    # --- names ----------------------------------------------------------------------------------------

    def name_scope(self, name):
        """A context manager that puts new ops under `name`; it gives the full name with "/" at the end."""
        return GraphNameScope(self, name)

    def get_name_scope(self):
        """The current name scope, without a "/" at the end."""
        return self._state().name_stack

    @property
    def _name_stack(self):
        return self._state().name_stack

    # --- adding operations ----------------------------------------------------------------------------

    def create_op(
        self, op_type, inputs, dtypes=None, input_types=None, name=None, attrs=None, op_def=None, compute_shapes=True,
        compute_device=True,
    ):  # fmt: skip
        """Adds a node from tensors, with all the attributes that its type's inputs do not tell.

        Args:
          op_type: the op type's name.
          inputs: a flat list of tensors.
          dtypes, input_types, op_def, compute_shapes, compute_device: taken as TensorFlow takes them; the op type tells it all.
          name: a name that is made unique, or one with a "/" at the end that is taken as it is.
          attrs: attribute -> Python value, or `AttrValue`.

        Returns:
          The `Operation`.

        Raises:
          TypeError: for an input that is no tensor, or of another type than the attributes say.
          ValueError: for an unknown type, inputs of another graph, or shapes that do not fit.
          RuntimeError: where the graph is finalized.
        """
        inputs = list(inputs)
        for i, tensor in enumerate(inputs):
            if not isinstance(tensor, Tensor):
                raise TypeError(f"Input #{i} is not a tensor: {tensor}")
            if tensor.graph is not self:
                raise ValueError(f"{tensor} is not from the passed-in graph.")
        attrs = {key: attr_of(value) if hasattr(value, "WhichOneof") else value for key, value in (attrs or {}).items()}
        definition, attrs, types = Graph._describe(op_type, inputs, attrs)
        misfit = Graph._misfit(definition, attrs, inputs)
        if misfit is not None:
            tensor, wanted = inputs[misfit[0]], misfit[1]
            raise TypeError(
                f"Input #{misfit[0]} of '{op_type}' must be of type {wanted.name}, as its attributes say, got {tensor.dtype.name} "
                f"from {tensor.name}"
            )
        return self._add_node(definition, inputs, attrs, self._node_name(op_type if name is None else name), types)

    def _remove_operations_after(self, count):
        """Forgets the operations made after the first `count`, none of which anyone has seen yet."""
        for op in list(self._operations.values())[count:]:
            del self._operations[op.name]
            for tensor in op.inputs:
                tensor._consumers = [consumer for consumer in tensor._consumers if consumer is not op]
        self._version += 1

    def _decorate(self, op, state, is_beside):
        """Gives a new op the device and attributes that the scopes around it ask for; one that lies beside a variable has its device."""
        if state.device_stack and not is_beside:
            op._device = device_of(op, state.device_stack)
        for overrides in state.gradient_overrides:
            if op.type in overrides:
                op._attrs["_gradient_op_type"] = overrides[op.type].encode()
        decided = set()
        for attributes in state.attribute_stack:
            if callable(attributes):
                attributes(op)
                continue
            for name, value in attributes.items():
                if name in decided:  # an inner scope that has None removes what an outer one gives
                    continue
                decided.add(name)
                value = value(op.node_def) if callable(value) else value
                if value is not None and name not in op._attrs:
                    op._attrs[name] = value
        if state.container and "container" in op._attrs and not op._attrs["container"]:
            op._attrs["container"] = state.container.encode()

    # --- what is in force for new operations ----------------------------------------------------------

    def control_dependencies(self, control_inputs):
        """A context manager: ops made inside run after `control_inputs`.

        Args:
          control_inputs: operations, tensors and variables; None clears the dependencies of outer scopes.

        Raises:
          TypeError: for another object.
        """
        if control_inputs is None:
            return ControlDependencies(self, None)
        operations = []
        current = self._current_control_dependencies()
        for value in control_inputs:
            if hasattr(value, "_handle") and hasattr(value, "op"):
                value = value.op  # a resource variable: depending on it reads nothing
            elif hasattr(value, "indices") and hasattr(value, "values") and hasattr(value, "op"):
                value = value.op
            value = self.as_graph_element(value)
            op = value.op if isinstance(value, Tensor) else value
            if op not in current:
                operations.append(op)
                current.add(op)
        return ControlDependencies(self, operations)

    def _current_control_dependencies(self):
        return {op for controller in self._state().control_stack for op in controller.inputs}

    def device(self, device_name_or_function):
        """A context manager: ops made inside carry this device's name. They run on the CPU all the same.

        Args:
          device_name_or_function: a device name, a `DeviceSpec`, a function(op) that gives one, or None to
            forget the outer scopes' devices.
        """
        entry = device_name_or_function
        if isinstance(entry, str):
            entry = DeviceSpec.from_string(entry)
        return StackScope(self, device_stack=lambda outer: (*outer, entry))

    def without_device(self):
        """A context manager: ops made inside carry no device's name, whatever the scopes around say."""
        return StackScope(self, device_stack=lambda outer: ()) if self._state().device_stack else nullcontext()

    def _apply_device_functions(self, op):
        """Gives an operation, or what stands for one, the device that the scopes in force give a new one."""
        if self._state().device_stack:
            give = getattr(op, "_set_device_from_string", None) or op._set_device
            give(device_of(op, self._state().device_stack))

    def alone_on(self, device_name):
        """A context manager: ops made inside are on this device ("" is none), beside nothing, whatever the scopes around say."""
        devices = (DeviceSpec.from_string(device_name),) if device_name else ()
        return ColocationScope(self, None, True, devices)

    def colocate_with(self, op, ignore_existing=False):
        """A context manager: ops made inside share a device with `op`, and their `_class` says so."""
        if type(op) is Tensor and op.graph is self:
            return ColocationScope(self, op.op, ignore_existing)
        if op is None:
            if not ignore_existing:
                raise ValueError("Trying to reset colocation (op is None) but ignore_existing is not True")
            return ColocationScope(self, None, ignore_existing)
        element = op if isinstance(op, Operation) else self.as_graph_element(getattr(op, "op", op))
        return ColocationScope(self, element.op if isinstance(element, Tensor) else element, ignore_existing)

    def gradient_override_map(self, op_type_map):
        """A context manager: the ops made inside of these types use other, registered gradients.

        Args:
          op_type_map: op type -> the name under which the gradient was registered.

        Raises:
          TypeError: where the map is no dict of strings.
        """
        if not isinstance(op_type_map, dict):
            raise TypeError("op_type_map must be a dictionary mapping strings to strings")
        for key, value in op_type_map.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TypeError("op_type_map must be a dictionary mapping strings to strings")
        return StackScope(self, gradient_overrides=lambda outer: (*outer, dict(op_type_map)))

    def _attr_scope(self, attr_map):
        if not isinstance(attr_map, dict):
            raise TypeError("attr_map must be a dictionary mapping strings to Callables or attribute values")
        values = {key: attr_of(value) if hasattr(value, "WhichOneof") else value for key, value in attr_map.items()}
        return StackScope(self, attribute_stack=lambda outer: (values, *outer))

    def _kernel_label_map(self, op_to_kernel_label_map):
        if not isinstance(op_to_kernel_label_map, dict):
            raise TypeError("op_to_kernel_label_map must be a dictionary mapping strings to strings")
        for op_type, label in op_to_kernel_label_map.items():
            if not (isinstance(op_type, str) and isinstance(label, str)):
                raise TypeError("op_to_kernel_label_map must be a dictionary mapping strings to strings")

        def give(op):
            if op.type in op_to_kernel_label_map:
                op._attrs.setdefault("_kernel", op_to_kernel_label_map[op.type].encode())

        return StackScope(self, attribute_stack=lambda outer: (give, *outer))

    def _original_op(self, op):
        """A context manager: operations made inside are said to be made for another, which their `_original_op` is."""

        def give(new):
            new._original_op = new._original_op or op

        return StackScope(self, attribute_stack=lambda outer: (give, *outer))

    def container(self, container_name):
        """A context manager: stateful ops made inside belong to this container."""
        return StackScope(self, container=lambda outer: container_name)

    def _get_control_flow_context(self):
        return self._state().context

    def _set_control_flow_context(self, context):
        self._state().context = context

    # --- finding elements -----------------------------------------------------------------------------

    def get_operations(self):
        """All operations in the order in which they were made."""
        return list(self._operations.values())

    def get_operation_by_name(self, name):
        """The operation of this name.

        Raises:
          TypeError, ValueError, KeyError: where the name is no string, names a tensor, or nothing.
        """
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        return self.as_graph_element(name, allow_tensor=False)

    def get_tensor_by_name(self, name):
        """The tensor of this name, "op:index".

        Raises:
          TypeError, ValueError, KeyError: where the name is no string, names an operation, or nothing.
        """
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        return self.as_graph_element(name, allow_operation=False)

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True):
        """The tensor or operation that `obj` is, stands for, or names.

        Raises:
          TypeError: where it can be neither.
          ValueError: where it belongs to another graph, or names the other kind.
          KeyError: where nothing has that name.
        """
        kind = obj.__class__
        if ((kind is Operation and allow_operation) or (kind is Tensor and allow_tensor)) and obj.graph is self:
            return obj
        wanted = _wanted(allow_tensor, allow_operation)
        convert = getattr(obj, "_as_graph_element", None)
        if convert is not None:
            obj = convert()
        if isinstance(obj, bytes):
            obj = obj.decode()
        if isinstance(obj, str):
            return self._named(obj, allow_tensor, allow_operation, wanted)
        if (isinstance(obj, Tensor) and allow_tensor) or (isinstance(obj, Operation) and allow_operation):
            if obj.graph is not self:
                element = f"Tensor {obj!s}" if isinstance(obj, Tensor) else f"Operation {obj.name!r}"
                raise ValueError(f"{element} is not an element of this graph.")
            return obj
        raise TypeError(f"Can not convert a {type(obj).__name__} into a {wanted}.")

    def _named(self, name, allow_tensor, allow_operation, wanted):
        if ":" not in name:
            op = self._operations.get(name)
            if allow_operation:
                if op is None:
                    raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
                return op
            found = (
                "refers to an Operation, not a" if op is not None else "looks like an (invalid) Operation name, not a"
            )
            raise ValueError(
                f'The name {name!r} {found} {wanted}. Tensor names must be of the form "<op_name>:<output_index>".'
            )
        if not allow_tensor:
            raise ValueError(f"Name {name!r} appears to refer to a Tensor, not a {wanted}.")
        op_name, _, index = name.partition(":")
        if not op_name or not index.isdecimal():
            raise ValueError(
                f"The name {name!r} looks a like a Tensor name, but is not a valid one. "
                'Tensor names must be of the form "<op_name>:<output_index>".'
            )
        op = self._operations.get(op_name)
        if op is None:
            raise KeyError(
                f"The name {name!r} refers to a Tensor which does not exist. The operation, {op_name!r}, "
                "does not exist in the graph."
            )
        if int(index) >= len(op.outputs):
            raise KeyError(
                f"The name {name!r} refers to a Tensor which does not exist. The operation, {op_name!r}, "
                f"exists but only has {len(op.outputs)} outputs."
            )
        return op.outputs[int(index)]

    # --- feeding and fetching -------------------------------------------------------------------------

    def prevent_feeding(self, tensor):
        """Refuses a tensor in `feed_dict` from now on."""
        self._unfeedable.add(tensor)

    def is_feedable(self, tensor):
        """Whether a run may be fed with a tensor."""
        return tensor not in self._unfeedable

    def prevent_fetching(self, op):
        """Refuses an operation in fetches from now on."""
        self._unfetchable.add(op)

    def is_fetchable(self, tensor_or_op):
        """Whether a run may be asked for a tensor or an operation."""
        op = tensor_or_op.op if isinstance(tensor_or_op, Tensor) else tensor_or_op
        return op not in self._unfetchable

    # --- collections ----------------------------------------------------------------------------------

    @property
    def collections(self):
        """The names of the collections that there are."""
        return self._collections.names()

    def add_to_collection(self, name, value):
        """Adds a value to a collection, which is made where it does not exist."""
        self._check_not_finalized()
        self._collections.add(name, value)

    def add_to_collections(self, names, value):
        """Adds a value to several collections, once to each."""
        self._check_not_finalized()
        self._collections.add_to_all(names, value)

    def get_collection(self, name, scope=None):
        """A new list of a collection's values; with `scope`, those whose name matches it at its start."""
        return self._collections.get(name, scope)

    def get_collection_ref(self, name):
        """The list itself: changing it changes the collection."""
        return self._collections.ref(name)

    def get_all_collection_keys(self):
        """The names of the collections that are strings."""
        return [name for name in self._collections.names() if isinstance(name, str)]

    def clear_collection(self, name):
        """Takes everything out of a collection."""
        self._check_not_finalized()
        self._collections.clear(name)

    # --- as a message ---------------------------------------------------------------------------------

    def as_graph_def(self, from_version=None, add_shapes=False):
        """The graph as a GraphDef.

        Args:
          from_version: only operations made since `graph.version` was this.
          add_shapes: adds the static shapes of outputs as attributes `_output_shapes`.
        """
        from .graph_def import graph_def

        return graph_def(self, from_version, add_shapes)


def _wanted(allow_tensor, allow_operation):
    if allow_tensor and allow_operation:
        return "Tensor or Operation"
    if allow_tensor:
        return "Tensor"
    if allow_operation:
        return "Operation"
    raise ValueError("allow_tensor and allow_operation can't both be False.")
