"""The signatures of `OpDef`s, parsed: which inputs and outputs an op has, and of which types."""

from __future__ import annotations

from .. import dtypes

# Attributes that TensorFlow declares as lists of types.
_LISTS = frozenset(("Tin", "Tout", "Tvalues", "Tcomponents", "component_types", "output_types", "Targuments",
                    "Tstate", "Toutput_types", "input_types", "Tdense", "OUT_TYPE", "Tparallel_indices"))  # fmt: skip


class Argument:
    """One input or output of a signature.

    Attributes:
      name: the input's name.
      dtype: its fixed type, or None.
      type_attr: the attribute that tells its type, or None.
      number_attr: the attribute that counts the elements of a list of one type, or None.
      type_list_attr: the attribute that is a list of types, or None.
      is_ref: whether it is a reference to a variable.
      is_list: whether it is several tensors.
      allowed: the types allowed for `type_attr`, or None.
      preferred: the type that a Python value gets where nothing else tells, or None.
    """

    __slots__ = (
        "name", "dtype", "type_attr", "number_attr", "type_list_attr", "is_ref", "is_list", "allowed",
        "preferred",
    )  # fmt: skip

    def __init__(self, op_def, text):
        name, _, kind = text.partition(":")
        self.name = name.strip()
        kind = kind.strip()
        self.dtype = self.type_attr = self.number_attr = self.type_list_attr = self.preferred = None
        self.is_ref = kind.startswith("Ref(")
        if self.is_ref:
            kind = kind[4:-1].strip()
        if "*" in kind:
            number, _, kind = kind.partition("*")
            self.number_attr, kind = number.strip(), kind.strip()
            if kind.startswith("Ref("):
                self.is_ref, kind = True, kind[4:-1].strip()
        default = op_def.attrs.get(kind)
        if kind.startswith("list("):
            self.type_list_attr = kind[5:-1].strip()
        elif kind in dtypes._by_name:
            self.dtype = dtypes.as_dtype(kind)
        elif (kind in _LISTS and kind not in op_def.types) or isinstance(default, (list, tuple)):
            self.type_list_attr = kind
        else:
            self.type_attr = kind
            self.preferred = default
        self.is_list = self.number_attr is not None or self.type_list_attr is not None
        self.allowed = op_def.types.get(self.type_attr or self.type_list_attr)

    def dtypes(self, attrs):
        """The types of the tensors it stands for, once the attributes are known."""
        if self.type_list_attr is not None:
            return attrs[self.type_list_attr]
        dtype = self.dtype or attrs[self.type_attr]
        if self.is_ref:
            dtype = dtype._ref
        return [dtype] if self.number_attr is None else [dtype] * attrs[self.number_attr]


class Signature:
    """The parsed signature of an op.

    Attributes:
      inputs, outputs: lists of `Argument`.
      defaults: the attributes' default values, strings as bytes.
      single: whether there is exactly one output that is no list.
      plain: (type, type attribute, types allowed, whether it is a reference) of each input; None where one is a list.
      refs: which inputs are references to variables; None where none is.
    """

    __slots__ = ("inputs", "outputs", "defaults", "single", "plain", "refs", "type_attrs")

    def __init__(self, op_def):
        self.inputs = _arguments(op_def, op_def.inputs)
        self.outputs = _arguments(op_def, op_def.outputs)
        self.defaults = {k: v.encode() if isinstance(v, str) else v for k, v in op_def.attrs.items()}
        self.single = len(self.outputs) == 1 and not self.outputs[0].is_list
        self.plain = None
        if not any(a.is_list for a in self.inputs):
            self.plain = [(a.dtype, a.type_attr, a.allowed and tuple(a.allowed), a.is_ref) for a in self.inputs]
        self.refs = tuple(i for i, argument in enumerate(self.inputs) if argument.is_ref) or None
        arguments = self.inputs + self.outputs
        self.type_attrs = {a.type_attr for a in arguments if a.type_attr} | set(op_def.types)
        self.type_attrs |= {k for k, v in op_def.attrs.items() if isinstance(v, dtypes.DType)}

    def output_dtypes(self, attrs):
        found = []
        for output in self.outputs:
            found.extend(output.dtypes(attrs))
        return found

    def packed(self, outputs):
        """The outputs as public functions give them: a tensor, or a list."""
        return outputs[0] if self.single else list(outputs)


def _arguments(op_def, text):
    return [Argument(op_def, part) for part in text.split(",")] if text.strip() else []


def signature_of(op_def):
    """The parsed signature of an op, kept with its definition."""
    if op_def._signature is None:
        op_def._signature = Signature(op_def)
    return op_def._signature
