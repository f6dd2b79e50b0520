"""`tf.contrib.util`: values that are known before the graph runs, and arrays as messages."""

from ...ops.tensor_util import get_static_value as constant_value
from ...ops.tensor_util import make_ndarray, make_tensor_proto

__all__ = ["constant_value", "make_ndarray", "make_tensor_proto"]


def __dir__():
    return list(__all__)
