"""`py_func` for functions that take and give nested structures."""

from __future__ import annotations

from ... import nest
from ...ops import py_func as plain
from ...python.util import shallow
from ...shapes import as_shape

__all__ = ["py_func"]


def py_func(func, args=(), kwargs=None, output_types=None, output_shapes=None, stateful=True, name=None):
    """Makes a Python function an op.

    Args:
      func: takes arrays in the structures of `args` and `kwargs`, and returns the structure of `output_types`.
      args, kwargs: its arguments; tensors in them are arrays for the function.
      output_types: the results' types in their structure; or a function of the arguments that gives it.
      output_shapes: their shapes in the same structure, where they are known; or a function of the arguments that gives it.
      stateful: False says that equal arguments give equal results.
      name: the node's name.

    Returns:
      Tensors in the structure of `output_types`.

    Raises:
      TypeError: the arguments are no list and no dictionary.
    """
    kwargs = {} if kwargs is None else kwargs
    if not isinstance(args, (list, tuple)):
        raise TypeError(f"args must be list and not {type(args)}. args: {args}")
    if not isinstance(kwargs, dict):
        raise TypeError(f"kwargs must be dict and not {type(kwargs)}. args: {kwargs}")
    if callable(output_types):
        output_types = output_types(*args, **kwargs)
    if callable(output_shapes):
        output_shapes = output_shapes(*args, **kwargs)
    given = (args, kwargs)

    def called(*values):
        positional, named = nest.pack_sequence_as(given, values)
        result = func(*positional, **named)
        shallow.assert_shallow_structure(output_types, result)
        return nest.flatten(result)

    results = plain.py_func(called, nest.flatten(given), nest.flatten(output_types), stateful=stateful, name=name)
    if output_shapes is not None:
        shapes = shallow.map_structure_up_to(output_types, as_shape, output_shapes)
        for result, shape in zip(results, nest.flatten(shapes)):
            result.set_shape(shape)
    return nest.pack_sequence_as(output_types, results)
