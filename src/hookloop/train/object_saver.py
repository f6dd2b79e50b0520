"""Saving a graph of objects, and the nodes that save and restore it: TensorFlow 1.15's, in its order."""

from __future__ import annotations

import os
import uuid
import weakref

from .. import dtypes
from ..files.os_errors import make_directories
from ..files.paths import local_path
from ..graph.device import DeviceSpec
from ..graph.scopes import control_dependencies, device
from ..ops.build import apply_op, constant
from ..ops.core import identity
from ..ops.strings import string_join
from ..trackable import OBJECT_GRAPH_KEY
from ..variables import Variable
from .object_graph import ObjectGraph
from .python_state import PythonStateSaveable
from .saveable import SaveableObject, SaveSpec, VariableSaveable, variable_name

__all__ = ["ObjectSaver"]


class _NoRestoreSaveable(SaveableObject):
    """The text of the graph of objects, which is read before anything is restored."""

    def __init__(self, tensor, name):
        super().__init__(tensor, [SaveSpec(tensor, "", name)], name)


def _on_cpu(where):
    """A device's name with the CPU of that task."""
    spec = DeviceSpec.from_string(where)
    spec.device_type, spec.device_index = "CPU", 0
    return spec.to_string()


def _by_device(saveables):
    """(device, saveables) pairs in the order of the devices' names."""
    found = {}
    for saveable in saveables:
        found.setdefault(saveable.device or "", []).append(saveable)
    return sorted(found.items())


class ObjectSaver:
    """Saves and restores what can be reached from an object. Its nodes are made when they are first needed.

    Args:
      root: the object, to which no reference is kept.
    """

    def __init__(self, root):
        self._root = weakref.ref(root)
        self.restore_ops = {}  # key -> the operation that restores it
        self._saveables = {}  # (id of an object, attribute) -> the object, its saveables
        self._fed_graph = self._fed_prefix = self._restored_prefix = None
        self._saved = self._save = None  # the last graph of objects, and the tensor that saves it

    def objects(self):
        """The graph of objects as it is now."""
        return ObjectGraph(self._root())

    def saveables(self, trackable, attribute, factory, key):
        """What saves an attribute of an object under a key, kept as long as the key is the same."""
        kept = self._saveables.get((id(trackable), attribute))
        if kept is not None and all(key in saveable.name for saveable in kept[1]):
            return kept[1]
        found = factory(name=key) if callable(factory) else factory
        if isinstance(found, Variable):
            info, name = found._save_slice_info, variable_name(found)
            found = VariableSaveable(found, info.spec if info else "", key)
            found.full_name = name  # under which a `Saver` would save it
        self._saveables[id(trackable), attribute] = trackable, [found]
        return [found]

    # --- saving ---------------------------------------------------------------------------------------------

    def save(self, prefix, session):
        """Saves all under a prefix in a session."""
        if self._fed_graph is None:
            with device("/cpu:0"):
                self._fed_graph = constant("", dtype=dtypes.string)
                self._fed_prefix = constant("", dtype=dtypes.string)
        graph = self.objects()
        message, values = graph.message()
        feed, saveables = {self._fed_prefix: prefix}, []
        attributes = (attribute for node in message.nodes for attribute in node.attributes)
        for (node, name, key, factory), attribute in zip(values, attributes):
            found = self.saveables(graph.objects[node], name, factory, key)
            saveables += found
            attribute.full_name = getattr(found[0], "full_name", "")
            attribute.optional_restore = all(saveable.optional_restore for saveable in found)
            for saveable in found:
                if isinstance(saveable, PythonStateSaveable):
                    feed.update(saveable.feed())
        feed[self._fed_graph] = message.SerializeToString()
        if self._saved != message:
            self._save = self._save_nodes([*saveables, _NoRestoreSaveable(self._fed_graph, OBJECT_GRAPH_KEY)])
            self._saved = message
        if os.path.dirname(prefix):
            make_directories(local_path(os.path.dirname(prefix)))
        session.run(self._save, feed)
        return prefix

    def _save_nodes(self, saveables):
        """The tensor that saves: each device writes a file, which are then made one checkpoint."""
        prefix, groups = self._fed_prefix, _by_device(saveables)
        with device("cpu:0"):
            temporary = string_join([prefix, f"_temp_{uuid.uuid4().hex}/part"])
        count = constant(len(groups), name="num_shards")
        saved, prefixes = [], []
        for shard, (where, group) in enumerate(groups):
            with device(_on_cpu(where)):
                prefixes.append(apply_op("ShardedFilename", [temporary, shard, count]))
            with device(where):
                specs = [spec for saveable in group for spec in saveable.specs]
                names, slices = [spec.name for spec in specs], [spec.slice_spec for spec in specs]
                tensors = [spec.tensor for spec in specs]
                with device("cpu:0"):
                    saved.append(apply_op("SaveV2", [prefixes[-1], names, slices, tensors]))
        with control_dependencies(saved), device(_on_cpu(groups[-1][0])):
            merged = apply_op("MergeV2Checkpoints", [prefixes, prefix])
        with device("/cpu:0"), control_dependencies([merged]):
            return identity(prefix)

    # --- restoring ------------------------------------------------------------------------------------------

    def restored_prefix(self):
        """The tensor that is fed with the prefix of the checkpoint that is restored."""
        if self._restored_prefix is None:
            with device("/cpu:0"):
                self._restored_prefix = constant("model")
        return self._restored_prefix

    def restore_nodes(self, wanted):
        """The operations that restore values: key -> its saveables."""
        made = {}
        for where, group in _by_device([saveable for key in sorted(wanted) for saveable in wanted[key]]):
            with device(where):
                made.update(self._read(group))
        self.restore_ops.update(made)
        return [made[key] for key in sorted(made)]

    def _read(self, group):
        specs = [spec for saveable in group for spec in saveable.specs]
        names, slices = [spec.name for spec in specs], [spec.slice_spec for spec in specs]
        types = {"dtypes": [dtypes.as_dtype(spec.dtype).base_dtype for spec in specs]}
        with device("cpu:0"):
            tensors = iter(apply_op("RestoreV2", [self.restored_prefix(), names, slices], types))
        return {saveable.name: saveable.restore([next(tensors) for _ in saveable.specs], None) for saveable in group}
