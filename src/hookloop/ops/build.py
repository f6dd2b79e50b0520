"""How public functions add nodes: `apply_op`, `convert_to_tensor` and `constant`."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from .._core import GraphNameScope, apply_op, connect_conversions, connect_ops, constant_node, of_value, set_attributes
from ..graph.graph import Graph
from ..graph.operation import Operation
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


def _attribute(op_def, signature, key, value, default):
    """The value of an attribute as the graph keeps it.

    Raises:
      TypeError: for a type that the attribute cannot be.
    """
    if value.__class__ is dtypes.DType or (key in signature.type_attrs and not isinstance(value, (list, tuple))):
        value = dtypes.as_dtype(value)
        allowed = op_def.types.get(key)
        if allowed is not None and value.base_dtype not in allowed:
            names = ", ".join(sorted(t.name for t in allowed))
            raise TypeError(
                f"Value passed to parameter '{key}' has DataType {value.name} not in list of allowed values: {names}"
            )
        return value
    if isinstance(value, (Dimension, np.integer)):
        return int(value)
    return as_shape(value) if isinstance(default, TensorShape) else value


def _describe(op_type, inputs, attrs):
    """What `Graph.create_op` must know: the definition, all attributes and the types of the outputs."""
    op_def = registry.lookup(op_type)
    signature = signature_of(op_def)
    all_attrs = signature.defaults.copy()
    set_attributes(op_def, signature, all_attrs, attrs)
    position = 0
    for argument in signature.inputs:
        if argument.type_list_attr is not None:
            count = len(all_attrs[argument.type_list_attr] if argument.type_list_attr in attrs else inputs[position:])
            all_attrs[argument.type_list_attr] = [t.dtype.base_dtype for t in inputs[position : position + count]]
        else:
            count = 1 if argument.number_attr is None else all_attrs.get(argument.number_attr, len(inputs) - position)
            if argument.number_attr is not None:
                all_attrs[argument.number_attr] = count
            if argument.type_attr is not None and all_attrs.get(argument.type_attr) is None and position < len(inputs):
                found = inputs[position].dtype.base_dtype
                all_attrs[argument.type_attr] = _attribute(op_def, signature, argument.type_attr, found, None)
        position += count
    if position != len(inputs):
        raise ValueError(f"expected {position} inputs for op '{op_type}', got {len(inputs)}")
    return op_def, all_attrs, signature.output_dtypes(all_attrs)


def _misfit(op_def, attrs, inputs):
    """(the place of the first input that is of another type than the attributes say, that type), or None.

    Kernels read an input as what the attributes say.
    """
    position = 0
    for argument in signature_of(op_def).inputs:
        wanted = argument.dtypes(attrs)
        for dtype, tensor in zip(wanted if argument.is_list else wanted[:1], inputs[position:]):
            if tensor.dtype.base_dtype != dtype.base_dtype or (dtype._is_ref_dtype and not tensor.dtype._is_ref_dtype):
                return position, dtype
            position += 1
    return None


Graph._describe = staticmethod(_describe)
Graph._misfit = staticmethod(_misfit)

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
    array = to_array(value, dtype, dims, verify_shape)
    tensor = constant_of(array, dtype, name)
    if dims is not None and array.size > 1:
        given = np.size(value)
        if given < array.size:
            tensor.graph._values_given[tensor.op._id] = given
    return tensor


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
    return constant_node(_op_types["Const"], array, dtype, "Const" if name is None else name)


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


def has_own_conversion(value):
    """Whether a function is registered that makes a tensor of what no list of numbers and tensors may hold."""
    return type_in_lists([value]) is None and _functions_for(value.__class__)[0] not in (
        _convert_constant,
        _convert_list,
    )


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


# Classes of programs whose objects count as tensors.
tensor_types: list = []


def is_tensor(x):
    """Whether `x` is a tensor, a variable, or another object of a graph that stands for values."""
    return (
        isinstance(x, (Tensor, *tensor_types))
        or hasattr(x, "_as_graph_element")
        or hasattr(x, "dense_shape")
        or getattr(x, "is_tensor_like", False)
    )


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
    elif dtype == dtypes.int32 and max(sizes, default=0) >= 2**31:
        raise ValueError(f"Cannot convert a TensorShape to dtype int32; a dimension is too large ({max(sizes)})")
    return constant(np.array(sizes, dtype.as_numpy_dtype), dtype, name=name or "shape_as_tensor")


def _refuse_operation(value, dtype=None, name=None, as_ref=False):
    raise TypeError(
        f"Can't convert Operation '{value.name}' to Tensor (target dtype={dtype!r}, name={name!r}, as_ref={as_ref!r})"
    )


def _convert_dimension(value, dtype=None, name=None, as_ref=False):
    if value.value is None:
        raise ValueError(f"Cannot convert an unknown Dimension to a Tensor: {value}")
    if dtype not in (None, dtypes.int32, dtypes.int64):
        raise TypeError(f"Cannot convert a Dimension to dtype: {dtype.name}")
    return constant(value.value, dtype or dtypes.int32, name=name or "shape_as_tensor")


def _convert_list(value, dtype=None, name=None, as_ref=False):
    """A list that holds tensors becomes a Pack of its elements."""
    inferred = None if as_ref else type_in_lists(value)
    if inferred is None:
        return NotImplemented
    if dtype is None:
        dtype = inferred
    elif dtype.base_dtype is not inferred:
        value = _cast_in_lists(value, dtype.base_dtype)
    return _pack_lists(value, dtype.base_dtype, name or "packed")


_NUMBERS = frozenset((int, float, bool, complex, str, bytes))


def type_in_lists(values):
    """The type of the first tensor in nested lists; None where they have none."""
    for value in values:
        if value.__class__ in _NUMBERS:
            continue
        if isinstance(value, (list, tuple)):
            found = type_in_lists(value)
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
            if isinstance(value, (list, tuple)) and type_in_lists(value) is not None:
                value = _pack_lists(value, dtype, str(i))
            elif _stands_for_tensor(value):
                if value.dtype.base_dtype is not dtype:
                    raise TypeError(
                        f"Cannot convert a list containing a tensor of dtype {value.dtype.base_dtype} to {dtype} "
                        f"(Tensor is: {value!r})"
                    )
            else:
                value = constant(value, dtype, name=str(i))
            elements.append(value)
        return apply_op("Pack", [elements], {"axis": 0}, name=scope)


connect_ops(_op_types, registry.lookup, signature_of, dtypes.DType)
connect_conversions(_attribute, convert_to_tensor)
register_tensor_conversion_function((list, tuple), _convert_list, 99)
register_tensor_conversion_function(object, _convert_constant, 200)
register_tensor_conversion_function(TensorShape, _convert_shape, 100)
register_tensor_conversion_function(Operation, _refuse_operation, 0)
register_tensor_conversion_function(Dimension, _convert_dimension, 100)

registry.register(
    OpDef("Const", "", "output: dtype", attrs={"value": None, "dtype": None},
          shape=of_value, gradient=registry.no_gradient,
          reference=lambda node: node.attrs["value"]),
)  # fmt: skip
