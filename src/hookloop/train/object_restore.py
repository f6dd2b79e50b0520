"""Giving objects what an object-based checkpoint holds for them, now or once they are there."""

from __future__ import annotations

import itertools
import weakref

from .. import logging
from ..files.bundle import BundleReader
from ..graph.scopes import control_dependencies
from ..variables import Variable
from .object_graph import node_names
from .python_state import PythonStateSaveable

__all__ = ["ObjectRestore", "new_uid"]

_uids = itertools.count(1)


def new_uid():
    """A number for a restore: the later, the larger."""
    return next(_uids)


class _Unused:
    """What of a checkpoint has found no object; said in the log once nothing can change that any more."""

    def __init__(self, message):
        self.message = message
        self.matched = set()  # nodes that an object was found for
        self.attributes = {}  # node -> names of attributes that its object has not
        self.expect_partial = False

    def warn(self):
        if self.expect_partial:
            return
        names = node_names(self.message)
        lines = [
            f"Unresolved object in checkpoint: {names.get(node, node)}"
            for node in range(len(self.message.nodes))
            if node not in self.matched
        ]
        lines += [f"Unused attribute in object {names[node]}: {found}" for node, found in self.attributes.items()]
        for line in lines:
            logging.warning("%s", line)
        if lines:
            logging.warning(
                "A checkpoint was restored (e.g. tf.train.Checkpoint.restore or tf.keras.Model.load_weights) but not all "
                "checkpointed values were used. See above for specific issues. Use expect_partial() on the load status object, "
                "e.g. tf.train.Checkpoint.restore(...).expect_partial(), to silence these warnings, or use assert_consumed() "
                "to make the check explicit."
            )


class ObjectRestore:
    """One restore of an object-based checkpoint.

    Args:
      saver: the `ObjectSaver` that makes nodes.
      message: the `TrackableObjectGraph` of the checkpoint.
      prefix: the checkpoint's prefix.

    Attributes:
      uid: its number.
      ops: the operations that restore what has been found so far.
      objects: node -> object.
      slots: node of a variable -> (node of the optimizer, node of the slot, its name), as long as there is no such variable.
    """

    def __init__(self, saver, message, prefix):
        self.saver = saver
        self.message = message
        self.prefix = prefix
        self.uid = new_uid()
        self.ops = []
        self.objects = weakref.WeakValueDictionary()
        self.seen = {}  # id -> object: all that were looked at
        self.slots = {}
        self._later_slots = {}  # node of an optimizer -> (variable, node of the slot, its name)
        self.unused = _Unused(message)
        weakref.finalize(self, self.unused.warn)
        for node, entry in enumerate(message.nodes):
            for slot in entry.slot_variables:
                found = self.slots.setdefault(slot.original_variable_node_id, [])
                found.append((node, slot.slot_variable_node_id, slot.slot_name))

    def at(self, node):
        return _Position(self, node)

    def bind(self, node, trackable):
        """Says that an object is the one of a node; False where the node has one already."""
        self.seen[id(trackable)] = trackable
        self.unused.matched.add(node)
        current = self.objects.get(node)
        if current is not None:
            if current is not trackable:
                logging.warning(
                    "Inconsistent references when loading the checkpoint into this object graph. Either the Trackable object "
                    "references in the Python program have changed in an incompatible way, or the checkpoint was generated in "
                    "an incompatible program.\n\nTwo checkpoint references resolved to different objects (%s and %s).",
                    current, trackable,
                )  # fmt: skip
            return False
        self.objects[node] = trackable
        for variable, slot, name in self._later_slots.pop(node, ()):
            self._give_slot(trackable, variable, slot, name)
        for optimizer, slot, name in self.slots.pop(node, ()):
            found = self.objects.get(optimizer)
            if found is None:
                self._later_slots.setdefault(optimizer, []).append((trackable, slot, name))
            else:
                self._give_slot(found, trackable, slot, name)
        return True

    def _give_slot(self, optimizer, variable, slot, name):
        """Gives the slot of a variable what the checkpoint has for it; it stays unresolved where these are something else."""
        if hasattr(optimizer, "_create_or_restore_slot_variable") and isinstance(variable, Variable):
            optimizer._create_or_restore_slot_variable(self.at(slot), name, variable)
        else:
            self.slots.setdefault(slot, []).append((optimizer, slot, name))

    def values_of(self, node, trackable):
        """What is restored of an object's own: operations that are there already, and those still to make: key -> saveable."""
        own, done, wanted = trackable._gather_saveables_for_checkpoint(), [], {}
        for attribute in self.message.nodes[node].attributes:
            key = attribute.checkpoint_key
            if key in self.saver.restore_ops:
                done.append(self.saver.restore_ops[key])
            elif attribute.name in own:
                wanted[key] = self.saver.saveables(trackable, attribute.name, own[attribute.name], key)
            elif not attribute.optional_restore:
                self.unused.attributes.setdefault(node, []).append(attribute.name)
        return done, wanted

    def restore(self, wanted):
        """Restores what is of Python at once; the operations that restore the rest."""
        tensors = {}
        for key, saveables in wanted.items():
            for saveable in saveables:
                if isinstance(saveable, PythonStateSaveable):
                    reader = BundleReader(self.prefix)
                    saveable.python_restore([reader.read(spec.name)[()] for spec in saveable.specs])
                else:
                    tensors.setdefault(key, []).append(saveable)
        return self.saver.restore_nodes(tensors) if tensors else []


class _Position:
    """A node of a checkpoint that is restored."""

    def __init__(self, restore, node):
        self._restore = restore
        self._node = node

    @property
    def restore_uid(self):
        return self._restore.uid

    def restore(self, trackable):
        """Gives an object, and what it depends on, what the checkpoint has for it."""
        restore = self._restore
        if not restore.bind(self._node, trackable):
            return
        queue, done, wanted = [(self._node, trackable)], [], {}
        with control_dependencies(None):
            for node, current in queue:
                if restore.uid > current._update_uid:
                    found, own = restore.values_of(node, current)
                    done += found
                    wanted.update(own)
                    current._update_uid = restore.uid
                for child in restore.message.nodes[node].children:
                    there = current._lookup_dependency(child.local_name)
                    if there is None:
                        waiting = current._deferred_dependencies.setdefault(child.local_name, [])
                        waiting.append(restore.at(child.node_id))
                    elif restore.bind(child.node_id, there):
                        queue.append((child.node_id, there))
            restore.ops += [*done, *restore.restore(wanted)]
