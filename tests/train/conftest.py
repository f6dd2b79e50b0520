"""Fixtures of the tests of training sessions."""

import logging as python_logging

import pytest

import hookloop as tf


@pytest.fixture(autouse=True)
def forget_writers():
    yield
    for writer in tf.summary.FileWriterCache._cache.values():
        writer.close()
    tf.summary.FileWriterCache.clear()


@pytest.fixture
def log(caplog):
    """What hookloop logs, from INFO on."""
    logger = python_logging.getLogger("hookloop")
    before = logger.propagate
    logger.propagate = True
    caplog.set_level(python_logging.INFO, logger="hookloop")
    yield caplog
    logger.propagate = before
