"""What the programs that measure points share: how a point is timed, its inputs, and the loop that takes one after the other.

A point is {"case": name, "parameter": value, ...}. A program reads one as a line of JSON and answers with a line
[minimum, median] in microseconds per step, or {"error": text}.
"""

import json
import sys
import time

import numpy as np

REPEATS = 7
SECONDS_OF_A_REPEAT = 0.03


def floats(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("f")


def integers(high, *shape):
    return np.random.default_rng(0).integers(0, high, shape).astype("i")


def timed(step, clock=time.perf_counter):
    """[minimum, median] of the repeats, each of as many steps as take a while."""
    for _ in range(3):
        step()
    begin = clock()
    step()
    steps = max(1, int(SECONDS_OF_A_REPEAT / max(clock() - begin, 1e-7)))
    times = []
    for _ in range(REPEATS):
        begin = clock()
        for _ in range(steps):
            step()
        times.append((clock() - begin) / steps * 1e6)
    return [min(times), sorted(times)[REPEATS // 2]]


def serve(cases):
    """Answers points until the input ends. `cases`: name -> function of the point's parameters that returns a step."""
    for line in sys.stdin:
        point = json.loads(line)
        try:
            answer = timed_in(cases[point.pop("case")], point)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


def timed_in(case, parameters):
    """A case may be a context manager, which has the session open while its step is timed."""
    made = case(**parameters)
    if not hasattr(made, "__enter__"):
        return timed(made)
    with made as step:
        return timed(step)
