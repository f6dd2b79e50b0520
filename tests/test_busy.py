"""bench/busy.py: a figure for each number of threads and of processes beside them; the processes end with it."""

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not (BENCH / "busy.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)
sys.path.insert(0, str(BENCH))
import busy  # noqa: E402


def test_a_row_for_each_combination(capsys):
    busy.main(["--threads", "1", "2", "--hogs", "0", "1", "--rounds", "1", "--seconds", "0.01"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [["1", "0"], ["1", "1"], ["2", "0"], ["2", "1"]]
    assert all(float(figure) > 0 for row in rows for figure in row[2:])


def test_the_hogs_end_with_the_block_also_after_an_error(monkeypatch):
    started = []
    popen = busy.subprocess.Popen
    monkeypatch.setattr(busy.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with pytest.raises(KeyError, match="inside"), busy.hogs(2):
        assert all(process.poll() is None for process in started)
        raise KeyError("inside")
    assert len(started) == 2 and all(process.poll() is not None for process in started)
