"""The kernels of an ISA level use its instructions and no higher ones, and the level that is asked for is the one that runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hookloop
from hookloop import _core

EXTENSION = Path(_core.__file__)
LEVELS = ("baseline", "avx2", "avx512")
X86 = os.uname().machine == "x86_64"
needs_objdump = pytest.mark.skipif(
    not X86 or shutil.which("objdump") is None, reason="reads x86-64 machine code with objdump (binutils)"
)

STEP = """
import numpy as np, hookloop as tf
from hookloop import _core
x = tf.placeholder(tf.float32, [None, 7])
w = tf.get_variable("w", [7, 5], initializer=tf.random_normal_initializer(seed=1))
loss = tf.reduce_mean(tf.nn.softmax(tf.tanh(tf.matmul(x, w))) ** 2)
step = tf.train.AdamOptimizer(0.1).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        value, _ = session.run([loss, step], {x: np.linspace(-1, 1, 77).reshape(11, 7)})
print(_core.isa_name(), float(value))
"""


def run_step(level, *prefix):
    environment = {**os.environ, "HOOKLOOP_ISA": level, "PYTHONPATH": str(Path(hookloop.__file__).parents[1])}
    return subprocess.run([*prefix, sys.executable, "-c", STEP], capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def code_of_levels():
    """level -> the machine code of its kernels.

    The levels' object files are linked one level after the other, so the same function comes three times, lowest
    level first. Of a function in a header the compiler may leave another number of copies at each level: those are left out.
    """
    command = ["objdump", "-d", "--no-show-raw-insn", str(EXTENSION)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    functions = {}
    for text in re.split(r"\n(?=[0-9a-f]+ <)", listing):
        head = re.match(r"[0-9a-f]+ <([^>]+)>:", text)
        if head is not None:
            functions.setdefault(head.group(1), []).append(text)
    found = {level: [] for level in LEVELS}
    for texts in functions.values():
        if len(texts) == len(LEVELS):
            for level, text in zip(LEVELS, texts):
                found[level].append(text)
    assert all(len(texts) > 1000 for texts in found.values()), "the kernels were not found"
    return {level: "\n".join(texts) for level, texts in found.items()}


@needs_objdump
def test_the_baseline_has_no_avx(code_of_levels):
    code = code_of_levels["baseline"]
    assert "xmm" in code
    assert not re.search(r"%[yz]mm|\tv[a-z]+ps", code)


@needs_objdump
def test_avx2_has_fused_multiply_adds_and_no_avx512(code_of_levels):
    code = code_of_levels["avx2"]
    assert re.search(r"vfmadd\d+ps .*%ymm", code)
    assert not re.search(r"%zmm|%k[1-7]", code)


@needs_objdump
def test_avx512_uses_its_registers(code_of_levels):
    assert re.search(r"vfmadd\d+ps .*%zmm", code_of_levels["avx512"])


@pytest.mark.parametrize("level", _core.isa_levels())
def test_a_level_is_forced_by_the_environment(level):
    done = run_step(level)
    assert done.returncode == 0, done.stderr
    name, value = done.stdout.split()
    assert name == level
    assert float(value) == pytest.approx(float(run_step("baseline").stdout.split()[1]), rel=1e-5)


def test_an_unknown_level_is_refused():
    done = run_step("avx1024")
    assert done.returncode != 0
    assert "expected HOOKLOOP_ISA to be baseline, avx2 or avx512, got 'avx1024'" in done.stderr


@pytest.mark.skipif(
    not X86 or shutil.which("qemu-x86_64") is None,
    reason="runs a processor without AVX in qemu-user, which is not installed",
)
def test_the_baseline_runs_on_a_processor_without_avx():
    done = run_step("", "qemu-x86_64", "-cpu", "Nehalem")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "baseline"
