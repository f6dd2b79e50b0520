"""What a traced run says of itself: `RunMetadata.step_stats` from the times of its instructions."""

from __future__ import annotations

import time

from .dtypes import as_dtype

__all__ = ["fill_step_stats"]

CPU = "/job:localhost/replica:0/task:0/device:CPU:0"


def fill_step_stats(run_metadata, times):
    """Adds the instructions of a run to a `RunMetadata`.

    Args:
      run_metadata: the message.
      times: for each instruction (its kernel, its operation or None, when it began and ended in nanoseconds of the monotonic
        clock, the (type, shape) of its outputs).
    """
    to_wall_clock = time.time_ns() - time.monotonic_ns()
    device = run_metadata.step_stats.dev_stats.add(device=CPU)
    for kernel, op, begin, end, outputs in times:
        start = begin + to_wall_clock
        stats = device.node_stats.add(
            node_name=kernel if op is None else op.name,
            timeline_label=_label(kernel, op),
            all_start_micros=start // 1000,
            all_start_nanos=start,
            scheduled_micros=start // 1000,
            scheduled_nanos=start,
            op_end_rel_micros=(end - begin) // 1000,
            op_end_rel_nanos=end - begin,
            all_end_rel_micros=(end - begin) // 1000,
            all_end_rel_nanos=end - begin,
        )
        for slot, (dtype, shape) in enumerate(outputs):
            _add_output(stats, slot, dtype, shape)


def _label(kernel, op):
    if op is None:
        return f"{kernel} = {kernel}()"
    return f"{op.name} = {op.type}({', '.join(tensor.name for tensor in op.inputs)})"


def _add_output(stats, slot, dtype, shape):
    description = stats.output.add(slot=slot).tensor_description
    description.dtype = dtype
    size = 1
    for dim in shape:
        description.shape.dim.add(size=dim)
        size *= dim
    description.allocation_description.requested_bytes = size * (as_dtype(dtype).size or 8)
    description.allocation_description.allocator_name = "cpu"
