"""A run that is stopped and started again ends as if it had never stopped."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.files import run_state as file
from hookloop.train import run_state

X = np.arange(120, dtype=np.float32).reshape(40, 3) / 60 - 1


class Counting(tf.train.SessionRunHook):
    """Counts its steps, and what it saw: state of any sort."""

    def __init__(self):
        self.steps, self.sum = 0, np.zeros(2, "f")

    def after_run(self, run_context, run_values):
        self.steps += 1
        self.sum += [self.steps, 1]

    def state_dict(self):
        return {"steps": self.steps, "sum": self.sum, "pair": (self.steps, b"x"), "half": np.float32(0.1)}

    def load_state_dict(self, state):
        assert state["pair"] == (state["steps"], b"x")
        assert state["half"] == np.float32(0.1)
        assert type(state["half"]) is np.float32
        self.steps, self.sum = state["steps"], state["sum"]


def build(seeded=True, one_shot=True):
    """A training of dropout, noise and a shuffled input, with slots."""
    if seeded:
        tf.set_random_seed(7)
    step = tf.train.get_or_create_global_step()
    dataset = tf.data.Dataset.from_tensor_slices((X, X[:, :1])).shuffle(40).repeat().batch(7).prefetch(2)
    iterator = dataset.make_one_shot_iterator() if one_shot else dataset.make_initializable_iterator()
    if not one_shot:
        tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
    x, y = iterator.get_next()
    w = tf.get_variable("w", [3, 4], initializer=tf.constant_initializer(0.3))
    v = tf.get_variable("v", [4, 1], initializer=tf.constant_initializer(-0.2))
    hidden = tf.nn.dropout(tf.tanh(tf.matmul(x + tf.random_normal([3], stddev=0.1), w)), 0.7)
    loss = tf.reduce_mean((tf.matmul(hidden, v) - y) ** 2)
    return tf.train.AdamOptimizer(0.05).minimize(loss, global_step=step)


def values(directory):
    prefix = tf.train.latest_checkpoint(str(directory))
    return {name: tf.train.load_variable(prefix, name) for name, _ in tf.train.list_variables(prefix)}


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], name)


def train(directory, last_step, hook=None, seeded=True, one_shot=True, save_steps=20, **arguments):
    with tf.Graph().as_default():
        operation = build(seeded, one_shot)
        hooks = [tf.train.StopAtStepHook(last_step=last_step), *([hook] if hook else [])]
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=str(directory), hooks=hooks, log_step_count_steps=None, save_summaries_steps=None,
            save_checkpoint_steps=save_steps, **arguments,
        ) as session:  # fmt: skip
            while not session.should_stop():
                session.run(operation)
    return values(directory)


@pytest.mark.parametrize("one_shot", [True, False])
@pytest.mark.parametrize("async_save", [True, False])
def test_stopped_and_resumed_three_times(executor, tmp_path, one_shot, async_save):
    steps = 1000 if executor == "plan" else 50
    whole = train(tmp_path / "whole", steps, one_shot=one_shot, save_steps=200)
    hook = None
    for part in (0.13, 0.5, 0.81, 1):
        hook = Counting()
        found = train(
            tmp_path / "parts", int(steps * part), hook, one_shot=one_shot, save_steps=100, async_save=async_save
        )
    assert_equal(found, whole)
    assert hook.steps == steps
    assert hook.sum.tolist() == [steps * (steps + 1) / 2, steps]


def test_streams_without_seeds_go_on(tmp_path):
    def run(last):
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            noise, more = tf.random_uniform([3]), tf.assign_add(step, 1)
            hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=2)
            with monitored(hook) as session:
                return [session.run([noise, more])[0].tolist() for _ in range(last)]

    def monitored(hook):
        return tf.train.MonitoredSession(tf.train.ChiefSessionCreator(checkpoint_dir=str(tmp_path)), [hook])

    first = run(4)
    found = run(2)
    assert found[0] not in first
    os.remove(tf.train.latest_checkpoint(str(tmp_path)) + ".index")
    tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "model.ckpt-4"))
    assert run(2) == found


def test_a_run_killed_at_any_moment_ends_with_the_same_variables(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from tests.train.test_resume import train
        print("ready", flush=True)
        train(sys.argv[1], 300, async_save=len(sys.argv) > 2)
        """)
    )
    whole = train(tmp_path / "whole", 300)
    os.makedirs(tmp_path / "killed")
    for n in range(4):
        arguments = [sys.executable, str(program), str(tmp_path / "killed"), *(["async"] if n % 2 else [])]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        if n < 3:
            wait_for_checkpoint(tmp_path / "killed", 60 * n + 40, process)
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert process.returncode == 0
    assert_equal(values(tmp_path / "killed"), whole)


