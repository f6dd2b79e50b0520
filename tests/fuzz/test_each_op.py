"""Graphs of each op whose nodes were changed: refused, or run, by errors that users expect; both executors agree."""

import random
import resource
import zlib
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures import op_cases
from ..test_each_op import RECORDED, Built
from .dose import LARGE

EXPECTED = (tf.errors.OpError, ValueError, TypeError, RuntimeError, MemoryError)
NUMBERS = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**40, 2**32 + 1]
TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 17, 18, 19, 20, 21, 22, 23, 101, 0]
TEXTS = [b"", b"SAME", b"VALID", b"NCHW", b"NHWC", b"REFLECT", b"SYMMETRIC", b"\xff", b"x"]
ROUNDS = 40 if LARGE else 2
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning"),
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits memory by what Linux tells of it"),
]


# --- changes ---------------------------------------------------------------------------------------------------


def change(chance, message):
    """Changes one node of a GraphDef."""
    node = chance.choice(message.node)
    way = chance.choice(["attribute", "attribute", "attribute", "constant", "constant", "op", "input", "order", "drop"])
    if way == "attribute" and node.attr:
        change_attribute(chance, node.attr[chance.choice(sorted(node.attr))])
    elif way == "constant":
        constants = [other for other in message.node if other.op == "Const"]
        if constants:
            change_tensor(chance, chance.choice(constants).attr["value"].tensor)
    elif way == "op":
        node.op = chance.choice(message.node).op
    elif way == "input" and node.input:
        source = chance.choice(message.node).name
        node.input[chance.randrange(len(node.input))] = chance.choice([source, source, source + ":1", "^" + source])
    elif way == "order" and len(node.input) > 1:
        inputs = list(node.input)
        chance.shuffle(inputs)
        del node.input[:]
        node.input.extend(inputs)
    elif way == "drop" and node.attr:
        del node.attr[chance.choice(sorted(node.attr))]


def change_attribute(chance, value):
    kind = value.WhichOneof("value")
    if kind == "i":
        value.i = chance.choice(NUMBERS)
    elif kind == "type":
        value.type = chance.choice(TYPES)
    elif kind == "b":
        value.b = not value.b
    elif kind == "f":
        value.f = chance.choice([0, -1, float("nan"), float("inf"), 1e30])
    elif kind == "s":
        value.s = chance.choice(TEXTS)
    elif kind == "shape":
        value.shape.Clear()
        value.shape.unknown_rank = chance.random() < 0.2
        if not value.shape.unknown_rank:
            for _ in range(chance.randint(0, 4)):
                value.shape.dim.add(size=chance.choice(NUMBERS))
    elif kind == "list":
        change_list(chance, value.list)
    elif kind == "tensor":
        change_tensor(chance, value.tensor)


def change_list(chance, value):
    for field in ("i", "f", "type", "s"):
        items = getattr(value, field)
        if not len(items):
            continue
        way = chance.random()
        if way < 0.3:
            del items[chance.randrange(len(items))]
        elif way < 0.6:
            items.append(items[0])
        elif field == "i":
            items[chance.randrange(len(items))] = chance.choice(NUMBERS)
        elif field == "type":
            items[chance.randrange(len(items))] = chance.choice(TYPES[:10])


def change_tensor(chance, tensor):
    way = chance.choice(["value", "value", "value", "shape", "type", "empty"])
    dtype = tensor.dtype
    if way == "value" and dtype != 7:
        try:
            array = np.array(tf.make_ndarray(tensor))
        except (ValueError, TypeError):  # it was changed before
            return
        if array.size and array.dtype.kind in "iuf":
            number = chance.choice([n for n in NUMBERS if array.dtype.kind == "f" or fits(n, array.dtype)])
            array.reshape(-1)[chance.randrange(array.size)] = number
            tensor.CopyFrom(tf.make_tensor_proto(array))
            tensor.dtype = dtype
    elif way == "shape":
        tensor.tensor_shape.Clear()
        for _ in range(chance.randint(0, 3)):
            tensor.tensor_shape.dim.add(size=chance.choice([0, 1, 2, 3, 4, 5]))
    elif way == "type":
        tensor.dtype = chance.choice([1, 2, 3, 7, 9])
    elif way == "empty":
        tensor.Clear()
        tensor.dtype = dtype
        tensor.tensor_shape.dim.add(size=0)


