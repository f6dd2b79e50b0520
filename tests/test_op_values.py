"""Values and gradients of ops, recorded from TensorFlow 1.15, on both executors."""

import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

FIXTURES = Path(__file__).parent / "fixtures"
TOLERANCE = {
    "float16": 5e-3,
    "bfloat16": 2e-2,
    "float32": 2e-5,
    "float64": 1e-10,
    "complex64": 5e-5,
    "complex128": 1e-10,
}


class Recording:
    """The expressions of one file, with the arrays that TensorFlow computed for them."""

    def __init__(self, name):
        self.cases = json.loads((FIXTURES / f"{name}.json").read_text())
        self.arrays = np.load(FIXTURES / f"{name}.npz")

    def inputs(self, key):
        return {name: self.arrays[f"{key}/in/{name}"] for name in self.cases[key]["inputs"]}


RECORDINGS = {name: Recording(name) for name in ("ops", "images", "complex")}
CASES = [(name, key) for name, recording in RECORDINGS.items() for key in recording.cases]
# What TensorFlow's release has that is not here yet.
ABSENT = ("tf.losses.",)


def weighted_sum(tensor):
    """The scalar whose gradients were recorded: the elements weighted by cos(0), cos(1) ...

    Of complex numbers, the real part plus twice the imaginary one counts.
    """
    if tensor.dtype.is_complex:
        tensor = tf.real(tensor) + 2.0 * tf.imag(tensor)
    weights = tf.cos(tf.cast(tf.range(tf.size(tensor)), tf.float64))
    shape = tf.shape(tensor, out_type=tf.int64)
    return tf.reduce_sum(tensor * tf.reshape(tf.cast(weights, tensor.dtype), shape))


def assert_like(found, expected, context):
    """Same type and shape, and the same numbers to a few units in the last place."""
    assert found.dtype == expected.dtype, context
    assert found.shape == expected.shape, context
    tolerance = TOLERANCE.get(str(expected.dtype))
    if tolerance is None:
        np.testing.assert_array_equal(found, expected, err_msg=context)
    else:
        wide = np.complex128 if np.iscomplexobj(expected) else np.float64
        found, expected = found.astype(wide), expected.astype(wide)
        np.testing.assert_allclose(found, expected, tolerance, tolerance, err_msg=context)


def build(recording, key):
    """The placeholders, outputs and gradients of a recorded expression."""
    case = recording.cases[key]
    values = recording.inputs(key)
    placeholders = {name: tf.placeholder(value.dtype, value.shape) for name, value in values.items()}
    result = eval(case["expression"], dict(placeholders, tf=tf))
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    gradients = []
    if case["gradients"]:
        gradients = tf.gradients(weighted_sum(outputs[0]), [placeholders[n] for n in case["gradients"]])
    gradients = [tf.convert_to_tensor(g) for g in gradients]
    return outputs, gradients, {placeholders[name]: value for name, value in values.items()}


@pytest.mark.parametrize(("name", "key"), CASES, ids=[RECORDINGS[n].cases[k]["expression"] + "-" + k for n, k in CASES])
def test_as_in_tensorflow(name, key, executor):
    recording = RECORDINGS[name]
    case = recording.cases[key]
    if any(absent in case["expression"] for absent in ABSENT):
        pytest.skip("not an op of this release")
    outputs, gradients, feeds = build(recording, key)
    with tf.Session() as session:
        found, slopes = session.run([outputs, gradients], feeds)
    for i, value in enumerate(found):
        assert_like(np.asarray(value), recording.arrays[f"{key}/out/{i}"], f"{case['expression']}, output {i}")
    for of, value in zip(case["gradients"], slopes):
        assert_like(value, recording.arrays[f"{key}/grad/{of}"], f"{case['expression']}, gradient of {of}")


# --- each dtype -------------------------------------------------------------------------------------------


class Recorded:
    """What tests/fixtures/record_ops.py wrote."""

    def __init__(self):
        stored = json.loads((FIXTURES / "op_values.json").read_text())
        self.places, self.cases = stored["arrays"], stored["cases"]
        with np.load(FIXTURES / "op_values.npz") as file:
            self.flat = dict(file)

    def array(self, place):
        dtype, shape, offset = place
        return self.flat[dtype][offset : offset + int(np.prod(shape))].reshape(shape)

    def input(self, name):
        return self.array(self.places[name])


RECORDED = Recorded()


def build_recorded(expression, case):
    """The outputs, gradients and feeds of an expression in one dtype."""
    values = {name: RECORDED.input(place) for name, place in case["inputs"].items()}
    placeholders = {name: tf.placeholder(value.dtype, value.shape) for name, value in values.items()}
    result = eval(expression, dict(placeholders, tf=tf))
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    slopes = {}
    if case["gradients"]:
        found = tf.gradients(weighted_sum(outputs[0]), [placeholders[name] for name in case["gradients"]])
        slopes = {name: tf.convert_to_tensor(g) for name, g in zip(case["gradients"], found)}
    return outputs, slopes, {placeholders[name]: value for name, value in values.items()}


def compare_recorded(expression, case, outputs, slopes):
    for i, (value, place) in enumerate(zip(outputs, case["outputs"])):
        assert_like(np.asarray(value), RECORDED.array(place), f"{expression}, output {i}")
    for name, place in case["gradients"].items():
        assert_like(np.asarray(slopes[name]), RECORDED.array(place), f"{expression}, gradient of {name}")


@pytest.mark.parametrize("key", RECORDED.cases)
def test_each_dtype_as_in_tensorflow(key, executor):
    expression = key.partition(" # ")[0]
    failures = []
    for dtype, case in RECORDED.cases[key].items():
        with tf.Graph().as_default():
            try:
                outputs, slopes, feeds = build_recorded(expression, case)
                with tf.Session() as session:
                    compare_recorded(expression, case, *session.run([outputs, slopes], feeds))
            except (AssertionError, AttributeError, LookupError, TypeError, ValueError, tf.errors.OpError) as error:
                failures.append(f"{dtype}: {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)
