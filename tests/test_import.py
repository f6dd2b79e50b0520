"""What importing the package loads, and what it leaves until it is needed."""

import subprocess
import sys

import hookloop as tf

SLOW = (
    "google",
    "google.protobuf",
    "tensorboard",
    "scipy",
    "matplotlib",
    "sklearn",
    "hookloop._reference",
    "fractions",
    "decimal",
    "hookloop.train",
)


def loaded_after(program):
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_loads_nothing_that_is_slow():
    assert not loaded_after("import hookloop") & set(SLOW)


def test_a_training_needs_neither_tensorboard_nor_the_reference():
    program = """
import hookloop as tf
w = tf.Variable(1.0)
step = tf.train.GradientDescentOptimizer(0.1).minimize(w * w)
with tf.train.MonitoredSession() as session:
    session.run(step)
"""
    assert not loaded_after(program) & {"tensorboard", "google.protobuf", "hookloop._reference"}


def test_messages_are_there_when_they_are_asked_for():
    assert tf.ConfigProto(intra_op_parallelism_threads=3).intra_op_parallelism_threads == 3


def test_every_name_that_is_listed_is_there():
    missing = [name for name in dir(tf) if not name.startswith("_") and not hasattr(tf, name)]
    assert missing == []


def test_functions_of_a_namespace_are_not_at_the_top():
    assert tf.nn.relu and tf.nn.softplus and tf.math.xlogy and tf.bitwise.left_shift and tf.bitwise.invert
    for name in (
        "relu",
        "elu",
        "swish",
        "softplus",
        "xlogy",
        "xdivy",
        "bitwise_and",
        "left_shift",
        "invert",
        "approximate_equal",
    ):
        assert not hasattr(tf, name), name


def printed_by(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


MONITORED = """
import sys
import hookloop as tf
config = tf.ConfigProto()
before = dir(tf), dir(tf.train)
tf.train.create_global_step()
tf.train.MonitoredSession(tf.train.ChiefSessionCreator(config=config)).close()
"""


def test_names_of_a_training_that_uses_messages_need_no_getattr():
    found = printed_by(MONITORED + "print('__getattr__' in vars(tf), '__getattr__' in vars(tf.train))")
    assert found == ["False", "False"]


def test_all_names_are_there_after_a_training_as_before():
    program = (
        MONITORED
        + """
assert before == (dir(tf), dir(tf.train))
assert all(hasattr(space, name) for space in (tf, tf.train) for name in dir(space))
print(tf.test.TestCase.__name__, tf.contrib.training.__name__, tf.train.experimental.__name__, tf.GraphDef().ByteSize())
import hookloop.saved_model.loader
print(hookloop.saved_model.loader.load.__name__, sys.modules["hookloop.saved_model"] is tf.saved_model)
"""
    )
    assert printed_by(program)[:4] == ["TestCase", "hookloop.contrib.training", "hookloop.train.experimental", "0"]


def test_modules_that_nobody_asks_for_stay_unread():
    assert "unittest.mock" not in loaded_after(MONITORED)


def test_a_name_that_is_not_there_is_an_error_before_and_after_a_training():
    program = """
for space in (tf, tf.train):
    try:
        space.no_such_name
    except AttributeError as error:
        print(str(error).replace(" ", "_"))
"""
    texts = [
        "module_'hookloop'_has_no_attribute_'no_such_name'",
        "module_'hookloop.train'_has_no_attribute_'no_such_name'",
    ]
    assert printed_by("import hookloop as tf" + program) == texts
    assert printed_by(MONITORED + program) == texts


def test_threads_may_begin_trainings_and_ask_for_names_at_once():
    program = """
import sys, threading
import hookloop as tf
from hookloop import later
tf.ConfigProto()
sys.setswitchinterval(1e-6)
errors, start = [], threading.Barrier(6)
def begin():
    later.complete()
def ask():
    tf.contrib.training.HParams, tf.summary.FileWriter, tf.saved_model.loader.load, tf.test.TestCase, tf.data.Dataset
    [getattr(tf, name) for name in dir(tf)]
def go(function):
    start.wait()
    try:
        function()
    except Exception as error:
        errors.append(error)
    start.wait()
    try:
        ask()
    except Exception as error:
        errors.append(error)
threads = [threading.Thread(target=go, args=(function,)) for function in (begin, begin, begin, begin, begin, ask)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(errors)
"""
    for _ in range(3):
        assert printed_by(program) == ["[]"]


def test_a_module_whose_reading_was_interrupted_is_read_when_it_is_asked_for_again(tmp_path):
    package = tmp_path / "with_later"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from hookloop.later import Later\nlater = Later(globals(), {}, ['part'])\n__getattr__ = later.find\n"
    )
    (package / "part.py").write_text(
        "import sys\nsys.tries = getattr(sys, 'tries', 0) + 1\nif sys.tries == 1:\n    raise KeyboardInterrupt\nvalue = 7\n"
    )
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import with_later
with_later.later.complete()
part = with_later.part
try:
    part.value
except KeyboardInterrupt:
    print("interrupted")
part.other = 8
import with_later.part
print(part.value, with_later.part.other, with_later.part is sys.modules["with_later.part"], sys.tries)
"""
    assert printed_by(program) == ["interrupted", "7", "8", "True", "2"]


def test_threads_may_read_a_package_and_import_a_module_of_it_at_once(tmp_path):
    """Each of the two would wait for the other, if packages were not read by imports."""
    package = tmp_path / "with_later"
    (package / "part").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from hookloop.later import Later\nlater = Later(globals(), {}, ['part'])\n__getattr__ = later.find\n"
    )
    wait = "import sys\nsys.beginning.set()\nsys.going_on.wait(0.2)\n"
    (package / "part" / "__init__.py").write_text(wait + "from .inner import value\n")
    (package / "part" / "inner.py").write_text("value = 7\n")
    program = f"""
import importlib, sys, threading
sys.path.insert(0, {str(tmp_path)!r})
import with_later
with_later.later.complete()
sys.beginning, sys.going_on = threading.Event(), threading.Event()
values = []
def ask():
    values.append(with_later.part.value)
def begin():
    sys.beginning.wait()
    values.append(importlib.import_module("with_later.part.inner").value)
threads = [threading.Thread(target=function, daemon=True) for function in (ask, begin)]
[thread.start() for thread in threads]
[thread.join(20) for thread in threads]
print(*values)
"""
    assert printed_by(program) == ["7", "7"]


def test_the_reference_needs_no_bfloat16_of_numpy():
    program = """
import os, sys
sys.modules["ml_dtypes"] = None  # is not installed
os.environ["HOOKLOOP_EXECUTOR"] = "reference"
import hookloop as tf
with tf.Session() as session:
    assert session.run(tf.constant([1.0, 2.0]) * 2).tolist() == [2, 4]
"""
    assert "hookloop._reference" in loaded_after(program)


def test_help_and_import_of_all_know_what_is_loaded_later():
    program = """
import pydoc
import hookloop as tf
for module, names in ((tf.nn, ["relu", "conv2d"]), (tf.train, ["AdamOptimizer", "Example", "Checkpoint"])):
    text = pydoc.plain(pydoc.render_doc(module))
    assert all(name in text for name in names), module
one = tf.constant(1)
with tf.train.MonitoredSession() as session:  # from here on the packages are complete
    session.run(one)
from hookloop.nn import *
from hookloop.train import *
assert relu is tf.nn.relu and AdamOptimizer is tf.train.AdamOptimizer and Example is tf.train.Example
assert "__all__" in vars(tf.train) and not hasattr(tf, "__all__")
"""
    assert "hookloop.train" in loaded_after(program)
