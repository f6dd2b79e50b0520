"""What docs/migrating.md says is absent: asking for it is Python's own error, which programs can test for."""

import pytest

import hookloop as tf


@pytest.mark.parametrize("name", ["sdca_optimizer", "sdca_fprint", "sdca_shrink_l1"])
def test_absent_functions_of_training(name):
    assert not hasattr(tf.train, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(tf.train, name)


def test_a_session_runs_no_parts_of_requests():
    with tf.Session(graph=tf.Graph()) as session:
        assert not hasattr(session, "partial_run") and not hasattr(session, "partial_run_setup")
