"""Which elements come in which order: as TensorFlow 1.15's record says, for 160 chains of transformations."""

import json
import os

import pytest

import hookloop as tf

from ..fixtures.dataset_order_program import play

with open(os.path.join(os.path.dirname(__file__), "..", "fixtures", "dataset_order.json")) as file:
    RECORD = json.load(file)


@pytest.mark.parametrize("at", range(0, len(RECORD), 16))
def test_order_is_tensorflows(executor, at):
    for chain, expected in RECORD[at : at + 16]:
        assert [play(tf, chain, one_shot) for one_shot in (True, False)] == expected, chain
