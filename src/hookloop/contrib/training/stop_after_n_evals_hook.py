"""`StopAfterNEvalsHook`."""

from __future__ import annotations

from ... import logging
from ...train.session_run_hook import SessionRunArgs, SessionRunHook

__all__ = ["StopAfterNEvalsHook"]


class StopAfterNEvalsHook(SessionRunHook):
    """Ends an evaluation after so many runs, which it logs.

    Args:
      num_evals: how many; None: until the input ends.
      log_progress: whether to log the runs: each of fewer than 20, else every tenth part of them.
    """

    def __init__(self, num_evals, log_progress=True):
        self._num_evals = num_evals
        self._evals_completed = None
        self._log_progress = log_progress
        self._log_frequency = 1 if num_evals is None or num_evals < 20 else num_evals // 10

    def _set_evals_completed_tensor(self, updated_eval_step):
        """The tensor that counts the runs; `evaluate_once` and `evaluate_repeatedly` set it."""
        self._evals_completed = updated_eval_step

    def before_run(self, run_context):
        return SessionRunArgs({"evals_completed": self._evals_completed})

    def after_run(self, run_context, run_values):
        done, wanted = run_values.results["evals_completed"], self._num_evals
        if self._log_progress:
            if wanted is None:
                logging.info("Evaluation [%d]", done)
            elif done % self._log_frequency == 0 or done == wanted:
                logging.info("Evaluation [%d/%d]", done, wanted)
        if wanted is not None and done >= wanted:
            run_context.request_stop()
