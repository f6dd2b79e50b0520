"""Resources of a graph that a session makes and waits for, beside its variables: a program registers them in collections."""

from __future__ import annotations

from typing import NamedTuple

from ..graph.collections import GraphKeys
from ..graph.scopes import device, name_scope
from ..graph.stack import get_default_graph
from .build import constant
from .core import group, no_op
from .gather import boolean_mask
from .math_unary import logical_not
from .slicing import stack

__all__ = [
    "initialize_resources", "local_resources", "register_resource", "report_uninitialized_resources", "shared_resources",
]  # fmt: skip


class _Resource(NamedTuple):
    handle: object
    create: object
    is_initialized: object


def register_resource(handle, create_op, is_initialized_op, is_shared=True):
    """Notes a resource in the default graph.

    Args:
      handle: the tensor that stands for it; its name is reported.
      create_op: the operation that makes it.
      is_initialized_op: a tensor that says whether it is made.
      is_shared: whether processes share it; else each has its own.
    """
    key = GraphKeys.RESOURCES if is_shared else GraphKeys.LOCAL_RESOURCES
    get_default_graph().add_to_collection(key, _Resource(handle, create_op, is_initialized_op))


def shared_resources():
    """Those of the default graph that processes share."""
    return get_default_graph().get_collection(GraphKeys.RESOURCES)


def local_resources():
    """Those of the default graph of which each process has its own."""
    return get_default_graph().get_collection(GraphKeys.LOCAL_RESOURCES)


def report_uninitialized_resources(resource_list=None, name="report_uninitialized_resources"):
    """The names of the resources that are not made yet, as a vector of texts.

    Args:
      resource_list: the resources; all of the default graph if absent.
      name: the name scope.
    """
    resources = shared_resources() + local_resources() if resource_list is None else resource_list
    with name_scope(name), device("/cpu:0"):
        if not resources:
            return constant([], dtype="string", shape=[0])
        missing = logical_not(stack([resource.is_initialized for resource in resources]))
        return boolean_mask(constant([resource.handle.name for resource in resources]), missing)


def initialize_resources(resource_list, name="init"):
    """An operation that makes the resources."""
    if not resource_list:
        return no_op(name=name)
    return group(*[resource.create for resource in resource_list], name=name)
