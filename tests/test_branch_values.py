"""Values of branches in other branches and outside of them are there, or not there, as in TensorFlow 1.15."""

import json
import pathlib

import pytest

import hookloop as tf

from .fixtures import branch_values_program as programs

_RECORDED = json.loads((pathlib.Path(__file__).parent / "fixtures" / "branch_values.json").read_text())


@pytest.mark.parametrize("seed", programs.PROGRAMS)
def test_random_programs_give_what_tensorflow_gives(executor, seed):
    assert programs.run_program(tf, seed) == _RECORDED[seed]
