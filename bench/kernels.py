"""Measures kernels against what the machine can do, measured in the same run: the share reached, as a table.

    python bench/kernels.py [FAMILY ...] [--threads 1 2] [--rounds 7] [--match TEXT] [--json FILE]

A family is a module of bench/kernel_cases. Of each case the best of several short rounds counts, and so does the best of the
machine's multiply-add rate (a core's, in registers, of the case's type), which is measured between those rounds: so what
disturbs the machine disturbs both. At one thread what counts is the thread's own processor time. The bandwidth is that of out = x + 3 y over arrays that no cache holds.
Columns: microseconds a call; GF/s and their share of the threads' cores' rate; GB/s (of the operands' bytes, each once) and
their share of the stream bandwidth of as many threads.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from hookloop import _core

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

ROUND_NS = 2_000_000
STREAM_ELEMENTS = 1 << 24  # 64 MB an array: beyond the caches


@dataclass
class Case:
    """One kernel on operands of one size.

    Attributes:
      name: what is measured, e.g. "256x256x256".
      kernel: the kernel's name.
      inputs, outputs: arrays; a `StreamCell` where the kernel draws random numbers.
      attributes: of the kernel, ints and floats.
      flops: arithmetic of one call, 0 where what counts is the memory.
      bytes: moved by one call, by default each operand's once.
      dtype: of the arithmetic.
      before: function that is called before each round (to restore what the kernel changes).
    """

    name: str
    kernel: str
    inputs: list
    outputs: list
    attributes: tuple = ()
    flops: float = 0
    bytes: float = field(default=0)
    dtype: str = "float32"
    before: object = None

    def __post_init__(self):
        if not self.bytes:
            self.bytes = sum(x.nbytes for x in (*self.inputs, *self.outputs) if isinstance(x, np.ndarray))


def nanoseconds(call, repeats, threads):
    """What so many calls took."""
    if threads > 1:
        return call(repeats)
    begin = time.thread_time_ns()
    call(repeats)
    return time.thread_time_ns() - begin


class Machine:
    """What the machine can do: multiply-adds a core, and streams."""

    def __init__(self):
        self.best = {}

    def multiply_adds(self, dtype):
        """The best rate so far in flops a nanosecond (GF/s) of one core, after measuring it once more."""
        count = 1 << 24
        call = _core.KernelCall("multiply_adds", [np.full(1, 0.5, dtype)], [np.zeros(1, dtype)], [count])
        self.best[dtype] = max(self.best.get(dtype, 0), 2 * count / nanoseconds(call, 1, 1))
        return self.best[dtype]

    @cached_property
    def _streams(self):
        arrays = [np.ones(STREAM_ELEMENTS, np.float32) for _ in range(3)]
        return arrays

    def bandwidth(self, threads, rounds=5):
        """GB/s of out = x + 3 y, by as many threads."""
        if ("stream", threads) not in self.best:
            call = self._stream_call(threads)
            self.best["stream", threads] = max(
                3 * 4 * STREAM_ELEMENTS / nanoseconds(call, 1, threads) for _ in range(rounds)
            )
        return self.best["stream", threads]

    def _stream_call(self, threads):
        return _core.KernelCall("stream", self._streams[:2], self._streams[2:], (), threads)


def measure(case, machine, threads, rounds):
    """A row of the table: name -> figure."""
    call = _core.KernelCall(case.kernel, case.inputs, case.outputs, case.attributes, threads)
    repeats, best = 1, float("inf")
    for number in range(rounds):
        if case.before is not None:
            case.before()
        if number == 0:
            call(1)
            repeats = max(1, min(100_000, int(ROUND_NS / max(call(1), 1))))
            continue
        best = min(best, nanoseconds(call, repeats, threads) / repeats)
        if case.flops:
            machine.multiply_adds(case.dtype)
    row = {"us": best / 1e3, "threads": threads}
    if case.flops:
        row["gflops"] = case.flops / best
        row["share"] = row["gflops"] / (machine.best[case.dtype] * threads)
    row["gbytes"] = case.bytes / best
    row["bandwidth"] = row["gbytes"] / machine.bandwidth(threads)
    return row


def families():
    return sorted(p.stem for p in (HERE / "kernel_cases").glob("*.py") if p.stem != "__init__")


def line(family, name, row):
    gflops = f"{row['gflops']:8.1f} {row['share']:6.0%}" if "gflops" in row else " " * 15
    return f"{family:14} {name:44} {row['threads']:2} {row['us']:11.2f} {gflops} {row['gbytes']:8.1f} {row['bandwidth']:6.0%}"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", help="by default all: " + " ".join(families()))
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--match", default="", help="only cases whose name contains this")
    parser.add_argument("--json", help="write the rows to a file too")
    arguments = parser.parse_args(argv)
    machine, rows = Machine(), []
    print(f"ISA level {_core.isa_name()}", end="")
    for dtype in ("float32", "float64"):
        print(f", {dtype} {max(machine.multiply_adds(dtype) for _ in range(5)):.0f} GF/s a core", end="")
    for threads in arguments.threads:
        print(f", stream {machine.bandwidth(threads):.1f} GB/s at {threads} threads", end="")
    print(f"\n{'family':14} {'case':44} {'th':>2} {'us':>11} {'GF/s':>8} {'share':>6} {'GB/s':>8} {'share':>6}")
    for family in arguments.families or families():
        for case in importlib.import_module(f"kernel_cases.{family}").cases():
            if arguments.match not in case.name:
                continue
            for threads in arguments.threads:
                row = measure(case, machine, threads, arguments.rounds)
                rows.append({"family": family, "case": case.name, **row})
                print(line(family, case.name, row), flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"isa": _core.isa_name(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
