"""The comparison of bench/compare.py: its table, its picture, and a run."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if not (ROOT / "bench" / "compare.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)
sys.path.insert(0, str(ROOT / "bench"))
import compare  # noqa: E402

RESULTS = {
    "linreg": {"hookloop": (0.3, 0.31), "tf": (76.0, 80.6)},
    "mlp64_adam": {"hookloop": (133.0, 140.0), "tf": (277.0, 280.0), "torch": (605.0, 700.0)},
    "const_fetch": {"hookloop": (0.1, 0.11)},
}


def test_the_table_has_figures_and_ratios():
    lines = compare.table(RESULTS, ["hookloop", "tf", "torch"]).splitlines()
    assert lines[0].startswith("| case | hookloop min | median | tf min | median | ratio | torch min |")
    assert lines[2] == "| linreg | 0.300 | 0.310 | 76 | 81 | 260.0 | - | - | - |"
    assert lines[3] == "| mlp64_adam | 133 | 140 | 277 | 280 | 2.0 | 605 | 700 | 5.0 |"
    assert lines[4] == "| const_fetch | 0.100 | 0.110 | - | - | - | - | - | - |"


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="draws with matplotlib (hookloop[demo])")
    compare.draw(RESULTS, ["hookloop", "tf", "torch"], tmp_path / "ratios.png", threads=1)
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_on_hookloop_alone(capsys):
    compare.main(["--cases", "const_fetch", "--rounds", "1"])
    assert capsys.readouterr().out.splitlines()[2].startswith("| const_fetch | 0.")


def test_a_case_that_a_backend_does_not_have_is_left_out():
    assert compare.run_once("hookloop", sys.executable, 1, "no_such_case") is None
