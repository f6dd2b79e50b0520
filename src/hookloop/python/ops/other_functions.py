"""Functions of TensorFlow's modules of ops that no public name has: nodes of variables alone, sizes after a reduction, labels."""

from ...dtypes import int32
from ...graph.scopes import name_scope
from ...ops.array import fill, shape, size, squeeze
from ...ops.build import convert_to_tensor
from ...ops.counting import _without_last_axis_in_run
from ...ops.dynamic import dynamic_stitch
from ...ops.op_functions import variable, variable_v2
from ...ops.ranges import range as tensor_range
from ...shapes import TensorShape, as_shape

__all__ = ["listdiff", "reduced_shape", "remove_squeezable_dimensions", "variable_op", "variable_op_v2"]


def variable_op(shape, dtype, name="Variable", set_shape=True, container="", shared_name=""):
    """The tensor of a variable's node alone, of the older type.

    Args:
      shape, dtype: of its value.
      name: the node's.
      set_shape: whether the shape is known while the graph is built.
      container, shared_name: attributes of the node.
    """
    made = variable(
        shape if set_shape else TensorShape(None), dtype, container=container, shared_name=shared_name, name=name
    )
    if set_shape:
        made.set_shape(as_shape(shape))
    return made


def variable_op_v2(shape, dtype, name="Variable", container="", shared_name=""):
    """The tensor of a variable's node alone."""
    return variable_v2(shape, dtype, container=container, shared_name=shared_name, name=name)


def reduced_shape(input_shape, axes):
    """The shape that a reduction has where it keeps its axes, as a tensor.

    Args:
      input_shape: the shape of what is reduced.
      axes: a list or tensor of axes.
    """
    input_shape = convert_to_tensor(input_shape, dtype=int32)
    axes = convert_to_tensor(axes, dtype=int32)
    rank = size(input_shape)
    axes = (axes + rank) % rank
    return dynamic_stitch([tensor_range(rank), axes], [input_shape, fill(shape(axes), 1)])


def remove_squeezable_dimensions(labels, predictions, expected_rank_diff=0, name=None):
    """Labels and predictions without the last axis of that which has one too many.

    Args:
      labels, predictions: tensors.
      expected_rank_diff: by how much the rank of the predictions should be larger; 0 where a rank is not known.
      name: of the scope.
    """
    with name_scope(name, "remove_squeezable_dimensions", [labels, predictions]):
        labels, predictions = convert_to_tensor(labels), convert_to_tensor(predictions)
        if labels.shape.ndims is None or predictions.shape.ndims is None:
            return _without_last_axis_in_run(labels, predictions)
        more = predictions.shape.ndims - labels.shape.ndims - expected_rank_diff
        return (squeeze(labels, [-1]) if more == -1 else labels), (
            squeeze(predictions, [-1]) if more == 1 else predictions
        )


def listdiff(x, y, out_idx=None, name=None):
    """`setdiff1d` under its old name."""
    from ...ops.sets import setdiff1d

    return setdiff1d(x, y, int32 if out_idx is None else out_idx, name)
