"""`tf.manip`: TensorFlow's other name for ops that move elements."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__, "batch_to_space_nd gather_nd reshape reverse roll scatter_nd space_to_batch_nd tile"
)
