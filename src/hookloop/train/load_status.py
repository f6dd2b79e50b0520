"""What `Checkpoint.restore` returns: whether everything has been found, and running what restores it."""

from __future__ import annotations

from ..graph.stack import get_default_session
from ..trackable import TrackedDict, TrackedList
from .object_graph import node_names
from .saver import Saver
from .saver import _session as _raw_session

__all__ = ["CheckpointLoadStatus", "InitializationOnlyStatus", "NameBasedSaverStatus", "session_of"]


def session_of(session):
    """The session to use: the one that is given, or the default one; below a monitored one the raw one.

    Raises:
      ValueError: where there is none.
    """
    session = session or get_default_session()
    if session is None:
        raise ValueError("expected a session: give one as session=, or enter one with `with session.as_default():`")
    return _raw_session(session)


def _run_initializers(objects, restored, uid, session):
    """Runs the initializers of those objects that neither this restore nor a later one gives a value."""
    initializers = []
    for trackable in objects:
        initializer = getattr(trackable, "initializer", None)
        if initializer is not None and id(trackable) not in restored and trackable._update_uid < uid:
            initializers.append(initializer)
    session.run(initializers)


class _LoadStatus:
    """What all three share.

    Args:
      saver: the `ObjectSaver`.
    """

    def __init__(self, saver):
        self._saver = saver
        self._root = saver._root()  # which is kept as long as the status is

    def expect_partial(self):
        """Nothing is said in the log where values of the checkpoint find no object."""
        return self


class CheckpointLoadStatus(_LoadStatus):
    """The status of restoring an object-based checkpoint.

    Values of objects that are not there yet are restored by operations that are made with those objects: run
    `run_restore_ops` or `initialize_or_restore` once all are there.
    """

    def __init__(self, saver, restore, feed):
        super().__init__(saver)
        self._checkpoint = restore
        self._feed = feed

    def _unbound(self):
        """The objects that were looked at and have nothing in the checkpoint."""
        bound = {id(trackable) for trackable in self._checkpoint.objects.values()}
        return [trackable for key, trackable in self._checkpoint.seen.items() if key not in bound]

    def _look_at(self, objects):
        self._checkpoint.seen.update((id(trackable), trackable) for trackable in objects)

    def assert_consumed(self):
        """Checks that every object has its values, and that every value of the checkpoint has an object; returns the status.

        Raises:
          AssertionError: where it is not so.
        """
        self.assert_existing_objects_matched()
        restore = self._checkpoint
        names = node_names(restore.message)
        for node, entry in enumerate(restore.message.nodes):
            if restore.objects.get(node) is None:
                raise AssertionError(f"Unresolved object in checkpoint {names.get(node, node)}: {entry}")
        if restore.slots:
            raise AssertionError(f"Unresolved slot restorations: {restore.slots}")
        if restore.unused.attributes:
            lines = [f"{names[n]} ({restore.objects[n]}): {found}" for n, found in restore.unused.attributes.items()]
            raise AssertionError(
                "Unused attributes in these objects (the attributes exist in the checkpoint but were not restored):\n"
                + "\n".join(lines)
            )
        return self

    def assert_existing_objects_matched(self):
        """Checks that every object that is there has its values; the checkpoint may hold more. Returns the status.

        Raises:
          AssertionError: where it is not so.
        """
        restore = self._checkpoint
        for node, entry in enumerate(restore.message.nodes):
            trackable = restore.objects.get(node)
            if trackable is not None and trackable._update_uid < restore.uid:
                raise AssertionError(f"Object not assigned a value from checkpoint: {entry}")
        self._look_at(
            trackable
            for trackable in self._saver.objects().objects
            if not isinstance(trackable, (TrackedList, TrackedDict)) or trackable._checkpoint_dependencies
        )
        missing = self._unbound()
        if missing:
            raise AssertionError(
                "Some Python objects were not bound to checkpointed values, likely due to changes in the Python program: "
                f"{missing}"
            )
        return self

    def assert_nontrivial_match(self):
        """Checks that something else than the root was found; returns the status.

        Raises:
          AssertionError: where it is not so.
        """
        self._look_at(self._saver.objects().objects)
        if len(self._checkpoint.objects) <= 1:
            missing = self._unbound()
            if missing:
                raise AssertionError(
                    "Nothing except the root object matched a checkpointed value. Typically this means that the checkpoint "
                    "does not match the Python program. The following objects have no matching checkpointed value: "
                    f"{missing}"
                )
            raise AssertionError(f"Nothing to load. No dependencies have been added to {self._root} yet.")
        return self

    def run_restore_ops(self, session=None):
        """Gives the objects in a session (by default the default one) their values."""
        session_of(session).run(self._checkpoint.ops, self._feed)

    def initialize_or_restore(self, session=None):
        """As `run_restore_ops`; objects that have no value in the checkpoint are initialized."""
        session = session_of(session)
        objects = self._saver.objects().objects
        self.run_restore_ops(session)
        restored = {id(trackable) for trackable in self._checkpoint.objects.values()}
        _run_initializers(objects, restored, self._checkpoint.uid, session)

    def expect_partial(self):
        self._checkpoint.unused.expect_partial = True
        return self


