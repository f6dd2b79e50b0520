"""The levels of a monitored session, each alone around any session, as TensorFlow builds its monitored sessions of them.

Monitored sessions are one compiled loop here; `_sess` shows these levels of it to programs that reach down, and suites that
put one level around a session of their own find it at TensorFlow's path.
"""

from __future__ import annotations

from .. import errors, logging
from .session_run_hook import SessionRunArgs, SessionRunContext, SessionRunValues

# What is known to come from a lost worker: the session is made again.
_PREEMPTION_ERRORS = (errors.AbortedError, errors.UnavailableError)

_LOST = (
    "An error was raised. This may be due to a preemption in a connected worker or parameter server. The current session "
    "will be closed and a new session will be created. This error may also occur due to a gRPC failure caused by high "
    "memory or network bandwidth usage in the parameter servers. If this error occurs repeatedly, try increasing the number "
    "of parameter servers assigned to the job. Error: %s"
)
_LOST_WHILE_ASKED = (
    "An error was raised while considering whether the session is complete. This may be due to a preemption in a connected "
    "worker or parameter server. The current session will be closed and a new session will be created. This error may also "
    "occur due to a gRPC failure caused by high memory or network bandwidth usage in the parameter servers. If this error "
    "occurs repeatedly, try increasing the number of parameter servers assigned to the job. Error: %s"
)
_LOST_WHILE_CLOSED = (
    "An error occurred when attempting to close the session. This may be due to a preemption in a connected worker or "
    "parameter server. Error: %s"
)
_LOST_WHILE_MADE = (
    "An error was raised while a session was being created. This may be due to a preemption of a connected worker or "
    "parameter server. A new session will be created. This error may also occur due to a gRPC failure caused by high memory "
    "or network bandwidth usage in the parameter servers. If this error occurs repeatedly, try increasing the number of "
    "parameter servers assigned to the job. Error: %s"
)


class StepContext:
    """What `run_step_fn` gives to its function.

    Args:
      session: the session below the hooks.
      run_with_hooks_fn: runs a step with the hooks.
    """

    def __init__(self, session, run_with_hooks_fn):
        self._session = session
        self._run_with_hooks_fn = run_with_hooks_fn

    @property
    def session(self):
        return self._session

    def run_with_hooks(self, *args, **kwargs):
        """As `MonitoredSession.run`."""
        return self._run_with_hooks_fn(*args, **kwargs)

    def request_stop(self):
        """Ends the loop: raises StopIteration."""
        raise StopIteration("step_fn has requested the iterations to stop.")


class _WrappedSession:
    """A session around another, which stops when that does and passes everything on.

    Args:
      sess: a session, or another of these.
    """

    def __init__(self, sess):
        self._sess = sess

    @property
    def graph(self):
        return self._sess.graph

    @property
    def sess_str(self):
        return self._sess.sess_str

    def should_stop(self):
        """Whether this level or one below is to stop, or it is closed."""
        if self._check_stop():
            return True
        if self._sess is None:
            return True
        return isinstance(self._sess, _WrappedSession) and self._sess.should_stop()

    def _check_stop(self):
        """What a level adds: whether it is to stop itself."""
        return False

    def close(self):
        if self._sess is None:
            return
        try:
            self._sess.close()
        except _PREEMPTION_ERRORS as error:
            logging.warning(_LOST_WHILE_CLOSED, error)
        finally:
            self._sess = None

    def run(self, *args, **kwargs):
        return self._sess.run(*args, **kwargs)

    def run_step_fn(self, step_fn, raw_session, run_with_hooks):
        return step_fn(StepContext(raw_session, run_with_hooks or self.run))


class _CoordinatedSession(_WrappedSession):
    """Stops with a coordinator, and ends its threads when it is closed.

    Args:
      sess: a session, or another of these.
      coord: a `Coordinator`.
      stop_grace_period_secs: how long threads may take to end.
    """

    def __init__(self, sess, coord, stop_grace_period_secs=120):
        super().__init__(sess)
        self._coord = coord
        self._stop_grace_period_secs = stop_grace_period_secs

    def _check_stop(self):
        self._coord.raise_requested_exception()
        return self._coord.should_stop()

    def close(self):
        self._coord.request_stop()
        try:
            self._coord.join(stop_grace_period_secs=self._stop_grace_period_secs, ignore_live_threads=True)
        finally:
            try:
                super().close()
            except Exception as error:
                logging.info("Closing the session failed: %s", error)

    def run(self, *args, **kwargs):
        try:
            return self._sess.run(*args, **kwargs)
        except _PREEMPTION_ERRORS:
            raise
        except Exception as error:
            try:
                self._coord.raise_requested_exception()
            except _PREEMPTION_ERRORS:
                raise
            except Exception:
                pass
            raise error


