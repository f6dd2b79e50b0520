"""The graph of objects that an object-based checkpoint holds: who depends on whom, and under which key each value is.

A key is the path to an object from the root, and the attribute: `model/w/.ATTRIBUTES/VARIABLE_VALUE`. A slot variable is below
the variable that it is for: `model/w/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE`.
"""

from __future__ import annotations

from collections import deque

from .. import errors
from ..files.bundle import BundleReader
from ..trackable import OBJECT_GRAPH_KEY

__all__ = ["ObjectGraph", "node_names", "read_object_graph"]

_SLOTS, _ATTRIBUTES = ".OPTIMIZER_SLOT", ".ATTRIBUTES"


def _escaped(name):
    return name.replace(".", "..").replace("/", ".S")


class ObjectGraph:
    """The objects that can be reached from a root, breadth first; after them the slot variables between them.

    Attributes:
      objects: the objects, the root first.
    """

    def __init__(self, root):
        self.objects = [root]
        self._ids = {id(root): 0}
        self._paths = {0: ()}
        self._children = []
        self._slots = {}  # node of an optimizer -> (slot's name, node of the variable, node of the slot)
        queue = deque([root])
        while queue:
            current = queue.popleft()
            self._children.append(current._checkpoint_dependencies)
            for name, child in self._children[-1]:
                if id(child) not in self._ids:
                    self._add(child, (*self._paths[self._ids[id(current)]], _escaped(name)))
                    queue.append(child)
        for node in range(len(self.objects)):
            self._add_slots(node, self.objects[: len(self._children)])

    def _add(self, trackable, path):
        node = self._ids[id(trackable)] = len(self.objects)
        self.objects.append(trackable)
        self._paths[node] = path
        return node

    def _add_slots(self, node, others):
        """The slot variables of an optimizer for variables that are in the graph."""
        optimizer = self.objects[node]
        if not hasattr(optimizer, "_create_or_restore_slot_variable"):
            return
        for slot_name in optimizer.get_slot_names():
            for original, variable in enumerate(others):
                slot = optimizer.get_slot(variable, slot_name) if hasattr(variable, "op") else None
                if slot is None:
                    continue
                if id(slot) in self._ids:
                    raise NotImplementedError(
                        f"A slot variable was re-used as a dependency of a Trackable object, which cannot be saved: {slot}"
                    )
                path = (*self._paths[original], _SLOTS, *self._paths[node], _escaped(slot_name))
                self._slots.setdefault(node, []).append((slot_name, original, self._add(slot, path)))

    def message(self):
        """The graph as a `TrackableObjectGraph`, and each value's place: (node, attribute's name, key, how it is saved)."""
        from ..files.messages import TrackableObjectGraph

        message, values = TrackableObjectGraph(), []
        for node, trackable in enumerate(self.objects):
            entry = message.nodes.add()
            for slot_name, original, slot in self._slots.get(node, ()):
                entry.slot_variables.add(
                    slot_name=slot_name, original_variable_node_id=original, slot_variable_node_id=slot
                )
            for name, child in self._children[node] if node < len(self._children) else ():
                entry.children.add(node_id=self._ids[id(child)], local_name=name)
            for name, factory in trackable._gather_saveables_for_checkpoint().items():
                key = "/".join((*self._paths[node], _ATTRIBUTES, _escaped(name)))
                entry.attributes.add(name=name, checkpoint_key=key)
                values.append((node, name, key, factory))
        return message, values


def node_names(message):
    """The nodes of a `TrackableObjectGraph` in words: node -> "(root).model.w"."""
    paths, queue = {0: "(root)"}, deque([0])
    while queue:
        node = queue.popleft()
        for child in message.nodes[node].children:
            if child.node_id not in paths:
                paths[child.node_id] = f"{paths[node]}.{child.local_name}"
                queue.append(child.node_id)
    for node, entry in enumerate(message.nodes):
        for slot in entry.slot_variables:
            of = paths.get(slot.original_variable_node_id, slot.original_variable_node_id)
            paths[slot.slot_variable_node_id] = f"{paths.get(node, node)}'s state '{slot.slot_name}' for {of}"
    return paths


def read_object_graph(prefix):
    """The `TrackableObjectGraph` of a checkpoint; None where it was saved by names.

    Raises:
      NotFoundError: there is no such checkpoint.
      DataLossError: its graph is corrupt.
    """
    from google.protobuf.message import DecodeError

    from ..files.messages import TrackableObjectGraph

    reader = BundleReader(prefix)
    if OBJECT_GRAPH_KEY not in reader:
        return None
    try:
        message = TrackableObjectGraph.FromString(reader.read(OBJECT_GRAPH_KEY)[()])
    except (DecodeError, TypeError) as error:
        raise errors.DataLossError(None, None, f"the graph of objects in {prefix} cannot be read: {error}") from None
    count = len(message.nodes)
    for node in message.nodes:
        named = [child.node_id for child in node.children]
        named += [i for s in node.slot_variables for i in (s.original_variable_node_id, s.slot_variable_node_id)]
        if not all(0 <= i < count for i in named):
            raise errors.DataLossError(
                None, None, f"the graph of objects in {prefix} names objects that it has not: {named}"
            )
    if not count:
        raise errors.DataLossError(None, None, f"the graph of objects in {prefix} has no objects")
    return message