class InitializationOnlyStatus(_LoadStatus):
    """The status where there is no checkpoint: objects can be initialized, every assertion fails."""

    def __init__(self, saver, uid):
        super().__init__(saver)
        self._uid = uid

    def assert_consumed(self):
        """Fails.

        Raises:
          AssertionError: always.
        """
        raise AssertionError("No checkpoint specified (save_path=None); nothing is being restored.")

    assert_existing_objects_matched = assert_nontrivial_match = assert_consumed

    def run_restore_ops(self, session=None):
        """Fails: use `initialize_or_restore`.

        Raises:
          AssertionError: always.
        """
        raise AssertionError(
            "No checkpoint specified, so no restore ops are available (save_path=None to Saver.restore)."
        )

    def initialize_or_restore(self, session=None):
        """Initializes the objects in a session, by default the default one."""
        _run_initializers(self._saver.objects().objects, (), self._uid, session_of(session))


class NameBasedSaverStatus(_LoadStatus):
    """The status of a checkpoint that a `Saver` has written: variables are found by their names."""

    def __init__(self, saver, prefix, uid):
        super().__init__(saver)
        self._prefix = prefix
        self._uid = uid
        self._unused = {}  # object -> attributes that have no name of their own

    def assert_consumed(self):
        """Checks that `run_restore_ops` has restored every object; returns the status.

        Raises:
          AssertionError: where it is not so.
        """
        if self._unused:
            lines = "".join(f"\n    {trackable}: {found}" for trackable, found in self._unused.values())
            raise AssertionError(f"Some objects had attributes which were not restored:{lines}")
        for trackable in self._saver.objects().objects:
            if trackable._update_uid < self._uid:
                raise AssertionError(f"Object not restored: {trackable}")
        return self

    assert_existing_objects_matched = assert_nontrivial_match = assert_consumed

    def _saveables(self):
        found = []
        for trackable in self._saver.objects().objects:
            if trackable._update_uid >= self._uid:
                continue
            trackable._update_uid = self._uid
            for attribute, value in trackable._gather_saveables_for_checkpoint().items():
                if not callable(value):
                    found.append(value)
                    continue
                try:
                    found.append(value())
                except TypeError:  # it has no name but its place among the objects
                    if not value("").optional_restore:
                        self._unused.setdefault(id(trackable), (trackable, []))[1].append(attribute)
        return found

    def run_restore_ops(self, session=None):
        """Gives the variables in a session (by default the default one) their values, by their names."""
        session = session_of(session)
        Saver(self._saveables()).restore(session, self._prefix)

    initialize_or_restore = run_restore_ops
