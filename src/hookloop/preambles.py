"""The switches between TensorFlow's versions: hookloop is always TensorFlow 1, so they do nothing, but for the one of shapes."""

from .shapes import disable_v2_tensorshape, enable_v2_tensorshape

__all__ = [
    "control_flow_v2_enabled", "disable_control_flow_v2", "disable_eager_execution",
    "disable_resource_variables", "disable_tensor_equality", "disable_v2_behavior",
    "disable_v2_tensorshape", "enable_eager_execution", "enable_v2_tensorshape",
]  # fmt: skip


def disable_v2_behavior():
    """Does nothing."""


def disable_eager_execution():
    """Does nothing."""


def disable_control_flow_v2():
    """Does nothing."""


def disable_tensor_equality():
    """Does nothing."""


def disable_resource_variables():
    """Does nothing: `use_resource` of a variable or its scope decides."""


def enable_eager_execution(config=None, device_policy=None, execution_mode=None):
    """Refuses: hookloop runs graphs.

    Raises:
      RuntimeError: always.
    """
    raise RuntimeError("hookloop runs graphs only: eager execution cannot be enabled")


def control_flow_v2_enabled():
    """False: cond and while_loop add TensorFlow 1's primitive nodes."""
    return False
