"""Threads that keep queues filled: `tf.train.QueueRunner`."""

from __future__ import annotations

import threading
import weakref

from .. import errors, logging
from ..graph import collection_def
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph, get_default_session

__all__ = ["QueueRunner", "add_queue_runner", "start_queue_runners"]


def __dir__():
    return list(__all__)


class QueueRunner:
    """Runs operations that put elements into a queue, each in a thread of its own, again and again.

    Args:
      queue: the queue.
      enqueue_ops: the operations, one thread for each.
      close_op: closes the queue when all threads have ended; by default `queue.close()`.
      cancel_op: closes it and cancels who waits; by default `queue.close(cancel_pending_enqueues=True)`.
      queue_closed_exception_types: the errors that mean that there is nothing more to put in; by default
        `OutOfRangeError`.
      queue_runner_def: a `QueueRunnerDef` in the place of all these; its nodes are in the default graph.
      import_scope: the scope that they are in.

    Raises:
      ValueError: without a queue or operations, or with both a queue and a message.
      TypeError: where the error types are no tuple of classes.
    """

    def __init__(self, queue=None, enqueue_ops=None, close_op=None, cancel_op=None, queue_closed_exception_types=None,
                 queue_runner_def=None, import_scope=None):  # fmt: skip
        if queue_runner_def is not None:
            if queue or enqueue_ops:
                raise ValueError("queue_runner_def and queue are mutually exclusive.")
            self._init_from_message(queue_runner_def, import_scope)
        else:
            self._init_from_arguments(queue, enqueue_ops, close_op, cancel_op, queue_closed_exception_types)
        self._lock = threading.Lock()
        self._runs_per_session = weakref.WeakKeyDictionary()
        self._exceptions_raised = []

    def _init_from_arguments(self, queue, enqueue_ops, close_op, cancel_op, types):
        if not queue or not enqueue_ops:
            raise ValueError("Must provide queue and enqueue_ops.")
        if types is None:
            types = (errors.OutOfRangeError,)
        else:
            wrong = [t for t in types if not _is_error_class(t)] if isinstance(types, tuple) and types else [types]
            if wrong:
                raise TypeError(
                    f"queue_closed_exception_types, when provided, must be a tuple of tf.error types, but saw: {wrong[0]}"
                )
        self._queue = queue
        self._enqueue_ops = enqueue_ops
        self._close_op = queue.close() if close_op is None else close_op
        self._cancel_op = queue.close(cancel_pending_enqueues=True) if cancel_op is None else cancel_op
        self._queue_closed_exception_types = types

    def _init_from_message(self, message, import_scope):
        if not isinstance(message, _message_class()):
            raise AssertionError(f"expected a QueueRunnerDef, got {message!r}")
        graph = get_default_graph()

        def element(name):
            return graph.as_graph_element(collection_def.prepend_scope(name, import_scope))

        self._queue = element(message.queue_name)
        self._enqueue_ops = [element(name) for name in message.enqueue_op_name]
        self._close_op = element(message.close_op_name)
        self._cancel_op = element(message.cancel_op_name)
        types = tuple(errors.exception_type_from_error_code(code) for code in message.queue_closed_exception_types)
        self._queue_closed_exception_types = types or (errors.OutOfRangeError,)

    def to_proto(self, export_scope=None):
        """The `QueueRunnerDef`, the names without an outer scope; None where the queue is not in that scope."""
        from ..files.messages import QueueRunnerDef

        if collection_def.strip_scope(self.name, export_scope) is None:
            return None

        def name(element):
            return collection_def.strip_scope(element.name, export_scope) or ""

        return QueueRunnerDef(
            queue_name=name(self._queue), enqueue_op_name=[name(op) for op in self._enqueue_ops],
            close_op_name=name(self._close_op), cancel_op_name=name(self._cancel_op),
            queue_closed_exception_types=[
                errors.error_code_from_exception_type(kind) for kind in self._queue_closed_exception_types
            ],
        )  # fmt: skip

    @staticmethod
    def from_proto(queue_runner_def, import_scope=None):
        """The queue runner of a `QueueRunnerDef`, whose nodes are in the default graph.

        Raises:
          KeyError: where they are not.
        """
        return QueueRunner(queue_runner_def=queue_runner_def, import_scope=import_scope)

    @property
    def queue(self):
        """The queue that is filled."""
        return self._queue

    @property
    def enqueue_ops(self):
        """The operations that are run, one a thread."""
        return self._enqueue_ops

    @property
    def close_op(self):
        """The operation that closes the queue."""
        return self._close_op

    @property
    def cancel_op(self):
        """The operation that closes the queue and gives up what waits for it."""
        return self._cancel_op

    @property
    def queue_closed_exception_types(self):
        """The errors that say that the queue is closed."""
        return self._queue_closed_exception_types

    @property
    def name(self):
        """The name of the queue."""
        return self._queue.name

    @property
    def exceptions_raised(self):
        """The errors of threads that had no coordinator to tell them."""
        return self._exceptions_raised

    def create_threads(self, sess, coord=None, daemon=False, start=False):
        """The threads that fill the queue of a session.

        Args:
          sess: the session.
          coord: a `Coordinator` that tells them to stop, and that they tell of errors.
          daemon: whether the program may end while they run.
          start: starts them.

        Returns:
          A list of threads; empty where the session's are running already.
        """
        with self._lock:
            if self._runs_per_session.get(sess, 0) > 0:
                return []
            self._runs_per_session[sess] = len(self._enqueue_ops)
            self._exceptions_raised = []
        threads = [
            threading.Thread(target=self._run, args=(sess, op, coord), name=f"QueueRunnerThread-{self.name}-{op.name}")
            for op in self._enqueue_ops
        ]
        if coord:
            threads.append(
                threading.Thread(
                    target=self._close_on_stop, args=(sess, coord), name=f"QueueRunnerThread-{self.name}-close_on_stop"
                )
            )
        for thread in threads:
            if coord:
                coord.register_thread(thread)
            thread.daemon = daemon
            if start:
                thread.start()
        return threads

    def _run(self, sess, enqueue_op, coord):
        ended = False
        try:
            put = sess.make_callable(enqueue_op)
            while not (coord and coord.should_stop()):
                try:
                    put()
                except self._queue_closed_exception_types:
                    ended = True
                    if self._one_less(sess) == 0:
                        self._run_quietly(sess, self._close_op)
                    return
        except Exception as error:
            if coord:
                if not (
                    coord.joined and isinstance(error, errors.CancelledError)
                ):  # the session was closed on a thread left behind
                    coord.request_stop(error)
                return
            logging.error("Exception in QueueRunner: %s", str(error))
            with self._lock:
                self._exceptions_raised.append(error)
            raise
        finally:
            if not ended:
                self._one_less(sess)

    def _one_less(self, sess):
        with self._lock:
            self._runs_per_session[sess] -= 1
            return self._runs_per_session[sess]

    @staticmethod
    def _run_quietly(sess, closing_op):
        """Runs an operation that closes the queue: somebody may have closed that, or the session, before."""
        try:
            sess.run(closing_op)
        except Exception as error:
            logging.vlog(1, "Ignored exception: %s", str(error))

    def _close_on_stop(self, sess, coord):
        coord.wait_for_stop()
        self._run_quietly(sess, self._cancel_op)


