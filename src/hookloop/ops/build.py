"""How public functions add nodes: `apply_op`, `convert_to_tensor` and `constant`."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from .._core import GraphNameScope, add_plain_node, graph_of
from ..graph.graph import Graph
from ..graph.stack import get_default_graph
from ..graph.tensor import Tensor
from ..shapes import Dimension, TensorShape, as_shape, to_internal
from . import registry
from .indexed_slices import IndexedSlices
from .registry import OpDef
from .signature import signature_of
from .values import to_array

__all__ = [
    "constant", "convert_to_tensor", "convert_to_tensor_or_indexed_slices", "is_tensor",
    "register_tensor_conversion_function",
]  # fmt: skip

_op_types = registry._registry


# --- nodes ----------------------------------------------------------------------------------------------


def apply_op(type, inputs, attrs=None, name=None):
    """Adds a node to the graph of its inputs (the default graph where there is none).

    Args:
      type: the op type's name.
      inputs: one value for each input of the signature; a list for an input that is a list. What is no
        tensor becomes a constant, named after the input, in the node's own scope.
      attrs: the attributes that inputs do not tell and that differ from their defaults.
      name: the node's name; by default its type.

    Returns:
      The output tensor; a list where the signature has several outputs or a list; the `Operation` where
      the node has no outputs.

    Raises:
      TypeError: where the inputs' types do not fit.
      ValueError: where their shapes or graphs do not fit.
    """
    op_def = _op_types.get(type) or registry.lookup(type)
    signature = op_def._signature or signature_of(op_def)
    all_attrs = signature.defaults.copy()
    if attrs:
        _set_attrs(op_def, signature, all_attrs, attrs)
    op = add_plain_node(op_def, signature, inputs, attrs, all_attrs, name or type)
    if op is None:
        op = _Inputs(op_def, signature, inputs, attrs, all_attrs, name or type).node()
    if signature.single:
        return op.outputs[0]
    return list(op.outputs) or op


def _set_attrs(op_def, signature, all_attrs, attrs):
    for key, value in attrs.items():
        kind = value.__class__
        if kind is str:
            value = value.encode()
        elif kind is dtypes.DType or (key in signature.type_attrs and not isinstance(value, (list, tuple))):
            value = dtypes.as_dtype(value)
            allowed = op_def.types.get(key)
            if allowed is not None and value.base_dtype not in allowed:
                names = ", ".join(sorted(t.name for t in allowed))
                raise TypeError(f"DataType {value.name} for attr '{key}' not in list of allowed values: {names}")
        elif isinstance(value, (Dimension, np.integer)):
            value = int(value)
        elif isinstance(all_attrs.get(key), TensorShape):
            value = as_shape(value)
        all_attrs[key] = value


class _Inputs:
    """The inputs of a node that is being made, turned into tensors.

    The node's name scope is entered only where a value must become a constant: a scope costs more than
    all the rest of a node.
    """

    __slots__ = ("op_def", "signature", "values", "attrs", "all_attrs", "name", "graph", "scope", "scope_name",
                 "default", "inferred_from")  # fmt: skip

    def __init__(self, op_def, signature, values, attrs, all_attrs, name):
        self.op_def = op_def
        self.signature = signature
        self.values = values
        self.attrs = attrs or ()
        self.all_attrs = all_attrs
        self.name = name
        self.graph = self.scope = self.scope_name = self.default = None
        self.inferred_from = {}

    def node(self):
        """Adds the node."""
        try:
            tensors = self._resolve()
        finally:
            self._close()
        attrs = self.all_attrs
        return self.graph._add_node(self.op_def, tensors, attrs, self._node_name(), self.signature.output_dtypes(attrs))

    def _resolve(self):
        """The tensors, flat; the type attributes are set on the way."""
        arguments = self.signature.inputs
        if len(self.values) != len(arguments):
            raise TypeError(f"expected {len(arguments)} inputs for op '{self.op_def.name}', got {len(self.values)}")
        tensors = []
        for argument, value in zip(arguments, self.values):
            if argument.is_list:
                tensors.extend(self._list(argument, value))
                continue
            tensor = value if value.__class__ is Tensor else self._converted(argument, value)
            self._check(argument, tensor)
            tensors.append(tensor)
        self._find_graph(tensors)
        return tensors

    def _find_graph(self, tensors):
        graph = self.graph
        default = get_default_graph()
        if default._outer is not None:
            tensors[:] = [default.capture(tensor) for tensor in tensors]
            self.graph = default
            return
        for tensor in tensors:
            if graph is None:
                graph = tensor.graph
            elif tensor.graph is not graph:
                raise ValueError(f"{tensor} must be from the same graph as {tensors[0]}.")
        self.graph = default if graph is None else graph

    def _enter_scope(self):
        if self.scope is None:
            self.graph = graph_of(self.values)
            if self.graph is not get_default_graph():
                self.default = self.graph.as_default()
                self.default.__enter__()
            self.scope = GraphNameScope(self.graph, self.name)
            self.scope_name = self.scope.__enter__()

    def _close(self):
        if self.scope is not None:
            self.scope.__exit__()
        if self.default is not None:
            self.default.__exit__(None, None, None)

    def _node_name(self):
        return self.graph._node_name(self.name) if self.scope_name is None else self.scope_name[:-1]

    # --- types ----------------------------------------------------------------------------------------

    def _wanted(self, argument):
        """The type that an input must have: fixed, given, or told by an earlier input; else None."""
        if argument.dtype is not None:
            return argument.dtype
        attr = argument.type_attr
        return self.all_attrs.get(attr) if attr in self.attrs or attr in self.inferred_from else None

    def _check(self, argument, tensor):
        """Compares a tensor's type with what the signature wants, and learns from it."""
        dtype = tensor.dtype
        base = dtype.base_dtype
        if argument.is_ref and not dtype._is_ref_dtype:
            raise TypeError(
                f"'{self.op_def.name}' Op requires that input '{argument.name}' be a mutable tensor "
                f"(e.g.: a tf.Variable), got {tensor!r}"
            )
        wanted = self._wanted(argument)
        if wanted is None:
            if argument.allowed is not None and base not in argument.allowed:
                self._refuse_type(argument, base)
            self.inferred_from[argument.type_attr] = argument
            self.all_attrs[argument.type_attr] = base
        elif wanted is not base:
            self._refuse_mismatch(argument, base, wanted)
        elif argument.allowed is not None and argument.type_attr not in self.inferred_from:
            if base not in argument.allowed:
                self._refuse_type(argument, base)

    def _refuse_type(self, argument, base):
        allowed = ", ".join(sorted(t.name for t in argument.allowed))
        raise TypeError(
            f"Value passed to parameter '{argument.name}' has DataType {base.name} not in list of allowed "
            f"values: {allowed} (op: '{self.op_def.name}', name: '{self.name}')"
        )

    def _refuse_mismatch(self, argument, found, wanted):
        prefix = f"Input '{argument.name}' of '{self.op_def.name}' Op has type {found.name} that does not match"
        if argument.dtype is not None:
            raise TypeError(f"{prefix} expected type of {wanted.name}.")
        source = self.inferred_from.get(argument.type_attr)
        origin = f"argument '{source.name}'" if source else f"attribute '{argument.type_attr}'"
        raise TypeError(f"{prefix} type {wanted.name} of {origin}.")

    # --- values ---------------------------------------------------------------------------------------

    def _converted(self, argument, value):
        self._enter_scope()
        wanted = self._wanted(argument)
        if argument.is_ref:
            return convert_to_tensor(value, name=argument.name, as_ref=True)
        try:
            return convert_to_tensor(value, wanted, argument.name, preferred_dtype=argument.preferred)
        except TypeError as error:
            if wanted is None:
                raise
            raise TypeError(
                f"Expected {wanted.name} passed to parameter '{argument.name}' of op '{self.op_def.name}', "
                f"got {value!r} of type '{type_name(value)}' instead. Error: {error}"
            ) from None
        except ValueError:
            if wanted is None or value is None or not hasattr(value, "dtype"):
                raise
            found = convert_to_tensor(value, name=argument.name)
            if found.dtype.base_dtype is wanted:
                raise
            return self._refuse_mismatch(argument, found.dtype.base_dtype, wanted)

    def _list(self, argument, values):
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"Expected list for '{argument.name}' argument to '{self.op_def.name}' Op, not {values!r}.")
        if argument.type_list_attr is not None:
            return self._mixed_list(argument, values)
        dtype = self._wanted(argument)
        if dtype is None:
            for value in values:
                found = getattr(value, "dtype", None)
                if isinstance(value, Tensor) or hasattr(value, "_as_graph_element"):
                    dtype = found.base_dtype
                    break
        tensors = []
        for i, value in enumerate(values):
            if value.__class__ is not Tensor or argument.is_ref:
                value = self._element(argument, f"{argument.name}_{i}", value, dtype)
            tensors.append(value)
        if argument.type_attr is not None:
            dtype = self._list_type(argument, tensors, dtype)
        self.all_attrs[argument.number_attr] = self._number(argument, len(tensors))
        for tensor in tensors:
            if tensor.dtype.base_dtype is not dtype:
                self._refuse_list(argument, tensors, dtype)
        return tensors

    def _element(self, argument, name, value, dtype):
        self._enter_scope()
        if argument.is_ref:
            return convert_to_tensor(value, name=name, as_ref=True)
        try:
            return convert_to_tensor(value, dtype, name, preferred_dtype=argument.preferred)
        except (TypeError, ValueError) as error:
            if dtype is None:
                raise
            raise TypeError(
                f"Tensors in list passed to '{argument.name}' of '{self.op_def.name}' Op have types that do not "
                f"all match {dtype.name}: {error}"
            ) from None

    def _list_type(self, argument, tensors, dtype):
        attr = argument.type_attr
        if dtype is None and tensors:
            dtype = tensors[0].dtype.base_dtype
        if dtype is None:
            dtype = self.all_attrs.get(attr)
        if attr not in self.inferred_from and attr not in self.attrs:
            if argument.allowed is not None and dtype not in argument.allowed:
                self._refuse_type(argument, dtype)
            self.all_attrs[attr] = dtype
            self.inferred_from[attr] = argument
        return dtype

    def _number(self, argument, count):
        attr = argument.number_attr
        earlier = self.inferred_from.setdefault(attr, (argument, count))
        if earlier[1] != count:
            raise ValueError(
                f"List argument '{argument.name}' to '{self.op_def.name}' Op with length {count} must match "
                f"length {earlier[1]} of argument '{earlier[0].name}'."
            )
        return count

    def _refuse_list(self, argument, tensors, dtype):
        found = ", ".join(t.dtype.base_dtype.name for t in tensors)
        raise TypeError(
            f"Tensors in list passed to '{argument.name}' of '{self.op_def.name}' Op have types [{found}] that "
            f"don't all match{'' if dtype is None else ' ' + dtype.name}."
        )

    def _mixed_list(self, argument, values):
        tensors = []
        given = self.all_attrs.get(argument.type_list_attr) if argument.type_list_attr in self.attrs else None
        for i, value in enumerate(values):
            if value.__class__ is not Tensor:
                self._enter_scope()
                wanted = dtypes.as_dtype(given[i]) if given else None
                value = convert_to_tensor(value, wanted, f"{argument.name}_{i}")
            tensors.append(value)
        found = [t.dtype.base_dtype for t in tensors]
        for dtype in found:
            if argument.allowed is not None and dtype not in argument.allowed:
                self._refuse_type(argument, dtype)
        self.all_attrs[argument.type_list_attr] = found
        return tensors


