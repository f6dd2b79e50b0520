"""`ProgressHook`: what its bar shows, and when Python is entered for it."""

import builtins
import io
import logging

import pytest

import hookloop as tf


def counting():
    return tf.assign_add(tf.train.get_or_create_global_step(), 1)


def test_steps_and_tensors_are_shown():
    step, screen = counting(), io.StringIO()
    loss = tf.cast(step, tf.float32) / 8
    hook = tf.train.ProgressHook(total=10, tensors={"loss": loss}, every_n_steps=5, file=screen, ncols=100)
    assert hook.bar is None
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(10):
            session.run(step)
    assert hook.bar.n == 10
    shown = screen.getvalue()
    assert "0/10" in shown
    assert "1/10" in shown and "loss=0.125]" in shown
    assert "6/10" in shown and "loss=0.75]" in shown
    assert "10/10" in shown and "step/s" in shown


def test_python_is_entered_only_when_due():
    step = counting()
    hook = tf.train.ProgressHook(every_n_steps=4, file=io.StringIO())
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.hook_stats()
        for _ in range(10):
            session.run(step)
        (stats,) = session.hook_stats()
    assert (stats["before_run"][0], stats["after_run"][0]) == (3, 3)
    hook = tf.train.ProgressHook(every_n_secs=1000, file=io.StringIO())
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.hook_stats()
        session.run_steps(step, 100)
        (stats,) = session.hook_stats()
    assert stats["after_run"][0] == 1
    assert hook.bar.n == 100


def test_a_run_that_is_resumed_begins_at_its_step():
    step, screen = counting(), io.StringIO()
    scaffold = tf.train.Scaffold(init_fn=lambda _, session: [session.run(step) for _ in range(7)])
    hook = tf.train.ProgressHook(total=9, file=screen)
    creator = tf.train.ChiefSessionCreator(scaffold)
    with tf.train.MonitoredSession(creator, hooks=[hook]) as session:
        session.run(step)
    assert hook.bar.initial == 7 and hook.bar.n == 8


def test_the_bar_goes_back_with_a_session_that_is_made_again():
    step, failures = counting(), [1]
    lost = tf.train.SessionRunHook()

    def after_run(run_context, run_values):
        if run_context.session.run(tf.train.get_global_step()) == 3 and failures:
            raise tf.errors.AbortedError(None, None, f"lost {failures.pop()}")

    lost.after_run = after_run
    hook, seen = tf.train.ProgressHook(every_n_steps=1, file=io.StringIO()), []
    with tf.train.MonitoredSession(hooks=[hook, lost]) as session:
        for _ in range(4):
            session.run(step)
            seen.append(hook.bar.n)
    assert seen == [1, 2, 0, 0]  # drawn again once the step is past the one that was drawn last, and at the end
    assert hook.bar.n == 2


def test_an_error_closes_the_bar():
    step = counting()
    hook = tf.train.ProgressHook(file=io.StringIO())
    with pytest.raises(ZeroDivisionError):
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(step)
            _ = 1 / 0
    assert hook.bar.disable  # as tqdm marks a closed bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_that_are_logged_do_not_begin_behind_the_bar():
    step, screen = counting(), Terminal()
    handler = logging.StreamHandler(screen)
    tf.get_logger().addHandler(handler)
    hook = tf.train.ProgressHook(total=4, every_n_steps=1, file=screen, ncols=60)
    try:
        with pytest.raises(ZeroDivisionError):
            with tf.train.MonitoredSession(hooks=[hook]) as session:
                for i in range(3):
                    session.run(step)
                    tf.logging.error("line %d", i)
                _ = 1 / 0
        tf.logging.error("behind")
    finally:
        tf.get_logger().removeHandler(handler)
    assert handler.filters == []
    for i in range(3):
        assert f"{' ' * 60}\rline {i}\n" in screen.getvalue()  # the bar was overwritten by blanks
    assert screen.getvalue().endswith("\nbehind\n")


@pytest.mark.parametrize("disable", [True, None])  # None: where the output is no terminal
def test_a_bar_that_is_disabled_shows_nothing_and_the_run_goes_on(disable):
    step, screen = counting(), io.StringIO()
    hook = tf.train.ProgressHook(total=3, every_n_steps=1, file=screen, disable=disable)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        made = [session.run(step) for _ in range(3)]
    assert made == [1, 2, 3]
    assert screen.getvalue() == ""


def test_a_subclass_that_overrides_a_callback_is_called_every_step():
    step, calls = counting(), []

    class Mine(tf.train.ProgressHook):
        def after_run(self, run_context, run_values):
            calls.append(self.bar.n)
            super().after_run(run_context, run_values)

    with tf.train.MonitoredSession(hooks=[Mine(every_n_steps=3, file=io.StringIO())]) as session:
        for _ in range(6):
            session.run(step)
    assert calls == [0, 1, 1, 1, 4, 4]


def test_without_tqdm_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"ProgressHook needs tqdm.*pip install 'hookloop\[progress\]'"):
        tf.train.ProgressHook()


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="Can not provide both every_secs and every_steps."):
        tf.train.ProgressHook(every_n_secs=1, every_n_steps=1)
    for period in ({"every_n_steps": 0}, {"every_n_steps": -2}, {"every_n_secs": -1}, {"every_n_secs": float("nan")}):
        ((name, value),) = period.items()
        with pytest.raises(ValueError, match=f"invalid {name}={value}."):
            tf.train.ProgressHook(**period)
    with pytest.raises(RuntimeError, match="Global step should be created to use ProgressHook."):
        tf.train.MonitoredSession(hooks=[tf.train.ProgressHook()])
