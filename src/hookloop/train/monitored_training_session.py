"""`MonitoredTrainingSession`: a monitored session made from the arguments of a training."""

from __future__ import annotations

from .monitored_session import MonitoredSession
from .session_creator import ChiefSessionCreator, WorkerSessionCreator

__all__ = ["MonitoredTrainingSession"]

# Stands for an argument that was not given, where None means "never".
USE_DEFAULT = object()


def MonitoredTrainingSession(
    master="", is_chief=True, checkpoint_dir=None, scaffold=None, hooks=None, chief_only_hooks=None,
    save_checkpoint_secs=USE_DEFAULT, save_summaries_steps=USE_DEFAULT, save_summaries_secs=USE_DEFAULT, config=None,
    stop_grace_period_secs=120, log_step_count_steps=100, max_wait_secs=7200, save_checkpoint_steps=USE_DEFAULT,
    summary_dir=None,
):  # fmt: skip
    """A `MonitoredSession` for training.

    Args:
      master: accepted; a session runs in this process.
      is_chief: whether this process initializes the model; else it waits until it is ready.
      checkpoint_dir, summary_dir: directories for checkpoints and summaries; this version writes neither.
      scaffold: a `Scaffold`.
      hooks: hooks, called after those of the chief.
      chief_only_hooks: hooks of the chief.
      save_checkpoint_secs, save_checkpoint_steps: periods of checkpoints, where there is a `checkpoint_dir`.
      save_summaries_steps, save_summaries_secs, log_step_count_steps: periods of summaries, where there is a
        directory for them.
      config: a `ConfigProto`.
      stop_grace_period_secs: how long threads may take to end.
      max_wait_secs: how long a process that is not the chief waits.

    Returns:
      The session.

    Raises:
      ValueError: a directory was given.
    """
    for name, directory in (("checkpoint_dir", checkpoint_dir), ("summary_dir", summary_dir)):
        if directory is not None:
            raise ValueError(f"expected no {name}, as checkpoints and summaries are not written yet, got {directory!r}")
    if is_chief:
        creator = ChiefSessionCreator(scaffold=scaffold, master=master, config=config)
        hooks = [*(chief_only_hooks or ()), *(hooks or ())]
    else:
        creator = WorkerSessionCreator(scaffold=scaffold, master=master, config=config, max_wait_secs=max_wait_secs)
    return MonitoredSession(creator, hooks, stop_grace_period_secs)
