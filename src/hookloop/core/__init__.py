"""TensorFlow's `tensorflow.core`, for programs that import protocol messages by that path."""

from ..module_paths import install

_FILES = {
    "framework": """allocation_description attr_value cost_graph function graph node_def op_def resource_handle step_stats summary
        tensor tensor_description tensor_shape types variable versions""",
    "protobuf": "cluster config debug meta_graph rewriter_config saved_object_graph saver struct trackable_object_graph verifier_config",
    "util": "event",
}
# Messages that `tensorboard` lacks.
_OWN_FILES = """example.example example.feature protobuf.control_flow protobuf.queue_runner protobuf.saved_model
    protobuf.tensor_bundle protobuf.tensorflow_server framework.tensor_slice"""

install(
    __name__,
    {
        **{
            f"{folder}.{name}_pb2": (f":tensorboard.compat.proto.{name}_pb2",)
            for folder, names in _FILES.items()
            for name in names.split()
        },
        **{f"{name}_pb2": ("files.messages",) for name in _OWN_FILES.split()},
        "framework.types_pb2": ("core.enumerations", ":tensorboard.compat.proto.types_pb2"),
        "lib.core.error_codes_pb2": ("core.enumerations", "errors"),
    },
)
