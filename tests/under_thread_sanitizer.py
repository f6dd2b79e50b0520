"""Builds the extension for ThreadSanitizer in build/tsan and runs the tests of threads with it; fails on any report.

python tests/under_thread_sanitizer.py

The run path, the plan table, frames, the step loop and the pool are instrumented. The kernels and Python are not: what several
threads do to one variable of a session at once is a race by contract.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "tsan"
SOURCES = ("csrc", "src", "tests", "setup.py", "pyproject.toml", "README.md", "LICENSE")
TESTS = (
    "tests/test_threads.py",
    "tests/test_session.py",
    "tests/test_run_steps.py",
    "tests/ops/test_queues.py",
    "tests/train/test_coordinator.py",
    "tests/train/test_monitored_session.py",
)


def copy_sources():
    """With their times, so that what has not changed is not built again."""
    ignore = shutil.ignore_patterns("*.so", "*.o", "__pycache__", "_core.c", "*.egg-info")
    for name in SOURCES:
        source, target = ROOT / name, PLACE / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)
        else:
            PLACE.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def main():
    copy_sources()
    environment = {**os.environ, "HOOKLOOP_SANITIZE": "thread"}
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=PLACE, env=environment, check=True)
    compiler = (os.environ.get("CC") or "cc").split()[0]
    library = subprocess.run(
        [compiler, "-print-file-name=libtsan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment |= {
        "LD_PRELOAD": library,
        "TSAN_OPTIONS": "exitcode=66 ignore_noninstrumented_modules=1 report_signal_unsafe=0",
        "PYTHONPATH": str(PLACE / "src"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    # ThreadSanitizer does not know all address layouts that the kernel may choose at random.
    prefix = ["setarch", "-R"] if shutil.which("setarch") else []
    command = [*prefix, sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=PLACE, env=environment, capture_output=True, text=True)
    print(done.stdout[-4000:], done.stderr[-8000:], sep="\n")
    reported = "WARNING: ThreadSanitizer" in done.stdout + done.stderr
    sys.exit(1 if reported else done.returncode)


if __name__ == "__main__":
    main()
