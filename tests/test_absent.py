"""What docs/migrating.md says is absent: asking for it is Python's own error, which programs can test for."""

import hookloop as tf


def test_a_session_runs_no_parts_of_requests():
    with tf.Session(graph=tf.Graph()) as session:
        assert not hasattr(session, "partial_run") and not hasattr(session, "partial_run_setup")
