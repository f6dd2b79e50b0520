"""`tf.io`: TensorFlow's later name for functions of files and bytes."""

from ..namespace import attributes

_get, _names = attributes(
    "hookloop.io",
    "PaddingFIFOQueue PriorityQueue QueueBase RandomShuffleQueue decode_base64 decode_raw encode_base64 matching_files",
    {"write_graph": "train.write_graph"},
)


def __getattr__(name):
    if name == "gfile":
        from importlib import import_module

        return import_module(f"{__name__}.gfile")
    return _get(name)


def __dir__():
    return sorted([*_names(), "gfile"])
