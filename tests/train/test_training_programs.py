"""Whole training programs: what is logged, called, returned, raised and written is what TensorFlow 1.15 does."""

import json
import logging
from pathlib import Path

import pytest

import hookloop as tf

from ..fixtures import training_program

RECORD = json.loads((Path(training_program.__file__).parent / "training.json").read_text())


@pytest.mark.parametrize("program", training_program.PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_runs_as_in_tensorflow(program, tmp_path):
    lines = training_program.play(tf, program, str(tmp_path.resolve()), logging.getLogger("hookloop"))
    assert lines == RECORD[program.__name__]
