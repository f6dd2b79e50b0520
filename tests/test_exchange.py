"""Files for other programs: those that TensorFlow 1.15 wrote are read, and what is written reads back (exchange_with_tensorflow.py)."""

import json
from pathlib import Path

import pytest

import hookloop as tf

from . import exchange_with_tensorflow as exchange

OF_TENSORFLOW = Path(__file__).parent / "fixtures" / "exchange"


@pytest.mark.parametrize("kind", exchange.READERS)
def test_files_that_tensorflow_wrote(kind):
    expected = json.loads((OF_TENSORFLOW / "expected.json").read_text())
    exchange.READERS[kind](tf, str(OF_TENSORFLOW), expected)


def test_files_of_our_own(tmp_path, capsys):
    exchange.write(tf, str(tmp_path))
    assert exchange.read(tf, str(tmp_path)) == 0
    assert capsys.readouterr().out.count("ok  ") == len(exchange.READERS)


def test_the_numbers_are_those_of_tensorflow(tmp_path):
    exchange.write(tf, str(tmp_path))
    mine, its = (json.loads((Path(d) / "expected.json").read_text()) for d in (tmp_path, OF_TENSORFLOW))
    for key in ("out", "slope", "losses"):
        exchange.close(mine[key], its[key])


def test_what_differs_is_said(tmp_path, capsys):
    exchange.write(tf, str(tmp_path))
    expected = json.loads((tmp_path / "expected.json").read_text())
    expected["events"]["a"] = 7
    (tmp_path / "expected.json").write_text(json.dumps(expected))
    assert exchange.read(tf, str(tmp_path)) == 1
    assert "DIFFERS  event file" in capsys.readouterr().out
