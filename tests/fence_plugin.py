"""For pytest in the build of tests/behind_fences.py: NumPy's arrays lie behind fences too, and no two buffers share a place."""

import numpy_fence

from hookloop.compile import memory

numpy_fence.install()


def _choose(free, slots, buffer, program):
    slots.append(program.hint(buffer.size) * buffer.dtype.size)
    return len(slots) - 1


memory._choose = _choose
