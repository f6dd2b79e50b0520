"""A state file that cannot be read: what would begin anew, and save over what is there, refuses it."""

import os

import pytest

import hookloop as tf


def trained(directory, steps=2, **arguments):
    """Trains so many steps more; returns the global step."""
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        train = tf.assign_add(step, 1)
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=str(directory), save_checkpoint_steps=2, log_step_count_steps=None, **arguments
        ) as session:
            for _ in range(steps):
                made = session.run(train)
        return int(made)


def contents(directory):
    return {name: (directory / name).read_bytes() for name in sorted(os.listdir(directory))}


REFUSED = (
    r"expected .*checkpoint to be the state file that names the latest checkpoint of its directory, but it cannot be read: "
    r".*\. Nothing was restored or written\. Delete the file to begin anew, or name the checkpoint to go on from by "
    r"tf\.train\.update_checkpoint_state\('.*', PREFIX\); the newest one is '.*model\.ckpt-2'"
)


@pytest.mark.parametrize("damage, what", [
    (b"garbage{", "ParseError: "),
    (b"\xff\xfe\x00\x01", "UnicodeDecodeError: "),
])  # fmt: skip
def test_a_training_session_does_not_begin_anew(tmp_path, executor, damage, what):
    assert trained(tmp_path) == 2
    state = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(damage)
    before = contents(tmp_path)
    with pytest.raises(tf.errors.DataLossError, match=REFUSED) as refused:
        trained(tmp_path)
    assert what in str(refused.value)
    assert contents(tmp_path) == before
    (tmp_path / "checkpoint").write_bytes(state)
    assert trained(tmp_path) == 4


def test_what_the_error_says_to_do_goes_on_or_begins_anew(tmp_path):
    trained(tmp_path)
    (tmp_path / "checkpoint").write_text("garbage{")
    tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "model.ckpt-2"))
    assert trained(tmp_path) == 4
    (tmp_path / "checkpoint").write_text("garbage{")
    (tmp_path / "checkpoint").unlink()
    assert trained(tmp_path) == 2


def test_a_truncated_file_is_refused_or_names_the_right_checkpoint(tmp_path):
    """Wherever it was cut off: a path cannot be cut off without losing its quotation mark."""
    trained(tmp_path)
    trained(tmp_path)
    state = (tmp_path / "checkpoint").read_bytes()
    seen = set()
    for length in range(len(state)):
        (tmp_path / "checkpoint").write_bytes(state[:length])
        with tf.Graph().as_default() as graph:
            tf.train.get_or_create_global_step()
            saver = tf.train.Saver()
            manager = tf.train.SessionManager(graph=graph)
            try:
                session, _ = manager.recover_session("", saver, str(tmp_path))
                seen.add(int(session.run(tf.train.get_global_step())))
                session.close()
            except (tf.errors.DataLossError, ValueError) as error:
                seen.add(type(error).__name__)
    assert seen == {4, "DataLossError", "ValueError"}


def test_a_directory_in_its_place(tmp_path):
    trained(tmp_path)
    (tmp_path / "checkpoint").unlink()
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(tf.errors.FailedPreconditionError, match=REFUSED):
        trained(tmp_path)


def test_who_waits_for_a_checkpoint_waits_and_then_refuses(tmp_path, caplog):
    (tmp_path / "checkpoint").write_text("garbage{")
    tf.train.get_or_create_global_step()
    manager, saver = tf.train.SessionManager(recovery_wait_secs=0.01), tf.train.Saver()
    with pytest.raises(tf.errors.DataLossError, match=r"cannot be read: ParseError: .*PREFIX\)$"):
        manager.recover_session("", saver, str(tmp_path), wait_for_checkpoint=True, max_wait_secs=0.02)
    assert caplog.text.count("Checkpoint ignored") > 1


def test_a_supervisor_does_not_begin_anew(tmp_path):
    trained(tmp_path)
    (tmp_path / "checkpoint").write_text("garbage{")
    tf.train.get_or_create_global_step()
    supervisor = tf.train.Supervisor(logdir=str(tmp_path))
    with pytest.raises(tf.errors.DataLossError, match=REFUSED):
        supervisor.prepare_or_wait_for_session()


def test_a_manager_of_checkpoints_does_not_begin_anew(tmp_path):
    (tmp_path / "checkpoint").write_text("garbage{")
    with pytest.raises(tf.errors.DataLossError, match=r"cannot be read: ParseError: .*PREFIX\)$"):
        tf.train.CheckpointManager(tf.train.Checkpoint(), str(tmp_path), max_to_keep=2)


def test_asking_for_it_is_answered_as_in_tensorflow(tmp_path, caplog):
    trained(tmp_path)
    (tmp_path / "checkpoint").write_text("garbage{")
    assert tf.train.get_checkpoint_state(str(tmp_path)) is None
    assert tf.train.latest_checkpoint(str(tmp_path)) is None
    assert "ParseError: " in caplog.text and "checkpoint: Checkpoint ignored" in caplog.text