def wait_for_checkpoint(directory, step, process):
    """Until a checkpoint of this step or a later one is there."""
    while process.poll() is None:
        prefix = tf.train.latest_checkpoint(str(directory))
        if prefix is not None and int(prefix.rpartition("-")[2]) >= step:
            return


def test_a_lost_session_goes_on_from_its_checkpoint(tmp_path):
    class Losing(Counting):
        lost = 0

        def before_run(self, run_context):
            if self.steps == 30 and not self.lost:
                self.lost = 1
                raise tf.errors.AbortedError(None, None, "lost")

    whole = train(tmp_path / "whole", 50)
    hook = Losing()
    assert_equal(train(tmp_path / "lost", 50, hook), whole)
    assert hook.steps == 50


# --- hooks ----------------------------------------------------------------------------------------------


def test_two_hooks_of_a_class_keep_their_own_states(tmp_path):
    class Plain(tf.train.SessionRunHook):
        def __init__(self, value):
            self.value = value

        def state_dict(self):
            return {"value": self.value}

        def load_state_dict(self, state):
            self.value = state["value"]

    def run(first, second):
        with tf.Graph().as_default():
            more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            hooks = [Plain(first), Plain(second)]
            with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), hooks=hooks) as session:
                session.run(more)
                state = run_state.collect(session.raw_session())
            return [hook.value for hook in hooks], state

    assert run(1, 2)[0] == [1, 2]
    found, state = run(3, 4)
    assert found == [1, 2]
    assert {"Plain", "Plain_1"} <= set(state["hooks"])


def test_states_are_loaded_after_every_hook_knows_the_session(tmp_path):
    calls = []

    class Noting(tf.train.SessionRunHook):
        def __init__(self, name):
            self.name = name

        def after_create_session(self, session, coord):
            calls.append(self.name + " created")

        def state_dict(self):
            calls.append(self.name + " saved")
            return {}

        def load_state_dict(self, state):
            calls.append(self.name + " loaded")

        def after_run(self, run_context, run_values):
            calls.append(self.name + " ran")

        def end(self, session):
            calls.append(self.name + " ended")

    def run():
        calls.clear()
        with tf.Graph().as_default():
            more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(tmp_path), hooks=[Noting("a"), Noting("b")], save_checkpoint_steps=2
            ) as session:
                for _ in range(3):
                    session.run(more)
        return " ".join(calls)

    ran, saved = "a ran b ran ", "a saved b saved "
    assert run() == "a created b created " + saved + 2 * ran + saved + ran + "a ended b ended " + saved[:-1]
    resumed = "a created b created a loaded b loaded " + saved + ran + saved + 2 * ran + saved + "a ended b ended"
    assert run() == resumed, "the period goes on: steps 4 and 6"


def test_a_state_that_cannot_be_saved_is_refused_by_name(tmp_path):
    class Odd(tf.train.SessionRunHook):
        def state_dict(self):
            return {"seen": [{1}]}

    more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    text = r"expected the state of Odd\['seen'\]\[0\] to be None, a number, .*, got set"
    with pytest.raises(TypeError, match=text):
        tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), hooks=[Odd()]).run(more)


