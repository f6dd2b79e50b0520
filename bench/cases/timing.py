"""How the programs of the cases time and report, the same for every backend: no backend is imported here."""

import json
import sys
import time


def timed(step, count, repeats=9):
    """The minimum and the median over the repeats, in microseconds, of one of `count` steps."""
    step(), step()
    means = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(count):
            step()
        means.append((time.perf_counter() - begin) / count * 1e6)
    return [round(min(means), 3), round(sorted(means)[len(means) // 2], 3)]


def report(cases, only, out):
    """Runs the cases that are asked for and prints one JSON object: `out` with what each case gave, and the memory at its peak."""
    for name, case in cases.items():
        if only and name not in only:
            continue
        try:
            out[name] = case()
        except Exception as error:
            out[name] = f"{type(error).__name__}: {error}"[:150]
        print(name, out[name], file=sys.stderr, flush=True)
    out["peak_rss_mb"] = next(int(l.split()[1]) // 1024 for l in open("/proc/self/status") if l.startswith("VmHWM"))
    print(json.dumps(out))
