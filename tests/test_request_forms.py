"""bench/request_forms.py: every way to write a request makes the same step, and has a row."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not (BENCH / "request_forms.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)
specification = importlib.util.spec_from_file_location("bench_request_forms", BENCH / "request_forms.py")
bench = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bench)


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, (list, tuple)) else [value]


def test_each_way_makes_the_step():
    for name, way in bench.ways().items():
        found = leaves(way())
        assert all(np.array_equal(leaf, leaf[0] + np.arange(4) * (leaf[1] - leaf[0])) for leaf in found), name
        assert any(leaf[0] == 4 for leaf in found), name


def test_a_row_for_each_way(capsys):
    bench.main(["--rounds", "1", "--calls", "1"])
    rows = capsys.readouterr().out.splitlines()
    assert [row[:30].rstrip() for row in rows] == list(bench.ways())
    assert all(float(row[30:].split()[0]) > 0 for row in rows)
