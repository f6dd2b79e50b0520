"""`NativeHook`: functions of the C interface, called after steps."""

import ctypes
import gc
import subprocess
import sys
import sysconfig
import weakref
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

CONTINUE, STOP = 0, 1
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not (ROOT / "examples").exists(), reason="the examples are not there: a checkout's tests"
)


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p), ("dims", ctypes.POINTER(ctypes.c_int64)), ("size", ctypes.c_int64),
        ("rank", ctypes.c_int32), ("dtype", ctypes.c_int32),
    ]  # fmt: skip


class Context(ctypes.Structure):
    _fields_ = [
        ("abi_version", ctypes.c_uint32), ("struct_size", ctypes.c_uint32), ("step", ctypes.c_int64),
        ("global_step", ctypes.c_int64), ("phase", ctypes.c_int32), ("n_fetches", ctypes.c_int32),
        ("fetches", ctypes.POINTER(Tensor)), ("error", ctypes.POINTER(ctypes.c_char)), ("error_size", ctypes.c_int64),
    ]  # fmt: skip


SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(Context), ctypes.c_void_p)  # takes Python's lock itself


def native(function):
    """A C function that calls a Python one with the context."""
    return SIGNATURE(lambda context, _: function(context.contents))


def counting():
    """(a graph's train op, its loss 1, 2, 3 ..., the global step)"""
    step = tf.train.get_or_create_global_step()
    loss = tf.get_variable("loss", initializer=0.0)
    train = tf.group(tf.assign_add(loss, 1.0), tf.assign_add(step, 1))
    return train, loss


def run(session, train, n, how):
    if how == "run":
        for _ in range(n):
            if not session.should_stop():
                session.run(train)
    else:
        session.run_steps(train, n)


HOW = pytest.mark.parametrize("how", ["run", "run_steps"])


@HOW
@pytest.mark.parametrize("every", [1, 3])
def test_it_sees_the_steps_and_their_values(how, every, executor):
    train, loss = counting()
    matrix = tf.constant(np.arange(6, dtype="i").reshape(2, 3)) * tf.cast(loss, tf.int32)
    seen = []

    def after(ctx):
        first, second = ctx.fetches[0], ctx.fetches[1]
        values = np.ctypeslib.as_array(ctypes.cast(second.data, ctypes.POINTER(ctypes.c_int32)), (6,)).copy()
        seen.append((
            ctx.abi_version, ctx.struct_size, ctx.step, ctx.global_step, ctx.phase, ctx.n_fetches,
            ctypes.cast(first.data, ctypes.POINTER(ctypes.c_float))[0], first.rank, first.dtype,
            second.dims[0], second.dims[1], second.size, second.dtype, values[5],
        ))  # fmt: skip
        return CONTINUE

    hook = tf.train.NativeHook(native(after), fetches=[loss, matrix], every_steps=every)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        run(session, train, 7, how)
    size = ctypes.sizeof(Context)
    assert seen == [
        (1, size, n, n, 1, 2, float(n), 0, tf.float32.as_datatype_enum, 2, 3, 6, tf.int32.as_datatype_enum, 5 * (n - 1))
        for n in range(1, 8, every)
    ]


@HOW
@pytest.mark.parametrize("release_gil", [False, True])
def test_a_request_to_stop(how, release_gil):
    train, loss = counting()
    hook = tf.train.NativeHook(native(lambda ctx: STOP if ctx.step == 4 else CONTINUE), loss, release_gil=release_gil)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        run(session, train, 100, how)
        assert session.should_stop() and session.stop_reason == "NativeHook requested a stop"
        assert session.raw_session().run(loss) == 4.0


@HOW
def test_an_error_ends_the_run_with_its_sentence(how):
    train, loss = counting()

    def after(ctx):
        if ctx.step < 3:
            return CONTINUE
        text = b"the disk is full"
        ctypes.memmove(ctx.error, text + b"\0", len(text) + 1)
        return -7

    session = tf.train.MonitoredSession(hooks=[tf.train.NativeHook(native(after))])
    with pytest.raises(RuntimeError, match="returned -7 after step 3: the disk is full"):
        run(session, train, 10, how)
    assert session.raw_session().run(loss) == 3.0
    session.close()


@HOW
def test_an_error_without_a_reason(how):
    train, _ = counting()
    with pytest.raises(RuntimeError, match="after step 1: it gave no reason"):
        with tf.train.MonitoredSession(hooks=[tf.train.NativeHook(native(lambda ctx: -1))]) as session:
            run(session, train, 2, how)


