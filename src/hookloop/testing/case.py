"""`TestCase`: a test that begins with a new default graph, has sessions and looks after its threads and files."""

from __future__ import annotations

import os
import random
import tempfile
import threading
from contextlib import contextmanager

import numpy as np
from absl.testing import absltest

from ..graph.random_seed import set_random_seed
from ..graph.stack import get_default_graph, get_default_session, graphs, reset_default_graph
from ..session import Session
from .assertions import Assertions

# The seed that each test begins with: its graph's, Python's and NumPy's.
_SEED = 87654321

_temporary = None


def get_temp_dir():
    """A directory for the files of this process's tests, removed when it ends."""
    global _temporary
    if _temporary is None:
        _temporary = tempfile.TemporaryDirectory(prefix=os.environ.get("TEST_TMPDIR") or "hookloop_test_")
    return _temporary.name


class TestCase(Assertions, absltest.TestCase):
    """A test with a default graph of its own, sessions and comparisons of arrays."""

    def __init__(self, methodName="runTest"):
        super().__init__(methodName)
        self._threads = []
        self._tempdir = None
        self._cached_session = None

    def setUp(self):
        if self._testMethodName == "test_session":
            self.skipTest("Not a test.")
        self._ClearCachedSession()
        random.seed(_SEED)
        np.random.seed(_SEED)
        graphs.stack.clear()  # what a test that failed has left
        reset_default_graph()
        set_random_seed(_SEED)

    def tearDown(self):
        for thread in self._threads:
            thread.check_termination()
        self._ClearCachedSession()

    def _ClearCachedSession(self):
        if self._cached_session is not None:
            self._cached_session[0].close()
            self._cached_session = None

    def get_temp_dir(self):
        """A directory for this test's files: always the same one, and no other test's."""
        if self._tempdir is None:
            self._tempdir = tempfile.mkdtemp(dir=get_temp_dir())
        return self._tempdir

    @contextmanager
    def session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """A new session as the default one, with its graph, closed at the end.

        Args:
          graph: a `Graph`; by default the one that is the default.
          config: a `ConfigProto`.
          use_gpu: whether the nodes that are added may be placed elsewhere than on the CPU.
          force_gpu: whether they are placed on a GPU.
        """
        with Session(graph=graph, config=config) as session, _placed(use_gpu, force_gpu):
            yield session

    @contextmanager
    def cached_session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """The test's own session as the default one: in every block the same, closed when the test ends.

        Args:
          graph, config, use_gpu, force_gpu: as in `session`, and the same in every block.

        Raises:
          ValueError: the session was made for others.
        """
        with self._entered(self._get_cached_session((graph, config, force_gpu)), use_gpu, force_gpu) as session:
            yield session

    @contextmanager
    def test_session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """`session` where a graph is given, else the test's own session whatever it was made for."""
        if graph is not None:
            with self.session(graph, config, use_gpu, force_gpu) as session:
                yield session
            return
        found = self._get_cached_session((None, config, force_gpu), must_match=False)
        with self._entered(found, use_gpu, force_gpu) as session:
            yield session

    @staticmethod
    @contextmanager
    def _entered(session, use_gpu, force_gpu):
        with session.graph.as_default(), session.as_default(), _placed(use_gpu, force_gpu):
            yield session

    def _get_cached_session(self, wanted, must_match=True):
        if self._cached_session is None:
            graph, config, _ = wanted
            self._cached_session = Session(graph=graph, config=config), wanted
        session, made_for = self._cached_session
        for what, one, other in zip(("graph", "config", "force_gpu value"), made_for, wanted):
            if must_match and one is not other:
                raise ValueError(
                    f"The {what} used to get the cached session is different than the one that was used to create the "
                    "session. Maybe create a new session with self.session()"
                )
        return session

    def evaluate(self, tensors):
        """The values of tensors: in the default session, or where there is none in the test's own.

        Args:
          tensors: a tensor, or tensors in lists, tuples and dicts.
        """
        session = get_default_session()
        if session is not None:
            return session.run(tensors)
        with self.test_session() as session:
            return session.run(tensors)

    @contextmanager
    def captureWritesToStream(self, stream):
        """What is written to a stream in the block, also by its file descriptor, goes to an object's `contents()`.

        Args:
          stream: `sys.stdout`, `sys.stderr`, or another that has a file descriptor.
        """
        stream.flush()
        descriptor = stream.fileno()
        before = os.dup(descriptor)
        handle, path = tempfile.mkstemp(dir=self.get_temp_dir())
        os.dup2(handle, descriptor)
        os.close(handle)
        try:
            yield _Written(stream, path)
        finally:
            stream.flush()
            os.dup2(before, descriptor)
            os.close(before)

    def checkedThread(self, target, args=None, kwargs=None):
        """A thread whose `join` raises what its function raised; a test that does not join it fails.

        Args:
          target: the function.
          args, kwargs: its arguments.
        """
        thread = _CheckedThread(self, target, args or (), kwargs or {})
        self._threads.append(thread)
        return thread


@contextmanager
def _placed(use_gpu, force_gpu):
    """On the CPU, unless a GPU is wanted or may be used."""
    if use_gpu and not force_gpu:
        yield
        return
    with get_default_graph().device("/device:GPU:0" if force_gpu else "/device:CPU:0"):
        yield


class _Written:
    def __init__(self, stream, path):
        self._stream, self._path = stream, path

    def contents(self):
        """All that was written so far."""
        if not self._stream.closed:
            self._stream.flush()
        with open(self._path) as file:
            return file.read()


class _CheckedThread:
    def __init__(self, case, target, args, kwargs):
        self._case = case
        self._target, self._args, self._kwargs = target, args, kwargs
        self._error = None
        self._is_joined = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self._target(*self._args, **self._kwargs)
        except Exception as error:  # raised again where the thread is joined
            self._error = error

    def start(self):
        self._thread.start()

    def join(self):
        """Waits for the function's end.

        Raises:
          AssertionError: the function raised.
        """
        self._is_joined = True
        self._thread.join()
        if self._error is not None:
            raise self._case.failureException(f"Error in checkedThread: {self._error}") from self._error

    def is_alive(self):
        return self._thread.is_alive()

    def check_termination(self):
        """Whether the thread was joined.

        Raises:
          AssertionError: it was not.
        """
        if not self._is_joined:
            self._case.fail("A checked thread was not joined.")
