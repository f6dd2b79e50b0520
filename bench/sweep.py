"""The points of a sweep away from the named cases, their work, and the programs that measure them.

Each case has a base; one parameter at a time is varied by factors of 1/4 to 4, odd sizes among them. Every backend has one
process, which is asked point by point while the others wait, round after round.
"""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent / "cases"

BASES = {
    "linreg": {"batch": 32, "features": 10},
    "mlp_sgd": {"batch": 64, "inputs": 784, "width": 128, "depth": 1},
    "mlp_adam": {"batch": 64, "inputs": 784, "width": 128, "depth": 1},
    "convnet": {"batch": 64, "image": 28, "channels": 32},
    "lstm": {"batch": 50, "steps": 25, "width": 128},
    "skipgram": {"batch": 128, "width": 128, "negatives": 5},
}
VARIED = {
    "linreg": {"batch": (8, 17, 65, 128), "features": (3, 5, 21, 40)},
    "mlp_sgd": {
        "batch": (16, 33, 129, 256),
        "inputs": (196, 393, 1569, 3136),
        "width": (32, 65, 257, 512),
        "depth": (2, 3, 4),
    },
    "mlp_adam": {"batch": (16, 33, 129, 256), "width": (32, 65, 257, 512), "depth": (2, 4)},
    "convnet": {"batch": (16, 33, 129, 256), "image": (7, 14, 27, 57), "channels": (8, 17, 64)},
    "lstm": {"batch": (13, 25, 101, 200), "steps": (7, 13, 51, 100), "width": (32, 65, 129, 256)},
    "skipgram": {"batch": (32, 65, 257, 512), "width": (32, 65, 257, 512), "negatives": (1, 2, 11, 20)},
}


def points(case):
    """The base, then each variation of one parameter."""
    base = BASES[case]
    return [base] + [{**base, name: value} for name, values in VARIED[case].items() for value in values]


def work(case, p):
    """Floating-point operations of a step's products, forward and back; for `skipgram` those of its rows."""
    if case == "linreg":
        return 4 * p["batch"] * p["features"]
    if case.startswith("mlp"):
        sizes = [p["inputs"], *[p["width"]] * p["depth"], 10]
        products = [a * b for a, b in itertools.pairwise(sizes)]
        return 2 * p["batch"] * (3 * sum(products) - products[0])
    if case == "convnet":
        half, quarter = -(-p["image"] // 2), -(-p["image"] // 4)
        c = p["channels"]
        first = 25 * c * p["image"] ** 2
        return 2 * p["batch"] * (2 * first + 3 * (50 * c * c * half**2 + 2 * c * quarter**2 * 512 + 5120))
    if case == "lstm":
        return 6 * p["batch"] * p["steps"] * (8 * p["width"] ** 2 + 65 * p["width"])
    return 6 * p["batch"] * (1 + p["negatives"]) * p["width"]


class Backend:
    """A program that answers points, one at a time."""

    def __init__(self, name, python, threads):
        program = {"torch": "torch_points.py", "jax": "jax_points.py"}.get(name, "tf1_points.py")
        words = [python, str(PROGRAMS / program), *([name] if program == "tf1_points.py" else []), str(threads)]
        if threads == 1 and shutil.which("taskset"):
            words = ["taskset", "-c", "1", *words]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def measure(self, case, point):
        """[minimum, median], or None where the backend failed.

        Raises:
          RuntimeError: where the program ended.
        """
        self._process.stdin.write(json.dumps({"case": case, **point}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line and not line.startswith(("[", "{")):
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with status {self._process.wait()}")
        answer = json.loads(line)
        return answer if isinstance(answer, list) else None

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def measure(pythons, threads, cases, rounds, report=print):
    """case -> list of (point, {backend: (minimum, median)}) over the rounds."""
    backends = {name: Backend(name, python, threads) for name, python in pythons.items()}
    found = {case: [(point, {}) for point in points(case)] for case in cases}
    try:
        # All begin before one is measured: what a program loads takes time from the others.
        for backend in backends.values():
            backend.measure(cases[0], found[cases[0]][0][0])
        for number in range(rounds):
            for case in cases:
                for point, figures in found[case]:
                    for name, backend in backends.items():
                        answer = backend.measure(case, point)
                        if answer is not None:
                            figures.setdefault(name, []).append(answer)
                report(f"round {number + 1} of {rounds}: {case}", file=sys.stderr)
    finally:
        for backend in backends.values():
            backend.close()
    return {
        case: [
            (
                point,
                {
                    name: (min(m for m, _ in all_), statistics.median(d for _, d in all_))
                    for name, all_ in figures.items()
                },
            )
            for point, figures in measured
        ]
        for case, measured in found.items()
    }


def varied(case, point):
    """What distinguishes a point from its case's base, in words."""
    return ", ".join(f"{name} {value}" for name, value in point.items() if value != BASES[case][name]) or "base"


def table(results, backends):
    """The medians as a table in Markdown, with each peer's over hookloop's."""
    peers = [b for b in backends if b != "hookloop"]
    head = ["case", "point", "hookloop"] + [cell for peer in peers for cell in (peer, "ratio")]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for case, measured in results.items():
        for point, figures in measured:
            own = figures.get("hookloop")
            cells = [case, varied(case, point), f"{own[1]:,.2f}" if own else "-"]
            for peer in peers:
                both = own and peer in figures
                cells += [f"{figures[peer][1]:,.1f}", f"{figures[peer][1] / own[1]:.2f}"] if both else ["-", "-"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def behind(results, margin=0.05):
    """The points where a peer's median is ahead by more than the margin: (case, point in words, peer, ratio)."""
    return [
        (case, varied(case, point), peer, theirs[1] / figures["hookloop"][1])
        for case, measured in results.items()
        for point, figures in measured
        if "hookloop" in figures
        for peer, theirs in figures.items()
        if theirs[1] < figures["hookloop"][1] * (1 - margin)
    ]


def draw(results, backends, directory, threads):
    """One picture per case: microseconds per step against the work."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    for case, measured in results.items():
        figure, axes = pyplot.subplots(figsize=(7, 5), layout="constrained")
        for backend in backends:
            known = sorted(
                (work(case, point), figures[backend][1]) for point, figures in measured if backend in figures
            )
            if known:
                axes.plot(
                    *zip(*known), "o-" if backend == "hookloop" else "s--", label=backend, markersize=4, linewidth=1
                )
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="work of a step, floating-point operations",
            ylabel="microseconds per step",
        )
        axes.set_title(f"{case}, {threads} thread{'s' if threads > 1 else ''}")
        axes.grid(True, which="both", linewidth=0.3)
        axes.legend()
        figure.savefig(Path(directory) / f"sweep_{case}_{threads}.png", dpi=110)
        pyplot.close(figure)
