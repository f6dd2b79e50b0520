"""The op by which a plan of one branch finds which branch of a conditional is taken. It stands in no program's graph."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.graph import Graph
from .build import apply_op
from .core import placeholder
from .registry import OpDef, no_gradient, register
from .shape_functions import unknown

__all__ = []


def _rank_of_branch(call, predicate):
    """An array whose rank says which branch it is."""
    return np.zeros((1,) * int(bool(predicate)), bool)


register(
    OpDef("BranchTaken", "predicate: bool", "rank: bool", shape=unknown, host=_rank_of_branch, stateful=True,
          gradient=no_gradient),
)  # fmt: skip


def branch_taken(name):
    """An op of a graph of its own."""
    with Graph().as_default():
        return apply_op("BranchTaken", [placeholder(dtypes.bool, [])], None, name).op
