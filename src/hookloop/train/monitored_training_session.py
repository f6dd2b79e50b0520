"""`MonitoredTrainingSession`: a monitored session made from the arguments of a training."""

from __future__ import annotations

from .checkpoint_saver_hook import CheckpointSaverHook
from .monitored_session import MonitoredSession
from .scaffold import Scaffold
from .session_creator import ChiefSessionCreator, WorkerSessionCreator
from .step_counter_hook import StepCounterHook
from .summary_saver_hook import SummarySaverHook

__all__ = ["MonitoredTrainingSession"]

# Stands for an argument that was not given, where None means "never".
USE_DEFAULT = object()

_SUMMARY_STEPS = 100
_CHECKPOINT_SECS = 600


def MonitoredTrainingSession(
    master="", is_chief=True, checkpoint_dir=None, scaffold=None, hooks=None, chief_only_hooks=None,
    save_checkpoint_secs=USE_DEFAULT, save_summaries_steps=USE_DEFAULT, save_summaries_secs=USE_DEFAULT, config=None,
    stop_grace_period_secs=120, log_step_count_steps=100, max_wait_secs=7200, save_checkpoint_steps=USE_DEFAULT,
    summary_dir=None, async_save=False,
):  # fmt: skip
    """A `MonitoredSession` for training: it restores, saves, counts steps and writes summaries.

    Args:
      master: accepted; a session runs in this process.
      is_chief: whether this process initializes the model; else it waits until it is ready.
      checkpoint_dir: where checkpoints are, of which the latest is restored, and where they are written.
      scaffold: a `Scaffold`.
      hooks: hooks, called after those of the chief.
      chief_only_hooks: hooks of the chief.
      save_checkpoint_secs, save_checkpoint_steps: the period of checkpoints: 600 seconds by default; None for never.
      save_summaries_steps, save_summaries_secs: the period of summaries: 100 steps by default; None for never.
      config: a `ConfigProto`.
      stop_grace_period_secs: how long threads may take to end.
      log_step_count_steps: steps between two lines of the steps' rate; None or 0 for none.
      max_wait_secs: how long a process that is not the chief waits.
      summary_dir: where summaries are written, by default where checkpoints are.
      async_save: whether a step only copies what a checkpoint saves, and a thread writes the files.

    A run that is started again goes on as if it had not ended: variables, random streams, inputs, hooks.

    Returns:
      The session.
    """
    scaffold = scaffold or Scaffold()
    if not is_chief:
        creator = WorkerSessionCreator(scaffold=scaffold, master=master, config=config, max_wait_secs=max_wait_secs)
        return MonitoredSession(creator, hooks or [], stop_grace_period_secs)
    creator = ChiefSessionCreator(scaffold=scaffold, checkpoint_dir=checkpoint_dir, master=master, config=config)
    all_hooks = list(chief_only_hooks or ())
    summary_dir = summary_dir or checkpoint_dir
    if summary_dir:
        steps, secs = _period(save_summaries_steps, save_summaries_secs, _SUMMARY_STEPS, None)
        if log_step_count_steps and log_step_count_steps > 0:
            all_hooks.append(StepCounterHook(output_dir=summary_dir, every_n_steps=log_step_count_steps))
        if steps or secs:
            all_hooks.append(
                SummarySaverHook(scaffold=scaffold, save_steps=steps, save_secs=secs, output_dir=summary_dir)
            )
    if checkpoint_dir:
        steps, secs = _period(save_checkpoint_steps, save_checkpoint_secs, None, _CHECKPOINT_SECS)
        if steps or secs:
            all_hooks.append(
                CheckpointSaverHook(
                    checkpoint_dir, save_steps=steps, save_secs=secs, scaffold=scaffold, async_save=async_save
                )
            )
    return MonitoredSession(creator, [*all_hooks, *(hooks or ())], stop_grace_period_secs)


def _period(steps, secs, default_steps, default_secs):
    """Steps and seconds between two times: the defaults where neither was given; None or 0 is never."""
    if steps is USE_DEFAULT and secs is USE_DEFAULT:
        return default_steps, default_secs
    steps, secs = (None if given is USE_DEFAULT or not given or given < 0 else given for given in (steps, secs))
    return steps, secs
