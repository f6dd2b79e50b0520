"""The nodes that a `Saver` adds to the graph: TensorFlow 1.15's, under its names and in its order."""

from __future__ import annotations

import uuid

from ..graph.device import DeviceSpec
from ..graph.scopes import control_dependencies, device, name_scope
from ..ops.build import apply_op, constant
from ..ops.core import group, identity, placeholder_with_default, with_dependencies
from ..ops.slicing import stack
from ..ops.strings import string_join
from . import saveable as _saveable


class SaverNodes:
    """The nodes of one saver.

    Attributes:
      filename: the tensor that is fed with the checkpoint's prefix.
      save: the tensor whose evaluation saves, None where nothing was asked for.
      restore: the operation that restores, or None.
    """

    def __init__(self, names_to_saveables, reshape, sharded, name, filename, want_save, want_restore):
        saveables = _saveable.saveables(names_to_saveables)
        self.save = self.restore = None
        with name_scope(name, "save", [saveable.op for saveable in saveables]):
            given = placeholder_with_default(filename or "model", shape=(), name="filename")
            self.filename = placeholder_with_default(given, shape=(), name="Const")
            groups = _by_device(saveables) if sharded else None
            if want_save:
                self.save = self._sharded_save(groups) if sharded else self._save(self.filename, saveables)
            if want_restore:
                if sharded:
                    self.restore = self._sharded_restore(groups, reshape)
                else:
                    self.restore = self._restore(saveables, reshape, "restore_all")

    def _save(self, filename, saveables):
        specs = [spec for saveable in saveables for spec in saveable.specs]
        tensors = [spec.tensor for spec in specs]
        names = [spec.name for spec in specs]
        slices = [spec.slice_spec for spec in specs]
        save = apply_op("SaveV2", [filename, names, slices, tensors])
        return with_dependencies([save], filename)

    def _sharded_save(self, groups):
        """Every device writes a file of its own under a temporary name; then they are made one checkpoint."""
        temporary = string_join([self.filename, f"_temp_{uuid.uuid4().hex}/part"])
        count = constant(len(groups), name="num_shards")
        saved = []
        for shard, (where, saveables) in enumerate(groups):
            with device(_processor_of(where)):
                filename = apply_op("ShardedFilename", [temporary, shard, count])
                saved.append(self._save(filename, saveables))
        with control_dependencies([tensor.op for tensor in saved]):
            with device(_processor_of(groups[-1][0])):
                with name_scope("MergeV2Checkpoints") as scope:
                    prefixes = stack(saved_prefixes(saved), name="checkpoint_prefixes")
                merge = apply_op("MergeV2Checkpoints", [prefixes, self.filename], name=scope)
                with control_dependencies([*[tensor.op for tensor in saved], merge]):
                    return identity(self.filename)

    def _read(self, saveables):
        """The tensors of all saveables, one list."""
        specs = [spec for saveable in saveables for spec in saveable.specs]
        names = [spec.name for spec in specs]
        slices = [spec.slice_spec for spec in specs]
        types = [spec.dtype.base_dtype for spec in specs]
        with device("CPU:0"):
            return apply_op("RestoreV2", [self.filename, names, slices], {"dtypes": types})

    def _restore(self, saveables, reshape, name):
        tensors = iter(self._read(saveables))
        done = []
        for saveable in saveables:
            values = [next(tensors) for _ in saveable.specs]
            shapes = [_shape_of(spec.tensor) for spec in saveable.specs] if reshape else None
            done.append(saveable.restore(values, shapes))
        return group(*done, name=name)

    def _sharded_restore(self, groups, reshape):
        shards = []
        for where, saveables in groups:
            with device(where):
                shards.append(self._restore(saveables, reshape, "restore_shard"))
        return group(*shards, name="restore_all")


def saved_prefixes(saved):
    """What each shard was saved under: the inputs of the identities that wait for it."""
    return [tensor.op.inputs[0] for tensor in saved]


def _shape_of(tensor):
    from ..ops.array import shape

    static = tensor.get_shape()
    return static.as_list() if static.is_fully_defined() else shape(tensor)


def _by_device(saveables):
    """(device, saveables) pairs in the order of the devices' names."""
    found = {}
    for saveable in saveables:
        found.setdefault(saveable.device, []).append(saveable)
    return sorted(found.items()) or [("", [])]


def _processor_of(device_name):
    """The device that reads and writes the files of another: the CPU of the same task."""
    spec = DeviceSpec.from_string(device_name)
    spec.device_type, spec.device_index = "CPU", 0
    return spec.to_string()


__all__ = ["SaverNodes"]
