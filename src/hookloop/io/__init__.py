"""`tf.io`: TensorFlow's later name for functions of files and bytes."""

from ..namespace import attributes
from . import tf_record as _records

_get, _names = attributes(
    "hookloop.io",
    """FixedLenFeature FixedLenSequenceFeature PaddingFIFOQueue PriorityQueue QueueBase RandomShuffleQueue decode_base64
    decode_compressed decode_csv decode_json_example decode_raw encode_base64 matching_files parse_example parse_single_example parse_single_sequence_example
    parse_tensor read_file serialize_tensor write_file""",
    {
        "match_filenames_once": "train.match_filenames_once",
        "parse_sequence_example": "ops.sequence_examples.parse_sequence_example",
        "write_graph": "train.write_graph",
    },
)


def __getattr__(name):
    if name == "gfile":
        from importlib import import_module

        return import_module(f"{__name__}.gfile")
    if name in _records.__all__:
        return getattr(_records, name)
    return _get(name)


def __dir__():
    return sorted([*_names(), *_records.__all__, "gfile"])
