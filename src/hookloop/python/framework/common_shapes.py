"""`python.framework.common_shapes`: how shapes broadcast."""

from ...ops.array import broadcast_static_shape
from ...shapes import TensorShape

__all__ = ["broadcast_shape", "has_fully_defined_shape", "is_broadcast_compatible"]


def broadcast_shape(shape_x, shape_y):
    """The shape of what values of two shapes broadcast to.

    Raises:
      ValueError: where they do not.
    """
    return broadcast_static_shape(TensorShape(shape_x), TensorShape(shape_y))


def is_broadcast_compatible(shape_x, shape_y):
    """Whether values of two shapes may broadcast: also where a rank is not known."""
    try:
        broadcast_shape(shape_x, shape_y)
    except ValueError:
        return False
    return True


def has_fully_defined_shape(tensor):
    return tensor.get_shape().is_fully_defined()
