"""bench/kernels.py: a row for each case and number of threads, with what it reached of the machine's rates."""

import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"
if not (BENCH / "kernels.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)


@pytest.fixture
def kernels(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import kernels

    monkeypatch.setattr(kernels, "STREAM_ELEMENTS", 1 << 17)
    monkeypatch.setattr(kernels, "ROUND_NS", 1000)
    yield kernels
    for name in [n for n in sys.modules if n.split(".")[0] in ("kernels", "kernel_cases")]:
        del sys.modules[name]


def test_a_family_is_measured_at_several_numbers_of_threads(kernels, capsys, tmp_path):
    out = tmp_path / "rows.json"
    kernels.main(["gemm", "--match", "4x4x4", "--threads", "1", "2", "--rounds", "2", "--json", str(out)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("gemm")]
    assert [row[1:3] for row in rows if row[1] == "4x4x4"] == [["4x4x4", "1"], ["4x4x4", "2"]]
    figures = json.loads(out.read_text())["rows"][0]
    assert 0 < figures["share"] < 2 and figures["gbytes"] > 0


def test_every_module_of_cases_is_a_family(kernels):
    assert "gemm" in kernels.families()
    for family in kernels.families():
        module = __import__(f"kernel_cases.{family}", fromlist=["cases"])
        assert next(iter(module.cases())).kernel