def test_mocks_have_no_state(tmp_path):
    from unittest import mock

    more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    hook = mock.Mock()
    hook.before_run.return_value = None
    with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), hooks=[hook]) as session:
        session.run(more)
    assert hook.end.called


def test_periods_go_on(executor, tmp_path):

    class Due(tf.train.SessionRunHook):
        trigger = None

        def __init__(self, counter, phase):
            self.counter, self.phase, self.steps = counter, phase, []

        def begin(self):
            self.step = tf.train.get_global_step()

        def after_create_session(self, session, coord):
            self.trigger = tf.train.Trigger(self.counter, every=4, phase=self.phase)

        def after_run(self, run_context, run_values):
            self.steps.append(int(run_context.session.run(self.step)))

    def run(directory, steps):
        with tf.Graph().as_default():
            more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            hooks = [Due("runs", "before"), Due("runs", "after"), Due("global_step", "after")]
            counter = tf.train.StepCounterHook(4, summary_writer=Rates())
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(directory), hooks=[*hooks, counter], log_step_count_steps=None
            ) as session:
                for _ in range(steps):
                    session.run(more)
        return [hook.steps for hook in hooks] + [counter._summary_writer.steps]

    class Rates:
        def __init__(self):
            self.steps = []

        def add_summary(self, summary, step):
            self.steps.append(int(step))

    whole = run(tmp_path / "whole", 12)
    parts = [run(tmp_path / "parts", 3) for _ in range(4)]
    assert [[step for part in found for step in part] for found in zip(*parts)] == whole
    assert whole[-1], "the rate was measured"


def test_subclasses_and_summaries_keep_their_timers(tmp_path):
    class Loud(tf.train.LoggingTensorHook):
        def before_run(self, run_context):
            return super().before_run(run_context)

        def _log_tensors(self, values):
            self.lines = [*getattr(self, "lines", ()), int(values["step"])]
            super()._log_tensors(values)

    def run(directory, steps):
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            more = tf.assign_add(step, 1)
            tf.summary.scalar("s", more)
            hook = Loud({"step": step}, every_n_iter=5)
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(directory), hooks=[hook], log_step_count_steps=None, save_summaries_steps=5
            ) as session:
                for _ in range(steps):
                    session.run(more)
            for writer in tf.summary.FileWriterCache._cache.values():
                writer.close()
            tf.summary.FileWriterCache.clear()
        return getattr(hook, "lines", [])

    def summaries(directory):
        names = sorted(os.listdir(directory))
        events = [e for n in names if "tfevents" in n for e in tf.train.summary_iterator(str(directory / n))]
        return sorted(e.step for e in events if e.WhichOneof("what") == "summary")

    whole = run(tmp_path / "whole", 16)
    assert [line for _ in range(4) for line in run(tmp_path / "parts", 4)] == whole
    assert summaries(tmp_path / "parts") == summaries(tmp_path / "whole")


# --- files ----------------------------------------------------------------------------------------------


def latest_state(directory):
    return tf.train.latest_checkpoint(str(directory)) + ".hookloop-state"


def test_the_state_is_kept_and_removed_with_its_checkpoint(tmp_path):
    with tf.Graph().as_default():
        more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        saver = tf.train.Saver(max_to_keep=2)
        scaffold = tf.train.Scaffold(saver=saver)
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=str(tmp_path), scaffold=scaffold, save_checkpoint_steps=1
        ) as session:
            for _ in range(5):
                session.run(more)
    states = sorted(name for name in os.listdir(tmp_path) if name.endswith(".hookloop-state"))
    assert states == ["model.ckpt-4.hookloop-state", "model.ckpt-5.hookloop-state"]


def test_a_checkpoint_without_a_state_restores_as_tensorflows(tmp_path):
    train(tmp_path / "a", 10)
    os.remove(latest_state(tmp_path / "a"))
    hook = Counting()
    train(tmp_path / "a", 20, hook)
    assert hook.steps == 10


