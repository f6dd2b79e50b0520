"""The ops that stand for values and order: placeholders, identities, groups."""

from __future__ import annotations

from .. import dtypes
from ..graph.collections import GraphKeys
from ..graph.operation import Operation
from ..graph.scopes import colocate_with, control_dependencies, name_scope
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..shapes import TensorShape, as_shape
from . import registry
from .build import apply_op, convert_to_tensor
from .indexed_slices import IndexedSlices
from .registry import OpDef
from .shape_functions import from_attribute, nothing, unchanged

__all__ = [
    "group", "guarantee_const", "identity", "identity_n", "initialize_all_tables", "no_op", "placeholder",
    "placeholder_with_default", "stop_gradient", "tables_initializer", "tuple",
]  # fmt: skip

_python_tuple = tuple


def _prevented(op, *gradients):
    message = op.get_attr("message").decode()
    raise LookupError(f"Gradient explicitly disabled. Reason: {message!r} (op '{op.name}')")


def _default_shape(c):
    wanted = from_attribute(c)
    if c.known(0):
        c.merge_shapes(c.shape(0), wanted)
    return wanted


registry.register(
    OpDef("Placeholder", "", "output: dtype", attrs={"dtype": None, "shape": TensorShape(None)},
          shape=from_attribute, gradient=registry.no_gradient),
    OpDef("PlaceholderWithDefault", "input: dtype", "output: dtype", attrs={"shape": TensorShape(None)},
          shape=_default_shape, gradient=lambda op, grad: [grad], reference=lambda node, x: x),
    OpDef("Identity", "input: T", "output: T", shape=unchanged, symbolic=True,
          gradient=lambda op, grad: [grad], reference=lambda node, x: x),
    OpDef("RefIdentity", "input: Ref(T)", "output: Ref(T)", shape=unchanged, gradient=lambda op, grad: [grad]),
    OpDef("IdentityN", "input: T", "output: T", attrs={"T": []},
          shape=lambda c: [c.shape(i) if c.known(i) else None for i in range(len(c.inputs))],
          gradient=lambda op, *grads: list(grads), reference=lambda node, *x: x),
    OpDef("StopGradient", "input: T", "output: T", shape=unchanged, symbolic=True,
          gradient=registry.no_gradient, reference=lambda node, x: x),
    OpDef("PreventGradient", "input: T", "output: T", attrs={"message": ""}, shape=unchanged,
          gradient=_prevented, reference=lambda node, x: x),
    OpDef("GuaranteeConst", "input: T", "output: T", shape=unchanged, stateful=True, reference=lambda node, x: x),
    OpDef("Snapshot", "input: T", "output: T", shape=unchanged, gradient=lambda op, grad: [grad],
          reference=lambda node, x: x),
    OpDef("NoOp", "", "", shape=nothing, gradient=registry.no_gradient, reference=lambda node: ()),
    OpDef("ControlTrigger", "", "", shape=nothing, gradient=registry.no_gradient,
          reference=lambda node: ()),
)  # fmt: skip


def placeholder(dtype, shape=None, name=None):
    """A tensor whose value every run must feed.

    Args:
      dtype: the type of its elements.
      shape: its shape; None, or None for a size, is left open.
      name: the node's name.
    """
    return apply_op("Placeholder", [], {"dtype": dtypes.as_dtype(dtype), "shape": as_shape(shape)}, name)


def placeholder_with_default(input, shape, name=None):
    """A tensor that has the value of `input` where a run does not feed it.

    Raises:
      ValueError: where the default does not have that shape.
    """
    return apply_op("PlaceholderWithDefault", [input], {"shape": as_shape(shape)}, name)


def identity(input, name=None):
    """A tensor with the value of `input`."""
    return apply_op("Identity", [input], name=name)


def identity_n(input, name=None):
    """Tensors with the values of a list of tensors."""
    return apply_op("IdentityN", [input], name=name)


def stop_gradient(input, name=None):
    """A tensor with the value of `input` through which no gradient flows."""
    return apply_op("StopGradient", [input], name=name)


def no_op(name=None):
    """An operation that does nothing: a place for control dependencies."""
    return apply_op("NoOp", [], name=name)


def guarantee_const(input, name=None):
    """The tensor, which is promised not to change between runs; nothing is made of the promise."""
    return apply_op("GuaranteeConst", [input], name=name)


