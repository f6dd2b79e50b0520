"""Waiting for the checkpoints that another program writes."""

from __future__ import annotations

import time

from ... import logging
from ...train.checkpoint_management import get_checkpoint_state, latest_checkpoint
from ...train.checkpoint_utils import checkpoints_iterator

__all__ = ["checkpoints_iterator", "wait_for_new_checkpoint"]


def wait_for_new_checkpoint(checkpoint_dir, last_checkpoint=None, seconds_to_sleep=1, timeout=None):
    """Waits until a directory has a checkpoint other than the last one.

    Args:
      checkpoint_dir: the directory.
      last_checkpoint: the prefix of the last checkpoint; None: any will do.
      seconds_to_sleep: how long to wait before looking again.
      timeout: seconds after which to give up; for ever by default.

    Returns:
      The prefix of the new checkpoint; None where the time has passed.
    """
    logging.info("Waiting for new checkpoint at %s", checkpoint_dir)
    stop = None if timeout is None else time.monotonic() + timeout
    while True:
        found = latest_checkpoint(checkpoint_dir) if get_checkpoint_state(checkpoint_dir) is not None else None
        if found is not None and found != last_checkpoint:
            logging.info("Found new checkpoint at %s", found)
            return found
        if stop is not None and time.monotonic() + seconds_to_sleep > stop:
            return None
        time.sleep(seconds_to_sleep)