def type_name(value):
    return value.__class__.__name__


def _describe(op_type, inputs, attrs):
    """What `Graph.create_op` must know: the definition, all attributes and the types of the outputs."""
    op_def = registry.lookup(op_type)
    signature = signature_of(op_def)
    all_attrs = signature.defaults.copy()
    _set_attrs(op_def, signature, all_attrs, attrs)
    position = 0
    for argument in signature.inputs:
        if argument.type_list_attr is not None:
            count = len(all_attrs[argument.type_list_attr] if argument.type_list_attr in attrs else inputs[position:])
            all_attrs[argument.type_list_attr] = [t.dtype.base_dtype for t in inputs[position : position + count]]
        else:
            count = 1 if argument.number_attr is None else all_attrs.get(argument.number_attr, len(inputs) - position)
            if argument.number_attr is not None:
                all_attrs[argument.number_attr] = count
            if argument.type_attr is not None and argument.type_attr not in attrs and position < len(inputs):
                all_attrs[argument.type_attr] = inputs[position].dtype.base_dtype
        position += count
    if position != len(inputs):
        raise ValueError(f"expected {position} inputs for op '{op_type}', got {len(inputs)}")
    return op_def, all_attrs, signature.output_dtypes(all_attrs)


Graph._describe = staticmethod(_describe)