@HOW
def test_the_order_among_other_hooks(how):
    train, loss = counting()
    called = []

    class Mine(tf.train.SessionRunHook):
        def before_run(self, context):
            return tf.train.SessionRunArgs(loss)

        def after_run(self, context, values):
            called.append(("mine", values.results))

    class Triggered(Mine):
        trigger = tf.train.Trigger("runs", every=2, phase="after", first=False)

        def after_run(self, context, values):
            called.append("triggered")

    def after(name):
        return tf.train.NativeHook(native(lambda ctx: called.append((name, ctx.step)) or CONTINUE), loss)

    hooks = [after("a"), Triggered(), after("b"), tf.train.StopAtStepHook(last_step=4)]
    with tf.train.MonitoredSession(hooks=hooks) as session:
        run(session, train, 9, how)
    alone = [[("a", n), ("b", n)] for n in range(1, 5)]
    assert [c for c in called if c != "triggered"] == [c for pair in alone for c in pair]
    at = called.index("triggered")
    assert called[at - 1][0] == "a" and called[at + 1] == ("b", called[at - 1][1])

    called.clear()
    with tf.train.MonitoredSession(hooks=[after("a"), Mine(), after("b")]) as session:
        run(session, train, 2, how)
    assert called == [("a", 1), ("mine", 1.0), ("b", 1), ("a", 2), ("mine", 2.0), ("b", 2)]


@pytest.mark.skipif(on_reference(), reason="the reference executor enters Python for every step")
def test_python_is_not_entered_in_many_steps(monkeypatch):
    train, loss = counting()
    hook = tf.train.NativeHook(native(lambda ctx: CONTINUE), loss)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run_steps(train, 2)  # the first step prepares
        session.hook_stats()  # begins to count the calls of Python
        session.run_steps(train, 50)
        assert session.hook_stats()[0]["after_run"][0] == 0
        session.run(train)
        assert session.hook_stats()[0]["after_run"][0] == 1


@HOW
def test_a_subclass_that_overrides_a_callback_is_called_in_python(how):
    train, loss = counting()
    seen = []

    class Mine(tf.train.NativeHook):
        def after_run(self, context, values):
            seen.append(values.results[0])
            super().after_run(context, values)

    hook = Mine(native(lambda ctx: STOP if ctx.step == 3 else CONTINUE), loss)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        run(session, train, 9, how)
    assert seen == [1.0, 2.0, 3.0]


class CalledInPython(tf.train.NativeHook):
    def after_run(self, run_context, run_values):
        super().after_run(run_context, run_values)


@pytest.mark.parametrize("kind", [tf.train.NativeHook, CalledInPython])
def test_steps_go_on_in_a_session_that_is_made_again(kind, executor):
    train, loss = counting()
    seen, left = [], [1, 1, 0, 1, 1]
    lost = tf.train.SessionRunHook()

    def after_run(run_context, run_values):
        if not left.pop(0):
            raise tf.errors.AbortedError(None, None, "lost")

    lost.after_run = after_run
    after = native(lambda context: seen.append((context.step, context.global_step)) or CONTINUE)
    with tf.train.MonitoredSession(hooks=[kind(after, [loss]), lost]) as session:
        for _ in range(4):
            session.run(train)
    assert seen == [(1, 1), (2, 2), (3, 3), (4, 1), (5, 2)]


@HOW
def test_the_callers_floating_point_mode(how):
    """In a hook numbers below the normal range are what they are elsewhere: not zero."""
    train, loss = counting()
    found = []
    small = np.array([1e-39], "f")
    hook = tf.train.NativeHook(native(lambda ctx: found.append(float((small * np.float32(0.5))[0])) or CONTINUE), loss)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        run(session, train, 2, how)
    assert all(0 < value < 1e-39 for value in found) and len(found) == 2


@HOW
def test_text_cannot_be_seen(how):
    train, _ = counting()
    hook = tf.train.NativeHook(native(lambda ctx: CONTINUE), tf.constant("a"))
    with pytest.raises(TypeError, match="a native hook cannot see values of type"):
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            run(session, train, 2, how)


@HOW
def test_a_python_error_that_a_hook_leaves(how):
    """PyErr_BadArgument sets an error and returns 0: the step is over, and the error is the user's."""
    train, loss = counting()
    left = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)(("PyErr_BadArgument", ctypes.pythonapi))
    hook = tf.train.NativeHook(left, every_steps=4)
    session = tf.train.MonitoredSession(hooks=[hook])
    with pytest.raises(TypeError, match="bad argument type"):
        run(session, train, 9, how)
    assert session.raw_session().run(loss) == 1.0
    session.close()


