"""Functions over the rows of tensors: map_fn, foldl, foldr, scan, as loops over TensorArrays."""

from __future__ import annotations

from contextlib import contextmanager

from .. import nest
from ..graph.scopes import name_scope
from ..shapes import as_shape
from .array import shape
from .build import constant, convert_to_tensor
from .tensor_array import TensorArray
from .while_loop import while_loop

__all__ = ["foldl", "foldr", "map_fn", "scan"]


@contextmanager
def _variables_read_before():
    """Inside, a variable that is made is read where it is made, before the loop, through the device that it has."""
    from ..variable_scope import get_variable_scope

    scope = get_variable_scope()
    if scope.caching_device is not None:
        yield
        return
    scope.set_caching_device(lambda op: op.device)
    try:
        yield
    finally:
        scope.set_caching_device(None)


def _check_function(fn):
    if not callable(fn):
        raise TypeError("fn must be callable.")


def _check(elems):
    flat = [convert_to_tensor(e, name="elem") for e in nest.flatten(elems)]
    for tensor in flat:
        if tensor.get_shape().ndims == 0:
            if len(flat) == 1:
                raise ValueError("elems must be a 1+ dimensional Tensor, not a scalar")
            raise ValueError("elements in elems must be 1+ dimensional Tensors, not scalars")
    return flat


def _length(flat):
    """How many rows there are: a number where it is known, else a tensor."""
    known = flat[0].get_shape().as_list()[0] if flat[0].get_shape().ndims is not None else None
    return shape(flat[0])[0] if known is None else known


def _arrays(flat, length, shaped=False):
    """The rows of each tensor; with `shaped` the arrays' nodes tell the shape of a row."""
    arrays = [
        TensorArray(t.dtype, size=length, element_shape=t.get_shape()[1:] if shaped and t.get_shape().ndims else None)
        for t in flat
    ]
    return [array.unstack(t) for array, t in zip(arrays, flat)]


def _rows(structure, arrays, i):
    return nest.pack_sequence_as(structure, [a.read(i) for a in arrays])


def _written(arrays, i, structure, values):
    nest.assert_same_structure(structure, values)
    return [a.write(i, v) for a, v in zip(arrays, nest.flatten(values))]


def _stacked(arrays, structure, flat):
    """The results one above the other, with as many rows as the inputs have."""
    known = None
    for tensor in flat:
        known = as_shape([tensor.get_shape()[0]]) if known is None else known.merge_with([tensor.get_shape()[0]])
    results = [a.stack() for a in arrays]
    for result in results:
        if result.get_shape().ndims is not None:
            result.set_shape(known.concatenate(result.get_shape()[1:]))
    return nest.pack_sequence_as(structure, results)


def map_fn(fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False, infer_shape=True,
           name=None):  # fmt: skip
    """What `fn` gives for each row of `elems`, one above the other.

    Args:
      fn: a function of a row, in the nesting of `elems`.
      elems: tensors in a nesting, all with as many rows.
      dtype: the types of the results in their nesting, where they are not those of `elems`.
      parallel_iterations: accepted; rows are taken one after the other.
      back_prop: False lets no gradient flow through.
      swap_memory: accepted.
      infer_shape: whether all results have one static shape.
      name: the scope of the nodes.

    Raises:
      TypeError: where fn is no function, or gives another nesting than `dtype` says.
      ValueError: where the lengths differ.
    """
    _check_function(fn)
    with name_scope(name, "map", nest.flatten(elems)), _variables_read_before():
        flat = _check(elems)
        length = _length(flat)
        dtype = (
            nest.map_structure(lambda t: t.dtype.base_dtype, nest.pack_sequence_as(elems, flat))
            if dtype is None
            else dtype
        )
        arrays = _arrays(flat, length)
        start = constant(0)
        outputs = [TensorArray(d, size=length, infer_shape=infer_shape) for d in nest.flatten(dtype)]

        def body(i, outputs):
            values = fn(_rows(elems, arrays, i))
            outputs = _written(outputs, i, dtype, values)
            return i + 1, outputs

        _, outputs = while_loop(
            lambda i, _: i < length, body, (start, outputs), parallel_iterations=parallel_iterations or 10,
            back_prop=back_prop, swap_memory=swap_memory, maximum_iterations=length,
        )  # fmt: skip
        return _stacked(outputs, dtype, flat)