def control_trigger(name=None):
    """An operation that does nothing, and that runs even where its dependencies did not."""
    return apply_op("ControlTrigger", [], name=name)


def group(*inputs, **kwargs):
    """An operation that has run when all `inputs` have.

    Args:
      *inputs: operations, tensors, variables, or lists of them.
      name: the operation's name.

    Raises:
      ValueError: for another keyword.
      TypeError: for an input that belongs to no graph.
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError("Unknown keyword arguments: " + ", ".join(kwargs))
    elements = list(_elements(inputs))
    with name_scope(name, "group_deps", elements) as scope:
        if not elements:
            return no_op(name=scope)
        # TensorFlow makes one node a device; on one device all dependencies are the node's own.
        by_device = {}
        for element in elements:
            by_device.setdefault(element.device, []).append(element)
        if len(by_device) == 1:
            ((device, dependencies),) = by_device.items()
            return _no_op_after(dependencies, device, scope)
        nodes = [_no_op_after(dependencies, device, None) for device, dependencies in sorted(by_device.items())]
        with control_dependencies(nodes):
            return no_op(name=scope)


def with_dependencies(dependencies, output_tensor, name=None):
    """A tensor with the value of `output_tensor`, there once the dependencies have run."""
    with name_scope(name, "control_dependency", [*dependencies, output_tensor]) as scope:
        if not hasattr(output_tensor, "op"):
            output_tensor = convert_to_tensor(output_tensor)
        with colocate_with(output_tensor), control_dependencies(dependencies):
            if isinstance(output_tensor, IndexedSlices):
                shape = output_tensor.dense_shape
                values, indices = (
                    identity(output_tensor.values, name=scope),
                    identity(output_tensor.indices, name="indices"),
                )
                return IndexedSlices(values, indices, None if shape is None else identity(shape, name="dense_shape"))
            tensor = convert_to_tensor(output_tensor)
            if tensor.dtype._is_ref_dtype:
                return apply_op("RefIdentity", [tensor], name=scope)
            return identity(tensor, name=scope)


def _elements(values):
    for value in values:
        if isinstance(value, (list, _python_tuple)):
            yield from _elements(value)
        elif isinstance(value, dict):
            yield from _elements(value[key] for key in sorted(value))
        elif hasattr(value, "device"):
            yield value
        else:
            raise TypeError(f"expected operations or tensors in tf.group(), got {value!r} of type {type(value)}")


def _no_op_after(dependencies, device, name):
    graph = get_default_graph()
    with graph.control_dependencies(dependencies):
        if not device:
            return no_op(name=name)
        with graph.device(device):
            return no_op(name=name)


def tables_initializer(name="init_all_tables"):
    """An operation that initializes the lookup tables of the graph.

    Args:
      name: the operation's name.
    """
    return group(*get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS), name=name)


def initialize_all_tables(name="init_all_tables"):
    """The old name of `tables_initializer`."""
    return tables_initializer(name)


def tuple(tensors, name=None, control_inputs=None):
    """The tensors, none of which is ready before all of them are.

    Args:
      tensors: tensors, `IndexedSlices` or None.
      name: the scope of the nodes.
      control_inputs: more operations to wait for.

    Returns:
      A list like `tensors`.

    Raises:
      ValueError: where there is no tensor.
      TypeError: where control_inputs holds what is none.
    """
    with name_scope(name, "tuple", tensors):
        tensors = [
            t if t is None or hasattr(t, "op") or isinstance(t, Operation) else convert_to_tensor(t) for t in tensors
        ]
        waited = [t if isinstance(t, Operation) else t.op for t in tensors if t is not None]
        for control in control_inputs or ():
            if isinstance(control, Tensor):
                control = control.op
            elif not isinstance(control, Operation):
                raise TypeError(f"Control input must be Operation or Tensor: {control}")
            waited.append(control)
        waited = list(dict.fromkeys(waited))
        if not waited:
            raise ValueError(f"Must have at least one Tensor: {tensors}")
        gate = group(*waited)
        return [t if t is None else _after(t, gate) for t in tensors]


def _after(value, gate):
    if isinstance(value, Operation):
        return gate
    if not isinstance(value, IndexedSlices):
        return with_dependencies([gate], value)
    with (
        name_scope(None, "control_dependency", [gate, value]) as scope,
        colocate_with(value),
        control_dependencies([gate]),
    ):
        return IndexedSlices(identity(value.values, name=scope), value.indices, value.dense_shape)
