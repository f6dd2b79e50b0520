"""The sweep of bench/compare.py: its points, its table, its pictures, and a run."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
if not (ROOT / "bench" / "sweep.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)
sys.path.insert(0, str(ROOT / "bench"))
import compare  # noqa: E402
import sweep  # noqa: E402

RESULTS = {
    "linreg": [
        ({"batch": 32, "features": 10}, {"hookloop": (0.3, 0.31), "tf": (76.0, 80.6)}),
        ({"batch": 8, "features": 10}, {"hookloop": (1.0, 1.0), "tf": (0.9, 0.94)}),
        ({"batch": 17, "features": 10}, {"hookloop": (1.0, 1.0), "tf": (0.9, 0.96)}),
    ]
}


@pytest.mark.parametrize("case", sweep.BASES)
def test_every_point_differs_from_the_base_in_one_parameter(case):
    base, *others = sweep.points(case)
    assert base == sweep.BASES[case]
    assert all(sum(point[name] != base[name] for name in base) == 1 for point in others)


@pytest.mark.parametrize("case", sweep.BASES)
def test_work_grows_with_each_parameter(case):
    base = sweep.BASES[case]
    for name in base:
        assert sweep.work(case, {**base, name: 2 * base[name]}) > sweep.work(case, base) > 0


def test_the_work_of_a_product():
    assert sweep.work("mlp_sgd", {"batch": 2, "inputs": 3, "width": 5, "depth": 1}) == 2 * 2 * (3 * 5 * 2 + 5 * 10 * 3)


def test_the_table_names_what_was_varied():
    lines = sweep.table(RESULTS, ["hookloop", "tf", "jax"]).splitlines()
    assert lines[2] == "| linreg | base | 0.31 | 80.6 | 260.00 | - | - |"
    assert lines[3] == "| linreg | batch 8 | 1.00 | 0.9 | 0.94 | - | - |"


def test_where_a_peer_is_ahead_by_more_than_a_twentieth():
    assert sweep.behind(RESULTS) == [("linreg", "batch 8", "tf", 0.94)]


def test_the_pictures(tmp_path):
    pytest.importorskip("matplotlib", reason="draws with matplotlib (hookloop[demo])")
    sweep.draw(RESULTS, ["hookloop", "tf"], tmp_path, threads=2)
    assert (tmp_path / "sweep_linreg_2.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_on_hookloop_alone(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib", reason="draws with matplotlib (hookloop[demo])")
    monkeypatch.setattr(sweep, "VARIED", {"linreg": {"batch": (8,)}})
    compare.main(["--sweep", str(tmp_path), "--cases", "linreg", "--rounds", "1"])
    assert re.search(r"\| linreg \| batch 8 \| \d+\.\d\d \|", capsys.readouterr().out)
    assert (tmp_path / "sweep_linreg_1.png").exists()


def test_every_case_runs():
    backend = sweep.Backend("hookloop", sys.executable, 1)
    try:
        for case, base in sweep.BASES.items():
            small = {name: max(1, value // 8) for name, value in base.items()}
            assert backend.measure(case, small) is not None, case
    finally:
        backend.close()


def test_a_case_that_the_sweep_has_not_is_refused_with_those_that_it_has(tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare.main(["--sweep", str(tmp_path), "--cases", "lstm", "mlp_wide"])
    assert "the sweep has no case mlp_wide; its cases are linreg, " in capsys.readouterr().err
