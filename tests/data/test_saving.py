"""Iterators in checkpoints: `make_saveable_from_iterator`, objects of a `Checkpoint`, the hook that saves inputs by themselves."""

import os

import pytest

import hookloop as tf

Dataset = tf.data.Dataset
experimental = tf.data.experimental


def started(dataset, one_shot=False):
    """An iterator, what starts it, and its elements."""
    iterator = dataset.make_one_shot_iterator() if one_shot else dataset.make_initializable_iterator()
    return iterator, tf.no_op() if one_shot else iterator.initializer, iterator.get_next()


def saver_of(iterator):
    tf.add_to_collection(tf.GraphKeys.SAVEABLE_OBJECTS, experimental.make_saveable_from_iterator(iterator))
    return tf.train.Saver()


def shuffled():
    return Dataset.range(40).shuffle(9, seed=3).map(lambda x: x + 100).batch(3)


@pytest.mark.parametrize("one_shot", [False, True])
@pytest.mark.parametrize("make", [shuffled, lambda: Dataset.range(40).shuffle(9, seed=3).batch(3)])
def test_a_saver_restores_how_far_an_iterator_has_come(executor, tmp_path, make, one_shot):
    iterator, start, element = started(make(), one_shot)
    saver = saver_of(iterator)
    with tf.Session() as session:
        session.run(start)
        for _ in range(4):
            session.run(element)
        path = saver.save(session, str(tmp_path / "a"))
        expected = [session.run(element).tolist() for _ in range(3)]
        saver.restore(session, path)
        assert [session.run(element).tolist() for _ in range(3)] == expected
    with tf.Session() as session:
        session.run([start] if not one_shot else element)
        saver.restore(session, path)
        assert [session.run(element).tolist() for _ in range(3)] == expected


def test_nodes_and_names_are_tensorflows():
    iterator, _, _ = started(Dataset.range(9))
    saveable = experimental.make_saveable_from_iterator(iterator)
    (spec,) = saveable.specs
    assert (saveable.name, spec.name, spec.slice_spec, spec.dtype) == (
        "IteratorV2:0",
        "IteratorV2:0-state",
        "",
        tf.variant,
    )
    tf.train.Saver([saveable])
    nodes = {op.name: [t.name for t in op.inputs] for op in tf.get_default_graph().get_operations()}
    assert nodes["SerializeIterator"] == ["IteratorV2:0"]
    assert nodes["save/SaveV2"][3:] == ["SerializeIterator:0"]
    assert nodes["save/DeserializeIterator"] == ["IteratorV2:0", "save/RestoreV2:0"]
    assert tf.get_collection("iterators") == [iterator._iterator_resource]


def test_an_input_that_had_ended_is_at_its_end(executor, tmp_path):
    iterator, start, element = started(Dataset.range(3).filter(lambda x: x > 0))
    saver = saver_of(iterator)
    with tf.Session() as session:
        session.run(start)
        assert [session.run(element), session.run(element)] == [1, 2]
        path = saver.save(session, str(tmp_path / "a"))
        session.run(start)
        assert session.run(element) == 1
        saver.restore(session, path)
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(element)


def test_an_iterator_that_was_not_started_is_refused(executor, tmp_path):
    iterator, start, _ = started(Dataset.range(3))
    saver = saver_of(iterator)
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.FailedPreconditionError, match=r"Save\(\) failed because the iterator has not been"
        ):
            saver.save(session, str(tmp_path / "a"))
        session.run(start)
        path = saver.save(session, str(tmp_path / "a"))
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match=r"Restore\(\) failed because the iterator has not"):
            saver.restore(session, path)


def test_the_state_of_another_dataset_is_refused(executor, tmp_path):
    iterator, start, element = started(Dataset.range(30).shuffle(4))
    with tf.Session() as session:
        session.run(start)
        path = saver_of(iterator).save(session, str(tmp_path / "a"))
    with tf.Graph().as_default():
        iterator, start, element = started(Dataset.range(30))
        saver = saver_of(iterator)
        with tf.Session() as session:
            session.run(start)
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="iterator with 1 shuffles does not fit the dataset"
            ):
                saver.restore(session, path)
            assert session.run(element) == 0


def test_what_is_no_state_is_refused(executor, tmp_path):
    with tf.Session() as session:
        v = tf.Variable("nothing", name="IteratorV2")
        session.run(v.initializer)
        path = tf.train.Saver({"IteratorV2_1:0-state": v}).save(session, str(tmp_path / "a"))
    iterator, start, _ = started(Dataset.range(3))
    saver = tf.train.Saver([experimental.make_saveable_from_iterator(iterator)])
    with tf.Session() as session:
        session.run(start)
        with pytest.raises(tf.errors.DataLossError, match="what is to be restored is no state of an iterator"):
            saver.restore(session, path)


def test_an_iterator_is_an_object_of_a_checkpoint(executor, tmp_path):
    iterator, start, element = started(shuffled())
    v = tf.Variable(1)
    checkpoint = tf.train.Checkpoint(iterator=iterator, v=v)
    with tf.Session() as session:
        session.run([start, v.initializer])
        for _ in range(4):
            session.run(element)
        path = checkpoint.save(str(tmp_path / "a"), session=session)
        expected = [session.run(element).tolist() for _ in range(3)]
        checkpoint.restore(path).assert_consumed().run_restore_ops(session)
        assert [session.run(element).tolist() for _ in range(3)] == expected
    assert [name for name, _ in tf.train.list_variables(path)] == [
        "_CHECKPOINTABLE_OBJECT_GRAPH", "iterator/.ATTRIBUTES/ITERATOR_STATE", "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
        "v/.ATTRIBUTES/VARIABLE_VALUE",
    ]  # fmt: skip


class Estimator:
    """What the hook uses of one."""

    class config:
        num_worker_replicas, save_checkpoints_secs, save_checkpoints_steps = 1, None, 2

    def __init__(self, model_dir):
        self.model_dir = model_dir


def test_a_hook_saves_inputs_beside_the_model(tmp_path):
    def train(steps):
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            _, start, element = started(Dataset.range(100))
            tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, start)
            hook = experimental.CheckpointInputPipelineHook(Estimator(str(tmp_path)))
            train_op = tf.assign_add(step, 1)
            with tf.train.MonitoredSession(hooks=[hook]) as session:
                return [int(session.run([element, train_op])[0]) for _ in range(steps)]

    assert train(5) == [0, 1, 2, 3, 4]
    names = os.listdir(tmp_path)
    assert {f"input.ckpt-{step}.index" for step in (0, 2, 4, 5)} <= set(names)
    assert "checkpoint_input" in names and "checkpoint" not in names
    assert train(3) == [5, 6, 7]


def test_a_hook_without_a_period_is_refused():
    class Without:
        model_dir = "nowhere"

        class _config:
            num_worker_replicas, save_checkpoints_secs, save_checkpoints_steps = 1, None, None

    with pytest.raises(ValueError, match="Either every_secs or every_steps should be provided"):
        experimental.CheckpointInputPipelineHook(Without())
