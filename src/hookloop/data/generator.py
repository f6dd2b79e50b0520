"""Python generators as datasets."""

from __future__ import annotations

import itertools

import numpy as np

from ..graph.graph_def import free_function_name
from ..graph.stack import get_default_graph
from ..ops.py_func import error_of
from .pipeline import DatasetState, Elements
from .structure import flatten, leaves_up_to

_numbers = itertools.count(1)


class _Generator:
    """A user's generator, in the place of a function that makes a dataset of an element.

    Args:
      generator: makes something that can be iterated.
      element: the structure of what that yields.
    """

    def __init__(self, generator, element):
        self._generator = generator
        self._element = element
        self._leaves = flatten(element)

    def definitions(self):
        """No message: no file holds what a program calls."""
        return []

    def bound(self, call, arguments):
        return lambda _: (DatasetState(self._elements, (), arguments),)

    def _elements(self, place, sources, arguments):
        values = None

        def step():
            nonlocal values
            try:
                if values is None:
                    values = iter(self._generator(*[a[()] if a.ndim == 0 else a for a in arguments]))
                try:
                    value = next(values)
                except StopIteration:
                    value = _END
                return None if value is _END else self._converted(value)
            except Exception as error:
                raise error_of(error) from error

        return Elements(lambda: _or_stop(step()))

    def _converted(self, value):
        try:
            flat = leaves_up_to(self._element, value)
        except TypeError:
            raise TypeError(
                f"`generator` yielded an element that did not match the expected structure. The expected structure was "
                f"{_types(self._element)}, but the yielded element was {value}."
            ) from None
        return tuple([_component(leaf, part, value) for leaf, part in zip(self._leaves, flat)])


_END = object()


def _or_stop(element):
    if element is None:
        raise StopIteration
    return element


def _types(element):
    from .structure import map_structure

    return map_structure(lambda leaf: leaf.dtype, element)


def _component(leaf, part, whole):
    try:
        if leaf.dtype.name == "string":
            array = np.asarray(part, object)
            flat = np.empty(array.size, object)
            flat[:] = [item.encode() if isinstance(item, str) else item for item in array.ravel()]
            array = flat.reshape(array.shape)
        else:
            array = np.asarray(part, leaf.dtype.as_numpy_dtype, order="C")
    except (TypeError, ValueError):
        raise TypeError(
            "`generator` yielded an element that could not be converted to the expected type. The expected type was "
            f"{leaf.dtype.name}, but the yielded element was {part}."
        ) from None
    if not leaf.shape.is_compatible_with(array.shape):
        raise ValueError(
            f"`generator` yielded an element of shape {array.shape} where an element of shape {leaf.shape} was expected."
        )
    return array


def register_generator(generator, element):
    """Makes a generator known to the default graph; returns the name for its node."""
    graph = get_default_graph()
    name = free_function_name(graph, (f"__inference_Dataset_flat_map_generator_{number}" for number in _numbers))
    graph.__dict__.setdefault("_dataset_functions", {})[name] = _Generator(generator, element)
    return name
