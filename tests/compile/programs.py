"""Programs for the tests of the compiler: a request lowered, and as many passes as a test wants."""

import numpy as np

import hookloop as tf
from hookloop.compile import passes
from hookloop.compile.pipeline import Feed, Request, lower_request


def lowered(fetches, feeds=None, targets=()):
    """The `Program` of a request before the passes; `feeds` is tensor -> array."""
    feeds = [Feed(tensor, np.shape(value), np.asarray(value)) for tensor, value in (feeds or {}).items()]
    request = Request(list(fetches), list(targets), feeds, lambda key: None, {})
    return lower_request(request)[1]


def optimized(fetches, feeds=None, targets=(), names=None):
    """The same after the passes named, all by default."""
    program = lowered(fetches, feeds, targets)
    for rewrite in passes.PASSES:
        if names is None or rewrite.__name__ in names:
            rewrite(program)
    return program


def kernels(program):
    return [instr.kernel for instr in program.instructions()]


def after_steps(fetches, step, threads=1, steps=3):
    """What is fetched after some steps of a new session."""
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run(step)
        return session.run(fetches)


def leave_out(name, monkeypatch):
    """Takes a pass out of those that run."""
    monkeypatch.setattr(passes, "PASSES", tuple(p for p in passes.PASSES if p.__name__ != name))


def assert_same_bits(without, fetches, feeds, monkeypatch):
    """Runs a request with all passes, and without the one named: no bit of the results may differ."""
    with tf.Session() as session:
        found = session.run(fetches, feeds)
    with monkeypatch.context() as patch:
        leave_out(without, patch)
        with tf.Session() as session:
            wanted = session.run(fetches, feeds)
    for left, right in zip(found, wanted):
        assert left.shape == right.shape and left.tobytes() == right.tobytes()
