"""Whatever a program does to objects of compiled classes, it gets an error and no crash."""

import os
import subprocess
import sys

import pytest

import hookloop as tf


@pytest.mark.parametrize("name", ["op", "value_index", "dtype", "graph", "_shape", "_consumers"])
def test_fields_of_a_tensor_cannot_be_deleted(name):
    tensor = tf.ones([3]) * 2.0
    with pytest.raises(AttributeError, match="readonly attribute"):
        delattr(tensor, name)
    with pytest.raises(
        (AttributeError, TypeError), match="readonly attribute|can't apply this __delattr__"
    ):  # before 3.13
        object.__delattr__(tensor, name)
    assert tf.nn.relu(tensor).shape == [3]


@pytest.mark.parametrize(
    "name",
    ["type", "name", "inputs", "outputs", "_control_inputs", "_attrs", "_control_flow_context", "_device", "_known_values"],
)  # fmt: skip
def test_fields_of_an_operation_cannot_be_deleted(name):
    op = (tf.ones([3]) * 2.0).op
    with pytest.raises(AttributeError, match="readonly attribute"):
        delattr(op, name)
    assert op.node_def.op == "Mul"


def test_fields_can_be_set_and_attributes_of_ones_own_deleted():
    tensor = tf.placeholder(tf.float32, None)
    tensor._shape = (3,)
    tensor.own = 1
    assert tensor.shape == [3] and tensor.own == 1
    del tensor.own
    assert not hasattr(tensor, "own")


PROGRAM = """
import faulthandler, signal, sys
faulthandler.enable()
signal.alarm(120)
from hookloop import _core

ARGUMENTS = [(), (3,), ("a",), ([],), ({},), ("a", 3), (3, 3, 3), ([3], [3]), *[(None,) * n for n in range(1, 7)]]
LEFT_OUT = {"__class__", "__new__", "__init_subclass__", "__subclasshook__", "__reduce__", "__reduce_ex__"}


def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception:
        return None


for cls in [c for c in vars(_core).values() if isinstance(c, type) and c.__module__ == _core.__name__]:
    for one in [attempt(cls.__new__, cls), *[attempt(cls, *arguments) for arguments in ARGUMENTS]]:
        if one is None:
            continue
        for name in sorted(set(dir(cls)) - LEFT_OUT):
            print(cls.__name__, name, file=sys.stderr)
            method = attempt(getattr, one, name)
            attempt(delattr, one, name)
            for arguments in ARGUMENTS if callable(method) else ():
                attempt(method, *arguments)
print("done")
"""


def test_objects_that_were_not_initialized_and_calls_with_anything():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.stdout.endswith("done\n"), done.stderr


def test_a_scope_that_was_not_entered_cannot_be_left(graph):
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'leave'"):
        tf.name_scope("a").__exit__(None, None, None)
    assert tf.ones([1], name="after").op.name == "after"
