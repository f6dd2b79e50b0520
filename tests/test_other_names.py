"""The package by its other names: `hookloop.compat.v1`, and `tensorflow` where a program puts hookloop in its place."""

import subprocess
import sys

COMPAT = """
import pkgutil, sys
import hookloop as tf
nn, train = tf.nn, tf.train
import hookloop.compat.v1 as v1
import hookloop.compat.v1.train as later_train
import hookloop.compat.v1.nn
import hookloop.compat.v1.compat.v1.nn as nested
from hookloop.compat.v1.python.framework import ops
from hookloop.python.framework import ops as same_ops
assert v1 is tf and later_train is train and tf.train is train and tf.nn is nn and nested is nn and ops is same_ops
assert [m for m in sys.modules if m.startswith("hookloop.") and m.endswith("._core")] == ["hookloop._core"]
names = [module.name for module in pkgutil.walk_packages(tf.__path__, "hookloop.")]
assert len(names) == len(set(names)) < 1000 and "hookloop.compat.v1" in names
try:
    import hookloop.compat.v1.no_such
except ModuleNotFoundError as error:
    print(error)
"""


def test_compat_v1_has_the_modules_themselves():
    """They were made again by their files, with all that they import, and took the place of the package's own."""
    done = subprocess.run([sys.executable, "-c", COMPAT], capture_output=True, text=True)
    assert done.stdout == "No module named 'hookloop.compat.v1.no_such'\n", done.stderr


IN_TENSORFLOWS_PLACE = """
import sys
import hookloop
sys.modules["tensorflow"] = hookloop
import tensorflow as tf
import tensorflow.compat.v1 as v1
import tensorflow.nn as nn
from tensorflow.contrib.framework import arg_scope
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.framework import ops
import hookloop.python.framework.ops as same_ops
assert tf is v1 is hookloop and nn is hookloop.nn and ops is same_ops and arg_scope is hookloop.contrib.framework.arg_scope
assert not [module for module in sys.modules.values() if getattr(module, "__name__", "").startswith("tensorflow.")]
try:
    import tensorflow.contrib.slim
except ModuleNotFoundError as error:
    print(error)
"""


def test_what_libraries_import_of_tensorflow_are_the_modules_themselves():
    """Modules below `tensorflow` were made again by their files: their classes and switches were others."""
    done = subprocess.run([sys.executable, "-c", IN_TENSORFLOWS_PLACE], capture_output=True, text=True)
    assert done.stdout == "No module named 'tensorflow.contrib.slim'\n", done.stderr