def fits(number, dtype):
    return np.iinfo(dtype).min <= number <= np.iinfo(dtype).max


@pytest.fixture(autouse=True)
def memory_for_a_few_of_them():
    """Arrays of 2 ** 31 elements are refused, where they would take the machine's memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**31, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


# --- running ---------------------------------------------------------------------------------------------------


def graph_of(key, dtype):
    """A recorded expression as a GraphDef: (message, feeds, fetches, initializers)."""
    with tf.Graph().as_default() as graph:
        built = Built(op_cases.CASES[key], dtype, RECORDED.cases[key][dtype])
        feeds = {holder.name: value for holder, value in built.feeds.items()}
        fetches = [tensor.name for tensor in built.fetches]
        return graph.as_graph_def(), feeds, fetches, [variable.initializer.name for variable in built.variables]


def outcome(graph, executor, runs, feeds, monkeypatch):
    """What each run gave: values, or the error's class."""
    monkeypatch.setenv("HOOKLOOP_EXECUTOR", executor)
    found = []
    with tf.Session(graph=graph, config=tf.ConfigProto(operation_timeout_in_ms=5000)) as session:
        for fetches in runs:
            try:
                found.append(session.run(fetches, feeds))
            except EXPECTED as error:
                assert str(error) or isinstance(error, MemoryError)
                found.append(error)
    return found


def agree(graph, one, other, feeds, monkeypatch):
    """Whether a plan and the reference executor both give values, or both refuse.

    A plan leaves out what no value needs, so it may not meet what the other refuses: the op that does is asked for by
    itself. The rank of a result is part of a plan. NumPy has functions for types that no kernel is for.
    """
    if isinstance(one, Exception) == isinstance(other, Exception):
        return True
    error, executor = (one, "reference") if isinstance(one, Exception) else (other, "plan")
    op = getattr(error, "op", None)
    if isinstance(
        error, (tf.errors.UnimplementedError, tf.errors.ResourceExhaustedError, tf.errors.DeadlineExceededError)
    ):
        return True
    if op is None:
        return any(text in str(error) for text in ("only running tells", "expected at most", "different ranks"))
    (again,) = outcome(graph, executor, [[tensor.name for tensor in op.outputs] or [op.name]], feeds, monkeypatch)
    return isinstance(again, Exception)


@pytest.mark.parametrize("key", RECORDED.cases)
def test_changed_nodes_are_refused_or_run(key, monkeypatch):
    chance = random.Random(zlib.crc32(key.encode()) if not LARGE else None)
    kinds = list(RECORDED.cases[key])
    for _ in range(ROUNDS):
        dtype = "float32" if "float32" in kinds and chance.random() < 0.6 else chance.choice(kinds)
        message, feeds, fetches, initializers = graph_of(key, dtype)
        for _ in range(chance.choice([1, 1, 2])):
            change(chance, message)
        with tf.Graph().as_default() as graph:
            try:
                tf.import_graph_def(message, name="")
            except (tf.errors.OpError, ValueError, TypeError) as error:
                assert str(error)
                assert graph.get_operations() == []
                continue
        runs = [names for names in (initializers, *[[name] for name in fetches], fetches) if names]
        plan = outcome(graph, "plan", runs, feeds, monkeypatch)
        reference = outcome(graph, "reference", runs, feeds, monkeypatch)
        for fetched, one, other in zip(runs, plan, reference):
            assert agree(graph, one, other, feeds, monkeypatch), (fetched, str(one), str(other))
