"""`python.framework.smart_cond`: branches that are built alone where the condition is known."""

import numpy as np

from ...ops.conditional import smart_case
from ...ops.conditional import smart_cond as _cond
from ...ops.conditional import smart_constant_value as _constant_value
from ...ops.tensor_util import evaluated_constant

__all__ = ["smart_case", "smart_cond", "smart_constant_value", "try_evaluate_constant"]


def smart_constant_value(pred):
    """The value of a condition, None where only running tells.

    Raises:
      TypeError: for what is neither a tensor, a bool, 0 nor 1.
    """
    if isinstance(pred, (bool, int, np.generic)) and pred in (0, 1):
        return bool(pred)
    if not hasattr(pred, "graph"):
        raise TypeError(f"`pred` must be a Tensor, or a Python bool, or 1 or 0. Found instead: {type(pred)}")
    value = _constant_value(pred)
    return None if value is None else bool(value)


def smart_cond(pred, true_fn=None, false_fn=None, name=None):
    """`tf.cond`, or one of the functions alone where the condition is known.

    Args:
      pred: a bool tensor, or True, False, 1 or 0.
      true_fn, false_fn: functions without arguments.
      name: of the conditional.

    Raises:
      TypeError: for a condition of another kind, or functions that are none.
    """
    for function, what in ((true_fn, "true_fn"), (false_fn, "false_fn")):
        if not callable(function):
            raise TypeError(f"`{what}` must be callable.")
    if not hasattr(pred, "graph"):
        pred = smart_constant_value(pred)
    return _cond(pred, true_fn, false_fn, name)


def try_evaluate_constant(graph, output):
    """The value of a tensor that constants alone tell, else None: what libraries ask TensorFlow's wrapper of C for.

    Args:
      graph: `tensor.graph._c_graph`.
      output: `tensor._as_tf_output()`.
    """
    value = evaluated_constant(output)
    return None if value is None else np.asarray(value, output.dtype.as_numpy_dtype)[()]  # a scalar is no array there
