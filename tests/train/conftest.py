"""Fixtures of the tests of training sessions."""

import logging as python_logging

import pytest


@pytest.fixture
def log(caplog):
    """What hookloop logs, from INFO on."""
    logger = python_logging.getLogger("hookloop")
    before = logger.propagate
    logger.propagate = True
    caplog.set_level(python_logging.INFO, logger="hookloop")
    yield caplog
    logger.propagate = before
