"""`Timeline`: a traced run in the format of Chrome's trace viewer (chrome://tracing, Perfetto)."""

from __future__ import annotations

import collections
import json
import re

__all__ = ["AllocationMaximum", "StepStatsAnalysis", "Timeline"]

# The most that an allocator held at once: when, how many bytes, the names of the tensors.
AllocationMaximum = collections.namedtuple("AllocationMaximum", ("timestamp", "num_bytes", "tensors"))

StepStatsAnalysis = collections.namedtuple("StepStatsAnalysis", ("chrome_trace", "allocator_maximums"))

_LABEL = re.compile(r"(.*) = (.*?)\((.*)\)")


class _Span:
    """One instruction of the trace; times in microseconds."""

    def __init__(self, stats, process, lane):
        self.name = stats.node_name
        self.process = process
        self.lane = lane
        nanos = stats.all_start_nanos
        self.start = nanos / 1000 if nanos else stats.all_start_micros
        self.duration = stats.all_end_rel_nanos / 1000 if stats.all_end_rel_nanos else stats.all_end_rel_micros
        match = _LABEL.match(stats.timeline_label)
        self.op = match[2] if match else stats.node_name
        self.inputs = match[3].split(", ") if match and match[3] else []
        descriptions = [output.tensor_description.allocation_description for output in stats.output]
        self.allocations = [(d.allocator_name or "cpu", d.requested_bytes) for d in descriptions if d.requested_bytes]

    @property
    def end(self):
        return self.start + self.duration


class _Events:
    """The events of a trace, in the order of their making."""

    def __init__(self):
        self._metadata = []
        self._events = []

    def name_process(self, process, name):
        self._metadata.append({"ph": "M", "name": "process_name", "pid": process, "args": {"name": name}})

    def region(self, span):
        arguments = {"name": span.name, "op": span.op}
        arguments.update((f"input{i}", name) for i, name in enumerate(span.inputs))
        self._events.append({
            "ph": "X", "cat": "Op", "name": span.op, "pid": span.process, "tid": span.lane, "ts": span.start,
            "dur": span.duration, "args": arguments,
        })  # fmt: skip

    def flow(self, name, number, maker, user):
        for phase, span, at in (("s", maker, maker.end), ("t", user, user.start)):
            self._events.append({
                "ph": phase, "cat": "DataFlow", "name": name, "pid": span.process, "tid": span.lane, "ts": at, "id": number,
            })  # fmt: skip

    def counter(self, name, process, at, value):
        self._events.append({
            "ph": "C", "cat": "Memory", "name": name, "pid": process, "tid": 0, "ts": at, "args": {name: value},
        })  # fmt: skip

    def as_json(self):
        return json.dumps({"traceEvents": self._metadata + self._events}, separators=(",", ":"))


class Timeline:
    """The times of a run.

    Args:
      step_stats: a `StepStats`: what `RunMetadata.step_stats` has after a run with `RunOptions.FULL_TRACE`.
      graph: accepted; what is shown is in the statistics.
    """

    def __init__(self, step_stats, graph=None):
        self._step_stats = step_stats
        self._graph = graph

    def analyze_step_stats(self, show_dataflow=True, show_memory=True):
        """The trace, and the most that each allocator held.

        Args:
          show_dataflow: whether arrows go from what makes a tensor to what uses it.
          show_memory: whether the memory of tensors is counted.

        Returns:
          A `StepStatsAnalysis`.
        """
        events, spans = _Events(), []
        for process, device in enumerate(self._step_stats.dev_stats):
            events.name_process(process, f"{device.device} Compute")
            spans += [_Span(stats, process, stats.thread_id) for stats in device.node_stats]
        for span in spans:
            events.region(span)
        if show_dataflow:
            _add_flows(events, spans)
        maximums = _add_memory(events, spans, len(self._step_stats.dev_stats)) if show_memory else {}
        return StepStatsAnalysis(chrome_trace=events, allocator_maximums=maximums)

    def generate_chrome_trace_format(self, show_dataflow=True, show_memory=False):
        """The trace as the text of a JSON file.

        Args:
          show_dataflow, show_memory: as in `analyze_step_stats`.
        """
        return self.analyze_step_stats(show_dataflow, show_memory).chrome_trace.as_json()


def _makers(spans):
    """(span, name of an input, the last span before it that made it) for each input that the trace knows."""
    made = {}
    for span in spans:
        for name in dict.fromkeys(name.lstrip("^").split(":")[0] for name in span.inputs):
            if name in made:
                yield span, name, made[name]
        made[span.name] = span


def _add_flows(events, spans):
    for number, (user, name, maker) in enumerate(_makers(spans)):
        events.flow(name, number, maker, user)


def _add_memory(events, spans, process):
    """Counts what tensors hold from when they are made until they are last used."""
    last_use = {id(span): span.end for span in spans}
    for user, _, maker in _makers(spans):
        last_use[id(maker)] = max(last_use[id(maker)], user.end)
    changes = []
    for span in spans:
        for allocator, size in span.allocations:
            changes.append((span.start, False, size, allocator, span.name))
            changes.append((last_use[id(span)], True, -size, allocator, span.name))
    if changes:
        events.name_process(process, "Memory")
    held, live, maximums = collections.Counter(), collections.defaultdict(list), {}
    for at, gone, size, allocator, name in sorted(changes):  # a tensor may be made and gone in one microsecond
        held[allocator] += size
        if gone:
            live[allocator].remove(name)
        else:
            live[allocator].append(name)
        events.counter(allocator, process, at, held[allocator])
        if allocator not in maximums or held[allocator] > maximums[allocator].num_bytes:
            maximums[allocator] = AllocationMaximum(at, held[allocator], set(live[allocator]))
    return maximums
