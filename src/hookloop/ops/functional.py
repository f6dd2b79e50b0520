"""Functions over the rows of tensors: map_fn, foldl, foldr, scan, as loops over TensorArrays."""

from __future__ import annotations

from .. import nest
from ..graph.scopes import name_scope
from ..shapes import as_shape
from .array import shape
from .build import constant, convert_to_tensor
from .tensor_array import TensorArray
from .while_loop import while_loop

__all__ = ["foldl", "foldr", "map_fn", "scan"]


def _check(fn, elems):
    if not callable(fn):
        raise TypeError("fn must be callable.")
    flat = [convert_to_tensor(e, name="elem") for e in nest.flatten(elems)]
    for tensor in flat:
        if tensor.get_shape().ndims == 0:
            raise ValueError("elements in elems must be 1+ dimensional Tensors, not scalars")
    return flat


def _length(flat):
    """How many rows there are: a number where it is known, else a tensor."""
    known = flat[0].get_shape()[0].value if flat[0].get_shape().ndims is not None else None
    return shape(flat[0])[0] if known is None else known


def _arrays(flat, length):
    return [
        TensorArray(t.dtype, size=length, infer_shape=True, element_shape=t.get_shape()[1:] if t.get_shape().ndims else None)
        .unstack(t)
        for t in flat
    ]  # fmt: skip


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
    with name_scope(name, "map", nest.flatten(elems)):
        flat = _check(fn, elems)
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
            return i + 1, _written(outputs, i, dtype, values)

        _, outputs = while_loop(
            lambda i, _: i < length, body, (start, outputs), parallel_iterations=parallel_iterations or 10,
            back_prop=back_prop, swap_memory=swap_memory, maximum_iterations=length,
        )  # fmt: skip
        return _stacked(outputs, dtype, flat)


def _fold(fn, elems, initializer, loop, name, reverse):
    with name_scope(name, "foldr" if reverse else "foldl", nest.flatten(elems)):
        flat = _check(fn, elems)
        length = _length(flat)
        arrays = _arrays(flat, length)
        first = 0
        if initializer is None:
            value = _rows(elems, arrays, length - 1 if reverse else 0)
            first = 1
        else:
            value = nest.map_structure(convert_to_tensor, initializer)

        def body(done, value):
            row = length - 1 - done if reverse else done
            return done + 1, fn(value, _rows(elems, arrays, row))

        return while_loop(
            lambda done, _: done < length, body, (constant(first), value), maximum_iterations=length, **loop
        )[1]


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
    loop = {"parallel_iterations": parallel_iterations, "back_prop": back_prop, "swap_memory": swap_memory}
    return _fold(fn, elems, initializer, loop, name, False)


def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """The same as `foldl`, from the last row to the first."""
    loop = {"parallel_iterations": parallel_iterations, "back_prop": back_prop, "swap_memory": swap_memory}
    return _fold(fn, elems, initializer, loop, name, True)


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
    with name_scope(name, "scan", nest.flatten(elems)):
        flat = _check(fn, elems)
        length = _length(flat)
        arrays = _arrays(flat, length)
        done = 0
        if initializer is None:
            structure, done = elems, 1
            value = [a.read(length - 1 if reverse else 0) for a in arrays]
        else:
            structure = initializer
            value = [convert_to_tensor(v) for v in nest.flatten(initializer)]
        outputs = [
            TensorArray(v.dtype, size=length, element_shape=v.get_shape() if infer_shape else None) for v in value
        ]
        if initializer is None:
            outputs = [a.write(length - 1 if reverse else 0, v) for a, v in zip(outputs, value)]

        def body(done, value, outputs):
            row = length - 1 - done if reverse else done
            following = fn(nest.pack_sequence_as(structure, value), _rows(elems, arrays, row))
            outputs = _written(outputs, row, structure, following)
            return done + 1, nest.flatten(following), outputs

        result = while_loop(
            lambda done, *_: done < length, body, (constant(done), value, outputs), parallel_iterations=parallel_iterations,
            back_prop=back_prop, swap_memory=swap_memory, maximum_iterations=length,
        )  # fmt: skip
        return _stacked(result[2], structure, flat)
