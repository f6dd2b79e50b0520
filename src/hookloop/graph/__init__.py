"""The graph that a program builds: `Graph`, `Operation`, `Tensor`, scopes, collections, seeds."""

from .collections import GraphKeys
from .graph import Graph
from .operation import Operation
from .stack import get_default_graph, get_default_session, reset_default_graph
from .tensor import Tensor

__all__ = [
    "Graph", "GraphKeys", "Operation", "Tensor", "get_default_graph", "get_default_session",
    "reset_default_graph",
]  # fmt: skip
