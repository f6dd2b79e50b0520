"""What an `OpDef` says, as TensorFlow's message of that name: programs that look through graphs read it."""

from __future__ import annotations

from functools import lru_cache

from ..dtypes import DType, variant
from ..shapes import TensorShape
from .signature import signature_of

# Kinds of attributes of these names, of every op that has them, where no default and no input tells.
_KINDS = {
    name: kind
    for kind, names in {
        "bool": "has_known_shape unique",
        "float": "l1 l2",
        "func": "dataset_factory f finalize_func init_func key_func predicate reduce_func window_size_func",
        "int": """block_size component_index limit num_buckets num_inner_iterations num_loss_partitions num_sampled num_true range_max
            record_bytes seq_dim""",
        "list(float)": "boundaries pooling_ratio unigrams",
        "list(int)": "explicit_paddings key ksize ksizes rates select_cols squeeze_dims strides",
        "list(shape)": "context_dense_shapes dense_shapes feature_list_dense_shapes output_shapes shapes",
        "list(string)": """context_dense_keys context_sparse_keys dense_keys feature_list_dense_keys
            feature_list_dense_missing_assumed_empty feature_list_sparse_keys optimization_configs sparse_keys""",
        "list(type)": "component_types context_sparse_types dtypes feature_list_sparse_types output_types sparse_types",
        "shape": "shape",
        "string": "file_pattern input_encoding loss_type mode output_encoding padding pattern rewrite",
        "tensor": "bad_color value",
        "type": "dtype elem_type element_dtype",
    }.items()
    for name in names.split()
}
_OF_WINDOWS = ("ksize", "padding", "strides")  # of pools and convolutions; they have no default

# Whether TensorFlow says that an op has a state, where that is not as `_has_state` finds it.
_STATEFUL = {"CheckNumerics": True, "DatasetCardinality": False, "ExperimentalGroupByReducerDataset": True,
             "FractionalAvgPool": False, "FractionalMaxPool": False,
             "ResourceGather": True, "ResourceGatherNd": True, "TensorListResize": True}  # fmt: skip


@lru_cache(None)
def attribute_kinds(op_def):
    """The names of the attributes that an op has, and of what kind each is: "int", "list(type)", None where nothing tells."""
    signature = signature_of(op_def)
    kinds = {name: _kind(name, value) for name, value in signature.defaults.items()}
    kinds.update(dict.fromkeys(signature.type_attrs, "type"))
    for argument in (*signature.inputs, *signature.outputs):
        if argument.number_attr is not None:
            kinds[argument.number_attr] = "int"
        if argument.type_list_attr is not None:
            kinds[argument.type_list_attr] = "list(type)"
    name = op_def.name
    if ("Pool" in name and not name.startswith("Fractional")) or "Conv" in name or "conv" in name:
        kinds.update((window, _KINDS[window]) for window in _OF_WINDOWS if window != "ksize" or "Pool" in name)
    return kinds


def _kind(name, value):
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (list, tuple)) and len(value):
        return f"list({_kind(name, value[0])})"
    known = {int: "int", float: "float", bytes: "string", DType: "type", TensorShape: "shape"}
    return known.get(type(value), _KINDS.get(name))


@lru_cache(None)
def op_def_proto(op_def):
    """The message: inputs, outputs, attributes without defaults and without the values allowed, and whether it has a state."""
    from tensorboard.compat.proto.op_def_pb2 import OpDef

    message = OpDef(name=op_def.name)
    signature = signature_of(op_def)
    for arguments, field in ((signature.inputs, message.input_arg), (signature.outputs, message.output_arg)):
        for argument in arguments:
            field.add(
                name=argument.name,
                type=0 if argument.dtype is None else argument.dtype.as_datatype_enum,
                type_attr=argument.type_attr or "",
                number_attr=argument.number_attr or "",
                type_list_attr=argument.type_list_attr or "",
                is_ref=argument.is_ref,
            )
    for name, kind in attribute_kinds(op_def).items():
        message.attr.add(name=name, type=kind or "")
    message.is_stateful = _STATEFUL.get(op_def.name, _has_state(op_def, signature))
    return message


def _has_state(op_def, signature):
    """What changes a variable that it is given, or makes a dataset of another, has none of its own."""
    changes = any(argument.is_ref for argument in signature.inputs)
    of_another = all(
        any(argument.dtype is variant for argument in arguments) for arguments in (signature.inputs, signature.outputs)
    )
    return bool(op_def.stateful) and not changes and not of_another