# --- constants ------------------------------------------------------------------------------------------


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False):
    """A tensor of a value that is known now.

    Args:
      value: a number, string, array, or nested lists of them.
      dtype: its type; by default int32 for Python ints, float32 for floats, an array's own.
      shape: its shape; missing elements repeat the last one.
      name: the node's name.
      verify_shape: refuses a value of another shape instead.

    Raises:
      TypeError: where the value has another type.
      ValueError: where it cannot be a dense array, or has too many elements.
    """
    dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    dims = None
    if shape is not None:
        dims = to_internal(shape)
        if dims is None or not all(isinstance(d, int) for d in dims):
            raise TypeError(f"expected a fully defined shape for a constant, got {as_shape(shape)}")
    return constant_of(to_array(value, dtype, dims, verify_shape), dtype, name)


def constant_in_place(array, name="Const"):
    """A constant that holds an array itself and not a copy: what is written to the array afterwards shows.

    Args:
      array: contiguous, of a type that tensors have.
      name: the node's name.
    """
    return constant_of(np.asarray(array), None, name)


def constant_of(array, dtype, name):
    """The node of an array that is the graph's from now on."""
    dtype = dtypes.as_dtype(array.dtype) if dtype is None else dtype
    graph = get_default_graph()
    op_def = _op_types["Const"]
    name = graph._node_name(name or "Const")
    return graph._add_node(op_def, [], {"value": array, "dtype": dtype}, name, (dtype,)).outputs[0]


