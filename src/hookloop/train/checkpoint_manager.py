"""`tf.train.CheckpointManager`: the checkpoints of a directory, of which only so many are kept."""

from __future__ import annotations

import os
import time

import numpy as np

from .. import logging
from ..variables import variable_creator_scope
from .checkpoint_management import _update, checkpoint_state_to_go_on_from, remove_checkpoint
from .load_status import session_of
from .training_util import global_step

__all__ = ["CheckpointManager"]

_HOUR = 3600.0


class CheckpointManager:
    """Saves an object's checkpoints in a directory and removes old ones; one for the same directory goes on where it was left.

    Args:
      checkpoint: the `Checkpoint`.
      directory: where the files are written.
      max_to_keep: how many checkpoints are kept; None for all.
      keep_checkpoint_every_n_hours: of those that would be removed, one in so many hours is kept for ever.
      checkpoint_name: what stands before the number in the files' names.

    Raises:
      ValueError: where `max_to_keep` is no positive number.
      OpError: where the directory has a state file that cannot be read.
    """

    def __init__(self, checkpoint, directory, max_to_keep, keep_checkpoint_every_n_hours=None, checkpoint_name="ckpt"):
        if max_to_keep is not None and max_to_keep <= 0:
            raise ValueError(f"Expected a positive integer or `None` for `max_to_max_to_keep`, got {int(max_to_keep)}.")
        self._checkpoint = checkpoint
        self._max_to_keep = max_to_keep
        self._keep_checkpoint_every_n_hours = keep_checkpoint_every_n_hours
        self._directory = os.fsdecode(directory)
        self._prefix = os.path.join(self._directory, checkpoint_name)
        self._save_counter_assign = None
        self._maybe_delete = {}  # prefix -> seconds since 1970, oldest first
        self._latest_checkpoint = None
        self._recover()

    def _recover(self):
        """Takes over what an earlier manager has left in the directory."""
        state, now = checkpoint_state_to_go_on_from(self._directory), time.time()
        if state is None:
            self._last_preserved_timestamp = now - 1.0  # two that follow each other at once are told apart
            return
        self._latest_checkpoint = state.model_checkpoint_path
        self._last_preserved_timestamp = state.last_preserved_timestamp
        if now < self._last_preserved_timestamp:
            logging.warning(
                "time.time() returned a value %f seconds behind the last preserved checkpoint timestamp.",
                self._last_preserved_timestamp - now,
            )
            self._last_preserved_timestamp = now
        paths, times = state.all_model_checkpoint_paths, list(state.all_model_checkpoint_timestamps)
        for path, seconds in zip(paths, times or [self._last_preserved_timestamp] * len(paths)):
            seconds = min(seconds, now)
            if seconds > self._last_preserved_timestamp:
                self._maybe_delete[path] = seconds

    @property
    def latest_checkpoint(self):
        """The prefix of the latest checkpoint, None where there is none."""
        return self._latest_checkpoint

    @property
    def checkpoints(self):
        """The prefixes of the checkpoints that are kept for the time being, oldest first."""
        return list(self._maybe_delete)

    def _sweep(self):
        """Removes what is too much, or keeps it for ever."""
        while self._max_to_keep and len(self._maybe_delete) > self._max_to_keep:
            prefix = next(iter(self._maybe_delete))
            seconds, hours = self._maybe_delete.pop(prefix), self._keep_checkpoint_every_n_hours
            if hours and seconds - hours * _HOUR >= self._last_preserved_timestamp:
                self._last_preserved_timestamp = seconds
                continue
            remove_checkpoint(prefix)

    def _record(self):
        """Writes the state file."""
        prefixes, times = list(self._maybe_delete), list(self._maybe_delete.values())
        _update(self._directory, self._latest_checkpoint, prefixes, None, True, times, self._last_preserved_timestamp)

    def save(self, checkpoint_number=None):
        """Saves a checkpoint of the default session.

        Args:
          checkpoint_number: its number: an int, a variable or a tensor; by default how many were saved.

        Returns:
          Its prefix.
        """
        session = session_of(None)

        def initialized(next_creator, **kwargs):
            variable = next_creator(**kwargs)
            session.run(variable.initializer)
            return variable

        with variable_creator_scope(initialized):
            counter = self._checkpoint.save_counter
        if self._save_counter_assign is None:
            self._save_counter_assign = counter.assign_add(1, read_value=False)
        session.run(self._save_counter_assign)
        number = counter if checkpoint_number is None else checkpoint_number
        if not isinstance(number, (int, np.integer)):
            number = global_step(session, number)
        prefix = self._checkpoint.write(f"{self._prefix}-{int(number)}", session)
        self._maybe_delete.pop(prefix, None)
        self._maybe_delete[prefix] = time.time()
        self._latest_checkpoint = prefix
        self._record()  # first with the old ones: a program that is killed while they are removed finds the new one
        self._sweep()
        self._record()
        return prefix