def _is_error_class(kind):
    return isinstance(kind, type) and issubclass(kind, errors.OpError)


def add_queue_runner(qr, collection=GraphKeys.QUEUE_RUNNERS):
    """Adds a `QueueRunner` to a collection of the graph, by default the one that monitored sessions start."""
    get_default_graph().add_to_collection(collection, qr)


def start_queue_runners(sess=None, coord=None, daemon=True, start=True, collection=GraphKeys.QUEUE_RUNNERS):
    """Starts all queue runners of the graph.

    Args:
      sess: the session; the default one if absent.
      coord: a `Coordinator` for the threads.
      daemon: whether the program may end while they run.
      start: False only makes the threads.
      collection: the collection of queue runners.

    Returns:
      A list of threads.

    Raises:
      ValueError: without a session.
      TypeError: where `sess` is none.
    """
    if sess is None:
        sess = get_default_session()
        if not sess:
            raise ValueError(
                "Cannot start queue runners: No default session is registered. Use `with sess.as_default()` or pass an "
                "explicit session to tf.start_queue_runners(sess=sess)"
            )
    if not hasattr(sess, "make_callable"):
        if hasattr(sess, "should_stop"):
            return []  # a monitored session has started its own
        raise TypeError(f"sess must be a `tf.Session` object. Given class: {type(sess)}")
    with sess.graph.as_default():
        runners = get_default_graph().get_collection(collection)
    threads = []
    for runner in runners:
        threads += runner.create_threads(sess, coord=coord, daemon=daemon, start=start)
    return threads


def _message_class():
    from ..files.messages import QueueRunnerDef

    return QueueRunnerDef


collection_def.register_proto_function(
    GraphKeys.QUEUE_RUNNERS, _message_class, lambda runner, scope: runner.to_proto(scope), QueueRunner.from_proto
)
