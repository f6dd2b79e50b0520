"""`python.client.device_lib`: the devices of this machine that steps may use."""

from ...session import Session

__all__ = ["list_local_devices"]


def list_local_devices(session_config=None):
    """The devices, each with `name`, `device_type` and `memory_limit`: one, the CPU.

    Args:
      session_config: accepted.
    """
    from ...graph import Graph

    with Session(graph=Graph()) as session:
        return [_Local(device) for device in session.list_devices()]


class _Local:
    def __init__(self, device):
        self.name = "/" + device.name.rsplit("/", 1)[-1]
        self.device_type = device.device_type
        self.memory_limit = device.memory_limit_bytes
        self.physical_device_desc = ""

    def __repr__(self):
        return f'name: "{self.name}"\ndevice_type: "{self.device_type}"\nmemory_limit: {self.memory_limit}\n'
