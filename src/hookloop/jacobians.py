"""`jacobian` and `batch_jacobian`: gradients of each element of a tensor, by a loop over the elements."""

from __future__ import annotations

from . import nest
from .gradients import gradients
from .graph.scopes import control_dependencies
from .ops.array import reshape, shape, size, transpose
from .ops.build import convert_to_tensor
from .ops.check import assert_equal
from .ops.gather import gather
from .ops.parallel_for import pfor
from .ops.slicing import concat

__all__ = ["batch_jacobian", "jacobian"]


def jacobian(output, inputs, use_pfor=True, parallel_iterations=None):
    """The gradients of each element of `output` by `inputs`.

    Args:
      output: a tensor.
      inputs: tensors in a nesting.
      use_pfor: accepted: elements are taken one after the other.
      parallel_iterations: accepted.

    Returns:
      For each input a tensor whose shape is that of `output` and then that of the input; None where `output` does not depend on it.
    """
    flat, known, form = nest.flatten(inputs), output.get_shape(), shape(output)
    output = reshape(output, [-1])
    count = output.get_shape().as_list()[0] if output.get_shape().ndims is not None else None
    count = shape(output)[0] if count is None else count
    found = pfor(lambda i: gradients(gather(output, i), flat), count, parallel_iterations)
    for at, value in enumerate(found):
        if value is not None:
            found[at] = reshape(value, concat([form, shape(value)[1:]], axis=0))
            found[at].set_shape(known.concatenate(flat[at].get_shape()))
    return nest.pack_sequence_as(inputs, found)


def batch_jacobian(output, inp, use_pfor=True, parallel_iterations=None):
    """The gradients of each element of `output[i]` by `inp[i]`, where other rows of `inp` do not matter to it.

    Args:
      output: a tensor [batch, ...].
      inp: a tensor [batch, ...].
      use_pfor: accepted: elements of a row are taken one after the other.
      parallel_iterations: accepted.

    Returns:
      A tensor whose shape is that of `output` and then that of a row of `inp`; None where `output` does not depend on it.

    Raises:
      ValueError: the two have different numbers of rows.
    """
    known, inner = output.get_shape(), inp.get_shape()
    if not known[0].is_compatible_with(inner[0]):
        raise ValueError(f"Need first dimension of output shape ({known}) and inp shape ({inner}) to match.")
    form = convert_to_tensor(known.as_list()) if known.is_fully_defined() else shape(output)
    if known.is_fully_defined():
        batch, row = known.as_list()[0], known.num_elements() // known.as_list()[0]
    else:
        batch = form[0]
        row = size(output) // batch
    of_input = shape(inp)
    with control_dependencies([assert_equal(batch, of_input[0])]):
        output = reshape(output, [batch, row])
    found = pfor(lambda i: gradients(gather(output, i, axis=1), inp)[0], row, parallel_iterations)
    if found is None:
        return None
    found = transpose(reshape(found, [row, batch, -1]), [1, 0, 2])
    return reshape(found, concat([form, of_input[1:]], axis=0))
