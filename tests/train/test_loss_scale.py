"""`tf.train.experimental`: loss scales, and optimizers that have one, as in TensorFlow 1.15."""

import json
import logging
from pathlib import Path

import pytest

import hookloop as tf

from ..fixtures import loss_scale_program as programs

RECORD = json.loads((Path(programs.__file__).parent / "loss_scales.json").read_text())


@pytest.mark.parametrize("program", programs.PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_scales_its_loss_as_in_tensorflow(program, tmp_path, executor):
    lines = programs.play(tf, program, str(tmp_path.resolve()), logging.getLogger("hookloop"))
    assert lines == RECORD[program.__name__]
