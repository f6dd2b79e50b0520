"""`tf.estimator`: of TensorFlow's estimators, the hooks that work without one."""

from . import experimental

__all__ = ["experimental"]


def __dir__():
    return list(__all__)
