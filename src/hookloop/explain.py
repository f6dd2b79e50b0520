"""`hookloop.explain`: what a session would run for a request, in words."""

from __future__ import annotations

import sys

import numpy as np

__all__ = ["explain"]


def explain(fetches, feed_dict=None, graph=None, file=None):
    """Prints the plan that a session runs for the fetches, and returns it.

    The plan is compiled, not run. For each instruction it names the kernel, the operands with their sizes and places, the op that it comes
    from, what passes fused into it, and which way a convolution's kernel takes; it shows the commit point, and says so where a plan must write before all that can fail has run.

    Args:
      fetches: as in `Session.run`.
      feed_dict: tensor or its name -> its value, or its shape (a tuple or a `TensorShape`). A placeholder that the fetches need
        and that is not given has its own shape, with 1 for each size that it leaves open.
      graph: the graph; by default that of the fetches, else the default graph.
      file: where the text goes, `sys.stdout` by default.

    Returns:
      An `Explanation`: `steps`, `prologue`, `commit`, `writes_early`, `arena_bytes`, `sizes`; its `str()` is the text.

    Raises:
      ValueError: a fetch or a shape makes no sense, or a placeholder of unknown rank has no shape given.
    """
    from .compile.explain import Explanation
    from .compile.pipeline import Feed, Request, plan_program
    from .fetches import FetchMap, resolve_feeds

    graph = graph or _graph_of(fetches)
    mapped = FetchMap(graph, fetches)
    fed = dict(resolve_feeds(graph, feed_dict or {}))
    feeds = [_feed(Feed, tensor, value) for tensor, value in fed.items()]
    feeds += [_open_feed(Feed, tensor) for tensor in _placeholders(mapped, fed)]
    feeds.sort(key=lambda feed: (feed.tensor.op._id, feed.tensor.value_index))
    request = Request(mapped.tensors, mapped.targets, feeds, lambda key: None, {})
    lowerer, program = plan_program(request)
    explanation = Explanation(program, lowerer.nodes, _choice_of)
    print(explanation, file=file or sys.stdout)
    return explanation


def _choice_of(kernel, inputs, outputs, params):
    """Which of its ways a kernel takes: it is prepared, and not run."""
    from ._core import KernelCall

    made = [[np.empty(shape, dtype) for shape, dtype in operands] for operands in (inputs, outputs)]
    return KernelCall(kernel, *made, params).choice


def _graph_of(fetches):
    from .graph.stack import get_default_graph
    from .nest import flatten

    for fetch in flatten(fetches):
        graph = getattr(fetch, "graph", None)
        if graph is not None:
            return graph
    return get_default_graph()


def _feed(make, tensor, value):
    from .fetches import convert_feed
    from .shapes import TensorShape, as_shape

    if isinstance(value, TensorShape) or (
        isinstance(value, tuple) and all(d is None or isinstance(d, int) for d in value)
    ):
        shape = as_shape(value)
        if not tensor.get_shape().is_compatible_with(shape):
            raise ValueError(f"expected a shape that fits {tensor.get_shape()} at feed {tensor.name!r}, got {shape}")
        return make(tensor, _numbers(tensor, shape))
    array = convert_feed(tensor, value)
    return make(tensor, np.shape(array), array)


def _open_feed(make, tensor):
    return make(tensor, _numbers(tensor, tensor.get_shape()))


def _numbers(tensor, shape):
    """A shape's sizes, 1 for those that it leaves open."""
    if shape.ndims is None:
        raise ValueError(f"the rank of placeholder {tensor.name!r} is not known: give its shape in feed_dict")
    return [1 if d is None else d for d in shape.as_list()]


def _placeholders(mapped, fed):
    """The placeholders that the fetches need and nobody feeds."""
    seen, stack = set(), [tensor.op for tensor in mapped.tensors if tensor not in fed] + list(mapped.targets)
    found = []
    while stack:
        op = stack.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type == "Placeholder":
            found.append(op.outputs[0])
        stack += [tensor.op for tensor in op.inputs if tensor not in fed]
        stack += op.control_inputs
    return [tensor for tensor in found if tensor not in fed]
