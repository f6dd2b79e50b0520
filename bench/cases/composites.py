"""What the programs that measure composites share: the names and inputs of composites, and the loop that times them in turn.

A composite is a function of one result, made of several elementwise operations and reductions. A point is {"case": name,
"gradient": whether the gradients of its inputs are made too, "rows": of its inputs, "columns": ...}; the answer to a line of
JSON is [minimum, median] in microseconds: of processor time where there is one thread, so that what shares the processor
counts little. Steps are kept, so that programs can be asked in turn, round after round.
"""

import json
import sys
import time

import numpy as np
import points

# The inputs of each: a matrix, a row that all rows share, a mask of zeros and ones.
MATRIX, ROW, MASK = "matrix", "row", "mask"
INPUTS = {
    "layer_norm": (MATRIX, ROW, ROW),
    "batch_norm": (MATRIX, ROW, ROW),
    "instance_norm": (MATRIX,),
    "rms_norm": (MATRIX, ROW),
    "l2_normalize": (MATRIX,),
    "softmax_by_hand": (MATRIX,),
    "softmax_temperature": (MATRIX,),
    "masked_softmax": (MATRIX, MASK),
    "logsumexp": (MATRIX,),
    "gelu_erf": (MATRIX,),
    "gelu_tanh": (MATRIX,),
    "swish": (MATRIX,),
    "glu": (MATRIX,),
    "mish": (MATRIX,),
    "elu": (MATRIX,),
    "selu": (MATRIX,),
    "prelu": (MATRIX, ROW),
    "dropout": (MATRIX,),
    "huber": (MATRIX, MATRIX),
    "focal": (MATRIX, MASK),
    "gaussian_kl": (MATRIX, MATRIX),
    "cosine": (MATRIX, MATRIX),
    "clip_by_norm": (MATRIX,),
}
NORM = 3.0  # of what is clipped


def inputs_of(case, rows, columns):
    random = np.random.default_rng(0)
    made = []
    for kind in INPUTS[case]:
        shape = (columns,) if kind == ROW else (rows, columns)
        value = random.standard_normal(shape)
        made.append((value > 0 if kind == MASK else value).astype(np.float32))
    return made


def differentiable(case):
    """Places of the inputs whose gradients are made."""
    return [i for i, kind in enumerate(INPUTS[case]) if kind != MASK]


def serve(step_of):
    """Answers points until the input ends. `step_of`: function of a point that returns a step."""
    steps = {}
    clock = time.process_time if sys.argv[1] == "1" else time.perf_counter
    for line in sys.stdin:
        point = json.loads(line)
        key = tuple(point.values())
        try:
            if key not in steps:
                steps.clear()  # what was measured before is no part of this
                steps[key] = step_of(**point)
            answer = points.timed(steps[key], clock)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)
