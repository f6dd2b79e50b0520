"""`BaseSaverBuilder`: the nodes that a `Saver` adds to the graph, TensorFlow 1.15's, under its names and in its order."""

from __future__ import annotations

import uuid
from typing import NamedTuple

from .. import logging
from ..graph.device import DeviceSpec
from ..graph.scopes import control_dependencies, device, name_scope
from ..ops.build import apply_op, constant
from ..ops.core import group, identity, placeholder_with_default, with_dependencies
from ..ops.slicing import stack
from ..ops.strings import string_join
from . import saveable as _saveable

__all__ = ["BaseSaverBuilder", "BulkSaverBuilder"]

V1, V2 = 1, 2


class SaverNames(NamedTuple):
    """The names of a saver's nodes."""

    prefix: str  # of the tensor that is fed with a checkpoint's prefix
    save: str  # of the tensor whose value is that a checkpoint was written; empty where that was not wanted
    restore: str  # of the operation; empty where that was not wanted


class BaseSaverBuilder:
    """Builds the nodes of savers; each tensor is read by an operation of its own.

    A subclass that overrides `save_op`, `restore_op`, `bulk_restore` or `sharded_filename` says how savers which get it as `builder`
    save and restore.

    Args:
      write_version: the format, V2; V2 is written where it is V1 too, with a warning.

    Raises:
      ValueError: where it is another.
    """

    SaveSpec, SaveableObject = _saveable.SaveSpec, _saveable.SaveableObject
    VariableSaveable = ResourceVariableSaveable = _saveable.VariableSaveable

    def __init__(self, write_version=V2):
        if write_version == V1:
            logging.warning(
                "TensorFlow's V1 checkpoint format has been deprecated, and is not written here: this Saver writes V2, whose files "
                "have the names PREFIX.index and PREFIX.data-00000-of-00001."
            )
        elif write_version != V2:
            raise ValueError(
                f"expected write_version V2 (2), the format that is written, or V1 (1), got {write_version}"
            )

    # --- what subclasses override -------------------------------------------------------------------------

    def save_op(self, filename_tensor, saveables):
        """The operation that writes saveable objects to one file."""
        specs = [spec for saveable in saveables for spec in saveable.specs]
        tensors = [spec.tensor for spec in specs]
        names = [spec.name for spec in specs]
        slices = [spec.slice_spec for spec in specs]
        return apply_op("SaveV2", [filename_tensor, names, slices, tensors])

    def bulk_restore(self, filename_tensor, saveables, preferred_shard, restore_sequentially):
        """The tensors of all saveable objects as a checkpoint has them, one list."""
        found = []
        for saveable in saveables:
            with device(_processor_of(saveable.device) if saveable.device else None):
                found.extend(self.restore_op(filename_tensor, saveable, preferred_shard))
        return found

    def restore_op(self, filename_tensor, saveable, preferred_shard):
        """The tensors of one saveable object as a checkpoint has them."""
        return [tensor for spec in saveable.specs for tensor in _read(filename_tensor, [spec])]

    def sharded_filename(self, filename_tensor, shard, num_shards):
        """The name of one of the files that devices write."""
        return apply_op("ShardedFilename", [filename_tensor, shard, num_shards])

    # --- the nodes ----------------------------------------------------------------------------------------

    def build(self, names_to_saveables, reshape=False, sharded=False, max_to_keep=5, keep_checkpoint_every_n_hours=10000.0,
              name=None, restore_sequentially=False, filename="model"):  # fmt: skip
        """Adds the nodes to the graph; the arguments are those of `Saver`.

        Returns:
          The `SaverDef`.
        """
        return self._build_internal(
            names_to_saveables, reshape, sharded, max_to_keep, keep_checkpoint_every_n_hours, name, restore_sequentially, filename
        )  # fmt: skip

    def _build_internal(self, names_to_saveables, reshape=False, sharded=False, max_to_keep=5, keep_checkpoint_every_n_hours=10000.0,
                        name=None, restore_sequentially=False, filename="model", build_save=True, build_restore=True):  # fmt: skip
        names = self._add_nodes(
            names_to_saveables, reshape, sharded, name, restore_sequentially, filename, build_save, build_restore
        )
        return saver_def(names, max_to_keep, keep_checkpoint_every_n_hours, sharded)

    def _add_nodes(self, names_to_saveables, reshape, sharded, name, restore_sequentially, filename, build_save=True,
                   build_restore=True):  # fmt: skip
        """Adds the nodes to the graph: their `SaverNames`."""
        saveables = _saveable.saveables(names_to_saveables)
        save = restore = None
        with name_scope(name, "save", [saveable.op for saveable in saveables]):
            given = placeholder_with_default(filename or "model", shape=(), name="filename")
            prefix = placeholder_with_default(given, shape=(), name="Const")
            groups = self._GroupByDevices(saveables) if sharded else None
            if build_save:
                save = self._AddShardedSaveOps(prefix, groups) if sharded else self._AddSaveOps(prefix, saveables)
            if build_restore:
                if sharded:
                    restore = self._AddShardedRestoreOps(prefix, groups, restore_sequentially, reshape)
                else:
                    restore = self._AddRestoreOps(prefix, saveables, restore_sequentially, reshape)
        return SaverNames(prefix.name, save.name if build_save else "", restore.name if build_restore else "")

    def _AddSaveOps(self, filename_tensor, saveables):
        save = self.save_op(filename_tensor, saveables)
        return with_dependencies([save], filename_tensor)

    def _AddShardedSaveOps(self, filename_tensor, per_device):
        return self._AddShardedSaveOpsForV2(filename_tensor, per_device)

    def _AddShardedSaveOpsForV2(self, checkpoint_prefix, per_device):
        """Every device writes a file of its own under a temporary name; then they are made one checkpoint."""
        temporary = string_join([checkpoint_prefix, f"_temp_{uuid.uuid4().hex}/part"])
        count = constant(len(per_device), name="num_shards")
        filenames, saved = [], []
        for shard, (where, saveables) in enumerate(per_device):
            with device(_processor_of(where)):
                filenames.append(self.sharded_filename(temporary, shard, count))
                saved.append(self._AddSaveOps(filenames[-1], saveables).op)
        with control_dependencies(saved):
            with device(_processor_of(per_device[-1][0])):
                with name_scope("MergeV2Checkpoints") as scope:
                    prefixes = stack(filenames, name="checkpoint_prefixes")
                merge = apply_op("MergeV2Checkpoints", [prefixes, checkpoint_prefix], name=scope)
                with control_dependencies([*saved, merge]):
                    return identity(checkpoint_prefix)

    def _AddRestoreOps(
        self, filename_tensor, saveables, restore_sequentially, reshape, preferred_shard=-1, name="restore_all"
    ):
        tensors = self.bulk_restore(filename_tensor, saveables, preferred_shard, restore_sequentially)
        done, first = [], 0
        for saveable in saveables:
            shapes = [_shape_of(spec.tensor) for spec in saveable.specs] if reshape else None
            last = first + len(saveable.specs)
            done.append(saveable.restore(tensors[first:last], shapes))
            first = last
        return group(*done, name=name)

    def _AddShardedRestoreOps(self, filename_tensor, per_device, restore_sequentially, reshape):
        shards = []
        for shard, (where, saveables) in enumerate(per_device):
            with device(where):
                shards.append(
                    self._AddRestoreOps(
                        filename_tensor,
                        saveables,
                        restore_sequentially,
                        reshape,
                        preferred_shard=shard,
                        name="restore_shard",
                    )
                )
        return group(*shards, name="restore_all")

    def _GroupByDevices(self, saveables):
        """(device, saveables) pairs in the order of the devices' names."""
        found = {}
        for saveable in saveables:
            found.setdefault(saveable.device, []).append(saveable)
        return sorted(found.items()) or [("", [])]


