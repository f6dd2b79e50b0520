"""Device names: parsing and merging them. Every op runs on the CPU; the names are kept for GraphDefs."""

from __future__ import annotations

__all__ = ["DeviceSpec"]

_gpu_was_logged = False


class DeviceSpec:
    """A device name in parts; a part that is None is left open.

    Args:
      job, replica, task: the process.
      device_type: "CPU" or "GPU".
      device_index: which one of that type.
    """

    __slots__ = ("job", "replica", "task", "device_type", "device_index")

    def __init__(self, job=None, replica=None, task=None, device_type=None, device_index=None):
        self.job = job
        self.replica = None if replica is None else int(replica)
        self.task = None if task is None else int(task)
        self.device_type = device_type
        self.device_index = None if device_index is None else int(device_index)

    @classmethod
    def from_string(cls, spec):
        """The device that a name, as "/job:worker/device:CPU:0", says.

        Raises:
          ValueError: where it is no such name.
        """
        return cls().parse_from_string(spec)

    def parse_from_string(self, spec):
        """Sets the parts from a name such as "/job:worker/task:1/device:CPU:0" or "/cpu:0".

        Raises:
          ValueError: where the name is none.
        """
        for part in self.__slots__:
            setattr(self, part, None)
        for part in spec.split("/"):
            if part:
                self._parse_part(part.split(":"), spec)
        return self

    def _parse_part(self, fields, spec):
        kind, values = fields[0], fields[1:]
        if kind == "device" and values:
            kind, values = values[0], values[1:]
            if self.device_type is not None:
                raise ValueError(f"Cannot specify multiple device types: {spec}")
            self.device_type = kind.upper() if kind.lower() in ("cpu", "gpu") else kind
        elif kind.lower() in ("cpu", "gpu") and len(values) <= 1:
            if self.device_type is not None:
                raise ValueError(f"Cannot specify multiple device types: {spec}")
            self.device_type = kind.upper()
        elif kind in ("job", "replica", "task") and len(values) == 1:
            if kind == "job":
                self.job = values[0]
                return
            setattr(self, kind, _number(values[0], spec))
            return
        else:
            raise ValueError(f"Unknown attribute: '{kind}' in '{spec}'")
        if values and values[0] != "*":
            self.device_index = _number(values[0], spec)

    def merge_from(self, other):
        """Takes the parts that `other` sets."""
        for part in self.__slots__:
            value = getattr(other, part)
            if value is not None:
                setattr(self, part, value)

    def to_string(self):
        """The name, with the parts that are known, as "/job:worker/device:CPU:0"."""
        name = "".join(
            f"/{part}:{getattr(self, part)}" for part in ("job", "replica", "task")
            if getattr(self, part) is not None
        )  # fmt: skip
        if self.device_type is not None:
            name += f"/device:{self.device_type}:{'*' if self.device_index is None else self.device_index}"
        return name

    __str__ = to_string

    def __repr__(self):
        return f"DeviceSpec({self.to_string()!r})"

    def __eq__(self, other):
        return isinstance(other, DeviceSpec) and self.to_string() == other.to_string()

    def __hash__(self):
        return hash(self.to_string())


def _number(text, spec):
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"Unknown attribute: '{text}' in '{spec}'") from None


def canonical_name(device):
    """A device name or `DeviceSpec` in the form that GraphDefs use."""
    return DeviceSpec.from_string(device).to_string() if isinstance(device, str) else device.to_string()


def device_of(op, stack):
    """The device of a new op under a stack of `device` scopes, the innermost last: inner parts win."""
    merged = DeviceSpec()
    name = ""
    for entry in reversed(stack):
        if entry is None:
            break
        if callable(entry):
            op._device = name
            name = entry(op) or ""
            name = name if isinstance(name, str) else name.to_string()
            merged = DeviceSpec.from_string(name)
            continue
        outer = DeviceSpec()
        outer.merge_from(entry)
        outer.merge_from(merged)
        merged = outer
        name = merged.to_string()
    if merged.device_type == "GPU":
        _log_gpu_once(name)
    return name


def _log_gpu_once(name):
    global _gpu_was_logged
    if _gpu_was_logged:
        return
    _gpu_was_logged = True
    import logging

    logging.getLogger("hookloop").warning("device %r was asked for: hookloop runs every op on the CPU", name)
