"""What a run says of itself in a `RunMetadata`: the times of its instructions, and the part of the graph that it runs."""

from __future__ import annotations

import time

from .compile.regions import RaisedGraph
from .dtypes import as_dtype
from .graph.graph_def import node_def, set_attr, versions

__all__ = ["add_partition_graph", "fill_step_stats"]

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


def add_partition_graph(run_metadata, mapped, feeds):
    """Adds the graph of a request, which runs on one device: its operations, with `_Arg` for what is fed and `_Retval` for fetches.

    As in TensorFlow, both are numbered in the order of their names, and what is fed and fetched does not enter the graph.

    Args:
      run_metadata: the message.
      mapped: the request's `FetchMap`.
      feeds: the tensors that are fed.
    """
    fed = {tensor: (f"_arg_{_with_index(tensor)}_{i}", i) for i, tensor in enumerate(sorted(feeds, key=_name_of))}
    fetched = sorted(set(mapped.tensors).difference(fed), key=_name_of)
    ops = RaisedGraph(fetched, mapped.targets, fed).needed
    if not ops:
        return
    graph = run_metadata.partition_graphs.add()
    graph.versions.CopyFrom(versions(ops[0].graph))
    used = {tensor for op in ops for tensor in op.inputs}
    for tensor, (name, i) in fed.items():
        if tensor in used:
            _add_end(graph, "_Arg", name, tensor, i)
    for op in ops:
        node = graph.node.add()
        node.CopyFrom(node_def(op))
        node.device = CPU
        for place, tensor in enumerate(op.inputs):
            if tensor in fed:
                node.input[place] = fed[tensor][0]
    for i, tensor in enumerate(fetched):
        _add_end(graph, "_Retval", f"_retval_{_with_index(tensor)}_{i}", tensor, i)
        graph.node[-1].input.append(tensor.op.name if tensor.value_index == 0 else tensor.name)


def _name_of(tensor):
    return tensor.name


def _with_index(tensor):
    return f"{tensor.op.name}_{tensor.value_index}"


def _add_end(graph, kind, name, tensor, index):
    node = graph.node.add(name=name, op=kind, device=CPU)
    set_attr(node.attr["T"], tensor.dtype.base_dtype)
    set_attr(node.attr["index"], index)
    return name
