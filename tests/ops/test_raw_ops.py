"""Ops that only `tf.raw_ops` has: TensorFlow 1.15's values and gradients (fixtures/raw_ops.json.gz, by raw_ops_program.py)."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures import raw_ops_program as program

RECORDED = json.loads(gzip.decompress((Path(__file__).parent.parent / "fixtures" / "raw_ops.json.gz").read_bytes()))
# A few units in the last place; 16-bit numbers are rounded after every step there.
ROUNDING = {
    "float32": 3e-6,
    "float64": 1e-12,
    "float16": 4e-3,
    "bfloat16": 3e-2,
    "complex64": 3e-6,
    "complex128": 1e-12,
}


@pytest.mark.parametrize("key", RECORDED["updates"])
def test_updates_of_variables(key, executor):
    name, dtype = key.split("-")
    for state, value in program.updated(tf, name, dtype).items():
        wanted = RECORDED["updates"][key][state]
        np.testing.assert_allclose(value, wanted, ROUNDING[dtype], ROUNDING[dtype], err_msg=state)


@pytest.mark.parametrize("key", RECORDED["cases"])
def test_values_and_gradients(key, executor):
    name, dtype = key.split("-")
    found, wanted = program.found(tf, name, dtype), RECORDED["cases"][key]
    assert found["dtypes"] == wanted["dtypes"] and found["shapes"] == wanted["shapes"]
    assert found["slopes"].keys() == wanted["slopes"].keys()
    pairs = list(zip(found["values"], wanted["values"]))
    pairs += [(found["slopes"][key], wanted["slopes"][key]) for key in wanted["slopes"]]
    for (shape, values), (wanted_shape, wanted_values) in pairs:
        assert shape == wanted_shape
        if dtype in ROUNDING and not any(isinstance(value, str) for value in wanted_values):
            np.testing.assert_allclose(values, wanted_values, ROUNDING[dtype], ROUNDING[dtype])
        else:
            assert values == wanted_values
