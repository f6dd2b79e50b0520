"""`python.framework.device`: names of devices."""

from ...graph.device import DeviceSpec
from ...graph.device import canonical_name as _canonical_name

__all__ = ["DeviceSpec", "canonical_name", "check_valid", "is_device_spec", "merge_device"]


def is_device_spec(obj):
    return isinstance(obj, DeviceSpec)


def check_valid(spec):
    """Refuses what is no name of a device.

    Raises:
      ValueError: where it is none.
    """
    DeviceSpec.from_string(spec)


def canonical_name(device):
    """A name or `DeviceSpec` in the form that GraphDefs use; "" for None."""
    return "" if device is None else _canonical_name(device)


def merge_device(spec):
    """A function for `tf.device`: an op gets the parts of a device that it has no others of.

    Args:
      spec: a name or `DeviceSpec`.
    """
    spec = spec if isinstance(spec, DeviceSpec) else DeviceSpec.from_string(spec or "")

    def merged(op):
        device = DeviceSpec.from_string(spec.to_string())
        device.merge_from(DeviceSpec.from_string(op.device or ""))
        return device

    return merged
