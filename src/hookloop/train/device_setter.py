"""`tf.train.replica_device_setter`: device names of variables go round the parameter servers, the others' are a worker's.

Devices are only names here: every op runs in this process.
"""

from __future__ import annotations

from .. import logging
from ..graph.device import DeviceSpec
from .cluster_spec import ClusterSpec

__all__ = ["replica_device_setter"]

_VARIABLES = (
    "Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable", "MutableHashTableV2", "MutableHashTableOfTensors",
    "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2", "VarHandleOp",
    "BoostedTreesEnsembleResourceHandleOp", "BoostedTreesQuantileStreamResourceHandleOp", "ResourceConditionalAccumulator",
)  # fmt: skip


class _RoundRobin:
    """Each operation goes to the next task."""

    def __init__(self, num_tasks):
        self._num_tasks = num_tasks
        self._next_task = 0

    def __call__(self, op):
        task = self._next_task
        self._next_task = (task + 1) % self._num_tasks
        return task


class _ReplicaDeviceChooser:
    """The device name of an operation."""

    def __init__(self, ps_tasks, ps_device, worker_device, merge_devices, ps_ops, ps_strategy):
        self._ps_tasks = ps_tasks
        self._ps_device = ps_device
        self._worker_device = worker_device
        self._merge_devices = merge_devices
        self._ps_ops = ps_ops
        self._ps_strategy = ps_strategy

    def device_function(self, op):
        if not self._merge_devices and op.device:
            return op.device
        current = DeviceSpec.from_string(op.device or "")
        if self._ps_tasks and self._ps_device and op.type in self._ps_ops:
            device = DeviceSpec.from_string(self._ps_device)
            if device.job and (not current.job or current.job == device.job):
                device.task = self._ps_strategy(op)
        else:
            device = DeviceSpec.from_string(self._worker_device or "")
        device.merge_from(current)
        return device.to_string()


def replica_device_setter(ps_tasks=0, ps_device="/job:ps", worker_device="/job:worker", merge_devices=True,
                          cluster=None, ps_ops=None, ps_strategy=None):  # fmt: skip
    """A device function, for `tf.device`, that puts variables on the tasks of a job one after the other.

    Args:
      ps_tasks: how many tasks the job has.
      ps_device: the device of variables.
      worker_device: the device of all other operations; None for none.
      merge_devices: whether parts of the name that are set already are kept and the others set; else such a name stays.
      cluster: a `ClusterSpec`, or what makes one, that tells how many tasks the job has.
      ps_ops: the types of the operations that are put there, by default those of variables.
      ps_strategy: a function of an operation that gives its task, by default one after the other.

    Returns:
      A function, or None where the job has no tasks.

    Raises:
      TypeError: where `cluster` is none, or `ps_strategy` is no function.
    """
    if cluster is not None:
        tasks = ClusterSpec(cluster).as_dict().get(DeviceSpec.from_string(ps_device).job)
        if not tasks:
            return None
        ps_tasks = len(tasks)
    if not ps_tasks:
        return None
    if not merge_devices:
        logging.warning("DEPRECATION: It is recommended to set merge_devices=true in replica_device_setter")
    strategy = _RoundRobin(ps_tasks) if ps_strategy is None else ps_strategy
    if not callable(strategy):
        raise TypeError("ps_strategy must be callable")
    ops = list(_VARIABLES) if ps_ops is None else ps_ops
    return _ReplicaDeviceChooser(ps_tasks, ps_device, worker_device, merge_devices, ops, strategy).device_function
