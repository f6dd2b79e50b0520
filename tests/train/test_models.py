"""Models as programs of the time train them: their values, log lines, checkpoints and events are TensorFlow 1.15's."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures import model_program

RECORD = json.loads((Path(model_program.__file__).parent / "models.json").read_text())


@pytest.mark.parametrize("program", model_program.PROGRAMS, ids=lambda program: program.__name__)
def test_a_model_trains_as_in_tensorflow(program, tmp_path):
    found = model_program.play(tf, program, str(tmp_path.resolve()), logging.getLogger("hookloop"))
    recorded = RECORD[program.__name__]
    assert found["lines"] == recorded["lines"]
    assert list(found["numbers"]) == list(recorded["numbers"])
    for name, values in recorded["numbers"].items():
        np.testing.assert_allclose(found["numbers"][name], values, 1e-4, 1e-6, err_msg=name)