@HOW
def test_an_error_is_told_once(how):
    train, _ = counting()
    calls = []
    first = tf.train.NativeHook(native(lambda ctx: -7 if ctx.step == 1 else CONTINUE), every_steps=100)
    second = tf.train.NativeHook(native(lambda ctx: calls.append(ctx.step) or (STOP if ctx.step == 4 else CONTINUE)))
    with tf.train.MonitoredSession(hooks=[first, second]) as session:
        with pytest.raises(RuntimeError, match="returned -7 after step 1"):
            run(session, train, 2, how)
        run(session, train, 9, how)
        assert session.should_stop() and calls[-1] == 4


def test_hooks_that_come_and_go_within_many_steps():
    """Each native hook sees its own tensor, also after another one has gone, and what is added to its list later is not seen."""
    train, loss = counting()
    seen = []
    numbers = {name: tf.constant(value) + 0.0 * loss for name, value in (("a", 10.0), ("b", 20.0))}

    def after(name):
        def note(ctx):
            value = ctypes.cast(ctx.fetches[0].data, ctypes.POINTER(ctypes.c_float))[0]
            seen.append((name, ctx.step, value, ctx.n_fetches))
            return CONTINUE

        return tf.train.NativeHook(native(note), [numbers[name]])

    class Removes(tf.train.SessionRunHook):
        trigger = tf.train.Trigger("runs", at=6, phase="after")

        def after_run(self, context, values):
            if hooks[0] is first:
                hooks.remove(first)
                second.fetches.append(loss)

    first, second = after("a"), after("b")
    hooks = [first, second, Removes()]
    session = tf.train.MonitoredSession(hooks=hooks)
    hooks = session._hooks if session._hooks is not None else hooks
    session.run_steps(train, 9)
    session.close()
    assert all(value == {"a": 10.0, "b": 20.0}[name] for name, _, value, _ in seen)
    assert [step for name, step, *_ in seen if name == "b"] == list(range(1, 10))


def test_a_hook_that_runs_a_step_after_which_it_is_due():
    train, loss = counting()
    errors = []

    def after(ctx):
        if ctx.step == 2:
            try:
                session.run_steps(train, 1)
            except RuntimeError as error:
                errors.append(str(error))
        return CONTINUE

    hook = tf.train.NativeHook(native(after), loss)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run_steps(train, 3)
    assert len(errors) == 1 and "is being called already" in errors[0]


# --- what is no hook --------------------------------------------------------------------------------------------


def capsule(name, address=1):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(address, name, None)


@pytest.mark.parametrize(
    ("callback", "error", "text"),
    [
        (lambda: capsule(b"hookloop.hook.v2"), ValueError, "expected a native hook of version 'hookloop.hook.v1', got 'hookloop.hook.v2'"),
        (lambda: capsule(b"other"), TypeError, "expected a PyCapsule named 'hookloop.hook.v1', got one named 'other'"),
        (lambda: print, TypeError, "expected a PyCapsule named .*, got <built-in function print>"),
        (lambda: ctypes.CFUNCTYPE(ctypes.c_int32)(lambda: 0), TypeError, "expected a native hook of the signature"),
        (lambda: ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p)(lambda a, b: 0), TypeError, "of the signature int32_t"),
    ],
)  # fmt: skip
def test_what_is_no_native_hook(callback, error, text):
    made = callback()  # a capsule's name must outlive it
    with pytest.raises(error, match=text):
        tf.train.NativeHook(made)


class LowLevelCallable(tuple):
    """As SciPy's: its elements are not for everybody."""

    __slots__ = ()

    def __getitem__(self, index):
        raise ValueError


@pytest.mark.parametrize("signature", [b"int32_t (hl_hook_ctx *, void *)", b"int (void *, void *)"])
def test_a_low_level_callable(signature):
    one, data, seen = tf.constant(1), (ctypes.c_int32 * 1)(0), []

    @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    def after(context, user_data):
        seen.append(user_data)
        return 1 if len(seen) == 3 else 0

    made = capsule(signature, ctypes.cast(after, ctypes.c_void_p).value)
    set_context = ctypes.pythonapi.PyCapsule_SetContext
    set_context.argtypes = [ctypes.py_object, ctypes.c_void_p]
    set_context(made, ctypes.addressof(data))
    hook = tf.train.NativeHook(LowLevelCallable((made, after, data)))
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run_steps(one, 9)
        assert session.steps_done == 3
    assert seen == [ctypes.addressof(data)] * 3


@pytest.mark.parametrize("signature", [b"double (double)", b"int32_t (hl_hook_ctx *)"])
def test_a_low_level_callable_of_another_signature(signature):
    with pytest.raises(TypeError, match="expected a native hook of the signature int32_t"):
        tf.train.NativeHook(LowLevelCallable((capsule(signature), None, None)))


def test_a_period_that_is_none():
    with pytest.raises(ValueError, match="expected a positive every_steps, got 0"):
        tf.train.NativeHook(native(lambda ctx: 0), every_steps=0)


