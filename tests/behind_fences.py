"""Builds the extension with fences around its memory in build/fence and runs tests with it: an instruction that touches anything
but its own operands, or an array beyond its end, ends the run with a segmentation fault, which `faulthandler` tells with its test.

python tests/behind_fences.py [tests and other arguments of pytest]

The kernels are those of every build; HOOKLOOP_ISA chooses among them. Values end with a page; HOOKLOOP_FENCE=before has them begin
with one. No two values of different sizes share a place, so that each has a fence of its own.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "fence"
SOURCES = ("csrc", "src", "tests", "setup.py", "pyproject.toml", "README.md", "LICENSE")
OBJECTS = Path("build") / f"csrc-{sys.implementation.cache_tag}"
TESTS = (
    "tests/test_gradients.py",
    "tests/ops/test_reduce.py",
    "tests/ops/test_gather.py",
    "tests/ops/test_pooling.py",
)


def copy_sources():
    """With their times, so that what has not changed is not built again: kernels are the same in both builds."""
    ignore = shutil.ignore_patterns("*.so", "runner", "linked", "__pycache__", "*.egg-info")
    for name in (*SOURCES, OBJECTS):
        source, target = ROOT / name, PLACE / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)
        elif source.exists():
            PLACE.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def build(environment):
    import numpy

    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=PLACE, env=environment, check=True)
    include = [f"-I{sysconfig.get_paths()['include']}", f"-I{numpy.get_include()}"]
    command = [*(os.environ.get("CC") or "cc").split(), "-O1", "-shared", "-fPIC", *include, "tests/numpy_fence.c"]
    subprocess.run([*command, "-o", "tests/numpy_fence.so"], cwd=PLACE, check=True)


def main():
    copy_sources()
    environment = {
        **os.environ,
        "HOOKLOOP_BUILD": "fence",
        "PYTHONPATH": f"{PLACE / 'src'}{os.pathsep}{PLACE / 'tests'}",
    }
    build(environment)
    tests = sys.argv[1:] or TESTS
    command = [sys.executable, "-m", "pytest", "-q", "-p", "fence_plugin", "-p", "no:cacheprovider", *tests]
    sys.exit(subprocess.run(command, cwd=PLACE, env=environment).returncode)


if __name__ == "__main__":
    main()