def _folded(elems, loop, name, default_name, start, take):
    """The value that a loop over rows ends with.

    Args:
      start: function(number of rows, rows) -> the loop's first counter and value; rows(i) is row i.
      take: function(number of rows, rows) -> the loop's condition and body.
    """
    with name_scope(name, default_name, nest.flatten(elems)), _variables_read_before():
        flat = _check(elems)
        length = _length(flat)
        given = [e if hasattr(e, "dtype") else t for e, t in zip(nest.flatten(elems), flat)]
        arrays = [TensorArray(e.dtype, size=length).unstack(e) for e in given]

        def rows(i):
            return _rows(elems, arrays, i)

        variables = start(length, rows)
        return while_loop(*take(length, rows), variables, maximum_iterations=length, **loop)[1]


def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """`fn(... fn(fn(initializer, row 0), row 1) ..., last row)`.

    Args:
      fn: a function of the value so far and a row.
      elems: tensors in a nesting, all with as many rows.
      initializer: the first value; the first row where it is None.
      parallel_iterations, back_prop, swap_memory, name: as in `map_fn`.

    Raises:
      TypeError: where fn is no function.
    """
    _check_function(fn)
    loop = {"parallel_iterations": parallel_iterations, "back_prop": back_prop, "swap_memory": swap_memory}

    def start(length, rows):
        if initializer is None:
            value = rows(0)
            return constant(1), value
        return constant(0), initializer

    def take(length, rows):
        def body(i, value):
            row = rows(i)
            value = fn(value, row)
            return i + 1, value

        return lambda i, _: i < length, body

    return _folded(elems, loop, name, "foldl", start, take)


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """The same as `foldl`, from the last row to the first."""
    _check_function(fn)
    loop = {"parallel_iterations": parallel_iterations, "back_prop": back_prop, "swap_memory": swap_memory}

    def start(length, rows):
        if initializer is None:
            last = length - 1
            return last, rows(last)
        return length, initializer

    def take(length, rows):
        def body(i, value):
            i = i - 1
            row = rows(i)
            return i, fn(value, row)

        return lambda i, _: i > 0, body

    return _folded(elems, loop, name, "foldr", start, take)


def scan(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, infer_shape=True,
         reverse=False, name=None):  # fmt: skip
    """All values on the way of a `foldl`, one above the other.

    Args:
      fn: a function of the value so far and a row, that gives the next value.
      elems: tensors in a nesting, all with as many rows.
      initializer: the value before the first row; where it is None, the first row is the first value.
      parallel_iterations, back_prop, swap_memory, infer_shape, name: as in `map_fn`.
      reverse: from the last row to the first.

    Raises:
      TypeError: where fn is no function, or gives another nesting than the value has.
    """
    _check_function(fn)
    with name_scope(name, "scan", nest.flatten(elems)), _variables_read_before():
        flat = _check(elems)
        length = _length(flat)
        arrays = _arrays(flat, length, shaped=True)
        if initializer is None:
            structure, done = elems, 1
            value = [a.read(length - 1 if reverse else 0) for a in arrays]
        else:
            structure, done = initializer, 0
            value = [convert_to_tensor(v) for v in nest.flatten(initializer)]
        outputs = [
            TensorArray(
                v.dtype, size=length, infer_shape=infer_shape, element_shape=v.get_shape() if infer_shape else None
            )
            for v in value
        ]
        if initializer is None:
            outputs = [a.write(length - 1 if reverse else 0, v) for a, v in zip(outputs, value)]

        def body(i, value, outputs):
            row = _rows(elems, arrays, i)
            following = fn(nest.pack_sequence_as(structure, value), row)
            nest.assert_same_structure(structure, following)
            following = nest.flatten(following)
            outputs = [a.write(i, v) for a, v in zip(outputs, following)]
            return (i - 1 if reverse else i + 1), following, outputs

        if reverse:
            counter, condition = length - 1 - done, lambda i, *_: i >= 0
        else:
            counter, condition = done, lambda i, *_: i < length
        result = while_loop(
            condition, body, (counter, value, outputs), parallel_iterations=parallel_iterations, back_prop=back_prop,
            swap_memory=swap_memory, maximum_iterations=length,
        )  # fmt: skip
        return _stacked(result[2], structure, flat)
