"""Writing files beside the steps: at most one thing at a time, in a thread."""

from __future__ import annotations

import os
import threading

from .. import logging

__all__: list[str] = []


class BackgroundWriter:
    """Runs functions one after the other in a thread; an error waits for whoever asks.

    A process that was forked does not wait for what its parent writes.
    """

    def __init__(self):
        self._thread = None
        self._process = None
        self._error = None

    def start(self, function, on_error=None):
        """Runs a function once what runs now is over.

        Args:
          function: without arguments.
          on_error: called in the thread with the exception, if it fails.

        Raises:
          Exception: with which the function before this failed.
        """
        self.wait()

        def run():
            try:
                function()
            except BaseException as error:
                self._error = error
                if on_error is not None:
                    on_error(error)

        thread = threading.Thread(target=run, name="hookloop-save")
        thread.start()
        self._process, self._thread = os.getpid(), thread

    def wait(self):
        """Waits until nothing runs.

        Raises:
          Exception: with which the function failed; once.
        """
        thread, process = self._thread, self._process
        if process == os.getpid() and thread is not threading.current_thread():
            thread.join()
        self._thread = self._process = None
        error = self.forget()
        if error is not None and process == os.getpid():
            raise error

    def close_session(self):
        """A session that saved is closed: what it saved is written. An error that nobody has seen goes to the log."""
        try:
            self.wait()
        except Exception as error:
            logging.error("Saving failed: %s", error)

    def forget(self):
        """The error that nobody has raised yet, or None; from now on there is none."""
        error, self._error = self._error, None
        return error
