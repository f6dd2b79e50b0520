"""`Coordinator`: threads that stop together."""

from __future__ import annotations

import contextlib
import sys
import threading
import time

from .. import errors, logging

__all__ = ["Coordinator", "LooperThread"]


class Coordinator:
    """Tells threads to stop, waits for them, and passes on the first error of one.

    Args:
      clean_stop_exception_types: exceptions that mean a clean stop; by default OutOfRangeError.
    """

    def __init__(self, clean_stop_exception_types=None):
        if clean_stop_exception_types is None:
            clean_stop_exception_types = (errors.OutOfRangeError,)
        self._clean_stop_exception_types = tuple(clean_stop_exception_types)
        self._lock = threading.Lock()
        self._stop_event = threading.Event()
        self._exc_info_to_raise = None
        self._joined = False
        self._registered_threads = set()

    def request_stop(self, ex=None):
        """Asks the threads to stop; `should_stop` is True from now on.

        Args:
          ex: an exception, or an `exc_info` triple, that `join` raises; only the first counts.
        """
        with self._lock:
            ex = self._filter_exception(ex)
            if self._joined:
                if isinstance(ex, tuple):
                    raise ex[1].with_traceback(ex[2])
                if ex is not None:
                    raise ex
            if self._stop_event.is_set():
                return
            if ex is not None and self._exc_info_to_raise is None:
                if isinstance(ex, tuple):
                    logging.info("Error reported to Coordinator: %s", str(ex[1]), exc_info=ex)
                    self._exc_info_to_raise = ex
                else:
                    logging.info("Error reported to Coordinator: %s, %s", type(ex), str(ex))
                    self._exc_info_to_raise = self._with_traceback(ex)
            self._stop_event.set()

    @staticmethod
    def _with_traceback(ex):
        if not isinstance(ex, BaseException):
            raise TypeError(f"expected an exception, got {ex!r}")
        info = sys.exc_info()
        return info if info[1] is ex else (type(ex), ex, ex.__traceback__)

    def _filter_exception(self, ex):
        exception = ex[1] if isinstance(ex, tuple) else ex
        return None if isinstance(exception, self._clean_stop_exception_types) else ex

    def clear_stop(self):
        """Takes the request back."""
        with self._lock:
            self._joined = False
            self._exc_info_to_raise = None
            self._stop_event.clear()

    def should_stop(self):
        """Whether a stop was requested."""
        return self._stop_event.is_set()

    @contextlib.contextmanager
    def stop_on_exception(self):
        """A context in which an exception becomes a request to stop: `sys.exit` in a thread, and Ctrl-C, too."""
        try:
            yield
        except BaseException:
            self.request_stop(ex=sys.exc_info())

    def wait_for_stop(self, timeout=None):
        """Waits until a stop is requested, at most `timeout` seconds; whether it was."""
        return self._stop_event.wait(timeout)

    def register_thread(self, thread):
        """Adds a thread to those that `join` waits for."""
        with self._lock:
            self._registered_threads.add(thread)

    @property
    def joined(self):
        """Whether `join` has come back."""
        return self._joined

    def raise_requested_exception(self):
        """Raises the exception that was given to `request_stop`, if any."""
        with self._lock:
            if self._exc_info_to_raise:
                _, exception, traceback = self._exc_info_to_raise
                raise exception.with_traceback(traceback)

    def join(self, threads=None, stop_grace_period_secs=120, ignore_live_threads=False):
        """Waits for threads to end, then raises the first error that one of them reported.

        Args:
          threads: more threads to wait for than those registered.
          stop_grace_period_secs: how long they may take once a stop was requested.
          ignore_live_threads: whether threads that take longer are let be.

        Raises:
          RuntimeError: where threads took longer.
        """
        with self._lock:
            threads = list(self._registered_threads | set(threads or ()))
        while any(t.is_alive() for t in threads) and not self.wait_for_stop(1.0):
            pass
        deadline = time.monotonic() + stop_grace_period_secs
        while any(t.is_alive() for t in threads) and time.monotonic() < deadline:
            for thread in threads:
                thread.join(min(0.01, max(0.0, deadline - time.monotonic())))
        late = [t.name for t in threads if t.is_alive()]
        with self._lock:
            self._joined = True
            self._registered_threads = set()
            if self._exc_info_to_raise:
                _, exception, traceback = self._exc_info_to_raise
                raise exception.with_traceback(traceback)
        if late:
            if not ignore_live_threads:
                raise RuntimeError("Coordinator stopped with threads still running: " + " ".join(late))
            logging.info("Coordinator stopped with threads still running: %s", " ".join(late))


class LooperThread(threading.Thread):
    """A thread that calls a function again and again until its coordinator stops.

    Args:
      coord: a `Coordinator`.
      timer_interval_secs: seconds from one call's beginning to the next; None calls without a pause.
      target, args, kwargs: the function and its arguments; or override `run_loop`.
    """

    def __init__(self, coord, timer_interval_secs, target=None, args=None, kwargs=None):
        if not isinstance(coord, Coordinator):
            raise ValueError(f"'coord' argument must be a Coordinator: {coord}")
        super().__init__(daemon=True)
        self._coord = coord
        self._timer_interval_secs = timer_interval_secs
        self._target = target
        if target is None and (args or kwargs):
            raise ValueError("'args' and 'kwargs' argument require that you also pass 'target'")
        self._args = args or ()
        self._kwargs = kwargs or {}
        coord.register_thread(self)

    @staticmethod
    def loop(coord, timer_interval_secs, target, args=None, kwargs=None):
        """Makes and starts such a thread."""
        looper = LooperThread(coord, timer_interval_secs, target=target, args=args, kwargs=kwargs)
        looper.start()
        return looper

    def run(self):
        with self._coord.stop_on_exception():
            self.start_loop()
            if self._timer_interval_secs is None:
                while not self._coord.should_stop():
                    self.run_loop()
            else:
                next_time = time.time()
                while not self._coord.wait_for_stop(max(next_time - time.time(), 0)):
                    next_time += self._timer_interval_secs
                    self.run_loop()
            self.stop_loop()

    def start_loop(self):
        """Called when the thread starts."""

    def stop_loop(self):
        """Called when the thread stops."""

    def run_loop(self):
        """Called again and again."""
        if self._target:
            self._target(*self._args, **self._kwargs)
