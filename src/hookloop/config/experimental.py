"""`tf.config.experimental`: the devices. There is one, the CPU."""

from collections import namedtuple

__all__ = [
    "get_device_policy",
    "get_memory_growth",
    "get_synchronous_execution",
    "get_visible_devices",
    "list_logical_devices",
    "list_physical_devices",
    "set_device_policy",
    "set_memory_growth",
    "set_synchronous_execution",
    "set_visible_devices",
]

PhysicalDevice = namedtuple("PhysicalDevice", ["name", "device_type"])
LogicalDevice = namedtuple("LogicalDevice", ["name", "device_type"])
PhysicalDevice.__doc__ = "A device of the machine."
LogicalDevice.__doc__ = "A device that ops are placed on."

_PHYSICAL = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
_LOGICAL = [LogicalDevice("/job:localhost/replica:0/task:0/device:CPU:0", "CPU")]
_POLICIES = ("silent", "silent_for_int32", "warn", "explicit")
_settings = {"policy": "silent", "synchronous": True}


def _of_type(devices, device_type):
    return [device for device in devices if device_type in (None, device.device_type)]


def list_physical_devices(device_type=None):
    """The devices of the machine, of one type ("CPU", "GPU") or of all."""
    return _of_type(_PHYSICAL, device_type)


def list_logical_devices(device_type=None):
    """The devices that ops are placed on, of one type or of all."""
    return _of_type(_LOGICAL, device_type)


def get_visible_devices(device_type=None):
    """The devices that a program uses: those that there are."""
    return list_physical_devices(device_type)


def set_visible_devices(devices, device_type=None):
    """Accepts what leaves the CPU in use: all the devices, or none of another type.

    Raises:
      ValueError: for a device that there is not, or without the CPU.
    """
    devices = devices if isinstance(devices, list) else [devices]
    for device in devices:
        _check(device)
        if device_type not in (None, device.device_type):
            raise ValueError(f"Unrecognized device: {device!r}")
    if device_type in (None, "CPU") and list(devices) != _PHYSICAL:
        raise ValueError("the CPU cannot be hidden: there is no other device")


def get_memory_growth(device):
    """Whether a device's memory grows: that of the CPU does not.

    Raises:
      ValueError: for a device that there is not.
    """
    _check(device)
    return False


def set_memory_growth(device, enable):
    """Refuses every device: there is no GPU.

    Raises:
      ValueError: always.
    """
    _check(device)
    raise ValueError("Cannot set memory growth on non-GPU devices")


def _check(device):
    if device not in _PHYSICAL:
        raise ValueError(f"Unrecognized device: {device!r}")


def get_device_policy():
    """What `set_device_policy` was given; "silent" before."""
    return _settings["policy"]


def set_device_policy(device_policy):
    """Is remembered: no tensor is on another device.

    Raises:
      ValueError: for another word than "silent", "silent_for_int32", "warn" or "explicit".
    """
    if device_policy is not None and device_policy not in _POLICIES:
        raise ValueError(f"{device_policy} is not a valid device policy")
    _settings["policy"] = device_policy or "silent"


def get_synchronous_execution():
    """What `set_synchronous_execution` was given; True before."""
    return _settings["synchronous"]


def set_synchronous_execution(enable):
    """Is remembered: sessions run their steps when they are asked to."""
    _settings["synchronous"] = True if enable is None else enable


def __dir__():
    return list(__all__)
