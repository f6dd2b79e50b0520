"""`Scaffold`: what a training needs besides its step: how to initialize, when it is ready, what to save."""

from __future__ import annotations

from .. import logging
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph
from ..ops.core import group, tables_initializer
from ..ops.resources import (
    initialize_resources,
    local_resources,
    report_uninitialized_resources,
    shared_resources,
)
from ..ops.slicing import concat
from ..variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    report_uninitialized_variables,
)
from .saver import _get_saver_or_default

__all__ = ["Scaffold"]


class Scaffold:
    """Collects, or makes, what a training needs besides its step. All arguments are optional.

    Args:
      init_op: an operation that initializes the model.
      init_feed_dict: fed to it.
      init_fn: a function (scaffold, session) called after it.
      ready_op: a tensor of the names of what is not initialized.
      ready_for_local_init_op: the same, for running `local_init_op`.
      local_init_op: an operation that every new session runs.
      summary_op: the tensor of summaries.
      saver: a `Saver`.
      copy_from_scaffold: a scaffold that gives what is not given here.
    """

    def __init__(self, init_op=None, init_feed_dict=None, init_fn=None, ready_op=None, ready_for_local_init_op=None,
                 local_init_op=None, summary_op=None, saver=None, copy_from_scaffold=None):  # fmt: skip
        other = copy_from_scaffold
        if other is not None:
            if not isinstance(other, Scaffold):
                raise TypeError("copy_from_scaffold is not a Scaffold instance.")
            init_op = other.init_op if init_op is None else init_op
            init_feed_dict = other.init_feed_dict if init_feed_dict is None else init_feed_dict
            init_fn = other._user_init_fn if init_fn is None else init_fn
            ready_op = other.ready_op if ready_op is None else ready_op
            if ready_for_local_init_op is None:
                ready_for_local_init_op = other.ready_for_local_init_op
            local_init_op = other.local_init_op if local_init_op is None else local_init_op
            summary_op = other.summary_op if summary_op is None else summary_op
            saver = other.saver if saver is None else saver
        self._init_op = init_op
        self._init_feed_dict = init_feed_dict
        self._user_init_fn = init_fn
        self._init_fn = (lambda session: init_fn(self, session)) if init_fn else None
        self._ready_op = ready_op
        self._ready_for_local_init_op = ready_for_local_init_op
        self._local_init_op = local_init_op
        self._summary_op = summary_op
        self._saver = saver

    init_op = property(lambda self: self._init_op, doc="The operation that initializes the variables.")
    init_feed_dict = property(lambda self: self._init_feed_dict, doc="What it is fed with.")
    init_fn = property(lambda self: self._init_fn, doc="A function of the session that is called behind it, or None.")
    ready_op = property(lambda self: self._ready_op, doc="A tensor of what is not ready yet, empty where all is.")
    ready_for_local_init_op = property(lambda self: self._ready_for_local_init_op, doc="The same, for `local_init_op`.")
    local_init_op = property(
        lambda self: self._local_init_op,
        doc="The operation that every session runs, also one that has restored a checkpoint.",
    )
    summary_op = property(lambda self: self._summary_op, doc="All summaries in one, or None.")
    saver = property(lambda self: self._saver, doc="The saver of the checkpoints.")

    def finalize(self):
        """Makes what was not given, and finalizes the graph."""
        if self._init_op is None:
            self._init_op = self.get_or_default("init_op", GraphKeys.INIT_OP, _default_init_op)
        if self._ready_op is None:
            self._ready_op = self.get_or_default("ready_op", GraphKeys.READY_OP, _default_ready_op)
        if self._ready_for_local_init_op is None:
            self._ready_for_local_init_op = self.get_or_default(
                "ready_for_local_init_op", GraphKeys.READY_FOR_LOCAL_INIT_OP, _default_ready_for_local_init_op
            )
        if self._local_init_op is None:
            self._local_init_op = self.get_or_default(
                "local_init_op", GraphKeys.LOCAL_INIT_OP, Scaffold.default_local_init_op
            )
        if self._summary_op is None:
            self._summary_op = self.get_or_default("summary_op", GraphKeys.SUMMARY_OP, _merged_summaries)
        if self._saver is None:
            self._saver = _get_saver_or_default()
        self._saver.build()
        get_default_graph().finalize()
        logging.info("Graph was finalized.")
        return self

    @staticmethod
    def get_or_default(arg_name, collection_key, default_constructor):
        """What a graph collection has, or what the function makes, which is then added to it.

        Raises:
          RuntimeError: where the collection has more than one.
        """
        found = get_default_graph().get_collection(collection_key)
        if len(found) > 1:
            raise RuntimeError(
                f'More than one item in the collection "{collection_key}". Please indicate which one to use by passing it '
                f"to the tf.Scaffold constructor as:  tf.Scaffold({arg_name}=item to use)"
            )
        if found:
            return found[0]
        made = default_constructor()
        if made is not None:
            get_default_graph().add_to_collection(collection_key, made)
        return made

    @staticmethod
    def default_local_init_op():
        """An operation that initializes the local variables and the tables."""
        return group(local_variables_initializer(), tables_initializer(), initialize_resources(local_resources()))


def _default_init_op():
    return group(global_variables_initializer(), initialize_resources(shared_resources()))


def _default_ready_op():
    return concat([report_uninitialized_variables(), report_uninitialized_resources()], 0)


def _default_ready_for_local_init_op():
    variables = report_uninitialized_variables(global_variables())
    return concat([variables, report_uninitialized_resources(shared_resources())], 0)


def _merged_summaries():
    from ..summary import merge_all

    return merge_all()
