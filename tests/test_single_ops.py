"""bench/single_ops.py: every op that it times runs."""

import importlib.util
from pathlib import Path

import pytest

import hookloop as tf

SOURCE = Path(__file__).parents[1] / "bench" / "single_ops.py"
if not SOURCE.exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("single_ops", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_op_has_a_time(bench):
    for name in bench.OPS:
        assert 0 < bench.time_op(tf, name, budget=0) < 1e7


def test_the_times_of_what_is_named_are_printed(bench, capsys):
    bench.main("hookloop", "where", "sort of 10")
    lines = capsys.readouterr().out.splitlines()
    assert [line[:26].strip() for line in lines] == ["where", "sort of 10"] and all(
        line.endswith(" us") for line in lines
    )