class _RecoverableSession(_WrappedSession):
    """Makes its session again when it is lost.

    Args:
      sess_creator: makes sessions by `create_session`.
    """

    def __init__(self, sess_creator):
        self._sess_creator = sess_creator
        super().__init__(self._create_session())

    def _create_session(self):
        while True:
            try:
                return self._sess_creator.create_session()
            except _PREEMPTION_ERRORS as error:
                logging.info(_LOST_WHILE_MADE, error)

    def _check_stop(self):
        try:
            return self._sess is None or (isinstance(self._sess, _WrappedSession) and self._sess._check_stop())
        except _PREEMPTION_ERRORS as error:
            logging.info(_LOST_WHILE_ASKED, error)
            self.close()
            self._sess = self._create_session()
            return False
        except Exception:
            return True

    def run(self, *args, **kwargs):
        return self._until_made(lambda: self._sess.run(*args, **kwargs))

    def run_step_fn(self, step_fn, raw_session, run_with_hooks):
        return self._until_made(lambda: self._sess.run_step_fn(step_fn, raw_session, self._sess.run))

    def _until_made(self, call):
        while True:
            try:
                if self._sess is None:
                    self._sess = self._create_session()
                return call()
            except _PREEMPTION_ERRORS as error:
                logging.info(_LOST, error)
                self.close()
                self._sess = None


class _HookedSession(_WrappedSession):
    """Calls hooks around each run: `before_run` and `after_run`, nothing else.

    Args:
      sess: a session, or another of these.
      hooks: hooks, called in this order.
    """

    def __init__(self, sess, hooks):
        super().__init__(sess)
        self._hooks = hooks
        self._should_stop = False

    def _check_stop(self):
        return self._should_stop

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """As `Session.run`.

        Raises:
          RuntimeError: a hook has asked to stop, or a tensor is fed twice.
        """
        from ..messages import RunMetadata, RunOptions

        if self.should_stop():
            raise RuntimeError("Run called even after should_stop requested.")
        context = SessionRunContext(original_args=SessionRunArgs(fetches, feed_dict), session=self._sess)
        options = options or RunOptions()
        wanted = {"caller": fetches}
        feeds = self._before(context, wanted, feed_dict, options)
        run_metadata = run_metadata or RunMetadata()
        results = self._sess.run(fetches=wanted, feed_dict=feeds, options=options, run_metadata=run_metadata)
        for hook in self._hooks:
            hook.after_run(context, SessionRunValues(results.get(hook), options, run_metadata))
        self._should_stop = self._should_stop or context.stop_requested
        return results["caller"]

    def _before(self, context, wanted, feed_dict, options):
        """Asks the hooks what they add: fetches under the hook, options into the given ones; gives all feeds."""
        added = {}
        for hook in self._hooks:
            request = hook.before_run(context)
            if request is None:
                continue
            if request.fetches is not None:
                wanted[hook] = request.fetches
            for key, value in (request.feed_dict or {}).items():
                if key in added:
                    raise RuntimeError("Same tensor is fed by two hooks.")
                if feed_dict and key in feed_dict:
                    raise RuntimeError("Same tensor is fed by a SessionRunHook and user.")
                added[key] = value
            if request.options is not None:
                merge_options(options, request.options)
        if not added:
            return feed_dict
        return {**(feed_dict or {}), **added}


def merge_options(options, incoming):
    """Adds to options what a hook asks for."""
    options.trace_level = max(options.trace_level, incoming.trace_level)
    options.timeout_in_ms = max(options.timeout_in_ms, incoming.timeout_in_ms)
    options.inter_op_thread_pool = max(options.inter_op_thread_pool, incoming.inter_op_thread_pool)
    options.output_partition_graphs = max(options.output_partition_graphs, incoming.output_partition_graphs)
    options.debug_options.debug_tensor_watch_opts.extend(incoming.debug_options.debug_tensor_watch_opts)
    options.debug_options.reset_disk_byte_usage |= incoming.debug_options.reset_disk_byte_usage
    options.report_tensor_allocations_upon_oom |= incoming.report_tensor_allocations_upon_oom
