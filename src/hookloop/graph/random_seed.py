"""Seeds of random ops, as TensorFlow 1.15 derives them."""

from __future__ import annotations

from .stack import get_default_graph

__all__ = ["get_seed", "set_random_seed"]

DEFAULT_GRAPH_SEED = 87654321
_MODULUS = 2**31 - 1


def get_seed(op_seed):
    """The pair (graph seed, op seed) of a random op that is made now in the default graph.

    Args:
      op_seed: the seed that its caller gave, or None.

    Returns:
      Two ints, or (None, None) where neither the graph nor the op has a seed.
    """
    graph = get_default_graph()
    graph_seed = graph.seed
    if graph_seed is None:
        if op_seed is None:
            return None, None
        graph_seed = DEFAULT_GRAPH_SEED
    elif op_seed is None:
        op_seed = graph._last_id
    seeds = graph_seed % _MODULUS, op_seed % _MODULUS
    # The kernels take (0, 0) for "not deterministic".
    return seeds if seeds != (0, 0) else (0, _MODULUS)


def set_random_seed(seed):
    """Sets the default graph's seed."""
    get_default_graph().seed = seed
