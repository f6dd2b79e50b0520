"""Runs composites (normalizations, activations, losses) on hookloop and on peers, interleaved, and compares them.

    python bench/composites.py --hookloop PY [PY ...] [--torch PY] [--jax PY] [--threads 1] [--cases layer_norm ...]
                               [--sizes 1024 65536 1048576 16777216] [--rounds 3] [--kinds forward gradient] [--json FILE]

Each is measured forward alone and together with the gradients of its inputs. PyTorch stands for two peers: the composite in eager
operations, and the function that PyTorch has for it. Of another --hookloop a column shows its time (PYTHONPATH=... PY as one word
gives another build). One thread is pinned to one processor. The table has the least microseconds and the
ratio of the best peer to hookloop, by the least and by the medians; a size is that of a matrix in bytes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent / "cases"
sys.path.insert(0, str(HERE))
from composites import INPUTS  # noqa: E402

COLUMNS = {1 << 10: 64, 1 << 16: 256, 1 << 20: 512, 1 << 24: 1024}


class Program:
    """One backend's process, which answers a point by a line."""

    def __init__(self, python, name, threads, extra=()):
        words = ["env", *shlex.split(python), str(HERE / name), str(threads), *extra]
        if threads == 1 and shutil.which("taskset"):
            words = ["taskset", "-c", "1", *words]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, point):
        self.process.stdin.write(json.dumps(point) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def programs(arguments):
    found = {}
    for number, python in enumerate(arguments.hookloop):
        found["hookloop" if number == 0 else f"hookloop {number + 1}"] = Program(
            python, "composites_tf1.py", arguments.threads
        )
    if arguments.torch:
        found["eager"] = Program(arguments.torch, "composites_torch.py", arguments.threads)
        found["fused"] = Program(arguments.torch, "composites_torch.py", arguments.threads, ("fused",))
    if arguments.jax:
        found["jax"] = Program(arguments.jax, "composites_jax.py", arguments.threads)
    return found


def measured(backends, point, rounds):
    """backend -> (minimum, median of medians), of those that have the composite."""
    found = {}
    for _ in range(rounds):
        for name, program in backends.items():
            answer = program.ask(point)
            if isinstance(answer, list):
                found.setdefault(name, []).append(answer)
            elif name.startswith("hookloop"):
                raise SystemExit(f"{point}: {answer['error']}")
    return {n: (min(a[0] for a in all_), statistics.median(a[1] for a in all_)) for n, all_ in found.items()}


def line(point, size, backends, figures):
    own = figures["hookloop"]
    peers = [f for n, f in figures.items() if not n.startswith("hookloop")]
    ratios = " / ".join(f"{min(f[i] for f in peers) / own[i]:.2f}" for i in (0, 1)) if peers else "-"
    kind = "gradient" if point["gradient"] else "forward"
    return [
        point["case"],
        kind,
        f"{size:,}",
        *(f"{figures[b][0]:,.2f}" if b in figures else "-" for b in backends),
        ratios,
    ]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hookloop", nargs="+", default=[sys.executable])
    parser.add_argument("--torch")
    parser.add_argument("--jax")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", nargs="+", default=list(INPUTS))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(COLUMNS))
    parser.add_argument("--kinds", nargs="+", default=["forward", "gradient"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write the figures to a file too")
    arguments = parser.parse_args(argv)
    backends, rows = programs(arguments), []
    head = ["case", "kind", "bytes", *backends, "best peer / hookloop"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for case in arguments.cases:
        for kind in arguments.kinds:
            for size in arguments.sizes:
                columns = COLUMNS.get(size, 256)
                point = {"case": case, "gradient": kind == "gradient", "rows": size // 4 // columns, "columns": columns}
                figures = measured(backends, point, arguments.rounds)
                rows.append({**point, "size": size, "figures": figures})
                print("| " + " | ".join(line(point, size, list(backends), figures)) + " |", flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1))
    for program in backends.values():
        program.end()


if __name__ == "__main__":
    main()