# --- conversion -----------------------------------------------------------------------------------------

_conversions: list = []  # (priority, order, types, function), the lowest priority first
_conversions_of_type: dict = {}


def register_tensor_conversion_function(base_type, conversion_func, priority=100):
    """Registers how objects of a type become tensors.

    Args:
      base_type: a type or a tuple of types.
      conversion_func: function(value, dtype=None, name=None, as_ref=False) that returns a tensor or
        NotImplemented.
      priority: functions of smaller priority are tried first.

    Raises:
      TypeError: where base_type is no type, or the function cannot be called.
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not types or not all(isinstance(t, type) for t in types):
        raise TypeError("base_type must be a type or a tuple of types.")
    if not callable(conversion_func):
        raise TypeError("conversion_func must be callable.")
    _conversions.append((priority, len(_conversions), types, conversion_func))
    _conversions.sort(key=lambda entry: entry[:2])
    _conversions_of_type.clear()


def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None, dtype_hint=None, as_ref=False):
    """`value` as a tensor.

    Args:
      value: a tensor, a variable, a Python value or array, or lists of them.
      dtype: the type that it must have; by default what the value tells.
      name: the name of the node that is made, if one is.
      preferred_dtype: the type that it gets if it can be converted to it and `dtype` is None.
      dtype_hint: the newer name of preferred_dtype.

    Raises:
      TypeError: where no conversion is registered for it, or it has another type.
      ValueError: for a tensor of another type.
    """
    if dtype is not None:
        dtype = dtypes.as_dtype(dtype)
    if value.__class__ is Tensor:
        if dtype is not None and not dtype.is_compatible_with(value.dtype):
            raise ValueError(
                f"Tensor conversion requested dtype {dtype.name} for Tensor with dtype {value.dtype.name}: {value!r}"
            )
        return value
    preferred = dtype_hint if preferred_dtype is None else preferred_dtype
    preferred = None if preferred is None else dtypes.as_dtype(preferred)
    for function in _functions_for(value.__class__):
        tensor = NotImplemented
        if dtype is None and preferred is not None:
            tensor = _preferably(function, value, preferred, name, as_ref)
        if tensor is NotImplemented:
            tensor = function(value, dtype=dtype, name=name, as_ref=as_ref)
        if tensor is NotImplemented:
            continue
        _check_converted(function, tensor, dtype, name)
        return tensor
    raise TypeError(
        f"{name + ': ' if name else ''}Cannot convert {value!r} with type {type(value)} to Tensor: "
        "no conversion function registered."
    )


def _functions_for(cls):
    functions = _conversions_of_type.get(cls)
    if functions is None:
        functions = [function for _, _, types, function in _conversions if issubclass(cls, types)]
        _conversions_of_type[cls] = functions
    return functions


def _preferably(function, value, preferred, name, as_ref):
    try:
        tensor = function(value, dtype=preferred, name=name, as_ref=as_ref)
    except (TypeError, ValueError):
        return NotImplemented
    if tensor is not NotImplemented and tensor.dtype.base_dtype is not preferred.base_dtype:
        raise TypeError(
            f"convert_to_tensor did not convert to the preferred dtype: {tensor.dtype.base_dtype.name} vs "
            f"{preferred.base_dtype.name}"
        )
    return tensor


def _check_converted(function, tensor, dtype, name):
    where = f"{name}: " if name else ""
    if not isinstance(tensor, Tensor):
        raise RuntimeError(f"{where}Conversion function {function!r} returned non-Tensor: {tensor!r}")
    if dtype is not None and not dtype.is_compatible_with(tensor.dtype):
        raise RuntimeError(
            f"{where}Conversion function {function!r} returned incompatible dtype: requested = "
            f"{dtype.base_dtype.name}, actual = {tensor.dtype.name}"
        )


def convert_n_to_tensor(values, dtype=None, name=None, preferred_dtype=None):
    """Each of several values as a tensor; nodes are named name_0, name_1 and so on."""
    return [
        convert_to_tensor(value, dtype, None if name is None else f"{name}_{i}", preferred_dtype)
        for i, value in enumerate(values)
    ]


def convert_to_tensor_or_indexed_slices(value, dtype=None, name=None):
    """`value` as it is where it is an `IndexedSlices`, else as a tensor.

    Raises:
      ValueError: where it has another type.
    """
    if not isinstance(value, IndexedSlices):
        return convert_to_tensor(value, dtype, name)
    if dtype is not None and not dtypes.as_dtype(dtype).is_compatible_with(value.dtype):
        raise ValueError(
            f"Tensor conversion requested dtype {dtypes.as_dtype(dtype).name} for Tensor with dtype "
            f"{value.dtype.name}: {value}"
        )
    return value


def is_tensor(x):
    """Whether `x` is a tensor, a variable, or another object of a graph that stands for values."""
    return isinstance(x, Tensor) or hasattr(x, "_as_graph_element") or hasattr(x, "dense_shape")


def _convert_constant(value, dtype=None, name=None, as_ref=False):
    dtype = None if dtype is None else dtype.base_dtype
    return constant_of(to_array(value, dtype), dtype, name)


def _convert_shape(value, dtype=None, name=None, as_ref=False):
    if not value.is_fully_defined():
        raise ValueError(f"Cannot convert a partially known TensorShape to a Tensor: {value}")
    sizes = value.as_list()
    if dtype is None:
        dtype = dtypes.int32 if all(size < 2**31 for size in sizes) else dtypes.int64
    elif dtype not in (dtypes.int32, dtypes.int64):
        raise TypeError(f"Cannot convert a TensorShape to dtype: {dtype.name}")
    return constant(np.array(sizes, dtype.as_numpy_dtype), dtype, name=name or "shape_as_tensor")


def _convert_dimension(value, dtype=None, name=None, as_ref=False):
    if value.value is None:
        raise ValueError(f"Cannot convert an unknown Dimension to a Tensor: {value}")
    if dtype not in (None, dtypes.int32, dtypes.int64):
        raise TypeError(f"Cannot convert a Dimension to dtype: {dtype.name}")
    return constant(value.value, dtype or dtypes.int32, name=name or "shape_as_tensor")


def _convert_list(value, dtype=None, name=None, as_ref=False):
    """A list that holds tensors becomes a Pack of its elements."""
    inferred = None if as_ref else _type_in_lists(value)
    if inferred is None:
        return NotImplemented
    if dtype is None:
        dtype = inferred
    elif dtype.base_dtype is not inferred:
        value = _cast_in_lists(value, dtype.base_dtype)
    return _pack_lists(value, dtype.base_dtype, name or "packed")


_NUMBERS = frozenset((int, float, bool, complex, str, bytes))


def _type_in_lists(values):
    for value in values:
        if value.__class__ in _NUMBERS:
            continue
        if isinstance(value, (list, tuple)):
            found = _type_in_lists(value)
        else:
            found = value.dtype.base_dtype if _stands_for_tensor(value) else None
        if found is not None:
            return found
    return None


def _stands_for_tensor(value):
    return isinstance(value, Tensor) or hasattr(value, "_as_graph_element")


def _cast_in_lists(values, dtype):
    from .cast import cast

    if isinstance(values, (list, tuple)):
        return [_cast_in_lists(v, dtype) for v in values]
    if _stands_for_tensor(values) and values.dtype.base_dtype is not dtype:
        return cast(values, dtype)
    return values


def _pack_lists(values, dtype, name):
    with GraphNameScope(get_default_graph(), name) as scope:
        elements = []
        for i, value in enumerate(values):
            if isinstance(value, (list, tuple)) and _type_in_lists(value) is not None:
                value = _pack_lists(value, dtype, str(i))
            elif _stands_for_tensor(value):
                if value.dtype.base_dtype is not dtype:
                    raise TypeError(
                        f"Cannot convert a list containing a tensor of dtype {value.dtype.base_dtype} to {dtype} "
                        f"(Tensor is: {value!r})"
                    )
                value = convert_to_tensor(value)
            else:
                value = constant(value, dtype, name=str(i))
            elements.append(value)
        return apply_op("Pack", [elements], {"axis": 0}, name=scope)


register_tensor_conversion_function((list, tuple), _convert_list, 99)
register_tensor_conversion_function(object, _convert_constant, 200)
register_tensor_conversion_function(TensorShape, _convert_shape, 100)
register_tensor_conversion_function(Dimension, _convert_dimension, 100)

registry.register(
    OpDef("Const", "", "output: dtype", attrs={"value": None, "dtype": None},
          shape=lambda c: c.attr("value").shape, gradient=registry.no_gradient,
          reference=lambda node: node.attrs["value"]),
)  # fmt: skip
