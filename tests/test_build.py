"""What setup.py refuses before it builds anything."""

import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("setuptools")
SETUP = Path(__file__).resolve().parents[1] / "setup.py"
pytestmark = pytest.mark.skipif(not SETUP.exists(), reason="these tests are run beside an installed package")


@pytest.mark.parametrize(
    ("where", "value", "text"),
    [
        ("platform", "win32", "hookloop does not build on Windows: Linux on x86-64 and AArch64 are supported."),
        ("byteorder", "big", "needs a 64-bit little-endian Python, and this one is 64-bit, big-endian"),
        ("maxsize", 2**31 - 1, "needs a 64-bit little-endian Python, and this one is 32-bit, little-endian"),
    ],
)
def test_other_machines_are_refused_in_a_sentence(where, value, text, monkeypatch):
    refuse = runpy.run_path(str(SETUP))["refuse_other_machines"]
    refuse()
    monkeypatch.setattr(sys, where, value)
    with pytest.raises(SystemExit, match=text):
        refuse()
