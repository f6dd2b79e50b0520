"""How much is tried: the same few inputs in every check, many others where HOOKLOOP_SOAK=1."""

import os

import hypothesis

LARGE = os.environ.get("HOOKLOOP_SOAK") == "1"


def dose(examples):
    """Settings for a test that tries so many inputs in a check."""
    return hypothesis.settings(
        max_examples=examples * (20 if LARGE else 1), derandomize=not LARGE, database=None, deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
