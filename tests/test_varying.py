"""bench/varying.py: a row for each network and number of threads, whose ratio is that of its figures."""

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not (BENCH / "varying.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)
sys.path.insert(0, str(BENCH))
import varying  # noqa: E402


def test_a_row_for_each_network(capsys):
    varying.main(["--threads", "1", "2", "--rounds", "1"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [
        ["784-128-10", "1"],
        ["784-128-10", "2"],
        ["8-64-64-4", "1"],
        ["8-64-64-4", "2"],
    ]
    for row in rows:
        fixed, changing, ratio = map(float, row[2:])
        assert ratio == pytest.approx(changing / fixed, abs=0.02)
