"""A function for each op type, as TensorFlow's `gen_*_ops` and `training_ops` have: it adds the node and nothing else."""

from __future__ import annotations

from collections import namedtuple

from ..shapes import as_shape
from . import registry
from .build import apply_op
from .op_proto import attribute_kinds
from .signature import signature_of

# What TensorFlow's functions call inputs and attributes that have another name in the graph.
_RENAMED = {
    **{(name, "reduction_indices"): "axis" for name in ("All", "Any", "EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum")},
    ("ExpandDims", "dim"): "axis", ("Split", "split_dim"): "axis", ("SplitV", "split_dim"): "axis",
    ("Squeeze", "squeeze_dims"): "axis", ("Select", "t"): "x", ("Select", "e"): "y", ("Where", "input"): "condition",
}  # fmt: skip

# The attributes that come first in TensorFlow's functions, where a definition has them in another order.
_FIRST = {
    "Const": "value dtype", "EagerPyFunc": "token Tout is_async", "FixedLengthRecordReaderV2": "record_bytes header_bytes "
    "footer_bytes hop_bytes", "Multinomial": "seed seed2 output_dtype", "PriorityQueueV2": "shapes component_types",
    "PyFunc": "token Tout", "PyFuncStateless": "token Tout", "RandomPoissonV2": "seed seed2 dtype",
    "RandomShuffleQueueV2": "component_types shapes capacity min_after_dequeue seed seed2", "ResourceCountUpTo": "limit T",
    "ResourceGather": "dtype batch_dims", "TextLineReaderV2": "skip_header_lines", "Variable": "shape dtype",
    "VariableV2": "shape dtype",
}  # fmt: skip

_made: dict = {}
_types: dict = {}


def function_name(op_type):
    """The name of an op's function: "ApplyAdam" is `apply_adam`, "Conv2D" is `conv2d`."""
    letters = []
    for i, letter in enumerate(op_type):
        begins = letter.isupper() and i and (op_type[i - 1].islower() or op_type[i + 1 : i + 2].islower())
        letters.append("_" * bool(begins) + letter.lower())
    return "".join(letters)


def __getattr__(name):
    found = _made.get(name)
    if found is None:
        _learn_names()
        plain = name.removeprefix("_")  # before the names of Python's own functions
        if plain not in _types:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = _made[name] = _function(name, registry.lookup(_types[plain]))
    return found


def __dir__():
    _learn_names()
    return sorted(_types)


def op_types():
    """The names of all op types, a set."""
    _learn_names()
    return set(_types.values())


def _learn_names():
    if not _types:
        _types.update((function_name(op_type), op_type) for op_type in (*registry._LATER, *registry._registry))


def _function(name, op_def):
    """What a call gives: one tensor, a named tuple of the outputs where there are several, or the operation."""
    signature = signature_of(op_def)
    inputs = [argument.name for argument in signature.inputs]
    told = {
        attr for a in signature.inputs for attr in (a.type_attr, a.number_attr, a.type_list_attr) if attr is not None
    }
    defaults = {key: value for key, value in op_def.attrs.items() if key not in told and value is not None}
    pools = "Pool" in op_def.name and not op_def.name.startswith("Fractional")
    window = ("ksize",) * pools + ("strides", "padding") * (pools or "Conv" in op_def.name)
    wanted = [a for output in signature.outputs for a in (output.type_attr, output.number_attr, output.type_list_attr)]
    wanted += [*window, *op_def.attrs]
    needed = list(dict.fromkeys(a for a in wanted if a is not None and a not in told and a not in defaults))
    first = _FIRST.get(op_def.name, "").split()
    own = [*inputs, *first, *(key for key in (*needed, *defaults) if key not in first)]
    names = [*(_RENAMED.get((op_def.name, key), key) for key in own), "name"]
    required = [name for name, key in zip(names, own) if key in inputs or key in needed]
    shapes = {key for key, kind in attribute_kinds(op_def).items() if kind == "shape"}
    outputs = namedtuple(op_def.name, [a.name for a in signature.outputs]) if len(signature.outputs) > 1 else None

    def function(*args, **kwargs):
        if len(args) > len(names):
            raise TypeError(f"{name}() takes at most {len(names)} arguments, got {len(args)}")
        given = dict(zip(names, args))
        for key, value in kwargs.items():
            if key not in names or key in given:
                raise TypeError(f"{name}() got {'an unexpected' if key not in names else 'a second'} argument {key!r}")
            given[key] = value
        missing = [key for key in required if key not in given]
        if missing:
            raise TypeError(f"{name}() is without its arguments {', '.join(missing)}")
        values = [given.get(key) for key in names]
        attrs = {key: value for key, value in zip(own[len(inputs) :], values[len(inputs) :]) if value is not None}
        for key in attrs:
            if key in shapes:
                attrs[key] = as_shape(attrs[key])
        made = apply_op(op_def.name, values[: len(inputs)], attrs, values[-1])
        return made if outputs is None else outputs(*_in_groups(signature, made))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Adds a `{op_def.name}`: {', '.join(names)}."
    function.arguments = names
    return function


def _in_groups(signature, tensors):
    """The outputs, those that are lists as lists."""
    tensors, at = list(tensors), 0
    attrs = tensors[0].op._attrs
    for output in signature.outputs:
        count = len(output.dtypes(attrs))
        yield tensors[at : at + count] if output.is_list else tensors[at]
        at += count
