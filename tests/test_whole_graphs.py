"""Programs make TensorFlow 1.15's own GraphDefs, node for node: names, order, devices, inputs, attributes, colocation."""

import gzip
import json
from pathlib import Path

import pytest

import hookloop as tf

from .fixtures.whole_graph_program import PROGRAMS, nodes

RECORDED = json.loads(gzip.decompress((Path(__file__).parent / "fixtures" / "whole_graphs.json.gz").read_bytes()))


@pytest.mark.parametrize("program", PROGRAMS)
def test_whole_graph_def(program):
    assert nodes(tf, program, tf.make_ndarray) == RECORDED[program]
