"""A network with dropout trains along the very curve that TensorFlow 1.15 recorded."""

import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from .fixtures.curve_program import losses

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "curve.json").read_text())


@pytest.mark.parametrize("seeds", ["graph", "op"])
def test_losses_are_those_of_tensorflow(seeds, executor):
    np.testing.assert_allclose(losses(tf, seeds), RECORDED[seeds], atol=1e-4, rtol=0)
