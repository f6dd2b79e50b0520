"""Builds the source distribution, installs it in a new environment, and runs the tests there, away from the checkout.

python tests/install_elsewhere.py
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command, cwd):
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def main():
    with tempfile.TemporaryDirectory(prefix="hookloop-sdist-") as name:
        place = Path(name)
        run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", place / "dist", ROOT, cwd=place)
        (archive,) = (place / "dist").glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # older Pythons have none
            opened.extractall(place / "source", **safely)
        (source,) = (place / "source").iterdir()
        run(sys.executable, "-m", "venv", place / "venv", cwd=place)
        python = place / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "-q", f"{archive}[test]", cwd=place)
        shutil.move(source / "tests", place / "tests")  # the tests alone: the package comes from the environment
        shutil.copy(source / "pyproject.toml", place)
        run(python, "-c", "import hookloop; assert 'site-packages' in hookloop.__file__, hookloop.__file__", cwd=place)
        run(python, "-m", "pytest", "tests/graph", "tests/ops", "tests/train", cwd=place)


if __name__ == "__main__":
    main()
