"""Files that plugins of TensorBoard want beside the events of a graph."""

from abc import ABCMeta, abstractmethod

from ..graph.stack import get_default_graph

__all__ = ["PluginAsset", "get_all_plugin_assets", "get_plugin_asset"]

_NAMES = "__plugin_assets"
_PREFIX = "__plugin_asset__"


class PluginAsset(metaclass=ABCMeta):
    """What a plugin wants to be written: a subclass has its name, `plugin_name`, and gives the files."""

    plugin_name = None

    @abstractmethod
    def assets(self):
        """The contents of the files: a dict, a file's name -> its text."""
        raise NotImplementedError


def get_plugin_asset(plugin_asset_cls, graph=None):
    """The graph's object of a class, which is made where there is none.

    Args:
      plugin_asset_cls: a subclass of `PluginAsset`.
      graph: the default one by default.

    Raises:
      ValueError: where the class has no name, or one that another class of this graph has.
    """
    graph = get_default_graph() if graph is None else graph
    name = plugin_asset_cls.plugin_name
    if not name:
        raise ValueError(f"Class {plugin_asset_cls.__name__} has no plugin_name")
    container = graph.get_collection(_PREFIX + name)
    if container:
        if len(container) != 1:
            raise ValueError(f"Collection for {_PREFIX + name} had {len(container)} items, expected 1")
        found = container[0]
        if not isinstance(found, plugin_asset_cls):
            raise ValueError(f"Plugin name collision: {name}")
        return found
    made = plugin_asset_cls()
    graph.add_to_collection(_PREFIX + name, made)
    graph.add_to_collection(_NAMES, name)
    return made


def get_all_plugin_assets(graph=None):
    """The objects of all classes that the graph has one of.

    Args:
      graph: the default one by default.

    Raises:
      ValueError: where a collection of the graph holds more than one of a name.
    """
    graph = get_default_graph() if graph is None else graph
    found = []
    for name in graph.get_collection(_NAMES):
        container = graph.get_collection(_PREFIX + name)
        if len(container) != 1:
            raise ValueError(f"Collection for {_PREFIX + name} had {len(container)} items, expected 1")
        found.append(container[0])
    return found