class BulkSaverBuilder(BaseSaverBuilder):
    """Builds the nodes of savers; all tensors are read by one operation. What a `Saver` takes where it gets no `builder`."""

    def bulk_restore(self, filename_tensor, saveables, preferred_shard, restore_sequentially):
        with device("CPU:0"):
            return _read(filename_tensor, [spec for saveable in saveables for spec in saveable.specs])


def saver_def(names, max_to_keep, keep_checkpoint_every_n_hours, sharded):
    """The `SaverDef` of a saver's nodes."""
    from tensorboard.compat.proto.saver_pb2 import SaverDef

    return SaverDef(
        filename_tensor_name=names.prefix, save_tensor_name=names.save, restore_op_name=names.restore, max_to_keep=max_to_keep or 0,
        sharded=sharded, version=SaverDef.V2, keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
    )  # fmt: skip


def _read(filename, specs):
    """The tensors of all specs, by one operation."""
    names = [spec.name for spec in specs]
    slices = [spec.slice_spec for spec in specs]
    types = [spec.dtype.base_dtype for spec in specs]
    return apply_op("RestoreV2", [filename, names, slices], {"dtypes": types})


def _shape_of(tensor):
    from ..ops.array import shape

    static = tensor.get_shape()
    return static.as_list() if static.is_fully_defined() else shape(tensor)


def _processor_of(device_name):
    """The device that reads and writes the files of another: the CPU of the same task."""
    spec = DeviceSpec.from_string(device_name)
    spec.device_type, spec.device_index = "CPU", 0
    return spec.to_string()
