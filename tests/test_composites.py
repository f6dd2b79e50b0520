"""bench/composites.py: each composite runs, forward and with gradients, and a row's ratio is that of its figures."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not (BENCH / "composites.py").exists():
    pytest.skip("bench/ is not there: these are tests of a checkout", allow_module_level=True)
sys.path.insert(0, str(BENCH / "cases"))
import composites as shared  # noqa: E402
import composites_tf1  # noqa: E402

specification = importlib.util.spec_from_file_location("bench_composites", BENCH / "composites.py")
bench = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bench)


def test_every_composite_is_a_program():
    assert composites_tf1.CASES.keys() == shared.INPUTS.keys()


@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "gradient"])
@pytest.mark.parametrize("case", shared.INPUTS)
def test_each_composite(case, gradient):
    values = composites_tf1.step_of(case, gradient, rows=8, columns=16)()
    assert len(values) == 1 + gradient * len(shared.differentiable(case))
    assert all(np.isfinite(value).all() and value.size == 1 for value in values)


def test_a_row_for_each_size(capsys):
    bench.main(["--threads", "1", "--cases", "prelu", "--sizes", "1024", "4096", "--rounds", "1"])
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert head == ["case", "kind", "bytes", "hookloop", "best peer / hookloop"]
    assert [row[:3] for row in rows] == [
        ["prelu", kind, size] for kind in ("forward", "gradient") for size in ("1,024", "4,096")
    ]
    assert all(float(row[3]) > 0 and row[4] == "-" for row in rows)


def test_the_ratio_is_that_of_the_best_peer():
    point = {"case": "prelu", "gradient": True}
    figures = {"hookloop": (2.0, 4.0), "hookloop 2": (1.0, 1.0), "eager": (3.0, 8.0), "jax": (5.0, 6.0)}
    row = bench.line(point, 1024, [*figures, "fused"], figures)
    assert row == ["prelu", "gradient", "1,024", "2.00", "1.00", "3.00", "5.00", "-", "1.50 / 1.50"]
