"""`tf.train.Checkpoint`: objects and what they depend on, in checkpoints that know objects instead of names."""

from __future__ import annotations

import os

from .. import dtypes, logging
from ..graph.scopes import colocate_with, control_dependencies, device
from ..trackable import AutoTrackable, NoDependency, Trackable
from ..variables import Variable
from .checkpoint_management import _update
from .load_status import CheckpointLoadStatus, InitializationOnlyStatus, NameBasedSaverStatus, session_of
from .object_graph import read_object_graph
from .object_restore import ObjectRestore, new_uid
from .object_saver import ObjectSaver

__all__ = ["Checkpoint"]


class Checkpoint(AutoTrackable):
    """Objects that are saved together, with all that they depend on.

    A value is found by the attributes that lead to it (`model.w`), not by the name of its variable. Slots of optimizers are
    saved with the variables that they are for.

    Args:
      **kwargs: the objects, which become attributes: variables, optimizers, other `Checkpoint`s, `PythonState`s, ...

    Raises:
      ValueError: where one of them cannot be saved.
    """

    def __init__(self, **kwargs):
        for name, value in sorted(kwargs.items()):
            if not isinstance(value, Trackable):
                raise ValueError(
                    "`Checkpoint` was expecting a trackable object (an object derived from `TrackableBase`), got "
                    f"{value}. If you believe this object should be trackable (i.e. it is part of the TensorFlow Python API "
                    "and manages state), please open an issue."
                )
            setattr(self, name, value)
        self._save_counter = None
        self._save_assign_op = None
        self._saver = ObjectSaver(self)

    @property
    def save_counter(self):
        """The variable that counts the calls of `save`."""
        if self._save_counter is None:
            with device("/cpu:0"), control_dependencies(None):
                counter = Variable(
                    lambda: 0, name="save_counter", dtype=dtypes.int64, trainable=False, use_resource=True
                )
            self._save_counter = NoDependency(counter)
            self._track_trackable(counter, "save_counter")
        return self._save_counter

    def write(self, file_prefix, session=None):
        """Writes a checkpoint under a prefix, without a number, the state file, or deleting older ones.

        Args:
          file_prefix: the prefix of the files; a directory that is not there is made.
          session: the session whose values are saved, by default the default one.

        Returns:
          The prefix.
        """
        return self._saver.save(os.fsdecode(file_prefix), session_of(session))

    def save(self, file_prefix, session=None):
        """Writes a checkpoint under a prefix and a number, and makes it the latest of its directory.

        Args:
          file_prefix: what stands before the number.
          session: the session whose values are saved, by default the default one.

        Returns:
          The checkpoint's prefix, `file_prefix-1` at first.
        """
        file_prefix, session = os.fsdecode(file_prefix), session_of(session)
        if self._save_counter is None:
            session.run(self.save_counter.initializer)
        if self._save_assign_op is None:
            with colocate_with(self.save_counter):
                self._save_assign_op = NoDependency(self.save_counter.assign_add(1, read_value=True))
        number = session.run(self._save_assign_op)
        prefix = self.write(f"{file_prefix}-{int(number)}", session)
        _update(os.path.dirname(file_prefix), prefix, [prefix], None, True)
        return prefix

    def restore(self, save_path):
        """Restores the objects from a checkpoint: those that are there, and others once they are added.

        No value changes before the status is asked to `initialize_or_restore()` or `run_restore_ops()`, but those of `PythonState`s.

        Args:
          save_path: the checkpoint's prefix, also of one that a `Saver` has written; None where there is none.

        Returns:
          A status with `assert_consumed()`, `assert_existing_objects_matched()`, `assert_nontrivial_match()`,
          `expect_partial()`, `initialize_or_restore(session)` and `run_restore_ops(session)`.

        Raises:
          NotFoundError: there is no such checkpoint.
          DataLossError: its files are corrupt.
        """
        status = self._status(None if save_path is None else os.fsdecode(save_path))
        self.save_counter  # noqa: B018 - so that it is initialized with the other variables
        return status

    def _status(self, prefix):
        saver = self._saver
        if prefix is None:
            return InitializationOnlyStatus(saver, new_uid())
        message = read_object_graph(prefix)
        if message is None:
            logging.warning(
                "Restoring a name-based tf.train.Saver checkpoint using the object-based restore API is deprecated: it matches "
                "variables by their global names and adds operations to the graph each time. Save the objects to have a "
                "checkpoint of the other kind."
            )
            return NameBasedSaverStatus(saver, prefix, new_uid())
        feed = {saver.restored_prefix(): prefix}
        restore = ObjectRestore(saver, message, prefix)
        restore.at(0).restore(self)
        return CheckpointLoadStatus(saver, restore, feed)
