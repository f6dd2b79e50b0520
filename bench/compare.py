"""Runs the benchmark cases on hookloop and on the peers whose Python is given, interleaved, and compares them.

    python bench/compare.py --hookloop PY [--tf PY] [--torch PY] [--jax PY] [--threads 1] [--cases linreg mlp64_adam]
                            [--rounds 3] [--out comparison.png]

Each case runs in a process of its own, one backend after the other, round after round, so that what disturbs the
machine disturbs all alike. One thread is pinned to one processor. The table has microseconds per step (the best round's
minimum, and the median of the rounds' medians) and, for each peer, its median divided by hookloop's.

    python bench/compare.py --sweep DIRECTORY [the same options]

measures the points of `bench/sweep.py` instead, which vary batch, width, depth and length, and draws one picture per case.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import sweep

CASES = Path(__file__).parent / "cases"
BACKENDS = ("hookloop", "tf", "torch", "jax")
DEFAULT_CASES = (
    "const_fetch", "linreg", "linreg_callable", "linreg_fresh", "linreg_loop", "linreg_monitored", "linreg_5hooks",
    "linreg_userhook", "mlp64_sgd", "mlp64_adam", "mlp_wide", "rl_net", "rl_varbatch", "mlp_varbatch", "lenet64", "lstm",
    "skipgram", "chain10k",
)  # fmt: skip


def command(backend, python, threads, case):
    """The command that runs one case of one backend and prints a JSON object."""
    program = {"torch": "torch_cases.py", "jax": "jax_cases.py"}.get(backend, "tf1_cases.py")
    words = [python, str(CASES / program)]
    if program == "tf1_cases.py":
        words.append(backend)
    words += [str(threads), case]
    if threads == 1 and shutil.which("taskset"):
        words = ["taskset", "-c", "1", *words]
    return words


def run_once(backend, python, threads, case):
    """(minimum, median) in microseconds per step, or None where the backend does not have the case."""
    done = subprocess.run(command(backend, python, threads, case), capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        return None
    figures = json.loads(lines[-1]).get(case)
    return tuple(figures[:2]) if isinstance(figures, list) else None


def measure(pythons, threads, cases, rounds, report=print):
    """case -> backend -> (minimum, median) over the rounds."""
    found = {case: {} for case in cases}
    for number in range(rounds):
        for case in cases:
            for backend, python in pythons.items():
                figures = run_once(backend, python, threads, case)
                if figures is not None:
                    found[case].setdefault(backend, []).append(figures)
            report(f"round {number + 1} of {rounds}: {case}", file=sys.stderr)
    return {
        case: {
            backend: (min(f[0] for f in all_figures), statistics.median(f[1] for f in all_figures))
            for backend, all_figures in by_backend.items()
        }
        for case, by_backend in found.items()
    }


def table(results, backends):
    """The results as a table in Markdown."""
    peers = [b for b in backends if b != "hookloop"]
    head = ["case", "hookloop min", "median"] + [c for p in peers for c in (f"{p} min", "median", "ratio")]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for case, by_backend in results.items():
        own = by_backend.get("hookloop")
        cells = [case, *(_figure(v) for v in own or (None, None))]
        for peer in peers:
            figures = by_backend.get(peer)
            ratio = f"{figures[1] / own[1]:.1f}" if figures and own else "-"
            cells += [*(_figure(v) for v in figures or (None, None)), ratio]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _figure(value):
    return "-" if value is None else f"{value:,.3f}" if value < 10 else f"{value:,.0f}"


def draw(results, backends, path, threads):
    """Bars of how many times longer each peer takes, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    peers = [b for b in backends if b != "hookloop"]
    cases = [c for c in results if "hookloop" in results[c] and any(p in results[c] for p in peers)]
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.5 * max(len(cases), 1)), layout="constrained")
    height = 0.8 / max(len(peers), 1)
    for k, peer in enumerate(peers):
        places = [i + k * height for i, case in enumerate(cases) if peer in results[case]]
        ratios = [results[c][peer][1] / results[c]["hookloop"][1] for c in cases if peer in results[c]]
        bars = axes.barh(places, ratios, height, label=peer)
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks([i + 0.4 - height / 2 for i in range(len(cases))], cases)
    axes.set(xscale="log", xlabel=f"time of a step, hookloop = 1 ({threads} thread{'s' if threads > 1 else ''})")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    if peers:
        axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def run_sweep(pythons, arguments):
    """Measures, prints and draws the points of the sweep, and says where a peer is ahead."""
    results = sweep.measure(pythons, arguments.threads, arguments.cases or list(sweep.BASES), arguments.rounds)
    print(sweep.table(results, list(pythons)))
    for case, point, peer, ratio in sweep.behind(results):
        print(f"behind: {case}, {point}: {peer} takes {ratio:.2f} of the time")
    Path(arguments.sweep).mkdir(parents=True, exist_ok=True)
    sweep.draw(results, list(pythons), arguments.sweep, arguments.threads)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for backend in BACKENDS:
        parser.add_argument(f"--{backend}", metavar="PY", help=f"the Python that has {backend}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", nargs="+", help="by default all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", metavar="FILE.png", help="draw the ratios into a file")
    parser.add_argument("--sweep", metavar="DIRECTORY", help="measure other sizes, and draw one picture per case there")
    arguments = parser.parse_args(argv)
    pythons = {b: getattr(arguments, b) for b in BACKENDS if getattr(arguments, b)}
    if "hookloop" not in pythons:
        pythons = {"hookloop": sys.executable, **pythons}
    if arguments.sweep:
        unknown = sorted(set(arguments.cases or ()) - set(sweep.BASES))
        if unknown:
            parser.error(f"the sweep has no case {', '.join(unknown)}; its cases are {', '.join(sweep.BASES)}")
        return run_sweep(pythons, arguments)
    results = measure(pythons, arguments.threads, arguments.cases or DEFAULT_CASES, arguments.rounds)
    print(table(results, list(pythons)))
    if arguments.out:
        draw(results, list(pythons), arguments.out, arguments.threads)


if __name__ == "__main__":
    main()