# --- lifetimes and the examples ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The modules of examples/native_hooks, built as docs/native-hooks.md says."""
    directory = tmp_path_factory.mktemp("native_hooks")
    source = ROOT / "examples" / "native_hooks"
    setup = [
        "from setuptools import Extension, setup", "from Cython.Build import cythonize",
        f"include = r'{tf.get_include()}'",
        f"names = {{'running_mean': r'{source / 'running_mean.c'}', 'largest_weight': 'largest_weight.pyx'}}",
        "modules = [Extension(n, [p], include_dirs=[include]) for n, p in names.items()]",
        "setup(name='native_hooks', ext_modules=cythonize(modules), script_args=['-q', 'build_ext', '--inplace'])",
    ]  # fmt: skip
    (directory / "largest_weight.pyx").write_text((source / "largest_weight.pyx").read_text())
    (directory / "setup.py").write_text("\n".join(setup))
    subprocess.run([sys.executable, "setup.py"], cwd=directory, check=True, capture_output=True)
    sys.path.insert(0, str(directory))
    yield directory
    sys.path.remove(str(directory))


@HOW
def test_the_example_in_c(examples, how):
    import running_mean

    train, loss = counting()
    down = 10.0 - loss
    hook = running_mean.make(7.0)
    with tf.train.MonitoredSession(hooks=[tf.train.NativeHook(hook, fetches=down)]) as session:
        run(session, train, 100, how)
        assert session.raw_session().run(loss) == 8.0  # the mean of 10, 9 ... 3 is below 7
    assert running_mean.mean(hook) == 6.5


@HOW
def test_the_examples_error(examples, how):
    import running_mean

    train, loss = counting()
    with pytest.raises(RuntimeError, match="expected one float32 scalar"):
        with tf.train.MonitoredSession(hooks=[tf.train.NativeHook(running_mean.make(0.0), [loss, loss])]) as session:
            run(session, train, 1, how)


@HOW
def test_the_example_in_cython(examples, how):
    import largest_weight

    train, loss = counting()
    largest = np.zeros(1)
    values = tf.reshape(tf.stack([loss, -loss, loss * 0.5, loss / 3.0]), [2, 2])
    hook = tf.train.NativeHook(largest_weight.hook(largest), fetches=[values], release_gil=True)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        run(session, train, 5, how)
    assert largest[0] == 4.0  # what the step began with


@HOW
def test_the_example_with_numba(how, monkeypatch):
    pytest.importorskip("numba", reason="the example is for Numba")
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "native_hooks"))
    import numba_hook

    train, loss = counting()
    after_step, counts = numba_hook.make_counter(2.5)
    with tf.train.MonitoredSession(hooks=[tf.train.NativeHook(after_step, fetches=loss)]) as session:
        run(session, train, 6, how)
    assert counts[0] == 4


def test_a_hook_outlives_its_session(examples):
    import running_mean

    train, loss = counting()
    hook = tf.train.NativeHook(running_mean.make(-1.0), fetches=loss)
    for _ in range(2):  # a second session calls it again
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run_steps(train, 3)
        session = None
        gc.collect()
    assert running_mean.mean(hook.callback.source) == 2.0


def test_a_session_holds_what_a_hook_needs(examples):
    """The user's names for hook and capsule may go while the session runs; nothing is left once it has closed."""
    import running_mean

    train, loss = counting()
    hook = tf.train.NativeHook(running_mean.make(-1.0), fetches=loss)
    gone = weakref.ref(hook)
    session = tf.train.MonitoredSession(hooks=[hook])
    hook = None
    gc.collect()
    session.run_steps(train, 3)
    assert gone() is not None and running_mean.mean(gone().callback.source) == 2.0
    session.close()
    session = None
    gc.collect()
    assert gone() is None


def test_the_header_is_where_get_include_says():
    header = Path(tf.get_include()) / "hookloop.h"
    assert "hl_hook_ctx" in header.read_text()


def test_the_header_is_c_and_cpp(tmp_path):
    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    for suffix, flags in (("c", ["-std=c99", "-pedantic"]), ("cpp", ["-x", "c++"])):
        source = tmp_path / f"header.{suffix}"
        source.write_text(
            "#include <hookloop.h>\nint32_t f(hl_hook_ctx *c, void *u) { (void)u; return c->n_fetches; }\n"
        )
        done = subprocess.run(
            [*compiler, *flags, "-Wall", "-Werror", f"-I{tf.get_include()}", "-fsyntax-only", str(source)],
            capture_output=True, text=True,
        )  # fmt: skip
        if "cc1plus" in done.stderr:
            continue  # a C compiler without C++
        assert done.returncode == 0, done.stderr
