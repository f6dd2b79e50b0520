"""`FeedFnHook`."""

from __future__ import annotations

from .session_run_hook import SessionRunArgs, SessionRunHook

__all__ = ["FeedFnHook"]


class FeedFnHook(SessionRunHook):
    """Feeds every run.

    Args:
      feed_fn: a function of no arguments that returns tensor -> value.
    """

    def __init__(self, feed_fn):
        self.feed_fn = feed_fn

    def before_run(self, run_context):
        return SessionRunArgs(fetches=None, feed_dict=self.feed_fn())
