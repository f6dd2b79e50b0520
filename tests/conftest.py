"""Fixtures of all tests: a graph of its own for each, and both executors where a test asks for them."""

import os
import signal

import hypothesis
import pytest

import hookloop as tf
from hookloop.compile import pipeline, verify

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=False)
hypothesis.settings.load_profile("ci")

pipeline.verifier = verify.verify


@pytest.fixture(autouse=True)
def graph():
    """Every test builds in a graph of its own."""
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture(autouse=True)
def verbosity():
    """What a test makes of the log's threshold, as commands do, ends with it: pytest keeps the records that later tests would log."""
    before = tf.logging.get_verbosity()
    yield
    tf.logging.set_verbosity(before)


@pytest.fixture(params=["plan", "reference"])
def executor(request, monkeypatch):
    """Runs the test on the compiled plan and on the reference executor."""
    if request.param == "reference":
        monkeypatch.setenv("HOOKLOOP_EXECUTOR", "reference")
    else:
        monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)
    return request.param


@pytest.fixture
def ctrl_c():
    """Ctrl-C interrupts, also where the tests run in the background of a shell, which has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=[1, 2])
def config(request):
    """A session configuration with one and with two threads."""
    return tf.ConfigProto(intra_op_parallelism_threads=request.param)


def on_reference():
    """Whether the whole run is on the reference executor."""
    return os.environ.get("HOOKLOOP_EXECUTOR") == "reference"