def test_a_corrupt_state_is_refused(tmp_path):
    train(tmp_path, 10)
    path = Path(latest_state(tmp_path))
    good = path.read_bytes()
    for bad in (good[:-9], good.replace(b"streams", b"Streams"), good[:20] + b"x" + good[21:], b""):
        path.write_bytes(bad)
        with pytest.raises(tf.errors.DataLossError, match="hookloop-state: the checksum does not fit.*variables alone"):
            train(tmp_path, 20)
    path.write_bytes(good)
    train(tmp_path, 20)


def test_a_state_of_another_checkpoint_of_the_prefix_is_not_taken(tmp_path):
    more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    hook, prefix = Counting(), str(tmp_path / "m")
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run(more)
        assert session.save(prefix) == prefix
        session.run(more)
        assert session.save(prefix) == prefix
        assert file.read(prefix)["hooks"]["Counting"]["state"]["steps"] == 2
        other = Path(prefix + ".hookloop-state").read_bytes()
        os.remove(prefix + ".hookloop-state")
    with tf.Graph().as_default(), tf.Session() as plain:
        tf.get_variable("w", initializer=1.0)
        plain.run(tf.global_variables_initializer())
        tf.train.Saver().save(plain, prefix)
        assert not os.path.exists(prefix + ".hookloop-state"), "a plain session has no state"
        Path(prefix + ".hookloop-state").write_bytes(other)
        assert file.read(prefix) is None


def test_an_evaluation_takes_the_variables_alone(tmp_path):
    train(tmp_path, 10)
    with tf.Graph().as_default():
        build()
        creator = tf.train.ChiefSessionCreator(checkpoint_dir=str(tmp_path))
        with tf.train.MonitoredSession(creator) as session:
            assert session.run(tf.train.get_global_step()) == 10
            assert all(cell.counter == 0 for cell in session.raw_session()._streams.values())


def test_an_input_that_ended_begins_again(executor, tmp_path):
    def run(batch, size=8):
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            element = tf.data.Dataset.range(size).batch(batch).make_one_shot_iterator().get_next()
            fetches, found = [element, step], []
            with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path)) as session:
                while not session.should_stop():
                    found.append(session.run(fetches)[0].tolist())
            return found

    assert run(4) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert run(4) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert run(5, 3) == [[0, 1, 2]], "another input"


def test_an_evaluation_within_a_run_begins_its_input_anew(executor, tmp_path):
    def run(steps):
        with tf.Graph().as_default():
            more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            iterator = tf.data.Dataset.range(9).batch(2).make_initializable_iterator()
            mean = tf.reduce_mean(tf.cast(iterator.get_next(), tf.float32))
            hook = tf.train.EvalHook({"mean": mean}, 2, initializer=iterator.initializer, batches=2)
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(tmp_path), hooks=[hook], save_summaries_steps=None
            ) as session:
                for _ in range(steps):
                    session.run(more)
            return hook.step, hook.values["mean"]

    assert run(2) == (2, 1.5)
    assert run(2) == (4, 1.5)


# --- saving by hand -------------------------------------------------------------------------------------


def test_save_where_the_hook_does(tmp_path):
    more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), save_checkpoint_steps=100) as session:
        session.run(more)
        assert session.save() == str(tmp_path / "model.ckpt-1")
        assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-1")
        assert os.path.exists(tmp_path / "model.ckpt-1.hookloop-state")
        saver = session._saver()
        assert saver.save(session, str(tmp_path / "x"), 7) == str(tmp_path / "x-7")
        with pytest.raises(ValueError, match="expected a save_path with global_step, got none"):
            session.save(global_step=3)
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session."):
        session.save()


def test_save_without_a_hook_wants_a_prefix(tmp_path):
    tf.train.get_or_create_global_step()
    with tf.train.SingularMonitoredSession() as session:
        with pytest.raises(
            ValueError, match="expected a save_path, or a CheckpointSaverHook in the session, got neither"
        ):
            session.save()
        assert session.save(str(tmp_path / "m"), 3) == str(tmp_path / "m-3")
