"""`FinalOpsHook`."""

from __future__ import annotations

from .. import errors, logging
from .session_run_hook import SessionRunHook

__all__ = ["FinalOpsHook"]


class FinalOpsHook(SessionRunHook):
    """Evaluates tensors at the end of a session. It costs a step nothing.

    Args:
      final_ops: a tensor, an operation, or a nesting of them as `Session.run` takes it.
      final_ops_feed_dict: what is fed to evaluate them.
    """

    def __init__(self, final_ops, final_ops_feed_dict=None):
        self._final_ops = final_ops
        self._final_ops_feed_dict = final_ops_feed_dict
        self._final_ops_values = None

    @property
    def final_ops_values(self):
        """The values, None before the session has ended."""
        return self._final_ops_values

    def end(self, session):
        if self._final_ops is None:
            return
        try:
            self._final_ops_values = session.run(self._final_ops, feed_dict=self._final_ops_feed_dict)
        except (errors.OutOfRangeError, StopIteration) as error:
            logging.warning(
                "An OutOfRangeError or StopIteration exception is raised by the code in FinalOpsHook. This typically means "
                "the Ops running by the FinalOpsHook have a dependency back to some input source, which should not happen. "
                "For example, for metrics in tf.estimator.Estimator, all metrics functions return two Ops: `value_op` and  "
                "`update_op`. Estimator.evaluate calls the `update_op` for each batch of the data in input source and, once "
                "it is exhausted, it call the `value_op` to get the metric values. The `value_op` here should have "
                "dependency back to variables reading only, rather than reading another batch from input. Otherwise, the "
                "`value_op`, executed by `FinalOpsHook`, triggers another data reading, which ends OutOfRangeError/"
                "StopIteration. Please fix that."
            )
            raise error
